/*
 * Role receive, wired: it starts on a cluster, what is wrong is placed at its key, another role
 * has nothing of it.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "options_kit.h"

#include "gateway/receiving.h"

#include "base/banned.h"

START_TEST(another_role_has_nothing)
{
    struct nv_receiving receiving = {0};
    struct nv_kafka_status status;
    nv_receiving_status(&receiving, &status);
    ck_assert(!status.on);
    nv_receiving_stop(&receiving, 0);
    nv_receiving_release(&receiving);
}
END_TEST

#ifdef NOVEUM_KAFKA
static struct nv_options options;

START_TEST(it_starts_on_a_cluster)
{
    struct nv_test_kafka kafka;
    struct nv_receiving receiving = {0};
    struct nv_acceptor acceptor = {0};
    struct nv_kafka_status status;
    struct nv_fail fail = {0};
    nv_test_kafka_start(&kafka, 0);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_test_set(&options, NV_OPT_kafka_brokers, kafka.config.brokers);
    ck_assert_int_eq(nv_receiving_start(&receiving, &options, &acceptor, &fail), NV_OK);
    ck_assert(acceptor.accept != NULL);
    nv_receiving_status(&receiving, &status);
    ck_assert(status.on && status.up);
    nv_receiving_stop(&receiving, 1000);
    nv_receiving_release(&receiving);
    nv_test_set(&options, NV_OPT_kafka_properties, "no.such.thing=1");
    ck_assert_int_eq(nv_receiving_start(&receiving, &options, &acceptor, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.path, "kafka.properties"));
    nv_receiving_release(&receiving);
    nv_options_release(&options);
    nv_test_kafka_stop(&kafka);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("gateway/receiving");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, another_role_has_nothing);
#ifdef NOVEUM_KAFKA
    tcase_add_test(tcase, it_starts_on_a_cluster);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
