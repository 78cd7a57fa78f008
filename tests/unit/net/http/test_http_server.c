/*
 * The HTTP server as a whole, in one thread with a fake clock: caps of connections, stopping,
 * hooks, want of memory.
 */
#include "expect.h"
#include "http_echo.h"
#include "net/http/http_internal.h"
#include "oom.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

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

START_TEST(longest_idle_connection_makes_room)
{
    struct nv_http_limits limits;
    nv_http_limits_init(&limits);
    limits.connections_max = 3;
    echo_open(&limits);
    int busy = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, busy, NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    int first = http_rig_connect(&echo_rig), second = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    ck_assert(!http_rig_read(&echo_rig, first));
    http_rig_ask(&echo_rig, NV_STR("GET /get HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    echo_rig.len = 0;
    ck_assert(http_rig_read(&echo_rig, first));
    ck_assert(!http_rig_read(&echo_rig, second));
    nv_http_reply_text(echo_kept, 200, NV_STR(""), NV_STR("echo_kept"));
    ck_assert(!http_rig_read(&echo_rig, busy));
    ck_assert(echo_has("echo_kept"));
    close(busy);
    close(first);
    close(second);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(when_all_are_at_work_new_ones_wait)
{
    struct nv_http_limits limits;
    nv_http_limits_init(&limits);
    limits.connections_max = 1;
    echo_open(&limits);
    int busy = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, busy,
                  NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST "Connection: close\r\n\r\n"));
    int waiting = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, waiting, NV_STR("GET /get HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    echo_rig.len = 0;
    ck_assert(!http_rig_read(&echo_rig, waiting));
    ck_assert_uint_eq(echo_rig.len, 0);
    nv_http_reply_text(echo_kept, 200, NV_STR(""), NV_STR("done"));
    ck_assert(!http_rig_read(&echo_rig, busy) || echo_has("done"));
    close(busy);
    http_rig_turn(&echo_rig);
    http_rig_advance(&echo_rig, 200); /* the next tick asks again */
    echo_rig.len = 0;
    (void)http_rig_read(&echo_rig, waiting);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    close(waiting);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(stop_answers_what_has_begun)
{
    echo_open(NULL);
    int idle = http_rig_connect(&echo_rig), busy = http_rig_connect(&echo_rig),
        part = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, busy, NV_STR("GET /later HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    http_rig_send(&echo_rig, part,
                  NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 5\r\n\r\nhel"));
    nv_http_server_stop_accepting(echo_rig.server);
    nv_http_server_stop_accepting(echo_rig.server); /* a second call does nothing */
    echo_rig.len = 0;
    http_rig_advance(&echo_rig, 2 * NV_HTTP_FIRST_MS);
    ck_assert(http_rig_read(&echo_rig, idle));
    ck_assert_uint_eq(echo_rig.len, 0);
    http_rig_send(&echo_rig, part, NV_STR("lo"));
    (void)http_rig_read(&echo_rig, part);
    ck_assert_str_eq(echo_text_after("\r\n\r\n"), "hello");
    ck_assert(echo_has("Connection: close\r\n"));
    echo_rig.len = 0;
    nv_http_reply_text(echo_kept, 200, NV_STR(""), NV_STR("answered"));
    (void)http_rig_read(&echo_rig, busy);
    ck_assert(echo_has("answered"));
    close(idle);
    close(busy);
    close(part);
    http_rig_turn(&echo_rig);
    ck_assert(nv_http_server_drain(echo_rig.server, 1000));
    nv_http_server_free(echo_rig.server);
    nv_loops_release(&echo_rig.loops);
}
END_TEST

START_TEST(request_that_came_with_the_stop_is_answered)
{
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    struct nv_str request =
        NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 2\r\n\r\nhi");
    ck_assert_int_eq(send(fd, request.ptr, request.len, 0), (ssize_t)request.len);
    nv_http_server_stop_accepting(echo_rig.server); /* without a turn in between */
    echo_rig.len = 0;
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    ck_assert(echo_has("Connection: close\r\n"));
    close(fd);
    http_rig_turn(&echo_rig);
    (void)nv_http_server_drain(echo_rig.server, 1000);
    nv_http_server_free(echo_rig.server);
    nv_loops_release(&echo_rig.loops);
}
END_TEST

/* A client is between connect and its first byte; another is between two requests. */
START_TEST(who_has_just_connected_is_answered_after_the_stop)
{
    echo_open(NULL);
    struct nv_str request = NV_STR("GET /echo HTTP/1.1\r\n" ECHO_HOST "\r\n");
    int kept = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, kept, request);
    (void)http_rig_read(&echo_rig, kept);
    int old = http_rig_connect(&echo_rig);
    http_rig_turn(&echo_rig);
    http_rig_advance(&echo_rig, NV_HTTP_FIRST_MS);
    int fresh = http_rig_connect(&echo_rig);
    http_rig_turn(&echo_rig);
    nv_http_server_stop_accepting(echo_rig.server);
    echo_rig.len = 0;
    ck_assert(http_rig_read(&echo_rig, kept));
    ck_assert(http_rig_read(&echo_rig, old));
    ck_assert_uint_eq(echo_rig.len, 0);
    http_rig_send(&echo_rig, fresh, request);
    ck_assert(http_rig_read(&echo_rig, fresh));
    ck_assert_int_ne(http_rig_status(&echo_rig, 0), 0);
    ck_assert(echo_has("Connection: close\r\n"));
    close(kept);
    close(old);
    close(fresh);
    http_rig_turn(&echo_rig);
    ck_assert(nv_http_server_drain(echo_rig.server, 1000));
    nv_http_server_free(echo_rig.server);
    nv_loops_release(&echo_rig.loops);
}
END_TEST

START_TEST(gate_comes_before_route_and_body)
{
    struct nv_http_hooks hooks = {.gate = gate, .error_body = error_body};
    http_rig_open(&echo_rig, echo_routes, ECHO_ROUTES, NULL, &hooks);
    http_rig_ask(&echo_rig,
                 NV_STR("POST /nothing HTTP/1.1\r\n" ECHO_HOST "Content-Length: 99\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 401);
    ck_assert(echo_has("<401 who are you>") && echo_has("X-Gate: seen\r\n") &&
              echo_has("text/x-error"));
    http_rig_ask(&echo_rig, NV_STR("POST /nothing HTTP/1.1\r\n" ECHO_HOST "X-Key: k\r\n\r\n"));
    ck_assert(echo_has("<404 no such path>") && echo_has("X-Gate: seen\r\n"));
    http_rig_ask(&echo_rig,
                 NV_STR("GET /get HTTP/1.1\r\n" ECHO_HOST "X-Key: k\r\nx-key: k\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 401);
    http_rig_ask(&echo_rig, NV_STR("GET /get HTTP/1.1\r\n" ECHO_HOST "x-KEY:k\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    http_rig_ask(&echo_rig, NV_STR("GET /get HTTP/1.1\r\n\r\n"));
    ck_assert(echo_has("<400 no Host>"));
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_str request =
        NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Transfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n\r\nGET /get HTTP/1.1\r\n" ECHO_HOST "\r\n");
    for (unsigned long n = 1;; n++) {
        echo_open(NULL); /* anew: else exchange and head would be there already */
        int fd = http_rig_connect(&echo_rig);
        echo_rig.len = 0;
        (void)http_rig_read(&echo_rig, fd);
        ssize_t sent = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
        ck_assert_int_eq(sent, (ssize_t)request.len);
        oom_fail_nth(n);
        bool closed = http_rig_read(&echo_rig, fd);
        bool failed = oom_end();
        close(fd);
        http_rig_turn(&echo_rig);
        int first = http_rig_status(&echo_rig, 0);
        ck_assert_msg(first == 200 || first == 503 || (closed && echo_rig.len == 0), "%s",
                      echo_rig.text);
        if (!failed)
            ck_assert_int_eq(http_rig_status(&echo_rig, 1), 200);
        http_rig_close(&echo_rig);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net/http_server");
    TCase *tcase = tcase_create("http_server");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, longest_idle_connection_makes_room);
    tcase_add_test(tcase, when_all_are_at_work_new_ones_wait);
    tcase_add_test(tcase, stop_answers_what_has_begun);
    tcase_add_test(tcase, request_that_came_with_the_stop_is_answered);
    tcase_add_test(tcase, who_has_just_connected_is_answered_after_the_stop);
    tcase_add_test(tcase, gate_comes_before_route_and_body);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
