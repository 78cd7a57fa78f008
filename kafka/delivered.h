/*
 * What was delivered of a partition past its mark: the list that its next owner needs, so that
 * reading again from the mark sends nothing twice.
 *
 *   note    [ trace id | part | first, last of its spans | first, last of its log records ]
 *   chunk   [ version | note | note ... ]     a message of the compacted topic
 *
 * A place is an offset and the number of an item in that message. Numbers are little-endian and
 * of fixed width. One thread.
 */
#ifndef NV_KAFKA_DELIVERED_H
#define NV_KAFKA_DELIVERED_H

#include "base/buf.h"
#include "base/tables/index.h"
#include "model/batch.h"

#define NV_DELIVERED_NOTE_BYTES (NV_TRACE_ID_BYTES + 4 + 4 * 12)
#define NV_DELIVERED_VERSION 1

struct nv_delivered_place {
    int64_t offset; /* -1: none */
    uint32_t item;
};

/* A part of a trace, by enum nv_signal. */
struct nv_delivered_note {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    struct nv_delivered_place first[2], last[2];
};

/* The note of a message that was written again under other keys: its trace id is one of our
 * own, made of the offset. */
struct nv_delivered_note nv_delivered_rekeyed(enum nv_signal signal, int64_t offset);
/* Is it the note of such a message? */
bool nv_delivered_is_rekeyed(const struct nv_delivered_note *note);
/* Appends a note to a chunk, behind the version when it is the first. Errors: the buffer's. */
enum nv_err nv_delivered_write(struct nv_buf *chunk, const struct nv_delivered_note *note);
typedef enum nv_err nv_delivered_visit(void *visit_ctx, const struct nv_delivered_note *note);
/* Visits the notes of a chunk. NV_ERR_MALFORMED: it is none, or of a later version; else what
 * `visit` returned. */
enum nv_err nv_delivered_read(struct nv_str chunk, nv_delivered_visit *visit,
                              void *visit_ctx) NV_MUST_USE;

struct nv_delivered_entry;

/* Notes by trace. */
struct nv_delivered {
    struct nv_index index;
    struct nv_delivered_entry *all;
    int64_t end[2]; /* largest last offset by signal; -1: none */
};

/* Empty; allocates nothing. */
void nv_delivered_init(struct nv_delivered *delivered);
/* Frees all; usable again as if after init. */
void nv_delivered_release(struct nv_delivered *delivered);
/* Adds a note (copied). NV_ERR_NO_MEMORY. */
enum nv_err nv_delivered_add(struct nv_delivered *delivered,
                             const struct nv_delivered_note *note) NV_MUST_USE;
/* Was the item with that number of the message at `offset` delivered? */
bool nv_delivered_has(const struct nv_delivered *delivered, const struct nv_item *item,
                      enum nv_signal signal, struct nv_delivered_place place);

#endif
