/*
 * The one that looks whether any of it is AI work: who sends traces of a web framework alone
 * has instrumented the wrong half, and would look for models in vain.
 *
 * The first span of a kind ends it for good: from then on a trace costs one look at a flag. The
 * tip comes once, after TRACES traces without any, because a health check or a migration may
 * well come before the first question.
 */
#include "gateway/sinks.h"

#include "base/log/log.h"
#include "gateway/view/terminal_facts.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

#define TRACES 3u
#define SERVICE_SHOWN_MAX 120

struct tip {
    atomic_bool settled; /* a kind was seen, or the tip was given */
    atomic_uint traces;  /* without any */
};

static bool always(const struct nv_options *options)
{
    (void)options;
    return true;
}

static bool has_kind(const struct nv_trace *trace)
{
    for (uint32_t i = 0; i < trace->span_count; i++) {
        struct nv_span_facts facts;
        nv_span_facts_read(&trace->spans[i], &facts);
        if (strcmp(facts.kind, "span") != 0 || facts.repeat)
            return true;
    }
    return false;
}

static void look(void *ctx, const struct nv_trace *trace)
{
    struct tip *tip = ctx;
    if (atomic_load_explicit(&tip->settled, memory_order_relaxed) || trace->span_count == 0)
        return;
    if (has_kind(trace)) {
        atomic_store(&tip->settled, true);
        return;
    }
    if (atomic_fetch_add(&tip->traces, 1) + 1 != TRACES || atomic_exchange(&tip->settled, true))
        return;
    struct nv_str service = trace->origin ? trace->origin->service_name : NV_STR("");
    NV_LOG(NV_LOG_WARN, "gateway",
           "%u traces and no AI attribute in them service=\"%.*s\": is an instrumentation of "
           "the model's client or of the agent framework installed and started (OpenTelemetry "
           "GenAI, OpenInference, OpenLLMetry)? `noveum-gateway explain FILE` shows what of a "
           "request is understood",
           TRACES, NV_STR_ARG(nv_str_slice(service, 0, SERVICE_SHOWN_MAX)));
}

static enum nv_err open_tip(const struct nv_sink_needs *needs, struct nv_fail *fail,
                            struct nv_sink *out)
{
    (void)needs;
    struct tip *tip = calloc(1, sizeof *tip);
    if (!tip)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    *out = (struct nv_sink){.name = "tip", .ctx = tip, .observe = look, .free = free};
    return NV_OK;
}

const struct nv_sink_row nv_sink_tip = {.wanted = always, .open = open_tip};
