/*
 * Costs that must grow with the input and no faster: counted work at n and at 4n.
 */
#ifndef NV_TESTS_SUPPORT_GROWTH_H
#define NV_TESTS_SUPPORT_GROWTH_H

#include <stdint.h>

/* Does the thing of size `n`, and returns the units of base/meter.h that it took. */
typedef uint64_t nv_test_costs(void *ctx, uint32_t n);

/*
 * Fails the test unless the work at 4n is at most 6 times that at n: n log n passes, a square
 * gives
 * 16. `least` guards against a meter that counts nothing: the units that n must take at least.
 */
void nv_test_grows_linearly(nv_test_costs *costs, void *ctx, uint32_t n, uint64_t least);

#endif
