/*
 * OTLP/gRPC: what a call means once HTTP/2 has been dealt with.
 *
 *   head: media type, method, tokens, encoding ─▶ admit ─▶ handle:
 *         inflate ▸ decode ▸ accept ─▶ done: response, partial success or status
 *
 * The three Export methods and grpc.health.v1.Health (Check, and Watch without news). Health
 * needs no token, as the health endpoint over HTTP needs none.
 */
#ifndef NV_OTLP_GRPC_OTLP_GRPC_H
#define NV_OTLP_GRPC_OTLP_GRPC_H

#include "model/stage.h"
#include "net/auth.h"
#include "otlp/grpc/grpc_call.h"

/* All borrowed for the service's life. */
struct nv_otlp_grpc {
    const struct nv_acceptor *acceptor;
    struct nv_auth *auth;
    size_t message_bytes_max; /* after decompression */
    uint32_t items_max;       /* spans or log records of one request; 0: as many as ever */
    size_t item_bytes_max;    /* of one of them with its resource and scope; 0: no limit */
};

/* The service's functions, with `otlp` (borrowed) as their context. */
struct nv_grpc_service nv_otlp_grpc_service(struct nv_otlp_grpc *otlp);

#endif
