/*
 * The kernel chooses the port, so that tests may run side by side.
 */
#include "listening.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/banned.h"

int nv_test_listening(char address[NV_TEST_ADDRESS_SIZE])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    (void)snprintf(address, NV_TEST_ADDRESS_SIZE, "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
    return fd;
}
