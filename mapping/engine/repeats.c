/*
 * What fields say already, told value by value.
 *
 *   fields of the span ─▶ leaves (name, value) ─▶ index by hash
 *   attribute ─▶ parsed ─▶ each leaf asked ─▶ all said, or it goes out as it came
 *
 * Asked only of attributes that rows know and that no field expressed whole, so that a span
 * whose attributes are all plain pays a look at their first byte. Names are compared without
 * case and underscores, and by what they mean where conventions differ in the word (text,
 * content). Hashes are seeded and values are compared: nothing goes by a hash alone.
 */
#include "mapping/engine/repeats.h"

#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"
#include "mapping/content/words.h"
#include "mapping/engine/transform.h"
#include "model/absent.h"

#include "base/banned.h"

/* A text of so many bytes says the same wherever it stands. */
#define LONG_TEXT 16u
/* Pairs that are kept of one span; captures have at most some hundred. What is said beyond them
 * goes out twice, as it came. */
#define SAID_MAX 4096u
/* Longer names are compared as they are. */
#define NAME_MAX 48u
/* JSON in JSON text in JSON text: as deep as emitters were seen to write. */
#define TEXT_LEVELS 3u
/* A list of one, or an object of one member, has a form that no field tells; so has quoted
 * text. */
#define LEAVES_MIN 2u
/* Steps from an attribute to a leaf that rows are asked for. */
#define PATHS_MAX 64u

struct nv_said {
    struct nv_str name; /* folded; empty: a long text, whatever its name */
    struct nv_value value;
};

/* The way from the attribute to a value in it. */
struct path {
    const struct path *up; /* NULL: the attribute itself */
    struct nv_str name;    /* of a member */
    uint32_t index;        /* of an element, when name.ptr is NULL */
    bool alone;            /* the only member */
};

struct asking {
    struct nv_repeats *repeats;
    struct nv_arena *arena;
    struct nv_str places[PATHS_MAX]; /* dotted paths of what rows have read */
    uint32_t place_count;
    uint32_t leaves; /* that were found */
};

/* ---- names ------------------------------------------------------------------------------- */

/* Words of different conventions for one member of a message, a call or a request. */
static const struct {
    struct nv_str word, means;
} same_names[] = {
    {NV_STR_INIT("text"), NV_STR_INIT("content")},
    {NV_STR_INIT("message"), NV_STR_INIT("content")},
    {NV_STR_INIT("toolcallid"), NV_STR_INIT("id")},
    {NV_STR_INIT("tooluseid"), NV_STR_INIT("id")},
    {NV_STR_INIT("callid"), NV_STR_INIT("id")},
    {NV_STR_INIT("toolname"), NV_STR_INIT("name")},
    {NV_STR_INIT("stopreason"), NV_STR_INIT("finishreason")},
    {NV_STR_INIT("finishreasons"), NV_STR_INIT("finishreason")},
    {NV_STR_INIT("maxoutputtokens"), NV_STR_INIT("maxtokens")},
    {NV_STR_INIT("maxcompletiontokens"), NV_STR_INIT("maxtokens")},
    {NV_STR_INIT("modelname"), NV_STR_INIT("model")},
    {NV_STR_INIT("modelid"), NV_STR_INIT("model")},
};

struct name {
    char bytes[NAME_MAX];
    struct nv_str folded; /* in bytes, static, or the name itself */
};

static void fold(struct nv_str name, struct name *out)
{
    size_t len = 0;
    out->folded = name;
    if (name.len > NAME_MAX)
        return;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        if (c != '_')
            out->bytes[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out->folded = (struct nv_str){out->bytes, len};
    for (size_t i = 0; i < sizeof same_names / sizeof same_names[0]; i++) {
        if (nv_str_eq(out->folded, same_names[i].word))
            out->folded = same_names[i].means;
    }
}

/* ---- what fields say --------------------------------------------------------------------- */

static uint64_t hash_of(struct nv_str name, const struct nv_value *value)
{
    return nv_value_hash(value) ^ (nv_str_hash(name) * UINT64_C(0x9e3779b97f4a7c15));
}

static bool holds(const struct nv_repeats *repeats, struct nv_str name,
                  const struct nv_value *value)
{
    const struct nv_hash_slot *slot;
    const uint64_t hash = hash_of(name, value);
    for (uint32_t at = 0; (slot = nv_hash_index_next(&repeats->index, hash, &at)) != NULL;) {
        const struct nv_said *said = &repeats->items[slot->number - 1];
        if (nv_str_eq(said->name, name) && nv_value_eq(&said->value, value))
            return true;
    }
    return false;
}

static enum nv_err grow(struct nv_repeats *repeats, struct nv_arena *arena)
{
    const uint32_t capacity = repeats->capacity == 0 ? 64 : repeats->capacity * 2;
    struct nv_said *items = nv_arena_array(arena, capacity, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    if (repeats->count > 0)
        memcpy(items, repeats->items, repeats->count * sizeof *items);
    repeats->items = items;
    repeats->capacity = capacity;
    return NV_OK;
}

/* Each pair once: an index must not hold thousands of one hash. */
static enum nv_err add(struct nv_repeats *repeats, struct nv_arena *arena, struct nv_str name,
                       const struct nv_value *value)
{
    if (repeats->count == SAID_MAX || holds(repeats, name, value))
        return NV_OK;
    enum nv_err err = repeats->count == repeats->capacity ? grow(repeats, arena) : NV_OK;
    struct nv_str kept = err == NV_OK ? nv_arena_dup(arena, name) : NV_STR("");
    if (err != NV_OK || !kept.ptr)
        return NV_ERR_NO_MEMORY;
    repeats->items[repeats->count] = (struct nv_said){kept, *value};
    return nv_hash_index_add(&repeats->index, arena, hash_of(name, value), repeats->count++);
}

static bool is_long(const struct nv_value *value)
{
    return value->type == NV_VALUE_STRING && value->as.string.len >= LONG_TEXT;
}

static enum nv_err say_leaf(struct nv_repeats *repeats, struct nv_arena *arena,
                            struct nv_str name, const struct nv_value *value)
{
    struct name folded;
    fold(name, &folded);
    (void)nv_meter_spend(4);
    if (value->type == NV_VALUE_STRING)
        (void)nv_meter_spend_bytes(value->as.string.len);
    enum nv_err err = add(repeats, arena, folded.folded, value);
    return err == NV_OK && is_long(value) ? add(repeats, arena, NV_STR(""), value) : err;
}

/* The structure in JSON text; *out is null when there is none. */
static enum nv_err structure_of(struct nv_arena *arena, const struct nv_value *value,
                                struct nv_value *out)
{
    *out = nv_value_null();
    if (value->type != NV_VALUE_STRING && value->type != NV_VALUE_JSON)
        return NV_OK;
    const struct nv_str text = nv_str_trim(value->as.string);
    if (text.len < 2 || (text.ptr[0] != '{' && text.ptr[0] != '['))
        return NV_OK;
    struct nv_value parsed;
    enum nv_err err = nv_json_text_parse(arena, value, 1, NULL, &parsed);
    if (err == NV_OK && (parsed.type == NV_VALUE_MAP || parsed.type == NV_VALUE_ARRAY))
        *out = parsed;
    return err;
}

/* Recursion ends with the value's depth, which is capped where values are read, and
 * TEXT_LEVELS. */
static enum nv_err say(struct nv_repeats *repeats, struct nv_arena *arena, struct nv_str name,
                       const struct nv_value *value, unsigned levels)
{
    enum nv_err err = nv_meter_spend(1) ? NV_OK : NV_ERR_LIMIT;
    if (value->type == NV_VALUE_MAP) {
        for (uint32_t i = 0; err == NV_OK && i < value->as.map.count; i++) {
            const struct nv_attribute *member = &value->as.map.items[i];
            err = say(repeats, arena, member->key, &member->value, levels);
        }
        return err;
    }
    if (value->type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0; err == NV_OK && i < value->as.array.count; i++)
            err = say(repeats, arena, name, &value->as.array.items[i], levels);
        return err;
    }
    struct nv_value inner = nv_value_null();
    if (err == NV_OK && levels > 0)
        err = structure_of(arena, value, &inner);
    if (err == NV_OK && inner.type != NV_VALUE_NULL)
        err = say(repeats, arena, name, &inner, levels - 1);
    return err == NV_OK && !nv_value_empty(value) ? say_leaf(repeats, arena, name, value) : err;
}

/* llm.input_tokens: input_tokens */
static struct nv_str last_word(struct nv_str key)
{
    for (size_t at = key.len; at > 0; at--) {
        if (key.ptr[at - 1] == '.')
            return nv_str_slice(key, at, key.len);
    }
    return key;
}

/* Fields that a reader knows; others have the names of their sources. */
static bool is_shown(struct nv_str key)
{
    static const struct nv_str begins[] = {NV_STR_INIT("llm."),       NV_STR_INIT("tool."),
                                           NV_STR_INIT("agent."),     NV_STR_INIT("chain."),
                                           NV_STR_INIT("retrieval."), NV_STR_INIT("embedding."),
                                           NV_STR_INIT("rerank."),    NV_STR_INIT("exception."),
                                           NV_STR_INIT("error."),     NV_STR_INIT("handoff.")};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (nv_str_starts(key, begins[i]))
            return true;
    }
    return false;
}

static enum nv_err gather(struct nv_repeats *repeats, struct nv_arena *arena,
                          const struct nv_attributes *fields)
{
    enum nv_err err = NV_OK;
    repeats->gathered = true;
    for (uint32_t i = 0; err == NV_OK && i < repeats->fields; i++) {
        if (!is_shown(fields->items[i].key))
            continue;
        err = say(repeats, arena, last_word(fields->items[i].key), &fields->items[i].value,
                  TEXT_LEVELS);
    }
    return err;
}

/* ---- is a value said? -------------------------------------------------------------------- */

static bool ends_with_index(struct nv_str *path, uint32_t index)
{
    int64_t number;
    size_t from = path->len;
    while (from > 0 && path->ptr[from - 1] != '.')
        from--;
    if (nv_str_to_int64(nv_str_slice(*path, from, path->len), &number) != NV_OK ||
        number != index)
        return false;
    *path = nv_str_slice(*path, 0, from > 0 ? from - 1 : 0);
    return true;
}

/* Is it the place that `dotted` (member(a.0.b) of a row) names? */
static bool is_place(const struct path *path, struct nv_str dotted)
{
    for (; path && path->up && dotted.len > 0; path = path->up) {
        if (!path->name.ptr) {
            if (!ends_with_index(&dotted, path->index))
                return false;
            continue;
        }
        if (!nv_str_ends(dotted, path->name))
            return false;
        const size_t before = dotted.len - path->name.len;
        if (before > 0 && dotted.ptr[before - 1] != '.')
            return false;
        dotted = nv_str_slice(dotted, 0, before > 0 ? before - 1 : 0);
    }
    return dotted.len == 0 && (!path || !path->up);
}

/* Words that tell the form of what stands beside them, which canonical forms need not
 * repeat. */
static bool is_form(struct nv_str name, const struct nv_value *value)
{
    static const struct nv_str types[] = {
        NV_STR_INIT("text"),        NV_STR_INIT("input_text"), NV_STR_INIT("output_text"),
        NV_STR_INIT("message"),     NV_STR_INIT("function"),   NV_STR_INIT("tool_call"),
        NV_STR_INIT("tool_use"),    NV_STR_INIT("tool-call"),  NV_STR_INIT("function_call"),
        NV_STR_INIT("tool_result"), NV_STR_INIT("tool-result")};
    if (value->type != NV_VALUE_STRING || !nv_str_eq(name, NV_STR("type")))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (nv_str_eq(value->as.string, types[i]))
            return true;
    }
    return false;
}

/* The name of the nearest member around a value; a bare text is content. */
static struct nv_str name_of(const struct path *path)
{
    while (path && path->up && !path->name.ptr)
        path = path->up;
    return path && path->up ? path->name : NV_STR("content");
}

static bool leaf_said(const struct asking *asking, const struct path *path,
                      const struct nv_value *value)
{
    struct name name;
    fold(name_of(path), &name);
    (void)nv_meter_spend(4 + asking->place_count);
    if (value->type == NV_VALUE_STRING)
        (void)nv_meter_spend_bytes(value->as.string.len);
    if (nv_value_empty(value) || (!path->alone && is_form(name.folded, value)) ||
        holds(asking->repeats, name.folded, value) ||
        (is_long(value) && holds(asking->repeats, NV_STR(""), value)))
        return true;
    if (value->type == NV_VALUE_STRING && nv_str_eq(name.folded, NV_STR("finishreason"))) {
        struct nv_str word;
        if (nv_word_finish(asking->arena, value->as.string, &word) != NV_OK)
            return false;
        const struct nv_value reason = nv_value_string(word);
        return holds(asking->repeats, name.folded, &reason);
    }
    if (value->type == NV_VALUE_STRING && nv_str_eq(name.folded, NV_STR("role"))) {
        const struct nv_value role = nv_value_string(nv_messages_role(value->as.string));
        return holds(asking->repeats, name.folded, &role);
    }
    for (uint32_t i = 0; i < asking->place_count; i++) {
        if (is_place(path, asking->places[i]))
            return true;
    }
    return false;
}

static enum nv_err ask(struct asking *asking, const struct path *path,
                       const struct nv_value *value, unsigned levels, bool *said);

static enum nv_err ask_members(struct asking *asking, const struct path *path,
                               const struct nv_value *map, unsigned levels, bool *said)
{
    const bool alone = map->as.map.count == 1;
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && *said && i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        const struct nv_str name = member->key.ptr ? member->key : NV_STR("");
        const struct path below = {path, name, 0, alone};
        err = ask(asking, &below, &member->value, levels, said);
    }
    return err;
}

/* *said becomes false when a leaf of `value` is said nowhere. Recursion ends with the value's
 * depth, which is capped where values are read, and with `levels`. */
static enum nv_err ask(struct asking *asking, const struct path *path,
                       const struct nv_value *value, unsigned levels, bool *said)
{
    enum nv_err err = nv_meter_spend(1) ? NV_OK : NV_ERR_LIMIT;
    if (err != NV_OK || value->type == NV_VALUE_MAP)
        return err != NV_OK ? err : ask_members(asking, path, value, levels, said);
    if (value->type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0; err == NV_OK && *said && i < value->as.array.count; i++) {
            const struct path below = {path, {NULL, 0}, i, false};
            err = ask(asking, &below, &value->as.array.items[i], levels, said);
        }
        return err;
    }
    if (leaf_said(asking, path, value)) {
        asking->leaves += !nv_value_empty(value);
        return NV_OK;
    }
    struct nv_value inner = nv_value_null();
    if (levels > 0)
        err = structure_of(asking->arena, value, &inner);
    if (err == NV_OK && inner.type != NV_VALUE_NULL)
        return ask(asking, path, &inner, levels - 1, said);
    *said = false;
    return err;
}

/* ---- attributes -------------------------------------------------------------------------- */

/* A bare text is asked for where rows read messages out of it. */
static bool may_repeat(const struct nv_rule_key *key, const struct nv_value *value)
{
    if (value->type != NV_VALUE_STRING) {
        return value->type == NV_VALUE_MAP || value->type == NV_VALUE_ARRAY ||
               value->type == NV_VALUE_JSON;
    }
    const struct nv_str text = nv_str_trim(value->as.string);
    if (text.len == 0)
        return false;
    return text.ptr[0] == '{' || text.ptr[0] == '[' || (key->messages && text.ptr[0] != '"');
}

/* A row that read it said it whole. */
static bool is_scalar(const struct nv_value *value)
{
    return value->type != NV_VALUE_MAP && value->type != NV_VALUE_ARRAY;
}

/* The structure in JSON text, else `value` itself. Python's repr has a form that no field
 * tells: it is not comparable. */
static enum nv_err open_text(struct nv_arena *arena, const struct nv_value *value,
                             struct nv_value *out, bool *comparable)
{
    *out = *value;
    *comparable = true;
    if (!is_scalar(value))
        return NV_OK;
    const struct nv_str text = nv_str_trim(value->as.string);
    if (text.ptr[0] != '{' && text.ptr[0] != '[')
        return NV_OK;
    enum nv_err err = nv_value_from_json(arena, text, NULL, out);
    if (err == NV_OK || err == NV_ERR_NO_MEMORY || err == NV_ERR_LIMIT)
        return err;
    err = nv_json_text_parse(arena, value, 1, NULL, out);
    *comparable = is_scalar(out);
    return err;
}

/* The same of an attribute, which a row may have opened already. */
static enum nv_err open_attribute(struct nv_translation *t, const struct nv_value *value,
                                  const struct nv_seen *seen, struct nv_value *out,
                                  bool *comparable)
{
    const bool opened = seen->parsed && seen->parsed_exact && !is_scalar(seen->parsed);
    if (!opened)
        return open_text(t->arena, value, out, comparable);
    *out = *seen->parsed;
    *comparable = true;
    return NV_OK;
}

/* Does a row read a member as it is? Units that were converted are another value. */
static bool reads_plainly(const struct nv_step *steps, unsigned count)
{
    bool plain = steps[0].op == NV_STEP_MEMBER;
    for (unsigned i = 1; plain && i < count; i++) {
        plain = steps[i].op == NV_STEP_COPY || steps[i].op == NV_STEP_TEXT ||
                steps[i].op == NV_STEP_INT || steps[i].op == NV_STEP_FLOAT ||
                steps[i].op == NV_STEP_BOOL || steps[i].op == NV_STEP_JSON;
    }
    return plain;
}

/* The value of the field that a row writes; *out is NULL when it has none, or is none of the
 * span. */
static enum nv_err field_of(struct nv_translation *t, const struct nv_span_work *work,
                            const struct nv_rule *rule, struct nv_value **out)
{
    *out = NULL;
    const struct nv_field *field = &t->rules->fields[rule->field];
    if (field->outside || !is_shown(field->name) || (rule->flags & NV_RULE_WILD) ||
        !(rule->kinds & NV_KIND_BIT(work->kind)))
        return NV_OK;
    return nv_key_index_find(&t->scratch.sent, t->arena, &work->span->attributes, field->name,
                             out);
}

/* Notes the places that rows of the key have read, and whether a field holds all of `value`. */
static enum nv_err note_places(struct asking *asking, struct nv_translation *t,
                               const struct nv_span_work *work, uint32_t at,
                               const struct nv_value *value, bool *whole)
{
    const struct nv_rule_key *key = &t->rules->keys[t->scratch.seen[at].key - 1];
    enum nv_err err = NV_OK;
    *whole = false;
    for (unsigned i = 0; err == NV_OK && i < key->rule_count && !*whole; i++) {
        const struct nv_rule *rule = &t->rules->rules[key->first_rule + i];
        const struct nv_step *steps = &t->rules->steps[rule->first_step];
        struct nv_value *said = NULL;
        err = field_of(t, work, rule, &said);
        if (err != NV_OK || !said)
            continue;
        *whole = nv_value_eq(said, value);
        if (*whole || !reads_plainly(steps, rule->step_count) || !is_scalar(said) ||
            asking->place_count == PATHS_MAX)
            continue;
        struct nv_transformed read;
        err = nv_transform_run(&t->scratch.transform, steps, rule->step_count, value, &read);
        if (err == NV_OK && !read.absent && nv_value_eq(&read.value, said))
            asking->places[asking->place_count++] = steps[0].argument;
    }
    return err;
}

/* What all questions share is made before one is asked: fields by name, what they say. */
static enum nv_err ready(struct nv_repeats *repeats, struct nv_translation *t,
                         const struct nv_span_work *work)
{
    struct nv_value *nobody;
    enum nv_err err = nv_key_index_find(&t->scratch.sent, t->arena, &work->span->attributes,
                                        NV_STR(""), &nobody);
    return err == NV_OK && !repeats->gathered
               ? gather(repeats, t->arena, &work->span->attributes)
               : err;
}

static enum nv_err says(struct asking *asking, struct nv_translation *t,
                        const struct nv_span_work *work, uint32_t at, bool *said)
{
    struct nv_value parsed;
    bool comparable;
    enum nv_err err = open_attribute(t, &work->source.items[at].value, &t->scratch.seen[at],
                                     &parsed, &comparable);
    if (err != NV_OK || !comparable)
        return err;
    err = note_places(asking, t, work, at, &parsed, said);
    if (err != NV_OK || *said)
        return err;
    const struct path here = {NULL, {NULL, 0}, 0, false};
    *said = true;
    err = ask(asking, &here, &parsed, TEXT_LEVELS, said);
    *said = *said && (is_scalar(&parsed) || asking->leaves >= LEAVES_MIN);
    return err;
}

enum nv_err nv_repeats_says(struct nv_repeats *repeats, struct nv_translation *t,
                            const struct nv_span_work *work, uint32_t at, bool *said)
{
    const uint16_t key = t->scratch.seen[at].key;
    *said = false;
    if (key == 0 || !may_repeat(&t->rules->keys[key - 1], &work->source.items[at].value))
        return NV_OK;
    enum nv_err err = ready(repeats, t, work);
    if (err != NV_OK)
        return err;
    /* what is opened to be compared is the larger part of what a trace takes, and nobody's
     * behind the answer */
    const struct nv_arena_mark before = nv_arena_mark(t->arena);
    struct asking asking = {.repeats = repeats, .arena = t->arena};
    err = says(&asking, t, work, at, said);
    nv_arena_rewind(t->arena, before);
    return err;
}
