/*
 * The running program in a child of the test: it says when it is ready over NOTIFY_SOCKET, ends
 * by a signal, reads its configuration again by another, and tells what keeps it from starting.
 * Nothing waits for time.
 */
#include "base/log/log.h"
#include "captured.h"
#include "expect.h"
#include "gateway/commands/cli.h"
#include "gateway/commands/run.h"
#include "gateway/dead/dead_store.h"
#include "net/listener.h"
#include "oom.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[] = "/tmp/noveum-run-XXXXXX";
static struct nv_options options;
static struct nv_option_sources sources;
static int notified = -1;

static void set(size_t id, const char *text)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void listen_for_notes(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notes", directory);
    (void)unlink(address.sun_path);
    notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(notified, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
}

static void set_up(void)
{
    static const char *const nothing[] = {NULL};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(NV_OPT_receiver_http_listen, "127.0.0.1:0");
    set(NV_OPT_receiver_grpc_listen, "127.0.0.1:0");
    set(NV_OPT_admin_listen, "127.0.0.1:0");
    set(NV_OPT_journal_directory, directory);
    set(NV_OPT_exporter_file_directory, directory);
    set(NV_OPT_terminal_traces, "off");
    set(NV_OPT_stop_deadline_ms, "5000");
    sources = (struct nv_option_sources){.environment = nothing, .directory = directory};
    listen_for_notes();
}

static void tear_down(void)
{
    (void)close(notified);
    nv_options_release(&options);
}

static void expect_note(const char *want)
{
    char text[100];
    ssize_t got;
    do { /* the watchdog's and what is not asked for here */
        got = recv(notified, text, sizeof text - 1, 0);
        ck_assert_int_gt(got, 0);
        text[got] = '\0';
    } while (strncmp(text, "READY=1", 7) != 0 && strncmp(text, "STOPPING=1", 10) != 0);
    ck_assert_str_eq(text, want);
}

static pid_t start(void)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(nv_run(&options, &sources, NULL));
    return child;
}

static int code_of(pid_t child)
{
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const int signals[] = {SIGTERM, SIGINT};

START_TEST(it_is_ready_and_a_signal_ends_it)
{
    pid_t child = start();
    expect_note("READY=1");
    ck_assert_int_eq(kill(child, signals[_i]), 0);
    expect_note("STOPPING=1");
    ck_assert_int_eq(code_of(child), NV_EXIT_OK);
}
END_TEST

START_TEST(a_second_start_goes_on_where_the_first_ended)
{
    for (int i = 0; i < 2; i++) {
        pid_t child = start();
        expect_note("READY=1");
        ck_assert_int_eq(kill(child, SIGTERM), 0);
        expect_note("STOPPING=1");
        ck_assert_int_eq(code_of(child), NV_EXIT_OK);
    }
}
END_TEST

/* ---- a reload ---------------------------------------------------------------------------- */

enum { REFUSED = 1, RELOADED = 2 };

/* Nothing can be allocated from the start on until the reload has said so. */
static void note_reload(void *ctx, struct nv_str line)
{
    unsigned *seen = ctx;
    if (nv_str_find(line, NV_STR("reload refused, nothing changed: out of memory")) !=
        SIZE_MAX) {
        (void)oom_end();
        *seen |= REFUSED;
    }
    if (nv_str_find(line, NV_STR("configuration reloaded")) != SIZE_MAX)
        *seen |= RELOADED;
}

static void reload_without_memory(void *ctx, const struct nv_gateway *gateway)
{
    (void)ctx;
    (void)gateway;
    oom_fail_from(1);
    (void)raise(SIGHUP);
}

START_TEST(a_reload_without_memory_is_refused_and_the_next_one_done)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        unsigned seen = 0;
        nv_log_set_sink(note_reload, &seen);
        int code = nv_run(&options, &sources,
                          &(struct nv_run_extras){.started = reload_without_memory});
        _exit(seen == (REFUSED | RELOADED) ? code : 90 + (int)seen);
    }
    expect_note("READY=1"); /* of the start */
    expect_note("READY=1"); /* of the refusal */
    ck_assert_int_eq(kill(child, SIGHUP), 0);
    expect_note("READY=1");
    ck_assert_int_eq(kill(child, SIGTERM), 0);
    expect_note("STOPPING=1");
    ck_assert_int_eq(code_of(child), NV_EXIT_OK);
}
END_TEST

/* ---- what keeps it from starting --------------------------------------------------------- */

START_TEST(a_journal_that_is_in_use)
{
    struct nv_dead_store held = {0};
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_dead_store_open(&options, &held, &fail), NV_OK);
    captured_begin();
    int code = code_of(start());
    captured_end();
    nv_dead_store_close(&held);
    ck_assert_int_eq(code, NV_EXIT_LOCKED);
    ck_assert(captured_has(captured_err, "noveum-gateway: "));
}
END_TEST

START_TEST(a_port_that_is_in_use)
{
    struct nv_listener_config config = {.addresses = "127.0.0.1:0"};
    struct nv_listener *taken = NULL;
    ck_assert_int_eq(nv_listener_open(&config, NULL, &taken), NV_OK);
    set(NV_OPT_admin_listen, nv_listener_address(taken, 0));
    captured_begin();
    int code = code_of(start());
    captured_end();
    nv_listener_free(taken);
    ck_assert_int_eq(code, NV_EXIT_FAILED);
    ck_assert(captured_has(captured_err, "in use"));
    ck_assert(captured_has(captured_err, "admin.listen"));
}
END_TEST

/* ---- what it says ------------------------------------------------------------------------ */

START_TEST(a_failure_is_one_line_with_its_place)
{
    struct nv_fail fail = {.code = NV_ERR_CONFIG, .what = "bad\n\033[2J", .path = "a.yaml:1:2"};
    captured_begin();
    nv_run_print_failure(&fail);
    captured_end();
    ck_assert_str_eq(captured_err, "noveum-gateway: a.yaml:1:2: bad\\n\\x1b[2J\n");
    fail = (struct nv_fail){.code = NV_ERR_NO_MEMORY};
    captured_begin();
    nv_run_print_failure(&fail);
    captured_end();
    ck_assert_str_eq(captured_err, "noveum-gateway: out of memory\n");
    ck_assert_str_eq(captured_out, "");
}
END_TEST

START_TEST(what_is_loaded_begins_the_log_and_what_is_wrong_is_printed)
{
    const char *lines[] = {"log.level=error", "log.level=shrill"};
    struct nv_options loaded = {0};
    nv_log_set_sink(NULL, NULL);
    nv_log_configure(NV_LOG_INFO, NV_LOG_TEXT);
    sources.sets = &lines[_i];
    sources.set_count = 1;
    nv_log_hold();
    NV_LOG(NV_LOG_WARN, "test", "held in case %d", _i);
    captured_begin();
    bool ok = nv_run_load(&loaded, &sources);
    captured_end();
    nv_options_release(&loaded);
    ck_assert_int_eq(ok, _i == 0);
    ck_assert_int_eq(captured_has(captured_err, "held in case"), _i == 1);
    ck_assert_int_eq(captured_has(captured_err, "noveum-gateway: --set: log.level"), _i == 1);
}
END_TEST

START_TEST(the_log_has_the_level_and_form_that_are_asked_for)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    nv_log_set_sink(NULL, NULL); /* no line is folded for those of the test before */
    set(NV_OPT_log_format, _i % 2 ? "json" : "text");
    set(NV_OPT_log_level, levels[_i]);
    nv_run_configure_log(&options);
    captured_begin();
    for (int level = NV_LOG_DEBUG; level <= NV_LOG_ERROR; level++)
        NV_LOG((enum nv_log_level)level, "test", "line at %s", levels[level]);
    captured_end();
    for (int level = 0; level < 4; level++) {
        char part[32];
        (void)snprintf(part, sizeof part, "line at %s", levels[level]);
        ck_assert_int_eq(strstr(captured_err, part) != NULL, level >= _i);
    }
    ck_assert_int_eq(captured_err[0] == '{', _i % 2);
}
END_TEST

int main(void)
{
    char command[80];
    Suite *suite = suite_create("gateway/run");
    TCase *tcase = tcase_create("run");
    if (!mkdtemp(directory))
        return 1;
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, it_is_ready_and_a_signal_ends_it, 0, 2);
    tcase_add_test(tcase, a_second_start_goes_on_where_the_first_ended);
    tcase_add_test(tcase, a_reload_without_memory_is_refused_and_the_next_one_done);
    tcase_add_test(tcase, a_journal_that_is_in_use);
    tcase_add_test(tcase, a_port_that_is_in_use);
    tcase_add_test(tcase, a_failure_is_one_line_with_its_place);
    tcase_add_loop_test(tcase, what_is_loaded_begins_the_log_and_what_is_wrong_is_printed, 0,
                        2);
    tcase_add_loop_test(tcase, the_log_has_the_level_and_form_that_are_asked_for, 0, 4);
    suite_add_tcase(suite, tcase);
    int result = nv_test_run(suite);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) == 0 ? result : 1;
}
