/*
 * What the admin port and the control socket are shown and may do: the whole of the gateway
 * that they know.
 *
 *   gateway ──fills in──▶ struct nv_admin_source ◀──asks── admin, control
 *
 * The gateway starts the admin port and the port asks the gateway, so one of the two must not
 * know the other: the port is made for whatever can fill in this struct.
 */
#ifndef NV_GATEWAY_ADMIN_SOURCE_H
#define NV_GATEWAY_ADMIN_SOURCE_H

#include "assembly/assembly.h"
#include "assembly/hold/held.h"
#include "exporter/exporter.h"
#include "exporter/files/media_files.h"
#include "gateway/agents/agent_series.h"
#include "gateway/config/options.h"
#include "gateway/traces/traces.h"
#include "kafka/config.h"
#include "mapping/settle/agents.h"
#include "otlp/receiver.h"
#include "redaction/redact.h"

/* Everything /status, /readyz and /metrics show, read at one time. */
struct nv_gateway_status {
    uint64_t uptime_ns;
    bool local;                                  /* no API key: files and terminal */
    const char *role;                            /* as configured; static; NULL: all */
    bool stopping;                               /* SIGTERM was seen */
    uint64_t stuck_ns;                           /* a shard makes no progress for so long */
    char stuck_trace[2 * NV_TRACE_ID_BYTES + 1]; /* with this trace, in hex */
    uint64_t set_aside;                          /* traces that killed the process twice */
    struct nv_http_status receiver;
    struct nv_grpc_status grpc;
    struct nv_assembly_status assembly;
    struct nv_sink_status exporter;
    struct nv_kafka_status kafka; /* `on` is false in role all */
    /* as configured, of the options of the start: filled in by the port; borrowed */
    const char *http_listen, *grpc_listen, *admin_listen;
};

/* All borrowed until the admin port has stopped. The functions: any thread, with `ctx`. */
struct nv_admin_source {
    const struct nv_options *options;     /* of the start: nothing of the port is reloadable */
    const struct nv_store *store;         /* of dead letters; NULL without a journal */
    struct nv_agents *agents;             /* seen lately in all traces */
    struct nv_agent_series *agent_series; /* of /metrics; NULL: none */
    const struct nv_redaction_config *redaction; /* of what clients named */
    struct nv_traces *traces;                    /* the local store; NULL: no page */
    const struct nv_media_files *media_files;    /* NULL: no media.directory */
    void (*read_status)(void *ctx, struct nv_gateway_status *out);
    /* Up to `max` learned services into `out`; returns how many. */
    size_t (*read_services)(void *ctx, struct nv_service_facts *out, size_t max);
    /* Gives a dead letter another try. As nv_dead_retry. */
    enum nv_err (*retry_dead)(void *ctx, uint64_t id);
    /* Looks at what is held. As nv_assembly_read_held; NULL: nothing is held here. */
    size_t (*read_held)(void *ctx, const struct nv_held_ask *ask, struct nv_held_trace *out);
    /* What held traces are translated with to be shown: agents are not noted by it. NULL: no
     * memory for it. */
    const struct nv_mapping *(*look_mapping)(void *ctx);
    enum nv_trace_id_form trace_id_form;
    struct nv_account *account; /* that answers of the page count in; NULL: none */
    void *ctx;
};

#endif
