/*
 * The plans: found by region and code, all their patterns compile, and threads that are first
 * at once.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/phone_plans.h"

#include <pthread.h>
#include <stdio.h>

#include "base/banned.h"

START_TEST(by_region_and_code)
{
    const struct nv_phone_plan *us = nv_phone_plan_of_region(NV_STR("us"));
    ck_assert_ptr_nonnull(us);
    ck_assert_uint_eq(us->code, 1);
    ck_assert_ptr_eq(nv_phone_plan_of_code(1), us);
    ck_assert_ptr_nonnull(nv_phone_plan_next(us));
    ck_assert_ptr_null(nv_phone_plan_next(nv_phone_plan_of_region(NV_STR("AE"))));
    ck_assert_ptr_null(nv_phone_plan_of_region(NV_STR("001")));
    ck_assert_ptr_null(nv_phone_plan_of_region(NV_STR("")));
    ck_assert_ptr_null(nv_phone_plan_of_code(999));
    ck_assert_ptr_null(nv_phone_plan_of_code(0));
    ck_assert_ptr_nonnull(nv_phone_plan_of_code(888));
}
END_TEST

START_TEST(least_digits)
{
    ck_assert_uint_eq(nv_phone_least_digits(nv_phone_plan_of_region(NV_STR("AE"))), 5);
    ck_assert_uint_eq(nv_phone_least_digits(nv_phone_plan_of_region(NV_STR("SA"))), 9);
    /* 25xxxx becomes 1481 25xxxx */
    ck_assert_uint_eq(nv_phone_least_digits(nv_phone_plan_of_region(NV_STR("GG"))), 0);
    /* +378 and none: 0549 is made up there, and counted twice */
    ck_assert_uint_eq(nv_phone_least_digits(NULL), 3);
}
END_TEST

/* What is valid as it is written is never put off by its first digit and its length. */
START_TEST(quickly_told)
{
    struct nv_phone_plans *plans = nv_phone_plans_new();
    struct nv_regex_work *work = nv_regex_work_new();
    struct nv_regex_match match;
    unsigned valid = 0, none = 0;
    ck_assert(plans && work);
    for (uint32_t i = 0; i < 200000; i++) {
        char text[16];
        uint64_t number = i * UINT64_C(0x9e3779b97f4a7c15) >> 12;
        const struct nv_phone_plan *plan = nv_phone_plan_of_code(i % 1000);
        int len = snprintf(text, sizeof text, "%0*u", (int)(4 + i / 1000 % 9),
                           (uint32_t)(number % 1000000000u));
        struct nv_str digits = {text, (size_t)len};
        if (!plan)
            continue;
        bool may = nv_phone_may_be(plans, plan, digits);
        none += !may;
        if (nv_phone_match(plans, work, plan, NV_PHONE_VALID, digits, &match) != NV_REGEX_FOUND)
            continue;
        ck_assert_msg(may, "%s %s", plan->region, text);
        valid++;
    }
    ck_assert_uint_gt(valid, 100);
    ck_assert_uint_gt(none, 10000);
    ck_assert(!nv_phone_may_be(plans, nv_phone_plan_of_region(NV_STR("AE")), NV_STR("")));
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
}
END_TEST

START_TEST(every_pattern_compiles)
{
    struct nv_phone_plans *plans = nv_phone_plans_new();
    struct nv_regex_work *work = nv_regex_work_new();
    struct nv_regex_match match;
    unsigned count = 0;
    ck_assert(plans && work);
    for (unsigned code = 1; code < 1000; code++) {
        const struct nv_phone_plan *plan = nv_phone_plan_of_code(code);
        for (; plan; plan = nv_phone_plan_next(plan)) {
            for (unsigned i = 0; i < NV_PHONE_PATTERNS; i++) {
                ck_assert_int_ne(nv_phone_match(plans, work, plan, (enum nv_phone_pattern)i,
                                                NV_STR("5012345"), &match),
                                 NV_REGEX_LIMIT);
            }
            (void)nv_phone_needs_prefix(plans, work, plan, NV_STR("5012345"));
            ck_assert_uint_ne(plan->lengths, 0);
            count++;
        }
    }
    ck_assert_uint_ge(count, 245);
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
}
END_TEST

START_TEST(prefixes_that_are_needed)
{
    struct nv_phone_plans *plans = nv_phone_plans_new();
    struct nv_regex_work *work = nv_regex_work_new();
    ck_assert(plans && work);
    const struct nv_phone_plan *ae = nv_phone_plan_of_region(NV_STR("AE"));
    ck_assert(nv_phone_needs_prefix(plans, work, ae, NV_STR("501234567")));
    ck_assert(!nv_phone_needs_prefix(plans, work, ae, NV_STR("800123456")));
    ck_assert(!nv_phone_needs_prefix(plans, work, ae, NV_STR("1")));
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
}
END_TEST

static void *match_all(void *plans)
{
    struct nv_regex_work *work = nv_regex_work_new();
    struct nv_regex_match match;
    bool wrong = !work;
    for (unsigned code = 1; code < 1000 && !wrong; code++) {
        const struct nv_phone_plan *plan = nv_phone_plan_of_code(code);
        wrong = plan && nv_phone_match(plans, work, plan, NV_PHONE_GENERAL, NV_STR("1"),
                                       &match) == NV_REGEX_LIMIT;
    }
    nv_regex_work_free(work);
    return wrong ? plans : NULL;
}

START_TEST(threads_that_are_first_at_once)
{
    struct nv_phone_plans *plans = nv_phone_plans_new();
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, match_all, plans), 0);
    for (size_t i = 0; i < 3; i++) {
        void *wrong;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    nv_phone_plans_free(plans);
}
END_TEST

START_TEST(no_memory_is_no_match)
{
    struct nv_phone_plans *plans = nv_phone_plans_new();
    struct nv_regex_work *work = nv_regex_work_new();
    struct nv_regex_match match;
    const struct nv_phone_plan *ae = nv_phone_plan_of_region(NV_STR("AE"));
    oom_fail_nth(1);
    enum nv_regex_result result =
        nv_phone_match(plans, work, ae, NV_PHONE_VALID, NV_STR("501234567"), &match);
    (void)oom_end();
    ck_assert_int_eq(result, NV_REGEX_LIMIT);
    result = nv_phone_match(plans, work, ae, NV_PHONE_VALID, NV_STR("501234567"), &match);
    ck_assert_int_eq(result, NV_REGEX_FOUND);
    nv_regex_work_free(work);
    nv_phone_plans_free(plans);
}
END_TEST

/* Without memory nothing is put off: what is known of a plan's first digits, or one of the two
 * programs that tell them, is not there. */
START_TEST(every_allocation_of_the_quick_answer_failing_once)
{
    const struct nv_phone_plan *ae = nv_phone_plan_of_region(NV_STR("AE"));
    for (unsigned long n = 1;; n++) {
        struct nv_phone_plans *plans = nv_phone_plans_new();
        oom_fail_nth(n);
        bool nothing = nv_phone_may_be(plans, ae, NV_STR(""));
        bool number = nv_phone_may_be(plans, ae, NV_STR("501234567"));
        bool failed = oom_end();
        ck_assert_int_eq(nothing, n == 1);
        ck_assert(number);
        ck_assert(!nv_phone_may_be(plans, ae, NV_STR("")));
        nv_phone_plans_free(plans);
        if (!failed) {
            ck_assert_uint_gt(n, 1);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/phone_plans");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, by_region_and_code);
    tcase_add_test(tcase, least_digits);
    tcase_add_test(tcase, quickly_told);
    tcase_add_test(tcase, every_pattern_compiles);
    tcase_add_test(tcase, prefixes_that_are_needed);
    tcase_add_test(tcase, threads_that_are_first_at_once);
    tcase_add_test(tcase, no_memory_is_no_match);
    tcase_add_test(tcase, every_allocation_of_the_quick_answer_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
