/*
 * The library's life: off by default, started twice, stopped with spans open, started again;
 * forks with spans open and queued; the end of a process.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "base/clock.h"
#include "trace/config.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static struct kit_receiver receiver;

static void setup(void)
{
    unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    kit_receiver_start(&receiver);
}

static void teardown(void)
{
    (void)noveum_shutdown(1000);
    kit_receiver_stop(&receiver);
}

START_TEST(off_by_default)
{
    ck_assert_int_eq(noveum_start(NULL), NOVEUM_OFF);
    ck_assert(!noveum_enabled());
    ck_assert(!noveum_healthy());
    ck_assert_uint_eq(noveum_begin(NOVEUM_LLM, NULL).id, 0);
    ck_assert_uint_eq(noveum_begin_below(noveum_null(), NOVEUM_LLM, NULL).id, 0);
    ck_assert_uint_eq(noveum_current().id, 0);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OFF);
    ck_assert_int_eq(noveum_shutdown(10000), NOVEUM_OFF);
    ck_assert_uint_eq(kit_counters().started, 0);
}
END_TEST

START_TEST(tells_what_of_the_environment_it_did_not_use)
{
    char text[200];
    noveum_options options = kit_options(&receiver);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    unsetenv("OTEL_EXPORTER_OTLP_PROTOCOL");
    ck_assert_uint_gt(noveum_last_error(text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "PROTOCOL"));
    ck_assert(noveum_healthy());
}
END_TEST

/* A program that runs another one from its log function, which is told at the start. */
static void fork_in_log(void *user, const char *message)
{
    pid_t child = fork();
    if (child == 0) {
        (void)noveum_shutdown(10);
        _exit(noveum_start(NULL) == NOVEUM_OFF ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, user, 0), child);
    ck_assert_str_ne(message, "");
}

START_TEST(forks_in_the_log_function)
{
    int status = -1;
    noveum_options options = kit_options(&receiver);
    options.log = fork_in_log;
    options.user = &status;
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(noveum_shutdown(1000), NOVEUM_OK);
    status = -1;
    options.endpoint = "gopher://x";
    ck_assert_int_eq(noveum_start(&options), NOVEUM_INVALID);
    ck_assert_int_eq(status, 0);
    unsetenv("OTEL_EXPORTER_OTLP_PROTOCOL");
}
END_TEST

/* Forks while another thread starts for the first time: nobody's child waits for a lock. */
static void *fork_and_stop(void *failed)
{
    for (int i = 0; i < 20; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            alarm(30);
            noveum_options options = kit_options(&receiver);
            (void)noveum_shutdown(0);
            noveum_result result = noveum_start(&options);
            (void)noveum_shutdown(0);
            _exit(result == NOVEUM_OK ? 0 : 1);
        }
        if (waitpid(child, &status, 0) != child || status != 0)
            atomic_fetch_add((_Atomic int *)failed, 1);
    }
    return NULL;
}

START_TEST(forks_while_it_starts)
{
    pthread_t thread;
    _Atomic int failed = 0;
    noveum_options options = kit_options(&receiver);
    ck_assert_int_eq(pthread_create(&thread, NULL, fork_and_stop, &failed), 0);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
        ck_assert_int_eq(noveum_shutdown(0), NOVEUM_OK);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(failed, 0);
}
END_TEST

START_TEST(starts_once)
{
    char text[64];
    noveum_options options = kit_options(&receiver);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_BUSY);
    ck_assert(noveum_enabled());
    ck_assert_int_eq(noveum_shutdown(1000), NOVEUM_OK);
    options.endpoint = "gopher://x";
    ck_assert_int_eq(noveum_start(&options), NOVEUM_INVALID);
    ck_assert_uint_gt(noveum_last_error(text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "endpoint"));
    ck_assert(!noveum_enabled());
}
END_TEST

/* The same one again takes nothing, however often; of others there is an end. */
START_TEST(different_configurations_have_an_end)
{
    char service[32], text[200];
    noveum_options options = kit_options(&receiver);
    options.service_name = service;
    for (int i = 0; i < 300; i++) {
        (void)snprintf(service, sizeof service, "same");
        ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
        ck_assert_int_eq(noveum_shutdown(1000), NOVEUM_OK);
    }
    unsigned others = 0;
    for (int result = NOVEUM_OK; result == NOVEUM_OK && others <= NV_TRACE_CONFIGS_MAX;) {
        (void)snprintf(service, sizeof service, "service %u", others);
        result = noveum_start(&options);
        others += result == NOVEUM_OK;
        (void)noveum_shutdown(1000);
    }
    /* the cases before this one have left theirs, where all share a process */
    const char *fork_mode = getenv("CK_FORK");
    if (!fork_mode || strcmp(fork_mode, "no") != 0)
        ck_assert_uint_eq(others, NV_TRACE_CONFIGS_MAX - 1);
    ck_assert_uint_lt(others, NV_TRACE_CONFIGS_MAX);
    ck_assert_uint_gt(others, NV_TRACE_CONFIGS_MAX - 20);
    (void)snprintf(service, sizeof service, "one more");
    ck_assert_int_eq(noveum_start(&options), NOVEUM_NO_MEMORY);
    ck_assert(!noveum_enabled());
    ck_assert_uint_gt(noveum_last_error(text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "256 different configurations"));
    (void)snprintf(service, sizeof service, "service 1");
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
}
END_TEST

START_TEST(stops_with_spans_open_and_starts_again)
{
    noveum_options options = kit_options(&receiver);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    noveum_span open = noveum_begin(NOVEUM_AGENT, "open");
    noveum_message_begin(open, NOVEUM_INPUT, "user"); /* and a message in it */
    noveum_end(noveum_begin(NOVEUM_FUNCTION, "ended"));
    ck_assert_int_eq(noveum_shutdown(10000), NOVEUM_OK);
    ck_assert_uint_eq(kit_counters().exported, 2);
    ck_assert_uint_eq(kit_counters().unfinished, 1);
    ck_assert_uint_eq(kit_counters().open, 0);
    noveum_end(open);
    noveum_set_int(open, "late", 1);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    noveum_end(open);
    ck_assert_uint_eq(kit_counters().misuse, 1);
    noveum_end(noveum_begin(NOVEUM_FUNCTION, "second life"));
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    json_t *spans = kit_receiver_spans(&receiver);
    ck_assert_uint_eq(json_array_size(spans), 3);
    const json_t *unfinished = kit_named(spans, "open");
    ck_assert(json_is_true(kit_attribute(unfinished, "noveum.unfinished")));
    json_decref(kit_json(unfinished, "gen_ai.input.messages"));
    ck_assert_ptr_null(kit_attribute(kit_named(spans, "ended"), "noveum.unfinished"));
    json_decref(spans);
}
END_TEST

static int exit_code(pid_t child)
{
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What a worker process of a server does: spans of its own below one of the parent's. */
static bool work_in_child(noveum_span parents, noveum_span queued)
{
    noveum_counters counters = kit_counters();
    bool good = counters.started == 0 && counters.open == 0 && counters.queued == 0;
    noveum_span child = noveum_begin_below(parents, NOVEUM_FUNCTION, "child");
    noveum_set_int(parents, "not-mine", 1);
    noveum_end(child);
    noveum_end(parents); /* not its own: not sent a second time */
    noveum_end(queued);
    counters = kit_counters();
    good = good && counters.misuse == 3 && counters.queued == 1;
    return good && noveum_flush(10000) == NOVEUM_OK && kit_counters().exported == 1;
}

START_TEST(forks)
{
    noveum_options options = kit_options(&receiver);
    options.delay_ms = 3600000; /* what is queued is so when the process forks */
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    noveum_span root = noveum_begin(NOVEUM_AGENT, "root");
    noveum_span queued = noveum_begin(NOVEUM_FUNCTION, "queued");
    noveum_end(queued);
    pid_t child = fork();
    if (child == 0)
        _exit(work_in_child(root, queued) ? 0 : 1);
    ck_assert_int_eq(exit_code(child), 0);
    noveum_end(root);
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    json_t *spans = kit_receiver_spans(&receiver);
    ck_assert_uint_eq(json_array_size(spans), 3); /* each once */
    const json_t *own = kit_named(spans, "child"), *parent = kit_named(spans, "root");
    ck_assert_ptr_nonnull(kit_named(spans, "queued"));
    ck_assert_str_eq(json_string_value(json_object_get(own, "parentSpanId")),
                     json_string_value(json_object_get(parent, "spanId")));
    ck_assert_ptr_null(kit_attribute(parent, "not-mine"));
    json_decref(spans);
}
END_TEST

static atomic_bool forking;

static void *trace_on(void *unused)
{
    (void)unused;
    while (atomic_load(&forking)) {
        noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
        noveum_message(span, NOVEUM_INPUT, "user", "text", NOVEUM_NUL);
        noveum_end(span);
    }
    return NULL;
}

/* Other threads are anywhere in the library when the process forks; the child can still
 * trace. */
START_TEST(forks_under_load)
{
    noveum_options options = kit_options(&receiver);
    pthread_t threads[2];
    options.delay_ms = 1;
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    atomic_store(&forking, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, trace_on, NULL), 0);
    int sent = 0;
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            noveum_end(noveum_begin(NOVEUM_FUNCTION, "child"));
            _exit(noveum_shutdown(15000) == NOVEUM_OK ? 0 : 1);
        }
        int code = exit_code(child);
        ck_assert_int_ge(code, 0); /* it ended by itself: no lock was left taken */
        sent += code == 0;
    }
    ck_assert_int_ge(sent, 15); /* not all when the receiver is kept busy by the others */
    atomic_store(&forking, false);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

/*
 * Forks while there is one thread, then starts the receiver, which is another; the child goes
 * on when it is there. The leak check at a child's end looks for the threads that there were
 * when it was forked, and takes what only they held for lost: a child of a process with a
 * receiver failed by chance.
 */
static pid_t fork_before_receiver(struct kit_answer first)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        if (read(ends[0], receiver.url, sizeof receiver.url) != sizeof receiver.url)
            _exit(9);
    } else {
        kit_receiver_start(&receiver);
        if (first.status != 0)
            kit_receiver_plan(&receiver, first);
        ck_assert_int_eq(write(ends[1], receiver.url, sizeof receiver.url),
                         sizeof receiver.url);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    return child;
}

START_TEST(sends_at_exit)
{
    pid_t child = fork_before_receiver((struct kit_answer){.status = 0});
    if (child == 0) {
        noveum_options options = kit_options(&receiver);
        options.delay_ms = 3600000;
        (void)noveum_start(&options);
        noveum_end(noveum_begin(NOVEUM_FUNCTION, "last"));
        exit(0);
    }
    ck_assert_int_eq(exit_code(child), 0);
    json_t *spans = kit_receiver_spans(&receiver);
    ck_assert_ptr_nonnull(kit_named(spans, "last"));
    json_decref(spans);
    kit_receiver_stop(&receiver);
}
END_TEST

START_TEST(exit_does_not_wait_for_a_receiver_that_hangs)
{
    pid_t child = fork_before_receiver((struct kit_answer){.status = 1});
    uint64_t before = nv_clock_mono_ns(nv_clock_system());
    if (child == 0) {
        noveum_options options = kit_options(&receiver);
        options.exit_ms = 100;
        (void)noveum_start(&options);
        noveum_end(noveum_begin(NOVEUM_FUNCTION, "last"));
        exit(0);
    }
    ck_assert_int_eq(exit_code(child), 0);
    ck_assert_uint_lt(nv_clock_mono_ns(nv_clock_system()) - before, 5 * NV_NS_PER_S);
    kit_receiver_stop(&receiver);
}
END_TEST

START_TEST(starting_without_memory)
{
    noveum_options options = kit_options(&receiver);
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        oom_fail_nth(n);
        noveum_result result = noveum_start(&options);
        failed = oom_end();
        ck_assert_int_eq(result, failed ? NOVEUM_NO_MEMORY : NOVEUM_OK);
        ck_assert_int_eq(noveum_enabled(), !failed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library");
    TCase *ends = tcase_create("the end of a process"); /* first: there is one thread yet */
    TCase *tcase = tcase_create("library");
    tcase_set_timeout(ends, 100);
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, off_by_default);
    tcase_add_test(tcase, tells_what_of_the_environment_it_did_not_use);
    tcase_add_test(tcase, forks_in_the_log_function);
    tcase_add_test(tcase, forks_while_it_starts);
    tcase_add_test(tcase, starts_once);
    tcase_add_test(tcase, stops_with_spans_open_and_starts_again);
    tcase_add_test(tcase, starting_without_memory);
#if !defined(__SANITIZE_THREAD__) /* it can't follow threads of a forked process */
    tcase_add_test(tcase, forks);
    tcase_add_test(tcase, forks_under_load);
    tcase_add_test(ends, sends_at_exit);
    tcase_add_test(ends, exit_does_not_wait_for_a_receiver_that_hangs);
#else
    (void)forks;
    (void)forks_under_load;
    (void)sends_at_exit;
    (void)exit_does_not_wait_for_a_receiver_that_hangs;
#endif
    tcase_add_test(tcase, different_configurations_have_an_end); /* last: it leaves no room */
    suite_add_tcase(suite, ends);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
