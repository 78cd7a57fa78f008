/*
 * Where Lambda posts what its platform did: a small HTTP server that remembers of which
 * invocations the runtime has ended.
 */
#ifndef NV_GATEWAY_LAMBDA_TELEMETRY_H
#define NV_GATEWAY_LAMBDA_TELEMETRY_H

#include "base/error.h"
#include "gateway/lambda/events.h"

/* Invocations remembered: they come one at a time, records of them a little late. */
#define NV_LAMBDA_DONE_MAX 16u

struct nv_lambda_telemetry;

/*
 * Listens at any port of `host`: "sandbox.localdomain", which is what the platform can reach,
 * or a loopback address. *out is new. NV_ERR_CONFIG with `fail` (no such host here), IO,
 * NO_MEMORY.
 */
enum nv_err nv_lambda_telemetry_start(const char *host, struct nv_fail *fail,
                                      struct nv_lambda_telemetry **out) NV_MUST_USE;
/* What to subscribe with: "http://HOST:PORT/". Borrowed until stop. */
const char *nv_lambda_telemetry_uri(const struct nv_lambda_telemetry *telemetry);
/*
 * Waits until the runtime of that invocation is done. False: not by `until_ms` (Unix time), or
 * nv_lambda_telemetry_end was called.
 */
bool nv_lambda_telemetry_wait(struct nv_lambda_telemetry *telemetry, const char *request_id,
                              uint64_t until_ms);
/* Ends all waiting. Any thread. NULL is allowed. */
void nv_lambda_telemetry_end(struct nv_lambda_telemetry *telemetry);
/* Stops and frees; nobody waits any more. NULL is allowed. */
void nv_lambda_telemetry_stop(struct nv_lambda_telemetry *telemetry);

#endif
