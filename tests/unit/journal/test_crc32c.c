/*
 * CRC32C: the published vectors, and vectors and instruction against the tables at every length.
 */
#include "expect.h"
#include "journal/crc32c.h"

#include <stdlib.h>
#include <string.h>

START_TEST(published_vectors)
{
    uint8_t bytes[32];
    ck_assert_uint_eq(nv_crc32c(0, "123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes); /* RFC 3720, appendix B.4 */
    ck_assert_uint_eq(nv_crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(nv_crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    ck_assert_uint_eq(nv_crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
    ck_assert_uint_eq(nv_crc32c_portable(0, bytes, sizeof bytes), 0x46dd794eu);
    ck_assert_uint_eq(nv_crc32c(0, NULL, 0), 0);
}
END_TEST

static uint8_t *some_bytes(size_t size)
{
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 131 + i / 7);
    return bytes;
}

START_TEST(all_ways_agree_at_every_length_and_split)
{
    size_t size = 10000;
    uint8_t *bytes = some_bytes(size);
    for (size_t len = 0; len < size; len += len < 100 || (len > 3000 && len < 3200) ? 1 : 97) {
        uint32_t whole = nv_crc32c(0, bytes, len);
        ck_assert_uint_eq(whole, nv_crc32c_portable(0, bytes, len));
        ck_assert_uint_eq(whole, nv_crc32c_lanes(0, bytes, len));
        size_t half = len / 3;
        uint32_t parts = nv_crc32c(nv_crc32c(0, bytes, half), bytes + half, len - half);
        ck_assert_uint_eq(whole, parts);
    }
    free(bytes);
}
END_TEST

/* Bodies: where vectors begin, every rest behind them, any start in memory, any bytes before. */
START_TEST(all_ways_agree_on_long_ones)
{
    size_t size = (size_t)64 + 2048;
    uint8_t *bytes = some_bytes(size);
    uint32_t before = 1;
    for (size_t len = 900; len <= 2048; len++) {
        const uint8_t *from = bytes + len % 64;
        uint32_t crc = nv_crc32c(before, from, len);
        ck_assert_uint_eq(crc, nv_crc32c_portable(before, from, len));
        ck_assert_uint_eq(crc, nv_crc32c_lanes(before, from, len));
        before = crc;
    }
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crc32c");
    TCase *tcase = tcase_create("crc32c");
    tcase_add_test(tcase, published_vectors);
    tcase_add_test(tcase, all_ways_agree_at_every_length_and_split);
    tcase_add_test(tcase, all_ways_agree_on_long_ones);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
