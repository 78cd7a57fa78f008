/*
 * Does translation get on? One slot for each trace that is being translated.
 *
 *   shard thread   begin ──────────── end              (a few atomic stores)
 *   watcher             look   look   look ▸ log, status
 *
 * A slot is stuck for as long as it has had the same trace and its thread was at work or
 * asleep. A thread that could run but was not let run does not count: in a pod that is
 * throttled, time on the wall passes without anybody being stuck, and a restart would only make
 * it worse.
 */
#ifndef NV_GATEWAY_PROCESS_PROGRESS_H
#define NV_GATEWAY_PROCESS_PROGRESS_H

#include "base/clock.h"
#include "model/batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#define NV_PROGRESS_SLOTS 64u
/* Stuck for so long: told in the log, /status and /readyz; then /healthz fails. */
#define NV_STUCK_TOLD_NS (UINT64_C(5) * NV_NS_PER_S)
#define NV_STUCK_FATAL_NS (UINT64_C(60) * NV_NS_PER_S)
/* How often to look. */
#define NV_PROGRESS_LOOK_S 1

/* A thread as the watcher asks for it. */
struct nv_thread_id {
    int tid;         /* of the kernel */
    clockid_t clock; /* of its CPU time */
};
/* CPU time of a thread, and whether it runs or could run now. False: not known. */
typedef bool nv_thread_times(struct nv_thread_id thread, uint64_t *cpu_ns, bool *runnable);
/* The system's. */
nv_thread_times nv_thread_times_system;

struct nv_progress_slot {
    _Atomic uint64_t turn;  /* odd: busy */
    _Atomic uint64_t id[2]; /* of the trace */
    _Atomic int tid;
    _Atomic int clock;
    /* the watcher's */
    uint64_t seen_turn, seen_cpu_ns, seen_ns, stuck_ns;
};

/* Zeroed and `times` set: ready. */
struct nv_progress {
    nv_thread_times *times;
    struct nv_progress_slot slots[NV_PROGRESS_SLOTS];
    pthread_mutex_t lock; /* of what follows */
    uint64_t stuck_ns;
    uint8_t trace_id[NV_TRACE_ID_BYTES];
};

/* All slots idle, times from the kernel. No failure. */
void nv_progress_init(struct nv_progress *progress);
/* No thread begins, ends or looks any more. */
void nv_progress_release(struct nv_progress *progress);
/* The calling thread works on a trace in that slot, which is its own until end. */
void nv_progress_begin(struct nv_progress *progress, unsigned slot,
                       const uint8_t trace_id[NV_TRACE_ID_BYTES]);
/* The slot is idle again; the thread that began in it. */
void nv_progress_end(struct nv_progress *progress, unsigned slot);
/* To be called every NV_PROGRESS_LOOK_S or so, by one thread. */
void nv_progress_look(struct nv_progress *progress, uint64_t now_ns);
/* For how long the slot that is stuck for longest is so, and with which trace. Any thread. */
uint64_t nv_progress_stuck(struct nv_progress *progress, uint8_t trace_id[NV_TRACE_ID_BYTES]);

#endif
