/*
 * Characters forwards and backwards, digits of other scripts, and the canonical form, whose
 * values are those of Python 3.11: "".join(unicodedata.normalize("NFC", v).split()).lower().
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/characters.h"

#include "base/banned.h"

START_TEST(forwards_and_backwards)
{
    struct nv_str text = NV_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff");
    static const struct {
        size_t at, len;
        uint32_t code;
    } want[] = {
        {0, 1, 'a'}, {1, 2, 0xe9}, {3, 3, 0x20ac}, {6, 4, 0x1f600}, {10, 1, UINT32_MAX}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct nv_character c = nv_character_at(text, want[i].at);
        ck_assert_uint_eq(c.code, want[i].code);
        ck_assert_uint_eq(c.len, want[i].len);
        c = nv_character_before(text, want[i].at + want[i].len);
        ck_assert_uint_eq(c.code, want[i].code);
        ck_assert_uint_eq(c.len, want[i].len);
    }
    ck_assert_uint_eq(nv_character_at(text, text.len).len, 0);
    ck_assert_uint_eq(nv_character_before(text, 0).len, 0);
    ck_assert_uint_eq(nv_character_count(NV_STR("a\xc3\xa9\xe2\x82\xac")), 3);
}
END_TEST

START_TEST(digits_and_words)
{
    ck_assert_int_eq(nv_digit_value('7'), 7);
    ck_assert_int_eq(nv_digit_value('a'), -1);
    ck_assert_int_eq(nv_digit_value(0x0663), 3);  /* Arabic */
    ck_assert_int_eq(nv_digit_value(0xff19), 9);  /* wide */
    ck_assert_int_eq(nv_digit_value(0x1d7d8), 0); /* mathematical, the second ten */
    ck_assert_int_eq(nv_digit_value(0xb2), -1);   /* superscript two is none */
    ck_assert_int_eq(nv_digit_value(UINT32_MAX), -1);
    /* of scripts that are still added */
    ck_assert(nv_character_is_unsure_digit(0x1d7d8) && nv_character_is_unsure_digit(0x1ffff));
    ck_assert(!nv_character_is_unsure_digit('7') && !nv_character_is_unsure_digit(0x0663));
    ck_assert(!nv_character_is_unsure_digit(0x1f6a6) &&
              !nv_character_is_unsure_digit(UINT32_MAX));
    ck_assert(nv_character_is_word('_') && nv_character_is_word('z') &&
              nv_character_is_word(0xe9) && nv_character_is_word(0xb2));
    ck_assert(!nv_character_is_word('-') && !nv_character_is_word(0x20ac) &&
              !nv_character_is_word(UINT32_MAX));
}
END_TEST

static const struct {
    struct nv_str value;
    const char *canonical;
} cases[] = {
    {NV_STR_INIT(" John\t@Corp.COM\x1f"), "john@corp.com"},
    {NV_STR_INIT("a\xcc\x81 B\xc2\xa0"
                 "c"),
     "\xc3\xa1"
     "bc"},
    {NV_STR_INIT("\xe2\x84\xab"), "\xc3\xa5"},        /* the sign for angstrom */
    {NV_STR_INIT("\xc4\xb0st"), "i\xcc\x87st"},       /* capital I with a dot */
    {NV_STR_INIT("\xce\x9f\xce\x94\xce\x9f\xce\xa3"), /* a final sigma */
     "\xce\xbf\xce\xb4\xce\xbf\xcf\x82"},
    {NV_STR_INIT("\xce\x91\xce\xa3'\xce\x91"), "\xce\xb1\xcf\x83'\xce\xb1"},
    {NV_STR_INIT("\xce\xa3"), "\xcf\x83"},
    {NV_STR_INIT("\xd9\xa3\xe2\x80\xa8\xd9\xa4"), "\xd9\xa3\xd9\xa4"},
    {NV_STR_INIT("\xe1\xa0\x8e"), "\xe1\xa0\x8e"}, /* U+180E is no space */
    {NV_STR_INIT(""), ""},
};

START_TEST(canonical_form)
{
    struct nv_buf out;
    nv_buf_init(&out, 1024);
    ck_assert_int_eq(nv_canonical_append(&out, cases[_i].value), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), cases[_i].canonical);
    nv_buf_release(&out);
}
END_TEST

START_TEST(no_canonical_form)
{
    struct nv_buf out;
    nv_buf_init(&out, 8);
    ck_assert_int_eq(nv_canonical_append(&out, NV_STR("\xff")), NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_canonical_append(&out, NV_STR("123456789")), NV_ERR_LIMIT);
    nv_buf_release(&out);
    for (unsigned long n = 1;; n++) {
        nv_buf_init(&out, 1024);
        oom_fail_nth(n);
        enum nv_err err = nv_canonical_append(&out, NV_STR("\xc3\xa9"));
        bool failed = oom_end();
        nv_buf_release(&out);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/characters");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, forwards_and_backwards);
    tcase_add_test(tcase, digits_and_words);
    tcase_add_loop_test(tcase, canonical_form, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, no_canonical_form);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
