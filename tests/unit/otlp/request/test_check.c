/*
 * The check of messages: paths of failures. Verdicts are tested where they are used, in
 * test_walk.c.
 */
#include "otlp/request/check.h"

#include "expect.h"

#include <stdio.h>

#include "base/banned.h"

static enum nv_err check(enum nv_message_id id, struct nv_str bytes, struct nv_fail *fail)
{
    struct nv_check check = {.body = bytes.ptr, .depth_max = 4, .fail = fail};
    return nv_check_message(&check, id, bytes, 0);
}

START_TEST(path_counts_repeated_fields)
{
    struct nv_fail fail = {0};
    /* resource: attribute, unknown, attribute with a key of the wrong type */
    enum nv_err err =
        check(NV_MESSAGE_RESOURCE, NV_STR("\x0a\x00\x78\x01\x0a\x02\x08\x01"), &fail);
    ck_assert_int_eq(err, NV_ERR_MALFORMED);
    ck_assert_str_eq(fail.path, "attributes[1].key");
    ck_assert_str_eq(fail.what, "wire type 0, must be 2");
    ck_assert_uint_eq(fail.offset, 6);
}
END_TEST

START_TEST(path_stops_where_bytes_are_no_field)
{
    struct nv_fail fail = {0};
    enum nv_err err = check(NV_MESSAGE_RESOURCE, NV_STR("\x0a\x02\x0a\x05"), &fail);
    ck_assert_int_eq(err, NV_ERR_TRUNCATED);
    ck_assert_str_eq(fail.path, "attributes[0]");
    ck_assert_str_eq(fail.what, "ends inside a field");
    ck_assert_uint_eq(fail.offset, 2);
}
END_TEST

START_TEST(depth_is_of_values)
{
    struct nv_fail fail = {0};
    /* AnyValue in AnyValue through arrays; the outermost message is not counted here */
    struct nv_str four =
        NV_STR("\x2a\x0e\x0a\x0c\x2a\x0a\x0a\x08\x2a\x06\x0a\x04\x2a\x02\x0a\x00");
    struct nv_str five =
        NV_STR("\x2a\x12\x0a\x10\x2a\x0e\x0a\x0c\x2a\x0a\x0a\x08\x2a\x06\x0a\x04"
               "\x2a\x02\x0a\x00");
    ck_assert_int_eq(check(NV_MESSAGE_ANY_VALUE, four, &fail), NV_OK);
    ck_assert_int_eq(check(NV_MESSAGE_ANY_VALUE, five, &fail), NV_ERR_DEPTH);
    ck_assert_str_eq(fail.what, "values nested deeper than 4");
}
END_TEST

START_TEST(long_paths_keep_their_head)
{
    struct nv_fail fail = {0};
    nv_path_prepend(&fail, "last");
    ck_assert_str_eq(fail.path, "last");
    for (int i = 0; i < 30; i++) {
        char head[32];
        (void)snprintf(head, sizeof head, "values[%d]", i);
        nv_path_prepend(&fail, head);
    }
    ck_assert_uint_eq(strlen(fail.path), sizeof fail.path - 1);
    ck_assert(strncmp(fail.path, "values[29].values[28].", 22) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/check");
    TCase *tc = tcase_create("check");
    tcase_add_test(tc, path_counts_repeated_fields);
    tcase_add_test(tc, path_stops_where_bytes_are_no_field);
    tcase_add_test(tc, depth_is_of_values);
    tcase_add_test(tc, long_paths_keep_their_head);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
