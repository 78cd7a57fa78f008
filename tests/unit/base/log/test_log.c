/*
 * The log: levels, both formats, foreign bytes, cut lines and folding by call site.
 */
#include "expect.h"

#include "base/buf.h"
#include "base/log/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_buf lines;

static void collect(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

static void setup(void)
{
    nv_buf_init(&lines, 1 << 20);
    nv_log_configure(NV_LOG_INFO, NV_LOG_TEXT);
    nv_log_set_sink(collect, &lines);
}

static void teardown(void)
{
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}

/* The line without its timestamp. */
static struct nv_str behind_time(void)
{
    struct nv_str text = nv_buf_str(&lines);
    return nv_str_slice(text, 33, text.len);
}

START_TEST(text_line)
{
    NV_LOG(NV_LOG_WARN, "exporter", "backend refused the key status=%d", 401);
    ck_assert_nv_str(behind_time(), "warn exporter: backend refused the key status=401\n");
}
END_TEST

START_TEST(json_line)
{
    nv_log_configure(NV_LOG_INFO, NV_LOG_JSON);
    NV_LOG(NV_LOG_ERROR, "gateway", "odd name \"%s\"", "a\\b\n\x01\xff\x7f\xc3\xa9");
    struct nv_str text = nv_buf_str(&lines);
    size_t level = nv_str_find(text, NV_STR("\"level\""));
    ck_assert_nv_str(nv_str_slice(text, level, text.len),
                     "\"level\":\"error\",\"area\":\"gateway\",\"message\":\"odd name "
                     "\\\"a\\\\b\\u000a\\u0001\xef\xbf\xbd\\u007f\xc3\xa9\\\"\"}\n");
}
END_TEST

START_TEST(control_characters_in_text)
{
    NV_LOG(NV_LOG_INFO, "otlp", "%s", "a\r\nforged line\x1b[31m");
    ck_assert_nv_str(behind_time(), "info otlp: a\\r\\nforged line\\x1b[31m\n");
}
END_TEST

/* As log.c has it: with the byte that ends the text. */
#define MESSAGE_MAX 1024

START_TEST(a_message_is_cut_at_its_cap)
{
    char text[MESSAGE_MAX + 1] = {0};
    for (size_t more = 0; more < 2; more++) {
        const size_t len = MESSAGE_MAX - 1 + more;
        nv_buf_clear(&lines);
        memset(text, 'x', len);
        NV_LOG(NV_LOG_INFO, "otlp", "%s", text);
        /* "info otlp: ", the text, the line's end */
        ck_assert_uint_eq(behind_time().len, 11 + MESSAGE_MAX - 1 + 1);
    }
}
END_TEST

/* C1, a bidirectional override, zero width, a line separator, a tag: as what they are. */
START_TEST(what_eyes_would_not_see)
{
    static const char text[] = "\xc2\x9b"
                               "a\xe2\x80\xae"
                               "b\xe2\x80\x8b"
                               "c\xe2\x80\xa8"
                               "d\xf3\xa0\x81\x81";
    NV_LOG(NV_LOG_INFO, "otlp", "%s", text);
    ck_assert_nv_str(behind_time(), "info otlp: \\x9ba\\u202eb\\u200bc\\u2028d\\U000e0041\n");
    nv_buf_clear(&lines);
    nv_log_configure(NV_LOG_INFO, NV_LOG_JSON);
    NV_LOG(NV_LOG_INFO, "otlp", "%s", text);
    ck_assert_uint_ne(
        nv_str_find(nv_buf_str(&lines), NV_STR("\"\\u009ba\\u202eb\\u200bc\\u2028d"
                                               "\\udb40\\udc41\"}")),
        SIZE_MAX);
}
END_TEST

START_TEST(lower_levels_are_silent)
{
    NV_LOG(NV_LOG_DEBUG, "otlp", "unseen");
    ck_assert_uint_eq(lines.len, 0);
    nv_log_configure(NV_LOG_DEBUG, NV_LOG_TEXT);
    NV_LOG(NV_LOG_DEBUG, "otlp", "seen");
    ck_assert_uint_gt(lines.len, 0);
}
END_TEST

/* Format and level are known only when the configuration was read, which may say things. */
START_TEST(lines_wait_for_the_configuration)
{
    nv_log_hold();
    NV_LOG(NV_LOG_DEBUG, "config", "below what is wanted");
    NV_LOG(NV_LOG_WARN, "config", "unknown variable");
    ck_assert_uint_eq(lines.len, 0);
    nv_log_configure(NV_LOG_INFO, NV_LOG_JSON);
    struct nv_str text = nv_buf_str(&lines);
    ck_assert(nv_str_starts(text, NV_STR("{")));
    ck_assert_uint_ne(nv_str_find(text, NV_STR("unknown variable")), SIZE_MAX);
    ck_assert_uint_eq(nv_str_find(text, NV_STR("below")), SIZE_MAX);
    nv_buf_clear(&lines);
    nv_log_let_go();
    ck_assert_uint_eq(lines.len, 0);
    NV_LOG(NV_LOG_INFO, "config", "at once");
    ck_assert_uint_gt(lines.len, 0);
}
END_TEST

static void write_number(int number)
{
    struct nv_log_site site = {0};
    nv_log_write(&site, NV_LOG_WARN, "config", "line %d", number);
}

/* So many wait; one more is written at once, before them, and none is lost. */
START_TEST(more_lines_than_can_wait_are_written)
{
    char one_more[40];
    size_t count = 0;
    nv_log_hold();
    for (int i = 0; i < NV_LOG_HELD_MAX; i++)
        write_number(i);
    ck_assert_uint_eq(lines.len, 0);
    write_number(NV_LOG_HELD_MAX);
    (void)snprintf(one_more, sizeof one_more, "warn config: line %d\n", NV_LOG_HELD_MAX);
    ck_assert_nv_str(behind_time(), one_more);
    nv_log_let_go();
    for (size_t i = 0; i < lines.len; i++)
        count += lines.bytes[i] == '\n';
    ck_assert_uint_eq(count, NV_LOG_HELD_MAX + 1);
}
END_TEST

START_TEST(long_messages_are_cut)
{
    static char text[20000];
    memset(text, 1, sizeof text - 1);
    nv_log_configure(NV_LOG_INFO, NV_LOG_JSON);
    NV_LOG(NV_LOG_INFO, "otlp", "%s", text);
    ck_assert_uint_gt(lines.len, 5000);
    ck_assert_uint_lt(lines.len, 8000);
    ck_assert_int_eq(lines.bytes[lines.len - 1], '\n');
}
END_TEST

START_TEST(repeats_are_folded)
{
    struct nv_log_site site = {0};
    for (int i = 0; i < 100; i++)
        nv_log_write(&site, NV_LOG_INFO, "otlp", "again");
    unsigned count = 0;
    for (size_t i = 0; i < lines.len; i++)
        count += lines.bytes[i] == '\n' ? 1 : 0;
    /* twice the burst when the window ended in between */
    ck_assert_uint_ge(count, NV_LOG_BURST);
    ck_assert_uint_le(count, 2 * NV_LOG_BURST);
    nv_buf_clear(&lines);
    site.window--; /* as if a window had passed */
    site.count = 100;
    nv_log_write(&site, NV_LOG_INFO, "otlp", "again");
    ck_assert_nv_str(behind_time(), "info otlp: again (95 more like this before)\n");
}
END_TEST

START_TEST(default_sink_is_standard_error)
{
    int ends[2];
    char text[256];
    nv_log_set_sink(NULL, NULL);
    int saved = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    NV_LOG(NV_LOG_INFO, "gateway", "to standard error");
    ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
    ssize_t n = read(ends[0], text, sizeof text);
    ck_assert_int_gt(n, 33);
    ck_assert_nv_str(nv_str_slice((struct nv_str){text, (size_t)n}, 33, 256),
                     "info gateway: to standard error\n");
    (void)close(saved);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

static void *write_lines(void *ctx)
{
    for (int i = 0; i < 2000; i++)
        NV_LOG(NV_LOG_WARN, "otlp", "line %d", i);
    return ctx;
}

/* A reload configures the log while all others write; the thread sanitizer looks on. */
START_TEST(configured_anew_while_others_write)
{
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_lines, NULL), 0);
    for (int i = 0; i < 2000; i++)
        nv_log_configure(i % 2 ? NV_LOG_WARN : NV_LOG_INFO, NV_LOG_TEXT);
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
    size_t count = 0;
    for (size_t i = 0; i < lines.len; i++)
        count += lines.bytes[i] == '\n';
    ck_assert_uint_ge(count, NV_LOG_BURST);
    ck_assert_uint_le(count, 2 * NV_LOG_BURST); /* a window may have ended meanwhile */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/log");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, text_line);
    tcase_add_test(tcase, json_line);
    tcase_add_test(tcase, control_characters_in_text);
    tcase_add_test(tcase, a_message_is_cut_at_its_cap);
    tcase_add_test(tcase, what_eyes_would_not_see);
    tcase_add_test(tcase, lower_levels_are_silent);
    tcase_add_test(tcase, lines_wait_for_the_configuration);
    tcase_add_test(tcase, more_lines_than_can_wait_are_written);
    tcase_add_test(tcase, configured_anew_while_others_write);
    tcase_add_test(tcase, long_messages_are_cut);
    tcase_add_test(tcase, repeats_are_folded);
    tcase_add_test(tcase, default_sink_is_standard_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
