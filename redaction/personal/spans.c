/*
 * Longest first means that a span which overlaps one that was taken has an end inside it, as
 * it can't be around it: two look-ups in a map of bits, whatever the number of spans.
 *
 *   found     a@b.co          ├──────────┤
 *             a URL      ├──────────────────────────┤     longest: taken, its bits are set
 *             a number                          ├─────────┤   begins inside it: dropped
 *   map       ...........11111111111111111111111111........
 *
 * Rejected: to compare each span with each. A text of digits gives spans by the thousand, and
 * the square of that is what an attacker would ask for. Rejected, too: a tree of intervals,
 * which costs a node each, where a bit a byte is an eighth of the text and is kept for the
 * next one.
 *
 * The order must not depend on anything but the text, or one value would have two pseudonyms:
 * so what is equally long goes by place, and what is at one place by the order of being
 * found, which is the order of the patterns.
 */
#include "redaction/personal/spans.h"

#include <stdlib.h>

#include "base/banned.h"

void nv_spans_release(struct nv_spans *spans)
{
    free(spans->items);
    free(spans->taken);
    *spans = (struct nv_spans){0};
}

void nv_spans_clear(struct nv_spans *spans)
{
    spans->count = 0;
}

/*
 * The cap turns a text of nothing but matches into a whole mask. It is not cut at the cap:
 * what was not looked at could hold anything.
 */
enum nv_err nv_spans_add(struct nv_spans *spans, struct nv_span_found span)
{
    if (spans->count == NV_SPANS_MAX)
        return NV_ERR_LIMIT;
    if (spans->count == spans->capacity) {
        size_t capacity = spans->capacity ? spans->capacity * 2 : 32;
        struct nv_span_found *items =
            realloc(spans->items, capacity * sizeof(struct nv_span_found));
        if (!items)
            return NV_ERR_NO_MEMORY;
        spans->items = items;
        spans->capacity = capacity;
    }
    span.order = (uint32_t)spans->count;
    spans->items[spans->count++] = span;
    return NV_OK;
}

/* A total order, by the last member at the latest: qsort is not stable. */
static int by_worth(const void *left, const void *right)
{
    const struct nv_span_found *a = left, *b = right;
    if (a->characters != b->characters)
        return a->characters > b->characters ? -1 : 1;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static int by_place(const void *left, const void *right)
{
    const struct nv_span_found *a = left, *b = right;
    return a->from < b->from ? -1 : a->from > b->from;
}

static bool is_taken(const struct nv_spans *spans, size_t at)
{
    return spans->taken[at / 8] & (1u << (at % 8));
}

static void take(struct nv_spans *spans, const struct nv_span_found *span)
{
    for (size_t at = span->from; at < span->to; at++)
        spans->taken[at / 8] |= (uint8_t)(1u << (at % 8));
}

/* Grown and never shrunk here: nv_personal_finder_shrink frees what one large text needed. */
static enum nv_err ready_map(struct nv_spans *spans, size_t bytes)
{
    size_t size = bytes / 8 + 1;
    if (size > spans->taken_bytes) {
        free(spans->taken);
        spans->taken_bytes = 0;
        spans->taken = malloc(size);
        if (!spans->taken)
            return NV_ERR_NO_MEMORY;
        spans->taken_bytes = size;
    }
    memset(spans->taken, 0, size);
    return NV_OK;
}

/*
 *   sort by worth, n log n ─▶ take or drop, once over the bytes that are taken ─▶ sort by place
 *
 * With fewer than two there is nothing to decide, and most texts have none.
 */
enum nv_err nv_spans_resolve(struct nv_spans *spans, size_t bytes)
{
    size_t kept = 0;
    if (spans->count < 2)
        return NV_OK;
    if (ready_map(spans, bytes) != NV_OK)
        return NV_ERR_NO_MEMORY;
    qsort(spans->items, spans->count, sizeof spans->items[0], by_worth);
    for (size_t i = 0; i < spans->count; i++) {
        struct nv_span_found span = spans->items[i];
        if (is_taken(spans, span.from) || is_taken(spans, span.to - 1))
            continue;
        take(spans, &span);
        spans->items[kept++] = span;
    }
    spans->count = kept;
    qsort(spans->items, spans->count, sizeof spans->items[0], by_place);
    return NV_OK;
}

/*
 * They don't overlap each other, so their ends are in the order of their begins, and half of
 * what is left can be dropped at each step.
 */
bool nv_spans_overlap(const struct nv_spans *spans, size_t from, size_t to)
{
    size_t low = 0, high = spans->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans->items[middle].to <= from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < spans->count && spans->items[low].from < to;
}
