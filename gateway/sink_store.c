/*
 * The one that keeps a copy for the page: each trace into the local store (gateway/traces/).
 *
 * The gateway owns the store, because the admin port reads it too and ends after the sinks;
 * this only hands traces over. A stop waits until what is queued is written: who stops the
 * gateway right after a run wants to find it there.
 */
#include "gateway/sinks.h"

#include "gateway/traces/traces.h"

#include <assert.h>

#include "base/banned.h"

static bool wants_store(const struct nv_options *options)
{
    return options->admin_ui;
}

static void offer(void *ctx, const struct nv_trace *trace)
{
    nv_traces_offer(ctx, trace);
}

static void stop_store(void *ctx, uint32_t deadline_ms)
{
    (void)deadline_ms; /* the queue is bounded, and so is what it takes */
    nv_traces_stop(ctx);
}

static void ignore_store(void *ctx, const struct nv_trace *trace)
{
    (void)ctx;
    (void)trace;
}

/* A store that could not be opened is no reason not to run: the gateway has said so. */
static enum nv_err open_store(const struct nv_sink_needs *needs, struct nv_fail *fail,
                              struct nv_sink *out)
{
    (void)fail;
    *out = (struct nv_sink){.name = "store", .observe = ignore_store};
    if (needs->traces) {
        *out = (struct nv_sink){
            .name = "store", .ctx = needs->traces, .observe = offer, .stop = stop_store};
    }
    return NV_OK;
}

const struct nv_sink_row nv_sink_store = {.wanted = wants_store, .open = open_store};
