/*
 * The bodies of answers: export responses and google.rpc.Status, in the encoding of the
 * request.
 *
 * OTLP specification, OTLP/HTTP Response: the body of every 4xx and 5xx is a google.rpc.Status;
 * full success leaves partial_success unset, so its protobuf body has no bytes and its JSON is
 * {}.
 */
#ifndef NV_OTLP_REQUEST_REPLY_H
#define NV_OTLP_REQUEST_REPLY_H

#include "base/buf.h"
#include "model/batch.h"
#include "otlp/request/request.h"

/* Codes of google.rpc.Status (google/rpc/code.proto) that the gateway sends. */
enum nv_grpc_code {
    NV_GRPC_OK = 0,
    NV_GRPC_CANCELLED = 1,
    NV_GRPC_INVALID_ARGUMENT = 3,
    NV_GRPC_DEADLINE_EXCEEDED = 4,
    NV_GRPC_RESOURCE_EXHAUSTED = 8,
    NV_GRPC_UNIMPLEMENTED = 12,
    NV_GRPC_INTERNAL = 13,
    NV_GRPC_UNAVAILABLE = 14,
    NV_GRPC_UNAUTHENTICATED = 16
};

/*
 * Appends an ExportTraceServiceResponse or ExportLogsServiceResponse to `out`. partial_success
 * is set only when `rejected` > 0 or `message` is not empty (a warning). The response of
 * metrics is that of traces with neither. `message` is borrowed; invalid UTF-8 in it becomes
 * '?'. Errors: the buffer's, NV_ERR_INTERNAL.
 */
enum nv_err nv_reply_success(enum nv_signal signal, enum nv_media media, uint64_t rejected,
                             struct nv_str message, struct nv_buf *out) NV_MUST_USE;

/*
 * Appends a google.rpc.Status to `out`. `grpc_code` is one of google/rpc/code.proto; `message`
 * is borrowed, invalid UTF-8 in it becomes '?'. With `fail` (may be NULL) of a code answered
 * 400, a google.rpc.BadRequest with its path and text goes into details; with `retry_after_s` >
 * 0 a google.rpc.RetryInfo (this is what makes RESOURCE_EXHAUSTED and UNAVAILABLE wait in gRPC
 * clients). Errors: the buffer's, NV_ERR_INTERNAL.
 */
enum nv_err nv_reply_status(enum nv_media media, int grpc_code, struct nv_str message,
                            const struct nv_fail *fail, int retry_after_s,
                            struct nv_buf *out) NV_MUST_USE;

/* Seconds after which sending again has a chance, for Retry-After and RetryInfo; 0: do not. */
int nv_reply_retry_after_s(enum nv_err err);

/*
 * What to tell the client: text and path of `fail` (may be NULL or empty) in `text`, else the
 * text of `err`. Borrowed from `text` (of `size` bytes) or static.
 */
struct nv_str nv_reply_message(enum nv_err err, const struct nv_fail *fail, char *text,
                               size_t size);

#endif
