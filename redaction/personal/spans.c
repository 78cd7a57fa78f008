/*
 * Longest first means that a span which overlaps one that was taken has an end inside it, as it
 * can't be around it: two look-ups in a map of bits, whatever the number of spans.
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
