/*
 * Equal resources and scopes are kept once, as long as a request holds them.
 */
#include "expect.h"
#include "assembly/request.h"
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
    struct nv_shared_group *first = nv_groups_share(&groups, &a, 0, 1);
    resource[0] = '?'; /* it has a copy of its own */
    struct nv_shared_group *second = nv_groups_share(&groups, &b, 0, 2);
    ck_assert_ptr_eq(first, second);
    ck_assert(nv_str_eq(first->group.resource, NV_STR("resource")));
    nv_groups_drop(&groups, first);
    ck_assert_ptr_eq(nv_groups_share(&groups, &b, 0, 3), second);
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
        shared[i] = nv_groups_share(&groups, &all[i], 0, 1);
    ck_assert_uint_eq(groups.index.count, 6);
    ck_assert_uint_ne(shared[4]->service, shared[0]->service);
    for (int i = 0; i < 6; i++)
        nv_groups_drop(&groups, shared[i]);
}
END_TEST

START_TEST(without_memory_there_is_none)
{
    struct nv_group group = {.resource = NV_STR("x"), .service_name = NV_STR("s")};
    for (unsigned long n = 1; n < 4; n++) {
        oom_fail_nth(n);
        struct nv_shared_group *shared = nv_groups_share(&groups, &group, 0, 1);
        oom_end();
        ck_assert_ptr_null(shared);
        ck_assert_uint_eq(groups.index.count, 0);
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
    tcase_add_test(tcase, without_memory_there_is_none);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
