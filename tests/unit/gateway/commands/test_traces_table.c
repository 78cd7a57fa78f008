/*
 * Rows of a list: what a line holds, ids that tell rows apart, lists that are none.
 */
#include "expect.h"

#include "gateway/commands/traces_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

static struct nv_buf out;
static struct nv_terminal terminal = {.columns = 120};

static const char *table(const char *list)
{
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_traces_table_write(nv_str_from(list), &terminal, &out), NV_OK);
    (void)nv_buf_append_char(&out, '\0');
    return out.bytes;
}

START_TEST(a_row_with_all_and_one_with_nothing)
{
    ck_assert_str_eq(
        table("{\"traces\":[{\"trace_id\":\"5264f413-2c61\",\"name\":\"tri\\u001bage\","
              "\"question\":"
              "\"a\\nb\",\"duration_ms\":1073.6,\"input_tokens\":222,\"output_tokens\":null,"
              "\"cost\":0.000248,\"error_count\":1,\"start_ms\":86400000.0},{}]}"),
        "5264f413  01-02 00:00  ✗ 1.07 s     222→0       $0.000248   tri\\x1bage               "
        " "
        "a⏎b\n"
        "  01-01 00:00  ✓                        –\n");
}
END_TEST

START_TEST(of_today_the_time_stands)
{
    char list[100];
    (void)snprintf(list, sizeof list, "{\"traces\":[{\"trace_id\":\"a\",\"start_ms\":%lld}]}",
                   (long long)time(NULL) * 1000);
    ck_assert_msg(table(list)[5] == ':' && table(list)[8] == ':', "%s", table(list));
}
END_TEST

START_TEST(ids_are_as_long_as_they_must_be)
{
    const char *text = table("{\"traces\":[{\"trace_id\":\"0123456789a\"},{\"trace_id\":"
                             "\"0123456789b\"},{\"trace_id\":\"ffffffffffff\"}]}");
    ck_assert_ptr_nonnull(strstr(text, "0123456789a "));
    ck_assert_ptr_nonnull(strstr(text, "fffffffffff "));
}
END_TEST

START_TEST(lines_keep_the_width)
{
    terminal.columns = 40;
    const char *text =
        table("{\"traces\":[{\"trace_id\":\"a\",\"name\":\"long long long long name\"}]}");
    ck_assert_ptr_null(strstr(text, "name"));
    terminal.columns = 120;
}
END_TEST

START_TEST(a_line_of_json_each)
{
    nv_buf_clear(&out);
    ck_assert_int_eq(
        nv_traces_table_lines(NV_STR("{\"traces\":[{\"a\":1},{\"b\":\"x\\ny\"}]}"), &out),
        NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "{\"a\":1}\n{\"b\":\"x\\ny\"}\n");
}
END_TEST

START_TEST(lists_that_are_none)
{
    static const char *const broken[] = {"", "[]", "{}", "{\"traces\":1}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        nv_buf_clear(&out);
        ck_assert_int_ne(nv_traces_table_write(nv_str_from(broken[i]), &terminal, &out), NV_OK);
        ck_assert_int_ne(nv_traces_table_lines(nv_str_from(broken[i]), &out), NV_OK);
        ck_assert_uint_eq(out.len, 0);
    }
    ck_assert_str_eq(table("{\"traces\":[]}"), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces_table");
    TCase *tcase = tcase_create("all");
    nv_buf_init(&out, 1u << 20);
    (void)setenv("TZ", "UTC", 1);
    tzset();
    tcase_add_test(tcase, a_row_with_all_and_one_with_nothing);
    tcase_add_test(tcase, of_today_the_time_stands);
    tcase_add_test(tcase, ids_are_as_long_as_they_must_be);
    tcase_add_test(tcase, lines_keep_the_width);
    tcase_add_test(tcase, a_line_of_json_each);
    tcase_add_test(tcase, lists_that_are_none);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    nv_buf_release(&out);
    return failed;
}
