/*
 * Regular expressions behind their limits: what matches in ASCII and in UTF-8, across bad
 * bytes, what doesn't compile and where, and a pattern that never ends.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/regex.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_regex_work *work;

static void set_up(void)
{
    work = nv_regex_work_new();
    ck_assert_ptr_nonnull(work);
}

static void tear_down(void)
{
    nv_regex_work_free(work);
}

static bool is_ascii(struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

static enum nv_regex_result find(const char *pattern, unsigned flags, struct nv_str text,
                                 size_t from, struct nv_regex_match *match)
{
    struct nv_regex *regex = NULL;
    struct nv_regex_text subject = {text, is_ascii(text)};
    ck_assert_int_eq(nv_regex_new(nv_str_from(pattern), flags, &regex, NULL), NV_OK);
    enum nv_regex_result result = nv_regex_find(regex, work, &subject, from, match);
    nv_regex_free(regex);
    return result;
}

static const struct {
    const char *pattern;
    unsigned flags;
    struct nv_str text;
    size_t from;
    const char *match; /* NULL: none */
} cases[] = {
    {"\\d+", 0, NV_STR_INIT("a 12 b"), 0, "12"},
    {"\\d+", 0, NV_STR_INIT("a 12 b"), 3, "2"},
    {"\\d+", NV_REGEX_ANCHORED, NV_STR_INIT("a 12 b"), 0, NULL},
    {"\\d+", NV_REGEX_ANCHORED, NV_STR_INIT("a 12 b"), 2, "12"},
    {"\\b2", 0, NV_STR_INIT("a 12 b"), 3, NULL},
    {"emp", NV_REGEX_NO_CASE, NV_STR_INIT("an EMP"), 0, "EMP"},
    {"x*", 0, NV_STR_INIT("axx"), 0, "xx"},
    /* digits and letters of other scripts */
    {"\\d+", 0, NV_STR_INIT("a \xd9\xa3\xd9\xa4 b"), 0, "\xd9\xa3\xd9\xa4"},
    {"\\bb", 0,
     NV_STR_INIT("\xc3\xa9"
                 "b b!"),
     0, "b"},
    /* white space as Python has it */
    {"a[\\s-]b", NV_REGEX_PYTHON_SPACE,
     NV_STR_INIT("a\x1f"
                 "b"),
     0,
     "a\x1f"
     "b"},
    {"a[\\s-]b", 0,
     NV_STR_INIT("a\x1f"
                 "b"),
     0, NULL},
    {"a\\sb", NV_REGEX_PYTHON_SPACE,
     NV_STR_INIT("a\xc2\xa0"
                 "b"),
     0,
     "a\xc2\xa0"
     "b"},
    /* behind bytes that are no UTF-8 */
    {"\\d{3}", 0, NV_STR_INIT("\xff\xfe 123 \xc3"), 0, "123"},
    {"1.2", 0,
     NV_STR_INIT("1\xff"
                 "2"),
     0, NULL},
};

START_TEST(what_matches)
{
    struct nv_regex_match match = {0};
    enum nv_regex_result result =
        find(cases[_i].pattern, cases[_i].flags, cases[_i].text, cases[_i].from, &match);
    if (!cases[_i].match) {
        ck_assert_int_eq(result, NV_REGEX_NONE);
        return;
    }
    ck_assert_int_eq(result, NV_REGEX_FOUND);
    ck_assert_nv_str(nv_str_slice(cases[_i].text, match.from, match.to - match.from),
                     cases[_i].match);
}
END_TEST

START_TEST(a_fault_has_its_place)
{
    struct nv_regex *regex = NULL;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_regex_new(NV_STR("ab(cd"), 0, &regex, &fail), NV_ERR_CONFIG);
    ck_assert_uint_eq(fail.offset, 5);
    ck_assert_ptr_nonnull(strstr(fail.what, "parenthesis"));
    ck_assert_ptr_null(regex);

    char long_one[NV_REGEX_PATTERN_MAX + 1];
    memset(long_one, 'a', sizeof long_one);
    struct nv_str text = {long_one, NV_REGEX_PATTERN_MAX};
    ck_assert_int_eq(nv_regex_new(text, 0, &regex, NULL), NV_OK);
    nv_regex_free(regex);
    text.len++;
    ck_assert_int_eq(nv_regex_new(text, 0, &regex, NULL), NV_ERR_CONFIG);
}
END_TEST

/* 2^40 ways to split a run of a. */
START_TEST(a_match_without_end_is_given_up)
{
    struct nv_regex_match match;
    ck_assert_int_eq(
        find("(a+)+!", 0, NV_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?!"), 0, &match),
        NV_REGEX_LIMIT);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    for (unsigned long n = 1;; n++) {
        struct nv_regex *regex = NULL;
        oom_fail_nth(n);
        enum nv_err err = nv_regex_new(NV_STR("\\s"), NV_REGEX_PYTHON_SPACE, &regex, NULL);
        bool failed = oom_end();
        nv_regex_free(regex);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed)
            break;
    }
    oom_fail_nth(1);
    struct nv_regex_work *none = nv_regex_work_new();
    (void)oom_end();
    ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/regex");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_matches, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, a_fault_has_its_place);
    tcase_add_test(tcase, a_match_without_end_is_given_up);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
