/*
 * What somebody outside tells an assembly of traces that have left: sinks how they ended, a log
 * what others sent of it before.
 */
#include "assembly/assembly.h"
#include "assembly/hold/shard.h"

#include <assert.h>

#include "base/banned.h"

static void settle(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    (void)ctx;
    if (outcome == NV_OUTCOME_LEFT)
        nv_claims_leave(claim->assembly, claim);
    else
        nv_claims_settle(claim->assembly, claim);
}

struct nv_settler nv_assembly_settler_of_all(void)
{
    return (struct nv_settler){.settle = settle};
}

struct nv_settler nv_assembly_settler(struct nv_assembly *assembly)
{
    return (struct nv_settler){.ctx = assembly, .settle = settle};
}

void nv_assembly_learn(struct nv_assembly *assembly, const uint8_t trace_id[NV_TRACE_ID_BYTES],
                       uint32_t part)
{
    assert(assembly->inline_mode);
    (void)nv_sent_note(&assembly->shards[0].sent, trace_id, part,
                       nv_clock_mono_ns(&assembly->clock));
}
