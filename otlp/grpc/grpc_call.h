/*
 * One gRPC call as the service sees it: headers, one message, one answer.
 *
 *   HEADERS ─▶ service.head ─▶ DATA ... ─▶ service.handle ─▶ nv_grpc_call_answer (any thread)
 *                  └─ may answer at once                        └─▶ DATA, trailers
 *
 * Only unary calls exist here; a call whose answer says `stay` keeps its stream open behind the
 * answer until the session ends (what a health watcher expects).
 */
#ifndef NV_OTLP_GRPC_GRPC_CALL_H
#define NV_OTLP_GRPC_GRPC_CALL_H

#include "base/str.h"

struct nv_grpc_call;

/* The headers that are kept; of one that comes twice the first, and nv_grpc_call_repeats says
 * so.
 */
enum nv_grpc_header {
    NV_GRPC_METHOD,
    NV_GRPC_PATH,
    NV_GRPC_CONTENT_TYPE,
    NV_GRPC_ENCODING,
    NV_GRPC_TIMEOUT,
    NV_GRPC_AUTHORIZATION,
    NV_GRPC_API_KEY,
    NV_GRPC_PROJECT,
    NV_GRPC_HEADER_COUNT
};

/* All views are borrowed for the call of nv_grpc_call_answer only. */
struct nv_grpc_answer {
    int http_status; /* 0: 200, as for all that is gRPC; else `message` is the whole body */
    int code;        /* 0: `body` follows; else google/rpc/code.proto */
    struct nv_str message;  /* any bytes */
    struct nv_str details;  /* a google.rpc.Status with details; empty: none */
    struct nv_str body;     /* the response message, at most 4 KiB */
    bool accepts_encodings; /* name the encodings understood */
    bool stay;
};

/* What is served. All run on the loop's thread of the call and must not wait. */
struct nv_grpc_service {
    void *ctx;
    /* The headers are there. May answer to refuse; the message is then not read. */
    void (*head)(void *ctx, struct nv_grpc_call *call);
    /* The message is announced with `len` bytes: read it? NV_OK, or why not. */
    enum nv_err (*admit)(void *ctx, struct nv_grpc_call *call, size_t len);
    /* The call is complete: must see to it that it is answered exactly once, now or later. */
    void (*handle)(void *ctx, struct nv_grpc_call *call);
    /* A call was answered with `code` before `handle`, or because `admit` said no; for
     * counting. NULL is allowed. */
    void (*refused)(void *ctx, int code);
};

/* Value of a header; ptr NULL when it did not come. Borrowed until `handle` returns. */
struct nv_str nv_grpc_call_header(const struct nv_grpc_call *call, enum nv_grpc_header which);
/* Who sends it (net/peer.h), 0 when not known. */
uint64_t nv_grpc_call_client(const struct nv_grpc_call *call);
/* The same for people: "127.0.0.1:4711", empty on another thread than the loop's and when the
 * stream is gone. Borrowed from its session. */
struct nv_str nv_grpc_call_sender(const struct nv_grpc_call *call);
/* Did a header come more than once? */
bool nv_grpc_call_repeats(const struct nv_grpc_call *call, enum nv_grpc_header which);
/* In `head`: does not keep the message, whatever it is; `handle` is called at its end. */
void nv_grpc_call_discard(struct nv_grpc_call *call);
/* Gives the message away: *message is new (free() it; NULL when empty). Returns its length. It
 * stays counted as undecoded until the answer. */
size_t nv_grpc_call_take_message(struct nv_grpc_call *call, char **message);
/* Counts `more` bytes that are made of the request, until the answer. NV_ERR_BUSY: no room for
 * them, nothing is counted. In `handle`. */
enum nv_err nv_grpc_call_count(struct nv_grpc_call *call, size_t more) NV_MUST_USE;
/* Was the message's compressed flag set? */
bool nv_grpc_call_compressed(const struct nv_grpc_call *call);
/* Answers; `call` must not be used afterwards (but for the rest of `head`). Once, any
 * thread. */
void nv_grpc_call_answer(struct nv_grpc_call *call, const struct nv_grpc_answer *answer);
/*
 * Answers an error: code, message and details (BadRequest, RetryInfo) follow from `err` and
 * `fail` (may be NULL). Once, any thread.
 */
void nv_grpc_call_fail(struct nv_grpc_call *call, enum nv_err err, const struct nv_fail *fail);
/* Answers an error that NV_ERR_TABLE does not have. `message` is static text. */
void nv_grpc_call_refuse(struct nv_grpc_call *call, int code, const char *message);

#endif
