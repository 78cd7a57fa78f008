/*
 * A durable place for records, as other stages see the journal: what waits long and what can't
 * be sent.
 *
 * A record has a kind, an id that grows, a small head (facts) and a payload. `put` returns once
 * the record is as durable as configured. Only gateway/ wires it; a NULL store means memory
 * only.
 */
#ifndef NV_MODEL_STORE_H
#define NV_MODEL_STORE_H

#include "base/buf.h"

enum nv_record_kind {
    NV_RECORD_TRACES = 1, /* a traces request as accepted */
    NV_RECORD_LOGS = 2,   /* a logs request as accepted */
    NV_RECORD_OUTBOX = 3, /* an encoded trace that waits for the backend */
    NV_RECORD_DEAD_LETTER =
        4,               /* an encoded trace that the backend will not take, with the reason */
    NV_RECORD_SENT = 5,  /* ids of traces that were delivered, for replay */
    NV_RECORD_MEDIUM = 6 /* a picture or a sound that waits to be uploaded */
};

typedef void nv_store_visit(void *visit_ctx, uint64_t id, struct nv_str head,
                            struct nv_str payload);

struct nv_store {
    void *ctx;
    /* Stores head and payload (borrowed). Errors: NO_SPACE, FULL, IO, NO_MEMORY, STOPPING. */
    enum nv_err (*put)(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id);
    /* Appends the payload of a live record. NOT_FOUND, MALFORMED (damaged), IO, LIMIT,
     * NO_MEMORY.
     */
    enum nv_err (*get)(void *ctx, uint64_t id, struct nv_buf *payload);
    /* Forgets a record. Unknown ids are ignored. Works on a full disk. */
    void (*release)(void *ctx, uint64_t id);
    /* Visits the live records of a kind in the order of their ids; views live during the
     * visit. */
    enum nv_err (*each)(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx);
    /*
     * As put, but back only when the record is on disk, as far as journal.durability asks for
     * that: for a record that takes the place of another one, which is released next. NULL: put
     * does so.
     */
    enum nv_err (*put_synced)(void *ctx, enum nv_record_kind kind, struct nv_str head,
                              struct nv_str payload, uint64_t *id);
};

/* The same store with put_synced for its put. Borrows what `store` does. */
static inline struct nv_store nv_store_synced(const struct nv_store *store)
{
    struct nv_store synced = *store;
    if (store->put_synced)
        synced.put = store->put_synced;
    return synced;
}

#endif
