/*
 * Sampling by trace id.
 *
 * The id is hashed, not taken as it is: not every client's ids are random (X-Ray puts the time
 * in front, counters exist), and a hash of fixed form gives the same answer on every instance
 * and in every version. The mixing is the finaliser of MurmurHash3, applied to both halves in
 * turn.
 *
 *   rate 0 ──────────────────────────────────────────▶ 1
 *        kept │ an id's fraction below the rate is kept, at every rate above as well
 *
 * So what one gateway of several keeps the others keep too, a trace's late parts follow its
 * first, and raising the rate only adds.
 */
#include "gateway/sampling.h"

#include <assert.h>

#include "base/banned.h"

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

static uint64_t hash_id(const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    uint64_t hash = 0;
    for (unsigned half = 0; half < 2; half++) {
        uint64_t word = 0;
        for (unsigned i = 0; i < 8; i++)
            word = word << 8 | trace_id[8 * half + i];
        hash = mix(hash ^ word);
    }
    return hash;
}

void nv_sampling_set(struct nv_sampling *sampling, double rate, bool keep_errors)
{
    assert(rate >= 0.0 && rate <= 1.0);
    /* 2^64 is no uint64: the whole range is spelled UINT64_MAX and tested apart */
    uint64_t below = rate >= 1.0 ? UINT64_MAX : (uint64_t)(rate * 18446744073709549568.0);
    atomic_store(&sampling->kept_below, below);
    atomic_store(&sampling->keep_errors, keep_errors);
}

bool nv_sampling_keeps(const struct nv_sampling *sampling,
                       const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    uint64_t below = atomic_load(&sampling->kept_below);
    return below == UINT64_MAX || hash_id(trace_id) < below;
}

bool nv_sampling_keeps_errors(const struct nv_sampling *sampling)
{
    return atomic_load(&sampling->keep_errors);
}
