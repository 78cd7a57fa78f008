/*
 * Places on the machine. Media that can't be kept are refused at the start, since who sets a
 * directory counts on it; a store that can't be opened costs the page and nothing else.
 */
#include "gateway/local.h"

#include "base/log/log.h"
#include "gateway/stages.h"

#include "base/banned.h"

enum nv_err nv_local_media(const struct nv_options *options, const struct nv_clock *clock,
                           struct nv_media_files **out, struct nv_media_policy *policy,
                           struct nv_fail *fail)
{
    struct nv_media_files_config config;
    *out = NULL;
    if (!options->media_directory)
        return NV_OK;
    nv_stage_media_files(options, &config);
    *out = nv_media_files_new(&config, clock, fail);
    if (!*out)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    policy->keeper = nv_media_files_keeper(*out);
    return NV_OK;
}

void nv_local_store(const struct nv_options *options, struct nv_traces **out)
{
    struct nv_traces_config config;
    struct nv_fail why = {0};
    if (!options->admin_ui)
        return;
    nv_stage_store(options, &config);
    if (nv_traces_open(&config, &why, out) != NV_OK) {
        NV_LOG(NV_LOG_WARN, "gateway",
               "there is no page, its store can't be opened: %s; mend or remove it, or name "
               "another "
               "file by store.file, and start again",
               why.what);
    }
}

void nv_local_agents(const struct nv_options *options, struct nv_agent_series **out)
{
    *out = options->admin_metrics_agents_max > 0
               ? nv_agent_series_new((uint32_t)options->admin_metrics_agents_max)
               : NULL;
}
