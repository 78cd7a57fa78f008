/*
 * The HTTP server end to end in one thread with a fake clock: routing, framing, replies from
 * other threads, deadlines, budgets, caps and stopping.
 */
#include "expect.h"
#include "http_rig.h"
#include "oom.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define H "Host: a\r\n"

static struct http_rig rig;
static struct nv_http_exchange *kept; /* what the /later route was asked */
static unsigned handled;

static void echo(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    handled++;
    char *body;
    size_t len = nv_http_request_take_body(exchange, &body);
    nv_http_reply_text(exchange, 200, NV_STR("text/plain"), (struct nv_str){body, len});
    free(body);
}

static void keep(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    kept = exchange;
}

static void large(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_str body = {calloc(1, 8000000), 8000000};
    (void)ctx;
    nv_http_reply_text(exchange, 200, NV_STR("text/plain"), body);
    free((void *)(uintptr_t)body.ptr);
}

static void refuse_at_head(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    nv_http_reply_error(exchange, 415, NV_STR("not this"));
}

static const struct nv_http_route routes[] = {
    {.path = NV_STR_INIT("/echo"), .methods = NV_HTTP_POST, .handler = {.handle = echo}},
    {.path = NV_STR_INIT("/get"), .methods = NV_HTTP_GET, .handler = {.handle = echo}},
    {.path = NV_STR_INIT("/later"),
     .methods = NV_HTTP_POST | NV_HTTP_GET,
     .handler = {.handle = keep}},
    {.path = NV_STR_INIT("/large"), .methods = NV_HTTP_GET, .handler = {.handle = large}},
    {.path = NV_STR_INIT("/small"),
     .methods = NV_HTTP_POST,
     .body_bytes_max = 10,
     .handler = {.handle = echo}},
    {.path = NV_STR_INIT("/never"),
     .methods = NV_HTTP_POST,
     .handler = {.head = refuse_at_head, .handle = echo}},
};

static void open_rig(const struct nv_http_limits *limits)
{
    handled = 0;
    kept = NULL;
    http_rig_open(&rig, routes, sizeof routes / sizeof routes[0], limits, NULL);
}

static const char *text_after(const char *mark)
{
    const char *at = strstr(rig.text, mark);
    ck_assert_msg(at != NULL, "no '%s' in '%s'", mark, rig.text);
    return at + strlen(mark);
}

static bool has(const char *part)
{
    return strstr(rig.text, part) != NULL;
}

static const struct {
    struct nv_str request;
    int status;
    const char *part; /* of the reply */
} asks[] = {
    {NV_STR_INIT("GET /get HTTP/1.1\r\n" H "\r\n"), 200,
     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: "
     "0\r\n"},
    {NV_STR_INIT("GET /get?x=1 HTTP/1.1\r\n" H "\r\n"), 200, ""},
    {NV_STR_INIT("GET http://b/get HTTP/1.1\r\n" H "\r\n"), 200, ""},
    {NV_STR_INIT("HEAD /get HTTP/1.1\r\n" H "\r\n"), 200, "Content-Length: 0\r\n"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"), 200,
     "\r\n\r\nhello"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" H
                 "Transfer-Encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\n"
                 "llo\r\n0\r\nA: b\r\n\r\n"),
     200, "\r\n\r\nhello"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" H "\r\n"), 200, "Content-Length: 0\r\n"},
    {NV_STR_INIT("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"), 200,
     "Connection: close\r\n"},
    {NV_STR_INIT("GET /nothing HTTP/1.1\r\n" H "\r\n"), 404, "no such path\n"},
    {NV_STR_INIT("GET /ge HTTP/1.1\r\n" H "\r\n"), 404, ""},
    {NV_STR_INIT("GET /echo HTTP/1.1\r\n" H "\r\n"), 405, "Allow: POST, OPTIONS\r\n"},
    {NV_STR_INIT("HEAD /echo HTTP/1.1\r\n" H "\r\n"), 405, "Allow: POST, OPTIONS\r\n"},
    {NV_STR_INIT("POST /get HTTP/1.1\r\n" H "\r\n"), 405, "Allow: GET, HEAD, OPTIONS\r\n"},
    {NV_STR_INIT("BREW /get HTTP/1.1\r\n" H "\r\n"), 405, "Allow: GET, HEAD, OPTIONS\r\n"},
    {NV_STR_INIT("OPTIONS /get HTTP/1.1\r\n" H "\r\n"), 204, "Allow: GET, HEAD, OPTIONS\r\n"},
    {NV_STR_INIT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 204, "Allow: "},
    {NV_STR_INIT("OPTIONS /nothing HTTP/1.1\r\n" H "\r\n"), 404, ""},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" H "Content-Length: 10\r\n\r\n0123456789"), 200, ""},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" H "Content-Length: 11\r\n\r\n"), 413,
     "Connection: close\r\n"},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                 "A\r\n0123456789\r\n0\r\n\r\n"),
     200, ""},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                 "A\r\n0123456789\r\n1\r\nx"),
     413, "Connection: close\r\n"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" H "Content-Length: 1000000000000000\r\n\r\n"), 413,
     ""},
    {NV_STR_INIT("POST /never HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"), 415,
     "not this"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nxx\r\n"), 400,
     "malformed chunk size"},
    {NV_STR_INIT("GET /get HTTP/1.1\r\n\r\n"), 400, "no Host"},
    {NV_STR_INIT("GET /get HTTP/3.0\r\n" H "\r\n"), 505, ""},
    {NV_STR_INIT("\x16\x03\x01\x02"), 400, "TLS on a port"}, /* not one good byte */
    {NV_STR_INIT("\n"), 400, ""},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" H "Expect: tea\r\nContent-Length: 1\r\n\r\n"), 417,
     ""},
};

START_TEST(request_has_its_answer)
{
    open_rig(NULL);
    http_rig_ask(&rig, asks[_i].request);
    ck_assert_msg(http_rig_status(&rig, 0) == asks[_i].status, "%.*s: %s",
                  NV_STR_ARG(asks[_i].request), rig.text);
    ck_assert_msg(has(asks[_i].part), "%s", rig.text);
    ck_assert_int_eq(http_rig_status(&rig, 1), 0);
    http_rig_close(&rig);
}
END_TEST

START_TEST(answer_is_the_same_bytewise)
{
    static char whole[4096];
    open_rig(NULL);
    http_rig_ask(&rig, asks[_i].request);
    ck_assert_uint_lt(rig.len, sizeof whole);
    memcpy(whole, rig.text, rig.len + 1);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    for (size_t i = 0; i < asks[_i].request.len; i++)
        http_rig_send(&rig, fd, nv_str_slice(asks[_i].request, i, 1));
    (void)http_rig_read(&rig, fd);
    ck_assert_str_eq(rig.text, whole);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    struct nv_buf all;
    open_rig(NULL);
    nv_buf_init(&all, 100000);
    for (int i = 0; i < 200; i++)
        nv_buf_printf(&all, "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n<%03d>", i);
    http_rig_ask(&rig, nv_buf_str(&all));
    const char *at = rig.text;
    for (int i = 0; i < 200; i++) {
        char mark[16];
        snprintf(mark, sizeof mark, "<%03d>", i);
        at = strstr(at, mark);
        ck_assert_ptr_nonnull(at);
    }
    ck_assert_uint_eq(handled, 200);
    nv_buf_release(&all);
    http_rig_close(&rig);
}
END_TEST

START_TEST(continue_is_sent_once_the_head_is_accepted)
{
    static const char *paths[] = {"/echo", "/never", "/nothing", "/small"};
    open_rig(NULL);
    for (size_t i = 0; i < 4; i++) {
        char head[128];
        int fd = http_rig_connect(&rig);
        rig.len = 0;
        snprintf(head, sizeof head,
                 "POST %s HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n",
                 paths[i]);
        http_rig_send(&rig, fd, nv_str_from(head));
        (void)http_rig_read(&rig, fd);
        ck_assert_int_eq(http_rig_status(&rig, 0) == 100, i == 0);
        if (i == 0) {
            http_rig_send(&rig, fd, NV_STR("hello world"));
            (void)http_rig_read(&rig, fd);
            ck_assert_int_eq(http_rig_status(&rig, 1), 200);
        }
        close(fd);
    }
    http_rig_close(&rig);
}
END_TEST

static void *reply_elsewhere(void *ctx)
{
    nv_http_reply_text(ctx, 200, NV_STR("text/plain"), NV_STR("from another thread"));
    return NULL;
}

START_TEST(reply_from_another_thread)
{
    struct nv_loops *loops = &rig.loops;
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    http_rig_send(&rig, fd,
                  NV_STR("GET /later HTTP/1.1\r\n" H "\r\nGET /get HTTP/1.1\r\n" H "\r\n"));
    rig.len = 0;
    ck_assert(!http_rig_read(&rig, fd));
    ck_assert_ptr_nonnull(kept);
    ck_assert_uint_eq(rig.len, 0);
    ck_assert_uint_eq(handled, 0); /* the next request waits its turn */
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, reply_elsewhere, kept), 0);
    pthread_join(thread, NULL);
    nv_loop_turn(loops->items[0]);
    (void)http_rig_read(&rig, fd);
    ck_assert(has("from another thread"));
    ck_assert_int_eq(http_rig_status(&rig, 1), 200);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(reply_to_a_client_that_went_away)
{
    struct nv_http_status status;
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    http_rig_send(&rig, fd, NV_STR("GET /later HTTP/1.1\r\n" H "\r\n"));
    nv_http_server_stop_accepting(rig.server);
    ck_assert(!nv_http_server_drain(rig.server, 0)); /* not answered in time: closed */
    ck_assert(http_rig_read(&rig, fd));
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.connections, 0);
    ck_assert_uint_eq(status.exchanges, 1);
    nv_http_reply_text(kept, 200, NV_STR(""), NV_STR("too late"));
    http_rig_turn(&rig);
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.exchanges, 0);
    close(fd);
    nv_http_server_free(rig.server);
    nv_loops_release(&rig.loops);
}
END_TEST

START_TEST(half_closed_client_gets_its_answer)
{
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_send(&rig, fd, NV_STR("POST /later HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi"));
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    http_rig_turn(&rig);
    nv_http_reply_text(kept, 200, NV_STR(""), NV_STR("still here"));
    ck_assert(http_rig_read(&rig, fd));
    ck_assert(has("still here"));
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(large_reply_to_a_slow_reader)
{
    size_t total = 0;
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    http_rig_send(&rig, fd, NV_STR("GET /large HTTP/1.1\r\n" H "\r\n"));
    for (int i = 0; i < 1000 && total < 8000000; i++) {
        rig.len = 0;
        (void)http_rig_read(&rig, fd);
        total += rig.len;
    }
    ck_assert_uint_gt(total, 8000000);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(reader_that_never_reads_is_cut_off)
{
    struct nv_http_status status;
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    http_rig_send(&rig, fd, NV_STR("GET /large HTTP/1.1\r\n" H "\r\n"));
    http_rig_advance(&rig, 29000);
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.connections, 1);
    http_rig_advance(&rig, 2000);
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.connections, 0);
    ck_assert_uint_eq(status.timeouts, 1);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

/* ---- deadlines --------------------------------------------------------------------------- */

START_TEST(slow_head_is_cut_off_whatever_drips_in)
{
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_send(&rig, fd, NV_STR("POST /echo HT"));
    for (int i = 0; i < 9; i++) {
        http_rig_advance(&rig, 1000);
        http_rig_send(&rig, fd, NV_STR("T"));
    }
    ck_assert(!http_rig_read(&rig, fd));
    ck_assert_uint_eq(rig.len, 0);
    http_rig_advance(&rig, 2000);
    (void)http_rig_read(&rig, fd);
    ck_assert_int_eq(http_rig_status(&rig, 0), 408);
    ck_assert(has("Connection: close"));
    http_rig_advance(&rig, 3000); /* lingers no longer */
    ck_assert(http_rig_read(&rig, fd));
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(slow_body_is_cut_off)
{
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_send(&rig, fd,
                  NV_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 90000\r\n\r\n"));
    for (int i = 0; i < 10; i++) {
        http_rig_advance(&rig, 1000); /* the grace */
        http_rig_send(&rig, fd, NV_STR("x"));
    }
    ck_assert(!http_rig_read(&rig, fd));
    http_rig_advance(&rig, 1000);
    (void)http_rig_read(&rig, fd);
    ck_assert_int_eq(http_rig_status(&rig, 0), 408);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(body_has_a_deadline_at_any_rate)
{
    static char piece[4096];
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_send(&rig, fd,
                  NV_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 900000\r\n\r\n"));
    for (int i = 0; i < 59; i++) {
        http_rig_send(&rig, fd, (struct nv_str){piece, sizeof piece});
        http_rig_advance(&rig, 1000);
    }
    ck_assert(!http_rig_read(&rig, fd));
    ck_assert_uint_eq(rig.len, 0);
    http_rig_advance(&rig, 2000);
    (void)http_rig_read(&rig, fd);
    ck_assert_int_eq(http_rig_status(&rig, 0), 408);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(idle_connection_is_closed_without_a_word)
{
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_advance(&rig, 179000);
    ck_assert(!http_rig_read(&rig, fd));
    http_rig_advance(&rig, 2000);
    ck_assert(http_rig_read(&rig, fd));
    ck_assert_uint_eq(rig.len, 0);
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(waiting_handler_has_no_deadline)
{
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_send(&rig, fd, NV_STR("GET /later HTTP/1.1\r\n" H "\r\n"));
    http_rig_advance(&rig, 600000);
    nv_http_reply_text(kept, 200, NV_STR(""), NV_STR("at last"));
    (void)http_rig_read(&rig, fd);
    ck_assert(has("at last"));
    close(fd);
    http_rig_close(&rig);
}
END_TEST

START_TEST(linger_has_a_budget)
{
    static char megabyte[1024 * 1024];
    struct nv_http_limits limits;
    nv_http_limits_init(&limits);
    limits.linger_bytes_max = 100000;
    open_rig(&limits);
    int fd = http_rig_connect(&rig);
    rig.len = 0;
    http_rig_send(&rig, fd,
                  NV_STR("POST /small HTTP/1.1\r\n" H "Content-Length: 9999999\r\n\r\n"));
    ck_assert(!http_rig_read(&rig, fd) || rig.len > 0);
    ck_assert_int_eq(http_rig_status(&rig, 0), 413);
    http_rig_send(&rig, fd, (struct nv_str){megabyte, sizeof megabyte});
    ck_assert(http_rig_read(&rig, fd));
    close(fd);
    http_rig_close(&rig);
}
END_TEST

/* ---- budgets and caps -------------------------------------------------------------------- */

START_TEST(undecoded_bytes_have_a_total)
{
    static char piece[60000];
    struct nv_http_limits limits;
    struct nv_http_status status;
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 150000;
    open_rig(&limits);
    struct nv_str head = NV_STR("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                                "ea60\r\n"); /* 60000 */
    int a = http_rig_connect(&rig), b = http_rig_connect(&rig), c = http_rig_connect(&rig);
    int clients[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        rig.len = 0;
        http_rig_send(&rig, clients[i], head);
        http_rig_send(&rig, clients[i], (struct nv_str){piece, sizeof piece});
        (void)http_rig_read(&rig, clients[i]);
        ck_assert_int_eq(http_rig_status(&rig, 0), i < 2 ? 0 : 503);
    }
    ck_assert(has("Retry-After: 1\r\n"));
    rig.len = 0;
    http_rig_ask(&rig, NV_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 50000\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 503); /* told at the head already */
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    http_rig_turn(&rig);
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    ck_assert_uint_eq(status.exchanges, 0);
    http_rig_close(&rig);
}
END_TEST

/* Heads of an unusual size count like bodies; those of usual requests don't. */
START_TEST(large_heads_count_too)
{
    char line[4096];
    struct nv_http_limits limits;
    struct nv_http_status status;
    int clients[4];
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 70000;
    open_rig(&limits);
    memset(line, 'a', sizeof line);
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 4; i++) {
        clients[i] = http_rig_connect(&rig);
        http_rig_send(&rig, clients[i], NV_STR("POST /echo HTTP/1.1\r\n"));
        rig.len = 0;
        for (int n = 0; n < 5; n++)
            http_rig_send(&rig, clients[i], (struct nv_str){line, sizeof line});
        (void)http_rig_read(&rig, clients[i]);
        ck_assert_int_eq(http_rig_status(&rig, 0), i < 2 ? 0 : 503);
    }
    ck_assert(has("Retry-After: 1\r\n"));
    rig.len = 0; /* what is there goes on */
    http_rig_send(&rig, clients[0], NV_STR("Host: a\r\nContent-Length: 0\r\n\r\n"));
    (void)http_rig_read(&rig, clients[0]);
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    http_rig_turn(&rig);
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    http_rig_close(&rig);
}
END_TEST

/* The whole head in one piece: nothing of it is kept when there is no room. */
START_TEST(large_head_at_once)
{
    char line[6000];
    struct nv_http_limits limits;
    struct nv_http_status status;
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 5000;
    open_rig(&limits);
    int client = http_rig_connect(&rig);
    int len =
        snprintf(line, sizeof line,
                 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: b\r\nX: %05000d\r\n\r\n", 1);
    rig.len = 0;
    http_rig_send(&rig, client, (struct nv_str){line, (size_t)len});
    (void)http_rig_read(&rig, client);
    ck_assert_int_eq(http_rig_status(&rig, 0), 503);
    close(client);
    http_rig_turn(&rig);
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    http_rig_close(&rig);
}
END_TEST

/* A crowd of clients that send a byte each must not use up the budget of all. */
START_TEST(slow_bodies_cost_what_has_come)
{
    static const char *const heads[] = {
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 90000\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n15f90\r\n", /* 90000 */
    };
    static char piece[90000];
    struct nv_http_limits limits;
    struct nv_http_status status;
    int clients[20];
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 1 << 20;
    open_rig(&limits);
    for (int i = 0; i < 20; i++) {
        clients[i] = http_rig_connect(&rig);
        http_rig_send(&rig, clients[i], nv_str_from(heads[_i]));
        http_rig_send(&rig, clients[i], NV_STR("x"));
        http_rig_send(&rig, clients[i], NV_STR("x"));
        rig.len = 0;
        (void)http_rig_read(&rig, clients[i]);
        ck_assert_uint_eq(rig.len, 0);
    }
    nv_http_server_status(rig.server, &status);
    ck_assert_uint_le(status.undecoded_bytes, (size_t)20 * 4096);
    http_rig_send(&rig, clients[0], (struct nv_str){piece, sizeof piece - 2});
    if (_i == 1)
        http_rig_send(&rig, clients[0], NV_STR("\r\n0\r\n\r\n"));
    rig.len = 0;
    (void)http_rig_read(&rig, clients[0]);
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    ck_assert_uint_gt(rig.len, sizeof piece);
    for (int i = 0; i < 20; i++)
        close(clients[i]);
    http_rig_close(&rig);
}
END_TEST

START_TEST(longest_idle_connection_makes_room)
{
    struct nv_http_limits limits;
    nv_http_limits_init(&limits);
    limits.connections_max = 3;
    open_rig(&limits);
    int busy = http_rig_connect(&rig);
    http_rig_send(&rig, busy, NV_STR("GET /later HTTP/1.1\r\n" H "\r\n"));
    int first = http_rig_connect(&rig), second = http_rig_connect(&rig);
    rig.len = 0;
    ck_assert(!http_rig_read(&rig, first));
    http_rig_ask(&rig, NV_STR("GET /get HTTP/1.1\r\n" H "\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    rig.len = 0;
    ck_assert(http_rig_read(&rig, first));
    ck_assert(!http_rig_read(&rig, second));
    nv_http_reply_text(kept, 200, NV_STR(""), NV_STR("kept"));
    ck_assert(!http_rig_read(&rig, busy));
    ck_assert(has("kept"));
    close(busy);
    close(first);
    close(second);
    http_rig_close(&rig);
}
END_TEST

START_TEST(when_all_are_at_work_new_ones_wait)
{
    struct nv_http_limits limits;
    nv_http_limits_init(&limits);
    limits.connections_max = 1;
    open_rig(&limits);
    int busy = http_rig_connect(&rig);
    http_rig_send(&rig, busy, NV_STR("GET /later HTTP/1.1\r\n" H "Connection: close\r\n\r\n"));
    int waiting = http_rig_connect(&rig);
    http_rig_send(&rig, waiting, NV_STR("GET /get HTTP/1.1\r\n" H "\r\n"));
    rig.len = 0;
    ck_assert(!http_rig_read(&rig, waiting));
    ck_assert_uint_eq(rig.len, 0);
    nv_http_reply_text(kept, 200, NV_STR(""), NV_STR("done"));
    ck_assert(!http_rig_read(&rig, busy) || has("done"));
    close(busy);
    http_rig_turn(&rig);
    http_rig_advance(&rig, 200); /* the next tick asks again */
    rig.len = 0;
    (void)http_rig_read(&rig, waiting);
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    close(waiting);
    http_rig_close(&rig);
}
END_TEST

/* ---- stopping ---------------------------------------------------------------------------- */

START_TEST(stop_answers_what_has_begun)
{
    open_rig(NULL);
    int idle = http_rig_connect(&rig), busy = http_rig_connect(&rig),
        part = http_rig_connect(&rig);
    http_rig_send(&rig, busy, NV_STR("GET /later HTTP/1.1\r\n" H "\r\n"));
    http_rig_send(&rig, part,
                  NV_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel"));
    nv_http_server_stop_accepting(rig.server);
    nv_http_server_stop_accepting(rig.server); /* a second call does nothing */
    rig.len = 0;
    ck_assert(http_rig_read(&rig, idle));
    ck_assert_uint_eq(rig.len, 0);
    http_rig_send(&rig, part, NV_STR("lo"));
    (void)http_rig_read(&rig, part);
    ck_assert_str_eq(text_after("\r\n\r\n"), "hello");
    ck_assert(has("Connection: close\r\n"));
    rig.len = 0;
    nv_http_reply_text(kept, 200, NV_STR(""), NV_STR("answered"));
    (void)http_rig_read(&rig, busy);
    ck_assert(has("answered"));
    close(idle);
    close(busy);
    close(part);
    http_rig_turn(&rig);
    ck_assert(nv_http_server_drain(rig.server, 1000));
    nv_http_server_free(rig.server);
    nv_loops_release(&rig.loops);
}
END_TEST

START_TEST(request_that_came_with_the_stop_is_answered)
{
    open_rig(NULL);
    int fd = http_rig_connect(&rig);
    struct nv_str request = NV_STR("POST /echo HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi");
    ck_assert_int_eq(send(fd, request.ptr, request.len, 0), (ssize_t)request.len);
    nv_http_server_stop_accepting(rig.server); /* without a turn in between */
    rig.len = 0;
    (void)http_rig_read(&rig, fd);
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    ck_assert(has("Connection: close\r\n"));
    close(fd);
    http_rig_turn(&rig);
    (void)nv_http_server_drain(rig.server, 1000);
    nv_http_server_free(rig.server);
    nv_loops_release(&rig.loops);
}
END_TEST

/* ---- hooks, memory ----------------------------------------------------------------------- */

static void gate(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_str key = nv_http_request_header(exchange, NV_STR("X-KEY"));
    (void)ctx;
    nv_http_exchange_add_header(exchange, NV_STR("X-Gate: seen"));
    if (!nv_str_eq(key, NV_STR("k")) ||
        nv_http_request_header_count(exchange, NV_STR("x-key")) > 1)
        nv_http_reply_error(exchange, 401, NV_STR("who are you"));
}

static void error_body(void *ctx, struct nv_http_exchange *exchange, int status,
                       struct nv_str message, struct nv_buf *body, struct nv_str *content_type)
{
    (void)ctx;
    (void)exchange;
    *content_type = NV_STR("text/x-error");
    nv_buf_printf(body, "<%d %.*s>", status, NV_STR_ARG(message));
}

START_TEST(gate_comes_before_route_and_body)
{
    struct nv_http_hooks hooks = {.gate = gate, .error_body = error_body};
    http_rig_open(&rig, routes, sizeof routes / sizeof routes[0], NULL, &hooks);
    http_rig_ask(&rig, NV_STR("POST /nothing HTTP/1.1\r\n" H "Content-Length: 99\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 401);
    ck_assert(has("<401 who are you>") && has("X-Gate: seen\r\n") && has("text/x-error"));
    http_rig_ask(&rig, NV_STR("POST /nothing HTTP/1.1\r\n" H "X-Key: k\r\n\r\n"));
    ck_assert(has("<404 no such path>") && has("X-Gate: seen\r\n"));
    http_rig_ask(&rig, NV_STR("GET /get HTTP/1.1\r\n" H "X-Key: k\r\nx-key: k\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 401);
    http_rig_ask(&rig, NV_STR("GET /get HTTP/1.1\r\n" H "x-KEY:k\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    http_rig_ask(&rig, NV_STR("GET /get HTTP/1.1\r\n\r\n"));
    ck_assert(has("<400 no Host>"));
    http_rig_close(&rig);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_str request =
        NV_STR("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n\r\nGET /get HTTP/1.1\r\n" H "\r\n");
    open_rig(NULL);
    for (unsigned long n = 1;; n++) {
        int fd = http_rig_connect(&rig);
        rig.len = 0;
        (void)http_rig_read(&rig, fd);
        ssize_t sent = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
        ck_assert_int_eq(sent, (ssize_t)request.len);
        oom_fail_nth(n);
        bool closed = http_rig_read(&rig, fd);
        bool failed = oom_end();
        close(fd);
        http_rig_turn(&rig);
        int first = http_rig_status(&rig, 0);
        ck_assert_msg(first == 200 || first == 503 || (closed && rig.len == 0), "%s", rig.text);
        if (!failed)
            break;
    }
    ck_assert_int_eq(http_rig_status(&rig, 1), 200);
    http_rig_close(&rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_server");
    TCase *tcase = tcase_create("server");
    int count = sizeof asks / sizeof asks[0];
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, request_has_its_answer, 0, count);
    tcase_add_loop_test(tcase, answer_is_the_same_bytewise, 0, count);
    tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
    tcase_add_test(tcase, continue_is_sent_once_the_head_is_accepted);
    tcase_add_test(tcase, reply_from_another_thread);
    tcase_add_test(tcase, reply_to_a_client_that_went_away);
    tcase_add_test(tcase, half_closed_client_gets_its_answer);
    tcase_add_test(tcase, large_reply_to_a_slow_reader);
    tcase_add_test(tcase, reader_that_never_reads_is_cut_off);
    tcase_add_test(tcase, slow_head_is_cut_off_whatever_drips_in);
    tcase_add_test(tcase, slow_body_is_cut_off);
    tcase_add_test(tcase, body_has_a_deadline_at_any_rate);
    tcase_add_test(tcase, idle_connection_is_closed_without_a_word);
    tcase_add_test(tcase, waiting_handler_has_no_deadline);
    tcase_add_test(tcase, linger_has_a_budget);
    tcase_add_test(tcase, undecoded_bytes_have_a_total);
    tcase_add_test(tcase, large_heads_count_too);
    tcase_add_test(tcase, large_head_at_once);
    tcase_add_loop_test(tcase, slow_bodies_cost_what_has_come, 0, 2);
    tcase_add_test(tcase, longest_idle_connection_makes_room);
    tcase_add_test(tcase, when_all_are_at_work_new_ones_wait);
    tcase_add_test(tcase, stop_answers_what_has_begun);
    tcase_add_test(tcase, request_that_came_with_the_stop_is_answered);
    tcase_add_test(tcase, gate_comes_before_route_and_body);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
