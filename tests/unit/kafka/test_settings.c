/*
 * Settings of topics: each that would lose traces is named with what to do; what the brokers do
 * not say is not judged. The mock cluster does not say anything.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "kafka/settings.h"

#include "base/banned.h"

#define HOUR_MS 3600000

static struct nv_fail fail;

static struct nv_kafka_settings said(const char *policy, const char *retention)
{
    struct nv_kafka_settings settings = {
        .known = true, .retention_ms = -1, .message_bytes = -1};
    nv_kafka_settings_take(&settings, "cleanup.policy", policy);
    nv_kafka_settings_take(&settings, "retention.ms", retention);
    nv_kafka_settings_take(&settings, "segment.bytes", "1");
    return settings;
}

static enum nv_err judge(enum nv_kafka_use use, const char *policy, const char *retention)
{
    const struct nv_kafka_settings settings = said(policy, retention);
    fail = (struct nv_fail){0};
    return nv_kafka_settings_judge(&settings, use, "t", HOUR_MS, &fail);
}

START_TEST(values_are_read)
{
    struct nv_kafka_settings settings = said(" compact , delete", "604800000");
    ck_assert(settings.compacts && settings.deletes);
    ck_assert_int_eq(settings.retention_ms, 604800000);
    nv_kafka_settings_take(&settings, "max.message.bytes", "1048588");
    ck_assert_int_eq(settings.message_bytes, 1048588);
    nv_kafka_settings_take(&settings, "max.message.bytes", NULL);
    ck_assert_int_eq(settings.message_bytes, -1);
    settings = said("compacted", "forever");
    ck_assert(!settings.compacts && !settings.deletes);
    ck_assert_int_eq(settings.retention_ms, -1);
}
END_TEST

START_TEST(a_log_must_not_be_compacted)
{
    ck_assert_int_eq(judge(NV_KAFKA_SPANS, "compact", "-1"), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, "kafka.traces_topic");
    ck_assert_str_eq(fail.what, "topic \"t\": cleanup.policy=compact destroys traces, it keeps "
                                "one message of each; set delete");
    ck_assert_int_eq(judge(NV_KAFKA_LOGS, "compact,delete", "-1"), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, "kafka.logs_topic");
    ck_assert_int_eq(judge(NV_KAFKA_SPANS, "delete", "-1"), NV_OK);
    ck_assert_str_eq(fail.path, "");
    ck_assert_int_eq(judge(NV_KAFKA_DEAD, "compact", "1"), NV_OK);
}
END_TEST

START_TEST(the_list_of_deliveries_must_be_compacted)
{
    ck_assert_int_eq(judge(NV_KAFKA_DELIVERED, "delete", "-1"), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, "kafka.delivered_topic");
    ck_assert_str_eq(fail.what,
                     "topic \"t\" is not compacted; set cleanup.policy=compact,delete");
    ck_assert_int_eq(judge(NV_KAFKA_DELIVERED, "compact,delete", "3600000"), NV_OK);
    /* without delete its retention has no meaning */
    ck_assert_int_eq(judge(NV_KAFKA_DELIVERED, "compact", "1"), NV_OK);
    ck_assert_int_eq(judge(NV_KAFKA_DELIVERED, "compact,delete", "1"), NV_ERR_CONFIG);
}
END_TEST

START_TEST(a_log_must_be_kept_as_long_as_a_trace_may_wait)
{
    const struct nv_kafka_settings settings = said("delete", "1");
    ck_assert_int_eq(judge(NV_KAFKA_SPANS, "delete", "3599999"), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.what, "topic \"t\": retention.ms=3599999 is shorter than "
                                "assembly.max_wait_ms=3600000; raise it, or lower that");
    ck_assert_int_eq(judge(NV_KAFKA_LOGS, "delete", "3600000"), NV_OK);
    ck_assert_int_eq(nv_kafka_settings_judge(&settings, NV_KAFKA_SPANS, "t", 0, &fail), NV_OK);
}
END_TEST

START_TEST(what_is_not_said_is_not_judged)
{
    struct nv_kafka_settings settings = said("compact", "1");
    settings.known = false;
    for (unsigned use = 0; use < NV_KAFKA_USES; use++) {
        ck_assert_int_eq(
            nv_kafka_settings_judge(&settings, (enum nv_kafka_use)use, "t", HOUR_MS, &fail),
            NV_OK);
    }
}
END_TEST

#ifdef NOVEUM_KAFKA
START_TEST(brokers_that_do_not_say_it_are_named_unknown)
{
    static const char *const topics[] = {"spans", "logs"};
    struct nv_kafka_settings settings[2] = {{.known = true}, {.known = true}};
    struct nv_test_kafka kafka;
    struct nv_kafka_owner owner;
    nv_test_kafka_start(&kafka, 1);
    rd_kafka_t *handle = nv_test_kafka_client(&kafka, &owner);
    nv_kafka_settings_ask(&owner, handle, topics, 2, settings);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(!settings[i].known);
        ck_assert_int_eq(settings[i].retention_ms, -1);
        ck_assert_uint_gt(strlen(settings[i].why), 0);
    }
    rd_kafka_destroy(handle);
    nv_test_kafka_stop(&kafka);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/settings");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, values_are_read);
    tcase_add_test(tcase, a_log_must_not_be_compacted);
    tcase_add_test(tcase, the_list_of_deliveries_must_be_compacted);
    tcase_add_test(tcase, a_log_must_be_kept_as_long_as_a_trace_may_wait);
    tcase_add_test(tcase, what_is_not_said_is_not_judged);
#ifdef NOVEUM_KAFKA
    tcase_add_test(tcase, brokers_that_do_not_say_it_are_named_unknown);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
