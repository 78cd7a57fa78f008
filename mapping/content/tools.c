/*
 * Tool definitions of every shape in one: {type: "function", name, description?, parameters?,
 * ...}.
 *
 *   request {tools: [...]}   ─┐
 *   list, JSON text, message ─┼─▶ walk ─▶ object with a name ─▶ gather, inside first ─▶ write_tool
 *   {get_time: {...}}, names ─┘            {function: {...}}, {toolSpec: {...}}
 *
 * Definitions come bare, in lists, in requests that hold them, as JSON texts in lists, and as
 * messages (Langfuse's LangChain handler puts them among the messages with role tool). One walk
 * opens all containers; a definition is an object with a name, wherever it stands.
 *
 * What makes an object a definition is asked from the surest to the boldest, and the first that
 * holds ends it:
 *
 *   1. it has a name of its own, or a box (function, custom, toolSpec) with a name inside
 *   2. it has members that hold definitions: those are opened, the rest is said to be left out
 *   3. it has a type and stands in a list: a tool that the provider runs, as {type: "web_search"}
 *   4. its members are the names: {get_time: {description, ...}}
 *
 * Nothing is guessed for the top: a lone object with a type is a request's own, not a tool.
 */
#include "mapping/content/tools.h"
#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include <assert.h>

#include "base/banned.h"

#define TOOLS_DEPTH_MAX 8u
/* The longest text that may be a tool's name alone: twice what OpenAI allows; longer is
 * prose. */
#define NAME_BYTES_MAX 128u

/* What a member is in a definition, whoever wrote it. Only TOOL_OTHER goes out as it came. */
enum tool_member {
    TOOL_OTHER,
    TOOL_NAME,
    TOOL_DESCRIPTION,
    TOOL_SCHEMA,
    TOOL_TYPE,
    TOOL_INNER, /* one definition inside */
    TOOL_LIST   /* definitions inside */
};

static const struct {
    struct nv_str key;
    enum tool_member member;
} tool_members[] = {
    {NV_STR_INIT("name"), TOOL_NAME},
    {NV_STR_INIT("description"), TOOL_DESCRIPTION},
    {NV_STR_INIT("parameters"), TOOL_SCHEMA},
    {NV_STR_INIT("input_schema"), TOOL_SCHEMA},
    {NV_STR_INIT("inputSchema"), TOOL_SCHEMA},
    {NV_STR_INIT("parameters_json_schema"), TOOL_SCHEMA},
    {NV_STR_INIT("parametersJsonSchema"), TOOL_SCHEMA},
    {NV_STR_INIT("args_schema"), TOOL_SCHEMA},
    {NV_STR_INIT("schema"), TOOL_SCHEMA},
    {NV_STR_INIT("json_schema"), TOOL_INNER},
    {NV_STR_INIT("type"), TOOL_TYPE},
    {NV_STR_INIT("function"), TOOL_INNER},
    {NV_STR_INIT("custom"), TOOL_INNER},
    {NV_STR_INIT("toolSpec"), TOOL_INNER},
    {NV_STR_INIT("tool"), TOOL_INNER},
    {NV_STR_INIT("content"), TOOL_INNER},
    {NV_STR_INIT("config"), TOOL_INNER},
    {NV_STR_INIT("toolConfig"), TOOL_INNER},
    {NV_STR_INIT("kwargs"), TOOL_INNER},
    {NV_STR_INIT("tools"), TOOL_LIST},
    {NV_STR_INIT("functions"), TOOL_LIST},
    {NV_STR_INIT("functionDeclarations"), TOOL_LIST},
    {NV_STR_INIT("function_declarations"), TOOL_LIST},
    {NV_STR_INIT("function_tools"), TOOL_LIST},
    {NV_STR_INIT("output_tools"), TOOL_LIST},
    {NV_STR_INIT("messages"), TOOL_LIST},
};

/* One normalisation. */
struct walk {
    struct nv_arena *arena;
    struct nv_values tools;
    bool partial;
};

struct tool {
    const struct nv_value *name, *description, *schema, *type; /* NULL when not there */
    struct nv_attributes rest;
};

static enum tool_member member_of(struct nv_str key)
{
    for (size_t i = 0; i < sizeof tool_members / sizeof tool_members[0]; i++) {
        if (nv_str_eq(tool_members[i].key, key))
            return tool_members[i].member;
    }
    return TOOL_OTHER;
}

/* The outer name of a nested definition counts; another one inside makes it partial. */
static void take(struct walk *walk, const struct nv_value **slot, const struct nv_value *value)
{
    if (!*slot)
        *slot = value;
    else
        walk->partial |= !nv_value_eq(*slot, value);
}

/* ---- one definition ---------------------------------------------------------------------- */

/* A schema may be JSON text, and Bedrock puts it into {json: ...}. */
static enum nv_err schema_of(struct nv_arena *arena, const struct nv_value *in,
                             struct nv_value *out)
{
    enum nv_err err = nv_json_text_parse(arena, in, NV_JSON_TEXT_LEVELS, NULL, out);
    if (err != NV_OK || out->type != NV_VALUE_MAP || out->as.map.count != 1)
        return err;
    const struct nv_value *inner = nv_map_get(out, NV_STR("json"));
    if (inner && inner->type == NV_VALUE_MAP)
        *out = *inner;
    return NV_OK;
}

/* No type, or one that only says "a function": all the same tool. Any other is the provider's
 * own kind and stays. */
static bool is_function_word(const struct nv_value *type)
{
    if (!type || type->type != NV_VALUE_STRING)
        return true;
    return nv_str_eq(type->as.string, NV_STR("function")) ||
           nv_str_eq(type->as.string, NV_STR("tool"));
}

/* Members in one order, so that the same tools of two SDKs are the same text and can be
 * compared. A tool without a name is called by its type. Beyond the cap nothing is written, and
 * that is said. */
static enum nv_err write_tool(struct walk *walk, const struct tool *tool)
{
    struct nv_attributes members = {0};
    struct nv_value schema = nv_value_null();
    const bool function = is_function_word(tool->type);
    const struct nv_value word = nv_value_string(NV_STR("function"));
    const struct nv_value *name = tool->name ? tool->name : tool->type;
    assert(name != NULL);
    enum nv_err err =
        nv_attributes_add(&members, walk->arena, NV_STR("type"), function ? word : *tool->type);
    if (err == NV_OK)
        err = nv_attributes_add(&members, walk->arena, NV_STR("name"), *name);
    if (err == NV_OK && tool->description) {
        err =
            nv_attributes_add(&members, walk->arena, NV_STR("description"), *tool->description);
    }
    if (err == NV_OK && tool->schema)
        err = schema_of(walk->arena, tool->schema, &schema);
    if (err == NV_OK && schema.type != NV_VALUE_NULL)
        err = nv_attributes_add(&members, walk->arena, NV_STR("parameters"), schema);
    for (uint32_t i = 0; err == NV_OK && i < tool->rest.count; i++) {
        err = nv_attributes_add(&members, walk->arena, tool->rest.items[i].key,
                                tool->rest.items[i].value);
    }
    if (err != NV_OK)
        return err;
    if (walk->tools.count >= NV_TOOLS_MAX) {
        walk->partial = true;
        return NV_OK;
    }
    const struct nv_value out = {.type = NV_VALUE_MAP,
                                 .as.map = {members.items, members.count}};
    return nv_values_push(&walk->tools, walk->arena, out);
}

/* The first schema is the outer one's, as with names. A box too deep is a member like others:
 * it goes out whole, where a reader finds it. */
static enum nv_err gather(struct walk *walk, const struct nv_value *value, struct tool *tool,
                          unsigned depth)
{
    enum nv_err err = nv_meter_spend(1 + value->as.map.count) ? NV_OK : NV_ERR_LIMIT;
    for (uint32_t i = 0; err == NV_OK && i < value->as.map.count; i++) {
        const struct nv_attribute *member = &value->as.map.items[i];
        if (nv_value_empty(&member->value))
            continue;
        const enum tool_member what = member_of(member->key);
        if (what == TOOL_NAME)
            take(walk, &tool->name, &member->value);
        else if (what == TOOL_DESCRIPTION)
            take(walk, &tool->description, &member->value);
        else if (what == TOOL_TYPE)
            take(walk, &tool->type, &member->value);
        else if (what == TOOL_SCHEMA && !tool->schema)
            tool->schema = &member->value;
        else if (what == TOOL_INNER && member->value.type == NV_VALUE_MAP && depth < 4)
            err = gather(walk, &member->value, tool, depth + 1);
        else
            err = nv_attributes_add(&tool->rest, walk->arena, member->key, member->value);
    }
    return err;
}

/* ---- the walk ---------------------------------------------------------------------------- */

static enum nv_err visit(struct walk *walk, const struct nv_value *value, unsigned depth);

static const struct nv_value *text_member(const struct nv_value *map, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(map, key);
    const bool text = value != NULL && value->type == NV_VALUE_STRING && !nv_value_empty(value);
    return text ? value : NULL;
}

/* {name, ...}, {function: {name}}, {toolSpec: {name}}, or a provider's own tool: {type:
 * ...}. */
static bool is_definition(const struct nv_value *map)
{
    static const struct nv_str boxes[] = {NV_STR_INIT("function"), NV_STR_INIT("custom"),
                                          NV_STR_INIT("toolSpec")};
    if (nv_map_get(map, NV_STR("role")) || nv_map_get(map, NV_STR("messages")))
        return false;
    if (text_member(map, NV_STR("name")))
        return nv_map_get(map, NV_STR("tools")) == NULL;
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        const struct nv_value *inner = nv_map_get(map, boxes[i]);
        if (inner && inner->type == NV_VALUE_MAP && text_member(inner, NV_STR("name")) != NULL)
            return true;
    }
    return false;
}

/* A map from tool names to definitions. Asked last: any object would do for one. */
static enum nv_err visit_names(struct walk *walk, const struct nv_value *map)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        if (member->value.type != NV_VALUE_MAP || member_of(member->key) != TOOL_OTHER) {
            walk->partial = true;
            continue;
        }
        struct tool tool = {0};
        err = gather(walk, &member->value, &tool, 0);
        const struct nv_value name = nv_value_string(member->key);
        if (!tool.name)
            tool.name = &name;
        if (err == NV_OK && (tool.description || tool.schema))
            err = write_tool(walk, &tool);
    }
    return err;
}

/* `content` of a message may be its text and not a definition: text under such a key is passed
 * over, unless it is a json_schema, which some SDKs write as text. */
static enum nv_err visit_map(struct walk *walk, const struct nv_value *map, unsigned depth)
{
    if (is_definition(map)) {
        struct tool tool = {0};
        enum nv_err err = gather(walk, map, &tool, 0);
        return err != NV_OK ? err : write_tool(walk, &tool);
    }
    enum nv_err err = nv_meter_spend(1 + map->as.map.count) ? NV_OK : NV_ERR_LIMIT;
    bool opened = false, beside = false;
    for (uint32_t i = 0; err == NV_OK && i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        const enum tool_member what = member_of(member->key);
        if (what != TOOL_INNER && what != TOOL_LIST) {
            beside |= !nv_value_empty(&member->value);
            continue;
        }
        opened = true;
        const bool text = member->value.type == NV_VALUE_STRING && what == TOOL_INNER &&
                          !nv_str_eq(member->key, NV_STR("json_schema"));
        if (!text)
            err = visit(walk, &member->value, depth + 1);
        beside |= text;
    }
    walk->partial |= opened && beside;
    if (err != NV_OK || opened)
        return err;
    const struct nv_value *type = text_member(map, NV_STR("type"));
    if (type && depth > 0 && !nv_messages_is_role(type->as.string)) {
        struct tool tool = {0};
        err = gather(walk, map, &tool, 0);
        return err != NV_OK ? err : write_tool(walk, &tool);
    }
    return visit_names(walk, map);
}

/* A list of names alone is what some SDKs tell of their tools. */
static bool is_word(struct nv_str text)
{
    return text.len > 0 && text.len <= NAME_BYTES_MAX &&
           nv_str_find_char(text, ' ') == SIZE_MAX && nv_str_find_char(text, '\n') == SIZE_MAX;
}

static enum nv_err visit(struct walk *walk, const struct nv_value *in, unsigned depth)
{
    struct nv_value value;
    enum nv_err err = nv_json_text_parse(walk->arena, in, NV_JSON_TEXT_LEVELS, NULL, &value);
    if (err != NV_OK)
        return err;
    if (depth > TOOLS_DEPTH_MAX) {
        walk->partial = true;
        return NV_OK;
    }
    if (value.type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0; err == NV_OK && i < value.as.array.count; i++)
            err = visit(walk, &value.as.array.items[i], depth + 1);
        return err;
    }
    if (value.type == NV_VALUE_MAP)
        return visit_map(walk, &value, depth);
    if (value.type == NV_VALUE_STRING && depth > 0 && is_word(value.as.string)) {
        const struct tool tool = {.name = &value};
        return write_tool(walk, &tool);
    }
    walk->partial |= !nv_value_empty(&value);
    return NV_OK;
}

enum nv_err nv_tools_normalise(struct nv_arena *arena, const struct nv_value *in,
                               struct nv_value *out, bool *partial)
{
    struct walk walk = {.arena = arena};
    enum nv_err err = nv_value_absent(in) ? NV_OK : visit(&walk, in, 0);
    *out = (struct nv_value){.type = NV_VALUE_ARRAY,
                             .as.array = {walk.tools.items, walk.tools.count}};
    *partial = walk.partial;
    return err;
}
