/*
 * OpenSSL by its table: every row is set, and what is asked of it by itself.
 */
#include "expect.h"

#include "base/openssl.h"
#include "base/text/text.h"

#include "base/banned.h"

START_TEST(every_row_is_set)
{
    void *const *pointers = (void *const *)(void *)&nv_openssl;
    ck_assert_int_eq(nv_openssl_find(NULL), NV_OK);
    ck_assert_int_eq(nv_openssl_load(NULL), NV_OK);
    for (size_t i = 0; i < sizeof nv_openssl / sizeof(void *); i++)
        ck_assert_ptr_nonnull(pointers[i]);
    ck_assert_int_eq(nv_openssl_library()[0], '3');
}
END_TEST

/* FIPS 180-2, appendix B.1 */
START_TEST(sha256_is_the_standards)
{
    uint8_t digest[NV_SHA256_BYTES];
    char hex[2 * NV_SHA256_BYTES + 1] = {0};
    ck_assert_int_eq(nv_openssl_sha256(NV_STR("abc"), digest), NV_OK);
    nv_hex_encode(digest, sizeof digest, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openssl");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, every_row_is_set);
    tcase_add_test(tcase, sha256_is_the_standards);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
