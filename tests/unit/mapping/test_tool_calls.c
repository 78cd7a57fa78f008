/*
 * Tool calls: each row of tool_calls.json is one shape, captured or after its documentation, and
 * the list that must come of it. Then memory.
 */
#include "cases.h"
#include "expect.h"
#include "oom.h"
#include "mapping/tools.h"

#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)256 << 20)

static const struct nv_array *cases;

static void check_json(struct nv_str name, const struct nv_value *got,
                       const struct nv_value *expected)
{
    struct nv_buf left, right;
    char why[512];
    const bool same =
        nv_test_json_eq(nv_test_json(got, &left), nv_test_json(expected, &right), why, sizeof why);
    ck_assert_msg(same, "%.*s: %s\ngot %.*s", NV_STR_ARG(name), why, (int)left.len, left.bytes);
    nv_buf_release(&left);
    nv_buf_release(&right);
}

START_TEST(test_shape)
{
    const struct nv_value *test = &cases->items[_i];
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_value calls;
    ck_assert_int_eq(nv_tool_calls_normalise(arena, nv_test_member(test, "in"), &calls), NV_OK);
    check_json(nv_test_text(test, "name"), &calls, nv_test_member(test, "expected"));
    nv_arena_free(arena);
}
END_TEST

/* What was written is read as itself. */
START_TEST(test_canonical_is_stable)
{
    const struct nv_value *test = &cases->items[_i];
    const struct nv_value *expected = nv_test_member(test, "expected");
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_value again;
    ck_assert_int_eq(nv_tool_calls_normalise(arena, expected, &again), NV_OK);
    check_json(nv_test_text(test, "name"), &again, expected);
    nv_arena_free(arena);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    const struct nv_value *test = &cases->items[_i];
    for (unsigned long n = 1;; n++) {
        struct nv_arena *arena = nv_arena_new(ARENA_MAX);
        struct nv_value calls;
        oom_fail_nth(n);
        enum nv_err err = nv_tool_calls_normalise(arena, nv_test_member(test, "in"), &calls);
        const bool failed = oom_end();
        nv_arena_free(arena);
        if (!failed) {
            ck_assert_int_eq(err, NV_OK);
            return;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    cases = nv_test_cases("tests/unit/mapping/tool_calls.json");
    const int count = (int)cases->count;
    Suite *suite = suite_create("tool_calls");
    TCase *tcase = tcase_create("tool_calls");
    tcase_add_loop_test(tcase, test_shape, 0, count);
    tcase_add_loop_test(tcase, test_canonical_is_stable, 0, count);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, count);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
