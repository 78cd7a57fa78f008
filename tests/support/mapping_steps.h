/*
 * For tests of steps: a row's transform, written as in a table, on a value written as JSON.
 */
#ifndef NV_TESTS_MAPPING_STEPS_H
#define NV_TESTS_MAPPING_STEPS_H

#include "base/str.h"

/* `'` stands for `"`; out NULL: absent; exact: the source may be left out afterwards. */
struct step_case {
    const char *steps, *in, *out;
    bool exact;
};

/* Runs all cases; aborts at the first that gives something else. */
void check_steps(const struct step_case *cases, size_t count);
#define CHECK_STEPS(cases) check_steps((cases), sizeof(cases) / sizeof *(cases))

#endif
