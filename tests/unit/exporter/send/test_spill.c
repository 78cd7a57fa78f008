/*
 * Memory to disk: flat memory through an outage, by size and by age, a full disk that changes
 * nothing, and everything delivered afterwards.
 */
#include "expect.h"
#include "exporter_rig.h"

#include "base/log/counters.h"

#include "base/banned.h"

static struct nv_rig rig;

static void setup(void)
{
    rig_init(&rig);
    /* So that a refused key holds for a minute, in one step. */
    rig.config.retry_max_ms = 60000;
}

static void teardown(void)
{
    rig_release(&rig);
}

/* Ten minutes without a backend at the nominal rate: 4 traces a second here, one record each 5
 * s.
 */
START_TEST(memory_is_flat_through_an_outage)
{
    size_t most = 0;

    rig.config.batch_traces = 20;
    rig.config.spill_bytes = 30000;
    rig_open(&rig, true);
    for (int second = 0; second < 600; second++) {
        struct rig_flight *flight;

        rig_consume_many(&rig, 4);
        rig_run(&rig, 1000);
        while ((flight = rig_flight(&rig)) != NULL)
            rig_fail(&rig, flight, NV_TRANSFER_CONNECT);
        if (rig_status(&rig).queued_bytes > most)
            most = rig_status(&rig).queued_bytes;
    }
    ck_assert_uint_le(most, 30000 + 4 * 4000);
    ck_assert_int_ne(rig_status(&rig).state, NV_SINK_SENDING);
    ck_assert_uint_gt(rig_status(&rig).outbox_spans, 4000);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_LEFT), 0);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 2400);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
}
END_TEST

START_TEST(age_moves_the_little_that_waits)
{
    rig_open(&rig, true);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "");
    rig_run(&rig, 28000);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
    rig_run(&rig, 2000);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    ck_assert_uint_eq(rig_status(&rig).queued_bytes, 0);
    ck_assert_uint_eq(rig_status(&rig).outbox_spans, 2);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 1);
}
END_TEST

START_TEST(the_pump_says_when_age_is_due)
{
    uint64_t wait_ns;

    rig_open(&rig, true);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "");
    wait_ns = nv_exporter_pump(rig.exporter);
    ck_assert_uint_eq(wait_ns, 29000 * NV_NS_PER_MS);
    rig_drain(&rig);
}
END_TEST

START_TEST(what_is_sent_is_not_moved)
{
    rig.config.spill_bytes = 1000;
    rig.config.queue_bytes_max = 20000;
    rig_open(&rig, true);
    rig_consume_many(&rig, 2);
    rig_run(&rig, 40000);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
    ck_assert_uint_eq(rig_traces_in(rig_flight(&rig)), 2);
    /* Past the queue's limit even an open exporter writes: shards wait for it. */
    rig_consume_many(&rig, 20);
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_SENDING);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 22);
}
END_TEST

START_TEST(a_full_disk_keeps_them_in_memory_and_sending_goes_on)
{
    rig.config.spill_bytes = rig.config.queue_bytes_max = 1;
    rig.config.batch_traces = 1;
    rig.put_fails = NV_ERR_NO_SPACE;
    rig_open(&rig, true);
    rig_consume_many(&rig, 10);
    for (int i = 0; i < 100 && nv_count_get(NV_COUNT_TRACES_DELIVERED) < 10; i++) {
        if (rig_flight(&rig))
            rig_answer(&rig, rig_flight(&rig), 200, "", "");
        rig_run(&rig, 1);
    }
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 10);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 10);
}
END_TEST

START_TEST(a_record_goes_back_without_a_write)
{
    uint64_t last_id;

    rig.config.spill_age_ms = 5000;
    rig_open(&rig, true);
    rig_consume_many(&rig, 3);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 429, "20", "");
    rig_run(&rig, 6000);
    last_id = rig.last_id;
    ck_assert_uint_eq(last_id, 1);
    rig_run(&rig, 30000);
    rig_answer(&rig, rig_flight(&rig), 429, "20", "");
    rig_run(&rig, 6000);
    ck_assert_uint_eq(rig.last_id, last_id);
    ck_assert_uint_eq(rig_status(&rig).outbox_records, 1);
    ck_assert_uint_eq(rig_status(&rig).queued_bytes, 0);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 3);
}
END_TEST

START_TEST(a_damaged_record_is_counted)
{
    struct nv_ledger ledger;

    rig_open(&rig, true);
    rig_consume_many(&rig, 3);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "");
    rig_run(&rig, 30000);
    rig.get_fails = NV_ERR_MALFORMED;
    rig_run(&rig, 60000);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    rig_run(&rig, 1000);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dead[NV_DEAD_DAMAGED], 6);
    ck_assert_uint_eq(ledger.queued, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/spill");
    TCase *tcase = tcase_create("spill");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, memory_is_flat_through_an_outage);
    tcase_add_test(tcase, age_moves_the_little_that_waits);
    tcase_add_test(tcase, the_pump_says_when_age_is_due);
    tcase_add_test(tcase, what_is_sent_is_not_moved);
    tcase_add_test(tcase, a_full_disk_keeps_them_in_memory_and_sending_goes_on);
    tcase_add_test(tcase, a_record_goes_back_without_a_write);
    tcase_add_test(tcase, a_damaged_record_is_counted);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
