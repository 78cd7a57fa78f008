/*
 * The program's own metrics: a table of counters, each an atomic, shown in Prometheus text.
 *
 * Rows are added to NV_COUNTER_TABLE by whoever counts; parsing, help text and /metrics come
 * from it. Labels are fixed at compile time: never a client's data (CVE-2023-45142; names of
 * agents are bounded by gateway/agents/). Any thread. Spans have a ledger of their own
 * (model/ledger.h), because their counters must add up.
 */
#ifndef NV_BASE_LOG_COUNTERS_H
#define NV_BASE_LOG_COUNTERS_H

#include "base/buf.h"

/* X(id, Prometheus name, labels or "", type, help) */
#define NV_COUNTER_TABLE(X)                                                                    \
    X(NV_COUNT_REQUESTS_OK, "noveum_requests_total", "result=\"ok\"", "counter",               \
      "Export requests by result")                                                             \
    X(NV_COUNT_REQUESTS_PARTIAL, "noveum_requests_total", "result=\"partial\"", "counter",     \
      "Export requests by result")                                                             \
    X(NV_COUNT_REQUESTS_REFUSED, "noveum_requests_total", "result=\"refused\"", "counter",     \
      "Export requests by result")                                                             \
    X(NV_COUNT_REQUESTS_BUSY, "noveum_requests_total", "result=\"busy\"", "counter",           \
      "Export requests by result")                                                             \
    X(NV_COUNT_REFUSED_MALFORMED, "noveum_requests_refused_total", "reason=\"malformed\"",     \
      "counter", "Requests not taken, by reason; busy ones are to be sent again")              \
    X(NV_COUNT_REFUSED_PROTOCOL, "noveum_requests_refused_total", "reason=\"protocol\"",       \
      "counter", "Requests not taken, by reason; busy ones are to be sent again")              \
    X(NV_COUNT_REFUSED_PATH, "noveum_requests_refused_total", "reason=\"path\"", "counter",    \
      "Requests not taken, by reason; busy ones are to be sent again")                         \
    X(NV_COUNT_REFUSED_METHOD, "noveum_requests_refused_total", "reason=\"method\"",           \
      "counter", "Requests not taken, by reason; busy ones are to be sent again")              \
    X(NV_COUNT_REFUSED_CONTENT_TYPE, "noveum_requests_refused_total",                          \
      "reason=\"content_type\"", "counter",                                                    \
      "Requests not taken, by reason; busy ones are to be sent again")                         \
    X(NV_COUNT_REFUSED_CONTENT_ENCODING, "noveum_requests_refused_total",                      \
      "reason=\"content_encoding\"", "counter",                                                \
      "Requests not taken, by reason; busy ones are to be sent again")                         \
    X(NV_COUNT_REFUSED_TOO_LARGE, "noveum_requests_refused_total", "reason=\"too_large\"",     \
      "counter", "Requests not taken, by reason; busy ones are to be sent again")              \
    X(NV_COUNT_REFUSED_TOKEN, "noveum_requests_refused_total", "reason=\"token\"", "counter",  \
      "Requests not taken, by reason; busy ones are to be sent again")                         \
    X(NV_COUNT_REFUSED_TIMEOUT, "noveum_requests_refused_total", "reason=\"timeout\"",         \
      "counter", "Requests not taken, by reason; busy ones are to be sent again")              \
    X(NV_COUNT_REFUSED_BUSY, "noveum_requests_refused_total", "reason=\"busy\"", "counter",    \
      "Requests not taken, by reason; busy ones are to be sent again")                         \
    X(NV_COUNT_REFUSED_INTERNAL, "noveum_requests_refused_total", "reason=\"internal\"",       \
      "counter", "Requests not taken, by reason; busy ones are to be sent again")              \
    X(NV_COUNT_REQUEST_BYTES, "noveum_request_bytes_total", "", "counter",                     \
      "Bytes of export requests after decompression")                                          \
    X(NV_COUNT_LOG_RECORDS, "noveum_log_records_total", "", "counter", "Log records accepted") \
    X(NV_COUNT_LOG_RECORDS_UNUSED, "noveum_log_records_unused_total", "", "counter",           \
      "Log records that became part of no trace: theirs never came, or is not known")          \
    X(NV_COUNT_LOG_RECORDS_LEFT_OUT, "noveum_log_records_left_out_total", "", "counter",       \
      "Log records of spans that were left out")                                               \
    X(NV_COUNT_METRIC_POINTS, "noveum_metric_requests_total", "", "counter",                   \
      "Metrics requests accepted and not kept")                                                \
    X(NV_COUNT_INVALID_UTF8, "noveum_invalid_utf8_total", "", "counter",                       \
      "Strings with invalid UTF-8, delivered with U+FFFD")                                     \
    X(NV_COUNT_INT_RANGE, "noveum_integers_out_of_range_total", "", "counter",                 \
      "JSON integers outside int64, delivered as doubles")                                     \
    X(NV_COUNT_TRACES_COMPLETED, "noveum_traces_completed_total", "", "counter",               \
      "Traces that left assembly")                                                             \
    X(NV_COUNT_TRACES_INCOMPLETE, "noveum_traces_incomplete_total", "", "counter",             \
      "Traces sent without their root or with spans missing")                                  \
    X(NV_COUNT_TRACES_LATE, "noveum_traces_late_total", "", "counter",                         \
      "Linked traces made of spans that came after their trace was sent")                      \
    X(NV_COUNT_TRACES_CUT, "noveum_traces_cut_total", "", "counter",                           \
      "Traces cut into linked parts by a cap on spans, bytes or age")                          \
    X(NV_COUNT_TRACES_OF_RECORDS, "noveum_traces_of_log_records_total", "", "counter",         \
      "Traces made of the log records of coding agents that sent no spans")                    \
    X(NV_COUNT_TRACES_UNTRANSLATED, "noveum_traces_untranslated_total", "", "counter",         \
      "Traces sent as they came, because their translation took too much work or memory")      \
    X(NV_COUNT_TRACES_DELIVERED, "noveum_traces_delivered_total", "", "counter",               \
      "Traces the backend or the files have taken")                                            \
    X(NV_COUNT_SEND_ATTEMPTS, "noveum_send_attempts_total", "", "counter",                     \
      "Requests made to the backend")                                                          \
    X(NV_COUNT_SEND_RETRIES, "noveum_send_retries_total", "", "counter",                       \
      "Requests made to the backend again")                                                    \
    X(NV_COUNT_SEND_BYTES, "noveum_send_bytes_total", "", "counter",                           \
      "Bytes of request bodies sent to the backend, as on the wire")                           \
    X(NV_COUNT_SEND_WARNINGS, "noveum_send_warnings_total", "", "counter",                     \
      "Warnings and errors inside replies that accepted a body")                               \
    X(NV_COUNT_MEDIA_DELIVERED, "noveum_media_total", "result=\"delivered\"", "counter",       \
      "Pictures and sounds taken out of traces, by what became of them")                       \
    X(NV_COUNT_MEDIA_DEAD, "noveum_media_total", "result=\"dead_lettered\"", "counter",        \
      "Pictures and sounds taken out of traces, by what became of them")                       \
    X(NV_COUNT_MEDIA_MARKED, "noveum_media_total", "result=\"no_route\"", "counter",           \
      "Pictures and sounds taken out of traces, by what became of them")                       \
    X(NV_COUNT_MEDIA_LOST, "noveum_media_total", "result=\"lost\"", "counter",                 \
      "Pictures and sounds taken out of traces, by what became of them")                       \
    X(NV_COUNT_MEDIA_ATTEMPTS, "noveum_media_attempts_total", "", "counter",                   \
      "Uploads of pictures and sounds that were begun")                                        \
    X(NV_COUNT_MEDIA_BYTES, "noveum_media_bytes_total", "", "counter",                         \
      "Bytes of uploads, as on the wire")                                                      \
    X(NV_COUNT_MEDIA_FILES_WRITTEN, "noveum_media_files_total", "result=\"written\"",          \
      "counter", "Files of media in media.directory, by what became of them")                  \
    X(NV_COUNT_MEDIA_FILES_FAILED, "noveum_media_files_total", "result=\"not_written\"",       \
      "counter", "Files of media in media.directory, by what became of them")                  \
    X(NV_COUNT_MEDIA_FILES_REMOVED, "noveum_media_files_total", "result=\"removed\"",          \
      "counter", "Files of media in media.directory, by what became of them")                  \
    X(NV_COUNT_KAFKA_PRODUCED, "noveum_kafka_messages_produced_total", "", "counter",          \
      "Messages that the brokers have, of role receive or written again by `kafka.rekey`")     \
    X(NV_COUNT_KAFKA_PRODUCED_BYTES, "noveum_kafka_bytes_produced_total", "", "counter",       \
      "Bytes of these messages before compression")                                            \
    X(NV_COUNT_KAFKA_FAILED, "noveum_kafka_messages_failed_total", "", "counter",              \
      "Messages that the brokers did not take in time; their clients send them again")         \
    X(NV_COUNT_KAFKA_RENEWED, "noveum_kafka_clients_renewed_total", "", "counter",             \
      "Clients of Kafka made anew after an error that they do not survive")                    \
    X(NV_COUNT_KAFKA_CONSUMED, "noveum_kafka_messages_consumed_total", "", "counter",          \
      "Messages taken from the log, of role assemble")                                         \
    X(NV_COUNT_KAFKA_DEAD, "noveum_kafka_messages_dead_total", "", "counter",                  \
      "Messages that are no OTLP, now in the topic of dead ones")                              \
    X(NV_COUNT_KAFKA_KEYS, "noveum_kafka_messages_not_keyed_total", "", "counter",             \
      "Messages whose key is not the trace id of their spans: traces are split over members")  \
    X(NV_COUNT_KAFKA_REKEYED, "noveum_kafka_messages_rekeyed_total", "", "counter",            \
      "Messages whose key was not the trace id, written again under it (`kafka.rekey`)")       \
    X(NV_COUNT_KAFKA_SENT_BEFORE, "noveum_kafka_items_sent_before_total", "", "counter",       \
      "Spans and log records read again that had been delivered already, and left out")        \
    X(NV_COUNT_KAFKA_COMMITS, "noveum_kafka_commits_total", "result=\"good\"", "counter",      \
      "Commits of marks, by how they ended")                                                   \
    X(NV_COUNT_KAFKA_COMMITS_BAD, "noveum_kafka_commits_total", "result=\"failed\"",           \
      "counter", "Commits of marks, by how they ended")                                        \
    X(NV_COUNT_KAFKA_REBALANCES, "noveum_kafka_rebalances_total", "", "counter",               \
      "Times that partitions were given to this member or taken from it")                      \
    X(NV_COUNT_STORE_KEPT, "noveum_store_traces_total", "", "counter",                         \
      "Traces written to the local store of the page")                                         \
    X(NV_COUNT_STORE_DROPPED, "noveum_store_dropped_total", "", "counter",                     \
      "Traces that the local store misses; they are delivered all the same")                   \
    X(NV_COUNT_TELEMETRY_OK, "noveum_telemetry_requests_total", "result=\"ok\"", "counter",    \
      "Requests with the gateway's own metrics and spans (telemetry.otlp.endpoint), by "       \
      "result")                                                                                \
    X(NV_COUNT_TELEMETRY_PARTIAL, "noveum_telemetry_requests_total", "result=\"partial\"",     \
      "counter",                                                                               \
      "Requests with the gateway's own metrics and spans (telemetry.otlp.endpoint), by "       \
      "result")                                                                                \
    X(NV_COUNT_TELEMETRY_FAILED, "noveum_telemetry_requests_total", "result=\"failed\"",       \
      "counter",                                                                               \
      "Requests with the gateway's own metrics and spans (telemetry.otlp.endpoint), by "       \
      "result")                                                                                \
    X(NV_COUNT_TELEMETRY_SPANS_SENT, "noveum_telemetry_spans_total", "result=\"sent\"",        \
      "counter", "Spans of the gateway's own work, by what became of them")                    \
    X(NV_COUNT_TELEMETRY_SPANS_LOST, "noveum_telemetry_spans_total", "result=\"lost\"",        \
      "counter", "Spans of the gateway's own work, by what became of them")

enum nv_counter {
#define NV_COUNTER_ENUM(id, name, labels, type, help) id,
    NV_COUNTER_TABLE(NV_COUNTER_ENUM)
#undef NV_COUNTER_ENUM
        NV_COUNTER_COUNT
};

/* Adds to a counter, and gives what it has become. */
uint64_t nv_count(enum nv_counter id, uint64_t amount);
/* The counter's value now. */
uint64_t nv_count_get(enum nv_counter id);
/* Back to zero, all of them: for tests. */
void nv_count_reset(void);
/* Appends all rows in Prometheus text format 0.0.4, HELP and TYPE once a name. Errors are the
 * buffer's. */
enum nv_err nv_count_write(struct nv_buf *buf);

#endif
