/*
 * The meter: counts, limits, and that each thread has its own.
 */
#include "expect.h"

#include "base/meter.h"

#include <pthread.h>

#include "base/banned.h"

START_TEST(counts_up_to_its_limit)
{
    nv_meter_start(10);
    ck_assert(nv_meter_spend(10) && !nv_meter_over());
    ck_assert(!nv_meter_spend(1) && nv_meter_over());
    ck_assert_uint_eq(nv_meter_spent(), 11);
    nv_meter_start(UINT64_MAX);
    ck_assert_uint_eq(nv_meter_spent(), 0);
    ck_assert(nv_meter_spend_bytes(320));
    ck_assert_uint_eq(nv_meter_spent(), 11);
}
END_TEST

static void *other_thread(void *unused)
{
    (void)unused;
    ck_assert(!nv_meter_over());
    (void)nv_meter_spend(5);
    return NULL;
}

START_TEST(each_thread_has_its_own)
{
    pthread_t thread;
    nv_meter_start(0);
    ck_assert(!nv_meter_spend(1));
    ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(nv_meter_spent(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/meter");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, counts_up_to_its_limit);
    tcase_add_test(tcase, each_thread_has_its_own);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
