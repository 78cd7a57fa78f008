/*
 * Between the shards and the sender: what was consumed and not yet taken over, and the sum of
 * all that the exporter holds in memory.
 *
 *   shards ──push──▶ [ encoded ... ] [ traces that could not be encoded for want of memory ]
 *                         │ take_all (sender)
 *   bytes, traces: from push until forget, wherever the trace is meanwhile
 *
 * Accepts always, because a consumer takes (model/stage.h); it is bounded by who hands traces
 * on, which asks nv_send_queue_pressure, and by shards waiting while the sender can still move
 * traces to disk.
 */
#ifndef NV_EXPORTER_QUEUE_SEND_QUEUE_H
#define NV_EXPORTER_QUEUE_SEND_QUEUE_H

#include "exporter/encode/encoded.h"

struct nv_send_queue;

/* New, or NULL without memory. Limits of what is held in memory; both positive. */
struct nv_send_queue *nv_send_queue_new(size_t bytes_max, uint32_t traces_max);
/* Frees it; it must be empty. NULL is allowed. */
void nv_send_queue_free(struct nv_send_queue *queue);
/* So many bytes may be ahead of the sender while it sends; before anything is pushed. Without
 * it the queue's own limit alone counts. */
void nv_send_queue_set_ahead(struct nv_send_queue *queue, size_t bytes);
/*
 * Takes an encoded trace. Any thread. True: the sender is to be woken, as it waits for no more
 * than what is there (nv_send_queue_await), or what was pushed is none of those that it waits
 * for.
 */
bool nv_send_queue_push(struct nv_send_queue *queue, struct nv_encoded *encoded) NV_MUST_USE;
/* Waits while twice the limit is in memory and waiting is on. Any thread but the sender's. */
void nv_send_queue_wait_room(struct nv_send_queue *queue);
/* Takes a trace that could not be encoded. Any thread; wake the sender afterwards. */
void nv_send_queue_push_raw(struct nv_send_queue *queue, struct nv_trace *trace);
/* Moves all encoded traces behind `out`; returns the list of raw ones (owned, by `next`; NULL:
 * none). */
struct nv_trace *nv_send_queue_take_all(struct nv_send_queue *queue,
                                        struct nv_encoded_list *out);
/*
 * What the sender waits for, with `fresh` of its own: that so many traces or bytes of JSON are
 * pushed; both positive. True: they are there already. The sender's thread, at the end of each
 * step, or it is woken too late. At first one trace is waited for.
 */
bool nv_send_queue_await(struct nv_send_queue *queue, const struct nv_encoded_list *fresh,
                         uint32_t traces, size_t bytes) NV_MUST_USE;
/* Counts a trace that comes back into memory from the outbox. */
void nv_send_queue_remember(struct nv_send_queue *queue, const struct nv_encoded *encoded);
/* A trace leaves memory: the caller frees it afterwards. */
void nv_send_queue_forget(struct nv_send_queue *queue, const struct nv_encoded *encoded);
/*
 * May shards wait for room (a sender runs and can move traces to disk)? Turning it off wakes
 * those who wait.
 */
void nv_send_queue_set_waiting(struct nv_send_queue *queue, bool on);
/* Nothing goes out at present: what NV_ERR_FULL instead of NV_ERR_BUSY means. */
void nv_send_queue_set_held(struct nv_send_queue *queue, bool held);
/* NV_OK, NV_ERR_BUSY (also when enough is ahead of a sender that is not held), NV_ERR_FULL: see
 * nv_exporter_pressure. Any thread, no lock. */
enum nv_err nv_send_queue_pressure(const struct nv_send_queue *queue) NV_MUST_USE;
/* Bytes in memory, JSON and bookkeeping. Any thread. */
size_t nv_send_queue_bytes(const struct nv_send_queue *queue);
/* Traces in memory. Any thread. */
size_t nv_send_queue_traces(const struct nv_send_queue *queue);

#endif
