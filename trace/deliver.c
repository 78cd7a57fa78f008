/*
 * Requests, tries and counts.
 *
 *   collect ─▶ request ─▶ post ─┬─ 2xx ─▶ exported (or rejected)
 *                               ├─ may retry ─▶ back off ─▶ post
 *                               └─ else ─▶ dropped, counted         `handled` grows
 *
 * With stages a request is posted to them, and what they finish to the receiver; spans that
 * they hold are handled when their trace is.
 */
#include "trace/deliver.h"

#include "base/text/utf8.h"
#include "trace/w3c.h"

#include <errno.h>

#include "base/banned.h"

/* A request is not made larger by further spans past this; receivers take at least 4 MiB. */
#define BODY_BYTES ((size_t)2 << 20)
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MOST_MS 30000
/* As long as the Collector's exporters retry (max_elapsed_time). */
#define RETRY_NS (300 * NV_NS_PER_S)

struct nv_trace_worker nv_trace_worker = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                          .changed = PTHREAD_COND_INITIALIZER};

uint64_t nv_trace_mono_ns(void)
{
    return nv_clock_mono_ns(nv_clock_system());
}

bool nv_trace_time_is_up(void)
{
    return nv_trace_mono_ns() >= atomic_load(&nv_trace_worker.deadline_ns);
}

struct timespec nv_trace_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NV_NS_PER_S),
                             .tv_nsec = (long)(ns % NV_NS_PER_S)};
}

void nv_trace_sleep_until(uint64_t until)
{
    struct timespec at = nv_trace_timespec(until);
    while (sem_clockwait(&nv_trace_worker.wake, CLOCK_MONOTONIC, &at) != 0 && errno == EINTR) {
    }
}

/* Under the lock, or who has just looked and not yet waited would miss it. */
static void say_changed(void)
{
    pthread_mutex_lock(&nv_trace_worker.lock);
    pthread_cond_broadcast(&nv_trace_worker.changed);
    pthread_mutex_unlock(&nv_trace_worker.lock);
}

/* ---- a batch ----------------------------------------------------------------------------- */

/* Spans that are answered for, whatever the answer: `n` of them, counted as `count`. */
static void count_as(uint64_t n, enum nv_trace_count count)
{
    nv_trace_add(count, n);
    atomic_fetch_sub(&nv_trace_state.queued, n);
    atomic_fetch_add(&nv_trace_worker.handled, n);
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
    const struct nv_trace_config *config = nv_trace_worker.config;
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
        nv_trace_fail(nv_trace_worker.config, "out of memory: a span could not be encoded");
        settle(1, NV_TRACE_COUNT_dropped_memory);
    }
    nv_trace_span_give(span);
}

/* Moves spans from the queue into the request, as many as go into one. */
static void collect(struct nv_trace_request *request)
{
    uint32_t index;
    while (request->spans < nv_trace_worker.config->batch_spans &&
           request->body.len < BODY_BYTES && nv_trace_ring_take(&nv_trace_worker.ring, &index))
        add_span(request, nv_trace_span_at(index));
}

/* Those that OTLP names, and no answer at all. Of Noveum's API all but what is the body's own
 * fault: a key or an account may be mended meanwhile. */
static bool may_retry(uint32_t status)
{
    if (nv_trace_worker.config->stages)
        return status != 400 && status != 413 && status != 415 && status != 422;
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static void note_failure(const struct nv_trace_answer *answer)
{
    const char *url = nv_trace_worker.config->shown_endpoint;
    atomic_fetch_add(&nv_trace_state.failures_in_a_row, 1);
    if (answer->status > 0)
        nv_trace_fail(nv_trace_worker.config, "HTTP status %u from %s", answer->status, url);
    else
        nv_trace_fail(nv_trace_worker.config, "%s: %s", url, answer->error);
}

static void note_success(const struct nv_trace_request *request,
                         const struct nv_trace_answer *answer)
{
    struct nv_str why;
    uint64_t rejected = nv_trace_rejected(answer->body, &why);
    /* a receiver's number is not believed beyond what was sent: the counts must add up */
    if (rejected > request->spans)
        rejected = request->spans;
    if (rejected > 0) {
        nv_trace_fail(nv_trace_worker.config, "the receiver rejected %llu spans: %.*s",
                      (unsigned long long)rejected, NV_STR_ARG(why));
    }
    if (rejected > 0)
        settle(rejected, NV_TRACE_COUNT_dropped_rejected);
    settle(request->spans - rejected, NV_TRACE_COUNT_exported);
}

uint64_t nv_trace_backoff_ms(unsigned tries, uint32_t retry_after_s, uint8_t chance)
{
    uint64_t ms = BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < tries && ms < BACKOFF_MOST_MS; i++)
        ms *= 2;
    ms = ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS;
    ms = ms / 2 + ms * chance / 256;
    return ms < (uint64_t)retry_after_s * 1000 ? (uint64_t)retry_after_s * 1000 : ms;
}

/* Ends early when somebody flushes or stops. */
static void back_off(unsigned tries, uint32_t retry_after_s)
{
    uint8_t chance = 0;
    nv_trace_random(&chance, 1);
    uint64_t ms = nv_trace_backoff_ms(tries, retry_after_s, chance);
    uint64_t until = nv_trace_mono_ns() + ms * NV_NS_PER_MS;
    uint64_t deadline = atomic_load(&nv_trace_worker.deadline_ns);
    while (nv_trace_mono_ns() < until && !nv_trace_time_is_up() &&
           !atomic_exchange(&nv_trace_worker.hurry, false))
        nv_trace_sleep_until(until < deadline ? until : deadline);
}

enum outcome { ARRIVED, REFUSED, STOPPED };

/* Until a body is there, can't get there, or time is up. */
static enum outcome post(struct nv_str body, struct nv_trace_answer *answer)
{
    uint64_t give_up = nv_trace_mono_ns() + RETRY_NS;
    for (unsigned tries = 1;; tries++) {
        nv_trace_add(tries > 1 ? NV_TRACE_COUNT_retries : NV_TRACE_COUNT_requests, 1);
        nv_trace_sender_post(nv_trace_worker.sender, body, &nv_trace_worker.deadline_ns,
                             answer);
        atomic_store(&nv_trace_state.last_status, answer->status);
        if (answer->status >= 200 && answer->status < 300) {
            atomic_store(&nv_trace_state.failures_in_a_row, 0);
            return ARRIVED;
        }
        note_failure(answer);
        if (!may_retry(answer->status) || nv_trace_mono_ns() >= give_up)
            return REFUSED;
        if (!nv_trace_time_is_up())
            back_off(tries, answer->retry_after_s);
        if (nv_trace_time_is_up())
            return STOPPED;
    }
}

static void send_request(struct nv_trace_request *request)
{
    struct nv_trace_answer answer;
    switch (post(nv_buf_str(&request->body), &answer)) {
    case ARRIVED:
        note_success(request, &answer);
        break;
    case REFUSED:
        settle(request->spans, NV_TRACE_COUNT_dropped_failed);
        break;
    case STOPPED:
        settle(request->spans, NV_TRACE_COUNT_dropped_stopped);
        break;
    }
}

/* ---- stages ------------------------------------------------------------------------------ */

/* Until a body of finished traces is answered for; false: there is none, no memory or no
 * time. */
static bool deliver_one(void)
{
    struct nv_trace_direct *direct = &nv_trace_worker.direct;
    struct nv_trace_answer answer = {.status = 0};
    struct nv_str body;
    enum nv_err err = nv_trace_direct_body(direct, &body);
    if (err == NV_ERR_NO_MEMORY || (err == NV_OK && body.len == 0))
        return false;
    enum outcome outcome = err == NV_OK ? post(body, &answer) : REFUSED;
    if (outcome == STOPPED)
        return false;
    /* which of them the receiver can't take, where it is not the receiver's own trouble */
    if (outcome == REFUSED && (err != NV_OK || !may_retry(answer.status)) &&
        nv_trace_direct_split(direct))
        return true;
    settle(nv_trace_direct_settle(direct, outcome == ARRIVED),
           outcome == ARRIVED ? NV_TRACE_COUNT_exported : NV_TRACE_COUNT_dropped_failed);
    return true;
}

/* Posts what the stages have finished, as long as there is time. */
static void deliver(void)
{
    while (deliver_one()) {
    }
    uint64_t left_out = nv_trace_direct_left_out(&nv_trace_worker.direct);
    if (left_out > 0)
        settle(left_out, NV_TRACE_COUNT_dropped_rejected);
}

void nv_trace_go_on(void)
{
    uint64_t wait = nv_trace_direct_tick(&nv_trace_worker.direct);
    uint64_t now = nv_trace_mono_ns();
    nv_trace_worker.tick_ns = wait < NV_TRACE_NEVER - now ? now + wait : NV_TRACE_NEVER;
    deliver();
    /* no memory for a body: not later than that */
    if (nv_trace_worker.direct.next < nv_trace_worker.direct.count &&
        nv_trace_worker.tick_ns > now + NV_NS_PER_S)
        nv_trace_worker.tick_ns = now + NV_NS_PER_S;
}

/* Into the stages; while they have no room, what they hold has to get out first. */
static void give_request(struct nv_trace_request *request)
{
    struct nv_str body = nv_buf_str(&request->body);
    uint64_t rejected = 0;
    enum nv_trace_taken taken;
    for (unsigned tries = 1;; tries++) {
        taken =
            nv_trace_direct_accept(&nv_trace_worker.direct, body, request->spans, &rejected);
        if (taken != NV_TRACE_NO_ROOM || nv_trace_time_is_up())
            break;
        nv_trace_go_on();
        back_off(tries, 0);
    }
    if (taken == NV_TRACE_TAKEN && rejected > 0) {
        settle(rejected, NV_TRACE_COUNT_dropped_rejected);
    } else if (taken != NV_TRACE_TAKEN) {
        settle(request->spans, taken == NV_TRACE_NO_ROOM ? NV_TRACE_COUNT_dropped_stopped
                                                         : NV_TRACE_COUNT_dropped_failed);
    }
}

void nv_trace_deliver_last(void)
{
    if (!nv_trace_worker.direct.pipeline)
        return;
    nv_trace_worker.direct.stages->finish(nv_trace_worker.direct.pipeline);
    if (!nv_trace_time_is_up())
        deliver();
    if (nv_trace_worker.direct.held > 0)
        settle(nv_trace_worker.direct.held, NV_TRACE_COUNT_dropped_stopped);
    nv_trace_direct_close(&nv_trace_worker.direct);
}

void nv_trace_drop_queue(enum nv_trace_count why)
{
    uint32_t index;
    while (nv_trace_ring_take(&nv_trace_worker.ring, &index)) {
        nv_trace_span_give(nv_trace_span_at(index));
        count_as(1, why);
    }
}

/* One request's worth of the queue. Without memory for a request all of it goes. */
void nv_trace_send_batch(struct nv_trace_request *request)
{
    if (nv_trace_request_begin(request, nv_trace_worker.config) != NV_OK) {
        nv_trace_fail(nv_trace_worker.config, "out of memory for a request");
        nv_trace_drop_queue(NV_TRACE_COUNT_dropped_memory);
        say_changed();
        return;
    }
    collect(request);
    if (request->spans == 0)
        return;
    if (nv_trace_request_end(request) != NV_OK)
        settle(request->spans, NV_TRACE_COUNT_dropped_memory);
    else if (nv_trace_worker.config->stages)
        give_request(request);
    else
        send_request(request);
}
