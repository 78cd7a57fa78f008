/*
 * LogRecord messages of OTLP (opentelemetry/proto/logs/v1) as model values.
 *
 * Only what the mapping uses is read: name, body, attributes, time, severity. Ids were read
 * when the batch was indexed (model/batch.h).
 */
#ifndef NV_MAPPING_ENGINE_LOGS_H
#define NV_MAPPING_ENGINE_LOGS_H

#include "model/value.h"

struct nv_log {
    struct nv_str event_name; /* nv_event_name of the field; may be empty */
    struct nv_value body;     /* NULL when there is none */
    struct nv_attributes attributes;
    uint64_t time_ns; /* time_unix_nano, else observed_time_unix_nano */
    int32_t severity; /* SeverityNumber as sent */
};

/*
 * What a span event or log record of this name is called: by its attribute `event.name` when
 * the name is empty (OTLP before 1.5 had no field) or only says where in the program it was
 * written (Rust's tracing). Borrowed from either.
 */
struct nv_str nv_event_name(struct nv_str name, const struct nv_attributes *attributes);
/* Reads one checked LogRecord. Strings point into `bytes` (borrowed). Errors: NV_ERR_NO_MEMORY,
 * NV_ERR_MALFORMED (never for bytes that passed the check at the door). */
enum nv_err nv_log_decode(struct nv_arena *arena, struct nv_str bytes,
                          struct nv_log *out) NV_MUST_USE;

#endif
