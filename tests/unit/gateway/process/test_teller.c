/*
 * The times at which lines are due, lines that come while work goes on, none after its end.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/process/teller.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "base/banned.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned told[4];
static size_t count;

static void set_up(void)
{
    count = 0;
    memset(told, 0, sizeof told);
}

static void tell(void *ctx, unsigned seconds)
{
    ck_assert_ptr_eq(ctx, told);
    (void)pthread_mutex_lock(&lock);
    if (count < 4)
        told[count] = seconds;
    count++;
    (void)pthread_cond_signal(&changed);
    (void)pthread_mutex_unlock(&lock);
}

START_TEST(lines_get_rarer)
{
    static const unsigned due[] = {2, 4, 8, 16, 30, 60, 90, 120};
    unsigned seconds = 0;
    for (size_t i = 0; i < sizeof due / sizeof due[0]; i++) {
        seconds = nv_teller_after(seconds);
        ck_assert_uint_eq(seconds, due[i]);
    }
}
END_TEST

START_TEST(what_goes_on_is_told)
{
    struct nv_teller *teller = nv_teller_start(tell, told, 1);
    ck_assert_ptr_nonnull(teller);
    (void)pthread_mutex_lock(&lock);
    while (count < 3)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    ck_assert(nv_teller_end(teller));
    ck_assert_uint_eq(told[0], 2);
    ck_assert_uint_eq(told[1], 4);
    ck_assert_uint_eq(told[2], 8);
}
END_TEST

START_TEST(what_ends_before_is_not_told)
{
    struct nv_teller *teller = nv_teller_start(tell, told, INT_MAX);
    ck_assert_ptr_nonnull(teller);
    ck_assert(!nv_teller_end(teller));
    ck_assert_uint_eq(count, 0);
    ck_assert(!nv_teller_end(NULL));
}
END_TEST

START_TEST(without_memory_nothing_is_told)
{
    oom_fail_nth(1);
    struct nv_teller *teller = nv_teller_start(tell, told, 1);
    ck_assert(oom_end());
    ck_assert_ptr_null(teller);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/process/teller");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, lines_get_rarer);
    tcase_add_test(tcase, what_goes_on_is_told);
    tcase_add_test(tcase, what_ends_before_is_not_told);
    tcase_add_test(tcase, without_memory_nothing_is_told);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
