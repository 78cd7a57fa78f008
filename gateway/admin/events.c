/*
 * Who waits for news.
 *
 *   wait ──▶ [ exchange, deadline ] ──tell | expire | end──▶ answered
 *
 * One lock over the list; answers are given under it, which only posts them to the server's
 * loop. An answer has no event when none came: a comment keeps it a whole text/event-stream.
 */
#include "gateway/admin/events.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

struct waiting {
    struct nv_http_exchange *exchange;
    int64_t after;
    uint64_t deadline_ns;
};

struct nv_events {
    const struct nv_clock *clock;
    pthread_mutex_t lock; /* of all below */
    struct waiting items[NV_EVENTS_WAITING_MAX];
    unsigned count;
    int64_t last;
    bool ended;
};

struct nv_events *nv_events_new(const struct nv_clock *clock)
{
    struct nv_events *events = calloc(1, sizeof *events);
    if (!events)
        return NULL;
    events->clock = clock;
    (void)pthread_mutex_init(&events->lock, NULL);
    return events;
}

void nv_events_free(struct nv_events *events)
{
    if (!events)
        return;
    (void)pthread_mutex_destroy(&events->lock);
    free(events);
}

static void answer(const struct nv_events *events, const struct waiting *who)
{
    char text[160];
    if (events->last > who->after) {
        (void)snprintf(text, sizeof text,
                       "retry: 1000\nid: %" PRId64 "\nevent: traces\ndata: {\"last\":%" PRId64
                       "}\n\n",
                       events->last, events->last);
    } else {
        (void)snprintf(text, sizeof text, "retry: 1000\n: nothing new\n\n");
    }
    nv_http_reply_text(who->exchange, 200, NV_STR("text/event-stream"), nv_str_from(text));
}

/* Answers those that `due` names. Under the lock. */
static void answer_due(struct nv_events *events, uint64_t now_ns)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < events->count; i++) {
        const struct waiting *who = &events->items[i];
        if (events->ended || events->last > who->after || now_ns >= who->deadline_ns)
            answer(events, who);
        else
            events->items[kept++] = *who;
    }
    events->count = kept;
}

void nv_events_wait(struct nv_events *events, struct nv_http_exchange *exchange, int64_t after)
{
    uint64_t now_ns = nv_clock_mono_ns(events->clock);
    const struct waiting who = {.exchange = exchange,
                                .after = after,
                                .deadline_ns = now_ns + NV_EVENTS_WAIT_MS * NV_NS_PER_MS};
    (void)pthread_mutex_lock(&events->lock);
    if (events->count == NV_EVENTS_WAITING_MAX) {
        answer(events, &who);
    } else {
        events->items[events->count++] = who;
        answer_due(events, now_ns);
    }
    (void)pthread_mutex_unlock(&events->lock);
}

void nv_events_tell(struct nv_events *events, int64_t last)
{
    (void)pthread_mutex_lock(&events->lock);
    events->last = last;
    answer_due(events, 0);
    (void)pthread_mutex_unlock(&events->lock);
}

void nv_events_expire(struct nv_events *events)
{
    (void)pthread_mutex_lock(&events->lock);
    answer_due(events, nv_clock_mono_ns(events->clock));
    (void)pthread_mutex_unlock(&events->lock);
}

void nv_events_end(struct nv_events *events)
{
    (void)pthread_mutex_lock(&events->lock);
    events->ended = true;
    answer_due(events, 0);
    (void)pthread_mutex_unlock(&events->lock);
}
