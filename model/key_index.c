/*
 * The index of model/key_index.h: linear probing, at most half full.
 *
 *   find(key) ─▶ items behind `counted` are added first ─▶ probe ─▶ compare keys
 *
 * A list is indexed at the first question that is asked past NV_KEY_INDEX_MIN items, so the
 * many small lists cost nothing. A key that stands twice has one slot, which names the last:
 * many equal keys would make a chain otherwise. Clearing wipes only the part of the slots that
 * the table used, so that one large span does not make all that follow pay for its table.
 */
#include "model/key_index.h"

#include "base/meter.h"

#include <assert.h>

#include "base/banned.h"

#define SLOTS_FIRST 64u

void nv_hash_index_clear(struct nv_hash_index *index)
{
    index->size = 0;
    index->used = 0;
}

static struct nv_hash_slot *free_slot(const struct nv_hash_index *index, uint32_t hash)
{
    uint32_t at = hash & (index->size - 1);
    while (index->slots[at].number != 0)
        at = (at + 1) & (index->size - 1);
    return &index->slots[at];
}

/* Twice the slots, in the memory that an earlier, larger table left when there is no table
 * yet. */
static enum nv_err grow(struct nv_hash_index *index, struct nv_arena *arena)
{
    const struct nv_hash_slot *old = index->slots;
    uint32_t old_size = index->size;
    uint32_t size = old_size == 0 ? SLOTS_FIRST : old_size * 2;
    if (size == 0)
        return NV_ERR_NO_MEMORY;
    if (old_size > 0 || index->capacity < size) {
        struct nv_hash_slot *slots = nv_arena_raw(arena, size * sizeof *slots);
        if (!slots)
            return NV_ERR_NO_MEMORY;
        index->slots = slots;
        index->capacity = size;
    }
    index->size = size;
    memset(index->slots, 0, size * sizeof *index->slots);
    for (uint32_t i = 0; i < old_size; i++) {
        if (old[i].number != 0)
            *free_slot(index, old[i].hash) = old[i];
    }
    (void)nv_meter_spend(size / 8);
    return NV_OK;
}

enum nv_err nv_hash_index_add(struct nv_hash_index *index, struct nv_arena *arena,
                              uint64_t hash, uint32_t number)
{
    if (index->used * 2 >= index->size) {
        enum nv_err err = grow(index, arena);
        if (err != NV_OK)
            return err;
    }
    struct nv_hash_slot *slot = free_slot(index, (uint32_t)hash);
    *slot = (struct nv_hash_slot){(uint32_t)hash, number + 1};
    index->used++;
    return NV_OK;
}

struct nv_hash_slot *nv_hash_index_next(const struct nv_hash_index *index, uint64_t hash,
                                        uint32_t *at)
{
    if (index->size == 0)
        return NULL;
    for (;; ++*at) {
        struct nv_hash_slot *slot = &index->slots[((uint32_t)hash + *at) & (index->size - 1)];
        if (slot->number == 0 || !nv_meter_spend(1))
            return NULL;
        if (slot->hash == (uint32_t)hash) {
            ++*at;
            return slot;
        }
    }
}

/* ---- attributes by key ------------------------------------------------------------------- */

void nv_key_index_ready(struct nv_key_index *index)
{
    nv_hash_index_clear(&index->index);
    index->counted = 0;
}

static struct nv_hash_slot *slot_of(const struct nv_key_index *index,
                                    const struct nv_attributes *list, struct nv_str key,
                                    uint64_t hash)
{
    struct nv_hash_slot *slot;
    for (uint32_t at = 0; (slot = nv_hash_index_next(&index->index, hash, &at)) != NULL;) {
        if (nv_str_eq(list->items[slot->number - 1].key, key))
            return slot;
    }
    return NULL;
}

/* Adds what the list has got since. */
static enum nv_err catch_up(struct nv_key_index *index, struct nv_arena *arena,
                            const struct nv_attributes *list)
{
    for (; index->counted < list->count; index->counted++) {
        struct nv_str key = list->items[index->counted].key;
        uint64_t hash = nv_str_hash(key);
        struct nv_hash_slot *slot = slot_of(index, list, key, hash);
        if (slot) {
            slot->number = index->counted + 1;
            continue;
        }
        enum nv_err err = nv_hash_index_add(&index->index, arena, hash, index->counted);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

enum nv_err nv_key_index_find(struct nv_key_index *index, struct nv_arena *arena,
                              const struct nv_attributes *list, struct nv_str key,
                              struct nv_value **out)
{
    if (list->count <= NV_KEY_INDEX_MIN) {
        *out = nv_attributes_get(list, key);
        return NV_OK;
    }
    *out = NULL;
    if (nv_meter_over())
        return NV_ERR_LIMIT;
    enum nv_err err = catch_up(index, arena, list);
    if (err != NV_OK)
        return err;
    assert(index->counted == list->count);
    const struct nv_hash_slot *slot = slot_of(index, list, key, nv_str_hash(key));
    if (slot)
        *out = &list->items[slot->number - 1].value;
    return NV_OK;
}

/* ---- each key once ----------------------------------------------------------------------- */

/* Two or three keys, as most objects have, are compared at once; of more, a bit of each is. */
#define COMPARED_MAX 3u

static bool same_among(const struct nv_attribute *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t other = 0; other < i; other++) {
            if (nv_str_eq(items[i].key, items[other].key))
                return true;
        }
    }
    return false;
}

bool nv_attributes_may_repeat(const struct nv_attributes *list)
{
    struct nv_key_bits seen = {{0}};
    if (list->count <= COMPARED_MAX)
        return same_among(list->items, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        if (nv_key_bits_add(&seen, list->items[i].key))
            return true;
    }
    return false;
}

enum nv_err nv_attributes_unique(struct nv_attributes *list, struct nv_arena *arena)
{
    struct nv_attributes kept = {list->items, 0, list->capacity};
    struct nv_key_index index = {0};
    enum nv_err err = NV_OK;
    if (!nv_attributes_may_repeat(list))
        return NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < list->count; i++) {
        const struct nv_attribute item = list->items[i];
        struct nv_value *there;
        err = nv_key_index_find(&index, arena, &kept, item.key, &there);
        if (err == NV_OK && there)
            *there = item.value;
        else if (err == NV_OK)
            kept.items[kept.count++] = item;
    }
    if (err == NV_OK)
        list->count = kept.count;
    return err;
}
