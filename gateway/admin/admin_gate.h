/*
 * Who may ask the admin port: under which names, with which token.
 *
 *   path /healthz, /readyz ─▶ answered to anybody
 *   others ─▶ Host allowed? ──no──▶ 403    ─▶ token right? ──no──▶ 401
 *
 * A web page can make a browser ask this port under a name of the page's own whose address was
 * changed to ours (DNS rebinding), and read the answer. It can't do so for an IP address, nor
 * for names that its author does not control.
 */
#ifndef NV_GATEWAY_ADMIN_ADMIN_GATE_H
#define NV_GATEWAY_ADMIN_ADMIN_GATE_H

#include "gateway/config/options.h"
#include "net/http/http_server.h"

struct nv_admin_gate;

/* New gate by admin.hosts and admin.token of `options` (borrowed for its life). NV_ERR_CONFIG
 * with `fail`, NV_ERR_NO_MEMORY. */
enum nv_err nv_admin_gate_new(const struct nv_options *options, struct nv_fail *fail,
                              struct nv_admin_gate **out) NV_MUST_USE;
/* Frees. NULL is allowed. */
void nv_admin_gate_free(struct nv_admin_gate *gate);
/* The gate of struct nv_http_hooks; `ctx` is the gate. Answers 403 and 401. Any loop. */
void nv_admin_gate_check(void *ctx, struct nv_http_exchange *exchange);

/*
 * Is `host`, a Host header (with or without a port; empty: there was none), an IP address, a
 * name of localhost, `own` or one of `hosts`? In any case of letters.
 */
bool nv_admin_host_allowed(struct nv_str host, struct nv_str own,
                           const struct nv_text_list *hosts);

#endif
