/*
 * Dead letters in OTLP form: traces that could not be translated, their spans as one request
 * again, and journalled requests that no longer decode, as they are.
 */
#ifndef NV_GATEWAY_DEAD_UNTRANSLATED_H
#define NV_GATEWAY_DEAD_UNTRANSLATED_H

#include "assembly/assembly.h"
#include "model/store.h"
#include "model/trace.h"

/*
 * Appends an ExportTraceServiceRequest or ExportLogsServiceRequest (protobuf) with the items of
 * `raw` (borrowed) that are of `signal`, under their resources and scopes. NV_ERR_NO_MEMORY and
 * the buffer's errors.
 */
enum nv_err nv_untranslated_write(const struct nv_raw_trace *raw, enum nv_signal signal,
                                  struct nv_buf *out) NV_MUST_USE;
/*
 * Puts both into `store` (NULL: NV_ERR_NOT_FOUND) as a dead letter with the reason
 * `untranslatable`, `why` in words and the time `wall_ns`. The payload is JSON, because dead
 * letters are: {"otlp": base64 of the spans, "otlp_logs": base64 of the log records, "part",
 * "incomplete", "project", "first_name", "first_session", "first_user": as in struct
 * nv_raw_trace}, all but the first only when there is something to say. Errors as nv_store.put,
 * the buffer's.
 */
enum nv_err nv_untranslated_put(const struct nv_store *store, const struct nv_raw_trace *raw,
                                enum nv_err why, uint64_t wall_ns) NV_MUST_USE;
/*
 * Appends head and payload of the dead letter of a request that no longer decodes, with the
 * reason `untranslatable`: {"request": "traces" or "logs", "project": text, "otlp": base64 of
 * its body}; project only when it has one. Buffers' errors.
 */
enum nv_err nv_undecoded_write(const struct nv_undecoded *request, uint64_t wall_ns,
                               struct nv_buf *head, struct nv_buf *payload) NV_MUST_USE;

/* Either of these read back. Texts are views of the payload or in the arena. */
struct nv_otlp_letter {
    bool whole_request;            /* nv_undecoded_write, not nv_untranslated_put */
    enum nv_signal signal;         /* of a whole request */
    struct nv_str otlp, otlp_logs; /* base64 */
    uint32_t part;
    enum nv_incomplete incomplete;
    struct nv_str project, first_name, first_session, first_user;
};

/*
 * Reads a dead letter's payload (borrowed, as long as *out is used). NV_ERR_NOT_FOUND: it is
 * none in OTLP form but a trace that was refused. NV_ERR_MALFORMED, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_otlp_letter_read(struct nv_arena *arena, struct nv_str payload,
                                struct nv_otlp_letter *out) NV_MUST_USE;

#endif
