/*
 * gzip out is read back by zlib, which shares no code with what wrote it.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/encode/compress.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

static void check_round_trip_at(int level, struct nv_str input)
{
    struct nv_compressor *compressor = nv_compressor_new(level);
    struct nv_buf out;
    char *back = malloc(input.len + 1);
    z_stream z = {0};

    nv_buf_init(&out, SIZE_MAX);
    ck_assert_int_eq(nv_compress_gzip(compressor, input, &out), NV_OK);
    z.next_in = (Bytef *)out.bytes;
    z.avail_in = (uInt)out.len;
    z.next_out = (Bytef *)back;
    z.avail_out = (uInt)input.len + 1;
    ck_assert_int_eq(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_nv_str_eq(((struct nv_str){back, z.total_out}), input);
    (void)inflateEnd(&z);
    nv_buf_release(&out);
    nv_compressor_free(compressor);
    free(back);
}

static void check_round_trip(struct nv_str input)
{
    check_round_trip_at(NV_GZIP_LEVEL, input);
    check_round_trip_at(2, input);
    check_round_trip_at(NV_GZIP_LEVEL_MAX, input);
}

/* Every size of noise, of runs and of their mixture: stored, fixed and dynamic blocks, and the
 * ends of windows. */
START_TEST(round_trips_of_noise)
{
    static char bytes[300000];
    uint32_t state = 12345;
    for (unsigned kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            state = state * 1664525 + 1013904223;
            const uint32_t byte = kind == 0 ? state >> 24 : 'a' + (state >> 24) % kind;
            bytes[i] = (char)(uint8_t)byte;
            if (kind == 3 && i > 40000 && state >> 27 != 0)
                bytes[i] = bytes[i - 32768 - i % 7];
        }
        for (size_t len = 1; len <= sizeof bytes; len = len * 5 / 3 + 1)
            check_round_trip_at(NV_GZIP_LEVEL, (struct nv_str){bytes, len});
        check_round_trip_at(NV_GZIP_LEVEL, (struct nv_str){bytes, sizeof bytes});
    }
}
END_TEST

START_TEST(round_trips)
{
    static char text[100000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)("prose is prose is prose "[i % 24] + (i % 1000 == 0));
    check_round_trip((struct nv_str){0});
    check_round_trip(NV_STR("{}"));
    check_round_trip((struct nv_str){text, sizeof text});
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

    tcase_add_test(tcase, round_trips);
    tcase_add_test(tcase, round_trips_of_noise);
    tcase_add_test(tcase, caps_and_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
