/*
 * Decides each field by itself, and what goes out under its own key.
 *
 *   field ─▶ its candidates by precedence ─▶ first that is not absent wins ─▶ span->attributes
 *                                            losers: equal value: expressed; else kept
 *   derived fields come after the fields they derive from
 *   then: every source attribute that is neither expressed nor dropped (mapping/engine/rest.c)
 *
 * The rule that the first matching vocabulary must not win a whole span (trap 34) is the shape
 * of this file: there is no loop over vocabularies. Nothing is lost: a source attribute is left
 * out only when a field says all of it (`exact`), or when its row drops it.
 */
#include "mapping/engine/place.h"
#include "mapping/engine/report.h"

#include "mapping/content/words.h"

#include "base/meter.h"
#include "mapping/engine/transform_steps.h"
#include "model/absent.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Fields a span usually has beyond its source attributes: response, tool calls, costs. */
#define DERIVED_USUAL 8

/* ---- one candidate ----------------------------------------------------------------------- */

/* JSON text that several rows look into is parsed once. */
static enum nv_err parsed_once(struct nv_translation *t, uint32_t attribute,
                               const struct nv_value **value)
{
    struct nv_seen *seen = &t->scratch.seen[attribute];
    if (!seen->parsed) {
        struct nv_transform transform = {.arena = t->arena};
        struct nv_transformed result = {.value = **value, .exact = true};
        enum nv_err err = nv_step_parse(&transform, NV_REPR_OBJECTS, &result);
        struct nv_value *parsed = nv_arena_alloc(t->arena, sizeof *parsed);
        if (err != NV_OK || !parsed)
            return err != NV_OK ? err : NV_ERR_NO_MEMORY;
        *parsed = result.value;
        seen->parsed = parsed;
        seen->parsed_exact = result.exact;
    }
    *value = seen->parsed;
    return NV_OK;
}

/* Is the value what its row's one step would make of it? So it is with most: this goes before
 * the steps, which find the same out by way of a table. */
static inline bool is_as_wanted(const struct nv_value *value, uint8_t op, bool absent)
{
    switch (op) {
    case NV_STEP_COPY:
        return !absent;
    case NV_STEP_INT:
    case NV_STEP_FLOAT:
        return value->type == NV_VALUE_INT;
    case NV_STEP_TEXT:
        return value->type == NV_VALUE_STRING && !absent && value->as.string.ptr[0] != '"';
    default:
        return false;
    }
}

/* The steps of a row that are more than a look at the value. */
static enum nv_err run_steps(struct nv_translation *t, struct nv_candidate *candidate,
                             struct nv_transformed *out)
{
    const struct nv_rule *rule = candidate->rule;
    const struct nv_step *steps = &t->rules->steps[rule->first_step];
    if (candidate->tree) {
        struct nv_tree *tree = &t->scratch.trees[candidate->tree - 1];
        enum nv_err err = nv_unflatten_finish(&tree->builder, &tree->value);
        if (err != NV_OK)
            return err;
        candidate->value = &tree->value;
    }
    const struct nv_value *value = candidate->value;
    if (steps[0].op == NV_STEP_MEMBER && candidate->attribute != NV_NO_ATTRIBUTE) {
        enum nv_err err = parsed_once(t, candidate->attribute, &value);
        if (err != NV_OK)
            return err;
    }
    return nv_transform_run(&t->scratch.transform, steps, rule->step_count, value, out);
}

/* Is the value before the row's steps absent? Of attributes it is known. */
static inline bool is_absent(const struct nv_translation *t,
                             const struct nv_candidate *candidate)
{
    return candidate->attribute != NV_NO_ATTRIBUTE
               ? t->scratch.seen[candidate->attribute].absent
               : nv_value_absent(candidate->value);
}

static inline bool goes_as_it_is(const struct nv_translation *t,
                                 const struct nv_candidate *candidate)
{
    return is_as_wanted(candidate->value, t->rules->steps[candidate->rule->first_step].op,
                        is_absent(t, candidate));
}

static inline enum nv_err transform_candidate(struct nv_translation *t,
                                              struct nv_candidate *candidate,
                                              struct nv_transformed *out)
{
    if (!(candidate->rule->flags & NV_RULE_PLAIN) || !goes_as_it_is(t, candidate))
        return run_steps(t, candidate, out);
    out->value = *candidate->value;
    out->absent = false;
    out->exact = true;
    return NV_OK;
}

static inline void set_state(struct nv_seen *seen, enum nv_seen_state state)
{
    if (state > seen->state)
        seen->state = (uint8_t)state;
}

/* A part's type, a role in the source's own word, JSON quoted twice: the canonical form need
 * not repeat it. */
static bool says_form(const struct nv_attribute *attribute)
{
    const struct nv_value *value = &attribute->value;
    bool quoted = value->type == NV_VALUE_STRING && value->as.string.len > 0 &&
                  value->as.string.ptr[0] == '"';
    if (quoted || nv_str_ends(attribute->key, NV_STR(".type")))
        return true;
    return nv_str_ends(attribute->key, NV_STR(".role")) &&
           attribute->value.type == NV_VALUE_STRING &&
           !nv_glob_any(NV_STR("system,user,assistant,tool,developer"),
                        attribute->value.as.string);
}

/* Marks the attributes of a candidate's tree as said by its field. */
static void mark_tree(struct nv_translation *t, const struct nv_span_work *work,
                      const struct nv_candidate *candidate)
{
    const struct nv_rule_key *key = &t->rules->keys[candidate->rule->key];
    struct nv_str prefix = nv_str_slice(key->pattern, 0, key->prefix_len);
    (void)nv_meter_spend(work->source.count);
    for (uint32_t i = 0; i < work->source.count; i++) {
        const struct nv_seen *seen = &t->scratch.seen[i];
        if (seen->key == 0)
            continue;
        const struct nv_rule_key *other = &t->rules->keys[seen->key - 1];
        const struct nv_rule *rule = &t->rules->rules[other->first_rule];
        if (other->prefix_len != key->prefix_len || !nv_str_starts(other->pattern, prefix))
            continue;
        if (says_form(&work->source.items[i]))
            continue;
        for (unsigned r = 0; r < other->rule_count; r++) {
            if ((rule[r].flags & NV_RULE_TREE) && rule[r].field == candidate->rule->field)
                set_state(&t->scratch.seen[i], NV_SEEN_EXPRESSED);
        }
    }
}

/* Marks the attributes behind a candidate as said by a field. */
static inline void mark_expressed(struct nv_translation *t, const struct nv_span_work *work,
                                  const struct nv_candidate *candidate)
{
    if (candidate->tree)
        mark_tree(t, work, candidate);
    else if (candidate->attribute != NV_NO_ATTRIBUTE)
        set_state(&t->scratch.seen[candidate->attribute], NV_SEEN_EXPRESSED);
}

/* ---- placing ----------------------------------------------------------------------------- */

static inline enum nv_err place(struct nv_translation *t, struct nv_span_work *work,
                                const struct nv_candidate *candidate,
                                const struct nv_value *value)
{
    const uint16_t field = candidate->rule->field;
    struct nv_attributes *list = &work->span->attributes;
    if (!(candidate->rule->flags & NV_RULE_ONE))
        return nv_place_otherwise(t, work, candidate, value);
    enum nv_err err = nv_attributes_add(list, t->arena, t->rules->fields[field].name, *value);
    if (err == NV_OK && field < NV_FIELD_KNOWN)
        work->at[field] = list->count;
    return err;
}

/* May the source be left out, now that this field has its value? */
static inline bool says_all(const struct nv_candidate *candidate,
                            const struct nv_transformed *result)
{
    return result->exact && (candidate->rule->flags & NV_RULE_WHOLE);
}

/* ---- a field ----------------------------------------------------------------------------- */

static enum nv_err derive(struct nv_translation *t, const struct nv_span_work *work,
                          uint16_t field, const struct nv_value *value);

/* What became of the name that a candidate of a {*} field stands for. */
struct standing {
    struct nv_value *taken; /* what has it; NULL: nothing */
    bool waits;             /* a field of that very name is not decided yet */
};

static enum nv_err find_standing(struct nv_translation *t, const struct nv_span_work *work,
                                 const struct nv_candidate *candidate, struct standing *out)
{
    const struct nv_field *field = &t->rules->fields[candidate->rule->field];
    *out = (struct standing){NULL, false};
    if (field->outside || (candidate->rule->flags & NV_RULE_SPREAD))
        return NV_OK;
    struct nv_str name = nv_place_name(t, field->name, candidate->rest);
    if (!name.ptr)
        return NV_ERR_NO_MEMORY;
    const uint16_t named = nv_rules_find_field(t->rules, name);
    out->waits = named != NV_FIELD_NONE && t->scratch.heads[named] != 0;
    return nv_key_index_find(&t->scratch.sent, t->arena, &work->span->attributes, name,
                             &out->taken);
}

/* Puts a candidate off until all fields are decided. */
static void put_off(struct nv_scratch *scratch, uint32_t number)
{
    uint32_t *link = scratch->later == 0 ? &scratch->later
                                         : &scratch->candidates[scratch->later_end - 1].next;
    *link = scratch->later_end = number;
    scratch->candidates[number - 1].next = 0;
}

/* One candidate of a {*} field. A name that is taken is not given again: the same value has
 * been said, another one stays under its source's key. */
static enum nv_err resolve_one(struct nv_translation *t, struct nv_span_work *work,
                               uint32_t number)
{
    struct nv_candidate *candidate = &t->scratch.candidates[number - 1];
    struct standing standing = {NULL, false};
    struct nv_transformed result;
    enum nv_err err = transform_candidate(t, candidate, &result);
    if (err == NV_OK && !result.absent)
        err = find_standing(t, work, candidate, &standing);
    if (err != NV_OK || result.absent)
        return err;
    if (standing.waits) {
        put_off(&t->scratch, number);
        return NV_OK;
    }
    const bool lost = standing.taken && !nv_value_eq(standing.taken, &result.value);
    nv_report_line(t, work, candidate, lost ? "lost" : "took");
    if (!standing.taken)
        err = place(t, work, candidate, &result.value);
    if (err == NV_OK && !lost && says_all(candidate, &result))
        mark_expressed(t, work, candidate);
    return err;
}

/* Each candidate of a {*} field stands for a name of its own. */
static enum nv_err resolve_wild(struct nv_translation *t, struct nv_span_work *work,
                                uint32_t at)
{
    enum nv_err err = NV_OK;
    work->may_repeat = true;
    while (err == NV_OK && at != 0) {
        const uint32_t next = t->scratch.candidates[at - 1].next;
        err = resolve_one(t, work, at);
        at = next;
    }
    return err;
}

/* What the candidates of a field that was decided by an earlier one add: nothing but that they
 * say the same. They are not asked when they would have to be parsed for that. */
static enum nv_err compare_loser(struct nv_translation *t, struct nv_span_work *work,
                                 struct nv_candidate *candidate, const struct nv_value *winner)
{
    struct nv_transformed result = {.absent = false};
    bool plain = (candidate->rule->flags & (NV_RULE_PLAIN | NV_RULE_FORMED)) != 0;
    enum nv_err err = plain ? transform_candidate(t, candidate, &result) : NV_OK;
    nv_report_line(t, work, candidate, result.absent ? "absent" : "lost");
    if (plain && err == NV_OK && !result.absent && says_all(candidate, &result) &&
        nv_value_eq(&result.value, winner))
        mark_expressed(t, work, candidate);
    return err;
}

struct ranked {
    uint32_t number; /* of the candidate, as it came */
    uint16_t order;
};

static int by_order(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Links the candidates of a long list anew: by precedence, those of one as they came. */
static enum nv_err sort_list(struct nv_translation *t, uint32_t *head)
{
    struct nv_candidate *candidates = t->scratch.candidates;
    uint32_t count = 0, *link = head;
    for (uint32_t at = *head; at != 0; at = candidates[at - 1].next)
        count++;
    struct ranked *ranked = nv_arena_raw(t->arena, count * sizeof *ranked);
    if (!ranked)
        return NV_ERR_NO_MEMORY;
    count = 0;
    for (uint32_t at = *head; at != 0; at = candidates[at - 1].next)
        ranked[count++] = (struct ranked){at, candidates[at - 1].order};
    qsort(ranked, count, sizeof *ranked, by_order);
    for (uint32_t i = 0; i < count; i++) {
        *link = ranked[i].number;
        link = &candidates[ranked[i].number - 1].next;
    }
    *link = 0;
    (void)nv_meter_spend(count);
    return NV_OK;
}

/* Takes the candidates of a field: 1 + the first. */
static enum nv_err take_list(struct nv_translation *t, uint16_t field, uint32_t *first)
{
    uint32_t *head = &t->scratch.heads[field];
    enum nv_err err = t->scratch.ends[field].unsorted ? sort_list(t, head) : NV_OK;
    *first = *head;
    *head = 0;
    return err;
}

/* The value that won goes where it belongs, in the words that the field has. */
static enum nv_err place_winner(struct nv_translation *t, struct nv_span_work *work,
                                struct nv_candidate *candidate, struct nv_transformed *winner)
{
    const uint16_t field = candidate->rule->field;
    enum nv_err err = NV_OK;
    if (field == NV_FIELD_FINISH_REASON || field == NV_FIELD_OPERATION) {
        err = nv_word_respell(t->arena, field == NV_FIELD_OPERATION, &winner->value,
                              &winner->exact);
    }
    if (err == NV_OK)
        err = place(t, work, candidate, &winner->value);
    if (err != NV_OK)
        return err;
    if (field == NV_FIELD_OUTPUT_MESSAGES)
        t->scratch.output_from_tree = candidate->tree != 0;
    if (says_all(candidate, winner))
        mark_expressed(t, work, candidate);
    return NV_OK;
}

static enum nv_err resolve_field(struct nv_translation *t, struct nv_span_work *work,
                                 uint16_t field)
{
    struct nv_transformed winner;
    uint32_t at;
    enum nv_err taken = take_list(t, field, &at);
    if (taken != NV_OK)
        return taken;
    nv_report_field(t, t->rules->fields[field].name);
    if (t->scratch.candidates[at - 1].rule->flags & NV_RULE_WILD)
        return resolve_wild(t, work, at);
    for (winner.absent = true; at != 0 && winner.absent;
         at = t->scratch.candidates[at - 1].next) {
        struct nv_candidate *candidate = &t->scratch.candidates[at - 1];
        enum nv_err err = transform_candidate(t, candidate, &winner);
        if (err != NV_OK)
            return err;
        nv_report_line(t, work, candidate, winner.absent ? "absent" : "won");
        if (!winner.absent)
            err = place_winner(t, work, candidate, &winner);
        if (err != NV_OK)
            return err;
    }
    for (; at != 0; at = t->scratch.candidates[at - 1].next) {
        enum nv_err err = compare_loser(t, work, &t->scratch.candidates[at - 1], &winner.value);
        if (err != NV_OK)
            return err;
    }
    if (winner.absent || t->rules->fields[field].key == 0)
        return NV_OK;
    return derive(t, work, field, &winner.value);
}

/* A field with one candidate whose value is as its row wants it, and that no other field
 * derives from, as most are: then there is nothing to decide. False when it is not so. */
static inline bool resolve_direct(struct nv_translation *t, struct nv_span_work *work,
                                  uint16_t field)
{
    struct nv_attributes *list = &work->span->attributes;
    const struct nv_candidate *candidate = &t->scratch.candidates[t->scratch.heads[field] - 1];
    if (candidate->next != 0 || !(candidate->rule->flags & NV_RULE_DIRECT) ||
        list->count == list->capacity || t->report || !goes_as_it_is(t, candidate))
        return false;
    t->scratch.heads[field] = 0;
    struct nv_attribute *item = &list->items[list->count++];
    item->key = t->rules->fields[field].name;
    item->value = *candidate->value;
    if (field < NV_FIELD_KNOWN)
        work->at[field] = list->count;
    if (candidate->attribute != NV_NO_ATTRIBUTE && (candidate->rule->flags & NV_RULE_WHOLE))
        set_state(&t->scratch.seen[candidate->attribute], NV_SEEN_EXPRESSED);
    return true;
}

/* ---- derived fields ---------------------------------------------------------------------- */

/* Has a field that others derive from been sent? It is not decided twice. */
static enum nv_err is_decided(struct nv_translation *t, const struct nv_span_work *work,
                              uint16_t field, bool *decided)
{
    struct nv_value *there = NULL;
    enum nv_err err = NV_OK;
    if (t->rules->fields[field].key != 0) {
        err = nv_key_index_find(&t->scratch.sent, t->arena, &work->span->attributes,
                                t->rules->fields[field].name, &there);
    }
    *decided = there != NULL;
    return err;
}

static enum nv_err derive(struct nv_translation *t, const struct nv_span_work *work,
                          uint16_t field, const struct nv_value *value)
{
    const struct nv_rule_key *key = &t->rules->keys[t->rules->fields[field].key - 1];
    const struct nv_rule *rule = &t->rules->rules[key->first_rule];
    struct nv_value *copy = nv_arena_alloc(t->arena, sizeof *copy);
    if (!copy)
        return NV_ERR_NO_MEMORY;
    *copy = *value;
    for (unsigned i = 0; i < key->rule_count; i++) {
        uint32_t bit = NV_KIND_BIT(work->kind);
        if (!(rule[i].where & NV_WHERE_FIELD) || !(rule[i].kinds & bit) ||
            !(t->rules->fields[rule[i].field].kinds & bit) ||
            !nv_rule_holds(t, work, &rule[i], copy))
            continue;
        bool decided = false;
        enum nv_err err = is_decided(t, work, rule[i].field, &decided);
        if (err != NV_OK)
            return err;
        if (decided)
            continue;
        struct nv_candidate *candidate;
        err = nv_candidate_add(t, &rule[i], 0, copy, &candidate);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* ---- a span ------------------------------------------------------------------------------ */

enum nv_err nv_resolve_span(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_scratch *scratch = &t->scratch;
    enum nv_err err = NV_OK;
    nv_key_index_ready(&scratch->sent);
    /* Most attributes go out as one; what is derived and counted comes on top. */
    struct nv_attributes *list = &work->span->attributes;
    list->capacity = work->source.count + DERIVED_USUAL;
    list->items = nv_arena_raw(t->arena, list->capacity * sizeof *list->items);
    if (!list->items)
        return NV_ERR_NO_MEMORY;
    if (t->report)
        nv_report_span(t, work);
    for (uint32_t i = 0; err == NV_OK && i < scratch->deriving_count; i++)
        err = resolve_field(t, work, scratch->deriving[i]);
    for (uint32_t i = 0; err == NV_OK && i < scratch->touched_count; i++) {
        if (!resolve_direct(t, work, scratch->touched[i]))
            err = resolve_field(t, work, scratch->touched[i]);
    }
    if (err == NV_OK && scratch->later != 0)
        err = resolve_wild(t, work, scratch->later);
    return err != NV_OK ? err : nv_rest_settle(t, work);
}
