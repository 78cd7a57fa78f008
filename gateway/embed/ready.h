/*
 * Finished traces of an embedded pipeline: a list of those that wait to be pulled, and one of
 * those that were and wait to be settled.
 */
#ifndef NV_GATEWAY_EMBED_READY_H
#define NV_GATEWAY_EMBED_READY_H

#include "exporter/encode/encode.h"
#include "exporter/encode/encoded.h"

/* A finished trace; owns what it points to. */
struct nv_ready {
    struct nv_ready *next;
    struct nv_encoded *encoded; /* new; its claim is taken out before it is freed */
    uint64_t id;                /* of its pipeline, never 0 */
};

/* In order, with sums. Zero-initialised is empty. */
struct nv_ready_list {
    struct nv_ready *first, *last;
    uint64_t spans, bytes;
};

/* New, of a trace (borrowed), whose claim it has; NULL without memory. */
struct nv_ready *nv_ready_new(const struct nv_trace *trace, enum nv_trace_id_form form,
                              size_t max_bytes, uint64_t id);
/* Appends (takes `ready`). */
void nv_ready_push(struct nv_ready_list *list, struct nv_ready *ready);
/* Takes out the first, whichever has the id; 0: the very first. NULL: none. The caller's. */
struct nv_ready *nv_ready_take(struct nv_ready_list *list, uint64_t id);
/* Takes it, frees it and gives its claim away, which is the caller's to settle. */
struct nv_claim *nv_ready_give_claim(struct nv_ready *ready);

#endif
