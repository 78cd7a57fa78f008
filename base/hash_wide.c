/*
 * XXH3 again, compiled for AVX2: its value does not depend on the width of the vectors.
 *
 * By a pragma and not by compiler flags of this file alone, so that every build system that
 * takes the sources has it.
 */
#include "base/hash_wide.h"

#ifdef NV_HASH_WIDE
#pragma GCC target("avx2,bmi")
#define XXH_VECTOR 2 /* XXH_AVX2 */
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

#include "base/banned.h"

#ifdef NV_HASH_WIDE
uint64_t nv_hash_wide(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}
#endif
