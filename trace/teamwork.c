/*
 * Agents at work as spans: runs, delegations, messages, tasks.
 *
 *   lock registry ▸ copy what is needed ▸ unlock ▸ begin and fill the span ▸ lock ▸ it runs
 *
 * The registry is never held while a span is begun, so that the order of locks is one: span,
 * then registry, in none of which the other is taken. An agent that is taken out between the
 * two makes a span that is nobody's run.
 */
#include "trace/agents.h"
#include "trace/attributes.h"
#include "trace/span.h"
#include "trace/value.h"

#include <stdio.h>

#include "base/banned.h"

/* A copy of what a span says of an agent; found is false for one that is not registered. */
static bool look_up(const char *id, struct nv_trace_agent *copy)
{
    nv_trace_agents_lock();
    const struct nv_trace_agent *agent = nv_trace_agent_find(id);
    if (agent)
        *copy = *agent;
    nv_trace_agents_unlock();
    if (!agent)
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
    return agent != NULL;
}

static void set_unless_empty(noveum_span span, const char *key, const char *value)
{
    if (value && value[0] != '\0')
        noveum_set_str(span, key, value);
}

static void identify(noveum_span span, const struct nv_trace_agent *agent)
{
    const char *words[NV_TRACE_CAPABILITIES_MAX];
    noveum_attribute capabilities = {
        "agent.capabilities", NOVEUM_TYPE_STRS, agent->capability_count, {NULL}};
    for (unsigned i = 0; i < agent->capability_count; i++)
        words[i] = agent->capabilities[i];
    capabilities.value.strs = words;
    noveum_agent(span, agent->id, nv_trace_agent_name(agent),
                 agent->description[0] != '\0' ? agent->description : NULL);
    set_unless_empty(span, "agent.role", agent->role);
    set_unless_empty(span, "agent.type", agent->type);
    set_unless_empty(span, "agent.parent_id", agent->parent);
    if (agent->capability_count > 0)
        noveum_set(span, &capabilities, 1);
}

/* The span becomes a run of the agent: it says so when it ends. */
static void runs(noveum_span handle, const char *id)
{
    noveum_context context;
    noveum_get_context(handle, &context);
    nv_trace_agents_lock();
    struct nv_trace_agent *agent = nv_trace_agent_find(id);
    if (agent)
        nv_trace_agent_runs(agent, handle, &context);
    nv_trace_agents_unlock();
    struct nv_trace_span *span = agent ? nv_trace_span_lock(handle) : NULL;
    if (span) {
        span->agent = agent;
        nv_trace_span_unlock(span);
    } else if (agent) {
        nv_trace_agent_ended(agent, false); /* dropped, or ended already */
    }
}

static noveum_span begin(noveum_span span, const char *id, const char *task)
{
    struct nv_trace_agent agent;
    if (span.id == 0)
        return span;
    if (look_up(id, &agent)) {
        identify(span, &agent);
        runs(span, id);
    }
    if (task)
        noveum_message(span, NOVEUM_INPUT, "user", task, NOVEUM_NUL);
    return span;
}

noveum_span noveum_agent_begin(const char *id, const char *task)
{
    return begin(noveum_begin(NOVEUM_AGENT, NULL), id, task);
}

noveum_span noveum_agent_begin_below(noveum_span parent, const char *id, const char *task)
{
    return begin(noveum_begin_below(parent, NOVEUM_AGENT, NULL), id, task);
}

/* The latest run of an agent while it goes on, else what is current. */
static noveum_span place_of(const struct nv_trace_agent *agent)
{
    struct nv_trace_span *span = agent->running > 0 ? nv_trace_span_lock(agent->latest) : NULL;
    if (!span)
        return noveum_current();
    nv_trace_span_unlock(span);
    return agent->latest;
}

static void pass(const char *from, const char *to, enum nv_trace_edge_kind kind)
{
    nv_trace_agents_lock();
    const struct nv_trace_agent *one = nv_trace_agent_find(from);
    const struct nv_trace_agent *other = nv_trace_agent_find(to);
    if (one && other)
        nv_trace_agents_pass(one, other, kind);
    nv_trace_agents_unlock();
}

noveum_span noveum_agent_delegate(const char *from, const char *to, const char *task)
{
    struct nv_trace_agent giver;
    if (!nv_trace_on())
        return noveum_null();
    if (!look_up(from, &giver))
        return noveum_agent_begin_below(noveum_current(), to, task);
    noveum_span span = noveum_agent_begin_below(place_of(&giver), to, task);
    noveum_set_str(span, "gen_ai.handoff.from_agent", nv_trace_agent_name(&giver));
    pass(from, to, NV_TRACE_EDGE_DELEGATION);
    return span;
}

void noveum_agent_message(const char *from, const char *to, const char *text, size_t length)
{
    struct nv_trace_agent sender, receiver;
    char name[2 * NV_TRACE_AGENT_TEXT + 16];
    if (!nv_trace_on() || !look_up(from, &sender) || !look_up(to, &receiver))
        return;
    (void)snprintf(name, sizeof name, "message %s to %s", nv_trace_agent_name(&sender),
                   nv_trace_agent_name(&receiver));
    noveum_span span = noveum_begin_below(place_of(&sender), NOVEUM_FUNCTION, name);
    noveum_set_str(span, "agent.message.from", sender.id);
    noveum_set_str(span, "agent.message.to", receiver.id);
    noveum_message(span, NOVEUM_OUTPUT, "assistant", text, length);
    noveum_link(span, &receiver.last, NULL, 0);
    noveum_end(span);
    pass(from, to, NV_TRACE_EDGE_MESSAGE);
}

/* ---- tasks ------------------------------------------------------------------------------- */

static const char *const task_states[] = {
    [NOVEUM_TASK_PENDING] = "pending",     [NOVEUM_TASK_RUNNING] = "running",
    [NOVEUM_TASK_DONE] = "done",           [NOVEUM_TASK_FAILED] = "failed",
    [NOVEUM_TASK_CANCELLED] = "cancelled",
};

noveum_span noveum_task_begin(noveum_span workflow, const char *name, const char *agent_id)
{
    struct nv_trace_agent agent;
    if (!nv_trace_on())
        return noveum_null();
    noveum_span task = noveum_begin_below(workflow, NOVEUM_FUNCTION, name ? name : "task");
    set_unless_empty(task, "task.name", name);
    if (agent_id && look_up(agent_id, &agent)) {
        noveum_set_str(task, "task.agent_id", agent.id);
        noveum_set_str(task, "task.agent", nv_trace_agent_name(&agent));
    }
    noveum_task_set(task, NOVEUM_TASK_PENDING, NULL);
    return task;
}

void noveum_task_set(noveum_span task, noveum_task_state state, const char *why)
{
    unsigned number = (unsigned)state;
    if (number >= sizeof task_states / sizeof task_states[0]) {
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
        return;
    }
    noveum_attribute attributes[2] = {noveum_str("task.state", task_states[number])};
    size_t count = 1;
    if (why)
        attributes[count++] = noveum_str("task.why", why);
    noveum_set(task, attributes, count);
    noveum_event(task, "task.state", 0, attributes, count);
    if (state == NOVEUM_TASK_FAILED)
        noveum_error(task, "task_failed", why);
    else if (state == NOVEUM_TASK_DONE)
        noveum_set_ok(task);
}
