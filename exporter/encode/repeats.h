/*
 * Pieces of JSON that many spans of one trace share, each written out once.
 *
 *   key (what it is made of) ─▶ piece [ where in the buffer it stands | length | number ]
 *
 *   "otel": { ..., "scope": {...} }      first time, and short ones again: copied, not made again
 *   "otel": { ..., "scope_ref": 0 }      long ones again, or when many short ones have added up
 *   trace: "otel": { ..., "scopes": [ {...} ] }    what the numbers mean, at the end of the trace
 *
 * So a trace's JSON is linear in its bytes, however many spans share a resource or a scope. One
 * thread. Lives as long as one trace is encoded.
 */
#ifndef NV_EXPORTER_ENCODE_REPEATS_H
#define NV_EXPORTER_ENCODE_REPEATS_H

#include "base/json/json_write.h"

/* A longer piece stands once; a resource as SDKs make it has some 1,500 bytes. */
#define NV_REPEAT_PIECE_MAX ((size_t)4096)
/* Bytes that repetitions of short pieces may add up to, in a trace and of one kind. */
#define NV_REPEATED_BYTES_MAX ((size_t)1 << 20)

struct nv_piece;

struct nv_repeats {
    struct nv_str name; /* key in a span, as `scope`; static */
    struct nv_str ref;  /* key of a reference, as `scope_ref`; static */
    struct nv_str list; /* key in the trace, as `scopes`; static */
    struct nv_piece *pieces;
    uint32_t *table; /* open addressing: number of a piece plus 1 */
    uint32_t count, capacity;
    uint32_t last; /* found the last time */
    uint32_t refs; /* pieces with a number */
    uint32_t ref_first, ref_last;
    size_t repeated;
};

/* Writes the value of `key` at the end of the writer's buffer; nothing when there is none. */
typedef void nv_repeat_make(struct nv_json_writer *json, const void *ctx);

/* Empty. The three names are borrowed and static. */
void nv_repeats_init(struct nv_repeats *repeats, struct nv_str name, struct nv_str ref,
                     struct nv_str list);
/* Frees the table; the names are not its own. */
void nv_repeats_release(struct nv_repeats *repeats);
/*
 * Writes the member of one span: the piece of `key`, made by `make` the first time, or a
 * reference to it. The writer must be inside an object with a member before. Without memory the
 * writer's buffer fails with NV_ERR_NO_MEMORY.
 */
void nv_repeats_write(struct nv_repeats *repeats, struct nv_json_writer *json, const void *key,
                      nv_repeat_make *make, const void *ctx);
/* Writes the list of what was referred to, in the order of its numbers; nothing when nothing
 * was.
 */
void nv_repeats_write_list(struct nv_repeats *repeats, struct nv_json_writer *json);

#endif
