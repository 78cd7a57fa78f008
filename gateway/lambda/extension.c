/*
 * The loop of the extension.
 *
 *   INVOKE    wait for platform.runtimeDone of this request (or its deadline)
 *             ▸ deliver ⟲ every POLL_MS until nothing is left, the budget or the deadline is over
 *   SHUTDOWN  tell, and end
 *
 * Asking for the next event is what allows the freeze, so it is asked when there is nothing
 * left to lose, and no later than the deadline: an extension that misses it is a failed
 * invocation of somebody's function. Without telemetry the end of the function is not known;
 * then what has come is delivered and the rest waits, journalled, for the next invocation.
 *
 * Nothing here may end the process by itself: that would fail the function too.
 */
#include "gateway/lambda/extension.h"

#include "base/clock.h"
#include "base/log/log.h"
#include "gateway/lambda/runtime_api.h"
#include "gateway/lambda/telemetry.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define POLL_MS 2
/* Calls of `next` that fail one after the other until the API is taken for gone. */
#define NEXT_TRIES 5
#define NEXT_PAUSE_MS 50

struct nv_lambda {
    struct nv_lambda_config config;
    struct nv_lambda_api api;
    struct nv_lambda_telemetry *telemetry; /* NULL: none */
    uint64_t budget_ms;
    pthread_t thread;
    atomic_bool ended;
};

static uint64_t now_ms(void)
{
    return nv_clock_wall_ns(nv_clock_system()) / NV_NS_PER_MS;
}

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {.tv_nsec = (long)ms * (long)NV_NS_PER_MS};
    (void)nanosleep(&pause, NULL);
}

/*
 * Halves while spans are left, whole again when all left: a backend that is away costs each
 * invocation less and less of its time, and one that is back costs nothing.
 */
uint64_t nv_lambda_budget_next(uint64_t full_ms, uint64_t now, bool all_left)
{
    if (all_left)
        return full_ms;
    uint64_t half = now / 2;
    uint64_t least = full_ms < NV_LAMBDA_BUDGET_LEAST_MS ? full_ms : NV_LAMBDA_BUDGET_LEAST_MS;
    return half < least ? least : half;
}

/* ---- an invocation ----------------------------------------------------------------------- */

/* Until nothing is left or the time has come; how many spans are left then. `wants` spans must
 * have been received before nothing is taken for all. */
static uint64_t deliver_until(struct nv_lambda *lambda, uint64_t until_ms, uint64_t wants)
{
    for (;;) {
        struct nv_lambda_load load = lambda->config.deliver(lambda->config.ctx);
        if (load.left == 0 && load.received >= wants)
            return 0;
        if (now_ms() >= until_ms || atomic_load(&lambda->ended))
            return load.left;
        pause_ms(POLL_MS);
    }
}

static void serve(struct nv_lambda *lambda, const struct nv_lambda_event *event)
{
    uint64_t end_ms = event->deadline_ms > NV_LAMBDA_MARGIN_MS
                          ? event->deadline_ms - NV_LAMBDA_MARGIN_MS
                          : now_ms();
    uint64_t wants = 0;
    if (lambda->telemetry && event->request_id[0] != '\0')
        (void)nv_lambda_telemetry_wait(lambda->telemetry, event->request_id, end_ms);
    else
        wants = lambda->config.deliver(lambda->config.ctx).received + 1;
    uint64_t until_ms = now_ms() + lambda->budget_ms;
    uint64_t left = deliver_until(lambda, until_ms < end_ms ? until_ms : end_ms, wants);
    lambda->budget_ms =
        nv_lambda_budget_next(lambda->config.budget_ms, lambda->budget_ms, left == 0);
    if (left > 0) {
        NV_LOG(NV_LOG_WARN, "lambda",
               "not all has left before the freeze: it goes on with the next invocation "
               "spans=%llu "
               "request=%s",
               (unsigned long long)left, event->request_id);
    }
}

/* ---- the thread -------------------------------------------------------------------------- */

/*
 * The API of an environment that ends may be gone before its SHUTDOWN was read: a few tries,
 * then it is taken for that.
 */
static enum nv_err ask_next(struct nv_lambda *lambda, struct nv_lambda_event *event)
{
    enum nv_err err = NV_ERR_IO;
    for (int i = 0; i < NEXT_TRIES && err != NV_OK && err != NV_ERR_STOPPING; i++) {
        struct nv_fail fail = {0};
        if (i > 0)
            pause_ms(NEXT_PAUSE_MS);
        err = nv_lambda_next(&lambda->api, event, &fail);
        if (err != NV_OK && err != NV_ERR_STOPPING)
            NV_LOG(NV_LOG_ERROR, "lambda", "no event: %s", fail.what);
    }
    return err;
}

static void *run(void *arg)
{
    struct nv_lambda *lambda = arg;
    struct nv_lambda_event event;
    enum nv_err err;
    while ((err = ask_next(lambda, &event)) == NV_OK) {
        if (event.kind == NV_LAMBDA_INVOKE)
            serve(lambda, &event);
        if (event.kind == NV_LAMBDA_SHUTDOWN)
            break;
    }
    if (err == NV_OK) {
        NV_LOG(NV_LOG_INFO, "lambda", "the environment ends reason=%s", event.reason);
        lambda->config.shutdown(lambda->config.ctx, event.deadline_ms);
    } else if (err != NV_ERR_STOPPING) {
        lambda->config.shutdown(lambda->config.ctx, 0);
    }
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

/* A convenience and no condition: without it spans leave an invocation later. */
static void listen_to_telemetry(struct nv_lambda *lambda)
{
    struct nv_fail fail = {0};
    enum nv_err err =
        nv_lambda_telemetry_start(lambda->config.telemetry_host, &fail, &lambda->telemetry);
    if (err == NV_OK) {
        err = nv_lambda_subscribe(&lambda->api, nv_lambda_telemetry_uri(lambda->telemetry),
                                  &fail);
    }
    if (err == NV_OK)
        return;
    nv_lambda_telemetry_stop(lambda->telemetry);
    lambda->telemetry = NULL;
    NV_LOG(NV_LOG_WARN, "lambda",
           "no telemetry, so the end of a function is not known and spans may leave with the "
           "next invocation: %s",
           fail.what);
}

static void release(struct nv_lambda *lambda)
{
    nv_lambda_telemetry_stop(lambda->telemetry);
    nv_lambda_api_release(&lambda->api);
    free(lambda);
}

enum nv_err nv_lambda_start(const struct nv_lambda_config *config, struct nv_fail *fail,
                            struct nv_lambda **out)
{
    assert(config->deliver != NULL && config->shutdown != NULL);
    struct nv_lambda *lambda = calloc(1, sizeof *lambda);
    *out = NULL;
    if (!lambda)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    lambda->config = *config;
    lambda->budget_ms = config->budget_ms;
    enum nv_err err = nv_lambda_api_init(&lambda->api, config->api);
    if (err != NV_OK)
        (void)nv_fail_set(fail, err, 0, "AWS_LAMBDA_RUNTIME_API is no host:port");
    if (err == NV_OK)
        err = nv_lambda_register(&lambda->api, config->name, fail);
    if (err == NV_OK)
        listen_to_telemetry(lambda);
    if (err == NV_OK && pthread_create(&lambda->thread, NULL, run, lambda) != 0)
        err = nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no thread");
    if (err != NV_OK) {
        release(lambda);
        return err;
    }
    *out = lambda;
    return NV_OK;
}

/* Both waits are woken before the join: the thread may stand in either of them, for hours. */
void nv_lambda_stop(struct nv_lambda *lambda)
{
    if (!lambda)
        return;
    atomic_store(&lambda->ended, true);
    nv_lambda_telemetry_end(lambda->telemetry);
    nv_lambda_api_end(&lambda->api);
    (void)pthread_join(lambda->thread, NULL);
    release(lambda);
}
