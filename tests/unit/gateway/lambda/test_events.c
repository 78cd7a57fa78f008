/*
 * Events and records of AWS Lambda as its documentation shows them, and what is none.
 */
#include "expect.h"
#include "gateway/lambda/events.h"
#include "oom.h"

#include <stdio.h>

#include "base/banned.h"

static char ids[256];

static void note(void *ctx, struct nv_str request_id)
{
    size_t len = strlen(ids);
    (void)ctx;
    (void)snprintf(ids + len, sizeof ids - len, "%.*s ", NV_STR_ARG(request_id));
}

static enum nv_err read_event(const char *json, struct nv_lambda_event *out)
{
    return nv_lambda_event_read(nv_str_from(json), out);
}

static enum nv_err read_records(const char *json)
{
    ids[0] = '\0';
    return nv_lambda_records_read(nv_str_from(json), note, NULL);
}

START_TEST(an_invocation)
{
    struct nv_lambda_event event;
    ck_assert_int_eq(read_event("{\"eventType\":\"INVOKE\",\"deadlineMs\":1790000000123,"
                                "\"requestId\":\"3da1f2dc-3222-475e-9205-e2e6c6318895\","
                                "\"invokedFunctionArn\":\"arn\",\"tracing\":{\"type\":\"x\"}}",
                                &event),
                     NV_OK);
    ck_assert_int_eq(event.kind, NV_LAMBDA_INVOKE);
    ck_assert_uint_eq(event.deadline_ms, 1790000000123u);
    ck_assert_str_eq(event.request_id, "3da1f2dc-3222-475e-9205-e2e6c6318895");
    ck_assert_str_eq(event.reason, "");
}
END_TEST

START_TEST(the_end_of_an_environment)
{
    struct nv_lambda_event event;
    ck_assert_int_eq(read_event("{\"eventType\":\"SHUTDOWN\",\"shutdownReason\":\"TIMEOUT\","
                                "\"deadlineMs\":-1}",
                                &event),
                     NV_OK);
    ck_assert_int_eq(event.kind, NV_LAMBDA_SHUTDOWN);
    ck_assert_uint_eq(event.deadline_ms, 0);
    ck_assert_str_eq(event.reason, "TIMEOUT");
}
END_TEST

START_TEST(of_versions_to_come_and_no_events)
{
    struct nv_lambda_event event;
    ck_assert_int_eq(read_event("{\"eventType\":\"NAP\"}", &event), NV_OK);
    ck_assert_int_eq(event.kind, NV_LAMBDA_OTHER);
    ck_assert_int_eq(read_event("{}", &event), NV_ERR_MALFORMED);
    ck_assert_int_eq(read_event("[]", &event), NV_ERR_MALFORMED);
    ck_assert_int_eq(read_event("", &event), NV_ERR_MALFORMED);
    ck_assert_int_eq(read_event("{\"eventType\":", &event), NV_ERR_MALFORMED);
}
END_TEST

START_TEST(an_id_that_is_longer_is_cut)
{
    char json[256], id[NV_LAMBDA_ID_SIZE + 10];
    struct nv_lambda_event event;
    memset(id, 'a', sizeof id);
    id[sizeof id - 1] = '\0';
    (void)snprintf(json, sizeof json, "{\"eventType\":\"INVOKE\",\"requestId\":\"%s\"}", id);
    ck_assert_int_eq(read_event(json, &event), NV_OK);
    ck_assert_uint_eq(strlen(event.request_id), NV_LAMBDA_ID_SIZE - 1);
}
END_TEST

START_TEST(the_ends_of_the_runtime_among_other_records)
{
    ck_assert_int_eq(
        read_records(
            "[{\"time\":\"t\",\"type\":\"platform.start\",\"record\":{\"requestId\":"
            "\"x\"}},{\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":\"a\","
            "\"status\":\"success\"}},{\"type\":\"function\",\"record\":\"text\"},"
            "{\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":\"b\","
            "\"status\":\"timeout\"}},{\"type\":\"platform.runtimeDone\"}]"),
        NV_OK);
    ck_assert_str_eq(ids, "a b ");
}
END_TEST

START_TEST(no_records)
{
    ck_assert_int_eq(read_records("[]"), NV_OK);
    ck_assert_str_eq(ids, "");
    ck_assert_int_eq(read_records("{}"), NV_ERR_MALFORMED);
    ck_assert_int_eq(read_records("[1]"), NV_ERR_MALFORMED);
    ck_assert_int_eq(read_records("[{\"type\""), NV_ERR_MALFORMED);
}
END_TEST

START_TEST(no_memory)
{
    struct nv_lambda_event event;
    oom_fail_nth(1);
    enum nv_err of_event = read_event("{\"eventType\":\"INVOKE\"}", &event);
    oom_fail_nth(1);
    enum nv_err of_records = read_records("[]");
    (void)oom_end();
    ck_assert_int_eq(of_event, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(of_records, NV_ERR_NO_MEMORY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/lambda/events");
    TCase *tcase = tcase_create("events");
    tcase_add_test(tcase, an_invocation);
    tcase_add_test(tcase, the_end_of_an_environment);
    tcase_add_test(tcase, of_versions_to_come_and_no_events);
    tcase_add_test(tcase, an_id_that_is_longer_is_cut);
    tcase_add_test(tcase, the_ends_of_the_runtime_among_other_records);
    tcase_add_test(tcase, no_records);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
