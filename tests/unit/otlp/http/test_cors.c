/*
 * Origins against the allowed list: whole comparison, one star, and lists that are refused.
 */
#include "expect.h"

#include "otlp/http/cors.h"

#include "base/banned.h"

static const struct {
    const char *list;
    const char *origin;
    bool allowed;
} rows[] = {
    {"https://app.example.com", "https://app.example.com", true},
    {"https://a.com, https://b.com", "https://b.com", true},
    {"https://a.com,,", "https://a.com", true},
    {"https://app.example.com", "https://app.example.com.evil.org", false},
    {"https://app.example.com", "https://evilapp.example.com", false},
    {"https://app.example.com", "http://app.example.com", false},
    {"https://app.example.com", "https://app.example.com:8443", false},
    {"https://app.example.com", "null", false},
    {"https://app.example.com", "", false},
    {"https://app.example.com", "https://app.example.co", false},
    {"https://*.example.com", "https://x.example.com", true},
    {"https://*.example.com", "https://x.y.example.com", true},
    {"https://*.example.com", "https://example.com", false},
    {"https://*.example.com", "https://.example.com", false},
    {"https://*.example.com", "https://evil.org/.example.com", false},
    {"https://*.example.com", "https://evil.org#.example.com", false},
    {"https://*.example.com", "https://x.example.com.evil.org", false},
    {"http://localhost:*", "http://localhost:3000", true},
    {"http://localhost:*", "http://localhost", false},
    {"http://localhost:*", "http://localhost:3000/x", false},
    {"*", "https://anything.org", true},
    {"*", "null", true},
    {"", "https://a.com", false},
};

START_TEST(origin_is_matched_whole)
{
    bool allowed = nv_cors_allows(nv_str_from(rows[_i].list), nv_str_from(rows[_i].origin));
    ck_assert_msg(allowed == rows[_i].allowed, "'%s' with '%s'", rows[_i].list,
                  rows[_i].origin);
}
END_TEST

START_TEST(lists_that_can_not_work_are_refused)
{
    static const char *good[] = {"", "*", "https://a.com", "http://[::1]:3000, https://*.b.org",
                                 "chrome-extension://abcdef"};
    static const char *bad[] = {"a.com",         "https://a.com/", "https://", "*://a.com",
                                "https://*.*.b", "https://a/b",    "null"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(nv_cors_list_valid(nv_str_from(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!nv_cors_list_valid(nv_str_from(bad[i])), "%s", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cors");
    TCase *tcase = tcase_create("cors");
    tcase_add_loop_test(tcase, origin_is_matched_whole, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tcase, lists_that_can_not_work_are_refused);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
