/*
 * A listener and a thread: take a connection, read its head and what body it names, write the
 * next answer, close. The connection past the last answer is held open until the kit closes: that
 * is how the API waits for the next event.
 */
#include "lambda_kit.h"

#include "expect.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t body_length(const char *head)
{
    const char *found = strstr(head, "Content-Length: ");
    return found ? (size_t)strtoul(found + 16, NULL, 10) : 0;
}

static void read_request(int fd, char *text, size_t size)
{
    size_t len = 0;
    const char *end = NULL;
    text[0] = '\0';
    while (len + 1 < size) {
        ssize_t got = recv(fd, text + len, size - 1 - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (end && len >= (size_t)(end + 4 - text) + body_length(text))
            return;
    }
}

static void *serve(void *arg)
{
    struct lambda_kit *kit = arg;
    int held = -1;
    for (;;) {
        int fd = accept4(kit->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        const char *answer = kit->answers[kit->count];
        if (!answer) {
            held = fd; /* until the kit closes */
            continue;
        }
        read_request(fd, kit->asked[kit->count], sizeof kit->asked[0]);
        (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
        kit->count++;
    }
    if (held >= 0)
        (void)close(held);
    return NULL;
}

void lambda_kit_open(struct lambda_kit *kit, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *kit = (struct lambda_kit){.answers = answers};
    kit->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(kit->listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(kit->listener, 8), 0);
    ck_assert_int_eq(getsockname(kit->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(kit->address, sizeof kit->address, "127.0.0.1:%u", ntohs(address.sin_port));
    ck_assert_int_eq(pthread_create(&kit->thread, NULL, serve, kit), 0);
}

void lambda_kit_close(struct lambda_kit *kit)
{
    (void)shutdown(kit->listener, SHUT_RDWR);
    (void)pthread_join(kit->thread, NULL);
    (void)close(kit->listener);
}
