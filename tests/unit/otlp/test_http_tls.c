/*
 * The HTTP server over TLS where it differs from plain: a write that could not be done is a
 * record that TLS has already made, and whatever is written next must be the same bytes.
 *
 * The socket's buffers are as small as the kernel allows, so that a client which does not read
 * its answers fills them after a few.
 */
#include "certificates.h"
#include "expect.h"

#include "net/http/http_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define H "Host: a\r\n"
#define TURNS 20
#define WAIT_MS 10 /* for an event */
#define TRIES 1000 /* events without one */

static char folder[64], cert[100], key[100];
static struct nv_fake_clock clock_now;
static struct nv_loops loops;
static struct nv_http_server *server;
static struct sockaddr_in address;
static int client_fd;
static SSL_CTX *context;
static SSL *client;
static unsigned handled;
static char text[400000];
static size_t text_len;

static void echo(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    handled++;
    char *body;
    size_t len = nv_http_request_take_body(exchange, &body);
    nv_http_reply_text(exchange, 200, NV_STR("text/plain"), (struct nv_str){body, len});
    free(body);
}

static const struct nv_http_route routes[] = {{.path = NV_STR_INIT("/echo"),
                                               .methods = NV_HTTP_GET | NV_HTTP_POST,
                                               .handler = {.handle = echo}}};

static void turn(void)
{
    for (int i = 0; i < TURNS; i++)
        nv_loop_turn(loops.items[0]);
}

/* On a busy machine the kernel brings bytes to the other end of a connection when it has
 * time. */
static bool readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, WAIT_MS) == 1;
}

static int listener_fd; /* the server's own; never read here */

static int listen_small(void)
{
    int small = 1;
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    ck_assert_int_eq(listen(fd, 10), 0);
    listener_fd = fd;
    return fd;
}

static void set_up(void)
{
    char listener[16];
    struct nv_fail fail = {.code = NV_OK};
    signal(SIGPIPE, SIG_IGN); /* the loops' threads block it */
    snprintf(folder, sizeof folder, "/tmp/noveum-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(cert, sizeof cert, "%s/cert", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    nv_test_certificate("one", cert, key);
    snprintf(listener, sizeof listener, "fd:%d", listen_small());
    struct nv_http_server_config config = {.listener.addresses = listener,
                                           .tls = {.cert_file = cert, .key_file = key},
                                           .routes = routes,
                                           .route_count = 1};
    nv_http_limits_init(&config.limits);
    nv_fake_clock_init(&clock_now, 1000 * NV_NS_PER_S, 0);
    ck_assert_int_eq(nv_loops_init(&loops, 1, &clock_now.clock), NV_OK);
    enum nv_err err = nv_http_server_new(&config, &loops, &fail, &server);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    context = SSL_CTX_new(TLS_client_method());
    handled = 0;
}

static void tear_down(void)
{
    nv_http_server_free(server);
    nv_loops_release(&loops);
    SSL_CTX_free(context);
    unlink(cert);
    unlink(key);
    rmdir(folder);
}

/* Connects and shakes hands; nothing is read after that until read_answers. */
static void dial(void)
{
    int small = 1;
    client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(setsockopt(client_fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ck_assert_int_eq(connect(client_fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(fcntl(client_fd, F_SETFL, O_NONBLOCK), 0);
    client = SSL_new(context);
    SSL_set_fd(client, client_fd);
    for (int i = 0; i < TRIES && SSL_connect(client) != 1; i++) {
        turn();
        (void)readable(client_fd);
    }
    ck_assert(SSL_is_init_finished(client));
}

static void hang_up(void)
{
    SSL_free(client);
    close(client_fd);
    turn();
}

static void say(struct nv_str bytes)
{
    int written = SSL_write(client, bytes.ptr, (int)bytes.len);
    for (int i = 0; i < TRIES && written < 0;
         i++) { /* the kernel has yet to send what was said */
        turn();
        (void)poll(&(struct pollfd){.fd = client_fd, .events = POLLOUT}, 1, WAIT_MS);
        written = SSL_write(client, bytes.ptr, (int)bytes.len);
    }
    ck_assert_int_eq(written, (int)bytes.len);
    turn();
}

static void ask(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        say(NV_STR("GET /echo HTTP/1.1\r\n" H "\r\n"));
}

static unsigned count(const char *part)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* Reads until so many answers are there, and what else has come by then. */
static void read_answers(unsigned answers)
{
    text_len = 0;
    text[0] = '\0';
    for (int idle = 0; idle < TRIES; idle++) {
        int got = SSL_read(client, text + text_len, (int)(sizeof text - 1 - text_len));
        if (got > 0) {
            text_len += (size_t)got;
            text[text_len] = '\0';
            idle = 0;
            continue;
        }
        if (count("HTTP/1.1 200 OK\r\n") >= answers)
            return;
        turn();
        (void)readable(client_fd);
    }
}

START_TEST(answers_of_a_slow_reader_are_whole)
{
    dial();
    ask(1000);
    read_answers(1000);
    ck_assert_uint_eq(count("HTTP/1.1 200 OK\r\nDate: "), 1000);
    hang_up();
}
END_TEST

/*
 * The courtesy of 100 Continue must not be taken for the beginning of the answer. After how
 * many unread answers the socket is full is the kernel's secret, so all numbers have their
 * turn.
 */
START_TEST(continue_that_finds_the_socket_full)
{
    for (unsigned before = 0; before < 60; before++) {
        dial();
        ask(before);
        say(NV_STR("POST /echo HTTP/1.1\r\n" H
                   "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
        say(NV_STR("hello"));
        read_answers(before + 1);
        ck_assert_uint_eq(count("HTTP/1.1 200 OK\r\nDate: "), before + 1);
        ck_assert_uint_eq(count("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), 1);
        ck_assert_ptr_nonnull(strstr(text, "\r\n\r\nhello"));
        hang_up();
    }
}
END_TEST

/* A handshake has the time of a head, and one that takes longer is counted. */
START_TEST(handshake_has_a_deadline)
{
    struct nv_http_status status;
    client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(client_fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(send(client_fd, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
    nv_http_server_status(server, &status);
    for (int i = 0; i < TRIES && status.connections == 0; i++) {
        (void)readable(listener_fd);
        turn();
        nv_http_server_status(server, &status);
    }
    for (int second = 0; second < 10; second++) {
        nv_http_server_status(server, &status);
        ck_assert_uint_eq(status.connections, 1);
        nv_fake_clock_advance(&clock_now, NV_NS_PER_S);
        nv_loop_tick_now(loops.items[0]);
    }
    nv_http_server_status(server, &status);
    ck_assert_uint_eq(status.connections, 0);
    ck_assert_uint_eq(status.timeouts, 1);
    close(client_fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_tls");
    TCase *tc = tcase_create("http_tls");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, answers_of_a_slow_reader_are_whole);
    tcase_add_test(tc, continue_that_finds_the_socket_full);
    tcase_add_test(tc, handshake_has_a_deadline);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
