/*
 * The receiving stage's public face: OTLP/HTTP and OTLP/gRPC on N loops, one thread each.
 *
 *   gateway/ ──config, acceptor──▶ nv_receiver ──accept(batch, done)──▶ acceptor (assembly)
 *
 * Life: new (binds) ▸ start ▸ ... ▸ stop_accepting ▸ drain ▸ [the acceptor answers what it holds] ▸
 * free.
 */
#ifndef NV_OTLP_RECEIVER_H
#define NV_OTLP_RECEIVER_H

#include "base/clock.h"
#include "model/stage.h"
#include "otlp/grpc/grpc_server.h"
#include "net/http/http_server.h"

struct nv_receiver;

/* receiver.http.* and receiver.grpc.* */
struct nv_receiver_endpoint {
    const char *listen; /* as nv_listener_config.addresses; NULL or "": this protocol is off */
    struct nv_tls_files tls;
};

/* receiver.*; all strings are borrowed for the call of nv_receiver_new only. */
struct nv_receiver_config {
    struct nv_receiver_endpoint http; /* 127.0.0.1:4318 */
    struct nv_receiver_endpoint grpc; /* 127.0.0.1:4317 */
    const char *auth_token;           /* receiver.auth.token; NULL or "": none */
    const char *auth_tokens_file;     /* receiver.auth.tokens_file */
    const char *cors_allowed_origins; /* comma-separated; "*", exact, or with one '*' inside */
    size_t max_body_bytes;            /* 67108864, after decompression and as sent */
    uint32_t max_items;               /* spans or log records of one request; 0: 2,000,000 */
    size_t max_item_bytes; /* of one item with its resource and scope; 0: no limit of its own */
    unsigned threads;      /* loops; 0: one for each processor, at most 4 */
    unsigned threads_max;  /* with 0: and at most so many; 0: no such limit */
    unsigned unix_mode;    /* 0660 */
    bool reuse_port;
    /* Of each protocol; gRPC takes connections (at most its own default), undecoded bytes, head
     * and body timeouts from it.
     * body_bytes_max follows max_body_bytes. */
    struct nv_http_limits limits;
};

/* Fills in the defaults named above. */
void nv_receiver_config_init(struct nv_receiver_config *config);
/*
 * New receiver, bound but not yet accepting. `acceptor` and `clock` are borrowed for its life.
 * NV_ERR_CONFIG (what to do is in `fail`), NV_ERR_NO_MEMORY, NV_ERR_IO.
 */
enum nv_err nv_receiver_new(const struct nv_receiver_config *config,
                            const struct nv_acceptor *acceptor, const struct nv_clock *clock,
                            struct nv_fail *fail, struct nv_receiver **out) NV_MUST_USE;
/* Starts the threads. NV_ERR_NO_MEMORY, NV_ERR_IO: free it. */
enum nv_err nv_receiver_start(struct nv_receiver *receiver) NV_MUST_USE;
/* Closes the listeners; requests that have begun go on. Idle connections are closed. */
void nv_receiver_stop_accepting(struct nv_receiver *receiver);
/* Waits up to `timeout_ms` for the replies still due, then closes. True when all were given. */
bool nv_receiver_drain(struct nv_receiver *receiver, unsigned timeout_ms);
/* Stops the threads and frees. `done` must have been called for every batch. NULL is
 * allowed. */
void nv_receiver_free(struct nv_receiver *receiver);
/* Reads certificates and tokens again; what can't be read keeps its old value. NV_ERR_CONFIG
 * with the first failure. Any thread. */
enum nv_err nv_receiver_reload(struct nv_receiver *receiver, struct nv_fail *fail) NV_MUST_USE;

/* How many addresses OTLP/HTTP is bound to; 0: off. */
size_t nv_receiver_http_addresses(const struct nv_receiver *receiver);
/* The i-th of them as "127.0.0.1:4318", with the true port where 0 was asked. Borrowed. */
const char *nv_receiver_http_address(const struct nv_receiver *receiver, size_t i);
/* The same for OTLP/gRPC. */
size_t nv_receiver_grpc_addresses(const struct nv_receiver *receiver);
/* The i-th of them. Borrowed. */
const char *nv_receiver_grpc_address(const struct nv_receiver *receiver, size_t i);
/* Numbers of the HTTP side for /status. Any thread. */
void nv_receiver_http_status(const struct nv_receiver *receiver, struct nv_http_status *out);
/* Numbers of the gRPC side, likewise; all zero when it is off. */
void nv_receiver_grpc_status(const struct nv_receiver *receiver, struct nv_grpc_status *out);

#endif
