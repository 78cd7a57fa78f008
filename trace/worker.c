/*
 * Batches, retries, and the life of the sending thread.
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
 *   put ─▶ ring ─▶ collect ─▶ request ─▶ post ─┬─ 2xx ─▶ exported (or rejected)
 *    │ counts `put`                            ├─ may retry ─▶ back off ─▶ post
 *    └ wakes when idle or a batch is full      └─ else ─▶ dropped, counted         `handled` grows
 *
 * The thread is started by the first span and not by the start: a program that traces nothing
 * has no thread, and one that forks after the start has it where spans are.
 */
#include "trace/worker.h"

#include "base/clock.h"
#include "trace/encode.h"
#include "trace/ring.h"
#include "trace/send.h"
#include "trace/w3c.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include "base/banned.h"

/* A request is not made larger by further spans past this; receivers take at least 4 MiB. */
#define BODY_BYTES ((size_t)2 << 20)
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MOST_MS 30000
/* As long as the Collector's exporters retry (max_elapsed_time). */
#define RETRY_NS (300 * NV_NS_PER_S)
/* How long past its deadline the thread may take to come back. */
#define GRACE_NS (NV_NS_PER_S / 2)
#define NEVER UINT64_MAX

static struct {
    pthread_mutex_t lock; /* thread's state; never held while anything is waited for */
    pthread_cond_t changed;
    sem_t wake;
    const struct nv_trace_config *config;
    struct nv_trace_ring ring;
    _Atomic uint32_t ring_size;
    pthread_t thread;
    _Atomic bool running, accepting;
    bool ready, finished;
    bool left; /* a thread that did not end in time */
    _Atomic bool idle, hurry;
    _Atomic uint64_t put, handled, flush_to; /* counts of spans; flush_to: is awaited */
    _Atomic uint64_t deadline_ns;
    struct nv_trace_sender *_Atomic sender;
} worker = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static uint64_t now_ns(void)
{
    return nv_clock_mono_ns(nv_clock_system());
}

static bool time_is_up(void)
{
    return now_ns() >= atomic_load(&worker.deadline_ns);
}

static struct timespec at_ns(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NV_NS_PER_S),
                             .tv_nsec = (long)(ns % NV_NS_PER_S)};
}

/* Sleeps until woken, or the monotonic clock says `until`. */
static void sleep_until(uint64_t until)
{
    struct timespec at = at_ns(until);
    while (sem_clockwait(&worker.wake, CLOCK_MONOTONIC, &at) != 0 && errno == EINTR) {
    }
}

/* Under the lock, or who has just looked and not yet waited would miss it. */
static void say_changed(void)
{
    pthread_mutex_lock(&worker.lock);
    pthread_cond_broadcast(&worker.changed);
    pthread_mutex_unlock(&worker.lock);
}

/* ---- a batch ----------------------------------------------------------------------------- */

/* Spans that are answered for, whatever the answer: `n` of them, counted as `count`. */
static void count_as(uint64_t n, enum nv_trace_count count)
{
    nv_trace_add(count, n);
    atomic_fetch_sub(&nv_trace_state.queued, n);
    atomic_fetch_add(&worker.handled, n);
}

/* The same, and who waits for it is told. */
static void settle(uint64_t n, enum nv_trace_count count)
{
    count_as(n, count);
    say_changed();
}

/* Asked on this thread and not at the span's end: the function is the program's and may be
 * slow. */
static bool caller_wants(const struct nv_trace_span *span)
{
    const struct nv_trace_config *config = worker.config;
    noveum_context context = {.sampled = 1, .remote = 0};
    char name[256];
    if (!config->before_send)
        return true;
    memcpy(context.trace_id, span->trace_id, sizeof context.trace_id);
    memcpy(context.span_id, span->id, sizeof context.span_id);
    struct nv_str text = nv_trace_span_name(span, name);
    size_t len = nv_utf8_cut(text, sizeof name - 1);
    memmove(name, text.ptr, len);
    name[len] = '\0';
    return config->before_send(config->user, &context, span->kind, name) != 0;
}

static void add_span(struct nv_trace_request *request, struct nv_trace_span *span)
{
    if (!caller_wants(span)) {
        settle(1, NV_TRACE_COUNT_dropped_by_caller);
    } else if (nv_trace_request_add(request, span) != NV_OK) {
        nv_trace_fail(worker.config, "out of memory: a span could not be encoded");
        settle(1, NV_TRACE_COUNT_dropped_memory);
    }
    nv_trace_span_give(span);
}

/* Moves spans from the queue into the request, as many as go into one. */
static void collect(struct nv_trace_request *request)
{
    uint32_t index;
    while (request->spans < worker.config->batch_spans && request->body.len < BODY_BYTES &&
           nv_trace_ring_take(&worker.ring, &index))
        add_span(request, nv_trace_span_at(index));
}

/* Those that OTLP names, and no answer at all. */
static bool may_retry(uint32_t status)
{
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static void note_failure(const struct nv_trace_answer *answer)
{
    const char *url = worker.config->endpoint;
    atomic_fetch_add(&nv_trace_state.failures_in_a_row, 1);
    if (answer->status > 0)
        nv_trace_fail(worker.config, "HTTP status %u from %s", answer->status, url);
    else
        nv_trace_fail(worker.config, "%s: %s", url, answer->error);
}

static void note_success(const struct nv_trace_request *request,
                         const struct nv_trace_answer *answer)
{
    struct nv_str why;
    uint64_t rejected = nv_trace_rejected(answer->body, &why);
    atomic_store(&nv_trace_state.failures_in_a_row, 0);
    /* a receiver's number is not believed beyond what was sent: the counts must add up */
    if (rejected > request->spans)
        rejected = request->spans;
    if (rejected > 0) {
        nv_trace_fail(worker.config, "the receiver rejected %llu spans: %.*s",
                      (unsigned long long)rejected, NV_STR_ARG(why));
    }
    if (rejected > 0)
        settle(rejected, NV_TRACE_COUNT_dropped_rejected);
    settle(request->spans - rejected, NV_TRACE_COUNT_exported);
}

/* The wait before the next try: doubled each time, by chance half as long again or half of it,
 * so that many clients do not come back at once. Ends early when somebody flushes or stops. */
static void back_off(unsigned tries, uint32_t retry_after_s)
{
    uint8_t chance = 0;
    uint64_t ms = BACKOFF_FIRST_MS;
    nv_trace_random(&chance, 1);
    for (unsigned i = 1; i < tries && ms < BACKOFF_MOST_MS; i++)
        ms *= 2;
    ms = ms / 2 + ms * chance / 256;
    if (ms < (uint64_t)retry_after_s * 1000)
        ms = (uint64_t)retry_after_s * 1000;
    uint64_t until = now_ns() + ms * NV_NS_PER_MS;
    uint64_t deadline = atomic_load(&worker.deadline_ns);
    while (now_ns() < until && !time_is_up() && !atomic_exchange(&worker.hurry, false))
        sleep_until(until < deadline ? until : deadline);
}

static void send_request(struct nv_trace_request *request)
{
    struct nv_str body = nv_buf_str(&request->body);
    uint64_t give_up = now_ns() + RETRY_NS;
    for (unsigned tries = 1;; tries++) {
        struct nv_trace_answer answer;
        nv_trace_add(tries > 1 ? NV_TRACE_COUNT_retries : NV_TRACE_COUNT_requests, 1);
        nv_trace_sender_post(worker.sender, body, &worker.deadline_ns, &answer);
        atomic_store(&nv_trace_state.last_status, answer.status);
        if (answer.status >= 200 && answer.status < 300) {
            note_success(request, &answer);
            return;
        }
        note_failure(&answer);
        if (!may_retry(answer.status) || now_ns() >= give_up) {
            settle(request->spans, NV_TRACE_COUNT_dropped_failed);
            return;
        }
        if (!time_is_up())
            back_off(tries, answer.retry_after_s);
        if (time_is_up()) {
            settle(request->spans, NV_TRACE_COUNT_dropped_stopped);
            return;
        }
    }
}

/* ---- the thread -------------------------------------------------------------------------- */

static bool is_stopping(void)
{
    return atomic_load(&worker.deadline_ns) != NEVER;
}

static bool is_due(void)
{
    uint64_t waiting = atomic_load(&worker.put) - atomic_load(&worker.handled);
    return is_stopping() || atomic_load(&worker.hurry) || waiting >= worker.config->batch_spans;
}

/* Until there is something to do, and then until others have had time to come as well. */
static void wait_for_spans(void)
{
    atomic_store(&worker.idle, true);
    while (atomic_load(&worker.put) == atomic_load(&worker.handled) && !is_stopping()) {
        sleep_until(now_ns() + 3600 * NV_NS_PER_S);
        atomic_store(&worker.idle, true);
    }
    atomic_store(&worker.idle, false);
    uint64_t until = now_ns() + worker.config->delay_ms * NV_NS_PER_MS;
    while (!is_due() && now_ns() < until)
        sleep_until(until);
}

/* By the thread; under the lock when there is none. */
static void drop_queue(enum nv_trace_count why)
{
    uint32_t index;
    while (nv_trace_ring_take(&worker.ring, &index)) {
        nv_trace_span_give(nv_trace_span_at(index));
        count_as(1, why);
    }
}

/* One request's worth of the queue. Without memory for a request all of it goes. */
static void send_batch(struct nv_trace_request *request)
{
    if (nv_trace_request_begin(request, worker.config) != NV_OK) {
        nv_trace_fail(worker.config, "out of memory for a request");
        drop_queue(NV_TRACE_COUNT_dropped_memory);
        say_changed();
        return;
    }
    collect(request);
    if (request->spans == 0)
        return;
    if (nv_trace_request_end(request) == NV_OK)
        send_request(request);
    else
        settle(request->spans, NV_TRACE_COUNT_dropped_memory);
}

static void work(void)
{
    struct nv_trace_request request;
    nv_trace_request_init(&request);
    for (;;) {
        wait_for_spans();
        if (time_is_up())
            break;
        send_batch(&request);
        if (is_stopping() && atomic_load(&worker.put) == atomic_load(&worker.handled))
            break;
    }
    drop_queue(NV_TRACE_COUNT_dropped_stopped);
    nv_trace_request_release(&request);
}

/* The last that the thread does. When nobody stopped it, it could not begin: then the next span
 * starts another one, and what is queued until now goes. */
static void finish(void)
{
    pthread_mutex_lock(&worker.lock);
    if (!is_stopping()) {
        (void)pthread_detach(pthread_self());
        atomic_store(&worker.running, false);
        drop_queue(NV_TRACE_COUNT_dropped_memory);
    }
    worker.finished = true;
    pthread_cond_broadcast(&worker.changed);
    pthread_mutex_unlock(&worker.lock);
}

static void *run(void *unused)
{
    (void)unused;
    worker.sender = nv_trace_sender_new(worker.config);
    if (worker.sender)
        work();
    else
        nv_trace_fail(worker.config, "out of memory for libcurl");
    pthread_mutex_lock(&worker.lock);
    struct nv_trace_sender *sender = worker.sender;
    worker.sender = NULL;
    pthread_mutex_unlock(&worker.lock);
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
    worker.finished = false;
    bool started = pthread_create(&worker.thread, NULL, run, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    atomic_store(&worker.running, started);
    return started;
}

/* Behind every put, so that no span lies where no thread is. */
static void ensure_thread(void)
{
    if (atomic_load(&worker.running))
        return;
    pthread_mutex_lock(&worker.lock);
    bool nobody = !atomic_load(&worker.running) && (!worker.left || worker.finished);
    if (nobody && !(atomic_load(&worker.accepting) && start_thread())) {
        drop_queue(atomic_load(&worker.accepting) ? NV_TRACE_COUNT_dropped_memory
                                                  : NV_TRACE_COUNT_dropped_stopped);
    }
    pthread_mutex_unlock(&worker.lock);
}

/* ---- from outside ------------------------------------------------------------------------ */

/* Waiting is measured by the monotonic clock, which only an attribute makes a condition do. */
static void make_ready(void)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&worker.changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)sem_init(&worker.wake, 0, 0);
    worker.ready = true;
}

noveum_result nv_trace_worker_start(const struct nv_trace_config *config)
{
    pthread_mutex_lock(&worker.lock);
    bool busy = worker.left && !worker.finished;
    worker.left = worker.left && busy;
    pthread_mutex_unlock(&worker.lock);
    if (busy)
        return NOVEUM_BUSY;
    if (!worker.ready)
        make_ready();
    /* a ring only grows: an old one with room is kept, since a put may be under way in it */
    if (atomic_load(&worker.ring_size) < config->queue_spans) {
        struct nv_trace_ring ring;
        if (!nv_trace_ring_init(&ring, config->queue_spans))
            return NOVEUM_NO_MEMORY;
        nv_trace_ring_release(&worker.ring);
        worker.ring = ring;
        atomic_store(&worker.ring_size, config->queue_spans);
    }
    worker.config = config;
    atomic_store(&worker.deadline_ns, NEVER);
    atomic_store(&worker.hurry, false); /* of a flush before the last shutdown */
    atomic_store(&worker.accepting, true);
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
    if (!atomic_load(&worker.accepting))
        return refuse(NV_TRACE_COUNT_dropped_stopped);
    if (queued >= span->config->queue_spans)
        return refuse(NV_TRACE_COUNT_dropped_full);
    bool full = queued + 1 == span->config->batch_spans;
    atomic_fetch_add(&worker.put, 1);
    if (!nv_trace_ring_put(&worker.ring, span->index)) {
        atomic_fetch_sub(&worker.put, 1);
        return refuse(NV_TRACE_COUNT_dropped_full);
    }
    ensure_thread();
    if (full || atomic_exchange(&worker.idle, false))
        (void)sem_post(&worker.wake);
    return true;
}

/* Under the lock, until `done` or the time. */
static bool wait_until(bool (*done)(uint64_t ticket), uint64_t ticket, uint64_t until)
{
    struct timespec at = at_ns(until);
    while (!done(ticket)) {
        if (pthread_cond_timedwait(&worker.changed, &worker.lock, &at) == ETIMEDOUT)
            return done(ticket);
    }
    return true;
}

static bool is_handled(uint64_t ticket)
{
    return atomic_load(&worker.handled) >= ticket || worker.finished;
}

static bool is_finished(uint64_t ticket)
{
    (void)ticket;
    return worker.finished;
}

static void hurry(void)
{
    atomic_store(&worker.hurry, true);
    (void)sem_post(&worker.wake);
}

noveum_result nv_trace_worker_flush(uint32_t timeout_ms)
{
    uint64_t ticket = atomic_load(&worker.put);
    uint64_t until = now_ns() + timeout_ms * NV_NS_PER_MS;
    if (!atomic_load(&worker.running) || atomic_load(&worker.handled) >= ticket)
        return NOVEUM_OK;
    pthread_mutex_lock(&worker.lock);
    if (atomic_load(&worker.flush_to) < ticket)
        atomic_store(&worker.flush_to, ticket);
    hurry();
    bool done = wait_until(is_handled, ticket, until);
    pthread_mutex_unlock(&worker.lock);
    return done ? NOVEUM_OK : NOVEUM_TIMEOUT;
}

/* Under the lock. */
static void set_deadline(uint64_t deadline)
{
    atomic_store(&worker.deadline_ns, deadline);
    if (worker.sender)
        nv_trace_sender_wake(worker.sender);
    hurry();
}

noveum_result nv_trace_worker_stop(uint32_t timeout_ms)
{
    uint64_t until = now_ns() + timeout_ms * NV_NS_PER_MS;
    uint64_t dropped = atomic_load(&nv_trace_state.counts[NV_TRACE_COUNT_dropped_stopped]);
    pthread_mutex_lock(&worker.lock);
    atomic_store(&worker.accepting, false);
    bool running = atomic_load(&worker.running);
    bool finished = true;
    if (running) {
        set_deadline(until);
        finished = wait_until(is_finished, 0, until + GRACE_NS);
        atomic_store(&worker.running, false);
        /* it goes on with what it holds, and a later start says BUSY until it has ended */
        worker.left = !finished;
    }
    if (!running && (!worker.left || worker.finished))
        drop_queue(NV_TRACE_COUNT_dropped_stopped);
    pthread_mutex_unlock(&worker.lock);
    if (running && finished)
        (void)pthread_join(worker.thread, NULL);
    else if (running)
        (void)pthread_detach(worker.thread);
    bool all = dropped == atomic_load(&nv_trace_state.counts[NV_TRACE_COUNT_dropped_stopped]);
    return finished && all ? NOVEUM_OK : NOVEUM_TIMEOUT;
}

void nv_trace_worker_before_fork(void)
{
    pthread_mutex_lock(&worker.lock);
}

void nv_trace_worker_after_fork_parent(void)
{
    pthread_mutex_unlock(&worker.lock);
}

/* The sender and the request stay with the parent's thread, of which the child has a copy that
 * nobody may touch: their sockets are the parent's. */
void nv_trace_worker_after_fork_child(void)
{
    pthread_mutex_unlock(&worker.lock);
    if (!worker.ready)
        return;
    make_ready();
    if (worker.ring.cells)
        nv_trace_ring_clear(&worker.ring);
    atomic_store(&worker.running, false);
    worker.sender = NULL;
    worker.left = false;
    atomic_store(&worker.put, 0);
    atomic_store(&worker.handled, 0);
    atomic_store(&worker.flush_to, 0);
    atomic_store(&worker.hurry, false);
    atomic_store(&worker.idle, false);
    atomic_store(&nv_trace_state.queued, 0);
}
