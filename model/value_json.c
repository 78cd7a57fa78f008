/*
 * Values from JSON text: a reader that builds the tree in the arena.
 *
 * Recurses, to NV_VALUE_DEPTH_MAX at most. A key that stands twice in an object counts once,
 * with its last value, as JSON's readers have it: no object that is written holds a key twice.
 */
#include "model/key_index.h"

#include "base/meter.h"

#include <assert.h>

#include "base/banned.h"

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

/* The items in larger room; NULL without memory. Not zeroed: an item is written whole before it
 * is counted. */
static struct nv_value *grown(struct nv_arena *arena, const struct nv_array *array,
                              uint32_t capacity)
{
    struct nv_value *larger =
        capacity > array->count ? nv_arena_raw(arena, capacity * sizeof *larger) : NULL;
    if (larger && array->count > 0)
        memcpy(larger, array->items, array->count * sizeof *larger);
    return larger;
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
        if (array.count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 4;
            array.items = grown(parse->arena, &array, capacity);
        }
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

/* Whole numbers that fit stay whole: ids of 19 digits are told as numbers, and a double would
 * round them. */
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
    /* told as malformed, so that who opens texts for a look leaves this one as it is */
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
