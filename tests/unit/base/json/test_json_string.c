/*
 * Escapes: what they stand for, what is none. Scans: a special byte at every place of every
 * length.
 */
#include "expect.h"

#include "base/json/json_read.h"
#include "base/json/json_string.h"

#include <stdlib.h>

#include "base/banned.h"

static const struct {
    const char *raw;
    const char *text;
} escapes[] = {
    {"", ""},
    {"plain", "plain"},
    {"a\\nb\\t\\\"\\\\\\/\\b\\f\\r", "a\nb\t\"\\/\b\f\r"},
    {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\\ud83d", "\xef\xbf\xbd"},
    {"\\ude00x", "\xef\xbf\xbdx"},
    {"\\ud83d\\u0041", "\xef\xbf\xbd"
                       "A"},
    {"\\ud83d\\n", "\xef\xbf\xbd\n"},
    {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
    {"\\", "\\"},
    {"\\u12", "\\u12"},
};

START_TEST(escapes_are_resolved)
{
    struct nv_str raw = nv_str_from(escapes[_i].raw);
    struct nv_arena *arena = nv_arena_new(1 << 16);
    struct nv_buf buf;
    nv_buf_init(&buf, strlen(escapes[_i].text));
    ck_assert_nv_str(nv_json_unescape(arena, raw, true), escapes[_i].text);
    ck_assert_int_eq(nv_json_unescape_to(&buf, raw), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), escapes[_i].text);
    nv_buf_release(&buf);
    nv_arena_free(arena);
}
END_TEST

START_TEST(unescape_limits)
{
    struct nv_str plain = NV_STR("plain");
    ck_assert_ptr_eq(nv_json_unescape(NULL, plain, false).ptr, plain.ptr);
    struct nv_arena *arena = nv_arena_new(0);
    ck_assert_ptr_null(nv_json_unescape(arena, NV_STR("a\\n"), true).ptr);
    nv_arena_free(arena);
    struct nv_buf buf;
    nv_buf_init(&buf, 2);
    ck_assert_int_eq(nv_json_unescape_to(&buf, NV_STR("ab\\nc")), NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(lengths_of_escapes)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"\\n", 2},        {"\\", 0},           {"\\u", 0},
                 {"\\u00e", 0},     {"\\u00e9", 6},      {"\\u00g9", SIZE_MAX},
                 {"\\x", SIZE_MAX}, {"\\\x80", SIZE_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_uint_eq(nv_json_escape_length(nv_str_from(cases[i].text), 0),
                          cases[i].length);
    }
}
END_TEST

/* Scan and copy must agree, and neither may touch a byte behind the text or the room. */
static void scan(size_t len, size_t at, char special)
{
    char *text = malloc(len), *out = malloc(len);
    memset(text, 'x', len);
    text[at] = special;
    const struct nv_str view = {text, len};
    for (size_t from = 0; from <= at; from += 1 + from / 3) {
        ck_assert_uint_eq(nv_json_find_special(view, from), at);
        ck_assert_uint_eq(nv_json_copy_to_special(view, from, out, len - from), at);
        ck_assert_mem_eq(out, text + from, at - from);
        const size_t room = (at - from) / 2;
        ck_assert_uint_eq(nv_json_copy_to_special(view, from, out, room), from + room);
    }
    free(out);
    free(text);
}

START_TEST(special_bytes_at_every_place)
{
    static const char specials[] = {'"', '\\', '\0', '\n', '\x1f'};
    for (size_t len = 1; len < 100; len++) {
        for (size_t at = 0; at < len; at++)
            scan(len, at, specials[(len + at) % sizeof specials]);
    }
}
END_TEST

START_TEST(other_bytes_are_passed_over)
{
    char text[256];
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = i < 0x20 || i == '"' || i == '\\' ? 'x' : (char)i;
    ck_assert_uint_eq(nv_json_find_special((struct nv_str){text, sizeof text}, 0), sizeof text);
    ck_assert_uint_eq(nv_json_find_special((struct nv_str){text, 0}, 0), 0);
}
END_TEST

START_TEST(spaces_are_passed_over)
{
    static const struct {
        struct nv_str text;
        size_t at, behind;
    } rows[] = {
        {NV_STR_INIT(" \t\r\n\v\fx"), 0, 6},
        {NV_STR_INIT("\\n\\\\r\\\\\\tx"), 0, 9},
        {NV_STR_INIT("a \\n \\u"), 1, 5},
        {NV_STR_INIT(" \\"), 0, 1},
        {NV_STR_INIT("n"), 0, 0},
        {NV_STR_INIT("  "), 1, 2},
        {NV_STR_INIT(""), 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(nv_json_skip_spaces(rows[i].text, rows[i].at), rows[i].behind);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/json_string");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, escapes_are_resolved, 0,
                        (int)(sizeof escapes / sizeof escapes[0]));
    tcase_add_test(tcase, unescape_limits);
    tcase_add_test(tcase, lengths_of_escapes);
    tcase_add_test(tcase, special_bytes_at_every_place);
    tcase_add_test(tcase, spaces_are_passed_over);
    tcase_add_test(tcase, other_bytes_are_passed_over);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
