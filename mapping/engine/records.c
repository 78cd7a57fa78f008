/*
 * What is left of log records, as events (records.h).
 *
 *   record of a span ─▶ its attributes and body, but for
 *        what a row of events.rules takes            (content.c says which)
 *        what the span says itself with equal value  (gen_ai.system on each message)
 *      ─▶ nothing left: no event
 *   record of no span here ─▶ all of it, an event of the root
 *
 * The body goes out as `body`, the severity as `severity_number`. What rows drop is masked here
 * as in attributes. All looks are by hash, so that this costs in proportion to what is there.
 */
#include "mapping/engine/records.h"

#include "mapping/engine/content.h"

#include "base/meter.h"
#include "model/absent.h"

#include "base/banned.h"

/* One span's records on their way into its events. */
struct keeping {
    struct nv_translation *t;
    struct nv_span_work *work;
    struct nv_attributes own; /* the span's attributes as they came */
    struct nv_key_index index;
    bool stray; /* the records name no span: nothing of them has been taken */
};

/* ---- what is left of one record ---------------------------------------------------------- */

static bool is_dropped(const struct nv_rules *rules, struct nv_str key)
{
    struct nv_key_match found;
    nv_rules_find(rules, key, &found);
    const struct nv_rule_key *known = found.key == 0 ? NULL : &rules->keys[found.key - 1];
    bool dropped = false;
    for (unsigned row = 0; known && row < known->rule_count; row++)
        dropped = dropped || (rules->rules[known->first_rule + row].flags & NV_RULE_DROP);
    return dropped;
}

/* Does a row map the key, so that its value went through the span's attributes? */
static bool is_mapped(const struct nv_rules *rules, struct nv_str key)
{
    struct nv_key_match found;
    nv_rules_find(rules, key, &found);
    return found.key != 0 && rules->keys[found.key - 1].rule_count > 0;
}

static enum nv_err keep_member(struct keeping *keeping, const struct nv_attribute *member,
                               struct nv_attributes *out)
{
    struct nv_translation *t = keeping->t;
    struct nv_value *there = NULL;
    if (nv_value_absent(&member->value) || nv_str_eq(member->key, NV_STR("event.name")))
        return NV_OK;
    enum nv_err err =
        nv_key_index_find(&keeping->index, t->arena, &keeping->own, member->key, &there);
    if (err != NV_OK || (there && nv_value_eq(there, &member->value)))
        return err;
    const struct nv_value value =
        is_dropped(t->rules, member->key) ? nv_value_string(NV_STR("***")) : member->value;
    return nv_attributes_add(out, t->arena, member->key, value);
}

/* What rows leave of the attributes and, where they look into it, of the body. */
static enum nv_err keep_attributes(struct keeping *keeping, const struct nv_log *log,
                                   struct nv_content_taken taken, struct nv_attributes *out)
{
    const struct nv_rules *rules = keeping->t->rules;
    const bool tool = keeping->work->kind == NV_KIND_TOOL || keeping->work->kind == NV_KIND_MCP;
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < log->attributes.count; i++) {
        const struct nv_attribute *member = &log->attributes.items[i];
        const bool label = nv_content_labels(member->key);
        /* a label of a message that rows map names the provider, which the span does as well */
        const bool maps = taken.mapped || (taken.body && label);
        bool gone = (maps && is_mapped(rules, member->key)) || (taken.attributes && !label) ||
                    (taken.members && nv_content_takes(log->event_name, tool, member->key));
        if (!gone)
            err = keep_member(keeping, member, out);
    }
    return err;
}

static enum nv_err keep_body(struct keeping *keeping, const struct nv_log *log,
                             struct nv_content_taken taken, struct nv_attributes *out)
{
    const struct nv_rules *rules = keeping->t->rules;
    const bool tool = keeping->work->kind == NV_KIND_TOOL || keeping->work->kind == NV_KIND_MCP;
    bool named = log->body.type == NV_VALUE_STRING && /* the name once more */
                 nv_str_eq(log->body.as.string, log->event_name);
    if (taken.body || named || nv_value_absent(&log->body))
        return NV_OK;
    if (log->body.type != NV_VALUE_MAP || !(taken.mapped || taken.members))
        return nv_attributes_add(out, keeping->t->arena, NV_STR("body"), log->body);
    struct nv_attributes left = {0};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < log->body.as.map.count; i++) {
        const struct nv_attribute *member = &log->body.as.map.items[i];
        bool gone = (taken.mapped && is_mapped(rules, member->key)) ||
                    (taken.members && nv_content_takes(log->event_name, tool, member->key));
        if (!gone)
            err = keep_member(keeping, member, &left);
    }
    const struct nv_value body = {.type = NV_VALUE_MAP, .as.map = {left.items, left.count}};
    return err != NV_OK || left.count == 0
               ? err
               : nv_attributes_add(out, keeping->t->arena, NV_STR("body"), body);
}

/* ---- events ------------------------------------------------------------------------------ */

/* Makes room for as many events more as there may be. */
static enum nv_err reserve(struct keeping *keeping, uint32_t count)
{
    struct nv_span *span = keeping->work->span;
    struct nv_event *events =
        nv_arena_array(keeping->t->arena, (size_t)span->event_count + count, sizeof *events);
    if (!events)
        return NV_ERR_NO_MEMORY;
    if (span->event_count > 0)
        memcpy(events, span->events, span->event_count * sizeof *events);
    span->events = events;
    return NV_OK;
}

static enum nv_err keep_one(struct keeping *keeping, const struct nv_log *log)
{
    struct nv_span *span = keeping->work->span;
    const bool tool = keeping->work->kind == NV_KIND_TOOL || keeping->work->kind == NV_KIND_MCP;
    struct nv_content_taken taken = {.body = false};
    struct nv_attributes left = {0};
    if (!keeping->stray)
        taken = nv_content_taken_of(log, tool);
    (void)nv_meter_spend(1 + log->attributes.count);
    enum nv_err err = keep_attributes(keeping, log, taken, &left);
    if (err == NV_OK)
        err = keep_body(keeping, log, taken, &left);
    if (err != NV_OK || left.count == 0)
        return err;
    if (log->severity > 0) {
        err = nv_attributes_add(&left, keeping->t->arena, NV_STR("severity_number"),
                                nv_value_int(log->severity));
    }
    if (err == NV_OK)
        err = nv_attributes_unique(&left, keeping->t->arena);
    span->events[span->event_count++] =
        (struct nv_event){.name = log->event_name.len > 0 ? log->event_name : NV_STR("log"),
                          .time_ns = log->time_ns > 0 ? log->time_ns : span->start_ns,
                          .attributes = left};
    return err;
}

static enum nv_err keep_records(struct nv_translation *t, struct nv_span_work *work,
                                const struct nv_log *logs, uint32_t count, bool stray)
{
    struct keeping keeping = {.t = t, .work = work, .stray = stray};
    keeping.own = (struct nv_attributes){work->source.items, work->own_count, 0};
    enum nv_err err = reserve(&keeping, count);
    for (uint32_t i = 0; err == NV_OK && i < count; i++)
        err = nv_meter_over() ? NV_ERR_LIMIT : keep_one(&keeping, &logs[i]);
    return err;
}

/* ---- evaluations that name no span ------------------------------------------------------- */

/* The spans by the id of the answer that they got. */
static enum nv_err index_answers(const struct nv_translation *t, struct nv_hash_index *index)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        const struct nv_value *id = nv_work_get(&t->works[i], NV_FIELD_REQUEST_ID);
        if (id && id->type == NV_VALUE_STRING)
            err = nv_hash_index_add(index, t->arena, nv_str_hash(id->as.string), i);
    }
    return err;
}

/* The span whose answer the record is about; the root when it names none. */
static uint32_t judged_by(const struct nv_translation *t, const struct nv_hash_index *answers,
                          const struct nv_log *log)
{
    const struct nv_value *id =
        nv_attributes_get(&log->attributes, NV_STR("gen_ai.response.id"));
    const struct nv_hash_slot *slot;
    if (!id || id->type != NV_VALUE_STRING)
        return t->root;
    const uint64_t hash = nv_str_hash(id->as.string);
    for (uint32_t at = 0; (slot = nv_hash_index_next(answers, hash, &at)) != NULL;) {
        const struct nv_value *there =
            nv_work_get(&t->works[slot->number - 1], NV_FIELD_REQUEST_ID);
        if (there && nv_value_eq(there, id))
            return slot->number - 1;
    }
    return t->root;
}

/* Evaluations of records that name no span. */
static enum nv_err judge_strays(struct nv_translation *t)
{
    struct nv_hash_index answers = {0};
    enum nv_err err = index_answers(t, &answers);
    for (uint32_t i = 0; err == NV_OK && i < t->stray_count; i++) {
        struct nv_content content;
        const struct nv_content_source source = {.logs = &t->strays[i], .log_count = 1};
        if (!nv_content_is_evaluation(t->strays[i].event_name))
            continue;
        err = nv_content_collect(t->arena, &source, &content);
        struct nv_span_work *judged = &t->works[judged_by(t, &answers, &t->strays[i])];
        for (uint32_t k = 0; err == NV_OK && k < content.count; k++) {
            err = nv_evaluations_add(&judged->evaluations, t->arena, &content.items[k].value,
                                     NV_EVALUATIONS_LIST);
        }
    }
    return err;
}

/* ---- the trace --------------------------------------------------------------------------- */

enum nv_err nv_records_keep(struct nv_translation *t)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        struct nv_span_work *work = &t->works[i];
        if (work->log_count > 0)
            err = keep_records(t, work, work->logs, work->log_count, false);
    }
    if (err != NV_OK || t->stray_count == 0)
        return err;
    err = keep_records(t, &t->works[t->root], t->strays, t->stray_count, true);
    return err != NV_OK ? err : judge_strays(t);
}
