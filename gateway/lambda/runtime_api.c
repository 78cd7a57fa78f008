/*
 * One connection a call, closed by the other side when it has answered.
 *
 *   connect ▸ request with Connection: close ▸ read to the end ▸ status, header, body
 *
 * By hand rather than by libcurl, whose handles belong to the exporter's loop: the calls are
 * four, on this machine, and `next` waits for hours with the process frozen meanwhile, so no
 * timeout of any kind may stand on it. A frozen process keeps its connections; what the
 * environment has cut meanwhile shows as an error of the read and is tried again by the caller.
 */
#include "gateway/lambda/runtime_api.h"

#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define SESSION_HEADER "Lambda-Extension-Identifier"
#define REQUEST_SIZE 2048

struct call {
    const char *method, *path;
    const char *header, *value; /* one header more; NULL: none */
    const char *body;           /* JSON; NULL: none */
};

/* ---- connection -------------------------------------------------------------------------- */

static int connect_one(const struct addrinfo *one)
{
    int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
        int cause = errno;
        (void)close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

static int connect_to(const char *address)
{
    char host[NV_LAMBDA_ADDRESS_SIZE];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int fd = -1;
    (void)snprintf(host, sizeof host, "%s", address);
    char *colon = strrchr(host, ':');
    assert(colon != NULL);
    *colon = '\0';
    if (getaddrinfo(host, colon + 1, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *one = list; one && fd < 0; one = one->ai_next)
        fd = connect_one(one);
    int cause = errno;
    freeaddrinfo(list);
    errno = cause;
    return fd;
}

/* From here on nv_lambda_api_end can break the call off. */
static bool announce(struct nv_lambda_api *api, int fd)
{
    pthread_mutex_lock(&api->lock);
    bool on = !api->ended;
    api->fd = on ? fd : -1;
    pthread_mutex_unlock(&api->lock);
    return on;
}

static bool withdraw(struct nv_lambda_api *api)
{
    pthread_mutex_lock(&api->lock);
    api->fd = -1;
    bool on = !api->ended;
    pthread_mutex_unlock(&api->lock);
    return on;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int fd, struct nv_buf *answer)
{
    char piece[4096];
    for (;;) {
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        if (nv_buf_append(answer, piece, (size_t)got) != NV_OK)
            return false;
    }
}

/* ---- answers ----------------------------------------------------------------------------- */

static struct nv_str next_line(struct nv_str *rest)
{
    size_t end = nv_str_find(*rest, NV_STR("\r\n"));
    struct nv_str line = nv_str_slice(*rest, 0, end);
    *rest =
        end == SIZE_MAX ? (struct nv_str){NULL, 0} : nv_str_slice(*rest, end + 2, rest->len);
    return line;
}

static bool is_header(struct nv_str line, struct nv_str name, struct nv_str *value)
{
    size_t colon = nv_str_find_char(line, ':');
    if (colon == SIZE_MAX || !nv_str_ieq(nv_str_slice(line, 0, colon), name))
        return false;
    *value = nv_str_trim(nv_str_slice(line, colon + 1, line.len));
    return true;
}

static void join_chunks(struct nv_str rest, struct nv_buf *body)
{
    while (rest.len > 0) {
        char digits[20];
        struct nv_str line = next_line(&rest);
        (void)snprintf(digits, sizeof digits, "%.*s", NV_STR_ARG(nv_str_slice(line, 0, 16)));
        size_t len = strtoul(digits, NULL, 16);
        if (len == 0 || len > rest.len)
            return;
        (void)nv_buf_append_str(body, nv_str_slice(rest, 0, len));
        rest = nv_str_slice(rest, len, rest.len);
        (void)next_line(&rest);
    }
}

int nv_lambda_answer_read(struct nv_str answer, struct nv_str name,
                          char value[NV_LAMBDA_SESSION_SIZE], struct nv_buf *body)
{
    uint64_t status = 0;
    bool chunked = false;
    struct nv_str got, line = next_line(&answer);
    value[0] = '\0';
    nv_buf_clear(body);
    if (!nv_str_starts(line, NV_STR("HTTP/1.")) ||
        nv_str_to_uint64(nv_str_slice(line, 9, 3), &status) != NV_OK || status > 599)
        return 0;
    while ((line = next_line(&answer)).len > 0) {
        if (is_header(line, name, &got) && got.len < NV_LAMBDA_SESSION_SIZE)
            (void)snprintf(value, NV_LAMBDA_SESSION_SIZE, "%.*s", NV_STR_ARG(got));
        else if (is_header(line, NV_STR("Transfer-Encoding"), &got))
            chunked = nv_str_ieq(got, NV_STR("chunked"));
    }
    if (chunked)
        join_chunks(answer, body);
    else
        (void)nv_buf_append_str(body, answer);
    return (int)status;
}

/* ---- calls ------------------------------------------------------------------------------- */

static enum nv_err write_request(const struct nv_lambda_api *api, const struct call *call,
                                 struct nv_buf *out)
{
    (void)nv_buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n",
                        call->method, call->path, api->address);
    if (call->header)
        (void)nv_buf_printf(out, "%s: %s\r\n", call->header, call->value);
    if (!call->body)
        return nv_buf_append_str(out, NV_STR("\r\n"));
    return nv_buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(call->body), call->body);
}

static enum nv_err exchange(struct nv_lambda_api *api, const struct call *call,
                            struct nv_buf *answer, struct nv_fail *fail)
{
    char text[96];
    struct nv_buf request;
    int fd = connect_to(api->address);
    int cause = errno;
    nv_buf_init(&request, REQUEST_SIZE);
    bool on = fd < 0 || announce(api, fd);
    bool sent = on && fd >= 0 && write_request(api, call, &request) == NV_OK &&
                send_all(fd, request.bytes, request.len) && receive_all(fd, answer);
    cause = fd >= 0 ? errno : cause;
    on = withdraw(api) && on;
    nv_buf_release(&request);
    if (fd >= 0)
        (void)close(fd);
    if (!on)
        return NV_ERR_STOPPING;
    if (sent)
        return NV_OK;
    return nv_fail_set(fail, NV_ERR_IO, 0, "%s %s%s at %s: %s", call->method, "", call->path,
                       api->address, strerror_r(cause, text, sizeof text));
}

/* The body in `body`, the header's value in `value`. */
static enum nv_err ask(struct nv_lambda_api *api, const struct call *call, struct nv_str header,
                       char value[NV_LAMBDA_SESSION_SIZE], struct nv_buf *body,
                       struct nv_fail *fail)
{
    struct nv_buf answer;
    nv_buf_init(&answer, NV_CAP_LAMBDA_ANSWER);
    enum nv_err err = exchange(api, call, &answer, fail);
    if (err == NV_OK) {
        int status = nv_lambda_answer_read(nv_buf_str(&answer), header, value, body);
        if (status < 200 || status > 299) {
            err = nv_fail_set(fail, NV_ERR_IO, 0, "%s %s answered %d: %.*s", call->method,
                              call->path, status,
                              NV_STR_ARG(nv_str_slice(nv_buf_str(body), 0, 200)));
        }
    }
    nv_buf_release(&answer);
    return err;
}

enum nv_err nv_lambda_register(struct nv_lambda_api *api, const char *name,
                               struct nv_fail *fail)
{
    const struct call call = {.method = "POST",
                              .path = "/2020-01-01/extension/register",
                              .header = "Lambda-Extension-Name",
                              .value = name,
                              .body = "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}"};
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_LAMBDA_ANSWER);
    enum nv_err err = ask(api, &call, NV_STR(SESSION_HEADER), api->session, &body, fail);
    if (err == NV_OK && api->session[0] == '\0')
        err = nv_fail_set(fail, NV_ERR_IO, 0, "register gave no " SESSION_HEADER);
    nv_buf_release(&body);
    return err;
}

enum nv_err nv_lambda_subscribe(struct nv_lambda_api *api, const char *uri,
                                struct nv_fail *fail)
{
    char text[512], unused[NV_LAMBDA_SESSION_SIZE];
    /* the least of each that the API takes: records come as soon as they can */
    (void)snprintf(text, sizeof text,
                   "{\"schemaVersion\":\"2022-12-13\",\"types\":[\"platform\"],\"buffering\":{"
                   "\"maxItems\":1000,\"maxBytes\":262144,\"timeoutMs\":25},\"destination\":{"
                   "\"protocol\":\"HTTP\",\"URI\":\"%s\"}}",
                   uri);
    const struct call call = {.method = "PUT",
                              .path = "/2022-07-01/telemetry",
                              .header = SESSION_HEADER,
                              .value = api->session,
                              .body = text};
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_LAMBDA_ANSWER);
    enum nv_err err = ask(api, &call, NV_STR(SESSION_HEADER), unused, &body, fail);
    nv_buf_release(&body);
    return err;
}

enum nv_err nv_lambda_next(struct nv_lambda_api *api, struct nv_lambda_event *out,
                           struct nv_fail *fail)
{
    char unused[NV_LAMBDA_SESSION_SIZE];
    const struct call call = {.method = "GET",
                              .path = "/2020-01-01/extension/event/next",
                              .header = SESSION_HEADER,
                              .value = api->session};
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_LAMBDA_ANSWER);
    enum nv_err err = ask(api, &call, NV_STR(SESSION_HEADER), unused, &body, fail);
    if (err == NV_OK) {
        err = nv_lambda_event_read(nv_buf_str(&body), out);
        if (err != NV_OK)
            (void)nv_fail_set(fail, err, 0, "event/next gave no event");
    }
    nv_buf_release(&body);
    return err;
}

/* ---- life -------------------------------------------------------------------------------- */

enum nv_err nv_lambda_api_init(struct nv_lambda_api *api, const char *address)
{
    *api = (struct nv_lambda_api){.fd = -1};
    int failed = pthread_mutex_init(&api->lock, NULL);
    assert(failed == 0);
    (void)failed;
    if (!address || !strrchr(address, ':') || strlen(address) >= sizeof api->address)
        return NV_ERR_CONFIG;
    (void)snprintf(api->address, sizeof api->address, "%s", address);
    return NV_OK;
}

void nv_lambda_api_release(struct nv_lambda_api *api)
{
    (void)pthread_mutex_destroy(&api->lock);
}

void nv_lambda_api_end(struct nv_lambda_api *api)
{
    pthread_mutex_lock(&api->lock);
    api->ended = true;
    if (api->fd >= 0)
        (void)shutdown(api->fd, SHUT_RDWR);
    pthread_mutex_unlock(&api->lock);
}
