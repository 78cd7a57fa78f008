/*
 * Log records of coding agents, held until they make a trace
 * (docs/design/0015-traces-of-log-records.md): how long, what ends a turn, what is never made,
 * restarts, the cap.
 */
#include "expect.h"
#include "assembly_kit.h"
#include "base/limits.h"
#include "base/log/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    nv_count_reset();
}

static void teardown(void)
{
    kit_release(&kit);
}

static void logs(const char *records)
{
    ck_assert_int_eq(kit_accept(&kit, kit_logs("cli", records)), NV_OK);
}

START_TEST(a_turn_leaves_quiet_logs_ms_after_its_last_record)
{
    kit_start(&kit);
    logs("1a%RBKD");
    kit_advance(&kit, 5000);
    logs("1b%RK");
    kit_advance(&kit, 5999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "(a) (b)");
    ck_assert_int_eq(kit.traces[0].incomplete, NV_COMPLETE);
    ck_assert_uint_eq(kit.traces[0].part, 0);
}
END_TEST

static const struct due_row {
    const char *records;
    uint64_t after_ms;
} due_rows[] = {
    {"1a%RBKD", 120000},
    {"1a%RBKD 1b%RK", 6000},
    {"1a%RBK 1t%RO 1b%RK", 120000},
    {"1a%RBK 1t%RO 1t%RKC", 6000},
    {"1a%RBK 1t%RO 1u%RO 1t%RKC", 120000},
    {"1a%RBK 1b%RD 1c%R", 6000},
};

START_TEST(longer_while_a_record_is_due)
{
    const struct due_row *row = &due_rows[_i];
    kit_start(&kit);
    logs(row->records);
    kit_advance(&kit, row->after_ms - 1);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

START_TEST(records_that_make_no_span_count_as_unused)
{
    kit_start(&kit);
    logs("1a%R 1b%R");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 2);
}
END_TEST

START_TEST(nothing_is_made_where_spans_tell_of_it)
{
    kit_start(&kit);
    logs("1a%RBK 1b%M 1c%RK");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 2);
    logs("1d%RBK");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 3);
}
END_TEST

/* A mark in a request of spans is no span of its own. */
START_TEST(spans_mark_the_turn_that_they_tell_of)
{
    struct nv_ledger ledger;
    nv_ledger_reset();
    kit_start(&kit);
    logs("1a%RBK");
    ck_assert_int_eq(kit_spans(&kit, "cli", "2a 2b<a 1a%M"), NV_OK);
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "a b");
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 2);
    ck_assert_uint_eq(ledger.delivered, 2);
    logs("1b%RBK");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 2);
}
END_TEST

START_TEST(a_restart_does_not_forget_a_mark_of_spans)
{
    struct nv_ledger ledger;
    kit_directory(&kit);
    kit_start(&kit);
    ck_assert_int_eq(kit_spans(&kit, "cli", "2a 1a%M"), NV_OK);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_crash(&kit);
    kit_restart(&kit);
    logs("1b%RBK");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 0);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 0);
}
END_TEST

START_TEST(evaluations_wait_for_their_trace_and_are_not_lost)
{
    kit_start(&kit);
    logs("1a%E");
    kit_advance(&kit, 599999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_int_eq(kit.traces[0].incomplete, NV_INCOMPLETE_ROOT);
    logs("2a%E");
    ck_assert_int_eq(kit_spans(&kit, "cli", "2b. 2c<b."), NV_OK);
    kit_advance(&kit, 7000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[1].items, "(a) b c");
}
END_TEST

START_TEST(late_records_are_a_linked_part)
{
    kit_start(&kit);
    logs("1a%RBK");
    kit_advance(&kit, 6000);
    logs("1b%RK");
    kit_advance(&kit, 6000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_uint_eq(kit.traces[1].part, 1);
    ck_assert_str_eq(kit.traces[1].items, "(b)");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_LATE), 1);
}
END_TEST

START_TEST(the_next_prompt_of_a_session_ends_the_turn)
{
    kit_start(&kit);
    logs("1s%RT 1a%RTBK 1b%RTK");
    ck_assert_uint_eq(kit.trace_count, 0);
    logs("1c%RTBK 1d%RTK 1e%RTBK");
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[0].items, "(s) (a) (b)");
    ck_assert_str_eq(kit.traces[1].items, "(c) (d)");
    kit_advance(&kit, 6000);
    ck_assert_uint_eq(kit.trace_count, 3);
    ck_assert_str_eq(kit.traces[2].items, "(e)");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_LATE), 0);
}
END_TEST

START_TEST(prompts_with_ids_end_nothing)
{
    kit_start(&kit);
    logs("1a%RBK 1b%RBK");
    kit_advance(&kit, 6000);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

START_TEST(a_crash_before_the_sending_changes_nothing)
{
    kit_directory(&kit);
    kit_start(&kit);
    logs("1a%RTBK");
    logs("1b%RTK");
    kit_crash(&kit);
    kit_restart(&kit);
    logs("1c%RTK");
    kit_advance(&kit, 6000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "(a) (b) (c)");
}
END_TEST

START_TEST(a_crash_after_it_makes_the_same_part_again)
{
    kit_directory(&kit);
    kit.hold_claims = true;
    kit_start(&kit);
    logs("1a%RTBK 1b%RTK");
    logs("1c%RTBK");
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_crash(&kit);
    kit.claim_count = 0;
    kit_restart(&kit);
    kit_advance(&kit, 20000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[0].items, "(a) (b)");
    ck_assert_uint_eq(kit.traces[0].part, 0);
    ck_assert_str_eq(kit.traces[1].items, "(c)");
    ck_assert_uint_eq(kit.traces[1].part, 1);
    kit_settle_all(&kit);
}
END_TEST

START_TEST(what_was_settled_is_not_made_again)
{
    kit_directory(&kit);
    kit_start(&kit);
    logs("1a%RTBK 1b%RTK 1c%RTBK");
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_advance(&kit, 100);
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 20000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "(c)");
}
END_TEST

START_TEST(a_restart_does_not_forget_that_spans_tell)
{
    kit_directory(&kit);
    kit_start(&kit);
    logs("1a%M");
    kit_crash(&kit);
    kit_restart(&kit);
    logs("1b%RBK");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_crash(&kit);
    kit_restart(&kit);
    logs("1c%RBK");
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(kit.trace_count, 0);
}
END_TEST

/* Of more groups than there may be the oldest ends; spans are not counted among them. */
START_TEST(at_the_cap_the_oldest_ends_early)
{
    kit_directory(&kit); /* what is open at the end stays there */
    kit.config.memory_bytes = (uint64_t)1 << 30;
    kit_start(&kit);
    logs("1a%RBKD");
    /* the first one and these are one more than the cap */
    for (uint32_t i = 0; i <= NV_RECORD_GROUPS_MAX; i++) {
        struct nv_batch *batch = kit_logs("cli", "1b%RBKD");
        memcpy(&batch->items[0].trace_id[4], &i, sizeof i);
        batch->items[0].trace_id[12] = 1;
        ck_assert_uint_eq(kit.trace_count, 0);
        ck_assert_int_eq(kit_accept(&kit, batch), NV_OK);
    }
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "(a)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assembly/log_records");
    TCase *tcase = tcase_create("log_records");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_turn_leaves_quiet_logs_ms_after_its_last_record);
    tcase_add_loop_test(tcase, longer_while_a_record_is_due, 0,
                        (int)(sizeof due_rows / sizeof *due_rows));
    tcase_add_test(tcase, records_that_make_no_span_count_as_unused);
    tcase_add_test(tcase, nothing_is_made_where_spans_tell_of_it);
    tcase_add_test(tcase, spans_mark_the_turn_that_they_tell_of);
    tcase_add_test(tcase, a_restart_does_not_forget_a_mark_of_spans);
    tcase_add_test(tcase, evaluations_wait_for_their_trace_and_are_not_lost);
    tcase_add_test(tcase, late_records_are_a_linked_part);
    tcase_add_test(tcase, the_next_prompt_of_a_session_ends_the_turn);
    tcase_add_test(tcase, prompts_with_ids_end_nothing);
    tcase_add_test(tcase, a_crash_before_the_sending_changes_nothing);
    tcase_add_test(tcase, a_crash_after_it_makes_the_same_part_again);
    tcase_add_test(tcase, what_was_settled_is_not_made_again);
    tcase_add_test(tcase, a_restart_does_not_forget_that_spans_tell);
    tcase_add_test(tcase, at_the_cap_the_oldest_ends_early);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
