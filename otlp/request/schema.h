/*
 * The messages of OTLP traces and logs as one table: what the walk checks and what JSON is read
 * by.
 *
 *   nv_schema(NV_MESSAGE_SPAN)->fields   [ - | 1 traceId | 2 spanId | ... | 16 flags ]
 *                                          slot = field number; an empty slot has number 0
 *
 * Numbers and types are those of opentelemetry-proto 1.9 (trace, logs, resource, common). Slot
 * 0, whose number protobuf does not allow, holds the one field that does not fit: the
 * deprecated instrumentation_library_spans (and _logs), field 1000, which equals scope_spans
 * but for names. Fields of profiles in shared messages (key_strindex, string_value_strindex)
 * are left unknown.
 */
#ifndef NV_OTLP_REQUEST_SCHEMA_H
#define NV_OTLP_REQUEST_SCHEMA_H

#include "base/text/wire.h"
#include "model/batch.h"

enum nv_message_id {
    NV_MESSAGE_TRACES_REQUEST,
    NV_MESSAGE_RESOURCE_SPANS,
    NV_MESSAGE_SCOPE_SPANS,
    NV_MESSAGE_LIBRARY_SPANS,
    NV_MESSAGE_SPAN,
    NV_MESSAGE_EVENT,
    NV_MESSAGE_LINK,
    NV_MESSAGE_STATUS,
    NV_MESSAGE_LOGS_REQUEST,
    NV_MESSAGE_RESOURCE_LOGS,
    NV_MESSAGE_SCOPE_LOGS,
    NV_MESSAGE_LIBRARY_LOGS,
    NV_MESSAGE_LOG_RECORD,
    NV_MESSAGE_RESOURCE,
    NV_MESSAGE_ENTITY_REF,
    NV_MESSAGE_SCOPE,
    NV_MESSAGE_KEY_VALUE,
    NV_MESSAGE_ANY_VALUE,
    NV_MESSAGE_ARRAY_VALUE,
    NV_MESSAGE_KEY_VALUE_LIST,
    NV_MESSAGE_COUNT
};

enum nv_proto_type {
    NV_PROTO_MESSAGE,
    NV_PROTO_STRING,
    NV_PROTO_BYTES, /* JSON: base64 */
    NV_PROTO_ID,    /* bytes; JSON: hex (OTLP specification, JSON Protobuf Encoding) */
    NV_PROTO_BOOL,
    NV_PROTO_INT64,
    NV_PROTO_UINT32,
    NV_PROTO_ENUM,
    NV_PROTO_DOUBLE,
    NV_PROTO_FIXED64,
    NV_PROTO_FIXED32
};

/* Which names an enum's numbers have in JSON. */
enum nv_enum_id { NV_ENUM_SPAN_KIND, NV_ENUM_STATUS_CODE, NV_ENUM_SEVERITY, NV_ENUM_COUNT };

struct nv_proto_field {
    struct nv_str name; /* lowerCamelCase; empty in an unused slot */
    uint16_t number;    /* 0 in an unused slot */
    uint8_t type;       /* enum nv_proto_type */
    uint8_t wire;       /* enum nv_wire_type, what `type` is sent as */
    uint8_t of;         /* MESSAGE: enum nv_message_id; ENUM: enum nv_enum_id */
    bool repeated;
    bool oneof; /* member of AnyValue's only oneof */
};

struct nv_schema {
    const struct nv_proto_field *fields;
    uint32_t slots; /* highest number + 1 */
};

/* The table of a message. Borrowed, static; any thread. */
const struct nv_schema *nv_schema(enum nv_message_id id);
/* The request message of a signal. */
enum nv_message_id nv_schema_request(enum nv_signal signal);

/* The field of that number, or NULL when the message has none. Borrowed, static. */
static inline const struct nv_proto_field *nv_schema_field(const struct nv_schema *schema,
                                                           uint32_t number)
{
    const struct nv_proto_field *field = &schema->fields[number < schema->slots ? number : 0];
    return field->number == number ? field : NULL;
}

/* The number that `name` has in an enum ("SPAN_KIND_CLIENT"); NV_ERR_NOT_FOUND for other
 * names. */
enum nv_err nv_schema_enum(enum nv_enum_id id, struct nv_str name, int32_t *out) NV_MUST_USE;

#endif
