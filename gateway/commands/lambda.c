/*
 * The program as it always runs, with other defaults and one thread more.
 *
 *   nv_run ──started──▶ nv_lambda_start ▸ thread: next ▸ deliver ▸ next ... SHUTDOWN
 *     ▲                                                                        │
 *     └──────────────────────────── SIGTERM to ourselves ◀─────────────────────┘
 *
 * The journal is on /tmp, which lives as long as the environment does, frozen or not, and over
 * the restart that follows a time-out. Timeouts of receivers are as long as they go: what is
 * frozen between two bytes is no slow client.
 */
#include "gateway/commands/lambda.h"

#include "base/log/log.h"
#include "gateway/commands/run.h"
#include "gateway/lambda/extension.h"

#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define API_VARIABLE "AWS_LAMBDA_RUNTIME_API"
#define NAME "noveum-gateway"
/* Of the function's memory, what the control group of other places would be: the gateway takes
 * 40 % of it. */
#define MEMORY_SHARE 2u

static const char *const defaults[] = {
    "journal.directory=/tmp/noveum-gateway",
    "journal.durability=os",
    "journal.max_bytes=134217728",
    "exporter.file.directory=/tmp/noveum-traces",
    "exporter.noveum.batch_ms=0",
    "assembly.on_stop=send",
    "stop.deadline_ms=1500", /* of the 2 s that Lambda gives extensions */
    "receiver.head_timeout_ms=600000",
    "receiver.body_timeout_ms=3600000",
    "receiver.idle_timeout_ms=86400000",
    "admin.listen=none",
    "admin.ui=false",
    "terminal.traces=off",
    "log.format=json",
};

struct extension {
    const char *name;
    const struct nv_gateway *gateway;
    struct nv_lambda *lambda;
    uint64_t budget_ms;
    bool started;
    sem_t ended; /* of an idle one */
};

/*
 * Lambda starts every file below /opt/extensions/ without arguments: the place is all it can
 * be known by. The variable keeps a copy of that path on somebody's disk from being one.
 */
bool nv_lambda_is_extension(const char *program)
{
    return getenv(API_VARIABLE) && program && strstr(program, "/extensions/");
}

static const char *name_of(const char *program)
{
    const char *slash = program ? strrchr(program, '/') : NULL;
    return slash && strstr(program, "/extensions/") ? slash + 1 : NAME;
}

static struct nv_lambda_config configure(struct extension *extension)
{
    const char *local =
        getenv("AWS_SAM_LOCAL"); /* its container knows no sandbox.localdomain */
    return (struct nv_lambda_config){.api = getenv(API_VARIABLE),
                                     .name = extension->name,
                                     .telemetry_host = local && strcmp(local, "true") == 0
                                                           ? "127.0.0.1"
                                                           : "sandbox.localdomain",
                                     .budget_ms = extension->budget_ms,
                                     .ctx = extension};
}

/* ---- with a gateway ---------------------------------------------------------------------- */

static struct nv_lambda_load deliver(void *ctx)
{
    const struct extension *extension = ctx;
    struct nv_lambda_load load;
    nv_gateway_hasten(extension->gateway, &load.received, &load.left);
    return load;
}

static void end_process(void *ctx, uint64_t deadline_ms)
{
    (void)ctx;
    (void)deadline_ms;
    (void)kill(getpid(), SIGTERM);
}

/*
 * Without a registration nobody tells us of a freeze or of the end: a gateway would only hold
 * memory of the function. So the process ends, and its log says why. What that does to the
 * function is Lambda's to say: there is no registration by which it could be told otherwise.
 */
static void started(void *ctx, const struct nv_gateway *gateway)
{
    struct extension *extension = ctx;
    struct nv_fail fail = {0};
    extension->gateway = gateway;
    extension->started = true;
    struct nv_lambda_config config = configure(extension);
    config.deliver = deliver;
    config.shutdown = end_process;
    if (nv_lambda_start(&config, &fail, &extension->lambda) == NV_OK) {
        NV_LOG(NV_LOG_INFO, "lambda", "registered name=%s", extension->name);
    } else {
        NV_LOG(NV_LOG_ERROR, "lambda", "no extension of this environment: %s", fail.what);
        end_process(NULL, 0);
    }
}

static void stopping(void *ctx)
{
    struct extension *extension = ctx;
    nv_lambda_stop(extension->lambda);
    extension->lambda = NULL;
}

/* ---- without one ------------------------------------------------------------------------- */

static struct nv_lambda_load deliver_nothing(void *ctx)
{
    (void)ctx;
    return (struct nv_lambda_load){.received = UINT64_MAX};
}

static void end_idle(void *ctx, uint64_t deadline_ms)
{
    struct extension *extension = ctx;
    (void)deadline_ms;
    (void)sem_post(&extension->ended);
}

/*
 * Answers every event until the environment ends. An extension that has not come to life
 * answers all the same: a gateway that is wrongly configured costs traces, never the function
 * (docs/design/0021-lambda.md).
 */
static void idle(struct extension *extension)
{
    struct nv_fail fail = {0};
    struct nv_lambda_config config = configure(extension);
    config.deliver = deliver_nothing;
    config.shutdown = end_idle;
    NV_LOG(NV_LOG_ERROR, "lambda",
           "the gateway did not start: the function runs, its spans reach nobody");
    if (sem_init(&extension->ended, 0, 0) != 0)
        return;
    if (nv_lambda_start(&config, &fail, &extension->lambda) == NV_OK) {
        while (sem_wait(&extension->ended) != 0)
            continue;
    } else {
        NV_LOG(NV_LOG_ERROR, "lambda", "no extension of this environment: %s", fail.what);
    }
    nv_lambda_stop(extension->lambda);
    (void)sem_destroy(&extension->ended);
}

/* ---- the command ------------------------------------------------------------------------- */

static void share_memory(struct nv_option_sources *sources)
{
    uint64_t mib = 0;
    if (nv_str_to_uint64(nv_str_from(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")), &mib) ==
            NV_OK &&
        mib > 0 && mib <= UINT32_MAX)
        sources->memory_limit_bytes = (mib << 20) / MEMORY_SHARE;
}

static int run(const struct nv_option_sources *sources, struct extension *extension)
{
    struct nv_options options = {0};
    const struct nv_run_extras extras = {
        .started = started, .stopping = stopping, .ctx = extension};
    int code = NV_EXIT_USAGE;
    if (nv_run_load(&options, sources)) {
        extension->budget_ms = options.lambda_budget_ms;
        code = nv_run(&options, sources, &extras);
    }
    nv_options_release(&options);
    return code;
}

int nv_command_lambda(const struct nv_option_sources *given, const char *program)
{
    struct extension extension = {.name = name_of(program)};
    struct nv_option_sources sources = *given;
    if (!getenv(API_VARIABLE)) {
        nv_log_let_go();
        (void)fputs("noveum-gateway: lambda: " API_VARIABLE
                    " is not set: Lambda sets it for what is in /opt/extensions\n",
                    stderr);
        return NV_EXIT_USAGE;
    }
    sources.defaults = defaults;
    sources.default_count = sizeof defaults / sizeof defaults[0];
    share_memory(&sources);
    int code = run(&sources, &extension);
    if (!extension.started)
        idle(&extension);
    return code;
}
