/*
 * The gRPC server: connections of HTTP/2 sessions on the receiver's loops.
 *
 *   socket ─read─▶ scratch ─▶ session ─▶ out (one buffer) ─write─▶ socket
 *
 * Each loop has its own part with its own list of connections, the longest silent first. At the cap
 * of connections the first without a call makes room. A connection that does not read what it is
 * sent is not read from either, so its answers can't pile up.
 *
 * Stopping: the listener is closed and every session says GOAWAY; sessions end after their last
 * call, and the connection with them.
 */
#include "otlp/grpc_server.h"

#include "base/log.h"
#include "otlp/grpc_internal.h"
#include "otlp/otlp_grpc.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define POLL_NS 2000000L
#define OUT_ENOUGH_BYTES ((size_t)16 * 1024)
#define OUT_BYTES_MAX ((size_t)256 * 1024)
/* Bytes read in one go before other connections of the loop get their turn. */
#define TURN_BYTES ((size_t)1024 * 1024)

struct nv_grpc_connection {
    struct nv_io io;
    struct nv_stream stream;
    struct nv_grpc_part *part;
    struct nv_grpc_connection *prev, *next;
    struct nv_grpc_session *session;
    struct nv_buf out;
    size_t sent;
    uint64_t write_by_ns; /* UINT64_MAX: nothing is waiting */
    bool closing;         /* sends what is left, reads no more */
};

/* What a server has on one loop; touched by that loop's thread alone. */
struct nv_grpc_part {
    struct nv_grpc_server *server;
    struct nv_loop *loop;
    struct nv_loop_tick tick;
    struct nv_loop_task stop_task, close_task;
    struct nv_grpc_connection *first, *last;
};

struct nv_grpc_server {
    struct nv_grpc_shared shared;
    struct nv_otlp_grpc otlp;
    struct nv_listener *listener;
    struct nv_tls *tls; /* NULL: plain */
    struct nv_grpc_part *parts;
    unsigned part_count;
    atomic_bool stopping;
    atomic_uint stops_due; /* parts that have not yet handled their stop or close task */
    atomic_size_t connections;
    atomic_ullong accepted, refused_connections;
};

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
        .ping_after_ms = 120000,
        .ping_timeout_ms = 20000,
    };
}

/* ---- connections -------------------------------------------------------------------------- */

static uint64_t part_now_ns(const struct nv_grpc_part *part)
{
    return nv_clock_mono_ns(nv_loop_clock(part->loop));
}

static void append(struct nv_grpc_connection *connection)
{
    struct nv_grpc_part *part = connection->part;
    connection->prev = part->last;
    connection->next = NULL;
    if (part->last != NULL)
        part->last->next = connection;
    else
        part->first = connection;
    part->last = connection;
}

static void take_out(struct nv_grpc_connection *connection)
{
    struct nv_grpc_part *part = connection->part;
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        part->first = connection->next;
    if (connection->next != NULL)
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
    atomic_fetch_sub(&connection->part->server->connections, 1);
    free(connection);
}

/* Sends what the session has, until the socket is full. NV_ERR_AGAIN: wait; NV_OK: all is sent. */
static enum nv_err write_out(struct nv_grpc_connection *connection)
{
    assert(connection->sent <= connection->out.len);
    const struct nv_grpc_limits *limits = &connection->part->server->shared.limits;
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
        if (err == NV_ERR_AGAIN && connection->write_by_ns == UINT64_MAX)
            connection->write_by_ns =
                part_now_ns(connection->part) + limits->write_timeout_ms * NV_NS_PER_MS;
        if (err != NV_OK)
            return err;
        connection->sent += sent;
        connection->write_by_ns = UINT64_MAX;
    }
}

/* The two usual mistakes deserve a line: the peer sees a connection that was closed, no more. */
static void explain_refusal(struct nv_str bytes)
{
    if (nv_str_starts(bytes, NV_STR("POST ")) || nv_str_starts(bytes, NV_STR("GET ")))
        NV_LOG(NV_LOG_WARN, "otlp", "HTTP/1.1 on the gRPC port; OTLP/HTTP has a port of its own");
    else if (nv_str_starts(bytes, NV_STR("\x16\x03")))
        NV_LOG(NV_LOG_WARN, "otlp", "TLS on the gRPC port, which has no certificate");
}

/* Reads some and feeds the session. NV_ERR_AGAIN: nothing more to read now. */
static enum nv_err read_some(struct nv_grpc_connection *connection, size_t *got)
{
    char *scratch = nv_loop_scratch(connection->part->loop);
    enum nv_err err = nv_stream_read(&connection->stream, scratch, NV_LOOP_SCRATCH_BYTES, got);
    if (err != NV_OK)
        return err;
    if (*got == 0)
        return NV_ERR_IO;
    err = nv_grpc_session_feed(connection->session, (struct nv_str){scratch, *got});
    if (err == NV_ERR_MALFORMED) {
        explain_refusal((struct nv_str){scratch, *got});
        connection->closing = true; /* a GOAWAY may be on its way */
        return NV_OK;
    }
    return err;
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
    if (connection == NULL || nv_stream_init(&stream, fd, part->server->tls) != NV_OK) {
        nv_stream_close(&stream);
        free(connection);
        return;
    }
    connection->stream = stream;
    connection->part = part;
    connection->write_by_ns = UINT64_MAX;
    nv_buf_init(&connection->out, OUT_BYTES_MAX);
    atomic_fetch_add(&part->server->connections, 1);
    append(connection);
    connection->session = nv_grpc_session_new(&part->server->shared, part->loop, connection);
    if (connection->session == NULL ||
        nv_io_init(&connection->io, part->loop, fd, on_ready) != NV_OK) {
        close_connection(connection);
        return;
    }
    drive(connection);
}

/* ---- answers of other threads ------------------------------------------------------------- */

static void on_answer(struct nv_loop_task *task)
{
    struct nv_grpc_call *call = NV_CONTAINER(task, struct nv_grpc_call, task);
    call->ready = true;
    struct nv_grpc_session *session = nv_grpc_call_settle(call);
    if (session != NULL)
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

/* ---- one loop's part ---------------------------------------------------------------------- */

static void on_tick(struct nv_loop_tick *tick, uint64_t now_ns)
{
    struct nv_grpc_part *part = NV_CONTAINER(tick, struct nv_grpc_part, tick);
    struct nv_grpc_connection *next;
    struct nv_grpc_connection *last = part->last; /* driving moves connections to the end */
    for (struct nv_grpc_connection *at = part->first; at != NULL; at = next) {
        bool end = at == last;
        next = end ? NULL : at->next;
        if (now_ns >= at->write_by_ns || !nv_grpc_session_tick(at->session, now_ns))
            close_connection(at);
        else if (nv_grpc_session_wants_write(at->session))
            drive(at);
    }
}

static struct nv_grpc_part *part_of(struct nv_grpc_server *server, const struct nv_loop *loop)
{
    for (unsigned i = 0; i < server->part_count; i++) {
        if (server->parts[i].loop == loop)
            return &server->parts[i];
    }
    assert(false && "the loops of the listener are those of the server");
    return NULL;
}

static bool on_wanted(void *ctx, struct nv_loop *loop)
{
    struct nv_grpc_server *server = ctx;
    if (atomic_load(&server->connections) < server->shared.limits.connections_max)
        return true;
    atomic_fetch_add(&server->refused_connections, 1);
    struct nv_grpc_connection *at = part_of(server, loop)->first;
    while (at != NULL && nv_grpc_session_busy(at->session))
        at = at->next;
    if (at == NULL)
        return false; /* all are at work: the new one waits in the queue */
    close_connection(at);
    return true;
}

static void on_accepted(void *ctx, struct nv_loop *loop, int fd)
{
    struct nv_grpc_server *server = ctx;
    atomic_fetch_add(&server->accepted, 1);
    open_connection(part_of(server, loop), fd);
}

static void stop_part(struct nv_loop_task *task)
{
    struct nv_grpc_part *part = NV_CONTAINER(task, struct nv_grpc_part, stop_task);
    struct nv_grpc_connection *next;
    nv_listener_stop(part->server->listener, part->loop); /* takes what is in the queue first */
    struct nv_grpc_connection *last = part->last;
    for (struct nv_grpc_connection *at = part->first; at != NULL; at = next) {
        next = at == last ? NULL : at->next;
        nv_grpc_session_shutdown(at->session);
        drive(at);
    }
    atomic_fetch_sub(&part->server->stops_due, 1);
}

static void close_part(struct nv_loop_task *task)
{
    struct nv_grpc_part *part = NV_CONTAINER(task, struct nv_grpc_part, close_task);
    while (part->first != NULL)
        close_connection(part->first);
    atomic_fetch_sub(&part->server->stops_due, 1);
}

/* ---- the server --------------------------------------------------------------------------- */

static enum nv_err make_parts(struct nv_grpc_server *server, const struct nv_loops *loops)
{
    server->parts = calloc(loops->count, sizeof *server->parts);
    if (server->parts == NULL)
        return NV_ERR_NO_MEMORY;
    server->part_count = loops->count;
    for (unsigned i = 0; i < loops->count; i++) {
        struct nv_grpc_part *part = &server->parts[i];
        part->server = server;
        part->loop = loops->items[i];
        part->tick.run = on_tick;
        part->stop_task.run = stop_part;
        part->close_task.run = close_part;
        nv_loop_add_tick(part->loop, &part->tick);
    }
    struct nv_accepter accepter = {.ctx = server, .accepted = on_accepted, .wanted = on_wanted};
    return nv_listener_attach(server->listener, loops, accepter);
}

enum nv_err nv_grpc_server_new(const struct nv_grpc_server_config *config,
                               const struct nv_loops *loops, struct nv_fail *fail,
                               struct nv_grpc_server **out)
{
    struct nv_grpc_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NV_ERR_NO_MEMORY;
    assert(loops->count > 0);
    server->otlp = (struct nv_otlp_grpc){.acceptor = config->acceptor,
                                         .auth = config->auth,
                                         .message_bytes_max = config->limits.message_bytes_max};
    server->shared.limits = config->limits;
    server->shared.service = nv_otlp_grpc_service(&server->otlp);
    server->shared.clock = nv_loop_clock(loops->items[0]);
    server->shared.wake = wake;
    enum nv_err err = NV_OK;
    if (nv_tls_wanted(&config->tls))
        err = nv_tls_new(&config->tls, "h2", fail, &server->tls);
    if (err == NV_OK)
        err = nv_listener_open(&config->listener, fail, &server->listener);
    if (err == NV_OK)
        err = make_parts(server, loops);
    if (err != NV_OK) {
        nv_grpc_server_free(server);
        return err;
    }
    *out = server;
    return NV_OK;
}

static void pause_briefly(void)
{
    struct timespec pause = {0, POLL_NS};
    (void)nanosleep(&pause, NULL);
}

/* Has every part do a task, on its own thread, and waits for them. */
static void on_all_parts(struct nv_grpc_server *server, bool stop)
{
    atomic_store(&server->stops_due, server->part_count);
    for (unsigned i = 0; i < server->part_count; i++) {
        struct nv_grpc_part *part = &server->parts[i];
        struct nv_loop_task *task = stop ? &part->stop_task : &part->close_task;
        if (nv_loop_is_current(part->loop))
            task->run(task); /* a loop without a thread */
        else
            nv_loop_post(part->loop, task);
    }
    while (atomic_load(&server->stops_due) > 0)
        pause_briefly();
}

void nv_grpc_server_stop_accepting(struct nv_grpc_server *server)
{
    if (!atomic_exchange(&server->stopping, true))
        on_all_parts(server, true);
}

bool nv_grpc_server_drain(struct nv_grpc_server *server, unsigned timeout_ms)
{
    const struct nv_clock *clock = nv_clock_system();
    uint64_t end_ns = nv_clock_mono_ns(clock) + timeout_ms * NV_NS_PER_MS;
    assert(atomic_load(&server->stopping));
    while (atomic_load(&server->connections) > 0 && nv_clock_mono_ns(clock) < end_ns)
        pause_briefly();
    bool answered = atomic_load(&server->shared.calls) == 0;
    on_all_parts(server, false);
    return answered;
}

void nv_grpc_server_free(struct nv_grpc_server *server)
{
    if (server == NULL)
        return;
    for (unsigned i = 0; i < server->part_count; i++) {
        atomic_store(&server->stops_due, 1);
        close_part(&server->parts[i].close_task);
        nv_loop_remove_tick(server->parts[i].loop, &server->parts[i].tick);
    }
    assert(atomic_load(&server->shared.calls) == 0);
    nv_listener_free(server->listener);
    nv_tls_free(server->tls);
    free(server->parts);
    free(server);
}

enum nv_err nv_grpc_server_reload(struct nv_grpc_server *server, struct nv_fail *fail)
{
    return server->tls != NULL ? nv_tls_reload(server->tls, fail) : NV_OK;
}

const struct nv_listener *nv_grpc_server_listener(const struct nv_grpc_server *server)
{
    return server->listener;
}

void nv_grpc_server_status(const struct nv_grpc_server *server, struct nv_grpc_status *out)
{
    *out = (struct nv_grpc_status){
        .connections = atomic_load(&server->connections),
        .calls = atomic_load(&server->shared.calls),
        .undecoded_bytes = atomic_load(&server->shared.undecoded_bytes),
        .accepted = atomic_load(&server->accepted),
        .requests = atomic_load(&server->shared.requests),
        .refused_connections = atomic_load(&server->refused_connections),
        .floods = atomic_load(&server->shared.floods),
    };
}
