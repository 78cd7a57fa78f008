/*
 * What the sending thread does with spans: a request of them, to the receiver or into the
 * stages, and what became of each.
 *
 *   queue ─▶ request ─▶ receiver                       answered for: exported, rejected, dropped
 *                  └──▶ stages ─▶ traces ─▶ receiver   (with the option `stages`)
 *
 * The thread's state is one struct for this file and trace/worker.c, which starts and stops it.
 */
#ifndef NV_TRACE_DELIVER_H
#define NV_TRACE_DELIVER_H

#include "base/clock.h"
#include "trace/direct.h"
#include "trace/encode.h"
#include "trace/ring.h"
#include "trace/send.h"

#include <semaphore.h>
#include <time.h>

#define NV_TRACE_NEVER UINT64_MAX

struct nv_trace_worker {
    pthread_mutex_t lock; /* thread's state; never held while anything is waited for */
    pthread_cond_t changed;
    sem_t wake;
    const struct nv_trace_config *config;
    struct nv_trace_ring ring;
    _Atomic uint32_t ring_size;
    pthread_t thread;
    _Atomic bool running, accepting;
    bool ready, finished;
    bool left; /* a thread that did not end in time */
    _Atomic bool idle, hurry;
    _Atomic uint64_t put, handled, flush_to; /* counts of spans; flush_to: is awaited */
    _Atomic uint64_t deadline_ns;
    struct nv_trace_sender *_Atomic sender;
    struct nv_trace_direct direct; /* of the thread, where the configuration has stages */
    uint64_t tick_ns;              /* when the stages want to go on; NEVER */
};

extern struct nv_trace_worker nv_trace_worker;

/* The monotonic clock. */
uint64_t nv_trace_mono_ns(void);
/* Whether the deadline of a stop has passed. */
bool nv_trace_time_is_up(void);
/* A time of the monotonic clock as libc takes it. */
struct timespec nv_trace_timespec(uint64_t ns);
/* Sleeps until woken, or the monotonic clock says `until`. */
void nv_trace_sleep_until(uint64_t until);
/* Drops what is queued and counts it. By the thread; under the lock when there is none. */
void nv_trace_drop_queue(enum nv_trace_count why);
/* Sends one request's worth of the queue, if there is anything. */
void nv_trace_send_batch(struct nv_trace_request *request);
/* Lets the stages go on and posts what they have finished. */
void nv_trace_go_on(void);
/* At the end: has the stages finish all, posts it as long as there is time, and closes them. */
void nv_trace_deliver_last(void);
/* The wait before the next try, in ms: doubled each time, by chance half as long again or half
 * of it, so that many clients do not come back at once; at least what the receiver asks for.
 * `chance`: any. */
uint64_t nv_trace_backoff_ms(unsigned tries, uint32_t retry_after_s, uint8_t chance);

#endif
