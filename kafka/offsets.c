/*
 * The low-water mark of a partition.
 *
 * A trace may wait an hour while thousands of messages behind its first are done, so done ones
 * are not only dropped from the front: when they are more than half of what is held, the rest
 * is moved together, which costs each message as much again as adding it did.
 */
#include "kafka/offsets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define FIRST 64u

void nv_offsets_init(struct nv_offsets *offsets)
{
    *offsets = (struct nv_offsets){0};
}

void nv_offsets_release(struct nv_offsets *offsets)
{
    free(offsets->items);
    nv_offsets_init(offsets);
}

static void drop_done(struct nv_offsets *offsets)
{
    size_t kept = 0;
    for (size_t i = offsets->head; i < offsets->count; i++) {
        if ((offsets->items[i] & 1) == 0)
            offsets->items[kept++] = offsets->items[i];
    }
    offsets->head = 0;
    offsets->count = kept;
    assert(kept == offsets->open);
}

enum nv_err nv_offsets_add(struct nv_offsets *offsets, int64_t offset)
{
    assert(offset >= 0);
    assert(offsets->count == offsets->head ||
           offsets->items[offsets->count - 1] >> 1 < (uint64_t)offset);
    if (offsets->count == offsets->capacity && offsets->open <= offsets->capacity / 2)
        drop_done(offsets);
    if (offsets->count == offsets->capacity) {
        size_t more = offsets->capacity == 0 ? FIRST : offsets->capacity * 2;
        void *grown = reallocarray(offsets->items, more, sizeof *offsets->items);
        if (!grown)
            return NV_ERR_NO_MEMORY;
        offsets->items = grown;
        offsets->capacity = more;
    }
    offsets->items[offsets->count++] = (uint64_t)offset << 1;
    offsets->open++;
    return NV_OK;
}

void nv_offsets_done(struct nv_offsets *offsets, int64_t offset)
{
    size_t low = offsets->head;
    size_t high = offsets->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (offsets->items[middle] >> 1 < (uint64_t)offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == offsets->count || offsets->items[low] != (uint64_t)offset << 1)
        return;
    offsets->items[low] |= 1;
    offsets->open--;
    while (offsets->head < offsets->count && (offsets->items[offsets->head] & 1) != 0)
        offsets->head++;
    if (offsets->head == offsets->count)
        offsets->head = offsets->count = 0;
}

void nv_offsets_drop_last(struct nv_offsets *offsets, int64_t offset)
{
    assert(offsets->count > offsets->head);
    assert(offsets->items[offsets->count - 1] == (uint64_t)offset << 1);
    (void)offset;
    offsets->count--;
    offsets->open--;
}

int64_t nv_offsets_mark(const struct nv_offsets *offsets, int64_t position)
{
    return offsets->head < offsets->count ? (int64_t)(offsets->items[offsets->head] >> 1)
                                          : position;
}
