/*
 * Whole requests into one raw trace, at once: what assembly does over time.
 */
#ifndef NV_GATEWAY_DEAD_RAW_JOIN_H
#define NV_GATEWAY_DEAD_RAW_JOIN_H

#include "model/trace.h"

/*
 * New raw trace of all items of `count` batches that have this trace id, in their order and in
 * an arena of its own; of spans with one id the longest is kept, as assembly does. Its views
 * point into the batches (borrowed while the trace is used); its project is the first batch's
 * that has one. NULL without memory.
 */
struct nv_raw_trace *nv_raw_join(struct nv_batch *const *batches, size_t count,
                                 const uint8_t trace_id[NV_TRACE_ID_BYTES]);

#endif
