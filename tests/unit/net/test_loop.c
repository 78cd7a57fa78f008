/*
 * Loops: tasks from many threads in order, ticks that come and go while they run, descriptors,
 * and stopping with work left.
 */
#include "expect.h"
#include "oom.h"

#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define THREADS 4
#define TASKS 500

struct counted {
    struct nv_loop_task task;
    unsigned thread, number;
};

static unsigned seen[THREADS];
static bool in_order;
static atomic_uint total;

static void count(struct nv_loop_task *task)
{
    struct counted *counted = NV_CONTAINER(task, struct counted, task);
    in_order = in_order && seen[counted->thread] == counted->number;
    seen[counted->thread]++;
    atomic_fetch_add(&total, 1);
    free(counted);
}

struct poster {
    struct nv_loop *loop;
    unsigned thread;
};

struct ending {
    struct nv_loop_task task;
    struct poster *poster;
};

static void *post_many(void *ctx)
{
    const struct poster *poster = ctx;
    for (unsigned i = 0; i < TASKS; i++) {
        struct counted *counted = calloc(1, sizeof *counted);
        counted->task.run = count;
        counted->thread = poster->thread;
        counted->number = i;
        nv_loop_post(poster->loop, &counted->task);
    }
    return NULL;
}

START_TEST(tasks_of_many_threads_run_once_and_in_order)
{
    pthread_t threads[THREADS];
    struct poster posters[THREADS];
    struct nv_loop *loop = nv_loop_new(nv_clock_system());
    ck_assert_ptr_nonnull(loop);
    in_order = true;
    memset(seen, 0, sizeof seen);
    atomic_store(&total, 0);
    ck_assert_int_eq(nv_loop_start(loop), NV_OK);
    ck_assert(!nv_loop_is_current(loop));
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){loop, i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    nv_loop_stop(loop); /* runs what is left */
    nv_loop_stop(loop);
    ck_assert_uint_eq(atomic_load(&total), THREADS * TASKS);
    ck_assert(in_order);
    ck_assert(nv_loop_is_current(loop));
    nv_loop_free(loop);
}
END_TEST

START_TEST(tasks_left_are_run_when_it_is_freed)
{
    struct nv_loop *loop = nv_loop_new(nv_clock_system());
    struct poster poster = {loop, 0};
    memset(seen, 0, sizeof seen);
    atomic_store(&total, 0);
    post_many(&poster);
    nv_loop_free(loop);
    ck_assert_uint_eq(atomic_load(&total), TASKS);
}
END_TEST

struct ticking {
    struct nv_loop_tick tick;
    struct nv_loop *loop;
    struct nv_loop_tick *victim; /* removed while ticks run */
    unsigned runs;
    uint64_t at_ns;
};

static void run_tick(struct nv_loop_tick *tick, uint64_t now_ns)
{
    struct ticking *ticking = NV_CONTAINER(tick, struct ticking, tick);
    ticking->runs++;
    ticking->at_ns = now_ns;
    if (ticking->victim)
        nv_loop_remove_tick(ticking->loop, ticking->victim);
}

START_TEST(ticks_may_go_while_they_run)
{
    struct nv_fake_clock clock;
    nv_fake_clock_init(&clock, 42, 0);
    struct nv_loop *loop = nv_loop_new(&clock.clock);
    struct ticking ticks[3];
    for (int i = 0; i < 3; i++) {
        ticks[i] = (struct ticking){.tick.run = run_tick, .loop = loop};
        nv_loop_add_tick(loop, &ticks[i].tick);
    }
    ticks[2].victim = &ticks[1].tick; /* the next one */
    ticks[0].victim = &ticks[0].tick; /* itself */
    nv_loop_tick_now(loop);
    nv_loop_tick_now(loop);
    ck_assert_uint_eq(ticks[0].runs, 1);
    ck_assert_uint_eq(ticks[1].runs, 0);
    ck_assert_uint_eq(ticks[2].runs, 2);
    ck_assert_uint_eq(ticks[2].at_ns, 42);
    ck_assert_ptr_eq(nv_loop_clock(loop), &clock.clock);
    nv_loop_free(loop);
}
END_TEST

static unsigned ready_mask;
static unsigned ready_count;

static void on_ready(struct nv_io *io, unsigned what)
{
    (void)io;
    ready_mask |= what;
    ready_count++;
}

START_TEST(descriptors_are_watched_for_what_is_wanted)
{
    int fds[2];
    struct nv_io io;
    struct nv_loop *loop = nv_loop_new(nv_clock_system());
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(nv_io_init(&io, loop, fds[0], on_ready), NV_OK);
    ck_assert_int_eq(nv_io_want(&io, NV_IO_READ), NV_OK);
    ready_mask = ready_count = 0;
    nv_loop_turn(loop);
    ck_assert_uint_eq(ready_count, 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    nv_loop_turn(loop);
    ck_assert_uint_eq(ready_mask, NV_IO_READ);
    ck_assert_int_eq(nv_io_want(&io, NV_IO_NONE), NV_OK);
    ready_count = 0;
    nv_loop_turn(loop);
    ck_assert_uint_eq(ready_count, 0);
    nv_io_release(&io);
    nv_io_release(&io);
    ck_assert_int_eq(nv_io_init(&io, loop, fds[1], on_ready), NV_OK);
    ck_assert_int_eq(nv_io_want(&io, NV_IO_READ | NV_IO_WRITE), NV_OK);
    ready_mask = 0;
    nv_loop_turn(loop);
    ck_assert_uint_eq(ready_mask, NV_IO_WRITE);
    nv_io_release(&io);
    close(fds[0]);
    close(fds[1]);
    nv_loop_free(loop);
}
END_TEST

struct ringing {
    struct nv_alarm alarm;
    struct nv_loop *loop;
    unsigned rings;
};

/* The second ring ends the loop. */
static void on_ring(struct nv_alarm *alarm)
{
    struct ringing *ringing = NV_CONTAINER(alarm, struct ringing, alarm);
    if (++ringing->rings == 1)
        nv_alarm_set(alarm, 1);
    else
        nv_loop_end(ringing->loop);
}

START_TEST(an_alarm_rings_once_each_time_it_is_set)
{
    struct nv_loop *loop = nv_loop_new(nv_clock_system());
    struct ringing first = {.loop = loop}, never = {.loop = loop};
    ck_assert_int_eq(nv_alarm_init(&first.alarm, loop, on_ring), NV_OK);
    ck_assert_int_eq(nv_alarm_init(&never.alarm, loop, on_ring), NV_OK);
    nv_alarm_set(&never.alarm, 1);
    nv_alarm_set(&never.alarm, UINT64_MAX);
    nv_alarm_set(&first.alarm, UINT64_MAX - 1);
    nv_alarm_set(&first.alarm, NV_NS_PER_MS);
    nv_loop_end(loop); /* nothing runs: it ends nothing */
    nv_loop_run(loop);
    ck_assert_uint_eq(first.rings, 2);
    ck_assert_uint_eq(never.rings, 0);
    nv_alarm_release(&first.alarm);
    nv_alarm_release(&first.alarm);
    nv_alarm_release(&never.alarm);
    nv_loop_free(loop);
}
END_TEST

static void end_loop(struct nv_loop_task *task)
{
    struct poster *poster = NV_CONTAINER(task, struct ending, task)->poster;
    nv_loop_end(poster->loop);
}

START_TEST(a_thread_that_ends_itself_is_joined)
{
    struct nv_loop *loop = nv_loop_new(nv_clock_system());
    struct poster poster = {loop, 0};
    struct ending ending = {{.run = end_loop}, &poster};
    nv_loop_join(loop); /* not started: nothing to wait for */
    ck_assert_int_eq(nv_loop_start(loop), NV_OK);
    nv_loop_post(loop, &ending.task);
    nv_loop_join(loop);
    memset(seen, 0, sizeof seen);
    atomic_store(&total, 0);
    post_many(&poster);
    ck_assert_int_eq(nv_loop_start(loop), NV_OK);
    nv_loop_stop(loop);
    ck_assert_uint_eq(atomic_load(&total), TASKS);
    nv_loop_free(loop);
}
END_TEST

struct naming {
    struct nv_loop_task task;
    struct nv_loop *loop;
    char name[16];
};

static void read_name(struct nv_loop_task *task)
{
    struct naming *naming = NV_CONTAINER(task, struct naming, task);
    (void)pthread_getname_np(pthread_self(), naming->name, sizeof naming->name);
    nv_loop_end(naming->loop);
}

START_TEST(threads_have_names)
{
    struct nv_loops loops;
    char own[16];
    ck_assert_int_eq(nv_loops_init(&loops, 1, nv_clock_system()), NV_OK);
    struct naming naming = {.task = {.run = read_name}, .loop = loops.items[0]};
    ck_assert_int_eq(pthread_getname_np(pthread_self(), own, sizeof own), 0);
    for (int named = 0; named < 2; named++) {
        if (named)
            nv_loops_set_name(&loops, "fifteen-letters");
        ck_assert_int_eq(nv_loops_start(&loops), NV_OK);
        nv_loop_post(loops.items[0], &naming.task);
        nv_loop_join(loops.items[0]);
        ck_assert_str_eq(naming.name, named ? "fifteen-letters" : own);
    }
    nv_loops_release(&loops);
}
END_TEST

START_TEST(groups_start_and_stop)
{
    struct nv_loops loops;
    ck_assert_int_eq(nv_loops_init(&loops, 3, nv_clock_system()), NV_OK);
    ck_assert_uint_eq(loops.count, 3);
    ck_assert_int_eq(nv_loops_start(&loops), NV_OK);
    nv_loops_stop(&loops);
    ck_assert_int_eq(nv_loops_start(&loops), NV_OK); /* may be started again */
    nv_loops_stop(&loops);
    nv_loops_release(&loops);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    for (unsigned long n = 1;; n++) {
        struct nv_loops loops;
        oom_fail_nth(n);
        enum nv_err err = nv_loops_init(&loops, 2, nv_clock_system());
        bool failed = oom_end();
        nv_loops_release(&loops);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *tcase = tcase_create("loop");
    tcase_add_test(tcase, tasks_of_many_threads_run_once_and_in_order);
    tcase_add_test(tcase, tasks_left_are_run_when_it_is_freed);
    tcase_add_test(tcase, ticks_may_go_while_they_run);
    tcase_add_test(tcase, descriptors_are_watched_for_what_is_wanted);
    tcase_add_test(tcase, an_alarm_rings_once_each_time_it_is_set);
    tcase_add_test(tcase, a_thread_that_ends_itself_is_joined);
    tcase_add_test(tcase, threads_have_names);
    tcase_add_test(tcase, groups_start_and_stop);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
