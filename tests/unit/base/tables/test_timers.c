/*
 * The heap of deadlines against sorting: random adds, moves and removals come out in order.
 */
#include "expect.h"
#include "base/tables/timers.h"
#include "oom.h"

#include <stdlib.h>

#define TIMERS 500

static struct nv_timer all[TIMERS];
static bool waiting[TIMERS];
static uint32_t state = 3;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static uint64_t earliest(void)
{
    uint64_t first = UINT64_MAX;
    for (int i = 0; i < TIMERS; i++) {
        if (waiting[i] && all[i].deadline_ns < first)
            first = all[i].deadline_ns;
    }
    return first;
}

START_TEST(the_first_is_always_the_earliest)
{
    struct nv_timers timers;
    nv_timers_init(&timers);
    ck_assert_ptr_null(nv_timers_first(&timers));
    for (int step = 0; step < 5000; step++) {
        uint32_t i = draw(TIMERS);
        if (!waiting[i]) {
            ck_assert_int_eq(nv_timers_add(&timers, &all[i], draw(1000)), NV_OK);
            waiting[i] = true;
        } else if (draw(2) == 0) {
            nv_timers_move(&timers, &all[i], draw(1000));
        } else {
            nv_timers_remove(&timers, &all[i]);
            waiting[i] = false;
        }
        struct nv_timer *first = nv_timers_first(&timers);
        ck_assert_uint_eq(first ? first->deadline_ns : UINT64_MAX, earliest());
    }
    uint64_t before = 0;
    for (struct nv_timer *timer; (timer = nv_timers_first(&timers)) != NULL;) {
        ck_assert_uint_ge(timer->deadline_ns, before);
        before = timer->deadline_ns;
        nv_timers_remove(&timers, timer);
    }
    nv_timers_release(&timers);
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
    struct nv_timers timers;
    nv_timers_init(&timers);
    oom_fail_nth(1);
    enum nv_err err = nv_timers_add(&timers, &all[0], 1);
    oom_end();
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(nv_timers_first(&timers));
    nv_timers_release(&timers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timers");
    TCase *tcase = tcase_create("timers");
    tcase_add_test(tcase, the_first_is_always_the_earliest);
    tcase_add_test(tcase, without_memory_nothing_is_added);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
