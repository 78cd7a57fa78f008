/*
 * Who is who: ids that come twice, and what they mean to those that name them.
 *
 *   sent again (a snapshot, a second path, an answer that was lost)   one span: the one that has
 *                                                                     ended, then the longer
 *   both sides of a call under one id (Zipkin's shared spans)         two spans:
 *
 *        P ── CLIENT x ── children of the caller       P ── CLIENT x ─┬─ children of the caller
 *        P ── SERVER x ── children of the served  ──▶                 └─ SERVER x' ── its children
 *
 * x' is derived from the trace's id and x, so that every replay gives the same, and always goes
 * to the served side, whichever came first. A child or log record that names x means the side
 * whose service is its own; where that says nothing, a SERVER or CONSUMER is a child of the
 * caller and anything else of the served side. Assembly keeps the two by the same rule
 * (gather.c); `explain` and letters that are tried again come here without it. Ids are found by
 * a seeded hash, for clients choose them; in a table of its own and not index.h because it
 * lies in the trace's arena, goes with it, and counts its probes as work.
 */
#include "mapping/settle/settle.h"

#include "base/meter.h"

#include <assert.h>

#include "base/banned.h"

enum role { ROLE_OTHER, ROLE_CALLER, ROLE_SERVED };

static enum role role_of(const struct nv_span *span)
{
    switch (span->kind) {
    case NV_SPAN_KIND_CLIENT:
    case NV_SPAN_KIND_PRODUCER:
        return ROLE_CALLER;
    case NV_SPAN_KIND_SERVER:
    case NV_SPAN_KIND_CONSUMER:
        return ROLE_SERVED;
    default:
        return ROLE_OTHER;
    }
}

/* ---- ids --------------------------------------------------------------------------------- */

uint64_t nv_id_number(const uint8_t bytes[NV_SPAN_ID_BYTES])
{
    uint64_t id;
    memcpy(&id, bytes, sizeof id);
    return id;
}

enum nv_err nv_ids_init(struct nv_ids *ids, struct nv_arena *arena, uint32_t count)
{
    size_t size = 16;
    while (size < (size_t)count * 2)
        size *= 2;
    if (size > UINT32_MAX)
        return NV_ERR_NO_MEMORY;
    ids->mask = (uint32_t)size - 1;
    ids->slots = nv_arena_array(arena, size, sizeof *ids->slots);
    return ids->slots ? NV_OK : NV_ERR_NO_MEMORY;
}

/* The slot of `id`, or the free one where it belongs. */
static struct nv_id_slot *find_slot(const struct nv_ids *ids, uint64_t id)
{
    uint32_t first = (uint32_t)nv_number_hash(id) & ids->mask, at = first;
    while (ids->slots[at].index != 0 && ids->slots[at].id != id)
        at = (at + 1) & ids->mask;
    if (at !=
        first) /* the looks themselves are counted with their spans, mapping/settle/tree.c */
        (void)nv_meter_spend((at - first) & ids->mask);
    return &ids->slots[at];
}

/* ---- entering ---------------------------------------------------------------------------- */

/* The one sent again replaces what is known when it says more. */
static void merge(struct nv_span_work *known, const struct nv_span_work *again)
{
    bool known_ended = known->span->end_ns != 0, again_ended = again->span->end_ns != 0;
    if (again_ended != known_ended ? known_ended : again->source_bytes <= known->source_bytes)
        return;
    *known->span = *again->span;
    known->group = again->group;
    known->source_bytes = again->source_bytes;
}

bool nv_identity_enter(struct nv_translation *t, const struct nv_ids *ids)
{
    struct nv_span_work *work = &t->works[t->work_count];
    uint64_t id = nv_id_number(work->span->span_id);
    struct nv_id_slot *slot = find_slot(ids, id);
    if (slot->index == 0) {
        *slot = (struct nv_id_slot){id, t->work_count + 1};
        return true;
    }
    struct nv_span_work *known = &t->works[slot->index - 1];
    enum role mine = role_of(work->span), its = role_of(known->span);
    bool sides = mine != ROLE_OTHER && its != ROLE_OTHER && mine != its;
    if (!sides) {
        merge(known, work);
        return false;
    }
    if (known->twin != NV_NO_SPAN) {
        merge(&t->works[known->twin], work);
        return false;
    }
    known->twin = t->work_count;
    work->twin = slot->index - 1;
    return true;
}

/* ---- two sides of a call ----------------------------------------------------------------- */

/* Never 0 and not an id of this trace: two rounds of splitmix64, as for linked parts. */
static uint64_t derive(const struct nv_translation *t, const struct nv_ids *ids, uint64_t id)
{
    uint64_t halves[2], x = id;
    memcpy(halves, t->raw->trace_id, sizeof halves);
    do {
        x += halves[0] ^ (halves[1] << 1) ^ UINT64_C(0x9E3779B97F4A7C15);
        x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
        x ^= x >> 31;
    } while (x == 0 || find_slot(ids, x)->index != 0);
    return x;
}

/* Keeps how the span named itself and its parent, once. */
static enum nv_err keep_source(struct nv_translation *t, struct nv_span *span)
{
    if (span->source_ids)
        return NV_OK;
    struct nv_source_ids *source = nv_arena_alloc(t->arena, sizeof *source);
    if (!source)
        return NV_ERR_NO_MEMORY;
    memcpy(source->span_id, span->span_id, NV_SPAN_ID_BYTES);
    memcpy(source->parent_id, span->parent_id, NV_SPAN_ID_BYTES);
    source->has_parent = span->has_parent;
    span->source_ids = source;
    return NV_OK;
}

static bool same_id(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, NV_SPAN_ID_BYTES) == 0;
}

/* The served side goes below the caller unless it names another parent. */
static void hang_below(struct nv_span *served, const struct nv_span *caller)
{
    bool shared = !served->has_parent || same_id(served->parent_id, served->span_id) ||
                  (caller->has_parent && same_id(served->parent_id, caller->parent_id));
    if (!shared)
        return;
    memcpy(served->parent_id, caller->span_id, NV_SPAN_ID_BYTES);
    served->has_parent = true;
}

enum nv_err nv_identity_separate(struct nv_translation *t, const struct nv_ids *ids)
{
    for (uint32_t i = 0; i < t->work_count; i++) {
        const struct nv_span_work *work = &t->works[i];
        if (work->twin == NV_NO_SPAN || role_of(work->span) != ROLE_SERVED)
            continue;
        struct nv_span *served = work->span;
        const struct nv_span *caller = t->works[work->twin].span;
        enum nv_err err = keep_source(t, served);
        if (err != NV_OK)
            return err;
        hang_below(served, caller);
        uint64_t id = nv_id_number(served->span_id), derived = derive(t, ids, id);
        find_slot(ids, id)->index = work->twin + 1;
        *find_slot(ids, derived) = (struct nv_id_slot){derived, i + 1};
        memcpy(served->span_id, &derived, NV_SPAN_ID_BYTES);
    }
    return NV_OK;
}

/* ---- who is meant ------------------------------------------------------------------------ */

static bool same_service(const struct nv_origin *a, const struct nv_origin *b)
{
    return a == b || nv_str_eq(a->service_name, b->service_name);
}

/* The side of the call at `caller` that is of the service of `origin`; `other` when that says
 * nothing. */
static uint32_t side_of(const struct nv_translation *t, uint32_t caller,
                        const struct nv_origin *origin, uint32_t other)
{
    uint32_t served = t->works[caller].twin;
    bool with_caller = same_service(origin, t->works[caller].span->origin);
    bool with_served = same_service(origin, t->works[served].span->origin);
    if (with_caller == with_served)
        return other;
    return with_caller ? caller : served;
}

/* The span that `child` means by the id of `named`. */
static uint32_t meant_by(const struct nv_translation *t, uint32_t child, uint32_t named)
{
    uint32_t served = t->works[named].twin;
    /* the id of a served side is its own by now: who names it means it */
    if (served == NV_NO_SPAN || served == child || role_of(t->works[named].span) == ROLE_SERVED)
        return named;
    const struct nv_span *span = t->works[child].span;
    return side_of(t, named, span->origin, role_of(span) == ROLE_SERVED ? named : served);
}

enum nv_err nv_identity_link(struct nv_translation *t, const struct nv_ids *ids, uint32_t child)
{
    struct nv_span_work *work = &t->works[child];
    struct nv_span *span = work->span;
    const struct nv_id_slot *slot = find_slot(ids, nv_id_number(span->parent_id));
    if (slot->index == 0)
        return NV_OK;
    uint32_t parent = meant_by(t, child, slot->index - 1);
    bool itself = parent == child;
    if (!itself)
        work->parent = parent;
    if (!itself && parent == slot->index - 1)
        return NV_OK;
    enum nv_err err = keep_source(t, span);
    if (err != NV_OK)
        return err;
    if (itself)
        span->has_parent = false;
    else
        memcpy(span->parent_id, t->works[parent].span->span_id, NV_SPAN_ID_BYTES);
    return NV_OK;
}

uint32_t nv_identity_of_log(const struct nv_translation *t, const struct nv_ids *ids,
                            uint64_t id, const struct nv_origin *origin)
{
    const struct nv_id_slot *slot = find_slot(ids, id);
    if (id == 0 || slot->index == 0)
        return NV_NO_SPAN;
    uint32_t named = slot->index - 1;
    if (t->works[named].twin == NV_NO_SPAN || role_of(t->works[named].span) == ROLE_SERVED)
        return named;
    return side_of(t, named, origin, named);
}
