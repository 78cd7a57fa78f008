/*
 * A check in a process of its own, so that one which hangs ends nothing but itself.
 *
 *   doctor ──fork──▶ check ──findings──▶ pipe ──▶ doctor       waits `deadline_ms`, then goes on
 *
 * A process and not a thread: a disk or a network file system that does not answer holds its
 * caller inside of the kernel, and a program with such a thread never ends.
 */
#ifndef NV_GATEWAY_DOCTOR_ISOLATED_H
#define NV_GATEWAY_DOCTOR_ISOLATED_H

#include "gateway/doctor/finding.h"

/* Adds what it finds; `ctx` is the caller's. What it changes besides is seen by nobody. */
typedef void nv_isolated_check(void *ctx, struct nv_findings *out);

/*
 * Runs `check` in a child and appends its findings to `out`. NV_ERR_TIMEOUT: it did not end in
 * time and is killed; NV_ERR_IO: no child could be made, or it died. From a process with one
 * thread.
 */
enum nv_err nv_isolated_run(nv_isolated_check *check, void *ctx, unsigned deadline_ms,
                            struct nv_findings *out) NV_MUST_USE;

#endif
