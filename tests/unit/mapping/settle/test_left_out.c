/*
 * Placeholders are left out when what they announce is here, and only then; what a row names is;
 * and with mapping.spans: ai all that is neither AI work nor connects it with the root.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>

#include "base/banned.h"

#define PENDING                                                                                \
    "'attributes': {'logfire.span_type': 'pending_span', 'logfire.pending_parent_id': "

static json_t *spans_of(const struct told *told)
{
    return json_object_get(json_array_get(told->traces, 0), "spans");
}

static size_t span_count(const struct told *told)
{
    return json_array_size(spans_of(told));
}

START_TEST(one_beside_its_span_is_left_out)
{
    struct told *told = told_by(
        "[{'name': 'ask (pending)', 'id': 9, 'parent': 1, " PENDING "'0000000000000000'}},"
        " {'name': 'chat (pending)', 'id': 8, 'parent': 2, " PENDING "'0000000000000001'}},"
        " {'name': 'chat', 'id': 2, 'parent': 1},"
        " {'name': 'ask', 'id': 1, 'start': 0}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_member(told, NULL, "span_count", "2");
    told_member(told, NULL, "name", "'ask'");
    told_member(told, "chat", "parent_span_id", "'0000000000000001'");
    told_free(told);
}
END_TEST

START_TEST(one_without_its_span_is_all_that_is_known_of_it)
{
    struct told *told = told_by("[{'name': 'root', 'id': 1},"
                                " {'name': 'chat (pending)', 'id': 8, 'parent': 2, " PENDING
                                "'0000000000000001'}}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_is(told, "chat (pending)", "logfire.span_type", "'pending_span'");
    told_free(told);
}
END_TEST

START_TEST(a_trace_of_nothing_else_is_delivered)
{
    struct told *told =
        told_by("[{'name': 'a', 'id': 8, 'parent': 2, " PENDING "'0000000000000001'}},"
                " {'name': 'b', 'id': 9, 'parent': 8, " PENDING "'0000000000000002'}}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_free(told);
}
END_TEST

START_TEST(children_move_up)
{
    struct told *told =
        told_by("[{'name': 'root', 'id': 1, 'start': 0},"
                " {'name': 'p', 'id': 8, 'parent': 1, " PENDING "'0000000000000000'}},"
                " {'name': 'tool', 'id': 3, 'parent': 8}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_member(told, "tool", "parent_span_id", "'0000000000000001'");
    told_free(told);
}
END_TEST

START_TEST(other_span_types_stay)
{
    struct told *told =
        told_by("[{'name': 'root', 'id': 1}, {'name': 'log', 'id': 2, 'parent': 1,"
                " 'attributes': {'logfire.span_type': 'log'}}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_free(told);
}
END_TEST

START_TEST(a_row_of_the_users_can_name_others)
{
    struct nv_mapping *mapping = told_mapping(
        "convention mine \"Mine\"\nmy.begin | span | | span.placeholder | const(true) | 50 |\n",
        NULL);
    struct told *told = told_with(mapping, NULL,
                                  "[{'name': 'root', 'id': 1}, {'name': 'begin', 'id': 2, "
                                  "'parent': 1, 'attributes': {'my.begin': true}}]");
    ck_assert_uint_eq(span_count(told), 1);
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

/* ---- spans that a row names ------------------------------------------------------------------ */

#define BY_NAME(rest)                                                                          \
    "convention mine \"Mine\"\n@name | span | value=health* | span.left_out | " rest " | 50 "  \
    "|\n"

START_TEST(a_row_leaves_spans_out_by_name)
{
    struct nv_mapping *mapping = told_mapping(BY_NAME("const(true)"), NULL);
    struct told *told = told_with(mapping, NULL,
                                  "[{'name': 'root', 'id': 1}, {'name': 'healthcheck', 'id': 2,"
                                  " 'parent': 1}, {'name': 'below', 'id': 3, 'parent': 2}]");
    ck_assert_uint_eq(span_count(told), 2);
    told_member(told, "below", "parent_span_id", "'0000000000000001'");
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(a_root_goes_like_any_other)
{
    struct nv_mapping *mapping = told_mapping(BY_NAME("const(true)"), NULL);
    struct told *told = told_with(
        mapping, NULL,
        "[{'name': 'health', 'id': 1, 'start': 0}, {'name': 'chat', 'id': 2, 'parent': 1}]");
    ck_assert_uint_eq(span_count(told), 1);
    told_member(told, NULL, "name", "'chat'");
    told_member(told, "chat", "parent_span_id", "null");
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(a_row_may_keep_what_a_later_one_leaves_out)
{
    struct nv_mapping *mapping = told_mapping(
        BY_NAME("const(true)") "@name | span | value=health* scope=mine | span.left_out | "
                               "const(false) | 40 |\n",
        NULL);
    struct told *told = told_with(mapping, NULL,
                                  "[{'name': 'health', 'id': 1, 'scope': 'mine'},"
                                  " {'name': 'healthz', 'id': 2, 'scope': 'theirs'}]");
    ck_assert_uint_eq(span_count(told), 1);
    told_member(told, NULL, "name", "'health'");
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(a_row_gives_a_kind_by_name_and_scope)
{
    struct nv_mapping *mapping = told_mapping(
        "convention mine \"Mine\"\n"
        "@name | span | value=plan* scope=shop.* | kind | kind(agent) | 5 |\n"
        "@name | span | kind=agent value=plan* | agent.name | after(plan ) | 50 |\n",
        NULL);
    struct told *told = told_with(mapping, NULL,
                                  "[{'name': 'plan trips', 'scope': 'shop.planning'},"
                                  " {'name': 'plan b', 'scope': 'other'}]");
    told_is(told, "plan trips", "agent.name", "'trips'");
    told_is(told, "plan b", "agent.name", NULL);
    told_free(told);
    nv_mapping_free(mapping);
}
END_TEST

/* ---- mapping.spans: ai ----------------------------------------------------------------------- */

#define SERVER                                                                                 \
    "{'name': 'POST /ask', 'id': 1, 'start': 0, 'attributes': {'http.method': 'POST'}},"
#define CALL(id, parent)                                                                       \
    "{'name': 'chat', 'id': " id ", 'parent': " parent                                         \
    ", 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm'}},"

static struct told *ai_only(const char *spans)
{
    const struct nv_mapping_config config = {.spans = NV_SPANS_AI};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    ck_assert_ptr_nonnull(mapping);
    struct told *told = told_with(mapping, NULL, spans);
    nv_mapping_free(mapping);
    return told;
}

/* Names of the spans that are there, in order. */
static void names_are(const struct told *told, const char *names)
{
    char got[256] = "";
    size_t i, used = 0;
    json_t *span;
    json_array_foreach(spans_of(told), i, span)
    {
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%s", i > 0 ? "," : "",
                                 json_string_value(json_object_get(span, "name")));
    }
    ck_assert_str_eq(got, names);
}

START_TEST(what_connects_stays)
{
    struct told *told =
        ai_only("[" SERVER "{'name': 'SELECT', 'id': 2, 'parent': 1, 'start': 1,"
                " 'attributes': {'db.system': 'postgresql'}},"
                "{'name': 'answer', 'id': 3, 'parent': 1, 'start': 2}," CALL(
                    "4", "3") "{'name': 'POST', 'id': 5, 'parent': 4, 'attributes': "
                              "{'http.method': 'POST'}},"
                              "{'name': 'inner', 'id': 6, 'parent': 2}]");
    names_are(told, "POST /ask,answer,chat");
    told_member(told, "chat", "parent_span_id", "'0000000000000003'");
    told_member(told, NULL, "span_count", "3");
    told_free(told);
}
END_TEST

START_TEST(the_root_stays_without_connection)
{
    struct told *told = ai_only("[" SERVER CALL("4", "77") "{'name': 'x', 'id': 5}]");
    names_are(told, "POST /ask,chat");
    told_free(told);
}
END_TEST

/* What a framework does beside calls is part of the work; a database is not. */
START_TEST(kinds_that_are_ai)
{
    struct told *told = ai_only(
        "[" SERVER
        "{'name': 'list', 'parent': 1, 'start': 1, 'attributes': {'mcp.method.name': "
        "'tools/list'}}, {'name': 'search', 'parent': 1, 'start': 2, 'attributes': "
        "{'db.system': "
        "'qdrant'}}, {'name': 'send', 'parent': 1, 'attributes': {'messaging.system': "
        "'kafka'}},"
        "{'name': 'judged', 'parent': 1, 'start': 3, 'attributes': {'gen_ai.evaluation.name': "
        "'e', 'gen_ai.evaluation.score.value': 1}}]");
    names_are(told, "POST /ask,list,search,judged");
    told_free(told);
}
END_TEST

START_TEST(placeholders_and_rows_go_first)
{
    struct told *told = ai_only("[" SERVER CALL(
        "2", "1") "{'name': 'pending', 'id': 8, 'parent': 1, " PENDING "'0000000000000000'}}]");
    names_are(told, "POST /ask,chat");
    told_free(told);
}
END_TEST

/* ---- what is counted ------------------------------------------------------------------------- */

static void take(void *ctx, struct nv_trace *trace)
{
    *(struct nv_left_out *)ctx = trace->left_out;
    ((struct nv_left_out *)ctx)->placeholders += 100 * trace->span_count;
}

static struct nv_left_out of_server(enum nv_incomplete incomplete)
{
    const struct nv_mapping_config config = {.spans = NV_SPANS_AI};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    struct nv_left_out out = {0};
    nv_test_incomplete_set(incomplete);
    nv_test_json_translate(
        mapping,
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["
        "{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"00000000000000a1\","
        "\"name\":\"GET\",\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\"},"
        "{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"00000000000000b2\","
        "\"parentSpanId\":\"00000000000000a1\",\"name\":\"SQL\",\"startTimeUnixNano\":\"1\","
        "\"endTimeUnixNano\":\"1\"}]}]}]}",
        take, &out);
    nv_test_incomplete_set(NV_COMPLETE);
    nv_mapping_free(mapping);
    return out;
}

START_TEST(a_trace_without_ai_work_is_left_out_whole)
{
    struct nv_left_out out = of_server(NV_COMPLETE);
    ck_assert_uint_eq(out.placeholders, 0); /* and no span */
    ck_assert_uint_eq(out.not_ai, 2);
    ck_assert_uint_eq(out.by_rule, 0);
}
END_TEST

START_TEST(but_for_the_root_of_what_was_cut)
{
    struct nv_left_out out = of_server(NV_INCOMPLETE_CUT);
    ck_assert_uint_eq(out.placeholders, 100); /* a span */
    ck_assert_uint_eq(out.not_ai, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/left_out");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, one_beside_its_span_is_left_out);
    tcase_add_test(tcase, one_without_its_span_is_all_that_is_known_of_it);
    tcase_add_test(tcase, a_trace_of_nothing_else_is_delivered);
    tcase_add_test(tcase, children_move_up);
    tcase_add_test(tcase, other_span_types_stay);
    tcase_add_test(tcase, a_row_of_the_users_can_name_others);
    tcase_add_test(tcase, a_row_leaves_spans_out_by_name);
    tcase_add_test(tcase, a_root_goes_like_any_other);
    tcase_add_test(tcase, a_row_may_keep_what_a_later_one_leaves_out);
    tcase_add_test(tcase, a_row_gives_a_kind_by_name_and_scope);
    tcase_add_test(tcase, what_connects_stays);
    tcase_add_test(tcase, the_root_stays_without_connection);
    tcase_add_test(tcase, kinds_that_are_ai);
    tcase_add_test(tcase, placeholders_and_rows_go_first);
    tcase_add_test(tcase, a_trace_without_ai_work_is_left_out_whole);
    tcase_add_test(tcase, but_for_the_root_of_what_was_cut);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
