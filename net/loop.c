/*
 * Event loop on libevent's core (epoll), the only source that knows libevent.
 *
 * The event_base belongs to one thread and is never touched by another, so libevent's own
 * locking is not needed: other threads put a task into the mailbox and write to an eventfd.
 * Only the first task of a batch writes, so a busy loop costs its helpers no system calls.
 * Deadlines are not libevent timers: a connection has one absolute deadline that moves with its
 * state, and a coarse tick that walks all connections is cheaper than a heap that is changed
 * twice a request. The tick runs only while somebody wants one. The exporter, which has one
 * thing to wait for and sleeps for hours, has an alarm instead: that one is libevent's timer.
 *
 *   new ──start──▶ thread runs ──stop: wake, break──▶ ended ──join: tasks left──▶ stopped
 *    │                  └────────end: break──────────▶  │                            │
 *    └──run──▶ caller's thread runs ──end──▶ new        └ start again ◀──────────────┘
 */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/banned.h"

#define LOOPS_MAX 256
#define NS_PER_US UINT64_C(1000)
#define NEVER_S ((time_t)1 << 30) /* 34 years */
#define US_PER_S UINT64_C(1000000)

/* The loop that this thread runs. pthread_create may store the id after the thread has
 * begun. */
static _Thread_local const struct nv_loop *current;

struct nv_loop {
    struct event_base *base;
    const struct nv_clock *clock;
    struct event *wake_event;
    struct event *tick_event;
    int wake_fd;
    pthread_t thread;
    const char *name; /* of the thread; NULL: none of its own */
    atomic_bool started, stopping;
    pthread_mutex_t lock; /* of first and last */
    struct nv_loop_task *first, *last;
    struct nv_loop_tick *ticks;
    struct nv_loop_tick *next_tick; /* while ticks are run: the one after, so that one may go */
    char scratch[NV_LOOP_SCRATCH_BYTES];
};

/* All of them at once: what they post meanwhile waits for the next turn, so that tasks which
 * post tasks never keep the sockets waiting. */
static struct nv_loop_task *take_tasks(struct nv_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct nv_loop_task *tasks = loop->first;
    loop->first = loop->last = NULL;
    pthread_mutex_unlock(&loop->lock);
    return tasks;
}

static void run_tasks(struct nv_loop *loop)
{
    struct nv_loop_task *next;
    for (struct nv_loop_task *task = take_tasks(loop); task; task = next) {
        next = task->next; /* run may free the task */
        task->run(task);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct nv_loop *loop = ctx;
    uint64_t count;
    (void)what;
    while (read((int)fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
    run_tasks(loop);
    if (atomic_load(&loop->stopping))
        event_base_loopbreak(loop->base);
}

void nv_loop_tick_now(struct nv_loop *loop)
{
    uint64_t now_ns = nv_clock_mono_ns(loop->clock);
    for (struct nv_loop_tick *tick = loop->ticks; tick; tick = loop->next_tick) {
        loop->next_tick = tick->next;
        tick->run(tick, now_ns);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    nv_loop_tick_now(ctx);
}

/*
 * All timers are pending from the beginning to the end, the unset ones for `never`: libevent
 * takes memory only for a timer that is not pending, so that setting one can't fail.
 */
static const struct timeval never = {NEVER_S, 0};

static struct event *timer_new(struct nv_loop *loop, event_callback_fn call, void *ctx)
{
    struct event *event = event_new(loop->base, -1, EV_PERSIST, call, ctx);
    if (event && event_add(event, &never) != 0) {
        event_free(event);
        event = NULL;
    }
    return event;
}

static void set_timer(struct event *event, const struct timeval *wait)
{
    int failed = event_add(event, wait);
    assert(failed == 0);
    (void)failed;
}

static bool open_events(struct nv_loop *loop)
{
    struct event_config *config = event_config_new();
    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        loop->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!loop->base || loop->wake_fd < 0)
        return false;
    loop->wake_event =
        event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    loop->tick_event = timer_new(loop, on_tick, loop);
    return loop->wake_event != NULL && loop->tick_event != NULL &&
           event_add(loop->wake_event, NULL) == 0;
}

const char *nv_loop_library(void)
{
    return event_get_version();
}

struct nv_loop *nv_loop_new(const struct nv_clock *clock)
{
    assert(clock != NULL);
    struct nv_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->clock = clock;
    loop->wake_fd = -1;
    if (pthread_mutex_init(&loop->lock, NULL) != 0) {
        free(loop);
        return NULL;
    }
    if (!open_events(loop)) {
        nv_loop_free(loop);
        return NULL;
    }
    return loop;
}

void nv_loop_free(struct nv_loop *loop)
{
    if (!loop)
        return;
    assert(!loop->started);
    run_tasks(loop);
    if (loop->wake_event)
        event_free(loop->wake_event);
    if (loop->tick_event)
        event_free(loop->tick_event);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

static void wake(struct nv_loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void *loop_thread(void *ctx)
{
    struct nv_loop *loop = ctx;
    current = loop;
    if (loop->name)
        (void)pthread_setname_np(pthread_self(), loop->name);
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

void nv_loop_set_name(struct nv_loop *loop, const char *name)
{
    assert(!loop->started);
    loop->name = name;
}

enum nv_err nv_loop_start(struct nv_loop *loop)
{
    sigset_t all, before;
    assert(!loop->started);
    atomic_store(&loop->stopping, false);
    loop->started = true;
    /* Signals are the main thread's; SIGPIPE blocked here also makes OpenSSL's writes safe. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&loop->thread, NULL, loop_thread, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0) {
        loop->started = false;
        return err == EAGAIN ? NV_ERR_NO_MEMORY : NV_ERR_IO;
    }
    return NV_OK;
}

void nv_loop_join(struct nv_loop *loop)
{
    if (!loop->started)
        return;
    assert(current != loop);
    pthread_join(loop->thread, NULL);
    loop->started = false;
    run_tasks(loop); /* what was posted after the last turn */
}

void nv_loop_stop(struct nv_loop *loop)
{
    if (!loop->started)
        return;
    atomic_store(&loop->stopping, true);
    wake(loop);
    nv_loop_join(loop);
}

void nv_loop_run(struct nv_loop *loop)
{
    assert(!loop->started);
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void nv_loop_end(struct nv_loop *loop)
{
    assert(nv_loop_is_current(loop));
    event_base_loopbreak(loop->base);
}

void nv_loop_turn(struct nv_loop *loop)
{
    assert(!loop->started);
    event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK); /* ONCE: sockets stay ready */
}

void nv_loop_post(struct nv_loop *loop, struct nv_loop_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool first = loop->first == NULL;
    if (first)
        loop->first = task;
    else
        loop->last->next = task;
    loop->last = task;
    if (first)
        wake(loop); /* under the lock: the loop may be freed as soon as the task has run */
    pthread_mutex_unlock(&loop->lock);
}

bool nv_loop_is_current(const struct nv_loop *loop)
{
    /* Before the start and after the join it is whose it is: nobody else can run it. */
    return current == loop || !loop->started;
}

const struct nv_clock *nv_loop_clock(const struct nv_loop *loop)
{
    return loop->clock;
}

char *nv_loop_scratch(struct nv_loop *loop)
{
    assert(nv_loop_is_current(loop));
    return loop->scratch;
}

void nv_loop_add_tick(struct nv_loop *loop, struct nv_loop_tick *tick)
{
    assert(nv_loop_is_current(loop));
    static const struct timeval period = {0, NV_LOOP_TICK_MS * 1000};
    if (!loop->ticks)
        set_timer(loop->tick_event, &period);
    tick->next = loop->ticks;
    loop->ticks = tick;
}

void nv_loop_remove_tick(struct nv_loop *loop, struct nv_loop_tick *tick)
{
    assert(nv_loop_is_current(loop));
    struct nv_loop_tick **at = &loop->ticks;
    while (*at && *at != tick)
        at = &(*at)->next;
    if (*at == tick)
        *at = tick->next;
    if (loop->next_tick == tick)
        loop->next_tick = tick->next;
    if (!loop->ticks)
        set_timer(loop->tick_event, &never);
}

/* ---- descriptors ------------------------------------------------------------------------- */

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct nv_io *io = ctx;
    (void)fd;
    unsigned ready =
        ((what & EV_READ) ? NV_IO_READ : 0u) | ((what & EV_WRITE) ? NV_IO_WRITE : 0u);
    io->ready(io, ready);
}

enum nv_err nv_io_init(struct nv_io *io, struct nv_loop *loop, int fd,
                       void (*ready)(struct nv_io *io, unsigned what))
{
    *io = (struct nv_io){.ready = ready, .loop = loop, .fd = fd, .wanted = NV_IO_NONE};
    io->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_ready, io);
    return io->event != NULL ? NV_OK : NV_ERR_NO_MEMORY;
}

void nv_io_rest(struct nv_io *io)
{
    assert(nv_loop_is_current(io->loop));
    if (io->wanted != NV_IO_NONE)
        event_del(io->event);
    io->wanted = NV_IO_NONE;
}

enum nv_err nv_io_want(struct nv_io *io, unsigned what)
{
    assert(nv_loop_is_current(io->loop));
    if (io->wanted == what)
        return NV_OK;
    nv_io_rest(io);
    if (what == NV_IO_NONE)
        return NV_OK;
    short events = (short)(EV_PERSIST | ((what & NV_IO_READ) ? EV_READ : 0) |
                           ((what & NV_IO_WRITE) ? EV_WRITE : 0));
    /* libevent changes what an event waits for only while it is not pending: nv_io_rest came
     * first. */
    if (event_assign(io->event, io->loop->base, io->fd, events, on_ready, io) != 0 ||
        event_add(io->event, NULL) != 0)
        return NV_ERR_IO;
    io->wanted = what;
    return NV_OK;
}

void nv_io_release(struct nv_io *io)
{
    if (io->event) {
        event_free(io->event); /* deletes it too */
        io->event = NULL;
        io->wanted = NV_IO_NONE;
    }
}

/* ---- alarms ------------------------------------------------------------------------------ */

static void on_alarm(evutil_socket_t fd, short what, void *ctx)
{
    struct nv_alarm *alarm = ctx;
    (void)fd;
    (void)what;
    set_timer(alarm->event, &never); /* libevent has set it to the same wait again */
    alarm->ring(alarm);
}

enum nv_err nv_alarm_init(struct nv_alarm *alarm, struct nv_loop *loop,
                          void (*ring)(struct nv_alarm *alarm))
{
    *alarm = (struct nv_alarm){.ring = ring};
    alarm->event = timer_new(loop, on_alarm, alarm);
    return alarm->event != NULL ? NV_OK : NV_ERR_NO_MEMORY;
}

void nv_alarm_set(struct nv_alarm *alarm, uint64_t wait_ns)
{
    uint64_t wait_us = wait_ns / NS_PER_US + (wait_ns % NS_PER_US != 0);
    struct timeval wait = {(time_t)(wait_us / US_PER_S), (suseconds_t)(wait_us % US_PER_S)};
    set_timer(alarm->event, wait.tv_sec < NEVER_S ? &wait : &never);
}

void nv_alarm_release(struct nv_alarm *alarm)
{
    if (alarm->event) {
        event_free(alarm->event);
        alarm->event = NULL;
    }
}

/* ---- groups ------------------------------------------------------------------------------ */

enum nv_err nv_loops_init(struct nv_loops *loops, unsigned count, const struct nv_clock *clock)
{
    assert(count > 0 && count <= LOOPS_MAX);
    *loops = (struct nv_loops){.items = calloc(count, sizeof *loops->items), .count = 0};
    if (!loops->items)
        return NV_ERR_NO_MEMORY;
    while (loops->count < count) {
        struct nv_loop *loop = nv_loop_new(clock);
        if (!loop)
            return NV_ERR_NO_MEMORY;
        loops->items[loops->count++] = loop;
    }
    return NV_OK;
}

void nv_loops_set_name(const struct nv_loops *loops, const char *name)
{
    for (unsigned i = 0; i < loops->count; i++)
        nv_loop_set_name(loops->items[i], name);
}

enum nv_err nv_loops_start(struct nv_loops *loops)
{
    enum nv_err err = NV_OK;
    for (unsigned i = 0; i < loops->count && err == NV_OK; i++)
        err = nv_loop_start(loops->items[i]);
    return err;
}

void nv_loops_stop(struct nv_loops *loops)
{
    for (unsigned i = 0; i < loops->count; i++)
        nv_loop_stop(loops->items[i]);
}

void nv_loops_release(struct nv_loops *loops)
{
    for (unsigned i = 0; i < loops->count; i++)
        nv_loop_free(loops->items[i]);
    free(loops->items);
    *loops = (struct nv_loops){NULL, 0};
}
