/*
 * Ids that come twice: one span sent again, or both sides of a call, in every order.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SPAN(service, name, id, parent, kind)                                                  \
    "{'resource':{'attributes':[{'key':'service.name','value':{'stringValue':'" service        \
    "'}}]},'scopeSpans':[{'spans':[{'traceId':'0123456789abcdef0123456789abcdef','spanId':"    \
    "'" id "','parentSpanId':'" parent "','name':'" name "','kind':" kind                      \
    ",'startTimeUnixNano':'1700000000000000000','endTimeUnixNano':'1700000001000000000'}]}]}"
#define ROOT SPAN("shop", "root", "00000000000000aa", "", "1")
#define CALLER SPAN("shop", "caller", "00000000000000bb", "00000000000000aa", "3")
#define SERVED SPAN("cart", "served", "00000000000000bb", "00000000000000aa", "2")
/* Children of either side, known by their service; two of a third one, known by their kind. */
#define IN_SHOP SPAN("shop", "in shop", "00000000000000c1", "00000000000000bb", "1")
#define IN_CART SPAN("cart", "in cart", "00000000000000c2", "00000000000000bb", "3")
#define BY_KIND SPAN("proxy", "by kind", "00000000000000c3", "00000000000000bb", "2")
#define INSIDE SPAN("proxy", "inside", "00000000000000c4", "00000000000000bb", "1")

static const char *text(const struct told *told, const char *span, const char *key)
{
    return json_string_value(json_object_get(told_span(told, span), key));
}

static void check_call(const char *spans)
{
    char *request = malloc(strlen(spans) + 32);
    ck_assert_int_gt(snprintf(request, strlen(spans) + 32, "{'resourceSpans':[%s]}", spans), 0);
    struct told *told = told_requests(request, NULL);
    const char *derived = text(told, "served", "span_id");
    told_member(told, NULL, "span_count", "7");
    ck_assert_str_eq(text(told, "caller", "span_id"), "00000000000000bb");
    ck_assert_str_ne(derived, "00000000000000bb");
    ck_assert_str_eq(text(told, "served", "parent_span_id"), "00000000000000bb");
    told_member(told, "served", "otel.span_id", "'00000000000000bb'");
    told_member(told, "served", "otel.parent_span_id", "'00000000000000aa'");
    ck_assert_str_eq(text(told, "in shop", "parent_span_id"), "00000000000000bb");
    ck_assert_str_eq(text(told, "in cart", "parent_span_id"), derived);
    told_member(told, "in cart", "otel.parent_span_id", "'00000000000000bb'");
    ck_assert_str_eq(text(told, "by kind", "parent_span_id"), "00000000000000bb");
    ck_assert_str_eq(text(told, "inside", "parent_span_id"), derived);
    /* the same at every replay, also of another process */
    ck_assert_str_eq(derived, "fa97e8d74171aaa7");
    told_free(told);
    free(request);
}

START_TEST(both_sides_of_a_call_live)
{
    check_call(ROOT "," CALLER "," SERVED "," IN_SHOP "," IN_CART "," BY_KIND "," INSIDE);
    check_call(INSIDE "," BY_KIND "," IN_CART "," IN_SHOP "," SERVED "," CALLER "," ROOT);
}
END_TEST

START_TEST(a_log_record_goes_to_the_side_of_its_service)
{
    struct told *told = told_requests(
        "{'resourceSpans':[" ROOT "," CALLER "," SERVED "]}",
        "{'resourceLogs':[{'resource':{'attributes':[{'key':'service.name','value':{'"
        "stringValue':"
        "'cart'}}]},'scopeLogs':[{'logRecords':[{'traceId':'0123456789abcdef0123456789abcdef',"
        "'spanId':'00000000000000bb','timeUnixNano':'1700000000500000000','eventName':"
        "'gen_ai.user.message','attributes':[{'key':'event.name','value':{'stringValue':"
        "'gen_ai.user.message'}}],'body':{'kvlistValue':{'values':[{'key':'content','value':"
        "{'stringValue':'for the cart'}}]}}}]}]}]}");
    char *served = json_dumps(told_span(told, "served"), 0);
    char *caller = json_dumps(told_span(told, "caller"), 0);
    ck_assert_ptr_nonnull(strstr(served, "for the cart"));
    ck_assert_ptr_null(strstr(caller, "for the cart"));
    free(served);
    free(caller);
    told_free(told);
}
END_TEST

START_TEST(all_else_is_one_span_sent_again)
{
    /* the longer of two that have ended */
    struct told *told = told_by(
        "[{'name': 'a', 'id': 1, 'kind': 2, 'attributes': {}},"
        "{'name': 'a', 'id': 1, 'kind': 2, 'attributes': {'said': 'more than before'}}]");
    told_member(told, NULL, "span_count", "1");
    told_member(told, "a", "otel.kind", "'SERVER'");
    char *all = json_dumps(told->traces, 0);
    ck_assert_ptr_nonnull(strstr(all, "more than before"));
    free(all);
    told_free(told);
    /* a caller and what is of no side */
    told = told_by("[{'name': 'a', 'id': 1, 'kind': 3, 'attributes': {}},"
                   "{'name': 'a', 'id': 1, 'kind': 1, 'attributes': {}}]");
    told_member(told, NULL, "span_count", "1");
    told_free(told);
    /* a third one */
    told = told_by("[{'name': 'a', 'id': 1, 'kind': 3, 'attributes': {}},"
                   "{'name': 'b', 'id': 1, 'kind': 2, 'attributes': {}},"
                   "{'name': 'b', 'id': 1, 'kind': 2, 'attributes': {}},"
                   "{'name': 'a', 'id': 1, 'kind': 4, 'attributes': {}}]");
    told_member(told, NULL, "span_count", "2");
    told_free(told);
}
END_TEST

START_TEST(its_own_parent_is_nobodys_child)
{
    struct told *told = told_by("[{'name': 'a', 'id': 1, 'parent': 1, 'attributes': {}}]");
    told_member(told, "a", "parent_span_id", "null");
    told_member(told, "a", "otel.parent_span_id", "'0000000000000001'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/identity");
    TCase *tcase = tcase_create("identity");
    tcase_add_test(tcase, both_sides_of_a_call_live);
    tcase_add_test(tcase, a_log_record_goes_to_the_side_of_its_service);
    tcase_add_test(tcase, all_else_is_one_span_sent_again);
    tcase_add_test(tcase, its_own_parent_is_nobodys_child);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
