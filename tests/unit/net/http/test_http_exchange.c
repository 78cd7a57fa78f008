/*
 * One request and its answer: routes and methods, framing of replies, answers from other
 * threads, headers that handlers add, and the budget that heads and bodies are counted in.
 */
#include "base/limits.h"
#include "expect.h"
#include "http_echo.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

static const struct {
    struct nv_str request;
    int status;
    const char *part; /* of the reply */
} asks[] = {
    {NV_STR_INIT("GET /get HTTP/1.1\r\n" ECHO_HOST "\r\n"), 200,
     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: "
     "0\r\n"},
    {NV_STR_INIT("GET /get?x=1 HTTP/1.1\r\n" ECHO_HOST "\r\n"), 200, ""},
    {NV_STR_INIT("GET http://b/get HTTP/1.1\r\n" ECHO_HOST "\r\n"), 200, ""},
    {NV_STR_INIT("HEAD /get HTTP/1.1\r\n" ECHO_HOST "\r\n"), 200, "Content-Length: 0\r\n"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 5\r\n\r\nhello"), 200,
     "\r\n\r\nhello"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" ECHO_HOST
                 "Transfer-Encoding: chunked\r\n\r\n2;x\r\nhe\r\n3\r\n"
                 "llo\r\n0\r\nA: b\r\n\r\n"),
     200, "\r\n\r\nhello"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" ECHO_HOST "\r\n"), 200, "Content-Length: 0\r\n"},
    {NV_STR_INIT("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"), 200,
     "Connection: close\r\n"},
    {NV_STR_INIT("GET /nothing HTTP/1.1\r\n" ECHO_HOST "\r\n"), 404, "no such path\n"},
    {NV_STR_INIT("GET /ge HTTP/1.1\r\n" ECHO_HOST "\r\n"), 404, ""},
    {NV_STR_INIT("GET /echo HTTP/1.1\r\n" ECHO_HOST "\r\n"), 405, "Allow: POST, OPTIONS\r\n"},
    {NV_STR_INIT("HEAD /echo HTTP/1.1\r\n" ECHO_HOST "\r\n"), 405, "Allow: POST, OPTIONS\r\n"},
    {NV_STR_INIT("POST /get HTTP/1.1\r\n" ECHO_HOST "\r\n"), 405,
     "Allow: GET, HEAD, OPTIONS\r\n"},
    {NV_STR_INIT("BREW /get HTTP/1.1\r\n" ECHO_HOST "\r\n"), 405,
     "Allow: GET, HEAD, OPTIONS\r\n"},
    {NV_STR_INIT("OPTIONS /get HTTP/1.1\r\n" ECHO_HOST "\r\n"), 204,
     "Allow: GET, HEAD, OPTIONS\r\n"},
    {NV_STR_INIT("OPTIONS * HTTP/1.1\r\n" ECHO_HOST "\r\n"), 204, "Allow: "},
    {NV_STR_INIT("OPTIONS /nothing HTTP/1.1\r\n" ECHO_HOST "\r\n"), 404, ""},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" ECHO_HOST "Content-Length: 10\r\n\r\n0123456789"),
     200, ""},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" ECHO_HOST "Content-Length: 11\r\n\r\n"), 413,
     "Connection: close\r\n"},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" ECHO_HOST "Transfer-Encoding: chunked\r\n\r\n"
                 "A\r\n0123456789\r\n0\r\n\r\n"),
     200, ""},
    {NV_STR_INIT("POST /small HTTP/1.1\r\n" ECHO_HOST "Transfer-Encoding: chunked\r\n\r\n"
                 "A\r\n0123456789\r\n1\r\nx"),
     413, "Connection: close\r\n"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" ECHO_HOST
                 "Content-Length: 1000000000000000\r\n\r\n"),
     413, ""},
    {NV_STR_INIT("POST /never HTTP/1.1\r\n" ECHO_HOST "Content-Length: 5\r\n\r\nhello"), 415,
     "not this"},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" ECHO_HOST
                 "Transfer-Encoding: chunked\r\n\r\nxx\r\n"),
     400, "malformed chunk size"},
    {NV_STR_INIT("GET /get HTTP/1.1\r\n\r\n"), 400, "no Host"},
    {NV_STR_INIT("GET /get HTTP/3.0\r\n" ECHO_HOST "\r\n"), 505, ""},
    {NV_STR_INIT("\x16\x03\x01\x02"), 400, "TLS on a port"}, /* not one good byte */
    {NV_STR_INIT("\n"), 400, ""},
    {NV_STR_INIT("POST /echo HTTP/1.1\r\n" ECHO_HOST
                 "Expect: tea\r\nContent-Length: 1\r\n\r\n"),
     417, ""},
};

static void *reply_elsewhere(void *ctx)
{
    nv_http_reply_text(ctx, 200, NV_STR("text/plain"), NV_STR("from another thread"));
    return NULL;
}

#define ASKS ((int)(sizeof asks / sizeof asks[0]))

START_TEST(request_has_its_answer)
{
    echo_open(NULL);
    http_rig_ask(&echo_rig, asks[_i].request);
    ck_assert_msg(http_rig_status(&echo_rig, 0) == asks[_i].status, "%.*s: %s",
                  NV_STR_ARG(asks[_i].request), echo_rig.text);
    ck_assert_msg(echo_has(asks[_i].part), "%s", echo_rig.text);
    ck_assert_int_eq(http_rig_status(&echo_rig, 1), 0);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(answer_is_the_same_bytewise)
{
    static char whole[4096];
    echo_open(NULL);
    http_rig_ask(&echo_rig, asks[_i].request);
    ck_assert_uint_lt(echo_rig.len, sizeof whole);
    memcpy(whole, echo_rig.text, echo_rig.len + 1);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    for (size_t i = 0; i < asks[_i].request.len; i++)
        http_rig_send(&echo_rig, fd, nv_str_slice(asks[_i].request, i, 1));
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_str_eq(echo_rig.text, whole);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(reply_from_another_thread)
{
    struct nv_loops *loops = &echo_rig.loops;
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, fd,
                  NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST
                         "\r\nGET /get HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    echo_rig.len = 0;
    ck_assert(!http_rig_read(&echo_rig, fd));
    ck_assert_ptr_nonnull(echo_kept);
    ck_assert_uint_eq(echo_rig.len, 0);
    ck_assert_uint_eq(echo_handled, 0); /* the next request waits its turn */
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, reply_elsewhere, echo_kept), 0);
    pthread_join(thread, NULL);
    nv_loop_turn(loops->items[0]);
    (void)http_rig_read(&echo_rig, fd);
    ck_assert(echo_has("from another thread"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 1), 200);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(reply_to_a_client_that_went_away)
{
    struct nv_http_status status;
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, fd, NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    nv_http_server_stop_accepting(echo_rig.server);
    ck_assert(!nv_http_server_drain(echo_rig.server, 0)); /* not answered in time: closed */
    ck_assert(http_rig_read(&echo_rig, fd));
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.connections, 0);
    ck_assert_uint_eq(status.exchanges, 1);
    nv_http_reply_text(echo_kept, 200, NV_STR(""), NV_STR("too late"));
    http_rig_turn(&echo_rig);
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.exchanges, 0);
    close(fd);
    nv_http_server_free(echo_rig.server);
    nv_loops_release(&echo_rig.loops);
}
END_TEST

START_TEST(waiting_handler_has_no_deadline)
{
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(&echo_rig, fd, NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    http_rig_advance(&echo_rig, 600000);
    nv_http_reply_text(echo_kept, 200, NV_STR(""), NV_STR("at last"));
    (void)http_rig_read(&echo_rig, fd);
    ck_assert(echo_has("at last"));
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

/* Bytes that are counted for a body of which the head and ten bytes have come. */
static size_t counted_after_ten(int fd, size_t claimed)
{
    static char rest[200000];
    struct nv_http_status status;
    char head[128];
    (void)snprintf(head, sizeof head,
                   "POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: %zu\r\n\r\n0123456789",
                   claimed);
    http_rig_send(&echo_rig, fd, nv_str_from(head));
    nv_http_server_status(echo_rig.server, &status);
    const size_t counted = status.undecoded_bytes;
    http_rig_send(&echo_rig, fd, (struct nv_str){rest, claimed - 10});
    echo_rig.len = 0;
    size_t whole = claimed; /* the body comes back, behind a head */
    for (int i = 0; i < 100 && echo_rig.len < whole; i++) {
        (void)http_rig_read(&echo_rig, fd);
        const char *end = strstr(echo_rig.text, "\r\n\r\n");
        whole = claimed + (end ? (size_t)(end - echo_rig.text) + 4 : 1);
    }
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    return counted;
}

/* A claim costs nothing: what is held for it is what has come, twice over, or as much as the
 * same connection has brought before. */
START_TEST(a_length_is_believed_that_was_kept_before)
{
    echo_open(NULL);
    int a = http_rig_connect(&echo_rig), b = http_rig_connect(&echo_rig);
    for (int i = 0; i < 2; i++) { /* else the last bytes wait for an acknowledgement, 40 ms */
        ck_assert_int_eq(
            setsockopt(i ? a : b, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    }
    ck_assert_uint_le(counted_after_ten(a, 60000), 4096);
    ck_assert_uint_eq(counted_after_ten(a, 60000), 60000);
    ck_assert_uint_eq(counted_after_ten(a, 50000), 50000);
    ck_assert_uint_le(counted_after_ten(a, 60001), 4096); /* one more than ever */
    ck_assert_uint_eq(counted_after_ten(a, 60001), 60001);
    ck_assert_uint_le(counted_after_ten(b, 60000), 4096); /* another's word */
    (void)close(a);
    (void)close(b);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(undecoded_bytes_have_a_total)
{
    static char piece[60000];
    struct nv_http_limits limits;
    struct nv_http_status status;
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 150000;
    echo_open(&limits);
    struct nv_str head =
        NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Transfer-Encoding: chunked\r\n\r\n"
               "ea60\r\n"); /* 60000 */
    int a = http_rig_connect(&echo_rig), b = http_rig_connect(&echo_rig),
        c = http_rig_connect(&echo_rig);
    int clients[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        echo_rig.len = 0;
        http_rig_send(&echo_rig, clients[i], head);
        http_rig_send(&echo_rig, clients[i], (struct nv_str){piece, sizeof piece});
        (void)http_rig_read(&echo_rig, clients[i]);
        ck_assert_int_eq(http_rig_status(&echo_rig, 0), i < 2 ? 0 : 503);
    }
    ck_assert(echo_has("Retry-After: 1\r\n"));
    echo_rig.len = 0;
    http_rig_ask(&echo_rig,
                 NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 50000\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 503); /* told at the head already */
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    http_rig_turn(&echo_rig);
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    ck_assert_uint_eq(status.exchanges, 0);
    http_rig_close(&echo_rig);
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
    echo_open(&limits);
    memset(line, 'a', sizeof line);
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 4; i++) {
        clients[i] = http_rig_connect(&echo_rig);
        http_rig_send(&echo_rig, clients[i], NV_STR("POST /echo HTTP/1.1\r\n"));
        echo_rig.len = 0;
        for (int n = 0; n < 5; n++)
            http_rig_send(&echo_rig, clients[i], (struct nv_str){line, sizeof line});
        (void)http_rig_read(&echo_rig, clients[i]);
        ck_assert_int_eq(http_rig_status(&echo_rig, 0), i < 2 ? 0 : 503);
    }
    ck_assert(echo_has("Retry-After: 1\r\n"));
    echo_rig.len = 0; /* what is there goes on */
    http_rig_send(&echo_rig, clients[0], NV_STR("Host: a\r\nContent-Length: 0\r\n\r\n"));
    (void)http_rig_read(&echo_rig, clients[0]);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    http_rig_turn(&echo_rig);
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    http_rig_close(&echo_rig);
}
END_TEST

/* The whole head in one piece: nothing of it is echo_kept when there is no room. */
START_TEST(large_head_at_once)
{
    char line[6000];
    struct nv_http_limits limits;
    struct nv_http_status status;
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 5000;
    echo_open(&limits);
    int client = http_rig_connect(&echo_rig);
    int len =
        snprintf(line, sizeof line,
                 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: b\r\nX: %05000d\r\n\r\n", 1);
    echo_rig.len = 0;
    http_rig_send(&echo_rig, client, (struct nv_str){line, (size_t)len});
    (void)http_rig_read(&echo_rig, client);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 503);
    close(client);
    http_rig_turn(&echo_rig);
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    http_rig_close(&echo_rig);
}
END_TEST

/* A crowd of clients that send a byte each must not use up the budget of all. */
START_TEST(slow_bodies_cost_what_has_come)
{
    static const char *const heads[] = {
        "POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 90000\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" ECHO_HOST
        "Transfer-Encoding: chunked\r\n\r\n15f90\r\n", /* 90000 */
    };
    static char piece[90000];
    struct nv_http_limits limits;
    struct nv_http_status status;
    int clients[20];
    nv_http_limits_init(&limits);
    limits.undecoded_bytes_max = 1 << 20;
    echo_open(&limits);
    for (int i = 0; i < 20; i++) {
        clients[i] = http_rig_connect(&echo_rig);
        http_rig_send(&echo_rig, clients[i], nv_str_from(heads[_i]));
        http_rig_send(&echo_rig, clients[i], NV_STR("x"));
        http_rig_send(&echo_rig, clients[i], NV_STR("x"));
        echo_rig.len = 0;
        (void)http_rig_read(&echo_rig, clients[i]);
        ck_assert_uint_eq(echo_rig.len, 0);
    }
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_le(status.undecoded_bytes, (size_t)20 * 4096);
    http_rig_send(&echo_rig, clients[0], (struct nv_str){piece, sizeof piece - 2});
    if (_i == 1)
        http_rig_send(&echo_rig, clients[0], NV_STR("\r\n0\r\n\r\n"));
    echo_rig.len = 0;
    (void)http_rig_read(&echo_rig, clients[0]);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    ck_assert_uint_gt(echo_rig.len, sizeof piece);
    for (int i = 0; i < 20; i++)
        close(clients[i]);
    http_rig_close(&echo_rig);
}
END_TEST

/* ---- caps -------------------------------------------------------------------------------- */

static size_t added_bytes;
static unsigned added_lines;

/* Adds lines of 64 bytes with their end, and one that fills up to `added_bytes` in all. */
static void add_lines(void *ctx, struct nv_http_exchange *exchange)
{
    char line[1100];
    (void)ctx;
    (void)snprintf(line, sizeof line, "X-A: %057d", 0);
    size_t left = added_bytes;
    for (added_lines = 0; left >= 128; left -= 64, added_lines++)
        nv_http_exchange_add_header(exchange, (struct nv_str){line, 62});
    nv_http_exchange_add_header(exchange, (struct nv_str){line, left - 2});
    nv_http_reply_text(exchange, 200, NV_STR(""), NV_STR("end"));
}

static unsigned lines_that_came(size_t bytes)
{
    static const struct nv_http_route adding = {
        .path = NV_STR_INIT("/add"), .methods = NV_HTTP_GET, .handler = {.handle = add_lines}};
    unsigned count = 0;
    added_bytes = bytes;
    http_rig_open(&echo_rig, &adding, 1, NULL, NULL);
    http_rig_ask(&echo_rig, NV_STR("GET /add HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    for (const char *at = echo_rig.text; (at = strstr(at, "\r\nX-A: ")); at++)
        count++;
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    ck_assert_str_eq(echo_text_after("\r\n\r\n"), "end");
    http_rig_close(&echo_rig);
    return count;
}

START_TEST(added_headers_at_their_cap_and_past_it)
{
    ck_assert_uint_eq(lines_that_came(NV_CAP_HTTP_HEADERS), NV_CAP_HTTP_HEADERS / 64);
    /* the line that does not fit is left out whole, the reply goes out */
    ck_assert_uint_eq(lines_that_came(NV_CAP_HTTP_HEADERS + 1), added_lines);
}
END_TEST

static size_t reply_bytes;

static void reply_with(void *ctx, struct nv_http_exchange *exchange)
{
    char *body = calloc(1, reply_bytes);
    (void)ctx;
    nv_http_reply_text(exchange, 200, NV_STR(""), (struct nv_str){body, reply_bytes});
    free(body);
}

/* Half a reply would be read as a whole one. */
START_TEST(a_reply_past_its_cap_closes_without_a_word)
{
    static const struct nv_http_route replying = {.path = NV_STR_INIT("/reply"),
                                                  .methods = NV_HTTP_GET,
                                                  .handler = {.handle = reply_with}};
    http_rig_open(&echo_rig, &replying, 1, NULL, NULL);
    int fd = http_rig_connect(&echo_rig);
    reply_bytes = NV_CAP_HTTP_REPLY + 1;
    echo_rig.len = 0;
    http_rig_send(&echo_rig, fd, NV_STR("GET /reply HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    ck_assert(http_rig_read(&echo_rig, fd));
    ck_assert_uint_eq(echo_rig.len, 0);
    close(fd);
    reply_bytes = 1000;
    http_rig_ask(&echo_rig, NV_STR("GET /reply HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    http_rig_close(&echo_rig);
}
END_TEST

/* Its memory is that of the one before: headers, a handler's room and reply are not. */
START_TEST(nothing_of_the_request_before_is_left)
{
    static const char zeros[NV_HTTP_ROOM_BYTES];
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, fd,
                  NV_STR("GET /later?one HTTP/1.1\r\n" ECHO_HOST "X-Key: k\r\n\r\n"));
    struct nv_http_exchange *before = echo_kept;
    memset(nv_http_request_room(before), 'x', NV_HTTP_ROOM_BYTES);
    nv_http_exchange_add_header(before, NV_STR("X-Added: one"));
    nv_http_reply_text(before, 200, NV_STR(""), NV_STR("a long answer"));
    (void)http_rig_read(&echo_rig, fd);
    echo_kept = NULL;
    http_rig_send(&echo_rig, fd, NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    ck_assert_ptr_eq(echo_kept, before); /* else there is nothing to see */
    ck_assert_mem_eq(nv_http_request_room(echo_kept), zeros, sizeof zeros);
    ck_assert_uint_eq(nv_http_request_header_count(echo_kept, NV_STR("x-key")), 0);
    ck_assert_uint_eq(nv_http_request_query(echo_kept).len, 0);
    nv_http_reply_text(echo_kept, 204, NV_STR(""), NV_STR(""));
    echo_rig.len = 0;
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 204);
    ck_assert(!echo_has("X-Added") && !echo_has("long"));
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net/http_exchange");
    TCase *tcase = tcase_create("http_exchange");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, request_has_its_answer, 0, ASKS);
    tcase_add_loop_test(tcase, answer_is_the_same_bytewise, 0, ASKS);
    tcase_add_test(tcase, reply_from_another_thread);
    tcase_add_test(tcase, reply_to_a_client_that_went_away);
    tcase_add_test(tcase, waiting_handler_has_no_deadline);
    tcase_add_test(tcase, a_length_is_believed_that_was_kept_before);
    tcase_add_test(tcase, undecoded_bytes_have_a_total);
    tcase_add_test(tcase, large_heads_count_too);
    tcase_add_test(tcase, large_head_at_once);
    tcase_add_loop_test(tcase, slow_bodies_cost_what_has_come, 0, 2);
    tcase_add_test(tcase, added_headers_at_their_cap_and_past_it);
    tcase_add_test(tcase, a_reply_past_its_cap_closes_without_a_word);
    tcase_add_test(tcase, nothing_of_the_request_before_is_left);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
