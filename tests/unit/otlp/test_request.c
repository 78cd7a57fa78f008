/*
 * Whole requests, from bytes to batch: every captured body against protobuf-c.
 */
#include "otlp/request.h"

#include "bodies.h"
#include "expect.h"

#include <stdlib.h>
#include "tests/otlp.pb-c.h"

#include "base/banned.h"

static struct nv_batch *decode(const struct nv_test_body *body, struct nv_request_result *result)
{
    struct nv_batch *batch = NULL;
    struct nv_fail fail = {0};
    char *copy = malloc(body->bytes.len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, body->bytes.ptr, body->bytes.len);
    enum nv_err err = nv_request_decode(body->logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES,
                                        body->json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, copy,
                                        body->bytes.len, NULL, result, &batch, &fail);
    ck_assert_msg(err == NV_OK, "%s: %d %s at %s", body->path, err, fail.what, fail.path);
    return batch;
}

static void check_body(void *ctx, const struct nv_test_body *body)
{
    struct nv_request_result result;
    struct nv_batch *batch = decode(body, &result);
    ck_assert_msg(result.rejected == 0, "%s: %s", body->path, result.message);
    ck_assert_uint_eq(result.accepted, batch->item_count + result.log_records_unused);
    *(uint64_t *)ctx += result.accepted;
    nv_batch_free(batch);
}

START_TEST(every_fixture_is_accepted)
{
    uint64_t items = 0;
    unsigned bodies = nv_test_each_body(check_body, &items);
    ck_assert_uint_ge(bodies, 300);
    ck_assert_uint_ge(items, 2500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/request");
    TCase *tc = tcase_create("request");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_fixture_is_accepted);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
