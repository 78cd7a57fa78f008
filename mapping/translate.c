/*
 * One trace from raw to Noveum's form: the order of the steps, and the facts of the trace
 * itself.
 *
 *   tree ─▶ deltas ─▶ resources ─▶ spans (rows) ─▶ left out ─▶ outcome ─▶ vectors
 *        ─▶ tools ─▶ usage ─▶ cost ─▶ trace ─▶ agents ─▶ log records ─▶ each name once
 *
 * Each step works on all spans before the next begins, because usage and agents need parents
 * and children. Nothing is shared between traces but the constant mapping and, one after the
 * other, what a thread remembers of spans (mapping/engine/layout.h), so shards translate side
 * by side. What the trace says of itself (session, user, project) may come from any span;
 * smaller precedence wins, then the earlier span.
 *
 *   meter ─▶ translate ─┬─ within its work ─▶ the trace
 *                       └─ past it ─▶ thrown away ─▶ the trace as it came, marked
 *
 * All steps are meant to take time in proportion to bytes. The meter is for what we did not
 * think of: a trace that takes hundreds of times what traces take must not hold the others of
 * its shard.
 */
#include "mapping/engine/engine.h"
#include "mapping/mapping.h"
#include "mapping/settle/settle.h"

#include "base/log/counters.h"
#include "base/limits.h"
#include "base/meter.h"
#include "mapping/engine/decode.h"
#include "mapping/engine/records.h"
#include "mapping/engine/layout.h"
#include "mapping/engine/turns.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* Rows of noveum.project from this precedence on take a name that was given to something else
 * (a service: semconv.rules; an application, a tracing project) for the project's.
 * Configuration goes before those, and after rows that name a project. */
#define PROJECT_GUESSED 60
/* What a span takes of the arena, beside twice its bytes: a span with its work and both lists
 * of attributes. */
#define SPAN_BYTES 3072u

static const struct nv_str incomplete_names[] = {NV_STR_INIT("none"), NV_STR_INIT("root"),
                                                 NV_STR_INIT("parent"), NV_STR_INIT("cut"),
                                                 NV_STR_INIT("shutdown")};

static enum nv_err add_text(struct nv_translation *t, struct nv_str key, struct nv_str text)
{
    if (text.len == 0)
        return NV_OK;
    return nv_attributes_add(&t->trace->attributes, t->arena, key, nv_value_string(text));
}

/* Project: request header, a resource's explicit word, configuration, service.name. */
static struct nv_str choose_project(const struct nv_translation *t)
{
    const struct nv_fact *told = &t->identity.project;
    if (t->raw->project.len > 0)
        return t->raw->project;
    if (told->text.ptr && told->precedence < PROJECT_GUESSED)
        return told->text;
    if (t->mapping->project.len > 0)
        return t->mapping->project;
    return told->text.ptr ? told->text : NV_STR("default");
}

static void settle_times(struct nv_trace *trace)
{
    trace->start_ns = trace->span_count > 0 ? trace->spans[0].start_ns : 0;
    trace->end_ns = trace->start_ns;
    for (uint32_t i = 0; i < trace->span_count; i++) {
        if (trace->spans[i].end_ns > trace->end_ns)
            trace->end_ns = trace->spans[i].end_ns;
    }
}

/* Error as soon as one span failed; the root's message goes before the first failed span's. */
static void settle_status(struct nv_translation *t)
{
    struct nv_trace *trace = t->trace;
    const struct nv_span *first = NULL;
    bool timeout = false;
    for (uint32_t i = 0; i < trace->span_count; i++) {
        const struct nv_span *span = &trace->spans[i];
        timeout = timeout || span->status == NV_STATUS_TIMEOUT;
        trace->error_count += span->status == NV_STATUS_ERROR;
        if (!first && span->status != NV_STATUS_OK && span->status_message.ptr)
            first = span;
    }
    trace->status = trace->error_count > 0 ? NV_STATUS_ERROR
                    : timeout              ? NV_STATUS_TIMEOUT
                                           : NV_STATUS_OK;
    const struct nv_span *root = &trace->spans[t->root];
    if (root->status_message.ptr) {
        trace->status_message = root->status_message;
    } else if (first) {
        trace->status_message = nv_arena_printf(t->arena, "%.*s: %.*s", NV_STR_ARG(first->name),
                                                NV_STR_ARG(first->status_message));
    }
}

/* Project, environment, session, name, status, times, attributes of the trace itself. */
static enum nv_err settle_trace(struct nv_translation *t)
{
    const struct nv_identity *told = &t->identity;
    struct nv_trace *trace = t->trace;
    trace->name = told->name.text.ptr ? told->name.text : nv_name_of_root(t);
    trace->origin = trace->spans[t->root].origin;
    trace->project = choose_project(t);
    trace->environment = told->environment.text.ptr        ? told->environment.text
                         : t->mapping->environment.len > 0 ? t->mapping->environment
                                                           : NV_STR("production");
    trace->service_version = told->service_version.text.ptr ? told->service_version.text
                                                            : t->mapping->service_version;
    trace->session_id = told->session.text;
    trace->user_id = told->user.text;
    trace->request_id = told->request.text;
    settle_times(trace);
    settle_status(t);
    enum nv_err err = add_text(t, NV_STR("noveum.project"), trace->project);
    if (err == NV_OK)
        err = add_text(t, NV_STR("noveum.environment"), trace->environment);
    if (err == NV_OK)
        err = add_text(t, NV_STR("noveum.gateway.version"), t->mapping->gateway_version);
    if (err == NV_OK && t->raw->incomplete != NV_COMPLETE) {
        err = add_text(t, NV_STR("noveum.gateway.incomplete"),
                       incomplete_names[t->raw->incomplete]);
    }
    if (err == NV_OK && t->raw->of_records)
        err = add_text(t, NV_STR("noveum.gateway.made_of"), NV_STR("log records"));
    return err != NV_OK ? err : nv_part_settle(t);
}

static enum nv_err apply_resources(struct nv_translation *t)
{
    const struct nv_origin *root = t->works[t->root].span->origin;
    enum nv_err err = nv_apply_resource(t, root);
    for (uint32_t i = 0; err == NV_OK && i < t->raw->group_count; i++) {
        const struct nv_origin *origin = &t->origins[i];
        bool again = i > 0 && origin->resource.items == origin[-1].resource.items;
        err = origin == root || again ? NV_OK : nv_apply_resource(t, origin);
    }
    return err;
}

/* From bytes to the fields of each span. */
static enum nv_err apply(struct nv_translation *t)
{
    enum nv_err err = nv_scratch_init(t);
    if (err == NV_OK)
        err = nv_tree_build(t);
    if (err == NV_OK && t->work_count == 0)
        err = NV_ERR_MALFORMED;
    if (err == NV_OK)
        err = nv_deltas_rebuild(t);
    if (err == NV_OK)
        err = apply_resources(t);
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++)
        err = nv_meter_over() ? NV_ERR_LIMIT : nv_apply_span(t, &t->works[i]);
    return err == NV_OK ? nv_spans_leave_out(t) : err;
}

/* What follows of several spans, or of several fields of one. Steps that are of one kind of
 * span are left out where no span is of it: a trace of plain requests pays for none of
 * them. */
static enum nv_err settle(struct nv_translation *t)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++)
        err = nv_outcome_settle(t, &t->works[i]);
    if (err == NV_OK && (t->kinds & NV_KIND_BIT(NV_KIND_EMBEDDING)))
        err = nv_vectors_leave_out(t);
    if (err == NV_OK && (t->kinds & NV_KIND_BIT(NV_KIND_MCP)))
        err = nv_tools_settle(t);
    if (err == NV_OK)
        err = nv_usage_settle(t);
    if (err == NV_OK && (t->kinds & NV_KIND_BIT(NV_KIND_TOOL)))
        err = nv_tool_ids_settle(t);
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++)
        err = nv_cost_settle(t, &t->works[i]);
    return err;
}

static enum nv_err translate(struct nv_translation *t)
{
    enum nv_err err = apply(t);
    if (err != NV_OK || t->work_count == 0)
        return err; /* all of it is left out */
    err = settle(t);
    if (err == NV_OK)
        err = settle_trace(t);
    if (err == NV_OK)
        err = nv_workflows_settle(t);
    if (err == NV_OK)
        err = nv_agents_settle(t);
    if (err == NV_OK)
        err = nv_records_keep(t);
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        err = nv_rest_evaluations(t, &t->works[i]);
        if (err == NV_OK)
            err = nv_rest_unique(t, &t->works[i]);
    }
    return err;
}

/* ---- traces that cost too much ----------------------------------------------------------- */

/* All that the trace's translation reads. */
static uint64_t bytes_of(const struct nv_raw_trace *raw)
{
    uint64_t bytes = NV_WORK_FREE_BYTES;
    for (uint32_t i = 0; i < raw->item_count; i++)
        bytes += raw->items[i].bytes.len;
    for (uint32_t i = 0; i < raw->group_count; i++) {
        const struct nv_str resource = raw->groups[i].resource;
        bytes += raw->groups[i].scope.len;
        /* the groups of one resource follow each other */
        if (i == 0 || resource.ptr != raw->groups[i - 1].resource.ptr)
            bytes += resource.len;
    }
    return bytes;
}

static uint64_t work_allowed(const struct nv_mapping *mapping, uint64_t bytes)
{
    uint64_t allowed;
    if (mapping->work_per_byte == 0 ||
        __builtin_mul_overflow(bytes, mapping->work_per_byte, &allowed))
        return UINT64_MAX;
    return allowed;
}

/* The trace as its spans came: a tree with names, times and statuses, and nothing looked
 * into. */
static enum nv_err leave_as_it_is(struct nv_translation *t, struct nv_str why)
{
    enum nv_err err = nv_tree_build(t);
    if (err == NV_OK)
        err = apply_resources(t);
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        struct nv_span_work *work = &t->works[i];
        nv_rest_untranslated(t->rules, work->span);
        work->may_repeat = true;
        work->rest_end = work->span->attributes.count;
        err = nv_outcome_settle(t, work);
        if (err == NV_OK)
            err = nv_rest_unique(t, work);
    }
    if (err == NV_OK)
        err = settle_trace(t);
    if (err != NV_OK)
        return err;
    t->trace->untranslated = true;
    why = nv_arena_dup(t->arena, why);
    return why.ptr ? add_text(t, NV_STR("noveum.gateway.untranslated"), why) : NV_ERR_NO_MEMORY;
}

static struct nv_translation begin(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                                   struct nv_trace *trace)
{
    *trace = (struct nv_trace){.arena = NULL};
    const uint8_t *id = raw->is_turn ? raw->turn_id : raw->trace_id;
    memcpy(trace->trace_id, id, sizeof trace->trace_id);
    memcpy(trace->source_trace_id, id, sizeof trace->source_trace_id);
    return (struct nv_translation){.mapping = mapping,
                                   .rules = mapping->rules,
                                   .raw = raw,
                                   .arena = raw->arena,
                                   .trace = trace};
}

static enum nv_err leave_for_work(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                                  struct nv_trace *trace, uint64_t allowed)
{
    struct nv_translation t = begin(mapping, raw, trace);
    char why[96];
    int len =
        snprintf(why, sizeof why,
                 "translation took more than %" PRIu64 " units of work (mapping.work_per_byte)",
                 allowed);
    return leave_as_it_is(&t, (struct nv_str){why, (size_t)len});
}

/* Its arena is at the cap. What it has of many is left out until the rest fits; nothing at
 * first (0), as what filled the arena may have been the translation alone, which is given
 * up. */
static enum nv_err leave_for_memory(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                                    struct nv_trace *trace, struct nv_arena_mark mark)
{
    static const uint32_t limits[] = {0, 16384, 1024, 64};
    enum nv_err err = NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < sizeof limits / sizeof *limits && err == NV_ERR_NO_MEMORY; i++) {
        nv_arena_rewind(raw->arena, mark);
        nv_decode_limit(limits[i]);
        struct nv_translation t = begin(mapping, raw, trace);
        err = leave_as_it_is(&t,
                             NV_STR("translation took more memory than memory.max_bytes leaves "
                                    "it"));
    }
    nv_decode_limit(0);
    return err;
}

enum nv_err nv_mapping_make_spans(struct nv_raw_trace *raw, uint32_t *unused)
{
    return nv_turns_make_spans(raw, unused);
}

static enum nv_err run(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                       struct nv_buf *report, bool json, struct nv_trace **out)
{
    struct nv_trace *trace = nv_arena_alloc(raw->arena, sizeof *trace);
    if (!trace)
        return NV_ERR_NO_MEMORY;
    struct nv_translation t = begin(mapping, raw, trace);
    const uint64_t bytes = bytes_of(raw), allowed = work_allowed(mapping, bytes);
    struct nv_arena_mark mark = nv_arena_mark(raw->arena);
    nv_arena_expect(raw->arena, 2 * bytes + (uint64_t)raw->item_count * SPAN_BYTES);
    t.report = report;
    t.report_json = json;
    nv_meter_start(allowed);
    t.layouts = nv_layout_table_take(mapping->layouts);
    enum nv_err err = translate(&t);
    nv_layout_table_give(mapping->layouts, t.layouts);
    bool over = nv_meter_over();
    /* the way out of too much work is not to be ended by the same meter */
    nv_meter_here.limit = UINT64_MAX;
    if (over)
        err = leave_for_work(mapping, raw, trace, allowed);
    if (err == NV_ERR_NO_MEMORY && nv_arena_is_full(raw->arena))
        err = leave_for_memory(mapping, raw, trace, mark);
    if (err != NV_OK)
        return err;
    nv_count(NV_COUNT_TRACES_UNTRANSLATED, trace->untranslated);
    trace->arena = raw->arena;
    trace->claim = raw->claim;
    *out = trace;
    return NV_OK;
}

enum nv_err nv_mapping_explain(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                               struct nv_buf *report, struct nv_trace **out)
{
    return run(mapping, raw, report, false, out);
}

/* What there is no room for is not told: it is for people, and the trace goes before. */
static void keep_explained(struct nv_trace *trace, struct nv_buf *report)
{
    if (trace->untranslated || report->failed != NV_OK || report->len == 0)
        return;
    trace->explained = nv_arena_printf(trace->arena, "[%.*s]", (int)report->len, report->bytes);
    if (!trace->explained.ptr)
        trace->explained = (struct nv_str){NULL, 0};
}

static enum nv_err run_explained(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                                 struct nv_trace **out)
{
    struct nv_buf report;
    nv_buf_init(&report, NV_CAP_EXPLAINED);
    enum nv_err err = run(mapping, raw, &report, true, out);
    if (err == NV_OK)
        keep_explained(*out, &report);
    nv_buf_release(&report);
    return err;
}

enum nv_err nv_mapping_translate(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                                 struct nv_trace **out)
{
    return mapping->explain ? run_explained(mapping, raw, out)
                            : run(mapping, raw, NULL, false, out);
}
