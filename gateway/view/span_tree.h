/*
 * The tree of a trace's spans, and what of it is worth a line of its own.
 *
 *   spans ──sort ids──▶ parent of each ──▶ first child, next sibling ──▶ worth, upwards
 *
 * Spans whose parent is missing stand beside the root; those in a ring of parents, which no
 * root reaches, likewise.
 */
#ifndef NV_GATEWAY_VIEW_SPAN_TREE_H
#define NV_GATEWAY_VIEW_SPAN_TREE_H

#include "model/trace.h"

#define NV_TREE_NONE UINT32_MAX

struct nv_tree_node {
    uint32_t parent, first_child, next_sibling; /* NV_TREE_NONE: none */
    bool worth; /* it, or something below it, is of a kind, a repeat or an error */
};

struct nv_span_tree {
    struct nv_tree_node *nodes; /* of the trace's spans; owned */
    uint32_t first_root;        /* roots are siblings */
    bool any_kind;              /* some span of the trace is of a kind */
};

/* Makes the tree of `trace` (borrowed for the call), to be released. NV_ERR_NO_MEMORY. */
enum nv_err nv_span_tree_make(struct nv_span_tree *tree,
                              const struct nv_trace *trace) NV_MUST_USE;
/* Frees. */
void nv_span_tree_release(struct nv_span_tree *tree);
/*
 * Where a run of siblings that are worth nothing begins at `at`: their spans, with all below
 * them, and *behind is the sibling after it. 0: `at` is worth something.
 */
uint32_t nv_span_tree_run(const struct nv_span_tree *tree, uint32_t at, uint32_t *behind);

#endif
