/*
 * The error table is total and agrees with OTLP; the first failure of a parse wins and is cut
 * to fit. The retryable rule is the specification's: over HTTP exactly 429, 502, 503 and 504.
 */
#include "expect.h"

#include "base/error.h"

#include "base/banned.h"

static const enum nv_err codes[] = {
#define CODE(code, value, text, http, grpc, retry) code,
    NV_ERR_TABLE(CODE)
#undef CODE
};
#define CODE_COUNT ((int)(sizeof(codes) / sizeof(codes[0])))

START_TEST(every_code_has_a_row)
{
    const struct nv_err_info *info = nv_err_info(codes[_i]);
    ck_assert_int_eq(info->code, codes[_i]);
    ck_assert_int_eq(strncmp(info->name, "NV_", 3), 0);
    ck_assert_uint_gt(strlen(info->text), 0);
    ck_assert_int_ge(info->grpc_code, 0);
    ck_assert_int_le(info->grpc_code, 16);
}
END_TEST

START_TEST(codes_are_distinct)
{
    for (int other = 0; other < _i; other++)
        ck_assert_int_ne(codes[other], codes[_i]);
}
END_TEST

START_TEST(retryable_follows_the_http_status)
{
    const struct nv_err_info *info = nv_err_info(codes[_i]);
    int status = info->http_status;
    bool expected = status == 429 || status == 502 || status == 503 || status == 504;
    ck_assert_msg(info->retryable == expected, "%s: status %d", info->name, status);
    /* over gRPC the client retries UNAVAILABLE (14); RESOURCE_EXHAUSTED (8) only with
     * RetryInfo */
    if (info->retryable)
        ck_assert_int_eq(info->grpc_code, 14);
}
END_TEST

/* The table is in the order of its values, and the fatal line is drawn where its comment
 * stands. */
START_TEST(the_fatal_line_parts_the_table)
{
    if (_i > 0)
        ck_assert_int_lt(codes[_i], codes[_i - 1]);
    ck_assert(nv_err_is_fatal(codes[_i]) == (codes[_i] == NV_ERR_INTERNAL));
}
END_TEST

START_TEST(unknown_code_is_internal)
{
    ck_assert_int_eq(nv_err_info((enum nv_err)12345)->code, NV_ERR_INTERNAL);
}
END_TEST

START_TEST(first_failure_wins)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_fail_set(&fail, NV_ERR_MALFORMED, 7, "id of %d bytes", 3),
                     NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_fail_set(&fail, NV_ERR_DEPTH, 9, "deep"), NV_ERR_DEPTH);
    ck_assert_int_eq(fail.code, NV_ERR_MALFORMED);
    ck_assert_uint_eq(fail.offset, 7);
    ck_assert_str_eq(fail.what, "id of 3 bytes");
}
END_TEST

START_TEST(failure_text_is_cut)
{
    struct nv_fail fail = {0};
    (void)nv_fail_set(&fail, NV_ERR_MALFORMED, 0, "%0500d", 1);
    ck_assert_uint_eq(strlen(fail.what), sizeof fail.what - 1);
    ck_assert_int_eq(nv_fail_set(NULL, NV_ERR_DEPTH, 0, "unseen"), NV_ERR_DEPTH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/error");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, every_code_has_a_row, 0, CODE_COUNT);
    tcase_add_loop_test(tcase, codes_are_distinct, 0, CODE_COUNT);
    tcase_add_loop_test(tcase, retryable_follows_the_http_status, 0, CODE_COUNT);
    tcase_add_loop_test(tcase, the_fatal_line_parts_the_table, 0, CODE_COUNT);
    tcase_add_test(tcase, unknown_code_is_internal);
    tcase_add_test(tcase, first_failure_wins);
    tcase_add_test(tcase, failure_text_is_cut);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
