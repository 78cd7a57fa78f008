/*
 * Spans that do not go out: those that only announce another, those that a row of the user's
 * names, and with mapping.spans: ai those that are no part of the AI work.
 *
 *   chat                the span, sent when it ended
 *   └─ chat (pending)   sent when it began, with an id of its own     left out: a placeholder
 *      └─ tool          a child of what is left out moves up
 *
 *   POST /ask           the root                                      stays
 *   ├─ SELECT users                                                   left out: not AI
 *   └─ answer()         connects the call with the root               stays
 *      └─ chat
 *         └─ POST api.openai.com                                      left out: not AI
 *
 * Which spans are placeholders, rows say (target span.placeholder). One whose span never came
 * is kept: it is all that is known of it, a process that died in the middle for instance. When
 * the trace was cut, the rest follows as a linked part and the span with it, so placeholders go
 * out only when there would be nothing else to send.
 *
 * A trace without any AI work has no span to connect, so nothing of it goes out, unless it was
 * cut: then its root waits for what follows. The ledger's count is the caller's business:
 * trace->left_out says how many spans it must move.
 */
#include "mapping/engine/report.h"
#include "mapping/settle/settle.h"

#include "base/text/shown.h"

#include <assert.h>

#include "base/banned.h"

/* Rows of kind `generic` from this rank on tell of databases, calls and messages; those before
 * it of what an AI framework does beside models, agents and tools (kinds.rules). */
#define RANK_OF_OTHERS 85

enum why { STAYS, PLACEHOLDER, BY_RULE, NOT_AI };

static bool is_placeholder(const struct nv_translation *t, const struct nv_span_work *work)
{
    if (!work->placeholder)
        return false;
    if (work->parent == NV_NO_SPAN)
        return t->raw->incomplete == NV_INCOMPLETE_CUT;
    return !t->works[work->parent].placeholder;
}

static bool is_ai(const struct nv_span_work *work)
{
    switch (work->kind) {
    case NV_KIND_NONE:
    case NV_KIND_HTTP:
        return work->evaluations.count > 0;
    case NV_KIND_GENERIC:
        return work->kind_rank < RANK_OF_OTHERS || work->evaluations.count > 0;
    default:
        return true;
    }
}

/* Turns all to NOT_AI but AI spans, what is between them and the root, and the root. */
static void choose_ai(const struct nv_translation *t, uint8_t *why)
{
    bool any = false;
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (why[i] == STAYS)
            why[i] = NOT_AI;
    }
    for (uint32_t i = 0; i < t->work_count; i++) {
        bool announced = why[i] == PLACEHOLDER || why[i] == BY_RULE;
        if (announced || !is_ai(&t->works[i]))
            continue;
        any = true;
        /* what is above a span that stays does so already */
        for (uint32_t up = i; up != NV_NO_SPAN && why[up] != STAYS; up = t->works[up].parent) {
            if (why[up] == NOT_AI)
                why[up] = STAYS;
        }
    }
    if (why[t->root] == NOT_AI && (any || t->raw->incomplete == NV_INCOMPLETE_CUT))
        why[t->root] = STAYS;
}

static void choose(const struct nv_translation *t, uint8_t *why)
{
    for (uint32_t i = 0; i < t->work_count; i++) {
        why[i] = t->works[i].left_out              ? BY_RULE
                 : is_placeholder(t, &t->works[i]) ? PLACEHOLDER
                                                   : STAYS;
    }
    if (t->mapping->ai_only)
        choose_ai(t, why);
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

static void tell(const struct nv_translation *t, const struct nv_span_work *work, enum why why)
{
    static const char *const reasons[] = {[PLACEHOLDER] = "it only announces another",
                                          [BY_RULE] = "a row says span.left_out",
                                          [NOT_AI] = "no part of the AI work, mapping.spans"};
    if (!t->report || t->report_json)
        return;
    (void)nv_buf_append_str(t->report, NV_STR("left out \""));
    (void)nv_shown_append(t->report, work->span->source_name, NV_SHOWN_LINE);
    (void)nv_buf_printf(t->report, "\": %s\n", reasons[why]);
}

/* Counts what goes and puts what stays side by side. */
static void close_up(struct nv_translation *t, const uint8_t *why, const uint32_t *places)
{
    struct nv_left_out *out = &t->trace->left_out;
    struct nv_span *spans = t->trace->spans;
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (places[i] == NV_NO_SPAN) {
            out->placeholders += why[i] == PLACEHOLDER;
            out->by_rule += why[i] == BY_RULE;
            out->not_ai += why[i] == NOT_AI;
            out->log_records += t->works[i].log_count;
            tell(t, &t->works[i], (enum why)why[i]);
            continue;
        }
        assert(places[i] <= i && t->works[i].span == &spans[i]);
        struct nv_span_work work = t->works[i];
        spans[places[i]] = spans[i];
        work.span = &spans[places[i]];
        work.parent = work.parent == NV_NO_SPAN ? NV_NO_SPAN : places[work.parent];
        t->works[places[i]] = work;
    }
}

static enum nv_err leave_out(struct nv_translation *t)
{
    uint32_t *places = nv_arena_array(t->arena, t->work_count, sizeof *places);
    uint8_t *why = nv_arena_array(t->arena, t->work_count, sizeof *why);
    uint32_t kept = 0, announced = 0;
    if (!places || !why)
        return NV_ERR_NO_MEMORY;
    choose(t, why);
    for (uint32_t i = 0; i < t->work_count; i++) {
        places[i] = why[i] == STAYS ? kept++ : NV_NO_SPAN;
        announced += why[i] == PLACEHOLDER;
    }
    /* placeholders alone are all that is known */
    if (announced == t->work_count || kept == t->work_count)
        return NV_OK;
    for (uint32_t i = 0; i < t->work_count; i++) {
        if (places[i] != NV_NO_SPAN)
            move_up(t, &t->works[i], places);
    }
    close_up(t, why, places);
    t->trace->span_count = t->work_count = kept;
    t->root = kept > 0 ? nv_tree_root(t) : 0;
    return NV_OK;
}

enum nv_err nv_spans_leave_out(struct nv_translation *t)
{
    bool any = t->mapping->ai_only;
    for (uint32_t i = 0; i < t->work_count; i++)
        any = any || t->works[i].placeholder || t->works[i].left_out;
    return any ? leave_out(t) : NV_OK;
}
