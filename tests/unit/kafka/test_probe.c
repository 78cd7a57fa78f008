/*
 * What doctor asks of the brokers, on a mock cluster: topics that are there and that are not,
 * keys that are the trace id and that are not, brokers that are away.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "kafka/probe.h"

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
static struct nv_test_kafka kafka;
static struct nv_kafka_probe probe;

static void set_up(void)
{
    nv_test_kafka_start(&kafka, 3);
    kafka.config.delivered_topic = "delivered";
    kafka.config.dead_topic = "dead";
}

static void tear_down(void)
{
    nv_test_kafka_stop(&kafka);
}

START_TEST(keys_are_looked_at)
{
    struct nv_batch *batch = nv_test_kafka_request(7, NULL);
    const struct nv_str body = {batch->body, batch->body_len};
    nv_test_kafka_write(&kafka, "spans", 0, NV_STR("00070100000000000000000000000000"), body);
    nv_test_kafka_write(&kafka, "spans", 1, (struct nv_str){NULL, 0}, body);
    nv_test_kafka_write(&kafka, "spans", 2, NV_STR("00080100000000000000000000000000"), body);
    nv_kafka_probe_run(&kafka.config, false, &probe);
    ck_assert_int_eq(probe.err, NV_OK);
    ck_assert_uint_eq(probe.topic_count, 2);
    ck_assert_uint_eq(probe.topics[NV_KAFKA_SPANS].partitions, 3);
    ck_assert_str_eq(probe.topics[NV_KAFKA_LOGS].name, "logs");
    ck_assert(!probe.topics[NV_KAFKA_SPANS].settings.known);
    ck_assert_uint_eq(probe.sampled, 3);
    ck_assert_uint_eq(probe.not_keyed, 2);
    ck_assert_uint_gt(probe.newest_ns, 0);
    nv_batch_free(batch);
}
END_TEST

START_TEST(topics_that_are_not_there_are_told)
{
    rd_kafka_mock_topic_set_error(kafka.cluster, "delivered",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    nv_kafka_probe_run(&kafka.config, true, &probe);
    ck_assert_int_eq(probe.err, NV_OK);
    ck_assert_uint_eq(probe.topic_count, NV_KAFKA_USES);
    ck_assert_int_eq(probe.topics[NV_KAFKA_DELIVERED].err, NV_ERR_NOT_FOUND);
    ck_assert_uint_gt(strlen(probe.topics[NV_KAFKA_DELIVERED].why), 0);
    ck_assert_uint_eq(probe.sampled, 0);
}
END_TEST

START_TEST(brokers_that_are_away_are_asked_once)
{
    nv_test_kafka_down(&kafka);
    nv_kafka_probe_run(&kafka.config, true, &probe);
    ck_assert_int_eq(probe.err, NV_ERR_TIMEOUT);
    ck_assert_uint_gt(strlen(probe.fail.what), 0);
}
END_TEST

START_TEST(a_wrong_property_is_named)
{
    static const struct nv_kafka_property wrong = {NV_STR_INIT("no.such"), NV_STR_INIT("1")};
    kafka.config.properties = &wrong;
    kafka.config.property_count = 1;
    nv_kafka_probe_run(&kafka.config, true, &probe);
    ck_assert_int_eq(probe.err, NV_ERR_CONFIG);
    ck_assert_str_eq(probe.fail.path, "kafka.properties: no.such");
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/probe");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, keys_are_looked_at);
    tcase_add_test(tcase, topics_that_are_not_there_are_told);
    tcase_add_test(tcase, brokers_that_are_away_are_asked_once);
    tcase_add_test(tcase, a_wrong_property_is_named);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
