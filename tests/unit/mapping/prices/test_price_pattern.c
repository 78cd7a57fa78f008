/*
 * Patterns of the price table: globs, digits, conjunctions, negations.
 */
#include "tests/support/expect.h"
#include "mapping/prices/price_pattern.h"

#include "base/banned.h"

START_TEST(patterns)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {{"gpt-4o", "gpt-4o", true},
                 {"gpt-4o", "gpt-4o-mini", false},
                 {"gpt-4o*", "gpt-4o-mini", true},
                 {"*-tts", "gemini-tts", true},
                 {"*-tts", "gemini-tts-x", false},
                 {"*a*b*", "xaxxbx", true},
                 {"*a*b", "xaxbxc", false},
                 {"*", "", true},
                 {"", "", true},
                 {"a", "", false},
                 {"gpt-####-##", "gpt-2026-11", true},
                 {"gpt-####-##", "gpt-2026-1x", false},
                 {"gpt-####-##", "gpt-2026-112", false},
                 {"*-########", "a-1-20261122", true},
                 {"gemini-2.5-pro*&!*-tts&!*-tts-*", "gemini-2.5-pro", true},
                 {"gemini-2.5-pro*&!*-tts&!*-tts-*", "gemini-2.5-pro-preview", true},
                 {"gemini-2.5-pro*&!*-tts&!*-tts-*", "gemini-2.5-pro-tts", false},
                 {"gemini-2.5-pro*&!*-tts&!*-tts-*", "gemini-2.5-pro-tts-1", false},
                 {"gemini-2.5-pro*&!*-tts&!*-tts-*", "gemini-2.5-flash", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(nv_price_pattern_match(nv_str_from(cases[i].pattern),
                                             nv_str_from(cases[i].name)) == cases[i].matches,
                      "%s %s", cases[i].pattern, cases[i].name);
    }
}
END_TEST

START_TEST(what_is_more_than_a_glob)
{
    ck_assert(!nv_price_pattern_is_special(NV_STR("gpt-4o*")));
    ck_assert(nv_price_pattern_is_special(NV_STR("gpt-4o-##")));
    ck_assert(nv_price_pattern_is_special(NV_STR("a*&b*")));
    ck_assert(nv_price_pattern_is_special(NV_STR("!a")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/price_pattern");
    TCase *tcase = tcase_create("price_pattern");
    tcase_add_test(tcase, patterns);
    tcase_add_test(tcase, what_is_more_than_a_glob);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
