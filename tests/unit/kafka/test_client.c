/*
 * Clients of librdkafka: the user's properties come last, what is wrong is said without its
 * value, topics are asked for, the token is read from its file.
 */
#include "expect.h"
#include "kafka_kit.h"

#include "base/log/log.h"
#include "kafka/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
static const struct nv_rd *rd;
static struct nv_fail fail;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_rd_load(&rd, &fail), NV_OK);
}

static enum nv_err make(struct nv_kafka_config *config, const char *const *own,
                        rd_kafka_conf_t **out)
{
    static struct nv_kafka_owner owner;
    owner = (struct nv_kafka_owner){.rd = rd, .config = config};
    return nv_kafka_conf_new(&owner, own, out, &fail);
}

static void expect_property(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    size_t size = sizeof text;
    ck_assert_int_eq(rd_kafka_conf_get(conf, name, text, &size), RD_KAFKA_CONF_OK);
    ck_assert_str_eq(text, value);
}

START_TEST(the_users_properties_come_last)
{
    static const struct nv_kafka_property properties[] = {
        {NV_STR_INIT("client.id"), NV_STR_INIT("theirs")},
        {NV_STR_INIT("linger.ms"), NV_STR_INIT("77")}};
    static const char *const own[] = {"client.id", "ours", "acks", "all", NULL};
    struct nv_kafka_config config = {
        .brokers = "a:1,b:2", .properties = properties, .property_count = 2};
    rd_kafka_conf_t *conf = NULL;
    ck_assert_int_eq(make(&config, own, &conf), NV_OK);
    expect_property(conf, "client.id", "theirs");
    expect_property(conf, "linger.ms", "77");
    expect_property(conf, "bootstrap.servers", "a:1,b:2");
    rd_kafka_conf_destroy(conf);
}
END_TEST

START_TEST(a_wrong_property_is_named)
{
    static const struct nv_kafka_property unknown[] = {
        {NV_STR_INIT("linger.sm"), NV_STR_INIT("secret-value")}};
    static const struct nv_kafka_property range[] = {
        {NV_STR_INIT("socket.timeout.ms"), NV_STR_INIT("1")}};
    static const char *const none[] = {NULL};
    struct nv_kafka_config config = {
        .brokers = "a:1", .properties = unknown, .property_count = 1};
    rd_kafka_conf_t *conf = NULL;
    ck_assert_int_eq(make(&config, none, &conf), NV_ERR_CONFIG);
    ck_assert_ptr_null(conf);
    ck_assert_ptr_nonnull(strstr(fail.what, "linger.sm"));
    ck_assert_ptr_nonnull(strstr(fail.path, "linger.sm"));
    ck_assert_ptr_null(strstr(fail.what, "secret-value"));
    fail = (struct nv_fail){0};
    config.properties = range;
    ck_assert_int_eq(make(&config, none, &conf), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "socket.timeout.ms"));
}
END_TEST

START_TEST(topics_are_asked_for)
{
    struct nv_test_kafka kafka;
    nv_test_kafka_start(&kafka, 3);
    struct nv_kafka_owner owner;
    rd_kafka_t *handle = nv_test_kafka_client(&kafka, &owner);
    uint64_t count = 0;
    char why[NV_KAFKA_WHY_SIZE];
    ck_assert_int_eq(nv_kafka_partitions(&owner, handle, "spans", 10000, &count, why), NV_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(why, "");
    rd_kafka_mock_topic_set_error(kafka.cluster, "logs",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ck_assert_int_eq(nv_kafka_partitions(&owner, handle, "logs", 10000, &count, why),
                     NV_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why, "Unknown topic"));
    rd_kafka_destroy(handle);
    nv_test_kafka_stop(&kafka);
}
END_TEST

START_TEST(a_broker_that_is_not_there_times_out)
{
    static const char *const none[] = {NULL};
    struct nv_kafka_config config = {.brokers = "127.0.0.1:1"};
    struct nv_kafka_owner owner = {.rd = rd, .config = &config};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    uint64_t count = 9;
    char why[NV_KAFKA_WHY_SIZE];
    ck_assert_int_eq(nv_kafka_conf_new(&owner, none, &conf, &fail), NV_OK);
    ck_assert_int_eq(nv_kafka_client_new(&owner, RD_KAFKA_PRODUCER, conf, &handle, &fail),
                     NV_OK);
    ck_assert_int_eq(nv_kafka_partitions(&owner, handle, "spans", 50, &count, why),
                     NV_ERR_TIMEOUT);
    ck_assert_uint_eq(count, 0);
    rd_kafka_destroy(handle);
}
END_TEST

static char said[2048];

static void hear(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)snprintf(said, sizeof said, "%.*s", NV_STR_ARG(line));
}

/* The broker does not speak SASL: it is enough that the token was taken, or was not. */
static bool token_is_taken(const char *path)
{
    static const struct nv_kafka_property properties[] = {
        {NV_STR_INIT("security.protocol"), NV_STR_INIT("sasl_plaintext")},
        {NV_STR_INIT("sasl.mechanisms"), NV_STR_INIT("OAUTHBEARER")}};
    static const char *const none[] = {NULL};
    struct nv_kafka_config config = {.brokers = "127.0.0.1:1",
                                     .token_file = path,
                                     .properties = properties,
                                     .property_count = 2};
    struct nv_kafka_owner owner = {.rd = rd, .config = &config};
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    said[0] = '\0';
    ck_assert_int_eq(nv_kafka_conf_new(&owner, none, &conf, &fail), NV_OK);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    ck_assert_int_eq(nv_kafka_client_new(&owner, RD_KAFKA_PRODUCER, conf, &handle, &fail),
                     NV_OK);
    /* the event that asks for the token is served by the first poll */
    (void)rd_kafka_poll(handle, 1000);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(handle);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 0);
    bool refused = event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__AUTHENTICATION;
    if (event)
        (void)snprintf(said, sizeof said, "%s", rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(handle);
    return !refused;
}

START_TEST(the_token_is_read_from_its_file)
{
    char path[] = "/tmp/noveum-token-XXXXXX";
    int fd = mkstemp(path);
    static const char token[] = "a.bearer.token\n";
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, token, sizeof token - 1), (ssize_t)(sizeof token - 1));
    (void)close(fd);
    nv_log_set_sink(hear, NULL);
    ck_assert(token_is_taken(path));
    (void)unlink(path);
    ck_assert(!token_is_taken(path));
    ck_assert_ptr_nonnull(strstr(said, "file can't be read"));
    nv_log_set_sink(NULL, NULL);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/client");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, the_users_properties_come_last);
    tcase_add_test(tcase, a_wrong_property_is_named);
    tcase_add_test(tcase, topics_are_asked_for);
    tcase_add_test(tcase, a_broker_that_is_not_there_times_out);
    tcase_add_test(tcase, the_token_is_read_from_its_file);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
