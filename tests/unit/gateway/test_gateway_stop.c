/*
 * The end of a gateway that started in part, or not at all: nothing is stopped that does not
 * run, a second stop does nothing. Whole gateways are ended in test_gateway.c.
 */
#include "expect.h"

#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_options options;
static char directory[] = "/tmp/noveum-stop-XXXXXX";

static void set(size_t id, const char *text)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static struct nv_gateway *make(const char *role)
{
    struct nv_gateway *gateway = NULL;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(NV_OPT_role, role);
    set(NV_OPT_journal_directory, directory);
    set(NV_OPT_stop_deadline_ms, "100");
    ck_assert_msg(nv_gateway_new(&options, &fail, &gateway) == NV_OK, "%s", fail.what);
    return gateway;
}

START_TEST(what_did_not_start_is_not_stopped)
{
    static const char *const roles[] = {"all", "receive"};
    for (size_t i = 0; i < 2; i++) {
        struct nv_gateway *gateway = make(roles[i]);
        nv_gateway_stop(gateway);
        nv_gateway_stop(gateway);
        ck_assert(!nv_gateway_is_stuck(gateway));
        nv_gateway_free(gateway);
        nv_options_release(&options);
    }
}
END_TEST

START_TEST(a_start_that_failed_is_ended)
{
    struct nv_fail fail = {0};
    struct nv_gateway *gateway = make("receive");
    set(NV_OPT_kafka_brokers, "127.0.0.1:1");
    set(NV_OPT_kafka_properties, "no.such.property=1");
    ck_assert_int_eq(nv_gateway_start(gateway, &fail), NV_ERR_CONFIG);
    nv_gateway_stop(gateway);
    nv_gateway_free(gateway);
    nv_options_release(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/gateway_stop");
    TCase *tcase = tcase_create("all");
    if (!mkdtemp(directory))
        return 1;
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_did_not_start_is_not_stopped);
    tcase_add_test(tcase, a_start_that_failed_is_ended);
    suite_add_tcase(suite, tcase);
    int code = nv_test_run(suite);
    (void)rmdir(directory);
    return code;
}
