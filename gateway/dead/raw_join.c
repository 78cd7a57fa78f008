/*
 * Joining requests by trace id.
 *
 * Nothing is copied but the tables: groups of all batches one after the other, items that point
 * at them. Which of two spans with the same id is kept is assembly's rule (gather.c): the
 * longer says more, and of two equally long the first came first. Log records share their
 * span's id and are all kept.
 */
#include "gateway/dead/raw_join.h"

#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

static bool is_of(const struct nv_item *item, const uint8_t *trace_id)
{
    return memcmp(item->trace_id, trace_id, NV_TRACE_ID_BYTES) == 0;
}

/* A span's id, and where the span stands among the items. */
struct numbered {
    uint8_t span_id[NV_SPAN_ID_BYTES];
    uint32_t number;
    size_t length;
};

static int compare(const void *a, const void *b)
{
    const struct numbered *left = a, *right = b;
    int order = memcmp(left->span_id, right->span_id, sizeof left->span_id);
    if (order != 0)
        return order;
    if (left->length != right->length)
        return left->length > right->length ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

/* Takes items out whose span id a better one has. */
static void leave_out_duplicates(struct nv_raw_trace *raw, struct numbered *spans)
{
    uint32_t kept = 0;
    qsort(spans, raw->span_count, sizeof *spans, compare);
    for (uint32_t i = 1; i < raw->span_count; i++) {
        if (memcmp(spans[i].span_id, spans[i - 1].span_id, sizeof spans[i].span_id) == 0)
            raw->items[spans[i].number].bytes.ptr = NULL;
    }
    for (uint32_t i = 0; i < raw->item_count; i++) {
        if (raw->items[i].bytes.ptr)
            raw->items[kept++] = raw->items[i];
        else
            raw->span_count--;
    }
    raw->item_count = kept;
}

static void add_batch(struct nv_raw_trace *raw, const struct nv_batch *batch,
                      struct numbered *spans)
{
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct nv_item *item = &batch->items[i];
        if (!is_of(item, raw->trace_id))
            continue;
        assert(item->group < batch->group_count);
        if (batch->signal == NV_SIGNAL_TRACES) {
            spans[raw->span_count] =
                (struct numbered){.number = raw->item_count, .length = item->length};
            memcpy(spans[raw->span_count++].span_id, item->span_id, NV_SPAN_ID_BYTES);
        }
        raw->items[raw->item_count++] =
            (struct nv_raw_item){.bytes = {batch->body + item->offset, item->length},
                                 .group = raw->group_count + item->group,
                                 .signal = batch->signal};
    }
    if (batch->group_count > 0) {
        memcpy(raw->groups + raw->group_count, batch->groups,
               batch->group_count * sizeof *raw->groups);
    }
    raw->group_count += batch->group_count;
    if (raw->project.len == 0)
        raw->project = batch->project;
}

static struct nv_raw_trace *new_raw(struct nv_batch *const *batches, size_t count,
                                    const uint8_t *trace_id, struct numbered **spans)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_JOIN_ARENA);
    size_t items = 0, groups = 0;
    if (!arena)
        return NULL;
    for (size_t b = 0; b < count; b++) {
        for (uint32_t i = 0; i < batches[b]->item_count; i++)
            items += is_of(&batches[b]->items[i], trace_id);
        groups += batches[b]->group_count;
    }
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    struct nv_raw_item *item_array = nv_arena_array(arena, items + 1, sizeof *item_array);
    struct nv_group *group_array = nv_arena_array(arena, groups + 1, sizeof *group_array);
    *spans = nv_arena_array(arena, items + 1, sizeof **spans);
    if (!raw || !item_array || !group_array || !*spans) {
        nv_arena_free(arena);
        return NULL;
    }
    raw->arena = arena;
    raw->items = item_array;
    raw->groups = group_array;
    memcpy(raw->trace_id, trace_id, NV_TRACE_ID_BYTES);
    return raw;
}

struct nv_raw_trace *nv_raw_join(struct nv_batch *const *batches, size_t count,
                                 const uint8_t trace_id[NV_TRACE_ID_BYTES])
{
    struct numbered *spans = NULL;
    struct nv_raw_trace *raw = new_raw(batches, count, trace_id, &spans);
    if (!raw)
        return NULL;
    for (size_t b = 0; b < count; b++)
        add_batch(raw, batches[b], spans);
    leave_out_duplicates(raw, spans);
    return raw;
}
