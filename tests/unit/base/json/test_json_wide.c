/*
 * The loops of 32 bytes against one of single bytes: every length, alignment and place of what
 * they stop at. Texts end where their allocation does, so that the address sanitizer sees a
 * look or a write past it.
 */
#include "base/json/json_wide.h"

#include "expect.h"

#include <stdlib.h>

#include "base/json/json_clean.h"
#include "base/json/json_read.h"
#include "base/json/json_string.h"

#include "base/banned.h"

static const char stops[] = {'"', '\\', '\0', '\n', '\x1f', '\x80', '\xff'};

static bool is_clean(char c)
{
    return !nv_json_is_special(c) && (unsigned char)c < 0x80;
}

/* Offset of the first byte that is not passed over. */
static size_t first(const char *text, size_t len, bool ascii)
{
    size_t at = 0;
    while (at < len && (ascii ? is_clean(text[at]) : !nv_json_is_special(text[at])))
        at++;
    return at;
}

#ifdef NV_WIDE_CODE
/* A stop within whole blocks is found; else what is left is less than a block. */
static void expect_place(size_t place, size_t len, size_t right)
{
    const size_t blocks = len - len % NV_JSON_WIDE_BLOCK;
    ck_assert_uint_eq(place, right < blocks ? right : blocks);
}
#endif

static void expect_blocks(const char *text, size_t len, char *out)
{
#ifdef NV_WIDE_CODE
    size_t place = nv_json_copy_clean_wide(text, len, out);
    expect_place(place, len, first(text, len, true));
    ck_assert_mem_eq(out, text, place);
    memset(out, 0, len);
    place = nv_json_copy_to_special_wide(text, len, out);
    expect_place(place, len, first(text, len, false));
    ck_assert_mem_eq(out, text, place);
    expect_place(nv_json_find_special_wide(text, len), len, first(text, len, false));
#endif
    char *end = out;
    ck_assert_ptr_eq(nv_json_copy_clean(text, text + len, &end), text + first(text, len, true));
    ck_assert_int_eq(end - out, (ptrdiff_t)first(text, len, true));
    ck_assert_mem_eq(out, text, (size_t)(end - out));
    ck_assert_uint_eq(nv_json_find_special((struct nv_str){text, len}, 0),
                      first(text, len, false));
}

/* With one stop at each place, and with none (`at` is then len). */
static void try_length(size_t len, size_t shift)
{
    char *room = malloc(len + shift), *out = malloc(len + 16);
    ck_assert(room && out);
    char *text = room + shift;
    memset(text, '!', len);
    for (size_t at = 0; at <= len; at++) {
        const char before = at < len ? text[at] : '\0';
        if (at < len)
            text[at] = stops[(len + at) % sizeof stops];
        expect_blocks(text, len, out);
        if (at < len)
            text[at] = before;
    }
    free(out);
    free(room);
}

START_TEST(stops_where_single_bytes_do)
{
#ifdef NV_WIDE_CODE
    nv_wide = nv_wide && _i == 0;
#endif
    for (size_t len = 1; len <= 180; len++)
        try_length(len, len % 7);
}
END_TEST

/* Each byte value alone in a block. */
START_TEST(tells_every_byte)
{
    char text[96], out[96 + 16];
    for (unsigned c = 0; c < 256; c++) {
        memset(text, 'a', sizeof text);
        text[40] = (char)c;
        expect_blocks(text, sizeof text, out);
    }
}
END_TEST

/* Copies of every length that do not write past it. */
START_TEST(copies_texts_of_every_length)
{
    char text[80];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    for (size_t len = 0; len <= sizeof text; len++) {
        char *out = malloc(len + 1);
        ck_assert_ptr_nonnull(out);
        out[len] = 'x';
        nv_json_copy_text(text, len, out);
        ck_assert_mem_eq(out, text, len);
        ck_assert_int_eq(out[len], 'x');
        free(out);
    }
}
END_TEST

/* Pieces of strings, some of which are no JSON or end in the middle of an escape. */
static const char *const pieces[] = {"a",
                                     "plain words of some length, ",
                                     "\\n",
                                     "\\\"",
                                     "\\\\",
                                     "\\u00e9",
                                     "\\ud83d\\ude00",
                                     "\\ud83d",
                                     "\xc3\xa9",
                                     "0123456789abcdef",
                                     "\\t\\t\\t",
                                     "{\\\"key\\\": \\\"",
                                     "\\/",
                                     "exactly thirty-two bytes of text",
                                     "\\x",
                                     "\"",
                                     "\x01",
                                     "\\"};
#define VALID_PIECES 14u

/* From now on with AVX2 where there is any, or without. */
static void be_wide(bool wide)
{
#ifdef NV_WIDE_CODE
    static bool before;
    if (!wide) {
        before = nv_wide;
        nv_wide = false;
    } else {
        nv_wide = before;
    }
#else
    (void)wide;
#endif
}

/* Reads `text` as a string of JSON whose texts are wanted: what came, as text or raw. */
static struct nv_str read_text(struct nv_arena *arena, struct nv_str text,
                               struct nv_json_reader *reader)
{
    nv_json_read_init(reader, text, 4);
    nv_json_read_texts(reader, arena);
    if (nv_json_next(reader) != NV_JSON_STRING)
        return (struct nv_str){NULL, 0};
    return nv_json_unescape(arena, reader->raw, reader->escaped);
}

static void expect_same_text(struct nv_str text)
{
    struct nv_arena *arena = nv_arena_new((size_t)1 << 20);
    char *exact = malloc(text.len); /* a sanitizer sees reads behind the end */
    struct nv_json_reader wide, narrow;
    ck_assert(arena && exact);
    memcpy(exact, text.ptr, text.len);
    text.ptr = exact;
    const struct nv_str read = read_text(arena, text, &wide);
    const struct nv_str unescaped = nv_json_unescaped(arena, text);
    be_wide(false);
    ck_assert(nv_str_eq(read, read_text(arena, text, &narrow)));
    ck_assert(nv_str_eq(unescaped, nv_json_unescaped(arena, text)));
    be_wide(true);
    ck_assert_int_eq(wide.err, narrow.err);
    ck_assert_uint_eq(wide.pos, narrow.pos);
    ck_assert_int_eq(wide.escaped, narrow.escaped);
    free(exact);
    nv_arena_free(arena);
}

/* Strings of random pieces, with and without AVX2, up to more than the reader's room; cut at
 * some place and whole. */
START_TEST(texts_with_escapes)
{
    uint64_t random = UINT64_C(88172645463325252) + (uint64_t)_i;
    static char text[40000];
    const size_t most = _i % 10 == 0 ? sizeof text - 64 : 64u + (unsigned)_i % 300;
    size_t len = 1;
    text[0] = '"';
    while (len < most) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        const bool any = random >> 40 & 1 && len + 40 >= most;
        const char *piece =
            pieces[random % (any ? sizeof pieces / sizeof *pieces : VALID_PIECES)];
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
    }
    text[len++] = '"';
    expect_same_text((struct nv_str){text, len});
    expect_same_text((struct nv_str){text, len - random % 40 % len});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/json_wide");
    TCase *tcase = tcase_create("wide");

    tcase_add_loop_test(tcase, stops_where_single_bytes_do, 0, 2);
    tcase_add_test(tcase, tells_every_byte);
    tcase_add_loop_test(tcase, texts_with_escapes, 0, 500);
    tcase_add_test(tcase, copies_texts_of_every_length);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
