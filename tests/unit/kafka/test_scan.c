/*
 * Scans on a mock cluster: all of a topic, one partition, the newest; the caps; who has seen
 * enough.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "kafka/scan.h"

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
static struct nv_test_kafka kafka;
static struct nv_kafka_owner owner;
static struct nv_kafka_scan scan;
static struct nv_kafka_scan_result result;
static rd_kafka_t *handle;
static struct nv_fail fail;
static unsigned seen, enough;

static bool visit(void *ctx, const rd_kafka_message_t *message)
{
    (void)ctx;
    ck_assert_uint_eq(message->len, 3);
    return ++seen != enough;
}

static void set_up(void)
{
    seen = enough = 0;
    fail = (struct nv_fail){0};
    nv_test_kafka_start(&kafka, 2);
    for (int i = 0; i < 6; i++)
        nv_test_kafka_write(&kafka, "spans", i % 2, NV_STR("k"), NV_STR("abc"));
    owner = (struct nv_kafka_owner){.config = &kafka.config};
    ck_assert_int_eq(nv_rd_load(&owner.rd, &fail), NV_OK);
    ck_assert_int_eq(nv_kafka_scanner_new(&owner, "scan", &handle, &fail), NV_OK);
    scan = (struct nv_kafka_scan){.topic = "spans",
                                  .partition = -1,
                                  .partitions = 2,
                                  .caps = {100, 100, 30000},
                                  .visit = visit};
}

static void tear_down(void)
{
    nv_kafka_scanner_free(&owner, handle);
    nv_kafka_scanner_free(&owner, NULL);
    nv_test_kafka_stop(&kafka);
}

static void expect(unsigned messages, bool whole)
{
    ck_assert_int_eq(nv_kafka_scan_run(&owner, handle, &scan, &result), NV_OK);
    ck_assert_uint_eq(seen, messages);
    ck_assert_uint_eq(result.messages, messages);
    ck_assert_uint_eq(result.bytes, messages * 4);
    ck_assert_int_eq(result.whole, whole);
    seen = 0;
}

START_TEST(all_one_partition_and_the_newest)
{
    expect(6, true);
    scan.partition = 1;
    expect(3, true);
    scan.partition = -1;
    scan.tail = 1;
    expect(2, true);
}
END_TEST

START_TEST(caps_end_it)
{
    scan.caps.messages = 4;
    expect(4, false);
    scan.caps = (struct nv_kafka_scan_caps){100, 8, 30000};
    expect(2, false);
    scan.caps = (struct nv_kafka_scan_caps){100, 100, 0};
    expect(0, false);
}
END_TEST

START_TEST(who_has_seen_enough_ends_it)
{
    enough = 2;
    expect(2, true);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/scan");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, all_one_partition_and_the_newest);
    tcase_add_test(tcase, caps_end_it);
    tcase_add_test(tcase, who_has_seen_enough_ends_it);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
