/*
 * The stages of an embedded pipeline: made, wired, and taken down.
 *
 * It is the gateway's own pipeline (gateway/pipeline.h) between an assembly that runs inline
 * and a list in place of sinks. What differs from gateway.c is what has no thread to wait on: a
 * trace that finds no memory for its JSON stays in the pipeline's hands and closes the gate,
 * and the gate is also shut while more JSON waits than exporter.noveum.queue_bytes.
 *
 *   accept ─▶ assembly ─ may_complete? ─▶ complete ─▶ translate ─▶ consume ─┬─▶ ready
 *                          ▲ shut while stuck, or too much waits            └─▶ stuck, tried again
 */
#include "gateway/embed/embed.h"

#include "gateway/dead/untranslated.h"
#include "gateway/embed/settings.h"
#include "gateway/stages.h"
#include "mapping/mapping.h"
#include "otlp/request/request.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- seams ------------------------------------------------------------------------------- */

bool nv_embed_unstick(struct noveum_pipeline *pipeline)
{
    struct nv_trace *trace = pipeline->stuck;
    if (!trace)
        return true;
    struct nv_ready *ready =
        nv_ready_new(trace, (enum nv_trace_id_form)pipeline->options.exporter_noveum_trace_id,
                     pipeline->options.exporter_noveum_max_trace_bytes, pipeline->last_id + 1);
    if (!ready)
        return false;
    pipeline->stuck = NULL;
    pipeline->last_id++;
    pipeline->counts.placeholders += trace->left_out.placeholders;
    pipeline->counts.sampled += (uint64_t)trace->left_out.by_rule + trace->left_out.not_ai;
    nv_arena_free(trace->arena);
    nv_ledger_queue(ready->encoded->spans);
    nv_ready_push(&pipeline->ready, ready);
    return true;
}

/* At the end all goes on, however much waits: there is no later. */
static bool may_complete(void *ctx)
{
    struct noveum_pipeline *pipeline = ctx;
    uint64_t waiting = pipeline->ready.bytes + pipeline->pulled.bytes;
    return !pipeline->closing && nv_embed_unstick(pipeline) &&
           (pipeline->finishing || waiting < pipeline->options.exporter_noveum_queue_bytes);
}

/* The count is noted because settle_early may be called within, when `raw` is gone. */
static void complete(void *ctx, struct nv_raw_trace *raw)
{
    struct noveum_pipeline *pipeline = ctx;
    pipeline->raw_spans = raw->span_count;
    pipeline->translator.complete(pipeline->translator.ctx, raw);
}

static void remember(void *ctx, const struct nv_raw_trace *raw, struct nv_str name,
                     struct nv_str session, struct nv_str user)
{
    const struct noveum_pipeline *pipeline = ctx;
    nv_assembly_remember(pipeline->assembly, raw, name, session, user);
}

static void consume(void *ctx, struct nv_trace *trace)
{
    struct noveum_pipeline *pipeline = ctx;
    assert(!pipeline->stuck);
    pipeline->stuck = trace;
    (void)nv_embed_unstick(pipeline);
}

/* Traces that end before they are ready. Without a journal what could not be translated has no
 * later either: it is told in the log and given up, or its bytes would stay for ever. */
static void settle_early(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    struct noveum_pipeline *pipeline = ctx;
    if (outcome == NV_OUTCOME_DROPPED)
        pipeline->counts.sampled += pipeline->raw_spans;
    else
        pipeline->counts.untranslated += pipeline->raw_spans;
    if (outcome == NV_OUTCOME_LEFT && !pipeline->stages.store) {
        nv_ledger_dead_held(NV_DEAD_UNTRANSLATABLE, pipeline->raw_spans);
        outcome = NV_OUTCOME_DROPPED;
    }
    pipeline->settler.settle(pipeline->settler.ctx, claim, outcome);
}

/* What the journal holds went through the door once; what it says of rejected spans was told
 * then. */
static enum nv_err decode_again(void *ctx, enum nv_signal signal, char *body, size_t len,
                                struct nv_batch **out)
{
    (void)ctx;
    struct nv_request_result result;
    return nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, body, len},
                             NULL, &result, out, NULL);
}

static enum nv_err bury(void *ctx, const struct nv_undecoded *request, struct nv_buf *head,
                        struct nv_buf *payload)
{
    const struct noveum_pipeline *pipeline = ctx;
    return nv_undecoded_write(request, nv_clock_wall_ns(&pipeline->clock), head, payload);
}

/* ---- opening ----------------------------------------------------------------------------- */

static enum nv_err make_mapping(struct noveum_pipeline *pipeline, struct nv_fail *fail)
{
    struct nv_mapping_config config;
    nv_stage_mapping(&pipeline->options, &config);
    pipeline->mapping = nv_mapping_new(&config, fail);
    if (!pipeline->mapping)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    nv_sampling_set(&pipeline->sampling, pipeline->options.sampling_rate,
                    pipeline->options.sampling_keep_errors);
    pipeline->stages = (struct nv_pipeline){.mapping = pipeline->mapping,
                                            .sampling = &pipeline->sampling,
                                            .clock = &pipeline->clock,
                                            .settler = {pipeline, settle_early},
                                            .next_ctx = pipeline,
                                            .remember = remember,
                                            .consume = consume};
    pipeline->translator = nv_pipeline_completer(&pipeline->stages);
    return nv_stage_redaction(&pipeline->options, &pipeline->stages.redaction, fail);
}

static enum nv_err make_assembly(struct noveum_pipeline *pipeline, struct nv_fail *fail)
{
    struct nv_assembly_config config;
    nv_stage_assembly(&pipeline->options, &config);
    config.shards = 0;
    config.decode = decode_again;
    config.bury = bury;
    config.bury_ctx = pipeline;
    config.may_complete = may_complete;
    config.may_complete_ctx = pipeline;
    const struct nv_completer completer = {.ctx = pipeline, .complete = complete};
    pipeline->assembly = nv_assembly_new(&config, &pipeline->clock, &completer, fail);
    if (!pipeline->assembly)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    pipeline->settler = nv_assembly_settler(pipeline->assembly);
    enum nv_err err = nv_assembly_start(pipeline->assembly, fail);
    if (err != NV_OK)
        return err;
    pipeline->stages.store = nv_assembly_store(pipeline->assembly);
    struct nv_assembly_status status;
    nv_assembly_read_status(pipeline->assembly, &status);
    pipeline->counts.replayed = status.held_spans + status.left_out;
    /* inline there is no later: a replay that could not end found no memory */
    return status.replaying ? NV_ERR_NO_MEMORY : NV_OK;
}

void nv_embed_release(struct noveum_pipeline *pipeline)
{
    /* from here on claims that come back start nothing */
    pipeline->closing = true;
    struct nv_ready_list *lists[] = {&pipeline->ready, &pipeline->pulled};
    for (size_t i = 0; i < 2; i++) {
        for (struct nv_ready *ready; (ready = nv_ready_take(lists[i], 0)) != NULL;) {
            pipeline->settler.settle(pipeline->settler.ctx, nv_ready_give_claim(ready),
                                     NV_OUTCOME_LEFT);
        }
    }
    if (pipeline->stuck) {
        struct nv_claim *claim = pipeline->stuck->claim;
        nv_arena_free(pipeline->stuck->arena);
        pipeline->settler.settle(pipeline->settler.ctx, claim, NV_OUTCOME_LEFT);
    }
    nv_assembly_free(pipeline->assembly);
    nv_pii_free(pipeline->stages.redaction.pii);
    nv_mapping_free(pipeline->mapping);
    nv_options_release(&pipeline->options);
}

enum nv_err nv_embed_open(struct noveum_pipeline *pipeline, const char *const *settings,
                          struct nv_fail *fail)
{
    enum nv_err err = nv_embed_options(&pipeline->options, settings, fail);
    if (err == NV_OK && pipeline->lent.allocator &&
        pipeline->options.journal_durability != NV_DURABILITY_MEMORY) {
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0,
                          "an allocator and journal.directory exclude each other");
    }
    if (err == NV_OK)
        err = make_mapping(pipeline, fail);
    if (err == NV_OK)
        err = make_assembly(pipeline, fail);
    return err;
}
