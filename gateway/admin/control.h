/*
 * The control socket: how commands reach a gateway that runs.
 *
 *   noveum-gateway dead list ──HTTP over Unix socket──▶ <journal.directory>/control
 *
 * A socket in the journal's directory (0700, socket 0600) and not a port: who may read the
 * journal may use it, nobody else, and no web page can reach it. Contents of traces never leave
 * by the admin port.
 */
#ifndef NV_GATEWAY_ADMIN_CONTROL_H
#define NV_GATEWAY_ADMIN_CONTROL_H

#include "gateway/dead/dead.h"
#include "net/http/http_server.h"

struct nv_control;

/*
 * New control server on `loops` (borrowed, made, not started) for `place` (copied; its pointers
 * borrowed); GET /status is answered by `status`. NV_ERR_CONFIG with `fail` (the path is too
 * long for a socket), NV_ERR_NO_MEMORY, NV_ERR_IO.
 */
enum nv_err nv_control_new(const char *directory, const struct nv_dead_place *place,
                           const struct nv_http_handler *status, const struct nv_loops *loops,
                           struct nv_fail *fail, struct nv_control **out) NV_MUST_USE;
/* Stops accepting and waits a moment for answers. NULL is allowed. */
void nv_control_stop(struct nv_control *control);
/* Frees; the loops must have stopped. NULL is allowed. */
void nv_control_free(struct nv_control *control);

/*
 * Asks the gateway that runs on `directory` for a slice of it (nv_dead_run_slice; zero: the
 * first), which it fills in; the answer is appended to `out`. What the gateway returned, or
 * NV_ERR_IO with `fail` when it can't be reached.
 */
enum nv_err nv_control_ask(const char *directory, const struct nv_dead_request *request,
                           struct nv_dead_slice *slice, struct nv_buf *out,
                           struct nv_fail *fail) NV_MUST_USE;
/* Longest wait of each step below: to connect, for a piece of the answer. */
#define NV_CONTROL_STATUS_MS 4000
/* The status of the gateway that runs on `directory`: JSON appended to `out`. Errors likewise;
 * NV_ERR_TIMEOUT: it is there and says nothing. */
enum nv_err nv_control_status(const char *directory, struct nv_buf *out,
                              struct nv_fail *fail) NV_MUST_USE;
/* The process that listens on the control socket in `directory`; 0: none, or not to be told. */
int nv_control_pid(const char *directory);

#endif
