/*
 * The last stage: translated traces in, JSON at the backend (or in files) out, each exactly once.
 *
 *   shard ──consume──▶ encode ─▶ queue ─▶ pack ─▶ gzip ─▶ send ──▶ backend
 *                        │         │                        │
 *                        ▼         ▼ long wait              ▼ 400, 413 alone
 *                      files     outbox (nv_store)        dead letters (nv_store)
 *
 * Encoding happens on the shard's thread, everything behind the queue on one sender thread. Every
 * trace that was consumed ends in exactly one of: delivered, dead-lettered, kept in the outbox, or
 * (only when told to stop without a store) dropped; its claim is settled then and the ledger moved.
 * Contract of the backend: docs/design/0005-delivery.md.
 */
#ifndef NV_EXPORTER_EXPORTER_H
#define NV_EXPORTER_EXPORTER_H

#include "base/clock.h"
#include "exporter/answer/transport.h"
#include "exporter/encode/encode.h"
#include "model/stage.h"
#include "model/store.h"

#define NV_EXPORTER_ENDPOINT_DEFAULT "https://api.noveum.ai/api"
/* Most traces the backend takes in one body (docs/noveum-backend.md#limits). */
#define NV_EXPORTER_BATCH_TRACES_MAX 1000

enum nv_compression {
    NV_COMPRESSION_AUTO, /* gzip; identity for a while after 400 or 415 on a gzip body */
    NV_COMPRESSION_GZIP,
    NV_COMPRESSION_NONE
};

/*
 * Every exporter.* key of docs/configuration.md and the limits behind them. Strings are
 * NUL-terminated, borrowed during the call that takes the configuration; NULL and "" mean not set.
 */
struct nv_exporter_config {
    const char *endpoint; /* base or full .../v1/traces; not set: no backend, files only */
    const char *api_key;  /* secret; needed with an endpoint */
    const char *ca_bundle_file;
    bool tls_verify;               /* false also needs allow_insecure_transport (as the SDK) */
    bool allow_insecure_transport; /* plain http to other than loopback */
    const char *proxy;             /* none but this: environment variables are not read */
    enum nv_compression compression;
    enum nv_trace_id_form trace_id_form;
    uint32_t timeout_ms;        /* of one request */
    uint32_t max_in_flight;     /* requests at once */
    uint32_t batch_traces;      /* traces a body, 1..NV_EXPORTER_BATCH_TRACES_MAX */
    uint32_t batch_ms;          /* longest wait of a trace for others to share its body */
    size_t max_body_bytes;      /* of JSON before compression; a larger trace goes alone */
    const char *file_directory; /* one JSON file a trace; not set: none */

    size_t queue_bytes_max;    /* encoded traces in memory; past it the door refuses */
    uint32_t queue_traces_max; /* the same in traces */
    size_t spill_bytes;        /* with a store, while not sending: beyond it traces go to disk */
    uint32_t spill_age_ms;     /* with a store, while not sending: so does what waited this long */
    size_t max_trace_bytes;    /* JSON of one trace; a larger one is cut (encode.h) */

    uint32_t retry_initial_ms;    /* first ceiling of the jittered backoff */
    uint32_t retry_max_ms;        /* last ceiling of it */
    uint32_t retry_after_max_ms;  /* bound of a Retry-After */
    uint32_t credit_pause_ms;     /* CREDIT_QUOTA_EXCEEDED without a Retry-After */
    uint32_t credit_pause_max_ms; /* bound of one with it */
    uint32_t probe_ms;    /* most between probes while held (key, endpoint); less at first */
    uint32_t identity_ms; /* auto: how long identity sticks before gzip is tried again */
    uint32_t drain_requests_per_s; /* outbox bodies a second besides two a fresh body */
};

struct nv_exporter;

/* Fills in the defaults of docs/configuration.md; endpoint stays not set. */
void nv_exporter_config_init(struct nv_exporter_config *config);
/*
 * Says whether a configuration can work: endpoint's form, plain http only to loopback or when
 * allowed, no user:password@ in it, key present, ranges. NV_ERR_CONFIG with a sentence in `fail`
 * (may be NULL) that names the key and what to do; never the key's value.
 */
enum nv_err nv_exporter_check(const struct nv_exporter_config *config,
                              struct nv_fail *fail) NV_MUST_USE;
/*
 * New exporter, or NULL with `fail` (may be NULL) set: NV_ERR_CONFIG, NV_ERR_NO_MEMORY, NV_ERR_IO
 * (file directory). Copies the configuration. `settler`, `store` (NULL: memory only) and `clock`
 * are borrowed until it is freed. Reads the ids of the outbox's records left by an earlier run and
 * tells the ledger of their spans.
 */
struct nv_exporter *nv_exporter_new(const struct nv_exporter_config *config,
                                    const struct nv_settler *settler, const struct nv_store *store,
                                    const struct nv_clock *clock, struct nv_fail *fail);
/*
 * Takes a translated trace: encodes it, frees its arena, moves its spans from held to queued and
 * queues it. Any thread. Never refuses and never waits for the network; with a store it may wait
 * for the sender to move traces to disk once twice queue_bytes_max is reached.
 */
void nv_exporter_consume(struct nv_exporter *exporter, struct nv_trace *trace);
/* Starts the sender thread with the real transport. NV_ERR_NO_MEMORY, NV_ERR_IO, NV_ERR_CONFIG. */
enum nv_err nv_exporter_start(struct nv_exporter *exporter, struct nv_fail *fail) NV_MUST_USE;
/*
 * Stops: sends what is queued for at most `deadline_ms`, cancels the rest and moves it to the
 * outbox (settled KEPT), or settles it LEFT when that fails; without a store it is settled LEFT.
 * Nothing may be consumed any more. Joins the thread. A second call does nothing.
 */
void nv_exporter_stop(struct nv_exporter *exporter, uint32_t deadline_ms);
/* Frees a stopped exporter, or one that was never started. NULL is allowed. */
void nv_exporter_free(struct nv_exporter *exporter);

/*
 * May more be let in at the door? NV_OK; NV_ERR_BUSY: the queue is full and moving; NV_ERR_FULL:
 * the queue is full and held. Any thread, no lock.
 */
enum nv_err nv_exporter_pressure(const struct nv_exporter *exporter) NV_MUST_USE;

enum nv_exporter_state {
    NV_EXPORTER_SENDING,
    NV_EXPORTER_BACKING_OFF,  /* the backend is failing or asked us to wait */
    NV_EXPORTER_HELD_AUTH,    /* 401, 403: the key */
    NV_EXPORTER_HELD_CREDIT,  /* CREDIT_QUOTA_EXCEEDED: the plan */
    NV_EXPORTER_HELD_CONFIG,  /* 404, TLS, ...: the endpoint */
    NV_EXPORTER_HELD_FOREIGN, /* pages, redirects, `success: false`: not the API's yes */
    NV_EXPORTER_HELD_FILES,   /* the file directory can't be written */
    NV_EXPORTER_STOPPED
};

/* So many traces refused in a row with one status and none accepted: it is hardly the traces. */
#define NV_EXPORTER_REFUSED_ALL 20

/* For /status and /readyz. */
struct nv_exporter_status {
    enum nv_exporter_state state;
    char reason[160];     /* in words; empty while sending, unless all is refused */
    char last_error[160]; /* of the last failed request, kept after recovery */
    uint64_t last_error_wall_ns;
    uint64_t last_delivery_wall_ns;     /* 0: none yet */
    uint64_t next_try_ms;               /* from now, while not sending */
    size_t queued_traces, queued_bytes; /* in memory, in flight included */
    uint64_t outbox_records, outbox_spans;
    uint32_t in_flight; /* requests */
    uint32_t retry_bodies;
    uint64_t dead_letters;   /* written by this process */
    uint64_t refused_in_row; /* traces that became dead letters since one was accepted */
    int refused_status;      /* with this HTTP status, all of them */
    uint64_t warnings;       /* entries of warnings[] and errors[] in accepted replies */
    bool identity;           /* auto: gzip was refused lately */
};

/* A consistent copy. Any thread. */
void nv_exporter_read_status(struct nv_exporter *exporter, struct nv_exporter_status *out);
/* "sending", "held: key", ... Static. */
const char *nv_exporter_state_text(enum nv_exporter_state state);

/*
 * Gives dead letter `id` another try in this process, with `json` as nv_dead_letters_retry. Any
 * thread; may wait for the sender's. Errors as there; NV_ERR_BUSY: it takes none for seconds.
 */
enum nv_err nv_exporter_retry_dead(struct nv_exporter *exporter, uint64_t id,
                                   struct nv_str json) NV_MUST_USE;

/* ---- inline mode: no thread, no socket, the caller's clock ---------------------------------- */

/* Uses `transport` (borrowed) instead of the real one, and `seed` for jitter; before anything is
 * consumed. */
void nv_exporter_set_transport(struct nv_exporter *exporter, const struct nv_transport *transport,
                               uint64_t seed);
/*
 * Does all that is due now on the caller's thread, as the sender thread would; returns the
 * nanoseconds until more is due (UINT64_MAX: only a reply or a new trace can bring work).
 */
uint64_t nv_exporter_pump(struct nv_exporter *exporter);

#endif
