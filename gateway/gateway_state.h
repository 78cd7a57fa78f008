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

#include <stdatomic.h>

struct nv_gateway {
    const struct nv_options *options; /* of the thread that starts, reloads and stops */
    const struct nv_clock *clock;
    uint64_t started_ns;
    atomic_bool gate_open;
    atomic_bool stopping;
    bool local;
    unsigned role; /* enum nv_role_choice */
    bool assembly_started, receiver_started, stopped;
    struct nv_account memory; /* of requests and traces */
    struct nv_sampling sampling;
    struct nv_pipeline pipeline;
    struct nv_translating *translating;
    struct nv_settler settler;
    struct nv_acceptor acceptor;
    struct nv_dead_retry dead_retry;
    struct nv_agents *agents;
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
};

#endif
