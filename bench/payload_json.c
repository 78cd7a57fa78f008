/*
 * A payload's protobuf as OTLP/JSON: the fields that payload.c writes and no others, by one table
 * of messages.
 *
 *   (message, number) ──row──▶ name, how it is written, message of what is inside
 *
 * Repeated fields of one number stand one after another there, so that a list is opened at the
 * first and closed when another number comes.
 */
#include "payload.h"

#include "base/json/json_write.h"
#include "base/text/text.h"
#include "base/text/wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define BODY_MAX (256u << 20)

enum message {
    NONE,
    REQUEST,
    RESOURCE_SPANS,
    RESOURCE,
    SCOPE_SPANS,
    SCOPE,
    SPAN,
    EVENT,
    STATUS,
    KEY_VALUE,
    ANY
};
enum form { TEXT, HEX, TRACE_ID, NUMBER, DIGITS, DOUBLE, MESSAGE, LIST };

static const struct field {
    enum message message;
    uint32_t number;
    enum form form;
    enum message inside;
    const char *name;
} fields[] = {
    {REQUEST, 1, LIST, RESOURCE_SPANS, "resourceSpans"},
    {RESOURCE_SPANS, 1, MESSAGE, RESOURCE, "resource"},
    {RESOURCE_SPANS, 2, LIST, SCOPE_SPANS, "scopeSpans"},
    {RESOURCE, 1, LIST, KEY_VALUE, "attributes"},
    {SCOPE_SPANS, 1, MESSAGE, SCOPE, "scope"},
    {SCOPE_SPANS, 2, LIST, SPAN, "spans"},
    {SCOPE, 1, TEXT, NONE, "name"},
    {SCOPE, 2, TEXT, NONE, "version"},
    {SPAN, 1, TRACE_ID, NONE, "traceId"},
    {SPAN, 2, HEX, NONE, "spanId"},
    {SPAN, 4, HEX, NONE, "parentSpanId"},
    {SPAN, 5, TEXT, NONE, "name"},
    {SPAN, 6, NUMBER, NONE, "kind"},
    {SPAN, 7, DIGITS, NONE, "startTimeUnixNano"},
    {SPAN, 8, DIGITS, NONE, "endTimeUnixNano"},
    {SPAN, 9, LIST, KEY_VALUE, "attributes"},
    {SPAN, 11, LIST, EVENT, "events"},
    {SPAN, 15, MESSAGE, STATUS, "status"},
    {EVENT, 1, DIGITS, NONE, "timeUnixNano"},
    {EVENT, 2, TEXT, NONE, "name"},
    {STATUS, 3, NUMBER, NONE, "code"},
    {KEY_VALUE, 1, TEXT, NONE, "key"},
    {KEY_VALUE, 2, MESSAGE, ANY, "value"},
    {ANY, 1, TEXT, NONE, "stringValue"},
    {ANY, 3, DIGITS, NONE, "intValue"},
    {ANY, 4, DOUBLE, NONE, "doubleValue"},
};

struct writing {
    struct nv_json_writer json;
    struct payload *payload;
    unsigned ids; /* found so far */
};

static const struct field *field_of(enum message message, uint32_t number)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].message == message && fields[i].number == number)
            return &fields[i];
    }
    assert(!"a field that the table has not");
    return NULL;
}

static void write_hex(struct writing *w, struct nv_str id, bool trace)
{
    char digits[32];
    assert(id.len <= 16);
    nv_hex_encode((const uint8_t *)id.ptr, id.len, digits);
    nv_json_write_string(&w->json, (struct nv_str){digits, id.len * 2});
    if (trace)
        w->payload->id_offsets[w->ids++] = w->json.buf->len - id.len * 2 - 1;
}

/* 64-bit integers are texts (proto3 JSON mapping). */
static void write_digits(struct writing *w, uint64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    nv_json_write_string(&w->json, (struct nv_str){digits, (size_t)n});
}

static void write_message(struct writing *w, enum message message, struct nv_str bytes);

static void write_value(struct writing *w, const struct field *row,
                        const struct nv_wire_field *field)
{
    switch (row->form) {
    case TEXT:
        nv_json_write_string(&w->json, field->bytes);
        break;
    case HEX:
    case TRACE_ID:
        write_hex(w, field->bytes, row->form == TRACE_ID);
        break;
    case NUMBER:
        nv_json_write_uint(&w->json, field->value);
        break;
    case DIGITS:
        write_digits(w, field->value);
        break;
    case DOUBLE:
        nv_json_write_double(&w->json, nv_wire_double(field->value));
        break;
    case MESSAGE:
    case LIST:
        write_message(w, row->inside, field->bytes);
        break;
    }
}

/* Messages in messages, seven deep at most: the table has no circle but none. */
static void write_message(struct writing *w, enum message message, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    const struct field *list = NULL;
    nv_json_write_begin_object(&w->json);
    while (nv_wire_next(&wire, &field) == NV_OK) {
        const struct field *row = field_of(message, field.number);
        if (list && row != list) {
            nv_json_write_end_array(&w->json);
            list = NULL;
        }
        if (row != list) {
            nv_json_write_key(&w->json, nv_str_from(row->name));
            if (row->form == LIST) {
                nv_json_write_begin_array(&w->json);
                list = row;
            }
        }
        write_value(w, row, &field);
    }
    if (list)
        nv_json_write_end_array(&w->json);
    nv_json_write_end_object(&w->json);
}

enum nv_err payload_to_json(struct payload *payload)
{
    struct nv_buf body;
    struct writing w = {.payload = payload};
    nv_buf_init(&body, BODY_MAX);
    nv_json_write_init(&w.json, &body);
    write_message(&w, REQUEST, nv_buf_str(&payload->body));
    assert(body.failed != NV_OK || w.ids == payload->spans);
    nv_buf_release(&payload->body);
    payload->body = body;
    payload->json = true;
    return body.failed;
}
