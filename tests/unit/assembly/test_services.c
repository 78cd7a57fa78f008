/*
 * What is learned of services: kept for an hour, bounded, disproved by what comes.
 */
#include "expect.h"
#include "assembly/services.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR NV_SERVICES_MEMORY_NS

static struct nv_services *services;

static void setup(void)
{
    services = nv_services_new();
    ck_assert_ptr_nonnull(services);
}

static void teardown(void)
{
    nv_services_free(services);
}

START_TEST(a_name_has_one_slot)
{
    uint32_t a = nv_services_slot(services, NV_STR("a"), 1);
    uint32_t none = nv_services_slot(services, NV_STR(""), 1);
    ck_assert_uint_ne(a, 0);
    ck_assert_uint_ne(none, a);
    ck_assert_uint_eq(nv_services_slot(services, NV_STR("a"), 2), a);
}
END_TEST

START_TEST(facts_are_forgotten_after_an_hour)
{
    uint32_t a = nv_services_slot(services, NV_STR("a"), 0);
    nv_services_learn(services, a, NV_LEARNED_DISTRIBUTED | NV_LEARNED_LOGS, 0);
    ck_assert_uint_eq(nv_services_known(services, a, HOUR),
                      NV_LEARNED_DISTRIBUTED | NV_LEARNED_LOGS);
    nv_services_learn(services, a, NV_LEARNED_LOGS, HOUR);
    ck_assert_uint_eq(nv_services_known(services, a, HOUR + 1), NV_LEARNED_LOGS);
    ck_assert_uint_eq(nv_services_known(services, a, 2 * HOUR), 0);
}
END_TEST

START_TEST(remote_parents_need_three_witnesses_and_one_disproof)
{
    uint32_t a = nv_services_slot(services, NV_STR("a"), 5);
    for (uint64_t i = 0; i < NV_SERVICES_VAIN_MIN; i++) {
        ck_assert_uint_eq(nv_services_known(services, a, 5), 0);
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, 5 + i);
    }
    ck_assert_uint_eq(nv_services_known(services, a, 8), NV_LEARNED_NO_REMOTE);
    nv_services_remote_came(services, a, 9);
    ck_assert_uint_eq(nv_services_known(services, a, 9), 0);
    for (int i = 0; i < 3; i++)
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, 10);
    ck_assert_uint_eq(nv_services_known(services, a, 10), 0); /* for an hour it is not believed */
    for (int i = 0; i < 3; i++)
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, HOUR + 10);
    ck_assert_uint_eq(nv_services_known(services, a, HOUR + 10), NV_LEARNED_NO_REMOTE);
}
END_TEST

START_TEST(witnesses_an_hour_apart_do_not_add_up)
{
    uint32_t a = nv_services_slot(services, NV_STR("a"), 5);
    for (uint64_t i = 0; i < 5; i++)
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, 5 + i * HOUR);
    ck_assert_uint_eq(nv_services_known(services, a, 5 + 4 * HOUR), 0);
}
END_TEST

START_TEST(the_table_is_bounded_and_forgets_who_is_gone)
{
    char name[32];
    for (uint32_t i = 1; i < NV_SERVICES_MAX; i++) {
        snprintf(name, sizeof name, "service %u", (unsigned)i);
        ck_assert_uint_ne(nv_services_slot(services, nv_str_from(name), i), 0);
    }
    ck_assert_uint_eq(nv_services_slot(services, NV_STR("one more"), 5000), 0);
    nv_services_learn(services, 0, NV_LEARNED_LOGS, 5000);
    nv_services_remote_came(services, 0, 5000);
    ck_assert_uint_eq(nv_services_known(services, 0, 5000), 0);
    uint32_t reused = nv_services_slot(services, NV_STR("one more"), HOUR + 1);
    ck_assert_uint_ne(reused, 0);
    ck_assert_uint_eq(nv_services_known(services, reused, HOUR + 1), 0);
    ck_assert_uint_eq(nv_services_slot(services, NV_STR("service 1"), HOUR + 1), 0);
    ck_assert_uint_eq(nv_services_slot(services, NV_STR("service 2"), HOUR + 1), 2);
}
END_TEST

START_TEST(what_is_known_can_be_read)
{
    struct nv_service_facts out[4];
    char longer[300];
    for (size_t i = 0; i < sizeof longer; i++)
        longer[i] = 'n';
    uint32_t a = nv_services_slot(services, (struct nv_str){longer, sizeof longer}, 5);
    nv_services_slot(services, NV_STR("b"), 5);
    nv_services_learn(services, a, NV_LEARNED_LOGS, 7);
    ck_assert_uint_eq(nv_services_read(services, 10, out, 1), 1);
    ck_assert_uint_eq(nv_services_read(services, 10, out, 4), 2);
    ck_assert_uint_eq(strlen(out[0].name), sizeof out[0].name - 1);
    ck_assert(out[0].logs && !out[0].distributed && !out[0].no_remote_parents);
    ck_assert_uint_eq(out[0].seen_ns_before, 3);
    ck_assert_str_eq(out[1].name, "b");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("services");
    TCase *tcase = tcase_create("services");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_name_has_one_slot);
    tcase_add_test(tcase, facts_are_forgotten_after_an_hour);
    tcase_add_test(tcase, remote_parents_need_three_witnesses_and_one_disproof);
    tcase_add_test(tcase, witnesses_an_hour_apart_do_not_add_up);
    tcase_add_test(tcase, the_table_is_bounded_and_forgets_who_is_gone);
    tcase_add_test(tcase, what_is_known_can_be_read);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
