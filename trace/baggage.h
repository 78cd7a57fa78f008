/*
 * W3C Baggage of spans: pairs that go with a trace to whoever is called.
 *
 *   "tenant=acme,plan=pro%20plus"  one text for each set of pairs, shared by a span and all
 *                                  below it, never changed: a change makes another
 */
#ifndef NV_TRACE_BAGGAGE_H
#define NV_TRACE_BAGGAGE_H

#include "base/str.h"
#include "noveum/trace.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Of a whole list, and how many pairs (W3C Baggage 3.3.2): what is past it is refused. */
#define NV_TRACE_BAGGAGE_MAX ((size_t)8192)
#define NV_TRACE_BAGGAGE_PAIRS 64u

struct nv_trace_baggage {
    _Atomic uint32_t refs;
    size_t len;
    char text[]; /* as the header has it, no NUL */
};

/* One more holder; NULL is none and stays so. */
static inline struct nv_trace_baggage *nv_trace_baggage_ref(struct nv_trace_baggage *baggage)
{
    if (baggage)
        atomic_fetch_add_explicit(&baggage->refs, 1, memory_order_relaxed);
    return baggage;
}
/* One holder less; the last frees it. */
static inline void nv_trace_baggage_unref(struct nv_trace_baggage *baggage)
{
    if (baggage && atomic_fetch_sub_explicit(&baggage->refs, 1, memory_order_acq_rel) == 1)
        free(baggage);
}

#endif
