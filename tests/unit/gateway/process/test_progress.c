/*
 * A shard is stuck when its thread worked or slept over one trace, not when it was not let run.
 */
#include "expect.h"
#include "gateway/process/progress.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define S NV_NS_PER_S

static const uint8_t trace_a[NV_TRACE_ID_BYTES] = "trace a.......";
static const uint8_t trace_b[NV_TRACE_ID_BYTES] = "trace b.......";
static struct nv_progress progress;
static uint64_t cpu_ns, now_ns;
static bool runnable, known;

static bool times(struct nv_thread_id thread, uint64_t *cpu, bool *can_run)
{
    ck_assert_int_ne(thread.tid, 0);
    *cpu = cpu_ns;
    *can_run = runnable;
    return known;
}

static void setup(void)
{
    nv_progress_init(&progress);
    progress.times = times;
    known = runnable = true;
    now_ns = 100 * S;
}

static void teardown(void)
{
    nv_progress_release(&progress);
}

/* `seconds` looks, a second apart, in which the thread gets so much CPU time. */
static uint64_t look(unsigned seconds, uint64_t cpu_each_ns)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    for (unsigned i = 0; i < seconds; i++) {
        now_ns += S;
        cpu_ns += cpu_each_ns;
        nv_progress_look(&progress, now_ns);
    }
    return nv_progress_stuck(&progress, id);
}

START_TEST(who_works_on_one_trace_for_long_is_stuck)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    ck_assert_uint_eq(look(10, S), 0);
    nv_progress_begin(&progress, 3, trace_a);
    ck_assert_uint_eq(look(1, S), 0);
    ck_assert_uint_eq(look(5, S), 5 * S);
    ck_assert_uint_eq(nv_progress_stuck(&progress, id), NV_STUCK_TOLD_NS);
    ck_assert_mem_eq(id, trace_a, sizeof id);
    nv_progress_end(&progress, 3);
    ck_assert_uint_eq(look(1, S), 0);
}
END_TEST

START_TEST(who_is_not_let_run_is_not)
{
    nv_progress_begin(&progress, 0, trace_a);
    ck_assert_uint_eq(look(3601, S / 1000), 3600 * (S / 1000));
}
END_TEST

START_TEST(who_sleeps_is_but_not_for_longer_than_was_looked)
{
    nv_progress_begin(&progress, 0, trace_a);
    runnable = false;
    look(1, 0);
    ck_assert_uint_eq(look(60, 0), NV_STUCK_FATAL_NS);
    now_ns += 1000 * S; /* the watcher itself slept */
    ck_assert_uint_eq(look(1, 0), 62 * S);
}
END_TEST

START_TEST(who_takes_another_trace_gets_on)
{
    nv_progress_begin(&progress, 0, trace_a);
    look(4, S);
    nv_progress_end(&progress, 0);
    nv_progress_begin(&progress, 0, trace_b);
    ck_assert_uint_eq(look(1, S), 0);
    /* the one that is stuck for longest is told of */
    nv_progress_begin(&progress, 1, trace_a);
    uint8_t id[NV_TRACE_ID_BYTES];
    look(3, S);
    ck_assert_uint_eq(nv_progress_stuck(&progress, id), 3 * S);
    ck_assert_mem_eq(id, trace_b, sizeof id);
}
END_TEST

START_TEST(a_thread_that_is_gone_is_not_stuck)
{
    nv_progress_begin(&progress, 0, trace_a);
    look(3, S);
    known = false;
    ck_assert_uint_eq(look(1, S), 0);
}
END_TEST

START_TEST(the_system_knows_this_thread)
{
    struct nv_thread_id thread = {.tid = (int)gettid()};
    uint64_t cpu = 0;
    bool can_run = false;
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &thread.clock), 0);
    ck_assert(nv_thread_times_system(thread, &cpu, &can_run));
    ck_assert_uint_gt(cpu, 0);
    ck_assert(can_run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("progress");
    TCase *tcase = tcase_create("progress");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, who_works_on_one_trace_for_long_is_stuck);
    tcase_add_test(tcase, who_is_not_let_run_is_not);
    tcase_add_test(tcase, who_sleeps_is_but_not_for_longer_than_was_looked);
    tcase_add_test(tcase, who_takes_another_trace_gets_on);
    tcase_add_test(tcase, a_thread_that_is_gone_is_not_stuck);
    tcase_add_test(tcase, the_system_knows_this_thread);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
