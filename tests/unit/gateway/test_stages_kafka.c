/*
 * Options of Kafka as librdkafka's properties: each choice by its word, the user's last.
 */
#include "expect.h"
#include "oom.h"
#include "options_kit.h"

#include "gateway/stages_kafka.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_stage_kafka stage;

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_test_set(&options, NV_OPT_kafka_brokers, "a:1, b:2");
}

static void tear_down(void)
{
    nv_stage_kafka_release(&stage);
    nv_options_release(&options);
}

/* The value that counts of a property; "" without. */
static const char *property(const char *name)
{
    static char value[256];
    value[0] = '\0';
    for (size_t i = 0; i < stage.config.property_count; i++) {
        if (nv_str_eq(stage.config.properties[i].name, nv_str_from(name)))
            (void)snprintf(value, sizeof value, "%.*s",
                           NV_STR_ARG(stage.config.properties[i].value));
    }
    return value;
}

START_TEST(defaults)
{
    ck_assert_int_eq(nv_stage_kafka_init(&stage, &options), NV_OK);
    ck_assert_str_eq(stage.config.brokers, "a:1,b:2");
    ck_assert_str_eq(stage.config.traces_topic, "otlp_spans");
    ck_assert_str_eq(stage.config.logs_topic, "otlp_logs");
    ck_assert_str_eq(stage.config.compression, "lz4");
    ck_assert(stage.config.idempotence);
    ck_assert_uint_eq(stage.config.message_bytes_max, 1000000);
    ck_assert_str_eq(property("security.protocol"), "plaintext");
    ck_assert_str_eq(property("sasl.mechanisms"), "");
    ck_assert_ptr_null(stage.config.token_file);
}
END_TEST

START_TEST(each_choice_is_its_word)
{
    static const struct {
        size_t id;
        const char *text, *property, *value;
    } rows[] = {
        {NV_OPT_kafka_security, "sasl_ssl", "security.protocol", "sasl_ssl"},
        {NV_OPT_kafka_sasl_mechanism, "plain", "sasl.mechanisms", "PLAIN"},
        {NV_OPT_kafka_sasl_mechanism, "scram-sha-256", "sasl.mechanisms", "SCRAM-SHA-256"},
        {NV_OPT_kafka_sasl_mechanism, "scram-sha-512", "sasl.mechanisms", "SCRAM-SHA-512"},
        {NV_OPT_kafka_sasl_mechanism, "oauthbearer", "sasl.mechanisms", "OAUTHBEARER"},
        {NV_OPT_kafka_username, "me", "sasl.username", "me"},
        {NV_OPT_kafka_password, "pass", "sasl.password", "pass"},
        {NV_OPT_kafka_ca_bundle, "/ca", "ssl.ca.location", "/ca"},
        {NV_OPT_kafka_cert_file, "/c", "ssl.certificate.location", "/c"},
        {NV_OPT_kafka_key_file, "/k", "ssl.key.location", "/k"},
        {NV_OPT_kafka_properties, "sasl.username=other\nlinger.ms=9", "sasl.username", "other"},
        {NV_OPT_kafka_security, "sasl_plaintext", "security.protocol", "sasl_plaintext"}};
    static const char *const words[] = {"zstd", "lz4", "gzip", "snappy", "none"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nv_test_set(&options, rows[i].id, rows[i].text);
        nv_stage_kafka_release(&stage);
        ck_assert_int_eq(nv_stage_kafka_init(&stage, &options), NV_OK);
        ck_assert_str_eq(property(rows[i].property), rows[i].value);
    }
    ck_assert_str_eq(property("linger.ms"), "9");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        nv_test_set(&options, NV_OPT_kafka_compression, words[i]);
        nv_stage_kafka_release(&stage);
        ck_assert_int_eq(nv_stage_kafka_init(&stage, &options), NV_OK);
        ck_assert_str_eq(stage.config.compression, words[i]);
    }
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_stage_kafka_init(&stage, &options);
        bool failed = oom_end();
        nv_stage_kafka_release(&stage);
        if (!failed) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/stages_kafka");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, defaults);
    tcase_add_test(tcase, each_choice_is_its_word);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
