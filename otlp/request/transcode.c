/*
 * The transcoder of OTLP/JSON.
 *
 *   {"spanId": "a1..", "name": "x", "more": 1}  ──▶  12 08 a1 .. | 2a 01 'x'
 *
 * One recursive function reads an object as a message of the table (schema.h) and writes each
 * value as soon as it is read; the length of a nested message is filled in when it ends. Fields
 * with their default value are left out, as protobuf does, so that JSON and protobuf of one
 * request give one and the same body.
 *
 * The stack of decoding is that of calls, one frame a message, as deep as the schema nests and,
 * in AnyValue, as NV_JSON_DEPTH_LIMIT allows; `out` holds the open messages one behind the
 * other:
 *
 *   frame   request        resourceSpans    scopeSpans       span
 *   start   |              |                |                |
 *   out     | 0a [len?] ...| 0a [len?] .... | 12 [len?] .... | 0a 10 <trace id> 12 08 ..│ grows
 *                ▲ filled in when the frame returns; a key met again is cut out of its frame
 *
 * Lenient where exporters differ, strict where data would be lost or guessed:
 *   - null is the default of every field; unknown names and unknown names of enums are ignored;
 *   - a 64-bit number may be a number or a string; 1e3 is an integer, 1.5 is none;
 *   - an integer outside int64 becomes the nearest double (otel-js and otel-python send such);
 *   - a key that comes twice: the last one counts, whatever was written for the first is cut out;
 *   - another JSON type than the field's, and numbers out of range, refuse the request.
 */
#include "otlp/request/transcode.h"

#include "base/json/json_read.h"
#include "base/text/text.h"
#include "model/otlp_fields.h"
#include "otlp/request/check.h"
#include "otlp/request/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/banned.h"

#define ID_BYTES_MAX 32

struct transcoder {
    struct nv_json_reader reader;
    struct nv_buf *out;
    struct nv_buf scratch; /* texts with escapes where they are not copied to `out` */
    uint64_t *int_range;
    struct nv_fail *fail;
    size_t cuts_left; /* bytes that duplicates may still have walked and moved */
};

/* The object being read and the message being written for it. */
struct frame {
    const struct nv_schema *schema;
    size_t start;        /* of the message in out */
    uint32_t seen;       /* bit n: slot n was written or null */
    uint32_t next;       /* slot to look at first: exporters write keys in one order */
    unsigned duplicates; /* keys met twice */
};

static enum nv_err read_message(struct transcoder *t, enum nv_message_id id);

static enum nv_err fail_here(struct transcoder *t, enum nv_err err, const char *what)
{
    return nv_fail_set(t->fail, err, t->reader.pos, "%s", what);
}

static enum nv_err fail_json(struct transcoder *t)
{
    return fail_here(t, t->reader.err, t->reader.what);
}

static enum nv_err fail_type(struct transcoder *t, enum nv_json_token token, const char *wanted)
{
    if (token == NV_JSON_ERROR)
        return fail_json(t);
    return fail_here(t, NV_ERR_MALFORMED, wanted);
}

/* ---- scalars ----------------------------------------------------------------------------- */

/* The text of the string or number just read; borrowed until the next call. */
static enum nv_err token_text(struct transcoder *t, struct nv_str *text)
{
    *text = t->reader.raw;
    if (!t->reader.escaped)
        return NV_OK;
    nv_buf_clear(&t->scratch);
    enum nv_err err = nv_json_unescape_to(&t->scratch, t->reader.raw);
    *text = nv_buf_str(&t->scratch);
    return err;
}

/* Text of a number, written as one or as a string. */
static enum nv_err number_text(struct transcoder *t, enum nv_json_token token,
                               struct nv_str *text)
{
    if (token == NV_JSON_NUMBER) {
        *text = t->reader.raw;
        return NV_OK;
    }
    if (token != NV_JSON_STRING)
        return fail_type(t, token, "must be a number or a string with one");
    return token_text(t, text);
}

/* A whole number in any notation as a double, for texts that are no plain int64 or uint64. */
static enum nv_err whole_double(struct nv_str text, double *out)
{
    double number;
    if (nv_str_to_double(text, &number) != NV_OK || !isfinite(number) ||
        trunc(number) != number)
        return NV_ERR_MALFORMED;
    *out = number;
    return NV_OK;
}

static enum nv_err write_int64(struct transcoder *t, const struct nv_proto_field *field,
                               struct nv_str text)
{
    int64_t number;
    double wide;
    if (nv_str_to_int64(text, &number) == NV_OK)
        return nv_wire_put_uint(t->out, field->number, (uint64_t)number);
    if (whole_double(text, &wide) != NV_OK)
        return fail_here(t, NV_ERR_MALFORMED, "must be an integer");
    bool plain = memchr(text.ptr, '.', text.len) == NULL &&
                 memchr(text.ptr, 'e', text.len) == NULL &&
                 memchr(text.ptr, 'E', text.len) == NULL; /* plain and no int64: out of range */
    if (!plain && wide >= -0x1p63 && wide < 0x1p63)
        return nv_wire_put_uint(t->out, field->number, (uint64_t)(int64_t)wide);
    assert(field->oneof);
    ++*t->int_range;
    return nv_wire_put_double(t->out, NV_OTLP_ANY_DOUBLE, wide);
}

static enum nv_err parse_unsigned(struct transcoder *t, struct nv_str text, uint64_t max,
                                  uint64_t *out)
{
    double wide;
    if (nv_str_to_uint64(text, out) != NV_OK) {
        if (whole_double(text, &wide) != NV_OK || wide < 0 || wide >= 0x1p64)
            return fail_here(t, NV_ERR_MALFORMED, "must be an integer of its range");
        *out = (uint64_t)wide;
    }
    return *out <= max ? NV_OK
                       : fail_here(t, NV_ERR_MALFORMED, "must be an integer of its range");
}

static enum nv_err write_unsigned(struct transcoder *t, const struct nv_proto_field *field,
                                  struct nv_str text)
{
    uint64_t number = 0;
    uint64_t max = field->type == NV_PROTO_FIXED64 ? UINT64_MAX : UINT32_MAX;
    enum nv_err err = parse_unsigned(t, text, max, &number);
    if (err != NV_OK || number == 0)
        return err;
    if (field->type == NV_PROTO_FIXED64)
        return nv_wire_put_fixed64(t->out, field->number, number);
    if (field->type == NV_PROTO_FIXED32)
        return nv_wire_put_fixed32(t->out, field->number, (uint32_t)number);
    return nv_wire_put_uint(t->out, field->number, number);
}

/* OTLP asks for numbers; proto3's names are taken too, and one from a later OTLP says
 * nothing. */
static enum nv_err write_enum(struct transcoder *t, const struct nv_proto_field *field,
                              enum nv_json_token token, struct nv_str text)
{
    int64_t number = 0;
    int32_t named = 0;
    if (nv_str_to_int64(text, &number) != NV_OK) {
        if (token != NV_JSON_STRING)
            return fail_here(t, NV_ERR_MALFORMED, "must be an integer or a name");
        if (nv_schema_enum((enum nv_enum_id)field->of, text, &named) == NV_OK)
            number = named;
    }
    if (number < INT32_MIN || number > INT32_MAX)
        return fail_here(t, NV_ERR_MALFORMED, "must be an integer of its range");
    return number == 0 ? NV_OK : nv_wire_put_uint(t->out, field->number, (uint64_t)number);
}

static enum nv_err write_double(struct transcoder *t, const struct nv_proto_field *field,
                                struct nv_str text)
{
    double number;
    if (nv_str_to_double(text, &number) != NV_OK)
        return fail_here(t, NV_ERR_MALFORMED, "must be a number");
    return nv_wire_put_double(t->out, field->number, number);
}

static enum nv_err write_number(struct transcoder *t, const struct nv_proto_field *field,
                                enum nv_json_token token)
{
    struct nv_str text;
    enum nv_err err = number_text(t, token, &text);
    if (err != NV_OK)
        return err;
    switch ((enum nv_proto_type)field->type) {
    case NV_PROTO_INT64:
        return write_int64(t, field, text);
    case NV_PROTO_ENUM:
        return write_enum(t, field, token, text);
    case NV_PROTO_DOUBLE:
        return write_double(t, field, text);
    default:
        return write_unsigned(t, field, text);
    }
}

static enum nv_err write_string(struct transcoder *t, const struct nv_proto_field *field)
{
    struct nv_str raw = t->reader.raw;
    if (raw.len == 0 && !field->oneof && !field->repeated)
        return NV_OK;
    if (!t->reader.escaped)
        return nv_wire_put_bytes(t->out, field->number, raw);
    size_t mark = nv_wire_begin(t->out, field->number);
    enum nv_err err = nv_json_unescape_to(t->out, raw);
    return err != NV_OK ? err : nv_wire_end(t->out, mark);
}

static enum nv_err write_base64(struct transcoder *t, const struct nv_proto_field *field)
{
    struct nv_str text;
    size_t mark = nv_wire_begin(t->out, field->number);
    enum nv_err err = token_text(t, &text);
    if (err == NV_OK)
        err = nv_base64_decode(t->out, text);
    if (err == NV_ERR_MALFORMED)
        return fail_here(t, err, "must be base64");
    return err != NV_OK ? err : nv_wire_end(t->out, mark);
}

/* Hex, where proto3's JSON has base64 (OTLP, "JSON Protobuf Encoding"). What is no id is left
 * out: the walk refuses the span then, and that one alone. */
static enum nv_err write_id(struct transcoder *t, const struct nv_proto_field *field)
{
    uint8_t id[ID_BYTES_MAX];
    struct nv_str text;
    enum nv_err err = token_text(t, &text);
    if (err != NV_OK || text.len == 0 || text.len > 2 * sizeof id)
        return err;
    if (nv_hex_decode(text, id, text.len / 2) != NV_OK)
        return NV_OK;
    return nv_wire_put_bytes(t->out, field->number, (struct nv_str){(char *)id, text.len / 2});
}

static enum nv_err write_bool(struct transcoder *t, const struct nv_proto_field *field,
                              enum nv_json_token token)
{
    if (token != NV_JSON_TRUE && token != NV_JSON_FALSE)
        return fail_type(t, token, "must be true or false");
    assert(field->oneof);
    return nv_wire_put_uint(t->out, field->number, token == NV_JSON_TRUE);
}

static enum nv_err write_scalar(struct transcoder *t, const struct nv_proto_field *field,
                                enum nv_json_token token)
{
    bool text = field->type == NV_PROTO_STRING || field->type == NV_PROTO_BYTES ||
                field->type == NV_PROTO_ID;
    if (text && token != NV_JSON_STRING)
        return fail_type(t, token, "must be a string");
    switch ((enum nv_proto_type)field->type) {
    case NV_PROTO_STRING:
        return write_string(t, field);
    case NV_PROTO_BYTES:
        return write_base64(t, field);
    case NV_PROTO_ID:
        return write_id(t, field);
    case NV_PROTO_BOOL:
        return write_bool(t, field, token);
    default:
        return write_number(t, field, token);
    }
}

/* ---- messages ---------------------------------------------------------------------------- */

/* One value: a scalar or an object. In a list, null is an empty message: its place counts. */
static enum nv_err write_value(struct transcoder *t, const struct nv_proto_field *field,
                               enum nv_json_token token)
{
    if (field->type != NV_PROTO_MESSAGE)
        return write_scalar(t, field, token);
    if (token != NV_JSON_OBJECT_BEGIN && !(field->repeated && token == NV_JSON_NULL))
        return fail_type(t, token, "must be an object");
    size_t mark = nv_wire_begin(t->out, field->number);
    if (token == NV_JSON_OBJECT_BEGIN) {
        enum nv_err err = read_message(t, (enum nv_message_id)field->of);
        if (err != NV_OK)
            return err;
    }
    return nv_wire_end(t->out, mark);
}

static enum nv_err write_list(struct transcoder *t, const struct nv_proto_field *field,
                              enum nv_json_token token)
{
    char name[64];
    if (token != NV_JSON_ARRAY_BEGIN) {
        enum nv_err err = fail_type(t, token, "must be an array");
        nv_path_prepend(t->fail, field->name.ptr);
        return err;
    }
    for (uint32_t index = 0;; index++) {
        token = nv_json_next(&t->reader);
        if (token == NV_JSON_ARRAY_END)
            return NV_OK;
        enum nv_err err = write_value(t, field, token);
        if (err != NV_OK) {
            (void)snprintf(name, sizeof name, "%.*s[%" PRIu32 "]", NV_STR_ARG(field->name),
                           index);
            nv_path_prepend(t->fail, name);
            return err;
        }
    }
}

/* Cuts what was written for field `number` out of the message that began at frame->start. */
static void cut_field(struct transcoder *t, const struct frame *frame, uint32_t number)
{
    struct nv_wire wire =
        nv_wire_read((struct nv_str){t->out->bytes + frame->start, t->out->len - frame->start});
    struct nv_wire_field field;
    char *kept = t->out->bytes + frame->start;
    for (const char *at = wire.pos; nv_wire_next(&wire, &field) == NV_OK; at = wire.pos) {
        if (field.number == number)
            continue;
        memmove(kept, at, (size_t)(wire.pos - at));
        kept += wire.pos - at;
    }
    t->out->len = (size_t)(kept - t->out->bytes);
}

static enum nv_err write_field(struct transcoder *t, struct frame *frame, uint32_t slot,
                               enum nv_json_token token)
{
    const struct nv_proto_field *field = &frame->schema->fields[slot];
    enum nv_err err;
    assert(slot < 32);
    if ((frame->seen & UINT32_C(1) << slot) != 0) {
        /* Cutting walks the message: without a bound a body of duplicates takes square time. */
        size_t cost = t->out->len - frame->start;
        if (++frame->duplicates > NV_TRANSCODE_DUPLICATES_MAX || cost > t->cuts_left)
            return fail_here(t, NV_ERR_MALFORMED, "too many duplicate keys");
        t->cuts_left -= cost;
        if (cost > 0)
            cut_field(t, frame, field->number);
    }
    frame->seen |= UINT32_C(1) << slot;
    if (token == NV_JSON_NULL)
        return NV_OK;
    if (field->repeated)
        return write_list(t, field, token);
    err = write_value(t, field, token);
    if (err != NV_OK)
        nv_path_prepend(t->fail, field->name.ptr); /* names are literals: terminated */
    return err;
}

/* Slot of the field called `name`, or UINT32_MAX. */
static uint32_t find_slot(const struct frame *frame, struct nv_str name)
{
    const struct nv_schema *schema = frame->schema;
    uint32_t slot = frame->next;
    for (uint32_t tried = 0; tried < schema->slots; tried++, slot++) {
        if (slot >= schema->slots)
            slot = 0;
        if (name.len == schema->fields[slot].name.len && name.len > 0 &&
            memcmp(name.ptr, schema->fields[slot].name.ptr, name.len) == 0)
            return slot;
    }
    return UINT32_MAX;
}

static enum nv_err read_member(struct transcoder *t, struct frame *frame)
{
    struct nv_str name;
    enum nv_err err = token_text(t, &name);
    if (err != NV_OK)
        return err;
    uint32_t slot = find_slot(frame, name);
    enum nv_json_token token = nv_json_next(&t->reader);
    if (token == NV_JSON_ERROR)
        return fail_json(t);
    if (slot == UINT32_MAX)
        return nv_json_skip(&t->reader, token) == NV_OK ? NV_OK : fail_json(t);
    frame->next = slot + 1;
    return write_field(t, frame, slot, token);
}

/* The members of an object whose brace has been read. */
static enum nv_err read_message(struct transcoder *t, enum nv_message_id id)
{
    struct frame frame = {.schema = nv_schema(id), .start = t->out->len};
    for (;;) {
        enum nv_json_token token = nv_json_next(&t->reader);
        if (token == NV_JSON_OBJECT_END)
            return NV_OK;
        if (token != NV_JSON_KEY)
            return fail_json(t);
        enum nv_err err = read_member(t, &frame);
        if (err != NV_OK)
            return err;
    }
}

static enum nv_err read_request(struct transcoder *t, enum nv_signal signal)
{
    enum nv_json_token token = nv_json_next(&t->reader);
    if (token != NV_JSON_OBJECT_BEGIN)
        return fail_type(t, token, "must be a JSON object");
    enum nv_err err = read_message(t, nv_schema_request(signal));
    if (err != NV_OK)
        return err;
    return nv_json_next(&t->reader) == NV_JSON_END ? NV_OK : fail_json(t);
}

enum nv_err nv_transcode(enum nv_signal signal, struct nv_str json, struct nv_buf *out,
                         uint64_t *int_range, struct nv_fail *fail)
{
    struct transcoder t = {.out = out,
                           .int_range = int_range,
                           .fail = fail,
                           .cuts_left = NV_TRANSCODE_CUTS_MAX * json.len};
    assert(fail != NULL && int_range != NULL);
    nv_buf_init(&t.scratch, json.len + 1);
    nv_json_read_init(&t.reader, json, NV_JSON_DEPTH_LIMIT);
    enum nv_err err = read_request(&t, signal);
    nv_buf_release(&t.scratch);
    return err != NV_OK ? err : out->failed;
}
