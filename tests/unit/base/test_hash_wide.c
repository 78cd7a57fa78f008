/*
 * The hash with wide vectors and without: one value for any length and alignment.
 */
#include "base/hash_wide.h"

#include "expect.h"

#include "base/banned.h"

START_TEST(is_the_same_with_and_without)
{
#ifdef NV_HASH_WIDE
    static char bytes[2100];
    const bool before = nv_wide;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 131 + i / 7);
    for (size_t len = 0; before && len < sizeof bytes - 32; len += 1 + len / 64) {
        for (size_t at = 0; at < 32; at += 5) {
            const struct nv_str text = {bytes + at, len};
            const uint64_t wide = nv_str_hash(text);
            nv_wide = false;
            const uint64_t narrow = nv_str_hash(text);
            nv_wide = true;
            ck_assert_uint_eq(wide, narrow);
        }
    }
#endif
}
END_TEST

/* The number of an empty text is given by XXH3's own tests. */
START_TEST(is_that_of_xxh3)
{
#ifdef NV_HASH_WIDE
    if (nv_wide)
        ck_assert_uint_eq(nv_hash_wide("", 0, 0), UINT64_C(0x2d06800538d394c2));
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/hash_wide");
    TCase *tcase = tcase_create("hash");

    tcase_add_test(tcase, is_the_same_with_and_without);
    tcase_add_test(tcase, is_that_of_xxh3);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
