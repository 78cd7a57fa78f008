/*
 * Log records that stay: what no row maps is an event of the span, or of the root when the
 * record names no span that is here; evaluations go to the span that they judge.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TRACE "'traceId': '0123456789abcdef0123456789abcdef'"
#define TEXT(key, text) "{'key': '" key "', 'value': {'stringValue': '" text "'}}"
#define NUMBER(key, number) "{'key': '" key "', 'value': {'doubleValue': " number "}}"
#define TIMES                                                                                  \
    "'startTimeUnixNano': '1700000000000000000', 'endTimeUnixNano': '1700000001000000000'"

/* An agent "root" and its call "chat", and these records. */
static struct told *told_of(const char *records)
{
    char logs[4096];
    snprintf(logs, sizeof logs, "{'resourceLogs': [{'scopeLogs': [{'logRecords': [%s]}]}]}",
             records);
    return told_requests(
        "{'resourceSpans': [{'scopeSpans': [{'spans': [{" TRACE
        ", 'spanId': '0000000000000001', 'name': 'root', " TIMES ", 'attributes': []}, {" TRACE
        ", 'spanId': '0000000000000002', 'parentSpanId': '0000000000000001', 'name': "
        "'chat', " TIMES ", 'attributes': [" TEXT("gen_ai.operation.name", "chat") "," TEXT(
            "gen_ai.provider.name", "openai") "," TEXT("gen_ai.request.model",
                                                       "m") "," TEXT("gen_ai.response.id",
                                                                     "r1") "]}]}]}]}",
        logs);
}

#define RECORD(span, more)                                                                     \
    "{'timeUnixNano': '1700000000500000000', " TRACE ", 'spanId': '" span "', " more "}"

static json_t *events_of(const struct told *told, const char *span)
{
    return json_object_get(told_span(told, span), "events");
}

/* The only event of a span is this. */
static void only_event(const struct told *told, const char *span, const char *name,
                       const char *attributes)
{
    json_t *events = events_of(told, span);
    ck_assert_uint_eq(json_array_size(events), 1);
    json_t *event = json_array_get(events, 0);
    ck_assert_str_eq(json_string_value(json_object_get(event, "name")), name);
    json_t *want = json_loads(attributes, 0, NULL);
    char *got = json_dumps(json_object_get(event, "attributes"), 0);
    ck_assert_msg(json_equal(json_object_get(event, "attributes"), want), "%s", got);
    free(got);
    json_decref(want);
}

START_TEST(a_record_of_no_row_is_an_event)
{
    struct told *told = told_of(
        RECORD("0000000000000002", "'severityNumber': 9, 'body': {'stringValue': 'cache hit'}, "
                                   "'attributes': [" TEXT("app.key", "k7") "]"));
    only_event(told, "chat", "log",
               "{\"app.key\": \"k7\", \"body\": \"cache hit\", \"severity_number\": 9}");
    ck_assert_uint_eq(json_array_size(events_of(told, "root")), 0);
    told_free(told);
}
END_TEST

START_TEST(what_rows_take_is_not_said_again)
{
    struct told *told = told_of(
        RECORD("0000000000000002",
               "'eventName': 'gen_ai.client.inference.operation.details', 'attributes': [" TEXT(
                   "gen_ai.input.messages",
                   "[]") "," TEXT("gen_ai.provider.name",
                                  "openai") "," TEXT("gen_ai.usage.input_tokens",
                                                     "3") "," TEXT("app.tenant", "t1") "]"));
    told_is(told, "chat", "llm.input_tokens", "3");
    only_event(told, "chat", "gen_ai.client.inference.operation.details",
               "{\"app.tenant\": \"t1\"}");
    told_free(told);
}
END_TEST

START_TEST(messages_leave_nothing)
{
    struct told *told =
        told_of(RECORD("0000000000000002",
                       "'eventName': 'gen_ai.user.message', 'body': {'kvlistValue': {'values': "
                       "[" TEXT("content", "hi") "]}}, 'attributes': [" TEXT(
                           "event.name", "gen_ai.user.message") "," TEXT("gen_ai.provider.name",
                                                                         "openai") "]"));
    told_is(told, "chat", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
    ck_assert_uint_eq(json_array_size(events_of(told, "chat")), 0);
    told_free(told);
}
END_TEST

START_TEST(secrets_stay_masked)
{
    struct told *told = told_of(RECORD(
        "0000000000000002", "'attributes': [" TEXT("gen_ai.request.headers", "Bearer x") "]"));
    only_event(told, "chat", "log", "{\"gen_ai.request.headers\": \"***\"}");
    told_free(told);
}
END_TEST

START_TEST(a_record_of_no_span_stays_with_the_root)
{
    struct told *told =
        told_of(RECORD("00000000000000ff", "'eventName': 'app.note', "
                                           "'attributes': [" TEXT("a", "b") "]"));
    only_event(told, "root", "app.note", "{\"a\": \"b\"}");
    told_free(told);
}
END_TEST

#define EVALUATION(id)                                                                         \
    "'eventName': 'gen_ai.evaluation.result', 'attributes': [" TEXT(                           \
        "gen_ai.evaluation.name", "tone") "," NUMBER("gen_ai.evaluation.score.value",          \
                                                     "0.5") "," TEXT("gen_ai.response.id",     \
                                                                     id) "]"

START_TEST(an_evaluation_goes_to_what_it_judges)
{
    struct told *told = told_of(RECORD("0000000000000002", EVALUATION("x")));
    told_is(told, "chat", "evaluation.score", "0.5");
    told_free(told);
    told = told_of(RECORD("00000000000000ff", EVALUATION("r1")));
    told_is(told, "chat", "evaluation.name", "'tone'");
    told_is(told, "root", "evaluation.name", NULL);
    told_free(told);
    told = told_of(RECORD("", EVALUATION("other")));
    told_is(told, "root", "evaluation.score", "0.5");
    told_is(told, "chat", "evaluation.score", NULL);
    told_free(told);
}
END_TEST

START_TEST(an_exception_tells_how_the_span_ended)
{
    struct told *told = told_requests(
        "{'resourceSpans': [{'scopeSpans': [{'spans': [{" TRACE
        ", 'spanId': '0000000000000002', 'name': 'chat', " TIMES
        ", 'status': {'code': 2}, 'attributes': [" TEXT("error.type",
                                                        "RateLimitError") "]}]}]}]}",
        "{'resourceLogs': [{'scopeLogs': [{'logRecords': [" RECORD(
            "0000000000000002",
            "'eventName': 'gen_ai.client.operation.exception', 'attributes': [" TEXT(
                "exception.type",
                "openai.RateLimitError") "," TEXT("exception.message",
                                                  "429 slow down") "]") "]}]}]}");
    told_member(told, "chat", "status_message", "'429 slow down'");
    told_is(told, "chat", "exception.type", "'openai.RateLimitError'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/records");
    TCase *tcase = tcase_create("records");
    tcase_add_test(tcase, a_record_of_no_row_is_an_event);
    tcase_add_test(tcase, what_rows_take_is_not_said_again);
    tcase_add_test(tcase, messages_leave_nothing);
    tcase_add_test(tcase, secrets_stay_masked);
    tcase_add_test(tcase, a_record_of_no_span_stays_with_the_root);
    tcase_add_test(tcase, an_evaluation_goes_to_what_it_judges);
    tcase_add_test(tcase, an_exception_tells_how_the_span_ended);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
