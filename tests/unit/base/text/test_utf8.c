/*
 * UTF-8 against an independent, slow definition: decode, then check shortest form and range.
 * Every two-byte sequence and every lead with edge continuations is tried.
 */
#include "expect.h"

#include "base/text/ascii.h"
#include "base/text/utf8.h"

#include <stdlib.h>

#include "base/banned.h"

/* Length of the well-formed character at `at`, by decoding; 0 when there is none. */
static size_t decode(const unsigned char *at, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t count = at[0] < 0x80       ? 1
                   : at[0] >> 5 == 6  ? 2
                   : at[0] >> 4 == 14 ? 3
                   : at[0] >> 3 == 30 ? 4
                                      : 0;
    if (count < 2)
        return count;
    if (len < count)
        return 0;
    uint32_t code = at[0] & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 63);
    }
    bool good = code >= least[count] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return good ? count : 0;
}

START_TEST(agrees_with_decoding)
{
    static const unsigned char edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                          0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    unsigned char text[4] = {(unsigned char)_i, 0, 0, 0};
    for (size_t a = 0; a < sizeof edges; a++) {
        for (size_t b = 0; b < sizeof edges; b++) {
            for (size_t c = 0; c < sizeof edges; c++) {
                text[1] = edges[a];
                text[2] = edges[b];
                text[3] = edges[c];
                for (size_t len = 1; len <= 4; len++) {
                    size_t invalid = 0;
                    struct nv_str s = {(const char *)text, len};
                    size_t length = nv_utf8_char(s, &invalid);
                    bool good = length == decode(text, len) && invalid >= 1 && invalid <= 3 &&
                                invalid <= len;
                    if (!good) { /* an assertion each would take seconds */
                        ck_abort_msg("%02x %02x %02x %02x of %zu: %zu, %zu", text[0], text[1],
                                     text[2], text[3], len, length, invalid);
                    }
                }
            }
        }
    }
}
END_TEST

START_TEST(valid_prefix_at_every_place)
{
    for (size_t len = 1; len <= 64; len++) {
        char *text = malloc(len); /* its exact size, so that a sanitizer sees what is read */
        ck_assert_ptr_nonnull(text);
        memset(text, 'a', len);
        ck_assert_uint_eq(nv_utf8_valid_prefix((struct nv_str){text, len}), len);
        for (size_t i = 0; i < len; i++) {
            text[i] = '\xff';
            ck_assert_uint_eq(nv_utf8_valid_prefix((struct nv_str){text, len}), i);
            text[i] = 'a';
            if (i + 2 > len)
                continue;
            memcpy(text + i, "\xc3\xa9", 2);
            ck_assert_uint_eq(nv_utf8_valid_prefix((struct nv_str){text, len}), len);
            memset(text + i, 'a', 2);
        }
        free(text);
    }
    ck_assert_uint_eq(nv_utf8_valid_prefix((struct nv_str){NULL, 0}), 0);
    ck_assert_uint_eq(nv_utf8_valid_prefix(NV_STR("\xe2\x82\xac\xf0\x9f\x98")), 3);
}
END_TEST

START_TEST(maximal_parts)
{
    static const struct {
        struct nv_str text;
        size_t invalid;
    } rows[] = {
        {NV_STR_INIT("\x80"), 1},         {NV_STR_INIT("\xc0\x80"), 1},
        {NV_STR_INIT("\xe2\x82"), 2},     {NV_STR_INIT("\xe2\x82z"), 2},
        {NV_STR_INIT("\xf0\x9f\x98"), 3}, {NV_STR_INIT("\xf0\x9f\x98z"), 3},
        {NV_STR_INIT("\xed\xa0\x80"), 1}, {NV_STR_INIT("\xf4\x90\x80"), 1},
        {NV_STR_INIT("\xe2"), 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t invalid = 0;
        ck_assert_uint_eq(nv_utf8_char(rows[i].text, &invalid), 0);
        ck_assert_uint_eq(invalid, rows[i].invalid);
    }
}
END_TEST

START_TEST(put_and_char_agree)
{
    static const uint32_t codes[] = {0,      0x7f,   0x80,   0x7ff,   0x800,
                                     0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    char text[4];
    size_t invalid;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        size_t length = nv_utf8_put(codes[i], text);
        ck_assert_uint_eq(nv_utf8_char((struct nv_str){text, length}, &invalid), length);
    }
    ck_assert_uint_eq(nv_utf8_put(0xd800, text), 3);
    ck_assert_mem_eq(text, NV_UTF8_REPLACEMENT, 3);
}
END_TEST

START_TEST(cut_keeps_characters_whole)
{
    struct nv_str text = NV_STR("a\xe2\x82\xac\xf0\x9f\x98\x80z");
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};
    for (size_t max = 0; max < sizeof expected / sizeof expected[0]; max++)
        ck_assert_uint_eq(nv_utf8_cut(text, max), expected[max]);
    ck_assert_uint_eq(nv_utf8_cut(NV_STR("\x80\x80\x80\x80\x80\x80"), 5), 5);
}
END_TEST

/* Each length, a byte of 0x80 and more at each place or at none; a sanitizer sees reads
 * beyond. */
START_TEST(ascii_of_every_length)
{
    for (size_t len = 0; len < 100; len++) {
        uint8_t *text = malloc(len + 1);
        ck_assert_ptr_nonnull(text);
        memset(text, 0x7f, len + 1);
        for (size_t at = 0; at <= len; at++) {
            ck_assert(nv_ascii(text + 1, len));
            if (at < len) {
                text[at + 1] = at % 2 ? 0x80 : 0xff;
                ck_assert(!nv_ascii(text + 1, len));
                text[at + 1] = 0x7f;
            }
        }
        text[0] = 0x80;
        ck_assert(nv_ascii(text + 1, len));
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/utf8");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, agrees_with_decoding, 0, 256);
    tcase_add_test(tcase, valid_prefix_at_every_place);
    tcase_add_test(tcase, ascii_of_every_length);
    tcase_add_test(tcase, maximal_parts);
    tcase_add_test(tcase, put_and_char_agree);
    tcase_add_test(tcase, cut_keeps_characters_whole);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
