/*
 * Maps of texts that were met before, by the places of their texts: the messages of a
 * conversation that is sent again with each call are read once (mapping/content/), so that what
 * comes again has other maps with the same texts in them.
 *
 *   map of 1 to 8 texts ─▶ addresses of its texts ─▶ one place of the table [ map | from | len ]
 *
 * A place holds the map that was put there last: what is forgotten is only looked at again.
 *   list of maps         ─▶ that of its first map  ─▶ a place [ list | known | from | len ]
 *
 * A conversation grows at its end, so that a list mostly begins with all of the one before:
 * what they have in common is passed over by comparing addresses, without asking the table of
 * maps.
 *
 * No byte of a text is read, so that a look costs some steps a member. Lists, maps and their
 * texts are borrowed and must stay as they are for as long as the table is used: then an
 * address says what stands there. One thread.
 */
#ifndef NV_MODEL_SEEN_MAPS_H
#define NV_MODEL_SEEN_MAPS_H

#include "model/value.h"

#define NV_SEEN_MAPS_BITS 9
#define NV_SEEN_MAPS (1u << NV_SEEN_MAPS_BITS)
/* Lists that are kept. */
#define NV_SEEN_LISTS_BITS 3
#define NV_SEEN_LISTS (1u << NV_SEEN_LISTS_BITS)
/* Larger maps are not kept. */
#define NV_SEEN_MEMBERS_MAX 8u

/* A map, and a piece of something that whoever put it there knows of it. */
struct nv_seen_map {
    struct nv_map map; /* borrowed */
    size_t from, len;
};

/* A list, of which the first `known` are maps of texts that whoever put it there knows, and a
 * piece of something that is known of the whole list. */
struct nv_seen_list {
    struct nv_array list; /* borrowed */
    uint32_t known;
    size_t from, len;
};

/* Zero `used` is empty; maps and lists need not be set. */
struct nv_seen_maps {
    uint64_t used[NV_SEEN_MAPS / 64 + 1]; /* the last: of lists */
    struct nv_seen_map maps[NV_SEEN_MAPS];
    struct nv_seen_list lists[NV_SEEN_LISTS];
};

/* No place: the map is not one to be kept. */
#define NV_SEEN_NOWHERE NV_SEEN_MAPS

/* Where a map is, or would be put; NV_SEEN_NOWHERE unless it is one of texts alone. */
static inline unsigned nv_seen_map_place(const struct nv_map *map)
{
    uint64_t hash = 0;
    if (map->count - 1 >= NV_SEEN_MEMBERS_MAX)
        return NV_SEEN_NOWHERE;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct nv_value *value = &map->items[i].value;
        if (value->type != NV_VALUE_STRING)
            return NV_SEEN_NOWHERE;
        hash =
            (hash ^ (uint64_t)(uintptr_t)value->as.string.ptr) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return (unsigned)(hash >> (64 - NV_SEEN_MAPS_BITS));
}

static inline bool nv_seen_same_text(struct nv_str a, struct nv_str b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

/* Of two maps, of which `other` is one of texts. */
static inline bool nv_seen_same_map(const struct nv_map *map, const struct nv_map *other)
{
    if (map->count != other->count)
        return false;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct nv_attribute *a = &map->items[i], *b = &other->items[i];
        if (a->value.type != NV_VALUE_STRING || !nv_seen_same_text(a->key, b->key) ||
            !nv_seen_same_text(a->value.as.string, b->value.as.string))
            return false;
    }
    return true;
}

/* The map with the same members that was put at `place`, which is one; NULL: none. */
static inline const struct nv_seen_map *
nv_seen_map_find(const struct nv_seen_maps *seen, unsigned place, const struct nv_map *map)
{
    const struct nv_seen_map *other = &seen->maps[place];
    const bool used = (seen->used[place / 64] >> place % 64 & 1) != 0;
    return used && nv_seen_same_map(map, &other->map) ? other : NULL;
}

/* Puts a map at its place, in place of another one. */
static inline void nv_seen_map_put(struct nv_seen_maps *seen, unsigned place,
                                   const struct nv_map *map, size_t from, size_t len)
{
    seen->used[place / 64] |= UINT64_C(1) << place % 64;
    seen->maps[place] = (struct nv_seen_map){*map, from, len};
}

/* Where a list is, or would be put; NV_SEEN_NOWHERE unless it begins with a map of texts. */
static inline unsigned nv_seen_list_place(const struct nv_array *list)
{
    if (list->count < 2 || list->items[0].type != NV_VALUE_MAP)
        return NV_SEEN_NOWHERE;
    const unsigned place = nv_seen_map_place(&list->items[0].as.map);
    return place == NV_SEEN_NOWHERE ? place : place >> (NV_SEEN_MAPS_BITS - NV_SEEN_LISTS_BITS);
}

/* The list that was put at `place`, which is one, when `list` begins with all that is known of
 * it; NULL: none. */
static inline const struct nv_seen_list *
nv_seen_list_find(const struct nv_seen_maps *seen, unsigned place, const struct nv_array *list)
{
    const struct nv_seen_list *other = &seen->lists[place];
    if ((seen->used[NV_SEEN_MAPS / 64] >> place & 1) == 0 || other->known > list->count)
        return NULL;
    for (uint32_t i = other->known; i-- > 0;) {
        const struct nv_value *value = &list->items[i];
        if (value->type != NV_VALUE_MAP ||
            !nv_seen_same_map(&value->as.map, &other->list.items[i].as.map))
            return NULL;
    }
    return other;
}

/* Puts a list at its place, in place of another one. `known` of it become those up to the first
 * that is no map of texts; the first `sure` were found here and are. */
static inline void nv_seen_list_put(struct nv_seen_maps *seen, unsigned place,
                                    struct nv_seen_list list, uint32_t sure)
{
    while (sure < list.known && list.list.items[sure].type == NV_VALUE_MAP &&
           nv_seen_map_place(&list.list.items[sure].as.map) != NV_SEEN_NOWHERE)
        sure++;
    list.known = sure;
    seen->used[NV_SEEN_MAPS / 64] |= UINT64_C(1) << place;
    seen->lists[place] = list;
}

/* How many of the maps that `list` begins with are known; 0: none, or `seen` is NULL. */
static inline uint32_t nv_seen_known(const struct nv_seen_maps *seen,
                                     const struct nv_array *list)
{
    const unsigned place = seen ? nv_seen_list_place(list) : NV_SEEN_NOWHERE;
    const struct nv_seen_list *found =
        place != NV_SEEN_NOWHERE ? nv_seen_list_find(seen, place, list) : NULL;
    return found ? found->known : 0;
}

/* So many of the values that `list` begins with are known now; the first `sure` of them were
 * before. */
static inline void nv_seen_know(struct nv_seen_maps *seen, const struct nv_array *list,
                                uint32_t known, uint32_t sure)
{
    const unsigned place = seen ? nv_seen_list_place(list) : NV_SEEN_NOWHERE;
    if (place != NV_SEEN_NOWHERE)
        nv_seen_list_put(seen, place, (struct nv_seen_list){*list, known, 0, 0}, sure);
}

#endif
