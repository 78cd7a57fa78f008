/*
 * Where translated traces go: the last seam, for as many exporters as there are.
 *
 *                      ┌─observe─▶ a sink that looks    (the terminal)
 *   pipeline ──trace───┼─observe─▶ another one
 *                      └─consume─▶ the one that keeps   (Noveum, files)
 *                                     └─ ledger and claim are its business until they are settled
 *
 * A sink is one struct of functions. Exactly one of a gateway's sinks keeps: it takes the
 * trace, owns it from then on (on success and on failure alike), moves its spans in the ledger
 * and has its claim settled once. All others observe first: the trace is lent to them for the
 * call. Which sinks there are and which are wanted is a table (gateway/sinks.h).
 *
 * Threads: consume and observe are called by all shards at once and must not wait for the
 * network; pressure, again and status by any thread; stop and free by the one that stops the
 * gateway, stop once and when no shard calls any more.
 */
#ifndef NV_MODEL_SINK_H
#define NV_MODEL_SINK_H

#include "base/str.h"
#include "model/trace.h"

enum nv_sink_state {
    NV_SINK_SENDING,
    NV_SINK_BACKING_OFF,  /* the backend is failing or asked us to wait */
    NV_SINK_HELD_AUTH,    /* 401, 403: the key */
    NV_SINK_HELD_CREDIT,  /* CREDIT_QUOTA_EXCEEDED: the plan */
    NV_SINK_HELD_CONFIG,  /* 404, TLS, ...: the endpoint */
    NV_SINK_HELD_FOREIGN, /* pages, redirects, `success: false`: not the API's yes */
    NV_SINK_HELD_FILES,   /* the file directory can't be written */
    NV_SINK_STOPPED
};

/* So many traces refused in a row with one status and none accepted: it is hardly the
 * traces. */
#define NV_SINK_REFUSED_ALL 20

/* How the sink that keeps is, for /status, /readyz and the log. What one has none of stays
 * 0. */
struct nv_sink_status {
    enum nv_sink_state state;
    char reason[160];     /* in words; empty while sending, unless all is refused */
    char last_error[160]; /* of the last failed request, kept after recovery */
    uint64_t last_error_wall_ns;
    uint64_t last_delivery_wall_ns;     /* 0: none yet */
    uint64_t next_try_ms;               /* from now, while not sending */
    size_t queued_traces, queued_bytes; /* in memory, in flight included */
    uint64_t outbox_records, outbox_spans;
    uint64_t media_pending; /* uploads of pictures and sounds that have not ended */
    uint32_t in_flight;     /* requests */
    uint32_t retry_bodies;
    uint64_t dead_letters;   /* written by this process */
    uint64_t refused_in_row; /* traces that became dead letters since one was accepted */
    int refused_status;      /* with this HTTP status, all of them */
    uint64_t warnings;       /* entries of warnings[] and errors[] in accepted replies */
    bool identity;           /* auto: gzip was refused lately */
};

/* "sending", "held: the key is refused", ... Static. */
const char *nv_sink_state_text(enum nv_sink_state state);

struct nv_sink {
    const char *name; /* static */
    void *ctx;

    /* Takes the trace and sees to its end. Never refuses. NULL: this sink only observes. */
    void (*consume)(void *ctx, struct nv_trace *trace);
    /* Looks at the trace (borrowed, no pointer into it is kept). Failures are its own business:
     * the trace goes on. NULL: this sink only keeps. */
    void (*observe)(void *ctx, const struct nv_trace *trace);

    /* ---- of a sink that keeps; NULL: always NV_OK, nothing to tell, no letters ----------- */

    /* May more be let in? NV_OK; NV_ERR_BUSY: full and moving; NV_ERR_FULL: full and held. */
    enum nv_err (*pressure)(void *ctx);
    /* A consistent copy. */
    void (*status)(void *ctx, struct nv_sink_status *out);
    /* Gives dead letter `id` another try with `json` (borrowed). NV_ERR_NOT_FOUND, NV_ERR_BUSY
     * (it takes none for seconds), the store's errors. */
    enum nv_err (*again)(void *ctx, uint64_t id, struct nv_str json);

    /* ---- of any; NULL: nothing to do ----------------------------------------------------- */

    /* Ends what it does within `deadline_ms`: what is left is kept for the next start. */
    void (*stop)(void *ctx, uint32_t deadline_ms);
    /* Frees `ctx`, stopped or not. */
    void (*free)(void *ctx);
};

#endif
