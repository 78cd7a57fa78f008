/*
 * Traces that leave before their time: where the process is about to be frozen, and may never
 * be thawed, waiting for more means losing what has come.
 */
#ifndef NV_ASSEMBLY_HOLD_HASTEN_H
#define NV_ASSEMBLY_HOLD_HASTEN_H

#include "assembly/hold/shard.h"

/*
 * Every open trace whose last span or log record came by now leaves as soon as its shard gets
 * to it: complete, or as NV_INCOMPLETE_SHUTDOWN when something is still waited for. What comes
 * later of it is a late part. Does not wait for anything; not before start and not after stop.
 * Any thread but a shard's; inline the one that ticks, and the next tick completes them.
 */
void nv_assembly_hasten(struct nv_assembly *assembly);

/* The shard's side: has the timers of its traces fire when it was asked to hasten since the
 * last call. Its thread. */
void nv_hasten_serve(struct nv_shard *shard, uint64_t now_ns);
/* What becomes of a decision on a trace that was hastened; of any other it stays. Its
 * thread. */
void nv_hasten_decide(const struct nv_shard *shard, const struct nv_open_trace *trace,
                      struct nv_completion *completion);

#endif
