/*
 * Deadlines of many things that wait: a binary heap, the earliest on top.
 *
 *   heap [ t0 | t1 | t2 | ... ]   t[i] <= t[2i+1], t[2i+2]; each timer knows its place
 *
 * A timer is embedded in what waits. Changing a deadline is O(log n), without allocation. Not
 * safe for use by two threads at once.
 */
#ifndef NV_BASE_TABLES_TIMERS_H
#define NV_BASE_TABLES_TIMERS_H

#include "base/error.h"

#include <stdint.h>

struct nv_timer {
    uint64_t deadline_ns; /* monotonic */
    uint32_t place;       /* in the heap */
};

struct nv_timers {
    struct nv_timer **heap;
    uint32_t count;
    uint32_t capacity;
};

/* Readies an empty heap; allocates nothing. */
void nv_timers_init(struct nv_timers *timers);
/* Frees the heap, not the timers. */
void nv_timers_release(struct nv_timers *timers);
/* Adds a timer (borrowed until removed). NV_ERR_NO_MEMORY. */
enum nv_err nv_timers_add(struct nv_timers *timers, struct nv_timer *timer,
                          uint64_t deadline_ns) NV_MUST_USE;
/* Sets another deadline for a timer that was added. */
void nv_timers_move(struct nv_timers *timers, struct nv_timer *timer, uint64_t deadline_ns);
/* Takes a timer out. */
void nv_timers_remove(struct nv_timers *timers, struct nv_timer *timer);
/* The timer with the earliest deadline, or NULL. Borrowed. */
struct nv_timer *nv_timers_first(const struct nv_timers *timers);

#endif
