/*
 * One encoded trace on its way: what the queue, the bodies and the outbox hold.
 *
 *   nv_encoded ──next──▶ nv_encoded ──▶ ...      one malloc each: facts, then the JSON text
 *   [ claim | record | times | spans | json_len | json ..... ]
 *
 * Facts that are rarely wanted (id, name) are read back out of the JSON instead of kept twice.
 */
#ifndef NV_EXPORTER_ENCODE_ENCODED_H
#define NV_EXPORTER_ENCODE_ENCODED_H

#include "base/buf.h"
#include "model/stage.h"

struct nv_media_wait; /* exporter/media/references.h */

/* An outbox record in memory: released when the last of its traces has ended. */
struct nv_outbox_record {
    uint64_t id;
    uint32_t text_len;  /* as in struct nv_outbox_entry */
    uint32_t traces;    /* in it, on disk */
    uint32_t remaining; /* of them, not ended */
};

struct nv_encoded {
    struct nv_encoded *next;
    struct nv_claim *claim; /* owned until settled; NULL for traces out of the outbox */
    struct nv_outbox_record *record; /* NULL for fresh traces; shared by all of one record */
    uint64_t queued_ns;              /* monotonic */
    uint64_t spans;
    struct nv_media_wait *media; /* owned, until it is let go; NULL: it waits for none */
    const char *why;             /* static; not NULL: it is to become a dead letter */
    enum nv_dead dead;
    int status; /* HTTP status that made it one, 0 without */
    size_t json_len;
    char json[]; /* no NUL */
};

/* A list in order, with sums. Zero-initialised is empty. */
struct nv_encoded_list {
    struct nv_encoded *first, *last;
    uint32_t count;
    size_t json_bytes;
    uint64_t spans;
};

/* New, with a copy of `json`; NULL without memory. free() it. */
struct nv_encoded *nv_encoded_new(struct nv_str json, uint64_t spans);
/* Makes room for the facts at the start of an empty buffer: the JSON is appended behind it.
 * Errors are the buffer's. */
enum nv_err nv_encoded_begin(struct nv_buf *buf) NV_MUST_USE;
/* New, out of a buffer that was begun so (its bytes are taken, nothing is copied, it is empty
 * then); NULL when the buffer has failed, which then keeps its bytes. free() it. */
struct nv_encoded *nv_encoded_take(struct nv_buf *buf, uint64_t spans);
/* Bytes that one takes in memory: what the limits count. */
size_t nv_encoded_bytes(const struct nv_encoded *encoded);
/* The JSON. Borrowed from `encoded`. */
struct nv_str nv_encoded_json(const struct nv_encoded *encoded);
/* Appends (takes `encoded`). */
void nv_encoded_list_push(struct nv_encoded_list *list, struct nv_encoded *encoded);
/* Takes the first out, or NULL; the caller owns it. */
struct nv_encoded *nv_encoded_list_pop(struct nv_encoded_list *list);
/* Moves all of `from` behind `to`; `from` is empty then. */
void nv_encoded_list_append(struct nv_encoded_list *to, struct nv_encoded_list *from);

/* Facts read out of a trace's JSON. Views into it, raw (escapes are left). */
struct nv_encoded_facts {
    struct nv_str trace_id;
    struct nv_str name;
    uint64_t spans;
};

/*
 * Reads id, name and span_count off the front of a trace that nv_encode_trace wrote.
 * NV_ERR_MALFORMED when it is no such object.
 */
enum nv_err nv_encoded_read_facts(struct nv_str json, struct nv_encoded_facts *out) NV_MUST_USE;

#endif
