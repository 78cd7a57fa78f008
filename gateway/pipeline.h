/*
 * What happens to a completed trace: translate, sample, mask, hand to the sinks.
 *
 *   assembly ──raw──▶ translate ──▶ sampled out? ──▶ mask ──▶ observe ──▶ consume ──▶ sinks
 *                        │ fails        │ yes
 *                        ▼              ▼
 *                   dead letter    dropped{sampled}
 *
 * What killed the process twice goes to the dead letters untried (gateway/translating.h).
 * Runs on the thread of the trace's shard. The stages are reached through pointers, so that a
 * test can stand in for each of them. A trace always ends in exactly one place.
 */
#ifndef NV_GATEWAY_PIPELINE_H
#define NV_GATEWAY_PIPELINE_H

#include "gateway/sampling.h"
#include "gateway/translating.h"
#include "mapping/mapping.h"
#include "model/stage.h"
#include "model/store.h"
#include "redaction/redact.h"

/* All pointers borrowed for the pipeline's life; set before the first trace. */
struct nv_pipeline {
    const struct nv_mapping *mapping;
    struct nv_sampling *sampling;
    const struct nv_clock *clock;
    struct nv_settler settler; /* assembly's */
    struct nv_redaction_config redaction;
    struct nv_translating *translating; /* NULL: nothing is noted, nothing set aside */
    /* for dead letters; NULL: none, the trace is left in memory */
    const struct nv_store *store;
    void *next_ctx; /* of what follows */
    /* Lends a trace that came, before anything is done with it. NULL: nobody looks. */
    void (*begin)(void *next_ctx, const struct nv_raw_trace *raw);
    /* Facts of a first part, for later parts of the same trace. NULL: not kept. */
    void (*remember)(void *next_ctx, const struct nv_raw_trace *raw, struct nv_str name,
                     struct nv_str session, struct nv_str user);
    /* Lends the trace to the sinks that look. NULL: there are none. */
    void (*observe)(void *next_ctx, const struct nv_trace *trace);
    /* Takes the trace: the door of the sink that keeps. */
    void (*consume)(void *next_ctx, struct nv_trace *trace);
};

/* The seam for assembly. A view on `pipeline`, which must outlive it. */
struct nv_completer nv_pipeline_completer(struct nv_pipeline *pipeline);

#endif
