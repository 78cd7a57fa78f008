/*
 * Server-sent events of the API: who asks is answered when there are new traces.
 *
 *   GET /api/events?after=7          ──waits──▶ id: 9, event: traces ──▶ asks again with after=9
 *   GET /api/events?after=9&held=41  ──waits──▶ event: held          ──▶ with held=57
 *
 * Each answer is a whole one with one event, and the client asks again, as EventSource does by
 * itself: nothing is kept for a client that reads slowly, and one that is gone is forgotten.
 */
#ifndef NV_GATEWAY_ADMIN_EVENTS_H
#define NV_GATEWAY_ADMIN_EVENTS_H

#include "net/http/http_server.h"

struct nv_events;

/* Who may wait at a time; more are answered at once, without an event. */
#define NV_EVENTS_WAITING_MAX 16u
/* An answer without an event comes after so long. */
#define NV_EVENTS_WAIT_MS 20000u

/* What a client has seen. */
struct nv_events_seen {
    int64_t after; /* the highest id of a trace in the store */
    bool wants_held;
    uint64_t held; /* with `wants_held`: the last mark of what is held, 0: none */
};

/* New; NULL without memory. `clock` is borrowed. */
struct nv_events *nv_events_new(const struct nv_clock *clock);
/* Frees; nobody may wait. NULL is allowed. */
void nv_events_free(struct nv_events *events);
/* Answers `exchange` (the server's; borrowed until it is answered) when there is something that
 * it has not seen, or when it has waited long enough. `seen` is borrowed for the call. */
void nv_events_wait(struct nv_events *events, struct nv_http_exchange *exchange,
                    const struct nv_events_seen *seen);
/* There are traces up to id `last`: answers all who wait. Any thread. */
void nv_events_tell(struct nv_events *events, int64_t last);
/* Does anybody wait for what is held? Any thread. */
bool nv_events_wants_held(struct nv_events *events);
/* What is held has this mark now, another one than before when anything has changed: answers
 * all who want to know and have another. Any thread. */
void nv_events_held(struct nv_events *events, uint64_t mark);
/* Answers those who have waited long enough. Any thread. */
void nv_events_expire(struct nv_events *events);
/* Answers all, and from now on each at once. Any thread. */
void nv_events_end(struct nv_events *events);

#endif
