/*
 * Order, parents and roots of spans, whatever order and shape they come in.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const char *name_at(const struct told *told, size_t index)
{
    const json_t *spans = json_object_get(json_array_get(told->traces, 0), "spans");
    return json_string_value(json_object_get(json_array_get(spans, index), "name"));
}

/* Span `i`, child of the one before it; returns the length. */
static int sprintf_span(char *at, int i)
{
    return snprintf(at, 96, "{'name': 's%d', 'id': %d, 'parent': %d, 'attributes': {}},", i, i,
                    i - 1);
}

START_TEST(by_start_then_depth)
{
    struct told *told =
        told_by("[{'name': 'late', 'id': 4, 'start': 9, 'attributes': {}},"
                "{'name': 'child', 'id': 2, 'parent': 1, 'start': 5, 'attributes': {}},"
                "{'name': 'grandchild', 'id': 3, 'parent': 2, 'start': 5, 'attributes': {}},"
                "{'name': 'root', 'id': 1, 'start': 5, 'attributes': {}}]");
    ck_assert_str_eq(name_at(told, 0), "root");
    ck_assert_str_eq(name_at(told, 1), "child");
    ck_assert_str_eq(name_at(told, 2), "grandchild");
    ck_assert_str_eq(name_at(told, 3), "late");
    told_member(told, NULL, "name", "'root'");
    told_free(told);
}
END_TEST

START_TEST(an_id_that_comes_twice_is_kept_once)
{
    struct told *told = told_by("[{'name': 'a', 'id': 1, 'attributes': {}},"
                                "{'name': 'a', 'id': 1, 'attributes': {}}]");
    told_member(told, NULL, "span_count", "1");
    told_free(told);
}
END_TEST

START_TEST(circles_are_cut)
{
    struct told *told = told_by("[{'name': 'a', 'id': 1, 'parent': 2, 'attributes': {}},"
                                "{'name': 'b', 'id': 2, 'parent': 1, 'attributes': {}},"
                                "{'name': 'c', 'id': 3, 'parent': 3, 'attributes': {}}]");
    told_member(told, NULL, "span_count", "3");
    told_free(told);
}
END_TEST

START_TEST(without_a_root_the_first_topmost_span_is_it)
{
    struct told *told =
        told_by("[{'name': 'b', 'id': 2, 'parent': 1, 'start': 7, 'attributes': {}},"
                "{'name': 'a', 'id': 3, 'parent': 9, 'start': 5, 'attributes': {}}]");
    told_member(told, NULL, "name", "'a'");
    told_free(told);
}
END_TEST

START_TEST(deep_chains_are_walked_once)
{
    enum { DEPTH = 3000 };
    char *spans = malloc(DEPTH * 96 + 16), *at = spans;
    *at++ = '[';
    for (int i = DEPTH; i >= 1; i--)
        at += sprintf_span(at, i);
    at[-1] = ']';
    *at = '\0';
    struct told *told = told_by(spans);
    told_member(told, NULL, "span_count", "3000");
    told_free(told);
    free(spans);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/tree");
    TCase *tcase = tcase_create("tree");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, by_start_then_depth);
    tcase_add_test(tcase, an_id_that_comes_twice_is_kept_once);
    tcase_add_test(tcase, circles_are_cut);
    tcase_add_test(tcase, without_a_root_the_first_topmost_span_is_it);
    tcase_add_test(tcase, deep_chains_are_walked_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
