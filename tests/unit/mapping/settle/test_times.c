/*
 * Times that were not sent are made up from those that were, and said so.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SPAN(name, id, parent, start, end)                                                     \
    "{'traceId':'0123456789abcdef0123456789abcdef','spanId':'00000000000000" id                \
    "','parentSpanId':'" parent "','name':'" name "','startTimeUnixNano':'" start              \
    "','endTimeUnixNano':'" end "'}"
#define TRACE(spans) "{'resourceSpans':[{'scopeSpans':[{'spans':[" spans "]}]}]}"
#define AT_100 "'2023-11-14T22:15:00.000000+00:00'"
#define AT_105 "'2023-11-14T22:15:05.000000+00:00'"

START_TEST(a_start_of_0_is_its_parents)
{
    struct told *told = told_requests(
        TRACE(SPAN("root", "01", "", "1700000100000000000", "1700000200000000000") "," SPAN(
            "child", "02", "0000000000000001", "1700000105000000000",
            "1700000106000000000") "," SPAN("without", "03", "0000000000000002", "0",
                                            "1700000106000000000") "," SPAN("below", "04",
                                                                            "0000000000000003",
                                                                            "0",
                                                                            "0") "," SPAN("orph"
                                                                                          "an",
                                                                                          "05",
                                                                                          "0000"
                                                                                          "0000"
                                                                                          "0000"
                                                                                          "00f"
                                                                                          "f",
                                                                                          "0",
                                                                                          "1700"
                                                                                          "0001"
                                                                                          "0700"
                                                                                          "0000"
                                                                                          "00"
                                                                                          "0")),
        NULL);
    told_member(told, "without", "start_time", AT_105);
    told_is(told, "without", "noveum.gateway.start_time", "'missing'");
    told_is(told, "without", "noveum.gateway.end_time", NULL);
    told_member(told, "below", "start_time", AT_105);
    told_member(told, "below", "end_time", AT_105);
    told_is(told, "below", "noveum.gateway.end_time", "'missing'");
    told_member(told, "orphan", "start_time", AT_100);
    told_member(told, NULL, "start_time", AT_100);
    told_member(told, NULL, "duration_ms", "100000.0");
    told_is(told, "root", "noveum.gateway.start_time", NULL);
    told_free(told);
}
END_TEST

START_TEST(an_end_of_0_is_not_the_end)
{
    struct told *told = told_requests(
        TRACE(SPAN("open", "01", "", "1700000100000000000", "0") "," SPAN(
            "back", "02", "0000000000000001", "1700000105000000000", "1700000100000000000")),
        NULL);
    told_member(told, "open", "end_time", AT_100);
    told_is(told, "open", "noveum.gateway.end_time", "'missing'");
    told_member(told, "back", "end_time", AT_105);
    told_is(told, "back", "noveum.gateway.end_time", "'before start'");
    told_free(told);
}
END_TEST

START_TEST(a_trace_that_has_only_ends_starts_with_the_first)
{
    struct told *told =
        told_requests(TRACE(SPAN("a", "01", "", "0", "1700000105000000000") "," SPAN(
                          "b", "02", "0000000000000001", "0", "1700000100000000000")),
                      NULL);
    told_member(told, "a", "start_time", AT_100);
    told_member(told, "b", "start_time", AT_100);
    told_member(told, NULL, "duration_ms", "5000.0");
    told_free(told);
    told = told_requests(TRACE(SPAN("a", "01", "", "0", "0")), NULL);
    told_is(told, "a", "noveum.gateway.end_time", "'missing'");
    told_member(told, NULL, "duration_ms", "0.0");
    told_free(told);
}
END_TEST

START_TEST(an_event_at_0_is_at_the_start)
{
    struct told *told = told_requests(
        TRACE("{'traceId':'0123456789abcdef0123456789abcdef','spanId':'0000000000000001',"
              "'name':'a','startTimeUnixNano':'1700000100000000000','endTimeUnixNano':"
              "'1700000105000000000','events':[{'name':'e','timeUnixNano':'0'}]}"),
        NULL);
    char *all = json_dumps(told->traces, 0);
    ck_assert_ptr_null(strstr(all, "1970"));
    free(all);
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/times");
    TCase *tcase = tcase_create("times");
    tcase_add_test(tcase, a_start_of_0_is_its_parents);
    tcase_add_test(tcase, an_end_of_0_is_not_the_end);
    tcase_add_test(tcase, a_trace_that_has_only_ends_starts_with_the_first);
    tcase_add_test(tcase, an_event_at_0_is_at_the_start);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
