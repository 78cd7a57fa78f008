/*
 * LogRecord messages: field numbers of opentelemetry/proto/logs/v1 and the event's name.
 *
 * Attributes are read with the span decoder's KeyValue reader, one list of their exact size.
 * The name of the event stands in the field event_name since OTLP 1.5, before that in the
 * attribute `event.name`, which some emitters still use alone.
 */
#include "mapping/engine/logs.h"

#include "base/text/wire.h"
#include "mapping/engine/decode.h"
#include "model/key_index.h"
#include "model/otlp_fields.h"

#include <assert.h>

#include "base/banned.h"

static enum nv_err decode_bytes(struct nv_arena *arena, const struct nv_wire_field *field,
                                struct nv_log *out)
{
    struct nv_attribute attribute;
    enum nv_err err;
    switch (field->number) {
    case NV_OTLP_LOG_BODY:
        return nv_decode_value(arena, field->bytes, &out->body);
    case NV_OTLP_LOG_EVENT_NAME:
        out->event_name = field->bytes;
        return NV_OK;
    case NV_OTLP_LOG_ATTRIBUTES:
        err = nv_decode_attribute(arena, field->bytes, &attribute);
        return err != NV_OK
                   ? err
                   : nv_attributes_add(&out->attributes, arena, attribute.key, attribute.value);
    default:
        return NV_OK;
    }
}

/* Rust's tracing names events after where they are written ("event src/otel.rs:42") unless told
 * otherwise; what they are stands in an attribute then. */
static bool is_place(struct nv_str name)
{
    return nv_str_starts(name, NV_STR("event ")) &&
           nv_str_find(name, NV_STR(".rs:")) != SIZE_MAX;
}

struct nv_str nv_event_name(struct nv_str name, const struct nv_attributes *attributes)
{
    if (name.len > 0 && !is_place(name))
        return name;
    const struct nv_value *told = nv_attributes_get(attributes, NV_STR("event.name"));
    bool tells = told && told->type == NV_VALUE_STRING && told->as.string.len > 0;
    return tells ? told->as.string : name;
}

enum nv_err nv_log_decode(struct nv_arena *arena, struct nv_str bytes, struct nv_log *out)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint64_t observed_ns = 0;
    enum nv_err err;
    *out = (struct nv_log){.event_name = NV_STR("")};
    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        if (field.type == NV_WIRE_BYTES)
            err = decode_bytes(arena, &field, out);
        else if (field.number == NV_OTLP_LOG_TIME && field.type == NV_WIRE_FIXED64)
            out->time_ns = field.value;
        else if (field.number == NV_OTLP_LOG_OBSERVED_TIME && field.type == NV_WIRE_FIXED64)
            observed_ns = field.value;
        else if (field.number == NV_OTLP_LOG_SEVERITY && field.type == NV_WIRE_VARINT)
            out->severity = (int32_t)field.value;
        if (err != NV_OK)
            return err;
    }
    if (err != NV_ERR_END)
        return err;
    err = nv_attributes_unique(&out->attributes, arena);
    if (err != NV_OK)
        return err;
    if (out->time_ns == 0)
        out->time_ns = observed_ns;
    out->event_name = nv_event_name(out->event_name, &out->attributes);
    return NV_OK;
}
