/*
 * One call of a tool once, though both ends of MCP and the agent around them tell of it.
 *
 *   execute_tool search          the agent ran it        the tool, with what the others know
 *   └─ tools/call search         the client asked        llm.source.tool.*
 *      └─ tools/call search      the server answered     llm.source.tool.*
 *
 * Only spans of MCP are looked at, and a tool that names the same tool, directly above but for
 * spans that are no tool, agent or model call. A tool above several of them is a tool of its
 * own that calls others.
 */
#include "mapping/settle/settle.h"

#include "base/meter.h"

#include "base/banned.h"

static bool is_tool(const struct nv_span_work *work)
{
    return work->kind == NV_KIND_TOOL || work->kind == NV_KIND_MCP;
}

static bool stands_between(enum nv_kind kind)
{
    return kind == NV_KIND_AGENT || kind == NV_KIND_LLM;
}

static struct nv_str text(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static bool same_tool(const struct nv_span_work *outer, const struct nv_span_work *inner)
{
    struct nv_str one = text(outer, NV_FIELD_TOOL_CALL_ID);
    struct nv_str other = text(inner, NV_FIELD_TOOL_CALL_ID);
    return nv_str_eq(text(outer, NV_FIELD_TOOL_NAME), text(inner, NV_FIELD_TOOL_NAME)) &&
           (one.len == 0 || other.len == 0 || nv_str_eq(one, other));
}

/* What is known of a span: who is above it, and how many calls of its tool are below. */
struct place {
    uint32_t above; /* 1 + the tool at or above it, NOTHING, 0 unasked */
    uint32_t repeats;
    uint32_t call; /* 1 + the outermost span of its call, when it is a repeat */
};
#define NOTHING UINT32_MAX

/* 1 + the tool at or above a span, 0 none; remembered for all spans on the way. */
static uint32_t tool_at(const struct nv_translation *t, struct place *places, uint32_t index)
{
    uint32_t at = index, found = NOTHING;
    while (at != NV_NO_SPAN && places[at].above == 0 && !is_tool(&t->works[at]) &&
           !stands_between(t->works[at].kind)) {
        (void)nv_meter_spend(1);
        at = t->works[at].parent;
    }
    if (at != NV_NO_SPAN && places[at].above != 0)
        found = places[at].above;
    else if (at != NV_NO_SPAN && is_tool(&t->works[at]))
        found = at + 1;
    for (uint32_t back = index; back != at; back = t->works[back].parent)
        places[back].above = found;
    return found == NOTHING ? 0 : found;
}

/* The tool whose call a span of MCP, or one around MCP, may repeat; 0 none. */
static uint32_t repeated_by(const struct nv_translation *t, struct place *places,
                            uint32_t index)
{
    const struct nv_span_work *work = &t->works[index];
    if (!is_tool(work) || work->parent == NV_NO_SPAN)
        return 0;
    uint32_t outer = tool_at(t, places, work->parent);
    bool mcp = outer && (work->kind == NV_KIND_MCP || t->works[outer - 1].kind == NV_KIND_MCP);
    return mcp && same_tool(&t->works[outer - 1], work) ? outer : 0;
}

static enum nv_err complete(struct nv_translation *t, struct nv_span_work *call,
                            const struct nv_span_work *repeat)
{
    static const enum nv_known_field fields[] = {NV_FIELD_TOOL_CALL_ID, NV_FIELD_TOOL_INPUT,
                                                 NV_FIELD_TOOL_OUTPUT};
    enum nv_err err = NV_OK;
    for (size_t i = 0; err == NV_OK && i < sizeof fields / sizeof *fields; i++) {
        const struct nv_value *value = nv_work_get(repeat, fields[i]);
        if (value && !nv_work_get(call, fields[i]))
            err = nv_work_set(t, call, fields[i], *value);
    }
    return err;
}

/* All that tells a tool gets another name. */
static enum nv_err step_back(struct nv_translation *t, struct nv_span_work *work)
{
    work->kind = NV_KIND_GENERIC;
    return nv_work_move(t, work, NV_STR("tool."), NV_STR("llm.source."));
}

enum nv_err nv_tools_settle(struct nv_translation *t)
{
    struct place *places = nv_arena_array(t->arena, t->work_count, sizeof *places);
    enum nv_err err = places ? NV_OK : NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        uint32_t outer = repeated_by(t, places, i);
        places[i].call = outer;
        if (outer)
            places[outer - 1].repeats++;
    }
    /* a span's parents stand before it, but for clocks that differ */
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        uint32_t outer = places[i].call;
        if (outer == 0 || places[outer - 1].repeats > 1) {
            places[i].call = 0;
            continue;
        }
        if (outer - 1 < i && places[outer - 1].call)
            places[i].call = places[outer - 1].call;
        err = complete(t, &t->works[places[i].call - 1], &t->works[i]);
    }
    for (uint32_t i = 0; err == NV_OK && i < t->work_count; i++) {
        if (places[i].call)
            err = step_back(t, &t->works[i]);
    }
    return err;
}
