/*
 * The API of the page: docs/api.md. GET only, JSON, contents of traces.
 *
 *   /api/traces ──loop──▶ worker ──SQL──▶ answer         /api/events ──▶ waits for new traces
 *
 * It has a thread of its own, one answer at a time, so that a search that reads all texts holds
 * up nobody but who asked for it.
 */
#ifndef NV_GATEWAY_ADMIN_API_H
#define NV_GATEWAY_ADMIN_API_H

#include "gateway/traces/traces.h"
#include "model/store.h"
#include "net/http/http_server.h"
#include "net/loop.h"

struct nv_api;

/* Routes that an API has. */
#define NV_API_ROUTES_MAX 16

/* New API over `traces` and `dead` (borrowed; dead letters, NULL: none) for a server on `loop`
 * (borrowed, made, not started). NV_ERR_NO_MEMORY, NV_ERR_IO. */
enum nv_err nv_api_new(struct nv_traces *traces, const struct nv_store *dead,
                       struct nv_loop *loop, struct nv_api **out) NV_MUST_USE;
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
