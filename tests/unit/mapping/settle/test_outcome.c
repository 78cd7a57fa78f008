/*
 * How spans ended: status, message and exception from status, events and attributes.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

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
    told_member(told, "c", "status", "'ok'");
    told_member(told, NULL, "status", "'error'");
    told_member(told, NULL, "error_count", "1");
    told_member(told, NULL, "status_message", "'boom'");
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
    tcase_add_test(tcase, the_last_exception_event_counts);
    tcase_add_test(tcase, attributes_fill_what_events_do_not_say);
    tcase_add_test(tcase, timeouts);
    tcase_add_test(tcase, timeouts_are_not_counted_as_errors);
    tcase_add_test(tcase, names_and_times);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
