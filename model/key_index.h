/*
 * Finding items of a growing list by hash: lists of attributes by key, other lists by any hash.
 *
 *   list  [ a, b, c, ... ]         the caller's; only grows while an index follows it
 *   slots [ hash, 1 + number ]     open addressing in the arena, made past NV_KEY_INDEX_MIN items
 *
 * For lists whose length a client decides; those of a few items are searched as they are, which
 * is cheaper. Hashes are seeded (nv_str_hash). Everything lives in the caller's arena; an index
 * itself is plain memory of the caller's, all zero at first. One thread at a time.
 */
#ifndef NV_MODEL_KEY_INDEX_H
#define NV_MODEL_KEY_INDEX_H

#include "model/value.h"

/* Items up to which a list is searched from its end. */
#define NV_KEY_INDEX_MIN 16u

struct nv_hash_slot {
    uint32_t hash;   /* low half */
    uint32_t number; /* 1 + item, 0: free */
};

struct nv_hash_index {
    struct nv_hash_slot *slots;
    uint32_t size, capacity; /* slots in use as a table (a power of two), slots there are */
    uint32_t used;
};

/* Forgets all items; the slots stay for the next ones. */
void nv_hash_index_clear(struct nv_hash_index *index);
/* Adds item `number` under `hash`. NV_ERR_NO_MEMORY. */
enum nv_err nv_hash_index_add(struct nv_hash_index *index, struct nv_arena *arena,
                              uint64_t hash, uint32_t number) NV_MUST_USE;
/*
 * The next item under `hash`: NULL none. *at is 0 at first and then says where to go on. Items
 * of another hash may come too, seldom: the caller compares. Borrowed until the next
 * nv_hash_index_add; the number in it may be replaced.
 */
struct nv_hash_slot *nv_hash_index_next(const struct nv_hash_index *index, uint64_t hash,
                                        uint32_t *at);

/* An index of a list of attributes by key, which follows the list as it grows. */
struct nv_key_index {
    struct nv_hash_index index;
    uint32_t counted; /* items of the list that are in it */
};

/* Readies it for another list, or for one whose items were moved. */
void nv_key_index_ready(struct nv_key_index *index);
/*
 * *out: the last attribute of `list` with this key, NULL none; borrowed until the list grows. The
 * same list each time, until nv_key_index_ready. NV_ERR_NO_MEMORY; NV_ERR_LIMIT past the limit
 * of this thread's meter (base/meter.h).
 */
enum nv_err nv_key_index_find(struct nv_key_index *index, struct nv_arena *arena,
                              const struct nv_attributes *list, struct nv_str key,
                              struct nv_value **out) NV_MUST_USE;

/* Keys as bits: a key whose bit is new has not been added. As many bits as let lists of some
 * dozens mostly pass. */
struct nv_key_bits {
    uint64_t words[32];
};

/* A key's bit, from its length and the ends of it that differ in one vocabulary. */
static inline unsigned nv_key_bit(struct nv_str key)
{
    uint64_t last = 0, middle = 0;
    if (key.len >= sizeof last) {
        memcpy(&last, key.ptr + key.len - sizeof last, sizeof last);
        memcpy(&middle, key.ptr + (key.len - sizeof middle) / 2, sizeof middle);
    } else if (key.len > 0) {
        last = (uint64_t)(unsigned char)key.ptr[key.len - 1] << 16 |
               (uint64_t)(unsigned char)key.ptr[key.len / 2] << 8 | (unsigned char)key.ptr[0];
    }
    last = (last ^ key.len << 58 ^ middle >> 7) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned)(last >> 53);
}

/* Adds a key; true when its bit was there. */
static inline bool nv_key_bits_add(struct nv_key_bits *bits, struct nv_str key)
{
    const unsigned bit = nv_key_bit(key);
    uint64_t *word = &bits->words[bit >> 6];
    const uint64_t mask = UINT64_C(1) << (bit & 63);
    const bool there = *word & mask;
    *word |= mask;
    return there;
}

/* May a key stand twice? Told by bits, so that most lists need no closer look. */
bool nv_attributes_may_repeat(const struct nv_attributes *list);
/*
 * Makes each key of the list stand once, in its first place with its last value: a client may
 * send a key twice, and JSON has the last one. Costs a few comparisons of bits where no key
 * repeats. NV_ERR_NO_MEMORY; NV_ERR_LIMIT as nv_key_index_find.
 */
enum nv_err nv_attributes_unique(struct nv_attributes *list,
                                 struct nv_arena *arena) NV_MUST_USE;

#endif
