/*
 * LogRecord messages of OTLP (opentelemetry/proto/logs/v1) as model values.
 *
 * Only what the mapping uses is read: name, body, attributes, time, severity. Ids were read when
 * the batch was indexed (model/batch.h).
 */
#ifndef NV_MAPPING_LOGS_H
#define NV_MAPPING_LOGS_H

#include "model/value.h"

struct nv_log {
    struct nv_str event_name; /* field event_name, else attribute `event.name`, else empty */
    struct nv_value body;     /* NULL when there is none */
    struct nv_attributes attributes;
    uint64_t time_ns; /* time_unix_nano, else observed_time_unix_nano */
    int32_t severity; /* SeverityNumber as sent */
};

/* Reads one checked LogRecord. Strings point into `bytes` (borrowed). Errors: NV_ERR_NO_MEMORY,
 * NV_ERR_MALFORMED (never for bytes that passed the check at the door). */
enum nv_err nv_log_decode(struct nv_arena *arena, struct nv_str bytes,
                          struct nv_log *out) NV_MUST_USE;

#endif
