/*
 * Options of Kafka that need each other: each combination that is refused, and where nothing
 * is.
 */
#include "expect.h"

#include "gateway/config/option_kafka.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

static void refused(const char *key)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_check_kafka(&options, &fail), NV_ERR_CONFIG);
    ck_assert_msg(strncmp(fail.what, key, strlen(key)) == 0, "%s", fail.what);
}

static void accepted(void)
{
    fail = (struct nv_fail){0};
    ck_assert_msg(nv_options_check_kafka(&options, &fail) == NV_OK, "%s", fail.what);
}

START_TEST(role_all_needs_nothing)
{
    set(NV_OPT_kafka_security, "sasl_ssl");
    ck_assert(!nv_options_kafka(&options));
    accepted();
    ck_assert_str_eq(nv_role_name(options.role), "all");
}
END_TEST

START_TEST(what_receive_needs_is_named)
{
    set(NV_OPT_role, "receive");
    ck_assert(nv_options_kafka(&options));
    ck_assert_str_eq(nv_role_name(options.role), "receive");
    refused("kafka.brokers:");
    set(NV_OPT_kafka_brokers, "a:9092, b:9092");
    accepted();
    set(NV_OPT_kafka_logs_topic, "");
    refused("kafka.logs_topic:");
    set(NV_OPT_kafka_logs_topic, "l");
    set(NV_OPT_kafka_traces_topic, "");
    refused("kafka.traces_topic:");
}
END_TEST

START_TEST(a_login_is_whole)
{
    set(NV_OPT_role, "receive");
    set(NV_OPT_kafka_brokers, "a:9092");
    set(NV_OPT_kafka_username, "me");
    refused("kafka.security:");
    set(NV_OPT_kafka_security, "sasl_ssl");
    refused("kafka.password:");
    set(NV_OPT_kafka_password, "pass");
    accepted();
    set(NV_OPT_kafka_username, "");
    refused("kafka.username:");
    set(NV_OPT_kafka_sasl_mechanism, "oauthbearer");
    refused("kafka.token_file:");
    set(NV_OPT_kafka_token_file, "/t");
    accepted();
}
END_TEST

START_TEST(a_certificate_is_whole)
{
    set(NV_OPT_role, "receive");
    set(NV_OPT_kafka_brokers, "a:9092");
    set(NV_OPT_kafka_cert_file, "/c");
    refused("kafka.security:");
    set(NV_OPT_kafka_security, "ssl");
    refused("kafka.key_file:");
    set(NV_OPT_kafka_key_file, "/k");
    accepted();
    set(NV_OPT_kafka_cert_file, "");
    refused("kafka.cert_file:");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/config/option_kafka");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, role_all_needs_nothing);
    tcase_add_test(tcase, what_receive_needs_is_named);
    tcase_add_test(tcase, a_login_is_whole);
    tcase_add_test(tcase, a_certificate_is_whole);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
