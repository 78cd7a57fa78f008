/*
 * Tool definitions: each row of tools.json is one shape, captured or after its documentation, and
 * the list that must come of it. Then the cap and memory.
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
    struct nv_value tools;
    bool partial;
    ck_assert_int_eq(nv_tools_normalise(arena, nv_test_member(test, "in"), &tools, &partial),
                     NV_OK);
    check_json(nv_test_text(test, "name"), &tools, nv_test_member(test, "expected"));
    ck_assert_msg(partial == (nv_test_member(test, "partial")->type != NV_VALUE_NULL),
                  "%.*s: partial is %d", NV_STR_ARG(nv_test_text(test, "name")), partial);
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
    bool partial;
    ck_assert_int_eq(nv_tools_normalise(arena, expected, &again, &partial), NV_OK);
    check_json(nv_test_text(test, "name"), &again, expected);
    nv_arena_free(arena);
}
END_TEST

START_TEST(test_every_allocation_may_fail)
{
    const struct nv_value *test = &cases->items[_i];
    for (unsigned long n = 1;; n++) {
        struct nv_arena *arena = nv_arena_new(ARENA_MAX);
        struct nv_value tools;
        bool partial;
        oom_fail_nth(n);
        enum nv_err err = nv_tools_normalise(arena, nv_test_member(test, "in"), &tools, &partial);
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

START_TEST(test_cap)
{
    struct nv_buf buf;
    nv_buf_init(&buf, SIZE_MAX);
    for (unsigned i = 0; i < NV_TOOLS_MAX + 5; i++)
        ck_assert_int_eq(nv_buf_printf(&buf, "%c\"t%u\"", i == 0 ? '[' : ',', i), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, ']'), NV_OK);
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    const struct nv_value in = nv_value_string(nv_buf_str(&buf));
    struct nv_value tools;
    bool partial;
    ck_assert_int_eq(nv_tools_normalise(arena, &in, &tools, &partial), NV_OK);
    ck_assert_uint_eq(tools.as.array.count, NV_TOOLS_MAX);
    ck_assert(partial);
    nv_arena_free(arena);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    cases = nv_test_cases("tests/unit/mapping/tools.json");
    const int count = (int)cases->count;
    Suite *suite = suite_create("tools");
    TCase *tcase = tcase_create("tools");
    tcase_add_loop_test(tcase, test_shape, 0, count);
    tcase_add_loop_test(tcase, test_canonical_is_stable, 0, count);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, count);
    tcase_add_test(tcase, test_cap);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
