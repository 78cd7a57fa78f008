/*
 * Inside of the gRPC server: shared by grpc_server.c, grpc_session.c, grpc_answer.c and
 * grpc_call.c alone.
 *
 *   nv_grpc_server ── nv_grpc_part (one a loop) ── nv_grpc_connection ── nv_grpc_session
 *                                                                            │ list
 *                                                                        nv_grpc_call
 *
 * A call lives while its stream is open or the service has yet to answer, whichever ends last.
 * Its answer is written by the service's thread until `wake`, by the loop's thread afterwards.
 */
#ifndef NV_OTLP_GRPC_GRPC_INTERNAL_H
#define NV_OTLP_GRPC_GRPC_INTERNAL_H

#include "base/account.h"
#include "base/buf.h"
#include "otlp/grpc/grpc_call.h"
#include "otlp/grpc/grpc_server.h"
#include "otlp/grpc/grpc_text.h"

#include <stdatomic.h>

struct nv_grpc_session;

/* What all sessions of a server share. */
struct nv_grpc_shared {
    struct nv_grpc_limits limits;
    struct nv_grpc_service service;
    const struct nv_clock *clock;
    /* Has nv_grpc_call_settle called on the thread of the call's session. Any thread. */
    void (*wake)(struct nv_grpc_call *call);
    atomic_size_t calls, undecoded_bytes;
    atomic_ullong requests, floods, timeouts;
};

struct nv_grpc_call {
    struct nv_loop_task task; /* brings an answer home */
    struct nv_loop *loop;     /* where `task` is posted; NULL in tests without loops */
    struct nv_grpc_shared *shared;
    struct nv_grpc_session *session; /* loop's thread only; NULL: the stream is gone */
    struct nv_grpc_call *prev, *next;
    int32_t stream_id;
    uint64_t client;    /* net/peer.h */
    const char *sender; /* the same for people: its session's; NULL: nobody said */

    struct nv_buf header_bytes;
    uint32_t header_list_bytes; /* of all headers, kept or not */
    uint32_t header_at[NV_GRPC_HEADER_COUNT], header_len[NV_GRPC_HEADER_COUNT];
    uint16_t header_seen, header_repeated; /* bit n: enum nv_grpc_header n */
    size_t counted_headers; /* of header_bytes, in the server's undecoded bytes */

    uint8_t prefix[NV_GRPC_PREFIX_BYTES];
    uint8_t prefix_len;
    uint8_t compressed;
    char *message;
    size_t message_len, message_capacity, announced;
    size_t counted; /* of message, in the server's undecoded bytes */

    uint64_t receive_by_ns; /* monotonic; the message must be complete */
    uint64_t answer_by_ns;  /* from grpc-timeout; UINT64_MAX: none */
    uint64_t close_by_ns;   /* once submitted: the peer must have let the answer in */

    bool dispatching; /* loop's thread is inside of the service: answers are picked up there */
    bool discarding;  /* the message is not kept */
    bool received;    /* the request is complete, or will not be read any further */
    bool handed;      /* the service has yet to answer */
    bool ready;       /* the answer is there */
    bool submitted;   /* an answer is on its way to the peer */

    int http_status, code;
    bool accepts_encodings, stay;
    struct nv_buf answer_message, answer_details; /* as header values */
    struct nv_buf out;                            /* prefix and response message */
    size_t sent;
};

/* ---- grpc_call.c ------------------------------------------------------------------------- */

/* New call on a stream (nv_grpc_call_free), or NULL without memory. `shared` is borrowed for
 * its life. */
struct nv_grpc_call *nv_grpc_call_new(struct nv_grpc_shared *shared, int32_t stream_id);
/* Frees all of it and takes it out of the totals. */
void nv_grpc_call_free(struct nv_grpc_call *call);
/* Keeps a header if it is one of those kept. NV_ERR_LIMIT past header_list_bytes, NV_ERR_BUSY
 * past the server's budget, NO_MEMORY. */
enum nv_err nv_grpc_call_add_header(struct nv_grpc_call *call, struct nv_str name,
                                    struct nv_str value) NV_MUST_USE;
/* The headers are complete: asks the service. The call may be ready afterwards. */
void nv_grpc_call_begin(struct nv_grpc_call *call);
/* Bytes of the body. The call may be ready afterwards. */
void nv_grpc_call_feed(struct nv_grpc_call *call, struct nv_str bytes);
/* The peer has sent everything: hands the call over. It may be ready afterwards. */
void nv_grpc_call_end(struct nv_grpc_call *call);

/* Frees headers and message: the call has its answer. */
void nv_grpc_call_forget_request(struct nv_grpc_call *call);
/* Tells the service of an answer that was not its own. */
void nv_grpc_call_count_refused(const struct nv_grpc_call *call, int code);

/* ---- grpc_answer.c ----------------------------------------------------------------------- */

struct nghttp2_session;
/* Puts the answer of a ready call on its way; the call lives until its stream is closed.
 * Without memory nothing is sent, and the session's deadline ends the stream. */
void nv_grpc_answer_submit(struct nghttp2_session *h2, struct nv_grpc_call *call);
/* Answers DEADLINE_EXCEEDED in the place of the service. */
void nv_grpc_answer_expired(struct nghttp2_session *h2, int32_t stream_id);

/* ---- grpc_session.c ---------------------------------------------------------------------- */

/* New server side of an HTTP/2 connection; `owner` is the user's. NULL without memory. */
struct nv_grpc_session *nv_grpc_session_new(struct nv_grpc_shared *shared, struct nv_loop *loop,
                                            void *owner);
/* Frees it; calls that wait for the service go on alone. NULL is allowed. */
void nv_grpc_session_free(struct nv_grpc_session *session);
/* Calls that begin from here on are of the client behind that socket. */
void nv_grpc_session_set_client(struct nv_grpc_session *session, int fd);
/* Who that is, for people (net/peer.h). Borrowed until the session ends. */
struct nv_str nv_grpc_session_sender(const struct nv_grpc_session *session);
/* What new was given. Borrowed. */
void *nv_grpc_session_owner(const struct nv_grpc_session *session);
/* Bytes from the peer. NV_ERR_MALFORMED, NV_ERR_NO_MEMORY: send what is left and close. */
enum nv_err nv_grpc_session_feed(struct nv_grpc_session *session,
                                 struct nv_str bytes) NV_MUST_USE;
/* Appends to `out` what is to be sent, until it holds `enough` bytes. NV_ERR_NO_MEMORY,
 * LIMIT. */
enum nv_err nv_grpc_session_pull(struct nv_grpc_session *session, size_t enough,
                                 struct nv_buf *out) NV_MUST_USE;
/* Has the connection nothing more to do? Then close it once all is sent. */
bool nv_grpc_session_done(const struct nv_grpc_session *session);
/* Looks at deadlines of calls, and pings a silent peer. False: close the connection. */
bool nv_grpc_session_tick(struct nv_grpc_session *session, uint64_t now_ns);
/* Takes no further calls: GOAWAY. The session is done after the last call. */
void nv_grpc_session_shutdown(struct nv_grpc_session *session);
/* Is there anything to pull? */
bool nv_grpc_session_wants_write(const struct nv_grpc_session *session);
/* Is a call at work? One that only stays open behind its answer is not. */
bool nv_grpc_session_busy(const struct nv_grpc_session *session);
/* Puts the answer of a ready call on its way. The session to send from, borrowed, or NULL when
 * the stream was gone. The call may be freed. Loop's thread. */
struct nv_grpc_session *nv_grpc_call_settle(struct nv_grpc_call *call);

#endif
