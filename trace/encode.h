/*
 * Ended spans as an ExportTraceServiceRequest of OTLP, and what the answer to it says.
 *
 *   begin ▸ span, span, ... ▸ end ──▶ one resource, one scope, the spans
 */
#ifndef NV_TRACE_ENCODE_H
#define NV_TRACE_ENCODE_H

#include "trace/pool.h"

/* A request that is being written. */
struct nv_trace_request {
    struct nv_buf body;
    size_t group, scope; /* marks */
    uint32_t spans;
};

/* Readies it; allocates nothing. */
void nv_trace_request_init(struct nv_trace_request *request);
/* Frees it. */
void nv_trace_request_release(struct nv_trace_request *request);
/* Starts anew, in the memory that it has. Errors: NV_ERR_NO_MEMORY, NV_ERR_LIMIT. */
enum nv_err nv_trace_request_begin(struct nv_trace_request *request,
                                   const struct nv_trace_config *config) NV_MUST_USE;
/* Adds an ended span. On an error the request is without it. Errors as above. */
enum nv_err nv_trace_request_add(struct nv_trace_request *request,
                                 const struct nv_trace_span *span) NV_MUST_USE;
/* Closes it: request->body is the message. Errors as above. */
enum nv_err nv_trace_request_end(struct nv_trace_request *request) NV_MUST_USE;
/* Spans that the receiver says it has not taken, of an ExportTraceServiceResponse; what can't
 * be read says none. `why` gets its words (borrowed). */
uint64_t nv_trace_rejected(struct nv_str response, struct nv_str *why);
/* The name that a span is sent with: its own, or by convention "OPERATION SUBJECT" in
 * `room`. */
struct nv_str nv_trace_span_name(const struct nv_trace_span *span, char room[256]);

#endif
