/*
 * Plans (plans.h): a hash table by trace, each with its parts in a list.
 *
 * After a long outage of the backend there may be as many as there were traces in flight, so
 * they are looked up by hash. Most traces have one.
 */
#include "assembly/hold/plans.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

static uint64_t id_hash(const uint8_t *trace_id)
{
    return nv_str_hash((struct nv_str){(const char *)trace_id, NV_TRACE_ID_BYTES});
}

static bool id_eq(const void *item, const void *key)
{
    return memcmp(((const struct nv_plan *)item)->trace_id, key, NV_TRACE_ID_BYTES) == 0;
}

void nv_plans_init(struct nv_plans *plans)
{
    nv_index_init(&plans->index);
}

void nv_plans_release(struct nv_plans *plans)
{
    for (uint32_t i = 0; i < plans->index.capacity; i++) {
        for (struct nv_plan *plan = plans->index.items[i]; plan;) {
            struct nv_plan *next = plan->next;
            free(plan);
            plan = next;
        }
    }
    nv_index_release(&plans->index);
}

enum nv_err nv_plans_add(struct nv_plans *plans, const uint8_t trace_id[NV_TRACE_ID_BYTES],
                         uint32_t part, struct nv_place last)
{
    struct nv_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return NV_ERR_NO_MEMORY;
    memcpy(plan->trace_id, trace_id, NV_TRACE_ID_BYTES);
    plan->part = part;
    plan->last = last;
    uint64_t hash = id_hash(trace_id);
    struct nv_plan *first = nv_index_find(&plans->index, hash, id_eq, trace_id);
    if (first) {
        while (first->next)
            first = first->next;
        assert(first->part < part);
        first->next = plan;
        return NV_OK;
    }
    enum nv_err err = nv_index_add(&plans->index, hash, plan);
    if (err != NV_OK)
        free(plan);
    return err;
}

bool nv_plans_take(struct nv_plans *plans, const uint8_t trace_id[NV_TRACE_ID_BYTES],
                   struct nv_plan *out)
{
    uint64_t hash = id_hash(trace_id);
    struct nv_plan *first = nv_index_find(&plans->index, hash, id_eq, trace_id);
    if (!first)
        return false;
    *out = *first;
    nv_index_remove(&plans->index, hash, first);
    if (first->next) {
        /* There was room for the first one, so this needs no memory. */
        enum nv_err err = nv_index_add(&plans->index, hash, first->next);
        assert(err == NV_OK);
        (void)err;
    }
    free(first);
    return true;
}
