/*
 * The API of the page: docs/api.md. JSON, contents of traces. Only dead letters are changed by
 * it, by POST with a token that pages of other origins can't read.
 *
 *   /api/traces ──loop──▶ worker ──SQL──▶ answer         /api/events ──▶ waits for new traces
 *
 * It has a thread of its own, one answer at a time, so that a search that reads all texts holds
 * up nobody but who asked for it.
 */
#ifndef NV_GATEWAY_ADMIN_API_H
#define NV_GATEWAY_ADMIN_API_H

#include "gateway/admin/source.h"
#include "net/http/http_server.h"
#include "net/loop.h"

struct nv_api;

/* Routes that an API has. */
#define NV_API_ROUTES_MAX 16

/* New API over what `source` shows (borrowed; source->traces is not NULL) for a server on
 * `loop` (borrowed, made, not started). NV_ERR_NO_MEMORY, NV_ERR_IO. */
enum nv_err nv_api_new(const struct nv_admin_source *source, struct nv_loop *loop,
                       struct nv_api **out) NV_MUST_USE;
/* Fills in its routes; `routes` has room for NV_API_ROUTES_MAX. Returns how many. */
size_t nv_api_routes(struct nv_api *api, struct nv_http_route *routes);
/* Starts its thread. NV_ERR_NO_MEMORY, NV_ERR_IO. */
enum nv_err nv_api_start(struct nv_api *api) NV_MUST_USE;
/* Answers who waits for events; before the server is drained. NULL is allowed. */
void nv_api_hush(struct nv_api *api);
/* Ends its thread: what comes later is answered where it is asked. The server's loop runs
 * still. NULL is allowed. */
void nv_api_stop(struct nv_api *api);
/* Frees; the server's loop has stopped. NULL is allowed. */
void nv_api_free(struct nv_api *api);

#endif
