/*
 * An HTTP/2 client (nghttp2's) and a gRPC session of ours, joined by memory, under a fake
 * clock.
 *
 *   client ── mem_send ─▶ nv_grpc_session_feed       grpc_rig_pump moves bytes both ways
 *          ◀─ mem_recv ── nv_grpc_session_pull       until nothing moves any more
 *
 * Answers that the service gives outside of its callbacks are put on their way by the next
 * pump, as the server's loop would do.
 */
#ifndef NV_TESTS_SUPPORT_GRPC_RIG_H
#define NV_TESTS_SUPPORT_GRPC_RIG_H

#include "otlp/grpc/grpc_internal.h"

#define GRPC_RIG_STREAMS 256

/* What the client saw of one stream. */
struct grpc_rig_stream {
    int http_status;
    int grpc_status;    /* -1: none came */
    char message[1024]; /* grpc-message, as sent */
    char details[2048]; /* grpc-status-details-bin, as sent */
    char content_type[64];
    char accept_encoding[64];
    char body[4096];
    size_t body_len;
    bool trailers_only; /* one block of headers that ended the stream */
    bool closed;
    uint32_t error; /* HTTP/2 error code of the close */
    unsigned header_blocks;
};

struct grpc_rig {
    struct nv_fake_clock clock;
    struct nv_grpc_shared shared;
    struct nv_grpc_session *session;
    void *client;                                     /* nghttp2_session */
    struct grpc_rig_stream streams[GRPC_RIG_STREAMS]; /* by (id - 1) / 2 */
    struct nv_grpc_call *woken[GRPC_RIG_STREAMS];
    unsigned woken_count;
    enum nv_err fed; /* last verdict of nv_grpc_session_feed */
    uint32_t goaway_error;
    int32_t goaway_last;
    unsigned goaways, pings, ping_acks, settings;
};

/* What a client sends first: its preface and empty SETTINGS. */
#define GRPC_RIG_GREETING NV_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")

/* One header beside the usual ones; "" for `name` ends a list. */
struct grpc_rig_header {
    const char *name;
    const char *value;
};

/* Starts both sides and exchanges their settings. The service's context is its own business. */
void grpc_rig_open(struct grpc_rig *rig, struct nv_grpc_service service);
void grpc_rig_close(struct grpc_rig *rig);
/*
 * Opens a stream to `path` with the headers of a gRPC client; each of `more` (may be NULL)
 * replaces the usual one of its name, with value NULL takes it away. `body` (borrowed until it
 * is sent) is sent as it is, prefix included, and with `end` the stream is closed behind it.
 * The stream's id.
 */
int32_t grpc_rig_request(struct grpc_rig *rig, const char *path,
                         const struct grpc_rig_header *more, struct nv_str body, bool end);
/* Ends a stream that was opened without `end`. */
void grpc_rig_end(struct grpc_rig *rig, int32_t id);
/* Resets a stream with CANCEL. */
void grpc_rig_cancel(struct grpc_rig *rig, int32_t id);
/* Moves bytes and answers until all is quiet. */
void grpc_rig_pump(struct grpc_rig *rig);
/* Gives the session these bytes, as from the client. */
void grpc_rig_raw(struct grpc_rig *rig, struct nv_str bytes);
/* Moves the clock on and has the session look at it; what the tick says. */
bool grpc_rig_advance(struct grpc_rig *rig, unsigned ms);
/* What the client saw. */
const struct grpc_rig_stream *grpc_rig_stream(const struct grpc_rig *rig, int32_t id);
/* A frame's nine bytes and its payload, appended to `buf`. */
void grpc_rig_put_frame(struct nv_buf *buf, uint8_t type, uint8_t flags, uint32_t stream,
                        struct nv_str payload);
/* A literal header of HPACK, neither indexed nor in Huffman's code, appended to `buf`. */
void grpc_rig_put_header(struct nv_buf *buf, const char *name, const char *value);
/* HEADERS and DATA of a whole call on `stream`, appended to `buf`. */
void grpc_rig_put_call(struct nv_buf *buf, uint32_t stream, const char *path,
                       struct nv_str message);
/* `message` with its prefix, appended to `buf`; flag as given. */
void grpc_rig_frame(struct nv_buf *buf, uint8_t flag, struct nv_str message);

#endif
