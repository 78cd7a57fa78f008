/*
 * What tells the program that it is one of many: properties of Kafka by their names from every
 * source, and a role that is never passed over, however it is misspelt.
 */
#include "expect.h"

#include "gateway/config/option_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static char config_path[] = "/tmp/noveum-role-XXXXXX";
static struct nv_options options;
static struct nv_fail fail;

/* Loads from a config file (NULL: none), variables and one --set (NULL: none). */
static enum nv_err load(const char *file, const char *const *environment, const char *set)
{
    static const char *const nothing[] = {NULL};
    struct nv_option_sources sources = {.config_file = file ? config_path : NULL,
                                        .sets = &set,
                                        .set_count = set ? 1 : 0,
                                        .environment = environment ? environment : nothing};
    if (file) {
        FILE *to = fopen(config_path, "we");
        ck_assert_ptr_nonnull(to);
        (void)fputs(file, to);
        (void)fclose(to);
    }
    nv_options_release(&options);
    fail = (struct nv_fail){0};
    return nv_options_load(&options, &sources, &fail);
}

START_TEST(properties_come_by_their_names_from_everywhere)
{
    static const char file[] =
        "kafka:\n  properties:\n    linger.ms: 5\n"
        "    socket:\n      timeout.ms: 7\n    a.b: \"${env:NV_TEST_B}\"\n";
    static const char *const variables[] = {
        "NOVEUM_GATEWAY_KAFKA_PROPERTIES=linger.ms=9\nclient.id=x", NULL};
    (void)setenv("NV_TEST_B", "from-env", 1);
    ck_assert_msg(load(file, NULL, NULL) == NV_OK, "%s", fail.what);
    ck_assert_uint_eq(options.kafka_properties.count, 3);
    ck_assert_str_eq(options.kafka_properties.items[0], "linger.ms=5");
    ck_assert_str_eq(options.kafka_properties.items[1], "socket.timeout.ms=7");
    ck_assert_str_eq(options.kafka_properties.items[2], "a.b=from-env");
    /* a source of higher rank replaces them all, one entry of --set too */
    ck_assert_int_eq(load(file, variables, NULL), NV_OK);
    ck_assert_uint_eq(options.kafka_properties.count, 2);
    ck_assert_str_eq(options.kafka_properties.items[0], "linger.ms=9");
    ck_assert_int_eq(load(file, variables, "kafka.properties.acks=1"), NV_OK);
    ck_assert_uint_eq(options.kafka_properties.count, 1);
    ck_assert_str_eq(options.kafka_properties.items[0], "acks=1");
    ck_assert_int_eq(load("kafka:\n  properties: nonsense\n", NULL, NULL), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "kafka.properties"));
}
END_TEST

/* A process that does something else than it was told would lose or split traces. */
START_TEST(what_looks_like_a_role_is_never_passed_over)
{
    static const char *const refused[] = {
        "NOVEUM_GATEWAY_ROLE=recieve", "NOVEUM_GATEWAY_ROEL=receive",
        "NOVEUM_GATEWAY_ROLES=all",    "NOVEUM_GATEWAY_ROL=all",
        "NOVEUM_ROLE=receive",         "NOVEUM_GATEWAY_THE_ROLE=x",
        "NOVEUM_GATEWAY_MODE=receive", "NOVEUM_GATEWAY_KIND=Assemble"};
    static const char *const ignored[] = {"NOVEUM_GATEWAY_NODE=receive-7",
                                          "NOVEUM_GATEWAY_NAME=all", "NOVEUM_USER_ROLE=admin",
                                          "NOVEUM_GATEWAY_ROLE_SERVICE_HOST=10.0.0.1"};
    for (int i = 0; i < COUNT(refused); i++) {
        const char *const environment[] = {refused[i], NULL};
        ck_assert_msg(load(NULL, environment, NULL) == NV_ERR_CONFIG, "%s", refused[i]);
    }
    for (int i = 0; i < COUNT(ignored); i++) {
        const char *const environment[] = {ignored[i], NULL};
        ck_assert_msg(load(NULL, environment, NULL) == NV_OK, "%s: %s", ignored[i], fail.what);
        ck_assert_uint_eq(options.role, NV_ROLE_ALL);
    }
    static const char *const right[] = {"NOVEUM_GATEWAY_ROLE=receive",
                                        "NOVEUM_GATEWAY_KAFKA_BROKERS=a:9092", NULL};
    ck_assert_int_eq(load(NULL, right, NULL), NV_OK);
    ck_assert_uint_eq(options.role, NV_ROLE_RECEIVE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_load_role");
    TCase *tcase = tcase_create("all");
    int fd = mkstemp(config_path);
    if (fd < 0)
        return 1;
    (void)close(fd);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, properties_come_by_their_names_from_everywhere);
    tcase_add_test(tcase, what_looks_like_a_role_is_never_passed_over);
    suite_add_tcase(suite, tcase);
    int code = nv_test_run(suite);
    nv_options_release(&options);
    (void)unlink(config_path);
    return code;
}
