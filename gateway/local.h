/*
 * What a gateway keeps for itself beside the journal: files of media, traces for the page,
 * numbers of agents for /metrics.
 */
#ifndef NV_GATEWAY_LOCAL_H
#define NV_GATEWAY_LOCAL_H

#include "exporter/files/media_files.h"
#include "gateway/agents/agent_series.h"
#include "gateway/config/options.h"
#include "gateway/traces/traces.h"
#include "redaction/media/media.h"

/*
 * Opens media.directory, *out (new; NULL: it isn't set), as the keeper of `policy`, which
 * borrows it. Errors as nv_media_files_new, with `fail`.
 */
enum nv_err nv_local_media(const struct nv_options *options, const struct nv_clock *clock,
                           struct nv_media_files **out, struct nv_media_policy *policy,
                           struct nv_fail *fail) NV_MUST_USE;
/* Opens the store of the page, *out (new; NULL: there is no page, or its store can't be opened,
 * which is logged). */
void nv_local_store(const struct nv_options *options, struct nv_traces **out);
/* Makes the series of agents for /metrics, *out (new; NULL: none are wanted, or no memory). */
void nv_local_agents(const struct nv_options *options, struct nv_agent_series **out);

#endif
