/*
 * Candidates by hand against the package's own pattern: random texts of what candidates are
 * made of, whole and broken, and every character in each place that one can have. Surveys.
 */
#include "expect.h"

#include "redaction/personal/phone_candidates.h"
#include "redaction/personal/phone_plans.inc"

#include "base/text/utf8.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_regex *pattern;
static struct nv_regex_work *work;

static void set_up(void)
{
    ck_assert_int_eq(nv_regex_new(NV_STR(NV_PHONE_CANDIDATE), NV_REGEX_NO_CASE, &pattern, NULL),
                     NV_OK);
    work = nv_regex_work_new();
    ck_assert_ptr_nonnull(work);
}

static void tear_down(void)
{
    nv_regex_free(pattern);
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

/* All candidates of a text, one behind the other: how many. */
static size_t compare_all(struct nv_str text)
{
    const struct nv_regex_text subject = {text, is_ascii(text)};
    struct nv_regex_match want = {0, 0}, found = {0, 0};
    size_t count = 0;
    for (size_t at = 0; at < text.len; at = want.to, count++) {
        enum nv_regex_result result = nv_regex_find(pattern, work, &subject, at, &want);
        ck_assert_msg(nv_phone_candidate_find(pattern, work, &subject, at, &found) == result,
                      "%.*s from %zu", NV_STR_ARG(text), at);
        if (result != NV_REGEX_FOUND)
            break;
        ck_assert_msg(want.from == found.from && want.to == found.to,
                      "%.*s: %zu-%zu, not %zu-%zu", NV_STR_ARG(text), found.from, found.to,
                      want.from, want.to);
    }
    return count;
}

static uint32_t seed = 1;

static uint32_t next(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

static const char *const pieces[] = {
    "0", "1", "23", "456", "7890123456", "12345678901234567890123", "(", ")", "[", "]", "+",
    "-", "x", "X", ".", "/", "~", " ", " ", "    ", "     ", "a", "e", "ext", "Ext.",
    "extension ", ";ext=", "#", ";", ",", "\t", "\n", "int", "anexo", "and", "in ", "\\",
    /* beyond ASCII from here on */
    "\xc2\xa0", "\xc2\xad", "\xe2\x80\x8b", "\xe2\x80\x93", "\xe3\x80\x80", "\xef\xbc\x88",
    "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\x91", "\xd9\xa3", "\xd9\x8a", "\xef\xbd\x98",
    "\xd0\xb4\xd0\xbe\xd0\xb1", "\xf0\x9d\x9f\x98", "\xff", "\xe2\x80", "\xc3\xb3", "\xcc\x81"};
#define PIECES (sizeof pieces / sizeof pieces[0])
#define BEYOND_ASCII 18u

START_TEST(as_the_pattern_finds_them)
{
    size_t count = 0;
    for (unsigned round = 0; round < 300000; round++) {
        char text[1024];
        size_t len = 0;
        uint32_t kinds = (uint32_t)PIECES - (round % 2 ? BEYOND_ASCII : 0);
        for (uint32_t i = next(round % 64 ? 16 : 60) + 1; i > 0; i--) {
            struct nv_str piece = nv_str_from(pieces[next(kinds)]);
            memcpy(text + len, piece.ptr, piece.len);
            len += piece.len;
        }
        count += compare_all((struct nv_str){text, len});
    }
    ck_assert_uint_gt(count, 300000);
}
END_TEST

/* Before digits, between them, alone, behind them and before an extension. */
START_TEST(every_character)
{
    static const char *const places[][2] = {
        {"", "12"}, {"12", "34"}, {"+", "12"}, {"1", ""}, {"12 ", " 3#"}};
    for (uint32_t code = 1; code < 0x20000; code++) {
        if (code >= 0xd800 && code < 0xe000)
            continue;
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            char text[32];
            size_t before = strlen(places[i][0]), behind = strlen(places[i][1]);
            memcpy(text, places[i][0], before);
            size_t len = before + nv_utf8_put(code, text + before);
            memcpy(text + len, places[i][1], behind);
            (void)compare_all((struct nv_str){text, len + behind});
        }
    }
}
END_TEST

static const struct {
    const char *text;
    size_t digits;
    unsigned cuts;
    bool brackets;
} surveys[] = {
    {"", 0, 0, false},
    {"12345", 5, 0, false},
    {"(12) 3", 3, 1u << NV_PHONE_BRACKET | 1u << NV_PHONE_SPACE, true},
    {"1-2", 2, 0, false},
    {"1 - 2", 2, 1u << NV_PHONE_HYPHEN | 1u << NV_PHONE_SPACE, false},
    {"1/2.3", 3, 1u << NV_PHONE_SLASH | 1u << NV_PHONE_DOT, false},
    {"\xd9\xa3", 1, (1u << NV_PHONE_CUTS) - 1, true},
};

START_TEST(survey)
{
    struct nv_phone_survey seen = nv_phone_survey_of(nv_str_from(surveys[_i].text));
    ck_assert_uint_eq(seen.digits, surveys[_i].digits);
    ck_assert_uint_eq(seen.cuts, surveys[_i].cuts);
    ck_assert(seen.brackets == surveys[_i].brackets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/phone_candidates");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, as_the_pattern_finds_them);
    tcase_add_test(tcase, every_character);
    tcase_add_loop_test(tcase, survey, 0, (int)(sizeof surveys / sizeof surveys[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
