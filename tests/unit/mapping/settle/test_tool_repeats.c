/*
 * When a span of MCP is the call above it, and when it is one of its own. The commonest shapes
 * stand in tests/unit/mapping/conventions.json.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

#define MCP(id, parent, more)                                                                  \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 't'" more "}}"

START_TEST(ids_that_differ_are_two_calls)
{
    struct told *told = told_by("[" MCP(1, 0, ", 'gen_ai.tool.call.id': 'a'") "," MCP(
        2, 1, ", 'gen_ai.tool.call.id': 'b'") "]");
    told_is(told, "s1", "tool.name", "'t'");
    told_is(told, "s2", "tool.name", "'t'");
    told_free(told);
}
END_TEST

START_TEST(an_agent_between_makes_its_own_calls)
{
    struct told *told = told_by(
        "[" MCP(1, 0, "") ",{'name': 'a', 'id': 2, 'parent': 1, 'attributes': "
                          "{'gen_ai.operation.name': 'invoke_agent'}}," MCP(3, 2, "") "]");
    told_is(told, "s1", "tool.name", "'t'");
    told_is(told, "s3", "tool.name", "'t'");
    told_free(told);
}
END_TEST

START_TEST(tools_without_mcp_stay)
{
    struct told *told =
        told_by("[{'name': 's1', 'id': 1, 'attributes': {'gen_ai.operation.name': "
                "'execute_tool', 'gen_ai.tool.name': 't'}},{'name': 's2', 'id': 2, 'parent': "
                "1, 'attributes': {'gen_ai.operation.name': 'execute_tool', "
                "'gen_ai.tool.name': 't'}}," MCP(3, 0, "") "]");
    told_is(told, "s1", "tool.name", "'t'");
    told_is(told, "s2", "tool.name", "'t'");
    told_free(told);
}
END_TEST

START_TEST(a_parent_that_seems_to_begin_later_is_one_too)
{
    struct told *told =
        told_by("[{'name': 'outer', 'id': 1, 'start': 50, 'end': 60, 'attributes': "
                "{'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 't'}},"
                "{'name': 'inner', 'id': 2, 'parent': 1, 'start': 10, 'end': 20, 'attributes': "
                "{'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 't', "
                "'gen_ai.tool.call.result': 'r'}}]");
    told_is(told, "outer", "tool.output", "'r'");
    told_is(told, "inner", "tool.name", NULL);
    told_is(told, "inner", "llm.source.tool.output", "'r'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/tool_repeats");
    TCase *tcase = tcase_create("tool_repeats");
    tcase_add_test(tcase, ids_that_differ_are_two_calls);
    tcase_add_test(tcase, an_agent_between_makes_its_own_calls);
    tcase_add_test(tcase, tools_without_mcp_stay);
    tcase_add_test(tcase, a_parent_that_seems_to_begin_later_is_one_too);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
