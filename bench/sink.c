/*
 * The counting sink: stands in for the backend, answers every POST 200 and counts spans.
 *
 *   sink [-p PORT] [-l LATENCY_MS]     prints "port N"; GET /stats gives the counts as JSON
 *
 * One thread and epoll. Bodies are inflated by libdeflate and read as JSON; every element of
 * any array under the key "spans" counts, so Noveum's JSON and OTLP/JSON are counted alike. It
 * is a tool for benchmarks: it checks no schema and trusts its loopback clients.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/json/json_read.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libdeflate.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define REQUEST_MAX (64u << 20)
#define BODY_MAX (256u << 20)
#define DEPTH_MAX 200

struct client {
    int fd;
    struct nv_buf in;
};

struct sink {
    int epoll;
    int listener;
    struct libdeflate_decompressor *inflate;
    char *body; /* inflated */
    uint64_t requests, wire_bytes, raw_bytes, spans, traces, bad;
    uint64_t last_ns;
    unsigned latency_ms;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Counts the elements of the array that was just opened. */
static uint64_t count_array(struct nv_json_reader *reader)
{
    uint64_t count = 0;
    for (;;) {
        enum nv_json_token token = nv_json_next(reader);
        if (token == NV_JSON_ARRAY_END || token == NV_JSON_ERROR)
            return count;
        count++;
        if (nv_json_skip(reader, token) != NV_OK)
            return count;
    }
}

static void count_body(struct sink *sink, struct nv_str body)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, body, DEPTH_MAX);
    enum nv_json_token token;
    while ((token = nv_json_next(&reader)) > NV_JSON_END) {
        if (token != NV_JSON_KEY)
            continue;
        bool spans = nv_str_eq(reader.raw, NV_STR("spans"));
        bool attributes = nv_str_eq(reader.raw, NV_STR("attributes"));
        if (spans && nv_json_next(&reader) == NV_JSON_ARRAY_BEGIN) {
            sink->spans += count_array(&reader);
            sink->traces++;
        } else if (attributes && nv_json_skip(&reader, token) != NV_OK) {
            break;
        }
    }
    sink->bad += token == NV_JSON_END ? 0 : 1;
}

static void take_body(struct sink *sink, struct nv_str body, bool gzip)
{
    sink->requests++;
    sink->wire_bytes += body.len;
    sink->last_ns = nv_clock_mono_ns(nv_clock_system());
    if (gzip) {
        size_t len = 0;
        if (libdeflate_gzip_decompress(sink->inflate, body.ptr, body.len, sink->body, BODY_MAX,
                                       &len) != LIBDEFLATE_SUCCESS) {
            sink->bad++;
            return;
        }
        body = (struct nv_str){sink->body, len};
    }
    sink->raw_bytes += body.len;
    count_body(sink, body);
}

static void answer(const struct sink *sink, int fd, const char *content)
{
    char text[1024];
    if (sink->latency_ms > 0)
        (void)usleep(sink->latency_ms * 1000);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                     "%zu\r\n\r\n%s",
                     strlen(content), content);
    /* answers are far smaller than a socket's buffer */
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        (void)fprintf(stderr, "sink: an answer was not taken\n");
}

static void answer_stats(const struct sink *sink, int fd)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"requests\":%llu,\"spans\":%llu,\"traces\":%llu,\"bad\":%llu,"
                   "\"wire_bytes\":%llu,\"raw_bytes\":%llu,\"last_ns\":%llu}",
                   (unsigned long long)sink->requests, (unsigned long long)sink->spans,
                   (unsigned long long)sink->traces, (unsigned long long)sink->bad,
                   (unsigned long long)sink->wire_bytes, (unsigned long long)sink->raw_bytes,
                   (unsigned long long)sink->last_ns);
    answer(sink, fd, text);
}

/* Value of a header whose lower-case name with colon is given; empty when absent. */
static struct nv_str header(struct nv_str head, struct nv_str name)
{
    while (head.len > 0) {
        size_t end = nv_str_find(head, NV_STR("\r\n"));
        struct nv_str line = nv_str_slice(head, 0, end);
        if (nv_str_ieq(nv_str_slice(line, 0, name.len), name))
            return nv_str_trim(nv_str_slice(line, name.len, line.len));
        head =
            end == SIZE_MAX ? (struct nv_str){NULL, 0} : nv_str_slice(head, end + 2, head.len);
    }
    return (struct nv_str){NULL, 0};
}

/* Handles one request at the start of the buffer. False when there is none whole. */
static bool take_request(struct sink *sink, struct client *client)
{
    struct nv_str in = nv_buf_str(&client->in);
    size_t head_len = nv_str_find(nv_str_slice(in, 0, 65536), NV_STR("\r\n\r\n"));
    if (head_len == SIZE_MAX)
        return false;
    struct nv_str head = nv_str_slice(in, 0, head_len);
    uint64_t length = 0;
    if (nv_str_to_uint64(header(head, NV_STR("content-length:")), &length) != NV_OK)
        length = 0; /* a GET */
    if (in.len - head_len - 4 < length) {
        (void)nv_buf_reserve(&client->in, (size_t)length + head_len + 4 - in.len);
        return false;
    }
    if (nv_str_starts(head, NV_STR("GET /stats"))) {
        answer_stats(sink, client->fd);
    } else {
        bool gzip = nv_str_eq(header(head, NV_STR("content-encoding:")), NV_STR("gzip"));
        if (length > 0)
            take_body(sink, nv_str_slice(in, head_len + 4, (size_t)length), gzip);
        answer(sink, client->fd, "{\"success\":true}");
    }
    size_t used = head_len + 4 + (size_t)length;
    memmove(client->in.bytes, client->in.bytes + used, client->in.len - used);
    client->in.len -= used;
    return true;
}

static void drop(struct client *client)
{
    (void)close(client->fd);
    nv_buf_release(&client->in);
    free(client);
}

static void serve(struct sink *sink, struct client *client)
{
    if (nv_buf_reserve(&client->in, 65536) != NV_OK) {
        drop(client);
        return;
    }
    struct nv_buf *in = &client->in;
    ssize_t n = recv(client->fd, in->bytes + in->len, in->capacity - in->len, 0);
    if (n <= 0) {
        drop(client);
        return;
    }
    in->len += (size_t)n;
    while (take_request(sink, client)) {
    }
}

static void accept_client(struct sink *sink)
{
    int yes = 1;
    int fd = accept(sink->listener, NULL, NULL);
    struct client *client = calloc(1, sizeof *client);
    if (fd < 0 || !client)
        die("cannot accept");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    client->fd = fd;
    nv_buf_init(&client->in, REQUEST_MAX);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = client}};
    if (epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

static void listen_on(struct sink *sink, uint16_t port)
{
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sink->listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(sink->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(sink->listener, (struct sockaddr *)(void *)&address, len) != 0 ||
        listen(sink->listener, 128) != 0 ||
        getsockname(sink->listener, (struct sockaddr *)(void *)&address, &len) != 0)
        die("cannot listen");
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    sink->epoll = epoll_create1(0);
    if (sink->epoll < 0 || epoll_ctl(sink->epoll, EPOLL_CTL_ADD, sink->listener, &event) != 0)
        die("epoll");
    (void)printf("port %u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    struct sink sink = {0};
    uint64_t port = 0, latency = 0;
    for (int option; (option = getopt(argc, argv, "p:l:")) != -1;) {
        uint64_t *out = option == 'p' ? &port : &latency;
        if (option == '?' || nv_str_to_uint64(nv_str_from(optarg), out) != NV_OK)
            return 2;
    }
    sink.latency_ms = (unsigned)latency;
    sink.inflate = libdeflate_alloc_decompressor();
    sink.body = malloc(BODY_MAX);
    if (!sink.inflate || !sink.body)
        die("no memory");
    listen_on(&sink, (uint16_t)port);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(sink.epoll, events, 64, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (!events[i].data.ptr)
                accept_client(&sink);
            else
                serve(&sink, events[i].data.ptr);
        }
    }
}
