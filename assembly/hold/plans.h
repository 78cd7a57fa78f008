/*
 * Parts of traces that were on their way when the program ended, by trace: how far each
 * reached.
 *
 *   plans  trace ──▶ [ part 0, until r7 ] ──▶ [ part 1, until r9 ]      in the order of parts
 *
 * Filled at the start, emptied by the replay. One thread at a time.
 */
#ifndef NV_ASSEMBLY_HOLD_PLANS_H
#define NV_ASSEMBLY_HOLD_PLANS_H

#include "assembly/door/place.h"
#include "base/tables/index.h"
#include "model/batch.h"

struct nv_plan {
    struct nv_plan *next; /* of the same trace */
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    struct nv_place last; /* its last item */
};

struct nv_plans {
    struct nv_index index;
};

/* Empty; allocates nothing. */
void nv_plans_init(struct nv_plans *plans);
/* Frees all; empty and usable again. */
void nv_plans_release(struct nv_plans *plans);
/* Adds a part; parts of one trace in ascending order. NV_ERR_NO_MEMORY. */
enum nv_err nv_plans_add(struct nv_plans *plans, const uint8_t trace_id[NV_TRACE_ID_BYTES],
                         uint32_t part, struct nv_place last) NV_MUST_USE;
/* Takes out the first part of a trace; false when there is none. `out->next` is meaningless. */
bool nv_plans_take(struct nv_plans *plans, const uint8_t trace_id[NV_TRACE_ID_BYTES],
                   struct nv_plan *out);

#endif
