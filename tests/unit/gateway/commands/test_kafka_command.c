/*
 * kafka inspect over a mock cluster: what is printed of messages that are there, wrong ids and
 * missing options, brokers that do not answer.
 */
#include "captured.h"
#include "expect.h"
#include "kafka_kit.h"
#include "options_kit.h"

#include "gateway/commands/cli.h"
#include "gateway/commands/kafka_command.h"
#include "gateway/commands/run.h"

#include "base/banned.h"

#define ID "00070100-0000-0000-0000-000000000000"

static struct nv_options options;

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_test_set(&options, NV_OPT_kafka_traces_topic, "spans");
    nv_test_set(&options, NV_OPT_kafka_logs_topic, "logs");
}

static void tear_down(void)
{
    nv_options_release(&options);
}

static int inspect(const char *id)
{
    const struct nv_cli cli = {
        .command = NV_COMMAND_KAFKA_INSPECT, .arguments = &id, .argument_count = 1};
    captured_begin();
    int code = nv_command_kafka_inspect(&options, &cli);
    captured_end();
    return code;
}

START_TEST(ids_that_are_none)
{
    static const char *const ids[] = {"",
                                      "7f",
                                      ID "0",
                                      "000701000000000000000000000000000",
                                      "0007010000000000000000000000000g",
                                      "0-0-0-7-0-100000000000000000000000000"};
    nv_test_set(&options, NV_OPT_kafka_brokers, "127.0.0.1:1");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        ck_assert_int_eq(inspect(ids[i]), NV_EXIT_USAGE);
        ck_assert(captured_has(captured_err, "is no trace id: 32 hexadecimal digits"));
    }
}
END_TEST

START_TEST(without_brokers_it_says_what_to_set)
{
    ck_assert_int_eq(inspect(ID), NV_EXIT_USAGE);
    ck_assert(captured_has(captured_err, "kafka.brokers: not set"));
}
END_TEST

#ifdef NOVEUM_KAFKA
START_TEST(messages_are_told)
{
    struct nv_test_kafka kafka;
    struct nv_batch *batch = nv_test_kafka_request(7, NULL);
    nv_test_kafka_start(&kafka, 3);
    const struct nv_str key = NV_STR("00070100000000000000000000000000");
    nv_test_kafka_write(&kafka, "spans", nv_test_kafka_partition(key, 3), key,
                        (struct nv_str){batch->body, batch->body_len});
    nv_test_set(&options, NV_OPT_kafka_brokers, kafka.config.brokers);
    ck_assert_int_eq(inspect(ID), NV_EXIT_OK);
    ck_assert(captured_has(captured_out, "spans "));
    ck_assert(captured_has(captured_out, " at 0  20"));
    ck_assert(captured_has(captured_out, "1 messages hold it, 1 read; the id leads to"));
    ck_assert(captured_has(captured_out, "committed nothing of spans there"));
    ck_assert_ptr_null(strstr(captured_out, "its key is not"));
    ck_assert_int_eq(inspect("00080100-0000-0000-0000-000000000000"), NV_EXIT_FAILED);
    ck_assert(captured_has(captured_out, "0 messages hold it"));
    nv_batch_free(batch);
    nv_test_kafka_stop(&kafka);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("gateway/commands/kafka_command");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, ids_that_are_none);
    tcase_add_test(tcase, without_brokers_it_says_what_to_set);
#ifdef NOVEUM_KAFKA
    tcase_add_test(tcase, messages_are_told);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
