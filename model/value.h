/*
 * OTLP's AnyValue and KeyValue in memory, and JSON in the same shape.
 *
 *   nv_value ─┬─ NULL BOOL INT DOUBLE          in place
 *             ├─ STRING BYTES JSON             view of the request, the arena or a static text
 *             ├─ ARRAY ──▶ nv_value[count]     in the arena
 *             └─ MAP ────▶ nv_attribute[count] in the arena, in source order, each key once
 *
 * A value never owns: it lives as long as the arena and the request it points into. NULL is
 * OTLP's empty AnyValue and JSON's null: absent, empty, 0 and "0" are four things (traps.md 2).
 */
#ifndef NV_MODEL_VALUE_H
#define NV_MODEL_VALUE_H

#include "base/arena.h"
#include "base/json/json_read.h"
#include "base/json/json_write.h"

enum nv_value_type {
    NV_VALUE_NULL,
    NV_VALUE_BOOL,
    NV_VALUE_INT,
    NV_VALUE_DOUBLE,
    NV_VALUE_STRING, /* may hold invalid UTF-8; replaced when JSON is written */
    NV_VALUE_BYTES,
    NV_VALUE_ARRAY,
    NV_VALUE_MAP,
    NV_VALUE_JSON /* text of a whole, valid JSON value: written as it is */
};

/* Deepest nesting of a value, from OTLP or from JSON text; deeper is refused or kept as
 * text. */
#define NV_VALUE_DEPTH_MAX 64

struct nv_value;
struct nv_attribute;

struct nv_array {
    struct nv_value *items;
    uint32_t count;
};

struct nv_map {
    struct nv_attribute *items;
    uint32_t count;
};

struct nv_value {
    uint8_t type; /* enum nv_value_type */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct nv_str string; /* STRING, BYTES, JSON */
        struct nv_array array;
        struct nv_map map;
    } as;
};

struct nv_attribute {
    struct nv_str key;
    struct nv_value value;
};

/* A growing list of attributes in an arena, in order of insertion. */
struct nv_attributes {
    struct nv_attribute *items;
    uint32_t count;
    uint32_t capacity;
};

/* OTLP's empty AnyValue, JSON's null. */
struct nv_value nv_value_null(void);
/* A truth value. */
struct nv_value nv_value_bool(bool v);
/* A 64-bit integer. */
struct nv_value nv_value_int(int64_t v);
/* A double; NaN and infinities are written as strings. */
struct nv_value nv_value_double(double v);
/* Text. Borrowed: `v` must outlive the value. */
struct nv_value nv_value_string(struct nv_str v);
/* Text of a whole, valid JSON value, written as it is. Borrowed likewise. */
struct nv_value nv_value_json(struct nv_str v);

/*
 * Deep comparison; INT and DOUBLE of the same number are equal, MAPs whatever their order. A
 * key that stands twice must stand twice in the other too, in the same order. Costs n log n at
 * most, n being the smaller of the two in items and bytes. Without memory for the order of a
 * large map, and past the meter's limit, two values are not equal: what is called equal is left
 * out by callers.
 */
bool nv_value_eq(const struct nv_value *a, const struct nv_value *b);
/* Seeded hash: the same for values that nv_value_eq calls equal. */
uint64_t nv_value_hash(const struct nv_value *value);
/* Value of `key` in a MAP (the last one wins, as in JSON), or NULL. Borrowed. */
const struct nv_value *nv_map_get(const struct nv_value *map, struct nv_str key);
/*
 * Writes a value as one JSON value (BYTES as base64). Errors are the writer's buffer's. With
 * the writer's items_max an array or map ends after so many members with one that says how many
 * were left out; JSON longer than its text_max is written as a text and cut.
 */
void nv_value_write(struct nv_json_writer *writer, const struct nv_value *value);
/*
 * Reads one JSON value into the arena. Integers outside int64 become DOUBLE. With `truncated`
 * not NULL, text that ends too early is read as far as it goes (open strings, arrays and
 * objects are closed) and *truncated says so. Errors: NV_ERR_MALFORMED, NV_ERR_TRUNCATED,
 * NV_ERR_DEPTH (past NV_VALUE_DEPTH_MAX), NV_ERR_NO_MEMORY, NV_ERR_LIMIT (past the limit of
 * this thread's meter).
 */
enum nv_err nv_value_from_json(struct nv_arena *arena, struct nv_str text, bool *truncated,
                               struct nv_value *out) NV_MUST_USE;

/* The text of a STRING; empty for any other value and for NULL. Borrowed. (scalar.h reads what
 * a client sent under another type.) */
static inline struct nv_str nv_string_of(const struct nv_value *value)
{
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}
/* The number of an INT or a DOUBLE (JSON has one kind); `otherwise` for any other and for
 * NULL. */
static inline double nv_number_of(const struct nv_value *value, double otherwise)
{
    if (value && value->type == NV_VALUE_DOUBLE)
        return value->as.number;
    return value && value->type == NV_VALUE_INT ? (double)value->as.integer : otherwise;
}

/* Makes room for one more; NV_ERR_NO_MEMORY. */
enum nv_err nv_attributes_reserve(struct nv_attributes *list,
                                  struct nv_arena *arena) NV_MUST_USE;
/* Appends; texts of key and value are borrowed as long as the list is used. NV_ERR_NO_MEMORY.
 * Keys are not checked for duplicates. Inline: in lists whose room is known before, as most
 * are, it is a write. */
NV_MUST_USE static inline enum nv_err nv_attributes_add(struct nv_attributes *list,
                                                        struct nv_arena *arena,
                                                        struct nv_str key,
                                                        struct nv_value value)
{
    if (list->count == list->capacity) {
        enum nv_err err = nv_attributes_reserve(list, arena);
        if (err != NV_OK)
            return err;
    }
    struct nv_attribute *item = &list->items[list->count++];
    item->key = key;
    item->value = value;
    return NV_OK;
}
/* Replaces the value of `key`, or appends; borrows likewise. NV_ERR_NO_MEMORY. */
enum nv_err nv_attributes_set(struct nv_attributes *list, struct nv_arena *arena,
                              struct nv_str key, struct nv_value value) NV_MUST_USE;
/* Value of `key` (the last one), or NULL. Borrowed, mutable until the list grows. */
struct nv_value *nv_attributes_get(const struct nv_attributes *list, struct nv_str key);
/* Writes the list as one JSON object, cut as nv_value_write cuts a map. */
void nv_attributes_write(struct nv_json_writer *writer, const struct nv_attributes *list);
/* The same without the braces, inside an object that is open. */
void nv_attributes_write_members(struct nv_json_writer *writer,
                                 const struct nv_attributes *list);

#endif
