/*
 * What traces wait for, and what has come of them so far: for people who look.
 *
 *   asker ──look──▶ shard's thread: newest first ▸ why, until when ▸ a copy of what is held
 *     ◀───────────────────┘   at the next turn, or never: then the asker goes on without
 *
 * Nothing changes by it: a trace that is looked at stays, its timers and its claim too.
 */
#ifndef NV_ASSEMBLY_HOLD_HELD_H
#define NV_ASSEMBLY_HOLD_HELD_H

#include "assembly/hold/completion.h"
#include "model/trace.h"

struct nv_assembly;
struct nv_shard;

struct nv_held_trace {
    uint8_t trace_id[NV_TRACE_ID_BYTES]; /* as the client sent it */
    uint32_t part;                       /* > 0: late spans of a trace that was sent */
    enum nv_wait wait;                   /* the row that decided */
    bool root;                           /* a span without parent came */
    uint64_t age_ns, quiet_ns;           /* since its first and its last arrival */
    uint64_t left_ns;                    /* until it leaves when nothing more comes; 0: due */
    uint32_t spans, records;
    uint64_t bytes; /* of both */
    /* New: a copy, without a claim, freed by nv_arena_free(raw->arena). NULL: too large, no
     * memory for it now, or no span came yet. */
    struct nv_raw_trace *raw;
};

/* Traces that one look gives. */
#define NV_HELD_LOOK_MAX 100u

struct nv_held_ask {
    const uint8_t *trace_id; /* this one alone; NULL: the newest */
    size_t max;              /* at most NV_HELD_LOOK_MAX */
    uint64_t raw_bytes_max;  /* copies of traces that hold no more; 0: no copies */
};

/* Why a trace waits, as the API has it: "open". Static. */
const char *nv_wait_name(enum nv_wait wait);
/* The same as a sentence for people. Static. */
const char *nv_wait_text(enum nv_wait wait);

/*
 * Looks at what is held: up to ask->max traces into `out`, the newest first. Returns how many;
 * what is copied is the caller's. A shard that does not come to it within a second is left out.
 * Any thread but a shard's; inline the one that ticks.
 */
size_t nv_assembly_read_held(struct nv_assembly *assembly, const struct nv_held_ask *ask,
                             struct nv_held_trace *out);

/* Answers who looks at this shard, if anybody does. Its thread. */
void nv_held_serve(struct nv_shard *shard);

struct nv_arrivals;

/* Counts `spans` that are let go unsent: with an upstream whoever reads its log next receives
 * them anew. On the shard's thread. */
void nv_held_hand_over(const struct nv_shard *shard, uint64_t spans);
/* Spans of `arrivals` that no trace has taken yet. */
uint64_t nv_arrivals_spans_left(const struct nv_arrivals *arrivals);

#endif
