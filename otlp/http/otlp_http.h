/*
 * OTLP/HTTP: what a request means once HTTP has been dealt with.
 *
 *   gate: CORS, tokens ─▶ route.head: media type, coding, admit ─▶ route.handle:
 *         inflate ▸ decode ▸ accept ─▶ done: success, partial success or google.rpc.Status
 *
 * Paths: /v1/traces and / (a per-signal endpoint without a path), /v1/logs, /v1/metrics. This
 * makes routes and hooks for an nv_http_server; receiver.c puts both together.
 */
#ifndef NV_OTLP_HTTP_OTLP_HTTP_H
#define NV_OTLP_HTTP_OTLP_HTTP_H

#include "model/stage.h"
#include "net/auth.h"
#include "net/http/http_server.h"

struct nv_otlp_http;

struct nv_otlp_http_config {
    const struct nv_acceptor *acceptor; /* borrowed */
    struct nv_auth *auth;               /* borrowed */
    size_t max_body_bytes;              /* after decompression; also of the body as sent */
    uint32_t max_items;    /* spans or log records of one request; 0: as many as ever */
    size_t max_item_bytes; /* of one of them with its resource and scope; 0: no limit */
    const char *cors_allowed_origins; /* comma-separated, copied; NULL or "": no CORS */
};

/* New service. NV_ERR_CONFIG for an origin that can't be one, NV_ERR_NO_MEMORY. */
enum nv_err nv_otlp_http_new(const struct nv_otlp_http_config *config, struct nv_fail *fail,
                             struct nv_otlp_http **out) NV_MUST_USE;
/* Frees; the server that uses it is gone. NULL is allowed. */
void nv_otlp_http_free(struct nv_otlp_http *service);
/* The route table; *count of them. Borrowed, for the service's life. */
const struct nv_http_route *nv_otlp_http_routes(const struct nv_otlp_http *service,
                                                size_t *count);
/* The hooks for the same server. */
struct nv_http_hooks nv_otlp_http_hooks(struct nv_otlp_http *service);

#endif
