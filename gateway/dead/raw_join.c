/*
 * Joining requests by trace id.
 *
 *   batches [ 1a 2b 1c ] [ 2d 1e ]  ──▶  picks [ 1a 1c 1e | 2b 2d ]  ──▶  raw traces 1, 2
 *
 * Items are sorted, never searched for: a file may hold millions of traces. Nothing is copied
 * but the tables: items that point into the batches, and a group wherever an item has another
 * one than the item before it.
 */
#include "gateway/dead/raw_join.h"

#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- picking ----------------------------------------------------------------------------- */

static uint64_t place_of(const struct nv_raw_pick *pick)
{
    return (uint64_t)pick->batch << 32 | pick->item;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_traces(const void *a, const void *b)
{
    const struct nv_raw_pick *left = a, *right = b;
    int order = memcmp(left->trace_id, right->trace_id, sizeof left->trace_id);
    return order != 0 ? order : compare_numbers(place_of(left), place_of(right));
}

static int compare_firsts(const void *a, const void *b)
{
    const struct nv_raw_pick *left = a, *right = b;
    int order = compare_numbers(left->first, right->first);
    return order != 0 ? order : compare_numbers(place_of(left), place_of(right));
}

size_t nv_raw_picks_of_trace(const struct nv_raw_pick *picks, size_t count)
{
    size_t n = 1;
    assert(count > 0);
    while (n < count && memcmp(picks[n].trace_id, picks->trace_id, NV_TRACE_ID_BYTES) == 0)
        n++;
    return n;
}

/* Log records that belong to no trace are left out; returns how many items are left. */
static size_t fill(struct nv_batch *const *batches, size_t count, struct nv_raw_pick *picks)
{
    static const uint8_t none[NV_TRACE_ID_BYTES];
    size_t filled = 0;
    for (size_t b = 0; b < count; b++) {
        for (uint32_t i = 0; i < batches[b]->item_count; i++) {
            const uint8_t *id = batches[b]->items[i].trace_id;
            if (memcmp(id, none, sizeof none) == 0)
                continue;
            memcpy(picks[filled].trace_id, id, NV_TRACE_ID_BYTES);
            picks[filled].batch = (uint32_t)b;
            picks[filled++].item = i;
        }
    }
    return filled;
}

struct nv_raw_pick *nv_raw_picks(struct nv_batch *const *batches, size_t count,
                                 size_t *out_count)
{
    size_t items = 0;
    for (size_t b = 0; b < count; b++)
        items += batches[b]->item_count;
    struct nv_raw_pick *picks = calloc(items + 1, sizeof *picks);
    if (!picks)
        return NULL;
    items = fill(batches, count, picks);
    qsort(picks, items, sizeof *picks, compare_traces);
    for (size_t i = 0, n; i < items; i += n) {
        n = nv_raw_picks_of_trace(picks + i, items - i);
        for (size_t j = i; j < i + n; j++)
            picks[j].first = place_of(&picks[i]);
    }
    qsort(picks, items, sizeof *picks, compare_firsts);
    *out_count = items;
    return picks;
}

/* ---- joining ----------------------------------------------------------------------------- */

static struct nv_raw_trace *new_raw(size_t items)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_JOIN_ARENA);
    if (!arena)
        return NULL;
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    struct nv_raw_item *item_array = nv_arena_array(arena, items, sizeof *item_array);
    struct nv_group *group_array = nv_arena_array(arena, items, sizeof *group_array);
    if (!raw || !item_array || !group_array) {
        nv_arena_free(arena);
        return NULL;
    }
    raw->arena = arena;
    raw->items = item_array;
    raw->groups = group_array;
    return raw;
}

struct nv_raw_trace *nv_raw_join(struct nv_batch *const *batches,
                                 const struct nv_raw_pick *picks, size_t count)
{
    assert(count > 0 && nv_raw_picks_of_trace(picks, count) == count);
    struct nv_raw_trace *raw = new_raw(count);
    const struct nv_group *group = NULL;
    if (!raw)
        return NULL;
    memcpy(raw->trace_id, picks->trace_id, NV_TRACE_ID_BYTES);
    uint32_t flags = 0;
    for (size_t i = 0; i < count; i++) {
        const struct nv_batch *batch = batches[picks[i].batch];
        const struct nv_item *item = &batch->items[picks[i].item];
        assert(item->group < batch->group_count);
        flags |= item->flags;
        if (item->flags & NV_ITEM_MARK)
            continue;
        if (group != &batch->groups[item->group]) {
            group = &batch->groups[item->group];
            raw->groups[raw->group_count++] = *group;
        }
        raw->items[raw->item_count++] =
            (struct nv_raw_item){.bytes = {batch->body + item->offset, item->length},
                                 .group = raw->group_count - 1,
                                 .signal = batch->signal};
        raw->span_count += batch->signal == NV_SIGNAL_TRACES;
        if (raw->project.len == 0)
            raw->project = batch->project;
    }
    raw->is_turn = (flags & NV_ITEM_TURNS) != 0;
    raw->of_records = raw->span_count == 0 && nv_item_flags_make(flags);
    return raw;
}

struct nv_raw_trace *nv_raw_join_first(struct nv_batch *const *batches, size_t count)
{
    size_t items = 0;
    struct nv_raw_pick *picks = nv_raw_picks(batches, count, &items);
    if (!picks)
        return NULL;
    struct nv_raw_trace *raw = nv_raw_join(batches, picks, nv_raw_picks_of_trace(picks, items));
    free(picks);
    return raw;
}
