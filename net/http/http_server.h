/*
 * An HTTP/1.1 server for small programs that are exposed: routes, decisions at the head,
 * replies from any thread.
 *
 *   connection ──head──▶ gate ──▶ route? method? length? ──▶ route.head ──▶ 100 Continue
 *                         │            │                        │               │
 *                         ╰────────────┴── reply: refused ──────╯             body
 *                                                                               ▼
 *   client ◀── reply, in order ◀──── nv_http_reply_send (any thread) ◀──── route.handle
 *
 * Everything up to route.head happens before a byte of the body is read. One request of a
 * connection is worked on at a time; pipelined ones wait in the socket, so replies are in order
 * and memory is bounded. Used for OTLP/HTTP and for the admin port. Limits: docs/security.md.
 */
#ifndef NV_NET_HTTP_HTTP_SERVER_H
#define NV_NET_HTTP_HTTP_SERVER_H

#include "base/buf.h"
#include "net/listener.h"
#include "net/tls.h"

struct nv_http_server;
/* One request and its reply. Lives from the first byte of the request until the reply is
 * given. */
struct nv_http_exchange;

/* Size of nv_http_request_room: what OTLP keeps of a request while it is answered elsewhere, of
 * which the message of a partial success is the most (otlp/request/request.h). */
#define NV_HTTP_ROOM_BYTES 512

enum nv_http_method {
    NV_HTTP_GET = 1u << 0, /* HEAD is answered likewise, without the body */
    NV_HTTP_POST = 1u << 1,
    NV_HTTP_PUT = 1u << 2,
    NV_HTTP_DELETE = 1u << 3,
    NV_HTTP_OPTIONS = 1u << 4,
    NV_HTTP_HEAD = 1u << 5,
    NV_HTTP_OTHER = 1u << 6
};

/* What to answer. All views are borrowed for the call of nv_http_reply_send only. */
struct nv_http_reply {
    int status;                 /* 200..599 */
    struct nv_str content_type; /* empty: none */
    struct nv_str headers;      /* further header lines, each with its CRLF */
    struct nv_str body;
    bool close; /* close the connection afterwards */
    /* `charged` bytes were taken from the account for the body: given back when the reply has
     * gone out, or can't. Borrowed; NULL: none. */
    struct nv_account *account;
    uint64_t charged;
};

/*
 * A handler of one path. Both functions run on a loop's thread and must not wait. `head` (may
 * be NULL) may answer at once to refuse; the body is then not read. `handle` is called with the
 * whole body and must see to it that nv_http_reply_send is called exactly once, now or later.
 */
struct nv_http_handler {
    void *ctx;
    void (*head)(void *ctx, struct nv_http_exchange *exchange);
    void (*handle)(void *ctx, struct nv_http_exchange *exchange);
};

/* Routes are compared whole, byte by byte; the query is not part of the path. */
struct nv_http_route {
    struct nv_str path;
    unsigned methods; /* enum nv_http_method, or'ed; OPTIONS is answered without being listed */
    size_t body_bytes_max; /* longer bodies (as sent) are answered 413; 0: the server's limit */
    struct nv_http_handler handler;
};

/* Hooks over all routes. Each may be NULL. */
struct nv_http_hooks {
    void *ctx;
    /* Every request, first of all: may answer (401, a preflight) or add headers to the
     * reply. */
    void (*gate)(void *ctx, struct nv_http_exchange *exchange);
    /*
     * Makes the body of an error that the server answers itself (400, 404, 405, 408, 413, 417,
     * 429,
     * 431, 503, 505 ...) and names its content type. Without it: text/plain with the message.
     */
    void (*error_body)(void *ctx, struct nv_http_exchange *exchange, int status,
                       struct nv_str message, struct nv_buf *body, struct nv_str *content_type);
};

struct nv_http_limits {
    size_t connections_max;     /* 10000; lowered to what RLIMIT_NOFILE leaves */
    size_t body_bytes_max;      /* 64 MiB, of one body as sent */
    size_t undecoded_bytes_max; /* 256 MiB, of requests until they are answered: bodies, what is
                                  * made of them (nv_http_request_count), large heads */
    /* the same bytes count there too; borrowed; NULL: nowhere else */
    struct nv_account *account;
    unsigned head_timeout_ms;   /* 10000, from the first byte, or the connect with TLS */
    unsigned body_timeout_ms;   /* 60000, from the end of the head */
    unsigned body_rate_min;     /* 1024 bytes a second, on average after body_grace_ms */
    unsigned body_grace_ms;     /* 10000 */
    unsigned idle_timeout_ms;   /* 180000, between requests */
    unsigned write_timeout_ms;  /* 30000, for a whole reply */
    unsigned linger_timeout_ms; /* 2000, reading on after a refusal so that it arrives */
    size_t linger_bytes_max;    /* 1 MiB, beside a body of no more than body_bytes_max */
    /* 52, of RLIMIT_NOFILE less an eighth, for everything else: a gateway in local mode with its
     * page holds 53 before the first connection */
    size_t descriptors_reserved;
};

struct nv_http_server_config {
    struct nv_listener_config listener;
    struct nv_tls_files tls; /* all NULL: plain */
    struct nv_http_limits limits;
    const struct nv_http_route *routes; /* borrowed for the server's life */
    size_t route_count;
    struct nv_http_hooks hooks;
};

/* Numbers for /status and tests, each exact at some moment. */
struct nv_http_status {
    size_t connections;
    size_t exchanges; /* requests being worked on: from the end of the head to the reply */
    size_t undecoded_bytes;
    uint64_t accepted, requests, refused_connections, timeouts;
};

/* The defaults written above. */
void nv_http_limits_init(struct nv_http_limits *limits);
/*
 * Binds and makes a server on `loops` (borrowed; made, not started). NV_ERR_CONFIG with what to
 * do in `fail`, NV_ERR_NO_MEMORY, NV_ERR_IO. Connections are accepted once the loops run.
 */
enum nv_err nv_http_server_new(const struct nv_http_server_config *config,
                               const struct nv_loops *loops, struct nv_fail *fail,
                               struct nv_http_server **out) NV_MUST_USE;
/* Closes the listener; idle connections close, others after the reply they wait for. Any thread
 * but a loop's. */
void nv_http_server_stop_accepting(struct nv_http_server *server);
/*
 * After stop_accepting: waits up to `timeout_ms` until no connection is left, then closes the
 * rest. True when every request was answered. Any thread but a loop's.
 */
bool nv_http_server_drain(struct nv_http_server *server, unsigned timeout_ms);
/* Frees. The loops must have stopped and every handler have answered. NULL is allowed. */
void nv_http_server_free(struct nv_http_server *server);
/* Reads certificate, key and client CA again. NV_ERR_CONFIG with `fail`, NV_ERR_NO_MEMORY: the
 * old ones stay. Any thread. */
enum nv_err nv_http_server_reload(struct nv_http_server *server,
                                  struct nv_fail *fail) NV_MUST_USE;
/* Where it listens, for messages and tests. Borrowed. */
const struct nv_listener *nv_http_server_listener(const struct nv_http_server *server);
/* Any thread. */
void nv_http_server_status(const struct nv_http_server *server, struct nv_http_status *out);

/* ---- the request; all on the loop's thread, views borrowed until `handle` returns -------- */

/* One of enum nv_http_method; NV_HTTP_OTHER for a method that no route can name. */
enum nv_http_method nv_http_request_method(const struct nv_http_exchange *exchange);
/* "/v1/traces": without query, and without scheme and host of an absolute-form target. */
struct nv_str nv_http_request_path(const struct nv_http_exchange *exchange);
/* What follows '?', may be empty. */
struct nv_str nv_http_request_query(const struct nv_http_exchange *exchange);
/* First value of a header, its name in any case; ptr NULL when absent. */
struct nv_str nv_http_request_header(const struct nv_http_exchange *exchange,
                                     struct nv_str name);
/* How often a header is there. */
unsigned nv_http_request_header_count(const struct nv_http_exchange *exchange,
                                      struct nv_str name);
/* Content-Length; 0 without a body, SIZE_MAX when chunked. */
size_t nv_http_request_length(const struct nv_http_exchange *exchange);
/* Who sends it (net/peer.h), 0 when not known. In `head` and `handle`. */
uint64_t nv_http_request_client(const struct nv_http_exchange *exchange);
/* Of the text below: an address, and what its User-Agent says. */
#define NV_SENDER_TEXT_SIZE 160
/* Who sends it, for people: "127.0.0.1:4711 (OTel-OTLP-Exporter-Python/1.27.0)"; what comes
 * after the address is the client's and any bytes. Empty on another thread than the loop's, and
 * when the connection is gone. Borrowed from `text`. */
struct nv_str nv_http_request_sender(const struct nv_http_exchange *exchange,
                                     char text[NV_SENDER_TEXT_SIZE]);
/* Memory of the request's own for who handles it, NV_HTTP_ROOM_BYTES, zeroed, aligned for
 * anything; from `handle` until it replies. */
void *nv_http_request_room(struct nv_http_exchange *exchange);
/* Gives the whole body away, in `handle`: *body is new (free() it; NULL when empty). Returns
 * its length. It stays counted as undecoded until the reply. */
size_t nv_http_request_take_body(struct nv_http_exchange *exchange, char **body);
/* Counts `more` bytes that are made of the request, until the reply. NV_ERR_FULL: no room for
 * them, nothing is counted. In `handle`. */
enum nv_err nv_http_request_count(struct nv_http_exchange *exchange, size_t more) NV_MUST_USE;

/* Adds a header line (without CRLF, borrowed) to whatever the reply will be. Loop's thread,
 * before the reply. Past 1 KiB of them it is left out. */
void nv_http_exchange_add_header(struct nv_http_exchange *exchange, struct nv_str line);
/* Answers; `exchange` must not be used afterwards. Exactly once, any thread. */
void nv_http_reply_send(struct nv_http_exchange *exchange, const struct nv_http_reply *reply);
/* Answers with status, content type and body, no further headers. Likewise. */
void nv_http_reply_text(struct nv_http_exchange *exchange, int status,
                        struct nv_str content_type, struct nv_str body);
/* Answers an error: the body is made by hooks.error_body. On the loop's thread. */
void nv_http_reply_error(struct nv_http_exchange *exchange, int status, struct nv_str message);

#endif
