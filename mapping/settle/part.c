/*
 * Linked parts: what came after its trace had gone, or did not fit into it.
 *
 *   trace X: part 0 ──continued_by──▶ part 1 ──continued_by──▶ part 2     (forward: only when cut)
 *               ▲ ◀────continued─────────┘                        │
 *               └──────continued──────────────────────────────────┘
 *
 * The backend keeps the first POST of a trace id, so a part has an id of its own, and span
 * links join it with the first. A link forward can be made only when it is known at the time
 * that more follows: of a trace that was cut, never of one whose spans came late. The link back
 * names the span that the part hangs below; where that is not known, the link names the linking
 * span itself, whose id the other part's spans have as their parent's if it is the root: never
 * an id of zeros.
 */
#include "mapping/settle/settle.h"

#include <assert.h>

#include "base/banned.h"

/* The id of a linked part: from the first trace's id and the part's number, so that a replay
 * gives the same; two rounds of splitmix64 over both halves. */
static void derive_id(uint8_t id[NV_TRACE_ID_BYTES], uint32_t part)
{
    assert(part > 0);
    uint64_t halves[2];
    memcpy(halves, id, sizeof halves);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t x = halves[i] + (uint64_t)part * UINT64_C(0x9E3779B97F4A7C15) + i;
        x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
        halves[i] = x ^ (x >> 31);
    }
    halves[0] |= 1; /* never all zero */
    memcpy(id, halves, sizeof halves);
}

static enum nv_err add_link(struct nv_translation *t, struct nv_span *span,
                            const uint8_t trace_id[NV_TRACE_ID_BYTES], const uint8_t *span_id,
                            struct nv_str relation)
{
    struct nv_link *links = nv_arena_array(t->arena, span->link_count + 1, sizeof *links);
    if (!links)
        return NV_ERR_NO_MEMORY;
    if (span->link_count > 0)
        memcpy(links, span->links, span->link_count * sizeof *links);
    struct nv_link *link = &links[span->link_count];
    memcpy(link->trace_id, trace_id, NV_TRACE_ID_BYTES);
    memcpy(link->span_id, span_id ? span_id : span->span_id, NV_SPAN_ID_BYTES);
    span->links = links;
    span->link_count++;
    return nv_attributes_add(&link->attributes, t->arena, NV_STR("noveum.gateway.relation"),
                             nv_value_string(relation));
}

/* The topmost span of the part: the root, else the first whose parent is in another part. */
static enum nv_err link_back(struct nv_translation *t)
{
    struct nv_span *span = t->works[t->root].span;
    return add_link(t, span, t->raw->trace_id, span->has_parent ? span->parent_id : NULL,
                    NV_STR("continued"));
}

static enum nv_err link_forward(struct nv_translation *t)
{
    uint8_t next[NV_TRACE_ID_BYTES];
    memcpy(next, t->raw->trace_id, sizeof next);
    derive_id(next, t->raw->part + 1);
    return add_link(t, t->works[t->root].span, next, NULL, NV_STR("continued_by"));
}

/* A linked part carries on the first part's name, session and user. */
static enum nv_err carry_on(struct nv_translation *t)
{
    const struct nv_raw_trace *raw = t->raw;
    struct nv_trace *trace = t->trace;
    derive_id(trace->trace_id, raw->part);
    struct nv_str name = raw->first_name.len > 0 ? raw->first_name : trace->name;
    trace->name = nv_arena_printf(t->arena, "%.*s (continued)", NV_STR_ARG(name));
    if (!trace->name.ptr)
        return NV_ERR_NO_MEMORY;
    if (!trace->session_id.ptr && raw->first_session.len > 0)
        trace->session_id = raw->first_session;
    if (!trace->user_id.ptr && raw->first_user.len > 0)
        trace->user_id = raw->first_user;
    return nv_attributes_add(&trace->attributes, t->arena, NV_STR("noveum.gateway.part"),
                             nv_value_int(raw->part));
}

enum nv_err nv_part_settle(struct nv_translation *t)
{
    /* The turns of a session have ids of their own: none continues another. */
    if (t->raw->is_turn)
        return NV_OK;
    enum nv_err err = t->raw->part > 0 ? carry_on(t) : NV_OK;
    if (err == NV_OK && t->raw->part > 0)
        err = link_back(t);
    if (err == NV_OK && t->raw->incomplete == NV_INCOMPLETE_CUT)
        err = link_forward(t);
    return err;
}
