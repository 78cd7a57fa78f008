/*
 * The counters and their Prometheus text: HELP and TYPE once a name, rows of a name together.
 */
#include "expect.h"

#include "base/log/counters.h"

#include "base/banned.h"

static const char *const names[] = {
#define NAME(id, name, labels, type, help) name,
    NV_COUNTER_TABLE(NAME)
#undef NAME
};

START_TEST(counting)
{
    nv_count_reset();
    ck_assert_uint_eq(nv_count(NV_COUNT_REQUESTS_OK, 1), 1);
    ck_assert_uint_eq(nv_count(NV_COUNT_REQUESTS_OK, 41), 42);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_OK), 42);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_BUSY), 0);
    nv_count_reset();
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_OK), 0);
}
END_TEST

START_TEST(rows_of_a_name_stand_together)
{
    for (size_t i = 1; i < NV_COUNTER_COUNT; i++) {
        if (strcmp(names[i], names[i - 1]) == 0)
            continue;
        for (size_t before = 0; before < i; before++)
            ck_assert_str_ne(names[before], names[i]);
    }
}
END_TEST

START_TEST(prometheus_text)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    nv_count_reset();
    nv_count(NV_COUNT_REQUESTS_BUSY, 7);
    ck_assert_int_eq(nv_count_write(&buf), NV_OK);
    struct nv_str text = nv_buf_str(&buf);
    ck_assert_uint_ne(nv_str_find(text, NV_STR("noveum_requests_total{result=\"busy\"} 7\n")),
                      SIZE_MAX);
    ck_assert_uint_ne(nv_str_find(text, NV_STR("\nnoveum_log_records_total 0\n")), SIZE_MAX);
    struct nv_str type = NV_STR("# TYPE noveum_requests_total counter\n");
    size_t first = nv_str_find(text, type);
    ck_assert_uint_ne(first, SIZE_MAX);
    ck_assert_uint_eq(nv_str_find(nv_str_slice(text, first + 1, text.len), type), SIZE_MAX);
    ck_assert_int_eq(text.ptr[text.len - 1], '\n');
    nv_buf_release(&buf);
    nv_buf_init(&buf, 10);
    ck_assert_int_eq(nv_count_write(&buf), NV_ERR_LIMIT);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/counters");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, counting);
    tcase_add_test(tcase, rows_of_a_name_stand_together);
    tcase_add_test(tcase, prometheus_text);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
