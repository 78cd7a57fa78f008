/*
 * The field numbers of OTLP's messages, each once.
 *
 *   door: walk, merge, transcode  ─┐
 *   mapping: spans and log records ├─ by these names
 *   dead letters: written back     ─┘
 *
 * Numbers are those of opentelemetry-proto 1.9 (trace/v1, logs/v1, resource/v1, common/v1 and
 * the two collector services), which never change a number's meaning. Traces and logs have the
 * same envelope: ResourceSpans and ResourceLogs share the names of RESOURCE_GROUP, ScopeSpans
 * and ScopeLogs those of SCOPE_GROUP. Types and JSON names stand in the table of the door
 * (otlp/request/schema.c), which a test compares with the .proto files; the values of enums
 * stand in model/trace.h.
 */
#ifndef NV_MODEL_OTLP_FIELDS_H
#define NV_MODEL_OTLP_FIELDS_H

/* ExportTraceServiceRequest, ExportLogsServiceRequest */
enum { NV_OTLP_REQUEST_GROUPS = 1 };
/* ResourceSpans, ResourceLogs; LIBRARIES is deprecated: instrumentation_library_spans and
 * _logs */
enum {
    NV_OTLP_RESOURCE_GROUP_RESOURCE = 1,
    NV_OTLP_RESOURCE_GROUP_SCOPES = 2,
    NV_OTLP_RESOURCE_GROUP_SCHEMA_URL = 3,
    NV_OTLP_RESOURCE_GROUP_LIBRARIES = 1000
};
/* ScopeSpans, ScopeLogs and their deprecated twins */
enum {
    NV_OTLP_SCOPE_GROUP_SCOPE = 1,
    NV_OTLP_SCOPE_GROUP_ITEMS = 2,
    NV_OTLP_SCOPE_GROUP_SCHEMA_URL = 3
};
enum {
    NV_OTLP_SPAN_TRACE_ID = 1,
    NV_OTLP_SPAN_ID = 2,
    NV_OTLP_SPAN_TRACE_STATE = 3,
    NV_OTLP_SPAN_PARENT_ID = 4,
    NV_OTLP_SPAN_NAME = 5,
    NV_OTLP_SPAN_KIND = 6,
    NV_OTLP_SPAN_START = 7,
    NV_OTLP_SPAN_END = 8,
    NV_OTLP_SPAN_ATTRIBUTES = 9,
    NV_OTLP_SPAN_DROPPED_ATTRIBUTES = 10,
    NV_OTLP_SPAN_EVENTS = 11,
    NV_OTLP_SPAN_DROPPED_EVENTS = 12,
    NV_OTLP_SPAN_LINKS = 13,
    NV_OTLP_SPAN_DROPPED_LINKS = 14,
    NV_OTLP_SPAN_STATUS = 15,
    NV_OTLP_SPAN_FLAGS = 16
};
enum {
    NV_OTLP_EVENT_TIME = 1,
    NV_OTLP_EVENT_NAME = 2,
    NV_OTLP_EVENT_ATTRIBUTES = 3,
    NV_OTLP_EVENT_DROPPED_ATTRIBUTES = 4
};
enum {
    NV_OTLP_LINK_TRACE_ID = 1,
    NV_OTLP_LINK_SPAN_ID = 2,
    NV_OTLP_LINK_TRACE_STATE = 3,
    NV_OTLP_LINK_ATTRIBUTES = 4,
    NV_OTLP_LINK_DROPPED_ATTRIBUTES = 5,
    NV_OTLP_LINK_FLAGS = 6
};
enum { NV_OTLP_STATUS_MESSAGE = 2, NV_OTLP_STATUS_CODE = 3 };
/* LogRecord */
enum {
    NV_OTLP_LOG_TIME = 1,
    NV_OTLP_LOG_SEVERITY = 2,
    NV_OTLP_LOG_SEVERITY_TEXT = 3,
    NV_OTLP_LOG_BODY = 5,
    NV_OTLP_LOG_ATTRIBUTES = 6,
    NV_OTLP_LOG_DROPPED_ATTRIBUTES = 7,
    NV_OTLP_LOG_FLAGS = 8,
    NV_OTLP_LOG_TRACE_ID = 9,
    NV_OTLP_LOG_SPAN_ID = 10,
    NV_OTLP_LOG_OBSERVED_TIME = 11,
    NV_OTLP_LOG_EVENT_NAME = 12
};
enum {
    NV_OTLP_RESOURCE_ATTRIBUTES = 1,
    NV_OTLP_RESOURCE_DROPPED_ATTRIBUTES = 2,
    NV_OTLP_RESOURCE_ENTITY_REFS = 3
};
enum {
    NV_OTLP_ENTITY_SCHEMA_URL = 1,
    NV_OTLP_ENTITY_TYPE = 2,
    NV_OTLP_ENTITY_ID_KEYS = 3,
    NV_OTLP_ENTITY_DESCRIPTION_KEYS = 4
};
/* InstrumentationScope */
enum {
    NV_OTLP_SCOPE_NAME = 1,
    NV_OTLP_SCOPE_VERSION = 2,
    NV_OTLP_SCOPE_ATTRIBUTES = 3,
    NV_OTLP_SCOPE_DROPPED_ATTRIBUTES = 4
};
/* KeyValue */
enum { NV_OTLP_PAIR_KEY = 1, NV_OTLP_PAIR_VALUE = 2 };
/* AnyValue */
enum {
    NV_OTLP_ANY_STRING = 1,
    NV_OTLP_ANY_BOOL = 2,
    NV_OTLP_ANY_INT = 3,
    NV_OTLP_ANY_DOUBLE = 4,
    NV_OTLP_ANY_ARRAY = 5,
    NV_OTLP_ANY_KVLIST = 6,
    NV_OTLP_ANY_BYTES = 7
};
/* ArrayValue, KeyValueList */
enum { NV_OTLP_LIST_VALUES = 1 };
/* Metric, its data, NumberDataPoint, HistogramDataPoint; of opentelemetry-proto's
 * metrics.proto */
enum {
    NV_OTLP_METRIC_NAME = 1,
    NV_OTLP_METRIC_DESCRIPTION = 2,
    NV_OTLP_METRIC_UNIT = 3,
    NV_OTLP_METRIC_GAUGE = 5,
    NV_OTLP_METRIC_SUM = 7,
    NV_OTLP_METRIC_HISTOGRAM = 9
};
enum {
    NV_OTLP_DATA_POINTS = 1, /* of Gauge, Sum and Histogram alike */
    NV_OTLP_DATA_TEMPORALITY = 2,
    NV_OTLP_SUM_MONOTONIC = 3
};
enum { NV_OTLP_TEMPORALITY_CUMULATIVE = 2 };
enum {
    NV_OTLP_POINT_START = 2,
    NV_OTLP_POINT_TIME = 3,
    NV_OTLP_POINT_DOUBLE = 4,
    NV_OTLP_POINT_INT = 6,
    NV_OTLP_POINT_ATTRIBUTES = 7
};
enum {
    NV_OTLP_HISTOGRAM_POINT_COUNT = 4,
    NV_OTLP_HISTOGRAM_POINT_SUM = 5,
    NV_OTLP_HISTOGRAM_POINT_BUCKETS = 6,
    NV_OTLP_HISTOGRAM_POINT_BOUNDS = 7,
    NV_OTLP_HISTOGRAM_POINT_ATTRIBUTES = 9
};
/* ExportMetricsServiceResponse, ExportTraceServiceResponse and what was not taken of them */
enum { NV_OTLP_RESPONSE_PARTIAL = 1 };
enum { NV_OTLP_PARTIAL_REJECTED = 1, NV_OTLP_PARTIAL_MESSAGE = 2 };

#endif
