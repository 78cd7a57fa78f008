/*
 * The registry of agents of this process: who they are, how they are, what passed between them.
 *
 *   id ─▶ bucket ─▶ record ◀── span->agent, while it runs
 *                     ▲ ▲
 *       edge (from, to, kind, count): told, delegated
 *
 * One lock for all of it, held for look-ups and copies, never while a span is locked by the
 * same thread. A record lives until it is taken out and its last run has ended, so that a span
 * may point to it.
 */
#ifndef NV_TRACE_AGENTS_H
#define NV_TRACE_AGENTS_H

#include "base/str.h"
#include "noveum/agents.h"

#include <stdbool.h>

#define NV_TRACE_AGENTS_MAX 1024u
/* Kinds of passing between two agents that are drawn; past it they are traced and not drawn. */
#define NV_TRACE_EDGES_MAX 4096u
#define NV_TRACE_AGENT_TEXT 256u
#define NV_TRACE_CAPABILITIES_MAX 16u

struct nv_trace_agent {
    char id[NOVEUM_ID_SIZE], parent[NOVEUM_ID_SIZE];
    char name[NV_TRACE_AGENT_TEXT], role[NV_TRACE_AGENT_TEXT], type[NV_TRACE_AGENT_TEXT];
    char description[NV_TRACE_AGENT_TEXT];
    char capabilities[NV_TRACE_CAPABILITIES_MAX][NOVEUM_ID_SIZE];
    unsigned capability_count;
    uint32_t running;       /* spans that are its runs */
    bool failed, gone;      /* the last run; taken out, to be freed with the last run */
    uint64_t idle_since_ns; /* monotonic clock */
    uint64_t number;        /* in the order of registration */
    noveum_span latest;     /* its latest run */
    noveum_context last;    /* of the same, also when it is over: what messages link to */
    struct nv_trace_agent *next;
};

enum nv_trace_edge_kind { NV_TRACE_EDGE_MESSAGE, NV_TRACE_EDGE_DELEGATION };

struct nv_trace_edge {
    const struct nv_trace_agent *from, *to;
    enum nv_trace_edge_kind kind;
    uint64_t count;
};

/* The lock of all below, also around a fork. */
void nv_trace_agents_lock(void);
void nv_trace_agents_unlock(void);
/* In the child of a fork, locked by before: nothing runs. Unlocks. */
void nv_trace_agents_after_fork_child(void);
/* The record of an id, NULL: none. Locked by the caller, and borrowed until it unlocks. */
struct nv_trace_agent *nv_trace_agent_find(const char *id);
/* Visits every record that is registered. Locked by the caller. */
void nv_trace_agents_each(void (*visit)(void *ctx, const struct nv_trace_agent *agent),
                          void *ctx);
/* What passed between agents: *count edges. Locked by the caller, and borrowed until it
 * unlocks. */
const struct nv_trace_edge *nv_trace_agents_edges(size_t *count);
/* Counts one more. Locked by the caller. */
void nv_trace_agents_pass(const struct nv_trace_agent *from, const struct nv_trace_agent *to,
                          enum nv_trace_edge_kind kind);
/* Notes a run that has begun, with its context; the span is its holder until
 * nv_trace_agent_ended. Locked. */
void nv_trace_agent_runs(struct nv_trace_agent *agent, noveum_span span,
                         const noveum_context *context);
/* A run has ended. Takes the lock. */
void nv_trace_agent_ended(struct nv_trace_agent *agent, bool failed);
/* What people call it: its name, else its id. Borrowed from the record. */
const char *nv_trace_agent_name(const struct nv_trace_agent *agent);
/* Copies a text into a room of `size` bytes, cut at a character; NULL is "". */
void nv_trace_copy_text(char *room, size_t size, const char *text);
/* Writes a random id: 32 hex digits. */
void nv_trace_make_id(char id[NOVEUM_ID_SIZE]);

#endif
