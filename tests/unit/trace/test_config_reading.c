/*
 * Variables, words for yes and no, and that the first trouble is the one that is told.
 */
#include "expect.h"
#include "oom.h"

#include "trace/config_reading.h"

#include <stdlib.h>

#include "base/banned.h"

START_TEST(variables)
{
    setenv("NOVEUM_TEST_A", "", 1);
    unsetenv("NOVEUM_TEST_B");
    ck_assert_ptr_null(nv_trace_environment("NOVEUM_TEST_A"));
    ck_assert_ptr_null(nv_trace_environment("NOVEUM_TEST_B"));
    ck_assert_ptr_null(nv_trace_environment(NULL));
    setenv("NOVEUM_TEST_B", "b", 1);
    ck_assert_str_eq(nv_trace_first_of("", "NOVEUM_TEST_A", "NOVEUM_TEST_B"), "b");
    ck_assert_str_eq(nv_trace_first_of("option", "NOVEUM_TEST_A", "NOVEUM_TEST_B"), "option");
    ck_assert(nv_trace_says("NOVEUM_TEST_B", "B"));
    ck_assert(!nv_trace_says("NOVEUM_TEST_A", "B"));
}
END_TEST

START_TEST(words)
{
    static const char *const yes[] = {"true", "1", "YES", "On"};
    static const char *const no[] = {"False", "0", "no", "off"};
    for (int i = 0; i < 4; i++) {
        ck_assert(nv_trace_is_true(yes[i]) && !nv_trace_is_false(yes[i]));
        ck_assert(nv_trace_is_false(no[i]) && !nv_trace_is_true(no[i]));
    }
    ck_assert(!nv_trace_is_true(NULL) && !nv_trace_is_false(NULL));
    ck_assert(!nv_trace_is_true("maybe") && !nv_trace_is_false("maybe"));
}
END_TEST

static void ignore(void *ctx, const char *key, const char *value)
{
    (void)ctx;
    (void)key;
    (void)value;
}

START_TEST(the_first_trouble_is_told)
{
    static struct nv_trace_config config;
    char why[NV_TRACE_WHY_SIZE] = "";
    char *text = NULL;
    struct nv_trace_reading reading = {.config = &config, .why = why};
    nv_trace_warn(&reading, "one", "first");
    nv_trace_warn(&reading, "two", "second");
    ck_assert_str_eq(config.warning, "one: first");
    nv_trace_keep_text(&reading, &text, "kept");
    nv_trace_keep_text(&reading, &text, "instead");
    ck_assert_pstr_eq(text, "instead");
    nv_trace_refuse(&reading, NOVEUM_INVALID, "a", "b");
    nv_trace_refuse(&reading, NOVEUM_NO_MEMORY, "c", "d");
    ck_assert_int_eq(reading.result, NOVEUM_INVALID);
    ck_assert_str_eq(why, "a: b");
    nv_trace_refuse_failed(&reading, "e", NV_ERR_LIMIT);
    ck_assert_str_eq(why, "a: b");
    reading.result = NOVEUM_OK;
    nv_trace_refuse_failed(&reading, "e", NV_OK);
    ck_assert_int_eq(reading.result, NOVEUM_OK);
    nv_trace_refuse_failed(&reading, "e", NV_ERR_LIMIT);
    ck_assert_int_eq(reading.result, NOVEUM_INVALID);
    ck_assert_str_eq(why, "e: more than 64 KiB");
    nv_trace_keep_text(&reading, &text, NULL);
    ck_assert_ptr_null(text);
    ck_assert_ptr_null(nv_trace_from_file(&reading, NULL));
    ck_assert_ptr_null(nv_trace_from_file(&reading, "project"));
    nv_trace_read_list(&reading, "a", NULL, ignore);
}
END_TEST

START_TEST(without_memory)
{
    char why[NV_TRACE_WHY_SIZE] = "";
    char *text = NULL;
    struct nv_trace_reading reading = {.why = why};
    oom_fail_nth(1);
    nv_trace_keep_text(&reading, &text, "kept");
    ck_assert(oom_end());
    ck_assert_int_eq(reading.result, NOVEUM_NO_MEMORY);
    reading.result = NOVEUM_OK;
    oom_fail_nth(1);
    nv_trace_read_list(&reading, "a", "a=b", ignore);
    ck_assert(oom_end());
    ck_assert_int_eq(reading.result, NOVEUM_NO_MEMORY);
    ck_assert_str_eq(why, "out of memory: a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_reading");
    TCase *tcase = tcase_create("config_reading");
    tcase_add_test(tcase, variables);
    tcase_add_test(tcase, words);
    tcase_add_test(tcase, the_first_trouble_is_told);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
