/*
 * The control socket: two routes on the receiver's HTTP server, and a client for them.
 *
 *   POST /dead?list   POST /dead?show=7   POST /dead?retry=all&after=0-0   POST /dead?drop=7
 *   GET /status       as on the admin port, which may be closed
 *
 * Of all letters a slice is acted on a request, and the client asks again for those after it:
 * it can say how far it is, and the loop serves others in between.
 *
 * The client speaks HTTP/1.1 with `Connection: close` by hand: it only ever talks to the server
 * of the same version. An error code travels as its number, so that both ends say the same.
 *
 * Why a socket and not the admin port: dead letters hold traces, so who may list, show and drop
 * them is decided by the file system (0600, in the journal's directory) and not by who reaches
 * a port. It also finds the gateway that owns this journal when several run on a machine.
 */
#include "gateway/admin/control.h"

#include "base/limits.h"
#include "base/text/mask.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

#define SOCKET_NAME "control"
/* Its clients are commands on this machine: an answer that takes longer is not being read. */
#define DRAIN_MS 200

/* In the order of enum nv_dead_verb: used as an index by the client, searched by the server. */
static const char *const verbs[] = {"list", "show", "retry", "drop"};

struct nv_control {
    struct nv_http_server *server;
    struct nv_dead_place place;
    struct nv_http_route routes[2];
};

/* ---- server ------------------------------------------------------------------------------ */

static enum nv_err parse_query(struct nv_str query, struct nv_dead_request *request,
                               struct nv_dead_slice *slice)
{
    static const struct nv_str after = NV_STR_INIT("&after=");
    size_t equals = nv_str_find_char(query, '=');
    struct nv_str name = nv_str_slice(query, 0, equals);
    struct nv_str id =
        nv_str_slice(query, equals == SIZE_MAX ? query.len : equals + 1, query.len);
    size_t more = nv_str_find(id, after);
    *slice = (struct nv_dead_slice){0};
    if (more != SIZE_MAX) {
        struct nv_str range = nv_str_slice(id, more + after.len, id.len);
        size_t dash = nv_str_find_char(range, '-');
        if (dash == SIZE_MAX ||
            nv_str_to_uint64(nv_str_slice(range, 0, dash), &slice->after) != NV_OK ||
            nv_str_to_uint64(nv_str_slice(range, dash + 1, range.len), &slice->last) != NV_OK)
            return NV_ERR_CONFIG;
    }
    id = nv_str_slice(id, 0, more);
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (nv_str_eq(name, nv_str_from(verbs[i])))
            return nv_dead_parse((enum nv_dead_verb)i, id, request);
    }
    return NV_ERR_CONFIG;
}

static void handle(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_control *control = ctx;
    struct nv_dead_request request;
    struct nv_dead_slice slice;
    struct nv_buf text;
    char header[200];
    nv_buf_init(&text, NV_CAP_CONTROL_ANSWER);
    enum nv_err err = parse_query(nv_http_request_query(exchange), &request, &slice);
    if (err == NV_OK)
        err = nv_dead_run_slice(&request, &control->place, nv_clock_system(), &slice, &text);
    /* a dead letter's reason quotes the backend, and a backend may quote the key it refused */
    nv_mask_buf(&text);
    int len =
        snprintf(header, sizeof header,
                 "x-noveum-error: %d\r\nx-noveum-done: %" PRIu64 "\r\nx-noveum-left: %" PRIu64
                 "\r\nx-noveum-after: %" PRIu64 "\r\nx-noveum-last: %" PRIu64 "\r\n",
                 (int)err, slice.done, slice.left, slice.after, slice.last);
    struct nv_http_reply reply = {.status = 200,
                                  .content_type = NV_STR("text/plain; charset=utf-8"),
                                  .headers = {header, (size_t)len},
                                  .body = nv_buf_str(&text),
                                  .close = true};
    nv_http_reply_send(exchange, &reply);
    nv_buf_release(&text);
}

/* sun_path holds 108 bytes and no more, whatever the file system allows. */
static int socket_path(const char *prefix, const char *directory, char *out, size_t size)
{
    int len = snprintf(out, size, "%s%s/" SOCKET_NAME, prefix, directory);
    return len > 0 && (size_t)len < size ? 0 : -1;
}

enum nv_err nv_control_new(const char *directory, const struct nv_dead_place *place,
                           const struct nv_http_handler *status, const struct nv_loops *loops,
                           struct nv_fail *fail, struct nv_control **out)
{
    assert(directory != NULL && place->store != NULL);
    char address[sizeof(struct sockaddr_un)];
    *out = NULL;
    if (socket_path("unix:", directory, address, sizeof address) != 0) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "journal.directory is too long for a socket");
    }
    struct nv_control *control = calloc(1, sizeof *control);
    if (!control)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    control->place = *place;
    control->routes[0] = (struct nv_http_route){.path = NV_STR("/dead"),
                                                .methods = NV_HTTP_POST,
                                                .body_bytes_max = 1,
                                                .handler = {.ctx = control, .handle = handle}};
    control->routes[1] = (struct nv_http_route){.path = NV_STR("/status"),
                                                .methods = NV_HTTP_GET,
                                                .body_bytes_max = 1,
                                                .handler = *status};
    struct nv_http_server_config config = {
        .listener = {.addresses = address, .unix_mode = 0600},
        .routes = control->routes,
        .route_count = 2};
    nv_http_limits_init(&config.limits);
    /* commands of people: enough for a few terminals, not for a program that forgets to
     * close */
    config.limits.connections_max = 8;
    enum nv_err err = nv_http_server_new(&config, loops, fail, &control->server);
    if (err != NV_OK) {
        free(control);
        return err;
    }
    *out = control;
    return NV_OK;
}

void nv_control_stop(struct nv_control *control)
{
    if (!control)
        return;
    nv_http_server_stop_accepting(control->server);
    (void)nv_http_server_drain(control->server, DRAIN_MS);
}

void nv_control_free(struct nv_control *control)
{
    if (!control)
        return;
    nv_http_server_free(control->server);
    free(control);
}

/* ---- client ------------------------------------------------------------------------------ */

/* `wait_ms` bounds each step, UINT_MAX: none does. */
static int connect_to(const char *directory, unsigned wait_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval wait = {.tv_sec = wait_ms / 1000,
                                 .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    if (socket_path("", directory, address.sun_path, sizeof address.sun_path) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && wait_ms != UINT_MAX) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    }
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    /* close may set it, and what the user is told is why connect failed */
    int cause = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = cause;
    return -1;
}

/* Shorter than any socket's buffer, so one send takes all or the peer is gone. MSG_NOSIGNAL: a
 * gateway that ends meanwhile must not kill the command by SIGPIPE. */
static bool send_request(int fd, const char *method, const char *target)
{
    char text[200];
    int len = snprintf(text, sizeof text,
                       "%s %s HTTP/1.1\r\nHost: control\r\nConnection: close\r\n"
                       "Content-Length: 0\r\n\r\n",
                       method, target);
    return send(fd, text, (size_t)len, MSG_NOSIGNAL) == len;
}

static enum nv_err read_all(int fd, struct nv_buf *out)
{
    char piece[16384];
    for (ssize_t got = 1; got > 0;) {
        got = recv(fd, piece, sizeof piece, 0);
        if (got < 0)
            return errno == EAGAIN ? NV_ERR_TIMEOUT : NV_ERR_IO;
        enum nv_err err = nv_buf_append(out, piece, (size_t)got);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* The value of a header of ours; empty: the reply has none. */
static struct nv_str header_value(struct nv_str head, struct nv_str name)
{
    size_t at = nv_str_find(head, name);
    if (at == SIZE_MAX)
        return (struct nv_str){0};
    struct nv_str value = nv_str_slice(head, at + name.len, head.len);
    return nv_str_slice(value, 0, nv_str_find(value, NV_STR("\r\n")));
}

static bool read_number(struct nv_str head, struct nv_str name, uint64_t *out)
{
    struct nv_str value = header_value(head, name);
    *out = 0;
    return value.len == 0 || nv_str_to_uint64(value, out) == NV_OK;
}

/* What is left lies behind what was done, or asking again would never end. */
static bool read_slice(struct nv_str head, struct nv_dead_slice *slice)
{
    const uint64_t before = slice->after;
    return read_number(head, NV_STR("x-noveum-done: "), &slice->done) &&
           read_number(head, NV_STR("x-noveum-left: "), &slice->left) &&
           read_number(head, NV_STR("x-noveum-after: "), &slice->after) &&
           read_number(head, NV_STR("x-noveum-last: "), &slice->last) &&
           (slice->left == 0 || (slice->after > before && slice->last > slice->after));
}

/* The body of a reply goes to `out`; gives back the code that came with it, if one did. */
static enum nv_err parse_reply(struct nv_str reply, struct nv_dead_slice *slice,
                               struct nv_buf *out)
{
    size_t end = nv_str_find(reply, NV_STR("\r\n\r\n"));
    struct nv_str head = nv_str_slice(reply, 0, end + 2);
    struct nv_str value = header_value(head, NV_STR("x-noveum-error: "));
    int64_t code = 0;
    if (end == SIZE_MAX || !nv_str_starts(head, NV_STR("HTTP/1.1 200 ")))
        return NV_ERR_IO;
    /* codes are 0 or negative (base/error.h); anything else was not written by us */
    if (value.len > 0 &&
        (nv_str_to_int64(value, &code) != NV_OK || code > 0 || code < INT16_MIN))
        return NV_ERR_IO;
    if (slice && !read_slice(head, slice))
        return NV_ERR_IO;
    enum nv_err err = nv_buf_append_str(out, nv_str_slice(reply, end + 4, reply.len));
    return err == NV_OK ? (enum nv_err)code : err;
}

/* The answer of the gateway behind `fd`, which is taken. */
static enum nv_err ask(int fd, const char *method, const char *target,
                       struct nv_dead_slice *slice, struct nv_buf *out, struct nv_fail *fail)
{
    struct nv_buf reply;
    if (fd < 0) {
        enum nv_err err = errno == EAGAIN ? NV_ERR_TIMEOUT : NV_ERR_IO;
        return nv_fail_set(fail, err, 0, "can't reach the gateway that runs here: %s",
                           strerror(errno));
    }
    nv_buf_init(&reply, NV_CAP_CONTROL_ANSWER);
    enum nv_err err = send_request(fd, method, target) ? read_all(fd, &reply) : NV_ERR_IO;
    if (err == NV_OK)
        err = parse_reply(nv_buf_str(&reply), slice, out);
    if (err == NV_ERR_IO || err == NV_ERR_TIMEOUT)
        (void)nv_fail_set(fail, err, 0, "the gateway that runs here did not answer");
    nv_buf_release(&reply);
    (void)close(fd);
    return err;
}

enum nv_err nv_control_ask(const char *directory, const struct nv_dead_request *request,
                           struct nv_dead_slice *slice, struct nv_buf *out,
                           struct nv_fail *fail)
{
    char target[128], id[24];
    assert(directory != NULL && out != NULL);
    (void)snprintf(id, sizeof id, "%" PRIu64, request->id);
    (void)snprintf(target, sizeof target, "/dead?%s=%s&after=%" PRIu64 "-%" PRIu64,
                   verbs[request->verb], request->all ? "all" : id, slice->after, slice->last);
    return ask(connect_to(directory, UINT_MAX), "POST", target, slice, out, fail);
}

enum nv_err nv_control_status(const char *directory, struct nv_buf *out, struct nv_fail *fail)
{
    assert(directory != NULL && out != NULL);
    return ask(connect_to(directory, NV_CONTROL_STATUS_MS), "GET", "/status", NULL, out, fail);
}

int nv_control_pid(const char *directory)
{
    struct ucred peer = {.pid = 0};
    socklen_t len = sizeof peer;
    int fd = connect_to(directory, NV_CONTROL_STATUS_MS);
    if (fd < 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        peer.pid = 0;
    (void)close(fd);
    return (int)peer.pid;
}
