/*
 * Around one separator: which stretch is the secret, and with which quotes it is replaced.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets/pairs.h"
#include "redaction/secrets/names.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_secret_pair find(const char *text, char separator)
{
    struct nv_str whole = nv_str_from(text);
    return nv_pair_find(whole, (struct nv_secret_floor){0}, nv_str_find_char(whole, separator));
}

START_TEST(stretches)
{
    struct nv_secret_pair pair = find("my password: x y", ':');
    ck_assert_uint_eq(pair.at.from, 13);
    ck_assert_uint_eq(pair.at.len, 1);
    ck_assert_uint_eq(pair.quote.len, 0);
    ck_assert_int_eq(pair.at.rule, NV_SECRET_NAMED);
    pair = find("\\\"secret\\\": 5}", ':');
    ck_assert_uint_eq(pair.at.len, 1);
    ck_assert_nv_str(pair.quote, "\\\"");
    pair = find("a://b:c@d", ':');
    ck_assert_uint_eq(pair.at.from, 6);
    ck_assert_int_eq(pair.at.rule, NV_SECRET_URL);
    ck_assert_uint_eq(find("name: x", ':').at.len, 0);
    ck_assert_uint_eq(find(":", ':').at.len, 0);
    ck_assert_uint_eq(find("=", '=').at.len, 0);
    ck_assert_uint_eq(find("secret=", '=').at.len, 0);
}
END_TEST

/* The quote behind a name may end the string that the name stands in. */
START_TEST(a_string_that_ends_with_a_name)
{
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {{"[\"password: \",\"k\",1]", 0},
                {"[\"password: \"]", 0},
                {"[ \"the password=\"], [1.5, true, {\"k\"", 0},
                {"[\\\"password: \\\",\\\"k\\\"", 0},
                {"[\"it said \\\"no\\\", password: \" , null]", 0},
                /* values, however they look */
                {"[\"password: \",secret\"", 7},
                {"[\"password: \"}x{\"", 3},
                {"[\"password: \\\",1234\\\" \"]", 5},
                {"{\"password\": \"]0000\"}", 5},
                {"{'password': ',1234567890'}", 11},
                {"password: \",123456789\"", 10},
                {"he said\"password: \",123456789\"", 10},
                {"pwd=\"]8675309\"", 8},
                {"password: \"12345\"", 5},
                {"password: \";\"", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char separator = strchr(rows[i].text, ':') ? ':' : '=';
        const size_t len = find(rows[i].text, separator).at.len;
        ck_assert_msg(len == rows[i].len, "%s: %zu", rows[i].text, len);
    }
}
END_TEST

/* What was taken is no name. */
START_TEST(the_floor)
{
    struct nv_str text = NV_STR("secret=x");
    ck_assert_uint_eq(nv_pair_find(text, (struct nv_secret_floor){0}, 6).at.len, 1);
    ck_assert_uint_eq(nv_pair_find(text, (struct nv_secret_floor){.at = 4}, 6).at.len, 0);
}
END_TEST

#define NAME_BYTES_MAX 64

/* A user of so many bytes is read back to curl's option, of one more it is not. */
START_TEST(a_name_to_the_cap)
{
    char text[128];
    for (int more = 0; more < 2; more++) {
        (void)snprintf(text, sizeof text, "curl -u %0*d:hunter2-hunter2", NAME_BYTES_MAX + more,
                       0);
        ck_assert_uint_eq(find(text, ':').at.len > 0, more == 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/pairs");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_names_ready, NULL);
    tcase_add_test(tcase, stretches);
    tcase_add_test(tcase, a_string_that_ends_with_a_name);
    tcase_add_test(tcase, the_floor);
    tcase_add_test(tcase, a_name_to_the_cap);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
