/*
 * The load generator: OTLP/HTTP requests over keep-alive connections, closed loop, fixed work.
 *
 *   loadgen HOST PORT [-n SPANS] [-c CONNECTIONS] [-b SPANS_A_REQUEST] [-w FILE]
 *                     [-s genai|small|chat|tools] [-j] [-z] [-p] [-r SPANS_A_SECOND]
 *
 * One thread and poll(2): each connection sends a request, waits for its answer, gives the
 * body's traces new ids and sends again, until SPANS spans have been sent. Prints one JSON
 * object. A request that is answered 429 or 503 is sent again with the same ids after a pause,
 * as an SDK does. -j sends JSON, -z gzip, -p the spans of each trace in eight requests. With -r
 * requests begin when they are due and wait for nothing else; what one waits for a connection
 * counts as its latency. -w writes one body to FILE and ends, for looking at it.
 */
#include "payload.h"

#include "base/clock.h"
#include "exporter/encode/compress.h"

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
#define TEMPLATES_MAX PAYLOAD_TRACE_SPANS
#define WIRE_MAX ((size_t)256 << 20)
#define CONNECTIONS_MAX 256
#define ANSWER_MAX 8192
#define BUSY_PAUSE_MS 20

struct connection {
    int fd;
    struct payload payloads[TEMPLATES_MAX];
    unsigned turn;        /* template in flight */
    uint64_t first_trace; /* with -p: number of the first one of these eight requests */
    struct nv_buf packed; /* with -z: what is sent of it */
    char head[256];
    size_t head_len;
    size_t sent; /* of head and body */
    char answer[ANSWER_MAX];
    size_t answer_len;
    uint64_t started_ns;
    uint64_t resume_ns; /* when to send again after 429 or 503; 0: not paused */
    uint64_t due_ns;    /* with -r: when the next request begins; 0: one is in flight */
    bool idle;
};

struct load {
    struct sockaddr_in address;
    uint64_t spans_max;
    unsigned connections;
    unsigned batch;
    enum payload_shape shape;
    bool json, spread;
    struct nv_compressor *gzip; /* NULL: as it is */
    uint64_t rate;              /* spans a second; 0: as fast as answers come */
    uint64_t next_due_ns;
    unsigned templates;
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

/* What goes over the connection of the template that is in flight. */
static const struct nv_buf *wire_of(const struct connection *c, const struct load *load)
{
    return load->gzip ? &c->packed : &c->payloads[c->turn].body;
}

/* Takes the next template and gives its traces new ids. False: all spans were sent. */
static bool next_body(struct connection *c, struct load *load)
{
    unsigned turn = (c->turn + 1) % load->templates;
    bool begins = !load->spread || turn == 0; /* traces are sent whole */
    if (begins && load->spans_started >= load->spans_max)
        return false;
    c->turn = turn;
    struct payload *payload = &c->payloads[turn];
    if (begins)
        c->first_trace = load->next_trace;
    uint64_t next = c->first_trace;
    payload_renew(payload, load->run, &next);
    if (begins)
        load->next_trace = next;
    load->spans_started += payload->spans;
    nv_buf_clear(&c->packed);
    if (load->gzip &&
        nv_compress_gzip(load->gzip, nv_buf_str(&payload->body), &c->packed) != NV_OK)
        die("cannot compress");
    return true;
}

/* Starts the next request of a connection, or the same again. */
static void start_request(struct connection *c, struct load *load, bool again)
{
    if (!again) {
        if (!next_body(c, load)) {
            c->idle = true;
            return;
        }
        c->started_ns = load->rate > 0 ? c->due_ns : now_ns();
    }
    int n = snprintf(c->head, sizeof c->head,
                     "POST /v1/traces HTTP/1.1\r\nHost: bench\r\nContent-Type: "
                     "application/%s\r\n%sContent-Length: %zu\r\n\r\n",
                     load->json ? "json" : "x-protobuf",
                     load->gzip ? "Content-Encoding: gzip\r\n" : "", wire_of(c, load)->len);
    assert(n > 0 && (size_t)n < sizeof c->head);
    c->head_len = (size_t)n;
    c->sent = 0;
    c->answer_len = 0;
    c->resume_ns = 0;
    c->due_ns = 0;
}

/* The next request at once, or when it is due. */
static void go_on(struct connection *c, struct load *load)
{
    if (load->rate == 0) {
        start_request(c, load, false);
        return;
    }
    if (load->next_due_ns == 0)
        load->next_due_ns = now_ns();
    c->due_ns = load->next_due_ns;
    load->next_due_ns += load->batch * NV_NS_PER_S / load->rate;
}

static bool sending(const struct connection *c, const struct load *load)
{
    return c->sent < c->head_len + wire_of(c, load)->len;
}

static void send_some(struct connection *c, const struct load *load)
{
    const struct nv_buf *body = wire_of(c, load);
    while (sending(c, load)) {
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
    go_on(c, load);
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

/* Starts what is due and says what to wait for. `*wait_ns` becomes less when that is sooner. */
static struct pollfd look_at(struct connection *c, struct load *load, uint64_t *wait_ns)
{
    uint64_t now = now_ns();
    if (c->due_ns != 0 && now >= c->due_ns)
        start_request(c, load, false);
    if (c->resume_ns != 0 && now >= c->resume_ns)
        start_request(c, load, true);
    struct pollfd polled = {.fd = c->idle ? -1 : c->fd, .events = POLLIN};
    if (c->due_ns != 0 && c->due_ns - now < *wait_ns)
        *wait_ns = c->due_ns - now;
    if (c->resume_ns != 0 || c->due_ns != 0)
        polled.events = 0;
    else if (!c->idle && sending(c, load))
        polled.events = POLLOUT | POLLIN;
    return polled;
}

static bool step(struct load *load, struct connection *connections, struct pollfd *polled)
{
    bool any = false;
    uint64_t wait_ns = BUSY_PAUSE_MS * NV_NS_PER_MS;
    for (unsigned i = 0; i < load->connections; i++) {
        polled[i] = look_at(&connections[i], load, &wait_ns);
        any = any || !connections[i].idle;
    }
    if (!any)
        return false;
    const struct timespec wait = {.tv_nsec = (long)wait_ns};
    if (ppoll(polled, load->connections, &wait, NULL) < 0)
        die("poll");
    for (unsigned i = 0; i < load->connections; i++) {
        if (polled[i].revents == 0)
            continue;
        if (sending(&connections[i], load) && !(polled[i].revents & POLLIN))
            send_some(&connections[i], load);
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
        "\"p999_ms\":%.3f,\"max_ms\":%.3f,\"bytes_per_span\":%.0f}\n",
        (unsigned long long)load->spans_started, (unsigned long long)load->spans_accepted,
        (unsigned long long)load->requests, (unsigned long long)load->busy,
        (unsigned long long)load->refused, seconds, (double)load->spans_accepted / seconds,
        quantile_ms(load, 0.5), quantile_ms(load, 0.99), quantile_ms(load, 0.999),
        quantile_ms(load, 1.0), (double)load->body_bytes / load->batch);
}

static void make_body(const struct load *load, struct payload *payload, unsigned connection,
                      unsigned turn)
{
    unsigned traces = load->batch / PAYLOAD_TRACE_SPANS;
    enum nv_err err =
        load->spread
            ? payload_make_slice(payload, load->shape, load->batch, connection, turn)
            : payload_make(payload, load->shape, traces, connection * TEMPLATES + turn);
    if (err != NV_OK || (load->json && payload_to_json(payload) != NV_OK))
        die("cannot make the payload");
}

static void make_connection(struct load *load, struct connection *c, unsigned number)
{
    for (unsigned t = 0; t < load->templates; t++)
        make_body(load, &c->payloads[t], number, t);
    nv_buf_init(&c->packed, WIRE_MAX);
    c->turn = load->templates - 1;
    load->body_bytes = c->payloads[0].body.len;
    connect_to(c, load);
}

static void run(struct load *load)
{
    struct connection *connections = calloc(load->connections, sizeof *connections);
    struct pollfd *polled = calloc(load->connections, sizeof *polled);
    load->templates = load->spread ? TEMPLATES_MAX : TEMPLATES;
    load->latency_max =
        (size_t)(load->spans_max / load->batch) + (size_t)load->connections * TEMPLATES_MAX + 1;
    load->latencies_ns = calloc(load->latency_max, sizeof *load->latencies_ns);
    if (!connections || !polled || !load->latencies_ns)
        die("no memory");
    for (unsigned i = 0; i < load->connections; i++)
        make_connection(load, &connections[i], i);
    uint64_t start = now_ns();
    for (unsigned i = 0; i < load->connections; i++)
        go_on(&connections[i], load);
    while (step(load, connections, polled)) {
    }
    report(load, (double)(now_ns() - start) / 1e9);
    for (unsigned i = 0; i < load->connections; i++) {
        for (unsigned t = 0; t < load->templates; t++)
            payload_release(&connections[i].payloads[t]);
        nv_buf_release(&connections[i].packed);
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
    if (!file)
        die("cannot write a body");
    make_body(load, &payload, 0, 0);
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

/* False: no such option. */
static bool take_option(struct load *load, int option)
{
    if (option == 'n')
        load->spans_max = number(optarg, 8, UINT64_C(1) << 40);
    else if (option == 'c')
        load->connections = (unsigned)number(optarg, 1, CONNECTIONS_MAX);
    else if (option == 'b')
        load->batch = (unsigned)number(optarg, 8, 65536) / 8 * 8;
    else if (option == 's')
        load->shape = payload_shape_of(optarg);
    else if (option == 'j')
        load->json = true;
    else if (option == 'z')
        load->gzip = nv_compressor_new(NV_GZIP_LEVEL);
    else if (option == 'p')
        load->spread = true;
    else if (option == 'r')
        load->rate = number(optarg, 1, UINT64_C(1) << 30);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct load load = {.spans_max = 100000, .connections = 8, .batch = 64};
    const char *body_file = NULL;
    load.run = nv_clock_wall_ns(nv_clock_system());
    for (int option; (option = getopt(argc, argv, "n:c:b:s:w:jzpr:")) != -1;) {
        if (option == 'w')
            body_file = optarg;
        else if (!take_option(&load, option))
            return 2;
    }
    if (body_file) {
        write_body(&load, body_file);
        return 0;
    }
    if (argc - optind != 2) {
        (void)fprintf(stderr, "usage: loadgen [-n SPANS] [-c CONNECTIONS] [-b SPANS] "
                              "[-s genai|small|chat|tools] [-j] [-z] [-p] [-r SPANS_A_SECOND] "
                              "[-w FILE] HOST PORT\n");
        return 2;
    }
    load.address.sin_family = AF_INET;
    load.address.sin_port = htons((uint16_t)number(argv[optind + 1], 1, 65535));
    if (inet_pton(AF_INET, argv[optind], &load.address.sin_addr) != 1)
        die("HOST must be an IPv4 address");
    run(&load);
    nv_compressor_free(load.gzip);
    return load.refused == 0 && load.spans_accepted == load.spans_started ? 0 : 1;
}
