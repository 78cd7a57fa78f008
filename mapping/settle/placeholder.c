/*
 * Spans that only announce another: left out once the other is here.
 *
 *   chat                the span, sent when it ended
 *   └─ chat (pending)   sent when it began, with an id of its own     left out
 *      └─ tool          a child of what is left out moves up
 *
 * Which spans are placeholders, rows say (target span.placeholder). One whose span never came
 * is kept: it is all that is known of it, a process that died in the middle for instance. When
 * the trace was cut, the rest follows as a linked part and the span with it, so placeholders go
 * out only when there would be nothing else to send. The ledger's count is the caller's
 * business: trace->placeholder_count says how many it must move.
 */
#include "mapping/settle/settle.h"

#include <assert.h>

#include "base/banned.h"

static bool is_left_out(const struct nv_translation *t, const struct nv_span_work *work)
{
    if (!work->placeholder)
        return false;
    if (work->parent == NV_NO_SPAN)
        return t->raw->incomplete == NV_INCOMPLETE_CUT;
    return !t->works[work->parent].placeholder;
}

/* How many spans stay; `places` gets where each will be, NV_NO_SPAN for nowhere. */
static uint32_t choose(const struct nv_translation *t, uint32_t *places)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->work_count; i++)
        places[i] = is_left_out(t, &t->works[i]) ? NV_NO_SPAN : kept++;
    return kept;
}

/* Hangs a span below the nearest one above it that stays. */
static void move_up(struct nv_translation *t, struct nv_span_work *work, const uint32_t *places)
{
    while (work->parent != NV_NO_SPAN && places[work->parent] == NV_NO_SPAN) {
        const struct nv_span_work *gone = &t->works[work->parent];
        memcpy(work->span->parent_id, gone->span->parent_id, NV_SPAN_ID_BYTES);
        work->span->has_parent = gone->span->has_parent;
        work->parent = gone->parent;
    }
}

enum nv_err nv_placeholders_leave_out(struct nv_translation *t)
{
    bool any = false;
    for (uint32_t i = 0; i < t->work_count; i++)
        any = any || t->works[i].placeholder;
    if (!any)
        return NV_OK;
    uint32_t *places = nv_arena_array(t->arena, t->work_count, sizeof *places);
    if (!places)
        return NV_ERR_NO_MEMORY;
    uint32_t kept = choose(t, places);
    if (kept == 0 || kept == t->work_count)
        return NV_OK;
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (places[i] != NV_NO_SPAN)
            move_up(t, &t->works[i], places);
    }
    struct nv_span *spans = t->trace->spans;
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (places[i] == NV_NO_SPAN)
            continue;
        assert(places[i] <= i && t->works[i].span == &spans[i]);
        struct nv_span_work work = t->works[i];
        spans[places[i]] = spans[i];
        work.span = &spans[places[i]];
        work.parent = work.parent == NV_NO_SPAN ? NV_NO_SPAN : places[work.parent];
        t->works[places[i]] = work;
    }
    t->trace->placeholder_count = t->work_count - kept;
    t->trace->span_count = t->work_count = kept;
    t->root = nv_tree_root(t);
    return NV_OK;
}
