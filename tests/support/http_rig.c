/*
 * The rig of http_rig.h: a server on a loop that only runs when the test turns it.
 *
 * Loopback TCP delivers within the kernel, so a few turns after the last change are enough to
 * know that nothing moves; a turn costs microseconds.
 */
#include "http_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define QUIET_TURNS 8

void http_rig_open(struct http_rig *rig, const struct nv_http_route *routes, size_t count,
                   const struct nv_http_limits *limits, const struct nv_http_hooks *hooks)
{
    struct nv_http_server_config config = {
        .listener.addresses = "127.0.0.1:0", .routes = routes, .route_count = count};
    struct nv_fail fail = {.code = NV_OK};
    nv_http_limits_init(&config.limits);
    if (limits)
        config.limits = *limits;
    if (hooks)
        config.hooks = *hooks;
    nv_fake_clock_init(&rig->clock, 1000 * NV_NS_PER_S, UINT64_C(784111777) * NV_NS_PER_S);
    ck_assert_int_eq(nv_loops_init(&rig->loops, 1, &rig->clock.clock), NV_OK);
    enum nv_err err = nv_http_server_new(&config, &rig->loops, &fail, &rig->server);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    rig->len = 0;
}

void http_rig_close(struct http_rig *rig)
{
    nv_http_server_stop_accepting(rig->server);
    (void)nv_http_server_drain(rig->server, 0);
    nv_http_server_free(rig->server);
    nv_loops_release(&rig->loops);
}

int http_rig_connect(struct http_rig *rig)
{
    const char *name = nv_listener_address(nv_http_server_listener(rig->server), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t port = 0;
    ck_assert_int_eq(nv_str_to_uint64(nv_str_from(strrchr(name, ':') + 1), &port), NV_OK);
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    http_rig_turn(rig);
    return fd;
}

void http_rig_turn(struct http_rig *rig)
{
    for (int i = 0; i < QUIET_TURNS; i++)
        nv_loop_turn(rig->loops.items[0]);
}

void http_rig_advance(struct http_rig *rig, unsigned ms)
{
    nv_fake_clock_advance(&rig->clock, ms * NV_NS_PER_MS);
    nv_loop_tick_now(rig->loops.items[0]);
    http_rig_turn(rig);
}

void http_rig_send(struct http_rig *rig, int fd, struct nv_str bytes)
{
    int stuck = 0;
    while (bytes.len > 0 && stuck < 1000) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return; /* the server has closed: what it said is still to be read */
        stuck = sent < 0 ? stuck + 1 : 0;
        bytes = nv_str_slice(bytes, sent > 0 ? (size_t)sent : 0, SIZE_MAX);
        http_rig_turn(rig);
    }
    ck_assert_uint_eq(bytes.len, 0);
}

bool http_rig_read(struct http_rig *rig, int fd)
{
    int quiet = 0;
    rig->text[rig->len] = '\0';
    while (quiet < QUIET_TURNS) {
        nv_loop_turn(rig->loops.items[0]);
        ssize_t got = recv(fd, rig->text + rig->len, sizeof rig->text - rig->len - 1, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
        quiet = got > 0 ? 0 : quiet + 1;
        rig->len += got > 0 ? (size_t)got : 0;
        rig->text[rig->len] = '\0';
    }
    return false;
}

void http_rig_ask(struct http_rig *rig, struct nv_str bytes)
{
    int fd = http_rig_connect(rig);
    rig->len = 0;
    http_rig_send(rig, fd, bytes);
    (void)http_rig_read(rig, fd);
    close(fd);
    http_rig_turn(rig);
}

int http_rig_status(const struct http_rig *rig, unsigned n)
{
    const char *at = rig->text;
    for (;;) {
        at = strstr(at, "HTTP/1.1 ");
        if (!at)
            return 0;
        at += strlen("HTTP/1.1 ");
        if (n-- == 0)
            return (int)strtol(at, NULL, 10);
    }
}
