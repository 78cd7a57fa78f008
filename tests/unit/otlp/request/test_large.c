/*
 * Items that are too large: set aside one by one, told by name, counted as rejected; at the
 * limit and one past it.
 */
#include "expect.h"
#include "otlp_build.h"

#include "model/otlp_fields.h"
#include "otlp/request/large.h"

#include <stdlib.h>

#include "base/banned.h"

/* A request with a span of the usual size and one with a name of `filler` bytes: "nnnn" and a
 * word that may be a key. */
static struct nv_test_decoded decode(size_t filler, size_t item_bytes_max)
{
    struct nv_buf body;
    nv_buf_init(&body, 1u << 20);
    char *name = malloc(filler);
    ck_assert_ptr_nonnull(name);
    memset(name, 'n', filler);
    name[4] = ' ';
    size_t resource = nv_wire_begin(&body, NV_OTLP_REQUEST_GROUPS);
    size_t scope = nv_wire_begin(&body, NV_OTLP_RESOURCE_GROUP_SCOPES);
    for (int i = 0; i < 2; i++) {
        size_t span = nv_wire_begin(&body, NV_OTLP_SCOPE_GROUP_ITEMS);
        (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_TRACE_ID, NV_TEST_TRACE_ID);
        (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_ID, NV_TEST_SPAN_ID);
        (void)nv_wire_put_bytes(&body, NV_OTLP_SPAN_NAME,
                                i == 0 ? NV_STR("small") : (struct nv_str){name, filler});
        (void)nv_wire_end(&body, span);
    }
    (void)nv_wire_end(&body, scope);
    (void)nv_wire_end(&body, resource);
    struct nv_test_decoded decoded = {.err = NV_OK};
    struct nv_request_limits limits = {.item_bytes_max = item_bytes_max};
    char *bytes;
    size_t len = nv_buf_take(&body, &bytes);
    decoded.err = nv_request_decode(
        &(struct nv_request_body){NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, bytes, len}, &limits,
        &decoded.result, &decoded.batch, &decoded.fail);
    ck_assert_int_eq(decoded.err, NV_OK);
    free(name);
    return decoded;
}

START_TEST(at_the_limit_it_is_taken_one_past_it_is_not)
{
    struct nv_test_decoded all = decode(500, 0);
    ck_assert_uint_eq(all.batch->item_count, 2);
    size_t need = nv_large_bytes(&all.batch->groups[0], all.batch->items[1].length);
    nv_batch_free(all.batch);

    struct nv_test_decoded at = decode(500, need);
    ck_assert_uint_eq(at.batch->item_count, 2);
    ck_assert_uint_eq(at.result.accepted, 2);
    ck_assert_uint_eq(at.result.rejected, 0);
    ck_assert_str_eq(at.result.message, "");
    nv_batch_free(at.batch);

    struct nv_test_decoded past = decode(500, need - 1);
    ck_assert_uint_eq(past.batch->item_count, 1);
    ck_assert_uint_eq(past.result.accepted, 1);
    ck_assert_uint_eq(past.result.rejected, 1);
    ck_assert_uint_eq(past.result.rejected_by[NV_REJECT_TOO_LARGE], 1);
    ck_assert_ptr_nonnull(strstr(past.result.message, "span \"nnnn"));
    ck_assert_ptr_nonnull(strstr(past.result.message, "span \"nnnn …\""));
    ck_assert_ptr_nonnull(strstr(past.result.message, "5b8efff798038103d269b633813fc60c"));
    nv_batch_free(past.batch);
}
END_TEST

START_TEST(a_log_record_that_is_too_large_is_no_span)
{
    struct nv_test_message record = {.len = 0};
    struct nv_test_message scope = {.len = 0};
    struct nv_test_message resource = {.len = 0};
    struct nv_test_message request = {.len = 0};
    struct nv_request_limits limits = {.item_bytes_max = 80};
    char body[100] = {0};
    nv_test_add(&record, NV_OTLP_LOG_TRACE_ID, NV_TEST_TRACE_ID);
    nv_test_add(&record, NV_OTLP_LOG_BODY, (struct nv_str){body, 0});
    nv_test_add(&record, 1000, (struct nv_str){body, sizeof body});
    nv_test_add(&scope, NV_OTLP_SCOPE_GROUP_ITEMS, nv_test_view(&record));
    nv_test_add(&resource, NV_OTLP_RESOURCE_GROUP_SCOPES, nv_test_view(&scope));
    nv_test_add(&request, NV_OTLP_REQUEST_GROUPS, nv_test_view(&resource));
    char *copy = malloc(request.len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, request.bytes, request.len);
    struct nv_test_decoded decoded = {.err = NV_OK};
    decoded.err = nv_request_decode(
        &(struct nv_request_body){NV_SIGNAL_LOGS, NV_MEDIA_PROTOBUF, copy, request.len},
        &limits, &decoded.result, &decoded.batch, &decoded.fail);
    ck_assert_int_eq(decoded.err, NV_OK);
    ck_assert_uint_eq(decoded.batch->item_count, 0);
    ck_assert_uint_eq(decoded.result.rejected, 1);
    ck_assert_uint_eq(decoded.result.rejected_by[NV_REJECT_TOO_LARGE], 0);
    ck_assert_uint_eq(decoded.result.log_records, 0);
    ck_assert_ptr_nonnull(strstr(decoded.result.message, "log record"));
    nv_batch_free(decoded.batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/request/large");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, at_the_limit_it_is_taken_one_past_it_is_not);
    tcase_add_test(tcase, a_log_record_that_is_too_large_is_no_span);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
