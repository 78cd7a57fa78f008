/*
 * Processors as the affinity has them.
 */
#include "base/processors.h"

#include "expect.h"

#include <sched.h>

#include "base/banned.h"

START_TEST(fewer_are_counted_where_fewer_may_be_used)
{
    cpu_set_t before, one;
    size_t first = 0;

    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    ck_assert_uint_eq(nv_processors(), (unsigned)CPU_COUNT(&before));
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(nv_processors(), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/processors");
    TCase *tcase = tcase_create("processors");

    tcase_add_test(tcase, fewer_are_counted_where_fewer_may_be_used);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
