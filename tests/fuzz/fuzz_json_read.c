/*
 * JSON reader, values and writer against jansson: both accept the same texts and read the same
 * values, and what the writer makes of a value reads back as the same value.
 *
 * Known differences, left out of the comparison: jansson refuses a byte order mark, invalid
 * UTF-8, lone surrogates, numbers outside int64 or double, and NUL in keys, and takes a NUL
 * byte behind the value for the text's end; we refuse more than 64 levels. Cut text is read as
 * well; it must give a value that can be written.
 */
#include "base/text/utf8.h"
#include "model/value.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fuzz_json_read: %s\n", what);
    abort();
}

static bool same(const struct nv_value *ours, const json_t *theirs);

static bool same_map(const struct nv_value *ours, const json_t *theirs)
{
    const char *key = NULL;
    size_t key_len = 0;
    json_t *value = NULL;
    json_object_keylen_foreach((json_t *)(uintptr_t)theirs, key, key_len, value)
    {
        const struct nv_value *other = nv_map_get(ours, (struct nv_str){key, key_len});
        if (!other || !same(other, value))
            return false;
    }
    for (uint32_t i = 0; i < ours->as.map.count; i++) {
        struct nv_str name = ours->as.map.items[i].key;
        if (!json_object_getn(theirs, name.len > 0 ? name.ptr : "", name.len))
            return false;
    }
    return true;
}

static bool same_array(const struct nv_value *ours, const json_t *theirs)
{
    if (json_array_size(theirs) != ours->as.array.count)
        return false;
    for (uint32_t i = 0; i < ours->as.array.count; i++) {
        if (!same(&ours->as.array.items[i], json_array_get(theirs, i)))
            return false;
    }
    return true;
}

static bool same(const struct nv_value *ours, const json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JSON_OBJECT:
        return ours->type == NV_VALUE_MAP && same_map(ours, theirs);
    case JSON_ARRAY:
        return ours->type == NV_VALUE_ARRAY && same_array(ours, theirs);
    case JSON_STRING:
        return ours->type == NV_VALUE_STRING &&
               nv_str_eq(ours->as.string, (struct nv_str){json_string_value(theirs),
                                                          json_string_length(theirs)});
    case JSON_INTEGER:
        return ours->type == NV_VALUE_INT && ours->as.integer == json_integer_value(theirs);
    case JSON_REAL: {
        double value = json_real_value(theirs);
        return ours->type == NV_VALUE_DOUBLE &&
               memcmp(&ours->as.number, &value, sizeof value) == 0;
    }
    case JSON_TRUE:
    case JSON_FALSE:
        return ours->type == NV_VALUE_BOOL && ours->as.boolean == json_is_true(theirs);
    case JSON_NULL:
        break;
    }
    return ours->type == NV_VALUE_NULL;
}

static bool known_difference(struct nv_str text, enum nv_err err, const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return nv_str_starts(text, NV_STR("\xef\xbb\xbf")) || err == NV_ERR_DEPTH ||
           nv_utf8_valid_prefix(text) != text.len || nv_str_find_char(text, '\0') != SIZE_MAX ||
           code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           strncmp(error->text, "invalid Unicode", 15) == 0;
}

static void write_and_read_back(struct nv_arena *arena, const struct nv_value *value)
{
    struct nv_buf buf;
    struct nv_json_writer writer;
    struct nv_value back;
    nv_buf_init(&buf, 64u << 20);
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, value);
    check(buf.failed == NV_OK, "a value could not be written");
    struct nv_str text = nv_buf_str(&buf);
    check(nv_utf8_valid_prefix(text) == text.len, "written text is not UTF-8");
    check(nv_value_from_json(arena, text, NULL, &back) == NV_OK, "written text does not read");
    /* bytes that were replaced cannot be equal; an overflow was written as a string */
    bool overflow = nv_str_find(text, NV_STR("Infinity")) != SIZE_MAX;
    check(writer.replaced > 0 || overflow || nv_value_eq(value, &back), "changed on its way");
    nv_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nv_str text = {(const char *)data, size};
    struct nv_arena *arena = nv_arena_new(256u << 20);
    struct nv_value value;
    json_error_t error = {0};
    if (!arena)
        return 0;
    enum nv_err err = nv_value_from_json(arena, text, NULL, &value);
    json_t *theirs =
        json_loadb(size > 0 ? text.ptr : "", size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!known_difference(text, err, &error)) {
        check((err == NV_OK) == (theirs != NULL), "accepted by one reader only");
        check(theirs == NULL || same(&value, theirs), "read differently");
    }
    json_decref(theirs);
    if (err == NV_OK)
        write_and_read_back(arena, &value);
    bool truncated = false;
    if (nv_value_from_json(arena, text, &truncated, &value) == NV_OK) {
        check(truncated || err == NV_OK, "damage taken for truncation");
        write_and_read_back(arena, &value);
    }
    nv_arena_free(arena);
    return 0;
}
