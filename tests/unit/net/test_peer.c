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

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tcase = tcase_create("peer");
    tcase_add_test(tcase, an_address_is_a_client);
    tcase_add_test(tcase, a_socket_is_asked);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
