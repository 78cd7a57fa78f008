/*
 * One request and its reply: the decision at the head, views for handlers, rendering.
 *
 * A reply is rendered into one buffer on the thread that gives it; only the finished bytes go
 * to the loop, through the exchange's own task, so that answering from another thread allocates
 * nothing that could be lost on the way. What rendering reads (head, headers, keep-alive) does
 * not change any more once the handler was called.
 *
 *   on the loop     new ─▶ head ─▶ body ─▶ handler ─┬─ replied inside ─▶ written ─▶ free
 *                                                   │
 *   on any thread                                   └─ later: render ─▶ task ─▶ written ─▶ free
 *   connection gone meanwhile: connection = NULL, the handler does not know ──▶ task ──▶ free
 *
 * So an exchange is freed in one place only, on its loop, when both the reply and the writing
 * of it (or the end of the connection) are over. Its bytes count from when they come to when it
 * replies: what a handler has taken is the handler's to count.
 *
 * "Freed" mostly means kept: the memory of one ended exchange waits in its part, cleared, for
 * the next request of any connection on that loop.
 */
#include "net/http/http_internal.h"

#include "base/asan.h"
#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define BODY_FIRST_BYTES ((size_t)4 * 1024)
/* Heads up to this size are not counted: the cap of connections bounds them well enough. */
#define HEAD_UNCOUNTED_BYTES 4096
/* Heads of SDKs have 200 to 400 bytes: with that much the next one fits, too. */
#define HEAD_FIRST_BYTES 512u
/* A spare exchange keeps the buffer of its reply up to this size; OTLP's have 150 bytes. */
#define SPARE_REPLY_BYTES 4096

/*
 * A spare is as good as freed, but AddressSanitizer doesn't know. Room and head are enough: who
 * holds an exchange too long reads one of them, a reply too. What comes before has the pointers
 * to its buffers, and LeakSanitizer looks for none in hidden memory.
 */
static void hide_spare(struct nv_http_exchange *spare)
{
    nv_asan_hide(spare->room, sizeof *spare - offsetof(struct nv_http_exchange, room));
}

/* The spare of a part, which has none then; NULL: none. */
static struct nv_http_exchange *take_spare(struct nv_http_part *part)
{
    struct nv_http_exchange *spare = part->spare;
    part->spare = NULL;
    if (spare)
        nv_asan_show(spare->room, sizeof *spare - offsetof(struct nv_http_exchange, room));
    return spare;
}

/* A new one, of which head_bytes, head_capacity and out are set. */
static struct nv_http_exchange *take_memory(struct nv_http_part *part)
{
    struct nv_http_exchange *exchange = take_spare(part);
    if (exchange)
        return exchange;
    exchange = malloc(sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->head_bytes = NULL;
    exchange->head_capacity = 0;
    nv_buf_init(&exchange->out, NV_CAP_HTTP_REPLY);
    return exchange;
}

struct nv_http_exchange *nv_http_exchange_new(struct nv_http_connection *connection,
                                              nv_http_wake *wake)
{
    struct nv_http_exchange *exchange = take_memory(connection->part);
    if (!exchange)
        return NULL;
    char *head_bytes = exchange->head_bytes;
    uint32_t head_capacity = exchange->head_capacity;
    struct nv_buf out = exchange->out;
    memset(exchange, 0,
           offsetof(struct nv_http_exchange, head)); /* the head's table is large */
    nv_http1_head_init(&exchange->head);
    nv_buf_init(&exchange->headers, NV_CAP_HTTP_HEADERS);
    exchange->head_bytes = head_bytes;
    exchange->head_capacity = head_capacity;
    exchange->out = out;
    exchange->connection = connection;
    exchange->wake = wake;
    exchange->part = connection->part;
    return exchange;
}

/* Takes `more` of the server's budget of undecoded bytes, and of the account. */
static enum nv_err count_bytes(struct nv_http_exchange *exchange, size_t more)
{
    struct nv_http_server *server = nv_http_part_server(exchange->part);
    struct nv_account *account = server->limits.account;
    bool fits = atomic_fetch_add(&server->undecoded_bytes, more) + more <=
                server->limits.undecoded_bytes_max;
    if (fits && (!account || nv_account_try_take(account, more)))
        return NV_OK;
    atomic_fetch_sub(&server->undecoded_bytes, more);
    return NV_ERR_FULL;
}

static void uncount_bytes(struct nv_http_exchange *exchange, size_t bytes)
{
    struct nv_http_server *server = nv_http_part_server(exchange->part);
    atomic_fetch_sub(&server->undecoded_bytes, bytes);
    if (server->limits.account && bytes > 0)
        nv_account_give(server->limits.account, bytes);
}

static void uncount_body(struct nv_http_exchange *exchange)
{
    uncount_bytes(exchange, exchange->counted);
    exchange->counted = 0;
}

enum nv_err nv_http_request_count(struct nv_http_exchange *exchange, size_t more)
{
    assert(!exchange->replied);
    enum nv_err err = count_bytes(exchange, more);
    exchange->counted += err == NV_OK ? more : 0;
    return err;
}

/* The buffers of most requests fit the next one. A large one would be kept for nothing. */
static bool keep_spare(struct nv_http_exchange *exchange)
{
    struct nv_http_part *part = exchange->part;
    if (part->spare || part->closed || exchange->head_capacity > HEAD_UNCOUNTED_BYTES ||
        exchange->out.capacity > SPARE_REPLY_BYTES)
        return false;
    nv_buf_clear(&exchange->out);
    part->spare = exchange;
    hide_spare(exchange);
    return true;
}

void nv_http_exchange_free(struct nv_http_exchange *exchange)
{
    if (exchange->open)
        atomic_fetch_sub(&nv_http_part_server(exchange->part)->exchanges, 1);
    uncount_body(exchange);
    uncount_bytes(exchange, exchange->counted_head);
    if (exchange->head_bytes)
        explicit_bzero(exchange->head_bytes, exchange->head_capacity); /* it may hold a token */
    free(exchange->body);
    nv_buf_release(&exchange->headers);
    if (exchange->account)
        nv_account_give(exchange->account, exchange->charged);
    if (keep_spare(exchange))
        return;
    free(exchange->head_bytes);
    nv_buf_release(&exchange->out);
    free(exchange);
}

void nv_http_exchange_keep_none(struct nv_http_part *part)
{
    struct nv_http_exchange *spare = take_spare(part);
    part->closed = true;
    if (!spare)
        return;
    free(spare->head_bytes);
    nv_buf_release(&spare->out);
    free(spare);
}

static enum nv_err grow_head(struct nv_http_exchange *exchange, uint32_t capacity)
{
    uint32_t more = capacity - exchange->counted_head;
    if (capacity > HEAD_UNCOUNTED_BYTES) {
        if (count_bytes(exchange, more) != NV_OK)
            return NV_ERR_FULL;
        exchange->counted_head += more;
    }
    char *grown = malloc(capacity);
    if (!grown)
        return NV_ERR_NO_MEMORY;
    if (exchange->head_len > 0) { /* realloc would leave a copy, which may hold a token */
        memcpy(grown, exchange->head_bytes, exchange->head_len);
        explicit_bzero(exchange->head_bytes, exchange->head_capacity);
    }
    free(exchange->head_bytes);
    exchange->head_bytes = grown;
    exchange->head_capacity = capacity;
    return NV_OK;
}

enum nv_err nv_http_exchange_save_head(struct nv_http_exchange *exchange, struct nv_str bytes)
{
    uint32_t need = exchange->head_len + (uint32_t)bytes.len;
    if (bytes.len == 0) /* refused at its first byte */
        return NV_OK;
    if (need > exchange->head_capacity) {
        uint32_t capacity =
            exchange->head_capacity * 2 > need ? exchange->head_capacity * 2 : need;
        if (capacity < HEAD_FIRST_BYTES)
            capacity = HEAD_FIRST_BYTES;
        enum nv_err err = grow_head(exchange, capacity);
        if (err != NV_OK)
            return err;
    }
    memcpy(exchange->head_bytes + exchange->head_len, bytes.ptr, bytes.len);
    exchange->head_len = need;
    return NV_OK;
}

enum nv_err nv_http_exchange_reserve(struct nv_http_exchange *exchange, size_t extra,
                                     size_t max)
{
    size_t need = exchange->body_len + extra;
    assert(need <= max);
    if (need <= exchange->body_capacity)
        return NV_OK;
    /* Doubling by what has come; never by what a header claims, which only says where to end:
     * a body of known length gets the double of its first read, all that most need. */
    const size_t twice = exchange->head.chunked ? need : need * 2;
    const size_t least = twice < exchange->believed ? exchange->believed : twice;
    size_t capacity = exchange->body_capacity * 2;
    capacity = capacity < BODY_FIRST_BYTES ? BODY_FIRST_BYTES : capacity;
    capacity = capacity < least ? least : capacity;
    capacity = capacity > max ? max : capacity;
    size_t more = capacity - exchange->body_capacity;
    if (count_bytes(exchange, more) != NV_OK)
        return NV_ERR_FULL;
    exchange->counted += more;
    char *body = realloc(exchange->body, capacity);
    if (!body)
        return NV_ERR_NO_MEMORY;
    exchange->body = body;
    exchange->body_capacity = capacity;
    return NV_OK;
}

/* ---- the request ------------------------------------------------------------------------- */

static struct nv_str head_str(const struct nv_http_exchange *exchange)
{
    return (struct nv_str){exchange->head_bytes, exchange->head_len};
}

enum nv_http_method nv_http_request_method(const struct nv_http_exchange *exchange)
{
    return exchange->method;
}

struct nv_str nv_http_request_path(const struct nv_http_exchange *exchange)
{
    struct nv_str path = nv_http1_view_str(head_str(exchange), exchange->head.path);
    /* http://host alone means the path "/" (RFC 9110 4.2.3). */
    return path.len > 0 ? path : NV_STR("/");
}

struct nv_str nv_http_request_query(const struct nv_http_exchange *exchange)
{
    return nv_http1_view_str(head_str(exchange), exchange->head.query);
}

struct nv_str nv_http_request_header(const struct nv_http_exchange *exchange,
                                     struct nv_str name)
{
    struct nv_str bytes = head_str(exchange);
    const struct nv_http1_header *header = nv_http1_head_find(&exchange->head, bytes, name);
    return header != NULL ? nv_http1_view_str(bytes, header->value) : (struct nv_str){NULL, 0};
}

unsigned nv_http_request_header_count(const struct nv_http_exchange *exchange,
                                      struct nv_str name)
{
    struct nv_str bytes = head_str(exchange);
    unsigned count = 0;
    for (size_t i = 0; i < exchange->head.header_count; i++)
        count += nv_str_ieq(nv_http1_view_str(bytes, exchange->head.headers[i].name), name);
    return count;
}

size_t nv_http_request_length(const struct nv_http_exchange *exchange)
{
    return exchange->head.chunked ? SIZE_MAX : (size_t)exchange->head.content_length;
}

uint64_t nv_http_request_client(const struct nv_http_exchange *exchange)
{
    return exchange->connection != NULL ? exchange->connection->client : 0;
}

void *nv_http_request_room(struct nv_http_exchange *exchange)
{
    assert(!exchange->replied);
    return exchange->room;
}

size_t nv_http_request_take_body(struct nv_http_exchange *exchange, char **body)
{
    assert(exchange->body_done);
    size_t len = exchange->body_len;
    *body = exchange->body;
    exchange->body = NULL;
    exchange->body_len = exchange->body_capacity = 0;
    return len;
}

void nv_http_exchange_add_header(struct nv_http_exchange *exchange, struct nv_str line)
{
    struct nv_buf *headers = &exchange->headers;
    assert(!exchange->replied);
    if (headers->len + line.len + 2 <= headers->max &&
        nv_buf_append_str(headers, line) == NV_OK)
        (void)nv_buf_append_str(headers, NV_STR("\r\n"));
}

/* ---- rendering --------------------------------------------------------------------------- */

/* For people who read a trace of the wire: clients go by the number (RFC 9112 4). */
static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } table[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].status == status)
            return table[i].text;
    }
    return "Other";
}

/* A server that has a clock tells the time of its answer (RFC 9110 6.6.1). */
/* IMF-fixdate (RFC 9110 5.6.7), whatever the locale. */
static void append_date(struct nv_buf *out, const struct nv_clock *clock)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(nv_clock_wall_ns(clock) / NV_NS_PER_S);
    struct tm tm;
    if (gmtime_r(&now, &tm)) {
        (void)nv_buf_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n",
                            days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
                            tm.tm_hour, tm.tm_min, tm.tm_sec);
    }
}

static void render(struct nv_http_exchange *exchange, const struct nv_http_reply *reply)
{
    struct nv_buf *out = &exchange->out;
    struct nv_http_server *server = nv_http_part_server(exchange->part);
    /* What is left of a body would be read as the next request (RFC 9112 9.3): answered early,
     * the connection ends. */
    exchange->keep = exchange->head.keep_alive && exchange->body_done && !reply->close &&
                     !atomic_load(&server->base.stopping);
    assert(reply->status >= 200 && reply->status <= 599);
    (void)nv_buf_reserve(out,
                         reply->body.len + reply->headers.len + exchange->headers.len + 256);
    (void)nv_buf_printf(out, "HTTP/1.1 %d %s\r\n", reply->status, status_text(reply->status));
    append_date(out, nv_loop_clock(exchange->part->base.loop));
    if (reply->content_type.len > 0)
        (void)nv_buf_printf(out, "Content-Type: %.*s\r\n", NV_STR_ARG(reply->content_type));
    /* 204 has no body and may not tell the length of one (RFC 9110 8.6). */
    if (reply->status != 204)
        (void)nv_buf_printf(out, "Content-Length: %zu\r\n", reply->body.len);
    if (!exchange->keep)
        (void)nv_buf_append_str(out, NV_STR("Connection: close\r\n"));
    (void)nv_buf_append_str(out, nv_buf_str(&exchange->headers));
    (void)nv_buf_append_str(out, reply->headers);
    (void)nv_buf_append_str(out, NV_STR("\r\n"));
    /* HEAD gets the headers of GET, its length too, and no body (RFC 9110 9.3.2). */
    if (exchange->method != NV_HTTP_HEAD && reply->status != 204)
        (void)nv_buf_append_str(out, reply->body);
    if (out->failed != NV_OK) { /* half a reply would be read as a whole one: close instead */
        nv_buf_clear(out);
        exchange->keep = false;
    }
}

/* A reply given outside of the handler has come to the loop. */
static void on_reply(struct nv_loop_task *task)
{
    struct nv_http_exchange *exchange = NV_CONTAINER(task, struct nv_http_exchange, task);
    exchange->replied = true;
    if (!exchange->connection)
        nv_http_exchange_free(exchange);
    else
        exchange->wake(exchange->connection);
}

void nv_http_reply_send(struct nv_http_exchange *exchange, const struct nv_http_reply *reply)
{
    uncount_body(exchange);
    exchange->account = reply->account;
    exchange->charged = reply->charged;
    render(exchange, reply);
    /* Inside of the handler the connection is above us on the stack and goes on by itself; from
     * anywhere else it may be gone by now, which only its loop can tell. */
    if (nv_loop_is_current(exchange->part->base.loop) && exchange->dispatching) {
        assert(!exchange->replied);
        exchange->replied = true;
        return;
    }
    exchange->task.run = on_reply;
    nv_loop_post(exchange->part->base.loop, &exchange->task);
}

void nv_http_reply_text(struct nv_http_exchange *exchange, int status,
                        struct nv_str content_type, struct nv_str body)
{
    struct nv_http_reply reply = {.status = status, .content_type = content_type, .body = body};
    nv_http_reply_send(exchange, &reply);
}

void nv_http_reply_error(struct nv_http_exchange *exchange, int status, struct nv_str message)
{
    const struct nv_http_hooks *hooks = &nv_http_part_server(exchange->part)->hooks;
    struct nv_buf body;
    struct nv_str content_type = NV_STR("text/plain; charset=utf-8");
    nv_buf_init(&body, NV_CAP_HTTP_ERROR);
    if (hooks->error_body) {
        hooks->error_body(hooks->ctx, exchange, status, message, &body, &content_type);
    } else {
        (void)nv_buf_append_str(&body, message);
        (void)nv_buf_append_char(&body, '\n');
    }
    nv_http_reply_text(exchange, status, content_type, nv_buf_str(&body));
    nv_buf_release(&body);
}

/* ---- decisions --------------------------------------------------------------------------- */

/* Names of methods are case-sensitive (RFC 9110 9.1). */
static enum nv_http_method parse_method(struct nv_str name)
{
    static const struct {
        struct nv_str name;
        enum nv_http_method method;
    } table[] = {
        {NV_STR_INIT("POST"), NV_HTTP_POST}, {NV_STR_INIT("GET"), NV_HTTP_GET},
        {NV_STR_INIT("HEAD"), NV_HTTP_HEAD}, {NV_STR_INIT("OPTIONS"), NV_HTTP_OPTIONS},
        {NV_STR_INIT("PUT"), NV_HTTP_PUT},   {NV_STR_INIT("DELETE"), NV_HTTP_DELETE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (nv_str_eq(name, table[i].name))
            return table[i].method;
    }
    return NV_HTTP_OTHER;
}

static const struct nv_http_route *find_route(const struct nv_http_server *server,
                                              struct nv_str path)
{
    for (size_t i = 0; i < server->route_count; i++) {
        if (nv_str_eq(server->routes[i].path, path))
            return &server->routes[i];
    }
    return NULL;
}

/* 405 must tell what is allowed (RFC 9110 15.5.6), OPTIONS asks for nothing else. */
static void add_allow(struct nv_http_exchange *exchange, unsigned methods)
{
    struct nv_buf line;
    nv_buf_init(&line, NV_CAP_HTTP_LINE);
    (void)nv_buf_printf(
        &line, "Allow: %s%s%s%sOPTIONS", (methods & NV_HTTP_GET) ? "GET, HEAD, " : "",
        (methods & NV_HTTP_POST) ? "POST, " : "", (methods & NV_HTTP_PUT) ? "PUT, " : "",
        (methods & NV_HTTP_DELETE) ? "DELETE, " : "");
    nv_http_exchange_add_header(exchange, nv_buf_str(&line));
    nv_buf_release(&line);
}

/* Answers what the route table alone can tell. */
static void check_route(struct nv_http_exchange *exchange)
{
    const struct nv_http_route *route = exchange->route;
    /* OPTIONS * asks about the server as a whole (RFC 9110 9.3.7). */
    bool any = nv_str_eq(nv_http_request_path(exchange), NV_STR("*"));
    if (exchange->method == NV_HTTP_OPTIONS && (route || any)) {
        add_allow(exchange, route != NULL ? route->methods : NV_HTTP_GET | NV_HTTP_POST);
        nv_http_reply_text(exchange, 204, NV_STR(""), NV_STR(""));
        return;
    }
    if (!route) {
        nv_http_reply_error(exchange, 404, NV_STR("no such path"));
        return;
    }
    unsigned methods = route->methods;
    methods |= (methods & NV_HTTP_GET) ? (unsigned)NV_HTTP_HEAD : 0u;
    if ((methods & exchange->method) == 0) {
        add_allow(exchange, route->methods);
        nv_http_reply_error(exchange, 405, NV_STR("method not allowed"));
    }
}

size_t nv_http_exchange_body_max(const struct nv_http_exchange *exchange)
{
    size_t max = nv_http_part_server(exchange->part)->limits.body_bytes_max;
    const struct nv_http_route *route = exchange->route;
    if (route && route->body_bytes_max > 0 && route->body_bytes_max < max)
        max = route->body_bytes_max;
    size_t length = nv_http_request_length(exchange);
    return length < max ? length : max;
}

/* By the length that the head claims, before a byte of the body is taken. What comes may be
 * less, so nothing is reserved for it here. */
static void check_length(struct nv_http_exchange *exchange)
{
    struct nv_http_server *server = nv_http_part_server(exchange->part);
    size_t length = nv_http_request_length(exchange);
    if (length == SIZE_MAX || length == 0)
        return; /* chunked: bounded as it comes */
    if (length > nv_http_exchange_body_max(exchange)) {
        nv_http_reply_error(exchange, 413, NV_STR("body is larger than the limit"));
    } else if (length + atomic_load(&server->undecoded_bytes) >
               server->limits.undecoded_bytes_max) {
        nv_http_exchange_add_header(exchange, NV_STR("Retry-After: 1"));
        nv_http_reply_error(exchange, 503, NV_STR("too many bytes of requests in progress"));
    }
}

bool nv_http_exchange_decide(struct nv_http_exchange *exchange)
{
    struct nv_http_server *server = nv_http_part_server(exchange->part);
    const struct nv_http_hooks *hooks = &server->hooks;
    exchange->open = true;
    atomic_fetch_add(&server->exchanges, 1);
    atomic_fetch_add(&server->requests, 1);
    exchange->method =
        parse_method(nv_http1_view_str(head_str(exchange), exchange->head.method));
    exchange->body_done = !exchange->head.chunked && exchange->head.content_length == 0;
    exchange->route = find_route(server, nv_http_request_path(exchange));
    exchange->dispatching = true;
    if (hooks->gate)
        hooks->gate(hooks->ctx, exchange);
    if (!exchange->replied)
        check_route(exchange);
    if (!exchange->replied)
        check_length(exchange);
    if (!exchange->replied && exchange->route->handler.head)
        exchange->route->handler.head(exchange->route->handler.ctx, exchange);
    exchange->dispatching = false;
    return exchange->replied;
}

bool nv_http_exchange_handle(struct nv_http_exchange *exchange)
{
    const struct nv_http_handler *handler = &exchange->route->handler;
    exchange->body_done = true;
    exchange->dispatching = true;
    handler->handle(handler->ctx, exchange);
    exchange->dispatching = false;
    return exchange->replied;
}

void nv_http_exchange_refuse(struct nv_http_exchange *exchange, int status, const char *why)
{
    struct nv_http_server *server = nv_http_part_server(exchange->part);
    if (!exchange->open) {
        exchange->open = true;
        atomic_fetch_add(&server->exchanges, 1);
        atomic_fetch_add(&server->requests, 1);
    }
    /* Where the next request would begin is not known any more. */
    exchange->head.keep_alive = false;
    exchange->dispatching = true;
    if (status == 503)
        nv_http_exchange_add_header(exchange, NV_STR("Retry-After: 1"));
    nv_http_reply_error(exchange, status, nv_str_from(why));
    exchange->dispatching = false;
}
