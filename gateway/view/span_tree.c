/*
 * Made without recursion: a chain of 10,000 spans is an ordinary trace.
 *
 *   spans ─▶ sorted by id ─▶ parents ─▶ rings opened ─▶ children in order ─▶ worth a line?
 *            n log n         n log n    n               n                    n
 *
 * Rings are opened before anything walks: from each span its parents are followed once, and
 * where that comes back to a span of the same walk, that span becomes a root. All is linear
 * but the sort by id and the search for parents, which halves what was sorted.
 *
 * A parent that is not in the trace makes a root, too: what came is shown, not what should
 * have.
 */
#include "gateway/view/span_tree.h"

#include "gateway/view/terminal_facts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define NONE NV_TREE_NONE

/* By index where ids are equal, so that the first span of an id is found as its children's
 * parent, on every run. */
static int compare_ids(const void *a, const void *b, void *ctx)
{
    const struct nv_span *spans = ctx;
    const uint32_t *left = a, *right = b;
    int order = memcmp(spans[*left].span_id, spans[*right].span_id, NV_SPAN_ID_BYTES);
    return order != 0 ? order : (*left > *right) - (*left < *right);
}

static uint32_t find_span(const struct nv_trace *trace, const uint32_t *by_id,
                          const uint8_t *id)
{
    uint32_t low = 0, high = trace->span_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(trace->spans[by_id[middle]].span_id, id, NV_SPAN_ID_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == trace->span_count)
        return NONE;
    uint32_t index = by_id[low];
    return memcmp(trace->spans[index].span_id, id, NV_SPAN_ID_BYTES) == 0 ? index : NONE;
}

static void find_parents(struct nv_span_tree *tree, const struct nv_trace *trace,
                         uint32_t *by_id)
{
    for (uint32_t i = 0; i < trace->span_count; i++)
        by_id[i] = i;
    qsort_r(by_id, trace->span_count, sizeof *by_id, compare_ids, trace->spans);
    for (uint32_t i = 0; i < trace->span_count; i++) {
        const struct nv_span *span = &trace->spans[i];
        uint32_t parent = span->has_parent ? find_span(trace, by_id, span->parent_id) : NONE;
        tree->nodes[i] = (struct nv_tree_node){parent, NONE, NONE, false};
    }
}

/* `walks`: by span, the number of the walk that has seen it; 0: none. */
static void open_rings(struct nv_span_tree *tree, uint32_t count, uint32_t *walks)
{
    memset(walks, 0, count * sizeof *walks);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        while (at != NONE && walks[at] == 0) {
            walks[at] = i + 1;
            uint32_t up = tree->nodes[at].parent;
            if (up != NONE && walks[up] == i + 1)
                tree->nodes[at].parent = up = NONE;
            at = up;
        }
    }
}

/* Backwards, each put in front: children end up in the order of the spans. */
static void link_siblings(struct nv_span_tree *tree, uint32_t count)
{
    for (uint32_t i = count; i > 0; i--) {
        struct nv_tree_node *node = &tree->nodes[i - 1];
        uint32_t *first =
            node->parent == NONE ? &tree->first_root : &tree->nodes[node->parent].first_child;
        node->next_sibling = *first;
        *first = i - 1;
    }
}

/*
 * A span with something to tell, and all above it, have a line; each walk up ends at the
 * first span that has one already, so that all walks together pass each span once.
 */
static void find_worth(struct nv_span_tree *tree, const struct nv_trace *trace)
{
    for (uint32_t i = 0; i < trace->span_count; i++) {
        struct nv_span_facts facts;
        nv_span_facts_read(&trace->spans[i], &facts);
        bool kind = strcmp(facts.kind, "span") != 0;
        tree->any_kind = tree->any_kind || kind;
        if (!kind && !facts.repeat && trace->spans[i].status == NV_STATUS_OK)
            continue;
        for (uint32_t at = i; at != NONE && !tree->nodes[at].worth; at = tree->nodes[at].parent)
            tree->nodes[at].worth = true;
    }
}

enum nv_err nv_span_tree_make(struct nv_span_tree *tree, const struct nv_trace *trace)
{
    assert(trace->span_count == 0 || trace->spans != NULL);
    size_t count = trace->span_count > 0 ? trace->span_count : 1;
    uint32_t *places = calloc(count, sizeof *places);
    *tree = (struct nv_span_tree){.first_root = NONE};
    tree->nodes = calloc(count, sizeof *tree->nodes);
    if (!places || !tree->nodes) {
        free(places);
        nv_span_tree_release(tree);
        return NV_ERR_NO_MEMORY;
    }
    find_parents(tree, trace, places);
    open_rings(tree, trace->span_count, places);
    link_siblings(tree, trace->span_count);
    find_worth(tree, trace);
    free(places);
    return NV_OK;
}

void nv_span_tree_release(struct nv_span_tree *tree)
{
    free(tree->nodes);
    *tree = (struct nv_span_tree){.first_root = NONE};
}

/*
 * Spans of the tree below `root`, itself included. Down first, then aside, then up: the links
 * of the tree are the stack.
 */
static uint32_t count_spans(const struct nv_span_tree *tree, uint32_t root)
{
    uint32_t at = root, count = 1;
    for (;;) {
        uint32_t next = tree->nodes[at].first_child;
        while (next == NONE && at != root) {
            next = tree->nodes[at].next_sibling;
            if (next == NONE)
                at = tree->nodes[at].parent;
        }
        if (next == NONE)
            return count;
        at = next;
        count++;
    }
}

uint32_t nv_span_tree_run(const struct nv_span_tree *tree, uint32_t at, uint32_t *behind)
{
    uint32_t count = 0;
    while (at != NONE && !tree->nodes[at].worth) {
        count += count_spans(tree, at);
        at = tree->nodes[at].next_sibling;
    }
    *behind = at;
    return count;
}
