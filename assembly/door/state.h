/*
 * The state of an assembly, which its rooms share, and what the sources of the door do with it.
 *
 *      assembly.c        makes it, wires it, stops it
 *       │      │
 *       │    hold/       shard threads: hold, time, complete        includes door/
 *       │      │
 *      door/             accept (any thread): prepare, queue
 *                        journal thread: commit a group, acknowledge, dispatch, forget
 *
 * What the door has for a shard goes through `holder`: it knows no shard. Inline all of it runs
 * on the caller's thread. Locks, and the order to take them in: groups and services (leaves),
 * lock (leaf), the journal's own. None is held while calling out.
 */
#ifndef NV_ASSEMBLY_DOOR_STATE_H
#define NV_ASSEMBLY_DOOR_STATE_H

#include "assembly/door/config.h"
#include "assembly/door/place.h"
#include "assembly/door/request.h"
#include "base/clock.h"
#include "base/owner.h"
#include "base/tables/queue.h"
#include "model/stage.h"
#include "model/store.h"

struct nv_journal;
struct nv_note;
struct nv_replay;
struct nv_shard;

/* One trace or part on its way out, and the requests it has spans of. */
struct nv_claim {
    struct nv_claim *next;           /* in the list of settled claims */
    struct nv_claim *before, *after; /* in the list of all claims */
    struct nv_assembly *assembly;    /* whose it is: one settler serves several */
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    struct nv_place first, last;    /* its first and last item */
    struct nv_upstream_part places; /* the same by signal; only with an upstream */
    uint32_t request_count;
    /* one reference each; the same one may stand several times */
    struct nv_request *requests[];
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
    pthread_mutex_t lock; /* of both rings */
    struct nv_note_ring planned, settled;
    uint64_t swept_ns;
};

/* What the door asks of who holds traces; set by assembly.c. The committing thread calls it. */
struct nv_holder {
    /* Takes a list of arrivals, each for its shard (NULL request: the replay is over), waiting
     * for room. */
    void (*take)(struct nv_assembly *assembly, struct nv_arrivals *arrivals);
    /* Before the replay: this part was settled or on its way (notes.h). NV_ERR_NO_MEMORY. */
    enum nv_err (*learn)(struct nv_assembly *assembly, const struct nv_note *note);
};

enum nv_phase { NV_PHASE_NEW, NV_PHASE_RUNNING, NV_PHASE_STOPPING, NV_PHASE_STOPPED };

struct nv_assembly {
    struct nv_assembly_config config;
    char *journal_directory; /* owned copy, config points to it */
    struct nv_clock clock;
    struct nv_completer completer;
    struct nv_holder holder;
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
    struct nv_queue *queue; /* of nv_prepared; NULL inline */
    pthread_t committer;
    struct nv_owner committing; /* runs rounds and the replay: the committer; nobody inline */
    bool committer_running;
    _Atomic bool shards_closed;

    pthread_mutex_t lock; /* of the next six */
    pthread_cond_t changed;
    struct nv_claim *all_claims;
    struct nv_claim *settled, **settled_end;
    struct nv_request *released; /* without references, to be forgotten */
    bool drained;                /* the committer has seen the end of the queue */
    bool committer_exit;

    struct nv_buf heads; /* of the group being written; of who commits, from round to round */
    struct nv_replay *replay; /* NULL without a journal */
    struct nv_notes notes;
    _Atomic uint64_t replayed, to_replay;
    _Atomic bool replaying;
    _Atomic bool replay_cut; /* stopped before the replay was over: traces may lack spans */
    _Atomic uint64_t claims, memory; /* memory: of requests, see nv_request_bytes */
    _Atomic uint64_t arriving;       /* bytes of the arrivals that no shard has taken yet */
    _Atomic uint64_t next_record;    /* numbers requests without a journal */
};

/* Do claims hold their requests until they are settled? Else the bytes were copied and nobody
 * needs to know. */
static inline bool nv_claims_hold_requests(const struct nv_assembly *assembly)
{
    return assembly->journal || assembly->config.upstream.forgotten;
}

/* ---- committer.c ------------------------------------------------------------------------- */

/*
 * One round of the journal: commits `count` requests (takes them) and what was settled as one
 * group; answers and dispatches the requests, forgets those that nobody needs any more.
 */
void nv_committer_round(struct nv_assembly *assembly, struct nv_prepared **pendings,
                        size_t count);
/* At the end: frees what could not be forgotten on disk; it stays there. */
void nv_committer_abandon(struct nv_assembly *assembly);
/* The thread's body; `arg` is the assembly. */
void *nv_committer_run(void *arg);

/* ---- claims.c ---------------------------------------------------------------------------- */

/* A new claim is known until it is settled; claims that are given up are freed with the
 * assembly.
 */
void nv_claims_add(struct nv_assembly *assembly, struct nv_claim *claim);
/* Takes a claim that came back. Any thread. */
void nv_claims_settle(struct nv_assembly *assembly, struct nv_claim *claim);
/* Takes a claim whose trace did not arrive: its requests stay in the journal. Any thread. */
void nv_claims_leave(struct nv_assembly *assembly, struct nv_claim *claim);
/* Are there settled claims to be taken? Any thread. */
bool nv_claims_wait(struct nv_assembly *assembly);
/* The settled claims, in order; takes them out. Free with nv_claims_free. NULL: none. */
struct nv_claim *nv_claims_take(struct nv_assembly *assembly);
/* Puts settled claims back to the front: the next round takes them again. Takes the list. */
void nv_claims_return(struct nv_assembly *assembly, struct nv_claim *claims);
/* Drops the requests of a list of settled claims and frees it. */
void nv_claims_free(struct nv_assembly *assembly, struct nv_claim *claims);
/* At the end: frees claims that nobody settled or that could not be noted, forgetting
 * nothing. */
void nv_claims_abandon(struct nv_assembly *assembly);

#endif
