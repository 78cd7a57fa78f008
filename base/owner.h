/*
 * The thread that a structure belongs to, for asserts in the structure's own functions.
 *
 *   nobody's ──take──▶ the taker's ──leave──▶ nobody's
 *   init, tests        the thread's life       freed by who joined it
 *
 * What belongs to nobody is anybody's: before its thread runs, inline and in tests. The owner
 * itself is written by the owning thread, or by who joined it; any other thread only looks, on
 * its way into an assert that fails.
 */
#ifndef NV_BASE_OWNER_H
#define NV_BASE_OWNER_H

#include <pthread.h>
#include <stdbool.h>

/* Zero-initialised: nobody's. */
struct nv_owner {
    pthread_t thread;
    bool taken;
};

/* Makes it the caller's. */
static inline void nv_owner_take(struct nv_owner *owner)
{
    owner->thread = pthread_self();
    owner->taken = true;
}

/* Makes it nobody's. The owner, or who joined it. */
static inline void nv_owner_leave(struct nv_owner *owner)
{
    owner->taken = false;
}

/* May the caller touch what it guards? */
static inline bool nv_owner_is_mine(const struct nv_owner *owner)
{
    return !owner->taken || pthread_equal(owner->thread, pthread_self());
}

#endif
