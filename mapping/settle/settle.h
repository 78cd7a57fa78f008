/*
 * What is settled over the whole trace, once its spans are translated; in this order:
 *
 *   tree ─▶ deltas ─▶ (spans, by the engine) ─▶ left out ─▶ outcome ─▶ vectors ─▶ tools
 *        ─▶ usage ─▶ cost ─▶ (the trace itself, mapping/translate.c) ─▶ part ─▶ agents
 *
 * All work on the store of mapping/engine/work.h, in place. One thread at a time.
 */
#ifndef NV_MAPPING_SETTLE_SETTLE_H
#define NV_MAPPING_SETTLE_SETTLE_H

#include "mapping/engine/work.h"

/* Decodes spans and log records, orders them and links the tree: fills t->works, t->origins and
 * t->root. Drops repeated span ids. Errors as nv_decode_span. */
enum nv_err nv_tree_build(struct nv_translation *t) NV_MUST_USE;
/* Index of the root: the first span without a parent, else the first of the topmost ones. */
uint32_t nv_tree_root(const struct nv_translation *t);
/* The spans below a span, numbered one behind the other: [first, first + size), itself the
 * first.
 */
struct nv_branch {
    uint32_t first, size;
};

/* New in the arena: the branch of each span, so that "is it above that one?" is asked without
 * walking. Good until the tree changes. NV_ERR_NO_MEMORY. */
enum nv_err nv_tree_branches(const struct nv_translation *t,
                             struct nv_branch **out) NV_MUST_USE;
/* Is `lower` the span of branch `upper` or below it? */
static inline bool nv_branch_holds(const struct nv_branch *upper, const struct nv_branch *lower)
{
    return lower->first - upper->first < upper->size;
}
/* Puts together again the inputs that LiveKit sends as what changed since another span's, in
 * the spans' own attributes: before they are translated. NV_ERR_NO_MEMORY. */
enum nv_err nv_deltas_rebuild(struct nv_translation *t) NV_MUST_USE;
/* Leaves out the spans that only announce a span that is here, those that a row leaves out
 * and, where the mapping says so, those that are no part of the AI work; counts them in
 * trace->left_out. No span may stay. NV_ERR_NO_MEMORY. */
enum nv_err nv_spans_leave_out(struct nv_translation *t) NV_MUST_USE;
/* Leaves out the vectors of embeddings and of the spans around them. NV_ERR_NO_MEMORY. */
enum nv_err nv_vectors_leave_out(struct nv_translation *t) NV_MUST_USE;
/* Calls of tools once: what MCP's client and server tell of the same call steps back.
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_tools_settle(struct nv_translation *t) NV_MUST_USE;
/* Gives calls of tools in answers without ids those of the tools that ran. NV_ERR_NO_MEMORY. */
enum nv_err nv_tool_ids_settle(struct nv_translation *t) NV_MUST_USE;
/* Tokens and costs of each call once: repeats of a call and sums of parents are renamed.
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_usage_settle(struct nv_translation *t) NV_MUST_USE;
/*
 * Gives an agent, a chain or a root that does not say what it took and gave the texts of the
 * first and the last model call below it (indices). NV_ERR_NO_MEMORY.
 */
enum nv_err nv_derived_settle(struct nv_translation *t, struct nv_span_work *work,
                              uint32_t first_call, uint32_t last_call) NV_MUST_USE;
/* Counts of what ran below spans that name a workflow: agent_workflow.*. NV_ERR_NO_MEMORY. */
enum nv_err nv_workflows_settle(struct nv_translation *t) NV_MUST_USE;
/* The trace's agents: agent_graph.*, the registry. NV_ERR_NO_MEMORY. */
enum nv_err nv_agents_settle(struct nv_translation *t) NV_MUST_USE;
/* What to call the trace when nothing names it: its root's name, or, where that only says which
 * function of a framework ran, the agent or function that it ran for. Borrowed, never empty. */
struct nv_str nv_name_of_root(const struct nv_translation *t);
/* Cost of one span's call, told or computed. NV_ERR_NO_MEMORY. */
enum nv_err nv_cost_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* Status, status message and exception of a span from its status, events and attributes.
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_outcome_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* What a linked part says of the others: id, name, session, user, links. NV_ERR_NO_MEMORY. */
enum nv_err nv_part_settle(struct nv_translation *t) NV_MUST_USE;

/* ---- identity.c -------------------------------------------------------------------------- */

/* A span id and what it leads to; slots of an open-addressing table. */
struct nv_id_slot {
    uint64_t id;
    uint32_t index; /* 1 + index, 0: free */
};
struct nv_ids {
    struct nv_id_slot *slots;
    uint32_t mask;
};

/* Readies a table for `count` ids and those that are derived from them. NV_ERR_NO_MEMORY. */
enum nv_err nv_ids_init(struct nv_ids *ids, struct nv_arena *arena, uint32_t count) NV_MUST_USE;
/* The 8 bytes as a number. */
uint64_t nv_id_number(const uint8_t bytes[NV_SPAN_ID_BYTES]);
/*
 * Enters the span at works[t->work_count], which `t->work_count` does not count yet. True: it
 * is a span of its own, or the other side of a call with the same id. False: it was one sent
 * again, and what is known of it is the better of the two.
 */
bool nv_identity_enter(struct nv_translation *t, const struct nv_ids *ids);
/* Gives the served side of each shared id an id of its own, below the caller. NO_MEMORY. */
enum nv_err nv_identity_separate(struct nv_translation *t,
                                 const struct nv_ids *ids) NV_MUST_USE;
/* Finds the parent of works[child], which names one: sets `parent`, and the id by which that
 * goes now. A span that names itself has none. NV_ERR_NO_MEMORY. */
enum nv_err nv_identity_link(struct nv_translation *t, const struct nv_ids *ids,
                             uint32_t child) NV_MUST_USE;
/* Which span a log record of `origin` means by an id; NV_NO_SPAN: none here. */
uint32_t nv_identity_of_log(const struct nv_translation *t, const struct nv_ids *ids,
                            uint64_t id, const struct nv_origin *origin);

/* ---- times.c ----------------------------------------------------------------------------- */

/* Puts times in the place of those that are missing; parents and depths are known. */
void nv_times_mend(struct nv_translation *t);
/* Says so in the span's attributes. NV_ERR_NO_MEMORY, NV_ERR_LIMIT. */
enum nv_err nv_times_tell(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;

#endif
