/*
 * Tool calls of every shape in one: {id, type: "function", function: {name, arguments}}.
 *
 *   OpenAI         {id, function: {name, arguments: "{...}"}}
 *   Responses      {call_id, name, arguments: "{...}"}
 *   Anthropic      {id, name, input: {...}}
 *   Gemini         {functionCall: {name, args}}
 *   Bedrock        {toolUse: {toolUseId, name, input}}
 *   Vercel         {toolCallId, toolName, input}
 *   LangChain      {id, name, args}
 *   OpenInference  {tool_call: {...}}
 *   OpenAI hosts   {type: web_search_call, id, action: {...}}
 *
 * The shapes differ only in the spelling of three members, so there is one reader and no
 * detection. Arguments in JSON text are parsed, text that is not JSON stays text.
 */
#include "mapping/content/json_text.h"
#include "mapping/content/members.h"
#include "mapping/content/tools.h"
#include "mapping/content/values.h"

#include "base/banned.h"

#define CALL_DEPTH_MAX 6u
#define ARGUMENT_PLACES (NV_HAS(ARGUMENTS) | NV_HAS(INPUT) | NV_HAS(FUNCTION_ARGUMENTS))
#define NAME_PLACES (NV_HAS(NAME) | NV_HAS(FUNCTION_NAME))

struct call {
    struct nv_arena *arena;
    const struct nv_value *id, *item_id, *name, *arguments, *type; /* NULL when not there */
    struct nv_attributes rest;
    struct nv_value own_name, own_arguments; /* of tools that the provider hosts */
};

static void take(const struct nv_value **slot, const struct nv_value *value)
{
    if (!*slot)
        *slot = value;
}

/* Ids: the one that answers refer to goes first, a response item's own is kept beside it. */
static void take_ids(struct call *call, const struct nv_members *members)
{
    const struct nv_value *own = nv_members_get(members, NV_MEMBER_ID);
    const struct nv_value *call_id = nv_members_get(members, NV_MEMBER_CALL_ID);
    take(&call->id, call_id ? call_id : own);
    if (call_id && own && !nv_value_eq(call_id, own))
        take(&call->item_id, own);
}

static enum nv_err gather(struct call *call, const struct nv_value *value, unsigned depth)
{
    struct nv_members members;
    nv_members_find(value, &members);
    uint64_t used = NV_HAS(ID) | NV_HAS(CALL_ID) | NV_HAS(TYPE);
    const struct nv_value *inner = nv_members_get(&members, NV_MEMBER_CALL);
    if (!inner)
        inner = nv_members_get(&members, NV_MEMBER_FUNCTION);
    enum nv_err err = NV_OK;
    if (inner && inner->type == NV_VALUE_MAP && depth < CALL_DEPTH_MAX) {
        used |= NV_HAS(CALL) | NV_HAS(FUNCTION);
        err = gather(call, inner, depth + 1);
    }
    take_ids(call, &members);
    take(&call->type, nv_members_get(&members, NV_MEMBER_TYPE));
    for (unsigned id = 0; id < NV_MEMBER_NONE; id++) {
        const uint64_t bit = members.mask & (UINT64_C(1) << id);
        const struct nv_value **slot = (bit & NAME_PLACES) != 0       ? &call->name
                                       : (bit & ARGUMENT_PLACES) != 0 ? &call->arguments
                                                                      : NULL;
        if (slot && !*slot) {
            *slot = members.at[id];
            used |= bit;
        }
    }
    return err != NV_OK ? err
                        : nv_members_rest(call->arena, value, &members, used, &call->rest);
}

/*
 * Tools that OpenAI hosts have a type of their own, which is their name, and their arguments
 * under names of their own: web_search_call {action}, apply_patch_call {operation},
 * code_interpreter_call {code, container_id}, file_search_call {queries}. Results (output,
 * outputs, results) stay with the call.
 */
static enum nv_err gather_hosted(struct call *call)
{
    static const struct nv_str whole[] = {NV_STR_INIT("action"), NV_STR_INIT("operation")};
    static const struct nv_str some[] = {NV_STR_INIT("code"), NV_STR_INIT("queries"),
                                         NV_STR_INIT("query"), NV_STR_INIT("revised_prompt")};
    struct nv_attributes rest = {0}, arguments = {0};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < call->rest.count; i++) {
        const struct nv_attribute *member = &call->rest.items[i];
        bool all = false, part = false;
        for (size_t j = 0; j < sizeof whole / sizeof whole[0]; j++)
            all = all || nv_str_eq(member->key, whole[j]);
        for (size_t j = 0; j < sizeof some / sizeof some[0]; j++)
            part = part || nv_str_eq(member->key, some[j]);
        if (all && !call->arguments) {
            call->own_arguments = member->value;
            call->arguments = &call->own_arguments;
        } else {
            err = nv_attributes_add(part ? &arguments : &rest, call->arena, member->key,
                                    member->value);
        }
    }
    if (!call->arguments && arguments.count > 0) {
        call->own_arguments = (struct nv_value){.type = NV_VALUE_MAP,
                                                .as.map = {arguments.items, arguments.count}};
        call->arguments = &call->own_arguments;
        arguments.count = 0;
    }
    for (uint32_t i = 0; err == NV_OK && i < arguments.count; i++) {
        err = nv_attributes_add(&rest, call->arena, arguments.items[i].key,
                                arguments.items[i].value);
    }
    call->rest = rest;
    return err;
}

/* The name of a hosted tool: its type without the end; empty for other calls. */
static struct nv_str hosted_name(const struct call *call)
{
    const struct nv_str end = NV_STR("_call");
    const struct nv_str type =
        call->type && call->type->type == NV_VALUE_STRING ? call->type->as.string : NV_STR("");
    if (call->name || !nv_str_ends(type, end) || nv_str_eq(type, NV_STR("function_call")) ||
        nv_str_eq(type, NV_STR("tool_call")))
        return NV_STR("");
    return nv_str_slice(type, 0, type.len - end.len);
}

static enum nv_err parse_arguments(struct nv_arena *arena, const struct nv_value *in,
                                   struct nv_value *out)
{
    *out = *in;
    if (in->type != NV_VALUE_STRING && in->type != NV_VALUE_JSON)
        return NV_OK;
    struct nv_value parsed;
    enum nv_err err = nv_json_text_parse(arena, in, NV_JSON_TEXT_LEVELS, NULL, &parsed);
    if (err == NV_OK && (parsed.type == NV_VALUE_MAP || parsed.type == NV_VALUE_ARRAY))
        *out = parsed;
    return err;
}

/* The source's words for "a function is called" all become one; others (custom, mcp) stay. */
static struct nv_value type_of(const struct nv_value *type)
{
    static const struct nv_str words[] = {
        NV_STR_INIT("function"), NV_STR_INIT("tool_call"),      NV_STR_INIT("tool_use"),
        NV_STR_INIT("toolUse"),  NV_STR_INIT("function_call"),  NV_STR_INIT("tool-call"),
        NV_STR_INIT("tool"),     NV_STR_INIT("tool_call_chunk")};
    for (size_t i = 0; type && i < sizeof words / sizeof words[0]; i++) {
        if (type->type == NV_VALUE_STRING && nv_str_eq(type->as.string, words[i]))
            type = NULL;
    }
    return !type ? nv_value_string(NV_STR("function")) : *type;
}

static enum nv_err write_function(struct call *call, struct nv_value *out)
{
    struct nv_attributes members = {0};
    enum nv_err err = NV_OK;
    if (call->name)
        err = nv_attributes_add(&members, call->arena, NV_STR("name"), *call->name);
    if (err == NV_OK && call->arguments) {
        struct nv_value arguments;
        err = parse_arguments(call->arena, call->arguments, &arguments);
        if (err == NV_OK)
            err = nv_attributes_add(&members, call->arena, NV_STR("arguments"), arguments);
    }
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {members.items, members.count}};
    return err;
}

static enum nv_err write_call(struct call *call, struct nv_value *out)
{
    struct nv_attributes members = {0};
    struct nv_value function;
    enum nv_err err = write_function(call, &function);
    if (err == NV_OK && call->id)
        err = nv_attributes_add(&members, call->arena, NV_STR("id"), *call->id);
    if (err == NV_OK)
        err = nv_attributes_add(&members, call->arena, NV_STR("type"), type_of(call->type));
    if (err == NV_OK)
        err = nv_attributes_add(&members, call->arena, NV_STR("function"), function);
    if (err == NV_OK && call->item_id)
        err = nv_attributes_add(&members, call->arena, NV_STR("item_id"), *call->item_id);
    for (uint32_t i = 0; err == NV_OK && i < call->rest.count; i++) {
        err = nv_attributes_add(&members, call->arena, call->rest.items[i].key,
                                call->rest.items[i].value);
    }
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {members.items, members.count}};
    return err;
}

/* Unset members of a flattened call leave an empty one behind (openinference-vercel). */
static bool is_nothing(const struct call *call)
{
    return call->id == NULL && call->name == NULL && call->arguments == NULL &&
           call->rest.count == 0;
}

static enum nv_err one_call(struct nv_arena *arena, const struct nv_value *value,
                            struct nv_values *calls, unsigned depth)
{
    struct nv_value parsed;
    enum nv_err err = nv_json_text_parse(arena, value, NV_JSON_TEXT_LEVELS, NULL, &parsed);
    if (err != NV_OK)
        return err;
    if (parsed.type == NV_VALUE_ARRAY && depth < CALL_DEPTH_MAX) {
        for (uint32_t i = 0; err == NV_OK && i < parsed.as.array.count; i++)
            err = one_call(arena, &parsed.as.array.items[i], calls, depth + 1);
        return err;
    }
    if (parsed.type != NV_VALUE_MAP) {
        /* Not a call, but somebody put it among calls: its text stays. */
        return nv_value_empty(&parsed) ? NV_OK : nv_values_push(calls, arena, *value);
    }
    struct nv_members members;
    nv_members_find(&parsed, &members);
    if (members.mask == NV_HAS(TOOL_CALLS) && depth < CALL_DEPTH_MAX) {
        return one_call(arena, nv_members_get(&members, NV_MEMBER_TOOL_CALLS), calls,
                        depth + 1);
    }
    struct call call = {.arena = arena};
    struct nv_value out;
    err = gather(&call, &parsed, 0);
    const struct nv_str hosted = hosted_name(&call);
    if (err == NV_OK && hosted.len > 0) {
        call.own_name = nv_value_string(hosted);
        call.name = &call.own_name;
        err = gather_hosted(&call);
    }
    if (err != NV_OK || is_nothing(&call))
        return err;
    err = write_call(&call, &out);
    return err != NV_OK ? err : nv_values_push(calls, arena, out);
}

enum nv_err nv_tool_calls_normalise(struct nv_arena *arena, const struct nv_value *in,
                                    struct nv_value *out)
{
    struct nv_values calls = {0};
    enum nv_err err = one_call(arena, in, &calls, 0);
    *out = (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {calls.items, calls.count}};
    return err;
}
