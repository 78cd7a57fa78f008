/*
 * Generic walks over protobuf-c messages by their descriptors.
 *
 *   descriptor field "start_time_unix_nano" ──▶ JSON name "startTimeUnixNano"
 *
 * The descriptors know strings only as bytes; by OTLP's naming, ids end in _id and are hex in
 * JSON, bytes_value is base64, all other bytes are text.
 */
#include "otlp_oracle.h"

#include "base/json/json_write.h"
#include "base/text/text.h"
#include "tests/otlp.pb-c.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum bytes_form { FORM_TEXT, FORM_HEX, FORM_BASE64 };

ProtobufCMessage *nv_test_unpack(enum nv_signal signal, struct nv_str body)
{
    const ProtobufCMessageDescriptor *type = signal == NV_SIGNAL_LOGS
                                                 ? &otlp__logs_request__descriptor
                                                 : &otlp__traces_request__descriptor;
    return protobuf_c_message_unpack(type, NULL, body.len, (const uint8_t *)body.ptr);
}

static enum bytes_form form_of(const char *name)
{
    size_t len = strlen(name);
    if (strcmp(name, "bytes_value") == 0)
        return FORM_BASE64;
    return len > 3 && strcmp(name + len - 3, "_id") == 0 ? FORM_HEX : FORM_TEXT;
}

static void camel(const char *name, char *out, size_t size)
{
    size_t len = 0;
    for (; *name != '\0' && len + 1 < size; name++) {
        if (*name == '_')
            out[len++] = (char)(*++name - 'a' + 'A');
        else
            out[len++] = *name;
    }
    out[len] = '\0';
}

/* Where the values of a field are, how many there are, how far apart. */
struct values {
    const char *first;
    size_t count;
    size_t size;
};

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 8; /* no repeated scalars in OTLP traces and logs */
    }
}

static struct values values_of(const ProtobufCMessage *message,
                               const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    const char *at = base + field->offset;
    struct values values = {at, 1, size_of(field->type)};
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&values.count, base + field->quantifier_offset, sizeof values.count);
        memcpy(&values.first, at, sizeof values.first);
    } else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t set;
        memcpy(&set, base + field->quantifier_offset, sizeof set);
        values.count = set == field->id;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *sub;
        memcpy(&sub, at, sizeof sub);
        values.count = sub != NULL;
    }
    return values;
}

static const ProtobufCMessage *message_at(const char *at)
{
    const ProtobufCMessage *message;
    memcpy(&message, at, sizeof message);
    return message;
}

static uint64_t bits_at(ProtobufCType type, const char *at)
{
    uint64_t bits = 0;
    int32_t narrow;
    bool wide = type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_FIXED64 ||
                type == PROTOBUF_C_TYPE_DOUBLE;
    if (wide) {
        memcpy(&bits, at, 8);
        return bits;
    }
    memcpy(&narrow, at, 4);
    return type == PROTOBUF_C_TYPE_INT32 ? (uint64_t)(int64_t)narrow : (uint32_t)narrow;
}

/* ---- comparing with jansson -------------------------------------------------------------- */

static bool same_number(ProtobufCType type, const char *at, const json_t *json)
{
    uint64_t bits = bits_at(type, at);
    if (type == PROTOBUF_C_TYPE_DOUBLE) {
        double have, want;
        memcpy(&have, &bits, sizeof have);
        if (json_is_string(json)) {
            if (nv_str_to_double(nv_str_from(json_string_value(json)), &want) != NV_OK)
                return false;
        } else {
            want = json_number_value(json);
        }
        return isnan(want) ? isnan(have) : have >= want && have <= want;
    }
    if (type == PROTOBUF_C_TYPE_BOOL)
        return json_is_boolean(json) && (bits & 1) == (uint64_t)json_boolean_value(json);
    if (json_is_string(json)) {
        int64_t wanted;
        uint64_t unsigned_wanted;
        struct nv_str text = nv_str_from(json_string_value(json));
        return (nv_str_to_int64(text, &wanted) == NV_OK && (uint64_t)wanted == bits) ||
               (nv_str_to_uint64(text, &unsigned_wanted) == NV_OK && unsigned_wanted == bits);
    }
    if (json_is_real(json)) /* larger than int64: jansson gives a real */
        return (uint64_t)json_real_value(json) == bits;
    return json_is_integer(json) && (uint64_t)json_integer_value(json) == bits;
}

static bool same_bytes(const char *name, const char *at, const json_t *json)
{
    ProtobufCBinaryData have;
    struct nv_str text = {json_string_value(json), json_string_length(json)};
    memcpy(&have, at, sizeof have);
    struct nv_str bytes = {(const char *)have.data, have.len};
    if (form_of(name) == FORM_TEXT)
        return nv_str_eq(bytes, text);
    char written[256] = "";
    if (form_of(name) == FORM_HEX) {
        ck_assert_uint_lt(2 * bytes.len, sizeof written);
        nv_hex_encode(have.data, have.len, written);
        return nv_str_ieq((struct nv_str){written, 2 * bytes.len}, text);
    }
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_base64_encode(&buf, bytes), NV_OK);
    bool same = nv_str_eq(nv_buf_str(&buf), text);
    nv_buf_release(&buf);
    return same;
}

static bool is_default(ProtobufCType type, const char *at)
{
    ProtobufCBinaryData bytes;
    if (type != PROTOBUF_C_TYPE_BYTES)
        return bits_at(type, at) == 0;
    memcpy(&bytes, at, sizeof bytes);
    return bytes.len == 0;
}

static bool same_value(const ProtobufCFieldDescriptor *field, const char *at,
                       const json_t *json, char *why, size_t why_size)
{
    bool same;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return nv_test_same_as_json(message_at(at), json, why, why_size);
    same = field->type == PROTOBUF_C_TYPE_BYTES ? same_bytes(field->name, at, json)
                                                : same_number(field->type, at, json);
    if (!same)
        (void)snprintf(why, why_size, "%s differs", field->name);
    return same;
}

static bool same_list(const ProtobufCFieldDescriptor *field, struct values values,
                      const json_t *json, char *why, size_t why_size)
{
    if (values.count != json_array_size(json)) {
        (void)snprintf(why, why_size, "%s: %zu, in JSON %zu", field->name, values.count,
                       json_array_size(json));
        return false;
    }
    for (size_t i = 0; i < values.count; i++) {
        if (!same_value(field, values.first + i * values.size, json_array_get(json, i), why,
                        why_size))
            return false;
    }
    return true;
}

/* An intValue that no int64 holds has become a double: the one change transcoding makes. */
static bool is_wide_integer(const ProtobufCFieldDescriptor *field, const json_t *object)
{
    return strcmp(field->name, "double_value") == 0 &&
           json_object_get(object, "intValue") != NULL &&
           json_object_get(object, "doubleValue") == NULL;
}

static bool same_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                       const json_t *object, char *why, size_t why_size)
{
    char name[64];
    struct values values = values_of(message, field);
    camel(field->name, name, sizeof name);
    const json_t *json = json_object_get(object, name);
    if (values.count > 0 && is_wide_integer(field, object))
        json = json_object_get(object, "intValue");
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return same_list(field, values, json, why, why_size);
    if (!json || json_is_null(json)) {
        bool none = values.count == 0 || (field->type != PROTOBUF_C_TYPE_MESSAGE &&
                                          is_default(field->type, values.first));
        (void)snprintf(why, why_size, "%s: not in JSON", field->name);
        return none;
    }
    if (values.count == 0) { /* the other member of the oneof, for a wide integer */
        (void)snprintf(why, why_size, "%s: only in JSON", field->name);
        return strcmp(field->name, "int_value") == 0;
    }
    return same_value(field, values.first, json, why, why_size);
}

bool nv_test_same_as_json(const ProtobufCMessage *message, const json_t *json, char *why,
                          size_t why_size)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (!same_field(message, &type->fields[i], json, why, why_size))
            return false;
    }
    return true;
}

/* ---- writing JSON ------------------------------------------------------------------------ */

static void write_bytes(const char *name, const char *at, struct nv_buf *out)
{
    ProtobufCBinaryData have;
    memcpy(&have, at, sizeof have);
    struct nv_str bytes = {(const char *)have.data, have.len};
    (void)nv_buf_append_char(out, '"');
    if (form_of(name) == FORM_BASE64)
        (void)nv_base64_encode(out, bytes);
    for (size_t i = 0; form_of(name) == FORM_HEX && i < bytes.len; i++)
        (void)nv_buf_printf(out, "%02x", (uint8_t)bytes.ptr[i]);
    for (size_t i = 0; form_of(name) == FORM_TEXT && i < bytes.len; i++) {
        uint8_t c = (uint8_t)bytes.ptr[i];
        if (c < 0x20 || c == '"' || c == '\\')
            (void)nv_buf_printf(out, "\\u%04x", c);
        else
            (void)nv_buf_append_char(out, (char)c);
    }
    (void)nv_buf_append_char(out, '"');
}

static void write_number(ProtobufCType type, const char *at, struct nv_buf *out)
{
    uint64_t bits = bits_at(type, at);
    double number;
    memcpy(&number, &bits, sizeof number);
    if (type == PROTOBUF_C_TYPE_BOOL)
        (void)nv_buf_append_str(out, (bits & 1) != 0 ? NV_STR("true") : NV_STR("false"));
    else if (type == PROTOBUF_C_TYPE_FIXED64)
        (void)nv_buf_printf(out, "\"%" PRIu64 "\"", bits);
    else if (type != PROTOBUF_C_TYPE_DOUBLE)
        (void)nv_buf_printf(out, "%" PRId64, (int64_t)bits);
    else if (isnan(number))
        (void)nv_buf_append_str(out, NV_STR("\"NaN\""));
    else if (isinf(number))
        (void)nv_buf_printf(out, "\"%sInfinity\"", number < 0 ? "-" : "");
    else
        (void)nv_buf_printf(out, "%.17g", number);
}

static void write_value(const ProtobufCFieldDescriptor *field, const char *at,
                        struct nv_buf *out)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        nv_test_to_json(message_at(at), out);
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        write_bytes(field->name, at, out);
    else
        write_number(field->type, at, out);
}

void nv_test_to_json(const ProtobufCMessage *message, struct nv_buf *out)
{
    const char *comma = "";
    (void)nv_buf_append_char(out, '{');
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        struct values values = values_of(message, field);
        char name[64];
        bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
        if (values.count == 0)
            continue;
        camel(field->name, name, sizeof name);
        (void)nv_buf_printf(out, "%s\"%s\":%s", comma, name, list ? "[" : "");
        for (size_t n = 0; n < values.count; n++) {
            if (n > 0)
                (void)nv_buf_append_char(out, ',');
            write_value(field, values.first + n * values.size, out);
        }
        if (list)
            (void)nv_buf_append_char(out, ']');
        comma = ",";
    }
    (void)nv_buf_append_char(out, '}');
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void forget_unknown(ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        free(message->unknown_fields[i].data);
    free(message->unknown_fields);
    message->unknown_fields = NULL;
    message->n_unknown_fields = 0;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        struct values values = values_of(message, field);
        for (size_t n = 0; field->type == PROTOBUF_C_TYPE_MESSAGE && n < values.count; n++) {
            ProtobufCMessage *sub;
            memcpy(&sub, values.first + n * values.size, sizeof sub);
            forget_unknown(sub);
        }
    }
}

void nv_test_pack(ProtobufCMessage *message, struct nv_buf *out)
{
    forget_unknown(message);
    size_t size = protobuf_c_message_get_packed_size(message);
    if (nv_buf_reserve(out, size) != NV_OK || size == 0)
        return;
    out->len += protobuf_c_message_pack(message, (uint8_t *)out->bytes + out->len);
}

static void each(const ProtobufCMessage *message, unsigned depth,
                 void (*visit)(void *ctx, const ProtobufCMessage *item), void *ctx)
{
    if (depth == 3) {
        visit(ctx, message);
        return;
    }
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        struct values values = values_of(message, field);
        bool envelope = field->label == PROTOBUF_C_LABEL_REPEATED;
        for (size_t n = 0; envelope && n < values.count; n++)
            each(message_at(values.first + n * values.size), depth + 1, visit, ctx);
    }
}

void nv_test_each_item(const ProtobufCMessage *request,
                       void (*visit)(void *ctx, const ProtobufCMessage *item), void *ctx)
{
    each(request, 0, visit, ctx);
}
