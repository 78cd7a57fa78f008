/*
 * One client is one address, whatever its port, and IPv6 as what one customer has of it.
 */
#include "expect.h"
#include "net/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static uint64_t v4(const char *text, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    ck_assert_int_eq(inet_pton(AF_INET, text, &in.sin_addr), 1);
    return nv_peer_of_address((const struct sockaddr *)&in);
}

static uint64_t v6(const char *text, uint16_t port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    ck_assert_int_eq(inet_pton(AF_INET6, text, &in.sin6_addr), 1);
    return nv_peer_of_address((const struct sockaddr *)&in);
}

START_TEST(an_address_is_a_client)
{
    ck_assert_uint_eq(v4("10.0.0.1", 1), v4("10.0.0.1", 2));
    ck_assert_uint_ne(v4("10.0.0.1", 1), v4("10.0.0.2", 1));
    ck_assert_uint_ne(v4("10.0.0.1", 1), 0);
    ck_assert_uint_eq(v6("::ffff:10.0.0.1", 1), v4("10.0.0.1", 2));
    ck_assert_uint_eq(v6("2001:db8:0:1::1", 1), v6("2001:db8:0:1:ffff::2", 2));
    ck_assert_uint_ne(v6("2001:db8:0:1::1", 1), v6("2001:db8:0:2::1", 1));
}
END_TEST

START_TEST(a_socket_is_asked)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_uint_ne(nv_peer_of(pair[0]), 0);
    ck_assert_uint_eq(nv_peer_of(pair[0]), nv_peer_of(pair[1]));
    close(pair[0]);
    close(pair[1]);
    ck_assert_uint_eq(nv_peer_of(-1), 0);
    struct sockaddr other = {.sa_family = AF_UNSPEC};
    ck_assert_uint_eq(nv_peer_of_address(&other), 0);
}
END_TEST

static int tcp(const char *address, int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr_in in = {.sin_family = AF_INET};
    (void)inet_pton(AF_INET, address, &in.sin_addr);
    (void)inet_pton(AF_INET6, address, &in6.sin6_addr);
    const struct sockaddr *any =
        family == AF_INET ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;
    socklen_t len = family == AF_INET ? sizeof in : sizeof in6;
    if (fd < 0 || bind(fd, any, len) != 0 || listen(fd, 1) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What the accepting side says of the other. */
static void check_text(const char *address, int family, const char *begins)
{
    char text[NV_PEER_TEXT_SIZE];
    struct sockaddr_storage where;
    socklen_t len = sizeof where;
    int listening = tcp(address, family);
    if (listening < 0)
        return; /* a machine without IPv6 */
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&where, &len), 0);
    int client = socket(family, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&where, len), 0);
    int fd = accept(listening, NULL, NULL);
    ck_assert(nv_str_starts(nv_peer_text(fd, text), nv_str_from(begins)));
    ck_assert_uint_gt(strlen(text), strlen(begins));
    close(fd);
    close(client);
    close(listening);
}

START_TEST(people_read_an_address_and_a_port)
{
    char text[NV_PEER_TEXT_SIZE];
    int pair[2];
    check_text("127.0.0.1", AF_INET, "127.0.0.1:");
    check_text("::1", AF_INET6, "[::1]:");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert(nv_str_eq(nv_peer_text(pair[0], text), NV_STR("a Unix socket")));
    close(pair[0]);
    close(pair[1]);
    ck_assert_uint_eq(nv_peer_text(-1, text).len, 0);
}
END_TEST

START_TEST(an_address_of_no_network_has_no_text)
{
    char text[NV_PEER_TEXT_SIZE];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4318)};
    const struct sockaddr other = {.sa_family = AF_UNIX};
    in.sin_addr.s_addr = htonl(0x0a000001);
    ck_assert(nv_str_eq(nv_peer_address_text((const struct sockaddr *)&in, text),
                        NV_STR("10.0.0.1:4318")));
    ck_assert_uint_eq(nv_peer_address_text(&other, text).len, 0);
    ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tcase = tcase_create("peer");
    tcase_add_test(tcase, an_address_is_a_client);
    tcase_add_test(tcase, a_socket_is_asked);
    tcase_add_test(tcase, an_address_of_no_network_has_no_text);
    tcase_add_test(tcase, people_read_an_address_and_a_port);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
