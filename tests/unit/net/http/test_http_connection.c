/*
 * A connection between requests and within one: order, 100 Continue, half-closed and slow peers,
 * every deadline.
 */
#include "expect.h"
#include "http_echo.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

START_TEST(pipelined_requests_are_answered_in_order)
{
    struct nv_buf all;
    echo_open(NULL);
    nv_buf_init(&all, 100000);
    for (int i = 0; i < 200; i++)
        nv_buf_printf(&all,
                      "POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 5\r\n\r\n<%03d>", i);
    http_rig_ask(&echo_rig, nv_buf_str(&all));
    const char *at = echo_rig.text;
    for (int i = 0; i < 200; i++) {
        char mark[16];
        snprintf(mark, sizeof mark, "<%03d>", i);
        at = strstr(at, mark);
        ck_assert_ptr_nonnull(at);
    }
    ck_assert_uint_eq(echo_handled, 200);
    nv_buf_release(&all);
    http_rig_close(&echo_rig);
}
END_TEST

/* Sends a body of `len` bytes in pieces of `piece`, another request close behind it, and holds
 * what comes back against it. */
static void expect_echo(int fd, size_t len, size_t piece)
{
    struct nv_buf all;
    nv_buf_init(&all, 100000);
    nv_buf_printf(&all, "POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: %zu\r\n\r\n", len);
    const size_t body = all.len;
    for (size_t i = 0; i < len; i++)
        nv_buf_append_char(&all, (char)('a' + (i * 31 + len + piece) % 26));
    nv_buf_printf(&all, "POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 5\r\n\r\n<end>");
    echo_rig.len = 0;
    echo_rig.text[0] = '\0';
    for (size_t at = 0; at < all.len; at += piece)
        http_rig_send(&echo_rig, fd, nv_str_slice(nv_buf_str(&all), at, piece));
    for (int i = 0; i < 100 && strstr(echo_rig.text, "<end>") == NULL; i++)
        (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 200);
    ck_assert_int_eq(http_rig_status(&echo_rig, 1), 200);
    const char *back = strstr(echo_rig.text, "\r\n\r\n");
    ck_assert_ptr_nonnull(back);
    ck_assert_mem_eq(back + 4, all.bytes + body, len);
    nv_buf_release(&all);
}

/* From then on heads are read alone and bodies where they belong. */
START_TEST(bodies_behind_a_long_one_are_as_they_were_sent)
{
    static const size_t lens[] = {40000, 40000, 32768, 32767, 39999, 3, 3900, 4096, 8192};
    static const size_t pieces[] = {100000, 4096, 1000};
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++)
            expect_echo(fd, lens[k], pieces[i]);
    }
    (void)close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(continue_is_sent_once_the_head_is_accepted)
{
    static const char *paths[] = {"/echo", "/never", "/nothing", "/small"};
    echo_open(NULL);
    for (size_t i = 0; i < 4; i++) {
        char head[128];
        int fd = http_rig_connect(&echo_rig);
        echo_rig.len = 0;
        snprintf(head, sizeof head,
                 "POST %s HTTP/1.1\r\n" ECHO_HOST
                 "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n",
                 paths[i]);
        http_rig_send(&echo_rig, fd, nv_str_from(head));
        (void)http_rig_read(&echo_rig, fd);
        ck_assert_int_eq(http_rig_status(&echo_rig, 0) == 100, i == 0);
        if (i == 0) {
            http_rig_send(&echo_rig, fd, NV_STR("hello world"));
            (void)http_rig_read(&echo_rig, fd);
            ck_assert_int_eq(http_rig_status(&echo_rig, 1), 200);
        }
        close(fd);
    }
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(half_closed_client_gets_its_answer)
{
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(&echo_rig, fd,
                  NV_STR("POST /later HTTP/1.1\r\n" ECHO_HOST "Content-Length: 2\r\n\r\nhi"));
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    http_rig_turn(&echo_rig);
    nv_http_reply_text(echo_kept, 200, NV_STR(""), NV_STR("still here"));
    ck_assert(http_rig_read(&echo_rig, fd));
    ck_assert(echo_has("still here"));
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(large_reply_to_a_slow_reader)
{
    size_t total = 0;
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, fd, NV_STR("GET /large HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    for (int i = 0; i < 1000 && total < 8000000; i++) {
        echo_rig.len = 0;
        (void)http_rig_read(&echo_rig, fd);
        total += echo_rig.len;
    }
    ck_assert_uint_gt(total, 8000000);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(reader_that_never_reads_is_cut_off)
{
    struct nv_http_status status;
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    http_rig_send(&echo_rig, fd, NV_STR("GET /large HTTP/1.1\r\n" ECHO_HOST "\r\n"));
    http_rig_advance(&echo_rig, 29000);
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.connections, 1);
    http_rig_advance(&echo_rig, 2000);
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.connections, 0);
    ck_assert_uint_eq(status.timeouts, 1);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(slow_head_is_cut_off_whatever_drips_in)
{
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(&echo_rig, fd, NV_STR("POST /echo HT"));
    for (int i = 0; i < 9; i++) {
        http_rig_advance(&echo_rig, 1000);
        http_rig_send(&echo_rig, fd, NV_STR("T"));
    }
    ck_assert(!http_rig_read(&echo_rig, fd));
    ck_assert_uint_eq(echo_rig.len, 0);
    http_rig_advance(&echo_rig, 2000);
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 408);
    ck_assert(echo_has("Connection: close"));
    http_rig_advance(&echo_rig, 3000); /* lingers no longer */
    ck_assert(http_rig_read(&echo_rig, fd));
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(slow_body_is_cut_off)
{
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(&echo_rig, fd,
                  NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 90000\r\n\r\n"));
    for (int i = 0; i < 10; i++) {
        http_rig_advance(&echo_rig, 1000); /* the grace */
        http_rig_send(&echo_rig, fd, NV_STR("x"));
    }
    ck_assert(!http_rig_read(&echo_rig, fd));
    http_rig_advance(&echo_rig, 1000);
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 408);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(body_has_a_deadline_at_any_rate)
{
    static char piece[4096];
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(&echo_rig, fd,
                  NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 900000\r\n\r\n"));
    for (int i = 0; i < 59; i++) {
        http_rig_send(&echo_rig, fd, (struct nv_str){piece, sizeof piece});
        http_rig_advance(&echo_rig, 1000);
    }
    ck_assert(!http_rig_read(&echo_rig, fd));
    ck_assert_uint_eq(echo_rig.len, 0);
    http_rig_advance(&echo_rig, 2000);
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 408);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(idle_connection_is_closed_without_a_word)
{
    echo_open(NULL);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_advance(&echo_rig, 179000);
    ck_assert(!http_rig_read(&echo_rig, fd));
    http_rig_advance(&echo_rig, 2000);
    ck_assert(http_rig_read(&echo_rig, fd));
    ck_assert_uint_eq(echo_rig.len, 0);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

START_TEST(linger_has_a_budget)
{
    static char megabyte[1024 * 1024];
    struct nv_http_limits limits;
    nv_http_limits_init(&limits);
    limits.linger_bytes_max = 100000;
    echo_open(&limits);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(
        &echo_rig, fd,
        NV_STR("POST /small HTTP/1.1\r\n" ECHO_HOST "Content-Length: 9999999\r\n\r\n"));
    ck_assert(!http_rig_read(&echo_rig, fd) || echo_rig.len > 0);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 413);
    http_rig_send(&echo_rig, fd, (struct nv_str){megabyte, sizeof megabyte});
    ck_assert(http_rig_read(&echo_rig, fd));
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

/* A client that sends all before it reads would lose the answer with the connection. */
START_TEST(body_of_who_is_told_to_wait_is_read_to_its_end)
{
    static char megabyte[1024 * 1024];
    struct nv_http_limits limits;
    struct nv_http_status status;
    nv_http_limits_init(&limits);
    limits.linger_bytes_max = 100000;
    limits.undecoded_bytes_max = 1000;
    echo_open(&limits);
    int fd = http_rig_connect(&echo_rig);
    echo_rig.len = 0;
    http_rig_send(
        &echo_rig, fd,
        NV_STR("POST /echo HTTP/1.1\r\n" ECHO_HOST "Content-Length: 2097152\r\n\r\n"));
    http_rig_send(&echo_rig, fd, (struct nv_str){megabyte, sizeof megabyte});
    http_rig_send(&echo_rig, fd, (struct nv_str){megabyte, sizeof megabyte});
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.connections, 1);
    (void)http_rig_read(&echo_rig, fd);
    ck_assert_int_eq(http_rig_status(&echo_rig, 0), 503);
    ck_assert(echo_has("Retry-After: 1"));
    ck_assert_uint_eq(status.undecoded_bytes, 0);
    http_rig_send(&echo_rig, fd, (struct nv_str){megabyte, sizeof megabyte}); /* no end to it */
    nv_http_server_status(echo_rig.server, &status);
    ck_assert_uint_eq(status.connections, 0);
    close(fd);
    http_rig_close(&echo_rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net/http_connection");
    TCase *tcase = tcase_create("http_connection");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
    tcase_add_test(tcase, bodies_behind_a_long_one_are_as_they_were_sent);
    tcase_add_test(tcase, continue_is_sent_once_the_head_is_accepted);
    tcase_add_test(tcase, half_closed_client_gets_its_answer);
    tcase_add_test(tcase, large_reply_to_a_slow_reader);
    tcase_add_test(tcase, reader_that_never_reads_is_cut_off);
    tcase_add_test(tcase, slow_head_is_cut_off_whatever_drips_in);
    tcase_add_test(tcase, slow_body_is_cut_off);
    tcase_add_test(tcase, body_has_a_deadline_at_any_rate);
    tcase_add_test(tcase, idle_connection_is_closed_without_a_word);
    tcase_add_test(tcase, linger_has_a_budget);
    tcase_add_test(tcase, body_of_who_is_told_to_wait_is_read_to_its_end);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
