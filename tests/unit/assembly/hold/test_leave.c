/*
 * Traces that leave: many at once, and one that can't be made whole stays where it is.
 */
#include "expect.h"
#include "assembly/hold/leave.h"
#include "assembly_kit.h"
#include "oom.h"

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

START_TEST(a_trace_that_cannot_be_gathered_stays)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    oom_fail_from(1);
    for (int i = 0; i < 20; i++) {
        nv_fake_clock_advance(&kit.clock, 100 * NV_NS_PER_MS);
        nv_assembly_tick(kit.assembly);
    }
    oom_end();
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 200);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

START_TEST(many_due_at_once_all_leave)
{
    kit_start(&kit);
    for (int i = 0; i < 90; i++) {
        char spans[] = "1a";
        spans[0] = (char)('!' + i);
        if (spans[0] != '0' && spans[0] != '<' && spans[0] != '*')
            kit_spans(&kit, "shop", spans);
    }
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 87);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leave");
    TCase *tcase = tcase_create("leave");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_trace_that_cannot_be_gathered_stays);
    tcase_add_test(tcase, many_due_at_once_all_leave);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
