/*
 * Taking off wrappers: one table of names for each place, and a walk of a few levels.
 *
 *   value ─▶ open (JSON text, repr) ─▶ object of known members ─▶ the one inside ─▶ again
 *
 * SDKs put the arguments of the function that they instrument around the one that matters, and
 * frameworks serialise their own message around a tool's answer. The users see the wrapper then
 * where they look for text.
 *
 *   query    the first known word's value, again and again, until there is text
 *   texts    the same, until there is a list; objects of their own are texts too
 *   tool     only what is surely a wrapper: LangChain's input, a message of a tool, {output}
 *
 * Queries are unwrapped boldly and results of tools with care: a query is text by its nature,
 * so that whatever hides it is a wrapper, while a tool may answer any object whatever,
 * {content: ...} too.
 */
#include "mapping/content/wrappers.h"

#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/values.h"
#include "model/absent.h"

#include "base/banned.h"

/* LangSmith puts its own around LangChain's, that one around the message. */
#define LEVELS_MAX 4u

/* Lists of words are one text with commas: they are short, few are asked, and a table of them
 * reads as what it is. */
static bool is_one_of(struct nv_str key, struct nv_str words)
{
    while (words.len > 0) {
        const size_t comma = nv_str_find_char(words, ',');
        if (nv_str_eq(key, nv_str_slice(words, 0, comma)))
            return true;
        words = comma == SIZE_MAX ? NV_STR("") : nv_str_slice(words, comma + 1, SIZE_MAX);
    }
    return false;
}

/* Are all members that say something among the words? An object with anything else is no
 * wrapper: taking one off would lose that. */
static bool only(const struct nv_value *map, struct nv_str words)
{
    (void)nv_meter_spend(1 + map->as.map.count);
    for (uint32_t i = 0; i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        if (!nv_value_empty(&member->value) && !is_one_of(member->key, words))
            return false;
    }
    return true;
}

/* A member that is null or empty is as good as none: SDKs write all their parameters out. */
static const struct nv_value *said(const struct nv_value *map, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(map, key);
    return value && !nv_value_empty(value) ? value : NULL;
}

/* The first of the words that is a member and says something. */
static const struct nv_value *first_said(const struct nv_value *map, struct nv_str words)
{
    while (words.len > 0) {
        const size_t comma = nv_str_find_char(words, ',');
        const struct nv_value *found = said(map, nv_str_slice(words, 0, comma));
        if (found)
            return found;
        words = comma == SIZE_MAX ? NV_STR("") : nv_str_slice(words, comma + 1, SIZE_MAX);
    }
    return NULL;
}

static bool is_text(const struct nv_value *value)
{
    return value && value->type == NV_VALUE_STRING;
}

static bool has_text(const struct nv_value *map, struct nv_str key, struct nv_str text)
{
    const struct nv_value *value = nv_map_get(map, key);
    return is_text(value) && nv_str_eq(value->as.string, text);
}

/* ---- queries and texts ------------------------------------------------------------------- */

/* A list of one is that one. */
static const struct nv_value *alone(const struct nv_value *value)
{
    const bool list = value->type == NV_VALUE_ARRAY && value->as.array.count == 1;
    return list ? &value->as.array.items[0] : value;
}

/* *out changes only when text was reached: half unwrapped would be neither what was sent nor
 * what was meant. */
enum nv_err nv_unwrap_query(struct nv_arena *arena, const struct nv_value *in,
                            struct nv_value *out)
{
    static const struct nv_str words = NV_STR_INIT(
        "query,query_str,query_text,queryText,query_texts,queries,query_bundle,"
        "str_or_query_bundle,search_query,searchQuery,search_text,question,q,text,input,"
        "inputs,prompt,kwargs,args");
    struct nv_value value = *in;
    *out = *in;
    for (unsigned level = 0; level < LEVELS_MAX; level++) {
        enum nv_err err = nv_json_text_parse(arena, &value, NV_JSON_TEXT_LEVELS, NULL, &value);
        if (err != NV_OK)
            return err;
        if (value.type == NV_VALUE_ARRAY)
            value = *alone(&value);
        if (value.type == NV_VALUE_STRING) {
            *out = value;
            return NV_OK;
        }
        const struct nv_value *inner =
            value.type == NV_VALUE_MAP ? first_said(&value, words) : NULL;
        if (!inner)
            return NV_OK;
        value = *inner;
    }
    return NV_OK;
}

/* "\"hi\"" is hi; text in quotes that is no JSON stays. */
static enum nv_err unquote(struct nv_arena *arena, const struct nv_value *in,
                           struct nv_value *out)
{
    *out = *in;
    const struct nv_str text = is_text(in) ? in->as.string : NV_STR("");
    if (text.len < 2 || text.ptr[0] != '"' || text.ptr[text.len - 1] != '"')
        return NV_OK;
    return nv_json_text_parse(arena, in, 1, NULL, out);
}

static enum nv_err unquote_all(struct nv_arena *arena, struct nv_value *list)
{
    struct nv_values texts = {0};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < list->as.array.count; i++) {
        struct nv_value text;
        err = unquote(arena, &list->as.array.items[i], &text);
        if (err == NV_OK)
            err = nv_values_push(&texts, arena, text);
    }
    list->as.array = (struct nv_array){texts.items, texts.count};
    return err;
}

enum nv_err nv_unwrap_texts(struct nv_arena *arena, const struct nv_value *in,
                            struct nv_value *out)
{
    static const struct nv_str words = NV_STR_INIT(
        "input,inputs,texts,text,values,value,contents,content,documents,query,query_str,"
        "prompt");
    *out = *in;
    for (unsigned level = 0; level < LEVELS_MAX; level++) {
        struct nv_value opened;
        enum nv_err err = nv_json_text_parse(arena, out, NV_JSON_TEXT_LEVELS, NULL, &opened);
        if (err != NV_OK)
            return err;
        const struct nv_value *inner =
            opened.type == NV_VALUE_MAP ? first_said(&opened, words) : NULL;
        /* An object of its own is what is embedded, as it was sent. */
        if (opened.type == NV_VALUE_MAP && !inner)
            break;
        *out = inner ? *inner : opened;
        if (!inner)
            break;
    }
    return out->type == NV_VALUE_ARRAY ? unquote_all(arena, out) : NV_OK;
}

/* ---- tools ------------------------------------------------------------------------------- */

/* Text that holds an object, opened; *out as it was when it holds none. */
static enum nv_err open_object(struct nv_arena *arena, const struct nv_value *in,
                               struct nv_value *out)
{
    struct nv_value opened;
    *out = *in;
    enum nv_err err = nv_json_text_parse(arena, in, NV_JSON_TEXT_LEVELS, NULL, &opened);
    if (err == NV_OK && opened.type == NV_VALUE_MAP)
        *out = opened;
    return err;
}

/* LangChain's callback has the input as text and, since 0.2, as it was given. */
static const struct nv_value *langchain_input(const struct nv_value *map)
{
    const struct nv_value *text = nv_map_get(map, NV_STR("input_str"));
    const struct nv_value *whole = said(map, NV_STR("inputs"));
    if (!is_text(text) ||
        !only(map, NV_STR("input_str,inputs,tags,metadata,kwargs,name,run_id,parent_run_id")))
        return NULL;
    return whole && whole->type == NV_VALUE_MAP ? whole : text;
}

enum nv_err nv_unwrap_arguments(struct nv_arena *arena, const struct nv_value *in,
                                struct nv_value *out)
{
    *out = *in;
    /* All members that are looked for have it in their name: most texts are asked no more. */
    if (in->type == NV_VALUE_STRING && nv_str_find(in->as.string, NV_STR("input")) == SIZE_MAX)
        return NV_OK;
    struct nv_value opened;
    enum nv_err err = open_object(arena, in, &opened);
    if (err != NV_OK || opened.type != NV_VALUE_MAP)
        return err;
    const struct nv_value *inner = langchain_input(&opened);
    if (inner)
        return open_object(arena, inner, out);
    inner = opened.as.map.count == 1 ? said(&opened, NV_STR("input")) : NULL;
    if (!is_text(inner))
        return NV_OK;
    struct nv_value arguments;
    err = open_object(arena, inner, &arguments);
    if (err == NV_OK && arguments.type == NV_VALUE_MAP)
        *out = arguments;
    return err;
}

/* The class path of LangChain's serialiser ends with a tool's message. */
static bool is_tool_class(const struct nv_value *id)
{
    if (!id || id->type != NV_VALUE_ARRAY || id->as.array.count == 0)
        return false;
    const struct nv_value *last = &id->as.array.items[id->as.array.count - 1];
    return is_text(last) && nv_str_starts(last->as.string, NV_STR("ToolMessage"));
}

/* What a message of a tool holds: its content, or the message in its serialised form. Three
 * forms of one message: LangChain's serialiser {id: [..., "ToolMessage"], kwargs}, its storage
 * {type, data}, and the fields themselves. The last needs a mark of a tool's message, for
 * {content: ...} alone is anybody's object, and no member besides those that messages have. */
static const struct nv_value *in_message(const struct nv_value *map)
{
    static const struct nv_str members = NV_STR_INIT(
        "content,type,role,name,tool_name,id,tool_call_id,toolCallId,status,artifact,"
        "additional_kwargs,response_metadata,metadata,lc_direct_tool_output,is_error");
    const struct nv_value *inner = said(map, NV_STR("kwargs"));
    if (inner && is_tool_class(nv_map_get(map, NV_STR("id"))))
        return inner;
    const bool tool = has_text(map, NV_STR("type"), NV_STR("tool")) ||
                      has_text(map, NV_STR("type"), NV_STR("ToolMessage")) ||
                      has_text(map, NV_STR("role"), NV_STR("tool"));
    inner = said(map, NV_STR("data"));
    if (inner && tool && only(map, NV_STR("type,data")))
        return inner;
    if (!tool && !first_said(map, NV_STR("tool_call_id,toolCallId")))
        return NULL;
    return only(map, members) ? said(map, NV_STR("content")) : NULL;
}

/* *out: what is in the message, else what `in` opens to. */
static enum nv_err message_of(struct nv_arena *arena, const struct nv_value *in,
                              struct nv_value *out, bool *found)
{
    struct nv_value fields;
    *found = false;
    enum nv_err err = nv_json_text_fields(arena, in, &fields);
    const struct nv_value *inner = fields.type == NV_VALUE_MAP ? in_message(&fields) : NULL;
    if (err == NV_OK && !inner)
        err = open_object(arena, in, out);
    if (err != NV_OK)
        return err;
    if (!inner && out->type == NV_VALUE_MAP)
        inner = in_message(out);
    *found = inner != NULL;
    if (inner)
        *out = *inner;
    return NV_OK;
}

/* May the object be around something? One look at its members: most results are none. */
static bool may_wrap(const struct nv_map *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct nv_str key = map->items[i].key;
        if ((key.len == 4 && nv_str_eq(key, NV_STR("data"))) ||
            (key.len == 6 &&
             (nv_str_eq(key, NV_STR("output")) || nv_str_eq(key, NV_STR("kwargs")))) ||
            (key.len == 7 && nv_str_eq(key, NV_STR("content"))))
            return true;
    }
    return false;
}

/* {output: message}; Traceloop's {output, kwargs} around anything. */
static const struct nv_value *in_output(const struct nv_value *map, bool *sure)
{
    const struct nv_value *output = said(map, NV_STR("output"));
    const struct nv_value *kwargs = nv_map_get(map, NV_STR("kwargs"));
    *sure = kwargs && kwargs->type == NV_VALUE_MAP;
    return only(map, NV_STR("output,kwargs,tags,metadata")) ? output : NULL;
}

/* Parts that are all text are that text. */
static enum nv_err text_of_parts(struct nv_arena *arena, struct nv_value *value)
{
    struct nv_values texts = {0};
    if (value->type != NV_VALUE_ARRAY || value->as.array.count == 0)
        return NV_OK;
    for (uint32_t i = 0; i < value->as.array.count; i++) {
        const struct nv_value *part = &value->as.array.items[i];
        const struct nv_value *text =
            part->type == NV_VALUE_MAP ? nv_map_get(part, NV_STR("text")) : part;
        if (!is_text(text))
            return NV_OK;
        enum nv_err err = nv_values_push(&texts, arena, *text);
        if (err != NV_OK)
            return err;
    }
    struct nv_str joined;
    enum nv_err err = nv_values_join(&texts, arena, NV_STR("\n"), &joined);
    if (err == NV_OK)
        *value = nv_value_string(joined);
    return err;
}

/* {output: X} alone may be the tool's own answer, so that it is taken off only where a message
 * is found inside, or where Traceloop's kwargs stand beside it. `value` goes ahead to look;
 * *out follows when it is sure. */
enum nv_err nv_unwrap_result(struct nv_arena *arena, const struct nv_value *in,
                             struct nv_value *out)
{
    struct nv_value value = *in, opened;
    bool message = false, found = true;
    *out = *in;
    if (in->type == NV_VALUE_MAP && !may_wrap(&in->as.map))
        return NV_OK;
    for (unsigned level = 0; found && level < LEVELS_MAX; level++) {
        enum nv_err err = message_of(arena, &value, &opened, &found);
        if (err != NV_OK)
            return err;
        message = message || found;
        bool sure = false;
        const struct nv_value *inner = !found && !message && opened.type == NV_VALUE_MAP
                                           ? in_output(&opened, &sure)
                                           : NULL;
        if (inner && sure)
            *out = *inner;
        found = found || inner;
        if (found)
            value = inner ? *inner : opened;
        if (message)
            *out = value;
    }
    if (!message)
        return NV_OK;
    enum nv_err err = text_of_parts(arena, out);
    if (err != NV_OK || !is_text(out))
        return err;
    value = *out;
    return nv_json_text_parse(arena, &value, 1, NULL, out);
}
