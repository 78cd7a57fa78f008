/*
 * What a span sends beside its fields, once all of them are decided.
 *
 *   output messages that say no more than others ─▶ left out
 *   system prompt ─▶ leads the messages
 *   source attributes neither expressed nor dropped,
 *   nor said by fields all the same (repeats.h)     ─▶ their own key
 *                                                      llm.source.KEY   would belie the kind
 *                                                      KEY.source       name has another value
 *
 * No name goes out twice. Names that are taken are found by the index of what was sent so far,
 * because a client may send one key as often as it likes; what the steps behind this one add is
 * held against them at the very end, on spans where bits say that this may be needed. The
 * index follows the list only while it grows: whoever moves an attribute clears it.
 */
#include "mapping/engine/engine.h"

#include "mapping/content/messages.h"
#include "mapping/content/words.h"
#include "mapping/engine/repeats.h"
#include "mapping/engine/report.h"
#include "model/absent.h"
#include "model/scalar.h"

#include "base/banned.h"

/* ---- the rest ---------------------------------------------------------------------------- */

/* What stands before the first dot. */
static struct nv_str first_part(struct nv_str name)
{
    const size_t dot = nv_str_find_char(name, '.');
    return dot == SIZE_MAX ? name : nv_str_slice(name, 0, dot);
}

/* May a name be written once the rows are done? Closer than by its first letters. */
static bool may_settle(const struct nv_rules *rules, struct nv_str name)
{
    const struct nv_str part = first_part(name);
    if (!nv_namespaces_may(&rules->settled, name))
        return false;
    for (unsigned field = 0; field < NV_FIELD_KNOWN; field++) {
        if (nv_str_eq(first_part(rules->fields[field].name), part))
            return true;
    }
    return nv_str_eq(part, NV_STR("noveum"));
}

/* May a row write an attribute of the name? */
static bool may_be_target(const struct nv_rules *rules, struct nv_str name)
{
    if (!nv_namespaces_may(&rules->targets, name))
        return false;
    for (uint32_t i = 0; i < rules->field_count; i++) {
        const struct nv_field *field = &rules->fields[i];
        const size_t hole = field->outside ? 0 : nv_str_find(field->name, NV_STR("{*}"));
        if (field->outside)
            continue;
        if (hole == SIZE_MAX ? nv_str_eq(field->name, name)
                             : nv_str_starts(name, nv_str_slice(field->name, 0, hole)))
            return true;
    }
    return false;
}

uint8_t nv_rest_name_bits(const struct nv_translation *t, const struct nv_span_work *work,
                          uint32_t at)
{
    const struct nv_str name = work->source.items[at].key;
    bool taken = may_be_target(t->rules, name);
    for (uint32_t i = 0; i < at && !taken; i++)
        taken = nv_str_eq(work->source.items[i].key, name);
    return (uint8_t)(NV_NAME_KNOWN | (taken ? NV_NAME_TAKEN : 0) |
                     (may_settle(t->rules, name) ? NV_NAME_SETTLED : 0));
}

/* May another attribute have the name? A key may be called like a field, or stand here twice:
 * told by bits, so that most keys cost a look. */
static inline bool may_be_taken(struct nv_translation *t, struct nv_span_work *work,
                                struct nv_str name, unsigned known)
{
    if (known != 0) { /* of a layout, it was found out once */
        work->may_repeat = work->may_repeat || (known & NV_NAME_SETTLED);
        return known & NV_NAME_TAKEN;
    }
    /* what is settled later asks for no other names than known fields */
    if (nv_namespaces_may(&t->rules->settled, name))
        work->may_repeat = true;
    const bool again = nv_key_bits_add(&t->scratch.taken, name);
    return again || nv_namespaces_may(&t->rules->targets, name);
}

/* The key under which an unmapped attribute goes out: its own, unless that would say something
 * false of the span's kind, or another value has the name already. */
static enum nv_err own_key(struct nv_translation *t, struct nv_span_work *work, uint32_t at,
                           struct nv_str *name, bool *skip)
{
    const struct nv_attribute *attribute = &work->source.items[at];
    uint16_t key = t->scratch.seen[at].key;
    struct nv_value *taken = NULL;
    *name = attribute->key;
    if (key != 0 && !(t->rules->keys[key - 1].gate & NV_KIND_BIT(work->kind))) {
        *name = nv_arena_printf(t->arena, "llm.source.%.*s", NV_STR_ARG(attribute->key));
        work->may_repeat = true;
        return name->ptr ? NV_OK : NV_ERR_NO_MEMORY;
    }
    if (!may_be_taken(t, work, attribute->key, t->scratch.seen[at].name))
        return NV_OK;
    enum nv_err err = nv_key_index_find(&t->scratch.sent, t->arena, &work->span->attributes,
                                        attribute->key, &taken);
    if (err != NV_OK || !taken)
        return err;
    *skip = nv_value_eq(taken, &attribute->value);
    if (!*skip)
        *name = nv_arena_printf(t->arena, "%.*s.source", NV_STR_ARG(attribute->key));
    work->may_repeat = work->may_repeat || !*skip;
    return name->ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

/* As the SDK masks (docs/noveum-backend.md#secrets). */
#define DROPPED NV_STR("***")

/* A header that was not set: there is nothing to mask. */
static bool hides_nothing(const struct nv_attribute *attribute)
{
    const struct nv_value *value = &attribute->value;
    return nv_str_find(attribute->key, NV_STR("header")) != SIZE_MAX &&
           (nv_value_absent(value) ||
            (value->type == NV_VALUE_STRING && nv_str_eq(value->as.string, NV_STR("None"))));
}

static enum nv_err pass_one(struct nv_translation *t, struct nv_span_work *work, uint32_t at,
                            struct nv_repeats *repeats)
{
    const struct nv_seen *seen = &t->scratch.seen[at];
    const struct nv_attribute *source = &work->source.items[at];
    const bool dropped = seen->state == NV_SEEN_DROPPED;
    bool skip = dropped && hides_nothing(source);
    struct nv_str key;
    enum nv_err err = NV_OK;
    if (seen->state == NV_SEEN_PLAIN && !t->mapping->keep_all && !seen->absent)
        err = nv_repeats_says(repeats, t, work, at, &skip);
    if (err != NV_OK || skip)
        return err;
    err = own_key(t, work, at, &key, &skip);
    if (t->report && err == NV_OK && !skip && !dropped && seen->state == NV_SEEN_PLAIN)
        nv_report_unmapped(t, source->key, key);
    return err != NV_OK || skip
               ? err
               : nv_attributes_add(&work->span->attributes, t->arena, key,
                                   dropped ? nv_value_string(DROPPED) : source->value);
}

/* May a field say what is in the value, so that it has to be compared? */
static inline bool is_compared(const struct nv_rule_key *key, const struct nv_value *value)
{
    if (value->type == NV_VALUE_INT || value->type == NV_VALUE_BOOL ||
        value->type == NV_VALUE_DOUBLE)
        return false;
    if (value->type != NV_VALUE_STRING || value->as.string.len == 0 || key->messages)
        return true;
    const char first = value->as.string.ptr[0];
    return first <= ' ' || first == '{' || first == '[';
}

/* Does it go out as it came, under a name that nothing else has? Most do, and all that is asked
 * of them is known of their layout, or told by a byte. */
static inline bool goes_plainly(const struct nv_translation *t, const struct nv_span_work *work,
                                uint32_t at)
{
    const struct nv_seen *seen = &t->scratch.seen[at];
    if (seen->state != NV_SEEN_PLAIN || seen->name != NV_NAME_KNOWN)
        return false;
    if (seen->key == 0)
        return true;
    const struct nv_rule_key *key = &t->rules->keys[seen->key - 1];
    return (key->gate & NV_KIND_BIT(work->kind)) &&
           (seen->absent || !is_compared(key, &work->source.items[at].value));
}

static enum nv_err pass_the_rest(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_attributes *const list = &work->span->attributes;
    struct nv_repeats repeats = {.fields = work->span->attributes.count};
    const struct nv_seen *const seen = t->scratch.seen;
    const uint32_t count = work->own_count;
    const bool all = t->mapping->keep_all;
    enum nv_err err = NV_OK;
    t->scratch.taken = (struct nv_key_bits){{0}};
    work->rest_first = work->span->attributes.count;
    const bool fast = !all && !t->report;
    for (uint32_t i = 0; err == NV_OK && i < count; i++) {
        if (fast && list->count < list->capacity && goes_plainly(t, work, i))
            list->items[list->count++] = work->source.items[i];
        else if (all || seen[i].state != NV_SEEN_EXPRESSED)
            err = pass_one(t, work, i, &repeats);
    }
    work->rest_end = work->span->attributes.count;
    return err;
}

/* ---- each name once ---------------------------------------------------------------------- */

/* The list anew, each name once, and what is in it by name. */
struct names_once {
    struct nv_attributes list;
    struct nv_key_index index;
    bool changed;
};

/* Adds what has a name of its own; another value of a name that is taken goes to
 * NAME.source. */
static enum nv_err add_once(struct nv_translation *t, struct names_once *once,
                            struct nv_attribute item)
{
    struct nv_value *there;
    enum nv_err err = nv_key_index_find(&once->index, t->arena, &once->list, item.key, &there);
    if (err != NV_OK)
        return err;
    once->changed = once->changed || there;
    if (there && nv_value_eq(there, &item.value))
        return NV_OK;
    if (there) {
        item.key = nv_arena_printf(t->arena, "%.*s.source", NV_STR_ARG(item.key));
        err = item.key.ptr
                  ? nv_key_index_find(&once->index, t->arena, &once->list, item.key, &there)
                  : NV_ERR_NO_MEMORY;
    }
    if (err != NV_OK)
        return err;
    if (!there)
        return nv_attributes_add(&once->list, t->arena, item.key, item.value);
    *there = item.value; /* a key of ever more values: the last one */
    return NV_OK;
}

enum nv_err nv_rest_unique(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_attributes *all = &work->span->attributes;
    struct names_once once = {.changed = false};
    enum nv_err err = NV_OK;
    if (!work->may_repeat || !nv_attributes_may_repeat(all))
        return NV_OK;
    once.list.capacity = all->count;
    once.list.items = nv_arena_raw(t->arena, once.list.capacity * sizeof *once.list.items);
    if (!once.list.items)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; err == NV_OK && i < all->count; i++) {
        if (i < work->rest_first || i >= work->rest_end)
            err = add_once(t, &once, all->items[i]);
    }
    for (uint32_t i = work->rest_first; err == NV_OK && i < work->rest_end; i++)
        err = add_once(t, &once, all->items[i]);
    if (err == NV_OK && once.changed)
        *all = once.list;
    return err;
}

/* ---- what leads and what is left out ----------------------------------------------------- */

/* The system prompt also leads the messages when they have no system message (conventions
 * 1). */
static enum nv_err join_system(struct nv_translation *t, const struct nv_span_work *work)
{
    struct nv_value *messages = nv_work_get(work, NV_FIELD_INPUT_MESSAGES);
    const struct nv_value *system = nv_work_get(work, NV_FIELD_SYSTEM_PROMPT);
    if (!messages || !system || system->type != NV_VALUE_STRING ||
        messages->type != NV_VALUE_ARRAY)
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

/* Does the field hold this finish reason, in our spelling? */
static bool says_reason(const struct nv_translation *t, const struct nv_span_work *work,
                        const struct nv_value *value)
{
    struct nv_str word;
    if (says(work, NV_FIELD_FINISH_REASON, value))
        return true;
    if (value->type != NV_VALUE_STRING ||
        nv_word_finish(t->arena, value->as.string, &word) != NV_OK)
        return false;
    const struct nv_value ours = nv_value_string(word);
    return says(work, NV_FIELD_FINISH_REASON, &ours);
}

/* Are the output messages one plain answer that the fields derived from them say whole? */
static bool said_by_others(const struct nv_translation *t, const struct nv_span_work *work,
                           const struct nv_value *messages)
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
             says_reason(t, work, &member->value));
        if (!known)
            return false;
    }
    return true;
}

/* Output messages go out only when they say more than response, tool calls and finish
 * reason. */
static void drop_plain_output(struct nv_translation *t, struct nv_span_work *work)
{
    const struct nv_value *messages = nv_work_get(work, NV_FIELD_OUTPUT_MESSAGES);
    struct nv_attributes *list = &work->span->attributes;
    if (!messages || t->scratch.output_from_tree || !said_by_others(t, work, messages))
        return;
    uint32_t hole = work->at[NV_FIELD_OUTPUT_MESSAGES], last = list->count;
    list->items[hole - 1] = list->items[last - 1];
    list->count--;
    nv_key_index_ready(&t->scratch.sent);
    work->at[NV_FIELD_OUTPUT_MESSAGES] = 0;
    for (unsigned field = 0; field < NV_FIELD_KNOWN; field++)
        work->at[field] = work->at[field] == last ? hole : work->at[field];
}

void nv_rest_untranslated(const struct nv_rules *rules, struct nv_span *span)
{
    struct nv_key_match found;
    for (uint32_t i = 0; i < span->attributes.count; i++) {
        nv_rules_find(rules, span->attributes.items[i].key, &found);
        const struct nv_rule_key *key = found.key == 0 ? NULL : &rules->keys[found.key - 1];
        bool dropped = false;
        for (unsigned row = 0; key && row < key->rule_count; row++)
            dropped = dropped || (rules->rules[key->first_rule + row].flags & NV_RULE_DROP);
        if (dropped)
            span->attributes.items[i].value = nv_value_string(DROPPED);
    }
}

/* ---- failures ---------------------------------------------------------------------------- */

/* The first of the members, of the failure or of the error in it, that is a text or a
 * number. */
static struct nv_str failure_text(struct nv_translation *t, const struct nv_value *failure,
                                  const struct nv_str *names, size_t count)
{
    const struct nv_value *error = nv_map_get(failure, NV_STR("error"));
    const struct nv_value *places[] = {error, failure};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; places[i] && places[i]->type == NV_VALUE_MAP && j < count; j++) {
            const struct nv_value *value = nv_map_get(places[i], names[j]);
            if (value && !nv_value_empty(value) &&
                (value->type == NV_VALUE_STRING || value->type == NV_VALUE_INT))
                return nv_value_text(t->arena, value);
        }
    }
    return NV_STR("");
}

static enum nv_err tell(struct nv_translation *t, struct nv_span_work *work,
                        enum nv_known_field field, struct nv_str text)
{
    if (text.len == 0 || nv_work_get(work, field))
        return NV_OK;
    nv_key_index_ready(&t->scratch.sent);
    return text.ptr ? nv_work_set(t, work, field, nv_value_string(text)) : NV_ERR_NO_MEMORY;
}

/* An error stood where the answer belongs, and nothing else gave one: the call failed. */
static enum nv_err settle_failure(struct nv_translation *t, struct nv_span_work *work)
{
    static const struct nv_str messages[] = {
        NV_STR_INIT("message"), NV_STR_INIT("error_message"), NV_STR_INIT("errorMessage"),
        NV_STR_INIT("error"), NV_STR_INIT("detail")};
    static const struct nv_str types[] = {NV_STR_INIT("error_code"), NV_STR_INIT("errorCode"),
                                          NV_STR_INIT("type"), NV_STR_INIT("code"),
                                          NV_STR_INIT("status")};
    const struct nv_value *failure = t->scratch.failure;
    if (nv_work_get(work, NV_FIELD_OUTPUT_RESPONSE) ||
        nv_work_get(work, NV_FIELD_OUTPUT_MESSAGES))
        return NV_OK;
    work->fails_if_unset = true;
    enum nv_err err =
        tell(t, work, NV_FIELD_ERROR_MESSAGE,
             failure_text(t, failure, messages, sizeof messages / sizeof messages[0]));
    if (err != NV_OK)
        return err;
    return tell(t, work, NV_FIELD_ERROR_TYPE,
                failure_text(t, failure, types, sizeof types / sizeof types[0]));
}

/* One member of the span's evaluation `number`; the first has the bare name. */
static enum nv_err send_member(struct nv_translation *t, struct nv_span_work *work,
                               uint32_t number, const char *member,
                               const struct nv_value *value)
{
    if (value->type == NV_VALUE_NULL)
        return NV_OK;
    const struct nv_str name =
        number == 0 ? nv_arena_printf(t->arena, "evaluation.%s", member)
                    : nv_arena_printf(t->arena, "evaluation.%u.%s", number, member);
    return name.ptr ? nv_attributes_add(&work->span->attributes, t->arena, name, *value)
                    : NV_ERR_NO_MEMORY;
}

enum nv_err nv_rest_evaluations(struct nv_translation *t, struct nv_span_work *work)
{
    enum nv_err err = NV_OK;
    work->may_repeat = work->may_repeat || work->evaluations.count > 0;
    for (uint32_t i = 0; err == NV_OK && i < work->evaluations.count; i++) {
        const struct nv_evaluation *one = &work->evaluations.items[i];
        err = send_member(t, work, i, "name", &one->name);
        if (err == NV_OK)
            err = send_member(t, work, i, "score", &one->score);
        if (err == NV_OK)
            err = send_member(t, work, i, "label", &one->label);
        if (err == NV_OK)
            err = send_member(t, work, i, "feedback", &one->feedback);
    }
    return err;
}

enum nv_err nv_rest_settle(struct nv_translation *t, struct nv_span_work *work)
{
    drop_plain_output(t, work);
    enum nv_err err = join_system(t, work);
    if (err == NV_OK && t->scratch.failure)
        err = settle_failure(t, work);
    return err != NV_OK ? err : pass_the_rest(t, work);
}
