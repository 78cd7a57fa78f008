/*
 * An HTTP server of our own in the test's thread, with a fake clock, and a client socket to it.
 *
 *   client fd ◀──TCP──▶ server on one loop without a thread: http_rig_turn runs it
 *
 * Nothing sleeps: the loop is turned until the client has what it waits for or nothing moves.
 */
#ifndef NV_TESTS_SUPPORT_HTTP_RIG_H
#define NV_TESTS_SUPPORT_HTTP_RIG_H

#include "net/http/http_server.h"

struct http_rig {
    struct nv_fake_clock clock;
    struct nv_loops loops;
    struct nv_http_server *server;
    char text[200000]; /* what http_rig_read collected, NUL-terminated */
    size_t len;
};

/* Starts a server with these routes on a free port; `limits` may be NULL for the defaults. */
void http_rig_open(struct http_rig *rig, const struct nv_http_route *routes, size_t count,
                   const struct nv_http_limits *limits, const struct nv_http_hooks *hooks);
/* Stops accepting, drains, frees. */
void http_rig_close(struct http_rig *rig);
/* New connected socket, non-blocking. */
int http_rig_connect(struct http_rig *rig);
/* Runs the loop until nothing moves any more. */
void http_rig_turn(struct http_rig *rig);
/* Moves the clock on by `ms` and looks at the deadlines. */
void http_rig_advance(struct http_rig *rig, unsigned ms);
/* Sends all of `bytes`, turning the loop while the socket is full. */
void http_rig_send(struct http_rig *rig, int fd, struct nv_str bytes);
/* Turns and reads what is there into rig->text. True when the server has closed. */
bool http_rig_read(struct http_rig *rig, int fd);
/* Connects, sends, reads into rig->text, closes. */
void http_rig_ask(struct http_rig *rig, struct nv_str bytes);
/* Status of the n-th reply (0 is the first) in rig->text, 0 when there is none. */
int http_rig_status(const struct http_rig *rig, unsigned n);

#endif
