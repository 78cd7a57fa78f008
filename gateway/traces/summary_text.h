/*
 * The texts of a trace that can be searched, each once.
 */
#ifndef NV_GATEWAY_TRACES_SUMMARY_TEXT_H
#define NV_GATEWAY_TRACES_SUMMARY_TEXT_H

#include "base/buf.h"
#include "model/value.h"

/* Places of the table of texts that were seen; past them a text may be kept twice. */
#define NV_TEXTS_SEEN 4096u

/* Collects texts, each once. Zero-initialise but for `out`. */
struct nv_texts {
    struct nv_buf *out; /* borrowed */
    uint64_t seen[NV_TEXTS_SEEN];
};

/* Appends `text` and a newline unless it was appended before or `out` is full: then as much of
 * it as fits, to a whole character. */
void nv_texts_add(struct nv_texts *texts, struct nv_str text);
/* The same of all texts in `value`, at any depth. */
void nv_texts_add_value(struct nv_texts *texts, const struct nv_value *value);

/* Names an edge of the graph of agents: `from`, `to` and `type` as a JSON array, in `arena`;
 * empty: one of the agents has no name, or no memory. */
struct nv_str nv_summary_edge_name(struct nv_arena *arena, struct nv_str from, struct nv_str to,
                                   struct nv_str type);

#endif
