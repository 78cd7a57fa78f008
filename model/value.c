/*
 * Values: writing, reading from JSON text, and lists of attributes (compared in value_eq.c).
 *
 * All of them recurse: depth is bounded by NV_VALUE_DEPTH_MAX wherever a value is made, by the
 * wire walk for OTLP and by the reader here. Lists grow by doubling inside the arena and leave
 * their old block behind; that wastes at most as much as they hold. Lookups walk: a span has 10
 * to 40 attributes, and a hash would cost more than it saves (mapping folds keys through its
 * own table).
 */
#include "model/value.h"

#include "base/meter.h"
#include "model/key_index.h"

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

static void write_map(struct nv_json_writer *writer, const struct nv_attribute *items,
                      uint32_t count)
{
    nv_json_write_begin_object(writer);
    write_members(writer, items, count);
    nv_json_write_end_object(writer);
}

static void write_array(struct nv_json_writer *writer, const struct nv_array *array)
{
    uint32_t kept = count_kept(writer, array->count);
    (void)nv_meter_spend(1 + kept);
    nv_json_write_begin_array(writer);
    for (uint32_t i = 0; i < kept; i++)
        nv_value_write(writer, &array->items[i]);
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
        write_map(writer, value->as.map.items, value->as.map.count);
        return;
    case NV_VALUE_JSON:
        write_json(writer, value->as.string);
        return;
    }
    assert(false && "a value of an unknown type");
}

/* ---- reading JSON ------------------------------------------------------------------------ */

/* `cut`: the text ended early and the caller wants what there was; everything open is
 * closed. */
struct parse {
    struct nv_json_reader reader;
    struct nv_arena *arena;
    bool keep_partial;
    bool cut;
};

static enum nv_err read_value(struct parse *parse, enum nv_json_token token,
                              struct nv_value *out);

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

/* What an error token means: an end of everything when partial text is welcome. */
static enum nv_err read_error(struct parse *parse)
{
    if (!parse->keep_partial || parse->reader.err != NV_ERR_TRUNCATED)
        return parse->reader.err;
    parse->cut = true;
    return NV_OK;
}

static enum nv_err read_text(struct parse *parse, struct nv_str *out)
{
    struct nv_str raw = parse->reader.raw;
    *out = nv_json_unescape(parse->arena, raw, parse->reader.escaped);
    return out->ptr == NULL && raw.len > 0 ? NV_ERR_NO_MEMORY : NV_OK;
}

static enum nv_err read_array(struct parse *parse, struct nv_value *out)
{
    struct nv_array array = {0};
    uint32_t capacity = 0;
    enum nv_err err = NV_OK;
    while (err == NV_OK && !parse->cut) {
        enum nv_json_token token = nv_json_next(&parse->reader);
        if (token == NV_JSON_ARRAY_END)
            break;
        if (token == NV_JSON_ERROR && !parse->reader.partial) {
            err = read_error(parse);
            break;
        }
        array.items =
            grow_list(parse->arena, array.items, array.count, &capacity, sizeof *array.items);
        if (!array.items)
            return NV_ERR_NO_MEMORY;
        err = read_value(parse, token, &array.items[array.count++]);
    }
    *out = (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = array};
    return err;
}

/* Reads the value of the key just read and appends both. A key whose value is cut off is left
 * out.
 */
static enum nv_err read_member(struct parse *parse, struct nv_attributes *list)
{
    struct nv_str key;
    struct nv_value value;
    enum nv_err err = read_text(parse, &key);
    if (err != NV_OK)
        return err;
    enum nv_json_token token = nv_json_next(&parse->reader);
    if (token == NV_JSON_ERROR && !parse->reader.partial)
        return read_error(parse);
    err = read_value(parse, token, &value);
    return err == NV_OK ? nv_attributes_add(list, parse->arena, key, value) : err;
}

static enum nv_err read_object(struct parse *parse, struct nv_value *out)
{
    struct nv_attributes list = {0};
    enum nv_err err = NV_OK;
    while (err == NV_OK && !parse->cut) {
        enum nv_json_token token = nv_json_next(&parse->reader);
        if (token == NV_JSON_OBJECT_END)
            break;
        err = token == NV_JSON_ERROR ? read_error(parse) : read_member(parse, &list);
    }
    if (err == NV_OK)
        err = nv_attributes_unique(&list, parse->arena);
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {list.items, list.count}};
    return err;
}

static enum nv_err read_number(struct parse *parse, struct nv_value *out)
{
    int64_t integer = 0;
    if (parse->reader.integer && nv_str_to_int64(parse->reader.raw, &integer) == NV_OK) {
        *out = nv_value_int(integer);
        return NV_OK;
    }
    double number = 0;
    enum nv_err err = nv_str_to_double(parse->reader.raw, &number);
    *out = nv_value_double(number);
    return err;
}

static enum nv_err read_value(struct parse *parse, enum nv_json_token token,
                              struct nv_value *out)
{
    assert(parse->reader.depth <= NV_VALUE_DEPTH_MAX);
    if (!nv_meter_spend(1))
        return NV_ERR_LIMIT;
    *out = nv_value_null();
    switch (token) {
    case NV_JSON_OBJECT_BEGIN:
        return read_object(parse, out);
    case NV_JSON_ARRAY_BEGIN:
        return read_array(parse, out);
    case NV_JSON_STRING:
        *out = nv_value_string((struct nv_str){NULL, 0});
        return read_text(parse, &out->as.string);
    case NV_JSON_NUMBER:
        return read_number(parse, out);
    case NV_JSON_TRUE:
    case NV_JSON_FALSE:
        *out = nv_value_bool(token == NV_JSON_TRUE);
        return NV_OK;
    case NV_JSON_ERROR:
        if (!parse->reader.partial || !parse->keep_partial)
            return read_error(parse);
        parse->cut = true;
        *out = nv_value_string((struct nv_str){NULL, 0});
        return read_text(parse, &out->as.string);
    case NV_JSON_NULL:
    case NV_JSON_KEY:
    case NV_JSON_OBJECT_END:
    case NV_JSON_ARRAY_END:
    case NV_JSON_END:
        break;
    }
    assert(token == NV_JSON_NULL);
    return NV_OK;
}

enum nv_err nv_value_from_json(struct nv_arena *arena, struct nv_str text, bool *truncated,
                               struct nv_value *out)
{
    struct parse parse = {.arena = arena, .keep_partial = truncated != NULL};
    if (!nv_meter_spend_bytes(text.len))
        return NV_ERR_MALFORMED;
    nv_json_read_init(&parse.reader, text, NV_VALUE_DEPTH_MAX);
    nv_json_read_texts(&parse.reader, arena);
    enum nv_json_token token = nv_json_next(&parse.reader);
    enum nv_err err = read_value(&parse, token, out);
    if (err == NV_OK && !parse.cut && nv_json_next(&parse.reader) != NV_JSON_END)
        err = parse.reader.err;
    /* nothing at all was read: no value to give */
    if (err == NV_OK && token == NV_JSON_ERROR && !parse.reader.partial)
        err = NV_ERR_TRUNCATED;
    if (truncated)
        *truncated = parse.cut;
    return err;
}

/* ---- lists of attributes ----------------------------------------------------------------- */

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
    write_map(writer, list->items, list->count);
}
