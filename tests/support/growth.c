/*
 * The ratio of two costs.
 *
 *   costs(n) = a        costs(4n) = b        b <= 6 a, a >= least
 *
 * Work is counted and not timed, so the answer is the same on every machine and under
 * sanitizers.
 */
#include "tests/support/growth.h"

#include "tests/support/expect.h"

#include "base/banned.h"

void nv_test_grows_linearly(nv_test_costs *costs, void *ctx, uint32_t n, uint64_t least)
{
    uint64_t small = costs(ctx, n);
    uint64_t large = costs(ctx, 4 * n);
    ck_assert_msg(small >= least, "%u items are only %llu units", n, (unsigned long long)small);
    ck_assert_msg(large <= 6 * small, "%u items: %llu units, %u items: %llu units", n,
                  (unsigned long long)small, 4 * n, (unsigned long long)large);
}
