/*
 * Inside of the HTTP server: shared by http_server.c, http_connection.c and http_exchange.c
 * alone.
 *
 *   nv_http_server ─┬─ nv_http_part (one a loop) ─┬─ idle list: least recently used first
 *                   │                             └─ busy list: a request has begun
 *                   └─ totals (atomic)
 *   nv_http_connection ──▶ nv_http_exchange ──▶ reply bytes
 *          ▲                     │ connection (NULL once it is gone)
 *          └─────────────────────┘
 *
 * An idle connection has no exchange and no buffers. An exchange whose connection went away
 * lives on until its handler has answered: that is the generation check for replies of other
 * threads.
 */
#ifndef NV_NET_HTTP_HTTP_INTERNAL_H
#define NV_NET_HTTP_HTTP_INTERNAL_H

#include "base/account.h"
#include "net/http/http1.h"
#include "net/http/http_server.h"
#include "net/server.h"

enum nv_http_state {
    NV_HTTP_AT_IDLE,  /* between requests */
    NV_HTTP_AT_HEAD,  /* part of a head has come */
    NV_HTTP_AT_BODY,  /* the head was accepted, body to come */
    NV_HTTP_AT_WAIT,  /* the handler works on it, perhaps on another thread */
    NV_HTTP_AT_WRITE, /* the reply is being sent */
    NV_HTTP_AT_LINGER /* the last reply was sent: reading on so that it arrives */
};

struct nv_http_connection {
    struct nv_io io;
    struct nv_stream stream;
    struct nv_http_part *part;
    struct nv_http_connection *prev, *next; /* in the idle or the busy list */
    struct nv_http_exchange *exchange;
    char *rest; /* bytes read past the current request: rest[rest_at .. rest_len) */
    uint32_t rest_at, rest_len;
    uint64_t deadline_ns;
    uint64_t opened_ns;
    uint64_t client; /* net/peer.h */
    size_t linger_left;
    uint64_t longest_body; /* of known length that has come whole on it */
    uint8_t state;         /* enum nv_http_state */
    bool used;             /* a request has begun on it */
};

/* At a stop so long is waited for the first request of a connection, from when it was
 * opened. */
#define NV_HTTP_FIRST_MS 500u

/* A reply is there: go on with the connection, which may be freed by it. Loop's thread. */
typedef void nv_http_wake(struct nv_http_connection *connection);

struct nv_http_exchange {
    struct nv_loop_task task;              /* brings a reply home */
    struct nv_http_connection *connection; /* loop's thread only; NULL: gone */
    nv_http_wake *wake;                    /* of the connection, when a reply has come home */
    struct nv_http_part *part;
    const struct nv_http_route *route;
    char *head_bytes;
    uint32_t head_len, head_capacity;
    uint32_t counted_head; /* of head_bytes, in the server's undecoded bytes */
    char *body;
    size_t body_len, body_capacity;
    size_t believed; /* length of the body, if it is believed before it has come; else 0 */
    size_t counted;  /* of body, in the server's undecoded bytes */
    uint64_t body_start_ns;
    struct nv_buf headers; /* added by handlers, lines with CRLF */
    struct nv_buf out;     /* what is left of 100 Continue, and the whole reply */
    size_t sent;
    struct nv_account
        *account; /* of the reply, which holds `charged` bytes of it; NULL: none */
    uint64_t charged;
    enum nv_http_method method;
    bool open;        /* counted in the server's exchanges */
    bool dispatching; /* loop's thread is inside of a handler: replies are picked up there */
    bool replied;
    bool body_done; /* nothing of this request is left in the stream */
    bool keep;      /* the connection goes on after the reply */
    struct nv_http1_chunks chunks;
    _Alignas(max_align_t) char room[NV_HTTP_ROOM_BYTES]; /* the handler's */
    struct nv_http1_head head;
};

struct nv_http_list {
    struct nv_http_connection *first, *last;
};

/* What a server has on one loop; touched by that loop's thread alone. */
struct nv_http_part {
    struct nv_server_part base;
    struct nv_http_list idle, busy;
    uint64_t swept_ns;
    /* One that has ended, with its buffers, for the next request of any connection; NULL: none.
     * One a loop and not one a connection: ten thousand idle ones would keep ten thousand. */
    struct nv_http_exchange *spare;
    bool stopping;
    bool closed; /* nothing is kept any more */
};

struct nv_http_server {
    struct nv_server base;
    struct nv_http_limits limits;
    const struct nv_http_route *routes;
    size_t route_count;
    struct nv_http_hooks hooks;
    atomic_size_t exchanges, undecoded_bytes;
    atomic_ullong requests, timeouts;
};

/* The server a part belongs to. Borrowed. */
static inline struct nv_http_server *nv_http_part_server(const struct nv_http_part *part)
{
    return NV_CONTAINER(part->base.server, struct nv_http_server, base);
}

/* ---- http_connection.c ------------------------------------------------------------------- */

/* Makes a connection of `fd` (taken) and begins to read. Loop's thread. */
void nv_http_connection_open(struct nv_http_part *part, int fd);
/* Closes and frees it; an exchange that waits for its handler goes on alone. */
void nv_http_connection_close(struct nv_http_connection *connection);
/* Does what can be done without waiting. May free the connection. */
void nv_http_connection_drive(struct nv_http_connection *connection);
/* Its deadline has passed: answers 408 or closes. May free it. */
void nv_http_connection_expire(struct nv_http_connection *connection);
/* At a stop: may the first request of a connection that was just opened still come? Then its
 * deadline is NV_HTTP_FIRST_MS after it was opened. Loop's thread. */
bool nv_http_connection_awaits_first(struct nv_http_connection *connection);
/* Is it past its deadline, or slower than the minimum rate? */
bool nv_http_connection_late(const struct nv_http_connection *connection, uint64_t now_ns);

/* ---- http_exchange.c --------------------------------------------------------------------- */

/* New exchange for a connection (borrowed, until it is set to NULL), or NULL without memory.
 * `wake` is called for a reply that was given outside of the handler. */
struct nv_http_exchange *nv_http_exchange_new(struct nv_http_connection *connection,
                                              nv_http_wake *wake);
/* Ends it, on its loop, and takes it out of the server's totals; its memory may become the
 * part's spare. */
void nv_http_exchange_free(struct nv_http_exchange *exchange);
/* Frees the spare of a part, and keeps none from then on. */
void nv_http_exchange_keep_none(struct nv_http_part *part);
/* Appends a piece of the head. Errors as nv_http_exchange_reserve: large heads count too. */
enum nv_err nv_http_exchange_save_head(struct nv_http_exchange *exchange,
                                       struct nv_str bytes) NV_MUST_USE;
/* Makes room for `extra` more bytes of body, at most `max` in all. NV_ERR_FULL: the server's
 * budget of undecoded bytes is used up; NV_ERR_NO_MEMORY. */
enum nv_err nv_http_exchange_reserve(struct nv_http_exchange *exchange, size_t extra,
                                     size_t max) NV_MUST_USE;
/* The head is complete: asks gate, routes, limits and the route's head. True when it was
 * refused and the reply is ready. */
bool nv_http_exchange_decide(struct nv_http_exchange *exchange);
/* The body is complete: calls the handler. True when the reply is ready. */
bool nv_http_exchange_handle(struct nv_http_exchange *exchange);
/* Makes the reply of an error that the server found itself; the connection closes after it. */
void nv_http_exchange_refuse(struct nv_http_exchange *exchange, int status, const char *why);
/* How many bytes of body the head announced and the route allows at most. */
size_t nv_http_exchange_body_max(const struct nv_http_exchange *exchange);

#endif
