/*
 * Headers of WAV files, byte for byte as Python's `wave` writes them.
 */
#include "expect.h"

#include "exporter/media/wav.h"

#include <string.h>

#include "base/banned.h"

static void expect_header(struct nv_media_samples samples, uint64_t bytes, const char *want)
{
    uint8_t header[NV_WAV_HEADER_BYTES];
    nv_wav_header(&samples, bytes, header);
    ck_assert_mem_eq(header, want, sizeof header);
}

START_TEST(sixteen_bits)
{
    expect_header((struct nv_media_samples){24000, 1, 16, 1}, 4,
                  "RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0"
                  "\x02\0\x10\0data\x04\0\0\0");
    expect_header((struct nv_media_samples){48000, 2, 16, 1}, 0x10000,
                  "RIFF\x24\0\x01\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0"
                  "\x04\0\x10\0data\0\0\x01\0");
}
END_TEST

START_TEST(eight_bits_and_an_odd_number)
{
    expect_header((struct nv_media_samples){8000, 1, 8, 7}, 3,
                  "RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0"
                  "\x01\0\x08\0data\x03\0\0\0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/media/wav");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, sixteen_bits);
    tcase_add_test(tests, eight_bits_and_an_odd_number);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
