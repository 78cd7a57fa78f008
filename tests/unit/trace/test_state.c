/*
 * Counters, errors and words: structs of other sizes, texts that are cut, the log function.
 */
#include "expect.h"
#include "trace_kit.h"

#include "trace/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static int logged;

static void on_log(void *user, const char *message)
{
    ck_assert_ptr_eq(user, &logged);
    ck_assert_str_eq(message, "first 1");
    logged++;
}

START_TEST(errors)
{
    char text[4] = "xyz";
    struct nv_trace_config config = {.log = on_log, .user = &logged};
    ck_assert_uint_eq(noveum_last_error(text, sizeof text), 0);
    ck_assert_str_eq(text, "");
    nv_trace_fail(&config, "first %d", 1);
    nv_trace_fail(&config, "second"); /* within a second: noted, not told */
    nv_trace_fail(NULL, "third");
    ck_assert_int_eq(logged, 1);
    ck_assert_uint_eq(noveum_last_error(text, sizeof text), 5);
    ck_assert_str_eq(text, "thi");
    ck_assert_uint_eq(noveum_last_error(NULL, 9), 5);
    ck_assert_uint_eq(noveum_last_error(text, 0), 5);
    nv_trace_state_reset();
    ck_assert_uint_eq(noveum_last_error(text, sizeof text), 0);
}
END_TEST

START_TEST(counters_of_other_sizes)
{
    struct {
        noveum_counters counters;
        char more[16];
    } newer;
    noveum_counters older;
    nv_trace_add(NV_TRACE_COUNT_started, 3);
    nv_trace_add(NV_TRACE_COUNT_retries, 2);
    memset(&newer, 0x55, sizeof newer);
    newer.counters.size = sizeof newer;
    noveum_get_counters(&newer.counters);
    ck_assert_uint_eq(newer.counters.size, sizeof newer.counters);
    ck_assert_uint_eq(newer.counters.started, 3);
    ck_assert_uint_eq(newer.counters.retries, 2);
    ck_assert_int_eq(newer.more[0], 0x55);
    memset(&older, 0x55, sizeof older);
    older.size = offsetof(noveum_counters, open);
    noveum_get_counters(&older);
    ck_assert_uint_eq(older.started, 3);
    ck_assert_uint_eq(older.open, UINT64_C(0x5555555555555555));
    older.size = 0;
    noveum_get_counters(&older);
    noveum_get_counters(NULL);
}
END_TEST

START_TEST(words)
{
    for (int result = NOVEUM_BUSY; result <= NOVEUM_OFF; result++)
        ck_assert_str_ne(noveum_result_text((noveum_result)result), "unknown result");
    ck_assert_str_eq(noveum_result_text((noveum_result)99), "unknown result");
    ck_assert_str_eq(noveum_version(), NOVEUM_TRACE_VERSION);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tcase = tcase_create("state");
    tcase_add_test(tcase, errors);
    tcase_add_test(tcase, counters_of_other_sizes);
    tcase_add_test(tcase, words);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
