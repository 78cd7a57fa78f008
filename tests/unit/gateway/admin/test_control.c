/*
 * The control socket: questions over it and what comes back, who may reach it, and peers that
 * are no gateway.
 */
#include "expect.h"
#include "oom.h"
#include "gateway/admin/control.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static char directory[] = "/tmp/noveum-control-XXXXXX";
static char path[64];
static struct nv_loops loops;
static struct nv_control *control;
static struct nv_buf out;
static struct nv_fail fail;

/* ---- a store of one letter --------------------------------------------------------------- */

static bool live;
static unsigned retried;

static enum nv_err get(void *ctx, uint64_t id, struct nv_buf *payload)
{
    (void)ctx;
    return live && id == 7
               ? nv_buf_append_str(
                     payload, NV_STR("{\"trace\":\"Bearer abcdefghijklmnopqrstuvwxyz123456\"}"))
               : NV_ERR_NOT_FOUND;
}

static void release(void *ctx, uint64_t id)
{
    (void)ctx;
    live = live && id != 7;
}

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    (void)ctx;
    (void)kind;
    if (live) {
        visit(visit_ctx, 7,
              NV_STR("{\"v\":1,\"trace_id\":\"t\",\"name\":\"n\",\"reason\":\"rejected\","
                     "\"status\":400,\"why\":\"w\",\"time\":\"now\",\"spans\":2}"),
              NV_STR("{}"));
    }
    return NV_OK;
}

static enum nv_err retry(void *ctx, uint64_t id)
{
    (void)ctx;
    retried++;
    return id == 7 ? NV_ERR_MALFORMED : NV_ERR_NOT_FOUND;
}

static void say_status(void *ctx, struct nv_http_exchange *exchange)
{
    (void)ctx;
    nv_http_reply_text(exchange, 200, NV_STR("application/json"), NV_STR("{\"mode\":\"x\"}"));
}

static const struct nv_store store = {.get = get, .release = release, .each = each};
static const struct nv_dead_place place = {.store = &store, .retry = retry};
static const struct nv_http_handler status_handler = {.handle = say_status};

static void set_up(void)
{
    live = true;
    retried = 0;
    fail = (struct nv_fail){0};
    nv_buf_init(&out, 1u << 20);
    ck_assert_int_eq(nv_loops_init(&loops, 1, nv_clock_system()), NV_OK);
    ck_assert_int_eq(
        nv_control_new(directory, &place, &status_handler, &loops, &fail, &control), NV_OK);
    ck_assert_int_eq(nv_loops_start(&loops), NV_OK);
}

static void tear_down(void)
{
    nv_control_stop(control);
    nv_loops_stop(&loops);
    nv_control_free(control);
    nv_loops_release(&loops);
    nv_buf_release(&out);
}

static struct nv_dead_slice slice;

static enum nv_err ask(enum nv_dead_verb verb, const char *id)
{
    slice = (struct nv_dead_slice){0};
    struct nv_dead_request request;
    nv_buf_clear(&out);
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_dead_parse(verb, nv_str_from(id), &request), NV_OK);
    return nv_control_ask(directory, &request, &slice, &out, &fail);
}

static bool has(const char *part)
{
    return nv_str_find(nv_buf_str(&out), nv_str_from(part)) != SIZE_MAX;
}

START_TEST(every_verb_gets_there_and_back)
{
    ck_assert_int_eq(ask(NV_VERB_LIST, NULL), NV_OK);
    ck_assert(has("rejected"));
    ck_assert_int_eq(ask(NV_VERB_SHOW, "7"), NV_OK);
    ck_assert(has("trace"));
    ck_assert_int_eq(ask(NV_VERB_RETRY, "7"), NV_ERR_MALFORMED); /* what retry said of it */
    ck_assert_uint_eq(retried, 1);
    ck_assert_int_eq(ask(NV_VERB_RETRY, "all"), NV_OK);
    ck_assert_uint_eq(retried, 2);
    ck_assert(slice.done == 1 && slice.left == 0 && slice.after == 7 && slice.last == 7);
    nv_buf_clear(&out);
    struct nv_dead_request all = {.verb = NV_VERB_RETRY, .all = true};
    ck_assert_int_eq(nv_control_ask(directory, &all, &slice, &out, &fail), NV_OK);
    ck_assert_uint_eq(retried, 2); /* none is behind it */
    ck_assert_int_eq(ask(NV_VERB_DROP, "7"), NV_OK);
    ck_assert(!live);
    ck_assert_int_eq(ask(NV_VERB_SHOW, "7"), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(ask(NV_VERB_LIST, NULL), NV_OK);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(secrets_in_a_letter_are_masked)
{
    ck_assert_int_eq(ask(NV_VERB_SHOW, "7"), NV_OK);
    ck_assert(!has("abcdefghijklmnopqrstuvwxyz123456"));
}
END_TEST

START_TEST(the_status_comes_as_it_is)
{
    ck_assert_int_eq(nv_control_status(directory, &out, &fail), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "{\"mode\":\"x\"}");
}
END_TEST

START_TEST(whose_process_it_is)
{
    ck_assert_int_eq(nv_control_pid(directory), (int)getpid());
    ck_assert_int_eq(nv_control_pid("/nonexistent"), 0);
}
END_TEST

START_TEST(the_socket_is_its_owners_alone)
{
    struct stat info;
    ck_assert_int_eq(lstat(path, &info), 0);
    ck_assert(S_ISSOCK(info.st_mode));
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
}
END_TEST

START_TEST(who_has_gone_takes_its_socket_along)
{
    struct nv_dead_request request = {.verb = NV_VERB_LIST};
    nv_control_stop(control);
    nv_loops_stop(&loops);
    nv_control_free(control);
    control = NULL;
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(nv_control_ask(directory, &request, &slice, &out, &fail), NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fail.what, "can't reach the gateway that runs here"));
}
END_TEST

START_TEST(a_directory_too_long_for_a_socket)
{
    char longer[200];
    struct nv_control *second = NULL;
    memset(longer, 'd', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_int_eq(nv_control_new(longer, &place, &status_handler, &loops, &fail, &second),
                     NV_ERR_CONFIG);
    ck_assert_ptr_null(second);
    ck_assert_int_eq(nv_control_status(longer, &out, &fail), NV_ERR_IO);
}
END_TEST

/* ---- peers that are no gateway ----------------------------------------------------------- */

static const struct {
    const char *reply;
    enum nv_err err;
} strangers[] = {
    {"", NV_ERR_IO},
    {"HTTP/1.1 200 OK\r\n", NV_ERR_IO},
    {"HTTP/1.1 500 No\r\n\r\n", NV_ERR_IO},
    {"SSH-2.0\r\n\r\n", NV_ERR_IO},
    {"HTTP/1.1 200 OK\r\nx-noveum-error: 5\r\n\r\n", NV_ERR_IO}, /* no code is above 0 */
    {"HTTP/1.1 200 OK\r\nx-noveum-error: -99999\r\n\r\n", NV_ERR_IO},
    {"HTTP/1.1 200 OK\r\nx-noveum-error: x\r\n\r\n", NV_ERR_IO},
    {"HTTP/1.1 200 OK\r\nx-noveum-error: -104\r\n\r\nbody", NV_ERR_NOT_FOUND},
    {"HTTP/1.1 200 OK\r\n\r\nbody", NV_OK},
    {"HTTP/1.1 200 OK\r\nx-noveum-left: x\r\n\r\n", NV_ERR_IO},
    {"HTTP/1.1 200 OK\r\nx-noveum-left: 2\r\n\r\n", NV_ERR_IO}, /* for ever */
    {"HTTP/1.1 200 OK\r\nx-noveum-left: 2\r\nx-noveum-after: 3\r\nx-noveum-last: 9\r\n\r\n",
     NV_OK},
};

static void *answer_once(void *arg)
{
    const int *listening = arg;
    char text[1000];
    int fd = accept(*listening, NULL, NULL);
    (void)!recv(fd, text, sizeof text, 0);
    const char *reply = strangers[listening[1]].reply;
    (void)send(fd, reply, strlen(reply), MSG_NOSIGNAL);
    (void)close(fd);
    return NULL;
}

START_TEST(what_answers_may_be_a_stranger)
{
    char other[] = "/tmp/noveum-stranger-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct nv_dead_request request = {.verb = NV_VERB_LIST};
    int listening[2] = {socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), _i};
    pthread_t thread;
    ck_assert_ptr_nonnull(mkdtemp(other));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control", other);
    ck_assert_int_eq(bind(listening[0], (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listening[0], 1), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_once, listening), 0);
    slice = (struct nv_dead_slice){0};
    enum nv_err err = nv_control_ask(other, &request, &slice, &out, &fail);
    (void)pthread_join(thread, NULL);
    (void)close(listening[0]);
    (void)unlink(address.sun_path);
    (void)rmdir(other);
    ck_assert_int_eq(err, strangers[_i].err);
    ck_assert_int_eq(err == NV_ERR_IO, fail.what[0] != '\0');
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    char other[] = "/tmp/noveum-control-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(other));
    for (unsigned long n = 1;; n++) {
        struct nv_loops idle;
        struct nv_control *second = NULL;
        ck_assert_int_eq(nv_loops_init(&idle, 1, nv_clock_system()), NV_OK);
        oom_fail_nth(n);
        enum nv_err err = nv_control_new(other, &place, &status_handler, &idle, &fail, &second);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_int_eq(second == NULL, failed);
        nv_control_stop(second);
        nv_loop_turn(idle.items[0]);
        nv_control_free(second);
        nv_loops_release(&idle);
        if (!failed) {
            ck_assert_uint_gt(n, 3);
            break;
        }
    }
    ck_assert_int_eq(rmdir(other), 0); /* no socket is left */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/control");
    TCase *tcase = tcase_create("control");
    if (!mkdtemp(directory))
        return 1;
    (void)snprintf(path, sizeof path, "%s/control", directory);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, every_verb_gets_there_and_back);
    tcase_add_test(tcase, secrets_in_a_letter_are_masked);
    tcase_add_test(tcase, the_status_comes_as_it_is);
    tcase_add_test(tcase, whose_process_it_is);
    tcase_add_test(tcase, the_socket_is_its_owners_alone);
    tcase_add_test(tcase, who_has_gone_takes_its_socket_along);
    tcase_add_test(tcase, a_directory_too_long_for_a_socket);
    tcase_add_loop_test(tcase, what_answers_may_be_a_stranger, 0, COUNT(strangers));
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    int result = nv_test_run(suite);
    (void)rmdir(directory);
    return result;
}
