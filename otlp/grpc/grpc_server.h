/*
 * OTLP/gRPC: an HTTP/2 server on the loops of the receiver, for unary calls only.
 *
 *   connection ─▶ nv_grpc_session (HTTP/2) ─▶ nv_grpc_call ─▶ otlp_grpc: inflate ▸ decode ▸ accept
 *
 * Serves TraceService/Export, LogsService/Export, MetricsService/Export (accepted, counted, not
 * kept) and grpc.health.v1.Health. Everything a peer can make grow is bounded:
 * docs/security.md.
 */
#ifndef NV_OTLP_GRPC_GRPC_SERVER_H
#define NV_OTLP_GRPC_GRPC_SERVER_H

#include "model/stage.h"
#include "net/auth.h"
#include "net/listener.h"
#include "net/tls.h"

struct nv_grpc_server;

struct nv_grpc_limits {
    size_t connections_max;     /* 2000 */
    uint32_t streams_max;       /* 100 calls of a connection at once */
    uint32_t header_list_bytes; /* 16384: names and values plus 32 each (RFC 9113 6.5.2) */
    size_t message_bytes_max;   /* 64 MiB, as sent and after decompression */
    uint32_t items_max;         /* of one message; 0: NV_REQUEST_ITEMS_MAX */
    size_t item_bytes_max;      /* of one item with resource and scope; 0: no limit */
    size_t undecoded_bytes_max; /* 256 MiB, of requests until they are answered: messages, what
                                 * is made of them (nv_grpc_call_count), headers */
    /* the same bytes count there too; borrowed; NULL: nowhere else */
    struct nv_account *account;
    unsigned handshake_timeout_ms; /* 10000, from the connect to the client's SETTINGS */
    unsigned call_timeout_ms;      /* 60000, from the headers to the end of the message */
    unsigned write_timeout_ms;     /* 30000 without the peer reading anything */
    unsigned linger_timeout_ms;    /* 2000, reading on after the end so that answers arrive */
    size_t linger_bytes_max;       /* 1 MiB */
    unsigned ping_after_ms;        /* 120000 of silence; then the peer is asked */
    unsigned ping_timeout_ms;      /* 20000; no answer: the connection is closed */
};

struct nv_grpc_server_config {
    struct nv_listener_config listener;
    struct nv_tls_files tls; /* all NULL: plain (h2c with prior knowledge) */
    struct nv_grpc_limits limits;
    const struct nv_acceptor *acceptor; /* borrowed for the server's life */
    struct nv_auth *auth;               /* borrowed likewise */
};

/* Numbers for /status and tests, each exact at some moment. */
struct nv_grpc_status {
    size_t connections;
    size_t calls; /* open, or with the acceptor */
    size_t undecoded_bytes;
    uint64_t accepted, requests, refused_connections, floods;
    uint64_t timeouts; /* calls and connections ended by a limit of ours */
};

/* The defaults written above. */
void nv_grpc_limits_init(struct nv_grpc_limits *limits);
/*
 * Binds and makes a server on `loops` (borrowed; made, not started). NV_ERR_CONFIG with what to
 * do in `fail`, NV_ERR_NO_MEMORY, NV_ERR_IO. Connections are accepted once the loops run.
 */
enum nv_err nv_grpc_server_new(const struct nv_grpc_server_config *config,
                               const struct nv_loops *loops, struct nv_fail *fail,
                               struct nv_grpc_server **out) NV_MUST_USE;
/* Closes the listener and sends GOAWAY; calls that have begun go on. Any thread but a
 * loop's. */
void nv_grpc_server_stop_accepting(struct nv_grpc_server *server);
/*
 * After stop_accepting: waits up to `timeout_ms` until no connection is left, then closes the
 * rest. True when every call was answered. Any thread but a loop's.
 */
bool nv_grpc_server_drain(struct nv_grpc_server *server, unsigned timeout_ms);
/* Frees. The loops must have stopped and every batch have been answered. NULL is allowed. */
void nv_grpc_server_free(struct nv_grpc_server *server);
/* Reads certificate, key and client CA again. NV_ERR_CONFIG with `fail`, NV_ERR_NO_MEMORY: the
 * old ones stay. Any thread. */
enum nv_err nv_grpc_server_reload(struct nv_grpc_server *server,
                                  struct nv_fail *fail) NV_MUST_USE;
/* Where it listens, for messages and tests. Borrowed. */
const struct nv_listener *nv_grpc_server_listener(const struct nv_grpc_server *server);
/* Any thread. */
void nv_grpc_server_status(const struct nv_grpc_server *server, struct nv_grpc_status *out);

#endif
