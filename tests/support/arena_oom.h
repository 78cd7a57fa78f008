/*
 * Out of memory where results live in an arena: the loop over every allocation that may fail.
 */
#ifndef NV_TESTS_SUPPORT_ARENA_OOM_H
#define NV_TESTS_SUPPORT_ARENA_OOM_H

#include "base/arena.h"

/* One attempt at the work under test. Everything it makes lives in `arena`; it asserts nothing,
 * because check allocates itself. Returns what the work returned. */
typedef enum nv_err nv_test_attempt(void *ctx, struct nv_arena *arena);

/* Attempts the work with its first allocation failing, its second, and so on, each time in a
 * new arena. Every attempt must say NV_ERR_NO_MEMORY, and the one that none failed in NV_OK. */
void nv_test_oom_each(nv_test_attempt *attempt, void *ctx);

#endif
