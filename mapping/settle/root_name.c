/*
 * A trace's name from its root.
 *
 *   invoke_agent support                          ─▶ as it is
 *   ai.generateText, agent run, invocation, ...   ─▶ the agent's, workflow's or function's name
 *   Completions (a client's method)               ─▶ chat gpt-4o-mini
 *
 * Which names say nothing is a list of mapping/conventions/words.h.
 */
#include "mapping/settle/settle.h"

#include "mapping/conventions/words.h"

#include "base/banned.h"

#define WORD(text) NV_STR_INIT(text),
static const struct nv_str speechless[] = {NV_SPEECHLESS_NAMES(WORD)};
static const struct nv_str speechless_begins[] = {NV_SPEECHLESS_BEGINS(WORD)};
#undef WORD

/* Does the name say more than which function of a framework ran? */
static bool speaks(struct nv_str name)
{
    for (size_t i = 0; i < sizeof speechless / sizeof *speechless; i++) {
        if (nv_str_eq(name, speechless[i]))
            return false;
    }
    for (size_t i = 0; i < sizeof speechless_begins / sizeof *speechless_begins; i++) {
        if (nv_str_starts(name, speechless_begins[i]))
            return false;
    }
    return name.len > 0;
}

static struct nv_str text_of(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

/* The name of the first agent that has one. */
static struct nv_str first_agent(const struct nv_translation *t)
{
    for (uint32_t i = 0; i < t->work_count; i++) {
        struct nv_str name = text_of(&t->works[i], NV_FIELD_AGENT_NAME);
        if (t->works[i].kind == NV_KIND_AGENT && speaks(name))
            return name;
    }
    return NV_STR("");
}

struct nv_str nv_name_of_root(const struct nv_translation *t)
{
    static const enum nv_known_field names[] = {NV_FIELD_AGENT_NAME, NV_FIELD_WORKFLOW_NAME,
                                                NV_FIELD_CHAIN_NAME, NV_FIELD_TOOL_NAME};
    const struct nv_span_work *root = &t->works[t->root];
    struct nv_str name = root->span->name;
    if (speaks(name))
        return name;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct nv_str told = text_of(root, names[i]);
        if (speaks(told))
            return told;
    }
    struct nv_str agent = first_agent(t);
    struct nv_str model = text_of(root, NV_FIELD_REQUEST_MODEL);
    if (model.len == 0)
        model = text_of(root, NV_FIELD_MODEL);
    struct nv_str operation = text_of(root, NV_FIELD_OPERATION);
    if (agent.len > 0)
        return agent;
    if (model.len > 0 && operation.len > 0) {
        agent =
            nv_arena_printf(t->arena, "%.*s %.*s", NV_STR_ARG(operation), NV_STR_ARG(model));
    }
    return agent.len > 0 ? agent : name;
}
