/*
 * The two that keep: Noveum's API, and without a key files.
 *
 *   key set   noveum: queue ▸ send, outbox, dead letters; a directory that is set gets a copy
 *   no key    files:  queue ▸ write; outbox while the directory can't be written
 *
 * Both are the exporter with and without an endpoint: files that can't be written hold traces
 * just as a backend that can't be reached. The copy beside a backend is the exporter's own and
 * no observer, for it has the trace as JSON already, on a thread that may wait for a disk.
 */
#include "gateway/sinks.h"

#include "gateway/stages.h"
#include "gateway/telemetry/own_traces.h"

#include "base/banned.h"

static bool has_key(const struct nv_options *options)
{
    return !nv_options_local(options);
}

static bool has_no_key(const struct nv_options *options)
{
    return nv_options_local(options);
}

static enum nv_err open_exporter(const char *name, const struct nv_sink_needs *needs,
                                 struct nv_fail *fail, struct nv_sink *out)
{
    struct nv_exporter_config config;
    nv_stage_exporter(needs->options, &config);
    config.media_files = needs->media_files;
    config.letters = needs->letters;
    config.watch = nv_own_traces_watch(needs->own_traces);
    struct nv_exporter *exporter =
        nv_exporter_new(&config, needs->settler, needs->store, needs->clock, fail);
    if (!exporter)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    enum nv_err err = nv_exporter_start(exporter, fail);
    if (err == NV_OK)
        *out = nv_exporter_sink(exporter, name);
    else
        nv_exporter_free(exporter);
    return err;
}

static enum nv_err open_noveum(const struct nv_sink_needs *needs, struct nv_fail *fail,
                               struct nv_sink *out)
{
    return open_exporter("noveum", needs, fail, out);
}

static enum nv_err open_files(const struct nv_sink_needs *needs, struct nv_fail *fail,
                              struct nv_sink *out)
{
    return open_exporter("files", needs, fail, out);
}

const struct nv_sink_row nv_sink_noveum = {.wanted = has_key, .open = open_noveum};
const struct nv_sink_row nv_sink_files = {.wanted = has_no_key, .open = open_files};
