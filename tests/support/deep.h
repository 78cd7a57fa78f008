/*
 * Values that are nested to a depth, for tests of what is followed to a depth.
 */
#ifndef NV_TESTS_SUPPORT_DEEP_H
#define NV_TESTS_SUPPORT_DEEP_H

#include "model/value.h"

/* The JSON `open` so many times, `core`, `close` as often, read into the arena. Aborts when that
 * can't be. */
struct nv_value nv_test_deep(struct nv_arena *arena, unsigned times, const char *open,
                             const char *core, const char *close);

#endif
