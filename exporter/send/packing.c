/*
 * A queue in, a list out, one lock, one condition each way.
 *
 * There are never more bodies inside than may be in flight, so that the lists need no cap of
 * their own. A thread that has waited for a second gives back its buffers, which are as large
 * as the largest body, and its compressor: a quiet gateway holds none.
 */
#include "exporter/send/packing.h"

#include "base/clock.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define REST_AFTER_S 1

struct nv_packing {
    pthread_mutex_t lock; /* all below */
    pthread_cond_t work;  /* something waits, or it ends */
    pthread_cond_t idle;  /* nothing is inside but what is done */
    struct nv_body *waiting, **waiting_tail;
    struct nv_body *done;
    uint32_t inside; /* waiting or being packed */
    bool ending;
    void (*ready)(void *ctx);
    void *ready_ctx;
    int level;
    uint32_t threads_max, threads;
    pthread_t thread[NV_PACKING_THREADS_MAX];
};

static bool init_conditions(struct nv_packing *packing)
{
    pthread_condattr_t attributes;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool work = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&packing->work, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (work && pthread_cond_init(&packing->idle, NULL) == 0)
        return true;
    if (work)
        (void)pthread_cond_destroy(&packing->work);
    return false;
}

struct nv_packing *nv_packing_new(uint32_t threads, int level)
{
    struct nv_packing *packing = calloc(1, sizeof *packing);

    assert(threads <= NV_PACKING_THREADS_MAX);
    if (!packing)
        return NULL;
    packing->waiting_tail = &packing->waiting;
    packing->level = level;
    packing->threads_max = threads;
    if (pthread_mutex_init(&packing->lock, NULL) == 0) {
        if (init_conditions(packing))
            return packing;
        (void)pthread_mutex_destroy(&packing->lock);
    }
    free(packing);
    return NULL;
}

void nv_packing_free(struct nv_packing *packing)
{
    if (!packing)
        return;
    (void)pthread_mutex_lock(&packing->lock);
    assert(packing->inside == 0 && packing->done == NULL);
    packing->ending = true;
    (void)pthread_cond_broadcast(&packing->work);
    (void)pthread_mutex_unlock(&packing->lock);
    for (uint32_t i = 0; i < packing->threads; i++)
        (void)pthread_join(packing->thread[i], NULL);
    (void)pthread_cond_destroy(&packing->idle);
    (void)pthread_cond_destroy(&packing->work);
    (void)pthread_mutex_destroy(&packing->lock);
    free(packing);
}

void nv_packing_set_ready(struct nv_packing *packing, void (*ready)(void *ctx), void *ctx)
{
    packing->ready = ready;
    packing->ready_ctx = ctx;
}

/* ---- on the threads ---------------------------------------------------------------------- */

/* Until something waits, under the lock. */
static void rest(struct nv_packing *packing, struct nv_packer *packer)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REST_AFTER_S;
    int late = pthread_cond_timedwait(&packing->work, &packing->lock, &until);
    if (late != 0) {
        nv_packer_release(packer);
        while (!packing->waiting && !packing->ending)
            (void)pthread_cond_wait(&packing->work, &packing->lock);
    }
}

static struct nv_body *pop(struct nv_packing *packing)
{
    struct nv_body *body = packing->waiting;

    packing->waiting = body->packing_next;
    if (!packing->waiting)
        packing->waiting_tail = &packing->waiting;
    return body;
}

/* Told under the lock, so that after nv_packing_wait nobody is being told any more. */
static void finish(struct nv_packing *packing, struct nv_body *body)
{
    body->packing_next = packing->done;
    packing->done = body;
    if (--packing->inside == 0)
        (void)pthread_cond_broadcast(&packing->idle);
    if (packing->ready)
        packing->ready(packing->ready_ctx);
}

static void *run(void *ctx)
{
    struct nv_packing *packing = ctx;
    struct nv_packer packer;

    nv_packer_init(&packer, packing->level);
    (void)pthread_mutex_lock(&packing->lock);
    while (!packing->ending) {
        if (!packing->waiting) {
            rest(packing, &packer);
            continue;
        }
        struct nv_body *body = pop(packing);
        (void)pthread_mutex_unlock(&packing->lock);
        body->packed = nv_packer_pack(&packer, body, body->packed_wall_ns);
        (void)pthread_mutex_lock(&packing->lock);
        finish(packing, body);
    }
    (void)pthread_mutex_unlock(&packing->lock);
    nv_packer_release(&packer);
    return NULL;
}

/* ---- on the sender's thread -------------------------------------------------------------- */

/* One more thread when all have work and the cap allows. Is there any? */
static bool is_manned(struct nv_packing *packing)
{
    if (packing->threads < packing->threads_max && packing->inside >= packing->threads &&
        pthread_create(&packing->thread[packing->threads], NULL, run, packing) == 0) {
        (void)pthread_setname_np(packing->thread[packing->threads], "compress");
        packing->threads++;
    }
    return packing->threads > 0;
}

/* Under the lock, which nobody else waits for: there is no thread. */
static void pack_here(struct nv_packing *packing, struct nv_body *body)
{
    struct nv_packer packer;

    nv_packer_init(&packer, packing->level);
    body->packed = nv_packer_pack(&packer, body, body->packed_wall_ns);
    nv_packer_release(&packer);
    finish(packing, body);
}

void nv_packing_put(struct nv_packing *packing, struct nv_body *body, uint64_t wall_ns)
{
    (void)pthread_mutex_lock(&packing->lock);
    bool manned = is_manned(packing);
    body->packed_wall_ns = wall_ns;
    body->packing_next = NULL;
    packing->inside++;
    if (manned) {
        *packing->waiting_tail = body;
        packing->waiting_tail = &body->packing_next;
        (void)pthread_cond_signal(&packing->work);
    } else {
        pack_here(packing, body);
    }
    (void)pthread_mutex_unlock(&packing->lock);
}

struct nv_body *nv_packing_take(struct nv_packing *packing, enum nv_err *err)
{
    (void)pthread_mutex_lock(&packing->lock);
    struct nv_body *body = packing->done;
    if (body) {
        packing->done = body->packing_next;
        body->packing_next = NULL;
        *err = body->packed;
    }
    (void)pthread_mutex_unlock(&packing->lock);
    return body;
}

void nv_packing_recall(struct nv_packing *packing)
{
    (void)pthread_mutex_lock(&packing->lock);
    while (packing->waiting) {
        struct nv_body *body = pop(packing);
        body->packed = NV_ERR_STOPPING;
        finish(packing, body);
    }
    (void)pthread_mutex_unlock(&packing->lock);
}

void nv_packing_wait(struct nv_packing *packing)
{
    (void)pthread_mutex_lock(&packing->lock);
    while (packing->inside > 0)
        (void)pthread_cond_wait(&packing->idle, &packing->lock);
    (void)pthread_mutex_unlock(&packing->lock);
}
