/*
 * The pool of spans.
 *
 * Free slots are a stack without a lock: head and next are indexes, and a count of pops in the
 * head's upper half keeps a slot that came back in between from being taken for the one that
 * was seen (the ABA problem). Last in, first out, because what was used last is in the cache.
 *
 *   head  [ pops : 32 | index + 1 : 32 ] ─▶ slot ─▶ slot ─▶ 0
 *   chunks[i] ─▶ 64 slots, allocated once and kept: a handle may come at any time later
 *
 * After a fork the child can't know what other threads were doing to the list or to a slot
 * whose lock they held, so it makes the list anew, and of such a slot it forgets the buffers.
 */
#include "trace/pool.h"

#include "trace/baggage.h"

#include "base/limits.h"

#include <stdlib.h>

#include "base/banned.h"

#define CHUNK_SLOTS 64u
/* Open and queued spans, and one that is being begun by each of many threads. */
#define CHUNKS_MAX (2 * NV_TRACE_SPANS_MAX / CHUNK_SLOTS + 16)
/* Of one buffer, whatever the options say: span_bytes_max is asked for before it grows. */
#define SPAN_CAP NV_CAP_GIB(1)
/* What a free slot keeps of each buffer. */
#define KEPT_BYTES ((size_t)2 << 10)

static pthread_mutex_t grow_lock = PTHREAD_MUTEX_INITIALIZER; /* new chunks */
static struct nv_trace_span *_Atomic chunks[CHUNKS_MAX];
static _Atomic uint32_t slot_count;
static _Atomic uint64_t free_head;
static _Atomic size_t memory;

static void each_buf(struct nv_trace_span *span,
                     void (*visit)(struct nv_trace_span *span, struct nv_buf *buf))
{
    visit(span, &span->name);
    visit(span, &span->status_message);
    visit(span, &span->attributes);
    visit(span, &span->rest);
    visit(span, &span->trace_state);
    for (int i = 0; i < NV_TRACE_TEXT_END; i++)
        visit(span, &span->texts[i].buf);
}

/* The count of pops is left as it is: only a pop must notice that the head was taken and came
 * back. */
static void push_free(struct nv_trace_span *span)
{
    uint64_t head = atomic_load(&free_head);
    uint64_t mine;
    do {
        atomic_store_explicit(&span->next, (uint32_t)head, memory_order_relaxed);
        mine = (head & ~(uint64_t)UINT32_MAX) | (span->index + 1);
    } while (!atomic_compare_exchange_weak(&free_head, &head, mine));
}

static struct nv_trace_span *pop_free(void)
{
    uint64_t head = atomic_load(&free_head);
    for (;;) {
        uint32_t index = (uint32_t)head;
        if (index == 0)
            return NULL;
        struct nv_trace_span *span = nv_trace_span_at(index - 1);
        uint64_t next =
            ((head >> 32) + 1) << 32 | atomic_load_explicit(&span->next, memory_order_relaxed);
        if (atomic_compare_exchange_weak(&free_head, &head, next))
            return span;
    }
}

static void ready_buf(struct nv_trace_span *span, struct nv_buf *buf)
{
    (void)span;
    nv_buf_init(buf, SPAN_CAP);
}

/* Small buffers are kept: the next span of the same code needs as much. */
static void empty_buf(struct nv_trace_span *span, struct nv_buf *buf)
{
    if (buf->capacity > KEPT_BYTES) {
        span->bytes -= buf->capacity;
        atomic_fetch_sub(&memory, buf->capacity);
        nv_buf_release(buf);
    }
    nv_buf_clear(buf);
}

static void empty(struct nv_trace_span *span)
{
    each_buf(span, empty_buf);
    span->sampled = span->inherited = span->parent_remote = span->has_parent = false;
    span->named = span->failed = span->ok = false;
    span->message = -1;
    span->stream = (struct nv_trace_stream){0};
    span->agent = NULL;
    nv_trace_baggage_unref(span->baggage);
    span->baggage = NULL;
    span->key_bits = 0;
    span->attribute_count = span->event_count = span->link_count = 0;
    span->attributes_dropped = span->events_dropped = span->links_dropped = 0;
}

/* Under the lock: 64 more slots, if memory has them. */
static void grow(void)
{
    uint32_t first = atomic_load(&slot_count);
    if (first / CHUNK_SLOTS == CHUNKS_MAX)
        return;
    struct nv_trace_span *slots = calloc(CHUNK_SLOTS, sizeof *slots);
    if (!slots)
        return;
    atomic_store(&chunks[first / CHUNK_SLOTS], slots);
    for (uint32_t i = 0; i < CHUNK_SLOTS; i++) {
        (void)pthread_mutex_init(&slots[i].lock, NULL);
        slots[i].index = first + i;
        each_buf(&slots[i], ready_buf);
        empty(&slots[i]);
    }
    /* after the slots are whole: a handle that is made up must not find half of one */
    atomic_store(&slot_count, first + CHUNK_SLOTS);
    for (uint32_t i = CHUNK_SLOTS; i > 0; i--)
        push_free(&slots[i - 1]);
}

struct nv_trace_span *nv_trace_span_at(uint32_t index)
{
    return &atomic_load_explicit(&chunks[index / CHUNK_SLOTS],
                                 memory_order_acquire)[index % CHUNK_SLOTS];
}

uint32_t nv_trace_span_slots(void)
{
    return atomic_load_explicit(&slot_count, memory_order_acquire);
}

struct nv_trace_span *nv_trace_span_take(void)
{
    struct nv_trace_span *span = pop_free();
    if (!span) {
        pthread_mutex_lock(&grow_lock);
        span = pop_free();
        if (!span) {
            grow();
            span = pop_free();
        }
        pthread_mutex_unlock(&grow_lock);
    }
    return span;
}

noveum_span nv_trace_span_handle(const struct nv_trace_span *span)
{
    return (noveum_span){(uint64_t)span->generation << 32 | (span->index + 1)};
}

noveum_span nv_trace_span_open(struct nv_trace_span *span)
{
    pthread_mutex_lock(&span->lock);
    /* handles of the slot's last span end here */
    span->generation++;
    span->state = NV_TRACE_SPAN_OPEN;
    noveum_span handle = nv_trace_span_handle(span);
    pthread_mutex_unlock(&span->lock);
    return handle;
}

struct nv_trace_span *nv_trace_span_lock(noveum_span handle)
{
    uint32_t index = (uint32_t)handle.id - 1; /* of zero: past all slots */
    if (index >= nv_trace_span_slots())
        return NULL;
    struct nv_trace_span *span = nv_trace_span_at(index);
    pthread_mutex_lock(&span->lock);
    if (span->state == NV_TRACE_SPAN_OPEN && span->generation == handle.id >> 32)
        return span;
    pthread_mutex_unlock(&span->lock);
    return NULL;
}

void nv_trace_span_unlock(struct nv_trace_span *span)
{
    pthread_mutex_unlock(&span->lock);
}

void nv_trace_span_give(struct nv_trace_span *span)
{
    pthread_mutex_lock(&span->lock);
    span->state = NV_TRACE_SPAN_FREE;
    empty(span);
    pthread_mutex_unlock(&span->lock);
    push_free(span);
}

bool nv_trace_span_room(struct nv_trace_span *span, struct nv_buf *buf, size_t extra)
{
    if (buf->bytes && extra <= buf->capacity - buf->len)
        return true;
    if (extra > span->config->span_bytes_max ||
        span->bytes + extra > span->config->span_bytes_max ||
        nv_trace_span_memory() + extra > span->config->memory_max)
        return false;
    size_t before = buf->capacity;
    enum nv_err err = nv_buf_reserve(buf, extra);
    buf->failed = NV_OK;
    nv_trace_span_account(span, buf, before);
    return err == NV_OK;
}

void nv_trace_span_account(struct nv_trace_span *span, const struct nv_buf *buf, size_t before)
{
    span->bytes += buf->capacity - before;
    if (buf->capacity > before)
        atomic_fetch_add(&memory, buf->capacity - before);
}

size_t nv_trace_span_memory(void)
{
    return atomic_load_explicit(&memory, memory_order_relaxed);
}

void nv_trace_pool_before_fork(void)
{
    pthread_mutex_lock(&grow_lock);
}

void nv_trace_pool_after_fork_parent(void)
{
    pthread_mutex_unlock(&grow_lock);
}

/* Of a slot that somebody was changing nothing can be believed but what was constant since it
 * was opened. Its buffers leak, once a fork that hits one. */
static void forget(struct nv_trace_span *span)
{
    (void)pthread_mutex_init(&span->lock, NULL);
    each_buf(span, ready_buf);
    span->bytes = 0;
}

void nv_trace_pool_after_fork_child(void)
{
    pthread_mutex_unlock(&grow_lock);
    atomic_store(&free_head, 0);
    for (uint32_t i = nv_trace_span_slots(); i > 0; i--) {
        struct nv_trace_span *span = nv_trace_span_at(i - 1);
        if (pthread_mutex_trylock(&span->lock) == 0)
            pthread_mutex_unlock(&span->lock);
        else
            forget(span);
        /* the child may ask it for its trace; only the parent sends it */
        if (span->state == NV_TRACE_SPAN_OPEN)
            span->inherited = true;
        else
            nv_trace_span_give(span);
    }
}
