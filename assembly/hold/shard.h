/*
 * A shard: the open traces of its part of all trace ids, with what it needs to time and
 * complete them. All of it belongs to the shard's own thread, inline to the caller's; the
 * counts alone are read by others.
 */
#ifndef NV_ASSEMBLY_HOLD_SHARD_H
#define NV_ASSEMBLY_HOLD_SHARD_H

#include "assembly/door/state.h"
#include "assembly/hold/completion.h"
#include "assembly/hold/plans.h"
#include "assembly/hold/sent.h"
#include "assembly/hold/trace_table.h"
#include "base/owner.h"

struct nv_held_look;

struct nv_shard {
    struct nv_assembly *assembly;
    uint32_t number;
    struct nv_queue *queue; /* of nv_arrivals; NULL inline */
    pthread_t thread;       /* of who starts and joins it */
    struct nv_owner owner;  /* the same by its own word; nobody inline */
    bool running;
    bool ended;    /* its thread has nothing left to do; under the assembly's lock */
    bool replayed; /* the journal's requests of before the start have all come */
    struct nv_trace_table table;
    struct nv_timers timers;
    struct nv_sent sent;
    struct nv_plans plans;                      /* parts to be made again as they were */
    struct nv_arrivals *stalled, **stalled_end; /* taken when there is memory again */
    uint32_t *scratch;                          /* folded ids, see facts.c */
    uint32_t scratch_capacity;
    /* Ids of the groups of log records opened last, a ring; most have gone meanwhile. */
    uint8_t *record_groups;
    uint32_t next_group;
    uint64_t oldest_checked_ns;
    struct nv_held_look *look;  /* of who looks at what is held (held.h); the assembly's lock */
    atomic_bool asked;          /* it was set since the shard looked */
    _Atomic uint64_t hasten_ns; /* hasten.h: what came by then waits no longer; 0: never */
    uint64_t hastened_ns;       /* the same as the shard has seen it */
    _Atomic uint64_t open_traces, held_spans, held_bytes, memory_bytes, oldest_ns;
    _Atomic uint64_t left_out; /* spans that came twice or were damaged; never less */
};

/* Is the caller the thread that the shard belongs to? For asserts of all that takes a shard. */
static inline bool nv_shard_is_mine(const struct nv_shard *shard)
{
    return nv_owner_is_mine(&shard->owner);
}

/* Readies a shard of `assembly`. NV_ERR_NO_MEMORY. */
enum nv_err nv_shard_init(struct nv_shard *shard, struct nv_assembly *assembly,
                          uint32_t number) NV_MUST_USE;
/* Frees it with all that is still open, as a crash would forget it. */
void nv_shard_release(struct nv_shard *shard);
/* Takes the arrivals (NULL request: the replay is over). Its thread. */
void nv_shard_take(struct nv_shard *shard, struct nv_arrivals *arrivals, uint64_t now_ns);
/* Completes what is due; returns the next deadline. Its thread. */
uint64_t nv_shard_expire(struct nv_shard *shard, uint64_t now_ns);
/* At a stop: hands on what is complete, and by config.on_stop the rest. False: time is up. */
bool nv_shard_finish(struct nv_shard *shard);
/* The thread's body; `arg` is the shard. */
void *nv_shard_run(void *arg);

#endif
