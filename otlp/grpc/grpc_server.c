/*
 * The gRPC server: connections of HTTP/2 sessions on the receiver's loops.
 *
 *   socket ─read─▶ scratch ─▶ session ─▶ out (one buffer) ─write─▶ socket
 *
 * Each loop has its own part with its own list of connections, the longest silent first. At the
 * cap of connections the first without a call makes room. A connection that does not read what
 * it is sent is not read from either, so its answers can't pile up.
 *
 * Stopping (see server.h): every session says GOAWAY; sessions end after their last call, and
 * the connection with them, once the peer has closed its side or a while has passed.
 *
 *   connection:  open ─▶ driven (read, feed, pull, write) ─▶ over ─▶ lingering ─▶ closed
 *                                  │ error, time is up ─────────────────────────▶ closed
 *
 * drive() may free the connection: after it, nothing of the connection is touched. All of it on
 * its loop's thread; answers of other threads come back as tasks (wake, on_answer).
 */
#include "otlp/grpc/grpc_server.h"

#include "base/limits.h"
#include "otlp/grpc/grpc_internal.h"
#include "otlp/grpc/otlp_grpc.h"
#include "otlp/request/refusal.h"
#include "net/peer.h"
#include "net/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define OUT_ENOUGH_BYTES ((size_t)16 * 1024)
/* Bytes read in one go before other connections of the loop get their turn. */
#define TURN_BYTES ((size_t)1024 * 1024)
#define HTTP_TOLD                                                                              \
    "HTTP/1.1 is not spoken on this port: OTLP/HTTP has a port of its own "                    \
    "(receiver.http.listen, 4318); or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
#define TLS_TOLD                                                                               \
    "TLS on a port without a certificate: use http:// or an insecure channel, or set "         \
    "receiver.grpc.tls.cert_file and key_file"

struct nv_grpc_connection {
    struct nv_io io;
    struct nv_stream stream;
    struct nv_grpc_part *part;
    struct nv_grpc_connection *prev, *next;
    struct nv_grpc_session *session;
    struct nv_buf out;
    size_t sent;
    uint64_t write_by_ns;  /* UINT64_MAX: nothing is waiting */
    uint64_t linger_by_ns; /* UINT64_MAX: not lingering */
    size_t linger_left;
    bool closing; /* sends what is left, reads no more */
};

/* What a server has on one loop; touched by that loop's thread alone. */
struct nv_grpc_part {
    struct nv_server_part base;
    struct nv_grpc_connection *first, *last;
};

struct nv_grpc_server {
    struct nv_server base;
    struct nv_grpc_shared shared;
    struct nv_otlp_grpc otlp;
};

/* 100 streams are the least that RFC 9113 6.5.2 recommends; 20 s for the answer to a ping are
 * gRPC's own default (GRPC_ARG_KEEPALIVE_TIMEOUT_MS). */
void nv_grpc_limits_init(struct nv_grpc_limits *limits)
{
    *limits = (struct nv_grpc_limits){
        .connections_max = 2000,
        .streams_max = 100,
        .header_list_bytes = 16384,
        .message_bytes_max = (size_t)64 * 1024 * 1024,
        .undecoded_bytes_max = (size_t)256 * 1024 * 1024,
        .handshake_timeout_ms = 10000,
        .call_timeout_ms = 60000,
        .write_timeout_ms = 30000,
        .linger_timeout_ms = 2000,
        .linger_bytes_max = (size_t)1024 * 1024,
        .ping_after_ms = 120000,
        .ping_timeout_ms = 20000,
    };
}

/* ---- connections ------------------------------------------------------------------------- */

static struct nv_grpc_server *server_of(const struct nv_grpc_part *part)
{
    return NV_CONTAINER(part->base.server, struct nv_grpc_server, base);
}

static uint64_t part_now_ns(const struct nv_grpc_part *part)
{
    return nv_clock_mono_ns(nv_loop_clock(part->base.loop));
}

/* Behind the last, whenever it did something: the list is by silence, so the first is the one
 * to close when room is needed. */
static void append(struct nv_grpc_connection *connection)
{
    struct nv_grpc_part *part = connection->part;
    connection->prev = part->last;
    connection->next = NULL;
    if (part->last)
        part->last->next = connection;
    else
        part->first = connection;
    part->last = connection;
}

static void take_out(struct nv_grpc_connection *connection)
{
    struct nv_grpc_part *part = connection->part;
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        part->first = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    else
        part->last = connection->prev;
}

static void close_connection(struct nv_grpc_connection *connection)
{
    take_out(connection);
    nv_io_release(&connection->io);
    nv_grpc_session_free(connection->session);
    nv_stream_close(&connection->stream);
    nv_buf_release(&connection->out);
    atomic_fetch_sub(&connection->part->base.server->connections, 1);
    free(connection);
}

/* Sends what the session has, until the socket is full. NV_ERR_AGAIN: wait; NV_OK: all is
 * sent. */
static enum nv_err write_out(struct nv_grpc_connection *connection)
{
    assert(connection->sent <= connection->out.len);
    const struct nv_grpc_limits *limits = &server_of(connection->part)->shared.limits;
    for (;;) {
        if (connection->sent == connection->out.len) {
            nv_buf_clear(&connection->out);
            connection->sent = 0;
            enum nv_err err =
                nv_grpc_session_pull(connection->session, OUT_ENOUGH_BYTES, &connection->out);
            if (err != NV_OK)
                return err;
            if (connection->out.len == 0) {
                nv_buf_release(&connection->out);
                connection->write_by_ns = UINT64_MAX;
                return NV_OK;
            }
        }
        size_t sent;
        enum nv_err err =
            nv_stream_write(&connection->stream, connection->out.bytes + connection->sent,
                            connection->out.len - connection->sent, &sent);
        /* from the first byte that the peer does not take; each byte that it takes starts the
         * time anew */
        if (err == NV_ERR_AGAIN && connection->write_by_ns == UINT64_MAX) {
            connection->write_by_ns =
                part_now_ns(connection->part) + limits->write_timeout_ms * NV_NS_PER_MS;
        }
        if (err != NV_OK)
            return err;
        connection->sent += sent;
        connection->write_by_ns = UINT64_MAX;
    }
}

/* The usual mistakes are told and counted: the peer sees a connection that was closed, no
 * more. */
static void note_protocol(const struct nv_grpc_session *session, struct nv_str bytes)
{
    /* The last is a record of TLS that carries a handshake (RFC 8446 5.1). */
    static const struct {
        struct nv_str start;
        const char *told;
    } known[] = {{NV_STR_INIT("POST "), HTTP_TOLD},    {NV_STR_INIT("GET "), HTTP_TOLD},
                 {NV_STR_INIT("OPTIONS "), HTTP_TOLD}, {NV_STR_INIT("HEAD "), HTTP_TOLD},
                 {NV_STR_INIT("PUT "), HTTP_TOLD},     {NV_STR_INIT("\x16\x03"), TLS_TOLD}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (nv_str_starts(bytes, known[i].start)) {
            nv_refusal_note("grpc", NV_REFUSAL_PROTOCOL, nv_str_from(known[i].told),
                            nv_grpc_session_sender(session));
            return;
        }
    }
}

/* Reads some and feeds the session. NV_ERR_AGAIN: nothing more to read now. */
static enum nv_err read_some(struct nv_grpc_connection *connection, size_t *got)
{
    char *scratch = nv_loop_scratch(connection->part->base.loop);
    enum nv_err err = nv_stream_read(&connection->stream, scratch, NV_LOOP_SCRATCH_BYTES, got);
    if (err != NV_OK)
        return err;
    if (*got == 0)
        return NV_ERR_IO;
    err = nv_grpc_session_feed(connection->session, (struct nv_str){scratch, *got});
    if (err == NV_ERR_MALFORMED) {
        note_protocol(connection->session, (struct nv_str){scratch, *got});
        connection->closing = true; /* a GOAWAY may be on its way */
        return NV_OK;
    }
    return err;
}

static bool is_lingering(const struct nv_grpc_connection *connection)
{
    return connection->linger_by_ns != UINT64_MAX;
}

/*
 * All is said. Closing now would have the kernel reset the connection if the peer says one
 * thing more, and drop answers that are still on their way: so what it says is read for a
 * while.
 */
static void begin_linger(struct nv_grpc_connection *connection)
{
    const struct nv_grpc_limits *limits = &server_of(connection->part)->shared.limits;
    nv_stream_shutdown(&connection->stream);
    connection->linger_left = limits->linger_bytes_max;
    connection->linger_by_ns =
        part_now_ns(connection->part) + limits->linger_timeout_ms * NV_NS_PER_MS;
}

/* Reads and forgets. May free the connection. */
static void linger(struct nv_grpc_connection *connection)
{
    char *scratch = nv_loop_scratch(connection->part->base.loop);
    enum nv_err err = NV_OK;
    while (err == NV_OK) {
        size_t got = 0;
        err = nv_stream_read(&connection->stream, scratch, NV_LOOP_SCRATCH_BYTES, &got);
        if (err == NV_OK && (got == 0 || got >= connection->linger_left))
            err = NV_ERR_END;
        connection->linger_left -= err == NV_OK ? got : 0;
    }
    if (err != NV_ERR_AGAIN || nv_io_want(&connection->io, connection->stream.wants) != NV_OK)
        close_connection(connection);
}

static bool is_over(const struct nv_grpc_connection *connection)
{
    return connection->closing || nv_grpc_session_done(connection->session);
}

/* Does what can be done without waiting. May free the connection. */
static void drive(struct nv_grpc_connection *connection)
{
    unsigned want = NV_IO_READ | NV_IO_WRITE; /* its turn is over: writable brings it back */
    size_t total = 0;
    if (is_lingering(connection)) {
        linger(connection);
        return;
    }
    while (total < TURN_BYTES) {
        size_t got = 0;
        enum nv_err err = write_out(connection);
        if (err == NV_OK && is_over(connection))
            err = NV_ERR_END;
        if (err == NV_OK)
            err = read_some(connection, &got);
        if (err == NV_ERR_AGAIN) {
            want = connection->stream.wants;
            break;
        }
        if (err == NV_ERR_END) {
            begin_linger(connection);
            linger(connection);
            return;
        }
        if (err != NV_OK) {
            nv_stream_shutdown(&connection->stream);
            close_connection(connection);
            return;
        }
        total += got;
    }
    take_out(connection);
    append(connection);
    if (nv_io_want(&connection->io, want) != NV_OK)
        close_connection(connection);
}

static void on_ready(struct nv_io *io, unsigned what)
{
    (void)what;
    drive(NV_CONTAINER(io, struct nv_grpc_connection, io));
}

static void open_connection(struct nv_grpc_part *part, int fd)
{
    struct nv_grpc_connection *connection = calloc(1, sizeof *connection);
    struct nv_stream stream = {.fd = fd};
    if (!connection || nv_stream_init(&stream, fd, part->base.server->tls) != NV_OK) {
        nv_stream_close(&stream);
        free(connection);
        return;
    }
    connection->stream = stream;
    connection->part = part;
    connection->write_by_ns = connection->linger_by_ns = UINT64_MAX;
    nv_buf_init(&connection->out, NV_CAP_GRPC_OUT);
    atomic_fetch_add(&part->base.server->connections, 1);
    append(connection);
    connection->session =
        nv_grpc_session_new(&server_of(part)->shared, part->base.loop, connection);
    if (!connection->session ||
        nv_io_init(&connection->io, part->base.loop, fd, on_ready) != NV_OK) {
        close_connection(connection);
        return;
    }
    nv_grpc_session_set_client(connection->session, fd);
    drive(connection);
}

/* ---- answers of other threads ------------------------------------------------------------ */

static void on_answer(struct nv_loop_task *task)
{
    struct nv_grpc_call *call = NV_CONTAINER(task, struct nv_grpc_call, task);
    call->ready = true;
    struct nv_grpc_session *session = nv_grpc_call_settle(call);
    if (session)
        drive(nv_grpc_session_owner(session));
}

static void wake(struct nv_grpc_call *call)
{
    if (nv_loop_is_current(call->loop) && call->dispatching) {
        call->ready = true; /* picked up when the service returns */
        return;
    }
    call->task.run = on_answer;
    nv_loop_post(call->loop, &call->task);
}

/* ---- one loop's part --------------------------------------------------------------------- */

static struct nv_grpc_part *part_of(struct nv_server_part *base)
{
    return NV_CONTAINER(base, struct nv_grpc_part, base);
}

/* The list changes under the walk: what is driven goes to its end, so the walk stops at who was
 * last when it began. */
static void tick(struct nv_server_part *base, uint64_t now_ns)
{
    struct nv_grpc_part *part = part_of(base);
    struct nv_grpc_connection *next;
    struct nv_grpc_connection *last = part->last; /* driving moves connections to the end */
    for (struct nv_grpc_connection *at = part->first; at; at = next) {
        bool end = at == last;
        next = end ? NULL : at->next;
        if (is_lingering(at)) {
            if (now_ns >= at->linger_by_ns)
                close_connection(at);
        } else if (now_ns >= at->write_by_ns || !nv_grpc_session_tick(at->session, now_ns)) {
            atomic_fetch_add(&server_of(part)->shared.timeouts, 1);
            close_connection(at);
        } else if (nv_grpc_session_wants_write(at->session)) {
            drive(at);
        }
    }
}

/* Not one with a call: somebody waits for its answer. */
static bool make_room(struct nv_server_part *base)
{
    struct nv_grpc_connection *at = part_of(base)->first;
    while (at && nv_grpc_session_busy(at->session))
        at = at->next;
    if (!at)
        return false;
    close_connection(at);
    return true;
}

static void take_connection(struct nv_server_part *base, int fd)
{
    open_connection(part_of(base), fd);
}

static void stop(struct nv_server_part *base)
{
    struct nv_grpc_part *part = part_of(base);
    struct nv_grpc_connection *next;
    struct nv_grpc_connection *last = part->last;
    for (struct nv_grpc_connection *at = part->first; at; at = next) {
        next = at == last ? NULL : at->next;
        nv_grpc_session_shutdown(at->session);
        drive(at);
    }
}

static void close_all(struct nv_server_part *base)
{
    struct nv_grpc_part *part = part_of(base);
    while (part->first)
        close_connection(part->first);
}

static const struct nv_server_actions actions = {
    .part_bytes = sizeof(struct nv_grpc_part),
    .tick = tick,
    .make_room = make_room,
    .open = take_connection,
    .stop = stop,
    .close = close_all,
};

/* ---- the server -------------------------------------------------------------------------- */

enum nv_err nv_grpc_server_new(const struct nv_grpc_server_config *config,
                               const struct nv_loops *loops, struct nv_fail *fail,
                               struct nv_grpc_server **out)
{
    struct nv_grpc_server *server = calloc(1, sizeof *server);
    if (!server)
        return NV_ERR_NO_MEMORY;
    assert(loops->count > 0);
    server->otlp = (struct nv_otlp_grpc){.acceptor = config->acceptor,
                                         .auth = config->auth,
                                         .message_bytes_max = config->limits.message_bytes_max,
                                         .items_max = config->limits.items_max,
                                         .item_bytes_max = config->limits.item_bytes_max};
    server->shared.limits = config->limits;
    server->shared.service = nv_otlp_grpc_service(&server->otlp);
    server->shared.clock = nv_loop_clock(loops->items[0]);
    server->shared.wake = wake;
    struct nv_server_config base = {.actions = &actions,
                                    .listener = &config->listener,
                                    .tls = &config->tls,
                                    .alpn = "h2",
                                    .connections_max = config->limits.connections_max};
    enum nv_err err = nv_server_open(&server->base, &base, loops, fail);
    if (err != NV_OK) {
        nv_grpc_server_free(server);
        return err;
    }
    *out = server;
    return NV_OK;
}

void nv_grpc_server_stop_accepting(struct nv_grpc_server *server)
{
    nv_server_stop(&server->base);
}

bool nv_grpc_server_drain(struct nv_grpc_server *server, unsigned timeout_ms)
{
    return nv_server_drain(&server->base, timeout_ms, &server->shared.calls);
}

void nv_grpc_server_free(struct nv_grpc_server *server)
{
    if (!server)
        return;
    nv_server_release(&server->base);
    assert(atomic_load(&server->shared.calls) == 0);
    free(server);
}

enum nv_err nv_grpc_server_reload(struct nv_grpc_server *server, struct nv_fail *fail)
{
    return nv_server_reload(&server->base, fail);
}

const struct nv_listener *nv_grpc_server_listener(const struct nv_grpc_server *server)
{
    return server->base.listener;
}

void nv_grpc_server_status(const struct nv_grpc_server *server, struct nv_grpc_status *out)
{
    *out = (struct nv_grpc_status){
        .connections = atomic_load(&server->base.connections),
        .calls = atomic_load(&server->shared.calls),
        .undecoded_bytes = atomic_load(&server->shared.undecoded_bytes),
        .accepted = atomic_load(&server->base.accepted),
        .requests = atomic_load(&server->shared.requests),
        .refused_connections = atomic_load(&server->base.refused_connections),
        .floods = atomic_load(&server->shared.floods),
        .timeouts = atomic_load(&server->shared.timeouts),
    };
}
