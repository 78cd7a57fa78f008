/*
 * Where a trace lies, on a mock cluster: at home with its key, elsewhere without one, not at
 * all; topics that are not there.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "base/text/text.h"
#include "kafka/inspect.h"

#include <stdio.h>

#include "base/banned.h"

START_TEST(partitions_are_the_collectors)
{
    /* the same as the kit's, which test_producer compares with where librdkafka writes */
    for (int i = 0; i < 50; i++) {
        char key[33];
        (void)snprintf(key, sizeof key, "%032x", (unsigned)i * 2654435761u);
        const struct nv_str text = {key, 32};
#ifdef NOVEUM_KAFKA
        ck_assert_int_eq(nv_kafka_partition_of(text, 12), nv_test_kafka_partition(text, 12));
#else
        ck_assert_int_lt(nv_kafka_partition_of(text, 12), 12);
#endif
    }
}
END_TEST

#ifdef NOVEUM_KAFKA
static struct nv_test_kafka kafka;
static struct nv_kafka_inspected out;
static struct nv_kafka_found last;
static struct nv_fail fail;
static struct nv_batch *batch;
static struct nv_str body;
static const uint8_t trace_id[NV_TRACE_ID_BYTES] = {0, 7, 1};
static const struct nv_str key = NV_STR_INIT("00070100000000000000000000000000");

static void on_found(void *ctx, const struct nv_kafka_found *found)
{
    (void)ctx;
    last = *found;
}

static void set_up(void)
{
    last = (struct nv_kafka_found){0};
    fail = (struct nv_fail){0};
    batch = nv_test_kafka_request(7, NULL);
    body = (struct nv_str){batch->body, batch->body_len};
    nv_test_kafka_start(&kafka, 3);
    kafka.config.group = "group";
}

static void tear_down(void)
{
    nv_batch_free(batch);
    nv_test_kafka_stop(&kafka);
}

static enum nv_err inspect(void)
{
    return nv_kafka_inspect(&kafka.config, trace_id, on_found, NULL, &out, &fail);
}

START_TEST(at_home)
{
    const int home = nv_test_kafka_partition(key, 3);
    nv_test_kafka_write(&kafka, "spans", home, NV_STR("other"), NV_STR("other"));
    nv_test_kafka_write(&kafka, "spans", home, key, body);
    nv_test_kafka_write(&kafka, "spans", (home + 1) % 3, key, body); /* not looked at */
    ck_assert_int_eq(inspect(), NV_OK);
    ck_assert_uint_eq(out.found, 1);
    ck_assert_uint_eq(out.read, 2);
    ck_assert_int_eq(out.home, home);
    ck_assert_int_eq(out.partitions, 3);
    ck_assert(out.whole);
    ck_assert_int_eq(out.marks[NV_SIGNAL_TRACES], -1);
    ck_assert_str_eq(last.topic, "spans");
    ck_assert_int_eq(last.partition, home);
    ck_assert_int_eq(last.offset, 1);
    ck_assert_uint_eq(last.bytes, body.len);
    ck_assert_int_gt(last.stamp_ms, 0);
    ck_assert(last.keyed && last.at_home && !last.behind_mark);
}
END_TEST

START_TEST(elsewhere)
{
    const int other = (nv_test_kafka_partition(key, 3) + 1) % 3;
    nv_test_kafka_write(&kafka, "logs", other, (struct nv_str){NULL, 0}, body);
    ck_assert_int_eq(inspect(), NV_OK);
    ck_assert_uint_eq(out.found, 1);
    ck_assert_str_eq(last.topic, "logs");
    ck_assert(!last.keyed && !last.at_home);
}
END_TEST

START_TEST(nowhere)
{
    ck_assert_int_eq(inspect(), NV_OK);
    ck_assert_uint_eq(out.found, 0);
    ck_assert(out.whole);
    rd_kafka_mock_topic_set_error(kafka.cluster, "logs",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ck_assert_int_eq(inspect(), NV_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fail.what, "topic \"logs\""));
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/inspect");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, at_home);
    tcase_add_test(tcase, elsewhere);
    tcase_add_test(tcase, nowhere);
#endif
    tcase_add_test(tcase, partitions_are_the_collectors);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
