/*
 * The whole program as one object: the stages and the sinks, wired, started and stopped in
 * order.
 *
 *   start: assembly (journal, replay held back) ▸ sinks ▸ replay let go ▸ admin ▸ receiver
 *   stop:  receiver ▸ assembly ▸ sinks ▸ admin
 *
 * All of it within one process; several gateways in one process share counters and ledger only.
 */
#ifndef NV_GATEWAY_GATEWAY_H
#define NV_GATEWAY_GATEWAY_H

#include "gateway/admin/source.h"
#include "gateway/config/options.h"

struct nv_gateway;

/*
 * New gateway from `options` (borrowed for its life), not started. NV_ERR_CONFIG with `fail`
 * (rules, prices, tokens, certificates), NV_ERR_NO_MEMORY, NV_ERR_IO.
 */
enum nv_err nv_gateway_new(const struct nv_options *options, struct nv_fail *fail,
                           struct nv_gateway **out) NV_MUST_USE;
/*
 * Opens, binds and starts everything; requests are accepted when it returns. NV_ERR_LOCKED
 * (journal in use), NV_ERR_CONFIG (port in use, directory), NV_ERR_IO, NV_ERR_NO_SPACE,
 * NV_ERR_NO_MEMORY, each with `fail`: stop and free it then.
 */
enum nv_err nv_gateway_start(struct nv_gateway *gateway, struct nv_fail *fail) NV_MUST_USE;
/*
 * Stops accepting, answers what is in flight, delivers or keeps what is held, within
 * stop.deadline_ms. Also of a gateway that started in part. A second call does nothing.
 */
void nv_gateway_stop(struct nv_gateway *gateway);
/*
 * Before a freeze that may be for good: has every held trace leave now, as it is, and tells the
 * spans `received` so far and those `left` here that can still leave soon: held or queued, none
 * while the sink is held (key, plan, endpoint). Waits for nothing. Between start and stop, role
 * all, any thread.
 */
void nv_gateway_hasten(const struct nv_gateway *gateway, uint64_t *received, uint64_t *left);
/* Looks whether the shards get on; every NV_PROGRESS_LOOK_S. False when a restart would help,
 * as /healthz says then. One thread. */
bool nv_gateway_look(struct nv_gateway *gateway);
/* After stop: does a thread still run that did not end in time? Then free does nothing: the
 * process must end by _exit, and the journal has what is not delivered. */
bool nv_gateway_is_stuck(const struct nv_gateway *gateway);
/* Frees a stopped gateway. NULL is allowed. */
void nv_gateway_free(struct nv_gateway *gateway);
/*
 * Takes over what can change while running (keys marked reload) from `options` (borrowed; those
 * of nv_gateway_new stay borrowed too, those of an earlier reload no longer); tokens and
 * certificates are read again. Other changes are named in the log. NV_ERR_CONFIG with `fail`
 * for tokens or certificates that can't be read; the old ones stay in use. One thread.
 */
enum nv_err nv_gateway_reload(struct nv_gateway *gateway, const struct nv_options *options,
                              struct nv_fail *fail) NV_MUST_USE;

/*
 * What the admin port may see and do of a started gateway. Borrowed until stop; on the thread
 * that starts and stops, and before the first reload: the options are those of the start.
 */
void nv_gateway_source(struct nv_gateway *gateway, struct nv_admin_source *out);
/* The options of new or of the last reload. Borrowed; on the thread that starts and stops. */
const struct nv_options *nv_gateway_options(const struct nv_gateway *gateway);
/* No API key: files and terminal. Any thread. */
bool nv_gateway_is_local(const struct nv_gateway *gateway);
/* Is there a page at the admin port (admin.ui, and its store could be opened)? Started. */
bool nv_gateway_has_page(const struct nv_gateway *gateway);
/* The i-th address bound for OTLP/HTTP, with the port that the kernel chose for 0, or NULL.
 * Borrowed until stop. */
const char *nv_gateway_http_address(const struct nv_gateway *gateway, size_t i);
/* The same for OTLP/gRPC. */
const char *nv_gateway_grpc_address(const struct nv_gateway *gateway, size_t i);
/* The same for the admin port. */
const char *nv_gateway_admin_address(const struct nv_gateway *gateway, size_t i);

#endif
