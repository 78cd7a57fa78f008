/*
 * Conditions of rows, one by one, by tables made for it; and kinds by their ranks.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define SPAN                                                                                   \
    "'scope': 'My.Scope', 'kind': 3, 'attributes': {'x': 'Hello', 'n': 5, 'b': true, 'q': "    \
    "'\\\"quoted\\\"', 'empty': '{}'}, 'events': [{'name': 'happened', 'at': 3}]"

START_TEST(each_condition)
{
    static const struct {
        const char *condition;
        bool holds;
    } cases[] = {{"value=hello", true},
                 {"value=h*", true},
                 {"value=bye", false},
                 {"value!=bye", true},
                 {"scope=my.*", true},
                 {"scope!=my.*", false},
                 {"name=\"a span\"", true},
                 {"name=a", false},
                 {"otel.kind=client", true},
                 {"otel.kind=server,internal", false},
                 {"has=n", true},
                 {"has=m,n", true},
                 {"has=m", false},
                 {"has=empty", false},
                 {"lacks=m", true},
                 {"lacks=n", false},
                 {"attr:n=5", true},
                 {"attr:n=6", false},
                 {"attr:b=true", true},
                 {"attr:m=5", false},
                 {"attr:q=quoted", true},
                 {"attr:n!=6", true},
                 {"event=happened", true},
                 {"event=other", false},
                 {"kind=none", true},
                 {"kind=llm", false},
                 {"kind!=llm", true},
                 {"has=n value=hello scope=my.*", true},
                 {"has=n value=hello scope=x", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char rules[512];
        snprintf(rules, sizeof rules, "x | span | %s | my.field | copy | 10 |\n",
                 cases[i].condition);
        struct nv_mapping *mapping = told_mapping(rules, NULL);
        struct told *told = told_with(mapping, NULL, "[{'name': 'a span', " SPAN "}]");
        const json_t *field = json_object_get(
            json_object_get(told_span(told, "a span"), "attributes"), "my.field");
        ck_assert_msg((field != NULL) == cases[i].holds, "%s", cases[i].condition);
        told_free(told);
        nv_mapping_free(mapping);
    }
}
END_TEST

START_TEST(the_smallest_rank_decides_the_kind)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'openinference.span.kind': 'TOOL', "
        "'gen_ai.operation.name':"
        " 'chat'}}, {'name': 'b', 'attributes': {'openinference.span.kind': 'UNKNOWN', "
        "'gen_ai.operation.name': 'chat'}}, {'name': 'execute_tool x', 'attributes': {}},"
        "{'name': 'c', 'attributes': {'mcp.method.name': 'tools/call', "
        "'gen_ai.operation.name': "
        "'execute_tool', 'gen_ai.tool.name': 't'}}]");
    ck_assert_str_eq(told_kind(told, "a"), "tool");
    ck_assert_str_eq(told_kind(told, "b"), "llm");
    ck_assert_str_eq(told_kind(told, "execute_tool x"), "tool");
    ck_assert_str_eq(told_kind(told, "c"), "tool");
    told_is(told, "execute_tool x", "tool.name", "'x'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/condition");
    TCase *tcase = tcase_create("condition");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_condition);
    tcase_add_test(tcase, the_smallest_rank_decides_the_kind);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
