/*
 * Numbers for tests that try many cases: the same in every run, from a seed that the failure
 * tells.
 */
#ifndef NV_TESTS_SUPPORT_CHANCE_H
#define NV_TESTS_SUPPORT_CHANCE_H

#include <stdint.h>

/* The next of a stream that `state` stands for (splitmix64); any number begins one. */
static inline uint64_t chance(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* One of 0 to below `end`, which is not 0. */
static inline uint32_t chance_below(uint64_t *state, uint32_t end)
{
    return (uint32_t)(chance(state) % end);
}

#endif
