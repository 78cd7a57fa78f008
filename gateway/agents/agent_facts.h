/*
 * What each span of a finished trace adds to the numbers of its agent.
 *
 *   spans ─▶ by id ─▶ for each the nearest span at or above it that is or names an agent
 *                                        │
 *   span i ─▶ service, agent ◀───────────┘   tool | model   tokens, cost, time, failed, a run
 *
 * A span counts for the nearest agent at or above it, as in the graph
 * (mapping/settle/agents.h); where no span there is an agent, for the one that it or a span
 * above it names; else for the agent "". The service is that of the span that is or names the
 * agent. Read after redaction: names are as they are delivered.
 */
#ifndef NV_GATEWAY_AGENTS_AGENT_FACTS_H
#define NV_GATEWAY_AGENTS_AGENT_FACTS_H

#include "gateway/view/terminal_facts.h"

/* Of one span; texts are borrowed from the trace. Numbers that nobody told are 0. */
struct nv_agent_fact {
    struct nv_str service, agent; /* empty: not named */
    struct nv_str tool;           /* name; ptr NULL: no call of a tool */
    struct nv_str model;          /* name, empty: not told; ptr NULL: no call of a model */
    bool failed;                  /* its status is not ok */
    bool run;                     /* a run of the agent: the outermost span of it */
    uint64_t duration_ns;
    uint64_t input_tokens, output_tokens; /* cached and reasoning are parts of these */
    uint64_t cached_tokens, reasoning_tokens;
    uint64_t cost_nano_usd; /* 10^-9 US dollars */
};

/* Traces of so many spans need no memory of their own. */
#define NV_AGENT_FACTS_FEW 16u

/* What is asked of the spans above one, and found once. */
enum nv_agent_above {
    NV_ABOVE_OWNER, /* the nearest agent at or above it */
    NV_ABOVE_NAMED, /* the nearest span that names one */
    NV_ABOVE_ACTOR, /* the nearest agent or tool at or above it */
    NV_ABOVES
};

/* A span as it was read. */
struct nv_agent_span {
    struct nv_span_facts told;
    uint32_t parent; /* an index, as what follows; of a trace that names no agent not set */
    uint32_t above[NV_ABOVES];
    uint8_t traits;
};

/* The agents of a trace's spans. Begin, read, release. One thread. */
struct nv_agent_facts {
    const struct nv_trace *trace; /* borrowed */
    struct nv_agent_span *spans;  /* NULL: there was no memory */
    bool named;                   /* some span names an agent, and `above` may be asked */
    struct nv_agent_span few[NV_AGENT_FACTS_FEW];
};

/*
 * Reads the spans and finds the agents: linear in spans and their attributes, about 150 bytes a
 * span until release. NV_ERR_NO_MEMORY, NV_ERR_LIMIT: then read gives every span to the agent
 * "". `facts` must not be moved afterwards.
 */
enum nv_err nv_agent_facts_begin(struct nv_agent_facts *facts,
                                 const struct nv_trace *trace) NV_MUST_USE;
/* What span `index` of it adds. */
void nv_agent_facts_read(const struct nv_agent_facts *facts, uint32_t index,
                         struct nv_agent_fact *out);
void nv_agent_facts_release(struct nv_agent_facts *facts);

#endif
