/*
 * The version as text and as JSON.
 */
#include "expect.h"

#include "gateway/commands/version.h"

#include "base/banned.h"

static const char *const names[] = {"libcurl", "libevent", "nghttp2", "OpenSSL", "SQLite"};

START_TEST(text_and_json_name_all)
{
    struct nv_buf text;
    for (int json = 0; json < 2; json++) {
        nv_buf_init(&text, 10000);
        ck_assert_int_eq(nv_version_write("0123456789ab", json == 1, &text), NV_OK);
        struct nv_str all = nv_buf_str(&text);
        ck_assert(nv_str_find(all, NV_STR("0123456789ab")) != SIZE_MAX);
        ck_assert(nv_str_find(all, NV_STR(NOVEUM_VERSION)) != SIZE_MAX);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            ck_assert(nv_str_find(all, nv_str_from(names[i])) != SIZE_MAX);
        ck_assert(nv_str_starts(all, json == 1
                                         ? NV_STR("{\"version\":\"" NOVEUM_VERSION "\"")
                                         : NV_STR("noveum-gateway " NOVEUM_VERSION "\n")));
        nv_buf_release(&text);
    }
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
    struct nv_buf text;
    nv_buf_init(&text, 20);
    ck_assert_int_ne(nv_version_write("x", false, &text), NV_OK);
    nv_buf_release(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/version");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, text_and_json_name_all);
    tcase_add_test(tcase, a_full_buffer_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
