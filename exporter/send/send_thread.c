/*
 * One thread, one loop: an eventfd for wakes, a timer for what is due, libcurl's sockets.
 *
 * Every event ends in the same step, which is cheap when nothing is due; so nothing has to know
 * which event made work. A wake is a write to an eventfd, skipped while an earlier one is still
 * unread: a thousand traces consumed in a burst cost one system call.
 */
#include "exporter/send/send_thread.h"

#include "base/clock.h"
#include "exporter/send/send_curl.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/banned.h"

struct nv_send_thread {
    struct event_base *base;
    struct event *wake, *timer;
    int wake_fd;
    _Atomic bool awake; /* a wake is on its way */
    struct nv_send_curl *curl;
    struct nv_send_work work;
    pthread_t thread;
    bool running;
};

static void step(void *ctx)
{
    struct nv_send_thread *thread = ctx;
    bool finished = false;
    uint64_t wait_ns = thread->work.step(thread->work.ctx, &finished);
    struct timeval wait;

    if (finished) {
        (void)event_base_loopbreak(thread->base);
        return;
    }
    if (wait_ns == UINT64_MAX) {
        (void)evtimer_del(thread->timer);
        return;
    }
    /* Rounded up, so that the timer does not fire just before the time. */
    wait.tv_sec = (time_t)(wait_ns / NV_NS_PER_S);
    wait.tv_usec = (suseconds_t)(wait_ns % NV_NS_PER_S / 1000 + 1);
    if (wait.tv_usec >= 1000000) {
        wait.tv_sec++;
        wait.tv_usec = 0;
    }
    (void)evtimer_add(thread->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    step(ctx);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct nv_send_thread *thread = ctx;
    uint64_t count;

    (void)what;
    /* Cleared before the step looks: a wake from here on is a new one. */
    if (read((int)fd, &count, sizeof count) > 0)
        atomic_store(&thread->awake, false);
    step(thread);
}

static bool make_loop(struct nv_send_thread *thread)
{
    thread->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    thread->base = event_base_new();
    if (thread->wake_fd < 0 || !thread->base)
        return false;
    thread->timer = evtimer_new(thread->base, on_timer, thread);
    thread->wake =
        event_new(thread->base, thread->wake_fd, EV_READ | EV_PERSIST, on_wake, thread);
    return thread->timer != NULL && thread->wake != NULL && event_add(thread->wake, NULL) == 0;
}

struct nv_send_thread *nv_send_thread_new(const struct nv_exporter_config *config,
                                          const struct nv_endpoint *endpoint,
                                          const struct nv_send_work *work, struct nv_fail *fail)
{
    struct nv_send_thread *thread = calloc(1, sizeof *thread);
    const struct nv_send_after after = {step, thread};

    if (!thread) {
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        return NULL;
    }
    thread->wake_fd = -1;
    thread->work = *work;
    if (!make_loop(thread)) {
        (void)nv_fail_set(fail, NV_ERR_IO, 0, "the exporter's event loop can't be made");
        nv_send_thread_free(thread);
        return NULL;
    }
    if (endpoint) {
        thread->curl = nv_send_curl_new(thread->base, config, endpoint, &after, fail);
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

static void *run(void *ctx)
{
    struct nv_send_thread *thread = ctx;

    (void)event_base_dispatch(thread->base);
    return NULL;
}

enum nv_err nv_send_thread_start(struct nv_send_thread *thread)
{
    assert(!thread->running);
    if (pthread_create(&thread->thread, NULL, run, thread) != 0)
        return NV_ERR_NO_MEMORY;
    thread->running = true;
    return NV_OK;
}

void nv_send_thread_wake(struct nv_send_thread *thread)
{
    const uint64_t one = 1;
    ssize_t n;

    if (atomic_exchange(&thread->awake, true))
        return;
    /* A full counter wakes too; nothing else can go wrong with our own eventfd. */
    n = write(thread->wake_fd, &one, sizeof one);
    (void)n;
}

void nv_send_thread_join(struct nv_send_thread *thread)
{
    if (!thread->running)
        return;
    (void)pthread_join(thread->thread, NULL);
    thread->running = false;
}

void nv_send_thread_free(struct nv_send_thread *thread)
{
    if (!thread)
        return;
    assert(!thread->running);
    nv_send_curl_free(thread->curl);
    if (thread->wake)
        event_free(thread->wake);
    if (thread->timer)
        event_free(thread->timer);
    if (thread->base)
        event_base_free(thread->base);
    if (thread->wake_fd >= 0)
        (void)close(thread->wake_fd);
    free(thread);
}
