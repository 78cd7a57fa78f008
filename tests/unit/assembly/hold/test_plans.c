/*
 * Plans come out in the order of their parts, by trace, and are gone then.
 */
#include "expect.h"
#include "assembly/hold/plans.h"
#include "oom.h"

#include <stdlib.h>

static const uint8_t one[NV_TRACE_ID_BYTES] = {1};
static const uint8_t two[NV_TRACE_ID_BYTES] = {2};

START_TEST(parts_come_out_in_order)
{
    struct nv_plans plans;
    struct nv_plan plan;
    nv_plans_init(&plans);
    ck_assert(!nv_plans_take(&plans, one, &plan));
    for (uint32_t part = 0; part < 5; part++) {
        ck_assert_int_eq(nv_plans_add(&plans, one, part, (struct nv_place){part + 10, 3}),
                         NV_OK);
    }
    ck_assert_int_eq(nv_plans_add(&plans, two, 7, (struct nv_place){99, 0}), NV_OK);
    for (uint32_t part = 0; part < 5; part++) {
        ck_assert(nv_plans_take(&plans, one, &plan));
        ck_assert_uint_eq(plan.part, part);
        ck_assert_uint_eq(plan.last.record_id, part + 10);
    }
    ck_assert(!nv_plans_take(&plans, one, &plan));
    nv_plans_release(&plans); /* with one left */
    ck_assert(!nv_plans_take(&plans, two, &plan));
}
END_TEST

START_TEST(many_traces)
{
    struct nv_plans plans;
    struct nv_plan plan;
    uint8_t id[NV_TRACE_ID_BYTES] = {0};
    nv_plans_init(&plans);
    for (uint32_t i = 0; i < 3000; i++) {
        memcpy(id, &i, sizeof i);
        for (uint32_t part = 0; part <= i % 3; part++)
            ck_assert_int_eq(nv_plans_add(&plans, id, part, (struct nv_place){i, part}), NV_OK);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        memcpy(id, &i, sizeof i);
        for (uint32_t part = 0; part <= i % 3; part++)
            ck_assert(nv_plans_take(&plans, id, &plan) && plan.part == part);
        ck_assert(!nv_plans_take(&plans, id, &plan));
    }
    ck_assert_uint_eq(plans.index.count, 0);
    nv_plans_release(&plans);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    for (unsigned long n = 1; n < 4; n++) {
        struct nv_plans plans;
        nv_plans_init(&plans);
        oom_fail_nth(n);
        enum nv_err err = nv_plans_add(&plans, one, 0, (struct nv_place){1, 0});
        oom_end();
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        nv_plans_release(&plans);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plans");
    TCase *tcase = tcase_create("plans");
    tcase_add_test(tcase, parts_come_out_in_order);
    tcase_add_test(tcase, many_traces);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
