/*
 * Blocks of a text: what both widths say of it is what its bytes say one by one.
 */
#include "expect.h"

#include "redaction/secrets/blocks.h"
#include "tests/support/chance.h"

#include <stdlib.h>

#include "base/banned.h"

#define TEXT_MAX 400u
#define ROUNDS 4000u

static bool is_break(char c)
{
    return (signed char)c <= '*';
}

static bool is_pair(char c, bool lists)
{
    return c == ':' || c == '=' || c == '\\' || c == '%' || (lists && c == '[');
}

/* As blocks.h has it, byte by byte. */
static struct nv_block_marks marks_of(struct nv_str text, size_t at, bool lists)
{
    struct nv_block_marks marks = {0};
    for (size_t i = 0; i < NV_BLOCK_BYTES; i++) {
        char c = at + i < text.len ? text.ptr[at + i] : '\0';
        char next = at + i + 1 < text.len ? text.ptr[at + i + 1] : '\0';
        marks.breaks |= (uint64_t)is_break(c) << i;
        marks.special |= (uint64_t)(is_pair(c, lists) || (c == '-' && next == 'B')) << i;
    }
    return marks;
}

/* Bytes of the run that ends before `at`. */
static size_t run_before(struct nv_str text, size_t at)
{
    size_t len = 0;
    while (len < at && !is_break(text.ptr[at - len - 1]))
        len++;
    return len;
}

static uint64_t ends_of(struct nv_str text, size_t at, uint64_t breaks)
{
    uint64_t ends = 0;
    for (size_t i = 0; i < NV_BLOCK_BYTES; i++) {
        if ((breaks >> i & 1) != 0 && at + i <= text.len &&
            run_before(text, at + i) >= NV_SHAPE_BYTES_MIN)
            ends |= UINT64_C(1) << i;
    }
    return ends;
}

/* Is there a reason to stop at the block? */
static bool is_wanted(struct nv_str text, size_t at, bool lists)
{
    struct nv_block_marks marks = marks_of(text, at, lists);
    return marks.special != 0 || ends_of(text, at, marks.breaks) != 0;
}

static void check_marks(const struct nv_blocks *blocks)
{
    struct nv_str text = blocks->text;
    struct nv_block_marks expected = marks_of(text, blocks->at, blocks->lists);
    size_t end = blocks->at + NV_BLOCK_BYTES;
    bool cut = end < text.len && text.ptr[end - 1] == '-';
    uint64_t last = cut ? UINT64_C(1) << (NV_BLOCK_BYTES - 1) : 0;
    ck_assert_uint_eq(blocks->marks.breaks, expected.breaks);
    ck_assert_uint_eq(blocks->marks.special | last, expected.special | last);
    ck_assert_uint_eq(blocks->marks.special & expected.special, expected.special);
    ck_assert_uint_eq(blocks->carry, run_before(text, blocks->at));
    ck_assert_uint_eq(nv_block_ends(expected.breaks, blocks->carry),
                      ends_of(text, blocks->at, expected.breaks));
}

/* All blocks of a text: none is passed by that is wanted, and of each stop all is known.
 * Returns how many are. */
static unsigned check_text(struct nv_str text, bool lists, bool (*next)(struct nv_blocks *))
{
    struct nv_blocks blocks = {.text = text, .lists = lists};
    unsigned wanted = 0;
    for (bool more = true; more; blocks.at += NV_BLOCK_BYTES) {
        size_t from = blocks.at;
        more = next(&blocks);
        for (; from < blocks.at && from <= text.len; from += NV_BLOCK_BYTES)
            ck_assert_msg(!is_wanted(text, from, lists), "%zu of %.*s", from, NV_STR_ARG(text));
        ck_assert(more == (blocks.at <= text.len));
        if (!more)
            break;
        check_marks(&blocks);
        wanted += is_wanted(text, blocks.at, lists) ? 1 : 0;
        blocks.carry = nv_block_carry(blocks.marks.breaks, blocks.carry);
    }
    return wanted;
}

static bool (*const widths[])(struct nv_blocks *) = {nv_blocks_next, nv_blocks_next_narrow};

/* A text that is one block, looked at alone. */
static void check_short(struct nv_str text)
{
    const struct nv_block_marks marks = nv_block_of(text), expected = marks_of(text, 0, false);
    ck_assert_uint_eq(marks.breaks, expected.breaks);
    ck_assert_uint_eq(marks.special, expected.special);
}

/* Memory of its own, so that a sanitizer sees what is read behind it. */
static void check_copy(struct nv_str text, int width)
{
    char *copy = malloc(text.len > 0 ? text.len : 1);
    memcpy(copy, text.ptr, text.len);
    struct nv_str own = {copy, text.len};
    (void)check_text(own, false, widths[width]);
    unsigned wanted = check_text(own, true, widths[width]);
    ck_assert(wanted == 0 || !nv_blocks_none(own));
    if (own.len < NV_BLOCK_BYTES)
        check_short(own);
    free(copy);
}

START_TEST(each_byte_at_each_place)
{
    char text[2 * NV_BLOCK_BYTES + 1];
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, ' ', sizeof text);
            text[at] = (char)c;
            check_copy((struct nv_str){text, sizeof text}, _i);
            check_copy((struct nv_str){text, at + 1}, _i);
        }
    }
}
END_TEST

START_TEST(runs_of_each_length_at_each_place)
{
    char text[3 * NV_BLOCK_BYTES];
    for (size_t from = 0; from < 2 * NV_BLOCK_BYTES; from++) {
        for (size_t len = 0; len <= NV_BLOCK_BYTES; len++) {
            memset(text, ' ', sizeof text);
            memset(text + from, 'x', len);
            check_copy((struct nv_str){text, sizeof text}, _i);
            check_copy((struct nv_str){text, from + len}, _i);
        }
    }
}
END_TEST

/* As scan.h has it for short texts: of 4 bytes and more. */
START_TEST(pairs_in_short_texts)
{
    for (size_t len = 4; len <= 16; len++) {
        for (unsigned c = 0; c < 256; c++) {
            for (size_t at = 0; at < len; at++) {
                char *text = malloc(len);
                memset(text, 'x', len);
                text[at] = (char)c;
                ck_assert(nv_block_has_pair((struct nv_str){text, len}) ==
                          is_pair((char)c, false));
                free(text);
            }
        }
    }
}
END_TEST

START_TEST(nothing_in_prose)
{
    static const char prose[] = "Words of any length, as they come in prose (or not), "
                                "1,024 of them \xe2\x80\x94 a-b and `c`; that is all. ";
    struct nv_str text = {prose, sizeof prose - 1};
    for (size_t len = 0; len <= text.len; len++)
        ck_assert(nv_blocks_none(nv_str_slice(text, text.len - len, len)));
    ck_assert(!nv_blocks_none(NV_STR("a list [")));
    ck_assert(!nv_blocks_none(NV_STR("a 0123456789abcde")));
}
END_TEST

START_TEST(any_bytes)
{
    static const char *const alphabets[] = {" a", "-B x", "ab:=\\%-B[ ", "abcdefghijklm ",
                                            "\"\x80\xff*+/{a"};
    uint64_t seed = 20;
    char text[TEXT_MAX];
    for (unsigned round = 0; round < ROUNDS; round++) {
        const char *alphabet = alphabets[chance_below(&seed, 5)];
        uint32_t letters = (uint32_t)strlen(alphabet), rare = 1 + chance_below(&seed, 40);
        uint32_t len = chance_below(&seed, TEXT_MAX);
        for (uint32_t i = 0; i < len; i++) {
            bool any = chance_below(&seed, rare) == 0;
            text[i] = any ? alphabet[chance_below(&seed, letters)] : alphabet[letters - 1];
        }
        check_copy((struct nv_str){text, len}, _i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/blocks");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, each_byte_at_each_place, 0, 2);
    tcase_add_loop_test(tcase, runs_of_each_length_at_each_place, 0, 2);
    tcase_add_test(tcase, pairs_in_short_texts);
    tcase_add_test(tcase, nothing_in_prose);
    tcase_add_loop_test(tcase, any_bytes, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
