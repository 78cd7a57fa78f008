/*
 * Hints: each alone, digits with and without others between them, of other scripts, and a text
 * that has none; then random texts of all lengths around that of a block, against a reader that
 * goes character by character.
 */
#include "expect.h"

#include "redaction/personal/characters.h"
#include "redaction/personal/hints.h"

#include <stdlib.h>

#include "base/banned.h"

static const struct {
    const char *text;
    struct nv_hints hints;
} cases[] = {
    {"nothing here", {.ascii = true}},
    {"", {.ascii = true}},
    {"a@b", {.ascii = true, .at = true}},
    {"see https://x", {.ascii = true, .url = true}},
    {"ftp://x", {.ascii = true, .url = true}},
    {"http:/x", {.ascii = true}},
    {"a/b://", {.ascii = true}},
    {"http:\\/\\/x", {.ascii = true, .url = true, .escape = true}},
    {"http:\\\\/\\\\/x", {.ascii = true, .url = true, .escape = true}},
    {"GB82", {.ascii = true, .iban = true, .run = 2, .dense = 2, .joined = 2}},
    {"B8", {.ascii = true, .run = 1, .dense = 1, .joined = 1}},
    {"ABCDE1", {.ascii = true, .iban = true, .pan = true, .run = 1, .dense = 1, .joined = 1}},
    {"(415) 5", {.ascii = true, .area = true, .run = 3, .dense = 4, .joined = 3}},
    {"10.1.2.3", {.ascii = true, .dots = 3, .run = 2, .dense = 5, .joined = 5}},
    {"10.1 2.3.x.4", {.ascii = true, .dots = 1, .run = 2, .dense = 6, .joined = 5}},
    {"1 2--3---4", {.ascii = true, .run = 1, .dense = 4, .joined = 2}},
    {"a 1234-56789 b", {.ascii = true, .run = 5, .dense = 9, .joined = 9, .from = 2, .to = 12}},
    {"12----345", {.ascii = true, .run = 3, .dense = 3, .joined = 3}},
    {"1a2b34", {.ascii = true, .run = 2, .dense = 4, .joined = 2}},
    {"\xc3\xa9", {.ascii = false}},
    {"1\xe2\x80\x83"
     "2",
     {.ascii = false, .run = 1, .dense = 2, .joined = 2}},
    {"\xd9\xa3\xd9\xa4 1", {.ascii = false, .run = 2, .dense = 3, .joined = 3}},
    {"1\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80"
     "2",
     {.ascii = false, .run = 1, .dense = 2, .joined = 1}},
};

static void compare(struct nv_str text, const struct nv_hints *want)
{
    struct nv_hints hints = nv_hints_of(text);
    ck_assert_msg(
        hints.ascii == want->ascii && hints.at == want->at && hints.url == want->url &&
            hints.iban == want->iban && hints.pan == want->pan &&
            hints.escape == want->escape && hints.area == want->area &&
            hints.dots == want->dots && hints.run == want->run && hints.dense == want->dense &&
            hints.joined == want->joined && hints.from == want->from && hints.to == want->to,
        "%.*s: run %u, dense %u, joined %u, dots %u", NV_STR_ARG(text), hints.run, hints.dense,
        hints.joined, hints.dots);
}

START_TEST(each)
{
    compare(nv_str_from(cases[_i].text), &cases[_i].hints);
}
END_TEST

/* ---- character by character -------------------------------------------------------------- */

struct count {
    uint32_t now, most;
};

static void add(struct count *count)
{
    if (++count->now > count->most)
        count->most = count->now;
}

static bool is_url(struct nv_str text, size_t at)
{
    size_t behind = at + 1;
    while (behind < text.len && text.ptr[behind] == '\\')
        behind++;
    return at > 0 && text.ptr[at] == ':' && strchr("ps", text.ptr[at - 1]) &&
           text.len - behind > 1 && text.ptr[behind] == '/' &&
           strchr("/\\", text.ptr[behind + 1]);
}

/* Not of digits: what any byte says. */
static void see_bytes(struct nv_str text, struct nv_hints *hints)
{
    hints->ascii = true;
    for (size_t i = 0; i < text.len; i++) {
        hints->ascii &= (unsigned char)text.ptr[i] < 0x80;
        hints->at |= text.ptr[i] == '@';
        hints->escape |= text.ptr[i] == '\\';
        hints->url |= text.ptr[i] != '\0' && is_url(text, i);
    }
}

/* The character behind the last digit alone, or more. */
static bool joins(uint32_t code)
{
    return code == '-' || code == '.' || nv_character_is_white(code) || code >= 0x80;
}

static struct nv_hints slowly(struct nv_str text)
{
    struct nv_hints hints = {.ascii = false};
    struct count run = {0}, dense = {0}, joined = {0}, dots = {0};
    uint32_t others = 0, last = 0, capitals = 0;
    size_t begin = 0;
    see_bytes(text, &hints);
    for (size_t i = 0; i < text.len;) {
        struct nv_character c = nv_character_at(text, i);
        size_t at = i;
        i += c.len;
        if (nv_digit_value(c.code) < 0) {
            hints.area |= others == 0 && run.now > 0 && c.code == ')';
            others++;
            last = c.code;
            capitals = c.code >= 'A' && c.code <= 'Z' ? capitals + 1 : 0;
            continue;
        }
        if (others > 0) {
            run.now = 0;
            dense.now = others > 3 ? 0 : dense.now;
            joined.now = others == 1 && joins(last) ? joined.now : 0;
            if (others == 1 && last == '.' && dense.most > 0)
                add(&dots);
            else
                dots.now = 0;
        }
        hints.iban |= capitals >= 2;
        hints.pan |= capitals >= 5;
        others = capitals = 0;
        add(&run);
        add(&dense);
        begin = joined.now == 0 ? at : begin;
        add(&joined);
        if (joined.now == NV_HINTS_LONG && hints.to == 0)
            hints.from = begin;
        if (joined.now >= NV_HINTS_LONG)
            hints.to = i;
    }
    hints.dots = dots.most;
    hints.run = run.most;
    hints.dense = dense.most;
    hints.joined = joined.most;
    return hints;
}

START_TEST(as_character_by_character)
{
    static const char *const pieces[] = {"0",
                                         "12",
                                         "345",
                                         "6789012345",
                                         "90123456789012345678901234567890123",
                                         ".",
                                         ".",
                                         "-",
                                         " ",
                                         "\t",
                                         "a",
                                         "the word",
                                         ")",
                                         "@",
                                         "AB",
                                         "ABCDE",
                                         "\\",
                                         "/",
                                         ":",
                                         "p://",
                                         "s:\\/\\/",
                                         "\xc3\xa9",
                                         "\xe2\x80\x83",
                                         "\xd9\xa3",
                                         "\xd9\x8a",
                                         "\xf0\x9f\x9a\xa6",
                                         "\xf0\x9d\x9f\x98",
                                         "\xef\xbc\x91",
                                         "\xea\xb0\x80"};
    uint32_t seed = 1;
    unsigned with_others = 0;
    for (unsigned round = 0; round < 200000; round++) {
        char text[512];
        size_t len = 0;
        seed = seed * 1664525u + 1013904223u;
        size_t wanted = seed >> 16 & 0xff;
        /* every second one without other scripts */
        size_t kinds = sizeof pieces / sizeof pieces[0] - (round % 2 ? 8 : 0);
        while (len < wanted) {
            seed = seed * 1664525u + 1013904223u;
            struct nv_str piece = nv_str_from(pieces[(seed >> 16) % kinds]);
            memcpy(text + len, piece.ptr, piece.len);
            len += piece.len;
        }
        struct nv_str all = {text, len};
        struct nv_hints want = slowly(all);
        with_others += !want.ascii;
        compare(all, &want);
    }
    ck_assert_uint_gt(with_others, 10000);
}
END_TEST

/* 4 MB of what is looked at most. */
START_TEST(nothing_takes_long)
{
    static const char *const groups[] = {"\\", "\\/", "1 ", "\xd9\x8a", "p:\\\\/", "A1"};
    size_t size = (size_t)4 << 20, len = strlen(groups[_i]);
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = groups[_i][i % len];
    (void)nv_hints_of((struct nv_str){text, size});
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/hints");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, each, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, as_character_by_character);
    tcase_add_loop_test(tcase, nothing_takes_long, 0, 6);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
