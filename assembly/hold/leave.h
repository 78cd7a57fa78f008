/*
 * What a shard does with a trace that leaves. All of it on the shard's thread, of its own
 * traces.
 */
#ifndef NV_ASSEMBLY_HOLD_LEAVE_H
#define NV_ASSEMBLY_HOLD_LEAVE_H

#include "assembly/hold/gather.h"
#include "assembly/hold/shard.h"

/* Requests taken, and traces completed, before the other of the two has its turn. */
#define NV_TURN_MAX 64u

/* Makes the shard's scratch large enough for a trace of so many items. NV_ERR_NO_MEMORY. */
enum nv_err nv_leave_reserve(struct nv_shard *shard, uint32_t items) NV_MUST_USE;
/* Until when the trace waits, by what is seen of it now. Its scratch must have been
 * reserved. */
struct nv_completion nv_leave_decide(struct nv_shard *shard, const struct nv_open_trace *trace,
                                     uint64_t now_ns);
/*
 * Takes a trace out of the table, ready to be handed on. Without anything to send out->raw is
 * NULL and the trace is gone all the same. NV_ERR_NO_MEMORY: it stays.
 */
enum nv_err nv_leave_take(struct nv_shard *shard, struct nv_open_trace *trace,
                          enum nv_incomplete incomplete, struct nv_gathered *out) NV_MUST_USE;
/* The same, and hands it on at once. */
enum nv_err nv_leave_alone(struct nv_shard *shard, struct nv_open_trace *trace,
                           enum nv_incomplete incomplete) NV_MUST_USE;
/* Notes that the traces are on their way and gives them to the completer. Takes them; at most
 * NV_TURN_MAX. */
void nv_leave_hand_on(struct nv_shard *shard, struct nv_raw_trace **raws, size_t count);

#endif
