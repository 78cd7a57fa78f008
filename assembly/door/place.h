/*
 * Where an item is in the order of all accepted items: the request's number, then its own in
 * it.
 *
 * Requests are numbered as they are accepted, and a replay goes through them in the same order.
 * So a part of a trace is told by its first and last place, before a restart and after it.
 */
#ifndef NV_ASSEMBLY_DOOR_PLACE_H
#define NV_ASSEMBLY_DOOR_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct nv_place {
    uint64_t record_id; /* of its request; 0: none */
    uint32_t ordinal;   /* of the item in its request */
};

/* Does `a` come after `b`? */
static inline bool nv_place_after(struct nv_place a, struct nv_place b)
{
    return a.record_id != b.record_id ? a.record_id > b.record_id : a.ordinal > b.ordinal;
}

#endif
