/*
 * The spans of a trace in order, with their parents, log records and origins.
 *
 *   raw items ─┬─ spans ─▶ decode ─▶ index by span id ─▶ parents, depths ─▶ sort by start, depth
 *              └─ log records ─▶ decode ─▶ sort by span id ─▶ each span's own range
 *
 * Who is who, identity.c says. A parent chain that is a circle is cut where it closes. Spans
 * are ordered by start because the backend stores only milliseconds and shows siblings in the
 * order sent; a parent that starts at the same time stands before its children.
 */
#include "mapping/settle/settle.h"

#include "base/meter.h"
#include "base/text/wire.h"
#include "mapping/engine/decode.h"
#include "model/otlp_fields.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

struct loose_log {
    uint64_t span_id;
    uint32_t target; /* NV_NO_SPAN: none */
    struct nv_log log;
};

struct order {
    uint64_t start_ns;
    uint32_t depth, index;
};

/* ---- origins and spans ------------------------------------------------------------------- */

/* One copy of the bytes, as the scopes of one resource have. */
static bool same_resource(const struct nv_group *a, const struct nv_group *b)
{
    return a->resource.ptr == b->resource.ptr && a->resource.len == b->resource.len;
}

static enum nv_err decode_origins(struct nv_translation *t)
{
    t->origins = nv_arena_array(t->arena, t->raw->group_count, sizeof *t->origins);
    if (!t->origins)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < t->raw->group_count; i++) {
        const struct nv_group *group = &t->raw->groups[i];
        const struct nv_origin *before =
            i > 0 && same_resource(group, group - 1) ? &t->origins[i - 1] : NULL;
        enum nv_err err = nv_decode_origin(t->arena, group, before, &t->origins[i]);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* Decodes the spans in the order they came. */
static enum nv_err decode_spans(struct nv_translation *t, struct nv_ids *ids)
{
    struct nv_raw_trace *raw = t->raw;
    struct nv_span *spans = nv_arena_raw(t->arena, raw->item_count * sizeof *spans);
    t->works = nv_arena_raw(t->arena, raw->item_count * sizeof *t->works);
    if (!spans || !t->works)
        return NV_ERR_NO_MEMORY;
    t->trace->spans = spans;
    for (uint32_t i = 0; i < raw->item_count; i++) {
        const struct nv_raw_item *item = &raw->items[i];
        if (item->signal != NV_SIGNAL_TRACES)
            continue;
        struct nv_span *span = &spans[t->work_count];
        enum nv_err err = nv_decode_span(t->arena, item->bytes, span);
        if (err != NV_OK)
            return err;
        assert(item->group < raw->group_count);
        span->origin = &t->origins[item->group];
        struct nv_span_work *work = &t->works[t->work_count];
        *work = (struct nv_span_work){.span = span,
                                      .group = item->group,
                                      .parent = NV_NO_SPAN,
                                      .twin = NV_NO_SPAN,
                                      .source_bytes = (uint32_t)item->bytes.len};
        t->work_count += nv_identity_enter(t, ids);
    }
    return NV_OK;
}

/* ---- parents ----------------------------------------------------------------------------- */

static enum nv_err link_parents(struct nv_translation *t, const struct nv_ids *ids)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        if (t->works[i].span->has_parent)
            err = nv_identity_link(t, ids, i);
    }
    return err;
}

/* A span on the way up that is being walked; no real depth is as large. */
#define WALKED UINT32_MAX

/* Gives the spans from `from` up to `top`, which has its depth, theirs. */
static void number_path(struct nv_translation *t, uint32_t from, uint32_t top)
{
    uint32_t depth = t->works[top].depth;
    for (uint32_t at = from; at != top; at = t->works[at].parent)
        depth++;
    for (uint32_t at = from; at != top; at = t->works[at].parent)
        t->works[at].depth = depth--;
}

/* Depths by walking up to a span whose depth is known. A span that the walk meets twice closes
 * a circle: it becomes topmost, and what hangs on the circle stays on it. */
static void set_depths(struct nv_translation *t)
{
    for (uint32_t i = 0; i < t->work_count; i++) {
        uint32_t at = i;
        while (t->works[at].parent != NV_NO_SPAN && t->works[at].depth == 0) {
            t->works[at].depth = WALKED;
            at = t->works[at].parent;
            (void)nv_meter_spend(1);
        }
        if (t->works[at].depth == WALKED) {
            uint32_t above = t->works[at].parent;
            t->works[at].parent = NV_NO_SPAN;
            t->works[at].depth = 0;
            number_path(t, above, at);
        }
        number_path(t, i, at);
    }
}

/* ---- log records ------------------------------------------------------------------------- */

static uint64_t log_span_id(struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint64_t id = 0;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_LOG_SPAN_ID && field.type == NV_WIRE_BYTES &&
            field.bytes.len == NV_SPAN_ID_BYTES)
            id = nv_id_number((const uint8_t *)field.bytes.ptr);
    }
    return id;
}

/* By span, and within it by time: records of one span come from several requests. */
static int compare_logs(const void *left, const void *right)
{
    const struct loose_log *a = left, *b = right;
    if (a->span_id != b->span_id)
        return a->span_id < b->span_id ? -1 : 1;
    if (a->target != b->target)
        return a->target < b->target ? -1 : 1;
    return a->log.time_ns < b->log.time_ns ? -1 : a->log.time_ns > b->log.time_ns;
}

/* Gives each span the log records that name it; others are the trace's. */
static enum nv_err attach_logs(struct nv_translation *t, const struct nv_ids *ids)
{
    struct nv_raw_trace *raw = t->raw;
    uint32_t count = 0;
    for (uint32_t i = 0; i < raw->item_count; i++)
        count += raw->items[i].signal == NV_SIGNAL_LOGS;
    if (count == 0)
        return NV_OK;
    struct loose_log *loose = nv_arena_array(t->arena, count, sizeof *loose);
    /* twice: one half for records of spans, one for those of none, whichever there are more
     * of */
    struct nv_log *logs = nv_arena_array(t->arena, (size_t)count * 2, sizeof *logs);
    if (!loose || !logs)
        return NV_ERR_NO_MEMORY;
    count = 0;
    for (uint32_t i = 0; i < raw->item_count; i++) {
        if (raw->items[i].signal != NV_SIGNAL_LOGS)
            continue;
        loose[count].span_id = log_span_id(raw->items[i].bytes);
        loose[count].target =
            nv_identity_of_log(t, ids, loose[count].span_id, &t->origins[raw->items[i].group]);
        enum nv_err err = nv_log_decode(t->arena, raw->items[i].bytes, &loose[count].log);
        if (err != NV_OK)
            return err;
        count++;
    }
    qsort(loose, count, sizeof *loose, compare_logs);
    t->strays = logs + count;
    for (uint32_t i = 0; i < count; i++) {
        logs[i] = loose[i].log;
        if (loose[i].target == NV_NO_SPAN) {
            t->strays[t->stray_count++] = loose[i].log;
            continue;
        }
        struct nv_span_work *work = &t->works[loose[i].target];
        if (work->log_count++ == 0)
            work->logs = &logs[i];
    }
    return NV_OK;
}

/* ---- order ------------------------------------------------------------------------------- */

static int compare_order(const void *left, const void *right)
{
    const struct order *a = left, *b = right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Most clients send spans as they end, but many a trace is in order as it came. */
static bool in_order(const struct nv_translation *t)
{
    for (uint32_t i = 1; i < t->work_count; i++) {
        const struct order before = {t->works[i - 1].span->start_ns, t->works[i - 1].depth,
                                     i - 1};
        const struct order here = {t->works[i].span->start_ns, t->works[i].depth, i};
        if (compare_order(&before, &here) > 0)
            return false;
    }
    return true;
}

/* Puts works and spans into the order they are sent in. */
static enum nv_err sort_works(struct nv_translation *t)
{
    uint32_t count = t->work_count;
    t->trace->span_count = count;
    if (in_order(t))
        return NV_OK;
    /* Not zeroed: each entry is written whole. */
    struct order *order = nv_arena_raw(t->arena, count * sizeof *order);
    uint32_t *places = nv_arena_raw(t->arena, count * sizeof *places);
    struct nv_span_work *works = nv_arena_raw(t->arena, count * sizeof *works);
    struct nv_span *spans = nv_arena_raw(t->arena, count * sizeof *spans);
    if (!order || !places || !works || !spans)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        order[i] = (struct order){t->works[i].span->start_ns, t->works[i].depth, i};
    qsort(order, count, sizeof *order, compare_order);
    for (uint32_t i = 0; i < count; i++)
        places[order[i].index] = i;
    for (uint32_t i = 0; i < count; i++) {
        works[i] = t->works[order[i].index];
        spans[i] = *works[i].span;
        works[i].span = &spans[i];
        if (works[i].parent != NV_NO_SPAN)
            works[i].parent = places[works[i].parent];
        if (works[i].twin != NV_NO_SPAN)
            works[i].twin = places[works[i].twin];
    }
    t->works = works;
    t->trace->spans = spans;
    return NV_OK;
}

/* A span that never had a parent before one whose parent is missing: the first is the trace's
 * own beginning, the second only what is left of it. */
uint32_t nv_tree_root(const struct nv_translation *t)
{
    uint32_t topmost = 0;
    for (uint32_t i = t->work_count; i-- > 0;) {
        if (t->works[i].parent == NV_NO_SPAN)
            topmost = i;
    }
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (!t->works[i].span->has_parent)
            return i;
    }
    return topmost;
}

/* The spans by depth, topmost first, in `order`. */
static enum nv_err sort_by_depth(const struct nv_translation *t, uint32_t *order)
{
    uint32_t deepest = 0, begin = 0;
    for (uint32_t i = 0; i < t->work_count; i++)
        deepest = t->works[i].depth > deepest ? t->works[i].depth : deepest;
    uint32_t *begins = nv_arena_array(t->arena, (size_t)deepest + 1, sizeof *begins);
    if (!begins)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < t->work_count; i++)
        begins[t->works[i].depth]++;
    for (uint32_t depth = 0; depth <= deepest; depth++) {
        uint32_t count = begins[depth];
        begins[depth] = begin;
        begin += count;
    }
    for (uint32_t i = 0; i < t->work_count; i++)
        order[begins[t->works[i].depth]++] = i;
    return NV_OK;
}

enum nv_err nv_tree_branches(const struct nv_translation *t, struct nv_branch **out)
{
    uint32_t count = t->work_count, topmost = 0;
    uint32_t *order = nv_arena_raw(t->arena, count * sizeof *order);
    uint32_t *next = nv_arena_raw(t->arena, count * sizeof *next);
    struct nv_branch *branches = nv_arena_array(t->arena, count, sizeof *branches);
    enum nv_err err = order && next && branches ? sort_by_depth(t, order) : NV_ERR_NO_MEMORY;
    if (err != NV_OK)
        return err;
    (void)nv_meter_spend(count);
    for (uint32_t i = count; i-- > 0;) {
        uint32_t at = order[i], parent = t->works[at].parent;
        branches[at].size++;
        if (parent != NV_NO_SPAN)
            branches[parent].size += branches[at].size;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = order[i], parent = t->works[at].parent;
        uint32_t *place = parent == NV_NO_SPAN ? &topmost : &next[parent];
        branches[at].first = *place;
        next[at] = *place + 1;
        *place += branches[at].size;
    }
    *out = branches;
    return NV_OK;
}

enum nv_err nv_tree_build(struct nv_translation *t)
{
    struct nv_ids ids;
    enum nv_err err = nv_ids_init(&ids, t->arena, t->raw->item_count);
    (void)nv_meter_spend(2 *
                         (uint64_t)t->raw->item_count); /* looks for an id and for a parent */
    if (err == NV_OK)
        err = decode_origins(t);
    if (err == NV_OK)
        err = decode_spans(t, &ids);
    if (err == NV_OK)
        err = nv_identity_separate(t, &ids);
    if (err == NV_OK)
        err = attach_logs(t, &ids);
    if (err == NV_OK)
        err = link_parents(t, &ids);
    if (err != NV_OK)
        return err;
    set_depths(t);
    nv_times_mend(t);
    err = sort_works(t);
    t->root = nv_tree_root(t);
    return err;
}
