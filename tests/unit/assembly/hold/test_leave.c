/*
 * Traces that leave: many at once; one that can't be made whole stays where it is, and one at
 * its cap waits for the gate like any other.
 */
#include "expect.h"
#include "assembly/hold/leave.h"
#include "assembly_kit.h"
#include "oom.h"

static struct kit kit;

static bool gate_open;

static bool may_complete(void *ctx)
{
    (void)ctx;
    return gate_open;
}

static void setup(void)
{
    kit_init(&kit);
    kit.config.may_complete = may_complete;
    gate_open = true;
}

static void teardown(void)
{
    kit_release(&kit);
}

/* And is tried less and less often: 600 s of it are some twenty tries, not 6,000. */
START_TEST(a_trace_that_cannot_be_gathered_stays)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    oom_fail_from(1);
    uint64_t until = kit.clock.mono + 600 * NV_NS_PER_S;
    unsigned looks = 0;
    for (uint64_t next; kit.clock.mono < until; looks++) {
        next = nv_assembly_tick(kit.assembly);
        if (next > kit.clock.mono)
            nv_fake_clock_advance(&kit.clock, next - kit.clock.mono);
    }
    oom_end();
    ck_assert_uint_eq(kit.trace_count, 0);
    ck_assert_uint_lt(looks, 30);
    kit_advance(&kit, 60000);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

/* It leaves once, at the next try where it must; without memory for the ids of its spans it is
 * only not recognised what comes again. */
START_TEST(every_allocation_of_leaving_failing_once)
{
    unsigned forgotten = 0;
    kit_start(&kit);
    for (unsigned long n = 1;; n++) {
        kit_spans(&kit, "shop", "1a 1b<a");
        nv_fake_clock_advance(&kit.clock, 5 * NV_NS_PER_S);
        oom_fail_nth(n);
        (void)nv_assembly_tick(kit.assembly);
        bool failed = oom_end();
        kit_advance(&kit, 60000);
        ck_assert_uint_eq(kit.trace_count, 1);
        ck_assert_str_eq(kit.traces[0].items, "a b");
        kit_spans(&kit, "shop", "1b<a");
        kit_advance(&kit, 60000);
        forgotten += kit.trace_count == 2;
        kit_stop(&kit);
        kit_restart(&kit);
        if (!failed)
            break;
    }
    /* what is remembered of it, its two places in the index, the ids here and there */
    ck_assert_uint_eq(forgotten, 5);
}
END_TEST

/* More than one turn takes. */
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
    ck_assert_uint_gt(kit.trace_count, NV_TURN_MAX);
}
END_TEST

static void expect_two_parts(void)
{
    ck_assert_str_eq(kit.traces[0].items, "a b c");
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[1].items, "d e");
    ck_assert_uint_eq(kit.traces[1].part, 1);
}

START_TEST(one_at_its_cap_waits_for_the_gate_too)
{
    kit.config.max_spans = 3;
    kit_start(&kit);
    gate_open = false;
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a 1b 1c 1d 1e"), NV_OK);
    kit_advance(&kit, 2000);
    ck_assert_uint_eq(kit.trace_count, 0);
    gate_open = true;
    kit_advance(&kit, 8000);
    expect_two_parts();
}
END_TEST

/* The replay runs before there is anybody to take what is completed. */
START_TEST(nothing_leaves_while_the_start_replays)
{
    kit_directory(&kit);
    kit.config.durability = NV_DURABILITY_OS;
    kit_start(&kit);
    gate_open = false;
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a 1b 1c 1d 1e"), NV_OK);
    kit_stop(&kit);
    kit.config.max_spans = 3;
    kit_start(&kit);
    ck_assert_uint_eq(kit.trace_count, 0);
    gate_open = true;
    kit_advance(&kit, 8000);
    expect_two_parts();
}
END_TEST

START_TEST(what_waits_for_the_gate_leaves_at_a_stop_without_a_journal)
{
    kit.config.max_spans = 3;
    kit_start(&kit);
    gate_open = false;
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a 1b 1c 1d 1e"), NV_OK);
    gate_open = true;
    ck_assert_int_eq(nv_assembly_stop(kit.assembly, 0), NV_OK);
    expect_two_parts();
}
END_TEST

/* A turn to the brim, and one trace more, which the next turn takes. */
START_TEST(a_full_turn_and_one_more)
{
    const unsigned count = NV_TURN_MAX + (unsigned)_i;
    unsigned brought = 0;
    kit_start(&kit);
    for (char name = '!'; brought < count; name++) {
        const char spans[] = {name, 'a', '\0'};
        if (name == '0' || name == '<' || name == '*')
            continue;
        ck_assert_int_eq(kit_spans(&kit, "shop", spans), NV_OK);
        brought++;
    }
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leave");
    TCase *tcase = tcase_create("leave");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_trace_that_cannot_be_gathered_stays);
    tcase_add_test(tcase, every_allocation_of_leaving_failing_once);
    tcase_add_test(tcase, many_due_at_once_all_leave);
    tcase_add_test(tcase, one_at_its_cap_waits_for_the_gate_too);
    tcase_add_test(tcase, nothing_leaves_while_the_start_replays);
    tcase_add_test(tcase, what_waits_for_the_gate_leaves_at_a_stop_without_a_journal);
    tcase_add_loop_test(tcase, a_full_turn_and_one_more, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
