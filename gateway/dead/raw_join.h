/*
 * Whole requests into raw traces, at once: what assembly does over time.
 */
#ifndef NV_GATEWAY_DEAD_RAW_JOIN_H
#define NV_GATEWAY_DEAD_RAW_JOIN_H

#include "model/trace.h"

/* One item of several batches. */
struct nv_raw_pick {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t batch, item; /* batches[batch]->items[item] */
    uint64_t first;       /* the same for all of a trace: where it is named first */
};

/*
 * New list (malloc'ed) of all items of `count` batches that belong to a trace: traces in the
 * order in which they are named, the items of one behind each other and in their order. NULL
 * without memory. Costs n log n.
 */
struct nv_raw_pick *nv_raw_picks(struct nv_batch *const *batches, size_t count,
                                 size_t *out_count);
/* How many of the `count` picks from the first on, at least one, are of its trace. */
size_t nv_raw_picks_of_trace(const struct nv_raw_pick *picks, size_t count);
/*
 * New raw trace of these items, which are of one trace, in an arena of its own; without items
 * when all of them only mark what a coding agent's spans tell of. Spans with one
 * id are all in it: translation tells them apart (mapping/settle/identity.c). Its views point
 * into the batches (borrowed while the trace is used); its project is that of the first batch
 * which has one. NULL without memory.
 */
struct nv_raw_trace *nv_raw_join(struct nv_batch *const *batches,
                                 const struct nv_raw_pick *picks, size_t count);
/* The same of the trace that is named first; there must be an item. New likewise. */
struct nv_raw_trace *nv_raw_join_first(struct nv_batch *const *batches, size_t count);

#endif
