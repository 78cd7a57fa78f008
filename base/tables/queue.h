/*
 * A bounded queue of pointers between threads, limited in items and in bytes.
 *
 *   producers ──push──▶ [ ring, mutex, condition ] ──pop──▶ consumers
 *
 * Waiting, not spinning (docs/architecture.md#threads). Never drops: a full queue refuses, and
 * the refusal is answered 429 or 503 at the door. Any number of threads on either side.
 */
#ifndef NV_BASE_TABLES_QUEUE_H
#define NV_BASE_TABLES_QUEUE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct nv_queue;

/* New queue, or NULL without memory. Both limits must be positive. */
struct nv_queue *nv_queue_new(size_t max_items, size_t max_bytes);
/* Frees the queue; it must be empty (the items are the owners' business). NULL is allowed. */
void nv_queue_free(struct nv_queue *queue);
/*
 * Adds `item` of `bytes`: taken with NV_OK, still the caller's with every error, so that it can
 * answer for it. NV_ERR_FULL when a limit would be passed (an item larger than max_bytes passes
 * when the queue is empty), NV_ERR_STOPPING once closed.
 */
enum nv_err nv_queue_push(struct nv_queue *queue, void *item, size_t bytes) NV_MUST_USE;
/* As nv_queue_push, but waits for room until the queue is closed. */
enum nv_err nv_queue_push_wait(struct nv_queue *queue, void *item, size_t bytes) NV_MUST_USE;
/*
 * Takes up to `max` items into `items`, in order; waits at most `timeout_ns` for the first (0 =
 * not at all, UINT64_MAX = until closed). Returns how many; 0 on timeout or when closed and
 * empty.
 */
size_t nv_queue_pop(struct nv_queue *queue, void **items, size_t max, uint64_t timeout_ns);
/* Refuses further pushes and wakes everybody; what is inside can still be popped. */
void nv_queue_close(struct nv_queue *queue);
/* Wakes one waiting consumer, or else the next that would wait, without an item (its pop gives
 * 0).
 */
void nv_queue_wake(struct nv_queue *queue);
/* Items inside now; stale as soon as it is returned. */
size_t nv_queue_items(struct nv_queue *queue);
/* Sum of the bytes the items inside were pushed with; likewise. */
size_t nv_queue_bytes(struct nv_queue *queue);

#endif
