/*
 * uthash as this program uses it; include this, never <uthash.h>.
 *
 * Keys come from clients, so the hash is the seeded one of nv_str_hash and not uthash's own,
 * which anybody can compute. Out of memory is an error and not an exit: after HASH_ADD... of
 * `item`, its handle tells whether it was added.
 *
 *     HASH_ADD_KEYPTR(hh, map, item->key, item->key_len, item);
 *     if (!nv_hash_added(item, hh))
 *         ... the map is as before, the item is the caller's still ...
 */
#ifndef NV_BASE_TABLES_HASH_MAP_H
#define NV_BASE_TABLES_HASH_MAP_H

#include "base/str.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, key_len, hash)                                                      \
    ((hash) = (unsigned)nv_str_hash((struct nv_str){(const char *)(key), (key_len)}))

#include <uthash.h>

/* Was `item` added by the HASH_ADD... just before? `hh` is the name of its handle. */
#define nv_hash_added(item, hh) ((item)->hh.tbl != NULL)

#endif
