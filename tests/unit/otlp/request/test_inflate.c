/*
 * Decompression with a cap: round trips, members, damage at every byte, bombs, the limit to the
 * byte, and running out of memory.
 */
#include "expect.h"
#include "oom.h"

#include "base/buf.h"
#include "otlp/request/inflate.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/banned.h"

#define MAX ((size_t)1024 * 1024)

static const enum nv_coding codings[] = {NV_CODING_GZIP, NV_CODING_DEFLATE, NV_CODING_ZSTD};
#define CODINGS 3

/* `data` in a coding. New. */
static struct nv_str compressed(enum nv_coding coding, struct nv_str data)
{
    size_t room = ZSTD_compressBound(data.len) + 1024;
    char *out = malloc(room);
    size_t len;
    ck_assert_ptr_nonnull(out);
    if (coding == NV_CODING_ZSTD) {
        len = ZSTD_compress(out, room, data.ptr, data.len, 3);
        ck_assert(!ZSTD_isError(len));
    } else {
        struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
        len = coding == NV_CODING_GZIP
                  ? libdeflate_gzip_compress(compressor, data.ptr, data.len, out, room)
                  : libdeflate_zlib_compress(compressor, data.ptr, data.len, out, room);
        libdeflate_free_compressor(compressor);
        ck_assert_uint_gt(len, 0);
    }
    return (struct nv_str){out, len};
}

static void drop(struct nv_str s)
{
    free((void *)(uintptr_t)s.ptr);
}

/* Inflates and compares; `want` NULL: only the error counts. */
static enum nv_err inflate_is(enum nv_coding coding, struct nv_str data, size_t max,
                              const struct nv_str *want)
{
    char *out = NULL;
    size_t len = 0;
    struct nv_fail fail = {.code = NV_OK};
    enum nv_err err =
        nv_inflate(coding, data, &(struct nv_room){.max = max}, &out, &len, &fail);
    ck_assert_int_eq(fail.code, err);
    if (err != NV_OK)
        ck_assert(out == NULL && len == 0 && fail.what[0] != '\0');
    else if (want)
        ck_assert_nv_str_eq(((struct nv_str){out, len}), *want);
    free(out);
    return err;
}

static struct nv_str text_of(size_t len)
{
    char *bytes = malloc(len > 0 ? len : 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (i * i + i / 7) % 26);
    return (struct nv_str){bytes, len};
}

START_TEST(names_of_codings)
{
    static const struct {
        const char *name;
        int coding;
    } table[] = {
        {"", NV_CODING_IDENTITY},   {"identity", NV_CODING_IDENTITY},
        {"gzip", NV_CODING_GZIP},   {"GZip", NV_CODING_GZIP},
        {"x-gzip", NV_CODING_GZIP}, {"deflate", NV_CODING_DEFLATE},
        {"zstd", NV_CODING_ZSTD},   {"br", -1},
        {"gzip, gzip", -1},         {"gzip,", -1},
        {"identity, gzip", -1},     {"gzi", -1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        enum nv_coding coding = NV_CODING_IDENTITY;
        enum nv_err err = nv_coding_parse(nv_str_from(table[i].name), &coding);
        ck_assert_int_eq(err, table[i].coding < 0 ? NV_ERR_ENCODING : NV_OK);
        if (err == NV_OK)
            ck_assert_int_eq((int)coding, table[i].coding);
    }
}
END_TEST

START_TEST(round_trip)
{
    static const size_t sizes[] = {0, 1, 100, 1023, 1024, 1025, 65536, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct nv_str text = text_of(sizes[i]);
        struct nv_str data = compressed(codings[_i], text);
        ck_assert_int_eq(inflate_is(codings[_i], data, MAX, &text), NV_OK);
        drop(data);
        drop(text);
    }
}
END_TEST

START_TEST(limit_to_the_byte)
{
    struct nv_str text = text_of(50000);
    struct nv_str data = compressed(codings[_i], text);
    ck_assert_int_eq(inflate_is(codings[_i], data, 50001, &text), NV_OK);
    ck_assert_int_eq(inflate_is(codings[_i], data, 50000, &text), NV_OK);
    ck_assert_int_eq(inflate_is(codings[_i], data, 49999, NULL), NV_ERR_TOO_LARGE);
    ck_assert_int_eq(inflate_is(codings[_i], data, 1, NULL), NV_ERR_TOO_LARGE);
    drop(data);
    drop(text);
}
END_TEST

START_TEST(bomb_is_refused)
{
    size_t size = 32 * MAX;
    struct nv_str zeros = {calloc(1, size), size};
    struct nv_str data = compressed(codings[_i], zeros);
    drop(zeros);
    ck_assert_int_eq(inflate_is(codings[_i], data, MAX, NULL), NV_ERR_TOO_LARGE);
    drop(data);
}
END_TEST

START_TEST(truncation_at_every_byte)
{
    struct nv_str text = text_of(300);
    struct nv_str data = compressed(codings[_i], text);
    for (size_t len = 0; len < data.len; len++) {
        ck_assert_int_eq(inflate_is(codings[_i], nv_str_slice(data, 0, len), MAX, NULL),
                         NV_ERR_MALFORMED);
    }
    drop(data);
    drop(text);
}
END_TEST

START_TEST(bytes_behind_the_end)
{
    struct nv_str text = text_of(300);
    struct nv_str data = compressed(codings[_i], text);
    struct nv_buf longer;
    nv_buf_init(&longer, MAX);
    nv_buf_append_str(&longer, data);
    nv_buf_append_str(&longer, NV_STR("garbage"));
    ck_assert_int_eq(inflate_is(codings[_i], nv_buf_str(&longer), MAX, NULL), NV_ERR_MALFORMED);
    nv_buf_release(&longer);
    drop(data);
    drop(text);
}
END_TEST

START_TEST(several_members)
{
    struct nv_buf data, text;
    nv_buf_init(&data, MAX);
    nv_buf_init(&text, MAX);
    for (size_t i = 0; i < 50; i++) {
        struct nv_str part = text_of(i * 111);
        struct nv_str member = compressed(codings[_i], part);
        nv_buf_append_str(&data, member);
        nv_buf_append_str(&text, part);
        drop(member);
        drop(part);
    }
    struct nv_str want = nv_buf_str(&text);
    /* zlib's format has no members */
    enum nv_err expected = codings[_i] == NV_CODING_DEFLATE ? NV_ERR_MALFORMED : NV_OK;
    ck_assert_int_eq(inflate_is(codings[_i], nv_buf_str(&data), MAX, &want), expected);
    if (expected == NV_OK) {
        ck_assert_int_eq(inflate_is(codings[_i], nv_buf_str(&data), want.len - 1, NULL),
                         NV_ERR_TOO_LARGE);
    }
    nv_buf_release(&data);
    nv_buf_release(&text);
}
END_TEST

START_TEST(wrong_format)
{
    struct nv_str text = text_of(300);
    for (size_t i = 0; i < CODINGS; i++) {
        struct nv_str data = compressed(codings[i], text);
        if (i != (size_t)_i)
            ck_assert_int_eq(inflate_is(codings[_i], data, MAX, NULL), NV_ERR_MALFORMED);
        drop(data);
    }
    ck_assert_int_eq(inflate_is(codings[_i], text, MAX, NULL), NV_ERR_MALFORMED);
    drop(text);
}
END_TEST

START_TEST(every_flipped_bit_is_seen_or_harmless)
{
    struct nv_str text = text_of(200);
    struct nv_str data = compressed(codings[_i], text);
    char *copy = malloc(data.len);
    for (size_t bit = 0; bit < data.len * 8; bit++) {
        char *out = NULL;
        size_t len = 0;
        memcpy(copy, data.ptr, data.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << (bit % 8)));
        enum nv_err err = nv_inflate(codings[_i], (struct nv_str){copy, data.len},
                                     &(struct nv_room){.max = MAX}, &out, &len, NULL);
        ck_assert(err == NV_OK || err == NV_ERR_MALFORMED || err == NV_ERR_TOO_LARGE);
        if (err == NV_OK &&
            codings[_i] != NV_CODING_ZSTD) /* our zstd frames have no checksum */
            ck_assert_nv_str_eq(((struct nv_str){out, len}), text);
        free(out);
    }
    free(copy);
    drop(data);
    drop(text);
}
END_TEST

START_TEST(zstd_window_is_bounded)
{
    /* Frame header: magic, no flags, a window of 4 GiB; then an empty last block. */
    static const char frame[] = "\x28\xb5\x2f\xfd\x00\xb0\x01\x00\x00";
    /* Single segment with a content size of 4 GiB. */
    static const char claim[] = "\x28\xb5\x2f\xfd\xe0\0\0\0\0\x01\0\0\0\x01\x00\x00";
    enum nv_err err = inflate_is(NV_CODING_ZSTD, (struct nv_str){frame, 9}, MAX, NULL);
    ck_assert_int_eq(err, NV_ERR_TOO_LARGE);
    err = inflate_is(NV_CODING_ZSTD, (struct nv_str){claim, 16}, MAX, NULL);
    ck_assert(err == NV_ERR_TOO_LARGE || err == NV_ERR_MALFORMED);
}
END_TEST

struct account {
    size_t taken, max;
};

static enum nv_err take(void *ctx, size_t bytes)
{
    struct account *account = ctx;
    if (account->taken + bytes > account->max)
        return NV_ERR_FULL;
    account->taken += bytes;
    return NV_OK;
}

/* All that is allocated was asked for: the output, and for zstd what its window keeps of it. */
START_TEST(memory_is_asked_for_before_it_is_taken)
{
    struct nv_str text = text_of(100000);
    struct nv_str data = compressed(codings[_i], text);
    struct account account = {.max = SIZE_MAX};
    struct nv_room room = {.max = MAX, .take = take, .ctx = &account};
    size_t len = 0, least = codings[_i] == NV_CODING_ZSTD ? 2 * text.len : text.len;
    char *out = NULL;
    ck_assert_int_eq(nv_inflate(codings[_i], data, &room, &out, &len, NULL), NV_OK);
    free(out);
    ck_assert_uint_ge(account.taken, least);
    ck_assert_uint_le(account.taken, 2 * least + 16 * data.len + 4096);
    account = (struct account){.max = account.taken - 1};
    ck_assert_int_eq(nv_inflate(codings[_i], data, &room, &out, &len, NULL), NV_ERR_FULL);
    ck_assert_ptr_null(out);
    drop(data);
    drop(text);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_str text = text_of(20000);
    struct nv_str data = compressed(codings[_i], text);
    for (unsigned long n = 1;; n++) {
        char *out = NULL;
        size_t len = 0;
        oom_fail_nth(n);
        enum nv_err err =
            nv_inflate(codings[_i], data, &(struct nv_room){.max = MAX}, &out, &len, NULL);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        free(out);
        if (!failed)
            break;
    }
    drop(data);
    drop(text);
}
END_TEST

/* Empty members, each of 20 bytes: as many as the cap, and one more. */
START_TEST(members_to_the_cap)
{
    struct nv_buf data;
    struct nv_str empty = {NULL, 0};
    struct nv_str member = compressed(NV_CODING_GZIP, empty);
    nv_buf_init(&data, (size_t)8 << 20);
    for (unsigned i = 0; i < NV_INFLATE_MEMBERS_MAX; i++)
        nv_buf_append_str(&data, member);
    ck_assert_int_eq(inflate_is(NV_CODING_GZIP, nv_buf_str(&data), MAX, &empty), NV_OK);
    nv_buf_append_str(&data, member);
    ck_assert_int_ne(inflate_is(NV_CODING_GZIP, nv_buf_str(&data), MAX, NULL), NV_OK);
    nv_buf_release(&data);
    drop(member);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inflate");
    TCase *tcase = tcase_create("inflate");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, names_of_codings);
    tcase_add_loop_test(tcase, round_trip, 0, CODINGS);
    tcase_add_loop_test(tcase, limit_to_the_byte, 0, CODINGS);
    tcase_add_loop_test(tcase, bomb_is_refused, 0, CODINGS);
    tcase_add_loop_test(tcase, truncation_at_every_byte, 0, CODINGS);
    tcase_add_loop_test(tcase, bytes_behind_the_end, 0, CODINGS);
    tcase_add_loop_test(tcase, several_members, 0, CODINGS);
    tcase_add_loop_test(tcase, wrong_format, 0, CODINGS);
    tcase_add_loop_test(tcase, every_flipped_bit_is_seen_or_harmless, 0, CODINGS);
    tcase_add_test(tcase, zstd_window_is_bounded);
    tcase_add_loop_test(tcase, memory_is_asked_for_before_it_is_taken, 0, CODINGS);
    tcase_add_loop_test(tcase, every_allocation_failing_once, 0, CODINGS);
    tcase_add_test(tcase, members_to_the_cap);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
