/*
 * The real transport on real sockets: a small scripted server in a thread of this process, one
 * event loop in the test. What is asserted is what the wire shows: headers, keep-alive, no
 * redirect, no proxy, bounded replies, and the kind of failure each fault is turned into.
 */
#include "expect.h"

#include "exporter/send/send_curl.h"
#include "exporter/send/uploading.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <zlib.h>

#include "base/banned.h"

enum { REQUESTS_MAX = 8 };

/* Replies in order; a NULL text closes the connection without one. */
struct reply {
    const char *text;
    size_t more_bytes; /* of 'x' behind the text */
    bool close;        /* afterwards */
    bool stall;        /* keep the connection open and say nothing more */
};

struct server {
    int fd;
    uint16_t port;
    pthread_t thread;
    const struct reply *replies;
    unsigned reply_count;
    char heads[REQUESTS_MAX][2048];
    size_t bodies[REQUESTS_MAX]; /* lengths */
    unsigned requests, connections;
    struct nv_str body; /* of every reply, behind its text; any bytes */
};

static struct server server;

static bool read_request(int fd)
{
    static char text[1 << 20];
    size_t len = 0, body;
    char *end = NULL;
    char *length;

    while (!end) {
        ssize_t n = read(fd, text + len, sizeof text - len - 1);

        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    (void)snprintf(server.heads[server.requests], sizeof server.heads[0], "%.*s\r\n",
                   (int)(end - text), text);
    length = strstr(text, "Content-Length: ");
    body = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    server.bodies[server.requests] = body;
    len -= (size_t)(end + 4 - text);
    while (len < body) {
        ssize_t n = read(fd, text, sizeof text - 1);

        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    return true;
}

static void write_reply(int fd, const struct reply *reply)
{
    static char filler[1 << 16];
    size_t more = reply->more_bytes;

    (void)send(fd, reply->text, strlen(reply->text), MSG_NOSIGNAL);
    if (server.body.len > 0)
        (void)send(fd, server.body.ptr, server.body.len, MSG_NOSIGNAL);
    memset(filler, 'x', sizeof filler);
    while (more > 0) {
        size_t part = more < sizeof filler ? more : sizeof filler;

        if (send(fd, filler, part, MSG_NOSIGNAL) < 0)
            return;
        more -= part;
    }
}

static void *serve(void *unused)
{
    (void)unused;
    while (server.requests < server.reply_count) {
        int fd = accept(server.fd, NULL, NULL);
        bool open = fd >= 0;

        if (!open)
            return NULL;
        server.connections++;
        while (open && server.requests < server.reply_count && read_request(fd)) {
            const struct reply *reply = &server.replies[server.requests++];

            if (reply->text)
                write_reply(fd, reply);
            if (reply->stall) {
                char c;

                /* Until the client gives up. */
                (void)!read(fd, &c, 1);
            }
            open = !reply->close && reply->text != NULL;
        }
        (void)close(fd);
    }
    return NULL;
}

static void start_server(const struct reply *replies, unsigned count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    memset(&server, 0, sizeof server);
    server.replies = replies;
    server.reply_count = count;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(server.fd, 8), 0);
    ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
    server.port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop_server(void)
{
    (void)shutdown(server.fd, SHUT_RDWR);
    (void)pthread_join(server.thread, NULL);
    (void)close(server.fd);
}

/* ---- client ------------------------------------------------------------------------------ */

static struct nv_loop *loop;
static struct nv_send_curl *curl;

struct result {
    bool done;
    enum nv_transfer transfer;
    int status;
    char retry_after[128];
    char detail[256];
    size_t body_len;
    int64_t date_s;
};

static void on_done(void *ctx, const struct nv_reply *reply)
{
    struct result *result = ctx;

    ck_assert(!result->done);
    result->done = true;
    nv_loop_end(loop);
    result->transfer = reply->transfer;
    result->status = reply->status;
    result->body_len = reply->body.len;
    result->date_s = reply->date_s;
    (void)snprintf(result->retry_after, sizeof result->retry_after, "%.*s",
                   NV_STR_ARG(reply->retry_after));
    (void)snprintf(result->detail, sizeof result->detail, "%.*s", NV_STR_ARG(reply->detail));
}

static void after(void *ctx)
{
    (void)ctx;
}

static struct nv_exporter_config config;

static void open_client(const char *scheme, uint16_t port)
{
    const struct nv_send_after nothing = {after, NULL};
    struct nv_endpoint endpoint;
    struct nv_fail fail = {0};
    char url[64];

    (void)snprintf(url, sizeof url, "%s://127.0.0.1:%u/api/", scheme, (unsigned)port);
    ck_assert_int_eq(nv_endpoint_parse(nv_str_from(url), &endpoint, &fail), NV_OK);
    loop = nv_loop_new(nv_clock_system());
    curl = nv_send_curl_new(loop, &config, &endpoint, &nothing, &fail);
    ck_assert_msg(curl != NULL, "%s", fail.what);
}

static void close_client(void)
{
    nv_send_curl_free(curl);
    nv_loop_free(loop);
}

static void start_request(const struct nv_send_request *request, struct result *result)
{
    const struct nv_transport *transport = nv_send_curl_transport(curl);

    *result = (struct result){0};
    ck_assert_int_eq(transport->send(transport->ctx, request, on_done, result), NV_OK);
    ck_assert(!result->done);
}

static void finish_request(const struct result *result)
{
    while (!result->done)
        nv_loop_run(loop);
}

static struct result post(const char *body, bool gzip)
{
    const struct nv_send_request request = {
        .route = NV_ROUTE_TRACES, .body = nv_str_from(body), .gzip = gzip};
    struct result result;

    start_request(&request, &result);
    finish_request(&result);
    return result;
}

static void setup(void)
{
    nv_exporter_config_init(&config);
    config.api_key = "nv_secret";
    config.timeout_ms = 5000;
}

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define HAS(i, text) (strstr(server.heads[i], (text)) != NULL)

START_TEST(forms_have_routes_and_boundaries_of_their_own)
{
    static const struct reply replies[] = {
        {OK_REPLY, 0, false, false}, {OK_REPLY, 0, false, false}, {OK_REPLY, 0, true, false}};
    struct nv_send_request form = {
        .route = NV_ROUTE_IMAGE, .body = NV_STR("--x--"), .boundary = "x"};
    struct result result;

    start_server(replies, 3);
    open_client("http", server.port);
    start_request(&form, &result);
    finish_request(&result);
    form.route = NV_ROUTE_AUDIO;
    form.boundary = "y";
    start_request(&form, &result);
    finish_request(&result);
    (void)post("{}", false);
    close_client();
    stop_server();
    ck_assert(HAS(0, "POST /api/v1/image HTTP/1.1\r\n"));
    ck_assert(HAS(0, "Authorization: Bearer nv_secret\r\n"));
    ck_assert(HAS(0, "Content-Type: multipart/form-data; boundary=x\r\n"));
    ck_assert(!HAS(0, "Expect") && !HAS(0, "application/json"));
    ck_assert_uint_eq(server.bodies[0], 5);
    ck_assert(HAS(1, "POST /api/v1/audio HTTP/1.1\r\n"));
    ck_assert(HAS(1, "Content-Type: multipart/form-data; boundary=y\r\n"));
    ck_assert(HAS(2, "Content-Type: application/json\r\n") && !HAS(2, "multipart"));
}
END_TEST

START_TEST(the_wire_shows_what_the_contract_asks)
{
    static const struct reply replies[] = {
        {OK_REPLY, 0, false, false}, {OK_REPLY, 0, false, false}, {OK_REPLY, 0, true, false}};
    const struct nv_send_request probe = {.route = NV_ROUTE_STATUS};
    struct result result;

    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("all_proxy", "http://127.0.0.1:1", 1);
    start_server(replies, 3);
    open_client("http", server.port);
    result = post("{\"traces\":[]}", false);
    ck_assert_int_eq(result.transfer, NV_TRANSFER_REPLY);
    ck_assert_int_eq(result.status, 200);
    ck_assert_uint_eq(result.body_len, 2);
    result = post("gzip bytes", true);
    start_request(&probe, &result);
    finish_request(&result);
    close_client();
    stop_server();
    ck_assert_uint_eq(server.connections, 1);
    ck_assert(HAS(0, "POST /api/v1/traces HTTP/1.1\r\n"));
    ck_assert(HAS(0, "Authorization: Bearer nv_secret\r\n"));
    ck_assert(HAS(0, "Content-Type: application/json\r\n"));
    ck_assert(HAS(0, "User-Agent: noveum-otel-gateway/" NOVEUM_VERSION "\r\n"));
    ck_assert(!HAS(0, "Expect"));
    ck_assert(!HAS(0, "Content-Encoding"));
    ck_assert(HAS(0, "Accept-Encoding: identity\r\n"));
    ck_assert_uint_eq(server.bodies[0], 13);
    ck_assert(HAS(1, "Content-Encoding: gzip\r\n"));
    ck_assert(HAS(2, "GET /api/v1/status HTTP/1.1\r\n"));
    ck_assert(HAS(2, "Authorization: Bearer nv_secret\r\n"));
    ck_assert(!HAS(2, "Content-Type"));
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
}
END_TEST

START_TEST(large_bodies_go_without_expect)
{
    static const struct reply replies[] = {{OK_REPLY, 0, true, false}};
    char *body = malloc(700001);
    struct result result;

    memset(body, 'b', 700000);
    body[700000] = '\0';
    start_server(replies, 1);
    open_client("http", server.port);
    result = post(body, false);
    close_client();
    stop_server();
    ck_assert_int_eq(result.status, 200);
    ck_assert_uint_eq(server.bodies[0], 700000);
    ck_assert(!HAS(0, "Expect"));
    free(body);
}
END_TEST

/* A status line and 270 KB of headers. */
static char many_headers[270 * 1024 + 64];

static void fill_many_headers(void)
{
    struct nv_buf buf;
    nv_buf_init(&buf, sizeof many_headers);
    (void)nv_buf_printf(&buf, "HTTP/1.1 200 OK\r\n");
    while (buf.len < 270 * 1024)
        (void)nv_buf_printf(&buf, "X-Some: value\r\n");
    (void)nv_buf_printf(&buf, "\r\n");
    memcpy(many_headers, buf.bytes, buf.len);
    nv_buf_release(&buf);
}

static const struct {
    struct reply reply;
    enum nv_transfer transfer;
    int status;
    const char *retry_after;
} cases[] = {
    {{"HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", 0, true, false},
     NV_TRANSFER_REPLY,
     429,
     "17"},
    {{"HTTP/1.1 103 Early\r\nRetry-After: 1\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: "
      "0\r\n\r\n",
      0, true, false},
     NV_TRANSFER_REPLY,
     503,
     ""},
    {{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 0,
      true, false},
     NV_TRANSFER_REPLY,
     302,
     ""},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngarbage", 0, true, false},
     NV_TRANSFER_REPLY,
     200,
     ""},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", 9000000, true, false},
     NV_TRANSFER_OVERSIZE,
     200,
     ""},
    {{"HTTP/1.1 503 No\r\nConnection: close\r\n\r\n", 9000000, true, false},
     NV_TRANSFER_OVERSIZE,
     503,
     ""},
    {{"HTTP/1.1 200 OK\r\nX-Long: ", 8000000, true, false}, NV_TRANSFER_OVERSIZE, 0, ""},
    {{many_headers, 0, true, false}, NV_TRANSFER_OVERSIZE, 0, ""},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", 0, true, false},
     NV_TRANSFER_BROKEN,
     0,
     ""},
    {{NULL, 0, true, false}, NV_TRANSFER_BROKEN, 0, ""},
    {{"SSH-2.0-nonsense\r\n", 0, true, false}, NV_TRANSFER_BROKEN, 0, ""},
    {{"", 0, true, true}, NV_TRANSFER_TIMEOUT, 0, ""},
    {{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ndrip", 0, true, true},
     NV_TRANSFER_TIMEOUT,
     0,
     ""},
};

START_TEST(faults_are_named)
{
    struct result result;

    fill_many_headers();
    if (cases[_i].transfer == NV_TRANSFER_TIMEOUT)
        config.timeout_ms = 200;
    start_server(&cases[_i].reply, 1);
    open_client("http", server.port);
    result = post("{}", false);
    close_client();
    stop_server();
    ck_assert_msg(result.transfer == cases[_i].transfer, "transfer %d: %s",
                  (int)result.transfer, result.detail);
    ck_assert_int_eq(result.status, cases[_i].status);
    ck_assert_str_eq(result.retry_after, cases[_i].retry_after);
    ck_assert_uint_le(result.body_len, NV_REPLY_BYTES_MAX);
    ck_assert_ptr_null(strstr(result.detail, "nv_secret"));
    ck_assert_uint_eq(server.requests, 1);
}
END_TEST

/* gzip of `count` times 'x' in `out`. */
static struct nv_str gzip_of(size_t count, char *out, size_t room)
{
    char piece[4096];
    z_stream z = {.next_out = (Bytef *)out, .avail_out = (uInt)room};
    memset(piece, 'x', sizeof piece);
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    for (size_t part; count > 0; count -= part) {
        part = count < sizeof piece ? count : sizeof piece;
        z.next_in = (Bytef *)piece;
        z.avail_in = (uInt)part;
        ck_assert_int_eq(deflate(&z, count == part ? Z_FINISH : Z_NO_FLUSH),
                         count == part ? Z_STREAM_END : Z_OK);
    }
    struct nv_str text = {out, room - z.avail_out};
    ck_assert_int_eq(deflateEnd(&z), Z_OK);
    return text;
}

/* Proxies do it unasked; the bound is that of what it becomes. */
START_TEST(a_reply_that_a_proxy_compressed)
{
    static const struct {
        size_t bytes;
        enum nv_transfer transfer;
    } table[] = {{20, NV_TRANSFER_REPLY}, {9000000, NV_TRANSFER_OVERSIZE}};
    static char packed[1 << 16];
    struct result result;

    static const struct reply reply = {
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n", 0, true,
        false};
    start_server(&reply, 1);
    server.body = gzip_of(table[_i].bytes, packed, sizeof packed);
    open_client("http", server.port);
    result = post("{}", false);
    close_client();
    stop_server();
    ck_assert_msg(result.transfer == table[_i].transfer, "transfer %d: %s",
                  (int)result.transfer, result.detail);
    ck_assert_int_eq(result.status, 200);
    ck_assert_uint_le(result.body_len, NV_REPLY_BYTES_MAX);
    if (table[_i].transfer == NV_TRANSFER_REPLY)
        ck_assert_uint_eq(result.body_len, table[_i].bytes);
}
END_TEST

START_TEST(nobody_listens)
{
    struct result result;

    open_client("http", 1);
    result = post("{}", false);
    close_client();
    ck_assert_int_eq(result.transfer, NV_TRANSFER_CONNECT);
    ck_assert_uint_gt(strlen(result.detail), 0);
}
END_TEST

START_TEST(cancelled_means_done_with_everything)
{
    static const struct reply replies[] = {{"", 0, true, true}};
    const struct nv_send_request request = {.route = NV_ROUTE_TRACES,
                                            .body = NV_STR_INIT("{}")};
    const struct nv_transport *transport;
    /* for bodies, the probe and uploads, and one too many */
    struct result results[4 + 1 + NV_UPLOAD_FLIGHTS + 1];
    const size_t all = sizeof results / sizeof *results - 1;

    config.max_in_flight = 4;
    start_server(replies, 1);
    open_client("http", server.port);
    transport = nv_send_curl_transport(curl);
    for (size_t i = 0; i < all; i++)
        start_request(&request, &results[i]);
    ck_assert_int_eq(transport->send(transport->ctx, &request, on_done, &results[all]),
                     NV_ERR_INTERNAL);
    nv_loop_turn(loop);
    transport->cancel_all(transport->ctx);
    for (size_t i = 0; i < all; i++) {
        ck_assert(results[i].done);
        ck_assert_int_eq(results[i].transfer, NV_TRANSFER_CANCELLED);
    }
    close_client();
    stop_server();
}
END_TEST

START_TEST(a_bad_ca_file_is_found_out)
{
    struct result result;

    config.ca_bundle_file = "/nonexistent/ca.pem";
    start_server(NULL, 0);
    open_client("https", server.port);
    result = post("{}", false);
    close_client();
    stop_server();
    ck_assert_msg(result.transfer == NV_TRANSFER_TLS || result.transfer == NV_TRANSFER_CONNECT,
                  "%s", result.detail);
}
END_TEST

static const struct {
    CURLcode code;
    enum nv_transfer transfer;
    enum nv_cause cause;
} codes[] = {
    {CURLE_OK, NV_TRANSFER_REPLY, NV_CAUSE_NONE},
    {CURLE_OPERATION_TIMEDOUT, NV_TRANSFER_TIMEOUT, NV_CAUSE_NONE},
    {CURLE_OUT_OF_MEMORY, NV_TRANSFER_NO_MEMORY, NV_CAUSE_NONE},
    {CURLE_COULDNT_RESOLVE_HOST, NV_TRANSFER_CONNECT, NV_CAUSE_RESOLVE},
    {CURLE_COULDNT_RESOLVE_PROXY, NV_TRANSFER_CONNECT, NV_CAUSE_PROXY_NAME},
    {CURLE_COULDNT_CONNECT, NV_TRANSFER_CONNECT, NV_CAUSE_CONNECT},
    {CURLE_SSL_CONNECT_ERROR, NV_TRANSFER_CONNECT, NV_CAUSE_HANDSHAKE},
    {CURLE_PEER_FAILED_VERIFICATION, NV_TRANSFER_TLS, NV_CAUSE_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, NV_TRANSFER_TLS, NV_CAUSE_OWN_FILES},
    {CURLE_PROXY, NV_TRANSFER_BROKEN, NV_CAUSE_PROXY},
    {CURLE_RECV_ERROR, NV_TRANSFER_BROKEN, NV_CAUSE_NONE},
};

START_TEST(a_code_says_what_failed)
{
    enum nv_cause cause = NV_CAUSE_RESOLVE;
    ck_assert_int_eq(nv_send_curl_meaning((int)codes[_i].code, &cause), codes[_i].transfer);
    ck_assert_int_eq(cause, codes[_i].cause);
}
END_TEST

START_TEST(the_servers_time)
{
    static const struct reply replies[] = {
        {"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n",
         0, false, false},
        {"HTTP/1.1 200 OK\r\nDate: soon\r\nContent-Length: 0\r\n\r\n", 0, false, false},
        {OK_REPLY, 0, true, false}};
    static const int64_t wanted[] = {784111777, 0, 0};
    start_server(replies, 3);
    open_client("http", server.port);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(post("{}", false).date_s, wanted[i]);
    close_client();
    stop_server();
}
END_TEST

START_TEST(every_option_is_known)
{
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt"};
    config.ca_bundle_file = files[0];
    config.ca_files = files;
    config.ca_file_count = _i == 0 ? 0 : 1;
    config.proxy = "http://a:b@127.0.0.1:1";
    config.no_proxy = "10.0.0.0/8,.example";
    config.client_cert_file = config.client_key_file = "/etc/hostname";
    open_client("https", 1); /* says which option is none */
    close_client();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/send_curl");
    TCase *tcase = tcase_create("sockets");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, forms_have_routes_and_boundaries_of_their_own);
    tcase_add_test(tcase, the_wire_shows_what_the_contract_asks);
    tcase_add_test(tcase, large_bodies_go_without_expect);
    tcase_add_loop_test(tcase, faults_are_named, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tcase, a_reply_that_a_proxy_compressed, 0, 2);
    tcase_add_test(tcase, nobody_listens);
    tcase_add_test(tcase, cancelled_means_done_with_everything);
    tcase_add_test(tcase, a_bad_ca_file_is_found_out);
    tcase_add_loop_test(tcase, a_code_says_what_failed, 0, sizeof codes / sizeof *codes);
    tcase_add_test(tcase, the_servers_time);
    tcase_add_loop_test(tcase, every_option_is_known, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
