/*
 * Ids, segment keys and chunks are what another implementation makes of the same input; what
 * was changed, or stands elsewhere, does not open and leaves nothing.
 */
#include "expect.h"
#include "base/text/text.h"
#include "journal/journal_cipher.h"
#include "oom.h"

#include <string.h>

static uint8_t key[NV_KEY_BYTES], salt[NV_SALT_BYTES];
static struct nv_cipher *cipher;
static struct nv_cipher_run *sealing, *opening;

static void setup(void)
{
    for (unsigned i = 0; i < 32; i++) {
        key[i] = (uint8_t)i;
        salt[i] = (uint8_t)(100 + i);
    }
    ck_assert_int_eq(nv_cipher_new(key, salt, 7, &cipher), NV_OK);
    ck_assert_int_eq(nv_cipher_begin(cipher, true, &sealing), NV_OK);
    ck_assert_int_eq(nv_cipher_begin(cipher, false, &opening), NV_OK);
}

static void teardown(void)
{
    nv_cipher_end(sealing);
    nv_cipher_end(opening);
    nv_cipher_free(cipher);
}

static void expect_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    char text[256];
    nv_hex_encode(bytes, len, text);
    ck_assert_nv_str(((struct nv_str){text, 2 * len}), hex);
}

/* The expected were made with Python: HKDF by its hmac, AES-GCM by its `cryptography`. */
START_TEST(others_make_the_same)
{
    uint8_t id[NV_KEY_ID_BYTES], chunk[5 + NV_TAG_BYTES];
    ck_assert_int_eq(nv_key_identify(key, id), NV_OK);
    expect_hex(id, sizeof id, "a4888ef5e201f705");
    const struct nv_chunk_place place = {3, 1, NV_STR("bound")};
    const struct nv_str parts[2] = {NV_STR("he"), NV_STR("llo")};
    ck_assert_int_eq(nv_cipher_seal(sealing, &place, parts, chunk), NV_OK);
    expect_hex(chunk, sizeof chunk, "f71e55ed805373123732426bb858699d6e855713c8");
    ck_assert_int_eq(nv_cipher_open(opening, &place, chunk, 5), NV_OK);
    ck_assert_int_eq(memcmp(chunk, "hello", 5), 0);
}
END_TEST

START_TEST(nothing_is_a_chunk_too)
{
    uint8_t chunk[NV_TAG_BYTES];
    const struct nv_chunk_place place = {0, 0, NV_STR("bound")};
    const struct nv_str parts[2] = {NV_STR(""), NV_STR("")};
    ck_assert_int_eq(nv_cipher_seal(sealing, &place, parts, chunk), NV_OK);
    ck_assert_int_eq(nv_cipher_open(opening, &place, chunk, 0), NV_OK);
    chunk[3] ^= 1;
    ck_assert_int_eq(nv_cipher_open(opening, &place, chunk, 0), NV_ERR_MALFORMED);
}
END_TEST

START_TEST(what_was_changed_or_moved_does_not_open)
{
    uint8_t sealed[8 + NV_TAG_BYTES], chunk[8 + NV_TAG_BYTES];
    const struct nv_chunk_place place = {5, 2, NV_STR("bound")};
    const struct nv_chunk_place elsewhere[] = {
        {6, 2, NV_STR("bound")}, {5, 3, NV_STR("bound")}, {5, 2, NV_STR("bounds")}};
    const struct nv_str parts[2] = {NV_STR(""), NV_STR("a secret")};
    static const uint8_t nothing[8];
    ck_assert_int_eq(nv_cipher_seal(sealing, &place, parts, sealed), NV_OK);
    for (size_t i = 0; i < 3; i++) {
        memcpy(chunk, sealed, sizeof chunk);
        ck_assert_int_eq(nv_cipher_open(opening, &elsewhere[i], chunk, 8), NV_ERR_MALFORMED);
        ck_assert_int_eq(memcmp(chunk, nothing, 8), 0);
    }
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        memcpy(chunk, sealed, sizeof chunk);
        chunk[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(nv_cipher_open(opening, &place, chunk, 8), NV_ERR_MALFORMED);
        ck_assert_int_eq(memcmp(chunk, nothing, 8), 0);
    }
    ck_assert_int_eq(nv_cipher_open(opening, &place, sealed, 8), NV_OK);
}
END_TEST

START_TEST(another_salt_epoch_or_key_is_another_key)
{
    const struct nv_chunk_place place = {5, 2, NV_STR("bound")};
    const struct nv_str parts[2] = {NV_STR(""), NV_STR("a secret")};
    for (int i = 0; i < 3; i++) {
        struct nv_cipher *other;
        struct nv_cipher_run *run;
        uint8_t chunk[8 + NV_TAG_BYTES];
        salt[0] ^= i == 0;
        key[31] ^= i == 1;
        ck_assert_int_eq(nv_cipher_new(key, salt, i == 2 ? 8 : 7, &other), NV_OK);
        salt[0] ^= i == 0;
        key[31] ^= i == 1;
        ck_assert_int_eq(nv_cipher_begin(other, false, &run), NV_OK);
        ck_assert_int_eq(nv_cipher_seal(sealing, &place, parts, chunk), NV_OK);
        ck_assert_int_eq(nv_cipher_open(run, &place, chunk, 8), NV_ERR_MALFORMED);
        nv_cipher_end(run);
        nv_cipher_free(other);
    }
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    struct nv_cipher *other;
    struct nv_cipher_run *run;
    oom_fail_nth(1);
    ck_assert_int_eq(nv_cipher_new(key, salt, 1, &other), NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(other);
    oom_fail_nth(1);
    ck_assert_int_eq(nv_cipher_begin(cipher, true, &run), NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(run);
    oom_end();
    nv_cipher_end(NULL);
    nv_cipher_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_cipher");
    TCase *tcase = tcase_create("journal_cipher");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, others_make_the_same);
    tcase_add_test(tcase, nothing_is_a_chunk_too);
    tcase_add_test(tcase, what_was_changed_or_moved_does_not_open);
    tcase_add_test(tcase, another_salt_epoch_or_key_is_another_key);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
