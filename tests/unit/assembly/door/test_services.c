/*
 * What is learned of services: kept for an hour, bounded, disproved by what comes, and not to
 * be driven out by names that somebody makes up.
 */
#include "expect.h"
#include "oom.h"
#include "assembly/door/services.h"

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
    uint32_t a = nv_services_id(services, NV_STR("a"), 0, 1);
    uint32_t none = nv_services_id(services, NV_STR(""), 0, 1);
    ck_assert_uint_ne(a, 0);
    ck_assert_uint_ne(none, a);
    ck_assert_uint_eq(nv_services_id(services, NV_STR("a"), 0, 2), a);
}
END_TEST

START_TEST(facts_are_forgotten_after_an_hour)
{
    uint32_t a = nv_services_id(services, NV_STR("a"), 0, 0);
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
    uint32_t a = nv_services_id(services, NV_STR("a"), 0, 5);
    for (uint64_t i = 0; i < NV_SERVICES_VAIN_MIN; i++) {
        ck_assert_uint_eq(nv_services_known(services, a, 5), 0);
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, 5 + i);
    }
    ck_assert_uint_eq(nv_services_known(services, a, 8), NV_LEARNED_NO_REMOTE);
    nv_services_remote_came(services, a, 9);
    ck_assert_uint_eq(nv_services_known(services, a, 9), 0);
    for (int i = 0; i < 3; i++)
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, 10);
    ck_assert_uint_eq(nv_services_known(services, a, 10),
                      0); /* for an hour it is not believed */
    for (int i = 0; i < 3; i++)
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, HOUR + 10);
    ck_assert_uint_eq(nv_services_known(services, a, HOUR + 10), NV_LEARNED_NO_REMOTE);
}
END_TEST

START_TEST(witnesses_an_hour_apart_do_not_add_up)
{
    uint32_t a = nv_services_id(services, NV_STR("a"), 0, 5);
    for (uint64_t i = 0; i < 5; i++)
        nv_services_learn(services, a, NV_LEARNED_NO_REMOTE, 5 + i * HOUR);
    ck_assert_uint_eq(nv_services_known(services, a, 5 + 4 * HOUR), 0);
}
END_TEST

/* A name for `i` that `client` brings, with so many traces that tell `facts`. */
static uint32_t bring(const char *prefix, uint32_t i, uint64_t client, unsigned traces,
                      unsigned facts, uint64_t now_ns)
{
    char name[48];
    snprintf(name, sizeof name, "%s %u", prefix, (unsigned)i);
    uint32_t id = nv_services_id(services, nv_str_from(name), client, now_ns);
    ck_assert_uint_ne(id, 0);
    for (unsigned k = 0; k < traces; k++)
        nv_services_learn(services, id, facts, now_ns);
    return id;
}

START_TEST(a_full_table_forgets_who_is_gone)
{
    uint32_t first = bring("service", 1, 7, 0, 0, 1);
    for (uint32_t i = 2; i < NV_SERVICES_MAX; i++)
        bring("service", i, 7, 0, 0, i);
    ck_assert(nv_services_valid(services, first));
    uint32_t more = bring("one more", 0, 7, 1, NV_LEARNED_LOGS, 5000);
    ck_assert(!nv_services_valid(services, first));
    ck_assert_uint_eq(nv_services_known(services, more, 5000), NV_LEARNED_LOGS);
    /* what has a stale id, or none, learns nothing in the place of another */
    const uint32_t stale[] = {first, 0, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        nv_services_learn(services, stale[i], NV_LEARNED_DISTRIBUTED, 5000);
        nv_services_remote_came(services, stale[i], 5000);
        ck_assert_uint_eq(nv_services_known(services, stale[i], 5000), 0);
        ck_assert(!nv_services_valid(services, stale[i]));
    }
    ck_assert_uint_eq(nv_services_known(services, more, 5000), NV_LEARNED_LOGS);
    ck_assert_uint_ne(bring("service", 1, 7, 0, 0, 5001), first);
}
END_TEST

/* Each name is new, for an hour and more; honest services send a trace now and then. */
START_TEST(names_that_tell_nothing_displace_nobody)
{
    for (uint32_t i = 0; i < 500; i++)
        bring("honest", i, i, 1, NV_LEARNED_LOGS, 1);
    for (uint32_t i = 0; i < 20 * NV_SERVICES_MAX; i++)
        bring("made up", i, 666, 1, 0, 2 + i);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t id = bring("honest", i, i, 0, 0, 30000);
        ck_assert_uint_eq(nv_services_known(services, id, 30000), NV_LEARNED_LOGS);
    }
    /* and one that comes in the middle of it finds its place */
    uint32_t late = bring("late", 0, 1, 1, NV_LEARNED_LOGS, 30001);
    for (uint32_t i = 0; i < 20 * NV_SERVICES_MAX; i++)
        bring("made up too", i, 666, 1, 0, 30002 + i);
    ck_assert_uint_eq(nv_services_known(services, late, 60000), NV_LEARNED_LOGS);
}
END_TEST

/* Made-up names with log records and more traffic than the honest ones have. */
START_TEST(a_client_has_no_more_than_its_share)
{
    for (uint32_t i = 0; i < 500; i++)
        bring("honest", i, i / 10, 2, NV_LEARNED_LOGS, 1);
    for (uint32_t i = 0; i < 20 * NV_SERVICES_MAX; i++)
        bring("made up", i, 666, 5, NV_LEARNED_LOGS | NV_LEARNED_DISTRIBUTED, 2 + i);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t id = bring("honest", i, i / 10, 0, 0, 30000);
        ck_assert_uint_eq(nv_services_known(services, id, 30000), NV_LEARNED_LOGS);
    }
}
END_TEST

/* All come through one collector: what sends much stays. */
START_TEST(names_are_weighed_by_traffic)
{
    for (uint32_t i = 0; i < 500; i++)
        bring("honest", i, 1, 20, NV_LEARNED_LOGS, 1);
    for (uint32_t i = 0; i < 20 * NV_SERVICES_MAX; i++)
        bring("made up", i, 1, 2, NV_LEARNED_LOGS, 2 + i);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t id = bring("honest", i, 1, 0, 0, 30000);
        ck_assert_uint_eq(nv_services_known(services, id, 30000), NV_LEARNED_LOGS);
    }
}
END_TEST

START_TEST(traffic_of_long_ago_weighs_less)
{
    for (uint32_t i = 1; i < NV_SERVICES_MAX; i++)
        bring("once", i, 1, 20, NV_LEARNED_LOGS, 1);
    uint64_t later = 1 + 5 * NV_SERVICES_HALF_LIFE_NS; /* 20 >> 5 is 0 */
    for (uint32_t i = 0; i < 100; i++)
        bring("now", i, 1, 1, NV_LEARNED_LOGS, later + i);
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t id = bring("now", i, 1, 0, 0, later + 100);
        ck_assert_uint_eq(nv_services_known(services, id, later + 100), NV_LEARNED_LOGS);
    }
}
END_TEST

START_TEST(what_is_known_can_be_read)
{
    struct nv_service_facts out[4];
    char longer[300];
    for (size_t i = 0; i < sizeof longer; i++)
        longer[i] = 'n';
    uint32_t a = nv_services_id(services, (struct nv_str){longer, sizeof longer}, 0, 5);
    nv_services_id(services, NV_STR("b"), 0, 5);
    nv_services_learn(services, a, NV_LEARNED_LOGS, 7);
    ck_assert_uint_eq(nv_services_read(services, 10, out, 1), 1);
    ck_assert_uint_eq(nv_services_read(services, 10, out, 4), 2);
    ck_assert_uint_eq(strlen(out[0].name), sizeof out[0].name - 1);
    ck_assert(out[0].logs && !out[0].distributed && !out[0].remote_parents_missing);
    ck_assert_uint_eq(out[0].seen_ns_before, 3);
    ck_assert_str_eq(out[1].name, "b");
}
END_TEST

/* A name that found no memory has no id, and gets one when there is some again. */
START_TEST(every_allocation_failing_once)
{
    for (unsigned long n = 1;; n++) {
        uint32_t id = 0;
        teardown();
        oom_fail_nth(n);
        services = nv_services_new();
        for (unsigned i = 0; services && i < 20; i++) {
            char name[2] = {(char)('a' + i), '\0'};
            uint32_t next = nv_services_id(services, nv_str_from(name), 0, 1);
            id = i == 0 || id != 0 ? next : 0;
            nv_services_learn(services, next, NV_LEARNED_LOGS, 1);
        }
        bool failed = oom_end();
        ck_assert_int_eq(!services || id == 0, failed);
        if (!services)
            setup();
        id = nv_services_id(services, NV_STR("a"), 0, 2);
        ck_assert_uint_ne(id, 0);
        ck_assert(nv_services_valid(services, id));
        if (!failed) {
            ck_assert_uint_gt(n, 20);
            break;
        }
    }
}
END_TEST

/* In a full table one client has its share (0) or one name more (1), the newest of all. Past the
 * share its oldest goes; within it the one unseen for longest, which is another's. */
START_TEST(a_share_is_kept_to_the_name)
{
    const uint32_t mine = NV_SERVICES_CLIENT_MAX + (uint32_t)_i;
    uint32_t oldest = bring("other", 0, 1000, 1, NV_LEARNED_LOGS, 1);
    for (uint32_t i = 1; i < NV_SERVICES_MAX - 1 - mine; i++)
        bring("other", i, 1000 + i, 1, NV_LEARNED_LOGS, 2);
    uint32_t first = bring("mine", 0, 7, 1, NV_LEARNED_LOGS, 3);
    for (uint32_t i = 1; i < mine; i++)
        bring("mine", i, 7, 1, NV_LEARNED_LOGS, 4);
    ck_assert(nv_services_valid(services, oldest) && nv_services_valid(services, first));
    bring("new", 0, 8, 1, NV_LEARNED_LOGS, 5);
    ck_assert_int_eq(nv_services_valid(services, oldest), _i == 1);
    ck_assert_int_eq(nv_services_valid(services, first), _i == 0);
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
    tcase_add_test(tcase, a_full_table_forgets_who_is_gone);
    tcase_add_test(tcase, names_that_tell_nothing_displace_nobody);
    tcase_add_test(tcase, a_client_has_no_more_than_its_share);
    tcase_add_test(tcase, names_are_weighed_by_traffic);
    tcase_add_test(tcase, traffic_of_long_ago_weighs_less);
    tcase_add_test(tcase, what_is_known_can_be_read);
    tcase_add_test(tcase, every_allocation_failing_once);
    tcase_add_loop_test(tcase, a_share_is_kept_to_the_name, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
