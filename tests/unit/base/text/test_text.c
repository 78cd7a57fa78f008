/*
 * Hex and base64: the vectors of RFC 4648, every form the proto3 JSON mapping allows, refusals,
 * caps and a round trip of every length.
 */
#include "expect.h"
#include "oom.h"

#include "base/text/text.h"

#include <stdio.h>

#include "base/banned.h"

START_TEST(hex_round_trip)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
    char text[12];
    uint8_t back[6] = {0};
    nv_hex_encode(bytes, sizeof bytes, text);
    ck_assert_mem_eq(text, "00017f80abff", 12);
    ck_assert_int_eq(nv_hex_decode((struct nv_str){text, 12}, back, 6), NV_OK);
    ck_assert_mem_eq(back, bytes, 6);
    ck_assert_int_eq(nv_hex_decode(NV_STR("00017F80ABFF"), back, 6), NV_OK);
    ck_assert_mem_eq(back, bytes, 6);
}
END_TEST

START_TEST(hex_of_every_length)
{
    uint8_t bytes[256];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t len = 0; len <= sizeof bytes; len++) {
        char text[2 * sizeof bytes + 1];
        memset(text, '?', sizeof text);
        nv_hex_encode(bytes, len, text);
        for (size_t i = 0; i < len; i++) {
            char two[3];
            (void)snprintf(two, sizeof two, "%02x", bytes[i]);
            ck_assert_mem_eq(text + 2 * i, two, 2);
        }
        ck_assert_int_eq(text[2 * len], '?');
    }
}
END_TEST

START_TEST(bad_hex_is_refused)
{
    static const char *texts[] = {"", "0", "000", "00000", "0g00", "00 0", "0x00", "g000"};
    uint8_t out[2];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_assert_int_eq(nv_hex_decode(nv_str_from(texts[i]), out, 2), NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_hex_decode(NV_STR(""), out, 0), NV_OK);
}
END_TEST

START_TEST(uuids)
{
    static const char *const good[] = {"00010203-0405-0607-0809-0a0b0c0d0e0f",
                                       "000102030405060708090A0B0C0D0E0F",
                                       "00010203-0405060708090a0b0c0d0e0f"};
    static const char *const bad[] = {"",
                                      "----",
                                      "000102030405060708090a0b0c0d0e0",
                                      "000102030405060708090a0b0c0d0e0f0",
                                      "000102030405060708090a0b0c0d0e0f0000",
                                      "000102030405060708090a0b0c0d0e0g",
                                      "0-0-0-1-0-203040506070809-0a0b0c0d0e0f"};
    uint8_t out[16];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_int_eq(nv_hex_decode_uuid(nv_str_from(good[i]), out), NV_OK);
        for (unsigned at = 0; at < sizeof out; at++)
            ck_assert_uint_eq(out[at], at);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(nv_hex_decode_uuid(nv_str_from(bad[i]), out), NV_ERR_MALFORMED);
}
END_TEST

static const struct {
    struct nv_str text;
    struct nv_str bytes;
} vectors[] = {
    {NV_STR_INIT(""), NV_STR_INIT("")},
    {NV_STR_INIT("Zg=="), NV_STR_INIT("f")},
    {NV_STR_INIT("Zm8="), NV_STR_INIT("fo")},
    {NV_STR_INIT("Zm9v"), NV_STR_INIT("foo")},
    {NV_STR_INIT("Zm9vYg=="), NV_STR_INIT("foob")},
    {NV_STR_INIT("Zm9vYmE="), NV_STR_INIT("fooba")},
    {NV_STR_INIT("Zm9vYmFy"), NV_STR_INIT("foobar")},
    {NV_STR_INIT("+/+/"), NV_STR_INIT("\xfb\xff\xbf")},
};

START_TEST(base64_vectors)
{
    struct nv_buf buf;
    nv_buf_init(&buf, vectors[_i].text.len);
    ck_assert_int_eq(nv_base64_encode(&buf, vectors[_i].bytes), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&buf), vectors[_i].text);
    nv_buf_release(&buf);
    nv_buf_init(&buf, vectors[_i].bytes.len);
    ck_assert_int_eq(nv_base64_decode(&buf, vectors[_i].text), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&buf), vectors[_i].bytes);
    nv_buf_clear(&buf);
    struct nv_str bare = vectors[_i].text;
    while (nv_str_ends(bare, NV_STR("=")))
        bare.len--;
    ck_assert_int_eq(nv_base64_decode(&buf, bare), NV_OK);
    ck_assert_nv_str_eq(nv_buf_str(&buf), vectors[_i].bytes);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(url_safe_alphabet)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 100);
    ck_assert_int_eq(nv_base64_decode(&buf, NV_STR("-_-_")), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), "\xfb\xff\xbf");
    nv_buf_release(&buf);
}
END_TEST

START_TEST(bad_base64_is_refused)
{
    static const char *texts[] = {"Z",    "Zm9vY", "Zg=",  "Zg===",  "Z===", "=",
                                  "Zm=v", "Zm9v=", "Zm 9", "Zm9v\n", "Zm.v"};
    struct nv_buf buf;
    nv_buf_init(&buf, 100);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ck_assert_msg(nv_base64_decode(&buf, nv_str_from(texts[i])) == NV_ERR_MALFORMED, "%s",
                      texts[i]);
        ck_assert_uint_eq(buf.len, 0);
    }
    nv_buf_release(&buf);
}
END_TEST

START_TEST(round_trip_of_every_length)
{
    char bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 37 + 11);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct nv_buf text, back;
        nv_buf_init(&text, 1000);
        nv_buf_init(&back, 1000);
        ck_assert_int_eq(nv_base64_encode(&text, (struct nv_str){bytes, len}), NV_OK);
        ck_assert_int_eq(nv_base64_decode(&back, nv_buf_str(&text)), NV_OK);
        ck_assert_nv_str_eq(nv_buf_str(&back), ((struct nv_str){bytes, len}));
        nv_buf_release(&text);
        nv_buf_release(&back);
    }
}
END_TEST

START_TEST(caps_and_no_memory)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 7);
    ck_assert_int_eq(nv_base64_encode(&buf, NV_STR("foob")), NV_ERR_LIMIT);
    nv_buf_release(&buf);
    nv_buf_init(&buf, 3);
    ck_assert_int_eq(nv_base64_decode(&buf, NV_STR("Zm9vYg==")), NV_ERR_LIMIT);
    nv_buf_release(&buf);
    nv_buf_init(&buf, 100);
    ck_assert_int_eq(nv_base64_encode(&buf, (struct nv_str){"", SIZE_MAX}), NV_ERR_LIMIT);
    nv_buf_release(&buf);
    oom_fail_nth(1);
    enum nv_err err = nv_base64_decode(&buf, NV_STR("Zm9v"));
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/text");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, hex_round_trip);
    tcase_add_test(tcase, hex_of_every_length);
    tcase_add_test(tcase, bad_hex_is_refused);
    tcase_add_test(tcase, uuids);
    tcase_add_loop_test(tcase, base64_vectors, 0, (int)(sizeof vectors / sizeof vectors[0]));
    tcase_add_test(tcase, url_safe_alphabet);
    tcase_add_test(tcase, bad_base64_is_refused);
    tcase_add_test(tcase, round_trip_of_every_length);
    tcase_add_test(tcase, caps_and_no_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
