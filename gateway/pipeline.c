/*
 * What happens to a completed trace.
 *
 * A trace that can't be translated is nobody's fault but ours: it becomes a dead letter in its
 * OTLP form, so that a later version can be given it again. Only when even that fails does the
 * claim go back as LEFT: the journal still has the bytes, and the next start tries once more.
 * Spans that translation left out leave the ledger here as dropped, each for its reason; a
 * trace of which none stays ends here. Sampling comes after translation only when errors must
 * be seen first.
 *
 *   raw ─ sampled out? ─▶ translate ─┬─ failed ─▶ dead letter ─┬─ kept
 *                                    │                         └─ can't be written: left
 *                                    ├─ no span stays ─▶ dropped, by reason
 *                                    └─ redact ─▶ observe ─▶ consume: the sinks'
 *
 * Each end settles the claim once, and tells the ledger once; nothing else does.
 */
#include "gateway/pipeline.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "gateway/dead/untranslated.h"

#include <assert.h>

#include "base/banned.h"

static void settle(const struct nv_pipeline *pipeline, struct nv_claim *claim,
                   enum nv_outcome outcome)
{
    pipeline->settler.settle(pipeline->settler.ctx, claim, outcome);
}

static void drop(const struct nv_pipeline *pipeline, struct nv_arena *arena, uint64_t spans,
                 struct nv_claim *claim)
{
    nv_ledger_drop_held(NV_DROP_SAMPLED, spans);
    nv_arena_free(arena);
    settle(pipeline, claim, NV_OUTCOME_DROPPED);
}

/* What was made of the raw trace goes first: the letter takes as much again. */
static void bury(const struct nv_pipeline *pipeline, struct nv_raw_trace *raw,
                 struct nv_arena_mark mark, enum nv_err why)
{
    /* Its own share is used up: the host has memory, and trying again changes nothing. */
    if (why == NV_ERR_NO_MEMORY && nv_arena_is_full(raw->arena))
        why = NV_ERR_SHARE;
    nv_arena_rewind(raw->arena, mark);
    char id[2 * NV_TRACE_ID_BYTES];
    nv_hex_encode(raw->trace_id, NV_TRACE_ID_BYTES, id);
    enum nv_err err =
        nv_untranslated_put(pipeline->store, raw, why, nv_clock_wall_ns(pipeline->clock));
    /* they lie in the arena, which goes before the claim is settled */
    struct nv_claim *claim = raw->claim;
    uint64_t spans = raw->span_count;
    nv_arena_free(raw->arena);
    if (err == NV_OK) {
        NV_LOG(NV_LOG_ERROR, "gateway",
               "can't translate a trace, it is a dead letter id=%.32s: %s", id,
               nv_err_info(why)->text);
        nv_ledger_dead_held(NV_DEAD_UNTRANSLATABLE, spans);
        settle(pipeline, claim, NV_OUTCOME_KEPT);
        return;
    }
    NV_LOG(NV_LOG_ERROR, "gateway",
           "can't translate a trace and can't write the dead letter, a journal brings it again "
           "after a restart id=%.32s: %s",
           id, nv_err_info(err)->text);
    settle(pipeline, claim, NV_OUTCOME_LEFT);
}

static void tell_untranslated(const struct nv_raw_trace *raw)
{
    char id[2 * NV_TRACE_ID_BYTES];
    nv_hex_encode(raw->trace_id, NV_TRACE_ID_BYTES, id);
    NV_LOG(
        NV_LOG_WARN, "gateway",
        "a trace is sent as it came, its translation took more than mapping.work_per_byte or "
        "memory.max_bytes allows id=%.32s spans=%u",
        id, raw->span_count);
}

/* All that came, also what the translation left out: the ledger has counted these as held. */
static uint64_t spans_of(const struct nv_trace *trace)
{
    const struct nv_left_out *out = &trace->left_out;
    return (uint64_t)trace->span_count + out->placeholders + out->by_rule + out->not_ai;
}

static void count_left_out(const struct nv_left_out *out)
{
    nv_ledger_drop_held(NV_DROP_PLACEHOLDER, out->placeholders);
    nv_ledger_drop_held(NV_DROP_RULE, out->by_rule);
    nv_ledger_drop_held(NV_DROP_NOT_AI, out->not_ai);
    nv_count(NV_COUNT_LOG_RECORDS_LEFT_OUT, out->log_records);
}

static void pass_on(const struct nv_pipeline *pipeline, struct nv_trace *trace)
{
    assert(trace->arena != NULL);
    count_left_out(&trace->left_out);
    if (pipeline->observe)
        pipeline->observe(pipeline->next_ctx, trace);
    pipeline->consume(pipeline->next_ctx, trace);
}

static void translate(const struct nv_pipeline *pipeline, struct nv_raw_trace *raw)
{
    /* asked before the work: at a rate of 1 % the other 99 are not translated */
    bool kept = nv_sampling_keeps(pipeline->sampling, raw->trace_id);
    if (!kept && !nv_sampling_keeps_errors(pipeline->sampling)) {
        drop(pipeline, raw->arena, raw->span_count, raw->claim);
        return;
    }
    struct nv_trace *trace = NULL;
    struct nv_arena_mark mark = nv_arena_mark(raw->arena);
    enum nv_err err = nv_mapping_translate(pipeline->mapping, raw, &trace);
    if (err != NV_OK) {
        bury(pipeline, raw, mark, err);
        return;
    }
    if (!kept && trace->error_count == 0 && trace->status != NV_STATUS_ERROR) {
        drop(pipeline, trace->arena, spans_of(trace), trace->claim);
        return;
    }
    if (trace->span_count == 0) {
        struct nv_claim *claim = trace->claim;
        count_left_out(&trace->left_out);
        nv_arena_free(trace->arena);
        settle(pipeline, claim, NV_OUTCOME_DROPPED);
        return;
    }
    if (nv_redact(&pipeline->redaction, trace, NULL) != NV_OK) {
        /* the raw trace lies in the same arena, untouched: it goes where a failed one goes */
        bury(pipeline, raw, mark, NV_ERR_NO_MEMORY);
        return;
    }
    if (trace->untranslated)
        tell_untranslated(raw);
    if (pipeline->remember) {
        pipeline->remember(pipeline->next_ctx, raw, trace->name, trace->session_id,
                           trace->user_id);
    }
    pass_on(pipeline, trace);
}

/* Spans of log records are received when they are made. False: it goes no further. */
static bool make_spans(const struct nv_pipeline *pipeline, struct nv_raw_trace *raw)
{
    uint32_t unused = 0;
    if (!raw->of_records)
        return true;
    enum nv_err err = nv_mapping_make_spans(raw, &unused);
    if (err != NV_OK) {
        struct nv_claim *claim = raw->claim;
        NV_LOG(NV_LOG_ERROR, "gateway",
               "can't make a trace of log records, a journal brings them again after a "
               "restart: %s",
               nv_err_info(err)->text);
        nv_arena_free(raw->arena);
        settle(pipeline, claim, NV_OUTCOME_LEFT);
        return false;
    }
    nv_ledger_receive(raw->span_count, false);
    nv_ledger_leave_records(unused);
    nv_count(NV_COUNT_TRACES_OF_RECORDS, 1);
    return true;
}

/* Begins with the trace; false: it goes no further. */
static bool take_up(const struct nv_pipeline *pipeline, struct nv_raw_trace *raw)
{
    if (pipeline->begin)
        pipeline->begin(pipeline->next_ctx, raw);
    return make_spans(pipeline, raw);
}

/* One that has killed the process too often. */
static void set_aside(const struct nv_pipeline *pipeline, struct nv_raw_trace *raw)
{
    if (take_up(pipeline, raw))
        bury(pipeline, raw, nv_arena_mark(raw->arena), NV_ERR_POISON);
}

/* The traces are noted together. */
static void translate_noted(const struct nv_pipeline *pipeline,
                            struct nv_raw_trace *const *raws, size_t count, unsigned slot)
{
    for (size_t i = 0; i < count; i++) {
        nv_translating_next(pipeline->translating, slot);
        if (take_up(pipeline, raws[i]))
            translate(pipeline, raws[i]);
        nv_translating_lived(pipeline->translating, slot);
    }
}

static void complete_all(void *ctx, struct nv_raw_trace *const *raws, size_t count)
{
    const struct nv_pipeline *pipeline = ctx;
    unsigned slot = NV_NO_SLOT;
    for (size_t i = 0, noted; i < count; i += noted) {
        noted = nv_translating_begin(pipeline->translating, raws + i, count - i, &slot);
        if (noted > 0) {
            translate_noted(pipeline, raws + i, noted, slot);
        } else {
            set_aside(pipeline, raws[i]);
            noted = 1;
        }
    }
    nv_translating_end(pipeline->translating, slot);
}

static void complete(void *ctx, struct nv_raw_trace *raw)
{
    complete_all(ctx, &raw, 1);
}

struct nv_completer nv_pipeline_completer(struct nv_pipeline *pipeline)
{
    assert(pipeline->consume != NULL);
    return (struct nv_completer){
        .ctx = pipeline, .complete = complete, .complete_all = complete_all};
}
