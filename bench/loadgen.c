/*
 * The load generator: OTLP/HTTP requests over keep-alive connections, closed loop, fixed work.
 *
 *   loadgen HOST PORT [-n SPANS] [-c CONNECTIONS] [-b SPANS_A_REQUEST] [-s genai|small]
 *           [-r SPANS_A_SECOND] [-w FILE]
 *
 * One thread and poll(2): each connection sends a request, waits for its answer, gives the
 * body's traces new ids and sends again, until SPANS spans have been sent. Prints one JSON
 * object. A request that is answered 429 or 503 is sent again with the same ids after a pause,
 * as an SDK does. -r begins requests no faster than that, over all connections. -w writes one
 * body to FILE and ends, for looking at it.
 */
#include "payload.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/banned.h"

#define TEMPLATES 4
#define CONNECTIONS_MAX 256
#define ANSWER_MAX 8192
#define BUSY_PAUSE_MS 20

struct connection {
    int fd;
    struct payload payloads[TEMPLATES];
    unsigned turn; /* template in flight */
    char head[256];
    size_t head_len;
    size_t sent; /* of head and body */
    char answer[ANSWER_MAX];
    size_t answer_len;
    uint64_t started_ns;
    uint64_t resume_ns; /* when to send again after 429 or 503, or its turn; 0: not paused */
    bool waits;         /* for its turn: what comes next is a new request */
    bool idle;
};

struct load {
    struct sockaddr_in address;
    uint64_t spans_max;
    unsigned connections;
    unsigned batch;
    enum payload_shape shape;
    uint64_t rate; /* spans a second; 0: as fast as they are answered */
    uint64_t start_ns;
    uint64_t run;
    uint64_t next_trace;
    uint64_t spans_started, spans_accepted, requests, busy, refused;
    uint64_t *latencies_ns;
    size_t latency_count, latency_max;
    uint64_t body_bytes;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    return nv_clock_mono_ns(nv_clock_system());
}

static void connect_to(struct connection *c, const struct load *load)
{
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)(const void *)&load->address,
                             sizeof load->address) != 0)
        die("cannot connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
        die("cannot set a socket non-blocking");
}

/* When the next request may begin. */
static uint64_t turn_ns(const struct load *load)
{
    return load->rate == 0 ? 0
                           : load->start_ns + load->spans_started * NV_NS_PER_S / load->rate;
}

/* Starts the next request of a connection, or the same again. */
static void start_request(struct connection *c, struct load *load, bool again)
{
    struct payload *payload = &c->payloads[c->turn];
    if (!again) {
        if (load->spans_started >= load->spans_max) {
            c->idle = true;
            return;
        }
        c->waits = false;
        c->resume_ns = turn_ns(load);
        if (c->resume_ns > now_ns()) {
            c->waits = true;
            return;
        }
        c->turn = (c->turn + 1) % TEMPLATES;
        payload = &c->payloads[c->turn];
        payload_renew(payload, load->run, &load->next_trace);
        load->spans_started += payload->spans;
        c->started_ns = now_ns();
    }
    int n = snprintf(c->head, sizeof c->head,
                     "POST /v1/traces HTTP/1.1\r\nHost: bench\r\nContent-Type: "
                     "application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                     payload->body.len);
    assert(n > 0 && (size_t)n < sizeof c->head);
    c->head_len = (size_t)n;
    c->sent = 0;
    c->answer_len = 0;
    c->resume_ns = 0;
}

static bool sending(const struct connection *c)
{
    return c->sent < c->head_len + c->payloads[c->turn].body.len;
}

static void send_some(struct connection *c)
{
    struct nv_buf *body = &c->payloads[c->turn].body;
    while (sending(c)) {
        struct iovec parts[2];
        int count = 0;
        if (c->sent < c->head_len)
            parts[count++] = (struct iovec){c->head + c->sent, c->head_len - c->sent};
        size_t body_sent = c->sent > c->head_len ? c->sent - c->head_len : 0;
        parts[count++] = (struct iovec){body->bytes + body_sent, body->len - body_sent};
        ssize_t n = writev(c->fd, parts, count);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("connection broke while sending");
        c->sent += (size_t)n;
    }
}

static void record(struct load *load, uint64_t latency_ns)
{
    assert(load->latency_count < load->latency_max);
    load->latencies_ns[load->latency_count++] = latency_ns;
}

/* Judges a whole answer and starts what comes next. `closes`: the gateway ends the connection,
 * as it does when it has not read the body. */
static void answered(struct connection *c, struct load *load, unsigned status, bool closes)
{
    load->requests++;
    if (status == 429 || status == 503) {
        load->busy++;
        if (closes) {
            (void)close(c->fd);
            connect_to(c, load);
        }
        c->resume_ns = now_ns() + BUSY_PAUSE_MS * NV_NS_PER_MS;
        return;
    }
    if (status == 200)
        load->spans_accepted += c->payloads[c->turn].spans;
    else
        load->refused++;
    record(load, now_ns() - c->started_ns);
    start_request(c, load, false);
}

static uint64_t number_in(struct nv_str text)
{
    uint64_t value = 0;
    return nv_str_to_uint64(text, &value) == NV_OK ? value : 0;
}

static void receive_some(struct connection *c, struct load *load)
{
    ssize_t n = recv(c->fd, c->answer + c->answer_len, sizeof c->answer - c->answer_len, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("connection broke while waiting for an answer");
    c->answer_len += (size_t)n;
    struct nv_str answer = {c->answer, c->answer_len};
    size_t head = nv_str_find(answer, NV_STR("\r\n\r\n"));
    if (head == SIZE_MAX)
        return;
    static const struct nv_str name = NV_STR_INIT("ontent-Length: ");
    static const struct nv_str lower = NV_STR_INIT("ontent-length: ");
    size_t at = nv_str_find(nv_str_slice(answer, 0, head + 2), name);
    if (at == SIZE_MAX)
        at = nv_str_find(nv_str_slice(answer, 0, head + 2), lower);
    uint64_t length = 0;
    if (at != SIZE_MAX) {
        struct nv_str rest = nv_str_slice(answer, at + name.len, answer.len);
        length = number_in(nv_str_slice(rest, 0, nv_str_find_char(rest, '\r')));
    }
    if (answer.len < head + 4 + length)
        return;
    bool closes = nv_str_find(answer, NV_STR("onnection: close\r\n")) <= head;
    answered(c, load, (unsigned)number_in(nv_str_slice(answer, 9, 3)), closes);
}

static bool step(struct load *load, struct connection *connections, struct pollfd *polled)
{
    bool any = false;
    uint64_t now = now_ns();
    for (unsigned i = 0; i < load->connections; i++) {
        struct connection *c = &connections[i];
        polled[i] = (struct pollfd){.fd = c->idle ? -1 : c->fd, .events = POLLIN};
        any = any || !c->idle;
        if (c->resume_ns != 0 && now >= c->resume_ns)
            start_request(c, load, !c->waits);
        if (c->resume_ns != 0)
            polled[i].events = 0;
        else if (!c->idle && sending(c))
            polled[i].events = POLLOUT | POLLIN;
    }
    if (!any)
        return false;
    if (poll(polled, load->connections, load->rate > 0 ? 1 : BUSY_PAUSE_MS) < 0)
        die("poll");
    for (unsigned i = 0; i < load->connections; i++) {
        if (polled[i].revents == 0)
            continue;
        if (sending(&connections[i]) && !(polled[i].revents & POLLIN))
            send_some(&connections[i]);
        else
            receive_some(&connections[i], load);
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(const struct load *load, double q)
{
    if (load->latency_count == 0)
        return 0;
    size_t at = (size_t)(q * (double)(load->latency_count - 1));
    return (double)load->latencies_ns[at] / 1e6;
}

static void report(struct load *load, double seconds)
{
    qsort(load->latencies_ns, load->latency_count, sizeof *load->latencies_ns, by_value);
    (void)printf(
        "{\"spans\":%llu,\"accepted\":%llu,\"requests\":%llu,\"busy\":%llu,\"refused\":%llu,"
        "\"seconds\":%.3f,\"spans_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
        "\"max_ms\":%.3f,\"bytes_per_span\":%.0f}\n",
        (unsigned long long)load->spans_started, (unsigned long long)load->spans_accepted,
        (unsigned long long)load->requests, (unsigned long long)load->busy,
        (unsigned long long)load->refused, seconds, (double)load->spans_accepted / seconds,
        quantile_ms(load, 0.5), quantile_ms(load, 0.99), quantile_ms(load, 1.0),
        (double)load->body_bytes / load->batch);
}

static void run(struct load *load)
{
    struct connection *connections = calloc(load->connections, sizeof *connections);
    struct pollfd *polled = calloc(load->connections, sizeof *polled);
    load->latency_max = (size_t)(load->spans_max / load->batch) + load->connections + 1;
    load->latencies_ns = calloc(load->latency_max, sizeof *load->latencies_ns);
    if (!connections || !polled || !load->latencies_ns)
        die("no memory");
    for (unsigned i = 0; i < load->connections; i++) {
        struct connection *c = &connections[i];
        for (unsigned t = 0; t < TEMPLATES; t++) {
            if (payload_make(&c->payloads[t], load->shape, load->batch / PAYLOAD_TRACE_SPANS,
                             i * TEMPLATES + t) != NV_OK)
                die("cannot make the payload");
        }
        load->body_bytes = c->payloads[0].body.len;
        connect_to(c, load);
    }
    load->start_ns = now_ns();
    for (unsigned i = 0; i < load->connections; i++)
        start_request(&connections[i], load, false);
    while (step(load, connections, polled)) {
    }
    report(load, (double)(now_ns() - load->start_ns) / 1e9);
    for (unsigned i = 0; i < load->connections; i++) {
        for (unsigned t = 0; t < TEMPLATES; t++)
            payload_release(&connections[i].payloads[t]);
        (void)close(connections[i].fd);
    }
    free(connections);
    free(polled);
    free(load->latencies_ns);
}

static void write_body(const struct load *load, const char *path)
{
    struct payload payload;
    FILE *file = fopen(path, "wb");
    uint64_t next = 0;
    if (!file || payload_make(&payload, load->shape, load->batch / PAYLOAD_TRACE_SPANS, 1))
        die("cannot write a body");
    payload_renew(&payload, load->run, &next);
    if (fwrite(payload.body.bytes, 1, payload.body.len, file) != payload.body.len ||
        fclose(file))
        die("cannot write a body");
    payload_release(&payload);
}

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
    uint64_t value = 0;
    if (nv_str_to_uint64(nv_str_from(text), &value) != NV_OK || value < min || value > max) {
        (void)fprintf(stderr, "loadgen: bad number '%s'\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct load load = {.spans_max = 100000, .connections = 8, .batch = 64};
    const char *body_file = NULL;
    load.run = nv_clock_wall_ns(nv_clock_system());
    for (int option; (option = getopt(argc, argv, "n:c:b:s:r:w:")) != -1;) {
        if (option == 'n')
            load.spans_max = number(optarg, 8, UINT64_C(1) << 40);
        else if (option == 'c')
            load.connections = (unsigned)number(optarg, 1, CONNECTIONS_MAX);
        else if (option == 'b')
            load.batch = (unsigned)number(optarg, 8, 65536) / 8 * 8;
        else if (option == 's')
            load.shape = strcmp(optarg, "small") == 0 ? PAYLOAD_SMALL : PAYLOAD_GENAI;
        else if (option == 'r')
            load.rate = number(optarg, 1, UINT64_C(1) << 30);
        else if (option == 'w')
            body_file = optarg;
        else
            return 2;
    }
    if (body_file) {
        write_body(&load, body_file);
        return 0;
    }
    if (argc - optind != 2) {
        (void)fprintf(stderr,
                      "usage: loadgen [-n SPANS] [-c CONNECTIONS] [-b SPANS] [-s genai|small] "
                      "[-r SPANS_A_SECOND] [-w FILE] HOST PORT\n");
        return 2;
    }
    load.address.sin_family = AF_INET;
    load.address.sin_port = htons((uint16_t)number(argv[optind + 1], 1, 65535));
    if (inet_pton(AF_INET, argv[optind], &load.address.sin_addr) != 1)
        die("HOST must be an IPv4 address");
    run(&load);
    return load.refused == 0 && load.spans_accepted == load.spans_started ? 0 : 1;
}
