/*
 * Topics at the start, on a mock cluster: equal numbers are asked of those with keys alone, what
 * is wrong is named, brokers that are away are told from topics that are.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "kafka/topics.h"

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
static struct nv_test_kafka kafka;
static struct nv_kafka_owner owner;
static rd_kafka_t *handle;
static struct nv_fail fail;
static uint64_t count;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    count = 0;
    nv_test_kafka_start(&kafka, 4);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "three", 3, 1), 0);
    handle = nv_test_kafka_client(&kafka, &owner);
}

static void tear_down(void)
{
    rd_kafka_destroy(handle);
    nv_test_kafka_stop(&kafka);
}

static enum nv_err wait_for(const struct nv_kafka_topics *topics)
{
    return nv_kafka_topics_wait(&owner, handle, handle, topics, &count, &fail);
}

START_TEST(only_topics_with_keys_need_equal_numbers)
{
    const struct nv_kafka_topics topics = {{"spans", "logs", "three"}, 3, 2};
    ck_assert_int_eq(wait_for(&topics), NV_OK);
    ck_assert_uint_eq(count, 4);
    ck_assert_int_eq(fail.code, NV_OK);
    ck_assert_str_eq(fail.path, "");
}
END_TEST

START_TEST(unequal_numbers_are_named)
{
    const struct nv_kafka_topics two = {{"spans", "three"}, 2, 2};
    const struct nv_kafka_topics three = {{"spans", "logs", "three"}, 3, 3};
    ck_assert_int_eq(wait_for(&two), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.what,
                     "\"spans\" has 4 partitions, \"three\" 3: both must have as many");
    ck_assert_int_eq(wait_for(&three), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, ": all topics must have as many"));
}
END_TEST

START_TEST(a_topic_that_is_not_there_is_named)
{
    const struct nv_kafka_topics topics = {{"spans", "logs"}, 2, 2};
    kafka.config.start_wait_ms = 0;
    rd_kafka_mock_topic_set_error(kafka.cluster, "logs",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ck_assert_int_eq(nv_kafka_topics_ask(&owner, handle, &topics, &count, &fail),
                     NV_ERR_NOT_FOUND);
    ck_assert_int_eq(wait_for(&topics), NV_ERR_CONFIG);
    ck_assert_int_eq(fail.code, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "topic \"logs\""));
    ck_assert_ptr_nonnull(strstr(fail.what, "make it first"));
    ck_assert_str_eq(fail.path, "kafka.logs_topic");
}
END_TEST

START_TEST(brokers_that_are_away_are_no_missing_topic)
{
    const struct nv_kafka_topics topics = {{"spans", "logs"}, 2, 2};
    kafka.config.start_wait_ms = 0;
    nv_test_kafka_down(&kafka);
    ck_assert_int_eq(wait_for(&topics), NV_ERR_TIMEOUT);
    nv_test_kafka_up(&kafka);
    kafka.config.start_wait_ms = 20000;
    ck_assert_int_eq(wait_for(&topics), NV_OK);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/topics");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, only_topics_with_keys_need_equal_numbers);
    tcase_add_test(tcase, unequal_numbers_are_named);
    tcase_add_test(tcase, a_topic_that_is_not_there_is_named);
    tcase_add_test(tcase, brokers_that_are_away_are_no_missing_topic);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
