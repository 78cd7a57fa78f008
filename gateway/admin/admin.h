/*
 * The admin port: /healthz, /readyz, /metrics, /status and /agents over HTTP, GET and HEAD
 * only.
 *
 * It has threads of its own, so that it answers while the receiver is busy, and after health
 * while a long answer is made.
 */
#ifndef NV_GATEWAY_ADMIN_ADMIN_H
#define NV_GATEWAY_ADMIN_ADMIN_H

#include "gateway/admin/source.h"

struct nv_admin;

/*
 * New admin server for `source` (copied), bound to `address` (NULL: no port) and answering, and
 * the control socket of gateway/admin/control.h when there is a journal. NV_ERR_CONFIG with
 * `fail` (address in use), NV_ERR_NO_MEMORY, NV_ERR_IO.
 */
enum nv_err nv_admin_start(const char *address, const struct nv_admin_source *source,
                           struct nv_fail *fail, struct nv_admin **out) NV_MUST_USE;
/* Stops answering and frees. NULL is allowed. */
void nv_admin_stop(struct nv_admin *admin);
/* The i-th bound address, or NULL. Borrowed. */
const char *nv_admin_address(const struct nv_admin *admin, size_t i);

/* ---- what it says, apart from the network ------------------------------------------------ */

/* Appends Prometheus text: counters, ledger, gauges of `status`, build, and `agents` (borrowed;
 * NULL: none). NV_ERR_NO_MEMORY, buffer's errors: NV_CAP_METRICS is enough. */
enum nv_err nv_admin_write_metrics(const struct nv_gateway_status *status,
                                   struct nv_agent_series *agents, struct nv_buf *buf);
/* Appends the status as JSON; `services` is borrowed. NV_ERR_NO_MEMORY, buffer's errors. */
enum nv_err nv_admin_write_status(const struct nv_gateway_status *status,
                                  const struct nv_service_facts *services, size_t service_count,
                                  struct nv_buf *buf);
/* False when a restart would help: a shard has made no progress for NV_STUCK_FATAL_NS, or a
 * member of role assemble has left its group by itself. */
bool nv_admin_healthy(const struct nv_gateway_status *status);
/*
 * Is the gateway able to accept? Otherwise *why (static) says in a word or two what it waits
 * for. A backend that is away or refuses everything is no reason: what is accepted is kept. The
 * latter is told in *why all the same.
 */
bool nv_admin_ready(const struct nv_gateway_status *status, const char **why);
/*
 * Appends what /readyz says: *why of nv_admin_ready and, when the journal refuses, the reason:
 * what failed in which directory (borrowed; NULL: none) with the errno in words. True: ready.
 */
bool nv_admin_write_ready(const struct nv_gateway_status *status, const char *directory,
                          struct nv_buf *buf);

#endif
