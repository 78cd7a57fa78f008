/*
 * What a process used while a span was open: off by default, on by the option, on by the
 * environment; not for spans that were told afterwards.
 */
#include "expect.h"
#include "trace_kit.h"

#include "trace/usage.h"

#include <stdlib.h>

#include "base/banned.h"

static struct kit_receiver receiver;

static void setup(void)
{
    unsetenv("NOVEUM_PERFORMANCE");
    kit_receiver_start(&receiver);
}

static void teardown(void)
{
    (void)noveum_shutdown(1000);
    kit_receiver_stop(&receiver);
}

static json_t *spans_of_a_run(bool performance)
{
    noveum_options options = kit_options(&receiver);
    options.performance = performance;
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    noveum_span work = noveum_begin(NOVEUM_FUNCTION, "work");
    struct nv_trace_usage before = nv_trace_usage_now();
    volatile unsigned sum = 0;
    while (nv_trace_usage_now().user_us + nv_trace_usage_now().system_us <
           before.user_us + before.system_us + 2000)
        sum += 1;
    noveum_end(work);
    noveum_record(noveum_null(), NOVEUM_FUNCTION, "told", 1, 2);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    return kit_receiver_spans(&receiver);
}

START_TEST(off_by_default)
{
    json_t *spans = spans_of_a_run(false);
    ck_assert_ptr_null(kit_attribute(kit_named(spans, "work"), "noveum.process.memory_bytes"));
    json_decref(spans);
}
END_TEST

static void check_told(void)
{
    json_t *spans = spans_of_a_run(getenv("NOVEUM_PERFORMANCE") == NULL);
    const json_t *work = kit_named(spans, "work");
    ck_assert_double_ge(kit_number(work, "noveum.process.cpu_user_ms") +
                            kit_number(work, "noveum.process.cpu_system_ms"),
                        1.9);
    ck_assert_double_gt(kit_number(work, "noveum.process.memory_bytes"), 100000);
    ck_assert_ptr_nonnull(kit_attribute(work, "noveum.process.memory_growth_bytes"));
    ck_assert_ptr_null(kit_attribute(kit_named(spans, "told"), "noveum.process.memory_bytes"));
    json_decref(spans);
}

START_TEST(by_the_option)
{
    check_told();
}
END_TEST

START_TEST(by_the_environment)
{
    setenv("NOVEUM_PERFORMANCE", "true", 1);
    check_told();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usage");
    TCase *tcase = tcase_create("usage");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, off_by_default);
    tcase_add_test(tcase, by_the_option);
    tcase_add_test(tcase, by_the_environment);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
