/*
 * The buffer against its contract: growth, the cap and one past it, the sticky failure, printf
 * into the last byte, and every allocation failing once.
 */
#include "expect.h"
#include "oom.h"

#include "base/buf.h"

#include <stdlib.h>

#include "base/banned.h"

START_TEST(appends_and_grows)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 100000);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(nv_buf_append(&buf, "0123456789", (size_t)(i % 10)), NV_OK);
    ck_assert_uint_eq(buf.len, 45000);
    ck_assert_mem_eq(buf.bytes, "0010120123", 10);
    nv_buf_release(&buf);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_int_eq(nv_buf_append_char(&buf, 'x'), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), "x");
    nv_buf_release(&buf);
    nv_buf_release(NULL);
}
END_TEST

START_TEST(cap_and_one_past_it)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 10);
    ck_assert_int_eq(nv_buf_append_str(&buf, NV_STR("0123456789")), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, 'x'), NV_ERR_LIMIT);
    ck_assert_int_eq(nv_buf_append(&buf, "", 0), NV_ERR_LIMIT);
    ck_assert_int_eq(nv_buf_printf(&buf, "a"), NV_ERR_LIMIT);
    ck_assert_int_eq(buf.failed, NV_ERR_LIMIT);
    ck_assert_nv_str(nv_buf_str(&buf), "0123456789");
    nv_buf_clear(&buf);
    ck_assert_int_eq(nv_buf_append_char(&buf, 'x'), NV_OK);
    ck_assert_int_eq(nv_buf_reserve(&buf, SIZE_MAX), NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(printf_fills_to_the_cap)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 8);
    ck_assert_int_eq(nv_buf_printf(&buf, "%s-%d", "abcd", 123), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), "abcd-123");
    nv_buf_clear(&buf);
    ck_assert_int_eq(nv_buf_printf(&buf, "%s-%d", "abcd", 1234), NV_ERR_LIMIT);
    ck_assert_uint_eq(buf.len, 0);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(printf_longer_than_the_room)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 10000);
    ck_assert_int_eq(nv_buf_printf(&buf, "%0*d", 3000, 7), NV_OK);
    ck_assert_uint_eq(buf.len, 3000);
    ck_assert_int_eq(buf.bytes[2999], '7');
    nv_buf_release(&buf);
}
END_TEST

START_TEST(take_gives_the_bytes_away)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 100);
    ck_assert_int_eq(nv_buf_append_str(&buf, NV_STR("abc")), NV_OK);
    char *bytes = NULL;
    ck_assert_uint_eq(nv_buf_take(&buf, &bytes), 3);
    ck_assert_mem_eq(bytes, "abc", 3);
    ck_assert_ptr_null(buf.bytes);
    free(bytes);
    ck_assert_uint_eq(nv_buf_take(&buf, &bytes), 0);
    ck_assert_ptr_null(bytes);
    ck_assert_int_eq(nv_buf_append_char(&buf, 'x'), NV_OK);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(no_memory_is_sticky_and_keeps_the_prefix)
{
    struct nv_buf buf;
    for (unsigned long n = 1; n < 20; n++) {
        nv_buf_init(&buf, 100000);
        oom_fail_nth(n);
        for (int i = 0; i < 3000; i++)
            (void)nv_buf_append_str(&buf, NV_STR("0123456789"));
        enum nv_err err = nv_buf_printf(&buf, "%d", 1);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_int_eq(buf.failed, err);
        ck_assert_uint_eq(buf.len % 10, failed ? 0 : 1);
        nv_buf_release(&buf);
        if (!failed)
            return;
    }
    ck_abort_msg("more allocations than doubling needs");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/buf");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, appends_and_grows);
    tcase_add_test(tcase, cap_and_one_past_it);
    tcase_add_test(tcase, printf_fills_to_the_cap);
    tcase_add_test(tcase, printf_longer_than_the_room);
    tcase_add_test(tcase, take_gives_the_bytes_away);
    tcase_add_test(tcase, no_memory_is_sticky_and_keeps_the_prefix);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
