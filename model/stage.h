/*
 * The seams: the function pointers by which one stage calls the next. Only gateway/ wires them.
 *
 *   otlp ──accept──▶ assembly ──complete──▶ mapping ──translated──▶ sinks (model/sink.h)
 *                       ▲                                              │
 *                       └───────────────── settle ─────────────────────┘
 *
 * A consumer always takes what it is given, on success and on failure alike.
 */
#ifndef NV_MODEL_STAGE_H
#define NV_MODEL_STAGE_H

#include "model/ledger.h"
#include "model/trace.h"

/*
 * otlp ▸ assembly. `accept` takes the batch and calls `done` exactly once, on any thread and
 * possibly before it returns: NV_OK means the request is kept as durably as configured and may
 * be acknowledged; NV_ERR_BUSY, FULL, STOPPING, NO_SPACE, IO, NO_MEMORY mean that nothing was
 * kept. Nothing is acknowledged before `done`. A batch without items is answered NV_OK.
 */
typedef void nv_accept_done(void *done_ctx, enum nv_err err);
struct nv_acceptor {
    void *ctx;
    void (*accept)(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx);
    /* May a request of `bytes` be read at all? Asked at the head. NV_OK, BUSY, FULL or
     * STOPPING. */
    enum nv_err (*admit)(void *ctx, size_t bytes);
};

/*
 * assembly ▸ mapping ▸ exporter. `complete` takes a raw trace, on the thread of its shard. What it
 * costs is spent there (decode to encode); it must not wait for the network. `complete_all`
 * takes all that leave in one turn, in their order; NULL: `complete` is called for each.
 */
struct nv_completer {
    void *ctx;
    void (*complete)(void *ctx, struct nv_raw_trace *raw);
    void (*complete_all)(void *ctx, struct nv_raw_trace *const *raws, size_t count);
};

/* What became of a trace, for the journal and the memory of what was sent. */
enum nv_outcome {
    NV_OUTCOME_DELIVERED, /* the backend or the files have it */
    NV_OUTCOME_KEPT,      /* it is in a durable outbox or dead letter of its own */
    NV_OUTCOME_DROPPED,   /* by a configured policy */
    NV_OUTCOME_LEFT       /* stopped before its end: it must still be there at the next start */
};

/*
 * exporter ▸ assembly. Gives the claim back, exactly once a trace, on any thread. The bytes of the
 * trace may be forgotten afterwards. The ledger is the caller's business, not settle's.
 */
struct nv_settler {
    void *ctx;
    void (*settle)(void *ctx, struct nv_claim *claim, enum nv_outcome outcome);
};

#endif
