/*
 * The thread that sends: takes ended spans from the queue, makes requests, retries.
 *
 *   put ──▶ ring ──▶ wait for more (delay_ms, batch_spans) ──▶ request ──▶ answer
 *                                                                ▲           │ 429, 502-504, none
 *                                                                └─ back-off ┘ until given up
 *
 * With stages (trace/direct.h) the request goes into them, and what they finish is posted.
 *
 * It starts with the first span that is put. It blocks every signal, so that the program's
 * handlers run in the program's threads.
 */
#ifndef NV_TRACE_WORKER_H
#define NV_TRACE_WORKER_H

#include "trace/pool.h"

/* Readies the queue, and the stages if there are any. NOVEUM_OK, NOVEUM_NO_MEMORY, NOVEUM_BUSY
 * while a thread that was stopped has not ended, NOVEUM_INVALID and `why` (of 200 bytes) of the
 * stages. Not while it is started. */
noveum_result nv_trace_worker_start(const struct nv_trace_config *config, char why[200]);
/*
 * Queues an ended span, which is taken; it is dropped and counted when no thread can be made.
 * False, and counted: the queue, which alone may refuse, is full or stopped, and the span
 * stays the caller's. Never waits. Any thread.
 */
bool nv_trace_worker_put(struct nv_trace_span *span);
/* Waits until all that was put before is answered for: NOVEUM_OK or NOVEUM_TIMEOUT. */
noveum_result nv_trace_worker_flush(uint32_t timeout_ms);
/* Sends what waits, for at most `timeout_ms`, drops the rest and ends the thread. NOVEUM_OK, or
 * NOVEUM_TIMEOUT when something was dropped. */
noveum_result nv_trace_worker_stop(uint32_t timeout_ms);

/* Around a fork. The child has an empty queue and no thread, until it ends a span. */
void nv_trace_worker_before_fork(void);
void nv_trace_worker_after_fork_parent(void);
void nv_trace_worker_after_fork_child(void);

#endif
