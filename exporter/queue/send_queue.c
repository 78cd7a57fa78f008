/*
 * The hand-over from the shards to the sender.
 *
 * base/queue refuses when it is full; this one may not, because a trace that was translated has
 * nowhere to go back to. So the bound is kept by others: a shard looks at no further traces at
 * the limit, which stay in the journal, and at twice the limit it waits for the sender to write
 * to disk (not for the network). Without a store the excess is bounded by what assembly may
 * hold.
 *
 * The lists are intrusive: a push never allocates and never fails. A trace that could not be
 * encoded for want of memory waits here as it is.
 *
 *   bytes       0 ────────── limit ───────────── 2 × limit ──────────▶
 *   next trace  is looked at  BUSY, held: FULL    the same
 *   shard       pushes        pushes              pushes, then waits for room (with a store)
 *
 * While the sender sends, what is ahead of it has a lower limit of its own: a few bodies keep
 * it at work, and more would only lie in memory what lies in the journal already. In flight,
 * for media or for another try a trace waits for somebody else: that does not count there.
 *
 * A sender that waits for its body to fill up is woken when it is full, not for each trace: it
 * says at the end of each step what it waits for, and its alarm is set for the rest.
 */
#include "exporter/queue/send_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

struct nv_send_queue {
    pthread_mutex_t lock; /* of what is no atomic */
    pthread_cond_t room;
    struct nv_encoded_list list;
    struct nv_trace *raw_first, *raw_last;
    bool waiting; /* shards may wait */
    size_t bytes_max, ahead_max;
    size_t traces_max;
    size_t awaited_bytes; /* in `list` */
    uint32_t awaited_traces;
    _Atomic size_t bytes, traces; /* all that is in memory */
    _Atomic size_t ahead;         /* of `list`, and of the sender's own fresh ones */
    _Atomic bool held;
};

struct nv_send_queue *nv_send_queue_new(size_t bytes_max, uint32_t traces_max)
{
    struct nv_send_queue *queue = calloc(1, sizeof *queue);

    assert(bytes_max > 0 && traces_max > 0);
    if (!queue)
        return NULL;
    queue->bytes_max = bytes_max;
    queue->ahead_max = SIZE_MAX;
    queue->traces_max = traces_max;
    queue->awaited_traces = 1;
    queue->awaited_bytes = 1;
    if (pthread_mutex_init(&queue->lock, NULL) != 0) {
        free(queue);
        return NULL;
    }
    if (pthread_cond_init(&queue->room, NULL) != 0) {
        (void)pthread_mutex_destroy(&queue->lock);
        free(queue);
        return NULL;
    }
    return queue;
}

void nv_send_queue_free(struct nv_send_queue *queue)
{
    if (!queue)
        return;
    assert(queue->list.count == 0 && queue->raw_first == NULL);
    (void)pthread_cond_destroy(&queue->room);
    (void)pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static void count_in(struct nv_send_queue *queue, const struct nv_encoded *encoded)
{
    atomic_fetch_add(&queue->bytes, nv_encoded_bytes(encoded));
    atomic_fetch_add(&queue->traces, 1);
}

void nv_send_queue_set_ahead(struct nv_send_queue *queue, size_t bytes)
{
    queue->ahead_max = bytes;
}

/* Is what the sender waits for in the list? Under the lock. */
static bool is_enough(const struct nv_send_queue *queue)
{
    return queue->list.count >= queue->awaited_traces ||
           queue->list.json_bytes >= queue->awaited_bytes;
}

static size_t bytes_of(const struct nv_encoded_list *list)
{
    return list->json_bytes + list->count * sizeof(struct nv_encoded);
}

bool nv_send_queue_push(struct nv_send_queue *queue, struct nv_encoded *encoded)
{
    /* no part of a body that fills up: to be uploaded for, or dead already */
    bool wake = encoded->media != NULL || encoded->why != NULL;

    count_in(queue, encoded);
    (void)pthread_mutex_lock(&queue->lock);
    atomic_fetch_add(&queue->ahead, nv_encoded_bytes(encoded));
    nv_encoded_list_push(&queue->list, encoded);
    wake |= is_enough(queue);
    (void)pthread_mutex_unlock(&queue->lock);
    /* before the shard waits for room, whatever the sender thinks that it waits for */
    return wake || atomic_load(&queue->bytes) >= queue->bytes_max;
}

bool nv_send_queue_await(struct nv_send_queue *queue, const struct nv_encoded_list *fresh,
                         uint32_t traces, size_t bytes)
{
    bool there;

    assert(traces > 0 && bytes > 0);
    (void)pthread_mutex_lock(&queue->lock);
    queue->awaited_traces = traces;
    queue->awaited_bytes = bytes;
    there = is_enough(queue);
    atomic_store(&queue->ahead, bytes_of(fresh) + bytes_of(&queue->list));
    (void)pthread_mutex_unlock(&queue->lock);
    return there;
}

void nv_send_queue_wait_room(struct nv_send_queue *queue)
{
    if (atomic_load(&queue->bytes) / 2 < queue->bytes_max)
        return;
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->waiting && atomic_load(&queue->bytes) / 2 >= queue->bytes_max)
        (void)pthread_cond_wait(&queue->room, &queue->lock);
    (void)pthread_mutex_unlock(&queue->lock);
}

void nv_send_queue_push_raw(struct nv_send_queue *queue, struct nv_trace *trace)
{
    trace->next = NULL;
    (void)pthread_mutex_lock(&queue->lock);
    if (queue->raw_last)
        queue->raw_last->next = trace;
    else
        queue->raw_first = trace;
    queue->raw_last = trace;
    (void)pthread_mutex_unlock(&queue->lock);
}

struct nv_trace *nv_send_queue_take_all(struct nv_send_queue *queue,
                                        struct nv_encoded_list *out)
{
    struct nv_trace *raw;

    (void)pthread_mutex_lock(&queue->lock);
    nv_encoded_list_append(out, &queue->list);
    raw = queue->raw_first;
    queue->raw_first = queue->raw_last = NULL;
    (void)pthread_mutex_unlock(&queue->lock);
    return raw;
}

void nv_send_queue_remember(struct nv_send_queue *queue, const struct nv_encoded *encoded)
{
    count_in(queue, encoded);
}

void nv_send_queue_forget(struct nv_send_queue *queue, const struct nv_encoded *encoded)
{
    size_t size = nv_encoded_bytes(encoded);
    size_t before = atomic_fetch_sub(&queue->bytes, size);
    size_t traces = atomic_fetch_sub(&queue->traces, 1);

    assert(before >= size && traces >= 1);
    (void)traces;
    if (before / 2 >= queue->bytes_max) {
        (void)pthread_mutex_lock(&queue->lock);
        (void)pthread_cond_broadcast(&queue->room);
        (void)pthread_mutex_unlock(&queue->lock);
    }
}

void nv_send_queue_set_waiting(struct nv_send_queue *queue, bool on)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->waiting = on;
    (void)pthread_cond_broadcast(&queue->room);
    (void)pthread_mutex_unlock(&queue->lock);
}

void nv_send_queue_set_held(struct nv_send_queue *queue, bool held)
{
    atomic_store(&queue->held, held);
}

enum nv_err nv_send_queue_pressure(const struct nv_send_queue *queue)
{
    bool held = atomic_load(&queue->held);

    if (atomic_load(&queue->bytes) >= queue->bytes_max ||
        atomic_load(&queue->traces) >= queue->traces_max)
        return held ? NV_ERR_FULL : NV_ERR_BUSY;
    return !held && atomic_load(&queue->ahead) >= queue->ahead_max ? NV_ERR_BUSY : NV_OK;
}

size_t nv_send_queue_bytes(const struct nv_send_queue *queue)
{
    return atomic_load(&queue->bytes);
}

size_t nv_send_queue_traces(const struct nv_send_queue *queue)
{
    return atomic_load(&queue->traces);
}
