/*
 * Posted records end the waiting of who asked for their invocation, whichever comes first; ids
 * are remembered up to a cap.
 */
#include "expect.h"
#include "base/clock.h"
#include "gateway/lambda/telemetry.h"
#include "oom.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define SOON_MS 20
#define LATE_MS 20000

static struct nv_lambda_telemetry *telemetry;
static struct nv_fail fail;

static void setup(void)
{
    ck_assert_int_eq(nv_lambda_telemetry_start("127.0.0.1", &fail, &telemetry), NV_OK);
}

static void teardown(void)
{
    nv_lambda_telemetry_stop(telemetry);
}

static uint64_t in_ms(uint64_t ms)
{
    return nv_clock_wall_ns(nv_clock_system()) / NV_NS_PER_MS + ms;
}

/* Posts a body to the server and returns the status. */
static int post(const char *body)
{
    char text[8192];
    const char *colon = strrchr(nv_lambda_telemetry_uri(telemetry), ':');
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int len = snprintf(text, sizeof text,
                       "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
                       "%zu\r\n\r\n%s",
                       strlen(body), body);
    ck_assert_int_eq(send(fd, text, (size_t)len, 0), len);
    ssize_t got = recv(fd, text, sizeof text - 1, MSG_WAITALL);
    ck_assert_int_gt(got, 12);
    text[got] = '\0';
    (void)close(fd);
    return (int)strtoul(text + 9, NULL, 10);
}

static void post_done(const char *id)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "[{\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":\"%s\"}}]",
                   id);
    ck_assert_int_eq(post(body), 200);
}

START_TEST(what_came_before_is_remembered)
{
    post_done("a");
    ck_assert(nv_lambda_telemetry_wait(telemetry, "a", in_ms(LATE_MS)));
    ck_assert(nv_lambda_telemetry_wait(telemetry, "a", 0));
    ck_assert(!nv_lambda_telemetry_wait(telemetry, "b", in_ms(SOON_MS)));
}
END_TEST

static void *post_later(void *arg)
{
    post_done(arg);
    return NULL;
}

START_TEST(what_comes_while_one_waits)
{
    pthread_t thread;
    char id[] = "later";
    ck_assert_int_eq(pthread_create(&thread, NULL, post_later, id), 0);
    ck_assert(nv_lambda_telemetry_wait(telemetry, "later", in_ms(LATE_MS)));
    (void)pthread_join(thread, NULL);
}
END_TEST

START_TEST(garbage_is_taken_and_changes_nothing)
{
    ck_assert_int_eq(post("garbage"), 200);
    ck_assert_int_eq(post("{}"), 200);
    ck_assert(!nv_lambda_telemetry_wait(telemetry, "a", 0));
}
END_TEST

START_TEST(as_many_as_are_remembered_and_one_more)
{
    char id[24];
    for (unsigned i = 0; i < NV_LAMBDA_DONE_MAX; i++) {
        (void)snprintf(id, sizeof id, "id-%u", i);
        post_done(id);
    }
    ck_assert(nv_lambda_telemetry_wait(telemetry, "id-0", 0));
    post_done("one-more");
    ck_assert(!nv_lambda_telemetry_wait(telemetry, "id-0", 0));
    ck_assert(nv_lambda_telemetry_wait(telemetry, "id-1", 0));
    ck_assert(nv_lambda_telemetry_wait(telemetry, "one-more", 0));
}
END_TEST

static void *end(void *arg)
{
    (void)arg;
    nv_lambda_telemetry_end(telemetry);
    return NULL;
}

START_TEST(all_waiting_can_be_ended)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, end, NULL), 0);
    ck_assert(!nv_lambda_telemetry_wait(telemetry, "never", in_ms(LATE_MS)));
    (void)pthread_join(thread, NULL);
    nv_lambda_telemetry_end(NULL);
}
END_TEST

START_TEST(a_host_that_is_not_here)
{
    struct nv_lambda_telemetry *none;
    ck_assert_int_ne(nv_lambda_telemetry_start("192.0.2.1", &fail, &none), NV_OK);
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(strstr(fail.what, "192.0.2.1"));
}
END_TEST

START_TEST(without_memory_it_is_an_error)
{
    enum nv_err err = NV_ERR_NO_MEMORY;
    struct nv_lambda_telemetry *one = NULL;
    for (unsigned nth = 1; err != NV_OK && nth < 1000; nth++) {
        oom_fail_nth(nth);
        err = nv_lambda_telemetry_start("127.0.0.1", &fail, &one);
        (void)oom_end();
        ck_assert(err == NV_OK || one == NULL);
    }
    ck_assert_int_eq(err, NV_OK);
    nv_lambda_telemetry_stop(one);
}
END_TEST

/* A connection that stays. */
static int connect_kept(void)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    const char *colon = strrchr(nv_lambda_telemetry_uri(telemetry), ':');
    peer.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&peer, sizeof peer), 0);
    return fd;
}

/* Asks on it; false: it was closed. */
static bool answers(int fd)
{
    static const char request[] =
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    char text[4096] = "";
    size_t len = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return false;
    while (!strstr(text, "\r\n\r\n")) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
    }
    return strncmp(text, "HTTP/1.1 2", 10) == 0;
}

/* As telemetry.c has it. */
#define CONNECTIONS_MAX 8

/* One more takes the place of the one that was idle for the longest. */
START_TEST(as_many_connections_as_there_may_be_and_one_more)
{
    int fds[CONNECTIONS_MAX + 1];
    unsigned open = 0;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connect_kept();
        ck_assert(answers(fds[i]));
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        ck_assert(answers(fds[i]));
    fds[CONNECTIONS_MAX] = connect_kept();
    ck_assert(answers(fds[CONNECTIONS_MAX]));
    for (size_t i = 0; i <= CONNECTIONS_MAX; i++) {
        open += answers(fds[i]);
        (void)close(fds[i]);
    }
    ck_assert_uint_eq(open, CONNECTIONS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/lambda/telemetry");
    TCase *tcase = tcase_create("telemetry");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_came_before_is_remembered);
    tcase_add_test(tcase, what_comes_while_one_waits);
    tcase_add_test(tcase, garbage_is_taken_and_changes_nothing);
    tcase_add_test(tcase, as_many_as_are_remembered_and_one_more);
    tcase_add_test(tcase, all_waiting_can_be_ended);
    tcase_add_test(tcase, a_host_that_is_not_here);
    tcase_add_test(tcase, without_memory_it_is_an_error);
    tcase_add_test(tcase, as_many_connections_as_there_may_be_and_one_more);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
