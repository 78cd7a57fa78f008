/*
 * Lines: their width, facts whole or not at all, colours that take no column.
 */
#include "expect.h"

#include "gateway/view/line.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_buf text;
static struct nv_line line;

static void begin(size_t columns, bool color)
{
    nv_buf_clear(&text);
    line = (struct nv_line){.buf = &text, .color = color, .columns = columns};
    nv_line_begin(&line);
}

START_TEST(facts_are_whole_or_not_there)
{
    begin(20, false);
    nv_line_put(&line, NV_LINE_PLAIN, NV_STR("name\x1b[2J"), 8);
    nv_line_fact(&line, NV_LINE_PLAIN, "12345");
    nv_line_fact(&line, NV_LINE_PLAIN, "123456");
    nv_line_fact(&line, NV_LINE_PLAIN, "1");
    nv_line_end(&line);
    ck_assert_nv_str(nv_buf_str(&text), "name\\x1…  12345\n");
    begin(20, false);
    nv_line_fact(&line, NV_LINE_PLAIN, "");
    nv_line_fact(&line, NV_LINE_PLAIN, "123456789012345678");
    nv_line_end(&line);
    ck_assert_nv_str(nv_buf_str(&text), "  123456789012345678\n");
}
END_TEST

START_TEST(colours_take_no_column)
{
    begin(20, true);
    nv_line_put(&line, NV_LINE_RED, NV_STR("abcdefghijklmnopqrstuvwxyz"), SIZE_MAX);
    nv_line_put(&line, NV_LINE_RED, NV_STR("more"), SIZE_MAX);
    nv_line_end(&line);
    ck_assert_nv_str(nv_buf_str(&text), "\033[31mabcdefghijklmnopqrs…\033[0m\n");
}
END_TEST

START_TEST(no_spaces_at_the_end)
{
    begin(20, false);
    nv_line_put_text(&line, NV_LINE_PLAIN, "agent    ");
    nv_line_end(&line);
    ck_assert_nv_str(nv_buf_str(&text), "agent\n");
}
END_TEST

START_TEST(the_width_is_asked_for)
{
    struct winsize size = {.ws_row = 10, .ws_col = 77};
    int leader = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(leader, 0);
    (void)unsetenv("COLUMNS");
    ck_assert_int_eq(ioctl(leader, TIOCSWINSZ, &size), 0);
    ck_assert_uint_eq(nv_line_columns(leader), 77);
    (void)setenv("COLUMNS", "93", 1);
    ck_assert_uint_eq(nv_line_columns(leader), 93);
    (void)setenv("COLUMNS", "1", 1);
    ck_assert_uint_eq(nv_line_columns(leader), NV_LINE_COLUMNS_MIN);
    (void)setenv("COLUMNS", "1000000", 1);
    ck_assert_uint_eq(nv_line_columns(leader), NV_LINE_COLUMNS_MAX);
    static const char *const none[] = {"", "0", "wide", "-3"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        (void)setenv("COLUMNS", none[i], 1);
        ck_assert_uint_eq(nv_line_columns(leader), 77);
    }
    (void)unsetenv("COLUMNS");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_uint_eq(nv_line_columns(fd), NV_LINE_COLUMNS_DEFAULT);
    (void)close(fd);
    (void)close(leader);
}
END_TEST

/* Long ones are cut before they are written out. */
START_TEST(values_are_texts_or_json)
{
    static struct nv_value numbers[100000];
    struct nv_value value = {.type = NV_VALUE_ARRAY, .as.array = {numbers, 2}};
    numbers[0] = nv_value_int(1);
    numbers[1] = nv_value_string(NV_STR("x"));
    begin(30, false);
    nv_line_put_value(&line, &value);
    ck_assert_nv_str(nv_buf_str(&text), "[1,\"x\"]");
    value = nv_value_json(NV_STR(" {\"k\":1}"));
    nv_line_put_value(&line, &value);
    ck_assert_nv_str(nv_buf_str(&text), "[1,\"x\"] {\"k\":1}");
    value = nv_value_string(NV_STR("abcdefghijklmnopqrstuvwxyz"));
    nv_line_put_value(&line, &value);
    ck_assert_nv_str(nv_buf_str(&text), "[1,\"x\"] {\"k\":1}abcdefghijklmn…");
    begin(NV_LINE_COLUMNS_MAX, false);
    value = (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {numbers, 100000}};
    nv_line_put_value(&line, &value);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&text), NV_STR("99936")), SIZE_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/line");
    TCase *tcase = tcase_create("all");
    nv_buf_init(&text, 10000);
    tcase_add_test(tcase, facts_are_whole_or_not_there);
    tcase_add_test(tcase, colours_take_no_column);
    tcase_add_test(tcase, no_spaces_at_the_end);
    tcase_add_test(tcase, values_are_texts_or_json);
    tcase_add_test(tcase, the_width_is_asked_for);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    nv_buf_release(&text);
    return failed;
}
