/*
 * The one that counts for /metrics what agents do: each finished trace, as it is delivered.
 *
 * After sampling and redaction: the numbers are those of what goes out, and their names are
 * redacted like it. The gateway owns the series, because the admin port reads them and ends
 * after the sinks.
 */
#include "gateway/sinks.h"

#include "gateway/agents/agent_series.h"

#include <assert.h>

#include "base/banned.h"

static bool wants_agents(const struct nv_options *options)
{
    return options->admin_metrics_agents_max > 0;
}

static void count_trace(void *ctx, const struct nv_trace *trace)
{
    nv_agent_series_add_trace(ctx, trace);
}

static enum nv_err open_agents(const struct nv_sink_needs *needs, struct nv_fail *fail,
                               struct nv_sink *out)
{
    if (!needs->agent_series)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    *out =
        (struct nv_sink){.name = "agents", .ctx = needs->agent_series, .observe = count_trace};
    return NV_OK;
}

const struct nv_sink_row nv_sink_agents = {.wanted = wants_agents, .open = open_agents};
