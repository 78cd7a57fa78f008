/*
 * A hash table of pointers: traces by id, services by name, groups by content.
 *
 *   items  [ - | p | p | - | p ... ]   linear probing, load <= 3/4, sizes are powers of two
 *   hashes [   | h | h |   | h ... ]   12 bytes a slot
 *
 * Ours and not uthash's because a uthash handle is 56 bytes an item and a hundred thousand open
 * traces must fit in 50 MB, and because a failed allocation must be an error here. Keys are the
 * items' business: a lookup gives a comparison. Not safe for use by two threads at once.
 */
#ifndef NV_BASE_TABLES_INDEX_H
#define NV_BASE_TABLES_INDEX_H

#include "base/error.h"

#include <stdint.h>

struct nv_index {
    void **items;
    uint32_t *hashes;
    uint32_t capacity; /* 0 or a power of two */
    uint32_t count;
};

/* Does `item` have the key? */
typedef bool nv_index_eq(const void *item, const void *key);

/* Readies an empty table; allocates nothing. */
void nv_index_init(struct nv_index *index);
/* Frees the table, not the items. Usable again as if after init. */
void nv_index_release(struct nv_index *index);
/* The item with `key`, or NULL. Borrowed: the table never owns items. */
void *nv_index_find(const struct nv_index *index, uint64_t hash, nv_index_eq *eq,
                    const void *key);
/* Adds an item (borrowed until it is removed) whose key must not be there yet.
 * NV_ERR_NO_MEMORY; NV_ERR_LIMIT past 2^30 items. */
enum nv_err nv_index_add(struct nv_index *index, uint64_t hash, void *item) NV_MUST_USE;
/* Removes `item`, which must be there. */
void nv_index_remove(struct nv_index *index, uint64_t hash, const void *item);
/* Bytes of the table. */
size_t nv_index_bytes(const struct nv_index *index);

#endif
