/*
 * The check of messages against the table.
 *
 * Attributes are most of what there is, and nearly all of them have one form: a key, then a
 * value with one string, number or bool. That form is told by its bytes; every other one, and
 * whatever is wrong, is for the table.
 *
 * One recursive function for all messages: the recursion of OTLP's types is only through
 * AnyValue, so bounding AnyValue bounds the stack. The place of a failure costs nothing while
 * all is well: only when an error travels out does each message count which of its fields it
 * stands in.
 *
 * Not done here: ids, groups, facts (otlp/request/walk.c); values are never converted or
 * copied.
 */
#include "otlp/request/check.h"

#include "base/text/utf8.h"
#include "model/otlp_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define TAG(number, type) ((number) << 3 | (type))

/* Takes a string whose length has one byte or two from the beginning of `bytes`. */
static inline bool take_text(struct nv_str *bytes, uint8_t tag, struct nv_str *text)
{
    const uint8_t *at = (const uint8_t *)bytes->ptr;
    size_t head = 2;
    if (bytes->len < 3 || at[0] != tag)
        return false;
    size_t len = at[1];
    if (len >= 0x80) {
        if (at[2] >= 0x80)
            return false;
        len = (len & 0x7f) | (size_t)at[2] << 7;
        head = 3;
    }
    if (bytes->len - head < len)
        return false;
    *text = (struct nv_str){bytes->ptr + head, len};
    *bytes = (struct nv_str){bytes->ptr + head + len, bytes->len - head - len};
    return true;
}

/* One varint of at most nine bytes and nothing behind it. */
static inline bool is_varint(struct nv_str bytes)
{
    size_t last = 0;
    while (last < bytes.len && (uint8_t)bytes.ptr[last] >= 0x80)
        last++;
    return last + 1 == bytes.len && last < 9;
}

static inline bool is_text(struct nv_str text)
{
    return nv_utf8_valid_prefix(text) == text.len;
}

/* Is this an AnyValue with one member, which holds no others and is right? */
static inline bool is_plain_value(struct nv_str value)
{
    struct nv_str text;
    if (value.len == 0)
        return false;
    switch ((uint8_t)value.ptr[0]) {
    case TAG(NV_OTLP_ANY_STRING, NV_WIRE_BYTES):
        return take_text(&value, TAG(NV_OTLP_ANY_STRING, NV_WIRE_BYTES), &text) &&
               value.len == 0 && is_text(text);
    case TAG(NV_OTLP_ANY_BOOL, NV_WIRE_VARINT):
    case TAG(NV_OTLP_ANY_INT, NV_WIRE_VARINT):
        return is_varint((struct nv_str){value.ptr + 1, value.len - 1});
    case TAG(NV_OTLP_ANY_DOUBLE, NV_WIRE_FIXED64):
        return value.len == 1 + sizeof(double);
    default:
        return false;
    }
}

/* Is this a KeyValue of a key and such a value, with nothing to be told of it? */
static bool is_plain_pair(struct nv_str pair)
{
    struct nv_str key, value;
    return take_text(&pair, TAG(NV_OTLP_PAIR_KEY, NV_WIRE_BYTES), &key) &&
           take_text(&pair, TAG(NV_OTLP_PAIR_VALUE, NV_WIRE_BYTES), &value) && pair.len == 0 &&
           is_text(key) && is_plain_value(value);
}

enum nv_err nv_check_field(struct nv_check *check, enum nv_message_id id,
                           const struct nv_wire_field *field, unsigned depth)
{
    const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field->number);
    if (!known)
        return NV_OK;
    if (field->type != known->wire) {
        return nv_fail_set(check->fail, NV_ERR_MALFORMED, 0, "wire type %d, must be %d",
                           (int)field->type, (int)known->wire);
    }
    if (known->type == NV_PROTO_STRING) {
        check->invalid_utf8 += nv_utf8_valid_prefix(field->bytes) != field->bytes.len;
        return NV_OK;
    }
    if (known->type != NV_PROTO_MESSAGE)
        return NV_OK;
    if (known->of == NV_MESSAGE_KEY_VALUE && depth < check->depth_max &&
        is_plain_pair(field->bytes))
        return NV_OK;
    if (known->of == NV_MESSAGE_ANY_VALUE && ++depth > check->depth_max) {
        return nv_fail_set(check->fail, NV_ERR_DEPTH, 0, "values nested deeper than %u",
                           check->depth_max);
    }
    return nv_check_message(check, (enum nv_message_id)known->of, field->bytes, depth);
}

enum nv_err nv_check_message(struct nv_check *check, enum nv_message_id id, struct nv_str bytes,
                             unsigned depth)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    for (;;) {
        const char *at = wire.pos;
        enum nv_err err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            return NV_OK;
        if (err == NV_OK)
            err = nv_check_field(check, id, &field, depth);
        if (err != NV_OK)
            return nv_check_blame(check, id, bytes, at, err);
    }
}

void nv_path_prepend(struct nv_fail *fail, const char *head)
{
    char joined[2 * sizeof fail->path];
    assert(strlen(head) < sizeof fail->path);
    (void)snprintf(joined, sizeof joined, "%s%s%s", head, fail->path[0] == '\0' ? "" : ".",
                   fail->path);
    joined[sizeof fail->path - 1] = '\0';
    memcpy(fail->path, joined, sizeof fail->path);
}

static void name_field(enum nv_message_id id, struct nv_str bytes, const char *at, char *out,
                       size_t size)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint32_t seen[1024] = {0}; /* by number; no known number is above 1000 */
    out[0] = '\0';
    while (wire.pos < at) {
        if (nv_wire_next(&wire, &field) != NV_OK)
            return;
        if (field.number < sizeof seen / sizeof *seen)
            seen[field.number]++;
    }
    if (nv_wire_next(&wire, &field) != NV_OK)
        return;
    const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field.number);
    if (!known)
        return;
    if (known->repeated) {
        (void)snprintf(out, size, "%.*s[%" PRIu32 "]", NV_STR_ARG(known->name),
                       seen[field.number]);
    } else {
        (void)snprintf(out, size, "%.*s", NV_STR_ARG(known->name));
    }
}

enum nv_err nv_check_blame(struct nv_check *check, enum nv_message_id id, struct nv_str bytes,
                           const char *at, enum nv_err err)
{
    char name[64];
    struct nv_fail *fail = check->fail;
    assert(err != NV_OK && fail != NULL);
    (void)nv_fail_set(fail, err, 0, "%s",
                      err == NV_ERR_TRUNCATED   ? "ends inside a field"
                      : err == NV_ERR_MALFORMED ? "not a protobuf field"
                                                : nv_err_info(err)->text);
    if (fail->offset == 0)
        fail->offset = (size_t)(at - check->body);
    name_field(id, bytes, at, name, sizeof name);
    if (name[0] != '\0')
        nv_path_prepend(fail, name);
    return err;
}
