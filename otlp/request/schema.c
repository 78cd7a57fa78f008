/*
 * The table of OTLP's messages.
 *
 * Written from the field numbers of opentelemetry-proto, not generated: it serves two readers (the
 * walk over protobuf and the transcoder of JSON) that generated code would not serve, and it is
 * compared with the .proto files of the tests field by field. A new field of OTLP is one row here
 * and one row there.
 */
#include "otlp/request/schema.h"

#include <assert.h>

#include "base/banned.h"

#define FIELD(json, num, kind, wiretype, what)                                                     \
    {                                                                                              \
        .name = NV_STR_INIT(json), .number = (num), .type = NV_FIELD_##kind,                       \
        .wire = NV_WIRE_##wiretype, .of = (what)                                                   \
    }
#define STRING(json, num) [num] = FIELD(json, num, STRING, BYTES, 0)
#define ID(json, num) [num] = FIELD(json, num, ID, BYTES, 0)
#define UINT32(json, num) [num] = FIELD(json, num, UINT32, VARINT, 0)
#define ENUM(json, num, names) [num] = FIELD(json, num, ENUM, VARINT, names)
#define FIXED64(json, num) [num] = FIELD(json, num, FIXED64, FIXED64, 0)
#define FIXED32(json, num) [num] = FIELD(json, num, FIXED32, FIXED32, 0)
#define ONE(json, num, message) [num] = FIELD(json, num, MESSAGE, BYTES, NV_MESSAGE_##message)
#define MANY_AT(slot, json, num, kind, what)                                                       \
    [slot] = {.name = NV_STR_INIT(json),                                                           \
              .number = (num),                                                                     \
              .type = NV_FIELD_##kind,                                                             \
              .wire = NV_WIRE_BYTES,                                                               \
              .of = (what),                                                                        \
              .repeated = true}
#define MANY(json, num, message) MANY_AT(num, json, num, MESSAGE, NV_MESSAGE_##message)
#define STRINGS(json, num) MANY_AT(num, json, num, STRING, 0)
#define MEMBER(json, num, kind, wiretype, what)                                                    \
    [num] = {.name = NV_STR_INIT(json),                                                            \
             .number = (num),                                                                      \
             .type = NV_FIELD_##kind,                                                              \
             .wire = NV_WIRE_##wiretype,                                                           \
             .of = (what),                                                                         \
             .oneof = true}

static const struct nv_field traces_request[] = {MANY("resourceSpans", 1, RESOURCE_SPANS)};
static const struct nv_field resource_spans[] = {
    MANY_AT(0, "instrumentationLibrarySpans", 1000, MESSAGE, NV_MESSAGE_LIBRARY_SPANS),
    ONE("resource", 1, RESOURCE), MANY("scopeSpans", 2, SCOPE_SPANS), STRING("schemaUrl", 3)};
static const struct nv_field scope_spans[] = {ONE("scope", 1, SCOPE), MANY("spans", 2, SPAN),
                                              STRING("schemaUrl", 3)};
static const struct nv_field library_spans[] = {ONE("instrumentationLibrary", 1, SCOPE),
                                                MANY("spans", 2, SPAN), STRING("schemaUrl", 3)};
static const struct nv_field span[] = {
    ID("traceId", 1),
    ID("spanId", 2),
    STRING("traceState", 3),
    ID("parentSpanId", 4),
    STRING("name", 5),
    ENUM("kind", 6, NV_ENUM_SPAN_KIND),
    FIXED64("startTimeUnixNano", 7),
    FIXED64("endTimeUnixNano", 8),
    MANY("attributes", 9, KEY_VALUE),
    UINT32("droppedAttributesCount", 10),
    MANY("events", 11, EVENT),
    UINT32("droppedEventsCount", 12),
    MANY("links", 13, LINK),
    UINT32("droppedLinksCount", 14),
    ONE("status", 15, STATUS),
    FIXED32("flags", 16),
};
static const struct nv_field event[] = {FIXED64("timeUnixNano", 1), STRING("name", 2),
                                        MANY("attributes", 3, KEY_VALUE),
                                        UINT32("droppedAttributesCount", 4)};
static const struct nv_field span_link[] = {ID("traceId", 1),
                                            ID("spanId", 2),
                                            STRING("traceState", 3),
                                            MANY("attributes", 4, KEY_VALUE),
                                            UINT32("droppedAttributesCount", 5),
                                            FIXED32("flags", 6)};
static const struct nv_field status[] = {STRING("message", 2),
                                         ENUM("code", 3, NV_ENUM_STATUS_CODE)};
static const struct nv_field logs_request[] = {MANY("resourceLogs", 1, RESOURCE_LOGS)};
static const struct nv_field resource_logs[] = {
    MANY_AT(0, "instrumentationLibraryLogs", 1000, MESSAGE, NV_MESSAGE_LIBRARY_LOGS),
    ONE("resource", 1, RESOURCE), MANY("scopeLogs", 2, SCOPE_LOGS), STRING("schemaUrl", 3)};
static const struct nv_field scope_logs[] = {
    ONE("scope", 1, SCOPE), MANY("logRecords", 2, LOG_RECORD), STRING("schemaUrl", 3)};
static const struct nv_field library_logs[] = {ONE("instrumentationLibrary", 1, SCOPE),
                                               MANY("logRecords", 2, LOG_RECORD),
                                               STRING("schemaUrl", 3)};
static const struct nv_field log_record[] = {
    FIXED64("timeUnixNano", 1),
    ENUM("severityNumber", 2, NV_ENUM_SEVERITY),
    STRING("severityText", 3),
    ONE("body", 5, ANY_VALUE),
    MANY("attributes", 6, KEY_VALUE),
    UINT32("droppedAttributesCount", 7),
    FIXED32("flags", 8),
    ID("traceId", 9),
    ID("spanId", 10),
    FIXED64("observedTimeUnixNano", 11),
    STRING("eventName", 12),
};
static const struct nv_field resource[] = {MANY("attributes", 1, KEY_VALUE),
                                           UINT32("droppedAttributesCount", 2),
                                           MANY("entityRefs", 3, ENTITY_REF)};
static const struct nv_field entity_ref[] = {STRING("schemaUrl", 1), STRING("type", 2),
                                             STRINGS("idKeys", 3), STRINGS("descriptionKeys", 4)};
static const struct nv_field scope[] = {STRING("name", 1), STRING("version", 2),
                                        MANY("attributes", 3, KEY_VALUE),
                                        UINT32("droppedAttributesCount", 4)};
static const struct nv_field key_value[] = {STRING("key", 1), ONE("value", 2, ANY_VALUE)};
static const struct nv_field any_value[] = {
    MEMBER("stringValue", 1, STRING, BYTES, 0),
    MEMBER("boolValue", 2, BOOL, VARINT, 0),
    MEMBER("intValue", 3, INT64, VARINT, 0),
    MEMBER("doubleValue", 4, DOUBLE, FIXED64, 0),
    MEMBER("arrayValue", 5, MESSAGE, BYTES, NV_MESSAGE_ARRAY_VALUE),
    MEMBER("kvlistValue", 6, MESSAGE, BYTES, NV_MESSAGE_KEY_VALUE_LIST),
    MEMBER("bytesValue", 7, BYTES, BYTES, 0),
};
static const struct nv_field array_value[] = {MANY("values", 1, ANY_VALUE)};
static const struct nv_field key_value_list[] = {MANY("values", 1, KEY_VALUE)};

#define SCHEMA(id, table)                                                                          \
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
