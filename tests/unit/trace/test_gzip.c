/*
 * gzip against zlib: what is compressed is read back, for bodies that repeat themselves, bodies
 * that do not, every length of a match and every power of two of a distance.
 */
#include "chance.h"
#include "expect.h"
#include "oom.h"

#include "trace/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

static struct nv_trace_gzip *gzip;

static void setup(void)
{
    gzip = nv_trace_gzip_new();
    ck_assert_ptr_nonnull(gzip);
}

static void teardown(void)
{
    nv_trace_gzip_free(gzip);
    nv_trace_gzip_free(NULL);
}

/* Checks length and CRC too, which are in the form itself. */
static void assert_reads_back(struct nv_str packed, struct nv_str body)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)packed.ptr,
                       .avail_in = (unsigned)packed.len};
    char *room = malloc(body.len + 1);
    ck_assert_ptr_nonnull(room);
    stream.next_out = (unsigned char *)room;
    stream.avail_out = (unsigned)body.len + 1;
    ck_assert_int_eq(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    ck_assert_uint_eq(stream.total_out, body.len);
    ck_assert_uint_eq(stream.avail_in, 0);
    ck_assert_mem_eq(room, body.ptr, body.len);
    (void)inflateEnd(&stream);
    free(room);
}

static size_t packed_size(struct nv_str body)
{
    struct nv_str packed = nv_trace_gzip_body(gzip, body);
    ck_assert_uint_gt(packed.len, 0);
    ck_assert_uint_lt(packed.len, body.len);
    assert_reads_back(packed, body);
    return packed.len;
}

/* Bytes that do not repeat themselves. */
static void fill(char *text, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        text[i] = (char)chance_below(&seed, 256);
}

START_TEST(what_repeats_gets_small)
{
    struct nv_buf body;
    nv_buf_init(&body, (size_t)1 << 20);
    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(
            nv_buf_printf(&body, "gen_ai.request.model=gpt-4o-mini id=%d;", i * 7919), NV_OK);
    }
    ck_assert_uint_lt(packed_size(nv_buf_str(&body)) * 3, body.len);
    ck_assert_uint_lt(packed_size(nv_buf_str(&body)) * 3, body.len); /* nothing of before */
    nv_buf_release(&body);
}
END_TEST

/* Two equal stretches of each length, as far from each other as a distance may be. */
START_TEST(every_length_and_distance)
{
    static char text[70000];
    fill(text, sizeof text, 1);
    for (size_t length = 4; length <= 300; length++) {
        memcpy(text + 400, text, length);
        memset(text + 400 + length, 'x', 400);
        (void)packed_size((struct nv_str){text, 800 + length});
    }
    for (size_t distance = 1; distance <= 40000; distance += distance / 3 + 1) {
        size_t at = distance > 600 ? distance : 600;
        memcpy(text + at, text + at - distance, 1);
        for (size_t i = 1; i < 300; i++)
            text[at + i] = text[at + i - distance];
        memset(text + at + 300, 'y', at / 2);
        (void)packed_size((struct nv_str){text, at + 300 + at / 2});
    }
}
END_TEST

/* Random bytes, and bodies that the form alone is longer than. */
START_TEST(what_gets_no_shorter_stays)
{
    static char text[4096];
    fill(text, sizeof text, 7);
    ck_assert_uint_eq(nv_trace_gzip_body(gzip, (struct nv_str){text, sizeof text}).len, 0);
    for (size_t len = 0; len < 18; len++) {
        ck_assert_uint_eq(
            nv_trace_gzip_body(gzip, (struct nv_str){"aaaaaaaaaaaaaaaaaa", len}).len, 0);
    }
}
END_TEST

START_TEST(without_memory)
{
    static char text[1000];
    memset(text, 'a', sizeof text);
    oom_fail_nth(1);
    ck_assert_ptr_null(nv_trace_gzip_new());
    ck_assert(oom_end());
    oom_fail_nth(1);
    ck_assert_uint_eq(nv_trace_gzip_body(gzip, (struct nv_str){text, sizeof text}).len, 0);
    ck_assert(oom_end());
    (void)packed_size((struct nv_str){text, sizeof text});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gzip");
    TCase *tcase = tcase_create("gzip");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_repeats_gets_small);
    tcase_add_test(tcase, every_length_and_distance);
    tcase_add_test(tcase, what_gets_no_shorter_stays);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
