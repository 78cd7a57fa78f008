/*
 * Lists of key=value: decoding, what is passed over, what is too long, and no memory.
 */
#include "expect.h"
#include "oom.h"

#include "trace/config_list.h"

#include <stdlib.h>

#include "base/banned.h"

static void note(void *ctx, const char *key, const char *value)
{
    ck_assert_int_eq(nv_buf_printf(ctx, "[%s|%s]", key, value), NV_OK);
}

static void assert_pairs(const char *list, const char *pairs)
{
    struct nv_buf told;
    nv_buf_init(&told, 1000);
    ck_assert_int_eq(nv_trace_list_each(list, note, &told), NV_OK);
    ck_assert_nv_str(nv_buf_str(&told), pairs);
    nv_buf_release(&told);
}

START_TEST(pairs)
{
    assert_pairs("", "");
    assert_pairs("a=1", "[a|1]");
    assert_pairs(" a = 1 ,b%20c=d%2Ce,x=y=z,", "[a|1][b c|d,e][x|y=z]");
    assert_pairs("junk,=x, =y,e=,%zz=%4", "[e|][%zz|%4]");
    assert_pairs("a=1%00b", "[a|1]"); /* a NUL ends it */
}
END_TEST

static void count(void *ctx, const char *key, const char *value)
{
    (void)key;
    (void)value;
    ++*(int *)ctx;
}

START_TEST(one_that_is_too_long_is_left_out)
{
    int told = 0;
    char *list = malloc(NV_TRACE_LIST_BYTES_MAX + 10);
    ck_assert_ptr_nonnull(list);
    memset(list, 'v', NV_TRACE_LIST_BYTES_MAX + 9);
    memcpy(list, "a=", 2);
    memcpy(list + NV_TRACE_LIST_BYTES_MAX + 5, ",b=1", 5);
    ck_assert_int_eq(nv_trace_list_each(list, count, &told), NV_ERR_LIMIT);
    ck_assert_int_eq(told, 1);
    list[NV_TRACE_LIST_BYTES_MAX - 1] = '\0'; /* key and value with a NUL each: just fits */
    ck_assert_int_eq(nv_trace_list_each(list, count, &told), NV_OK);
    ck_assert_int_eq(told, 2);
    free(list);
}
END_TEST

START_TEST(without_memory)
{
    int told = 0;
    oom_fail_nth(1);
    ck_assert_int_eq(nv_trace_list_each("a=1", count, &told), NV_ERR_NO_MEMORY);
    ck_assert(oom_end());
    ck_assert_int_eq(told, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_list");
    TCase *tcase = tcase_create("config_list");
    tcase_add_test(tcase, pairs);
    tcase_add_test(tcase, one_that_is_too_long_is_left_out);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
