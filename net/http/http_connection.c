/*
 * The state machine of one connection: what to read, when to answer, how to end.
 *
 *   IDLE ─▶ HEAD ─▶ BODY ─▶ WAIT ─▶ WRITE ─┬─▶ IDLE      keep-alive
 *             │       │               ▲    └─▶ LINGER ─▶ closed
 *             └───────┴── refused ────┘
 *
 * Heads and the beginnings of bodies are read through the loop's scratch area, so that a client
 * which sends a byte a second holds hardly more than that; the rest of a body of known length
 * goes straight into its own buffer, nearly all of it on a connection that has brought as much.
 * Deadlines are absolute: they begin with a state and no byte renews them; a body must also
 * keep a minimum rate. A refusal is followed by reading on for a while, within a budget of
 * bytes and time: closing a socket with unread data makes the kernel reset the connection, and
 * the client would lose the answer.
 */
#include "net/http/http_internal.h"
#include "net/peer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Bytes read in one go before other connections of the loop get their turn. */
#define TURN_BYTES ((size_t)1024 * 1024)
/* What must have come of a body before room for the next read is made ahead. */
#define DIRECT_BYTES ((size_t)32 * 1024)
#define HEAD_READ_BYTES ((size_t)4 * 1024) /* most heads */

enum step { STEP_ON, STEP_WAIT, STEP_CLOSED };

static uint64_t now_ns(const struct nv_http_connection *connection)
{
    return nv_clock_mono_ns(nv_loop_clock(connection->part->base.loop));
}

static const struct nv_http_limits *limits(const struct nv_http_connection *connection)
{
    return &nv_http_part_server(connection->part)->limits;
}

/* ---- lists and states -------------------------------------------------------------------- */

static bool is_idle(const struct nv_http_connection *connection)
{
    return connection->state == NV_HTTP_AT_IDLE;
}

static struct nv_http_list *list_of(struct nv_http_connection *connection)
{
    return is_idle(connection) ? &connection->part->idle : &connection->part->busy;
}

static void unlink_from(struct nv_http_connection *connection, struct nv_http_list *list)
{
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        list->first = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    else
        list->last = connection->prev;
    connection->prev = connection->next = NULL;
}

static void append_to(struct nv_http_connection *connection, struct nv_http_list *list)
{
    connection->prev = list->last;
    if (list->last)
        list->last->next = connection;
    else
        list->first = connection;
    list->last = connection;
}

/* Enters a state whose deadline is `timeout_ms` from now; 0: none. */
static void enter(struct nv_http_connection *connection, enum nv_http_state state,
                  unsigned timeout_ms)
{
    bool moves = is_idle(connection) != (state == NV_HTTP_AT_IDLE);
    if (moves)
        unlink_from(connection, list_of(connection));
    connection->state = (uint8_t)state;
    connection->used |= state != NV_HTTP_AT_IDLE;
    if (moves)
        append_to(connection, list_of(connection));
    connection->deadline_ns =
        timeout_ms > 0 ? now_ns(connection) + timeout_ms * NV_NS_PER_MS : UINT64_MAX;
}

/* ---- open and close ---------------------------------------------------------------------- */

static void on_ready(struct nv_io *io, unsigned what)
{
    struct nv_http_connection *connection = NV_CONTAINER(io, struct nv_http_connection, io);
    (void)what;
    if (connection->state == NV_HTTP_AT_WAIT) {
        nv_io_rest(io); /* not now; drive() watches again after the reply */
        return;
    }
    nv_http_connection_drive(connection);
}

void nv_http_connection_open(struct nv_http_part *part, int fd)
{
    struct nv_http_connection *connection = calloc(1, sizeof *connection);
    struct nv_stream stream = {.fd = fd};
    if (!connection || nv_stream_init(&stream, fd, part->base.server->tls) != NV_OK) {
        nv_stream_close(&stream);
        free(connection);
        return;
    }
    connection->stream = stream;
    connection->part = part;
    connection->client = nv_peer_of(fd);
    connection->opened_ns = now_ns(connection);
    atomic_fetch_add(&part->base.server->connections, 1);
    append_to(connection, &part->idle);
    /* A handshake counts as the beginning of a head; a plain connection may be opened ahead. */
    enter(connection, NV_HTTP_AT_IDLE,
          part->base.server->tls != NULL ? limits(connection)->head_timeout_ms
                                         : limits(connection)->idle_timeout_ms);
    if (nv_io_init(&connection->io, part->base.loop, fd, on_ready) != NV_OK ||
        nv_io_want(&connection->io, NV_IO_READ) != NV_OK)
        nv_http_connection_close(connection);
}

void nv_http_connection_close(struct nv_http_connection *connection)
{
    assert(nv_loop_is_current(connection->part->base.loop));
    struct nv_http_exchange *exchange = connection->exchange;
    unlink_from(connection, list_of(connection));
    nv_io_release(&connection->io);
    nv_stream_close(&connection->stream);
    if (exchange && connection->state == NV_HTTP_AT_WAIT && !exchange->replied)
        exchange->connection = NULL; /* freed when its handler has answered */
    else if (exchange)
        nv_http_exchange_free(exchange);
    atomic_fetch_sub(&connection->part->base.server->connections, 1);
    free(connection->rest);
    free(connection);
}

/* ---- replies ----------------------------------------------------------------------------- */

static enum step begin_reply(struct nv_http_connection *connection)
{
    assert(connection->exchange->replied);
    if (connection->exchange->out.len == 0)
        return STEP_CLOSED; /* no memory for the reply */
    enter(connection, NV_HTTP_AT_WRITE, limits(connection)->write_timeout_ms);
    return STEP_ON;
}

static enum step refuse(struct nv_http_connection *connection, int status, const char *why)
{
    nv_http_exchange_refuse(connection->exchange, status, why);
    return begin_reply(connection);
}

/* How much is read on after a refusal. A body that might have been taken is read to its end: a
 * client that sends all of it before it reads would find a reset in the place of "retry
 * later". */
static size_t linger_bytes(const struct nv_http_connection *connection)
{
    const struct nv_http_exchange *exchange = connection->exchange;
    size_t usual = limits(connection)->linger_bytes_max;
    size_t body = nv_http_exchange_body_max(exchange);
    size_t length = nv_http_request_length(exchange);
    return length > body && length != SIZE_MAX ? usual : usual + body;
}

static enum step end_reply(struct nv_http_connection *connection)
{
    size_t linger = linger_bytes(connection);
    bool keep = connection->exchange->keep && !connection->part->stopping;
    assert(connection->exchange->sent == connection->exchange->out.len);
    nv_http_exchange_free(connection->exchange);
    connection->exchange = NULL;
    if (keep) {
        enter(connection, NV_HTTP_AT_IDLE, limits(connection)->idle_timeout_ms);
        /* The next request has hardly come yet: waiting saves a read. TLS may hold some
         * already. */
        connection->stream.wants = NV_IO_READ;
        return connection->rest == NULL && connection->stream.tls == NULL ? STEP_WAIT : STEP_ON;
    }
    nv_stream_shutdown(&connection->stream);
    free(connection->rest);
    connection->rest = NULL;
    connection->linger_left = linger;
    enter(connection, NV_HTTP_AT_LINGER, limits(connection)->linger_timeout_ms);
    return STEP_ON;
}

static enum step step_write(struct nv_http_connection *connection)
{
    struct nv_http_exchange *exchange = connection->exchange;
    while (exchange->sent < exchange->out.len) {
        size_t sent;
        enum nv_err err =
            nv_stream_write(&connection->stream, exchange->out.bytes + exchange->sent,
                            exchange->out.len - exchange->sent, &sent);
        if (err != NV_OK)
            return err == NV_ERR_AGAIN ? STEP_WAIT : STEP_CLOSED;
        exchange->sent += sent;
    }
    return end_reply(connection);
}

/*
 * What the socket does not take of "100 Continue" goes out before the reply. It can't be
 * dropped: TLS has made a record of it by then and would take the reply's first bytes for
 * those.
 */
static enum step send_continue(struct nv_http_connection *connection)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t sent;
    enum nv_err err = nv_stream_write(&connection->stream, text, sizeof text - 1, &sent);
    if (err == NV_OK || err == NV_ERR_AGAIN) {
        struct nv_str rest = {text + sent, sizeof text - 1 - sent};
        err = nv_buf_append_str(&connection->exchange->out, rest);
    }
    return err == NV_OK ? STEP_ON : STEP_CLOSED;
}

/* ---- heads ------------------------------------------------------------------------------- */

static enum step call_handler(struct nv_http_connection *connection)
{
    const struct nv_http_exchange *exchange = connection->exchange;
    assert(exchange->route != NULL && !exchange->replied);
    if (!exchange->head.chunked && exchange->body_len > connection->longest_body)
        connection->longest_body = exchange->body_len;
    enter(connection, NV_HTTP_AT_WAIT, 0);
    return nv_http_exchange_handle(connection->exchange) ? begin_reply(connection) : STEP_WAIT;
}

/*
 * The length that the head claims, where the connection has brought as much before; else 0. To
 * hold that much by a claim, its sender must have sent that much: no less than to hold it by
 * doubling, so nobody gains by it, and an SDK's large requests are read into one block.
 */
static size_t length_to_believe(const struct nv_http_connection *connection)
{
    const struct nv_http1_head *head = &connection->exchange->head;
    return head->chunked || head->content_length > connection->longest_body
               ? 0
               : (size_t)head->content_length;
}

static enum step on_head(struct nv_http_connection *connection, bool more_at_hand)
{
    struct nv_http_exchange *exchange = connection->exchange;
    if (nv_http_exchange_decide(exchange))
        return begin_reply(connection);
    if (exchange->body_done)
        return call_handler(connection);
    enter(connection, NV_HTTP_AT_BODY, limits(connection)->body_timeout_ms);
    exchange->body_start_ns = now_ns(connection);
    exchange->believed = length_to_believe(connection);
    return exchange->head.expect_continue && !more_at_hand ? send_continue(connection)
                                                           : STEP_ON;
}

static enum step refuse_growth(struct nv_http_connection *connection, enum nv_err err)
{
    return refuse(connection, 503,
                  err == NV_ERR_FULL ? "too many bytes of requests in progress"
                                     : "out of memory");
}

/* No room for the head: what is known of it points at bytes that were not kept. */
static enum step refuse_head(struct nv_http_connection *connection, enum nv_err err)
{
    nv_http1_head_init(&connection->exchange->head);
    return refuse_growth(connection, err);
}

/* Bytes that belong to the head, in whatever pieces. *used of them were taken. */
static enum step take_head(struct nv_http_connection *connection, struct nv_str bytes,
                           size_t *used)
{
    struct nv_http_exchange *exchange = connection->exchange;
    uint32_t before = exchange->head_len;
    size_t room = NV_HTTP1_HEAD_BYTES_MAX + 1 - before;
    struct nv_str piece = nv_str_slice(bytes, 0, room);
    struct nv_str all = piece;
    if (before > 0) { /* not the first piece: all of them together */
        enum nv_err err = nv_http_exchange_save_head(exchange, piece);
        if (err != NV_OK)
            return refuse_head(connection, err);
        all = (struct nv_str){exchange->head_bytes, exchange->head_len};
    }
    enum nv_http1_verdict verdict = nv_http1_head_feed(&exchange->head, all);
    *used = exchange->head.length - before;
    if (before > 0) {
        exchange->head_len = exchange->head.length; /* the rest is body */
    } else {
        enum nv_err err = nv_http_exchange_save_head(exchange, nv_str_slice(piece, 0, *used));
        if (err != NV_OK)
            return refuse_head(connection, err);
    }
    if (verdict == NV_HTTP1_BAD) {
        *used = bytes.len; /* nothing after it can be trusted */
        return refuse(connection, exchange->head.status, exchange->head.why);
    }
    return verdict == NV_HTTP1_DONE ? on_head(connection, *used < bytes.len) : STEP_ON;
}

static enum step begin_head(struct nv_http_connection *connection)
{
    connection->exchange = nv_http_exchange_new(connection, nv_http_connection_drive);
    if (!connection->exchange)
        return STEP_CLOSED;
    enter(connection, NV_HTTP_AT_HEAD, limits(connection)->head_timeout_ms);
    return STEP_ON;
}

/* ---- bodies ------------------------------------------------------------------------------ */

static enum step append_body(struct nv_http_connection *connection, struct nv_str data)
{
    struct nv_http_exchange *exchange = connection->exchange;
    size_t max = nv_http_exchange_body_max(exchange);
    if (data.len == 0)
        return STEP_ON;
    if (data.len > max - exchange->body_len)
        return refuse(connection, 413, "body is larger than the limit");
    enum nv_err err = nv_http_exchange_reserve(exchange, data.len, max);
    if (err != NV_OK)
        return refuse_growth(connection, err);
    memcpy(exchange->body + exchange->body_len, data.ptr, data.len);
    exchange->body_len += data.len;
    return STEP_ON;
}

static enum step take_chunks(struct nv_http_connection *connection, struct nv_str bytes,
                             size_t *used)
{
    struct nv_http_exchange *exchange = connection->exchange;
    struct nv_str data;
    enum nv_http1_verdict verdict = nv_http1_chunks_feed(&exchange->chunks, bytes, used, &data);
    if (verdict == NV_HTTP1_BAD) {
        *used = bytes.len;
        return refuse(connection, 400, exchange->chunks.why);
    }
    enum step step = append_body(connection, data);
    if (step == STEP_ON && verdict == NV_HTTP1_DONE && connection->state == NV_HTTP_AT_BODY)
        return call_handler(connection);
    return step;
}

static size_t body_left(const struct nv_http_exchange *exchange)
{
    assert(!exchange->head.chunked && exchange->head.content_length >= exchange->body_len);
    return (size_t)exchange->head.content_length - exchange->body_len;
}

static enum step take_length(struct nv_http_connection *connection, struct nv_str bytes,
                             size_t *used)
{
    struct nv_http_exchange *exchange = connection->exchange;
    struct nv_str data = nv_str_slice(bytes, 0, body_left(exchange));
    *used = data.len;
    enum step step = append_body(connection, data);
    if (step == STEP_ON && connection->state == NV_HTTP_AT_BODY && body_left(exchange) == 0)
        return call_handler(connection);
    return step;
}

/* More of a body of known length, straight from the socket into its own buffer. */
static enum step read_body(struct nv_http_connection *connection, size_t *got)
{
    struct nv_http_exchange *exchange = connection->exchange;
    size_t left = body_left(exchange);
    size_t want = left < NV_LOOP_SCRATCH_BYTES ? left : NV_LOOP_SCRATCH_BYTES;
    size_t max = nv_http_exchange_body_max(exchange);
    enum nv_err err = nv_http_exchange_reserve(exchange, want, max);
    if (err != NV_OK)
        return refuse_growth(connection, err);
    size_t room = exchange->body_capacity - exchange->body_len;
    err = nv_stream_read(&connection->stream, exchange->body + exchange->body_len,
                         room < left ? room : left, got);
    if (err != NV_OK || *got == 0)
        return err == NV_ERR_AGAIN ? STEP_WAIT : STEP_CLOSED;
    exchange->body_len += *got;
    return *got == left ? call_handler(connection) : STEP_ON;
}

/* ---- the machine ------------------------------------------------------------------------- */

/* Hands some bytes to whatever the state wants. */
static enum step take(struct nv_http_connection *connection, struct nv_str bytes, size_t *used)
{
    *used = 0;
    if (connection->state == NV_HTTP_AT_IDLE && begin_head(connection) == STEP_CLOSED)
        return STEP_CLOSED;
    if (connection->state == NV_HTTP_AT_HEAD)
        return take_head(connection, bytes, used);
    assert(connection->state == NV_HTTP_AT_BODY);
    return connection->exchange->head.chunked ? take_chunks(connection, bytes, used)
                                              : take_length(connection, bytes, used);
}

static bool is_reading(const struct nv_http_connection *connection)
{
    return connection->state <= NV_HTTP_AT_BODY;
}

/* Clients may send the next request before the answer (pipelining, RFC 9112 9.3.2); answers go
 * out in the order of the requests, so one is worked on at a time. */
/* Keeps what was read past a request until its reply is out. */
static enum step keep_rest(struct nv_http_connection *connection, struct nv_str bytes)
{
    const struct nv_http_exchange *exchange = connection->exchange;
    assert(connection->rest == NULL && bytes.len <= NV_LOOP_SCRATCH_BYTES);
    bool refused = exchange != NULL && exchange->replied && !exchange->keep;
    if (bytes.len == 0 || refused)
        return STEP_ON;
    connection->rest = malloc(bytes.len);
    if (!connection->rest)
        return STEP_CLOSED;
    memcpy(connection->rest, bytes.ptr, bytes.len);
    connection->rest_at = 0;
    connection->rest_len = (uint32_t)bytes.len;
    return STEP_ON;
}

static enum step step_rest(struct nv_http_connection *connection)
{
    enum step step = STEP_ON;
    while (step == STEP_ON && is_reading(connection) &&
           connection->rest_at < connection->rest_len) {
        size_t used;
        struct nv_str bytes = {connection->rest + connection->rest_at,
                               connection->rest_len - connection->rest_at};
        step = take(connection, bytes, &used);
        connection->rest_at += (uint32_t)used;
    }
    if (connection->rest_at == connection->rest_len) {
        free(connection->rest);
        connection->rest = NULL;
        connection->rest_at = connection->rest_len = 0;
    }
    return step;
}

/* Hardly more than the head where a long body is likely to follow: what is read with it has to
 * be copied to where the rest of it is read. */
static size_t scratch_wanted(const struct nv_http_connection *connection)
{
    return connection->state != NV_HTTP_AT_BODY && connection->longest_body >= DIRECT_BYTES
               ? HEAD_READ_BYTES
               : NV_LOOP_SCRATCH_BYTES;
}

static enum step read_scratch(struct nv_http_connection *connection, size_t *got)
{
    char *scratch = nv_loop_scratch(connection->part->base.loop);
    enum nv_err err =
        nv_stream_read(&connection->stream, scratch, scratch_wanted(connection), got);
    if (err != NV_OK || *got == 0)
        return err == NV_ERR_AGAIN ? STEP_WAIT : STEP_CLOSED;
    struct nv_str bytes = {scratch, *got};
    enum step step = STEP_ON;
    while (step == STEP_ON && is_reading(connection) && bytes.len > 0) {
        size_t used;
        step = take(connection, bytes, &used);
        bytes = nv_str_slice(bytes, used, SIZE_MAX);
    }
    if (step != STEP_CLOSED && keep_rest(connection, bytes) == STEP_CLOSED)
        return STEP_CLOSED;
    return step;
}

static enum step step_read(struct nv_http_connection *connection, size_t *got)
{
    *got = 0;
    if (connection->rest)
        return step_rest(connection);
    const struct nv_http_exchange *exchange = connection->exchange;
    bool direct = connection->state == NV_HTTP_AT_BODY && !exchange->head.chunked &&
                  (exchange->body_len >= DIRECT_BYTES || exchange->believed >= DIRECT_BYTES);
    return direct ? read_body(connection, got) : read_scratch(connection, got);
}

static enum step step_linger(struct nv_http_connection *connection, size_t *got)
{
    enum nv_err err =
        nv_stream_read(&connection->stream, nv_loop_scratch(connection->part->base.loop),
                       NV_LOOP_SCRATCH_BYTES, got);
    if (err == NV_ERR_AGAIN)
        return STEP_WAIT;
    if (err != NV_OK || *got == 0 || *got >= connection->linger_left)
        return STEP_CLOSED;
    connection->linger_left -= *got;
    return STEP_ON;
}

static enum step step_once(struct nv_http_connection *connection, size_t *got)
{
    *got = 0;
    switch ((enum nv_http_state)connection->state) {
    case NV_HTTP_AT_WAIT:
        return connection->exchange->replied ? begin_reply(connection) : STEP_WAIT;
    case NV_HTTP_AT_WRITE:
        return step_write(connection);
    case NV_HTTP_AT_LINGER:
        return step_linger(connection, got);
    case NV_HTTP_AT_IDLE:
    case NV_HTTP_AT_HEAD:
    case NV_HTTP_AT_BODY:
        break;
    }
    return step_read(connection, got);
}

void nv_http_connection_drive(struct nv_http_connection *connection)
{
    assert(nv_loop_is_current(connection->part->base.loop));
    size_t total = 0;
    enum step step = STEP_ON;
    while (step == STEP_ON && total < TURN_BYTES) {
        size_t got;
        step = step_once(connection, &got);
        total += got;
    }
    unsigned want = connection->stream.wants;
    if (step == STEP_ON)
        want = NV_IO_READ | NV_IO_WRITE; /* its turn is over: writable brings it back at once */
    else if (connection->state == NV_HTTP_AT_WAIT)
        want = connection->io.wanted; /* most replies come before the next byte: see on_ready */
    if (step == STEP_CLOSED || nv_io_want(&connection->io, want) != NV_OK)
        nv_http_connection_close(connection);
}

/* ---- deadlines --------------------------------------------------------------------------- */

/* A deadline alone would let a peer hold its part of the budget with a byte now and then: after
 * the grace a body must have come at the least rate on average. */
static bool too_slow(const struct nv_http_connection *connection, uint64_t now)
{
    const struct nv_http_limits *limit = limits(connection);
    uint64_t grace_ns = limit->body_grace_ms * NV_NS_PER_MS;
    uint64_t spent_ns = now - connection->exchange->body_start_ns;
    if (spent_ns <= grace_ns)
        return false;
    uint64_t due = (spent_ns - grace_ns) / NV_NS_PER_MS * limit->body_rate_min / 1000;
    return connection->exchange->body_len < due;
}

bool nv_http_connection_awaits_first(struct nv_http_connection *connection)
{
    uint64_t until_ns = connection->opened_ns + NV_HTTP_FIRST_MS * NV_NS_PER_MS;
    if (connection->used || now_ns(connection) >= until_ns)
        return false;
    connection->deadline_ns = until_ns;
    return true;
}

bool nv_http_connection_late(const struct nv_http_connection *connection, uint64_t now)
{
    return now >= connection->deadline_ns ||
           (connection->state == NV_HTTP_AT_BODY && too_slow(connection, now));
}

void nv_http_connection_expire(struct nv_http_connection *connection)
{
    assert(nv_loop_is_current(connection->part->base.loop));
    assert(connection->state != NV_HTTP_AT_WAIT); /* that one has no deadline */
    bool answer = connection->state == NV_HTTP_AT_HEAD || connection->state == NV_HTTP_AT_BODY;
    bool idle = connection->state == NV_HTTP_AT_IDLE && nv_stream_ready(&connection->stream);
    if (!idle && connection->state != NV_HTTP_AT_LINGER)
        atomic_fetch_add(&nv_http_part_server(connection->part)->timeouts, 1);
    if (!answer || refuse(connection, 408, "request took too long") == STEP_CLOSED) {
        nv_http_connection_close(connection);
        return;
    }
    nv_http_connection_drive(connection);
}

/* ---- who sends it ------------------------------------------------------------------------ */

struct nv_str nv_http_request_sender(const struct nv_http_exchange *exchange,
                                     char text[NV_SENDER_TEXT_SIZE])
{
    char address[NV_PEER_TEXT_SIZE];
    text[0] = '\0';
    if (!nv_loop_is_current(exchange->part->base.loop) || !exchange->connection)
        return nv_str_from(text);
    struct nv_str agent =
        nv_str_slice(nv_http_request_header(exchange, NV_STR("user-agent")), 0, 80);
    (void)nv_peer_text(exchange->connection->stream.fd, address);
    (void)snprintf(text, NV_SENDER_TEXT_SIZE, agent.len > 0 ? "%s (%.*s)" : "%s", address,
                   NV_STR_ARG(agent));
    return nv_str_from(text);
}
