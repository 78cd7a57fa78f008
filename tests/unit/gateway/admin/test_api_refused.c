/*
 * Requests that were refused as JSON, newest first.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/admin/api_refused.h"
#include "otlp/request/refused.h"

#include "base/banned.h"

START_TEST(none_is_an_empty_list)
{
    struct nv_buf out;
    nv_buf_init(&out, 1u << 16);
    ck_assert_int_eq(nv_api_refused_write(&out), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "{\"refused\":[]}");
    nv_buf_release(&out);
}
END_TEST

START_TEST(who_was_refused_and_how_often)
{
    struct nv_buf out;
    nv_buf_init(&out, 1u << 16);
    nv_refused_keep("http", "path", NV_STR("127.0.0.1:4"), NV_STR("wrong \"path\""));
    nv_refused_keep("http", "path", NV_STR("127.0.0.1:4"), NV_STR("wrong \"path\""));
    nv_refused_keep("grpc", "token", NV_STR("[::1]:5"), NV_STR("no token"));
    ck_assert_int_eq(nv_api_refused_write(&out), NV_OK);
    struct nv_str text = nv_buf_str(&out);
    size_t last = nv_str_find(text, NV_STR("{\"protocol\":\"grpc\",\"reason\":\"token\""));
    size_t first = nv_str_find(text, NV_STR("\"sender\":\"127.0.0.1:4\",\"message\":\"wrong "
                                            "\\\"path\\\"\",\"count\":2,"));
    ck_assert_msg(last < first && first != SIZE_MAX, "%.*s", NV_STR_ARG(text));
    nv_buf_release(&out);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct nv_buf out;
        nv_buf_init(&out, 1u << 16);
        oom_fail_nth(n);
        enum nv_err err = nv_api_refused_write(&out);
        failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_buf_release(&out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/api_refused");
    TCase *tcase = tcase_create("api_refused");
    tcase_add_test(tcase, none_is_an_empty_list);
    tcase_add_test(tcase, who_was_refused_and_how_often);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
