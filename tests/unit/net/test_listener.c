/*
 * Listening sockets: addresses that work and that don't, Unix files, sockets handed over,
 * pausing, and running out of descriptors.
 */
#include "expect.h"
#include "oom.h"

#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_loops loops;
static char folder[64];
static unsigned accepted_count;
static int no_delay; /* of the connection accepted last */
static bool wanted;

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/noveum-listener-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(nv_loops_init(&loops, 2, nv_clock_system()), NV_OK);
    accepted_count = 0;
    wanted = true;
}

static void tear_down(void)
{
    nv_loops_release(&loops);
    rmdir(folder);
}

static struct nv_listener *open_at(const char *addresses)
{
    struct nv_listener_config config = {.addresses = addresses};
    struct nv_listener *listener = NULL;
    struct nv_fail fail = {.code = NV_OK};
    enum nv_err err = nv_listener_open(&config, &fail, &listener);
    ck_assert_msg(err == NV_OK, "%s: %s", addresses, fail.what);
    return listener;
}

static void refused_at(const char *addresses, const char *part)
{
    struct nv_listener_config config = {.addresses = addresses};
    struct nv_listener *listener = NULL;
    struct nv_fail fail = {.code = NV_OK};
    ck_assert_msg(nv_listener_open(&config, &fail, &listener) == NV_ERR_CONFIG, "%s",
                  addresses);
    ck_assert_ptr_null(listener);
    ck_assert_msg(strstr(fail.what, part) != NULL, "%s: %s", addresses, fail.what);
}

static void on_accepted(void *ctx, struct nv_loop *loop, int fd)
{
    socklen_t len = sizeof no_delay;
    (void)ctx;
    (void)loop;
    accepted_count++;
    no_delay = 0;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len);
    close(fd);
}

static bool on_wanted(void *ctx, struct nv_loop *loop)
{
    (void)ctx;
    (void)loop;
    return wanted;
}

static void attach(struct nv_listener *listener)
{
    struct nv_accepter accepter = {.accepted = on_accepted, .wanted = on_wanted};
    ck_assert_int_eq(nv_listener_attach(listener, &loops, accepter), NV_OK);
}

static void turn(void)
{
    for (int i = 0; i < 10; i++) {
        nv_loop_turn(loops.items[0]);
        nv_loop_turn(loops.items[1]);
    }
}

static uint16_t port_of(const struct nv_listener *listener, size_t i)
{
    const char *name = nv_listener_address(listener, i);
    uint64_t port = 0;
    ck_assert_int_eq(nv_str_to_uint64(nv_str_from(strrchr(name, ':') + 1), &port), NV_OK);
    return (uint16_t)port;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

START_TEST(addresses_that_are_refused)
{
    static const struct {
        const char *text, *part;
    } table[] = {
        {"", "host:port"},
        {"4318", "host:port"},
        {"127.0.0.1", "host:port"},
        {"127.0.0.1:", "host"},
        {"127.0.0.1:x", "host"},
        {"::1:4318", "host:port"},
        {"[::1:4318", "host"},
        {"127.0.0.1:99999", "host:port"},
        {"no.such.host.invalid:1", "no.such"},
        {"192.0.2.1:0", "no such address"},
        {"unix:", "Unix"},
        {"unix:/", "Unix"},
        {"fd:x", "fd:N"},
        {"fd:-1", "fd:N"},
        {"fd:0", "not a listening"},
        {"127.0.0.1:0,bad", "bad"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        refused_at(table[i].text, table[i].part);
}
END_TEST

START_TEST(port_in_use_is_told)
{
    char text[64];
    struct nv_listener *first = open_at("127.0.0.1:0");
    snprintf(text, sizeof text, "127.0.0.1:%u", port_of(first, 0));
    refused_at(text, "in use");
    nv_listener_free(first);
    nv_listener_free(open_at(text));
}
END_TEST

START_TEST(several_addresses_are_served)
{
    struct nv_listener *listener = open_at(" 127.0.0.1:0 ,localhost:0");
    ck_assert_uint_ge(nv_listener_count(listener), 2);
    ck_assert_int_eq(strncmp(nv_listener_address(listener, 0), "127.0.0.1:", 10), 0);
    attach(listener);
    for (int i = 0; i < 5; i++)
        close(connect_to(port_of(listener, 0)));
    turn();
    ck_assert_uint_eq(accepted_count, 5);
    nv_listener_free(listener);
}
END_TEST

static unsigned asked_by_ipv4(const char *addresses)
{
    struct nv_listener *listener = open_at(addresses);
    unsigned before = accepted_count;
    attach(listener);
    int fd = connect_to(port_of(listener, 0));
    turn();
    close(fd);
    nv_listener_free(listener);
    return accepted_count - before;
}

START_TEST(any_address_of_ipv6_takes_ipv4)
{
    char both[64];
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe < 0)
        return; /* a machine without IPv6 */
    close(probe);
    ck_assert_uint_eq(asked_by_ipv4("[::]:0"), 1);
    /* with an entry for IPv4 the two stand beside each other */
    struct nv_listener *listener = open_at("[::]:0");
    uint16_t port = port_of(listener, 0);
    nv_listener_free(listener);
    snprintf(both, sizeof both, "[::]:%u, 0.0.0.0:%u", port, port);
    listener = open_at(both);
    ck_assert_uint_eq(nv_listener_count(listener), 2);
    nv_listener_free(listener);
    snprintf(both, sizeof both, "0.0.0.0:%u,[::]:%u", port, port);
    listener = open_at(both);
    ck_assert_uint_eq(nv_listener_count(listener), 2);
    nv_listener_free(listener);
}
END_TEST

START_TEST(reuse_port_lets_two_listen)
{
    char text[64];
    struct nv_listener_config config = {.addresses = "127.0.0.1:0", .reuse_port = true};
    struct nv_listener *first = NULL, *second = NULL;
    ck_assert_int_eq(nv_listener_open(&config, NULL, &first), NV_OK);
    snprintf(text, sizeof text, "%s", nv_listener_address(first, 0));
    config.addresses = text;
    ck_assert_int_eq(nv_listener_open(&config, NULL, &second), NV_OK);
    nv_listener_free(first);
    nv_listener_free(second);
}
END_TEST

START_TEST(not_wanted_is_asked_again_at_the_tick)
{
    struct nv_listener *listener = open_at("127.0.0.1:0");
    attach(listener);
    wanted = false;
    int fd = connect_to(port_of(listener, 0));
    turn();
    ck_assert_uint_eq(accepted_count, 0);
    wanted = true;
    turn();
    ck_assert_uint_eq(accepted_count, 0);
    nv_loop_tick_now(loops.items[1]);
    turn();
    ck_assert_uint_eq(accepted_count, 1);
    close(fd);
    nv_listener_free(listener);
}
END_TEST

START_TEST(stop_takes_what_is_in_the_queue)
{
    struct nv_listener *listener = open_at("127.0.0.1:0");
    uint16_t port = port_of(listener, 0);
    attach(listener);
    int fds[5];
    for (int i = 0; i < 5; i++)
        fds[i] = connect_to(port);
    nv_listener_stop(listener, loops.items[0]);
    nv_listener_stop(listener, loops.items[0]);
    nv_listener_stop(listener, loops.items[1]);
    ck_assert_uint_eq(accepted_count, 5);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int late = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ne(connect(late, (struct sockaddr *)&address, sizeof address), 0);
    close(late);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    nv_listener_free(listener);
}
END_TEST

START_TEST(without_descriptors_it_rests)
{
    struct rlimit before, tight;
    struct nv_listener *listener = open_at("127.0.0.1:0");
    attach(listener);
    int fd = connect_to(port_of(listener, 0)), other = connect_to(port_of(listener, 0));
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* No number below the limit is free: find the first one that is. */
    int next = dup(0);
    close(next);
    tight = before;
    tight.rlim_cur = (rlim_t)next;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    turn();
    unsigned during = accepted_count;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_uint_eq(during, 0);
    nv_loop_tick_now(loops.items[0]);
    nv_loop_tick_now(loops.items[1]);
    int third = connect_to(port_of(listener, 0));
    turn();
    ck_assert_uint_ge(accepted_count, 1);
    close(fd);
    close(other);
    close(third);
    nv_listener_free(listener);
}
END_TEST

/* ---- Unix -------------------------------------------------------------------------------- */

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int failed = connect(fd, (struct sockaddr *)&address, sizeof address);
    if (failed == 0)
        return fd;
    close(fd);
    return -1;
}

START_TEST(unix_socket_has_its_mode_and_goes_at_the_end)
{
    char path[100], text[120];
    struct stat info;
    struct nv_listener_config config = {.addresses = text, .unix_mode = 0600};
    struct nv_listener *listener = NULL;
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(text, sizeof text, "unix:%s", path);
    mode_t mask = umask(0);
    ck_assert_int_eq(nv_listener_open(&config, NULL, &listener), NV_OK);
    umask(mask);
    ck_assert_str_eq(nv_listener_address(listener, 0), text);
    ck_assert_int_eq(lstat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    attach(listener);
    int fd = connect_unix(path);
    ck_assert_int_ge(fd, 0);
    turn();
    ck_assert_uint_eq(accepted_count, 1);
    close(fd);
    refused_at(text, "in use");
    nv_listener_free(listener);
    ck_assert_int_ne(lstat(path, &info), 0);
}
END_TEST

START_TEST(file_of_a_successor_is_left_alone)
{
    char path[100], text[120];
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(text, sizeof text, "unix:%s", path);
    struct nv_listener *first = open_at(text);
    ck_assert_int_eq(unlink(path), 0);
    struct nv_listener *second = open_at(text);
    nv_listener_free(first);
    ck_assert_int_eq(access(path, F_OK), 0);
    nv_listener_free(second);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(stale_file_is_replaced_a_foreign_one_is_not)
{
    char path[100], text[120];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(text, sizeof text, "unix:%s", path);
    memcpy(address.sun_path, path, sizeof path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    nv_listener_free(open_at(text));
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    refused_at(text, "exists");
    unlink(path);
    snprintf(text, sizeof text, "unix:%s/missing/socket", folder);
    refused_at(text, "No such");
}
END_TEST

START_TEST(abstract_socket)
{
    char text[80];
    snprintf(text, sizeof text, "unix:@noveum-test-%d", (int)getpid());
    struct nv_listener *listener = open_at(text);
    ck_assert_str_eq(nv_listener_address(listener, 0), text);
    refused_at(text, "in use");
    nv_listener_free(listener);
}
END_TEST

/* ---- handed over ------------------------------------------------------------------------- */

START_TEST(socket_by_number)
{
    char text[32];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    snprintf(text, sizeof text, "fd:%d", fd);
    struct nv_listener *listener = open_at(text);
    attach(listener);
    close(connect_to(port_of(listener, 0)));
    turn();
    ck_assert_uint_eq(accepted_count, 1);
    ck_assert_int_ne(no_delay, 0); /* whoever made the socket may not have asked for it */
    nv_listener_free(listener);
}
END_TEST

/* Tries to open `text`; the outcome in place of assertions, because descriptor 3 is not
 * ours. */
static enum nv_err try_at(const char *text, struct nv_listener **listener)
{
    struct nv_listener_config config = {.addresses = text};
    return nv_listener_open(&config, NULL, listener);
}

START_TEST(socket_by_its_address)
{
    char text[64], pid[32];
    struct nv_listener *stranger = NULL, *listener = NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(address.sin_port));
    snprintf(pid, sizeof pid, "%d", (int)getpid() + 1);
    int kept = fcntl(3, F_DUPFD_CLOEXEC, 10);
    dup2(fd, 3);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", pid, 1);
    enum nv_err not_for_us = try_at(text, &stranger);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    enum nv_err for_us = try_at(text, &listener);
    bool named = for_us == NV_OK && strcmp(nv_listener_address(listener, 0), text) == 0;
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    enum nv_err without = try_at(text, &stranger);
    nv_listener_free(listener); /* closes descriptor 3 */
    if (kept >= 0)
        dup2(kept, 3);
    close(kept);
    close(fd);
    ck_assert_int_eq(not_for_us, NV_ERR_CONFIG);
    ck_assert_int_eq(for_us, NV_OK);
    ck_assert(named);
    ck_assert_int_eq(without, NV_ERR_CONFIG);
}
END_TEST

/* Opened, attached to both loops, and freed whatever was there by then. */
START_TEST(every_allocation_failing_once)
{
    const struct nv_listener_config config = {.addresses = "127.0.0.1:0,unix:@noveum-oom"};
    const struct nv_accepter accepter = {.accepted = on_accepted, .wanted = on_wanted};
    for (unsigned long n = 1;; n++) {
        struct nv_listener *listener = NULL;
        struct nv_fail fail = {.code = NV_OK};
        oom_fail_nth(n);
        enum nv_err err = nv_listener_open(&config, &fail, &listener);
        if (err == NV_OK)
            err = nv_listener_attach(listener, &loops, accepter);
        bool failed = oom_end();
        nv_listener_free(listener);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed) {
            ck_assert_uint_gt(n, 2);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listener");
    TCase *tcase = tcase_create("listener");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, addresses_that_are_refused);
    tcase_add_test(tcase, port_in_use_is_told);
    tcase_add_test(tcase, several_addresses_are_served);
    tcase_add_test(tcase, any_address_of_ipv6_takes_ipv4);
    tcase_add_test(tcase, reuse_port_lets_two_listen);
    tcase_add_test(tcase, not_wanted_is_asked_again_at_the_tick);
    tcase_add_test(tcase, stop_takes_what_is_in_the_queue);
    tcase_add_test(tcase, without_descriptors_it_rests);
    tcase_add_test(tcase, unix_socket_has_its_mode_and_goes_at_the_end);
    tcase_add_test(tcase, file_of_a_successor_is_left_alone);
    tcase_add_test(tcase, stale_file_is_replaced_a_foreign_one_is_not);
    tcase_add_test(tcase, abstract_socket);
    tcase_add_test(tcase, socket_by_number);
    tcase_add_test(tcase, socket_by_its_address);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
