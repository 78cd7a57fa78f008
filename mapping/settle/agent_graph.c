/*
 * The agents of one trace and what passed between them.
 *
 *   agent spans ─▶ nodes by name             tool and model spans ─▶ the nearest agent above
 *   agent below another agent ─▶ delegation
 *   handoff.from_agent, handoff.to_agent ─▶ handoff (from: else the nearest agent above; to:
 *                                                    else the agent that runs next)
 *   link between spans of two agents ─▶ message
 *   a parent in the framework's own graph, where nothing else connects the two ─▶ delegation
 *
 * A node is a name, because ids of most frameworks are drawn for each run. An agent directly
 * below a span of the same agent, no tool between them, is the same run. The graph goes out
 * on the root span whole and on the trace in counts (docs/noveum-backend.md#agents), and is
 * told to the registry. Caps hold; what is beyond them is not in the graph but still in the
 * trace.
 */
#include "mapping/settle/settle.h"

#include "base/meter.h"
#include "mapping/settle/agents.h"
#include "model/key_index.h"

#include <assert.h>

#include "base/banned.h"

struct building {
    struct nv_translation *t;
    struct nv_agent_graph graph;
    /* a span: 1 + index of the agent span, or of the agent or tool, at or above it; NO_AGENT, 0
     * unasked */
    uint32_t *nearest, *actor;
    uint32_t *node_of;                /* an agent span: 1 + its node */
    uint32_t *stands_for;             /* no agent: 1 + index of an agent span directly below */
    uint32_t *agents, agent_count;    /* agent spans */
    uint32_t waiting;                 /* 1 + node that handed on to nobody known yet */
    struct nv_hash_index names;       /* nodes by name */
    struct nv_hash_index connections; /* connections by their ends and type */
    struct nv_hash_index ids;         /* spans by id; made at the first link */
    enum nv_err err;                  /* NV_ERR_NO_MEMORY of an index */
};

/* Memo of a span that is known to have no agent at or above it. */
#define NO_AGENT UINT32_MAX

static struct nv_str text_of(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

/* ---- nodes ------------------------------------------------------------------------------- */

/* Adds to an index; without memory the graph is given up as a whole. */
static void note(struct building *b, struct nv_hash_index *index, uint64_t hash,
                 uint32_t number)
{
    enum nv_err err = nv_hash_index_add(index, b->t->arena, hash, number);
    b->err = err != NV_OK ? err : b->err;
}

/* 1 + index of the node of that name; 0 none. */
static uint32_t known_node(const struct building *b, struct nv_str name)
{
    const struct nv_hash_slot *slot;
    uint64_t hash = nv_str_hash(name);
    for (uint32_t at = 0; (slot = nv_hash_index_next(&b->names, hash, &at)) != NULL;) {
        if (nv_str_eq(b->graph.nodes[slot->number - 1].name, name))
            return slot->number;
    }
    return 0;
}

/* 1 + index of the node of that name, made when it is new; 0 when there is no room. */
static uint32_t find_node(struct building *b, struct nv_str name)
{
    struct nv_agent_graph *graph = &b->graph;
    uint32_t known = known_node(b, name);
    if (known || graph->node_count == NV_AGENT_NODES_MAX)
        return known;
    note(b, &b->names, nv_str_hash(name), graph->node_count);
    graph->nodes[graph->node_count] = (struct nv_agent_node){.name = name};
    return ++graph->node_count;
}

/* A letter or digit in lower case, a byte of a longer character as it is, 0 for signs. */
static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    bool counts = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
    return counts ? c : 0;
}

/* Equal but for case and signs: `transfer_to_weather_agent` means `Weather Agent`. */
static bool sounds_like(struct nv_str a, struct nv_str b)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a.len && folded(a.ptr[i]) == 0)
            i++;
        while (k < b.len && folded(b.ptr[k]) == 0)
            k++;
        if (i == a.len || k == b.len)
            return i == a.len && k == b.len;
        if (folded(a.ptr[i++]) != folded(b.ptr[k++]))
            return false;
    }
}

/* The node that a handoff names, by its name or by the name of a tool made of that. */
static uint32_t node_of_handoff(struct building *b, struct nv_str name)
{
    uint32_t known = known_node(b, name);
    (void)nv_meter_spend(b->graph.node_count);
    for (uint32_t i = 0; known == 0 && i < b->graph.node_count; i++)
        known = sounds_like(b->graph.nodes[i].name, name) ? i + 1 : 0;
    return known ? known : find_node(b, name);
}

static bool is_tool(const struct nv_span_work *work)
{
    return work->kind == NV_KIND_TOOL || work->kind == NV_KIND_MCP;
}

/* 1 + the agent span (with `tools` the agent or tool) at or above a span, 0 none; remembered
 * for all spans on the way. */
static uint32_t find_above(struct building *b, uint32_t index, bool tools)
{
    const struct nv_span_work *works = b->t->works;
    uint32_t *memo = tools ? b->actor : b->nearest;
    uint32_t at = index, found = NO_AGENT;
    while (at != NV_NO_SPAN && b->node_of[at] == 0 && memo[at] == 0 &&
           !(tools && is_tool(&works[at]))) {
        (void)nv_meter_spend(1);
        at = works[at].parent;
    }
    if (at != NV_NO_SPAN)
        found = memo[at] != 0 ? memo[at] : at + 1;
    for (uint32_t back = index; back != at; back = works[back].parent)
        memo[back] = found;
    return found == NO_AGENT ? 0 : found;
}

static uint32_t nearest_agent(struct building *b, uint32_t index)
{
    return find_above(b, index, false);
}

/* 1 + node of the agent above a span, itself not counted; 0 none. */
static uint32_t node_above(struct building *b, uint32_t index)
{
    uint32_t parent = b->t->works[index].parent;
    uint32_t agent = parent == NV_NO_SPAN ? 0 : nearest_agent(b, parent);
    return agent ? b->node_of[agent - 1] : 0;
}

/* The agent's own name. `agent` is none: so graphs call the step that asks the model. */
static struct nv_str name_of(const struct nv_span_work *work)
{
    struct nv_str name = text_of(work, NV_FIELD_AGENT_NAME);
    if (name.len == 0)
        name = text_of(work, NV_FIELD_AGENT_ID);
    return name.len > 0 ? name : work->span->name;
}

static bool is_nameless(const struct nv_span_work *work)
{
    return nv_str_eq(name_of(work), NV_STR("agent"));
}

static void add_agent_span(struct building *b, uint32_t index)
{
    const struct nv_span_work *work = &b->t->works[index];
    uint32_t above = is_nameless(work) ? node_above(b, index) : 0;
    b->node_of[index] = above ? above : find_node(b, name_of(work));
    if (b->node_of[index] == 0)
        return;
    struct nv_agent_node *node = &b->graph.nodes[b->node_of[index] - 1];
    struct nv_str id = text_of(work, NV_FIELD_AGENT_ID);
    struct nv_str role = text_of(work, NV_FIELD_AGENT_ROLE);
    if (node->id.len == 0)
        node->id = id;
    if (node->role.len == 0)
        node->role = role;
    if (work->parent != NV_NO_SPAN && b->t->works[work->parent].kind != NV_KIND_AGENT)
        b->stands_for[work->parent] = index + 1;
}

/* Counts a run. A span within one of the same agent, no tool between, is the same run, and one
 * that makes the agent is none. */
static void count_run(struct building *b, uint32_t index)
{
    const struct nv_span_work *work = &b->t->works[index];
    uint32_t node = b->node_of[index];
    uint32_t above = work->parent == NV_NO_SPAN ? 0 : find_above(b, work->parent, true);
    if (node == 0 || (above && b->node_of[above - 1] == node) ||
        nv_str_eq(text_of(work, NV_FIELD_AGENT_OPERATION), NV_STR("create_agent")))
        return;
    b->graph.nodes[node - 1].runs++;
    b->graph.nodes[node - 1].errors += work->span->status != NV_STATUS_OK;
}

static enum nv_err add_tool(struct building *b, uint32_t node_number, struct nv_str name)
{
    struct nv_agent_node *node = &b->graph.nodes[node_number - 1];
    (void)nv_meter_spend(1 + node->tool_count / 4);
    for (uint32_t i = 0; i < node->tool_count; i++) {
        if (nv_str_eq(node->tools[i], name))
            return NV_OK;
    }
    if (name.len == 0 || node->tool_count == NV_AGENT_TOOLS_MAX)
        return NV_OK;
    if (!node->tools)
        node->tools = nv_arena_array(b->t->arena, NV_AGENT_TOOLS_MAX, sizeof *node->tools);
    if (!node->tools)
        return NV_ERR_NO_MEMORY;
    node->tools[node->tool_count++] = name;
    return NV_OK;
}

/* ---- connections ------------------------------------------------------------------------- */

static uint64_t hash_of_connection(uint32_t from, uint32_t to,
                                   enum nv_agent_connection_type type)
{
    static_assert(NV_AGENT_NODES_MAX <= 1 << 16, "both ends fit into one number");
    return nv_number_hash((uint64_t)type << 32 | from << 16 | to);
}

/* The connection of two nodes (1 + index), or NULL. */
static struct nv_agent_connection *find_connection(const struct building *b, uint32_t from,
                                                   uint32_t to,
                                                   enum nv_agent_connection_type type)
{
    const struct nv_hash_slot *slot;
    uint64_t hash = hash_of_connection(from, to, type);
    for (uint32_t at = 0; (slot = nv_hash_index_next(&b->connections, hash, &at)) != NULL;) {
        struct nv_agent_connection *known = &b->graph.connections[slot->number - 1];
        if (known->from == from - 1 && known->to == to - 1 && known->type == type)
            return known;
    }
    return NULL;
}

/* Counts a connection between two different nodes (1 + index; 0 is nobody). */
static void connect(struct building *b, uint32_t from, uint32_t to,
                    enum nv_agent_connection_type type)
{
    struct nv_agent_graph *graph = &b->graph;
    if (from == 0 || to == 0 || from == to)
        return;
    struct nv_agent_connection *known = find_connection(b, from, to, type);
    if (known) {
        known->count++;
        return;
    }
    if (graph->connection_count == NV_AGENT_CONNECTIONS_MAX)
        return;
    note(b, &b->connections, hash_of_connection(from, to, type), graph->connection_count);
    graph->connections[graph->connection_count++] =
        (struct nv_agent_connection){from - 1, to - 1, type, 1};
}

static bool are_connected(const struct building *b, uint32_t from, uint32_t to)
{
    return find_connection(b, from, to, NV_AGENT_HANDOFF) ||
           find_connection(b, from, to, NV_AGENT_DELEGATION) ||
           find_connection(b, from, to, NV_AGENT_MESSAGE);
}

/* A tool by which an agent hands on; to whom, only its arguments say. */
static bool hands_on(const struct nv_span_work *work)
{
    struct nv_str name = is_tool(work) ? text_of(work, NV_FIELD_TOOL_NAME) : NV_STR("");
    return nv_str_eq(name, NV_STR("transfer_to_agent")) ||
           nv_str_eq(name, NV_STR("handoff_to_agent"));
}

/* Agents name whom they were handed on by: that is asked last (add_told_parents). */
static void add_handoff(struct building *b, uint32_t index)
{
    const struct nv_span_work *work = &b->t->works[index];
    bool fields = work->at[NV_FIELD_HANDOFF_TO] != 0 || work->at[NV_FIELD_HANDOFF_FROM] != 0;
    if (work->kind == NV_KIND_AGENT || (!fields && !hands_on(work)))
        return;
    struct nv_str to = text_of(work, NV_FIELD_HANDOFF_TO);
    struct nv_str from = text_of(work, NV_FIELD_HANDOFF_FROM);
    bool told = to.len > 0 && !nv_str_eq(to, NV_STR("unknown"));
    uint32_t source = from.len > 0 ? node_of_handoff(b, from) : node_above(b, index);
    if (told)
        connect(b, source, node_of_handoff(b, to), NV_AGENT_HANDOFF);
    else
        b->waiting = source;
}

/* Whom the agent says it came from, where nothing else connects the two. A parent that is no
 * agent of the trace (a team, a graph) is none. */
static void add_told_parent(struct building *b, uint32_t index)
{
    const struct nv_span_work *work = &b->t->works[index];
    uint32_t node = b->node_of[index];
    struct nv_str from = text_of(work, NV_FIELD_HANDOFF_FROM);
    struct nv_str parent = text_of(work, NV_FIELD_PARENT_NODE);
    uint32_t giver = from.len > 0 ? known_node(b, from) : 0;
    uint32_t above = parent.len > 0 ? known_node(b, parent) : 0;
    if (node != 0 && giver != 0 && !are_connected(b, giver, node))
        connect(b, giver, node, NV_AGENT_HANDOFF);
    if (node != 0 && above != 0 && !are_connected(b, above, node))
        connect(b, above, node, NV_AGENT_DELEGATION);
}

static uint64_t hash_of_id(const uint8_t id[NV_SPAN_ID_BYTES])
{
    return nv_str_hash((struct nv_str){(const char *)id, NV_SPAN_ID_BYTES});
}

/* 1 + the agent of a span: at or above it, or what it or its parent was made around. */
static uint32_t agent_of(struct building *b, uint32_t index)
{
    uint32_t agent = nearest_agent(b, index);
    uint32_t parent = b->t->works[index].parent;
    if (!agent)
        agent = b->stands_for[index];
    return agent || parent == NV_NO_SPAN ? agent : b->stands_for[parent];
}

/* The span of that id, or NV_NO_SPAN. */
static uint32_t find_span(struct building *b, const uint8_t id[NV_SPAN_ID_BYTES])
{
    const struct nv_translation *t = b->t;
    const struct nv_hash_slot *slot;
    const bool first = b->ids.used == 0;
    for (uint32_t i = 0; first && i < t->work_count; i++)
        note(b, &b->ids, hash_of_id(t->works[i].span->span_id), i);
    for (uint32_t at = 0; (slot = nv_hash_index_next(&b->ids, hash_of_id(id), &at)) != NULL;) {
        if (memcmp(t->works[slot->number - 1].span->span_id, id, NV_SPAN_ID_BYTES) == 0)
            return slot->number - 1;
    }
    return NV_NO_SPAN;
}

static void add_links(struct building *b, uint32_t index)
{
    const struct nv_translation *t = b->t;
    const struct nv_span *span = t->works[index].span;
    uint32_t mine = span->link_count > 0 ? agent_of(b, index) : 0;
    for (uint32_t l = 0; mine != 0 && l < span->link_count; l++) {
        const struct nv_link *link = &span->links[l];
        (void)nv_meter_spend(1);
        if (memcmp(link->trace_id, t->raw->trace_id, NV_TRACE_ID_BYTES) != 0)
            continue;
        uint32_t linked = find_span(b, link->span_id);
        uint32_t theirs = linked != NV_NO_SPAN ? agent_of(b, linked) : 0;
        connect(b, theirs ? b->node_of[theirs - 1] : 0, b->node_of[mine - 1], NV_AGENT_MESSAGE);
    }
}

static enum nv_err add_span(struct building *b, uint32_t index)
{
    const struct nv_span_work *work = &b->t->works[index];
    uint32_t above = node_above(b, index);
    add_handoff(b, index);
    add_links(b, index);
    switch (work->kind) {
    case NV_KIND_AGENT:
        connect(b, above, b->node_of[index], NV_AGENT_DELEGATION);
        if (b->waiting != 0 && b->waiting != b->node_of[index]) {
            connect(b, b->waiting, b->node_of[index], NV_AGENT_HANDOFF);
            b->waiting = 0;
        }
        return NV_OK;
    case NV_KIND_TOOL:
    case NV_KIND_MCP:
        return above ? add_tool(b, above, text_of(work, NV_FIELD_TOOL_NAME)) : NV_OK;
    case NV_KIND_LLM:
        if (above)
            b->graph.nodes[above - 1].calls++;
        return NV_OK;
    default:
        return NV_OK;
    }
}

/* ---- attributes -------------------------------------------------------------------------- */

static void put(struct nv_attributes *list, struct nv_str key, struct nv_value value)
{
    assert(list->count < list->capacity);
    list->items[list->count++] = (struct nv_attribute){key, value};
}

static struct nv_value as_map(const struct nv_attributes *list)
{
    struct nv_value value = {.type = NV_VALUE_MAP};
    value.as.map.items = list->items;
    value.as.map.count = list->count;
    return value;
}

static bool room(struct nv_arena *arena, struct nv_attributes *list, uint32_t capacity)
{
    *list = (struct nv_attributes){nv_arena_array(arena, capacity, sizeof *list->items), 0,
                                   capacity};
    return list->items != NULL;
}

static enum nv_err describe_node(struct nv_arena *arena, const struct nv_agent_node *node,
                                 struct nv_value *out)
{
    struct nv_attributes list;
    struct nv_value *tools = nv_arena_array(arena, node->tool_count, sizeof *tools);
    if (!room(arena, &list, 7) || !tools)
        return NV_ERR_NO_MEMORY;
    put(&list, NV_STR("name"), nv_value_string(node->name));
    if (node->id.len > 0)
        put(&list, NV_STR("id"), nv_value_string(node->id));
    if (node->role.len > 0)
        put(&list, NV_STR("role"), nv_value_string(node->role));
    put(&list, NV_STR("runs"), nv_value_int(node->runs));
    put(&list, NV_STR("errors"), nv_value_int(node->errors));
    put(&list, NV_STR("calls"), nv_value_int(node->calls));
    for (uint32_t i = 0; i < node->tool_count; i++)
        tools[i] = nv_value_string(node->tools[i]);
    if (node->tool_count > 0) {
        struct nv_value names = {.type = NV_VALUE_ARRAY};
        names.as.array.items = tools;
        names.as.array.count = node->tool_count;
        put(&list, NV_STR("tools"), names);
    }
    *out = as_map(&list);
    return NV_OK;
}

static enum nv_err describe_connection(struct nv_arena *arena,
                                       const struct nv_agent_graph *graph,
                                       const struct nv_agent_connection *connection,
                                       struct nv_value *out)
{
    struct nv_attributes list;
    if (!room(arena, &list, 4))
        return NV_ERR_NO_MEMORY;
    put(&list, NV_STR("from"), nv_value_string(graph->nodes[connection->from].name));
    put(&list, NV_STR("to"), nv_value_string(graph->nodes[connection->to].name));
    put(&list, NV_STR("type"), nv_value_string(nv_agent_connection_name(connection->type)));
    put(&list, NV_STR("count"), nv_value_int(connection->count));
    *out = as_map(&list);
    return NV_OK;
}

/* Name and counts, for the trace and its root. */
static enum nv_err add_counts(const struct building *b, struct nv_attributes *list)
{
    struct nv_arena *arena = b->t->arena;
    enum nv_err err = nv_attributes_add(list, arena, NV_STR("agent_graph.name"),
                                        nv_value_string(b->graph.nodes[0].name));
    if (err == NV_OK) {
        err = nv_attributes_add(list, arena, NV_STR("agent_graph.node_count"),
                                nv_value_int(b->graph.node_count));
    }
    if (err == NV_OK) {
        err = nv_attributes_add(list, arena, NV_STR("agent_graph.connection_count"),
                                nv_value_int(b->graph.connection_count));
    }
    return err;
}

static enum nv_err add_whole(const struct building *b, struct nv_attributes *list)
{
    const struct nv_agent_graph *graph = &b->graph;
    struct nv_arena *arena = b->t->arena;
    struct nv_value nodes = {.type = NV_VALUE_ARRAY}, connections = {.type = NV_VALUE_ARRAY};
    nodes.as.array.items = nv_arena_array(arena, graph->node_count, sizeof(struct nv_value));
    connections.as.array.items =
        nv_arena_array(arena, graph->connection_count, sizeof(struct nv_value));
    enum nv_err err =
        nodes.as.array.items && connections.as.array.items ? NV_OK : NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; err == NV_OK && i < graph->node_count; i++) {
        err = describe_node(arena, &graph->nodes[i],
                            &nodes.as.array.items[nodes.as.array.count++]);
    }
    for (uint32_t i = 0; err == NV_OK && i < graph->connection_count; i++) {
        err = describe_connection(arena, graph, &graph->connections[i],
                                  &connections.as.array.items[connections.as.array.count++]);
    }
    if (err == NV_OK)
        err = nv_attributes_add(list, arena, NV_STR("agent_graph.nodes"), nodes);
    if (err == NV_OK && graph->connection_count > 0)
        err = nv_attributes_add(list, arena, NV_STR("agent_graph.connections"), connections);
    return err;
}

/* ---- all --------------------------------------------------------------------------------- */

static bool tells_of_agents(const struct nv_translation *t)
{
    bool told = (t->kinds & NV_KIND_BIT(NV_KIND_AGENT)) != 0;
    for (uint32_t i = 0; i < t->work_count && !told; i++)
        told = t->works[i].at[NV_FIELD_HANDOFF_TO] != 0;
    return told;
}

static enum nv_err make_room(struct building *b)
{
    struct nv_translation *t = b->t;
    b->nearest = nv_arena_array(t->arena, t->work_count, sizeof *b->nearest);
    b->actor = nv_arena_array(t->arena, t->work_count, sizeof *b->actor);
    b->node_of = nv_arena_array(t->arena, t->work_count, sizeof *b->node_of);
    b->stands_for = nv_arena_array(t->arena, t->work_count, sizeof *b->stands_for);
    /* A span names three agents at most, itself and both sides of a handoff, and connects four
     * pairs and one for each link. Not zeroed: each entry is written whole when it is made. */
    uint64_t nodes = UINT64_C(3) * t->work_count, connections = UINT64_C(4) * t->work_count;
    b->agents = nv_arena_raw(t->arena, t->work_count * sizeof *b->agents);
    for (uint32_t i = 0; b->agents && i < t->work_count; i++) {
        connections += t->works[i].span->link_count;
        if (t->works[i].kind == NV_KIND_AGENT)
            b->agents[b->agent_count++] = i;
    }
    nodes = nodes < NV_AGENT_NODES_MAX ? nodes : NV_AGENT_NODES_MAX;
    connections =
        connections < NV_AGENT_CONNECTIONS_MAX ? connections : NV_AGENT_CONNECTIONS_MAX;
    b->graph.nodes = nv_arena_raw(t->arena, nodes * sizeof *b->graph.nodes);
    b->graph.connections = nv_arena_raw(t->arena, connections * sizeof *b->graph.connections);
    return b->agents && b->nearest && b->actor && b->node_of && b->stands_for &&
                   b->graph.nodes && b->graph.connections
               ? NV_OK
               : NV_ERR_NO_MEMORY;
}

static void for_agents(struct building *b, void (*each)(struct building *b, uint32_t index))
{
    for (uint32_t i = 0; i < b->agent_count; i++)
        each(b, b->agents[i]);
}

static enum nv_err build(struct building *b)
{
    enum nv_err err = make_room(b);
    if (err == NV_OK)
        for_agents(b, add_agent_span);
    for (uint32_t i = 0; err == NV_OK && i < b->t->work_count; i++)
        err = add_span(b, i);
    if (err != NV_OK)
        return err;
    for_agents(b, count_run);
    for_agents(b, add_told_parent);
    return b->err;
}

enum nv_err nv_agents_settle(struct nv_translation *t)
{
    if (!tells_of_agents(t))
        return NV_OK;
    struct building b = {.t = t};
    enum nv_err err = build(&b);
    if (err != NV_OK || b.graph.node_count == 0)
        return err;
    struct nv_attributes *root = &t->works[t->root].span->attributes;
    err = add_counts(&b, &t->trace->attributes);
    if (err == NV_OK)
        err = add_counts(&b, root);
    if (err == NV_OK)
        err = add_whole(&b, root);
    b.graph.project = t->trace->project;
    if (err == NV_OK && t->mapping->agents)
        nv_agents_note(t->mapping->agents, &b.graph);
    return err;
}
