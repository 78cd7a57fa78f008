/*
 * librdkafka is found when it is needed, and what is said when it is not there.
 */
#include "expect.h"

#include "kafka/rd.h"

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
START_TEST(the_library_is_loaded_once)
{
    const struct nv_rd *first = NULL;
    const struct nv_rd *second = NULL;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_rd_load(&first, &fail), NV_OK);
    ck_assert_int_eq(nv_rd_load(&second, &fail), NV_OK);
    ck_assert_ptr_eq(first, second);
    ck_assert_int_eq(first->version_str()[0] >= '2', 1);
}
END_TEST

START_TEST(without_the_library_it_says_what_to_install)
{
    struct nv_rd rd;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_rd_load_from("librdkafka-that-is-not.so", &rd, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "librdkafka1"));
    /* another library: it has none of the functions */
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_rd_load_from("libm.so.6", &rd, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "2.0 or later"));
    ck_assert_ptr_nonnull(strstr(fail.what, "rd_kafka_"));
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/rd");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
#ifdef NOVEUM_KAFKA
    tcase_add_test(tcase, the_library_is_loaded_once);
    tcase_add_test(tcase, without_the_library_it_says_what_to_install);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
