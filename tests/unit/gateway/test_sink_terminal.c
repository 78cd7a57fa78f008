/*
 * Traces on standard output: when they are shown, and that a reload turns them on and off.
 */
#include "expect.h"
#include "oom.h"

#include "base/clock.h"
#include "gateway/sinks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;
static struct nv_sink sink;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(NV_OPT_exporter_file_directory, "there");
    fail = (struct nv_fail){0};
}

static void open_sink(void)
{
    struct nv_sink_needs needs = {.options = &options, .clock = nv_clock_system()};
    ck_assert(nv_sink_terminal.wanted(&options));
    ck_assert_int_eq(nv_sink_terminal.open(&needs, &fail, &sink), NV_OK);
    ck_assert(!sink.consume);
}

/* Bytes that showing one trace writes. */
static size_t shown(void)
{
    char output[] = "/tmp/noveum-screen-XXXXXX";
    struct nv_trace trace = {.name = NV_STR_INIT("work")};
    (void)fflush(stdout);
    int before = dup(STDOUT_FILENO), file = mkstemp(output);
    ck_assert_int_ge(dup2(file, STDOUT_FILENO), 0);
    sink.observe(sink.ctx, &trace);
    ck_assert_int_ge(dup2(before, STDOUT_FILENO), 0);
    off_t size = lseek(file, 0, SEEK_END);
    (void)close(file);
    (void)close(before);
    (void)unlink(output);
    return (size_t)size;
}

static void close_sink(void)
{
    sink.free(sink.ctx);
    nv_options_release(&options);
}

START_TEST(without_a_key_traces_are_shown)
{
    open_sink();
    ck_assert_uint_gt(shown(), 0);
    close_sink();
}
END_TEST

START_TEST(with_a_key_they_are_not_unless_asked_for)
{
    set(NV_OPT_exporter_noveum_api_key, "nv_test");
    open_sink();
    ck_assert_uint_eq(shown(), 0);
    set(NV_OPT_terminal_traces, "on");
    nv_sink_terminal.reload(&sink, &options);
    ck_assert_uint_gt(shown(), 0);
    set(NV_OPT_terminal_traces, "off");
    nv_sink_terminal.reload(&sink, &options);
    ck_assert_uint_eq(shown(), 0);
    close_sink();
}
END_TEST

START_TEST(without_memory_it_is_not_opened_and_nothing_shown)
{
    struct nv_sink_needs needs = {.options = &options};
    oom_fail_nth(1);
    enum nv_err err = nv_sink_terminal.open(&needs, &fail, &sink);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    open_sink();
    oom_fail_nth(1);
    struct nv_trace trace = {.name = NV_STR_INIT("work")};
    sink.observe(sink.ctx, &trace);
    ck_assert(oom_end());
    close_sink();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sink_terminal");
    TCase *tcase = tcase_create("terminal");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, without_a_key_traces_are_shown);
    tcase_add_test(tcase, with_a_key_they_are_not_unless_asked_for);
    tcase_add_test(tcase, without_memory_it_is_not_opened_and_nothing_shown);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
