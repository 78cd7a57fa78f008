/*
 * Every captured case loads: its bodies decompress and look like what their content type says,
 * and the counts that other tests rely on are there.
 */
#include "expect.h"
#include "fixtures.h"

#include "base/json/json_read.h"

#include "base/banned.h"

static void assert_body(const struct nv_fixture *fixture,
                        const struct nv_fixture_request *request)
{
    ck_assert_msg(request->body.len > 0, "%s/%s is empty", fixture->name, request->file);
    if (!request->json) {
        ck_assert_int_eq(request->body.ptr[0], 0x0a); /* field 1, length-delimited */
        return;
    }
    struct nv_json_reader reader;
    nv_json_read_init(&reader, request->body, 64);
    ck_assert_int_eq(nv_json_skip(&reader, nv_json_next(&reader)), NV_OK);
    ck_assert_int_eq(nv_json_next(&reader), NV_JSON_END);
}

START_TEST(all_cases_load)
{
    struct nv_fixtures all;
    size_t requests = 0, json = 0, compressed = 0, logs = 0;
    nv_test_fixtures_list(&all);
    ck_assert_uint_ge(all.count, 311); /* cases are added, never lost */
    for (size_t i = 0; i < all.count; i++) {
        struct nv_fixture *fixture = nv_test_fixture_load(all.names[i]);
        long spans = 0;
        for (size_t n = 0; n < fixture->request_count; n++) {
            const struct nv_fixture_request *request = &fixture->requests[n];
            assert_body(fixture, request);
            requests++;
            json += request->json ? 1 : 0;
            compressed += request->body.len != request->wire.len ? 1 : 0;
            logs += request->signal == NV_SIGNAL_LOGS ? 1 : 0;
            spans += request->spans > 0 ? request->spans : 0;
        }
        ck_assert_msg(spans == fixture->span_count, "%s: %ld spans", fixture->name, spans);
        nv_test_fixture_free(fixture);
    }
    nv_test_fixtures_release(&all);
    ck_assert_uint_gt(requests, 311);
    ck_assert_uint_gt(json, 0);
    ck_assert_uint_gt(compressed, 0);
    ck_assert_uint_gt(logs, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("support/fixtures");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, all_cases_load);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
