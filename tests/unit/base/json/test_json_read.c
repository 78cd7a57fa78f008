/*
 * The reader: which tokens come, what is refused and where, truncation told apart from damage
 * at every byte, depth, skipping, and texts that are unescaped while they are read.
 */
#include "expect.h"
#include "oom.h"

#include "base/json/json_read.h"

#include <stdlib.h>

#include "base/banned.h"

/* One letter a token: { } [ ] k s n t f 0(null) . (end) ! (error) */
static char letter(enum nv_json_token token)
{
    static const char letters[] = "!.{}[]ksntf0";
    return letters[token];
}

static struct nv_json_reader read_all(struct nv_str text, char *tokens, size_t size)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, text, 8);
    size_t count = 0;
    enum nv_json_token token;
    do {
        token = nv_json_next(&reader);
        ck_assert_uint_lt(count + 1, size);
        tokens[count++] = letter(token);
    } while (token != NV_JSON_ERROR && token != NV_JSON_END);
    tokens[count] = '\0';
    ck_assert_int_eq(nv_json_next(&reader), token);
    return reader;
}

static const struct {
    const char *text;
    const char *tokens;
} valid[] = {
    {"{\"a\": [1, \"x\"]}", "{k[ns]}."},
    {" \t\r\n null \n", "0."},
    {"true", "t."},
    {"false", "f."},
    {"[]", "[]."},
    {"{}", "{}."},
    {"[ ]", "[]."},
    {"{ }", "{}."},
    {"\"\"", "s."},
    {"[[[[[[[[]]]]]]]]", "[[[[[[[[]]]]]]]]."},
    {"[0,-0,1.5,-1e5,1E+3,2e-7,123456789012345678901234567890]", "[nnnnnnn]."},
    {"\xef\xbb\xbf{\"a\":1}", "{kn}."},
    {"{\"a\":1,\"a\":2}", "{knkn}."},
    {"[{},{\"b\":[]},[{}]]", "[{}{k[]}[{}]]."},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "s."},
    {"\"\xff\xfe\"", "s."},
};

START_TEST(tokens_of_valid_text)
{
    char tokens[64];
    struct nv_json_reader reader = read_all(nv_str_from(valid[_i].text), tokens, sizeof tokens);
    ck_assert_str_eq(tokens, valid[_i].tokens);
    ck_assert_int_eq(reader.err, NV_OK);
}
END_TEST

/* A prefix of a valid text is truncated, unless it is a whole value itself. */
START_TEST(every_prefix_is_truncated)
{
    struct nv_str text = nv_str_from(valid[_i].text);
    /* a part of the byte order mark is no text at all */
    size_t first = text.ptr[0] == '\xef' ? 3 : 0;
    for (size_t len = first; len < text.len; len++) {
        char tokens[64];
        /* an exact copy, so that reading past the end shows under AddressSanitizer */
        char *copy = malloc(len + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text.ptr, len);
        struct nv_json_reader reader =
            read_all((struct nv_str){copy, len}, tokens, sizeof tokens);
        ck_assert_msg(reader.err == NV_OK || reader.err == NV_ERR_TRUNCATED, "%.*s: %s",
                      (int)len, text.ptr, reader.what);
        if (text.ptr[0] == '{' || text.ptr[0] == '[')
            ck_assert_int_eq(reader.err, NV_ERR_TRUNCATED);
        free(copy);
    }
}
END_TEST

static const struct {
    const char *text;
    size_t pos;
} invalid[] = {
    {"[1,]", 3},        {"{\"a\":1,}", 7},  {"{a:1}", 1},      {"[1 2]", 3},
    {"{\"a\" 1}", 5},   {"{\"a\":}", 5},    {"]", 0},          {"[}", 1},
    {"{]", 1},          {"[1}", 2},         {"{\"a\":1]", 6},  {"01", 0},
    {"-01", 1},         {"+1", 0},          {".5", 0},         {"1.x", 2},
    {"1ex", 2},         {"--1", 1},         {"nul!", 0},       {"True", 0},
    {"NaN", 0},         {"1 2", 2},         {"{} x", 3},       {"\"a\nb\"", 2},
    {"\"\\x\"", 1},     {"\"\\u12g4\"", 1}, {"'a'", 0},        {"[1,,2]", 3},
    {"{,}", 1},         {"/**/1", 0},       {"\"\\\x01\"", 1}, {"{1:2}", 1},
    {"{\"a\":1,2}", 7},
};

START_TEST(invalid_text_is_refused)
{
    char tokens[64];
    struct nv_json_reader reader =
        read_all(nv_str_from(invalid[_i].text), tokens, sizeof tokens);
    ck_assert_msg(reader.err == NV_ERR_MALFORMED, "%s: %s", invalid[_i].text, tokens);
    ck_assert_ptr_nonnull(reader.what);
    ck_assert_msg(reader.pos == invalid[_i].pos, "%s: at %zu", invalid[_i].text, reader.pos);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
    char tokens[64];
    ck_assert_int_eq(read_all(NV_STR("\0"), tokens, sizeof tokens).err, NV_ERR_MALFORMED);
    ck_assert_int_eq(read_all(NV_STR("\"a\0\""), tokens, sizeof tokens).err, NV_ERR_MALFORMED);
    ck_assert_int_eq(read_all(NV_STR("\"\\\0\""), tokens, sizeof tokens).err, NV_ERR_MALFORMED);
    ck_assert_int_eq(read_all(NV_STR("1\0"), tokens, sizeof tokens).err, NV_ERR_MALFORMED);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char text[600];
    struct nv_json_reader reader;
    memset(text, '[', sizeof text);
    for (unsigned max = 0; max <= 300; max += 50) {
        unsigned expected = max < NV_JSON_DEPTH_LIMIT ? max : NV_JSON_DEPTH_LIMIT;
        nv_json_read_init(&reader, (struct nv_str){text, sizeof text}, max);
        unsigned depth = 0;
        while (nv_json_next(&reader) == NV_JSON_ARRAY_BEGIN)
            depth++;
        ck_assert_uint_eq(depth, expected);
        ck_assert_int_eq(reader.err, NV_ERR_DEPTH);
    }
}
END_TEST

START_TEST(mixed_nesting_past_64_levels)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 100000);
    for (int i = 0; i < 200; i++)
        (void)nv_buf_append_str(&buf, i % 3 == 0 ? NV_STR("[") : NV_STR("{\"k\":"));
    (void)nv_buf_append_str(&buf, NV_STR("1"));
    for (int i = 199; i >= 0; i--)
        (void)nv_buf_append_char(&buf, i % 3 == 0 ? ']' : '}');
    struct nv_json_reader reader;
    nv_json_read_init(&reader, nv_buf_str(&buf), 200);
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_OK);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_END);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(skip_passes_whole_values)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, NV_STR("{\"a\":{\"b\":[1,{}]},\"c\":[[]],\"d\":5,\"e\":7}"), 8);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_OBJECT_BEGIN);
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_OK); /* key a */
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_KEY);
    ck_assert_nv_str(reader.raw, "c");
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_OK);
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_OK); /* key d */
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_KEY);
    ck_assert_nv_str(reader.raw, "e");
    nv_json_read_init(&reader, NV_STR("[[1,2}"), 8);
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_ERR_MALFORMED);
}
END_TEST

START_TEST(raw_views_and_flags)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, NV_STR("[\"a\\n\",\"b\",-1.5e3,42]"), 8);
    (void)nv_json_next(&reader);
    (void)nv_json_next(&reader);
    ck_assert_nv_str(reader.raw, "a\\n");
    ck_assert(reader.escaped);
    (void)nv_json_next(&reader);
    ck_assert_nv_str(reader.raw, "b");
    ck_assert(!reader.escaped);
    (void)nv_json_next(&reader);
    ck_assert_nv_str(reader.raw, "-1.5e3");
    ck_assert(!reader.integer);
    (void)nv_json_next(&reader);
    ck_assert_nv_str(reader.raw, "42");
    ck_assert(reader.integer);
}
END_TEST

START_TEST(cut_string_leaves_its_beginning)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, NV_STR("[\"abc\\u00"), 8);
    (void)nv_json_next(&reader);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ERROR);
    ck_assert(reader.partial);
    ck_assert_nv_str(reader.raw, "abc");
    nv_json_read_init(&reader, NV_STR("{\"abc"), 8);
    (void)nv_json_next(&reader);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ERROR);
    ck_assert(!reader.partial);
}
END_TEST

/* A special byte at every place around the 16-byte blocks of the scan. */
START_TEST(string_end_at_every_place)
{
    char text[80];
    for (size_t len = 0; len < 70; len++) {
        memset(text, 'x', sizeof text);
        text[0] = '"';
        text[len + 1] = '"';
        struct nv_json_reader reader;
        nv_json_read_init(&reader, (struct nv_str){text, len + 2}, 1);
        ck_assert_int_eq(nv_json_next(&reader), NV_JSON_STRING);
        ck_assert_uint_eq(reader.raw.len, len);
        ck_assert_int_eq(nv_json_next(&reader), NV_JSON_END);
        text[len / 2 + 1] = '\x1f';
        nv_json_read_init(&reader, (struct nv_str){text, len + 2}, 1);
        if (len > 0)
            ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ERROR);
    }
}
END_TEST

/* Two readers of the same bytes, one of which unescapes as it reads, must say the same. */
static void same_with_texts(struct nv_str text)
{
    struct nv_json_reader plain, texts;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    enum nv_json_token token;
    nv_json_read_init(&plain, text, 8);
    nv_json_read_init(&texts, text, 8);
    nv_json_read_texts(&texts, arena);
    do {
        token = nv_json_next(&plain);
        ck_assert_int_eq(nv_json_next(&texts), token);
        ck_assert_uint_eq(texts.pos, plain.pos);
        ck_assert_int_eq(texts.err, plain.err);
        ck_assert_int_eq(texts.partial, plain.partial);
        if (token != NV_JSON_KEY && token != NV_JSON_STRING && !plain.partial)
            continue;
        struct nv_str a = nv_json_unescape(arena, plain.raw, plain.escaped);
        struct nv_str b = nv_json_unescape(arena, texts.raw, texts.escaped);
        ck_assert(nv_str_eq(a, b));
    } while (token != NV_JSON_ERROR && token != NV_JSON_END);
    nv_arena_free(arena);
}

START_TEST(texts_are_the_same_wherever_the_text_ends)
{
    static const char text[] = "{\"k\\n1\": \"a\\nb\", \"plain\": \"no escapes in this one, "
                               "which is longer than a block\", \"x\": [\"\\ud83d\\ude00 and "
                               "seventeen bytes\\t\", \"\\\\\", \"\\u00e9\\\"\"]}";
    for (size_t len = 0; len < sizeof text; len++) {
        char *copy = malloc(len + 1); /* its own, so that a read past the end is seen */
        memcpy(copy, text, len);
        same_with_texts((struct nv_str){copy, len});
        free(copy);
    }
}
END_TEST

START_TEST(texts_with_damage)
{
    static const char *const damaged[] = {"[\"a\\n\\x\"]", "[\"a\\n\x01\"]",
                                          "[\"a\\n\\u12g4\"]", "{\"a\\q\":1}",
                                          "[\"\\ud83d\", \"\\ude00\\u\"]"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        same_with_texts(nv_str_from(damaged[i]));
}
END_TEST

/* More escaped text than there is room for: some strings end in it, some outgrow it. */
START_TEST(texts_past_the_room)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    (void)nv_buf_append_char(&buf, '[');
    for (unsigned i = 0; i < 400; i++) {
        (void)nv_buf_printf(&buf, "%s\"%u", i > 0 ? "," : "", i);
        for (unsigned j = 0; j < i; j++)
            (void)nv_buf_append_str(&buf, j % 7 == 0 ? NV_STR("\\n") : NV_STR("x"));
        (void)nv_buf_append_char(&buf, '"');
    }
    (void)nv_buf_append_char(&buf, ']');
    same_with_texts(nv_buf_str(&buf));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(no_memory_for_texts)
{
    struct nv_json_reader reader;
    struct nv_arena *arena = nv_arena_new(0);
    nv_json_read_init(&reader, NV_STR("[\"a\",\"a\\n\"]"), 8);
    nv_json_read_texts(&reader, arena);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ARRAY_BEGIN);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_STRING);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ERROR);
    ck_assert_int_eq(reader.err, NV_ERR_NO_MEMORY);
    ck_assert(!reader.partial);
    nv_arena_free(arena);
}
END_TEST

START_TEST(a_value_that_is_known_is_taken_whole)
{
    const struct nv_str value = NV_STR("{\"a\":[1,\"x\"]}");
    struct nv_json_reader reader;
    nv_json_read_init(
        &reader, NV_STR(" [ {\"a\":[1,\"x\"]} ,\n{\"a\":[1,\"x\"]}, {\"a\":[1,\"y\"]}]"), 8);
    ck_assert_uint_eq(nv_json_ahead(&reader).len, 0); /* the first value is not due in a list */
    ck_assert(!nv_json_take(&reader, value));
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ARRAY_BEGIN);
    ck_assert(nv_json_take(&reader, value));
    ck_assert(nv_str_starts(nv_json_ahead(&reader), value));
    ck_assert(nv_json_take(&reader, value));
    ck_assert(!nv_json_take(&reader, value));
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_OBJECT_BEGIN);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_KEY);
    ck_assert(!nv_json_take(&reader, NV_STR("[1,\"x\"]")));
    ck_assert(nv_json_take(&reader, NV_STR("[1,\"y\"]")));
    ck_assert_uint_eq(nv_json_ahead(&reader).len, 0); /* a key would be due */
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_OBJECT_END);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ARRAY_END);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_END);
}
END_TEST

/* What stands behind it is read by the grammar, so nothing is let through. */
START_TEST(damage_behind_a_known_value_is_found)
{
    static const char *const texts[] = {"[[1]x]", "[[1]", "[[1],]", "[[1]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct nv_json_reader reader;
        nv_json_read_init(&reader, nv_str_from(texts[i]), 8);
        ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ARRAY_BEGIN);
        ck_assert(nv_json_take(&reader, NV_STR("[1]")));
        ck_assert_int_eq(nv_json_next(&reader), NV_JSON_ERROR);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("base/json_read");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, tokens_of_valid_text, 0, COUNT(valid));
    tcase_add_loop_test(tcase, every_prefix_is_truncated, 0, COUNT(valid));
    tcase_add_loop_test(tcase, invalid_text_is_refused, 0, COUNT(invalid));
    tcase_add_test(tcase, nul_bytes_are_refused);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, mixed_nesting_past_64_levels);
    tcase_add_test(tcase, skip_passes_whole_values);
    tcase_add_test(tcase, raw_views_and_flags);
    tcase_add_test(tcase, cut_string_leaves_its_beginning);
    tcase_add_test(tcase, string_end_at_every_place);
    tcase_add_test(tcase, texts_are_the_same_wherever_the_text_ends);
    tcase_add_test(tcase, texts_with_damage);
    tcase_add_test(tcase, texts_past_the_room);
    tcase_add_test(tcase, no_memory_for_texts);
    tcase_add_test(tcase, a_value_that_is_known_is_taken_whole);
    tcase_add_test(tcase, damage_behind_a_known_value_is_found);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
