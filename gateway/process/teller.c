/*
 * A thread that waits for the end of something, or for the time to say that it goes on.
 *
 * The lines get rarer, so that a log of a start that takes minutes has some ten of them.
 */
#include "gateway/process/teller.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

struct nv_teller {
    void (*tell)(void *ctx, unsigned seconds);
    void *ctx;
    unsigned unit_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* of `over` */
    pthread_cond_t changed;
    bool over;
    bool told; /* the thread's, until it is joined */
};

unsigned nv_teller_after(unsigned seconds)
{
    if (seconds == 0)
        return NV_TELL_FIRST_S;
    if (seconds >= NV_TELL_EVERY_S)
        return seconds + NV_TELL_EVERY_S;
    return 2 * seconds < NV_TELL_EVERY_S ? 2 * seconds : NV_TELL_EVERY_S;
}

static struct timespec at(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NV_NS_PER_S),
                             .tv_nsec = (long)(ns % NV_NS_PER_S)};
}

/* True: it is over; false: `until` has come first. */
static bool wait_until(struct nv_teller *teller, struct timespec until)
{
    int failed = 0;
    (void)pthread_mutex_lock(&teller->lock);
    while (!teller->over && failed == 0)
        failed = pthread_cond_timedwait(&teller->changed, &teller->lock, &until);
    bool over = teller->over;
    (void)pthread_mutex_unlock(&teller->lock);
    return over;
}

static void *run(void *ctx)
{
    struct nv_teller *teller = ctx;
    const uint64_t began_ns = nv_clock_mono_ns(nv_clock_system());
    unsigned seconds = nv_teller_after(0);
    while (!wait_until(teller,
                       at(began_ns + UINT64_C(1) * seconds * teller->unit_ms * NV_NS_PER_MS))) {
        teller->tell(teller->ctx, seconds);
        teller->told = true;
        seconds = nv_teller_after(seconds);
    }
    return NULL;
}

static bool begin(struct nv_teller *teller)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&teller->changed, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (!ok)
        return false;
    if (pthread_mutex_init(&teller->lock, NULL) == 0) {
        if (pthread_create(&teller->thread, NULL, run, teller) == 0)
            return true;
        (void)pthread_mutex_destroy(&teller->lock);
    }
    (void)pthread_cond_destroy(&teller->changed);
    return false;
}

struct nv_teller *nv_teller_start(void (*tell)(void *ctx, unsigned seconds), void *ctx,
                                  unsigned unit_ms)
{
    struct nv_teller *teller = calloc(1, sizeof *teller);
    if (!teller)
        return NULL;
    teller->tell = tell;
    teller->ctx = ctx;
    teller->unit_ms = unit_ms;
    if (begin(teller))
        return teller;
    free(teller);
    return NULL;
}

bool nv_teller_end(struct nv_teller *teller)
{
    if (!teller)
        return false;
    (void)pthread_mutex_lock(&teller->lock);
    teller->over = true;
    (void)pthread_cond_signal(&teller->changed);
    (void)pthread_mutex_unlock(&teller->lock);
    (void)pthread_join(teller->thread, NULL);
    bool told = teller->told;
    (void)pthread_cond_destroy(&teller->changed);
    (void)pthread_mutex_destroy(&teller->lock);
    free(teller);
    return told;
}
