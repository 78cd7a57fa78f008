/*
 * Values compared and hashed.
 *
 *   MAP a ─▶ numbers of its members by (hash of key, key, place) ─┐
 *   MAP b ─▶ likewise ────────────────────────────────────────────┴▶ compared pair by pair, once
 *
 * Maps come from clients and from text that models wrote, so their cost must follow from the
 * smaller of the two: counts that differ end it at once, and each pair of members is compared
 * once at each level. (Looking each key of one map up in the other, both ways, took 2^depth
 * steps: 1.5 KB never ended.) A key that stands twice is compared by its place among its like,
 * not by "the last one counts": then a map of many equal keys can't be made to be read again
 * and again for small ones that may equal it. Small maps are ordered on the stack, larger ones
 * in memory of the heap, which is given back before the caller goes on. Recursion is bounded by
 * the depth of values.
 */
#include "base/meter.h"
#include "model/value.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

/* Members that are ordered without memory of the heap. A level of recursion holds two such
 * lists:
 * 2 * 16 * 16 bytes, times NV_VALUE_DEPTH_MAX: 32 KiB at most. */
#define ON_STACK 16u

static bool double_eq(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a >= b && a <= b);
}

/* Is it a whole number of int64? Exactly: 2^53 + 1 is not the double 2^53. */
static bool as_int(double number, int64_t *out)
{
    if (!(number >= -0x1p63 && number < 0x1p63) || !double_eq(rint(number), number))
        return false;
    *out = (int64_t)number;
    return true;
}

static bool int_eq_double(int64_t a, double b)
{
    int64_t whole;
    return as_int(b, &whole) && whole == a;
}

/* ---- the order of a map's members -------------------------------------------------------- */

struct place {
    uint64_t hash; /* of the key */
    const struct nv_attribute *member;
};

static int by_key(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    int order = nv_str_cmp(a->member->key, b->member->key);
    if (order != 0)
        return order;
    return a->member < b->member ? -1 : a->member > b->member;
}

static void sort_members(const struct nv_map *map, struct place *places)
{
    for (uint32_t i = 0; i < map->count; i++)
        places[i] = (struct place){nv_str_hash(map->items[i].key), &map->items[i]};
    qsort(places, map->count, sizeof *places, by_key);
}

static bool pairs_eq(const struct place *a, const struct place *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (a[i].hash != b[i].hash || !nv_str_eq(a[i].member->key, b[i].member->key))
            return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!nv_value_eq(&a[i].member->value, &b[i].member->value))
            return false;
    }
    return true;
}

/* Nearly always the keys stand in the same order. Then the members are compared where they
 * stand: equal pairs are an equal map, and which member differs does not depend on the order
 * either. */
static bool same_order(const struct nv_map *a, const struct nv_map *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (!nv_str_eq(a->items[i].key, b->items[i].key))
            return false;
    }
    return true;
}

static bool ordered_eq(const struct nv_map *a, const struct nv_map *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (!nv_value_eq(&a->items[i].value, &b->items[i].value))
            return false;
    }
    return true;
}

/* Keys in different orders. */
static bool sorted_eq(const struct nv_map *a, const struct nv_map *b)
{
    struct place small[2 * ON_STACK];
    struct place *places = small;
    if (a->count > ON_STACK)
        places = malloc(2 * (size_t)a->count * sizeof *places);
    if (!places)
        return false;
    sort_members(a, places);
    sort_members(b, places + a->count);
    bool equal = pairs_eq(places, places + a->count, a->count);
    if (places != small)
        free(places);
    return equal;
}

static bool map_eq(const struct nv_map *a, const struct nv_map *b)
{
    if (a->count != b->count || !nv_meter_spend(2 * (uint64_t)a->count))
        return false;
    if (a->items == b->items)
        return true;
    return same_order(a, b) ? ordered_eq(a, b) : sorted_eq(a, b);
}

/* ---- comparison -------------------------------------------------------------------------- */

/* What views the same memory is equal at once: values are passed on far more often than
 * made. */
static bool text_eq(struct nv_str a, struct nv_str b)
{
    return a.len == b.len &&
           (a.ptr == b.ptr || (nv_meter_spend_bytes(a.len) && nv_str_eq(a, b)));
}

static bool array_eq(const struct nv_array *a, const struct nv_array *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; a->items != b->items && i < a->count; i++) {
        if (!nv_value_eq(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

static bool same_type_eq(const struct nv_value *a, const struct nv_value *b)
{
    switch ((enum nv_value_type)a->type) {
    case NV_VALUE_NULL:
        return true;
    case NV_VALUE_BOOL:
        return a->as.boolean == b->as.boolean;
    case NV_VALUE_INT:
        return a->as.integer == b->as.integer;
    case NV_VALUE_DOUBLE:
        return double_eq(a->as.number, b->as.number);
    case NV_VALUE_STRING:
    case NV_VALUE_BYTES:
    case NV_VALUE_JSON:
        return text_eq(a->as.string, b->as.string);
    case NV_VALUE_ARRAY:
        return array_eq(&a->as.array, &b->as.array);
    case NV_VALUE_MAP:
        return map_eq(&a->as.map, &b->as.map);
    }
    assert(false && "a value of an unknown type");
    return false;
}

bool nv_value_eq(const struct nv_value *a, const struct nv_value *b)
{
    if (!nv_meter_spend(1))
        return false;
    if (a->type == b->type)
        return same_type_eq(a, b);
    if (a->type == NV_VALUE_INT && b->type == NV_VALUE_DOUBLE)
        return int_eq_double(a->as.integer, b->as.number);
    if (a->type == NV_VALUE_DOUBLE && b->type == NV_VALUE_INT)
        return int_eq_double(b->as.integer, a->as.number);
    return false;
}

/* ---- hash -------------------------------------------------------------------------------- */

static uint64_t join(uint64_t a, uint64_t b)
{
    return nv_number_hash(a ^ b * UINT64_C(0x9E3779B97F4A7C15));
}

/* NaNs are equal whatever their bits, and so are the two zeros (whole numbers, both). */
static uint64_t double_hash(double number)
{
    int64_t whole;
    uint64_t bits;
    if (as_int(number, &whole))
        return join(NV_VALUE_INT, (uint64_t)whole);
    if (isnan(number))
        number = (double)NAN;
    memcpy(&bits, &number, sizeof bits);
    return join(NV_VALUE_DOUBLE, bits);
}

uint64_t nv_value_hash(const struct nv_value *value)
{
    uint64_t hash = join(UINT64_C(1) << 32, value->type);
    if (!nv_meter_spend(1))
        return hash;
    switch ((enum nv_value_type)value->type) {
    case NV_VALUE_NULL:
        return hash;
    case NV_VALUE_BOOL:
        return join(hash, value->as.boolean);
    case NV_VALUE_INT:
        return join(NV_VALUE_INT, (uint64_t)value->as.integer);
    case NV_VALUE_DOUBLE:
        return double_hash(value->as.number);
    case NV_VALUE_STRING:
    case NV_VALUE_BYTES:
    case NV_VALUE_JSON:
        (void)nv_meter_spend_bytes(value->as.string.len);
        return join(hash, nv_str_hash(value->as.string));
    case NV_VALUE_ARRAY:
        for (uint32_t i = 0; i < value->as.array.count; i++)
            hash = join(hash, nv_value_hash(&value->as.array.items[i]));
        return hash;
    case NV_VALUE_MAP:
        /* a sum, for the order does not count */
        for (uint32_t i = 0; i < value->as.map.count; i++) {
            hash += join(nv_str_hash(value->as.map.items[i].key),
                         nv_value_hash(&value->as.map.items[i].value));
        }
        return hash;
    }
    assert(false && "a value of an unknown type");
    return hash;
}
