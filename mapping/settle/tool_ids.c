/*
 * Ids of tool calls that the model's answer lacks, from the tools that ran.
 *
 *   call_llm            tool_calls: [{search}, {fetch}]    ─▶ [{id c1, search}, {id c2, fetch}]
 *   ├─ execute_tool search   call_id c1
 *   └─ execute_tool fetch    call_id c2
 *
 * Gemini's calls have no ids; ADK makes some for its tools. Tools run in the order in which
 * they were called, so each takes the next call of its name, of the call of a model that it
 * stands below or beside.
 */
#include "mapping/settle/settle.h"

#include "base/banned.h"

/* Calls that are looked at for one of a tool's name, and spans between a tool and its call. */
#define LOOKS 16u
#define LEVELS 4u

static struct nv_str string_of(const struct nv_value *value)
{
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static struct nv_str name_of_call(const struct nv_value *call)
{
    const struct nv_value *function = nv_map_get(call, NV_STR("function"));
    bool nested = function && function->type == NV_VALUE_MAP;
    return string_of(nv_map_get(nested ? function : call, NV_STR("name")));
}

static bool lacks_id(const struct nv_value *call)
{
    return call->type == NV_VALUE_MAP && string_of(nv_map_get(call, NV_STR("id"))).len == 0;
}

/* The calls of one answer, and how many at their begin have ids. */
struct open_calls {
    uint32_t span; /* NV_NO_SPAN: none */
    uint32_t done;
};

/* Index of the next call of that name without an id, or the count. */
static uint32_t next_call(const struct nv_array *calls, uint32_t from, struct nv_str name)
{
    for (uint32_t i = from; i < calls->count && i - from < LOOKS; i++) {
        if (lacks_id(&calls->items[i]) && nv_str_eq(name_of_call(&calls->items[i]), name))
            return i;
    }
    return calls->count;
}

static enum nv_err give_id(struct nv_arena *arena, struct nv_value *call, struct nv_value id)
{
    const struct nv_map old = call->as.map;
    struct nv_attribute *items = nv_arena_array(arena, (size_t)old.count + 1, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    items[0] = (struct nv_attribute){NV_STR("id"), id};
    uint32_t count = 1;
    for (uint32_t i = 0; i < old.count; i++) {
        if (!nv_str_eq(old.items[i].key, NV_STR("id")))
            items[count++] = old.items[i];
    }
    call->as.map.items = items;
    call->as.map.count = count;
    return NV_OK;
}

/* Gives the next call of a tool's name the id, if there is one. */
static enum nv_err pair(struct nv_arena *arena, struct nv_value *calls, uint32_t from,
                        const struct nv_span_work *tool)
{
    if (!calls)
        return NV_OK;
    struct nv_str name = string_of(nv_work_get(tool, NV_FIELD_TOOL_NAME));
    uint32_t at = next_call(&calls->as.array, from, name);
    return at < calls->as.array.count ? give_id(arena, &calls->as.array.items[at],
                                                *nv_work_get(tool, NV_FIELD_TOOL_CALL_ID))
                                      : NV_OK;
}

/* The calls in the answer's message, unless they are the same list. */
static struct nv_value *calls_of_message(const struct nv_span_work *call,
                                         const struct nv_value *calls)
{
    struct nv_value *messages = nv_work_get(call, NV_FIELD_OUTPUT_MESSAGES);
    if (!messages || messages->type != NV_VALUE_ARRAY || messages->as.array.count == 0)
        return NULL;
    const struct nv_value *message = &messages->as.array.items[0];
    for (uint32_t i = 0; message->type == NV_VALUE_MAP && i < message->as.map.count; i++) {
        struct nv_attribute *member = &message->as.map.items[i];
        if (nv_str_eq(member->key, NV_STR("tool_calls")) &&
            member->value.type == NV_VALUE_ARRAY &&
            member->value.as.array.items != calls->as.array.items)
            return &member->value;
    }
    return NULL;
}

static bool belongs(const struct nv_translation *t, uint32_t tool, uint32_t call)
{
    uint32_t at = t->works[tool].parent;
    for (unsigned level = 0; at != NV_NO_SPAN && level < LEVELS; level++) {
        if (at == call || at == t->works[call].parent)
            return true;
        at = t->works[at].parent;
    }
    return false;
}

/* The calls of a model's answer, when they are a list; NULL. */
static struct nv_value *calls_of(const struct nv_span_work *work)
{
    struct nv_value *calls = nv_work_get(work, NV_FIELD_OUTPUT_TOOL_CALLS);
    return calls && calls->type == NV_VALUE_ARRAY ? calls : NULL;
}

static enum nv_err pair_tool(struct nv_translation *t, struct open_calls *open,
                             const struct nv_span_work *tool)
{
    struct nv_value *calls = calls_of(&t->works[open->span]);
    if (!calls)
        return NV_OK;
    struct nv_value *again = calls_of_message(&t->works[open->span], calls);
    enum nv_err err = pair(t->arena, again, open->done, tool);
    if (err == NV_OK)
        err = pair(t->arena, calls, open->done, tool);
    while (open->done < calls->as.array.count && !lacks_id(&calls->as.array.items[open->done]))
        open->done++;
    return err;
}

enum nv_err nv_tool_ids_settle(struct nv_translation *t)
{
    struct open_calls open = {.span = NV_NO_SPAN};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        const struct nv_span_work *work = &t->works[i];
        const struct nv_value *calls = work->kind == NV_KIND_LLM ? calls_of(work) : NULL;
        if (calls && calls->as.array.count > 0)
            open = (struct open_calls){lacks_id(&calls->as.array.items[0]) ? i : NV_NO_SPAN, 0};
        if (work->kind == NV_KIND_TOOL && open.span != NV_NO_SPAN &&
            string_of(nv_work_get(work, NV_FIELD_TOOL_CALL_ID)).len > 0 &&
            belongs(t, i, open.span))
            err = pair_tool(t, &open, work);
    }
    return err;
}
