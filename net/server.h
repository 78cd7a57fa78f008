/*
 * What the HTTP and the gRPC server have in common: listener, TLS, a part on each loop, the cap
 * of connections, starting and stopping.
 *
 *   nv_server ─┬─ listener, TLS
 *              ├─ parts[loop] ── nv_server_part, the head of the server's own struct
 *              └─ totals (atomic)
 *
 *   open ─▶ loops run: room? ▸ open ▸ tick … ─▶ stop ─▶ drain ─▶ loops stop ─▶ release
 *
 * A part is touched by its loop's thread alone. What a connection is, and what stopping and
 * closing do to it, is the server's: the actions below.
 */
#ifndef NV_NET_SERVER_H
#define NV_NET_SERVER_H

#include "net/listener.h"
#include "net/tls.h"

#include <stdatomic.h>

struct nv_server;

/* The first member of what a server has on one loop. */
struct nv_server_part {
    struct nv_server *server;
    struct nv_loop *loop;
    struct nv_loop_tick tick;
    struct nv_loop_task stop_task, close_task;
};

/* What the server does; all but `part_bytes` are called on the part's loop. */
struct nv_server_actions {
    size_t part_bytes; /* size of the struct around nv_server_part; made zeroed */
    /* Looks at deadlines. */
    void (*tick)(struct nv_server_part *part, uint64_t now_ns);
    /* At the cap of connections: closes one that can be spared. False: there is none. */
    bool (*make_room)(struct nv_server_part *part);
    /* Takes `fd`, a new connection, and counts it in nv_server.connections until it is
     * closed. */
    void (*open)(struct nv_server_part *part, int fd);
    /* Nothing more is accepted: sees to it that connections end after what they have begun. */
    void (*stop)(struct nv_server_part *part);
    /* Closes all connections at once. */
    void (*close)(struct nv_server_part *part);
};

struct nv_server_config {
    const struct nv_server_actions *actions; /* borrowed for the server's life */
    const struct nv_listener_config *listener;
    const struct nv_tls_files *tls; /* none set: plain */
    const char *alpn;               /* as for nv_tls_new */
    size_t connections_max;
};

/* Embedded in a server. Fields are read by the server; only `connections` is written by it. */
struct nv_server {
    const struct nv_server_actions *actions;
    struct nv_listener *listener;
    struct nv_tls *tls; /* NULL: plain */
    struct nv_server_part **parts;
    unsigned part_count;
    size_t connections_max;
    atomic_bool stopping;
    atomic_uint tasks_due; /* parts that have not yet run their stop or close task */
    atomic_size_t connections;
    atomic_ullong accepted, refused_connections;
};

/*
 * How many connections RLIMIT_NOFILE leaves room for when `reserved` descriptors and an eighth
 * of all are kept for everything else (journal, backend, other ports); at least 4. SIZE_MAX: no
 * limit.
 */
size_t nv_server_room(size_t reserved);
/*
 * Binds, and makes a part on each of `loops` (borrowed; made, not started): connections come
 * once they run. `server` is zeroed. NV_ERR_CONFIG with what to do in `fail`, NV_ERR_NO_MEMORY,
 * NV_ERR_IO; release also after failure.
 */
enum nv_err nv_server_open(struct nv_server *server, const struct nv_server_config *config,
                           const struct nv_loops *loops, struct nv_fail *fail) NV_MUST_USE;
/* Closes the listener after what is in its queue, then has every part stop; waits for that. A
 * second call does nothing. Any thread but a loop's. */
void nv_server_stop(struct nv_server *server);
/*
 * After nv_server_stop: waits up to `timeout_ms` until no connection is left, then closes the
 * rest. True when `requests`, the number of those not yet answered, was 0 before that. Any
 * thread but a loop's.
 */
bool nv_server_drain(struct nv_server *server, unsigned timeout_ms,
                     const atomic_size_t *requests);
/* Closes what is left and frees all but `server`. The loops must have stopped, or never
 * started. */
void nv_server_release(struct nv_server *server);
/* Reads certificate, key and client CA again. NV_ERR_CONFIG with `fail`, NV_ERR_NO_MEMORY: the
 * old ones stay. Any thread. */
enum nv_err nv_server_reload(struct nv_server *server, struct nv_fail *fail) NV_MUST_USE;

#endif
