/*
 * Growing the index of a batch.
 *
 *   first span 900 bytes, 90 KB of body behind it ─▶ room for 101 and an eighth more
 *   wrong guess: too few ─▶ doubled; too many ─▶ trimmed at the end
 *
 * The batch comes with room for as many as its body may hold in ordinary spans: those ask the
 * allocator for nothing. Past it, spans of one request being of about one size, how many there
 * will be is guessed from the next, and asked for once. A sender that lies by a tiny span gets
 * a block that is asked of nobody anyway, for the time of the walk.
 */
#include "otlp/request/batch_index.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Arrays up to this size are not asked for: each thread has them for a moment only. */
#define ROOM_FREE_BYTES ((size_t)65536)
/* What a span takes at least that says anything: two ids, a name, two times, five attributes.
 * Those of the corpora have 300 bytes and more. */
#define SPAN_LEAST_BYTES 160u
/* Tag and length before an item of less than 16 KiB. */
#define ITEM_HEAD_BYTES 3u

static enum nv_err ask_room(const struct nv_room *room, size_t old, size_t more)
{
    if (more <= ROOM_FREE_BYTES)
        return NV_OK;
    return nv_room_ask(room, old <= ROOM_FREE_BYTES ? more : more - old);
}

/* The account is asked before malloc is: what many requests hold together is bounded, and a
 * request that finds no room is told to come again. */
static enum nv_err grow(const struct nv_room *room, void **array, uint32_t *capacity,
                        uint32_t more, size_t size)
{
    if (ask_room(room, *capacity * size, more * size) != NV_OK)
        return NV_ERR_BUSY;
    void *grown = reallocarray(*array, more, size);
    if (!grown)
        return NV_ERR_NO_MEMORY;
    *array = grown;
    *capacity = more;
    return NV_OK;
}

/* ---- groups ------------------------------------------------------------------------------ */

/* The first has its place in the batch, with the second all move to a block of their own. */
static enum nv_err grow_groups(struct nv_batch_index *index)
{
    struct nv_batch *batch = index->batch;
    const bool inside = batch->groups == &batch->first_group;
    void *groups = inside ? NULL : batch->groups;
    if (batch->group_count == 0) {
        batch->groups = &batch->first_group;
        return NV_OK;
    }
    if (batch->group_count < index->group_capacity)
        return NV_OK;
    const uint32_t more =
        index->group_capacity == 0 ? NV_BATCH_INDEX_FIRST : index->group_capacity * 2;
    enum nv_err err =
        grow(index->room, &groups, &index->group_capacity, more, sizeof *batch->groups);
    if (groups)
        batch->groups = groups;
    if (err == NV_OK && inside)
        batch->groups[0] = batch->first_group;
    return err;
}

enum nv_err nv_batch_index_open_group(struct nv_batch_index *index)
{
    struct nv_batch *batch = index->batch;
    if (index->group_open)
        return NV_OK;
    enum nv_err err = grow_groups(index);
    if (err != NV_OK)
        return err;
    batch->groups[batch->group_count++] = (struct nv_group){0};
    index->group_open = true;
    return NV_OK;
}

/* ---- items ------------------------------------------------------------------------------- */

uint32_t nv_batch_index_inside(size_t body_len)
{
    const size_t most = ROOM_FREE_BYTES / sizeof(struct nv_item);
    const size_t count = body_len / SPAN_LEAST_BYTES + 1;
    return (uint32_t)(count < most ? count : most);
}

/* As many of the first's size as the rest of the body has room for, and an eighth more. */
static uint32_t guess_items(const struct nv_batch *batch, const struct nv_item *first)
{
    const size_t most = ROOM_FREE_BYTES / sizeof *first;
    assert(first->offset <= batch->body_len);
    const size_t rest = batch->body_len - first->offset;
    const size_t alike = rest / ((size_t)first->length + ITEM_HEAD_BYTES) + 1;
    const size_t count = alike + alike / 8;
    if (count < NV_BATCH_INDEX_FIRST)
        return NV_BATCH_INDEX_FIRST;
    return (uint32_t)(count < most ? count : most);
}

/* What has no place inside any more moves to a block of its own. */
static enum nv_err grow_items(struct nv_batch_index *index, const struct nv_item *next)
{
    struct nv_batch *batch = index->batch;
    if (!batch->items && batch->items_inside > 0) {
        batch->items = nv_batch_room_inside(batch);
        index->item_capacity = batch->items_inside;
        return NV_OK;
    }
    const bool inside = batch->items_inside > 0 && batch->items == nv_batch_room_inside(batch);
    void *items = inside ? NULL : batch->items;
    const uint32_t more = inside || !batch->items ? batch->item_count + guess_items(batch, next)
                                                  : index->item_capacity * 2;
    enum nv_err err =
        grow(index->room, &items, &index->item_capacity, more, sizeof *batch->items);
    if (err != NV_OK)
        return err;
    if (inside)
        memcpy(items, batch->items, batch->item_count * sizeof *batch->items);
    batch->items = items;
    return NV_OK;
}

enum nv_err nv_batch_index_add(struct nv_batch_index *index, const struct nv_item *item,
                               struct nv_fail *fail)
{
    struct nv_batch *batch = index->batch;
    assert(batch->item_count <= index->item_capacity);
    if (batch->item_count >= index->items_max) {
        return nv_fail_set(fail, NV_ERR_TOO_LARGE, 0, "more than %" PRIu32 " items",
                           index->items_max);
    }
    if (batch->item_count == index->item_capacity) {
        enum nv_err err = grow_items(index, item);
        if (err != NV_OK)
            return err;
    }
    batch->items[batch->item_count++] = *item;
    return NV_OK;
}

/* ---- at the end -------------------------------------------------------------------------- */

/* A first block, of which there is at most one of two kilobytes, and what a good guess has to
 * spare are not worth another turn of the allocator. */
static void trim(void **array, uint32_t capacity, uint32_t count, size_t size)
{
    if (count == 0 || capacity <= 2 * NV_BATCH_INDEX_FIRST || capacity - count <= capacity / 4)
        return;
    void *trimmed = reallocarray(*array, count, size);
    if (trimmed)
        *array = trimmed;
}

void nv_batch_index_trim(struct nv_batch_index *index)
{
    struct nv_batch *batch = index->batch;
    void *items = batch->items;
    void *groups = batch->groups;
    if (batch->items_inside == 0 || items != nv_batch_room_inside(batch))
        trim(&items, index->item_capacity, batch->item_count, sizeof *batch->items);
    if (groups != &batch->first_group)
        trim(&groups, index->group_capacity, batch->group_count, sizeof *batch->groups);
    batch->items = items;
    batch->groups = groups;
}
