/*
 * An allocator that fails on request, for out-of-memory tests.
 *
 * Every test program is linked with --wrap for malloc, calloc, realloc, reallocarray, strdup,
 * strndup and aligned_alloc, so calls from libnoveum's objects and from the test itself pass
 * through here; calls inside shared libraries (libc, jansson, curl) do not. Works under every
 * sanitizer, because the real function is still the sanitizer's. Counting is atomic; any
 * thread's allocation counts. While off (the default) nothing fails.
 *
 *     for (unsigned long n = 1;; n++) {
 *         oom_fail_nth(n);
 *         enum nv_err err = thing_under_test(&out);
 *         if (!oom_end()) {              // fewer than n allocations: nothing failed
 *             ck_assert_int_eq(err, NV_OK);
 *             break;
 *         }
 *         ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
 *     }
 *
 * Call oom_end() before any ck_assert: check itself allocates. A leak on the error path shows
 * under the asan preset.
 */
#ifndef NV_TESTS_SUPPORT_OOM_H
#define NV_TESTS_SUPPORT_OOM_H

#include <stdbool.h>

/* From now on, the n-th allocation (1 is the next) fails once. */
void oom_fail_nth(unsigned long n);
/* From now on, the n-th allocation and all after it fail. */
void oom_fail_from(unsigned long n);
/* Stops failing. Did any allocation fail since oom_fail_nth or oom_fail_from? */
bool oom_end(void);
/* Allocations counted since the last oom_fail_nth or oom_fail_from, the failed ones
 * included. */
unsigned long oom_count(void);
/* Allocations of the calling thread since it began; never reset. */
unsigned long oom_count_here(void);
/* Counts without failing: oom_fail_nth of a number never reached. For "how many mallocs"
 * tests. */
void oom_count_only(void);

#endif
