/*
 * What a gateway is made of, for the sources that share it: gateway.c makes, wires and starts
 * it, gateway_stop.c ends it. Callers include gateway/gateway.h.
 */
#ifndef NV_GATEWAY_GATEWAY_STATE_H
#define NV_GATEWAY_GATEWAY_STATE_H

#include "gateway/admin/admin.h"
#include "gateway/assembling.h"
#include "gateway/dead/dead_retry.h"
#include "gateway/gateway.h"
#include "gateway/pipeline.h"
#include "gateway/receiving.h"
#include "gateway/sinks.h"
#include "gateway/telemetry/telemetry.h"
#include "journal/journal.h"

#include <stdatomic.h>

/* What a start is at; the names are in gateway_wait.c. */
enum nv_start_step { NV_START_JOURNAL, NV_START_STORE, NV_START_SINKS, NV_START_PORTS };

struct nv_gateway {
    const struct nv_options *options; /* of the thread that starts, reloads and stops */
    const struct nv_clock *clock;
    uint64_t started_ns;
    atomic_bool gate_open;
    atomic_bool stopping;
    _Atomic unsigned start_step;       /* enum nv_start_step */
    struct nv_journal_reading reading; /* of the start */
    _Atomic uint64_t stop_deadline_ns; /* 0: it does not stop */
    bool local;
    unsigned role; /* enum nv_role_choice */
    bool assembly_started, receiver_started, stopped;
    struct nv_account memory; /* of requests and traces */
    struct nv_sampling sampling;
    struct nv_sampling own_sampling; /* of spans of the gateway's own work */
    struct nv_pipeline pipeline;
    struct nv_translating *translating;
    struct nv_settler settler;
    struct nv_acceptor acceptor;
    struct nv_dead_retry dead_retry;
    struct nv_agents *agents;
    struct nv_agent_series *agent_series; /* NULL: none */
    struct nv_mapping *mapping;
    struct nv_mapping *look_mapping; /* of the page's worker: made when it is first asked for */
    struct nv_assembly *assembly;    /* of role all alone */
    struct nv_receiving receiving;
    struct nv_assembling assembling;
    struct nv_sinks sinks;
    struct nv_traces *traces;           /* the local store; NULL: none */
    struct nv_media_files *media_files; /* NULL: media become no files */
    struct nv_receiver *receiver;
    struct nv_admin *admin;
    struct nv_telemetry *telemetry;   /* NULL: none is sent */
    struct nv_own_traces *own_traces; /* the telemetry's; NULL: no spans of it */
};

/* What is told of a start and of a stop that take long (gateway/process/teller.h): a line in
 * the log that says how far it is. `ctx` is the gateway, `seconds` since the begin. */
void nv_gateway_tell_start(void *ctx, unsigned seconds);
void nv_gateway_tell_stop(void *ctx, unsigned seconds);

/* Appends the text of /metrics; any thread. `ctx` is the gateway. Errors: the buffer's. */
enum nv_err nv_gateway_write_metrics(void *ctx, struct nv_buf *text);

#endif
