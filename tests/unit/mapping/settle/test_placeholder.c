/*
 * Placeholders are left out when what they announce is here, and only then.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

#define PENDING                                                                                \
    "'attributes': {'logfire.span_type': 'pending_span', 'logfire.pending_parent_id': "

static size_t span_count(const struct told *told)
{
    return json_array_size(json_object_get(json_array_get(told->traces, 0), "spans"));
}

START_TEST(one_beside_its_span_is_left_out)
{
    struct told *told = told_by(
        "[{'name': 'ask (pending)', 'id': 9, 'parent': 1, " PENDING "'0000000000000000'}},"
        " {'name': 'chat (pending)', 'id': 8, 'parent': 2, " PENDING "'0000000000000001'}},"
        " {'name': 'chat', 'id': 2, 'parent': 1},"
        " {'name': 'ask', 'id': 1, 'start': 0}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_member(told, NULL, "span_count", "2");
    told_member(told, NULL, "name", "'ask'");
    told_member(told, "chat", "parent_span_id", "'0000000000000001'");
    told_free(told);
}
END_TEST

START_TEST(one_without_its_span_is_all_that_is_known_of_it)
{
    struct told *told = told_by("[{'name': 'root', 'id': 1},"
                                " {'name': 'chat (pending)', 'id': 8, 'parent': 2, " PENDING
                                "'0000000000000001'}}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_is(told, "chat (pending)", "logfire.span_type", "'pending_span'");
    told_free(told);
}
END_TEST

START_TEST(a_trace_of_nothing_else_is_delivered)
{
    struct told *told =
        told_by("[{'name': 'a', 'id': 8, 'parent': 2, " PENDING "'0000000000000001'}},"
                " {'name': 'b', 'id': 9, 'parent': 8, " PENDING "'0000000000000002'}}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_free(told);
}
END_TEST

START_TEST(children_move_up)
{
    struct told *told =
        told_by("[{'name': 'root', 'id': 1, 'start': 0},"
                " {'name': 'p', 'id': 8, 'parent': 1, " PENDING "'0000000000000000'}},"
                " {'name': 'tool', 'id': 3, 'parent': 8}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_member(told, "tool", "parent_span_id", "'0000000000000001'");
    told_free(told);
}
END_TEST

START_TEST(other_span_types_stay)
{
    struct told *told =
        told_by("[{'name': 'root', 'id': 1}, {'name': 'log', 'id': 2, 'parent': 1,"
                " 'attributes': {'logfire.span_type': 'log'}}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_free(told);
}
END_TEST

START_TEST(a_row_of_the_users_can_name_others)
{
    struct nv_mapping *mapping = told_mapping(
        "convention mine \"Mine\"\nmy.begin | span | | span.placeholder | const(true) | 50 |\n",
        NULL);
    struct told *told = told_with(mapping, NULL,
                                  "[{'name': 'root', 'id': 1}, {'name': 'begin', 'id': 2, "
                                  "'parent': 1, 'attributes': {'my.begin': true}}]");
    ck_assert_uint_eq(span_count(told), 1);
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/placeholder");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, one_beside_its_span_is_left_out);
    tcase_add_test(tcase, one_without_its_span_is_all_that_is_known_of_it);
    tcase_add_test(tcase, a_trace_of_nothing_else_is_delivered);
    tcase_add_test(tcase, children_move_up);
    tcase_add_test(tcase, other_span_types_stay);
    tcase_add_test(tcase, a_row_of_the_users_can_name_others);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
