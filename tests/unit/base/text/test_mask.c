/*
 * Secrets by their value: in every form in which text carries them, at every place, cut off at
 * the end; and nothing else is touched.
 */
#include "expect.h"
#include "oom.h"

#include "base/text/mask.h"
#include "base/text/text.h"

#include <stdio.h>

#include "base/banned.h"

#define KEY "nv_live/Ab+9\"k z"

static void setup(void)
{
    nv_mask_clear();
    ck_assert_int_eq(nv_mask_add(NV_STR(KEY)), NV_OK);
}

static const char *mask(const char *text)
{
    static char out[8192];
    size_t len = strlen(text);

    ck_assert_uint_lt(len, sizeof out);
    memcpy(out, text, len);
    len = nv_mask_text(out, len);
    out[len] = '\0';
    return out;
}

static const struct {
    const char *in, *out;
} cases[] = {
    {"", ""},
    {"nothing to hide", "nothing to hide"},
    {KEY, "***"},
    {"<" KEY ">", "<***>"},
    {KEY KEY, "******"},
    {"{\"m\":\"nv_live\\/Ab+9\\\"k z\"}", "{\"m\":\"***\"}"},
    {"{\"m\":\"nv_live/Ab+9\\\"k z\"}", "{\"m\":\"***\"}"},
    {"{\"m\":\"\\u006ev_live\\u002fAb\\u002B9\\u0022k\\u0020z\"}", "{\"m\":\"***\"}"},
    {"\"{\\\"m\\\":\\\"nv_live\\\\/Ab+9\\\\\\\"k z\\\"}\"", "\"{\\\"m\\\":\\\"***\\\"}\""},
    {"?k=nv_live%2FAb%2B9%22k%20z&x", "?k=***&x"},
    {"?k=nv_live%2fAb%2b9%22k+z&x", "?k=***&x"},
    {"?k=%6E%76%5F%6C%69%76%65%2F%41%62%2B%39%22%6B%20%7A", "?k=***"},
    {"log \\x6ev_live/Ab+9\\x22k z end", "log *** end"},
    {"nv_live/Ab+9", "***"},            /* cut off at the end */
    {"said: nv_live/", "said: ***"},    /* eight bytes of it */
    {"said: nv_live", "said: nv_live"}, /* seven */
    {"nv_live/Ab+8\"k z", "nv_live/Ab+8\"k z"},
    {"NV_LIVE/AB+9\"K Z", "NV_LIVE/AB+9\"K Z"},
    {"nv_nv_live/Ab+9\"k z", "nv_***"},
    {"100% of \\u00 \\ %", "100% of \\u00 \\ %"},
};

START_TEST(forms)
{
    ck_assert_str_eq(mask(cases[_i].in), cases[_i].out);
}
END_TEST

/* Basic authentication: user and password in one base64, so the password begins anywhere. */
START_TEST(backslashes_in_it)
{
    nv_mask_clear();
    ck_assert_int_eq(nv_mask_add(NV_STR("back\\\"slash\\u")), NV_OK);
    ck_assert_str_eq(mask("<back\\\"slash\\u>"), "<***>");
    ck_assert_str_eq(mask("<back\\\\\\\"slash\\\\u>"), "<***>");
    ck_assert_str_eq(mask("<back\\u005c\\u0022slash\\x5cu>"), "<***>");
    ck_assert_str_eq(mask("<\\u0062ack\\u005c\\u0022slash\\u005c\\u0075>"), "<***>");
    ck_assert_str_eq(mask("<back%5C%22slash%5cu>"), "<***>");
}
END_TEST

/* As mask.c has them. */
#define SLASHES_MAX 15u
#define SECRET_BYTES_MAX 4096u

START_TEST(slashes_to_the_depth)
{
    nv_mask_clear();
    ck_assert_int_eq(nv_mask_add(NV_STR("quoted\"secret")), NV_OK);
    for (unsigned more = 0; more < 2; more++) {
        char text[64] = "quoted";
        memset(text + 6, '\\', SLASHES_MAX + more);
        memcpy(text + 6 + SLASHES_MAX + more, "\"secret", 8);
        ck_assert_int_eq(strcmp(mask(text), "***") == 0, more == 0);
    }
}
END_TEST

START_TEST(of_a_long_one_the_beginning)
{
    static char secret[SECRET_BYTES_MAX + 2];
    for (size_t more = 0; more < 2; more++) {
        nv_mask_clear();
        for (size_t i = 0; i < SECRET_BYTES_MAX + more; i++)
            secret[i] = (char)('a' + i * 7 % 23 + i / 23 % 3);
        ck_assert_int_eq(nv_mask_add((struct nv_str){secret, SECRET_BYTES_MAX + more}), NV_OK);
        /* what is past it is shown: it is no key */
        ck_assert_uint_eq(strlen(mask(secret)), 3 + more);
    }
}
END_TEST

START_TEST(base64_at_every_alignment)
{
    for (size_t before = 0; before < 7; before++) {
        for (size_t after = 0; after < 4; after++) {
            for (int url = 0; url < 2; url++) {
                char plain[64];
                struct nv_buf text;

                (void)snprintf(plain, sizeof plain, "%.*s%s%.*s", (int)before, "user:ab", KEY,
                               (int)after, "xyz");
                nv_buf_init(&text, 4096);
                ck_assert_int_eq(nv_buf_append_str(&text, NV_STR("Basic ")), NV_OK);
                ck_assert_int_eq(nv_base64_encode(&text, nv_str_from(plain)), NV_OK);
                for (size_t i = 0; url == 1 && i < text.len; i++) {
                    text.bytes[i] = (char)(text.bytes[i] == '+'   ? '-'
                                           : text.bytes[i] == '/' ? '_'
                                                                  : text.bytes[i]);
                }
                nv_mask_buf(&text);
                ck_assert_uint_ne(nv_str_find(nv_buf_str(&text), NV_STR("***")), SIZE_MAX);
                ck_assert_uint_lt(text.len, 6 + 3 + 16);
                nv_buf_release(&text);
            }
        }
    }
}
END_TEST

START_TEST(many_are_remembered_and_no_more)
{
    char secret[32];

    nv_mask_clear();
    for (int i = 0; i < NV_MASK_SECRETS_MAX; i++) {
        (void)snprintf(secret, sizeof secret, "secret-%06d", i * 7919);
        ck_assert_int_eq(nv_mask_add(nv_str_from(secret)), NV_OK);
        ck_assert_int_eq(nv_mask_add(nv_str_from(secret)), NV_OK);
        ck_assert_str_eq(mask(secret), "***");
    }
    ck_assert_int_eq(nv_mask_add(NV_STR("one too many")), NV_ERR_LIMIT);
    ck_assert_str_eq(mask("secret-000000 secret-007919"), "*** ***");
}
END_TEST

START_TEST(short_values_hide_nothing)
{
    nv_mask_clear();
    ck_assert_int_eq(nv_mask_add(NV_STR("1234567")), NV_OK);
    ck_assert_int_eq(nv_mask_add(NV_STR("")), NV_OK);
    ck_assert_int_eq(nv_mask_add(NV_STR("1234567890")), NV_OK);
    ck_assert_str_eq(mask("{\"spans\":1234567890}"), "{\"spans\":1234567890}");
    ck_assert_int_eq(nv_mask_add(NV_STR("a2345678")), NV_OK);
    ck_assert_str_eq(mask("01a23456789"), "01***9");
}
END_TEST

static const struct {
    const char *url, *in, *out;
} urls[] = {
    {"http://proxy:3128", "http://proxy:3128", "http://proxy:3128"},
    {"http://me:hunter2hunter2@proxy:3128/", "via hunter2hunter2", "via ***"},
    {"http://me:hunter2hunter2@proxy", "Basic bWU6aHVudGVyMmh1bnRlcjI=", "Basic ***I="},
    {"me:p@ssw0rd@ss@proxy:1", "p@ssw0rd@ss", "***"},
    {"http://me@proxy", "me@proxy", "me@proxy"},
    {"", "x", "x"},
    {"http://me:p%40ss-w%c3%B6rd%zz@proxy", "p@ss-w\xc3\xb6rd%zz", "***"},
    {"http://me:p%40ss-word@proxy", "p%40ss-word", "***"},
    {"http://me:p%40ss-word@proxy", "Basic bWU6cEBzcy13b3Jk", "Basic ***"},
    {"http://me:%", "x", "x"},
    {"http://me:long-enough%4@proxy", "long-enough%4", "***"},
};

START_TEST(passwords_in_urls)
{
    nv_mask_clear();
    ck_assert_int_eq(nv_mask_add_url(nv_str_from(urls[_i].url)), NV_OK);
    ck_assert_str_eq(mask(urls[_i].in), urls[_i].out);
}
END_TEST

/* What did not fit is refused and said so, and adding it again finds what is there already. */
START_TEST(every_allocation_failing_once)
{
    for (unsigned long n = 1;; n++) {
        nv_mask_clear();
        oom_fail_nth(n);
        enum nv_err err = nv_mask_add(NV_STR(KEY));
        if (err == NV_OK)
            err = nv_mask_add_url(NV_STR("http://me:hunter2hunter2@proxy:3128/"));
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_int_eq(nv_mask_add(NV_STR(KEY)), NV_OK);
        ck_assert_str_eq(mask("<" KEY ">"), "<***>");
        if (!failed) {
            ck_assert_uint_gt(n, 10); /* both in their own form and in base64, thrice each */
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/mask");
    TCase *tcase = tcase_create("mask");

    tcase_add_checked_fixture(tcase, setup, nv_mask_clear);
    tcase_add_loop_test(tcase, forms, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, backslashes_in_it);
    tcase_add_test(tcase, slashes_to_the_depth);
    tcase_add_test(tcase, of_a_long_one_the_beginning);
    tcase_add_test(tcase, base64_at_every_alignment);
    tcase_add_test(tcase, many_are_remembered_and_no_more);
    tcase_add_test(tcase, short_values_hide_nothing);
    tcase_add_loop_test(tcase, passwords_in_urls, 0, sizeof urls / sizeof *urls);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
