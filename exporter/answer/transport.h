/*
 * How requests reach the backend: a table of functions, so that everything that decides
 * (batching, retries, holds) is tested without a socket.
 *
 *   sender ──send(request, done)──▶ transport ──done(reply)──▶ sender
 *
 * The real one is send_curl.h; tests script their own. All calls and all `done` calls are
 * made on one thread, the sender's.
 */
#ifndef NV_EXPORTER_ANSWER_TRANSPORT_H
#define NV_EXPORTER_ANSWER_TRANSPORT_H

#include "base/str.h"

/* Most of a reply that is kept, in bytes; more ends the transfer (docs/security.md). */
#define NV_REPLY_BYTES_MAX (4u * 1024 * 1024)

enum nv_route {
    NV_ROUTE_TRACES, /* POST {base}/v1/traces */
    NV_ROUTE_STATUS, /* GET {base}/v1/status: the probe after 401 and 403 */
    NV_ROUTE_IMAGE,  /* POST {base}/v1/image, multipart */
    NV_ROUTE_AUDIO,  /* POST {base}/v1/audio, multipart */
    NV_ROUTE_METRICS /* POST {base}/v1/metrics: the gateway's own, to an OTLP endpoint */
};

struct nv_send_request {
    enum nv_route route;
    struct nv_str body;   /* borrowed until done; empty for NV_ROUTE_STATUS */
    bool gzip;            /* body is gzip: Content-Encoding says so */
    const char *boundary; /* of a multipart body; borrowed until send returns */
};

/* What became of the transfer itself, before any status is looked at. */
enum nv_transfer {
    NV_TRANSFER_REPLY,     /* a whole reply came; status is set */
    NV_TRANSFER_TIMEOUT,   /* too slow, outcome unknown */
    NV_TRANSFER_BROKEN,    /* reset, closed, not HTTP: outcome unknown */
    NV_TRANSFER_CONNECT,   /* no connection or no address: nothing was sent */
    NV_TRANSFER_TLS,       /* certificate or handshake refused: nothing was sent */
    NV_TRANSFER_OVERSIZE,  /* reply larger than NV_REPLY_BYTES_MAX; status is set */
    NV_TRANSFER_NO_MEMORY, /* our own trouble: nothing is known about the backend */
    NV_TRANSFER_CANCELLED  /* by cancel_all */
};

/* What exactly failed: for people, no decision hangs on it. */
enum nv_cause {
    NV_CAUSE_NONE,        /* a reply came, or it is not known closer */
    NV_CAUSE_RESOLVE,     /* the endpoint's name has no address */
    NV_CAUSE_CONNECT,     /* nobody listens at the address, or no way leads there */
    NV_CAUSE_PROXY_NAME,  /* the proxy's name has no address */
    NV_CAUSE_PROXY,       /* the proxy made no tunnel; proxy_status, if it said why */
    NV_CAUSE_HANDSHAKE,   /* no TLS: cut off, or something else is spoken there */
    NV_CAUSE_CERTIFICATE, /* the peer's certificate is not trusted, expired or another's */
    NV_CAUSE_OWN_FILES    /* our own authorities or certificate can't be read */
};

/* All views live during the `done` call only. */
struct nv_reply {
    enum nv_transfer transfer;
    enum nv_cause cause;
    int proxy_status; /* HTTP status of a proxy's answer to CONNECT, 0 when none came */
    int status;       /* HTTP status, 0 when none came */
    struct nv_str retry_after; /* header's value, empty when absent */
    struct nv_str location;    /* the same of a redirect's goal, cut; never followed */
    int64_t date_s;            /* Unix time of the header Date, 0 without one */
    struct nv_str body;        /* at most NV_REPLY_BYTES_MAX */
    struct nv_str detail;      /* the transport's own words on a failed transfer; no secrets */
};

typedef void nv_reply_done(void *done_ctx, const struct nv_reply *reply);

struct nv_transport {
    void *ctx;
    /*
     * Starts a request (borrowed until done). On NV_OK `done` is called exactly once, never
     * before send returns; on NV_ERR_NO_MEMORY or NV_ERR_INTERNAL it is not called.
     */
    enum nv_err (*send)(void *ctx, const struct nv_send_request *request, nv_reply_done *done,
                        void *done_ctx);
    /* Ends everything in flight now: calls each `done` with NV_TRANSFER_CANCELLED. */
    void (*cancel_all)(void *ctx);
};

#endif
