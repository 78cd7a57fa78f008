/*
 * Where a value goes that is no attribute under the name of its row's target.
 *
 *   value ─┬─ metadata.*, tags, noveum.*  ─▶ the trace
 *          ├─ span.name, span.status, ... ─▶ the span beside its attributes
 *          ├─ an object, one by one       ─▶ as many attributes as it has members
 *          └─ NAME.{*}                    ─▶ an attribute of the name that {*} stood for
 *
 * Tags and custom attributes of a trace are told by many spans: the first that tells one keeps
 * it. All other values go by mapping/engine/resolve.c, without a call.
 */
#include "mapping/engine/engine.h"
#include "mapping/engine/place.h"

#include "mapping/content/words.h"
#include "model/absent.h"
#include "model/scalar.h"

#include <assert.h>

#include "base/banned.h"

/* Rows of span.evaluations from this precedence on take the output of an evaluator for what it
 * tells, where nothing else does. */
#define EVALUATIONS_GUESSED 80

struct nv_str nv_place_name(struct nv_translation *t, struct nv_str name, struct nv_str rest)
{
    size_t hole = nv_str_find(name, NV_STR("{*}"));
    assert(hole != SIZE_MAX);
    return nv_arena_printf(t->arena, "%.*s%.*s%.*s", (int)hole, name.ptr, NV_STR_ARG(rest),
                           (int)(name.len - hole - 3), name.ptr + hole + 3);
}

/* A list that each name stands in once, and its index. */
struct names {
    struct nv_attributes *list;
    struct nv_key_index *index;
};

static struct names tags_of(struct nv_translation *t)
{
    return (struct names){&t->trace->tags, &t->scratch.tags};
}

static enum nv_err add_custom(struct nv_translation *t, struct names names, struct nv_str name,
                              struct nv_value value)
{
    struct nv_value *there;
    if (name.len == 0 || nv_value_absent(&value))
        return NV_OK;
    enum nv_err err = nv_key_index_find(names.index, t->arena, names.list, name, &there);
    return err != NV_OK || there ? err : nv_attributes_add(names.list, t->arena, name, value);
}

/* Tags: an array of names, or an object of texts. */
static enum nv_err place_tags(struct nv_translation *t, const struct nv_value *value)
{
    const struct nv_value yes = nv_value_string(NV_STR("true"));
    enum nv_err err = NV_OK;
    if (value->type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0; err == NV_OK && i < value->as.array.count; i++) {
            const struct nv_value *item = &value->as.array.items[i];
            if (item->type == NV_VALUE_STRING && item->as.string.len > 0 &&
                !nv_word_is_internal_tag(item->as.string))
                err = add_custom(t, tags_of(t), item->as.string, yes);
        }
    } else if (value->type == NV_VALUE_MAP) {
        for (uint32_t i = 0; err == NV_OK && i < value->as.map.count; i++) {
            err = add_custom(t, tags_of(t), value->as.map.items[i].key,
                             value->as.map.items[i].value);
        }
    }
    return err;
}

/* A span's evaluations add up, but for a guess where something was told. */
static enum nv_err place_evaluations(struct nv_translation *t, struct nv_span_work *work,
                                     const struct nv_candidate *candidate,
                                     const struct nv_value *value)
{
    struct nv_evaluations *evaluations = &work->evaluations;
    const bool guess = candidate->rule->precedence >= EVALUATIONS_GUESSED;
    const struct nv_value name = nv_value_string(work->span->source_name);
    if (guess && evaluations->count > 0)
        return NV_OK;
    enum nv_err err = nv_evaluations_add(evaluations, t->arena, value, NV_EVALUATIONS_LIST);
    if (guess && name.as.string.len > 0)
        nv_evaluations_name(evaluations, name);
    return err;
}

/* A fact of the trace, or of the span outside its attributes. */
static enum nv_err place_outside(struct nv_translation *t, struct nv_span_work *work,
                                 const struct nv_candidate *candidate,
                                 const struct nv_value *value)
{
    const struct names custom = {&t->trace->custom_attributes, &t->scratch.custom};
    uint16_t field = candidate->rule->field;
    if (field == NV_FIELD_EXCLUSIVE_INPUT || field == NV_FIELD_EXCLUSIVE_OUTPUT) {
        bool input = field == NV_FIELD_EXCLUSIVE_INPUT;
        struct nv_told_count *told = input ? &work->exclusive_input : &work->exclusive_output;
        told->told = value->type == NV_VALUE_INT;
        told->count = told->told ? value->as.integer : 0;
        return NV_OK;
    }
    if (field == NV_FIELD_SPAN_EVALUATIONS)
        return place_evaluations(t, work, candidate, value);
    struct nv_str text = nv_value_text(t->arena, value);
    if (!text.ptr && text.len > 0)
        return NV_ERR_NO_MEMORY;
    switch (field) {
    case NV_FIELD_TAGS:
        return place_tags(t, value);
    case NV_FIELD_TAGS_WILD:
        return add_custom(t, tags_of(t), candidate->rest, nv_value_string(text));
    case NV_FIELD_CUSTOM_WILD:
        if (nv_word_is_internal(candidate->rest, value))
            return NV_OK; /* a framework's own: it stays with its span */
        return add_custom(t, custom, candidate->rest, *value);
    default:
        if (!nv_span_fact_set(work, field, text))
            nv_identity_tell(&t->identity, field, text, candidate->rule->precedence);
        return NV_OK;
    }
}

/* Members of an object one by one into a {*} field. */
static enum nv_err spread(struct nv_translation *t, struct nv_span_work *work,
                          struct nv_candidate candidate, const struct nv_value *value)
{
    const struct names sent = {&work->span->attributes, &t->scratch.sent};
    for (uint32_t i = 0; i < value->as.map.count; i++) {
        const struct nv_attribute *member = &value->as.map.items[i];
        enum nv_err err;
        candidate.rest = member->key;
        if (t->rules->fields[candidate.rule->field].outside) {
            err = place_outside(t, work, &candidate, &member->value);
        } else {
            struct nv_str name =
                nv_place_name(t, t->rules->fields[candidate.rule->field].name, member->key);
            err = name.ptr ? add_custom(t, sent, name, member->value) : NV_ERR_NO_MEMORY;
        }
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

enum nv_err nv_place_otherwise(struct nv_translation *t, struct nv_span_work *work,
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
    struct nv_str name = nv_place_name(t, target->name, candidate->rest);
    return name.ptr ? nv_attributes_add(&work->span->attributes, t->arena, name, *value)
                    : NV_ERR_NO_MEMORY;
}
