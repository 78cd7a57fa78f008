/*
 * The queue: a ring that grows up to its item limit, one mutex, two conditions.
 *
 *   ring   [ . . 3 4 5 6 . . ]     head = 2, count = 4; a slot is { item, bytes }
 *               ^head
 *
 * A lock is held for a few instructions, and a consumer takes up to a whole batch of items for
 * one lock, so a lock-free ring would gain nothing measurable beside parsing and disk. Waiting
 * uses the monotonic clock: a step of the wall clock must not stretch a timeout. The ring
 * starts small because most queues stay short and limits are set for the worst case.
 *
 * Bytes are told by who pushes and believed: the queue does not know what its items are. One
 * item always fits into an empty queue, however large: a limit that nothing can pass would be a
 * trap.
 */
#include "base/tables/queue.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define FIRST_SLOTS 16

struct slot {
    void *item;
    size_t bytes;
};

struct nv_queue {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    struct slot *slots;
    size_t capacity;
    size_t head;
    size_t count;
    size_t bytes;
    size_t max_items;
    size_t max_bytes;
    size_t wakes; /* consumers to be sent home empty-handed */
    size_t consumers_waiting;
    bool closed;
};

/* All three or none: nv_queue_new frees the rest. */
static bool init_waiting(struct nv_queue *queue)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
              pthread_mutex_init(&queue->lock, NULL) == 0;
    if (ok && pthread_cond_init(&queue->not_empty, &monotonic) != 0) {
        (void)pthread_mutex_destroy(&queue->lock);
        ok = false;
    }
    if (ok && pthread_cond_init(&queue->not_full, &monotonic) != 0) {
        (void)pthread_cond_destroy(&queue->not_empty);
        (void)pthread_mutex_destroy(&queue->lock);
        ok = false;
    }
    (void)pthread_condattr_destroy(&monotonic);
    return ok;
}

struct nv_queue *nv_queue_new(size_t max_items, size_t max_bytes)
{
    assert(max_items > 0 && max_bytes > 0);
    struct nv_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    queue->max_items = max_items;
    queue->max_bytes = max_bytes;
    queue->capacity = max_items < FIRST_SLOTS ? max_items : FIRST_SLOTS;
    queue->slots = calloc(queue->capacity, sizeof *queue->slots);
    if (!queue->slots || !init_waiting(queue)) {
        free(queue->slots);
        free(queue);
        return NULL;
    }
    return queue;
}

void nv_queue_free(struct nv_queue *queue)
{
    if (!queue)
        return;
    assert(queue->count == 0 && queue->bytes == 0);
    (void)pthread_cond_destroy(&queue->not_empty);
    (void)pthread_cond_destroy(&queue->not_full);
    (void)pthread_mutex_destroy(&queue->lock);
    free(queue->slots);
    free(queue);
}

/* Doubles the ring, unrolled to start at 0. The lock is held. */
static enum nv_err grow(struct nv_queue *queue)
{
    size_t capacity =
        queue->capacity <= queue->max_items / 2 ? queue->capacity * 2 : queue->max_items;
    assert(capacity > queue->capacity);
    struct slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < queue->count; i++)
        slots[i] = queue->slots[(queue->head + i) % queue->capacity];
    free(queue->slots);
    queue->slots = slots;
    queue->capacity = capacity;
    queue->head = 0;
    return NV_OK;
}

/* NV_OK, NV_ERR_FULL or NV_ERR_STOPPING. The lock is held. */
static enum nv_err has_room(const struct nv_queue *queue, size_t bytes)
{
    if (queue->closed)
        return NV_ERR_STOPPING;
    if (queue->count == 0)
        return NV_OK;
    if (queue->count >= queue->max_items || queue->bytes >= queue->max_bytes ||
        bytes > queue->max_bytes - queue->bytes)
        return NV_ERR_FULL;
    return NV_OK;
}

/* Adds behind the last. The lock is held and there is room. */
static enum nv_err add(struct nv_queue *queue, void *item, size_t bytes)
{
    enum nv_err err = queue->count == queue->capacity ? grow(queue) : NV_OK;
    if (err != NV_OK)
        return err;
    queue->slots[(queue->head + queue->count) % queue->capacity] = (struct slot){item, bytes};
    queue->count++;
    queue->bytes += bytes;
    (void)pthread_cond_signal(&queue->not_empty);
    return NV_OK;
}

enum nv_err nv_queue_push(struct nv_queue *queue, void *item, size_t bytes)
{
    (void)pthread_mutex_lock(&queue->lock);
    enum nv_err err = has_room(queue, bytes);
    if (err == NV_OK)
        err = add(queue, item, bytes);
    (void)pthread_mutex_unlock(&queue->lock);
    return err;
}

enum nv_err nv_queue_push_wait(struct nv_queue *queue, void *item, size_t bytes)
{
    (void)pthread_mutex_lock(&queue->lock);
    enum nv_err err = has_room(queue, bytes);
    /* woken for all, one fits: the others go back to wait */
    while (err == NV_ERR_FULL) {
        (void)pthread_cond_wait(&queue->not_full, &queue->lock);
        err = has_room(queue, bytes);
    }
    if (err == NV_OK)
        err = add(queue, item, bytes);
    (void)pthread_mutex_unlock(&queue->lock);
    return err;
}

/* Monotonic moment `timeout_ns` from now, as pthread wants it. */
static struct timespec deadline(uint64_t timeout_ns)
{
    uint64_t now = nv_clock_mono_ns(nv_clock_system());
    uint64_t at = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
    return (struct timespec){.tv_sec = (time_t)(at / NV_NS_PER_S),
                             .tv_nsec = (long)(at % NV_NS_PER_S)};
}

/* Waits for the first item. The lock is held. */
static void wait_for_item(struct nv_queue *queue, uint64_t timeout_ns)
{
    struct timespec until = {0};
    if (timeout_ns != UINT64_MAX && timeout_ns != 0)
        until = deadline(timeout_ns);
    int err = timeout_ns == 0 ? ETIMEDOUT : 0;
    queue->consumers_waiting++;
    while (queue->count == 0 && !queue->closed && queue->wakes == 0 && err == 0) {
        err = timeout_ns == UINT64_MAX
                  ? pthread_cond_wait(&queue->not_empty, &queue->lock)
                  : pthread_cond_timedwait(&queue->not_empty, &queue->lock, &until);
    }
    queue->consumers_waiting--;
    if (queue->wakes > 0)
        queue->wakes--;
}

size_t nv_queue_pop(struct nv_queue *queue, void **items, size_t max, uint64_t timeout_ns)
{
    (void)pthread_mutex_lock(&queue->lock);
    if (queue->count == 0)
        wait_for_item(queue, timeout_ns);
    size_t taken = 0;
    while (taken < max && queue->count > 0) {
        struct slot *slot = &queue->slots[queue->head];
        items[taken++] = slot->item;
        assert(queue->bytes >= slot->bytes);
        queue->bytes -= slot->bytes;
        queue->head = (queue->head + 1) % queue->capacity;
        queue->count--;
    }
    if (taken > 0)
        (void)pthread_cond_broadcast(&queue->not_full);
    (void)pthread_mutex_unlock(&queue->lock);
    return taken;
}

void nv_queue_close(struct nv_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->not_empty);
    (void)pthread_cond_broadcast(&queue->not_full);
    (void)pthread_mutex_unlock(&queue->lock);
}

void nv_queue_wake(struct nv_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    /* one more than wait: a consumer that is just about to wait must not miss it */
    if (queue->wakes <= queue->consumers_waiting)
        queue->wakes++;
    (void)pthread_cond_signal(&queue->not_empty);
    (void)pthread_mutex_unlock(&queue->lock);
}

size_t nv_queue_items(struct nv_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

size_t nv_queue_bytes(struct nv_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t bytes = queue->bytes;
    (void)pthread_mutex_unlock(&queue->lock);
    return bytes;
}
