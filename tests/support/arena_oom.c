/*
 * The loop over failing allocations. The arena is made before the allocator is armed, so that
 * the work is what fails and not its surroundings; an arena takes memory from the allocator in
 * blocks, so the attempts are as many as the work needs blocks. How it ends when the arena's
 * own limit is reached is another question and not asked here.
 */
#include "arena_oom.h"

#include <check.h>

#include "oom.h"

#include "base/banned.h"

/* Far above what any test needs: only the allocator may say no. */
#define ARENA_MAX ((size_t)256 << 20)

void nv_test_oom_each(nv_test_attempt *attempt, void *ctx)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct nv_arena *arena = nv_arena_new(ARENA_MAX);
        ck_assert_ptr_nonnull(arena);
        oom_fail_nth(n);
        enum nv_err err = attempt(ctx, arena);
        failed = oom_end();
        nv_arena_free(arena);
        ck_assert_msg(err == (failed ? NV_ERR_NO_MEMORY : NV_OK), "allocation %lu: error %d", n,
                      (int)err);
    }
}
