/*
 * explain: reports on captured bodies in both encodings, and what it says of bodies that are none.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/explain.h"
#include "tests/support/fixtures.h"
#include "tests/support/mapping_kit.h"

#include <stdlib.h>

#include "base/banned.h"

static char *copy_of(struct nv_str body)
{
    char *copy = malloc(body.len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, body.ptr, body.len);
    return copy;
}

static const char *const cases[] = {"oi-openai-chat", "aisdk6-json-chat", "tl-openai-tools"};

START_TEST(a_report_names_target_and_source)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_fixture *fixture = nv_test_fixture_load(cases[_i]);
    struct nv_buf report;
    struct nv_fail fail = {0};
    nv_buf_init(&report, 1u << 22);
    struct nv_str body = fixture->requests[0].body;
    ck_assert_int_eq(nv_explain_body(mapping, copy_of(body), body.len, &report, &fail), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&report), NV_STR("llm.model")) != SIZE_MAX);
    nv_buf_release(&report);
    nv_test_fixture_free(fixture);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
    static const char *const bodies[] = {"{", "{\"resourceSpans\": 5}", "\xff\xff\xff"};
    struct nv_mapping *mapping = nv_test_mapping_new();
    for (size_t i = 0; i < 3; i++) {
        struct nv_buf report;
        struct nv_fail fail = {0};
        nv_buf_init(&report, 1u << 16);
        struct nv_str body = nv_str_from(bodies[i]);
        enum nv_err err = nv_explain_body(mapping, copy_of(body), body.len, &report, &fail);
        ck_assert_int_ne(err, NV_OK);
        ck_assert_uint_gt(strlen(fail.what), 0);
        nv_buf_release(&report);
    }
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(out_of_memory)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_fixture *fixture = nv_test_fixture_load("oi-openai-chat");
    struct nv_str body = fixture->requests[0].body;
    for (unsigned long n = 1;; n++) {
        struct nv_buf report;
        struct nv_fail fail = {0};
        char *copy = copy_of(body);
        nv_buf_init(&report, 1u << 22);
        oom_fail_nth(n);
        enum nv_err err = nv_explain_body(mapping, copy, body.len, &report, &fail);
        bool failed = oom_end();
        nv_buf_release(&report);
        /* what only the report needs may be left out */
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        if (!failed)
            break;
    }
    nv_test_fixture_free(fixture);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/explain");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, a_report_names_target_and_source, 0, 3);
    tcase_add_test(tcase, what_is_no_request_is_refused);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
