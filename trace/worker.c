/*
 * The queue's two ends, and the life of the sending thread.
 *
 * A span is put without a lock and usually without a system call: the thread is only woken when
 * it sleeps with an empty queue, and when a batch is full. `put` and `handled` count spans
 * since the start; a flush waits until handled has reached what put was. The semaphore is all
 * that the thread sleeps on, besides libcurl: posting it waits for nobody.
 *
 * Stopping sets a deadline that the thread looks at wherever it waits. Should it not come back
 * in time (libcurl in a name server's hands) it is left alone with what it holds, and the
 * process ends without it.
 *
 *   put ─▶ ring ─▶ the thread ▸ wait ▸ trace/deliver.c     exported or dropped: `handled` grows
 *    │ counts `put`
 *    └ wakes when idle or a batch is full
 *
 * Spans that stages hold are handled when their trace is; the thread wakes when it is time for
 * them, too.
 *
 * The thread is started by the first span and not by the start: a program that traces nothing
 * has no thread, and one that forks after the start has it where spans are.
 */
#include "trace/worker.h"

#include "trace/deliver.h"

#include <errno.h>
#include <signal.h>

#include "base/banned.h"

/* How long past its deadline the thread may take to come back. */
#define GRACE_NS (NV_NS_PER_S / 2)

/* ---- the thread -------------------------------------------------------------------------- */

static bool is_stopping(void)
{
    return atomic_load(&nv_trace_worker.deadline_ns) != NV_TRACE_NEVER;
}

/* Spans that nobody has taken from the queue; what stages hold has left it. */
static uint64_t waiting(void)
{
    return atomic_load(&nv_trace_worker.put) - atomic_load(&nv_trace_worker.handled) -
           nv_trace_worker.direct.held;
}

/* Somebody flushes, and is not through with it. */
static bool is_awaited(void)
{
    return atomic_load(&nv_trace_worker.flush_to) >
           atomic_load(&nv_trace_worker.handled) + nv_trace_worker.direct.held;
}

static bool is_due(void)
{
    return is_stopping() || is_awaited() || waiting() >= nv_trace_worker.config->batch_spans ||
           nv_trace_mono_ns() >= nv_trace_worker.tick_ns;
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* Until there is something to do, and then until others have had time to come as well. */
static void wait_for_spans(void)
{
    atomic_store(&nv_trace_worker.idle, true);
    while (waiting() == 0 && !is_stopping() && nv_trace_mono_ns() < nv_trace_worker.tick_ns) {
        nv_trace_sleep_until(
            earlier(nv_trace_worker.tick_ns, nv_trace_mono_ns() + 3600 * NV_NS_PER_S));
        atomic_store(&nv_trace_worker.idle, true);
    }
    atomic_store(&nv_trace_worker.idle, false);
    uint64_t until = nv_trace_mono_ns() + nv_trace_worker.config->delay_ms * NV_NS_PER_MS;
    while (!is_due() && nv_trace_mono_ns() < until)
        nv_trace_sleep_until(earlier(nv_trace_worker.tick_ns, until));
}

static void work(void)
{
    struct nv_trace_request request;
    nv_trace_request_init(&request);
    for (;;) {
        wait_for_spans();
        if (nv_trace_time_is_up())
            break;
        nv_trace_send_batch(&request);
        if (nv_trace_worker.config->stages)
            nv_trace_go_on();
        if (is_stopping() && waiting() == 0)
            break;
    }
    nv_trace_deliver_last();
    nv_trace_drop_queue(NV_TRACE_COUNT_dropped_stopped);
    nv_trace_request_release(&request);
}

/* The last that the thread does. When nobody stopped it, it could not begin: then the next span
 * starts another one, and what is queued until now goes. */
static void finish(void)
{
    pthread_mutex_lock(&nv_trace_worker.lock);
    if (!is_stopping()) {
        (void)pthread_detach(pthread_self());
        atomic_store(&nv_trace_worker.running, false);
        nv_trace_drop_queue(NV_TRACE_COUNT_dropped_memory);
    }
    nv_trace_worker.finished = true;
    pthread_cond_broadcast(&nv_trace_worker.changed);
    pthread_mutex_unlock(&nv_trace_worker.lock);
}

/* In the child of a fork they are not open yet. */
static bool open_stages(void)
{
    char why[200];
    nv_trace_worker.tick_ns = NV_TRACE_NEVER;
    if (!nv_trace_worker.config->stages || nv_trace_worker.direct.pipeline)
        return true;
    if (nv_trace_direct_open(&nv_trace_worker.direct, nv_trace_worker.config, why,
                             sizeof why) == NOVEUM_OK)
        return true;
    nv_trace_fail(nv_trace_worker.config, "the stages do not open: %s", why);
    return false;
}

static void *run(void *unused)
{
    (void)unused;
    /* locked: libcurl has a lock of its own there, which a fork would leave locked */
    pthread_mutex_lock(&nv_trace_worker.lock);
    nv_trace_worker.sender = nv_trace_sender_new(nv_trace_worker.config);
    pthread_mutex_unlock(&nv_trace_worker.lock);
    if (!nv_trace_worker.sender)
        nv_trace_fail(nv_trace_worker.config, "out of memory for libcurl");
    else if (open_stages())
        work();
    pthread_mutex_lock(&nv_trace_worker.lock);
    struct nv_trace_sender *sender = nv_trace_worker.sender;
    nv_trace_worker.sender = NULL;
    pthread_mutex_unlock(&nv_trace_worker.lock);
    nv_trace_sender_free(sender);
    finish();
    return NULL;
}

/* Under the lock. All signals are blocked in it: the program's handlers run on its own
 * threads. */
static bool start_thread(void)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    nv_trace_worker.finished = false;
    bool started = pthread_create(&nv_trace_worker.thread, NULL, run, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    atomic_store(&nv_trace_worker.running, started);
    return started;
}

/* Behind every put, so that no span lies where no thread is. */
static void ensure_thread(void)
{
    if (atomic_load(&nv_trace_worker.running))
        return;
    pthread_mutex_lock(&nv_trace_worker.lock);
    bool nobody = !atomic_load(&nv_trace_worker.running) &&
                  (!nv_trace_worker.left || nv_trace_worker.finished);
    if (nobody && !(atomic_load(&nv_trace_worker.accepting) && start_thread())) {
        nv_trace_drop_queue(atomic_load(&nv_trace_worker.accepting)
                                ? NV_TRACE_COUNT_dropped_memory
                                : NV_TRACE_COUNT_dropped_stopped);
    }
    pthread_mutex_unlock(&nv_trace_worker.lock);
}

/* ---- from outside ------------------------------------------------------------------------ */

/* Waiting is measured by the monotonic clock, which only an attribute makes a condition do. */
static void make_ready(void)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&nv_trace_worker.changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)sem_init(&nv_trace_worker.wake, 0, 0);
    nv_trace_worker.ready = true;
}

noveum_result nv_trace_worker_start(const struct nv_trace_config *config, char why[200])
{
    pthread_mutex_lock(&nv_trace_worker.lock);
    bool busy = nv_trace_worker.left && !nv_trace_worker.finished;
    nv_trace_worker.left = nv_trace_worker.left && busy;
    pthread_mutex_unlock(&nv_trace_worker.lock);
    if (busy)
        return NOVEUM_BUSY;
    if (!nv_trace_worker.ready)
        make_ready();
    /* a ring only grows: an old one with room is kept, since a put may be under way in it */
    if (atomic_load(&nv_trace_worker.ring_size) < config->queue_spans) {
        struct nv_trace_ring ring;
        if (!nv_trace_ring_init(&ring, config->queue_spans))
            return NOVEUM_NO_MEMORY;
        nv_trace_ring_release(&nv_trace_worker.ring);
        nv_trace_worker.ring = ring;
        atomic_store(&nv_trace_worker.ring_size, config->queue_spans);
    }
    if (config->stages) {
        noveum_result result = nv_trace_direct_open(&nv_trace_worker.direct, config, why, 200);
        if (result != NOVEUM_OK)
            return result;
    }
    nv_trace_worker.config = config;
    atomic_store(&nv_trace_worker.deadline_ns, NV_TRACE_NEVER);
    atomic_store(&nv_trace_worker.hurry, false); /* of a flush before the last shutdown */
    atomic_store(&nv_trace_worker.accepting, true);
    return NOVEUM_OK;
}

static bool refuse(enum nv_trace_count why)
{
    atomic_fetch_sub(&nv_trace_state.queued, 1);
    nv_trace_add(why, 1);
    return false;
}

bool nv_trace_worker_put(struct nv_trace_span *span)
{
    /* counted before it is in the ring, so that the limit holds; and taken back when it can't
     * go in */
    uint64_t queued = atomic_fetch_add(&nv_trace_state.queued, 1);
    if (!atomic_load(&nv_trace_worker.accepting))
        return refuse(NV_TRACE_COUNT_dropped_stopped);
    if (queued >= span->config->queue_spans)
        return refuse(NV_TRACE_COUNT_dropped_full);
    bool full = queued + 1 == span->config->batch_spans;
    atomic_fetch_add(&nv_trace_worker.put, 1);
    if (!nv_trace_ring_put(&nv_trace_worker.ring, span->index)) {
        atomic_fetch_sub(&nv_trace_worker.put, 1);
        return refuse(NV_TRACE_COUNT_dropped_full);
    }
    ensure_thread();
    /* looked at before it is changed: only one of many spans finds the thread asleep */
    if (full ||
        (atomic_load(&nv_trace_worker.idle) && atomic_exchange(&nv_trace_worker.idle, false)))
        (void)sem_post(&nv_trace_worker.wake);
    return true;
}

/* Under the lock, until `done` or the time. */
static bool wait_until(bool (*done)(uint64_t ticket), uint64_t ticket, uint64_t until)
{
    struct timespec at = nv_trace_timespec(until);
    while (!done(ticket)) {
        if (pthread_cond_timedwait(&nv_trace_worker.changed, &nv_trace_worker.lock, &at) ==
            ETIMEDOUT)
            return done(ticket);
    }
    return true;
}

static bool is_handled(uint64_t ticket)
{
    return atomic_load(&nv_trace_worker.handled) >= ticket || nv_trace_worker.finished;
}

static bool is_finished(uint64_t ticket)
{
    (void)ticket;
    return nv_trace_worker.finished;
}

static void hurry(void)
{
    atomic_store(&nv_trace_worker.hurry, true);
    (void)sem_post(&nv_trace_worker.wake);
}

noveum_result nv_trace_worker_flush(uint32_t timeout_ms)
{
    uint64_t ticket = atomic_load(&nv_trace_worker.put);
    uint64_t until = nv_trace_mono_ns() + timeout_ms * NV_NS_PER_MS;
    if (!atomic_load(&nv_trace_worker.running) ||
        atomic_load(&nv_trace_worker.handled) >= ticket)
        return NOVEUM_OK;
    pthread_mutex_lock(&nv_trace_worker.lock);
    if (atomic_load(&nv_trace_worker.flush_to) < ticket)
        atomic_store(&nv_trace_worker.flush_to, ticket);
    hurry();
    bool done = wait_until(is_handled, ticket, until);
    pthread_mutex_unlock(&nv_trace_worker.lock);
    return done ? NOVEUM_OK : NOVEUM_TIMEOUT;
}

/* Under the lock. */
static void set_deadline(uint64_t deadline)
{
    atomic_store(&nv_trace_worker.deadline_ns, deadline);
    if (nv_trace_worker.sender)
        nv_trace_sender_wake(nv_trace_worker.sender);
    hurry();
}

noveum_result nv_trace_worker_stop(uint32_t timeout_ms)
{
    uint64_t until = nv_trace_mono_ns() + timeout_ms * NV_NS_PER_MS;
    uint64_t dropped = atomic_load(&nv_trace_state.counts[NV_TRACE_COUNT_dropped_stopped]);
    pthread_mutex_lock(&nv_trace_worker.lock);
    atomic_store(&nv_trace_worker.accepting, false);
    bool running = atomic_load(&nv_trace_worker.running);
    bool finished = true;
    if (running) {
        set_deadline(until);
        finished = wait_until(is_finished, 0, until + GRACE_NS);
        atomic_store(&nv_trace_worker.running, false);
        /* it goes on with what it holds, and a later start says BUSY until it has ended */
        nv_trace_worker.left = !finished;
    }
    if (!running && (!nv_trace_worker.left || nv_trace_worker.finished)) {
        nv_trace_drop_queue(NV_TRACE_COUNT_dropped_stopped);
        nv_trace_direct_close(&nv_trace_worker.direct); /* of a start that no span followed */
    }
    pthread_mutex_unlock(&nv_trace_worker.lock);
    if (running && finished)
        (void)pthread_join(nv_trace_worker.thread, NULL);
    else if (running)
        (void)pthread_detach(nv_trace_worker.thread);
    bool all = dropped == atomic_load(&nv_trace_state.counts[NV_TRACE_COUNT_dropped_stopped]);
    return finished && all ? NOVEUM_OK : NOVEUM_TIMEOUT;
}

void nv_trace_worker_before_fork(void)
{
    pthread_mutex_lock(&nv_trace_worker.lock);
}

void nv_trace_worker_after_fork_parent(void)
{
    pthread_mutex_unlock(&nv_trace_worker.lock);
}

/* The sender and the request stay with the parent's thread, of which the child has a copy that
 * nobody may touch: their sockets are the parent's. */
void nv_trace_worker_after_fork_child(void)
{
    pthread_mutex_unlock(&nv_trace_worker.lock);
    if (!nv_trace_worker.ready)
        return;
    make_ready();
    if (nv_trace_worker.ring.cells)
        nv_trace_ring_clear(&nv_trace_worker.ring);
    atomic_store(&nv_trace_worker.running, false);
    nv_trace_worker.sender = NULL;
    nv_trace_direct_forget(&nv_trace_worker.direct);
    nv_trace_worker.left = false;
    atomic_store(&nv_trace_worker.put, 0);
    atomic_store(&nv_trace_worker.handled, 0);
    atomic_store(&nv_trace_worker.flush_to, 0);
    atomic_store(&nv_trace_worker.hurry, false);
    atomic_store(&nv_trace_worker.idle, false);
    atomic_store(&nv_trace_state.queued, 0);
}
