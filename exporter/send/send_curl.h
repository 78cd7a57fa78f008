/*
 * The real transport: libcurl's multi interface on a loop of net/. The only file that uses
 * libcurl (libcurl.h); its types stay in the .c.
 *
 * One connection pool with keep-alive; http and https only; no redirects, no ambient proxy, no
 * Expect; TLS 1.2 or newer, verified; replies bounded (exporter/answer/transport.h). All calls
 * on the loop's thread.
 */
#ifndef NV_EXPORTER_SEND_SEND_CURL_H
#define NV_EXPORTER_SEND_SEND_CURL_H

#include "exporter/answer/transport.h"
#include "exporter/send/endpoint.h"
#include "net/loop.h"

struct nv_send_curl;

/* Called outside of any libcurl call whenever replies may have been handed over. */
struct nv_send_after {
    void (*call)(void *ctx);
    void *ctx;
};

/*
 * New transport on `loop` (borrowed for its life) to `endpoint` with key, TLS, proxy, timeout
 * and width of `config`, which is borrowed for its life; `endpoint` and `after` are during the
 * call. libcurl is loaded with the first request, which fails when that does. NULL with `fail`
 * (may be NULL) set: NV_ERR_NO_MEMORY, NV_ERR_CONFIG (no libcurl, or a CA file it can't use).
 */
struct nv_send_curl *nv_send_curl_new(struct nv_loop *loop,
                                      const struct nv_exporter_config *config,
                                      const struct nv_endpoint *endpoint,
                                      const struct nv_send_after *after, struct nv_fail *fail);
/* Its function table. Borrowed, lives as long as the transport. */
const struct nv_transport *nv_send_curl_transport(const struct nv_send_curl *curl);
/* What one of libcurl's codes says about its request, surely not sent or unknown, and
 * in `cause` what it says to people. Any number is allowed. */
enum nv_transfer nv_send_curl_meaning(int code, enum nv_cause *cause);
/* Frees it; nothing may be in flight (cancel_all first). NULL is allowed. */
void nv_send_curl_free(struct nv_send_curl *curl);

#endif
