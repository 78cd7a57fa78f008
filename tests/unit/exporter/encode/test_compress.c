/*
 * gzip out is read back by two decoders: zlib, which shares no code with what wrote it, and the
 * one that reads our own records. Both libraries write, igzip where this machine is fast at it.
 */
#include "chance.h"
#include "expect.h"
#include "oom.h"

#include "exporter/encode/compress.h"

#include <sys/mman.h>

#include "base/banned.h"

static void check_own(struct nv_str gzip, struct nv_str expected)
{
    struct nv_buf back;

    nv_buf_init(&back, SIZE_MAX);
    ck_assert_int_eq(nv_gzip_decompress(gzip, expected.len, &back), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&back), expected);
    nv_buf_release(&back);
    if (expected.len > 0) {
        nv_buf_init(&back, SIZE_MAX);
        ck_assert_int_eq(nv_gzip_decompress(gzip, expected.len - 1, &back), NV_ERR_MALFORMED);
        nv_buf_release(&back);
    }
}

/* Behind what the buffer holds already. */
static void check(struct nv_compressor *compressor, struct nv_str input)
{
    struct nv_buf out;

    nv_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(nv_buf_append_str(&out, NV_STR("before")), NV_OK);
    ck_assert_int_eq(nv_compress_gzip(compressor, input, &out), NV_OK);
    struct nv_str gzip = nv_str_slice(nv_buf_str(&out), 6, SIZE_MAX);
    nv_test_gzip_says(gzip, input);
    check_own(gzip, input);
    nv_buf_release(&out);
}

static void check_level(int level, struct nv_str input)
{
    struct nv_compressor *compressor = nv_compressor_new(level);

    check(compressor, input);
    nv_compressor_free(compressor);
}

/* Level 1 of each library there is: igzip, libdeflate. */
#define LIBRARIES 2
static struct nv_compressor *library(int which)
{
    if (which == NV_GZIP_IGZIP && nv_gzip_fastest() != NV_GZIP_IGZIP)
        return NULL;
    return nv_compressor_new_by((enum nv_gzip_library)which, NV_GZIP_LEVEL);
}

/* Noise, runs and mixtures of kind 0 to 3: stored, fixed and dynamic blocks, ends of windows. */
static void fill(char *bytes, size_t len, unsigned kind)
{
    uint32_t state = 12345 + kind;

    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223;
        const uint32_t byte = kind == 0 ? state >> 24 : 'a' + (state >> 24) % kind;
        bytes[i] = (char)(uint8_t)byte;
        if (kind == 3 && i > 40000 && state >> 27 != 0)
            bytes[i] = bytes[i - 32768 - i % 7];
    }
}

#define NOISE_BYTES ((size_t)300000)
static char bytes[NOISE_BYTES];

START_TEST(round_trips_of_noise)
{
    struct nv_compressor *compressor = library(_i);

    for (unsigned kind = 0; compressor && kind < 4; kind++) {
        fill(bytes, sizeof bytes, kind);
        for (size_t len = 1; len <= sizeof bytes; len = len * 5 / 3 + 1)
            check(compressor, (struct nv_str){bytes, len});
        check(compressor, (struct nv_str){bytes, sizeof bytes});
    }
    nv_compressor_free(compressor);
}
END_TEST

/* Every length up to what the vectors and look-ahead of both libraries span, from every place
 * in sixteen. */
START_TEST(round_trips_of_every_length)
{
    struct nv_compressor *compressor = library(_i);

    fill(bytes, 2000, 3);
    for (size_t len = 0; compressor && len <= 1100; len++)
        check(compressor, (struct nv_str){bytes + len % 16, len});
    nv_compressor_free(compressor);
}
END_TEST

/* One compressor for many bodies: nothing of one is seen in the next. The halves of a text
 * split at any place are texts. */
START_TEST(split_anywhere)
{
    struct nv_compressor *compressor = library(_i);
    const size_t len = 70000;

    fill(bytes, len, 2);
    for (size_t at = 0; compressor && at <= len; at = at * 2 + 1) {
        check(compressor, (struct nv_str){bytes, at});
        check(compressor, (struct nv_str){bytes + at, len - at});
    }
    nv_compressor_free(compressor);
}
END_TEST

static uint64_t seed = 1;

/* A copy of a piece at an end of its pages, beside others that can't be read, and gone after
 * its call: nothing beyond its ends is looked at, and nothing of it later. */
static void add_guarded(struct nv_compressor *compressor, struct nv_str piece)
{
    const size_t page = 4096, inside = (piece.len + page - 1) / page * page;
    const size_t mapped = inside + 2 * page;
    char *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(map, MAP_FAILED);
    char *copy = map + page + (chance_below(&seed, 2) ? inside - piece.len : 0);
    if (piece.len > 0)
        memcpy(copy, piece.ptr, piece.len);
    ck_assert_int_eq(mprotect(map, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(map + page + inside, page, PROT_NONE), 0);
    nv_compress_piece(compressor, (struct nv_str){copy, piece.len});
    (void)munmap(map, mapped);
}

/* In pieces of up to `most` bytes, some of them empty: as in one call. */
static bool check_pieces(struct nv_compressor *compressor, struct nv_str input, size_t most)
{
    struct nv_buf out;

    nv_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(nv_buf_append_str(&out, NV_STR("before")), NV_OK);
    bool fits = nv_compress_begin(compressor, input.len, &out);
    for (size_t at = 0, len; at < input.len; at += len) {
        len = chance_below(&seed, 4) == 0 ? 0 : most - chance_below(&seed, (uint32_t)most);
        add_guarded(compressor, nv_str_slice(input, at, len));
    }
    fits = nv_compress_end(compressor, &out) && fits;
    if (fits) {
        struct nv_str gzip = nv_str_slice(nv_buf_str(&out), 6, SIZE_MAX);
        nv_test_gzip_says(gzip, input);
        check_own(gzip, input);
    } else {
        ck_assert_nv_str(nv_buf_str(&out), "before");
    }
    nv_buf_release(&out);
    return fits;
}

START_TEST(pieces_are_as_the_whole)
{
    static const uint32_t most[] = {10, 300, 5000, 32768, 33000, 70000, 125000, NOISE_BYTES};
    struct nv_compressor *compressor = library(_i);
    bool fast = _i == NV_GZIP_IGZIP;

    for (unsigned kind = 0; compressor && kind < 4; kind++) {
        fill(bytes, sizeof bytes, kind);
        for (unsigned i = 0; i < sizeof most / sizeof *most; i++) {
            size_t cap = most[i] > 1000 ? NOISE_BYTES : (size_t)most[i] * 200;
            struct nv_str all = {bytes, cap - chance_below(&seed, (uint32_t)cap / 4)};
            struct nv_str some = {bytes, chance_below(&seed, (uint32_t)cap)};

            /* noise may not fit */
            ck_assert(check_pieces(compressor, all, most[i]) == fast || kind == 0);
            check(compressor, all);
            ck_assert(check_pieces(compressor, some, most[i]) == fast || kind == 0);
        }
    }
    nv_compressor_free(compressor);
}
END_TEST

/* Room for less than there is: nothing is written past it, and the next is as ever. */
START_TEST(pieces_without_room)
{
    struct nv_compressor *compressor = library(NV_GZIP_IGZIP);

    fill(bytes, sizeof bytes, 0);
    for (size_t len = 0; compressor && len < sizeof bytes; len = len * 2 + 1) {
        struct nv_buf out;
        nv_buf_init(&out, SIZE_MAX);
        ck_assert(nv_compress_begin(compressor, len, &out));
        for (unsigned i = 0; i < 3; i++)
            nv_compress_piece(compressor, (struct nv_str){bytes, sizeof bytes});
        ck_assert(!nv_compress_end(compressor, &out));
        ck_assert_uint_eq(out.len, 0);
        ck_assert_int_eq(nv_compress_gzip(compressor, NV_STR("after"), &out), NV_OK);
        nv_test_gzip_says(nv_buf_str(&out), NV_STR("after"));
        nv_buf_release(&out);
        check_pieces(compressor, (struct nv_str){bytes, len}, 1000);
    }
    nv_compressor_free(compressor);
}
END_TEST

START_TEST(pieces_without_memory)
{
    struct nv_compressor *compressor = nv_compressor_new(NV_GZIP_LEVEL);
    struct nv_buf out;

    nv_buf_init(&out, 10);
    ck_assert(!nv_compress_begin(compressor, 11, &out));
    nv_compress_piece(compressor, NV_STR("01234567890"));
    ck_assert(!nv_compress_end(compressor, &out));
    ck_assert_uint_eq(out.len, 0);
    nv_buf_release(&out);
    nv_compressor_free(compressor);
}
END_TEST

START_TEST(round_trips)
{
    static char text[100000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)("prose is prose is prose "[i % 24] + (i % 1000 == 0));
    for (int level = 1; level <= NV_GZIP_LEVEL_MAX; level++) {
        check_level(level, (struct nv_str){0});
        check_level(level, NV_STR("{}"));
        check_level(level, (struct nv_str){text, sizeof text});
    }
}
END_TEST

START_TEST(caps_and_memory)
{
    struct nv_compressor *compressor;
    struct nv_buf out;

    oom_fail_nth(1);
    compressor = nv_compressor_new(1);
    ck_assert(oom_end());
    ck_assert_ptr_null(compressor);
    oom_fail_nth(2);
    compressor = nv_compressor_new(1);
    ck_assert_int_eq(oom_end(), compressor == NULL);
    nv_compressor_free(compressor);
    compressor = nv_compressor_new(1);
    nv_buf_init(&out, 10);
    ck_assert_int_eq(nv_compress_gzip(compressor, NV_STR("0123456789"), &out), NV_ERR_LIMIT);
    nv_compressor_free(compressor);
    nv_compressor_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/compress");
    TCase *tcase = tcase_create("compress");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, round_trips);
    tcase_add_loop_test(tcase, round_trips_of_noise, 0, LIBRARIES);
    tcase_add_loop_test(tcase, round_trips_of_every_length, 0, LIBRARIES);
    tcase_add_loop_test(tcase, split_anywhere, 0, LIBRARIES);
    tcase_add_loop_test(tcase, pieces_are_as_the_whole, 0, LIBRARIES);
    tcase_add_test(tcase, pieces_without_room);
    tcase_add_test(tcase, pieces_without_memory);
    tcase_add_test(tcase, caps_and_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
