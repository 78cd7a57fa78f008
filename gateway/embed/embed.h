/*
 * An embedded pipeline: the stages wired without threads (the functions of noveum/pipeline.h
 * stand in embed.c).
 *
 *   nv_batch ─▶ assembly, inline ─▶ nv_pipeline ─▶ ready ──pull──▶ pulled
 *                 ▲     claims         │                             │
 *                 └────────────────────┴───────── settle ◀───────────┘
 *
 * Where a span is:
 *
 *   accepted ──▶ held ──┬─translated─▶ ready ──pull──▶ pulled ──settle──▶ delivered | refused
 *                       ├─▶ sampled, placeholders, untranslated, left out
 *                       └─translated, no memory for its JSON: `stuck`, held still; no other trace
 *                         is completed until it is through, so there is never more than one
 *
 * `held` is counted as what is in no other place, so that no span can be in none. One thread at
 * a time; what is lent (lent.h) is lent by the caller.
 */
#ifndef NV_GATEWAY_EMBED_EMBED_H
#define NV_GATEWAY_EMBED_EMBED_H

#include "assembly/assembly.h"
#include "gateway/config/options.h"
#include "gateway/embed/lent.h"
#include "gateway/embed/ready.h"
#include "gateway/pipeline.h"

/* Spans since it was opened; the names of noveum_pipeline_status. */
struct nv_embed_counts {
    uint64_t accepted, replayed, rejected;
    uint64_t delivered, refused, sampled, placeholders, untranslated;
};

struct noveum_pipeline {
    noveum_allocator allocator;
    struct nv_lent lent; /* for each call */
    uint64_t (*now_ns)(void *ctx);
    void *clock_ctx;
    struct nv_clock clock;
    struct nv_options options;
    struct nv_sampling sampling;
    struct nv_mapping *mapping;
    struct nv_pipeline stages;
    struct nv_completer translator; /* of `stages` */
    struct nv_assembly *assembly;
    struct nv_settler settler; /* of `assembly` */
    uint64_t raw_spans;        /* of the trace that is being translated */
    struct nv_trace *stuck;    /* translated, without memory for its JSON */
    struct nv_ready_list ready, pulled;
    uint64_t last_id;
    struct nv_embed_counts counts;
    bool finishing; /* all that is held goes on */
    bool closing;   /* and nothing does any more */
};

/*
 * Makes the stages by `settings` in a zeroed pipeline whose clock and lent are set, and starts
 * them. NV_ERR_CONFIG, LIMIT (too many settings), LOCKED, IO, NO_SPACE, NO_MEMORY, with `fail`.
 * nv_embed_release in any case.
 */
enum nv_err nv_embed_open(struct noveum_pipeline *pipeline, const char *const *settings,
                          struct nv_fail *fail) NV_MUST_USE;
/* Frees all but the struct itself; what was not settled is given up. */
void nv_embed_release(struct noveum_pipeline *pipeline);
/* Tries again to make the JSON of the stuck trace. True: nothing is stuck. */
bool nv_embed_unstick(struct noveum_pipeline *pipeline);

#endif
