/*
 * sd_notify: path and abstract sockets, and all the ways in which there is none.
 */
#include "expect.h"

#include "gateway/process/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

/* A bound datagram socket; `name` begins with '@' for an abstract one. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    return fd;
}

START_TEST(the_state_arrives)
{
    char names[2][64];
    (void)snprintf(names[0], sizeof names[0], "/tmp/noveum-notify-%ld", (long)getpid());
    (void)snprintf(names[1], sizeof names[1], "@noveum-notify-%ld", (long)getpid());
    for (size_t i = 0; i < 2; i++) {
        char got[32];
        int fd = listen_at(names[i]);
        (void)setenv("NOTIFY_SOCKET", names[i], 1);
        ck_assert(nv_notify("READY=1"));
        ck_assert_int_eq(recv(fd, got, sizeof got, 0), 7);
        ck_assert_int_eq(memcmp(got, "READY=1", 7), 0);
        (void)close(fd);
    }
    (void)unlink(names[0]);
}
END_TEST

START_TEST(without_a_socket_nothing_happens)
{
    char longer[300];
    (void)unsetenv("NOTIFY_SOCKET");
    ck_assert(!nv_notify("READY=1"));
    (void)setenv("NOTIFY_SOCKET", "", 1);
    ck_assert(!nv_notify("READY=1"));
    (void)setenv("NOTIFY_SOCKET", "relative", 1);
    ck_assert(!nv_notify("READY=1"));
    (void)setenv("NOTIFY_SOCKET", "/tmp/nobody-is-here", 1);
    ck_assert(!nv_notify("READY=1"));
    memset(longer, 'x', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    (void)setenv("NOTIFY_SOCKET", longer, 1);
    ck_assert(!nv_notify("READY=1"));
}
END_TEST

static const struct {
    const char *usec, *pid; /* "self": of this process */
    bool sent;
} watchdogs[] = {{"30000000", NULL, true}, {"30000000", "self", true}, {NULL, "self", false},
                 {"30000000", "1", false}, {"30000000", "x", false},   {"0", NULL, false},
                 {"-1", NULL, false},      {"x", NULL, false},         {"", NULL, false}};

static void set_or_not(const char *name, const char *value)
{
    char self[32];
    (void)snprintf(self, sizeof self, "%ld", (long)getpid());
    if (value)
        (void)setenv(name, strcmp(value, "self") == 0 ? self : value, 1);
    else
        (void)unsetenv(name);
}

START_TEST(a_watchdog_that_is_for_us)
{
    char name[64], got[32];
    (void)snprintf(name, sizeof name, "@noveum-watchdog-%ld", (long)getpid());
    int fd = listen_at(name);
    (void)setenv("NOTIFY_SOCKET", name, 1);
    set_or_not("WATCHDOG_USEC", watchdogs[_i].usec);
    set_or_not("WATCHDOG_PID", watchdogs[_i].pid);
    ck_assert(nv_notify_watchdog() == watchdogs[_i].sent);
    ssize_t len = recv(fd, got, sizeof got, MSG_DONTWAIT);
    ck_assert_int_eq(len, watchdogs[_i].sent ? 10 : -1);
    ck_assert(len < 0 || memcmp(got, "WATCHDOG=1", 10) == 0);
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/notify");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, the_state_arrives);
    tcase_add_test(tcase, without_a_socket_nothing_happens);
    tcase_add_loop_test(tcase, a_watchdog_that_is_for_us, 0,
                        (int)(sizeof watchdogs / sizeof watchdogs[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
