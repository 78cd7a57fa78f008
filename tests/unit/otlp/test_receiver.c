/*
 * The whole receiving stage with its threads: many clients, an acceptor that answers from a
 * thread of its own, reload while requests run, stopping and draining. Made for the thread
 * sanitizer.
 */
#include "expect.h"
#include "oom.h"

#include "otlp/receiver.h"

#include <assert.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define CLIENTS 6
#define REQUESTS 50
#define BODY                                                                                   \
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"                           \
    "\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\"}]}]}]}"

/* An acceptor that answers on a thread of its own, like the journal's writer. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct waiting {
        nv_accept_done *done;
        void *done_ctx;
    } queue[CLIENTS * 2];
    unsigned count;
    bool closed, held; /* held: nothing is answered */
    atomic_uint items;
    pthread_t thread;
} slow = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void slow_accept(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    atomic_fetch_add(&slow.items, batch->item_count);
    nv_batch_free(batch);
    pthread_mutex_lock(&slow.lock);
    assert(slow.count < CLIENTS * 2);
    slow.queue[slow.count++] = (struct waiting){done, done_ctx};
    pthread_cond_signal(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
}

static enum nv_err slow_admit(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return NV_OK;
}

static void *answer_all(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&slow.lock);
    while (!slow.closed || slow.count > 0) {
        if (slow.count == 0 || (slow.held && !slow.closed)) {
            pthread_cond_wait(&slow.changed, &slow.lock);
            continue;
        }
        struct waiting next = slow.queue[--slow.count];
        pthread_mutex_unlock(&slow.lock);
        next.done(next.done_ctx, NV_OK);
        pthread_mutex_lock(&slow.lock);
    }
    pthread_mutex_unlock(&slow.lock);
    return NULL;
}

static const struct nv_acceptor acceptor = {.accept = slow_accept, .admit = slow_admit};
static struct nv_receiver *receiver;

static void open_receiver(unsigned threads)
{
    struct nv_receiver_config config;
    struct nv_fail fail = {.code = NV_OK};
    nv_receiver_config_init(&config);
    config.http.listen = "127.0.0.1:0";
    config.grpc.listen = NULL;
    config.threads = threads;
    config.auth_token = "t";
    slow.closed = slow.held = false;
    atomic_store(&slow.items, 0);
    enum nv_err err = nv_receiver_new(&config, &acceptor, nv_clock_system(), &fail, &receiver);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    ck_assert_int_eq(nv_receiver_start(receiver), NV_OK);
    ck_assert_int_eq(pthread_create(&slow.thread, NULL, answer_all, NULL), 0);
}

static void close_acceptor(void)
{
    pthread_mutex_lock(&slow.lock);
    slow.closed = true;
    pthread_cond_broadcast(&slow.changed);
    pthread_mutex_unlock(&slow.lock);
    pthread_join(slow.thread, NULL);
}

static int connect_to_receiver(void)
{
    uint64_t port = 0;
    const char *name = nv_receiver_http_address(receiver, 0);
    if (nv_str_to_uint64(nv_str_from(strrchr(name, ':') + 1), &port) != NV_OK)
        return -1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_request(int fd)
{
    char request[512];
    int len = snprintf(request, sizeof request,
                       "POST /v1/traces HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n" BODY,
                       strlen(BODY));
    return send(fd, request, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Reads one reply; its status, 0 when the connection ended. */
static int read_reply(int fd)
{
    char text[1024] = "";
    size_t len = 0;
    while (len < sizeof text - 1 && !strstr(text, "\r\n\r\n{}")) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0)
            return 0;
        len += (size_t)got;
        text[len] = '\0';
    }
    return (int)strtol(text + strlen("HTTP/1.1 "), NULL, 10);
}

static void *run_client(void *ctx)
{
    atomic_uint *answered = ctx;
    int fd = connect_to_receiver();
    for (int i = 0; i < REQUESTS && fd >= 0; i++) {
        if (!send_request(fd) || read_reply(fd) != 200)
            break;
        atomic_fetch_add(answered, 1);
    }
    close(fd);
    return NULL;
}

START_TEST(many_clients_while_tokens_are_reloaded)
{
    pthread_t clients[CLIENTS];
    atomic_uint answered = 0;
    struct nv_http_status status;
    open_receiver(3);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_create(&clients[i], NULL, run_client, &answered), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(nv_receiver_reload(receiver, NULL), NV_OK);
        nv_receiver_http_status(receiver, &status);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    ck_assert_uint_eq(atomic_load(&answered), CLIENTS * REQUESTS);
    ck_assert_uint_eq(atomic_load(&slow.items), CLIENTS * REQUESTS);
    nv_receiver_stop_accepting(receiver);
    ck_assert(nv_receiver_drain(receiver, 5000));
    nv_receiver_http_status(receiver, &status);
    ck_assert_uint_eq(status.requests, CLIENTS * REQUESTS);
    ck_assert_uint_eq(status.connections, 0);
    close_acceptor();
    nv_receiver_free(receiver);
}
END_TEST

/* New connection whose request the acceptor holds while the receiver has stopped accepting. */
static int stop_while_one_is_held(void)
{
    struct nv_http_status status = {0};
    open_receiver(2);
    pthread_mutex_lock(&slow.lock);
    slow.held = true;
    pthread_mutex_unlock(&slow.lock);
    int fd = connect_to_receiver();
    ck_assert(send_request(fd));
    for (int i = 0; i < 5000 && status.exchanges == 0; i++) {
        nv_receiver_http_status(receiver, &status);
        usleep(1000);
    }
    nv_receiver_stop_accepting(receiver);
    return fd;
}

START_TEST(drain_waits_for_answers)
{
    int fd = stop_while_one_is_held();
    ck_assert_int_eq(connect_to_receiver(), -1);
    ck_assert(!nv_receiver_drain(receiver, 1)); /* not answered in that time */
    close_acceptor();                           /* answers into the void */
    nv_receiver_free(receiver);
    ck_assert_int_eq(read_reply(fd), 0);
    close(fd);
}
END_TEST

START_TEST(answer_during_the_drain_arrives)
{
    int fd = stop_while_one_is_held();
    close_acceptor(); /* answers what it holds */
    ck_assert_int_eq(read_reply(fd), 200);
    close(fd);
    ck_assert(nv_receiver_drain(receiver, 5000));
    nv_receiver_free(receiver);
}
END_TEST

/* As receiver.c has it. */
#define THREADS_MAX 64

static unsigned threads_of_this_process(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    for (const struct dirent *task; (task = readdir(tasks)) != NULL;)
        count += task->d_name[0] != '.';
    (void)closedir(tasks);
    return count;
}

START_TEST(as_many_threads_as_there_may_be_and_no_more)
{
    for (unsigned more = 0; more < 2; more++) {
        const unsigned before = threads_of_this_process();
        open_receiver(THREADS_MAX + more);
        ck_assert_uint_eq(threads_of_this_process() - before, THREADS_MAX + 1); /* answer_all */
        int fd = connect_to_receiver();
        ck_assert(send_request(fd));
        ck_assert_int_eq(read_reply(fd), 200);
        close(fd);
        nv_receiver_stop_accepting(receiver);
        ck_assert(nv_receiver_drain(receiver, 5000));
        close_acceptor();
        nv_receiver_free(receiver);
    }
}
END_TEST

START_TEST(configurations_that_are_refused)
{
    static const struct {
        const char *listen, *tokens, *origins, *cert, *part;
    } table[] = {
        {"nonsense", NULL, NULL, NULL, "nonsense"},
        {"127.0.0.1:0", "/nonexistent", NULL, NULL, "tokens_file"},
        {"127.0.0.1:0", NULL, "nowhere", NULL, "allowed_origins"},
        {"127.0.0.1:0", NULL, NULL, "/nonexistent", "key_file"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct nv_receiver_config config;
        struct nv_fail fail = {.code = NV_OK};
        nv_receiver_config_init(&config);
        config.grpc.listen = "";
        config.http.listen = table[i].listen;
        config.auth_tokens_file = table[i].tokens;
        config.cors_allowed_origins = table[i].origins;
        config.http.tls.cert_file = table[i].cert;
        receiver = NULL;
        ck_assert_int_eq(
            nv_receiver_new(&config, &acceptor, nv_clock_system(), &fail, &receiver),
            NV_ERR_CONFIG);
        ck_assert_msg(strstr(fail.what, table[i].part) != NULL, "%s", fail.what);
        ck_assert_ptr_null(receiver);
    }
}
END_TEST

START_TEST(off_when_no_address_is_given)
{
    struct nv_receiver_config config;
    nv_receiver_config_init(&config);
    ck_assert_str_eq(config.http.listen, "127.0.0.1:4318");
    ck_assert_str_eq(config.grpc.listen, "127.0.0.1:4317");
    config.http.listen = config.grpc.listen = NULL;
    ck_assert_int_eq(nv_receiver_new(&config, &acceptor, nv_clock_system(), NULL, &receiver),
                     NV_OK);
    ck_assert_uint_eq(nv_receiver_http_addresses(receiver), 0);
    ck_assert_uint_eq(nv_receiver_grpc_addresses(receiver), 0);
    ck_assert_int_eq(nv_receiver_start(receiver), NV_OK);
    nv_receiver_stop_accepting(receiver);
    ck_assert(nv_receiver_drain(receiver, 0));
    nv_receiver_free(receiver);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_receiver_config config;
    nv_receiver_config_init(&config);
    config.http.listen = "127.0.0.1:0";
    config.grpc.listen = NULL;
    config.cors_allowed_origins = "*";
    config.threads = 2;
    for (unsigned long n = 1;; n++) {
        receiver = NULL;
        oom_fail_nth(n);
        enum nv_err err =
            nv_receiver_new(&config, &acceptor, nv_clock_system(), NULL, &receiver);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_receiver_free(receiver);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("receiver");
    TCase *tcase = tcase_create("receiver");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, many_clients_while_tokens_are_reloaded);
    tcase_add_test(tcase, drain_waits_for_answers);
    tcase_add_test(tcase, answer_during_the_drain_arrives);
    tcase_add_test(tcase, as_many_threads_as_there_may_be_and_no_more);
    tcase_add_test(tcase, configurations_that_are_refused);
    tcase_add_test(tcase, off_when_no_address_is_given);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
