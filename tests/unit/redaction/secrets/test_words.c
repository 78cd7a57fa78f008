/*
 * Bearer tokens, Basic credentials and the bodies of private keys.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets/words.h"

#include "base/banned.h"

START_TEST(credentials)
{
    struct nv_secret_stretch found =
        nv_credentials_find(NV_STR("bearer 0123456789abcdef,"), 0, 7);
    ck_assert_uint_eq(found.len, 16);
    ck_assert_int_eq(found.rule, NV_SECRET_BEARER);
    ck_assert_uint_eq(nv_credentials_find(NV_STR("bearer 0123456789abcde"), 0, 7).len, 0);
    ck_assert_uint_eq(nv_credentials_find(NV_STR("bearer 0123456789abcdef"), 1, 7).len, 0);
    found = nv_credentials_find(NV_STR("Basic dXNlcjpwYXNzd29yZA=="), 0, 6);
    ck_assert_uint_eq(found.len, 20);
    ck_assert_int_eq(found.rule, NV_SECRET_BASIC);
    ck_assert_uint_eq(nv_credentials_find(NV_STR("Basic dXNlcm5hbWUrcGFzcw"), 0, 6).len, 0);
    ck_assert_uint_eq(nv_credentials_find(NV_STR("Basic understanding-of-all"), 0, 6).len, 0);
}
END_TEST

START_TEST(private_keys)
{
    struct nv_str key =
        NV_STR("-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----");
    struct nv_secret_stretch found = nv_private_key_find(key, 0, 4);
    ck_assert_uint_eq(found.from, 30);
    ck_assert_uint_eq(found.len, 5);
    ck_assert_uint_eq(nv_private_key_find(key, 0, 3).len, 0);
    /* its first line is taken, as the end of another secret; what is left goes on at a line */
    ck_assert_uint_eq(nv_private_key_find(key, 11, 4).len, 5);
    ck_assert_uint_eq(nv_private_key_find(key, 32, 4).len, 0);
    ck_assert_uint_eq(nv_private_key_find(key, key.len, 4).len, 0);
    key = NV_STR("-----BEGIN EC PRIVATE KEY-----a\\nabc\n-----END EC PRIVATE KEY-----");
    found = nv_private_key_find(key, 31, 4);
    ck_assert_uint_eq(found.from, 33);
    ck_assert_uint_eq(found.len, 4);
    key = NV_STR("-----BEGIN PGP PRIVATE KEY BLOCK-----\\n\\n0123456789abcdef+/\\\" and");
    found = nv_private_key_find(key, 0, 4);
    ck_assert_uint_eq(found.len, 22);
    key = NV_STR("-----BEGIN PUBLIC KEY-----\n0123456789abcdef+/");
    ck_assert_uint_eq(nv_private_key_find(key, 0, 4).len, 0);
    key = NV_STR("-----BEGIN PRIVATE KEY-----");
    ck_assert_uint_eq(nv_private_key_find(key, 0, 4).len, 0);
}
END_TEST

/* Each is looked for to the next one and no further: half a million bytes of them took
 * minutes. */
START_TEST(first_lines_alone_are_gone_over_once)
{
    struct nv_str key = NV_STR("-----BEGIN PRIVATE KEY-----\nabc\n-----BEGIN PRIVATE KEY-----\n"
                               "0123456789abcdef\n-----END PRIVATE KEY-----");
    ck_assert_uint_eq(nv_private_key_find(key, 0, 4).len, 0);
    struct nv_secret_stretch found = nv_private_key_find(key, 0, 4 + 32);
    ck_assert_uint_eq(found.from, 32 + 27);
    key = NV_STR("-----BEGIN PRIVATE KEY-----\n0123456789abcdef\n-----BEGIN PRIVATE KEY-----");
    found = nv_private_key_find(key, 0, 4);
    ck_assert_uint_eq(found.from, 27);
    ck_assert_uint_eq(found.from + found.len, key.len - 27);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/words");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, credentials);
    tcase_add_test(tcase, private_keys);
    tcase_add_test(tcase, first_lines_alone_are_gone_over_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
