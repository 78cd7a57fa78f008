/*
 * Addresses in words become bound sockets: their names, their number, files of Unix sockets,
 * and what is refused. What the listener does with them is test_listener's.
 */
#include "expect.h"
#include "net/listener_address.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_listener_sockets sockets;
static struct nv_fail fail;
static char folder[64];

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/noveum-address-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    sockets = (struct nv_listener_sockets){.count = 0};
    fail = (struct nv_fail){0};
}

static void close_all(void)
{
    for (size_t i = 0; i < sockets.count; i++)
        nv_listener_socket_close(&sockets.items[i]);
    sockets.count = 0;
}

static void tear_down(void)
{
    close_all();
    (void)rmdir(folder);
}

static enum nv_err bind_to(const char *addresses)
{
    struct nv_listener_config config = {.addresses = addresses, .unix_mode = 0600};
    return nv_listener_bind(&config, &sockets, &fail);
}

START_TEST(a_socket_is_bound_listens_and_has_its_name)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int listening = 0;
    char name[64];
    ck_assert_int_eq(bind_to("127.0.0.1:0"), NV_OK);
    ck_assert_uint_eq(sockets.count, 1);
    int fd = sockets.items[0].fd;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(name, sizeof name, "127.0.0.1:%u", ntohs(address.sin_port));
    ck_assert_str_eq(sockets.items[0].name, name); /* the port that the system chose */
    ck_assert_str_eq(sockets.items[0].unix_path, "");
    len = sizeof listening;
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len), 0);
    ck_assert_int_ne(listening, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

START_TEST(sockets_are_added_to_those_there)
{
    ck_assert_int_eq(bind_to("127.0.0.1:0"), NV_OK);
    ck_assert_int_eq(bind_to(" 127.0.0.1:0 , 127.0.0.1:0"), NV_OK);
    ck_assert_uint_eq(sockets.count, 3);
}
END_TEST

/* What was bound before the one that fails stays, for the caller to close. */
START_TEST(of_a_list_the_first_failure_ends_it)
{
    ck_assert_int_eq(bind_to("127.0.0.1:0,bad,127.0.0.1:0"), NV_ERR_CONFIG);
    ck_assert_uint_eq(sockets.count, 1);
    ck_assert_ptr_nonnull(strstr(fail.what, "bad"));
}
END_TEST

static void put_list(char *text, size_t size, unsigned count)
{
    size_t at = 0;
    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, size - at, "%s127.0.0.1:0", i > 0 ? "," : "");
}

START_TEST(as_many_as_there_is_room_for_and_one_more)
{
    char text[512];
    put_list(text, sizeof text, NV_LISTENER_SOCKETS_MAX);
    ck_assert_int_eq(bind_to(text), NV_OK);
    ck_assert_uint_eq(sockets.count, NV_LISTENER_SOCKETS_MAX);
    close_all();
    put_list(text, sizeof text, NV_LISTENER_SOCKETS_MAX + 1);
    ck_assert_int_eq(bind_to(text), NV_ERR_CONFIG);
    ck_assert_uint_le(sockets.count, NV_LISTENER_SOCKETS_MAX);
}
END_TEST

/* ---- Unix -------------------------------------------------------------------------------- */

START_TEST(the_file_of_a_unix_socket_goes_with_it)
{
    char text[100];
    struct stat info;
    (void)snprintf(text, sizeof text, "unix:%s/s", folder);
    ck_assert_int_eq(bind_to(text), NV_OK);
    ck_assert_str_eq(sockets.items[0].name, text);
    ck_assert_str_eq(sockets.items[0].unix_path, text + 5);
    ck_assert_int_eq(lstat(text + 5, &info), 0);
    ck_assert(S_ISSOCK(info.st_mode));
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    ck_assert_uint_eq(info.st_ino, sockets.items[0].unix_inode);
    close_all();
    ck_assert_int_ne(lstat(text + 5, &info), 0);
}
END_TEST

START_TEST(a_file_in_its_place_is_not_removed)
{
    char text[100];
    (void)snprintf(text, sizeof text, "unix:%s/s", folder);
    ck_assert_int_eq(bind_to(text), NV_OK);
    ck_assert_int_eq(unlink(text + 5), 0);
    int other = open(text + 5, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(other, 0);
    (void)close(other);
    close_all();
    ck_assert_int_eq(access(text + 5, F_OK), 0);
    ck_assert_int_eq(bind_to(text), NV_ERR_CONFIG); /* nor taken for a stale socket */
    ck_assert_ptr_nonnull(strstr(fail.what, "exists"));
    (void)unlink(text + 5);
}
END_TEST

START_TEST(a_path_as_long_as_the_system_takes_and_longer)
{
    char text[300];
    size_t room = 107; /* sun_path without its NUL */
    int len = snprintf(text, sizeof text, "unix:%s/", folder);
    memset(text + len, 'p', sizeof text - (size_t)len);
    text[5 + room] = '\0';
    ck_assert_int_eq(bind_to(text), NV_OK);
    close_all();
    text[5 + room] = 'p';
    text[5 + room + 1] = '\0';
    ck_assert_int_eq(bind_to(text), NV_ERR_CONFIG);
    ck_assert_uint_eq(sockets.count, 0);
}
END_TEST

/* ---- handed over ------------------------------------------------------------------------- */

START_TEST(a_descriptor_that_listens_is_taken_others_are_not)
{
    char text[32];
    int pair[2];
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(listen(listening, 5), 0);
    (void)snprintf(text, sizeof text, "fd:%d", listening);
    ck_assert_int_eq(bind_to(text), NV_OK);
    ck_assert_int_eq(sockets.items[0].fd, listening);
    close_all();
    ck_assert_int_eq(fcntl(listening, F_GETFD), -1); /* closed with the others */
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    (void)snprintf(text, sizeof text, "fd:%d", pair[0]);
    ck_assert_int_eq(bind_to(text), NV_ERR_CONFIG);
    ck_assert_int_ne(fcntl(pair[0], F_GETFD), -1); /* not ours: left open */
    (void)close(pair[0]);
    (void)close(pair[1]);
}
END_TEST

/* A listening socket at an address of its own as descriptor 3; what was there is kept. */
static int put_third(char text[64], int *kept)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(text, 64, "127.0.0.1:%u", ntohs(address.sin_port));
    *kept = fcntl(3, F_DUPFD_CLOEXEC, 10);
    if (fd == 3)
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    (void)dup2(fd,
               3); /* from here on nothing is asserted: it may have been the test's own pipe */
    return fd;
}

static void restore_third(int kept, int fd)
{
    (void)close(3);
    if (kept >= 0) {
        (void)dup2(kept, 3);
        (void)close(kept);
    }
    (void)close(fd);
    (void)unsetenv("LISTEN_FDS");
}

START_TEST(what_was_handed_over_and_not_taken_has_a_name)
{
    char text[64], name[NV_LISTENER_NAME_BYTES];
    int kept, from = 0;
    int fd = put_third(text, &kept);
    bool unasked = nv_listener_unclaimed(&from, name);
    (void)setenv("LISTEN_FDS", "1", 1);
    bool left = nv_listener_unclaimed(&from, name);
    bool named = left && strcmp(name, text) == 0;
    bool more = nv_listener_unclaimed(&from, name);
    enum nv_err taken = bind_to(text);
    from = 0;
    bool left_after = nv_listener_unclaimed(&from, name);
    close_all();
    restore_third(kept, fd);
    ck_assert(!unasked);
    ck_assert(named);
    ck_assert(!more);
    ck_assert_int_eq(taken, NV_OK);
    ck_assert(!left_after);
}
END_TEST

/* As listener_address.c has it. */
#define INHERITED_MAX 64

/* More than any unit has is no number to believe. */
START_TEST(as_many_as_may_be_handed_over_and_one_more)
{
    char text[64], name[NV_LISTENER_NAME_BYTES], count[16];
    bool left[2];
    int kept;
    int fd = put_third(text, &kept);
    for (int more = 0; more < 2; more++) {
        int from = 0;
        (void)snprintf(count, sizeof count, "%d", INHERITED_MAX + more);
        (void)setenv("LISTEN_FDS", count, 1);
        left[more] = nv_listener_unclaimed(&from, name);
    }
    restore_third(kept, fd);
    ck_assert(left[0]);
    ck_assert(!left[1]);
}
END_TEST

/* The socket of the unit has the port, at an address that the configuration has not. */
START_TEST(a_port_that_a_socket_handed_over_has_is_explained)
{
    char text[64];
    int kept;
    int fd = put_third(text, &kept);
    (void)setenv("LISTEN_FDS", "1", 1);
    char other[80];
    (void)snprintf(other, sizeof other, "0.0.0.0%s", strchr(text, ':'));
    enum nv_err err = bind_to(other);
    restore_third(kept, fd);
    ck_assert_int_eq(err, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "LISTEN_FDS"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net/listener_address");
    TCase *tcase = tcase_create("address");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_socket_is_bound_listens_and_has_its_name);
    tcase_add_test(tcase, sockets_are_added_to_those_there);
    tcase_add_test(tcase, of_a_list_the_first_failure_ends_it);
    tcase_add_test(tcase, as_many_as_there_is_room_for_and_one_more);
    tcase_add_test(tcase, the_file_of_a_unix_socket_goes_with_it);
    tcase_add_test(tcase, a_file_in_its_place_is_not_removed);
    tcase_add_test(tcase, a_path_as_long_as_the_system_takes_and_longer);
    tcase_add_test(tcase, a_descriptor_that_listens_is_taken_others_are_not);
    tcase_add_test(tcase, what_was_handed_over_and_not_taken_has_a_name);
    tcase_add_test(tcase, as_many_as_may_be_handed_over_and_one_more);
    tcase_add_test(tcase, a_port_that_a_socket_handed_over_has_is_explained);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
