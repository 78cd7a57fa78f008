/*
 * Columns of texts, and texts cut to columns: wide, combining, emoji, escapes, line ends.
 */
#include "expect.h"

#include "base/text/columns.h"

#include "base/banned.h"

static const struct {
    const char *text;
    size_t columns;
} widths[] = {{"", 0},       {"plain", 5},       {"東京", 4}, {"e\u0301", 1}, {"한국", 4},
              {"☀️", 2}, {"🌤", 1},        {"🦊", 2}, {"─├│", 3},     {"ｆｗ", 4},
              {"⏎", 1},      {"naïve café", 10}, {"שלום", 4}, {"→", 1}};

START_TEST(columns_of_texts)
{
    ck_assert_msg(nv_columns_of(nv_str_from(widths[_i].text)) == widths[_i].columns, "%s: %zu",
                  widths[_i].text, nv_columns_of(nv_str_from(widths[_i].text)));
}
END_TEST

static const struct {
    struct nv_str text;
    size_t room;
    const char *out;
    size_t columns;
} cuts[] = {{NV_STR_INIT("plain"), 5, "plain", 5},
            {NV_STR_INIT("plain"), 4, "pla…", 4},
            {NV_STR_INIT("plain"), 1, "…", 1},
            {NV_STR_INIT("plain"), 0, "", 0},
            {NV_STR_INIT(""), 0, "", 0},
            {NV_STR_INIT("東京都"), 6, "東京都", 6},
            {NV_STR_INIT("東京都"), 5, "東京…", 5},
            {NV_STR_INIT("東京都"), 4, "東…", 3},
            {NV_STR_INIT("e\u0301e\u0301e\u0301"), 2, "e\u0301…", 2},
            {NV_STR_INIT("a\nb\r\nc\rd\te"), 20, "a⏎b⏎c⏎d e", 9},
            {NV_STR_INIT("\x1b[31mred"), 20, "\\x1b[31mred", 11},
            {NV_STR_INIT("\x1b[31mred"), 3, "\\x…", 3},
            {NV_STR_INIT("a\u202eb"), 20, "a\\u202eb", 8},
            {NV_STR_INIT("a\xff\xfe"
                         "b"),
             20,
             "a\ufffd\ufffd"
             "b",
             4},
            {NV_STR_INIT("a\0b"), 20, "a\\x00b", 6},
            {NV_STR_INIT("☀️☀️"), 3, "☀️…", 3}};

START_TEST(texts_cut_to_columns)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1000);
    (void)nv_buf_append_str(&buf, NV_STR("> "));
    ck_assert_uint_eq(nv_columns_append(&buf, cuts[_i].text, cuts[_i].room), cuts[_i].columns);
    struct nv_str out = nv_str_slice(nv_buf_str(&buf), 2, buf.len);
    ck_assert_nv_str(out, cuts[_i].out);
    ck_assert_uint_le(nv_columns_of(out), cuts[_i].room);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(marks_without_end_are_left_out)
{
    static char text[1 + 2 * 5000];
    struct nv_buf buf;
    text[0] = 'e';
    for (size_t i = 0; i < 5000; i++)
        memcpy(text + 1 + 2 * i, "\u0301", 2);
    nv_buf_init(&buf, 1u << 20);
    for (unsigned marks = NV_COLUMNS_MARKS_MAX - 1; marks <= NV_COLUMNS_MARKS_MAX + 1;
         marks++) {
        nv_buf_clear(&buf);
        ck_assert_uint_eq(nv_columns_append(&buf, (struct nv_str){text, 1 + 2 * marks}, 10), 1);
        unsigned kept = marks < NV_COLUMNS_MARKS_MAX ? marks : NV_COLUMNS_MARKS_MAX;
        ck_assert_uint_eq(buf.len, 1 + 2 * kept);
    }
    nv_buf_clear(&buf);
    ck_assert_uint_eq(nv_columns_append(&buf, (struct nv_str){text, sizeof text}, 10), 1);
    ck_assert_uint_eq(buf.len, 1 + 2 * NV_COLUMNS_MARKS_MAX);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(a_full_buffer_stays_failed)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 3);
    (void)nv_columns_append(&buf, NV_STR("abcdef"), 10);
    ck_assert_int_eq(buf.failed, NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/columns");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, columns_of_texts, 0, sizeof widths / sizeof widths[0]);
    tcase_add_loop_test(tcase, texts_cut_to_columns, 0, sizeof cuts / sizeof cuts[0]);
    tcase_add_test(tcase, marks_without_end_are_left_out);
    tcase_add_test(tcase, a_full_buffer_stays_failed);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
