/*
 * One question to a backend that is a thread of the test: what is asked, what becomes of each
 * kind of answer, and of none.
 */
#include "expect.h"
#include "exporter/send/probe.h"
#include "oom.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct {
    int fd;
    uint16_t port;
    pthread_t thread;
    const char *reply; /* NULL: closes without one */
    char head[4096];
} backend;

static void *serve(void *unused)
{
    size_t len = 0;
    (void)unused;
    int fd = accept(backend.fd, NULL, NULL);
    while (fd >= 0 && len < sizeof backend.head - 1 && !strstr(backend.head, "\r\n\r\n")) {
        ssize_t got = recv(fd, backend.head + len, sizeof backend.head - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        backend.head[len] = '\0';
    }
    if (fd >= 0 && backend.reply)
        (void)send(fd, backend.reply, strlen(backend.reply), MSG_NOSIGNAL);
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

static void open_backend(const char *reply)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    memset(&backend, 0, sizeof backend);
    backend.reply = reply;
    backend.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(backend.fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(backend.fd, 8), 0);
    ck_assert_int_eq(getsockname(backend.fd, (struct sockaddr *)&address, &len), 0);
    backend.port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&backend.thread, NULL, serve, NULL), 0);
}

static void close_backend(void)
{
    (void)shutdown(backend.fd, SHUT_RDWR);
    (void)pthread_join(backend.thread, NULL);
    (void)close(backend.fd);
}

static char url[64];
static struct nv_exporter_config config;
static struct nv_probe probe;
static struct nv_fail fail;

static void configure(void)
{
    nv_exporter_config_init(&config);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/api", (unsigned)backend.port);
    config.endpoint = url;
    config.api_key = "nv_key";
    fail = (struct nv_fail){0};
}

static enum nv_err ask(const char *reply)
{
    open_backend(reply);
    configure();
    enum nv_err err = nv_exporter_probe(&config, nv_clock_system(), &probe, &fail);
    close_backend();
    return err;
}

#define REPLY(status, body)                                                                    \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

START_TEST(it_asks_as_the_exporter_would)
{
    ck_assert_int_eq(ask(REPLY("200 OK", "{}")), NV_OK);
    ck_assert_int_eq(probe.transfer, NV_TRANSFER_REPLY);
    ck_assert_int_eq(probe.status, 200);
    ck_assert_int_eq(strncmp(backend.head, "GET /api/v1/status HTTP/1.1\r\n", 29), 0);
    ck_assert_ptr_nonnull(strstr(backend.head, "Authorization: Bearer nv_key\r\n"));
}
END_TEST

static const struct {
    const char *reply;
    int status;
    const char *said;
} replies[] = {
    {REPLY("401 Unauthorized", "{\"success\":false,\"error\":\"no such project\"}"), 401,
     "no such project"},
    {REPLY("503 Busy", "later"), 503, ""},
    {REPLY("302 Found", ""), 302, ""}, /* not followed: the key would go along */
};

START_TEST(what_the_backend_says_is_told)
{
    ck_assert_int_eq(ask(replies[_i].reply), NV_OK);
    ck_assert_int_eq(probe.transfer, NV_TRANSFER_REPLY);
    ck_assert_int_eq(probe.status, replies[_i].status);
    ck_assert_msg(strstr(probe.said, replies[_i].said) != NULL, "%s", probe.said);
}
END_TEST

START_TEST(when_and_where_to_are_told)
{
    ck_assert_int_eq(ask("HTTP/1.1 301 Moved\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "Location: https://there.example/api\r\nConnection: close\r\n\r\n"),
                     NV_OK);
    ck_assert_int_eq(probe.status, 301);
    ck_assert_int_eq(probe.date_s, 784111777);
    ck_assert_str_eq(probe.location, "https://there.example/api");
    ck_assert_int_eq(ask(REPLY("200 OK", "{}")), NV_OK);
    ck_assert_int_eq(probe.date_s, 0);
    ck_assert_str_eq(probe.location, "");
}
END_TEST

START_TEST(a_connection_that_is_closed_is_no_reply)
{
    ck_assert_int_eq(ask(NULL), NV_OK);
    ck_assert_int_ne(probe.transfer, NV_TRANSFER_REPLY);
    ck_assert_int_eq(probe.status, 0);
    ck_assert_str_ne(probe.detail, "");
    ck_assert_ptr_null(strstr(probe.detail, "nv_key"));
}
END_TEST

START_TEST(nobody_listens)
{
    open_backend(NULL);
    close_backend();
    configure(); /* at the port of before */
    ck_assert_int_eq(nv_exporter_probe(&config, nv_clock_system(), &probe, &fail), NV_OK);
    ck_assert_int_ne(probe.transfer, NV_TRANSFER_REPLY);
    ck_assert_int_eq(probe.cause, NV_CAUSE_CONNECT);
    ck_assert_str_ne(probe.detail, "");
}
END_TEST

START_TEST(an_endpoint_that_is_none)
{
    configure();
    config.endpoint = "ftp://example.com";
    ck_assert_int_eq(nv_exporter_probe(&config, nv_clock_system(), &probe, &fail),
                     NV_ERR_CONFIG);
    ck_assert_str_ne(fail.what, "");
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    for (unsigned long n = 1;; n++) {
        open_backend(REPLY("200 OK", "{}"));
        configure();
        oom_fail_nth(n);
        enum nv_err err = nv_exporter_probe(&config, nv_clock_system(), &probe, &fail);
        bool failed = oom_end();
        close_backend();
        if (!failed) {
            ck_assert_int_eq(err, NV_OK);
            ck_assert_uint_gt(n, 2);
            break;
        }
        bool told = err == NV_ERR_NO_MEMORY || err == NV_ERR_IO || err == NV_ERR_CONFIG ||
                    (err == NV_OK && probe.transfer != NV_TRANSFER_REPLY) ||
                    (err == NV_OK && probe.status == 200);
        ck_assert_msg(told, "%lu: %d", n, err);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/probe");
    TCase *tcase = tcase_create("probe");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, it_asks_as_the_exporter_would);
    tcase_add_loop_test(tcase, what_the_backend_says_is_told, 0, COUNT(replies));
    tcase_add_test(tcase, when_and_where_to_are_told);
    tcase_add_test(tcase, a_connection_that_is_closed_is_no_reply);
    tcase_add_test(tcase, nobody_listens);
    tcase_add_test(tcase, an_endpoint_that_is_none);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
