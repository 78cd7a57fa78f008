/*
 * A thread with a socket and a pipe: it sends, waits on the pipe for the pause, and goes on
 * unless the pipe was closed meanwhile.
 *
 * A plain client of OTLP/HTTP, a connection a request. It waits for its answer with a bound,
 * because the gateway that should answer is the program that waits for it at its end.
 */
#include "gateway/demo/player.h"

#include "base/limits.h"
#include "gateway/demo/moved.h"
#include "otlp/request/inflate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/banned.h"

#define ANSWER_WAIT_S 5
#define LINE_SIZE 160

struct nv_demo_player {
    struct nv_demo_config config;
    pthread_t thread;
    int ends[2]; /* of the pipe: the thread waits on the first, stop closes the second */
};

/* ---- one request ------------------------------------------------------------------------- */

static int connect_to(const char *address)
{
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    struct sockaddr_in in = {.sin_family = AF_INET};
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(address, ':');
    uint64_t port = 0;

    if (!colon || nv_str_to_uint64(nv_str_from(colon + 1), &port) != NV_OK || port > UINT16_MAX)
        return -1;
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    in.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&in, sizeof in) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/*
 * Posts a body and reads the status, 0: none came. The head's first bytes are all that is
 * read: the status is in them, and the connection is closed after each request.
 */
static int post(const char *address, const char *body, size_t len)
{
    char text[256];
    int fd = connect_to(address), status = 0;

    if (fd < 0)
        return 0;
    int head = snprintf(text, sizeof text,
                        "POST /v1/traces HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n"
                        "Content-Type: application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                        len);
    if (send_all(fd, text, (size_t)head) && send_all(fd, body, len)) {
        ssize_t got = recv(fd, text, sizeof text, MSG_WAITALL);
        struct nv_str answer = {text, got > 0 ? (size_t)got : 0};
        uint64_t number = 0;
        if (nv_str_starts(answer, NV_STR("HTTP/1.1 ")) &&
            nv_str_to_uint64(nv_str_slice(answer, 9, 3), &number) == NV_OK)
            status = (int)number;
    }
    (void)close(fd);
    return status;
}

enum nv_err nv_demo_send(const struct nv_demo_capture *capture, const char *address,
                         uint64_t now_ns, struct nv_fail *fail)
{
    const struct nv_room room = {.max = NV_CAP_EXPLAIN_FILE};
    struct nv_demo_salt salt;
    char *body = NULL;
    size_t len = 0;
    struct nv_str packed = {(const char *)capture->gzip, capture->len};
    enum nv_err err = nv_inflate(NV_CODING_GZIP, packed, &room, &body, &len, fail);
    if (err == NV_OK && getrandom(salt.bytes, sizeof salt.bytes, 0) != sizeof salt.bytes)
        err = nv_fail_set(fail, NV_ERR_IO, 0, "no random bits");
    if (err == NV_OK)
        err = nv_demo_move(body, len, now_ns, &salt);
    if (err == NV_OK) {
        int status = post(address, body, len);
        if (status != 200)
            err = nv_fail_set(fail, NV_ERR_IO, 0, "the gateway answered %d", status);
    }
    free(body);
    return err;
}

/* ---- all of them ------------------------------------------------------------------------- */

/*
 * Waits for the pause; false when it was told to end. A pipe and not a condition: its closed
 * end stays closed, and ends also a pause that begins later. A request is not broken off: an
 * end waits for it, each of its calls ANSWER_WAIT_S at most.
 */
static bool pause_between(const struct nv_demo_player *player)
{
    struct pollfd wait = {.fd = player->ends[0], .events = POLLIN};

    return poll(&wait, 1, (int)player->config.pause_ms) == 0;
}

static void play(const struct nv_demo_config *config, size_t i)
{
    char line[LINE_SIZE];
    struct nv_fail fail = {0};
    const struct nv_demo_capture *capture = &nv_demo_captures[i];
    enum nv_err err =
        nv_demo_send(capture, config->address, nv_clock_wall_ns(config->clock), &fail);

    (void)snprintf(line, sizeof line, "%2zu of %zu  %s%s%s", i + 1, nv_demo_capture_count,
                   capture->name, err == NV_OK ? "" : ": ",
                   err == NV_OK           ? ""
                   : fail.what[0] != '\0' ? fail.what
                                          : nv_err_info(err)->text);
    config->said(config->ctx, line);
}

static void *run(void *ctx)
{
    const struct nv_demo_player *player = ctx;
    bool on = true;

    for (size_t i = 0; i < nv_demo_capture_count && on; i++) {
        play(&player->config, i);
        on = pause_between(player);
    }
    if (on)
        player->config.said(player->config.ctx, "");
    return NULL;
}

enum nv_err nv_demo_player_start(const struct nv_demo_config *config, struct nv_fail *fail,
                                 struct nv_demo_player **out)
{
    struct nv_demo_player *player = calloc(1, sizeof *player);

    *out = NULL;
    if (!player)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    player->config = *config;
    if (pipe2(player->ends, O_CLOEXEC) != 0) {
        free(player);
        return nv_fail_set(fail, NV_ERR_IO, 0, "no pipe: %s", strerror(errno));
    }
    if (pthread_create(&player->thread, NULL, run, player) != 0) {
        (void)close(player->ends[0]);
        (void)close(player->ends[1]);
        free(player);
        return nv_fail_set(fail, NV_ERR_IO, 0, "no thread");
    }
    *out = player;
    return NV_OK;
}

void nv_demo_player_stop(struct nv_demo_player *player)
{
    if (!player)
        return;
    (void)close(player->ends[1]); /* the other end becomes readable */
    (void)pthread_join(player->thread, NULL);
    (void)close(player->ends[0]);
    free(player);
}
