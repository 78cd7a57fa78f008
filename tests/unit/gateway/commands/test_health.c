/*
 * Health: whom it asks, and what it makes of answers, among them those of nobody.
 */
#include "expect.h"

#include "assembly/assembly.h"
#include "gateway/commands/health.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

static const struct {
    const char *addresses, *host, *port; /* host NULL: nobody */
} targets[] = {{"127.0.0.1:13133", "127.0.0.1", "13133"},
               {"0.0.0.0:13133,[::]:13134", "127.0.0.1", "13133"},
               {"[::]:80", "::1", "80"},
               {"[::1]:80", "::1", "80"},
               {"localhost:1", "localhost", "1"},
               {" unix:/run/a.sock , 127.0.0.1:1", "/run/a.sock", ""},
               {"127.0.0.1:0", NULL, NULL},
               {"none", NULL, NULL},
               {"", NULL, NULL},
               {"127.0.0.1:", NULL, NULL},
               {"127.0.0.1:65536", NULL, NULL},
               {"127.0.0.1:1234567890", NULL, NULL}};

START_TEST(whom_it_asks)
{
    char host[256], port[8];
    bool any = nv_health_target(targets[_i].addresses, host, port);
    ck_assert_int_eq(any, targets[_i].host != NULL);
    if (any) {
        ck_assert_str_eq(host, targets[_i].host);
        ck_assert_str_eq(port, targets[_i].port);
    }
}
END_TEST

static const struct {
    const char *reply;
    bool ready;
    const char *why;
} replies[] = {{"HTTP/1.1 200 OK\r\nA: b\r\n\r\nready\n", true, "ready"},
               {"HTTP/1.1 503 Service Unavailable\r\n\r\njournal full in 'x'\nmore", false,
                "journal full in 'x'"},
               {"HTTP/1.1 200 OK\r\nA: b", false, "who answers there is no gateway"},
               {"SSH-2.0-OpenSSH", false, "who answers there is no gateway"},
               {"", false, "who answers there is no gateway"},
               {"HTTP/1.1 404 x\r\n\r\n", false, "it says nothing"},
               {"HTTP/1.1 503 x\r\n\r\n\033[2Jgone", false, "\\x1b[2Jgone"}};

START_TEST(what_it_makes_of_answers)
{
    struct nv_health health = {0};
    nv_health_read(nv_str_from(replies[_i].reply), &health);
    ck_assert_int_eq(health.ready, replies[_i].ready);
    ck_assert_str_eq(health.why, replies[_i].why);
}
END_TEST

START_TEST(what_it_makes_of_a_status)
{
    struct nv_health health = {0};
    nv_health_read_status(NV_STR("{\"ready\":true,\"ready_reason\":\"ready\"}"), &health);
    ck_assert(health.ready);
    nv_health_read_status(NV_STR("{\"ready\":false,\"ready_reason\":\"stopping\"}"), &health);
    ck_assert(!health.ready);
    ck_assert_str_eq(health.why, "stopping");
    static const char *const broken[] = {"", "[]", "{", "{\"ready\":1}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        nv_health_read_status(nv_str_from(broken[i]), &health);
        ck_assert(!health.ready);
        ck_assert_ptr_nonnull(strstr(health.why, "not understood"));
    }
}
END_TEST

START_TEST(nobody_there)
{
    char address[40];
    struct nv_options options = {.admin_listen = address};
    char none[] = "none", nowhere[] = "/nowhere/at/all";
    struct nv_health health;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    /* bound and not listening: nobody else can have the port meanwhile */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&any, &len), 0);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(any.sin_port));
    nv_health_ask(&options, &health);
    ck_assert(!health.ready);
    ck_assert_str_eq(health.where, address);
    ck_assert_ptr_nonnull(strstr(health.why, "refused"));
    ck_assert_int_eq(nv_command_health(&options, false), 1);
    (void)close(fd);
    options = (struct nv_options){.admin_listen = none, .journal_directory = nowhere};
    nv_health_ask(&options, &health);
    ck_assert(!health.ready);
    ck_assert_str_eq(health.where, "/nowhere/at/all/control");
    options.journal_durability = NV_DURABILITY_MEMORY;
    nv_health_ask(&options, &health);
    ck_assert_ptr_nonnull(strstr(health.why, "nobody to ask"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/health");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, whom_it_asks, 0, sizeof targets / sizeof targets[0]);
    tcase_add_loop_test(tcase, what_it_makes_of_answers, 0, sizeof replies / sizeof replies[0]);
    tcase_add_test(tcase, what_it_makes_of_a_status);
    tcase_add_test(tcase, nobody_there);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
