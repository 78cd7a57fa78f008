/*
 * libcurl by its table: every row is set, and it is that library.
 */
#include "expect.h"

#include "exporter/send/libcurl.h"

#include "base/banned.h"

START_TEST(every_row_is_set)
{
    void *const *pointers = (void *const *)(void *)&nv_libcurl;
    ck_assert_int_eq(nv_libcurl_find(NULL), NV_OK);
    ck_assert_int_eq(nv_libcurl_load(NULL), NV_OK);
    for (size_t i = 0; i < sizeof nv_libcurl / sizeof(void *); i++)
        ck_assert_ptr_nonnull(pointers[i]);
    ck_assert_ptr_nonnull(strchr(nv_libcurl_library(), '.'));
    CURL *easy = curl_easy_init();
    ck_assert_ptr_nonnull(easy);
    curl_easy_cleanup(easy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/libcurl");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, every_row_is_set);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
