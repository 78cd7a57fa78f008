/*
 * Equal resources and scopes are kept once, as long as a request holds them.
 */
#include "expect.h"
#include "assembly/door/request.h"
#include "oom.h"

#include <stdlib.h>

static struct nv_services *services;
static struct nv_groups groups;

static void setup(void)
{
    services = nv_services_new();
    nv_groups_init(&groups, services);
}

static void teardown(void)
{
    nv_groups_release(&groups);
    nv_services_free(services);
}

START_TEST(equal_groups_are_one)
{
    char resource[] = "resource";
    struct nv_group a = {.resource = {resource, 8}, .service_name = NV_STR("shop")};
    struct nv_group b = {.resource = NV_STR("resource"), .service_name = NV_STR("shop")};
    struct nv_shared_group *first = nv_groups_share(&groups, &a, NULL, NULL, 0, 1);
    resource[0] = '?'; /* it has a copy of its own */
    struct nv_shared_group *second = nv_groups_share(&groups, &b, NULL, NULL, 0, 2);
    ck_assert_ptr_eq(first, second);
    ck_assert(nv_str_eq(first->group.resource, NV_STR("resource")));
    nv_groups_drop(&groups, first);
    ck_assert_ptr_eq(nv_groups_share(&groups, &b, NULL, NULL, 0, 3), second);
    nv_groups_drop(&groups, second);
    nv_groups_drop(&groups, second);
    ck_assert_uint_eq(groups.index.count, 0);
}
END_TEST

START_TEST(each_part_tells_groups_apart)
{
    const struct nv_group all[] = {
        {.resource = NV_STR_INIT("x")},
        {.scope = NV_STR_INIT("x")},
        {.resource_schema_url = NV_STR_INIT("x")},
        {.scope_schema_url = NV_STR_INIT("x")},
        {.service_name = NV_STR_INIT("x")},
        {.resource = NV_STR_INIT("")},
    };
    struct nv_shared_group *shared[6];
    for (int i = 0; i < 6; i++)
        shared[i] = nv_groups_share(&groups, &all[i], NULL, NULL, 0, 1);
    ck_assert_uint_eq(groups.index.count, 6);
    ck_assert_uint_ne(shared[4]->service, shared[0]->service);
    for (int i = 0; i < 6; i++)
        nv_groups_drop(&groups, shared[i]);
}
END_TEST

START_TEST(scopes_of_one_resource_hold_it_once)
{
    enum { MANY = 100, LEN = 10000 };
    static char resource[LEN];
    char scopes[MANY];
    struct nv_group group[MANY];
    struct nv_shared_group *shared[MANY];
    memset(resource, 'r', sizeof resource);
    for (int i = 0; i < MANY; i++) {
        scopes[i] = (char)i;
        group[i] = (struct nv_group){.resource = {resource, LEN}, .scope = {&scopes[i], 1}};
        /* Known by its view, and by its bytes where the group before is not given. */
        shared[i] = nv_groups_share(&groups, &group[i], i % 2 > 0 ? &group[i - 1] : NULL,
                                    i % 2 > 0 ? shared[i - 1] : NULL, 0, 1);
        ck_assert_ptr_eq(shared[i]->group.resource.ptr, shared[0]->group.resource.ptr);
    }
    ck_assert_uint_eq(groups.resources.count, 1);
    ck_assert_uint_eq(groups.index.count, MANY);
    ck_assert_uint_ge(groups.bytes, LEN + MANY);
    ck_assert_uint_lt(groups.bytes, LEN + MANY * 300);
    for (int i = 0; i < MANY; i++)
        nv_groups_drop(&groups, shared[i]);
    ck_assert_uint_eq(groups.bytes, 0);
}
END_TEST

START_TEST(without_memory_there_is_none)
{
    struct nv_group group = {.resource = NV_STR("x"), .service_name = NV_STR("s")};
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        oom_fail_nth(n);
        struct nv_shared_group *shared = nv_groups_share(&groups, &group, NULL, NULL, 0, 1);
        failed = oom_end();
        ck_assert(shared != NULL || failed); /* services do without their slot */
        if (shared)
            nv_groups_drop(&groups, shared);
        ck_assert_uint_eq(groups.index.count + groups.resources.count, 0);
        ck_assert_uint_eq(groups.bytes, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("groups");
    TCase *tcase = tcase_create("groups");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, equal_groups_are_one);
    tcase_add_test(tcase, each_part_tells_groups_apart);
    tcase_add_test(tcase, scopes_of_one_resource_hold_it_once);
    tcase_add_test(tcase, without_memory_there_is_none);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
