/*
 * Base64 inside a text: every length, both alphabets, escapes, lines, and where it ends.
 */
#include "expect.h"

#include "base/text/base64_text.h"
#include "base/text/text.h"

#include "base/banned.h"

/* Reads all with pieces of `room`; how many bytes, and where it ended. */
static size_t read_all(struct nv_str text, size_t at, size_t room, uint8_t *out, size_t *end)
{
    struct nv_base64_reader reader;
    size_t made = 0, len;
    nv_base64_read_init(&reader, text, at);
    while ((len = nv_base64_read(&reader, out + made, room)) > 0)
        made += len;
    *end = reader.at;
    return made;
}

static void gives(struct nv_str text, struct nv_str bytes, size_t end)
{
    for (size_t room = 1; room < 7; room++) {
        uint8_t out[512];
        size_t at;
        size_t made = read_all(text, 0, room, out, &at);
        ck_assert_uint_eq(made, bytes.len);
        ck_assert_mem_eq(out, bytes.ptr, bytes.len);
        ck_assert_uint_eq(at, end);
    }
}

START_TEST(reads_up_to_what_is_none)
{
    gives(NV_STR("Zm9vYmFy\",\"x\""), NV_STR("foobar"), 8);
    gives(NV_STR("Zm9vYg== Zm9v"), NV_STR("foob"), 8);
    gives(NV_STR("Zm9vYmE=A"), NV_STR("fooba"), 8);
    gives(NV_STR("Zm9vYg"), NV_STR("foob"), 6);
    gives(NV_STR("Zm9vY"), NV_STR("foo"), 5); /* six bits are no byte */
    gives(NV_STR("-_8="), NV_STR("\xfb\xff"), 4);
    gives(NV_STR("+/8="), NV_STR("\xfb\xff"), 4);
    gives(NV_STR(""), NV_STR(""), 0);
    gives(NV_STR("!"), NV_STR(""), 0);
    gives(NV_STR("===="), NV_STR(""), 2);
}
END_TEST

START_TEST(escapes_of_json_are_undone)
{
    gives(NV_STR("+\\/8="), NV_STR("\xfb\xff"), 5);
    gives(NV_STR("\\u002b\\u002F8\\u003d\""), NV_STR("\xfb\xff"), 19);
    gives(NV_STR("Zm9v\\tZm9v"), NV_STR("foo"), 4);
    gives(NV_STR("Zm9v\\"), NV_STR("foo"), 4);
    gives(NV_STR("Zm9v\\u00"), NV_STR("foo"), 4);
}
END_TEST

START_TEST(escapes_of_uris_are_undone)
{
    gives(NV_STR("%2B%2f8%3D"), NV_STR("\xfb\xff"), 10);
    gives(NV_STR("Zm9vYg%3d%3D Zm9v"), NV_STR("foob"), 12);
    gives(NV_STR("Zm9v%20Zm9v"), NV_STR("foo"), 4);
    gives(NV_STR("Zm9v%2"), NV_STR("foo"), 4);
}
END_TEST

#define LINE "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB" /* 48 A */
#define BYTES "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

START_TEST(lines_of_equal_length_are_one_text)
{
    gives(NV_STR(LINE "\r\n" LINE "\nQUE=\nx"), NV_STR(BYTES BYTES "AA"), 64 + 2 + 64 + 1 + 4);
    gives(NV_STR(LINE "\\n" LINE), NV_STR(BYTES BYTES), 130);
    gives(NV_STR(LINE "\n\nQUFB"), NV_STR(BYTES), 64);
    gives(NV_STR(LINE "\nQUFB\nQUFB"), NV_STR(BYTES "AAA"), 69); /* a short line is the last */
    gives(NV_STR(LINE "\n" LINE "QUFB"), NV_STR(BYTES), 64); /* a longer one belongs to none */
    gives(NV_STR("QUFB\nQUFB"), NV_STR("AAA"), 4);
}
END_TEST

START_TEST(lines_may_be_indented)
{
    gives(NV_STR(LINE "\n    " LINE "\n \tQUE=\n x"), NV_STR(BYTES BYTES "AA"),
          64 + 5 + 64 + 3 + 4);
    gives(NV_STR(LINE "\\n  QUFB\""), NV_STR(BYTES "AAA"), 64 + 4 + 4);
    gives(NV_STR(LINE "\n  QUFB"), NV_STR(BYTES "AAA"), 64 + 3 + 4);
    gives(NV_STR(LINE "\n  Here it is"), NV_STR(BYTES), 64); /* prose */
    gives(NV_STR(LINE "\n  See\n"), NV_STR(BYTES), 64);
    gives(NV_STR(LINE "\n  " LINE "QUFB"), NV_STR(BYTES), 64);
    gives(NV_STR(LINE "\n  "), NV_STR(BYTES), 64);
}
END_TEST

START_TEST(every_length_comes_back)
{
    uint8_t bytes[256], out[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct nv_buf text;
        size_t end;
        nv_buf_init(&text, 1024);
        ck_assert_int_eq(nv_base64_encode(&text, (struct nv_str){(char *)bytes, len}), NV_OK);
        ck_assert_uint_eq(read_all(nv_buf_str(&text), 0, 32, out, &end), len);
        ck_assert_mem_eq(out, bytes, len);
        ck_assert_uint_eq(end, text.len);
        nv_buf_release(&text);
    }
}
END_TEST

START_TEST(begins_where_it_is_told)
{
    uint8_t out[16];
    size_t end;
    ck_assert_uint_eq(read_all(NV_STR("a,Zm9v"), 2, 16, out, &end), 3);
    ck_assert_mem_eq(out, "foo", 3);
    ck_assert_uint_eq(read_all(NV_STR("a"), 9, 16, out, &end), 0);
    ck_assert_uint_eq(end, 1);
    ck_assert(nv_base64_is_char('_') && !nv_base64_is_char('=') && !nv_base64_is_char('\xff'));
}
END_TEST

START_TEST(plain_characters_are_counted)
{
    char text[40];
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'A', sizeof text);
            text[at] = (char)c;
            struct nv_str whole = {text, sizeof text};
            size_t behind = nv_base64_is_char((char)c) ? sizeof text : at;
            ck_assert_uint_eq(nv_base64_plain(whole, 0), behind);
            ck_assert_uint_eq(nv_base64_plain(whole, at), behind - at);
        }
    }
    ck_assert_uint_eq(nv_base64_plain(NV_STR("abc"), 3), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base64_text");
    TCase *tests = tcase_create("base64_text");
    tcase_add_test(tests, reads_up_to_what_is_none);
    tcase_add_test(tests, escapes_of_json_are_undone);
    tcase_add_test(tests, escapes_of_uris_are_undone);
    tcase_add_test(tests, lines_may_be_indented);
    tcase_add_test(tests, lines_of_equal_length_are_one_text);
    tcase_add_test(tests, every_length_comes_back);
    tcase_add_test(tests, begins_where_it_is_told);
    tcase_add_test(tests, plain_characters_are_counted);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
