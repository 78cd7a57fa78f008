/*
 * The thread's loop: it steps when woken, when its time has come and until it is told to end.
 */
#include "expect.h"
#include "oom.h"

#include "base/clock.h"
#include "exporter/send/send_thread.h"

#include <pthread.h>

#include "base/banned.h"

struct counted {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned steps, until;
    uint64_t wait_ns;
};

static struct counted counted;
static struct nv_exporter_config config;

static uint64_t step(void *ctx, bool *finished)
{
    struct counted *c = ctx;
    uint64_t wait_ns;

    (void)pthread_mutex_lock(&c->lock);
    c->steps++;
    *finished = c->steps >= c->until;
    wait_ns = c->wait_ns;
    (void)pthread_cond_broadcast(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
    return wait_ns;
}

static const struct nv_send_work work = {step, &counted, "send"};

static void setup(void)
{
    nv_exporter_config_init(&config);
    config.api_key = "k";
    counted = (struct counted){.until = 1, .wait_ns = UINT64_MAX};
    ck_assert_int_eq(pthread_mutex_init(&counted.lock, NULL), 0);
    ck_assert_int_eq(pthread_cond_init(&counted.changed, NULL), 0);
}

static void wait_for(unsigned steps)
{
    (void)pthread_mutex_lock(&counted.lock);
    while (counted.steps < steps)
        (void)pthread_cond_wait(&counted.changed, &counted.lock);
    (void)pthread_mutex_unlock(&counted.lock);
}

START_TEST(each_wake_steps)
{
    struct nv_send_thread *thread =
        nv_send_thread_new(&config, NULL, &work, nv_clock_system(), NULL);

    counted.until = 20;
    ck_assert_ptr_null(nv_send_thread_transport(thread));
    ck_assert_int_eq(nv_send_thread_start(thread), NV_OK);
    for (unsigned i = 1; i <= 20; i++) {
        nv_send_thread_wake(thread);
        wait_for(i);
    }
    nv_send_thread_join(thread);
    nv_send_thread_join(thread);
    ck_assert_uint_eq(counted.steps, 20);
    nv_send_thread_free(thread);
}
END_TEST

START_TEST(time_steps_too)
{
    struct nv_send_thread *thread =
        nv_send_thread_new(&config, NULL, &work, nv_clock_system(), NULL);

    counted.until = 5;
    /* A whole second but one microsecond: rounding up must not give a bad timeval. */
    counted.wait_ns = _i == 0 ? NV_NS_PER_MS : NV_NS_PER_S - 500;
    if (_i == 1)
        counted.until = 2;
    ck_assert_int_eq(nv_send_thread_start(thread), NV_OK);
    nv_send_thread_wake(thread);
    nv_send_thread_join(thread);
    ck_assert_uint_eq(counted.steps, counted.until);
    nv_send_thread_free(thread);
}
END_TEST

START_TEST(no_memory)
{
    struct nv_endpoint endpoint;
    bool failed = true;

    ck_assert_int_eq(nv_endpoint_parse(NV_STR("http://127.0.0.1:1"), &endpoint, NULL), NV_OK);
    for (unsigned long nth = 1; failed; nth++) {
        struct nv_fail fail = {0};
        struct nv_send_thread *thread;

        oom_fail_nth(nth);
        thread = nv_send_thread_new(&config, &endpoint, &work, nv_clock_system(), &fail);
        failed = oom_end();
        ck_assert_int_eq(thread == NULL, failed);
        ck_assert_int_eq(fail.code != NV_OK, failed);
        nv_send_thread_free(thread);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/send_thread");
    TCase *tcase = tcase_create("thread");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, each_wake_steps);
    tcase_add_loop_test(tcase, time_steps_too, 0, 2);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
