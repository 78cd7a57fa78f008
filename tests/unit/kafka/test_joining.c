/*
 * A member that joins a group of the mock cluster: on from JoinGroup until SyncGroup has been
 * answered, in this order, and off afterwards.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "kafka/client.h"
#include "kafka/joining.h"

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
START_TEST(on_until_the_group_is_joined)
{
    static const char *const own[] = {"group.id", "group", "session.timeout.ms", "4000", NULL};
    struct nv_test_kafka kafka;
    struct nv_fail fail = {0};
    struct nv_kafka_joining joining = {0};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    bool was_on = false;
    nv_test_kafka_start(&kafka, 1);
    ck_assert_int_eq(nv_rd_load(&joining.rd, &fail), NV_OK);
    struct nv_kafka_owner owner = {.rd = joining.rd, .config = &kafka.config};
    ck_assert_int_eq(nv_kafka_conf_new(&owner, own, &conf, &fail), NV_OK);
    nv_kafka_joining_watch(&joining, conf);
    ck_assert_int_eq(nv_kafka_client_new(&owner, RD_KAFKA_CONSUMER, conf, &handle, &fail),
                     NV_OK);
    ck_assert(!atomic_load(&joining.on));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "spans", RD_KAFKA_PARTITION_UA);
    ck_assert_int_eq(rd_kafka_subscribe(handle, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    /* until it has its partition; the test's timeout bounds it */
    for (int count = 0; count == 0; rd_kafka_topic_partition_list_destroy(list)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(handle, 20);
        if (message)
            rd_kafka_message_destroy(message);
        was_on |= atomic_load(&joining.on);
        ck_assert_int_eq(rd_kafka_assignment(handle, &list), 0);
        count = list->cnt;
    }
    ck_assert(was_on);
    ck_assert(!atomic_load(&joining.on));
    rd_kafka_consumer_close(handle);
    rd_kafka_destroy(handle);
    nv_test_kafka_stop(&kafka);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/joining");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_test(tcase, on_until_the_group_is_joined);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
