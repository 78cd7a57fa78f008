/*
 * The gRPC server on real sockets and threads: connections, answers of other threads, stopping.
 *
 * What calls mean is tested in test_otlp_grpc.c, the protocol in test_grpc_session.c. The
 * client here is a blocking socket and frames by hand; it only counts what ends its streams.
 */
#include "otlp/grpc/grpc_server.h"

#include "expect.h"
#include "oom.h"
#include "grpc_rig.h"
#include "otlp_build.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define TRACES "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define CALLS_MAX 256

/* ---- an acceptor with a thread of its own ------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct {
        nv_accept_done *done;
        void *ctx;
    } waiting[CALLS_MAX];
    unsigned count;
    bool hold, stop;
    atomic_uint items;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void fake_accept(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    atomic_fetch_add(&fake.items, batch->item_count);
    nv_batch_free(batch);
    pthread_mutex_lock(&fake.lock);
    fake.waiting[fake.count].done = done;
    fake.waiting[fake.count++].ctx = done_ctx;
    pthread_cond_signal(&fake.wake);
    pthread_mutex_unlock(&fake.lock);
}

static enum nv_err fake_admit(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return NV_OK;
}

static void *answer_all(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&fake.lock);
    for (;;) {
        while (!fake.stop && (fake.hold || fake.count == 0))
            pthread_cond_wait(&fake.wake, &fake.lock);
        if (fake.count == 0)
            break;
        unsigned last = --fake.count;
        nv_accept_done *done = fake.waiting[last].done;
        void *ctx = fake.waiting[last].ctx;
        pthread_mutex_unlock(&fake.lock);
        done(ctx, NV_OK);
        pthread_mutex_lock(&fake.lock);
    }
    pthread_mutex_unlock(&fake.lock);
    return NULL;
}

static void hold(bool on)
{
    pthread_mutex_lock(&fake.lock);
    fake.hold = on;
    pthread_cond_signal(&fake.wake);
    pthread_mutex_unlock(&fake.lock);
}

static unsigned held(void)
{
    pthread_mutex_lock(&fake.lock);
    unsigned count = fake.count;
    pthread_mutex_unlock(&fake.lock);
    return count;
}

/* ---- the server -------------------------------------------------------------------------- */

static const struct nv_acceptor acceptor = {.accept = fake_accept, .admit = fake_admit};
static struct nv_loops loops;
static struct nv_auth *auth;
static struct nv_grpc_server *server;
static int port;

static void start(const struct nv_grpc_limits *limits)
{
    struct nv_grpc_server_config config = {
        .listener.addresses = "127.0.0.1:0", .limits = *limits, .acceptor = &acceptor};
    struct nv_fail fail = {0};
    fake.count = 0;
    fake.hold = fake.stop = false;
    atomic_store(&fake.items, 0);
    ck_assert_int_eq(pthread_create(&fake.thread, NULL, answer_all, NULL), 0);
    ck_assert_int_eq(nv_auth_new(NULL, NULL, NULL, &auth), NV_OK);
    config.auth = auth;
    ck_assert_int_eq(nv_loops_init(&loops, 2, nv_clock_system()), NV_OK);
    ck_assert_int_eq(nv_grpc_server_new(&config, &loops, &fail, &server), NV_OK);
    ck_assert_int_eq(nv_loops_start(&loops), NV_OK);
    const char *address = nv_listener_address(nv_grpc_server_listener(server), 0);
    port = (int)strtol(strrchr(address, ':') + 1, NULL, 10);
}

static void set_up(void)
{
    struct nv_grpc_limits limits;
    nv_grpc_limits_init(&limits);
    start(&limits);
}

static void tear_down(void)
{
    nv_grpc_server_stop_accepting(server);
    hold(false);
    (void)nv_grpc_server_drain(server, 5000);
    pthread_mutex_lock(&fake.lock);
    fake.stop = true;
    pthread_cond_signal(&fake.wake);
    pthread_mutex_unlock(&fake.lock);
    pthread_join(fake.thread, NULL);
    nv_loops_stop(&loops);
    nv_grpc_server_free(server);
    nv_auth_free(auth);
    nv_loops_release(&loops);
}

static struct nv_grpc_status status(void)
{
    struct nv_grpc_status now;
    nv_grpc_server_status(server, &now);
    return now;
}

/* ---- the client -------------------------------------------------------------------------- */

/* `window`: bytes the kernel may receive before they are read, roughly; 0: as usual. */
static int dial_with(int window)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {20, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    if (window > 0)
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int dial(void)
{
    return dial_with(0);
}

static void send_all(int fd, struct nv_str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        ck_assert_int_gt(sent, 0);
        bytes = nv_str_slice(bytes, (size_t)sent, SIZE_MAX);
    }
}

static void greet(int fd)
{
    send_all(fd, GRPC_RIG_GREETING);
}

static bool receive(int fd, void *bytes, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t got = recv(fd, (char *)bytes + have, len - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

/* Reads frames until `ends` streams have ended with headers, or the connection is closed. */
static unsigned read_ends(int fd, unsigned ends, unsigned *goaways)
{
    unsigned ended = 0;
    while (ended < ends) {
        uint8_t head[9];
        uint8_t payload[16384];
        if (!receive(fd, head, sizeof head))
            break;
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        ck_assert_uint_le(len, sizeof payload);
        if (!receive(fd, payload, len))
            break;
        ended += head[3] == 1 && (head[4] & 1) != 0;
        if (goaways)
            *goaways += head[3] == 7;
    }
    return ended;
}

static void call_n(int fd, unsigned calls)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < calls; i++)
        grpc_rig_put_call(&buf, 2 * i + 1, TRACES, nv_test_view(&request));
    send_all(fd, nv_buf_str(&buf));
    nv_buf_release(&buf);
}

/* ---- tests ------------------------------------------------------------------------------- */

START_TEST(calls_are_answered)
{
    int fd = dial();
    greet(fd);
    call_n(fd, 50);
    ck_assert_uint_eq(read_ends(fd, 50, NULL), 50);
    ck_assert_uint_eq(atomic_load(&fake.items), 50);
    ck_assert_uint_eq(status().requests, 50);
    ck_assert_uint_eq(status().accepted, 1);
    close(fd);
}
END_TEST

static void *one_client(void *arg)
{
    int fd = dial();
    (void)arg;
    greet(fd);
    call_n(fd, 20);
    unsigned ended = read_ends(fd, 20, NULL);
    close(fd);
    return ended == 20 ? NULL : arg; /* anything but NULL: failed */
}

START_TEST(many_connections_at_once)
{
    pthread_t clients[8];
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&clients[i], NULL, one_client, &fake), 0);
    for (size_t i = 0; i < 8; i++) {
        void *failed;
        pthread_join(clients[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_uint_eq(atomic_load(&fake.items), 160);
}
END_TEST

static void wait_until(bool (*done)(void))
{
    for (int i = 0; i < 10000 && !done(); i++)
        usleep(1000);
    ck_assert(done());
}

static bool five_held(void)
{
    return held() == 5;
}

static bool hundred_held(void)
{
    return held() == 100;
}

static bool one_connected(void)
{
    return status().connections == 1;
}

static bool two_hundred_held(void)
{
    return held() == 200;
}

static bool all_closed(void)
{
    return status().connections == 0;
}

/* The client goes away while the acceptor still has its calls. */
START_TEST(client_gone)
{
    int fd = dial();
    hold(true);
    greet(fd);
    call_n(fd, 5);
    wait_until(five_held);
    close(fd);
    wait_until(all_closed);
    ck_assert_uint_eq(status().calls, 5);
    hold(false);
}
END_TEST

START_TEST(P08_stop_answers_what_has_begun)
{
    int busy = dial();
    int idle = dial();
    unsigned goaways = 0;
    hold(true);
    greet(busy);
    greet(idle);
    call_n(busy, 5);
    wait_until(five_held);
    nv_grpc_server_stop_accepting(server);
    hold(false);
    ck_assert_uint_eq(read_ends(busy, 5, &goaways), 5);
    ck_assert_uint_ge(goaways, 1);
    ck_assert(nv_grpc_server_drain(server, 20000));
    goaways = 0;
    ck_assert_uint_eq(read_ends(idle, 1, &goaways), 0);
    ck_assert_uint_ge(goaways, 1);
    close(busy);
    close(idle);
}
END_TEST

/* The acceptor's thread writes answers while the loops look at the same calls to shut down. */
START_TEST(stop_while_answers_come)
{
    int fds[4];
    for (int round = 0; round < 4; round++) {
        unsigned goaways = 0;
        hold(true);
        for (int i = 0; i < 4; i++) {
            fds[i] = dial();
            greet(fds[i]);
            call_n(fds[i], 50);
        }
        wait_until(two_hundred_held);
        hold(false);
        nv_grpc_server_stop_accepting(server);
        for (int i = 0; i < 4; i++) {
            ck_assert_uint_eq(read_ends(fds[i], 50, &goaways), 50);
            close(fds[i]);
        }
        ck_assert(nv_grpc_server_drain(server, 20000));
        tear_down();
        set_up();
    }
}
END_TEST

static bool none_open(void)
{
    return status().calls == 0;
}

/*
 * What a client still says when all is answered must not make the kernel reset the connection:
 * the answers it has yet to receive would be gone, though what they answer was taken.
 */
START_TEST(stop_waits_for_answers_to_arrive)
{
    struct nv_buf ping;
    unsigned goaways = 0;
    int fd = dial_with(1);
    nv_buf_init(&ping, 100);
    grpc_rig_put_frame(&ping, 6, 0, 0, NV_STR("12345678"));
    hold(true);
    greet(fd);
    call_n(fd, 100);
    wait_until(hundred_held);
    nv_grpc_server_stop_accepting(server);
    hold(false);
    wait_until(none_open);
    for (int i = 0; i < 200 && status().connections > 0; i++)
        usleep(1000);
    send_all(fd, nv_buf_str(&ping));
    ck_assert_uint_eq(read_ends(fd, 100, &goaways), 100);
    close(fd);
    wait_until(all_closed);
    nv_buf_release(&ping);
}
END_TEST

/* One that stays when all is said is let go after a while. */
START_TEST(stop_does_not_wait_for_ever)
{
    char bytes[100];
    int fd = dial();
    greet(fd);
    wait_until(one_connected);
    nv_grpc_server_stop_accepting(server);
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    wait_until(all_closed);
    ck_assert_uint_eq(status().timeouts, 0);
    close(fd);
}
END_TEST

START_TEST(idle_connections_make_room)
{
    struct nv_grpc_limits limits;
    unsigned answered = 0;
    tear_down();
    nv_grpc_limits_init(&limits);
    limits.connections_max = 3;
    start(&limits);
    int fds[6];
    for (int i = 0; i < 6; i++) {
        fds[i] = dial();
        greet(fds[i]);
        call_n(fds[i], 1);
        answered += read_ends(fds[i], 1, NULL);
    }
    ck_assert_uint_eq(answered, 6);
    ck_assert_uint_le(status().connections, 3);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}
END_TEST

START_TEST(not_http2_is_closed)
{
    char bytes[100];
    int fd = dial();
    send_all(fd, NV_STR("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    close(fd);
    wait_until(all_closed);
}
END_TEST

START_TEST(silent_connection_is_closed)
{
    struct nv_grpc_limits limits;
    char bytes[100];
    tear_down();
    nv_grpc_limits_init(&limits);
    limits.handshake_timeout_ms = 200;
    start(&limits);
    int fd = dial();
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    close(fd);
    wait_until(all_closed);
    ck_assert_uint_eq(status().timeouts, 1);
}
END_TEST

START_TEST(bad_configuration)
{
    struct nv_grpc_server_config config = {.listener.addresses = "nonsense",
                                           .acceptor = &acceptor};
    struct nv_fail fail = {0};
    struct nv_loops others;
    struct nv_grpc_server *none = NULL;
    nv_grpc_limits_init(&config.limits);
    ck_assert_int_eq(nv_loops_init(&others, 1, nv_clock_system()), NV_OK);
    ck_assert_int_eq(nv_grpc_server_new(&config, &others, &fail, &none), NV_ERR_CONFIG);
    config.listener.addresses = "127.0.0.1:0";
    config.tls.cert_file = config.tls.key_file = "/nonexistent.pem";
    ck_assert_int_eq(nv_grpc_server_new(&config, &others, &fail, &none), NV_ERR_CONFIG);
    ck_assert_ptr_null(none);
    nv_loops_release(&others);
    nv_grpc_server_free(NULL);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_grpc_server_config config = {
        .listener.addresses = "127.0.0.1:0", .acceptor = &acceptor, .auth = auth};
    nv_grpc_limits_init(&config.limits);
    for (unsigned long n = 1;; n++) {
        struct nv_loops others;
        struct nv_fail fail = {0};
        struct nv_grpc_server *second = NULL;
        ck_assert_int_eq(nv_loops_init(&others, 1, nv_clock_system()), NV_OK);
        oom_fail_nth(n);
        enum nv_err err = nv_grpc_server_new(&config, &others, &fail, &second);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_int_eq(second == NULL, failed);
        nv_grpc_server_free(second);
        nv_loops_release(&others);
        if (!failed) {
            ck_assert_uint_gt(n, 3);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/grpc_server");
    TCase *tc = tcase_create("grpc_server");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, calls_are_answered);
    tcase_add_test(tc, many_connections_at_once);
    tcase_add_test(tc, client_gone);
    tcase_add_test(tc, P08_stop_answers_what_has_begun);
    tcase_add_test(tc, stop_while_answers_come);
    tcase_add_test(tc, stop_waits_for_answers_to_arrive);
    tcase_add_test(tc, stop_does_not_wait_for_ever);
    tcase_add_test(tc, idle_connections_make_room);
    tcase_add_test(tc, not_http2_is_closed);
    tcase_add_test(tc, silent_connection_is_closed);
    tcase_add_test(tc, bad_configuration);
    tcase_add_test(tc, every_allocation_failing_once);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
