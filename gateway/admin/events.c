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
    struct nv_events_seen seen;
    uint64_t deadline_ns;
};

struct nv_events {
    const struct nv_clock *clock;
    pthread_mutex_t lock; /* of all below */
    struct waiting items[NV_EVENTS_WAITING_MAX];
    unsigned count;
    int64_t last;
    uint64_t held;
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

/* Fewer than it has seen: the store is another one, that of a gateway begun anew say. */
static bool is_last_new(const struct nv_events *events, const struct waiting *who)
{
    return events->last > 0 && events->last != who->seen.after;
}

static bool is_held_new(const struct nv_events *events, const struct waiting *who)
{
    return who->seen.wants_held && events->held != who->seen.held;
}

static void answer(const struct nv_events *events, const struct waiting *who)
{
    char text[200], held[48] = "";
    if (who->seen.wants_held)
        (void)snprintf(held, sizeof held, ",\"held\":%" PRIu64, events->held);
    if (is_last_new(events, who)) {
        (void)snprintf(text, sizeof text,
                       "retry: 1000\nid: %" PRId64 "\nevent: traces\ndata: {\"last\":%" PRId64
                       "%s}\n\n",
                       events->last, events->last, held);
    } else if (is_held_new(events, who)) {
        (void)snprintf(text, sizeof text,
                       "retry: 1000\nevent: held\ndata: {\"last\":%" PRId64 "%s}\n\n",
                       who->seen.after, held);
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
        if (events->ended || is_last_new(events, who) || is_held_new(events, who) ||
            now_ns >= who->deadline_ns)
            answer(events, who);
        else
            events->items[kept++] = *who;
    }
    events->count = kept;
}

void nv_events_wait(struct nv_events *events, struct nv_http_exchange *exchange,
                    const struct nv_events_seen *seen)
{
    uint64_t now_ns = nv_clock_mono_ns(events->clock);
    const struct waiting who = {.exchange = exchange,
                                .seen = *seen,
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

bool nv_events_wants_held(struct nv_events *events)
{
    bool wants = false;
    (void)pthread_mutex_lock(&events->lock);
    for (unsigned i = 0; i < events->count; i++)
        wants |= events->items[i].seen.wants_held;
    (void)pthread_mutex_unlock(&events->lock);
    return wants;
}

void nv_events_held(struct nv_events *events, uint64_t mark)
{
    (void)pthread_mutex_lock(&events->lock);
    events->held = mark;
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
