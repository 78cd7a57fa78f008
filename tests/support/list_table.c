/*
 * The three questions that every normaliser of lists is asked, over a table of cases.
 *
 * check's loop tests know their row only as an index, so the table and the function under test
 * are kept here between nv_test_list_suite and the run: a check program tests one normaliser.
 */
#include "list_table.h"

#include "arena_oom.h"

#include "base/banned.h"

#define ARENA_MAX ((size_t)256 << 20)

static const struct nv_array *cases;
static nv_test_list_of *list_of_value;

/* The list made of `in` must be the row's expected one. */
static void check_list(const struct nv_value *test, const struct nv_value *in,
                       struct nv_test_list *out)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    ck_assert_int_eq(list_of_value(arena, in, out), NV_OK);
    nv_test_expect_member(test, "expected", &out->list);
    nv_arena_free(arena);
}

START_TEST(test_shape)
{
    const struct nv_value *test = &cases->items[_i];
    struct nv_test_list out;
    check_list(test, nv_test_member(test, "in"), &out);
    nv_test_expect_flag(test, "partial", out.partial);
}
END_TEST

/* What was written is read as itself. */
START_TEST(test_canonical_is_stable)
{
    const struct nv_value *test = &cases->items[_i];
    struct nv_test_list out;
    check_list(test, nv_test_member(test, "expected"), &out);
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *arena)
{
    const struct nv_value *test = ctx;
    struct nv_test_list out;
    return list_of_value(arena, nv_test_member(test, "in"), &out);
}

START_TEST(test_every_allocation_may_fail)
{
    nv_test_oom_each(attempt, &cases->items[_i]);
}
END_TEST

Suite *nv_test_list_suite(const char *name, const char *path, nv_test_list_of *list_of,
                          TCase **tcase)
{
    Suite *suite = suite_create(name);
    cases = nv_test_cases(path);
    list_of_value = list_of;
    *tcase = tcase_create(name);
    const int count = (int)cases->count;
    tcase_add_loop_test(*tcase, test_shape, 0, count);
    tcase_add_loop_test(*tcase, test_canonical_is_stable, 0, count);
    tcase_add_loop_test(*tcase, test_every_allocation_may_fail, 0, count);
    suite_add_tcase(suite, *tcase);
    return suite;
}
