/*
 * Decides each field by itself, and what goes out under its own key.
 *
 *   field ─▶ its candidates by precedence ─▶ first that is not absent wins ─▶ span->attributes
 *                                            losers: equal value: expressed; else kept
 *   derived fields come after the fields they derive from
 *   then: every source attribute that is neither expressed nor dropped
 *
 * The rule that the first matching vocabulary must not win a whole span (trap 34) is the shape of
 * this file: there is no loop over vocabularies. Nothing is lost: a source attribute is left out
 * only when a field says all of it (`exact`), or when its row drops it.
 */
#include "mapping/engine.h"

#include "mapping/messages.h"

#include <assert.h>

#include "base/banned.h"

/* Fields a span usually has beyond its source attributes: response, tool calls, costs. */
#define DERIVED_USUAL 8

enum nv_err nv_work_set(struct nv_translation *t, struct nv_span_work *work,
                        enum nv_known_field field, struct nv_value value)
{
    struct nv_value *there = nv_work_get(work, field);
    if (there) {
        *there = value;
        return NV_OK;
    }
    enum nv_err err =
        nv_attributes_add(&work->span->attributes, t->arena, t->rules->fields[field].name, value);
    if (!err)
        work->at[field] = (uint16_t)work->span->attributes.count;
    return err;
}

void nv_work_rename(struct nv_span_work *work, enum nv_known_field field, struct nv_str name)
{
    if (work->at[field] == 0)
        return;
    work->span->attributes.items[work->at[field] - 1].key = name;
    work->at[field] = 0;
}

/* ---- explain ------------------------------------------------------------------------------- */

static struct nv_str source_name(const struct nv_translation *t, const struct nv_span_work *work,
                                 const struct nv_candidate *candidate)
{
    if (candidate->tree)
        return t->rules->keys[candidate->rule->key].pattern;
    if (candidate->attribute == UINT16_MAX)
        return t->rules->keys[candidate->rule->key].pattern;
    return work->source.items[candidate->attribute].key;
}

static void write_line(const struct nv_translation *t, const struct nv_span_work *work,
                       const struct nv_candidate *candidate, const char *verdict)
{
    const struct nv_rule *rule = candidate->rule;
    (void)nv_buf_printf(t->report, "    %-8s %.*s  (%.*s:%u, precedence %u)\n", verdict,
                        NV_STR_ARG(source_name(t, work, candidate)),
                        NV_STR_ARG(t->rules->files[rule->file].name), rule->line, rule->precedence);
}

static inline void report_line(const struct nv_translation *t, const struct nv_span_work *work,
                               const struct nv_candidate *candidate, const char *verdict)
{
    if (t->report)
        write_line(t, work, candidate, verdict);
}

static void report_field(const struct nv_translation *t, struct nv_str name)
{
    if (t->report)
        (void)nv_buf_printf(t->report, "  %.*s\n", NV_STR_ARG(name));
}

/* ---- one candidate ------------------------------------------------------------------------- */

/* JSON text that several rows look into is parsed once. */
static enum nv_err parsed_once(struct nv_translation *t, uint16_t attribute,
                               const struct nv_value **value)
{
    static const struct nv_step json = {.op = NV_STEP_JSON};
    struct nv_seen *seen = &t->scratch.seen[attribute];
    if (!seen->parsed) {
        struct nv_transform transform = {.arena = t->arena};
        struct nv_transformed result;
        enum nv_err err = nv_transform_run(&transform, &json, 1, *value, &result);
        struct nv_value *parsed = nv_arena_alloc(t->arena, sizeof *parsed);
        if (err || !parsed)
            return err ? err : NV_ERR_NO_MEMORY;
        *parsed = result.value;
        seen->parsed = parsed;
    }
    *value = seen->parsed;
    return NV_OK;
}

/* Is the value what its row's one step would make of it? So it is with most: this goes before the
 * steps, which find the same out by way of a table. */
static inline bool is_as_wanted(const struct nv_value *value, uint8_t op)
{
    switch (op) {
    case NV_STEP_COPY:
        return !nv_value_absent(value);
    case NV_STEP_INT:
    case NV_STEP_FLOAT:
        return value->type == NV_VALUE_INT;
    case NV_STEP_TEXT:
        return value->type == NV_VALUE_STRING && !nv_value_absent(value) &&
               value->as.string.ptr[0] != '"';
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
        if (err)
            return err;
        candidate->value = &tree->value;
    }
    const struct nv_value *value = candidate->value;
    if (steps[0].op == NV_STEP_MEMBER && candidate->attribute != UINT16_MAX) {
        enum nv_err err = parsed_once(t, candidate->attribute, &value);
        if (err)
            return err;
    }
    return nv_transform_run(&t->scratch.transform, steps, rule->step_count, value, out);
}

static inline enum nv_err transform_candidate(struct nv_translation *t,
                                              struct nv_candidate *candidate,
                                              struct nv_transformed *out)
{
    const struct nv_rule *rule = candidate->rule;
    if (!(rule->flags & NV_RULE_PLAIN) ||
        !is_as_wanted(candidate->value, t->rules->steps[rule->first_step].op))
        return run_steps(t, candidate, out);
    out->value = *candidate->value;
    out->absent = false;
    out->exact = true;
    return NV_OK;
}

static inline void set_state(struct nv_seen *seen, enum nv_source_state state)
{
    if (state > seen->state)
        seen->state = (uint8_t)state;
}

/* A part's type, a role in the source's own word, JSON quoted twice: the canonical form need not
 * repeat it. */
static bool says_form(const struct nv_attribute *attribute)
{
    const struct nv_value *value = &attribute->value;
    bool quoted = value->type == NV_VALUE_STRING && value->as.string.len > 0 &&
                  value->as.string.ptr[0] == '"';
    if (quoted || nv_str_ends(attribute->key, NV_STR(".type")))
        return true;
    return nv_str_ends(attribute->key, NV_STR(".role")) &&
           attribute->value.type == NV_VALUE_STRING &&
           !nv_glob_any(NV_STR("system,user,assistant,tool,developer"), attribute->value.as.string);
}

/* Marks the attributes of a candidate's tree as said by its field. */
static void mark_tree(struct nv_translation *t, const struct nv_span_work *work,
                      const struct nv_candidate *candidate)
{
    const struct nv_rule_key *key = &t->rules->keys[candidate->rule->key];
    struct nv_str prefix = nv_str_slice(key->pattern, 0, key->prefix_len);
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
        for (unsigned r = 0; r < other->rule_count; r++)
            if ((rule[r].flags & NV_RULE_TREE) && rule[r].field == candidate->rule->field)
                set_state(&t->scratch.seen[i], NV_SOURCE_EXPRESSED);
    }
}

/* Marks the attributes behind a candidate as said by a field. */
static inline void mark_expressed(struct nv_translation *t, const struct nv_span_work *work,
                                  const struct nv_candidate *candidate)
{
    if (candidate->tree)
        mark_tree(t, work, candidate);
    else if (candidate->attribute != UINT16_MAX)
        set_state(&t->scratch.seen[candidate->attribute], NV_SOURCE_EXPRESSED);
}

/* ---- placing ------------------------------------------------------------------------------- */

/* `{*}` of a field's name replaced by what it stood for. */
static struct nv_str concrete_name(struct nv_translation *t, struct nv_str name, struct nv_str rest)
{
    size_t hole = nv_str_find(name, NV_STR("{*}"));
    assert(hole != SIZE_MAX);
    return nv_arena_printf(t->arena, "%.*s%.*s%.*s", (int)hole, name.ptr, NV_STR_ARG(rest),
                           (int)(name.len - hole - 3), name.ptr + hole + 3);
}

static enum nv_err add_custom(struct nv_translation *t, struct nv_attributes *list,
                              struct nv_str name, struct nv_value value)
{
    if (name.len == 0 || nv_value_absent(&value) || nv_attributes_get(list, name))
        return NV_OK;
    return nv_attributes_add(list, t->arena, name, value);
}

/* Tags: an array of names, or an object of texts. */
static enum nv_err place_tags(struct nv_translation *t, const struct nv_value *value)
{
    enum nv_err err = NV_OK;
    if (value->type == NV_VALUE_ARRAY)
        for (uint32_t i = 0; !err && i < value->as.array.count; i++) {
            const struct nv_value *item = &value->as.array.items[i];
            if (item->type == NV_VALUE_STRING && item->as.string.len > 0)
                err = add_custom(t, &t->trace->tags, item->as.string,
                                 nv_value_string(NV_STR("true")));
        }
    else if (value->type == NV_VALUE_MAP)
        for (uint32_t i = 0; !err && i < value->as.map.count; i++)
            err = add_custom(t, &t->trace->tags, value->as.map.items[i].key,
                             value->as.map.items[i].value);
    return err;
}

/* A fact of the trace, or of the span outside its attributes. */
static enum nv_err place_outside(struct nv_translation *t, struct nv_span_work *work,
                                 const struct nv_candidate *candidate, const struct nv_value *value)
{
    uint16_t field = candidate->rule->field;
    if (field == NV_FIELD_EXCLUSIVE_INPUT || field == NV_FIELD_EXCLUSIVE_OUTPUT) {
        bool input = field == NV_FIELD_EXCLUSIVE_INPUT;
        struct nv_told_count *told = input ? &work->exclusive_input : &work->exclusive_output;
        told->told = value->type == NV_VALUE_INT;
        told->count = told->told ? value->as.integer : 0;
        return NV_OK;
    }
    struct nv_str text = nv_value_text(t->arena, value);
    if (!text.ptr && text.len > 0)
        return NV_ERR_NO_MEMORY;
    switch (field) {
    case NV_FIELD_TAGS:
        return place_tags(t, value);
    case NV_FIELD_TAGS_WILD:
        return add_custom(t, &t->trace->tags, candidate->rest, nv_value_string(text));
    case NV_FIELD_CUSTOM_WILD:
        return add_custom(t, &t->trace->custom_attributes, candidate->rest, *value);
    case NV_FIELD_SPAN_NAME:
        work->span->name = text;
        return NV_OK;
    case NV_FIELD_SPAN_PLACEHOLDER:
        work->placeholder = true;
        return NV_OK;
    case NV_FIELD_SPAN_STATUS_MESSAGE:
        work->span->status_message = text;
        return NV_OK;
    case NV_FIELD_SPAN_STATUS:
        work->span->status = nv_str_ieq(text, NV_STR("error"))     ? NV_STATUS_ERROR
                             : nv_str_ieq(text, NV_STR("timeout")) ? NV_STATUS_TIMEOUT
                                                                   : NV_STATUS_OK;
        return NV_OK;
    default:
        nv_identity_tell(&t->identity, field, text, candidate->rule->precedence);
        return NV_OK;
    }
}

/* Members of an object one by one into a {*} field. */
static enum nv_err spread(struct nv_translation *t, struct nv_span_work *work,
                          struct nv_candidate candidate, const struct nv_value *value)
{
    for (uint32_t i = 0; i < value->as.map.count; i++) {
        const struct nv_attribute *member = &value->as.map.items[i];
        enum nv_err err;
        candidate.rest = member->key;
        if (t->rules->fields[candidate.rule->field].outside) {
            err = place_outside(t, work, &candidate, &member->value);
        } else {
            struct nv_str name =
                concrete_name(t, t->rules->fields[candidate.rule->field].name, member->key);
            err = name.ptr ? add_custom(t, &work->span->attributes, name, member->value)
                           : NV_ERR_NO_MEMORY;
        }
        if (err)
            return err;
    }
    return NV_OK;
}

/* A value that is no attribute of its target's name: spread, outside, {*}. */
static enum nv_err place_otherwise(struct nv_translation *t, struct nv_span_work *work,
                                   const struct nv_candidate *candidate,
                                   const struct nv_value *value)
{
    const struct nv_rule *rule = candidate->rule;
    const struct nv_field *target = &t->rules->fields[rule->field];
    if (rule->flags & NV_RULE_SPREAD)
        return value->type == NV_VALUE_MAP ? spread(t, work, *candidate, value) : NV_OK;
    if (target->outside)
        return place_outside(t, work, candidate, value);
    assert(rule->flags & NV_RULE_WILD);
    struct nv_str name = concrete_name(t, target->name, candidate->rest);
    return name.ptr ? nv_attributes_add(&work->span->attributes, t->arena, name, *value)
                    : NV_ERR_NO_MEMORY;
}

static inline enum nv_err place(struct nv_translation *t, struct nv_span_work *work,
                                const struct nv_candidate *candidate, const struct nv_value *value)
{
    const uint16_t field = candidate->rule->field;
    struct nv_attributes *list = &work->span->attributes;
    if (!(candidate->rule->flags & NV_RULE_ONE))
        return place_otherwise(t, work, candidate, value);
    enum nv_err err = nv_attributes_add(list, t->arena, t->rules->fields[field].name, *value);
    if (!err && field < NV_FIELD_KNOWN)
        work->at[field] = (uint16_t)list->count;
    return err;
}

/* May the source be left out, now that this field has its value? */
static inline bool says_all(const struct nv_candidate *candidate,
                            const struct nv_transformed *result)
{
    return result->exact && (candidate->rule->flags & NV_RULE_WHOLE);
}

/* ---- a field ------------------------------------------------------------------------------- */

static enum nv_err derive(struct nv_translation *t, const struct nv_span_work *work, uint16_t field,
                          const struct nv_value *value);

/* Has another candidate of a {*} field given the same name another value? */
static bool is_taken(struct nv_translation *t, const struct nv_span_work *work,
                     const struct nv_candidate *candidate, const struct nv_value *value)
{
    const struct nv_field *field = &t->rules->fields[candidate->rule->field];
    if (field->of_trace || candidate->attribute == UINT16_MAX || candidate->rest.len == 0)
        return false;
    struct nv_str name = concrete_name(t, field->name, candidate->rest);
    const struct nv_value *there =
        name.ptr ? nv_attributes_get(&work->span->attributes, name) : NULL;
    return there && !nv_value_eq(there, value);
}

/* Each candidate of a {*} field stands for a name of its own. */
static enum nv_err resolve_wild(struct nv_translation *t, struct nv_span_work *work, uint16_t at)
{
    while (at != 0) {
        struct nv_candidate *candidate = &t->scratch.candidates[at - 1];
        struct nv_transformed result;
        enum nv_err err = transform_candidate(t, candidate, &result);
        if (!err && !result.absent && is_taken(t, work, candidate, &result.value)) {
            report_line(t, work, candidate, "lost");
        } else if (!err && !result.absent) {
            report_line(t, work, candidate, "took");
            err = place(t, work, candidate, &result.value);
            if (says_all(candidate, &result))
                mark_expressed(t, work, candidate);
        }
        if (err)
            return err;
        at = candidate->next;
    }
    return NV_OK;
}

/* What the candidates of a field that was decided by an earlier one add: nothing but that they say
 * the same. They are not asked when they would have to be parsed for that. */
static enum nv_err compare_loser(struct nv_translation *t, struct nv_span_work *work,
                                 struct nv_candidate *candidate, const struct nv_value *winner)
{
    struct nv_transformed result = {.absent = false};
    bool plain = (candidate->rule->flags & NV_RULE_PLAIN) != 0;
    enum nv_err err = plain ? transform_candidate(t, candidate, &result) : NV_OK;
    report_line(t, work, candidate, result.absent ? "absent" : "lost");
    if (plain && !err && !result.absent && says_all(candidate, &result) &&
        nv_value_eq(&result.value, winner))
        mark_expressed(t, work, candidate);
    return err;
}

static enum nv_err resolve_field(struct nv_translation *t, struct nv_span_work *work,
                                 uint16_t field)
{
    struct nv_transformed winner;
    uint16_t at = t->scratch.heads[field];
    t->scratch.heads[field] = 0;
    report_field(t, t->rules->fields[field].name);
    if (t->scratch.candidates[at - 1].rule->flags & NV_RULE_WILD)
        return resolve_wild(t, work, at);
    for (winner.absent = true; at != 0 && winner.absent; at = t->scratch.candidates[at - 1].next) {
        struct nv_candidate *candidate = &t->scratch.candidates[at - 1];
        enum nv_err err = transform_candidate(t, candidate, &winner);
        if (err)
            return err;
        report_line(t, work, candidate, winner.absent ? "absent" : "won");
        if (winner.absent)
            continue;
        err = place(t, work, candidate, &winner.value);
        if (err)
            return err;
        if (field == NV_FIELD_OUTPUT_MESSAGES)
            t->scratch.output_from_tree = candidate->tree != 0;
        if (says_all(candidate, &winner))
            mark_expressed(t, work, candidate);
    }
    for (; at != 0; at = t->scratch.candidates[at - 1].next) {
        enum nv_err err = compare_loser(t, work, &t->scratch.candidates[at - 1], &winner.value);
        if (err)
            return err;
    }
    if (winner.absent || t->rules->fields[field].key == 0)
        return NV_OK;
    return derive(t, work, field, &winner.value);
}

/* ---- derived fields ------------------------------------------------------------------------ */

static enum nv_err derive(struct nv_translation *t, const struct nv_span_work *work, uint16_t field,
                          const struct nv_value *value)
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
        struct nv_candidate *candidate;
        enum nv_err err = nv_candidate_add(t, &rule[i], 0, copy, &candidate);
        if (err)
            return err;
    }
    return NV_OK;
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* The key under which an unmapped attribute goes out: its own, unless that would say something
 * false of the span's kind, or another value has the name already. */
static struct nv_str own_key(struct nv_translation *t, const struct nv_span_work *work, uint32_t at,
                             bool *skip)
{
    const struct nv_attribute *attribute = &work->source.items[at];
    uint16_t key = t->scratch.seen[at].key;
    struct nv_str name = attribute->key;
    if (key != 0 && !(t->rules->keys[key - 1].gate & NV_KIND_BIT(work->kind)))
        return nv_arena_printf(t->arena, "llm.source.%.*s", NV_STR_ARG(name));
    const struct nv_value *taken =
        key != 0 ? nv_attributes_get(&work->span->attributes, name) : NULL;
    if (!taken)
        return name;
    *skip = nv_value_eq(taken, &attribute->value);
    return *skip ? name : nv_arena_printf(t->arena, "%.*s.source", NV_STR_ARG(name));
}

static enum nv_err pass_the_rest(struct nv_translation *t, struct nv_span_work *work)
{
    bool all = t->mapping->keep_source == NV_KEEP_ALL;
    for (uint32_t i = 0; i < work->own_count; i++) {
        uint8_t state = t->scratch.seen[i].state;
        if (state == NV_SOURCE_EXPRESSED && !all)
            continue;
        struct nv_value value = work->source.items[i].value;
        if (state == NV_SOURCE_DROPPED)
            value = nv_value_string(NV_STR("***")); /* as the SDK masks (contract section 2) */
        bool skip = false;
        struct nv_str key = own_key(t, work, i, &skip);
        if (!key.ptr && key.len > 0)
            return NV_ERR_NO_MEMORY;
        if (skip)
            continue;
        enum nv_err err = nv_attributes_add(&work->span->attributes, t->arena, key, value);
        if (err)
            return err;
    }
    return NV_OK;
}

/* The system prompt also leads the messages when they have no system message (conventions 1). */
static enum nv_err join_system(struct nv_translation *t, const struct nv_span_work *work)
{
    struct nv_value *messages = nv_work_get(work, NV_FIELD_INPUT_MESSAGES);
    const struct nv_value *system = nv_work_get(work, NV_FIELD_SYSTEM_PROMPT);
    if (!messages || !system || system->type != NV_VALUE_STRING || messages->type != NV_VALUE_ARRAY)
        return NV_OK;
    return nv_messages_add_system(t->arena, messages, system->as.string);
}

/* Does the field hold this value? */
static bool says(const struct nv_span_work *work, enum nv_known_field field,
                 const struct nv_value *value)
{
    const struct nv_value *there = nv_work_get(work, field);
    return there && nv_value_eq(there, value);
}

/* Are the output messages one plain answer that the fields derived from them say whole? */
static bool said_by_others(const struct nv_span_work *work, const struct nv_value *messages)
{
    if (messages->type != NV_VALUE_ARRAY || messages->as.array.count != 1 ||
        messages->as.array.items[0].type != NV_VALUE_MAP)
        return false;
    const struct nv_map *message = &messages->as.array.items[0].as.map;
    for (uint32_t i = 0; i < message->count; i++) {
        const struct nv_attribute *member = &message->items[i];
        bool known =
            (nv_str_eq(member->key, NV_STR("role")) && member->value.type == NV_VALUE_STRING &&
             nv_str_eq(member->value.as.string, NV_STR("assistant"))) ||
            (nv_str_eq(member->key, NV_STR("content")) &&
             says(work, NV_FIELD_OUTPUT_RESPONSE, &member->value)) ||
            (nv_str_eq(member->key, NV_STR("tool_calls")) &&
             says(work, NV_FIELD_OUTPUT_TOOL_CALLS, &member->value)) ||
            (nv_str_eq(member->key, NV_STR("finish_reason")) &&
             says(work, NV_FIELD_FINISH_REASON, &member->value));
        if (!known)
            return false;
    }
    return true;
}

/* Output messages go out only when they say more than response, tool calls and finish reason. */
static void drop_plain_output(struct nv_span_work *work, bool from_tree)
{
    const struct nv_value *messages = nv_work_get(work, NV_FIELD_OUTPUT_MESSAGES);
    struct nv_attributes *list = &work->span->attributes;
    if (!messages || from_tree || !said_by_others(work, messages))
        return;
    uint16_t hole = work->at[NV_FIELD_OUTPUT_MESSAGES], last = (uint16_t)list->count;
    list->items[hole - 1] = list->items[last - 1];
    list->count--;
    work->at[NV_FIELD_OUTPUT_MESSAGES] = 0;
    for (unsigned field = 0; field < NV_FIELD_KNOWN; field++)
        work->at[field] = work->at[field] == last ? hole : work->at[field];
}

enum nv_err nv_resolve_span(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_scratch *scratch = &t->scratch;
    enum nv_err err = NV_OK;
    memset(work->at, 0, sizeof work->at);
    /* Most attributes go out as one; what is derived and counted comes on top. */
    struct nv_attributes *list = &work->span->attributes;
    list->capacity = work->source.count + DERIVED_USUAL;
    list->items = nv_arena_raw(t->arena, list->capacity * sizeof *list->items);
    if (!list->items)
        return NV_ERR_NO_MEMORY;
    if (t->report)
        (void)nv_buf_printf(t->report, "span \"%.*s\" kind %.*s\n",
                            NV_STR_ARG(work->span->source_name),
                            NV_STR_ARG(nv_kind_name(work->kind)));
    for (uint32_t i = 0; !err && i < scratch->deriving_count + scratch->touched_count; i++)
        err = resolve_field(t, work,
                            i < scratch->deriving_count
                                ? scratch->deriving[i]
                                : scratch->touched[i - scratch->deriving_count]);
    if (!err)
        drop_plain_output(work, scratch->output_from_tree);
    if (!err)
        err = join_system(t, work);
    return err ? err : pass_the_rest(t, work);
}
