/*
 * The player against a door that is a thread of the test: all captures come, in their order, each
 * a whole request; a door that refuses is told; it ends at once when it is asked to.
 */
#include "expect.h"
#include "listening.h"
#include "oom.h"

#include "gateway/demo/player.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define LINES_MAX 32

static struct {
    int fd;
    char address[NV_TEST_ADDRESS_SIZE];
    pthread_t thread;
    const char *answer;
    size_t requests;
} door;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char lines[LINES_MAX][200];
    size_t count;
} said = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Reads head and body by its Content-Length; false: nothing came. */
static bool read_request(int fd)
{
    static char text[1 << 20];
    size_t len = 0, wanted = SIZE_MAX;
    while (len < wanted) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (end && length) {
            uint64_t body = 0;
            struct nv_str rest = nv_str_from(length + 16);
            ck_assert_int_eq(
                nv_str_to_uint64(nv_str_slice(rest, 0, nv_str_find_char(rest, '\r')), &body),
                NV_OK);
            wanted = (size_t)(end + 4 - text) + body;
        }
    }
    return strncmp(text, "POST /v1/traces HTTP/1.1\r\n", 26) == 0;
}

static void *serve(void *unused)
{
    (void)unused;
    for (int fd; (fd = accept(door.fd, NULL, NULL)) >= 0; (void)close(fd)) {
        if (!read_request(fd))
            continue;
        door.requests++;
        (void)send(fd, door.answer, strlen(door.answer), MSG_NOSIGNAL);
    }
    return NULL;
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    (void)pthread_mutex_lock(&said.lock);
    ck_assert_uint_lt(said.count, LINES_MAX);
    (void)snprintf(said.lines[said.count++], sizeof said.lines[0], "%s", line);
    (void)pthread_cond_broadcast(&said.changed);
    (void)pthread_mutex_unlock(&said.lock);
}

static void wait_lines(size_t count)
{
    (void)pthread_mutex_lock(&said.lock);
    while (said.count < count)
        (void)pthread_cond_wait(&said.changed, &said.lock);
    (void)pthread_mutex_unlock(&said.lock);
}

static void open_door(void)
{
    door.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    door.requests = said.count = 0;
    door.fd = nv_test_listening(door.address);
    ck_assert_int_eq(pthread_create(&door.thread, NULL, serve, NULL), 0);
}

static void close_door(void)
{
    (void)shutdown(door.fd, SHUT_RDWR);
    (void)pthread_join(door.thread, NULL);
    (void)close(door.fd);
}

static struct nv_demo_player *start(unsigned pause_ms)
{
    struct nv_demo_player *player = NULL;
    struct nv_fail fail = {0};
    const struct nv_demo_config config = {
        .address = door.address, .pause_ms = pause_ms, .clock = nv_clock_system(), .said = say};
    ck_assert_int_eq(nv_demo_player_start(&config, &fail, &player), NV_OK);
    return player;
}

START_TEST(all_of_them_in_their_order)
{
    ck_assert_uint_eq(nv_demo_capture_count, 10);
    struct nv_demo_player *player = start(0);
    wait_lines(nv_demo_capture_count + 1);
    nv_demo_player_stop(player);
    ck_assert_uint_eq(door.requests, nv_demo_capture_count);
    for (size_t i = 0; i < nv_demo_capture_count; i++)
        ck_assert_ptr_nonnull(strstr(said.lines[i], nv_demo_captures[i].name));
    ck_assert_str_eq(said.lines[nv_demo_capture_count], "");
}
END_TEST

START_TEST(it_ends_when_it_is_asked_to)
{
    struct nv_demo_player *player = start(600000);
    wait_lines(1);
    nv_demo_player_stop(player);
    ck_assert_uint_eq(said.count, 1);
    nv_demo_player_stop(NULL);
}
END_TEST

START_TEST(a_door_that_refuses_or_is_none)
{
    struct nv_fail fail = {0};
    door.answer = "HTTP/1.1 503 No\r\n\r\n";
    ck_assert_int_eq(nv_demo_send(&nv_demo_captures[0], door.address, 1, &fail), NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fail.what, "503"));
    static const char *const none[] = {"127.0.0.1", "127.0.0.1:x", "localhost:1",
                                       "127.0.0.1:0"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ck_assert_int_eq(nv_demo_send(&nv_demo_captures[0], none[i], 1, NULL), NV_ERR_IO);
    const struct nv_demo_capture broken = {"x", (const unsigned char *)"xx", 2};
    ck_assert_int_eq(nv_demo_send(&broken, door.address, 1, NULL), NV_ERR_MALFORMED);
}
END_TEST

START_TEST(without_memory)
{
    struct nv_demo_player *player = NULL;
    struct nv_fail fail = {0};
    const struct nv_demo_config config = {
        .address = door.address, .clock = nv_clock_system(), .said = say};
    oom_fail_nth(1);
    enum nv_err err = nv_demo_player_start(&config, &fail, &player);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(player);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/demo/player");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, open_door, close_door);
    tcase_add_test(tcase, all_of_them_in_their_order);
    tcase_add_test(tcase, it_ends_when_it_is_asked_to);
    tcase_add_test(tcase, a_door_that_refuses_or_is_none);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
