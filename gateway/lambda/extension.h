/*
 * An external extension of AWS Lambda: delivers what a function has sent before its environment
 * is frozen, which may be for good (docs/design/0021-lambda.md).
 *
 *   next ──INVOKE──▶ the runtime is done ──▶ deliver, within a budget ──▶ next ──frozen ...
 *        ──SHUTDOWN─▶ stop
 *
 * Knows nothing of gateways: what is to leave is asked and told through two functions.
 */
#ifndef NV_GATEWAY_LAMBDA_EXTENSION_H
#define NV_GATEWAY_LAMBDA_EXTENSION_H

#include "base/error.h"

#include <stdint.h>

/* Before the deadline of an invocation so much is left for the way to the platform. */
#define NV_LAMBDA_MARGIN_MS 150u
/* Least budget of an invocation while the backend does not take anything. */
#define NV_LAMBDA_BUDGET_LEAST_MS 50u

/* What is here. */
struct nv_lambda_load {
    uint64_t received; /* spans so far */
    uint64_t left;     /* of them, those that can still leave soon */
};

struct nv_lambda_config {
    const char *api;            /* AWS_LAMBDA_RUNTIME_API; borrowed until stop */
    const char *name;           /* of the file below /opt/extensions; likewise */
    const char *telemetry_host; /* nv_lambda_telemetry_start; likewise */
    uint64_t budget_ms;         /* for delivering after each invocation */
    /* Has all that is held leave at once, and says what is left. The extension's thread. */
    struct nv_lambda_load (*deliver)(void *ctx);
    /* The environment ends at `deadline_ms` (Unix time), or the API is gone (0). Once, on the
     * extension's thread, which ends afterwards. */
    void (*shutdown)(void *ctx, uint64_t deadline_ms);
    void *ctx;
};

struct nv_lambda;

/*
 * Registers, subscribes and starts the thread; `config` is copied. *out is new. The function is
 * not invoked before this extension asks for its first event, so call it when requests can be
 * taken. NV_ERR_CONFIG, NV_ERR_IO, NV_ERR_NO_MEMORY with `fail`. Without telemetry it goes on,
 * and says so in the log.
 */
enum nv_err nv_lambda_start(const struct nv_lambda_config *config, struct nv_fail *fail,
                            struct nv_lambda **out) NV_MUST_USE;
/* Ends the thread, whatever it waits for, and frees. NULL is allowed. */
void nv_lambda_stop(struct nv_lambda *lambda);

/*
 * The budget of the next invocation: `full_ms` when all has left, else half of this one's, at
 * least NV_LAMBDA_BUDGET_LEAST_MS: who pays for a function must not pay for a backend that is
 * away. 0 stays 0.
 */
uint64_t nv_lambda_budget_next(uint64_t full_ms, uint64_t now_ms, bool all_left);

#endif
