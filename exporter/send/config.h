/*
 * What the exporter is told: every exporter.* key and the limits behind them. Plain data; one
 * thread fills it in, and it does not change while the exporter lives.
 */
#ifndef NV_EXPORTER_SEND_CONFIG_H
#define NV_EXPORTER_SEND_CONFIG_H

#include "base/error.h"
#include "exporter/answer/transport.h"
#include "exporter/encode/encode.h"
#include "exporter/files/media_files.h"
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

/* One request with traces and its end. Times are monotonic. */
struct nv_attempt_told {
    enum nv_transfer transfer;
    int status;      /* HTTP, 0 when none came */
    bool delivered;  /* the backend has what was in it */
    uint32_t number; /* 1: the first with this body */
    uint32_t traces; /* in it */
    uint64_t start_ns, end_ns;
};

/* Who is told of it, once for each trace in it that has a claim (those of the outbox have
 * none), before the trace is settled; on the sender's thread. `answered` NULL: nobody. */
struct nv_exporter_watch {
    void (*answered)(void *ctx, const struct nv_claim *claim,
                     const struct nv_attempt_told *told);
    void *ctx;
};

/*
 * Every exporter.* key of docs/configuration.md and the limits behind them. Strings are
 * NUL-terminated, borrowed during the call that takes the configuration, but those of `headers`
 * and `ca_files` as long as the exporter lives; NULL and "" mean not set.
 */
struct nv_exporter_config {
    const char *endpoint; /* base or full .../v1/traces; not set: no backend, files only */
    const char *api_key;  /* secret; nv_exporter_check wants one with an endpoint */
    const char *const *headers; /* secret; "name: value" lines of each request, if any */
    size_t header_count;
    const char *content_type; /* of bodies; not set: application/json */
    const char *ca_bundle_file;
    bool tls_verify;               /* false also needs allow_insecure_transport (as the SDK) */
    bool allow_insecure_transport; /* plain http to other than loopback */
    const char *const *ca_files;   /* further authorities, `ca_file_count` of them */
    size_t ca_file_count;
    const char *client_cert_file, *client_key_file; /* shown to the backend; both or none */
    const char *client_key_password; /* secret, of an encrypted client_key_file */
    const char *proxy; /* none but this: environment variables are not read; may hold a login */
    const char *no_proxy; /* hosts reached without it, separated by commas */
    enum nv_compression compression;
    uint32_t compression_level; /* 1..NV_GZIP_LEVEL_MAX (exporter/encode/compress.h) */
    /* beside the sender's own, which packs when there are none: 0..NV_PACKING_THREADS_MAX
     * (exporter/send/packing.h) */
    uint32_t compression_threads;
    enum nv_trace_id_form trace_id_form;
    uint32_t timeout_ms;         /* of one request */
    uint32_t connect_timeout_ms; /* of it until the connection stands */
    uint32_t max_in_flight;      /* requests at once */
    uint32_t batch_traces;       /* traces a body, 1..NV_EXPORTER_BATCH_TRACES_MAX */
    uint32_t batch_ms;           /* longest wait of a trace for others to share its body */
    size_t max_body_bytes;       /* of JSON before compression; a larger trace goes alone */
    const char *file_directory;  /* one JSON file a trace; not set: none */

    size_t queue_bytes_max;    /* encoded traces in memory; past it the door refuses */
    uint32_t queue_traces_max; /* the same in traces */
    size_t spill_bytes;     /* with a store, while not sending: beyond it traces go to disk */
    uint32_t spill_age_ms;  /* with a store, while not sending: so does what waited this long */
    size_t max_trace_bytes; /* JSON of one trace; a larger one is cut (encode.h) */

    uint32_t retry_initial_ms;    /* first ceiling of the jittered backoff */
    uint32_t retry_max_ms;        /* last ceiling of it */
    uint32_t retry_after_max_ms;  /* bound of a Retry-After */
    uint32_t credit_pause_ms;     /* CREDIT_QUOTA_EXCEEDED without a Retry-After */
    uint32_t credit_pause_max_ms; /* bound of one with it */
    uint32_t probe_ms;      /* most between probes while held (key, endpoint); less at first */
    uint32_t identity_ms;   /* auto: how long identity sticks before gzip is tried again */
    uint32_t media_wait_ms; /* how long a trace waits for its pictures and sounds at most */
    struct nv_media_files *media_files; /* borrowed: what is too old in it goes; NULL: none */
    /* borrowed: where dead letters go (only `put` is called) when there is no store; NULL: they
     * are logged and counted */
    const struct nv_store *letters;
    struct nv_exporter_watch watch;
    uint32_t drain_requests_per_s; /* outbox bodies a second besides two a fresh body */
};

/* Fills in the defaults of docs/configuration.md; endpoint stays not set. */
void nv_exporter_config_init(struct nv_exporter_config *config);
/*
 * Says whether a configuration can work: endpoint's form, plain http only to loopback or when
 * allowed, no user:password@ in it, key present, certificates, ranges. NV_ERR_CONFIG with a
 * sentence in `fail` (may be NULL) that names the key and what to do; never the key's value.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_exporter_check(const struct nv_exporter_config *config,
                              struct nv_fail *fail) NV_MUST_USE;

#endif
