/*
 * The table of traces that are noted.
 *
 *   claim ──hash──▶ a set of WAYS places ──▶ passage      full: that trace is not noted
 *
 * Sets instead of chains: a look is four compares, nothing is allocated, and what is lost is a
 * sample of a sample. A claim's address may come again once it is settled, not before.
 *
 * One lock for all of it, held for the writing of a few hundred bytes; traces that are not
 * sampled take it only to be settled, and not while nothing is noted.
 */
#include "gateway/telemetry/own_traces.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "gateway/telemetry/own_resource.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

#define WAYS 4u
#define SETS (NV_OWN_PASSAGES_MAX / WAYS)
/* What resource, scope and lengths take around the spans of a request. */
#define ENVELOPE_BYTES 1024u

struct nv_own_traces {
    const struct nv_clock *clock;
    struct nv_own_wake wake;
    struct nv_settler inner;
    pthread_mutex_t lock; /* of what is below */
    _Atomic unsigned noted;
    struct nv_own_passage passages[SETS][WAYS];
    struct nv_buf ended; /* spans, as items of a request */
    uint64_t ended_spans;
};

struct nv_own_traces *nv_own_traces_new(const struct nv_clock *clock, struct nv_own_wake wake)
{
    struct nv_own_traces *own = calloc(1, sizeof *own);
    if (!own)
        return NULL;
    own->clock = clock;
    own->wake = wake;
    (void)pthread_mutex_init(&own->lock, NULL);
    nv_buf_init(&own->ended, NV_CAP_TELEMETRY_SPANS - ENVELOPE_BYTES);
    return own;
}

void nv_own_traces_free(struct nv_own_traces *own)
{
    if (!own)
        return;
    nv_buf_release(&own->ended);
    (void)pthread_mutex_destroy(&own->lock);
    free(own);
}

/* Of the set of `of` the place that `claim` has; of NULL: one that is free. NULL: none.
 * Locked. */
static struct nv_own_passage *find(struct nv_own_traces *own, const struct nv_claim *of,
                                   const struct nv_claim *claim)
{
    struct nv_own_passage *set = own->passages[nv_number_hash((uintptr_t)of) % SETS];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].claim == claim)
            return &set[i];
    }
    return NULL;
}

/* Is it telemetry of a gateway, this one or another? */
static bool is_own(const struct nv_raw_trace *raw)
{
    for (uint32_t i = 0; i < raw->group_count; i++) {
        if (nv_str_find(raw->groups[i].scope, NV_STR(NV_OWN_SCOPE)) != SIZE_MAX)
            return true;
    }
    return false;
}

static void note(struct nv_own_passage *passage, const struct nv_raw_trace *raw,
                 const struct nv_clock *clock)
{
    uint64_t now_ns = nv_clock_mono_ns(clock);
    *passage = (struct nv_own_passage){.claim = raw->claim,
                                       .part = raw->part,
                                       .spans = raw->span_count,
                                       .incomplete = raw->incomplete,
                                       .wait = raw->waited_for,
                                       .wall_ns = nv_clock_wall_ns(clock) - now_ns,
                                       .first_ns = raw->first_ns,
                                       .last_ns = raw->last_ns,
                                       .complete_ns = now_ns};
    if (raw->first_ns == 0) /* not known */
        passage->first_ns = passage->last_ns = now_ns;
    memcpy(passage->source_id, raw->trace_id, NV_TRACE_ID_BYTES);
    nv_own_spans_random(passage->trace_id, NV_TRACE_ID_BYTES);
    nv_own_spans_random(passage->root_id, NV_SPAN_ID_BYTES);
    for (uint32_t i = 0; i < raw->item_count; i++) {
        passage->bytes += raw->items[i].bytes.len;
        passage->records += raw->items[i].signal == NV_SIGNAL_LOGS;
    }
}

void nv_own_traces_begin(struct nv_own_traces *own, const struct nv_raw_trace *raw)
{
    if (is_own(raw))
        return;
    (void)pthread_mutex_lock(&own->lock);
    struct nv_own_passage *passage = find(own, raw->claim, NULL);
    if (passage) {
        note(passage, raw, own->clock);
        atomic_fetch_add(&own->noted, 1);
    }
    (void)pthread_mutex_unlock(&own->lock);
    if (!passage)
        nv_count(NV_COUNT_TELEMETRY_SPANS_LOST, 1);
}

void nv_own_traces_translated(struct nv_own_traces *own, const struct nv_trace *trace)
{
    if (atomic_load(&own->noted) == 0)
        return;
    (void)pthread_mutex_lock(&own->lock);
    struct nv_own_passage *passage = find(own, trace->claim, trace->claim);
    if (passage) {
        passage->translated_ns = nv_clock_mono_ns(own->clock);
        passage->spans_out = trace->span_count;
    }
    (void)pthread_mutex_unlock(&own->lock);
}

/* Is there room for so many more spans? Counts them as lost if not. Locked. */
static bool has_room(struct nv_own_traces *own, uint32_t spans)
{
    if (own->ended.failed != NV_OK) { /* memory was refused: what stands there is cut */
        nv_count(NV_COUNT_TELEMETRY_SPANS_LOST, own->ended_spans);
        nv_buf_clear(&own->ended);
        own->ended_spans = 0;
    }
    if (own->ended.len + (size_t)spans * NV_OWN_SPAN_BYTES_MAX <= own->ended.max)
        return true;
    nv_count(NV_COUNT_TELEMETRY_SPANS_LOST, spans);
    return false;
}

static bool is_full(const struct nv_own_traces *own)
{
    return own->ended.len > own->ended.max / 2;
}

static void unlock(struct nv_own_traces *own, bool wrote)
{
    bool full = wrote && is_full(own);
    (void)pthread_mutex_unlock(&own->lock);
    if (full && own->wake.call)
        own->wake.call(own->wake.ctx);
}

static void answered(void *ctx, const struct nv_claim *claim,
                     const struct nv_attempt_told *told)
{
    struct nv_own_traces *own = ctx;
    if (atomic_load(&own->noted) == 0)
        return;
    (void)pthread_mutex_lock(&own->lock);
    struct nv_own_passage *passage = find(own, claim, claim);
    bool wrote = passage && ++passage->attempts <= NV_OWN_ATTEMPTS_MAX && has_room(own, 1);
    if (wrote) {
        nv_own_spans_write_attempt(passage, told, &own->ended);
        own->ended_spans++;
    }
    unlock(own, wrote);
}

struct nv_exporter_watch nv_own_traces_watch(struct nv_own_traces *own)
{
    return own ? (struct nv_exporter_watch){.answered = answered, .ctx = own}
               : (struct nv_exporter_watch){0};
}

static void settle(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    struct nv_own_traces *own = ctx;
    if (atomic_load(&own->noted) > 0) {
        (void)pthread_mutex_lock(&own->lock);
        struct nv_own_passage *passage = find(own, claim, claim);
        bool wrote = passage && has_room(own, NV_OWN_SPANS_A_TRACE_MAX);
        if (wrote) {
            own->ended_spans +=
                nv_own_spans_write(passage, outcome, nv_clock_mono_ns(own->clock), &own->ended);
        }
        if (passage) {
            passage->claim = NULL;
            atomic_fetch_sub(&own->noted, 1);
        }
        unlock(own, wrote);
    }
    /* last: the claim's address may be another's from here on */
    own->inner.settle(own->inner.ctx, claim, outcome);
}

struct nv_settler nv_own_traces_settler(struct nv_own_traces *own, struct nv_settler inner)
{
    if (!own)
        return inner;
    own->inner = inner;
    return (struct nv_settler){.ctx = own, .settle = settle};
}

bool nv_own_traces_is_full(struct nv_own_traces *own)
{
    (void)pthread_mutex_lock(&own->lock);
    bool full = is_full(own);
    (void)pthread_mutex_unlock(&own->lock);
    return full;
}

uint64_t nv_own_traces_take(struct nv_own_traces *own, const char *instance,
                            struct nv_buf *body)
{
    struct nv_own_request request;
    struct nv_buf items;
    assert(body->len == 0);
    nv_buf_init(&items, NV_CAP_TELEMETRY_SPANS - ENVELOPE_BYTES);
    (void)pthread_mutex_lock(&own->lock);
    (void)has_room(own, 0);
    struct nv_buf ended = own->ended;
    uint64_t spans = own->ended_spans;
    own->ended = items;
    own->ended_spans = 0;
    (void)pthread_mutex_unlock(&own->lock);
    if (spans > 0) {
        nv_own_request_begin(body, instance, &request);
        (void)nv_buf_append_str(body, nv_buf_str(&ended));
        if (nv_own_request_end(body, &request) != NV_OK) {
            nv_count(NV_COUNT_TELEMETRY_SPANS_LOST, spans);
            nv_buf_clear(body);
            spans = 0;
        }
    }
    nv_buf_release(&ended);
    return spans;
}
