/*
 * What servers share, with a protocol that does nothing: a connection is a descriptor in a
 * list. Accepting up to the cap, making room, stopping once and after the queue, draining,
 * releasing from every state; with loops that the test turns and with loops that have threads.
 */
#include "expect.h"
#include "oom.h"

#include "net/server.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define FDS_MAX 16
#define LOOPS 3

/* ---- a protocol -------------------------------------------------------------------------- */

struct part {
    struct nv_server_part base;
    int fds[FDS_MAX];
    unsigned count, ticks, stops, closes;
    bool elsewhere; /* an action ran on a thread that was not the loop's */
};

static bool may_spare;
static atomic_size_t requests;

static struct part *part_of(struct nv_server_part *base)
{
    struct part *part = NV_CONTAINER(base, struct part, base);
    part->elsewhere = part->elsewhere || !nv_loop_is_current(base->loop);
    return part;
}

static void on_tick(struct nv_server_part *base, uint64_t now_ns)
{
    (void)now_ns;
    part_of(base)->ticks++;
}

static void close_first(struct part *part)
{
    close(part->fds[0]);
    part->count--;
    memmove(part->fds, part->fds + 1, part->count * sizeof part->fds[0]);
    atomic_fetch_sub(&part->base.server->connections, 1);
}

static bool on_make_room(struct nv_server_part *base)
{
    struct part *part = part_of(base);
    if (!may_spare || part->count == 0)
        return false;
    close_first(part);
    return true;
}

static void on_open(struct nv_server_part *base, int fd)
{
    struct part *part = part_of(base);
    ck_assert_uint_lt(part->count, FDS_MAX);
    part->fds[part->count++] = fd;
    atomic_fetch_add(&base->server->connections, 1);
}

static void on_stop(struct nv_server_part *base)
{
    part_of(base)->stops++;
}

static void on_close(struct nv_server_part *base)
{
    struct part *part = part_of(base);
    part->closes++;
    while (part->count > 0)
        close_first(part);
}

static const struct nv_server_actions actions = {
    .part_bytes = sizeof(struct part),
    .tick = on_tick,
    .make_room = on_make_room,
    .open = on_open,
    .stop = on_stop,
    .close = on_close,
};

/* ---- a server of it ---------------------------------------------------------------------- */

static struct nv_server server;
static struct nv_loops loops;

static enum nv_err try_open(const char *address, const char *cert, size_t connections_max)
{
    struct nv_listener_config listener = {.addresses = address};
    struct nv_tls_files tls = {.cert_file = cert, .key_file = cert};
    struct nv_server_config config = {.actions = &actions,
                                      .listener = &listener,
                                      .tls = &tls,
                                      .alpn = "h2",
                                      .connections_max = connections_max};
    struct nv_fail fail = {.code = NV_OK};
    memset(&server, 0, sizeof server);
    may_spare = true;
    atomic_store(&requests, 0);
    return nv_server_open(&server, &config, &loops, &fail);
}

static void open_on(unsigned loop_count, size_t connections_max)
{
    ck_assert_int_eq(nv_loops_init(&loops, loop_count, nv_clock_system()), NV_OK);
    ck_assert_int_eq(try_open("127.0.0.1:0", NULL, connections_max), NV_OK);
    ck_assert_uint_eq(server.part_count, loop_count);
}

static struct part *part(unsigned i)
{
    return NV_CONTAINER(server.parts[i], struct part, base);
}

static void release(void)
{
    nv_loops_stop(&loops);
    nv_server_release(&server);
    ck_assert_ptr_null(server.parts);
    nv_loops_release(&loops);
}

static void turn(void)
{
    for (int n = 0; n < 8; n++) {
        for (unsigned i = 0; i < loops.count; i++)
            nv_loop_turn(loops.items[i]);
    }
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *name = nv_listener_address(server.listener, 0);
    to.sin_port = htons((uint16_t)strtol(strrchr(name, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void hang_up(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static size_t connections(void)
{
    return atomic_load(&server.connections);
}

/* ---- tests ------------------------------------------------------------------------------- */

START_TEST(connections_come_up_to_the_cap)
{
    int fds[4];
    open_on(1, 2);
    for (int i = 0; i < 2; i++)
        fds[i] = dial();
    turn();
    ck_assert_uint_eq(connections(), 2);
    ck_assert_uint_eq(atomic_load(&server.refused_connections), 0);

    fds[2] = dial(); /* one makes room */
    turn();
    ck_assert_uint_eq(connections(), 2);
    ck_assert_uint_eq(atomic_load(&server.accepted), 3);
    ck_assert_uint_eq(atomic_load(&server.refused_connections), 1);

    may_spare = false;
    fds[3] = dial(); /* waits in the queue */
    turn();
    ck_assert_uint_eq(atomic_load(&server.accepted), 3);
    may_spare = true;
    nv_loop_tick_now(loops.items[0]);
    turn();
    ck_assert_uint_eq(atomic_load(&server.accepted), 4);
    ck_assert_uint_eq(connections(), 2);
    hang_up(fds, 4);
    release();
}
END_TEST

START_TEST(without_descriptors_the_refused_are_counted)
{
    struct rlimit before, tight;
    open_on(1, 10);
    int fd = dial();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(0); /* no number below it is free */
    close(next);
    tight = before;
    tight.rlim_cur = (rlim_t)next;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    turn();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_uint_eq(atomic_load(&server.accepted), 0);
    ck_assert_uint_eq(atomic_load(&server.refused_connections), 1);
    close(fd);
    release();
}
END_TEST

START_TEST(ticks_reach_each_part)
{
    open_on(LOOPS, 10);
    for (unsigned i = 0; i < LOOPS; i++) {
        for (unsigned n = 0; n <= i; n++)
            nv_loop_tick_now(loops.items[i]);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        ck_assert_uint_eq(part(i)->ticks, i + 1);
    release();
}
END_TEST

START_TEST(stop_takes_the_queue_first_and_is_done_once)
{
    int fds[3];
    open_on(1, 10);
    for (int i = 0; i < 3; i++)
        fds[i] = dial(); /* none is accepted yet */
    nv_server_stop(&server);
    ck_assert_uint_eq(connections(), 3);
    ck_assert(atomic_load(&server.stopping));
    nv_server_stop(&server);
    ck_assert_uint_eq(part(0)->stops, 1);
    hang_up(fds, 3);
    release();
}
END_TEST

START_TEST(drain_closes_what_is_left_and_says_whether_all_was_answered)
{
    static const struct {
        size_t requests;
        bool answered;
    } table[] = {{0, true}, {1, false}};
    int fd;
    open_on(1, 10);
    fd = dial();
    turn();
    nv_server_stop(&server);
    atomic_store(&requests, table[_i].requests);
    ck_assert_int_eq(nv_server_drain(&server, 10, &requests), table[_i].answered);
    ck_assert_uint_eq(connections(), 0);
    ck_assert_uint_eq(part(0)->closes, 1);
    close(fd);
    release();
}
END_TEST

START_TEST(actions_run_on_the_threads_of_their_loops)
{
    int fds[6];
    char byte;
    open_on(LOOPS, 10);
    ck_assert_int_eq(nv_loops_start(&loops), NV_OK);
    for (int i = 0; i < 6; i++)
        fds[i] = dial();
    nv_server_stop(&server); /* also takes those that no loop has accepted yet */
    ck_assert_uint_eq(atomic_load(&server.accepted), 6);
    ck_assert(nv_server_drain(&server, 0, &requests));
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(recv(fds[i], &byte, 1, 0), 0);
    for (unsigned i = 0; i < LOOPS; i++) {
        ck_assert_uint_eq(part(i)->stops, 1);
        ck_assert_uint_eq(part(i)->closes, 1);
        ck_assert(!part(i)->elsewhere);
    }
    hang_up(fds, 6);
    release();
}
END_TEST

START_TEST(room_is_what_descriptors_leave)
{
    static const struct {
        rlim_t limit;
        size_t reserved, room;
    } table[] = {
        {64, 40, 16}, {64, 60, 4}, {64, 100, 4}, {256, 40, 184}, {256, 0, 224}, {256, 143, 81},
    };
    struct rlimit before, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = table[_i].limit;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t room = nv_server_room(table[_i].reserved);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_uint_eq(room, table[_i].room);
}
END_TEST

START_TEST(release_without_stop)
{
    int fd;
    open_on(1, 10);
    fd = dial();
    turn();
    release();
    ck_assert_uint_eq(connections(), 0);
    close(fd);
}
END_TEST

START_TEST(bad_configuration)
{
    ck_assert_int_eq(nv_loops_init(&loops, 1, nv_clock_system()), NV_OK);
    ck_assert_int_eq(try_open("nonsense", NULL, 1), NV_ERR_CONFIG);
    nv_server_release(&server);
    ck_assert_int_eq(try_open("127.0.0.1:0", "/nonexistent.pem", 1), NV_ERR_CONFIG);
    nv_server_release(&server);
    nv_loop_tick_now(loops.items[0]); /* nothing was left behind on the loop */
    nv_loops_release(&loops);
}
END_TEST

START_TEST(reload_without_tls_does_nothing)
{
    struct nv_fail fail = {.code = NV_OK};
    open_on(1, 10);
    ck_assert_int_eq(nv_server_reload(&server, &fail), NV_OK);
    release();
}
END_TEST

START_TEST(no_memory)
{
    for (unsigned long n = 1;; n++) {
        ck_assert_int_eq(nv_loops_init(&loops, 2, nv_clock_system()), NV_OK);
        oom_fail_nth(n);
        enum nv_err err = try_open("127.0.0.1:0", NULL, 10);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_loop_tick_now(loops.items[0]);
        release();
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/server");
    TCase *tc = tcase_create("server");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, connections_come_up_to_the_cap);
    tcase_add_test(tc, without_descriptors_the_refused_are_counted);
    tcase_add_test(tc, ticks_reach_each_part);
    tcase_add_test(tc, stop_takes_the_queue_first_and_is_done_once);
    tcase_add_loop_test(tc, drain_closes_what_is_left_and_says_whether_all_was_answered, 0, 2);
    tcase_add_test(tc, actions_run_on_the_threads_of_their_loops);
    tcase_add_loop_test(tc, room_is_what_descriptors_leave, 0, 6);
    tcase_add_test(tc, release_without_stop);
    tcase_add_test(tc, bad_configuration);
    tcase_add_test(tc, reload_without_tls_does_nothing);
    tcase_add_test(tc, no_memory);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
