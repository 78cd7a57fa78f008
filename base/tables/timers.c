/*
 * The heap of base/tables/timers.h: written once, for whatever waits (traces today).
 *
 * A heap and not a wheel: waits reach from one second to one hour, most timers are moved a few
 * times and then fire, and a hundred thousand of them are 17 levels. The heap holds pointers, 8
 * bytes a timer.
 *
 * Deliberately not done: a stable order of equal deadlines; nobody relies on it.
 *
 *   heap [ 0 | 1 2 | 3 4 5 6 | ... ]   the parent of i is (i - 1) / 2; each timer knows its place,
 *                                      so that moving or removing one needs no search
 */
#include "base/tables/timers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

void nv_timers_init(struct nv_timers *timers)
{
    memset(timers, 0, sizeof *timers);
}

void nv_timers_release(struct nv_timers *timers)
{
    free(timers->heap);
    nv_timers_init(timers);
}

static void put(struct nv_timers *timers, uint32_t place, struct nv_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct nv_timers *timers, uint32_t place)
{
    struct nv_timer *timer = timers->heap[place];
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (timers->heap[parent]->deadline_ns <= timer->deadline_ns)
            break;
        put(timers, place, timers->heap[parent]);
        place = parent;
    }
    put(timers, place, timer);
}

static void sift_down(struct nv_timers *timers, uint32_t place)
{
    struct nv_timer *timer = timers->heap[place];
    for (;;) {
        uint32_t child = place * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->deadline_ns < timers->heap[child]->deadline_ns)
            child++;
        if (timers->heap[child]->deadline_ns >= timer->deadline_ns)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

static enum nv_err reserve(struct nv_timers *timers)
{
    if (timers->count < timers->capacity)
        return NV_OK;
    if (timers->capacity >= UINT32_MAX / 4)
        return NV_ERR_NO_MEMORY;
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : 64;
    struct nv_timer **heap = realloc(timers->heap, capacity * sizeof(struct nv_timer *));
    if (!heap)
        return NV_ERR_NO_MEMORY;
    timers->heap = heap;
    timers->capacity = capacity;
    return NV_OK;
}

enum nv_err nv_timers_add(struct nv_timers *timers, struct nv_timer *timer,
                          uint64_t deadline_ns)
{
    enum nv_err err = reserve(timers);
    if (err != NV_OK)
        return err;
    timer->deadline_ns = deadline_ns;
    put(timers, timers->count++, timer);
    sift_up(timers, timer->place);
    return NV_OK;
}

void nv_timers_move(struct nv_timers *timers, struct nv_timer *timer, uint64_t deadline_ns)
{
    assert(timers->heap[timer->place] == timer);
    uint64_t before = timer->deadline_ns;
    timer->deadline_ns = deadline_ns;
    if (deadline_ns < before)
        sift_up(timers, timer->place);
    else
        sift_down(timers, timer->place);
}

void nv_timers_remove(struct nv_timers *timers, struct nv_timer *timer)
{
    assert(timer->place < timers->count && timers->heap[timer->place] == timer);
    uint32_t place = timer->place;
    struct nv_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    put(timers, place, last);
    sift_up(timers, place);
    sift_down(timers, last->place);
}

struct nv_timer *nv_timers_first(const struct nv_timers *timers)
{
    return timers->count ? timers->heap[0] : NULL;
}
