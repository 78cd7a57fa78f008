/*
 * What may be shown: a table of code points in every form, the borders of each range,
 * ill-formed parts, and that JSON stays the same text.
 */
#include "expect.h"

#include "base/text/shown.h"
#include "base/text/utf8.h"

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const struct {
    const char *text, *line, *lines, *json;
} rows[] = {
    {"", "", "", ""},
    {"plain ASCII ~", "plain ASCII ~", "plain ASCII ~", "plain ASCII ~"},
    {"a\tb\nc\rd", "a\\tb\\nc\\rd", "a\tb\nc\\rd", "a\tb\nc\rd"},
    {"\033[2J\a", "\\x1b[2J\\x07", "\\x1b[2J\\x07", "\\u001b[2J\\u0007"},
    {"\x7f", "\\x7f", "\\x7f", "\\u007f"},
    {"\xc2\x9b\x33m", "\\x9b3m", "\\x9b3m", "\\u009b3m"},
    {"\xe2\x80\xae"
     "abc",
     "\\u202eabc", "\\u202eabc", "\\u202eabc"},
    {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069", "\\u2066x\\u2069", "\\u2066x\\u2069"},
    {"\xe2\x80\x8b\xe2\x80\x8e\xe2\x80\x8f", "\\u200b\\u200e\\u200f", "\\u200b\\u200e\\u200f",
     "\\u200b\\u200e\\u200f"},
    {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029", "\\u2028\\u2029", "\\u2028\\u2029"},
    {"\xd8\x9c", "\\u061c", "\\u061c", "\\u061c"},
    {"\xef\xbb\xbf", "\\ufeff", "\\ufeff", "\\ufeff"},
    {"\xf3\xa0\x81\x81", "\\U000e0041", "\\U000e0041", "\\udb40\\udc41"},
    {"gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80",
     "gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80",
     "gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80",
     "gr\xc3\xbc\xc3\x9f \xe4\xbd\xa0 \xf0\x9f\x98\x80"},
    {"\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4\xef\xb8\x8f",
     "\xe2\x9d\xa4\xef\xb8\x8f"},
    {"a\xff"
     "b",
     "a\xef\xbf\xbd"
     "b",
     "a\xef\xbf\xbd"
     "b",
     "a\xef\xbf\xbd"
     "b"},
    /* a lone surrogate, an overlong escape character, a character cut off */
    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\x9b", "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd",
     "\xef\xbf\xbd\xef\xbf\xbd"},
    {"x\xe2\x80", "x\xef\xbf\xbd", "x\xef\xbf\xbd", "x\xef\xbf\xbd"},
};

static void expect(const char *text, enum nv_shown_form form, const char *wanted)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1000);
    ck_assert_int_eq(nv_shown_append(&buf, nv_str_from(text), form), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), wanted);
    nv_buf_release(&buf);
}

START_TEST(in_every_form)
{
    expect(rows[_i].text, NV_SHOWN_LINE, rows[_i].line);
    expect(rows[_i].text, NV_SHOWN_LINES, rows[_i].lines);
    expect(rows[_i].text, NV_SHOWN_JSON, rows[_i].json);
}
END_TEST

START_TEST(nul_is_shown)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 100);
    (void)nv_shown_append(&buf, (struct nv_str){"a\0b", 3}, NV_SHOWN_LINES);
    ck_assert_nv_str(nv_buf_str(&buf), "a\\x00b");
    nv_buf_release(&buf);
}
END_TEST

START_TEST(borders_of_the_ranges)
{
    static const uint32_t hidden[] = {0,      0x1f,   0x7f,   0x80,   0x9f,    0xad,   0x61c,
                                      0x200b, 0x200f, 0x2028, 0x202a, 0x202e,  0x2060, 0x2066,
                                      0x2069, 0x206f, 0xfeff, 0xfff9, 0xe0001, 0xe0fff};
    static const uint32_t shown[] = {0x20,   0x7e,   0xa0,   0xac,    0xae,    0x61b,   0x61d,
                                     0x200a, 0x2010, 0x2027, 0x202f,  0x205f,  0x2070,  0xfe0f,
                                     0xfefe, 0xfffc, 0xfffd, 0x1f600, 0xe1000, 0x10ffff};
    for (int i = 0; i < COUNT(hidden); i++)
        ck_assert_msg(!nv_shown_code(hidden[i]), "%x", hidden[i]);
    for (int i = 0; i < COUNT(shown); i++)
        ck_assert_msg(nv_shown_code(shown[i]), "%x", shown[i]);
}
END_TEST

/* Every code point: what comes out is valid, holds nothing hidden, and ends. */
START_TEST(nothing_hidden_comes_out)
{
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char in[4], escape[NV_SHOWN_ESCAPE_SIZE];
        struct nv_str rest = {in, nv_utf8_put(code, in)};
        struct nv_str piece = nv_shown_next(&rest, NV_SHOWN_LINE, escape);
        /* one assert for all: a million of them take seconds */
        bool good = rest.len == 0 && piece.len > 0 &&
                    nv_utf8_valid_prefix(piece) == piece.len &&
                    (piece.ptr == in) == nv_shown_code(code);
        if (!good)
            ck_abort_msg("%x", code);
    }
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 8);
    ck_assert_int_eq(nv_shown_append(&buf, NV_STR("\033\033\033"), NV_SHOWN_LINE),
                     NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/shown");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, in_every_form, 0, COUNT(rows));
    tcase_add_test(tcase, nul_is_shown);
    tcase_add_test(tcase, borders_of_the_ranges);
    tcase_add_test(tcase, nothing_hidden_comes_out);
    tcase_add_test(tcase, a_full_buffer_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
