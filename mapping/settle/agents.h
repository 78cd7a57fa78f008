/*
 * Agents: the graph of one trace, and a registry across traces.
 *
 *   agent spans ─▶ nodes        by id, else by name
 *   tree, handoffs, links ─▶ connections   delegation | handoff | message
 *        │
 *        ├─▶ agent_graph.* on the trace and its root (docs/noveum-backend.md#agents)
 *        └─▶ nv_agents: what was seen lately, with TTL and caps; /agents on the admin port
 */
#ifndef NV_MAPPING_SETTLE_AGENTS_H
#define NV_MAPPING_SETTLE_AGENTS_H

#include "base/buf.h"
#include "base/clock.h"

/* Caps of one trace's graph, and of one agent's lists in the registry. */
#define NV_AGENT_NODES_MAX 256u
#define NV_AGENT_CONNECTIONS_MAX 1024u
#define NV_AGENT_TOOLS_MAX 64u

enum nv_agent_connection_type {
    NV_AGENT_DELEGATION, /* an agent's span lies below another's */
    NV_AGENT_HANDOFF,    /* control went over for good */
    NV_AGENT_MESSAGE     /* a span link between two agents' spans */
};

struct nv_agent_node {
    struct nv_str id, name, role; /* name never empty */
    struct nv_str *tools;         /* names of tools it ran, each once */
    uint32_t tool_count;
    uint32_t runs, errors; /* spans of the agent, and how many of them failed */
    uint32_t calls;        /* model calls nearest to it */
};

struct nv_agent_connection {
    uint32_t from, to; /* indices of nodes */
    enum nv_agent_connection_type type;
    uint32_t count;
};

struct nv_agent_graph {
    struct nv_str project;
    struct nv_agent_node *nodes;
    struct nv_agent_connection *connections;
    uint32_t node_count, connection_count;
};

/* Name of a type as it is sent: delegation, handoff, message. Static. */
struct nv_str nv_agent_connection_name(enum nv_agent_connection_type type);

/* ---- registry ---------------------------------------------------------------------------- */

struct nv_agents;

struct nv_agents_config {
    uint32_t agents_max;          /* 0: 1000, the SDK's NOVEUM_MAX_AGENTS */
    uint64_t ttl_ns;              /* 0: one hour, the SDK's default */
    const struct nv_clock *clock; /* borrowed for life; NULL: the system's */
};

/* New, empty; NULL without memory. All functions below: any thread. */
struct nv_agents *nv_agents_new(const struct nv_agents_config *config);
/* Frees; NULL is allowed. No other thread may use it any more. */
void nv_agents_free(struct nv_agents *agents);
/*
 * Adds what one trace told (borrowed). Beyond agents_max the agent that was seen longest ago
 * goes. Without memory nothing is added: the registry is a view, not a record.
 */
void nv_agents_note(struct nv_agents *agents, const struct nv_agent_graph *graph);

enum nv_agents_form { NV_AGENTS_JSON, NV_AGENTS_DOT, NV_AGENTS_MERMAID };

/*
 * Appends all agents and their connections, fewer when the buffer's cap (at least 1 MiB) is
 * near: then the text is whole all the same and says how many are left off. Labels hold no
 * character that DOT or Mermaid or eyes would take for more than text; JSON holds names as they
 * are. NV_ERR_NO_MEMORY, the buffer's errors.
 */
enum nv_err nv_agents_write(struct nv_agents *agents, enum nv_agents_form form,
                            struct nv_buf *buf) NV_MUST_USE;

#endif
