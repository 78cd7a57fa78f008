/*
 * A trace made whole: its bytes read back, its groups one list, its repetitions left out. The
 * thread of its shard.
 */
#ifndef NV_ASSEMBLY_HOLD_GATHER_H
#define NV_ASSEMBLY_HOLD_GATHER_H

#include "assembly/door/state.h"
#include "assembly/hold/trace_table.h"

struct nv_gathered {
    struct nv_raw_trace *raw; /* new; NULL when no span of it can be sent */
    struct nv_claim *claim;   /* new; holds a reference for each run */
    uint32_t duplicates;      /* spans left out because another has their id */
    uint32_t damaged;         /* spans left out because their bytes are not what came */
};

/* What the arena of a trace may grow to. */
uint64_t nv_gather_need(const struct nv_assembly *assembly, const struct nv_open_trace *trace);
/* Takes `need` from the account of work. False: not now; the `first` of a turn has it reserved
 * for the shard and asks again. */
bool nv_work_take(struct nv_shard *shard, uint64_t need, bool first);
/* Lets the arena of `raw` carry what was taken; NULL: gives it back. */
void nv_work_settle(struct nv_assembly *assembly, struct nv_raw_trace *raw, uint64_t need);
/* Moves its timer by 0.1 s, then twice as long each time up to 51 s: a host without memory gets
 * none from a trace that is read again and again. It waits in the journal meanwhile. */
void nv_gather_later(struct nv_shard *shard, struct nv_open_trace *trace, uint64_t now_ns);
/* Reads a trace's bytes and makes it whole; the trace is unchanged. NV_ERR_NO_MEMORY. */
enum nv_err nv_gather(struct nv_assembly *assembly, const struct nv_open_trace *trace,
                      enum nv_incomplete incomplete, struct nv_gathered *out) NV_MUST_USE;

#endif
