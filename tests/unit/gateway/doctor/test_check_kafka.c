/*
 * What a probe of Kafka's brokers is told as: each fault with what to do, all well without.
 */
#include "expect.h"

#include "gateway/doctor/checks.h"

#include "base/banned.h"

#define NOW_NS (UINT64_C(1800000000) * NV_NS_PER_S)

static struct nv_findings found;
static struct nv_kafka_probe probe;
static const struct nv_kafka_config config = {
    .brokers = "k1:9092", .message_bytes_max = 1000000, .max_wait_ms = 3600000};

static void set_up(void)
{
    static const char *const names[] = {"spans", "logs", "delivered", "dead"};
    found = (struct nv_findings){.count = 0};
    probe = (struct nv_kafka_probe){.topic_count = 4};
    for (size_t i = 0; i < 4; i++) {
        probe.topics[i] =
            (struct nv_kafka_probe_topic){.name = names[i],
                                          .partitions = i < 3 ? 12 : 1,
                                          .settings = {.known = true,
                                                       .compacts = i == NV_KAFKA_DELIVERED,
                                                       .deletes = true,
                                                       .retention_ms = 7200000,
                                                       .message_bytes = 1048588}};
    }
}

static void check(void)
{
    nv_check_kafka_probe(&probe, &config, NOW_NS, &found);
}

/* One finding of that level has the text, and what is bad says what to do. */
static void expect(enum nv_finding_level level, const char *part)
{
    size_t hits = 0;
    for (size_t i = 0; i < found.count; i++) {
        const struct nv_finding *one = &found.items[i];
        ck_assert_str_eq(one->subject, "kafka");
        ck_assert(one->level == NV_FINDING_OK || one->next[0] != '\0');
        hits += one->level == level && strstr(one->text, part);
    }
    ck_assert_msg(hits == 1, "%zu times: %s", hits, part);
}

START_TEST(all_is_well)
{
    probe.sampled = 5;
    probe.newest_ns = NOW_NS + NV_NS_PER_S;
    check();
    ck_assert_int_eq(nv_findings_worst(&found), NV_FINDING_OK);
    ck_assert_ptr_null(nv_findings_next(&found));
    expect(NV_FINDING_OK, "k1:9092 answer");
    expect(NV_FINDING_OK,
           "\"spans\" has 12 partitions, kept for 2.0 hours, messages up to 1048588 bytes");
    expect(NV_FINDING_OK, "the newest 5 messages are keyed by their trace id");
}
END_TEST

START_TEST(brokers_that_are_away)
{
    probe.err = nv_fail_set(&probe.fail, NV_ERR_TIMEOUT, 0, "Local: Broker transport failure");
    check();
    ck_assert_uint_eq(found.count, 1);
    expect(NV_FINDING_BAD, "no answer of k1:9092: Local: Broker transport failure");
}
END_TEST

START_TEST(a_property_that_is_none)
{
    probe.err = nv_fail_set(&probe.fail, NV_ERR_CONFIG, 0, "no such property");
    check();
    expect(NV_FINDING_BAD, "kafka: no such property");
}
END_TEST

START_TEST(topics_that_are_missing_unequal_or_badly_set)
{
    probe.topics[NV_KAFKA_SPANS].settings.compacts = true;
    probe.topics[NV_KAFKA_LOGS].partitions = 11;
    probe.topics[NV_KAFKA_DELIVERED].settings.known = false;
    probe.topics[NV_KAFKA_DEAD].err = NV_ERR_NOT_FOUND;
    check();
    expect(NV_FINDING_BAD, "kafka.traces_topic: topic \"spans\": cleanup.policy=compact");
    expect(NV_FINDING_BAD, "\"spans\" has 12 partitions, \"logs\" 11");
    expect(NV_FINDING_NOTE, "the brokers do not say how it is set");
    expect(NV_FINDING_BAD, "kafka.dead_topic \"dead\": ");
}
END_TEST

START_TEST(messages_that_are_too_large_for_the_topic)
{
    probe.topic_count = 1;
    probe.topics[NV_KAFKA_SPANS].settings.message_bytes = 999999;
    check();
    expect(NV_FINDING_NOTE, "kafka.max_message_bytes is 1000000");
}
END_TEST

START_TEST(keys_and_clocks)
{
    probe.sampled = 9;
    probe.not_keyed = 2;
    probe.newest_ns = NOW_NS + 61 * NV_NS_PER_S;
    check();
    expect(NV_FINDING_BAD, "2 of the newest 9 messages are not keyed by their trace id");
    expect(NV_FINDING_BAD, "stamped 61 s after now");
}
END_TEST

START_TEST(role_all_is_not_asked)
{
    struct nv_options options;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_check_kafka(&options, &found);
    ck_assert_uint_eq(found.count, 0);
    nv_options_release(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_kafka");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, all_is_well);
    tcase_add_test(tcase, brokers_that_are_away);
    tcase_add_test(tcase, a_property_that_is_none);
    tcase_add_test(tcase, topics_that_are_missing_unequal_or_badly_set);
    tcase_add_test(tcase, messages_that_are_too_large_for_the_topic);
    tcase_add_test(tcase, keys_and_clocks);
    tcase_add_test(tcase, role_all_is_not_asked);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
