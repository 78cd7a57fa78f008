/*
 * Regular expressions behind their limits: what matches in ASCII and in UTF-8, across bad
 * bytes, what doesn't compile and where, and a pattern that never ends.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/regex.h"

#include <stdlib.h>
#include <stdio.h>

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

/* As regex.c has it: the whole match is the first. */
#define GROUPS_MAX 8u

START_TEST(groups_to_the_last_that_is_kept)
{
    struct nv_regex *regex = NULL;
    struct nv_regex_match match, group;
    const struct nv_regex_text text = {NV_STR("abcdefgh"), true};
    ck_assert_int_eq(nv_regex_new(NV_STR("(a)(b)(c)(d)(e)(f)(g)(h)"), 0, &regex, NULL), NV_OK);
    ck_assert_int_eq(nv_regex_find(regex, work, &text, 0, &match), NV_REGEX_FOUND);
    ck_assert(nv_regex_group(work, GROUPS_MAX - 1, &group));
    ck_assert_uint_eq(group.from, GROUPS_MAX - 2);
    ck_assert(!nv_regex_group(work, GROUPS_MAX, &group));
    nv_regex_free(regex);
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

/* 2 MB of digits, each of which may begin a match that ends nowhere: the square of it. */
START_TEST(the_square_of_a_text_is_given_up)
{
    struct nv_str digits = {malloc((size_t)2 << 20), (size_t)2 << 20};
    struct nv_regex_text subject = {digits, true};
    struct nv_regex_work *own = nv_regex_work_new();
    struct nv_regex *regex = NULL;
    struct nv_regex_match match;
    uint64_t left_ns = NV_REGEX_TIME_NS(digits.len);
    ck_assert(own && digits.ptr);
    memset((void *)(uintptr_t)digits.ptr, '1', digits.len);
    ck_assert_int_eq(nv_regex_new(NV_STR("\\d+x"), NV_REGEX_BOUNDED, &regex, NULL), NV_OK);
    ck_assert_int_eq(nv_regex_find_within(regex, own, &subject, 0, &left_ns, &match),
                     NV_REGEX_LIMIT);
    ck_assert_uint_eq(left_ns, 0);
    nv_regex_free(regex);
    nv_regex_work_free(own);
    free((void *)(uintptr_t)digits.ptr);
}
END_TEST

/* In steps the same is found as in one go, in characters of four bytes too. */
START_TEST(steps_miss_nothing)
{
    struct nv_regex_work *own = nv_regex_work_new();
    struct nv_regex *regex = NULL;
    struct nv_regex_match match;
    char text[4096];
    ck_assert_int_eq(nv_regex_new(NV_STR("(?<=\\W)x+y"), NV_REGEX_BOUNDED, &regex, NULL),
                     NV_OK);
    for (size_t at = 0; at + 4 <= sizeof text; at += 4)
        memcpy(text + at, "\xf0\x9f\x98\x80", 4);
    for (size_t at = 4; at < 4000; at += 200) {
        uint64_t left_ns = UINT64_C(1) << 40;
        struct nv_regex_text subject = {{text, sizeof text}, false};
        memcpy(text + at, "xxxy", 4);
        ck_assert_int_eq(nv_regex_find_within(regex, own, &subject, 0, &left_ns, &match),
                         NV_REGEX_FOUND);
        ck_assert_uint_eq(match.from, at);
        ck_assert_uint_eq(match.to, at + 4);
        ck_assert_int_eq(nv_regex_find_within(regex, own, &subject, match.to, &left_ns, &match),
                         NV_REGEX_NONE);
        memcpy(text + at, "\xf0\x9f\x98\x80", 4);
    }
    nv_regex_free(regex);
    nv_regex_work_free(own);
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

/* Each character more doubles the steps: within NV_REGEX_STEPS_MAX no match is found and said
 * so, past it nothing is known. */
START_TEST(steps_to_the_limit)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct nv_regex_match match;
    enum nv_regex_result last = NV_REGEX_NONE;
    size_t len = 1;
    for (; len < 30 && last == NV_REGEX_NONE; len++) {
        char subject[64];
        (void)snprintf(subject, sizeof subject, "%.*s?!", (int)len, text);
        last = find("(a+)+!", 0, nv_str_from(subject), 0, &match);
    }
    ck_assert_int_eq(last, NV_REGEX_LIMIT);
    /* 2^(len - 2) steps and more fitted, 4 * 2^len did not */
    ck_assert_uint_ge((uint64_t)4 << len, NV_REGEX_STEPS_MAX);
    ck_assert_uint_le((uint64_t)1 << (len > 4 ? len - 4 : 0), NV_REGEX_STEPS_MAX);
}
END_TEST

START_TEST(how_a_match_may_begin)
{
    struct nv_regex *regex = NULL;
    ck_assert_int_eq(nv_regex_new(NV_STR("(?:[2-4]|80)\\d"),
                                  NV_REGEX_ANCHORED | NV_REGEX_DIGITS, &regex, NULL),
                     NV_OK);
    for (unsigned digit = 0; digit <= 9; digit++) {
        bool may = (digit >= 2 && digit <= 4) || digit == 8;
        ck_assert(nv_regex_may_begin(regex, digit) == may);
    }
    nv_regex_free(regex);
    /* an empty match begins with anything */
    ck_assert_int_eq(nv_regex_new(NV_STR("(?:0)?"),
                                  NV_REGEX_ANCHORED | NV_REGEX_DIGITS | NV_REGEX_EMPTY, &regex,
                                  NULL),
                     NV_OK);
    ck_assert(nv_regex_may_begin(regex, 5));
    nv_regex_free(regex);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/regex");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_matches, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, groups_to_the_last_that_is_kept);
    tcase_add_test(tcase, a_fault_has_its_place);
    tcase_add_test(tcase, a_match_without_end_is_given_up);
    tcase_add_test(tcase, the_square_of_a_text_is_given_up);
    tcase_add_test(tcase, steps_miss_nothing);
    tcase_add_test(tcase, no_memory_is_an_error);
    tcase_add_test(tcase, steps_to_the_limit);
    tcase_add_test(tcase, how_a_match_may_begin);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
