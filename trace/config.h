/*
 * The configuration: options of the program, variables of the environment, the SDK's file,
 * defaults, in this order.
 *
 *   noveum_options ─┐
 *   environment ────┼─▶ struct nv_trace_config, constant from then on
 *   file ───────────┤
 *   defaults ───────┘
 *
 * The table of what comes from where is the contract in noveum/trace.h.
 */
#ifndef NV_TRACE_CONFIG_H
#define NV_TRACE_CONFIG_H

#include "base/buf.h"
#include "noveum/trace.h"

/* OTEL_BSP_MAX_QUEUE_SIZE and the options behind it: spans' indexes are 17 bits
 * (trace/pool.h). */
#define NV_TRACE_SPANS_MAX 65536u
/* Different configurations of one process, each of which stays for threads that still read it
 * (about 1.3 KB each). Ours: a process that has more has no end of them. */
#define NV_TRACE_CONFIGS_MAX 256u

enum nv_trace_sampler {
    NV_TRACE_SAMPLE_ALL,
    NV_TRACE_SAMPLE_NONE,
    NV_TRACE_SAMPLE_RATIO /* by the trace id: traceidratio */
};

struct nv_trace_config {
    char *endpoint; /* whole URL; all strings are new, "" or NULL where nothing was said */
    char *shown_endpoint; /* without login and query, for people */
    char *ca_file, *client_certificate, *client_key;
    struct nv_buf headers;  /* "Name: value" and NUL each */
    struct nv_buf resource; /* attributes of the Resource message, encoded: field 1 each */
    enum nv_trace_sampler sampler;
    bool parent_based;     /* a remote parent's flag decides first */
    uint64_t sample_below; /* RATIO: sampled if the last 8 bytes of the id >> 1 are below */
    uint32_t timeout_ms, delay_ms, exit_ms;
    uint32_t queue_spans, open_spans, batch_spans;
    uint32_t attributes_max, events_max, links_max;
    uint32_t event_attributes_max, link_attributes_max;
    size_t value_bytes_max; /* SIZE_MAX: no limit */
    size_t span_bytes_max, memory_max;
    const noveum_stages *stages; /* NULL: spans go to an OTLP receiver */
    struct nv_buf settings;      /* of the stages: "key=value" and NUL each */
    bool gzip;                   /* bodies are compressed */
    bool content;                /* messages and the like are kept */
    bool performance;            /* spans say what the process used */
    const char *(*redact)(void *user, const char *key, const char *text, size_t *length);
    int (*before_send)(void *user, const noveum_context *context, noveum_kind kind,
                       const char *name);
    void (*log)(void *user, const char *message);
    void *user;
    char warning[200]; /* the first thing in environment and file that can't be used, or "" */
    struct nv_trace_config *older; /* those that were replaced stay */
};

/*
 * Reads options (may be NULL) and environment into a new configuration. NOVEUM_OK: *out is new.
 * NOVEUM_OFF: nothing asked for tracing, or it was disabled. NOVEUM_INVALID: `why` (of 200
 * bytes) names what can't be used. NOVEUM_NO_MEMORY. *out is NULL but for NOVEUM_OK.
 */
noveum_result nv_trace_config_read(const noveum_options *options, char why[200],
                                   struct nv_trace_config **out);
/* Do both say the same in everything, hooks included? */
bool nv_trace_config_equals(const struct nv_trace_config *a, const struct nv_trace_config *b);
/* Frees it. NULL is allowed. */
void nv_trace_config_free(struct nv_trace_config *config);

#endif
