/*
 * How spans ended: status, message and exception from status, events and attributes.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>

#include "base/banned.h"

#define FAILED(more) "[{'name': 'a', 'status': 2, 'attributes': {" more "}"

START_TEST(status_and_message)
{
    struct told *told =
        told_by("[{'name': 'a', 'status': 2, 'message': 'boom', 'attributes': {}},"
                "{'name': 'b', 'status': 1, 'message': 'ignored', 'attributes': {}},"
                "{'name': 'c', 'attributes': {'error.type': 'x'}}]");
    told_member(told, "a", "status", "'error'");
    told_member(told, "a", "status_message", "'boom'");
    told_member(told, "b", "status", "'ok'");
    told_member(told, "b", "status_message", "null");
    told_member(told, "c", "status", "'error'");
    told_member(told, NULL, "status", "'error'");
    told_member(told, NULL, "error_count", "2");
    told_member(told, NULL, "status_message", "'boom'");
    told_free(told);
}
END_TEST

/* What a span says of its failure beside OTLP's status. */
static const struct {
    const char *span, *status, *message;
} unset[] = {
    {"'attributes': {'error.type': 'x'}", "'error'", "null"},
    {"'attributes': {'error.type': ''}", "'ok'", "null"},
    {"'status': 1, 'attributes': {'error.type': 'x'}", "'ok'", "null"},
    {"'attributes': {'error.type': 'timeout'}", "'timeout'", "null"},
    {"'kind': 2, 'attributes': {'error.type': '404', 'http.response.status_code': 404}", "'ok'",
     "null"},
    {"'kind': 2, 'attributes': {'error.type': '400', 'http.status_code': '400'}", "'ok'",
     "null"},
    {"'kind': 2, 'attributes': {'error.type': '503', 'http.response.status_code': 503}",
     "'error'", "null"},
    {"'kind': 3, 'attributes': {'error.type': '404', 'http.response.status_code': 404}",
     "'error'", "null"},
    {"'kind': 2, 'attributes': {'error.type': 'tool_error', 'mcp.method.name': 'tools/call'}",
     "'error'", "null"},
    {"'attributes': {'error.type': 'x', 'error.message': 'no'}", "'error'", "'no'"},
    /* a tool's result goes before OK */
    {"'status': 1, 'attributes': {'gen_ai.operation.name': 'execute_tool', "
     "'gen_ai.tool.call.result': {'isError': true, 'content': [{'type': 'text', 'text': "
     "'no such city'}]}}",
     "'error'", "'no such city'"},
    {"'status': 1, 'attributes': {'gen_ai.operation.name': 'execute_tool', "
     "'gen_ai.tool.call.result': {'isError': false, 'content': []}}",
     "'ok'", "null"},
    {"'status': 1, 'attributes': {'gen_ai.operation.name': 'execute_tool', "
     "'gen_ai.tool.is_error': true}",
     "'error'", "null"},
    {"'attributes': {'vendor.result.is_error': 'true'}", "'error'", "null"},
    {"'attributes': {'vendor.result.is_error': false}", "'ok'", "null"},
    {"'attributes': {'langfuse.observation.metadata.is_error': true}", "'ok'", "null"},
    /* a model's answer does not */
    {"'attributes': {'openinference.span.kind': 'LLM', 'output.value': {'object': "
     "'response', 'status': 'failed', 'error': {'code': 'server_error', 'message': 'sorry'}}}",
     "'error'", "'sorry'"},
    {"'status': 1, 'attributes': {'openinference.span.kind': 'LLM', 'output.value': "
     "{'object': 'response', 'status': 'failed', 'error': {'message': 'sorry'}}}",
     "'ok'", "null"},
    {"'attributes': {'langfuse.observation.type': 'generation', "
     "'langfuse.observation.output': {'status': 'incomplete', 'error': null, "
     "'incomplete_details': {'reason': 'max_output_tokens'}}}",
     "'ok'", "null"},
};

START_TEST(failures_are_shown)
{
    char spans[512];
    snprintf(spans, sizeof spans, "[{'name': 'a', %s}]", unset[_i].span);
    struct told *told = told_by(spans);
    told_member(told, "a", "status", unset[_i].status);
    told_member(told, "a", "status_message", unset[_i].message);
    told_free(told);
}
END_TEST

START_TEST(the_last_exception_event_counts)
{
    struct told *told = told_by(
        FAILED("") ", 'events': ["
                   "{'name': 'exception', 'at': 1, 'attributes': {'exception.type': 'First', "
                   "'exception.message': 'one'}},"
                   "{'name': 'exception', 'at': 2, 'attributes': {'exception.type': 'Second', "
                   "'exception.message': 'two', 'exception.stacktrace': 'at x'}}]}]");
    told_member(told, "a", "exception.type", "'Second'");
    told_member(told, "a", "exception.message", "'two'");
    told_member(told, "a", "exception.stack_trace", "'at x'");
    told_member(told, "a", "status_message", "'two'");
    told_is(told, "a", "exception.type", "'Second'");
    told_is(told, "a", "exception.message", "'two'");
    told_free(told);
}
END_TEST

START_TEST(attributes_fill_what_events_do_not_say)
{
    struct told *told =
        told_by(FAILED("'error.type': 'RateLimit', 'error.message': 'slow down'") "}]");
    told_member(told, "a", "exception.type", "'RateLimit'");
    told_member(told, "a", "status_message", "'slow down'");
    told_is(told, "a", "error.type", "'RateLimit'");
    told_free(told);
}
END_TEST

/* error_count counts spans of status error only (docs/noveum-backend.md#traces), no
 * timeouts. */
START_TEST(timeouts_are_not_counted_as_errors)
{
    struct told *told = told_by(FAILED("'error.type': 'timeout'") "}]");
    told_member(told, NULL, "error_count", "0");
    told_member(told, NULL, "status", "'timeout'");
    told_free(told);
    told = told_by(
        "[{'name': 'a', 'status': 2, 'attributes': {'error.type': 'timeout'}}, {'name': "
        "'b', 'status': 2, 'attributes': {'error.type': 'rate_limit'}}, {'name': 'c', "
        "'status': 2, 'attributes': {}}]");
    told_member(told, "a", "status", "'timeout'");
    told_member(told, NULL, "error_count", "2");
    told_member(told, NULL, "status", "'error'");
    told_free(told);
}
END_TEST

START_TEST(timeouts)
{
    struct told *told = told_by(FAILED("'error.type': 'timeout'") "}]");
    told_member(told, "a", "status", "'timeout'");
    told_member(told, NULL, "status", "'timeout'");
    told_member(told, NULL, "error_count", "0");
    told_free(told);
}
END_TEST

START_TEST(names_and_times)
{
    struct told *told = told_by("[{'name': '', 'start': 50, 'end': 10, 'attributes': "
                                "{'gen_ai.operation.name': 'chat'}}]");
    told_member(told, "llm", "duration_ms", "0");
    told_member(told, NULL, "name", "'llm'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/outcome");
    TCase *tcase = tcase_create("outcome");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, status_and_message);
    tcase_add_loop_test(tcase, failures_are_shown, 0, sizeof unset / sizeof *unset);
    tcase_add_test(tcase, the_last_exception_event_counts);
    tcase_add_test(tcase, attributes_fill_what_events_do_not_say);
    tcase_add_test(tcase, timeouts);
    tcase_add_test(tcase, timeouts_are_not_counted_as_errors);
    tcase_add_test(tcase, names_and_times);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
