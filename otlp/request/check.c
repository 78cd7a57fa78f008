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

#include "base/text/ascii.h"
#include "base/text/utf8.h"
#include "model/otlp_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define TAG(number, type) ((number) << 3 | (type))

/* Bytes that begin with a length of one byte or two. */
struct counted {
    const uint8_t *at; /* behind the length */
    size_t len, head;  /* head: bytes of the length; 0: it is none, or more than there is */
};

static inline struct counted read_counted(const uint8_t *at, size_t left)
{
    struct counted counted = {at + 1, 0, 0};
    if (left == 0)
        return counted;
    size_t len = at[0], head = 1;
    if (len >= 0x80) {
        if (left < 2 || at[1] >= 0x80)
            return counted;
        len = (len & 0x7f) | (size_t)at[1] << 7;
        head = 2;
    }
    if (left - head < len)
        return counted;
    return (struct counted){at + head, len, head};
}

/* One varint of at most nine bytes and nothing behind it. */
static inline bool is_varint(const uint8_t *at, size_t len)
{
    size_t last = 0;
    while (last < len && at[last] >= 0x80)
        last++;
    return last + 1 == len && last < 9;
}

static inline bool is_text(const uint8_t *at, size_t len)
{
    return nv_utf8_valid_prefix((struct nv_str){(const char *)at, len}) == len;
}

/* Is this an AnyValue with one number or bool, which is right? */
static inline bool is_plain_number(const uint8_t *value, size_t len)
{
    switch (value[0]) {
    case TAG(NV_OTLP_ANY_BOOL, NV_WIRE_VARINT):
    case TAG(NV_OTLP_ANY_INT, NV_WIRE_VARINT):
        return is_varint(value + 1, len - 1);
    case TAG(NV_OTLP_ANY_DOUBLE, NV_WIRE_FIXED64):
        return len == 1 + sizeof(double);
    default:
        return false;
    }
}

/*
 * Is this a KeyValue of a key and of an AnyValue with one string, number or bool, with nothing
 * to be told of it?
 *
 *   0a len key 12 len (0a len text | 18 varint | 21 8 bytes | 10 bool)
 *
 * Tags and lengths below 128 are ASCII as texts are, so that all of a short pair is one look.
 */
static inline bool is_plain_pair(const uint8_t *at, size_t len)
{
    if (len < 6 || at[0] != TAG(NV_OTLP_PAIR_KEY, NV_WIRE_BYTES) || at[1] >= 0x80)
        return false;
    const size_t key_end = 2 + (size_t)at[1];
    if (key_end + 4 > len || at[key_end] != TAG(NV_OTLP_PAIR_VALUE, NV_WIRE_BYTES))
        return false;
    const struct counted value = read_counted(at + key_end + 1, len - key_end - 1);
    if (value.head == 0 || value.len < 2 || value.at + value.len != at + len)
        return false;
    if (value.at[0] != TAG(NV_OTLP_ANY_STRING, NV_WIRE_BYTES)) {
        return (nv_ascii(at, key_end) || is_text(at + 2, key_end - 2)) &&
               is_plain_number(value.at, value.len);
    }
    const struct counted text = read_counted(value.at + 1, value.len - 1);
    if (text.head == 0 || text.at + text.len != at + len)
        return false;
    if (value.len < 0x80 && nv_ascii(at, len))
        return true;
    return (nv_ascii(at, key_end) || is_text(at + 2, key_end - 2)) &&
           is_text(text.at, text.len);
}

void nv_check_pass_pairs(const struct nv_check *check, struct nv_wire *wire, uint32_t number)
{
    const uint8_t *at = (const uint8_t *)wire->pos, *const end = (const uint8_t *)wire->end;
    const uint8_t tag = (uint8_t)TAG(number, NV_WIRE_BYTES);
    assert(number < 16);
    while (check->depth_max > 0 && end - at > 2 && at[0] == tag) {
        const struct counted pair = read_counted(at + 1, (size_t)(end - at) - 1);
        if (pair.head == 0 || !is_plain_pair(pair.at, pair.len))
            break;
        at = pair.at + pair.len;
    }
    wire->pos = (const char *)at;
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
        is_plain_pair((const uint8_t *)field->bytes.ptr, field->bytes.len))
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
