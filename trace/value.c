/*
 * Attributes on the wire.
 *
 * Every length is computed before the first byte is written: nothing is moved afterwards, as a
 * writer that learns lengths late would have to. That is where most of the time of a span goes,
 * so the bytes are set through a pointer and not appended one field at a time.
 *
 *   field ▸ size ▸ 1 ▸ size ▸ key ▸ 2 ▸ size ▸ (AnyValue: type's field ▸ value)
 *
 * Two passes over the same switch: measure() and put_any() must agree on every byte, which the
 * assert at the end of nv_trace_value_put holds in each debug build. A text that is no UTF-8 is
 * repaired (protobuf's strings must be valid, and a receiver refuses the whole request for one
 * that isn't); whether it needs that is found while measuring, so a valid text is one memcpy.
 */
#include "trace/value.h"

#include "base/text/utf8.h"
#include "base/text/wire.h"
#include "model/otlp_fields.h"

#include <assert.h>

#include "base/banned.h"

/* Tags of one byte: all field numbers here are below 16. */
#define TAG(field, type) (char)((unsigned)(field) << 3 | (unsigned)(type))
#define REPLACEMENT_LEN (sizeof NV_UTF8_REPLACEMENT - 1)

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

static char *put_varint(char *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (char)value;
    return at;
}

/* Size of a field that holds `len` bytes. */
static size_t bytes_size(size_t len)
{
    return 1 + varint_size(len) + len;
}

static char *put_head(char *at, unsigned field, size_t len)
{
    *at++ = TAG(field, NV_WIRE_BYTES);
    return put_varint(at, len);
}

/* Length of `text` once it is valid; *repaired grows if it was not, by one a text: a picture
 * told as a string would else count a million repairs. Every invalid stretch becomes one
 * U+FFFD. */
static size_t repaired_size(struct nv_str text, unsigned *repaired)
{
    size_t size = nv_utf8_valid_prefix(text);
    if (size == text.len)
        return size;
    *repaired += 1;
    for (size_t at = size; at < text.len;) {
        size_t invalid = 0;
        size_t len = nv_utf8_char(nv_str_slice(text, at, text.len), &invalid);
        size += len > 0 ? len : REPLACEMENT_LEN;
        at += len > 0 ? len : invalid;
    }
    return size;
}

/* Writes `text`; valid: nothing of it needs repair. */
static char *put_text(char *to, struct nv_str text, bool valid)
{
    size_t at = 0;
    if (valid && text.len > 0) {
        memcpy(to, text.ptr, text.len);
        return to + text.len;
    }
    while (at < text.len) {
        size_t invalid = 0;
        size_t len = nv_utf8_char(nv_str_slice(text, at, text.len), &invalid);
        const char *from = len > 0 ? text.ptr + at : NV_UTF8_REPLACEMENT;
        memcpy(to, from, len > 0 ? len : REPLACEMENT_LEN);
        to += len > 0 ? len : REPLACEMENT_LEN;
        at += len > 0 ? len : invalid;
    }
    return to;
}

struct nv_str nv_trace_text(const char *text, size_t length)
{
    if (!text)
        return (struct nv_str){NULL, 0};
    return (struct nv_str){text, length == NOVEUM_NUL ? strlen(text) : length};
}

/* AnyValue of the i-th member of a list. */
static size_t member_size(const noveum_attribute *list, size_t i, unsigned *repaired)
{
    if (list->type == NOVEUM_TYPE_INTS)
        return 1 + varint_size((uint64_t)list->value.ints[i]);
    if (list->type == NOVEUM_TYPE_DOUBLES)
        return 1 + sizeof(double);
    return bytes_size(repaired_size(nv_str_from(list->value.strs[i]), repaired));
}

/* NULL with a count is a mistake of the caller and not a crash of its process. */
static bool measure_list(struct nv_trace_value *value)
{
    const noveum_attribute *list = value->from;
    if (list->count > NV_TRACE_LIST_MAX || (list->count > 0 && !list->value.bytes))
        return false;
    for (size_t i = 0; i < list->count; i++)
        value->list_size += bytes_size(member_size(list, i, &value->repaired));
    value->any_size = bytes_size(value->list_size);
    return true;
}

/* The type comes over an ABI: a value of a newer header falls out of the switch as unknown. */
static bool measure(struct nv_trace_value *value, size_t text_max)
{
    const noveum_attribute *from = value->from;
    switch (from->type) {
    case NOVEUM_TYPE_STR:
        value->text = nv_trace_text(from->value.str, from->count);
        /* cut before it is repaired, between characters: the limit is on what the program
         * told */
        value->text.len = nv_utf8_cut(value->text, text_max);
        value->text_size = repaired_size(value->text, &value->repaired);
        value->any_size = bytes_size(value->text_size);
        return from->value.str != NULL;
    case NOVEUM_TYPE_INT:
        value->any_size = 1 + varint_size((uint64_t)from->value.integer);
        return true;
    case NOVEUM_TYPE_DOUBLE:
        value->any_size = 1 + sizeof(double);
        return true;
    case NOVEUM_TYPE_BOOL:
        value->any_size = 2;
        return true;
    /* bytes are not cut: half of a picture is none */
    case NOVEUM_TYPE_BYTES:
        value->text = (struct nv_str){from->value.bytes, from->count};
        value->text_size = from->count;
        value->any_size = bytes_size(from->count);
        return from->value.bytes || from->count == 0;
    case NOVEUM_TYPE_STRS:
    case NOVEUM_TYPE_INTS:
    case NOVEUM_TYPE_DOUBLES:
        return measure_list(value);
    }
    return false;
}

bool nv_trace_value_make(const noveum_attribute *attribute, size_t text_max,
                         struct nv_trace_value *out)
{
    *out = (struct nv_trace_value){.from = attribute, .key = nv_str_from(attribute->key)};
    if (out->key.len == 0)
        return false;
    out->key_size = repaired_size(out->key, &out->repaired);
    return measure(out, text_max);
}

static size_t pair_size(const struct nv_trace_value *value)
{
    return bytes_size(value->key_size) + bytes_size(value->any_size);
}

size_t nv_trace_value_size(const struct nv_trace_value *value)
{
    return bytes_size(pair_size(value));
}

static char *put_double(char *at, double number)
{
    uint64_t bits;
    /* through an integer: a double's bytes have the machine's order, the wire's is fixed */
    memcpy(&bits, &number, sizeof bits);
    bits = htole64(bits);
    *at++ = TAG(NV_OTLP_ANY_DOUBLE, NV_WIRE_FIXED64);
    memcpy(at, &bits, sizeof bits);
    return at + sizeof bits;
}

static char *put_integer(char *at, int64_t number)
{
    *at++ = TAG(NV_OTLP_ANY_INT, NV_WIRE_VARINT);
    return put_varint(at, (uint64_t)number);
}

/* The repair of a list's texts is measured again here: noting it for each would take memory for
 * lists, and lists of texts are short. */
static char *put_member(char *at, const noveum_attribute *list, size_t i)
{
    unsigned repaired = 0;
    if (list->type == NOVEUM_TYPE_INTS)
        return put_integer(at, list->value.ints[i]);
    if (list->type == NOVEUM_TYPE_DOUBLES)
        return put_double(at, list->value.doubles[i]);
    struct nv_str text = nv_str_from(list->value.strs[i]);
    at = put_head(at, NV_OTLP_ANY_STRING, repaired_size(text, &repaired));
    return put_text(at, text, repaired == 0);
}

static char *put_list(char *at, const struct nv_trace_value *value)
{
    unsigned ignored = 0;
    at = put_head(at, NV_OTLP_ANY_ARRAY, value->list_size);
    for (size_t i = 0; i < value->from->count; i++) {
        at = put_head(at, NV_OTLP_LIST_VALUES, member_size(value->from, i, &ignored));
        at = put_member(at, value->from, i);
    }
    return at;
}

static char *put_any(char *at, const struct nv_trace_value *value)
{
    const noveum_attribute *from = value->from;
    switch (from->type) {
    case NOVEUM_TYPE_STR:
        at = put_head(at, NV_OTLP_ANY_STRING, value->text_size);
        return put_text(at, value->text, value->repaired == 0);
    case NOVEUM_TYPE_INT:
        return put_integer(at, from->value.integer);
    case NOVEUM_TYPE_DOUBLE:
        return put_double(at, from->value.number);
    case NOVEUM_TYPE_BOOL:
        *at++ = TAG(NV_OTLP_ANY_BOOL, NV_WIRE_VARINT);
        *at++ = from->value.boolean != 0;
        return at;
    case NOVEUM_TYPE_BYTES:
        at = put_head(at, NV_OTLP_ANY_BYTES, value->text_size);
        if (value->text_size > 0)
            memcpy(at, value->text.ptr, value->text_size);
        return at + value->text_size;
    case NOVEUM_TYPE_STRS:
    case NOVEUM_TYPE_INTS:
    case NOVEUM_TYPE_DOUBLES:
        return put_list(at, value);
    }
    return at;
}

void nv_trace_value_put(struct nv_buf *buf, uint32_t field, const struct nv_trace_value *value)
{
    char *start = buf->bytes + buf->len;
    char *at = put_head(start, field, pair_size(value));
    at = put_head(at, NV_OTLP_PAIR_KEY, value->key_size);
    at = put_text(at, value->key, value->repaired == 0);
    at = put_head(at, NV_OTLP_PAIR_VALUE, value->any_size);
    at = put_any(at, value);
    assert((size_t)(at - start) == nv_trace_value_size(value));
    buf->len += (size_t)(at - start);
}

struct nv_str nv_trace_value_key(const struct nv_trace_value *value, char *room)
{
    if (value->repaired == 0)
        return value->key;
    (void)put_text(room, value->key, false);
    return (struct nv_str){room, value->key_size};
}

/* A walk over what is written: spans have ten attributes, and the bytes are in the cache. Keys
 * are looked at as they went out, after repair. */
bool nv_trace_value_find(const struct nv_buf *buf, struct nv_str key, size_t *at, size_t *len)
{
    struct nv_wire fields = nv_wire_read(nv_buf_str(buf));
    struct nv_wire_field field;
    struct nv_wire_field name;
    for (const char *start = fields.pos; nv_wire_next(&fields, &field) == NV_OK;
         start = fields.pos) {
        struct nv_wire pair = nv_wire_read(field.bytes);
        if (nv_wire_next(&pair, &name) != NV_OK || !nv_str_eq(name.bytes, key))
            continue;
        *at = (size_t)(start - buf->bytes);
        *len = (size_t)(fields.pos - start);
        return true;
    }
    return false;
}

/* Steps by order and not by number: all of these bytes were written by nv_trace_value_put, key
 * first. */
struct nv_str nv_trace_value_text(const struct nv_buf *buf, struct nv_str key)
{
    size_t at = 0, len = 0;
    struct nv_wire_field field, pair, any = {.number = 0};
    if (!nv_trace_value_find(buf, key, &at, &len))
        return nv_str_from(NULL);
    struct nv_wire wire = nv_wire_read((struct nv_str){buf->bytes + at, len});
    if (nv_wire_next(&wire, &field) != NV_OK)
        return nv_str_from(NULL);
    wire = nv_wire_read(field.bytes);
    if (nv_wire_next(&wire, &pair) != NV_OK || nv_wire_next(&wire, &pair) != NV_OK)
        return nv_str_from(NULL);
    wire = nv_wire_read(pair.bytes);
    if (nv_wire_next(&wire, &any) != NV_OK || any.number != NV_OTLP_ANY_STRING)
        return nv_str_from(NULL);
    return any.bytes;
}
