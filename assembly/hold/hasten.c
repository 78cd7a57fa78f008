/*
 * A moment is set for each shard; whatever has not grown since then waits no longer.
 *
 *   caller:  hasten_ns = now ──wake──▶ shard: all timers to now ▸ look ▸ decide: deadline = last
 *
 * The moment, and not a flag: a trace of which more comes afterwards waits again as any other,
 * so that a freeze that did not happen costs nothing. The first span after it decides, not the
 * first trace: parts of a trace that is being sent are late parts as always.
 */
#include "assembly/hold/hasten.h"

#include <assert.h>
#include "base/banned.h"

void nv_assembly_hasten(struct nv_assembly *assembly)
{
    if (atomic_load(&assembly->phase) != NV_PHASE_RUNNING)
        return;
    uint64_t now_ns = nv_clock_mono_ns(&assembly->clock);
    for (uint32_t i = 0; i < assembly->shard_count; i++) {
        struct nv_shard *shard = &assembly->shards[i];
        atomic_store(&shard->hasten_ns, now_ns);
        if (assembly->inline_mode)
            nv_hasten_serve(shard, now_ns);
        else
            nv_queue_wake(shard->queue);
    }
}

void nv_hasten_serve(struct nv_shard *shard, uint64_t now_ns)
{
    assert(nv_shard_is_mine(shard));
    uint64_t at_ns = atomic_load_explicit(&shard->hasten_ns, memory_order_relaxed);
    if (at_ns == shard->hastened_ns)
        return;
    shard->hastened_ns = at_ns;
    for (uint32_t i = 0; i < shard->timers.count; i++) {
        struct nv_open_trace *trace = nv_open_trace_of(shard->timers.heap[i]);
        if (trace->timer.deadline_ns > now_ns)
            nv_timers_move(&shard->timers, &trace->timer, now_ns);
    }
}

void nv_hasten_decide(const struct nv_shard *shard, const struct nv_open_trace *trace,
                      struct nv_completion *completion)
{
    if (shard->hastened_ns == 0 || trace->last_ns > shard->hastened_ns)
        return;
    if (completion->wait != NV_WAIT_QUIET && completion->incomplete != NV_COMPLETE)
        completion->incomplete = NV_INCOMPLETE_SHUTDOWN;
    completion->deadline_ns = trace->last_ns;
}
