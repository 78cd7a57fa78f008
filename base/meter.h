/*
 * Work counted: how much one trace has cost so far, in units that do not depend on the machine.
 *
 *   nv_meter_start(limit) ──▶ loops whose length an input decides: nv_meter_spend(n) ──▶ spent
 *                                                                     false once past the limit
 *
 * A unit is about a look at one item: an attribute, a member, a span, a link, or 32 bytes of
 * text. There is one meter a thread, because a trace is translated by one thread from its begin
 * to its end, and because comparing two values must count without every caller between handing
 * a meter through. Whoever is told "false" gives up with any answer of the right type: what was
 * translated past the limit is thrown away by the one who started the meter
 * (mapping/translate.c).
 */
#ifndef NV_BASE_METER_H
#define NV_BASE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nv_meter {
    uint64_t spent;
    uint64_t limit;
};

/* This thread's meter; without a limit until nv_meter_start. */
extern _Thread_local struct nv_meter nv_meter_here;

/* Sets this thread's count to zero and its limit; UINT64_MAX: none. */
static inline void nv_meter_start(uint64_t limit)
{
    nv_meter_here.spent = 0;
    nv_meter_here.limit = limit;
}

/* Counts `units`. False when the limit is passed. */
static inline bool nv_meter_spend(uint64_t units)
{
    nv_meter_here.spent += units;
    return nv_meter_here.spent <= nv_meter_here.limit;
}

/* As nv_meter_spend for looking at `bytes` of text. */
static inline bool nv_meter_spend_bytes(size_t bytes)
{
    return nv_meter_spend(1 + bytes / 32);
}

/* Units since nv_meter_start. */
static inline uint64_t nv_meter_spent(void)
{
    return nv_meter_here.spent;
}

/* Was the limit passed? */
static inline bool nv_meter_over(void)
{
    return nv_meter_here.spent > nv_meter_here.limit;
}

#endif
