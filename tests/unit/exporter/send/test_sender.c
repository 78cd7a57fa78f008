/*
 * The sender by hand, with a made-up backend and clock: when bodies go out, how many at once,
 * in what encoding, who goes first when new and old traces compete, and that a storm is not
 * fed.
 */
#include "expect.h"
#include "exporter_rig.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "exporter/send/sender.h"
#include "oom.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_rig rig;

static void setup(void)
{
    rig_init(&rig);
}

static void teardown(void)
{
    rig_release(&rig);
}

START_TEST(a_batch_waits_for_batch_ms)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 3);
    rig_run(&rig, 999);
    ck_assert_ptr_null(rig_flight(&rig));
    rig_run(&rig, 1);
    ck_assert_uint_eq(rig_traces_in(rig_flight(&rig)), 3);
    ck_assert(rig_flight(&rig)->gzip);
    ck_assert_uint_eq(rig_delivered(), 0);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(rig_delivered(), 6);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 3);
    ck_assert_uint_eq(rig_status(&rig).queued_bytes, 0);
}
END_TEST

START_TEST(a_full_batch_goes_at_once)
{
    rig.config.batch_traces = 10;
    rig_open(&rig, false);
    rig_consume_many(&rig, 25);
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
    rig_answer(&rig, rig_flight(&rig), 201, "", "{\"success\":true}");
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig_in_flight(&rig), 2);
    rig_accept_all(&rig, 1000);
    ck_assert_uint_eq(rig_delivered(), 50);
    ck_assert_uint_eq(rig.sent, 3);
}
END_TEST

START_TEST(width_grows_to_max_in_flight)
{
    rig.config.batch_traces = 1;
    rig_open(&rig, false);
    rig_consume_many(&rig, 40);
    rig_run(&rig, 0);
    for (uint32_t width = 1; width < 4; width++) {
        ck_assert_uint_eq(rig_in_flight(&rig), width);
        rig_answer(&rig, rig_flight(&rig), 200, "", "");
        rig_run(&rig, 0);
    }
    ck_assert_uint_eq(rig_in_flight(&rig), 4);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_in_flight(&rig), 4);
}
END_TEST

START_TEST(body_bytes_are_capped)
{
    rig.config.max_body_bytes = 2000;
    rig_open(&rig, false);
    rig_consume_many(&rig, 4);
    rig_run(&rig, 1000);
    ck_assert_uint_lt(rig_traces_in(rig_flight(&rig)), 4);
    rig_accept_all(&rig, 1000);
    ck_assert_uint_eq(rig_delivered(), 8);
}
END_TEST

START_TEST(forced_modes_of_compression)
{
    rig.config.compression = NV_COMPRESSION_NONE;
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    ck_assert(!rig_flight(&rig)->gzip);
    rig_accept_all(&rig, 0);
    rig_close(&rig);
    rig.config.compression = NV_COMPRESSION_GZIP;
    rig_open(&rig, false);
    for (int i = 0; i < 2; i++) {
        rig_consume_many(&rig, 1);
        rig_run(&rig, 1000);
        ck_assert(rig_flight(&rig)->gzip);
        rig_answer(&rig, rig_flight(&rig), 415, "", "");
        rig_run(&rig, 0);
        ck_assert(!rig_flight(&rig)->gzip);
        rig_accept_all(&rig, 0);
    }
}
END_TEST

START_TEST(a_transport_without_memory_is_asked_again)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig.send_fails = NV_ERR_NO_MEMORY;
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig.sent, 0);
    rig.send_fails = NV_OK;
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig.sent, 1);
    rig_accept_all(&rig, 0);
    ck_assert_uint_eq(rig_delivered(), 2);
}
END_TEST

/* 503 for ever: attempts stay near the rate of new bodies, far from one a body and backoff. */
START_TEST(a_storm_is_not_fed)
{
    rig.config.batch_traces = 10;
    rig_open(&rig, true);
    for (int second = 0; second < 300; second++) {
        rig_consume_many(&rig, 10);
        for (int i = 0; i < 20; i++) {
            struct rig_flight *flight;

            rig_run(&rig, 50);
            while ((flight = rig_flight(&rig)) != NULL)
                rig_answer(&rig, flight, 503, "", "");
        }
    }
    ck_assert_uint_le(rig.sent, 330);
    ck_assert_uint_ge(rig.sent, 30);
    rig_run(&rig, 5000);
    for (int i = 0; i < 3000 && rig_delivered() < rig.span_count; i++)
        rig_accept_all(&rig, 100);
    ck_assert_uint_eq(rig_delivered(), rig.span_count);
}
END_TEST

/* Nine of ten fail at random, as F8 of the fault table (docs/operations.md) has it. */
START_TEST(a_mixed_storm_stays_in_budget)
{
    uint64_t random = 1;
    uint32_t bodies = 600;

    rig.config.batch_traces = 5;
    rig_open(&rig, true);
    for (uint32_t body = 0; body < bodies; body++) {
        rig_consume_many(&rig, 5);
        for (int i = 0; i < 10; i++) {
            struct rig_flight *flight;

            rig_run(&rig, 100);
            while ((flight = rig_flight(&rig)) != NULL) {
                random = random * UINT64_C(6364136223846793005) + 1;
                rig_answer(&rig, flight, (random >> 33) % 10 == 0 ? 200 : 503, "", "");
            }
        }
    }
    ck_assert_uint_le(rig.sent, bodies * 11 / 10);
    for (int i = 0; i < 5000 && rig_delivered() < rig.span_count; i++)
        rig_accept_all(&rig, 100);
    ck_assert_uint_eq(rig_delivered(), rig.span_count);
}
END_TEST

START_TEST(pressure_follows_memory)
{
    rig.config.queue_bytes_max = 20000;
    rig.config.spill_bytes = 20000;
    rig_open(&rig, false);
    ck_assert_int_eq(nv_exporter_pressure(rig.exporter), NV_OK);
    while (rig_status(&rig).queued_bytes < 20000)
        rig_consume_many(&rig, 1);
    ck_assert_int_eq(nv_exporter_pressure(rig.exporter), NV_ERR_BUSY);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "");
    rig_run(&rig, 0);
    ck_assert_int_eq(nv_exporter_pressure(rig.exporter), NV_ERR_FULL);
    rig_run(&rig, 60000);
    rig_accept_all(&rig, 1000);
    ck_assert_int_eq(nv_exporter_pressure(rig.exporter), NV_OK);
}
END_TEST

/* While an old backlog drains, a new trace leaves as soon as its batch is due. */
START_TEST(new_traces_do_not_wait_behind_a_backlog)
{
    uint64_t backlog;
    uint32_t waits = 0;

    rig.config.batch_traces = 5;
    rig.config.spill_bytes = 4000;
    rig.config.spill_age_ms = 1000;
    rig_open(&rig, true);
    rig_consume_many(&rig, 5);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "");
    for (int i = 0; i < 100; i++) {
        rig_consume_many(&rig, 5);
        rig_run(&rig, 500);
    }
    backlog = rig_status(&rig).outbox_records;
    ck_assert_uint_gt(backlog, 80);
    for (int i = 0; i < 100 && rig.probes == 0; i++)
        rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    rig_run(&rig, 1);
    /* Each request takes 100 ms; ten new traces a second come in on top. */
    for (int i = 0; i < 100; i++) {
        rig_consume(&rig, "new", 1);
        for (int flights = (int)rig_in_flight(&rig); flights > 0; flights--)
            rig_answer(&rig, rig_flight(&rig), 200, "", "");
        rig_run(&rig, 100);
        if (rig_status(&rig).queued_traces > 25)
            waits++;
    }
    ck_assert_uint_eq(waits, 0);
    /* Two new bodies a second, so at least forty old ones in the ten seconds. */
    ck_assert_uint_le(rig_status(&rig).outbox_records, backlog - 40);
}
END_TEST

/* The backlog leaves at its own pace, not as fast as the network allows. */
START_TEST(a_backlog_drains_at_its_pace)
{
    uint32_t before;

    rig.config.batch_traces = 1;
    rig.config.spill_bytes = 1;
    rig.config.drain_requests_per_s = 10;
    rig_open(&rig, true);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 0);
    rig_answer(&rig, rig_flight(&rig), 429, "60", "");
    rig_consume_many(&rig, 300);
    for (int i = 0; i < 50; i++)
        rig_run(&rig, 0);
    ck_assert_uint_ge(rig_status(&rig).outbox_records, 290);
    rig_run(&rig, 70000);
    before = rig.sent;
    for (int i = 0; i < 500; i++) {
        struct rig_flight *flight;

        while ((flight = rig_flight(&rig)) != NULL)
            rig_answer(&rig, flight, 200, "", "");
        rig_run(&rig, 10);
    }
    /* Five seconds, ten a second, and a burst of at most one second. */
    ck_assert_uint_ge(rig.sent - before, 45);
    ck_assert_uint_le(rig.sent - before, 65);
}
END_TEST

/* Many small records, as retried dead letters are, do not need a request each. */
START_TEST(small_records_share_a_body)
{
    rig.config.batch_traces = 50;
    rig.config.spill_bytes = 1;
    rig_open(&rig, true);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 429, "60", "");
    for (int i = 0; i < 120; i++) {
        rig_run(&rig, 0);
        rig_consume_many(&rig, 1);
    }
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 121);
    rig.sent = 0;
    rig_drain(&rig);
    ck_assert_uint_eq(rig.sent, 3);
    ck_assert_uint_eq(rig_delivered(), rig.span_count);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
}
END_TEST

/* In whole seconds; under a minute and a half. */
static unsigned next_wait_s(void)
{
    uint64_t wait_ns = nv_exporter_pump(rig.exporter);
    nv_fake_clock_advance(&rig.clock, wait_ns);
    return (unsigned)(wait_ns / NV_NS_PER_S);
}

/* Twice as long each time, NV_SENDER_RAW_TRIES_MAX times; from then on the same. */
START_TEST(waits_for_memory_grow_to_a_cap)
{
    unsigned waits[NV_SENDER_RAW_TRIES_MAX + 2];
    rig_open(&rig, false);
    struct nv_trace *trace = rig_trace(&rig, "waits", 1);
    nv_ledger_receive(1, false);
    oom_fail_from(1);
    nv_exporter_consume(rig.exporter, trace);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        waits[i] = next_wait_s();
    ck_assert(oom_end());
    unsigned longest = NV_SENDER_OWN_TROUBLE_MS / 1000 << NV_SENDER_RAW_TRIES_MAX;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        ck_assert_uint_eq(waits[i], 1u << i < longest ? 1u << i : longest);
    rig_drain(&rig);
    ck_assert_uint_eq(rig_delivered(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/sender");
    TCase *tcase = tcase_create("sender");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_batch_waits_for_batch_ms);
    tcase_add_test(tcase, a_full_batch_goes_at_once);
    tcase_add_test(tcase, width_grows_to_max_in_flight);
    tcase_add_test(tcase, body_bytes_are_capped);
    tcase_add_test(tcase, forced_modes_of_compression);
    tcase_add_test(tcase, a_transport_without_memory_is_asked_again);
    tcase_add_test(tcase, a_storm_is_not_fed);
    tcase_add_test(tcase, a_mixed_storm_stays_in_budget);
    tcase_add_test(tcase, pressure_follows_memory);
    tcase_add_test(tcase, new_traces_do_not_wait_behind_a_backlog);
    tcase_add_test(tcase, a_backlog_drains_at_its_pace);
    tcase_add_test(tcase, small_records_share_a_body);
    tcase_add_test(tcase, waits_for_memory_grow_to_a_cap);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
