/*
 * noveum/agents.h: agents that work together, and conversations that go on; over noveum/trace.h.
 *
 *     char id[NOVEUM_ID_SIZE];
 *     noveum_agent_identity who = noveum_agent_named("researcher", "finds sources");
 *     noveum_agent_register(&who, id);
 *     {
 *         NOVEUM_SCOPE(run, noveum_agent_begin(id, "find three papers"));   a span: invoke_agent
 *         noveum_agent_message(id, writer, "I have two.", NOVEUM_NUL);      a span of its own
 *         ...
 *     }                                                    idle again, or failed
 *     noveum_agent_graph(NOVEUM_GRAPH_MERMAID, text, sizeof text);
 *
 *   register ──▶ IDLE ──begin──▶ RUNNING ──the last run ends──▶ IDLE | FAILED
 *                  └── unregister, or idle for longer than its time ──▶ gone
 *
 * All that trace.h promises holds here: any thread, nothing aborts or waits, NULL is allowed,
 * strings are copied, off means that nothing is done. What is past a limit is refused and counted
 * as misuse. Registry and conversations belong to the process and outlive noveum_shutdown; a
 * fork's child has a copy in which nothing runs.
 *
 * Identities go onto spans as gen_ai.agent.{id,name,description} and, for what OpenTelemetry has
 * no keys, as Noveum's agent.{role,type,capabilities,parent_id}.
 */
#ifndef NOVEUM_AGENTS_H
#define NOVEUM_AGENTS_H

#include "trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Room for an id with its NUL; one that is longer is cut. */
#define NOVEUM_ID_SIZE 64

/* ---- registry ---------------------------------------------------------------------------- */

/* Who an agent is. Texts may be NULL; ones longer than 255 bytes are cut at a character. */
typedef struct noveum_agent_identity {
    size_t size;    /* sizeof(noveum_agent_identity) */
    const char *id; /* NULL: one is made */
    const char *name, *role, *type, *description;
    const char *const *capabilities; /* the first 16 */
    size_t capability_count;
    const char *parent_id; /* the agent that it works for */
} noveum_agent_identity;

/* An identity of a name and a role, to be filled in. */
static inline noveum_agent_identity noveum_agent_named(const char *name, const char *role)
{
    noveum_agent_identity made;
    memset(&made, 0, sizeof made);
    made.size = sizeof made;
    made.name = name;
    made.role = role;
    return made;
}

/* Where an agent is in its life. */
typedef enum noveum_agent_state {
    NOVEUM_AGENT_UNKNOWN = 0, /* not registered, or cleaned up */
    NOVEUM_AGENT_IDLE = 1,
    NOVEUM_AGENT_RUNNING = 2,
    NOVEUM_AGENT_FAILED = 3 /* idle, and its last run was an error */
} noveum_agent_state;

/*
 * Registers an agent, or replaces what is known of it; its id is written to `id` (may be NULL).
 * At the limit the agent that has been idle longest makes room. NOVEUM_OK, NOVEUM_OFF,
 * NOVEUM_INVALID (no size), NOVEUM_NO_MEMORY (also: all agents of the limit are running).
 */
NOVEUM_API noveum_result noveum_agent_register(const noveum_agent_identity *identity,
                                               char id[NOVEUM_ID_SIZE]);
/* Takes it out, at the end of its last run if it is running. Unknown ones: nothing. */
NOVEUM_API void noveum_agent_unregister(const char *id);
NOVEUM_API noveum_agent_state noveum_agent_get_state(const char *id);
/* Agents that are registered. */
NOVEUM_API uint32_t noveum_agent_count(void);
/*
 * At most so many agents (0: 1024, which is also the most), and those that were idle for longer
 * than `ttl_ms` (0: for ever) are taken out when another is registered.
 */
NOVEUM_API void noveum_agent_limits(uint32_t agents_max, uint64_t ttl_ms);
/* Takes out what has been idle for at least `idle_ms`; returns how many that were. */
NOVEUM_API uint32_t noveum_agent_clean(uint64_t idle_ms);

/* ---- at work ----------------------------------------------------------------------------- */

/*
 * Begins a run of the agent: a span of NOVEUM_AGENT below the current one, which is current
 * until it ends, with the agent's identity. `task` (may be NULL) is what it is to do. An id that
 * is not registered is a span without an identity, counted as misuse.
 */
NOVEUM_API noveum_span noveum_agent_begin(const char *id, const char *task);
/* The same below `parent`, whatever is current: for event loops and threads. */
NOVEUM_API noveum_span noveum_agent_begin_below(noveum_span parent, const char *id,
                                                const char *task);
/*
 * One agent hands a task to another: a run of `to` below the latest run of `from` (or the
 * current span), with who handed it on. It ends as any span does.
 */
NOVEUM_API noveum_span noveum_agent_delegate(const char *from, const char *to,
                                             const char *task);
/*
 * One agent tells another something: a span below the latest run of `from` (or the current
 * span), linked to the latest run of `to`, over when this returns. The text is content: see
 * `redact` and OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT.
 */
NOVEUM_API void noveum_agent_message(const char *from, const char *to, const char *text,
                                     size_t length);

/* In which language the graph is written. */
typedef enum noveum_graph_format {
    NOVEUM_GRAPH_DOT = 0,    /* Graphviz */
    NOVEUM_GRAPH_MERMAID = 1 /* a Mermaid flowchart */
} noveum_graph_format;

/*
 * Draws who is registered and what passed between them: parents (dashed), delegations and
 * messages with their counts. Writes at most `size` bytes with the NUL, cut where it is longer;
 * returns the length that it has whole, 0 without memory. Both `text` and `size` may be 0.
 */
NOVEUM_API size_t noveum_agent_graph(noveum_graph_format format, char *text, size_t size);

/* ---- workflows --------------------------------------------------------------------------- */

/* How far a task of a workflow is. */
typedef enum noveum_task_state {
    NOVEUM_TASK_PENDING = 0,
    NOVEUM_TASK_RUNNING = 1,
    NOVEUM_TASK_DONE = 2,
    NOVEUM_TASK_FAILED = 3,
    NOVEUM_TASK_CANCELLED = 4
} noveum_task_state;

/*
 * A task of a workflow (a span of NOVEUM_WORKFLOW): a span below it that is current nowhere, in
 * the state PENDING, with the agent that does it (`agent_id`, may be NULL). noveum_end ends it;
 * one that is PENDING or RUNNING then stays so on the wire: nobody said how it went.
 */
NOVEUM_API noveum_span noveum_task_begin(noveum_span workflow, const char *name,
                                         const char *agent_id);
/* Its new state, as an event and as attribute; `why` (may be NULL) for FAILED and CANCELLED.
 * FAILED is an error of the span, DONE sets it ok. */
NOVEUM_API void noveum_task_set(noveum_span task, noveum_task_state state, const char *why);

/* ---- conversations ----------------------------------------------------------------------- */

/*
 * Begins a conversation, or goes on with one: `id` NULL makes an id. `next` is the order of its
 * next message (0: the first) where this process has not seen it; of one that it knows the order
 * goes on. The 1024 that were used last are known. The id is written to `out` (may be NULL).
 * NOVEUM_OK, NOVEUM_OFF, NOVEUM_NO_MEMORY.
 */
NOVEUM_API noveum_result noveum_thread_resume(const char *id, uint64_t next,
                                              char out[NOVEUM_ID_SIZE]);
/* Puts a span, and with it its trace, into the conversation (noveum_session). */
NOVEUM_API void noveum_thread_join(noveum_span span, const char *id);
/*
 * A message of the conversation on a span: as noveum_message, with an event that says role and
 * order. Returns its order, UINT64_MAX while off.
 */
NOVEUM_API uint64_t noveum_thread_message(noveum_span span, const char *id,
                                          noveum_direction direction, const char *role,
                                          const char *text, size_t length);
/* How many messages it has; 0 for one that is not known. */
NOVEUM_API uint64_t noveum_thread_length(const char *id);

#ifdef __cplusplus
}
#endif

#endif
