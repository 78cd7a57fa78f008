/*
 * The hash table of index.h: open addressing with linear probing and deletion by shifting back.
 *
 * Shifting back keeps probe chains short without tombstones, which matters because open traces
 * come and go all the time at a nearly constant number. Iteration is over `items` by whoever
 * needs it. The full 64-bit hash comes from the caller (seeded, base/str.h), 32 bits of it are
 * kept so that growing and most failed comparisons do not touch the items.
 *
 * Deliberately not done: shrinking. The table is bounded by the peak and small.
 */
#include "base/tables/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

#define CAPACITY_FIRST 64u
#define CAPACITY_MAX (1u << 31)

static uint32_t fold(uint64_t hash)
{
    return (uint32_t)(hash ^ (hash >> 32));
}

void nv_index_init(struct nv_index *index)
{
    memset(index, 0, sizeof *index);
}

void nv_index_release(struct nv_index *index)
{
    free(index->items);
    free(index->hashes);
    nv_index_init(index);
}

void *nv_index_find(const struct nv_index *index, uint64_t hash, nv_index_eq *eq,
                    const void *key)
{
    if (index->count == 0)
        return NULL;
    uint32_t mask = index->capacity - 1;
    uint32_t want = fold(hash);
    for (uint32_t i = want & mask; index->items[i]; i = (i + 1) & mask) {
        if (index->hashes[i] == want && eq(index->items[i], key))
            return index->items[i];
    }
    return NULL;
}

/* Puts an item in its place; there must be a free slot. */
static void place(struct nv_index *index, uint32_t hash, void *item)
{
    uint32_t mask = index->capacity - 1;
    uint32_t i = hash & mask;
    while (index->items[i])
        i = (i + 1) & mask;
    index->items[i] = item;
    index->hashes[i] = hash;
}

static enum nv_err grow(struct nv_index *index)
{
    if (index->capacity == CAPACITY_MAX)
        return NV_ERR_LIMIT;
    struct nv_index larger = {.capacity =
                                  index->capacity ? index->capacity * 2 : CAPACITY_FIRST};
    larger.items = calloc(larger.capacity, sizeof *larger.items);
    larger.hashes = calloc(larger.capacity, sizeof *larger.hashes);
    if (!larger.items || !larger.hashes) {
        nv_index_release(&larger);
        return NV_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->items[i])
            place(&larger, index->hashes[i], index->items[i]);
    }
    larger.count = index->count;
    nv_index_release(index);
    *index = larger;
    return NV_OK;
}

enum nv_err nv_index_add(struct nv_index *index, uint64_t hash, void *item)
{
    assert(item != NULL);
    if (index->count >= index->capacity / 4 * 3) {
        enum nv_err err = grow(index);
        if (err != NV_OK)
            return err;
    }
    place(index, fold(hash), item);
    index->count++;
    return NV_OK;
}

/* Closes the gap at `hole` by moving back what probed past it. */
static void shift_back(struct nv_index *index, uint32_t hole)
{
    uint32_t mask = index->capacity - 1;
    for (uint32_t i = (hole + 1) & mask; index->items[i]; i = (i + 1) & mask) {
        uint32_t home = index->hashes[i] & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            index->items[hole] = index->items[i];
            index->hashes[hole] = index->hashes[i];
            hole = i;
        }
    }
    index->items[hole] = NULL;
}

void nv_index_remove(struct nv_index *index, uint64_t hash, const void *item)
{
    assert(index->count > 0);
    uint32_t mask = index->capacity - 1;
    uint32_t i = fold(hash) & mask;
    while (index->items[i] != item) {
        assert(index->items[i] != NULL);
        i = (i + 1) & mask;
    }
    shift_back(index, i);
    index->count--;
}

size_t nv_index_bytes(const struct nv_index *index)
{
    return index->capacity * (sizeof *index->items + sizeof *index->hashes);
}
