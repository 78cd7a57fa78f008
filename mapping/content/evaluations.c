/*
 * Evaluations by the words of those who tell them (evaluations.h).
 *
 *   value ─▶ text of JSON parsed ─▶ list: each ─┐
 *                                   named: each ┴─▶ words by their last part ─▶ one evaluation
 *
 * What is behind the word "evaluation" tells what a key means, so that `score.value`,
 * `gen_ai.evaluation.score.value` and {"score": {"value": ...}} are one. A value that is a
 * number or a truth value is a score, a text that is no number is a label; a truth value is a
 * label, too.
 *
 * The same judgement may be told as an attribute, as an event and as a record. What says the
 * same in all parts is one evaluation.
 */
#include "mapping/content/evaluations.h"

#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "model/absent.h"

#include "base/banned.h"

/* Objects inside objects: {"evaluation": {"score": {"value": 1}}}. */
#define DEPTH_MAX 3u

enum part { PART_NAME, PART_VALUE, PART_LABEL, PART_FEEDBACK, PART_EVENT, PART_INSIDE };

/* Words of members; those first that go before others of the same part. */
static const struct {
    struct nv_str word;
    enum part part;
} words[] = {
    {NV_STR_INIT("name"), PART_NAME},
    {NV_STR_INIT("assessment_name"), PART_NAME},
    {NV_STR_INIT("metric_name"), PART_NAME},
    {NV_STR_INIT("evaluator_name"), PART_NAME},
    {NV_STR_INIT("metric"), PART_NAME},
    {NV_STR_INIT("key"), PART_NAME},
    {NV_STR_INIT("score.value"), PART_VALUE},
    {NV_STR_INIT("score"), PART_VALUE},
    {NV_STR_INIT("value"), PART_VALUE},
    {NV_STR_INIT("numeric_value"), PART_VALUE},
    {NV_STR_INIT("string_value"), PART_VALUE},
    {NV_STR_INIT("passed"), PART_VALUE},
    {NV_STR_INIT("score.label"), PART_LABEL},
    {NV_STR_INIT("score_label"), PART_LABEL},
    {NV_STR_INIT("label"), PART_LABEL},
    {NV_STR_INIT("explanation"), PART_FEEDBACK},
    {NV_STR_INIT("comment"), PART_FEEDBACK},
    {NV_STR_INIT("rationale"), PART_FEEDBACK},
    {NV_STR_INIT("reason"), PART_FEEDBACK},
    {NV_STR_INIT("reasoning"), PART_FEEDBACK},
    {NV_STR_INIT("details"), PART_FEEDBACK},
    {NV_STR_INIT("feedback"), PART_INSIDE}, /* a text, or MLflow's object around the value */
    {NV_STR_INIT("expectation"), PART_INSIDE},
    {NV_STR_INIT("evaluation"), PART_INSIDE},
    {NV_STR_INIT("annotation"), PART_INSIDE},
    {NV_STR_INIT("json_encoded_event"), PART_INSIDE},
    {NV_STR_INIT("event.name"), PART_EVENT},
};

/* Who comes first stays: words are asked in the order of the table. */
static void tell(struct nv_value *member, const struct nv_value *value)
{
    if (member->type == NV_VALUE_NULL && !nv_value_absent(value))
        *member = *value;
}

/* A value that may be score or label. */
static void tell_value(struct nv_evaluation *out, const struct nv_value *value)
{
    double number;
    switch (value->type) {
    case NV_VALUE_INT:
    case NV_VALUE_DOUBLE:
        tell(&out->score, value);
        return;
    case NV_VALUE_BOOL: {
        const struct nv_value score = nv_value_double(value->as.boolean ? 1 : 0);
        const struct nv_value label =
            nv_value_string(value->as.boolean ? NV_STR("pass") : NV_STR("fail"));
        tell(&out->score, &score);
        tell(&out->label, &label);
        return;
    }
    case NV_VALUE_STRING:
        if (nv_str_to_double(value->as.string, &number) == NV_OK) {
            const struct nv_value score = nv_value_double(number);
            tell(&out->score, &score);
        } else {
            tell(&out->label, value);
        }
        return;
    default:
        return;
    }
}

/* The key, or what is behind the word for an evaluation in it. */
static bool is_word(struct nv_str key, struct nv_str word)
{
    if (!nv_str_ends(key, word))
        return false;
    const struct nv_str before = nv_str_slice(key, 0, key.len - word.len);
    return before.len == 0 || nv_str_ends(before, NV_STR("evaluation.")) ||
           nv_str_ends(before, NV_STR("annotation."));
}

static enum nv_err read_members(struct nv_arena *arena, const struct nv_value *in,
                                struct nv_evaluation *out, unsigned depth);

/* An event's name is asked for at the end, and only where nothing else named what was
 * judged. */
static enum nv_err read_word(struct nv_arena *arena, enum part part,
                             const struct nv_value *value, struct nv_evaluation *out,
                             unsigned depth)
{
    struct nv_value inner;
    enum nv_err err = nv_json_text_parse(arena, value, NV_JSON_TEXT_LEVELS, NULL, &inner);
    if (err != NV_OK)
        return err;
    /* an object may stand behind any word but a name's: MLflow wraps the value once more */
    const bool object = inner.type == NV_VALUE_MAP;
    if (object && part != PART_NAME && part != PART_EVENT)
        return read_members(arena, &inner, out, depth + 1);
    switch (part) {
    case PART_NAME:
        tell(&out->name, value);
        break;
    case PART_VALUE:
        tell_value(out, value);
        break;
    case PART_LABEL:
        tell(&out->label, value);
        break;
    case PART_FEEDBACK:
    case PART_INSIDE:
        tell(&out->feedback, value);
        break;
    case PART_EVENT:
        break;
    }
    return NV_OK;
}

/* What an object says, word by word, so that the better word goes first. */
static enum nv_err read_members(struct nv_arena *arena, const struct nv_value *in,
                                struct nv_evaluation *out, unsigned depth)
{
    enum nv_err err = NV_OK;
    if (depth == DEPTH_MAX)
        return NV_OK;
    if (!nv_meter_spend(in->as.map.count))
        return NV_ERR_LIMIT;
    for (size_t word = 0; err == NV_OK && word < sizeof words / sizeof *words; word++) {
        for (uint32_t i = 0; err == NV_OK && i < in->as.map.count; i++) {
            const struct nv_attribute *member = &in->as.map.items[i];
            if (is_word(member->key, words[word].word))
                err = read_word(arena, words[word].part, &member->value, out, depth);
        }
    }
    return err;
}

/* Of the hashes of its parts: values may be long texts, and each is hashed once. */
static uint64_t hash_of(const struct nv_evaluation *one)
{
    const uint64_t parts[] = {nv_value_hash(&one->name), nv_value_hash(&one->score),
                              nv_value_hash(&one->label), nv_value_hash(&one->feedback)};
    return nv_str_hash((struct nv_str){(const char *)parts, sizeof parts});
}

/* By their hashes first: each that is added is compared with all before it. */
static bool same(const struct nv_evaluation *a, const struct nv_evaluation *b)
{
    return a->hash == b->hash && nv_value_eq(&a->name, &b->name) &&
           nv_value_eq(&a->score, &b->score) && nv_value_eq(&a->label, &b->label) &&
           nv_value_eq(&a->feedback, &b->feedback);
}

/* A name alone is no evaluation: it judges nothing. */
static enum nv_err push(struct nv_evaluations *out, struct nv_arena *arena,
                        struct nv_evaluation one)
{
    if (one.score.type == NV_VALUE_NULL && one.label.type == NV_VALUE_NULL &&
        one.feedback.type == NV_VALUE_NULL)
        return NV_OK;
    one.hash = hash_of(&one);
    for (uint32_t i = 0; i < out->count; i++) {
        if (same(&out->items[i], &one))
            return NV_OK;
    }
    /* what is beyond the cap stays in the source attribute, which goes out as it came */
    if (out->count == NV_EVALUATIONS_MAX)
        return NV_OK;
    if (out->count == out->capacity) {
        const uint32_t capacity = out->capacity > 0 ? out->capacity * 2 : 4;
        struct nv_evaluation *items = nv_arena_array(arena, capacity, sizeof *items);
        if (!items)
            return NV_ERR_NO_MEMORY;
        if (out->count > 0)
            memcpy(items, out->items, out->count * sizeof *items);
        out->items = items;
        out->capacity = capacity;
    }
    out->items[out->count++] = one;
    return NV_OK;
}

/* The part of an event's name that names what was judged: "gen_ai.evaluation.relevance". */
static struct nv_value name_of_event(const struct nv_value *in)
{
    const struct nv_value *event = nv_map_get(in, NV_STR("event.name"));
    const struct nv_str prefix = NV_STR("gen_ai.evaluation.");
    if (!event || event->type != NV_VALUE_STRING || !nv_str_starts(event->as.string, prefix) ||
        nv_str_eq(event->as.string, NV_STR("gen_ai.evaluation.result")))
        return nv_value_null();
    return nv_value_string(nv_str_slice(event->as.string, prefix.len, event->as.string.len));
}

/* One evaluation: an object, or a score alone. `name` when it names itself not: the key under
 * which it stood, which is less than its own word and more than its event's. */
static enum nv_err add_one(struct nv_evaluations *out, struct nv_arena *arena,
                           const struct nv_value *in, struct nv_value name)
{
    struct nv_evaluation one = {nv_value_null(), nv_value_null(), nv_value_null(),
                                nv_value_null(), 0};
    enum nv_err err = NV_OK;
    if (in->type == NV_VALUE_MAP) {
        err = read_members(arena, in, &one, 0);
        if (name.type == NV_VALUE_NULL)
            name = name_of_event(in);
    } else {
        tell_value(&one, in);
    }
    tell(&one.name, &name);
    return err != NV_OK ? err : push(out, arena, one);
}

static enum nv_err add_parsed(struct nv_evaluations *out, struct nv_arena *arena,
                              const struct nv_value *in, struct nv_value name)
{
    struct nv_value parsed;
    enum nv_err err = nv_json_text_parse(arena, in, NV_JSON_TEXT_LEVELS, NULL, &parsed);
    return err != NV_OK ? err : add_one(out, arena, &parsed, name);
}

/* An object is one evaluation or many under their names, and looks the same: the rule of the
 * table says which by `form`. A list is always many. */
enum nv_err nv_evaluations_add(struct nv_evaluations *out, struct nv_arena *arena,
                               const struct nv_value *in, enum nv_evaluations_form form)
{
    struct nv_value all;
    enum nv_err err = nv_json_text_parse(arena, in, NV_JSON_TEXT_LEVELS, NULL, &all);
    if (err != NV_OK)
        return err;
    if (all.type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0;
             err == NV_OK && i < all.as.array.count && out->count < NV_EVALUATIONS_MAX; i++)
            err = add_parsed(out, arena, &all.as.array.items[i], nv_value_null());
        return err;
    }
    if (form == NV_EVALUATIONS_LIST || all.type != NV_VALUE_MAP)
        return add_one(out, arena, &all, nv_value_null());
    for (uint32_t i = 0;
         err == NV_OK && i < all.as.map.count && out->count < NV_EVALUATIONS_MAX; i++) {
        err = add_parsed(out, arena, &all.as.map.items[i].value,
                         nv_value_string(all.as.map.items[i].key));
    }
    return err;
}

/* After a name was given two may be the same that were not before. They stay two: so they were
 * told. */
void nv_evaluations_name(struct nv_evaluations *evaluations, struct nv_value name)
{
    for (uint32_t i = 0; i < evaluations->count; i++) {
        struct nv_evaluation *one = &evaluations->items[i];
        if (one->name.type == NV_VALUE_NULL) {
            one->name = name;
            one->hash = hash_of(one);
        }
    }
}

static enum nv_err add_member(struct nv_attributes *members, struct nv_arena *arena,
                              struct nv_str key, const struct nv_value *value)
{
    return value->type == NV_VALUE_NULL ? NV_OK
                                        : nv_attributes_add(members, arena, key, *value);
}

static enum nv_err object_of(struct nv_arena *arena, const struct nv_evaluation *one,
                             struct nv_value *out)
{
    struct nv_attributes members = {0};
    enum nv_err err = add_member(&members, arena, NV_STR("name"), &one->name);
    if (err == NV_OK)
        err = add_member(&members, arena, NV_STR("score"), &one->score);
    if (err == NV_OK)
        err = add_member(&members, arena, NV_STR("label"), &one->label);
    if (err == NV_OK)
        err = add_member(&members, arena, NV_STR("feedback"), &one->feedback);
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {members.items, members.count}};
    return err;
}

enum nv_err nv_evaluations_list(const struct nv_evaluations *evaluations,
                                struct nv_arena *arena, struct nv_value *out)
{
    struct nv_value *items = nv_arena_array(arena, evaluations->count + 1, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < evaluations->count; i++)
        err = object_of(arena, &evaluations->items[i], &items[i]);
    *out = (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {items, evaluations->count}};
    return err;
}
