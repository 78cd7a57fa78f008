/*
 * One thread, one loop: wakes, an alarm for what is due, libcurl's sockets.
 *
 *   consume ──wake──▶ task ──┐
 *   time      ──────▶ alarm ─┼──▶ step: do what is due ──▶ set the alarm to what is due next
 *   libcurl   ──────▶ after ─┘                        └─▶ finished: end the loop
 *
 * Every event ends in the same step, which is cheap when nothing is due; so nothing has to know
 * which event made work. A wake is posted only when no earlier one waits: a thousand traces
 * consumed in a burst cost one system call. In the end the step ends the loop, not who joins:
 * only the step knows that all is sent or kept.
 */
#include "exporter/send/send_thread.h"

#include "exporter/send/send_curl.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

struct nv_send_thread {
    struct nv_loop *loop;
    struct nv_loop_task wake;
    struct nv_alarm alarm;
    atomic_bool awake; /* a wake is on its way */
    bool finished;     /* of the loop's thread, and of who joined it */
    struct nv_send_curl *curl;
    struct nv_send_work work;
};

static void step(void *ctx)
{
    struct nv_send_thread *thread = ctx;
    uint64_t wait_ns;

    if (thread->finished)
        return;
    wait_ns = thread->work.step(thread->work.ctx, &thread->finished);
    if (thread->finished)
        nv_loop_end(thread->loop);
    else
        nv_alarm_set(&thread->alarm, wait_ns);
}

static void on_alarm(struct nv_alarm *alarm)
{
    step(NV_CONTAINER(alarm, struct nv_send_thread, alarm));
}

static void on_wake(struct nv_loop_task *task)
{
    struct nv_send_thread *thread = NV_CONTAINER(task, struct nv_send_thread, wake);

    /* Cleared before the step looks: a wake from here on is a new one. */
    atomic_store(&thread->awake, false);
    step(thread);
}

struct nv_send_thread *nv_send_thread_new(const struct nv_exporter_config *config,
                                          const struct nv_endpoint *endpoint,
                                          const struct nv_send_work *work,
                                          const struct nv_clock *clock, struct nv_fail *fail)
{
    struct nv_send_thread *thread = calloc(1, sizeof *thread);
    const struct nv_send_after after = {step, thread};

    if (!thread) {
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        return NULL;
    }
    thread->work = *work;
    thread->wake.run = on_wake;
    thread->loop = nv_loop_new(clock);
    if (!thread->loop || nv_alarm_init(&thread->alarm, thread->loop, on_alarm) != NV_OK) {
        (void)nv_fail_set(fail, NV_ERR_IO, 0, "the exporter's event loop can't be made");
        nv_send_thread_free(thread);
        return NULL;
    }
    if (endpoint) {
        thread->curl = nv_send_curl_new(thread->loop, config, endpoint, &after, fail);
        if (!thread->curl) {
            nv_send_thread_free(thread);
            return NULL;
        }
    }
    return thread;
}

const struct nv_transport *nv_send_thread_transport(const struct nv_send_thread *thread)
{
    return thread->curl != NULL ? nv_send_curl_transport(thread->curl) : NULL;
}

enum nv_err nv_send_thread_start(struct nv_send_thread *thread)
{
    nv_loop_set_name(thread->loop, thread->work.name);
    return nv_loop_start(thread->loop);
}

void nv_send_thread_wake(struct nv_send_thread *thread)
{
    if (!atomic_exchange(&thread->awake, true))
        nv_loop_post(thread->loop, &thread->wake);
}

void nv_send_thread_join(struct nv_send_thread *thread)
{
    nv_loop_join(thread->loop);
}

void nv_send_thread_free(struct nv_send_thread *thread)
{
    if (!thread)
        return;
    /* A wake that nobody has heard is no work any more. */
    thread->finished = true;
    nv_send_curl_free(thread->curl);
    nv_alarm_release(&thread->alarm);
    nv_loop_free(thread->loop);
    free(thread);
}
