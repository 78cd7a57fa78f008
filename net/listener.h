/*
 * Listening sockets: addresses in words, Unix sockets, inherited sockets, and accepting.
 *
 *   "127.0.0.1:4318,[::1]:4318,unix:/run/x.sock" ──open──▶ sockets ──attach──▶ every loop
 *                                                                    accepted(loop, fd)
 *
 * All loops wait on the same sockets: the loop that is free takes the connection, which spreads
 * a few long-lived SDK connections better than SO_REUSEPORT's hash does, leaves no connection
 * in a queue that nobody reads, and makes "address in use" visible. Out of descriptors: a spare
 * one is given up to accept and close one connection, then accepting pauses until the next
 * tick.
 */
#ifndef NV_NET_LISTENER_H
#define NV_NET_LISTENER_H

#include "net/loop.h"

struct nv_listener;

#define NV_LISTENER_NAME_BYTES 160

struct nv_listener_config {
    /*
     * Comma-separated: "host:port" (IPv4, name, or empty host for all addresses),
     * "[ipv6]:port", "unix:/path", "unix:@abstract", "fd:N". Port 0 takes any. A socket handed
     * over by LISTEN_FDS (sd_listen_fds(3)) that is bound to a listed address is used in its
     * place.
     */
    const char *addresses;
    unsigned unix_mode; /* permission bits of a Unix socket; 0 means 0660 */
    bool reuse_port;    /* SO_REUSEPORT, for two processes on one port during a handover */
};

/* Who takes new connections; both are called on a loop's thread. */
struct nv_accepter {
    void *ctx;
    /* Takes `fd` (connected, non-blocking, TCP_NODELAY, close-on-exec). */
    void (*accepted)(void *ctx, struct nv_loop *loop, int fd);
    /* Asked before each accept(2); when false, this loop asks again at the next tick. */
    bool (*wanted)(void *ctx, struct nv_loop *loop);
    /* A connection was closed for lack of descriptors or memory. NULL is allowed. */
    void (*refused)(void *ctx);
};

/*
 * Binds and listens; nothing is accepted yet. *out is new. NV_ERR_CONFIG (address not
 * understood, in use, not allowed) with what to do in `fail`; NV_ERR_NO_MEMORY, NV_ERR_IO.
 */
enum nv_err nv_listener_open(const struct nv_listener_config *config, struct nv_fail *fail,
                             struct nv_listener **out) NV_MUST_USE;
/* Accepts on `loops` (borrowed, not started yet) from their start on. NO_MEMORY, IO. */
enum nv_err nv_listener_attach(struct nv_listener *listener, const struct nv_loops *loops,
                               struct nv_accepter accepter) NV_MUST_USE;
/*
 * Ends accepting on `loop`: takes what is in the queue, then gives up this loop's share. To be
 * called on every loop's thread; the last one closes the sockets. A second call does nothing.
 */
void nv_listener_stop(struct nv_listener *listener, struct nv_loop *loop);
/* Frees; removes a Unix socket's file. The loops must have stopped. NULL is allowed. */
void nv_listener_free(struct nv_listener *listener);
/* How many addresses are bound. */
size_t nv_listener_count(const struct nv_listener *listener);
/* The i-th as "127.0.0.1:4318", "[::1]:4318", "unix:/path". Borrowed, valid until free. */
const char *nv_listener_address(const struct nv_listener *listener, size_t i);
/*
 * Sockets handed over by LISTEN_FDS that no listener has taken, one a call: clients connect to
 * them and nobody ever answers. Writes the name and leaves in `*fd` where the next call goes
 * on; 0 at first. False: no more. When all listeners are open; one thread.
 */
bool nv_listener_unclaimed(int *fd, char name[NV_LISTENER_NAME_BYTES]);

#endif
