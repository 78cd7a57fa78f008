/*
 * Messages written again under their keys, against a mock cluster: each trace lies under its
 * own, the record comes back when the brokers have all of it, and with an error when not.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"

#include "kafka/rekey.h"
#include "model/ledger.h"

#include <sched.h>
#include <stdlib.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
static struct nv_test_kafka kafka;
static struct nv_kafka_rekey *rekey;
static const struct nv_rd *rd;
static struct nv_fail fail;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    nv_ledger_reset();
    nv_test_kafka_start(&kafka, 4);
    kafka.config.rekeys = true;
    ck_assert_int_eq(nv_rd_load(&rd, &fail), NV_OK);
    ck_assert_int_eq(nv_kafka_rekey_new(rd, &kafka.config, &fail, &rekey), NV_OK);
}

static void tear_down(void)
{
    nv_kafka_rekey_free(rekey, 1000);
    nv_test_kafka_stop(&kafka);
}

static struct nv_kafka_rekeyed *write_one(unsigned number)
{
    struct nv_kafka_rekeyed *rekeyed = nv_kafka_rekeyed_new(rekey, NV_SIGNAL_TRACES, 7);
    ck_assert_ptr_nonnull(rekeyed);
    nv_kafka_rekey_write(rekey, nv_test_kafka_request(number, NULL), rekeyed);
    return rekeyed;
}

static struct nv_kafka_rekeyed *wait_ended(void)
{
    struct nv_kafka_rekeyed *ended;
    while (!(ended = nv_kafka_rekey_take(rekey)))
        (void)sched_yield();
    return ended;
}

START_TEST(what_is_written_again_comes_back_when_it_is_there)
{
    struct nv_kafka_rekeyed *rekeyed = write_one(3);
    struct nv_kafka_rekeyed *ended = wait_ended();
    struct nv_ledger now;
    ck_assert_ptr_eq(ended, rekeyed);
    ck_assert_ptr_null(ended->next);
    ck_assert_int_eq(ended->err, NV_OK);
    ck_assert_uint_eq(ended->generation, 7);
    struct nv_test_record *record = nv_test_kafka_read(&kafka, "spans", 1);
    struct nv_str key = {record->key, record->key_len};
    ck_assert_uint_eq(key.len, 32);
    ck_assert_int_eq(record->partition, nv_test_kafka_partition(key, 4));
    nv_test_records_free(record, 1);
    /* received and dropped: whoever has that partition receives it once more */
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.received, 1);
    ck_assert_uint_eq(now.dropped[NV_DROP_REKEYED], 1);
    ck_assert_uint_eq(now.delivered, 0);
    /* kept for the next turn */
    nv_kafka_rekey_keep(ended);
    ck_assert_ptr_eq(nv_kafka_rekey_take(rekey), ended);
    ck_assert_ptr_null(nv_kafka_rekey_take(rekey));
    nv_kafka_rekeyed_free(ended);
}
END_TEST

START_TEST(brokers_that_are_away_give_it_back)
{
    nv_kafka_rekey_free(rekey, 0);
    kafka.config.timeout_ms = 1000;
    kafka.config.buffer_bytes = 100;
    ck_assert_int_eq(nv_kafka_rekey_new(rd, &kafka.config, &fail, &rekey), NV_OK);
    nv_test_kafka_down(&kafka);
    ck_assert(nv_kafka_rekey_has_room(rekey, 1000)); /* one alone always has */
    (void)write_one(1);
    ck_assert(!nv_kafka_rekey_has_room(rekey, 1000));
    struct nv_kafka_rekeyed *ended = wait_ended();
    ck_assert_int_eq(ended->err, NV_ERR_FULL);
    ck_assert(nv_kafka_rekey_has_room(rekey, 1000));
    nv_test_kafka_up(&kafka);
    nv_kafka_rekeyed_free(ended);
}
END_TEST

START_TEST(what_is_on_its_way_at_the_end_is_freed)
{
    nv_test_kafka_down(&kafka);
    (void)write_one(1);
    nv_kafka_rekey_free(rekey, 0);
    nv_test_kafka_up(&kafka);
    ck_assert_int_eq(nv_kafka_rekey_new(rd, &kafka.config, &fail, &rekey), NV_OK);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    struct nv_kafka_rekey *other = NULL;
    oom_fail_nth(1);
    ck_assert_int_eq(nv_kafka_rekey_new(rd, &kafka.config, &fail, &other), NV_ERR_NO_MEMORY);
    ck_assert(oom_end());
    ck_assert_ptr_null(other);
    oom_fail_nth(1);
    ck_assert_ptr_null(nv_kafka_rekeyed_new(rekey, NV_SIGNAL_TRACES, 1));
    ck_assert(oom_end());
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/rekey");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_written_again_comes_back_when_it_is_there);
    tcase_add_test(tcase, brokers_that_are_away_give_it_back);
    tcase_add_test(tcase, what_is_on_its_way_at_the_end_is_freed);
    tcase_add_test(tcase, without_memory_it_says_so);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
