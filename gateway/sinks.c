/*
 * All sinks called as one.
 *
 *   zero ──open──▶ 0..n opened ──all wanted, one keeper──▶ in use ──stop──▶ stopped ──free──▶ zero
 *                     └────────────── failed ──────────────────free─────────────────────────▶ zero
 *
 * That exactly one keeps is looked at when they are open and not in the table, because it
 * depends on the options: with a key traces go to Noveum, without one into files. Two keepers
 * would settle one claim twice, none would leave it open for ever; both are faults of a table,
 * told at the start. An observer is called before the keeper and on the shard's thread, since
 * afterwards the trace is the keeper's.
 */
#include "gateway/sinks.h"

#include <assert.h>

#include "base/banned.h"

const struct nv_sink_row *const *nv_sinks_table(size_t *count)
{
#define SINK_POINTER(row) &row,
    static const struct nv_sink_row *const table[] = {NV_SINK_TABLE(SINK_POINTER)};
#undef SINK_POINTER
    *count = sizeof table / sizeof *table;
    return table;
}

static enum nv_err open_one(struct nv_sinks *sinks, const struct nv_sink_row *row,
                            const struct nv_sink_needs *needs, struct nv_fail *fail)
{
    if (!row->wanted(needs->options))
        return NV_OK;
    if (sinks->count == NV_SINKS_MAX)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "more than %d sinks", NV_SINKS_MAX);
    struct nv_sink *sink = &sinks->items[sinks->count];
    *sink = (struct nv_sink){0};
    enum nv_err err = row->open(needs, fail, sink);
    if (err != NV_OK)
        return err;
    assert(sink->name != NULL && (sink->consume != NULL || sink->observe != NULL));
    sinks->rows[sinks->count++] = row;
    if (sink->consume && sinks->keeper) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s and %s would both keep traces",
                           sinks->keeper->name, sink->name);
    }
    if (sink->consume)
        sinks->keeper = sink;
    return NV_OK;
}

enum nv_err nv_sinks_open(struct nv_sinks *sinks, const struct nv_sink_row *const *rows,
                          size_t count, const struct nv_sink_needs *needs, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    *sinks = (struct nv_sinks){0};
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = open_one(sinks, rows[i], needs, fail);
    if (err == NV_OK && !sinks->keeper)
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "nothing keeps traces");
    return err;
}

void nv_sinks_observe(const struct nv_sinks *sinks, const struct nv_trace *trace)
{
    for (unsigned i = 0; i < sinks->count; i++) {
        if (sinks->items[i].observe)
            sinks->items[i].observe(sinks->items[i].ctx, trace);
    }
}

void nv_sinks_consume(const struct nv_sinks *sinks, struct nv_trace *trace)
{
    assert(sinks->keeper != NULL);
    sinks->keeper->consume(sinks->keeper->ctx, trace);
}

enum nv_err nv_sinks_pressure(const struct nv_sinks *sinks)
{
    const struct nv_sink *keeper = sinks->keeper;
    return keeper && keeper->pressure ? keeper->pressure(keeper->ctx) : NV_OK;
}

void nv_sinks_status(const struct nv_sinks *sinks, struct nv_sink_status *out)
{
    const struct nv_sink *keeper = sinks->keeper;
    *out = (struct nv_sink_status){0};
    if (keeper && keeper->status)
        keeper->status(keeper->ctx, out);
}

enum nv_err nv_sinks_again(const struct nv_sinks *sinks, uint64_t id, struct nv_str json)
{
    const struct nv_sink *keeper = sinks->keeper;
    return keeper && keeper->again ? keeper->again(keeper->ctx, id, json) : NV_ERR_NOT_FOUND;
}

void nv_sinks_reload(struct nv_sinks *sinks, const struct nv_options *options)
{
    for (unsigned i = 0; i < sinks->count; i++) {
        if (sinks->rows[i]->reload)
            sinks->rows[i]->reload(&sinks->items[i], options);
    }
}

void nv_sinks_stop(const struct nv_sinks *sinks, uint32_t deadline_ms)
{
    const struct nv_sink *keeper = sinks->keeper;
    if (keeper && keeper->stop)
        keeper->stop(keeper->ctx, deadline_ms);
    for (unsigned i = 0; i < sinks->count; i++) {
        const struct nv_sink *sink = &sinks->items[i];
        if (sink != keeper && sink->stop)
            sink->stop(sink->ctx, 0);
    }
}

void nv_sinks_release(struct nv_sinks *sinks)
{
    for (unsigned i = sinks->count; i > 0; i--) {
        const struct nv_sink *sink = &sinks->items[i - 1];
        if (sink->free)
            sink->free(sink->ctx);
    }
    *sinks = (struct nv_sinks){0};
}
