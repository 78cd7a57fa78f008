/*
 * The door between transport and data: the bytes of one export request become a checked batch.
 *
 *   body ──(JSON: transcode)──▶ protobuf ──(walk)──▶ nv_batch: body + index of spans
 *
 * HTTP and gRPC call this alike, after inflating. Nothing malformed passes: what assembly and
 * mapping read later has been walked to its end. Any thread; no shared state.
 */
#ifndef NV_OTLP_REQUEST_REQUEST_H
#define NV_OTLP_REQUEST_REQUEST_H

#include "model/batch.h"
#include "model/ledger.h"
#include "otlp/request/room.h"

/* How the request is encoded; its answer has the same encoding (OTLP specification,
 * OTLP/HTTP). */
enum nv_media { NV_MEDIA_PROTOBUF, NV_MEDIA_JSON };

/* AnyValue in AnyValue, so deep: the reference parsers stop at about 47 (100 messages). */
#define NV_REQUEST_DEPTH_MAX 64
/* Spans or log records of one request. */
#define NV_REQUEST_ITEMS_MAX 2000000
/* Offsets of nv_item are 32 bits wide. */
#define NV_REQUEST_BODY_MAX_BYTES UINT32_MAX

/* A zero field means the constant above. */
struct nv_request_limits {
    unsigned depth_max; /* of nested AnyValues */
    uint32_t items_max;
    /* of the protobuf that JSON becomes; callers bound what they pass in */
    size_t body_max_bytes;
    /* of one item with its resource and scope, written as a request of its own; 0: no limit */
    size_t item_bytes_max;
    const struct nv_room *room; /* for that, and for a large index; NULL: without asking */
};

/* What a decoded request was made of; answers and counters are made from it. */
struct nv_request_result {
    uint64_t accepted; /* spans or log records in the batch, unused log records included */
    uint64_t rejected; /* items refused one by one, the others are kept: partial success */
    uint64_t rejected_by[NV_REJECT_COUNT]; /* spans among them, by reason */
    uint64_t log_records;                  /* of a logs request */
    uint64_t log_records_unused;           /* of these, without a trace id: not in the batch */
    uint64_t invalid_utf8;                 /* strings that are not UTF-8, kept as they are */
    uint64_t int_range;                    /* JSON integers outside int64, now doubles */
    char message[320]; /* UTF-8; why spans were rejected, or a warning; "" when all is well */
};

/* An export request as it came in. */
struct nv_request_body {
    enum nv_signal signal;
    enum nv_media media;
    char *bytes; /* malloc'ed; NULL only with `len` 0 */
    size_t len;
};

/*
 * Checks and indexes one export request. Takes `request->bytes`, on failure too. An empty
 * protobuf body is an empty request; an empty JSON text is malformed. `limits` may be NULL. On
 * NV_OK `*out` is new (nv_batch_free), possibly without items, its project empty, and `*result`
 * is filled. Otherwise `*out` is NULL, `*fail` (may be NULL) tells what and where, and the
 * whole request is refused: NV_ERR_MALFORMED, NV_ERR_TRUNCATED, NV_ERR_DEPTH, NV_ERR_TOO_LARGE,
 * NV_ERR_NO_MEMORY. Counts nothing: see nv_request_count.
 */
enum nv_err nv_request_decode(const struct nv_request_body *request,
                              const struct nv_request_limits *limits,
                              struct nv_request_result *result, struct nv_batch **out,
                              struct nv_fail *fail) NV_MUST_USE;

/*
 * Adds what `result` says to the counters (base/log/counters.h) and the ledger's rejections.
 * Called once, when the request is answered with success: a request refused for lack of room
 * comes again.
 */
void nv_request_count(const struct nv_request_result *result);

#endif
