/*
 * The table of OTLP's messages.
 *
 * Written from the field numbers of opentelemetry-proto, not generated: it serves two readers
 * (the walk over protobuf and the transcoder of JSON) that generated code would not serve, and
 * it is compared with the .proto files of the tests field by field. A new field of OTLP is its
 * number in model/otlp_fields.h, one row here and one row there.
 *
 *   nv_schema(SPAN).fields[5]   {"name", 5, STRING, BYTES}
 *                         [9]   {"attributes", 9, MESSAGE ─▶ KEY_VALUE, repeated}
 *                         [8]   empty: no field has the number
 *
 * A table is indexed by the field's number, so that the walk, which meets numbers, looks
 * nothing up; the transcoder, which meets names, goes along the row. Slots of no field have no
 * name.
 *
 * Numbers stand in model/otlp_fields.h because stages behind this one read the same messages
 * and may not include this room.
 */
#include "otlp/request/schema.h"

#include "model/otlp_fields.h"

#include <assert.h>

#include "base/banned.h"

/* Short words for rows, so that a message reads as it does in the .proto file. Only MESSAGE and
 * ENUM use `of`; MEMBER marks a oneof, of which JSON may name one and protobuf takes the
 * last. */
#define FIELD(json, num, kind, wiretype, what)                                                 \
    {                                                                                          \
        .name = NV_STR_INIT(json), .number = (num), .type = NV_PROTO_##kind,                   \
        .wire = NV_WIRE_##wiretype, .of = (what)                                               \
    }
#define STRING(json, num) [num] = FIELD(json, num, STRING, BYTES, 0)
#define ID(json, num) [num] = FIELD(json, num, ID, BYTES, 0)
#define UINT32(json, num) [num] = FIELD(json, num, UINT32, VARINT, 0)
#define ENUM(json, num, names) [num] = FIELD(json, num, ENUM, VARINT, names)
#define FIXED64(json, num) [num] = FIELD(json, num, FIXED64, FIXED64, 0)
#define FIXED32(json, num) [num] = FIELD(json, num, FIXED32, FIXED32, 0)
#define ONE(json, num, message) [num] = FIELD(json, num, MESSAGE, BYTES, NV_MESSAGE_##message)
#define MANY_AT(slot, json, num, kind, what)                                                   \
    [slot] = {.name = NV_STR_INIT(json),                                                       \
              .number = (num),                                                                 \
              .type = NV_PROTO_##kind,                                                         \
              .wire = NV_WIRE_BYTES,                                                           \
              .of = (what),                                                                    \
              .repeated = true}
#define MANY(json, num, message) MANY_AT(num, json, num, MESSAGE, NV_MESSAGE_##message)
#define STRINGS(json, num) MANY_AT(num, json, num, STRING, 0)
#define MEMBER(json, num, kind, wiretype, what)                                                \
    [num] = {.name = NV_STR_INIT(json),                                                        \
             .number = (num),                                                                  \
             .type = NV_PROTO_##kind,                                                          \
             .wire = NV_WIRE_##wiretype,                                                       \
             .of = (what),                                                                     \
             .oneof = true}

static const struct nv_proto_field traces_request[] = {
    MANY("resourceSpans", NV_OTLP_REQUEST_GROUPS, RESOURCE_SPANS)};
/* Tables are indexed by number. 1000, the older name of scopes, stands in slot 0, which no
 * field has: else there would be a thousand empty slots. */
static const struct nv_proto_field resource_spans[] = {
    MANY_AT(0, "instrumentationLibrarySpans", NV_OTLP_RESOURCE_GROUP_LIBRARIES, MESSAGE,
            NV_MESSAGE_LIBRARY_SPANS),
    ONE("resource", NV_OTLP_RESOURCE_GROUP_RESOURCE, RESOURCE),
    MANY("scopeSpans", NV_OTLP_RESOURCE_GROUP_SCOPES, SCOPE_SPANS),
    STRING("schemaUrl", NV_OTLP_RESOURCE_GROUP_SCHEMA_URL)};
static const struct nv_proto_field scope_spans[] = {
    ONE("scope", NV_OTLP_SCOPE_GROUP_SCOPE, SCOPE),
    MANY("spans", NV_OTLP_SCOPE_GROUP_ITEMS, SPAN),
    STRING("schemaUrl", NV_OTLP_SCOPE_GROUP_SCHEMA_URL)};
/* The form before scopes had their name (OTLP up to 0.15): the same numbers under another name
 * of the first member. Old exporters are still sent to us. */
static const struct nv_proto_field library_spans[] = {
    ONE("instrumentationLibrary", NV_OTLP_SCOPE_GROUP_SCOPE, SCOPE),
    MANY("spans", NV_OTLP_SCOPE_GROUP_ITEMS, SPAN),
    STRING("schemaUrl", NV_OTLP_SCOPE_GROUP_SCHEMA_URL)};
static const struct nv_proto_field span[] = {
    ID("traceId", NV_OTLP_SPAN_TRACE_ID),
    ID("spanId", NV_OTLP_SPAN_ID),
    STRING("traceState", NV_OTLP_SPAN_TRACE_STATE),
    ID("parentSpanId", NV_OTLP_SPAN_PARENT_ID),
    STRING("name", NV_OTLP_SPAN_NAME),
    ENUM("kind", NV_OTLP_SPAN_KIND, NV_ENUM_SPAN_KIND),
    FIXED64("startTimeUnixNano", NV_OTLP_SPAN_START),
    FIXED64("endTimeUnixNano", NV_OTLP_SPAN_END),
    MANY("attributes", NV_OTLP_SPAN_ATTRIBUTES, KEY_VALUE),
    UINT32("droppedAttributesCount", NV_OTLP_SPAN_DROPPED_ATTRIBUTES),
    MANY("events", NV_OTLP_SPAN_EVENTS, EVENT),
    UINT32("droppedEventsCount", NV_OTLP_SPAN_DROPPED_EVENTS),
    MANY("links", NV_OTLP_SPAN_LINKS, LINK),
    UINT32("droppedLinksCount", NV_OTLP_SPAN_DROPPED_LINKS),
    ONE("status", NV_OTLP_SPAN_STATUS, STATUS),
    FIXED32("flags", NV_OTLP_SPAN_FLAGS),
};
static const struct nv_proto_field event[] = {
    FIXED64("timeUnixNano", NV_OTLP_EVENT_TIME), STRING("name", NV_OTLP_EVENT_NAME),
    MANY("attributes", NV_OTLP_EVENT_ATTRIBUTES, KEY_VALUE),
    UINT32("droppedAttributesCount", NV_OTLP_EVENT_DROPPED_ATTRIBUTES)};
static const struct nv_proto_field span_link[] = {
    ID("traceId", NV_OTLP_LINK_TRACE_ID),
    ID("spanId", NV_OTLP_LINK_SPAN_ID),
    STRING("traceState", NV_OTLP_LINK_TRACE_STATE),
    MANY("attributes", NV_OTLP_LINK_ATTRIBUTES, KEY_VALUE),
    UINT32("droppedAttributesCount", NV_OTLP_LINK_DROPPED_ATTRIBUTES),
    FIXED32("flags", NV_OTLP_LINK_FLAGS)};
static const struct nv_proto_field status[] = {
    STRING("message", NV_OTLP_STATUS_MESSAGE),
    ENUM("code", NV_OTLP_STATUS_CODE, NV_ENUM_STATUS_CODE)};
static const struct nv_proto_field logs_request[] = {
    MANY("resourceLogs", NV_OTLP_REQUEST_GROUPS, RESOURCE_LOGS)};
static const struct nv_proto_field resource_logs[] = {
    MANY_AT(0, "instrumentationLibraryLogs", NV_OTLP_RESOURCE_GROUP_LIBRARIES, MESSAGE,
            NV_MESSAGE_LIBRARY_LOGS),
    ONE("resource", NV_OTLP_RESOURCE_GROUP_RESOURCE, RESOURCE),
    MANY("scopeLogs", NV_OTLP_RESOURCE_GROUP_SCOPES, SCOPE_LOGS),
    STRING("schemaUrl", NV_OTLP_RESOURCE_GROUP_SCHEMA_URL)};
static const struct nv_proto_field scope_logs[] = {
    ONE("scope", NV_OTLP_SCOPE_GROUP_SCOPE, SCOPE),
    MANY("logRecords", NV_OTLP_SCOPE_GROUP_ITEMS, LOG_RECORD),
    STRING("schemaUrl", NV_OTLP_SCOPE_GROUP_SCHEMA_URL)};
static const struct nv_proto_field library_logs[] = {
    ONE("instrumentationLibrary", NV_OTLP_SCOPE_GROUP_SCOPE, SCOPE),
    MANY("logRecords", NV_OTLP_SCOPE_GROUP_ITEMS, LOG_RECORD),
    STRING("schemaUrl", NV_OTLP_SCOPE_GROUP_SCHEMA_URL)};
static const struct nv_proto_field log_record[] = {
    FIXED64("timeUnixNano", NV_OTLP_LOG_TIME),
    ENUM("severityNumber", NV_OTLP_LOG_SEVERITY, NV_ENUM_SEVERITY),
    STRING("severityText", NV_OTLP_LOG_SEVERITY_TEXT),
    ONE("body", NV_OTLP_LOG_BODY, ANY_VALUE),
    MANY("attributes", NV_OTLP_LOG_ATTRIBUTES, KEY_VALUE),
    UINT32("droppedAttributesCount", NV_OTLP_LOG_DROPPED_ATTRIBUTES),
    FIXED32("flags", NV_OTLP_LOG_FLAGS),
    ID("traceId", NV_OTLP_LOG_TRACE_ID),
    ID("spanId", NV_OTLP_LOG_SPAN_ID),
    FIXED64("observedTimeUnixNano", NV_OTLP_LOG_OBSERVED_TIME),
    STRING("eventName", NV_OTLP_LOG_EVENT_NAME),
};
static const struct nv_proto_field resource[] = {
    MANY("attributes", NV_OTLP_RESOURCE_ATTRIBUTES, KEY_VALUE),
    UINT32("droppedAttributesCount", NV_OTLP_RESOURCE_DROPPED_ATTRIBUTES),
    MANY("entityRefs", NV_OTLP_RESOURCE_ENTITY_REFS, ENTITY_REF)};
static const struct nv_proto_field entity_ref[] = {
    STRING("schemaUrl", NV_OTLP_ENTITY_SCHEMA_URL), STRING("type", NV_OTLP_ENTITY_TYPE),
    STRINGS("idKeys", NV_OTLP_ENTITY_ID_KEYS),
    STRINGS("descriptionKeys", NV_OTLP_ENTITY_DESCRIPTION_KEYS)};
static const struct nv_proto_field scope[] = {
    STRING("name", NV_OTLP_SCOPE_NAME), STRING("version", NV_OTLP_SCOPE_VERSION),
    MANY("attributes", NV_OTLP_SCOPE_ATTRIBUTES, KEY_VALUE),
    UINT32("droppedAttributesCount", NV_OTLP_SCOPE_DROPPED_ATTRIBUTES)};
static const struct nv_proto_field key_value[] = {STRING("key", NV_OTLP_PAIR_KEY),
                                                  ONE("value", NV_OTLP_PAIR_VALUE, ANY_VALUE)};
static const struct nv_proto_field any_value[] = {
    MEMBER("stringValue", NV_OTLP_ANY_STRING, STRING, BYTES, 0),
    MEMBER("boolValue", NV_OTLP_ANY_BOOL, BOOL, VARINT, 0),
    MEMBER("intValue", NV_OTLP_ANY_INT, INT64, VARINT, 0),
    MEMBER("doubleValue", NV_OTLP_ANY_DOUBLE, DOUBLE, FIXED64, 0),
    MEMBER("arrayValue", NV_OTLP_ANY_ARRAY, MESSAGE, BYTES, NV_MESSAGE_ARRAY_VALUE),
    MEMBER("kvlistValue", NV_OTLP_ANY_KVLIST, MESSAGE, BYTES, NV_MESSAGE_KEY_VALUE_LIST),
    MEMBER("bytesValue", NV_OTLP_ANY_BYTES, BYTES, BYTES, 0),
};
static const struct nv_proto_field array_value[] = {
    MANY("values", NV_OTLP_LIST_VALUES, ANY_VALUE)};
static const struct nv_proto_field key_value_list[] = {
    MANY("values", NV_OTLP_LIST_VALUES, KEY_VALUE)};

#define SCHEMA(id, table)                                                                      \
    [NV_MESSAGE_##id] = {.fields = (table), .slots = sizeof(table) / sizeof(table)[0]}
static const struct nv_schema schemas[NV_MESSAGE_COUNT] = {
    SCHEMA(TRACES_REQUEST, traces_request),
    SCHEMA(RESOURCE_SPANS, resource_spans),
    SCHEMA(SCOPE_SPANS, scope_spans),
    SCHEMA(LIBRARY_SPANS, library_spans),
    SCHEMA(SPAN, span),
    SCHEMA(EVENT, event),
    SCHEMA(LINK, span_link),
    SCHEMA(STATUS, status),
    SCHEMA(LOGS_REQUEST, logs_request),
    SCHEMA(RESOURCE_LOGS, resource_logs),
    SCHEMA(SCOPE_LOGS, scope_logs),
    SCHEMA(LIBRARY_LOGS, library_logs),
    SCHEMA(LOG_RECORD, log_record),
    SCHEMA(RESOURCE, resource),
    SCHEMA(ENTITY_REF, entity_ref),
    SCHEMA(SCOPE, scope),
    SCHEMA(KEY_VALUE, key_value),
    SCHEMA(ANY_VALUE, any_value),
    SCHEMA(ARRAY_VALUE, array_value),
    SCHEMA(KEY_VALUE_LIST, key_value_list),
};

const struct nv_schema *nv_schema(enum nv_message_id id)
{
    assert(id < NV_MESSAGE_COUNT);
    /* an id without its row would be walked as a message of no fields, and all in it lost */
    assert(schemas[id].slots > 0);
    return &schemas[id];
}

enum nv_message_id nv_schema_request(enum nv_signal signal)
{
    return signal == NV_SIGNAL_LOGS ? NV_MESSAGE_LOGS_REQUEST : NV_MESSAGE_TRACES_REQUEST;
}

/* The position in a list is the number. */
static const char *const span_kinds[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                         "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                         "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
static const char *const status_codes[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                           "STATUS_CODE_ERROR"};
static const char *const severities[] = {
    "SEVERITY_NUMBER_UNSPECIFIED", "SEVERITY_NUMBER_TRACE",  "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",      "SEVERITY_NUMBER_TRACE4", "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",      "SEVERITY_NUMBER_DEBUG3", "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",        "SEVERITY_NUMBER_INFO2",  "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",       "SEVERITY_NUMBER_WARN",   "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",       "SEVERITY_NUMBER_WARN4",  "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",      "SEVERITY_NUMBER_ERROR3", "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",       "SEVERITY_NUMBER_FATAL2", "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4"};
static const struct {
    const char *const *names;
    int32_t count;
} enums[NV_ENUM_COUNT] = {
    [NV_ENUM_SPAN_KIND] = {span_kinds, sizeof span_kinds / sizeof *span_kinds},
    [NV_ENUM_STATUS_CODE] = {status_codes, sizeof status_codes / sizeof *status_codes},
    [NV_ENUM_SEVERITY] = {severities, sizeof severities / sizeof *severities},
};

/* OTLP/JSON tells enums as numbers; protobuf's own JSON form, which some SDKs write, tells
 * names. Both are taken. */
enum nv_err nv_schema_enum(enum nv_enum_id id, struct nv_str name, int32_t *out)
{
    assert(id < NV_ENUM_COUNT);
    for (int32_t i = 0; i < enums[id].count; i++) {
        if (nv_str_eq(name, nv_str_from(enums[id].names[i]))) {
            *out = i;
            return NV_OK;
        }
    }
    return NV_ERR_NOT_FOUND;
}
