/*
 * HTTP/2 for gRPC, on nghttp2, without I/O: bytes in, bytes out, calls in between.
 *
 *   feed ─▶ nghttp2 ─▶ begin_headers, header, frame_recv, data_chunk ─▶ nv_grpc_call
 *   pull ◀─ nghttp2 ◀─ submit_response, submit_trailer ◀─ settle ◀──────────┘
 *
 * nghttp2 checks the protocol; this file bounds what a correct peer may still do: headers by
 * size, streams by number, and everything that costs us work but brings no call (PING,
 * SETTINGS, resets, empty frames) by an allowance that refills slowly and with each call
 * answered. Who uses it up is told ENHANCE_YOUR_CALM and closed (CVE-2023-44487, CVE-2019-9512
 * to 9518).
 *
 * Flow control is by hand: the connection's window always moves, a stream's only while its
 * message is wanted. Windows are larger than the default 64 KiB, so that a batch needs no extra
 * round trip.
 *
 * When an answer ends a stream whose request still comes, the stream is
 * reset with NO_ERROR (RFC 9113 section 8.1), so that the peer stops sending.
 */
#include "otlp/grpc/grpc_internal.h"

#include "net/peer.h"
#include "otlp/request/reply.h"

#include <nghttp2/nghttp2.h>

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define STREAM_WINDOW_BYTES (1 << 20)
#define CONNECTION_WINDOW_BYTES (4 << 20)
/* frames that bring no call: as many at once, as many a second, and a refund for each answer */
#define ALLOWANCE_MAX 2000
#define ALLOWANCE_A_SECOND 100
#define ALLOWANCE_A_CALL 10
#define COST_FRAME 1
#define COST_RESET 10
#define SETTINGS_ENTRIES_MAX 32
#define ACKS_QUEUED_MAX 200
#define CONTINUATIONS_MAX 8

struct nv_grpc_session {
    nghttp2_session *h2;
    struct nv_grpc_shared *shared;
    struct nv_loop *loop;
    void *owner;
    uint64_t client;
    char sender[NV_PEER_TEXT_SIZE];
    struct nv_grpc_call *calls; /* all open streams */
    uint64_t connected_ns;
    uint64_t heard_ns;  /* when the peer last sent something */
    uint64_t pinged_ns; /* 0: no ping is out */
    uint64_t allowance_ns;
    int64_t allowance;
    bool greeted; /* the client's SETTINGS have come */
    bool calmed;  /* ENHANCE_YOUR_CALM is on its way */
    bool shut;
    bool shut_for_good; /* the last GOAWAY is on its way */
};

static uint64_t now_ns(const struct nv_grpc_session *session)
{
    return nv_clock_mono_ns(session->shared->clock);
}

/* ---- calls of the session ---------------------------------------------------------------- */

static void link_call(struct nv_grpc_session *session, struct nv_grpc_call *call)
{
    assert(call->session == NULL && call->prev == NULL);
    call->session = session;
    call->loop = session->loop;
    call->next = session->calls;
    if (session->calls)
        session->calls->prev = call;
    session->calls = call;
}

/* The stream is gone; a call that the service still has is freed when it is answered. */
static void drop_call(struct nv_grpc_call *call)
{
    struct nv_grpc_session *session = call->session;
    assert(session != NULL);
    if (call->prev)
        call->prev->next = call->next;
    else
        session->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    call->prev = call->next = NULL;
    call->session = NULL;
    if (!call->handed)
        nv_grpc_call_free(call);
}

static struct nv_grpc_call *call_of(nghttp2_session *h2, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(h2, stream_id);
}

/* ---- answers ----------------------------------------------------------------------------- */

/* The answer is on its way: whatever still comes of the request is not read. */
static void mark_submitted(struct nv_grpc_session *session, struct nv_grpc_call *call)
{
    assert(!call->submitted);
    call->submitted = true;
    call->received = true;
    call->close_by_ns =
        now_ns(session) + session->shared->limits.write_timeout_ms * NV_NS_PER_MS;
}

/* Is the call only kept open behind its answer? Until it has answered, `stay` is the
 * service's. */
static bool is_watcher(const struct nv_grpc_call *call)
{
    return !call->handed && call->stay;
}

static void submit(struct nv_grpc_session *session, struct nv_grpc_call *call)
{
    mark_submitted(session, call);
    if (is_watcher(call) && session->shut) {
        call->stay = false;
        call->code = NV_GRPC_UNAVAILABLE;
    }
    if (is_watcher(call))
        call->close_by_ns = UINT64_MAX;
    nv_grpc_call_forget_request(call);
    nv_grpc_answer_submit(session->h2, call);
    if (session->allowance < ALLOWANCE_MAX)
        session->allowance += ALLOWANCE_A_CALL;
}

struct nv_grpc_session *nv_grpc_call_settle(struct nv_grpc_call *call)
{
    struct nv_grpc_session *session = call->session;
    assert(call->ready);
    call->handed = false;
    if (!session)
        nv_grpc_call_free(call);
    else if (!call->submitted)
        submit(session, call);
    return session;
}

/* Answers what a callback of the service left behind. */
static void pick_up(struct nv_grpc_call *call)
{
    if (call->ready && !call->submitted)
        (void)nv_grpc_call_settle(call);
}

/* Too late: answered here, whatever the service will say. Its buffers are not touched. */
static void expire(struct nv_grpc_session *session, struct nv_grpc_call *call)
{
    mark_submitted(session, call);
    if (!call->handed) /* else the service counts what it does with it */
        nv_grpc_call_count_refused(call, NV_GRPC_DEADLINE_EXCEEDED);
    nv_grpc_answer_expired(session->h2, call->stream_id);
}

/* The peer opens no window for its answer. */
static void give_up(struct nv_grpc_session *session, struct nv_grpc_call *call)
{
    call->close_by_ns = UINT64_MAX;
    atomic_fetch_add(&session->shared->timeouts, 1);
    (void)nghttp2_submit_rst_stream(session->h2, NGHTTP2_FLAG_NONE, call->stream_id,
                                    NGHTTP2_CANCEL);
}

/* ---- allowance --------------------------------------------------------------------------- */

static void charge(struct nv_grpc_session *session, int64_t cost)
{
    uint64_t now = now_ns(session);
    uint64_t refill = (now - session->allowance_ns) / (NV_NS_PER_S / ALLOWANCE_A_SECOND);
    if (refill > 0) {
        session->allowance_ns = now;
        session->allowance += refill < ALLOWANCE_MAX ? (int64_t)refill : ALLOWANCE_MAX;
        if (session->allowance > ALLOWANCE_MAX)
            session->allowance = ALLOWANCE_MAX;
    }
    session->allowance -= cost;
    if (session->allowance >= 0 || session->calmed)
        return;
    session->calmed = true;
    atomic_fetch_add(&session->shared->floods, 1);
    (void)nghttp2_session_terminate_session(session->h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* ---- frames ------------------------------------------------------------------------------ */

/* Resets a stream of which nothing was processed: the peer may send it again (RFC 9113 8.7). */
static int refuse_stream(nghttp2_session *h2, int32_t stream_id)
{
    (void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_REFUSED_STREAM);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct nv_grpc_session *session = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct nv_grpc_call *call = nv_grpc_call_new(session->shared, frame->hd.stream_id);
    if (!call)
        return refuse_stream(h2, frame->hd.stream_id);
    if (nghttp2_session_set_stream_user_data(h2, frame->hd.stream_id, call) != 0) {
        nv_grpc_call_free(call);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    call->client = session->client;
    call->sender = session->sender;
    link_call(session, call);
    return 0;
}

static struct nv_str text_of(nghttp2_rcbuf *buf)
{
    nghttp2_vec vec = nghttp2_rcbuf_get_buf(buf);
    return (struct nv_str){(const char *)vec.base, vec.len};
}

/* `name` and `value` are nghttp2's: what is kept of them is copied. */
static int on_h2_header(nghttp2_session *h2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                        nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct nv_grpc_session *session = user;
    struct nv_grpc_call *call = call_of(h2, frame->hd.stream_id);
    (void)flags;
    if (!call || frame->hd.type != NGHTTP2_HEADERS ||
        frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* trailers of a request say nothing */
    enum nv_err err = nv_grpc_call_add_header(call, text_of(name), text_of(value));
    if (err == NV_OK)
        return 0;
    if (err != NV_ERR_LIMIT)
        return refuse_stream(h2, frame->hd.stream_id);
    /* a header list that is too long: HPACK can make one of bytes */
    charge(session, COST_RESET);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void end_request(struct nv_grpc_call *call)
{
    if (!call->received && !call->ready)
        nv_grpc_call_end(call);
    pick_up(call);
}

static void on_stream_frame(nghttp2_session *h2, const nghttp2_frame *frame)
{
    struct nv_grpc_call *call = call_of(h2, frame->hd.stream_id);
    if (!call)
        return;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        nv_grpc_call_begin(call);
        pick_up(call);
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        end_request(call);
}

static int on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct nv_grpc_session *session = user;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        if (frame->hd.length == 0 && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
            charge(session, COST_FRAME);
        on_stream_frame(h2, frame);
        break;
    case NGHTTP2_HEADERS:
        on_stream_frame(h2, frame);
        break;
    case NGHTTP2_RST_STREAM:
        charge(session, COST_RESET);
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
            charge(session, COST_FRAME);
        break;
    case NGHTTP2_SETTINGS:
        session->greeted = true;
        charge(session, COST_FRAME);
        break;
    default: /* PRIORITY, WINDOW_UPDATE, GOAWAY and what HTTP/2 does not know */
        charge(session, COST_FRAME);
        break;
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *h2, const nghttp2_frame *frame, int error,
                            void *user)
{
    (void)h2;
    (void)frame;
    (void)error;
    charge(user, COST_RESET);
    return 0;
}

static int on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t stream_id,
                         const uint8_t *bytes, size_t len, void *user)
{
    struct nv_grpc_call *call = call_of(h2, stream_id);
    (void)flags;
    (void)user;
    (void)nghttp2_session_consume_connection(h2, len);
    if (!call || call->received || call->ready)
        return 0; /* its window stays closed: the peer will stop */
    nv_grpc_call_feed(call, (struct nv_str){(const char *)bytes, len});
    pick_up(call);
    if (!call->submitted)
        (void)nghttp2_session_consume_stream(h2, stream_id, len);
    return 0;
}

/* An answer that ended the stream although the request is not complete. */
static int on_frame_sent(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    (void)user;
    bool last =
        frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (last && nghttp2_session_get_stream_remote_close(h2, frame->hd.stream_id) == 0) {
        (void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_NO_ERROR);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t stream_id, uint32_t error, void *user)
{
    struct nv_grpc_call *call = call_of(h2, stream_id);
    (void)error;
    (void)user;
    if (call)
        drop_call(call);
    return 0;
}

/* ---- life -------------------------------------------------------------------------------- */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_h2_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}

static nghttp2_option *make_options(void)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_outbound_ack(option, ACKS_QUEUED_MAX);
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
    return option;
}

static bool make_h2(struct nv_grpc_session *session)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = make_options();
    bool made = callbacks != NULL && option != NULL &&
                nghttp2_session_server_new2(&session->h2, callbacks, session, option) == 0;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return made;
}

static bool submit_settings(struct nv_grpc_session *session)
{
    const struct nv_grpc_limits *limits = &session->shared->limits;
    nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->header_list_bytes},
    };
    return nghttp2_submit_settings(session->h2, NGHTTP2_FLAG_NONE, entries,
                                   sizeof entries / sizeof *entries) == 0 &&
           nghttp2_session_set_local_window_size(session->h2, NGHTTP2_FLAG_NONE, 0,
                                                 CONNECTION_WINDOW_BYTES) == 0;
}

struct nv_grpc_session *nv_grpc_session_new(struct nv_grpc_shared *shared, struct nv_loop *loop,
                                            void *owner)
{
    struct nv_grpc_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->shared = shared;
    session->loop = loop;
    session->owner = owner;
    session->allowance = ALLOWANCE_MAX;
    session->allowance_ns = session->heard_ns = session->connected_ns = now_ns(session);
    if (!make_h2(session) || !submit_settings(session)) {
        nv_grpc_session_free(session);
        return NULL;
    }
    return session;
}

void nv_grpc_session_free(struct nv_grpc_session *session)
{
    if (!session)
        return;
    while (session->calls)
        drop_call(session->calls);
    nghttp2_session_del(session->h2);
    free(session);
}

void nv_grpc_session_set_client(struct nv_grpc_session *session, int fd)
{
    session->client = nv_peer_of(fd);
    (void)nv_peer_text(fd, session->sender);
}

struct nv_str nv_grpc_session_sender(const struct nv_grpc_session *session)
{
    return nv_str_from(session->sender);
}

void *nv_grpc_session_owner(const struct nv_grpc_session *session)
{
    return session->owner;
}

enum nv_err nv_grpc_session_feed(struct nv_grpc_session *session, struct nv_str bytes)
{
    assert(!session->loop || nv_loop_is_current(session->loop));
    session->heard_ns = now_ns(session);
    session->pinged_ns = 0;
    ssize_t used = nghttp2_session_mem_recv(session->h2, (const uint8_t *)bytes.ptr, bytes.len);
    if (used == NGHTTP2_ERR_NOMEM)
        return NV_ERR_NO_MEMORY;
    if (used == NGHTTP2_ERR_FLOODED)
        atomic_fetch_add(&session->shared->floods, 1);
    return used < 0 ? NV_ERR_MALFORMED : NV_OK;
}

enum nv_err nv_grpc_session_pull(struct nv_grpc_session *session, size_t enough,
                                 struct nv_buf *out)
{
    assert(!session->loop || nv_loop_is_current(session->loop));
    while (out->len < enough) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(session->h2, &bytes);
        if (len <= 0)
            return len == 0 ? NV_OK : NV_ERR_NO_MEMORY;
        enum nv_err err = nv_buf_append(out, bytes, (size_t)len);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

bool nv_grpc_session_done(const struct nv_grpc_session *session)
{
    return nghttp2_session_want_read(session->h2) == 0 &&
           nghttp2_session_want_write(session->h2) == 0;
}

bool nv_grpc_session_wants_write(const struct nv_grpc_session *session)
{
    return nghttp2_session_want_write(session->h2) != 0;
}

bool nv_grpc_session_busy(const struct nv_grpc_session *session)
{
    const struct nv_grpc_call *call = session->calls;
    while (call && is_watcher(call))
        call = call->next;
    return call != NULL;
}

/* A peer that says nothing for long is asked whether it is there (RFC 9113 section 6.7). */
static bool ping(struct nv_grpc_session *session, uint64_t now)
{
    const struct nv_grpc_limits *limits = &session->shared->limits;
    if (session->pinged_ns != 0)
        return now - session->pinged_ns < limits->ping_timeout_ms * NV_NS_PER_MS;
    if (now - session->heard_ns >= limits->ping_after_ms * NV_NS_PER_MS) {
        session->pinged_ns = now;
        (void)nghttp2_submit_ping(session->h2, NGHTTP2_FLAG_NONE, NULL);
    }
    return true;
}

bool nv_grpc_session_tick(struct nv_grpc_session *session, uint64_t now)
{
    uint64_t greeting_ns = session->shared->limits.handshake_timeout_ms * NV_NS_PER_MS;
    for (struct nv_grpc_call *call = session->calls; call; call = call->next) {
        bool late = !call->received && now >= call->receive_by_ns;
        if (!call->submitted && late)
            atomic_fetch_add(&session->shared->timeouts, 1);
        if (call->submitted && now >= call->close_by_ns)
            give_up(session, call);
        else if (!call->submitted && (late || now >= call->answer_by_ns))
            expire(session, call);
    }
    if (session->shut && !session->shut_for_good) {
        session->shut_for_good = true;
        (void)nghttp2_submit_goaway(session->h2, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(session->h2),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    }
    if (!session->greeted && now - session->connected_ns >= greeting_ns)
        return false;
    return ping(session, now);
}

/*
 * In two steps (RFC 9113 section 6.8): a notice now, the last GOAWAY with the next tick, so
 * that calls on their way to us are still served.
 */
void nv_grpc_session_shutdown(struct nv_grpc_session *session)
{
    if (session->shut)
        return;
    session->shut = true;
    (void)nghttp2_submit_shutdown_notice(session->h2);
    for (struct nv_grpc_call *call = session->calls; call; call = call->next) {
        if (!is_watcher(call))
            continue;
        call->stay = false;
        call->code = NV_GRPC_UNAVAILABLE;
        call->close_by_ns =
            now_ns(session) + session->shared->limits.write_timeout_ms * NV_NS_PER_MS;
        (void)nghttp2_session_resume_data(session->h2, call->stream_id);
    }
}
