/*
 * Member look-up: one pass over an object, each key searched in a table of some 70 names.
 *
 * The table is searched in order of frequency, comparing length and first byte before the
 * bytes: for the keys that messages really have that is a handful of comparisons, cheaper than
 * hashing a key of four bytes. Deliberately no knowledge of shapes here: what a set of members
 * means is said by the detectors of messages_shapes.c, tools.c and documents.c.
 */
#include "mapping/content/members.h"

#include "base/meter.h"
#include <assert.h>

#include "base/banned.h"

struct member_name {
    struct nv_str key;
    enum nv_member id;
};

#define MEMBER_NAME(member, key) {NV_STR_INIT(key), NV_MEMBER_##member},
static const struct member_name member_names[] = {NV_MEMBER_TABLE(MEMBER_NAME)};
#undef MEMBER_NAME

static_assert(NV_MEMBER_NONE <= 64, "ids are bits of a 64-bit mask");

static enum nv_member member_id(struct nv_str key)
{
    if (key.len == 0)
        return NV_MEMBER_NONE;
    for (size_t i = 0; i < sizeof member_names / sizeof member_names[0]; i++) {
        const struct nv_str name = member_names[i].key;
        if (name.len == key.len && name.ptr[0] == key.ptr[0] &&
            memcmp(name.ptr, key.ptr, key.len) == 0)
            return member_names[i].id;
    }
    return NV_MEMBER_NONE;
}

/* A call without arguments says so: {}. */
static bool says_nothing(enum nv_member id, const struct nv_value *value)
{
    const bool arguments = id == NV_MEMBER_ARGUMENTS || id == NV_MEMBER_INPUT;
    return nv_value_empty(value) && !(arguments && value->type == NV_VALUE_MAP);
}

void nv_members_find(const struct nv_value *map, struct nv_members *out)
{
    out->mask = 0;
    if (map->type != NV_VALUE_MAP || !nv_meter_spend(1 + map->as.map.count))
        return;
    for (uint32_t i = 0; i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        const enum nv_member id = member_id(member->key);
        if (id == NV_MEMBER_NONE || (out->mask & (UINT64_C(1) << id)) != 0 ||
            says_nothing(id, &member->value))
            continue;
        out->mask |= UINT64_C(1) << id;
        out->at[id] = &member->value;
    }
}

const struct nv_value *nv_members_get(const struct nv_members *members, enum nv_member id)
{
    assert(id < NV_MEMBER_NONE);
    return (members->mask & (UINT64_C(1) << id)) != 0 ? members->at[id] : NULL;
}

const struct nv_value *nv_members_first(const struct nv_members *members, uint64_t ids)
{
    const uint64_t found = members->mask & ids;
    if (found == 0)
        return NULL;
    return members->at[__builtin_ctzll(found)];
}

struct nv_str nv_members_text(const struct nv_members *members, enum nv_member id)
{
    const struct nv_value *value = nv_members_get(members, id);
    if (!value || value->type != NV_VALUE_STRING)
        return NV_STR("");
    return value->as.string;
}

enum nv_err nv_members_rest(struct nv_arena *arena, const struct nv_value *map,
                            const struct nv_members *members, uint64_t used,
                            struct nv_attributes *rest)
{
    if (map->type != NV_VALUE_MAP)
        return NV_OK;
    for (uint32_t i = 0; i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        if (nv_value_empty(&member->value))
            continue;
        const enum nv_member id = member_id(member->key);
        const bool expressed = id != NV_MEMBER_NONE && (used & (UINT64_C(1) << id)) != 0 &&
                               members->at[id] == &member->value;
        if (expressed)
            continue;
        enum nv_err err = nv_attributes_add(rest, arena, member->key, member->value);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}
