/*
 * The writer judged by its text and by jansson's reader: escapes, invalid UTF-8, numbers that
 * read back the same, nesting, the cap at every size, and no memory at every allocation.
 */
#include "expect.h"
#include "oom.h"

#include "base/json/json_write.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_buf buf;
static struct nv_json_writer writer;

static void setup(void)
{
    nv_buf_init(&buf, 1u << 20);
    nv_json_write_init(&writer, &buf);
}

static void teardown(void)
{
    nv_buf_release(&buf);
}

START_TEST(places_commas_and_colons)
{
    nv_json_write_begin_object(&writer);
    nv_json_write_key(&writer, NV_STR("a"));
    nv_json_write_begin_array(&writer);
    nv_json_write_int(&writer, 1);
    nv_json_write_begin_array(&writer);
    nv_json_write_end_array(&writer);
    nv_json_write_bool(&writer, true);
    nv_json_write_null(&writer);
    nv_json_write_end_array(&writer);
    nv_json_write_key(&writer, NV_STR("b"));
    nv_json_write_begin_object(&writer);
    nv_json_write_end_object(&writer);
    nv_json_write_key(&writer, NV_STR("c"));
    nv_json_write_bool(&writer, false);
    nv_json_write_key(&writer, NV_STR("d"));
    nv_json_write_raw(&writer, NV_STR("[1, 2]"));
    nv_json_write_key(&writer, NV_STR("e"));
    nv_json_write_base64(&writer, NV_STR("\x01\x02\xff\xfe"));
    nv_json_write_end_object(&writer);
    ck_assert_int_eq(buf.failed, NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf),
                     "{\"a\":[1,[],true,null],\"b\":{},\"c\":false,\"d\":[1, 2],"
                     "\"e\":\"AQL//g==\"}");
}
END_TEST

static const struct {
    struct nv_str in;
    const char *out;
    unsigned replaced;
} strings[] = {
    {NV_STR_INIT(""), "\"\"", 0},
    {NV_STR_INIT("plain"), "\"plain\"", 0},
    {NV_STR_INIT("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"", 0},
    {NV_STR_INIT("\b\t\n\f\r\x01\x1f\x7f"), "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\"", 0},
    {NV_STR_INIT("nul\0in"), "\"nul\\u0000in\"", 0},
    {NV_STR_INIT("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
     "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"", 0},
    {NV_STR_INIT("\xff"), "\"\xef\xbf\xbd\"", 1},
    {NV_STR_INIT("a\x80z"), "\"a\xef\xbf\xbdz\"", 1},
    {NV_STR_INIT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", 2},
    {NV_STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 3},
    {NV_STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\"", 1},
    {NV_STR_INIT("\xf0\x9f\x98z"), "\"\xef\xbf\xbdz\"", 1},
    {NV_STR_INIT("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
     4},
    {NV_STR_INIT("0123456789abcde\"0123456789abcdef"),
     "\"0123456789abcde\\\"0123456789abcdef\"", 0},
};

START_TEST(escapes_strings)
{
    nv_json_write_string(&writer, strings[_i].in);
    ck_assert_nv_str(nv_buf_str(&buf), strings[_i].out);
    ck_assert_uint_eq(writer.replaced, strings[_i].replaced);
}
END_TEST

START_TEST(special_byte_at_every_place)
{
    static const char *specials[][2] = {{"\"", "\\\""},
                                        {"\n", "\\n"},
                                        {"\xe2\x82\xac", "\xe2\x82\xac"},
                                        {"\xff", "\xef\xbf\xbd"}};
    char in[64], expected[128];
    for (size_t place = 0; place < 40; place++) {
        for (size_t s = 0; s < 4; s++) {
            int n = snprintf(in, sizeof in, "%.*s%s%.*s", (int)place,
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR", specials[s][0],
                             (int)(40 - place), "0123456789012345678901234567890123456789");
            (void)snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", (int)place,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQR", specials[s][1],
                           (int)(40 - place), "0123456789012345678901234567890123456789");
            nv_buf_clear(&buf);
            nv_json_write_init(&writer, &buf);
            nv_json_write_string(&writer, (struct nv_str){in, (size_t)n});
            ck_assert_nv_str(nv_buf_str(&buf), expected);
        }
    }
}
END_TEST

/* Every length, with one special byte at each place or none, by the vectors and by a writer of
 * single bytes: what either of them leaves to the other shows. Each ends where its array does,
 * so that the address sanitizer sees a look past it. */
START_TEST(short_texts_of_every_length)
{
    static const char specials[] = {'"', '\\', '\n', 0x1f, 'x'};
    for (size_t len = 0; len <= 70; len++) {
        for (size_t at = 0; at < len * sizeof specials; at++) {
            char room[70], expected[160];
            char *text = room + sizeof room - len;
            size_t n = 0;
            for (size_t i = 0; i < len; i++)
                text[i] = (char)('A' + i % 26);
            text[at / sizeof specials] = specials[at % sizeof specials];
            expected[n++] = '"';
            for (size_t i = 0; i < len; i++) {
                if (text[i] == 0x1f || text[i] == '\n') {
                    const char *escape = text[i] == '\n' ? "\\n" : "\\u001f";
                    memcpy(expected + n, escape, strlen(escape));
                    n += strlen(escape);
                    continue;
                }
                if (text[i] == '"' || text[i] == '\\')
                    expected[n++] = '\\';
                expected[n++] = text[i];
            }
            expected[n++] = '"';
            nv_buf_clear(&buf);
            nv_json_write_init(&writer, &buf);
            nv_json_write_string(&writer, (struct nv_str){text, len});
            ck_assert_nv_str_eq(nv_buf_str(&buf), ((struct nv_str){expected, n}));
        }
    }
}
END_TEST

/* Of what is known to be clean the same comes out as of what is looked at. */
START_TEST(known_texts)
{
    nv_json_write_begin_object(&writer);
    nv_json_write_known_key(&writer, NV_STR("\"a\":"));
    nv_json_write_clean(&writer, NV_STR("00ff"));
    nv_json_write_known_key(&writer, NV_STR("\"b\":"));
    nv_json_write_clean(&writer, NV_STR(""));
    nv_json_write_end_object(&writer);
    ck_assert_nv_str(nv_buf_str(&buf), "{\"a\":\"00ff\",\"b\":\"\"}");
}
END_TEST

/* Longer than a piece, with characters across every piece's end. */
START_TEST(long_text_of_many_scripts)
{
    struct nv_buf in;
    nv_buf_init(&in, 1u << 20);
    for (int i = 0; i < 5000; i++) {
        (void)nv_buf_append_str(&in, i % 7 == 0 ? NV_STR("\xf0\x9f\x98\x80x")
                                                : NV_STR("\xe6\x97\xa5\xd1\x8f"));
    }
    nv_json_write_string(&writer, nv_buf_str(&in));
    ck_assert_uint_eq(buf.len, in.len + 2);
    ck_assert_mem_eq(buf.bytes + 1, in.bytes, in.len);
    ck_assert_uint_eq(writer.replaced, 0);
    nv_buf_release(&in);
}
END_TEST

START_TEST(string_in_pieces)
{
    nv_json_write_begin_array(&writer);
    nv_json_write_int(&writer, 0);
    nv_json_write_string_begin(&writer);
    nv_json_write_string_part(&writer, NV_STR("a\""));
    nv_json_write_string_part(&writer, (struct nv_str){NULL, 0});
    nv_json_write_string_part(&writer, NV_STR("b"));
    nv_json_write_string_end(&writer);
    nv_json_write_end_array(&writer);
    ck_assert_nv_str(nv_buf_str(&buf), "[0,\"a\\\"b\"]");
}
END_TEST

START_TEST(integers)
{
    static const int64_t values[] = {0,  7,   10,        99,        100,       101,
                                     -1, -10, -12345678, 123456789, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        nv_buf_clear(&buf);
        nv_json_write_init(&writer, &buf);
        nv_json_write_int(&writer, values[i]);
        ck_assert_nv_str(nv_buf_str(&buf), expected);
    }
    nv_buf_clear(&buf);
    nv_json_write_init(&writer, &buf);
    nv_json_write_uint(&writer, UINT64_MAX);
    ck_assert_nv_str(nv_buf_str(&buf), "18446744073709551615");
}
END_TEST

static const struct {
    double in;
    const char *out;
} doubles[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {100.0, "100.0"},
    {1300.0, "1300.0"},
    {0.1, "0.1"},
    {-2.5, "-2.5"},
    {0.000001, "0.000001"},
    {0.0000001, "1e-07"},
    {1.0 / 3.0, "0.3333333333333333"},
    {2.0 / 3.0, "0.6666666666666666"},
    {0.30000000000000004, "0.30000000000000004"},
    {123456.789012, "123456.789012"},
    {9007199254740993.0, "9007199254740992.0"},
    {1e15, "1000000000000000.0"},
    {1e22, "1e+22"},
    {5e-324, "4.94065645841247e-324"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {(double)NAN, "\"NaN\""},
    {(double)INFINITY, "\"Infinity\""},
    {-(double)INFINITY, "\"-Infinity\""},
};

START_TEST(doubles_as_text)
{
    nv_json_write_double(&writer, doubles[_i].in);
    ck_assert_nv_str(nv_buf_str(&buf), doubles[_i].out);
}
END_TEST

START_TEST(random_doubles_read_back)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        double value;
        memcpy(&value, &state, sizeof value);
        if (i % 2 == 0) /* the everyday kind: few decimals */
            value = (double)(int64_t)(state >> 34) / 1000.0;
        if (!isfinite(value))
            continue;
        nv_buf_clear(&buf);
        nv_json_write_init(&writer, &buf);
        nv_json_write_double(&writer, value);
        ck_assert_int_eq(nv_buf_append_char(&buf, '\0'), NV_OK);
        double back = strtod(buf.bytes, NULL);
        ck_assert_msg(memcmp(&back, &value, sizeof back) == 0, "%s for %.17g", buf.bytes,
                      value);
        ck_assert_ptr_nonnull(strpbrk(buf.bytes, ".e"));
    }
}
END_TEST

/* The shortest of 15, 16 and 17 digits that reads back, asked of printf alone. */
static void expect_like_printf(double value)
{
    char text[40];
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof back) == 0)
            break;
    }
    if (!strpbrk(text, ".e"))
        memcpy(text + len, ".0", 3);
    nv_buf_clear(&buf);
    nv_json_write_init(&writer, &buf);
    nv_json_write_double(&writer, value);
    ck_assert_nv_str(nv_buf_str(&buf), text);
}

/* Prices, scores, fractions: numbers of few digits and many decimals, and their neighbours. Of
 * those with up to six decimals below 0.0001 printf makes exponents and we do not. */
START_TEST(many_decimals_are_written_as_printf_does)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uint64_t most = 10;
        for (uint64_t n = 0; n < state % 17; n++)
            most *= 10;
        double value = (double)((state >> 8) % most) / pow(10, 7 + (double)(state % 16));
        if (value >= 1e-4 || value * 1e6 < 1)
            expect_like_printf(i % 3 == 0 ? -value : value);
        if (value >= 1e-4)
            expect_like_printf(nextafter(value, i % 2 == 0 ? 0 : 1e300));
    }
}
END_TEST

START_TEST(depth_is_bounded)
{
    for (int i = 0; i < NV_JSON_WRITE_DEPTH_MAX; i++)
        nv_json_write_begin_array(&writer);
    ck_assert_int_eq(buf.failed, NV_OK);
    nv_json_write_begin_array(&writer);
    ck_assert_int_eq(buf.failed, NV_ERR_DEPTH);
    for (int i = 0; i <= NV_JSON_WRITE_DEPTH_MAX; i++)
        nv_json_write_end_array(&writer);
    ck_assert_int_eq(buf.failed, NV_ERR_DEPTH);
}
END_TEST

static void write_sample(void)
{
    nv_json_write_begin_object(&writer);
    nv_json_write_key(&writer, NV_STR("text"));
    nv_json_write_string(&writer,
                         NV_STR("a long line with a \" quote and \n and \xff and more text"));
    nv_json_write_key(&writer, NV_STR("list"));
    nv_json_write_begin_array(&writer);
    nv_json_write_int(&writer, 12345);
    nv_json_write_double(&writer, 0.5);
    nv_json_write_base64(&writer, NV_STR("bytes"));
    nv_json_write_end_array(&writer);
    nv_json_write_end_object(&writer);
}

START_TEST(cap_is_exact)
{
    write_sample();
    size_t whole = buf.len;
    char *text = NULL;
    ck_assert_uint_eq(nv_buf_take(&buf, &text), whole);
    for (size_t max = 0; max <= whole; max++) {
        nv_buf_init(&buf, max);
        nv_json_write_init(&writer, &buf);
        write_sample();
        ck_assert_int_eq(buf.failed, max < whole ? NV_ERR_LIMIT : NV_OK);
        ck_assert_uint_le(buf.len, max);
        if (buf.len > 0)
            ck_assert_mem_eq(buf.bytes, text, buf.len);
        nv_buf_release(&buf);
    }
    free(text);
}
END_TEST

/* Texts of all lengths round the shortest that is remembered, some of them alike but for one
 * byte, some not UTF-8. */
static struct nv_str made_text(char *room, unsigned number)
{
    static const char alphabet[] = "abcdefgh \n\"\\\xc3\xa9\xff\x01";
    const size_t len = 60 + number % 90 + (number % 7 == 0 ? 5000 : 0);
    for (size_t i = 0; i < len; i++)
        room[i] = alphabet[(i * 7 + number % 3) % (number % 2 == 0 ? 10 : sizeof alphabet - 1)];
    room[len / 3] = (char)('a' + number % 5);
    return (struct nv_str){room, len};
}

#define MADE_LEN_MAX 6000
#define MADE 40u

/* Writes every text three times, with what was seen and without; both stop at `max`. */
static void write_often(struct nv_buf *out, size_t max, struct nv_seen_texts *seen)
{
    static char rooms[2][MADE][MADE_LEN_MAX];
    nv_buf_init(out, max);
    nv_json_write_init(&writer, out);
    writer.seen = seen;
    writer.text_max = 3000;
    nv_json_write_begin_array(&writer);
    for (unsigned i = 0; i < 3 * MADE; i++)
        nv_json_write_string(&writer, made_text(rooms[i / MADE % 2][i % MADE], i % MADE));
    nv_json_write_end_array(&writer);
}

START_TEST(texts_seen_before_are_written_alike)
{
    static struct nv_seen_texts seen;
    struct nv_buf again;
    write_often(&buf, 1u << 20, NULL);
    const uint64_t replaced = writer.replaced;
    const size_t all = buf.len;
    ck_assert_uint_gt(replaced, 0);
    for (size_t max = 500; max < 2 * all; max = max * 3 / 2) {
        nv_buf_release(&buf);
        write_often(&buf, max, NULL);
        const uint64_t of_all = writer.replaced;
        memset(seen.used, 0, sizeof seen.used);
        write_often(&again, max, &seen);
        ck_assert_int_eq(buf.failed, again.failed);
        ck_assert(nv_str_eq(nv_buf_str(&buf), nv_buf_str(&again)));
        ck_assert_uint_eq(writer.replaced, of_all);
        nv_buf_release(&again);
    }
    ck_assert_uint_eq(buf.len, all);
    const struct nv_str known = made_text((char[MADE_LEN_MAX]){0}, 38);
    ck_assert_ptr_nonnull(nv_seen_find(&seen, known)); /* or nothing was tried here */
    ck_assert_ptr_null(nv_seen_find(&seen, nv_str_slice(known, 1, known.len)));
}
END_TEST

START_TEST(no_memory_is_reported)
{
    for (unsigned long n = 1;; n++) {
        nv_buf_init(&buf, 1u << 20);
        nv_json_write_init(&writer, &buf);
        oom_fail_nth(n);
        write_sample();
        bool failed = oom_end();
        ck_assert_int_eq(buf.failed, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_buf_release(&buf);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/json_write");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, places_commas_and_colons);
    tcase_add_loop_test(tcase, escapes_strings, 0, (int)(sizeof strings / sizeof strings[0]));
    tcase_add_test(tcase, special_byte_at_every_place);
    tcase_add_test(tcase, short_texts_of_every_length);
    tcase_add_test(tcase, known_texts);
    tcase_add_test(tcase, long_text_of_many_scripts);
    tcase_add_test(tcase, string_in_pieces);
    tcase_add_test(tcase, integers);
    tcase_add_loop_test(tcase, doubles_as_text, 0, (int)(sizeof doubles / sizeof doubles[0]));
    tcase_add_test(tcase, random_doubles_read_back);
    tcase_add_test(tcase, many_decimals_are_written_as_printf_does);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, cap_is_exact);
    tcase_add_test(tcase, texts_seen_before_are_written_alike);
    tcase_add_test(tcase, no_memory_is_reported);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
