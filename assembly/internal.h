/*
 * What the sources of assembly share: the assembly, its shards, its claims.
 *
 *   accept (any thread)        assembly.c   prepare, queue
 *   journal thread             committer.c  commit a group, acknowledge, dispatch, forget
 *   shard threads              shard.c      hold, time, complete
 *
 * Inline all of it runs on the caller's thread. Locks, and the order to take them in: groups and
 * services (leaves), settled (leaf), the journal's own. None is held while calling out.
 */
#ifndef NV_ASSEMBLY_INTERNAL_H
#define NV_ASSEMBLY_INTERNAL_H

#include "assembly/assembly.h"
#include "assembly/hold/completion.h"
#include "assembly/door/plans.h"
#include "assembly/hold/sent.h"
#include "assembly/hold/trace_table.h"
#include "base/queue.h"

struct nv_journal;

/* One trace or part on its way out, and the requests it has spans of. */
struct nv_claim {
    struct nv_claim *next;           /* in the list of settled claims */
    struct nv_claim *before, *after; /* in the list of all claims */
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    struct nv_place first, last; /* its first and last item */
    uint32_t request_count;
    struct nv_request *requests[]; /* one reference each; the same one may stand several times */
};

/* A request on its way into the journal. */
struct nv_pending {
    struct nv_prepared prepared;
    nv_accept_done *done;
    void *done_ctx;
};

struct nv_shard {
    struct nv_assembly *assembly;
    uint32_t number;
    struct nv_queue *queue; /* of nv_arrivals; NULL inline */
    pthread_t thread;
    bool running;
    bool replayed; /* the journal's requests of before the start have all come */
    struct nv_trace_table table;
    struct nv_timers timers;
    struct nv_sent sent;
    struct nv_plans plans;                      /* parts to be made again as they were */
    struct nv_arrivals *stalled, **stalled_end; /* taken when there is memory again */
    uint32_t *scratch;                          /* folded ids, see facts.c */
    uint32_t scratch_capacity;
    uint64_t oldest_checked_ns;
    _Atomic uint64_t open_traces, held_spans, held_bytes, memory_bytes, oldest_ns;
};

/* A record of notes on disk. */
struct nv_note_record {
    uint64_t id;
    uint64_t last;    /* highest record it speaks of */
    uint64_t wall_ns; /* when it was written */
    uint32_t count;
};

/* Such records, oldest first. */
struct nv_note_ring {
    struct nv_note_record *records;
    size_t first, count, capacity;
    uint64_t noted; /* sum of their counts */
};

/* Planned and settled notes live differently long. */
struct nv_notes {
    pthread_mutex_t lock;
    struct nv_note_ring planned, settled;
    uint64_t swept_ns;
};

enum nv_phase { NV_PHASE_NEW, NV_PHASE_RUNNING, NV_PHASE_STOPPING, NV_PHASE_STOPPED };

struct nv_assembly {
    struct nv_assembly_config config;
    char *journal_directory; /* owned copy, config points to it */
    struct nv_clock clock;
    struct nv_completer completer;
    struct nv_services *services;
    struct nv_groups groups;
    struct nv_account *work;    /* of arenas of gathered traces; unused inline */
    struct nv_account own_work; /* when the configuration has none */
    struct nv_shard *shards;
    uint32_t shard_count; /* >= 1 */
    bool inline_mode;
    _Atomic int phase; /* enum nv_phase */
    bool stuck;        /* of who stops it: a thread did not end in time */
    _Atomic uint64_t stop_at_ns;

    struct nv_journal *journal; /* NULL with NV_DURABILITY_MEMORY */
    struct nv_store store;
    struct nv_queue *queue; /* of nv_pending; NULL inline */
    pthread_t committer;
    bool committer_running;
    _Atomic bool shards_closed;

    pthread_mutex_t lock; /* of the next six */
    pthread_cond_t changed;
    struct nv_claim *all_claims;
    struct nv_claim *settled, **settled_end;
    struct nv_request *released; /* without references, to be forgotten */
    bool drained;                /* the committer has seen the end of the queue */
    bool committer_exit;

    struct nv_replay *replay; /* NULL without a journal */
    struct nv_notes notes;
    _Atomic uint64_t replayed;
    _Atomic bool replaying;
    _Atomic bool replay_cut;         /* stopped before the replay was over: traces may lack spans */
    _Atomic uint64_t claims, memory; /* memory: of requests, see nv_request_bytes */
    _Atomic uint64_t arriving;       /* bytes of the arrivals that no shard has taken yet */
    _Atomic uint64_t next_record;    /* numbers requests without a journal */
};

/* ---- shard.c ------------------------------------------------------------------------------ */

/* Readies a shard of `assembly`. NV_ERR_NO_MEMORY. */
enum nv_err nv_shard_init(struct nv_shard *shard, struct nv_assembly *assembly, uint32_t number);
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

/* ---- facts.c ------------------------------------------------------------------------------ */

/* What is seen of a trace. `scratch` has room for its items. */
void nv_facts_read(struct nv_services *services, const struct nv_open_trace *trace,
                   uint32_t *scratch, uint64_t now_ns, struct nv_trace_facts *out);
/*
 * Notes what a trace that leaves tells of its services. Returns the slot of a service whose remote
 * parent is missing, 0 if none.
 */
uint32_t nv_facts_learn(struct nv_services *services, const struct nv_open_trace *trace,
                        uint32_t *scratch, uint64_t now_ns);

/* ---- gather.c ----------------------------------------------------------------------------- */

struct nv_gathered {
    struct nv_raw_trace *raw; /* new; NULL when no span of it can be sent */
    struct nv_claim *claim;   /* new; holds a reference for each run */
    uint32_t duplicates;      /* spans left out because another has their id */
    uint32_t damaged;         /* spans left out because their bytes are not what came */
};

/* What the arena of a trace may grow to. */
uint64_t nv_gather_need(const struct nv_assembly *assembly, const struct nv_open_trace *trace);
/* Takes `need` from the account of work. False: not now; the `first` of a turn has it reserved for
 * the shard and asks again. */
bool nv_work_take(struct nv_shard *shard, uint64_t need, bool first);
/* Lets the arena of `raw` carry what was taken; NULL: gives it back. */
void nv_work_settle(struct nv_assembly *assembly, struct nv_raw_trace *raw, uint64_t need);
/* Reads a trace's bytes and makes it whole; the trace is unchanged. NV_ERR_NO_MEMORY. */
enum nv_err nv_gather(struct nv_assembly *assembly, const struct nv_open_trace *trace,
                      enum nv_incomplete incomplete, struct nv_gathered *out);

/* ---- committer.c -------------------------------------------------------------------------- */

/*
 * One round of the journal: commits `count` requests (takes them) and what was settled as one
 * group; answers and dispatches the requests, forgets those that nobody needs any more.
 */
void nv_committer_round(struct nv_assembly *assembly, struct nv_pending **pendings, size_t count);
/* Hands a list of arrivals to their shards, waiting for room. Takes them. */
void nv_committer_dispatch(struct nv_assembly *assembly, struct nv_arrivals *arrivals);
/* Drops a reference to a request; the last one has it forgotten. Any thread. */
void nv_committer_unref(struct nv_assembly *assembly, struct nv_request *request);
/* At the end: frees what could not be forgotten on disk; it stays there. */
void nv_committer_abandon(struct nv_assembly *assembly);
/* The thread's body; `arg` is the assembly. */
void *nv_committer_run(void *arg);

/* ---- assembly.c ---------------------------------------------------------------------------- */

/* Monotonic time by the assembly's clock. Any thread. */
uint64_t nv_assembly_now(const struct nv_assembly *assembly);

/* ---- claims.c ------------------------------------------------------------------------------ */

/* A new claim is known until it is settled; claims that are given up are freed with the assembly.
 */
void nv_claims_add(struct nv_assembly *assembly, struct nv_claim *claim);
/* Takes a claim that came back. Any thread. */
void nv_claims_settle(struct nv_assembly *assembly, struct nv_claim *claim);
/* Takes a claim whose trace did not arrive: its requests stay in the journal. Any thread. */
void nv_claims_leave(struct nv_assembly *assembly, struct nv_claim *claim);
/* The settled claims, in order; takes them out. Free with nv_claims_free. */
struct nv_claim *nv_claims_take(struct nv_assembly *assembly);
/* Puts settled claims back to the front: the next round takes them again. Takes the list. */
void nv_claims_return(struct nv_assembly *assembly, struct nv_claim *claims);
/* Drops the requests of a list of settled claims and frees it. */
void nv_claims_free(struct nv_assembly *assembly, struct nv_claim *claims);
/* At the end: frees claims that nobody settled or that could not be noted, forgetting nothing. */
void nv_claims_abandon(struct nv_assembly *assembly);

#endif
