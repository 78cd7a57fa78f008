/*
 * Values: writing, and lists of attributes (read from JSON in value_json.c, compared in
 * value_eq.c).
 *
 * Writing recurses: depth is bounded by NV_VALUE_DEPTH_MAX wherever a value is made, by the
 * wire walk for OTLP and by the reader of JSON. Lists grow by doubling inside the arena and
 * leave their old block behind; that wastes at most as much as they hold. Lookups walk: a span
 * has 10 to 40 attributes, and a hash would cost more than it saves (mapping folds keys through
 * its own table).
 */
#include "model/value.h"

#include "base/meter.h"
#include "model/seen_maps.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

struct nv_value nv_value_null(void)
{
    return (struct nv_value){.type = NV_VALUE_NULL};
}

struct nv_value nv_value_bool(bool v)
{
    return (struct nv_value){.type = NV_VALUE_BOOL, .as.boolean = v};
}

struct nv_value nv_value_int(int64_t v)
{
    return (struct nv_value){.type = NV_VALUE_INT, .as.integer = v};
}

struct nv_value nv_value_double(double v)
{
    return (struct nv_value){.type = NV_VALUE_DOUBLE, .as.number = v};
}

struct nv_value nv_value_string(struct nv_str v)
{
    return (struct nv_value){.type = NV_VALUE_STRING, .as.string = v};
}

struct nv_value nv_value_json(struct nv_str v)
{
    return (struct nv_value){.type = NV_VALUE_JSON, .as.string = v};
}

/* ---- looking up -------------------------------------------------------------------------- */

/* The last of a name wins, as it does where OTLP's lists become maps; the walk is from the end
 * for that. Metered: a client that sends a key ten thousand times pays for it. */
static struct nv_value *find_last(struct nv_attribute *items, uint32_t count, struct nv_str key)
{
    uint32_t left = count;
    struct nv_value *found = NULL;
    if (nv_meter_over())
        return NULL;
    for (; left > 0 && !found; left--) {
        if (nv_str_eq(items[left - 1].key, key))
            found = &items[left - 1].value;
    }
    (void)nv_meter_spend(count - left + 1);
    return found;
}

const struct nv_value *nv_map_get(const struct nv_value *map, struct nv_str key)
{
    if (map->type != NV_VALUE_MAP)
        return NULL;
    return find_last(map->as.map.items, map->as.map.count, key);
}

/* ---- writing ----------------------------------------------------------------------------- */

static uint32_t count_kept(const struct nv_json_writer *writer, uint32_t count)
{
    return writer->items_max > 0 && count > writer->items_max ? writer->items_max : count;
}

static void write_left_out(struct nv_json_writer *writer, uint32_t kept, uint32_t count)
{
    char text[80];
    int len = snprintf(text, sizeof text,
                       "[cut by noveum-gateway: %" PRIu32 " of %" PRIu32 " items left out]",
                       count - kept, count);
    nv_json_write_string(writer, (struct nv_str){text, (size_t)len});
}

/* What was left out is told under this name, which a client may have sent as well. */
#define CUT NV_STR("noveum.gateway.cut")

static void write_members(struct nv_json_writer *writer, const struct nv_attribute *items,
                          uint32_t count)
{
    uint32_t kept = count_kept(writer, count);
    (void)nv_meter_spend(1 + kept);
    for (uint32_t i = 0; i < kept; i++) {
        if (kept < count && nv_str_eq(items[i].key, CUT))
            continue;
        nv_json_write_key(writer, items[i].key);
        nv_value_write(writer, &items[i].value);
    }
    if (kept == count)
        return;
    nv_json_write_key(writer, CUT);
    write_left_out(writer, kept, count);
}

static void write_object(struct nv_json_writer *writer, const struct nv_attribute *items,
                         uint32_t count)
{
    nv_json_write_begin_object(writer);
    write_members(writer, items, count);
    nv_json_write_end_object(writer);
}

/* The map as it stands in the buffer already. */
static bool write_seen(struct nv_json_writer *writer, const struct nv_map *map, unsigned place)
{
    struct nv_buf *buf = writer->buf;
    const struct nv_seen_map *seen = nv_seen_map_find(writer->maps, place, map);
    /* a comma included: growing moves what is copied */
    if (!seen || seen->len + 1 > buf->max - buf->len ||
        nv_buf_reserve(buf, seen->len + 1) != NV_OK)
        return false;
    (void)nv_meter_spend(1 + map->count);
    nv_json_write_raw(writer, (struct nv_str){buf->bytes + seen->from, seen->len});
    return true;
}

/* What is cut is not kept. */
static bool is_kept(const struct nv_json_writer *writer)
{
    return writer->maps && writer->text_max == 0 && writer->items_max == 0 &&
           writer->depth < NV_JSON_WRITE_DEPTH_MAX;
}

/* What was replaced is counted each time that it is written. */
static void write_map(struct nv_json_writer *writer, const struct nv_map *map)
{
    const unsigned place = is_kept(writer) ? nv_seen_map_place(map) : NV_SEEN_NOWHERE;
    if (place != NV_SEEN_NOWHERE && write_seen(writer, map, place))
        return;
    const uint64_t replaced = writer->replaced;
    const size_t before = writer->buf->len + (writer->comma && !writer->key);
    write_object(writer, map->items, map->count);
    if (place != NV_SEEN_NOWHERE && writer->replaced == replaced &&
        writer->buf->failed == NV_OK)
        nv_seen_map_put(writer->maps, place, map, before, writer->buf->len - before);
}

/* The maps that a list begins with as they stand in the buffer already, commas between them:
 * how many of them. */
static uint32_t write_seen_maps(struct nv_json_writer *writer, const struct nv_array *array,
                                unsigned place)
{
    struct nv_buf *buf = writer->buf;
    const struct nv_seen_list *seen = nv_seen_list_find(writer->maps, place, array);
    if (!seen || seen->known < seen->list.count || seen->len > buf->max - buf->len ||
        nv_buf_reserve(buf, seen->len) != NV_OK)
        return 0;
    nv_json_write_raw(writer, (struct nv_str){buf->bytes + seen->from, seen->len});
    return seen->known;
}

/* A conversation that is sent again with each call: written from its first new message on. */
static void write_list(struct nv_json_writer *writer, const struct nv_array *array,
                       unsigned place)
{
    const uint64_t replaced = writer->replaced;
    const size_t from = writer->buf->len;
    const uint32_t seen = write_seen_maps(writer, array, place);
    for (uint32_t i = seen; i < array->count; i++)
        nv_value_write(writer, &array->items[i]);
    if (writer->replaced != replaced || writer->buf->failed != NV_OK)
        return;
    const struct nv_seen_list list = {*array, array->count, from, writer->buf->len - from};
    nv_seen_list_put(writer->maps, place, list, seen);
}

static void write_array(struct nv_json_writer *writer, const struct nv_array *array)
{
    uint32_t kept = count_kept(writer, array->count);
    (void)nv_meter_spend(1 + kept);
    nv_json_write_begin_array(writer);
    const unsigned place = is_kept(writer) ? nv_seen_list_place(array) : NV_SEEN_NOWHERE;
    if (place != NV_SEEN_NOWHERE) {
        write_list(writer, array, place);
    } else {
        for (uint32_t i = 0; i < kept; i++)
            nv_value_write(writer, &array->items[i]);
    }
    if (kept < array->count)
        write_left_out(writer, kept, array->count);
    nv_json_write_end_array(writer);
}

static void write_json(struct nv_json_writer *writer, struct nv_str json)
{
    if (writer->text_max > 0 && json.len > writer->text_max)
        nv_json_write_string(writer, json);
    else
        nv_json_write_raw(writer, json);
}

void nv_value_write(struct nv_json_writer *writer, const struct nv_value *value)
{
    switch ((enum nv_value_type)value->type) {
    case NV_VALUE_NULL:
        nv_json_write_null(writer);
        return;
    case NV_VALUE_BOOL:
        nv_json_write_bool(writer, value->as.boolean);
        return;
    case NV_VALUE_INT:
        nv_json_write_int(writer, value->as.integer);
        return;
    case NV_VALUE_DOUBLE:
        nv_json_write_double(writer, value->as.number);
        return;
    case NV_VALUE_STRING:
        nv_json_write_string(writer, value->as.string);
        return;
    case NV_VALUE_BYTES:
        nv_json_write_base64(writer, value->as.string);
        return;
    case NV_VALUE_ARRAY:
        write_array(writer, &value->as.array);
        return;
    case NV_VALUE_MAP:
        write_map(writer, &value->as.map);
        return;
    case NV_VALUE_JSON:
        write_json(writer, value->as.string);
        return;
    }
    assert(false && "a value of an unknown type");
}

/* ---- lists of attributes ----------------------------------------------------------------- */

/* Room for one more item of `size` bytes in a list that doubles; NULL without memory. */
static void *grow_list(struct nv_arena *arena, void *items, uint32_t count, uint32_t *capacity,
                       size_t size)
{
    if (count < *capacity)
        return items;
    if (*capacity > UINT32_MAX / 2)
        return NULL;
    uint32_t larger = *capacity > 0 ? *capacity * 2 : 4;
    /* not zeroed: an item is written whole before it is counted */
    void *copy = nv_arena_raw(arena, larger * size);
    if (!copy)
        return NULL;
    if (count > 0)
        memcpy(copy, items, count * size);
    *capacity = larger;
    return copy;
}

enum nv_err nv_attributes_reserve(struct nv_attributes *list, struct nv_arena *arena)
{
    struct nv_attribute *items =
        grow_list(arena, list->items, list->count, &list->capacity, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    list->items = items;
    return NV_OK;
}

enum nv_err nv_attributes_set(struct nv_attributes *list, struct nv_arena *arena,
                              struct nv_str key, struct nv_value value)
{
    struct nv_value *present = nv_attributes_get(list, key);
    if (!present)
        return nv_attributes_add(list, arena, key, value);
    *present = value;
    return NV_OK;
}

struct nv_value *nv_attributes_get(const struct nv_attributes *list, struct nv_str key)
{
    return find_last(list->items, list->count, key);
}

void nv_attributes_write_members(struct nv_json_writer *writer,
                                 const struct nv_attributes *list)
{
    write_members(writer, list->items, list->count);
}

void nv_attributes_write(struct nv_json_writer *writer, const struct nv_attributes *list)
{
    write_object(writer, list->items, list->count);
}
