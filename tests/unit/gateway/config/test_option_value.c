/*
 * Texts into typed values: every unit, every edge, and what must be refused.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/config/option_value.h"

#include "base/banned.h"

static const struct {
    const char *text;
    int64_t ms;    /* -1: refused */
    int64_t bytes; /* likewise */
} numbers[] = {{"0", 0, 0},
               {"1500", 1500, 1500},
               {"500ms", 500, -1},
               {"5s", 5000, -1},
               {"10 m", 600000, -1},
               {"2min", 120000, -1},
               {"1h", 3600000, -1},
               {"64B", -1, 64},
               {"64KB", -1, 64000},
               {"64 KiB", -1, 65536},
               {"3mb", -1, 3000000},
               {"16MiB", -1, 16777216},
               {"1GB", -1, 1000000000},
               {"8GiB", -1, INT64_C(8589934592)},
               {" 7 ", 7, 7},
               {"", -1, -1},
               {"s", -1, -1},
               {"-1", -1, -1},
               {"1.5s", -1, -1},
               {"1e3", -1, -1},
               {"5 parsecs", -1, -1},
               {"18446744073709551616", -1, -1},
               {"18446744073709551615h", -1, -1},
               {"18446744073709551615KiB", -1, -1}};

START_TEST(numbers_with_units)
{
    uint64_t value = 99;
    struct nv_str text = nv_str_from(numbers[_i].text);
    enum nv_err err = nv_option_parse_ms(text, &value);
    ck_assert_int_eq(err, numbers[_i].ms < 0 ? NV_ERR_CONFIG : NV_OK);
    if (err == NV_OK)
        ck_assert_uint_eq(value, (uint64_t)numbers[_i].ms);
    err = nv_option_parse_bytes(text, &value);
    ck_assert_int_eq(err, numbers[_i].bytes < 0 ? NV_ERR_CONFIG : NV_OK);
    if (err == NV_OK)
        ck_assert_uint_eq(value, (uint64_t)numbers[_i].bytes);
}
END_TEST

START_TEST(booleans_are_the_sdks_words)
{
    static const char *const yes[] = {"true", "1", "yes", "on", "TRUE", "On"};
    static const char *const no[] = {"false", "0", "no", "off", "", "Off"};
    static const char *const neither[] = {"2", "y", "truee", " true", "enabled"};
    bool value = false;
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(nv_option_parse_bool(nv_str_from(yes[i]), &value), NV_OK);
        ck_assert(value);
        ck_assert_int_eq(nv_option_parse_bool(nv_str_from(no[i]), &value), NV_OK);
        ck_assert(!value);
    }
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(nv_option_parse_bool(nv_str_from(neither[i]), &value), NV_ERR_CONFIG);
}
END_TEST

START_TEST(choices_by_place)
{
    unsigned place = 9;
    ck_assert_int_eq(nv_option_parse_choice(NV_STR("fsync"), "fsync|os|memory", &place), NV_OK);
    ck_assert_uint_eq(place, 0);
    ck_assert_int_eq(nv_option_parse_choice(NV_STR("Memory"), "fsync|os|memory", &place),
                     NV_OK);
    ck_assert_uint_eq(place, 2);
    ck_assert_int_eq(nv_option_parse_choice(NV_STR("o"), "fsync|os|memory", &place),
                     NV_ERR_CONFIG);
    ck_assert_int_eq(nv_option_parse_choice(NV_STR(""), "fsync|os", &place), NV_ERR_CONFIG);
    ck_assert_int_eq(nv_option_parse_choice(NV_STR("fsync|os"), "fsync|os", &place),
                     NV_ERR_CONFIG);
}
END_TEST

START_TEST(lists_by_comma_or_line)
{
    struct nv_text_list list;
    ck_assert_int_eq(nv_option_parse_list(NV_STR(" a, b ,,c"), &list), NV_OK);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.items[0], "a");
    ck_assert_str_eq(list.items[1], "b");
    ck_assert_str_eq(list.items[2], "c");
    nv_text_list_release(&list);
    ck_assert_int_eq(nv_option_parse_list(NV_STR("x{1,2}\ny\n"), &list), NV_OK);
    ck_assert_uint_eq(list.count, 2);
    ck_assert_str_eq(list.items[0], "x{1,2}");
    nv_text_list_release(&list);
    ck_assert_int_eq(nv_option_parse_list(NV_STR(""), &list), NV_OK);
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

#define TEN "0123456789"

static const struct {
    const char *text;
    bool good;
} addresses[] = {{"127.0.0.1:4318", true},
                 {":4318", true},
                 {"[::1]:4318", true},
                 {"localhost:0", true},
                 {"unix:/run/x.sock", true},
                 {"fd:3", true},
                 {"none", true},
                 {"127.0.0.1:4318, [::1]:4318", true},
                 {"", false},
                 {"4318", false},
                 {"127.0.0.1", false},
                 {"127.0.0.1:", false},
                 {"127.0.0.1:65536", false},
                 {"127.0.0.1:x", false},
                 {"::1:4318", false},
                 {"[::1:4318", false},
                 {"[::1]", false},
                 {"unix:", false},
                 {"unix:x", false},
                 {"unix:/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "456789", true}, /* 107 */
                 {"unix:/" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "4567890", false},
                 {"127.0.0.1:1,", false}};

START_TEST(addresses_to_listen_on)
{
    enum nv_err err = nv_option_check_addresses(nv_str_from(addresses[_i].text));
    ck_assert_msg((err == NV_OK) == addresses[_i].good, "%s", addresses[_i].text);
}
END_TEST

static const struct {
    const char *text;
    const char *base; /* NULL: refused */
    const char *host;
    bool secure;
    uint16_t port;
} urls[] = {
    {"https://api.noveum.ai/api", "https://api.noveum.ai/api", "api.noveum.ai", true, 443},
    {"https://api.noveum.ai/api/", "https://api.noveum.ai/api", "api.noveum.ai", true, 443},
    {"https://api.noveum.ai/api/v1/traces", "https://api.noveum.ai/api", "api.noveum.ai", true,
     443},
    {"https://api.noveum.ai/api/v1/traces/", "https://api.noveum.ai/api", "api.noveum.ai", true,
     443},
    {"HTTP://localhost:8080", "HTTP://localhost:8080", "localhost", false, 8080},
    {"http://[::1]:9/x", "http://[::1]:9/x", "::1", false, 9},
    {"http://host", "http://host", "host", false, 80},
    {"ftp://host", NULL, NULL, false, 0},
    {"api.noveum.ai", NULL, NULL, false, 0},
    {"", NULL, NULL, false, 0},
    {"https://", NULL, NULL, false, 0},
    {"https:///path", NULL, NULL, false, 0},
    {"https://user:password@host", NULL, NULL, false, 0},
    {"https://host/?a=b", NULL, NULL, false, 0},
    {"https://host/#a", NULL, NULL, false, 0},
    {"https://ho st", NULL, NULL, false, 0},
    {"https://host/\r\nx", NULL, NULL, false, 0},
    {"https://host:99999", NULL, NULL, false, 0},
    {"https://host:", NULL, NULL, false, 0},
};

START_TEST(endpoints)
{
    struct nv_url url;
    const char *what = NULL;
    enum nv_err err = nv_option_parse_url(nv_str_from(urls[_i].text), &url, &what);
    if (!urls[_i].base) {
        ck_assert_int_eq(err, NV_ERR_CONFIG);
        ck_assert_ptr_nonnull(what);
        return;
    }
    ck_assert_int_eq(err, NV_OK);
    ck_assert_nv_str(url.base, urls[_i].base);
    ck_assert_nv_str(url.host, urls[_i].host);
    ck_assert(url.secure == urls[_i].secure);
    ck_assert_uint_eq(url.port, urls[_i].port);
}
END_TEST

static const struct {
    const char *text;
    bool good;
    size_t login_end;
} proxies[] = {
    {"proxy:3128", true, SIZE_MAX},
    {"http://proxy:3128/", true, SIZE_MAX},
    {"HTTPS://proxy", true, SIZE_MAX},
    {"socks5h://[::1]:1080", true, SIZE_MAX},
    {"http://a:b%40c@proxy:1", true, 14},
    {"a:b@c@proxy:1", true, 5},
    {"None", true, SIZE_MAX},
    {"", false, SIZE_MAX},
    {"http://", false, SIZE_MAX},
    {"http://a:b@", false, 10},
    {"ftp://proxy:1", false, SIZE_MAX},
    {"ftp://a:b@proxy:1", false, 9},
    {"proxy:0", false, SIZE_MAX},
    {"proxy:65536", false, SIZE_MAX},
    {"proxy:1/path", false, SIZE_MAX},
    {"a b:1", false, SIZE_MAX},
    {"::1:3128", false, SIZE_MAX},
};

START_TEST(proxies_with_and_without_a_login)
{
    struct nv_str text = nv_str_from(proxies[_i].text);
    ck_assert_int_eq(nv_option_check_proxy(text), proxies[_i].good ? NV_OK : NV_ERR_CONFIG);
    ck_assert_uint_eq(nv_proxy_login_end(text), proxies[_i].login_end);
}
END_TEST

START_TEST(loopback_hosts)
{
    static const char *const near[] = {"localhost", "LocalHost", "127.0.0.1", "127.8.9.10",
                                       "::1"};
    static const char *const far[] = {"127.0.0.1.example.com",
                                      "127.example.com",
                                      "localhost.com",
                                      "128.0.0.1",
                                      "0.0.0.0",
                                      "127.0.0",
                                      "127.0.0.256",
                                      "",
                                      "::2"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
        ck_assert_msg(nv_host_is_loopback(nv_str_from(near[i])), "%s", near[i]);
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
        ck_assert_msg(!nv_host_is_loopback(nv_str_from(far[i])), "%s", far[i]);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

START_TEST(every_allocation_of_a_list_failing_once)
{
    for (unsigned long n = 1;; n++) {
        struct nv_text_list list;
        oom_fail_nth(n);
        enum nv_err err = nv_option_parse_list(NV_STR("a, b,, c"), &list);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_uint_eq(list.count, failed ? 0 : 3);
        nv_text_list_release(&list);
        if (!failed) {
            ck_assert_uint_eq(n, 7); /* the array and the text, thrice */
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_value");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, numbers_with_units, 0, COUNT(numbers));
    tcase_add_test(tcase, booleans_are_the_sdks_words);
    tcase_add_test(tcase, choices_by_place);
    tcase_add_test(tcase, lists_by_comma_or_line);
    tcase_add_loop_test(tcase, addresses_to_listen_on, 0, COUNT(addresses));
    tcase_add_loop_test(tcase, endpoints, 0, COUNT(urls));
    tcase_add_loop_test(tcase, proxies_with_and_without_a_login, 0,
                        (int)(sizeof proxies / sizeof proxies[0]));
    tcase_add_test(tcase, loopback_hosts);
    tcase_add_test(tcase, every_allocation_of_a_list_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
