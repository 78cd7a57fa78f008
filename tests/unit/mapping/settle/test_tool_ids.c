/*
 * Ids of tool calls that an answer lacks, from the tools that ran.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

#define CALL(id, parent, calls)                                                                \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm', "          \
    "'gen_ai.output.messages': [{'role': 'assistant', 'parts': [" calls "]}]}}"
#define PART(name) "{'type': 'tool_call', 'name': '" name "', 'arguments': {}}"
#define TOOL(id, parent, name, call)                                                           \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': '" name     \
    "', 'gen_ai.tool.call.id': '" call "'}}"
#define AGENT(id)                                                                              \
    "{'name': 's" #id "', 'id': " #id                                                          \
    ", 'attributes': {'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'a'}}"
#define GOT(id, name)                                                                          \
    "{'id': '" id "', 'type': 'function', 'function': {'name': '" name "', 'arguments': {}}}"

START_TEST(each_tool_takes_the_next_call_of_its_name)
{
    struct told *told =
        told_by("[" AGENT(1) "," CALL(2, 1, PART("f") "," PART("g") "," PART("f")) "," TOOL(
            3, 1, "f", "c1") "," TOOL(4, 1, "f", "c2") "," TOOL(5, 1, "g", "c3") "]");
    told_is(told, "s2", "llm.output.tool_calls",
            "[" GOT("c1", "f") "," GOT("c3", "g") "," GOT("c2", "f") "]");
    told_free(told);
}
END_TEST

START_TEST(a_tool_below_the_call)
{
    struct told *told =
        told_by("[" AGENT(1) "," CALL(2, 1, PART("f")) "," TOOL(3, 2, "f", "c1") "]");
    told_is(told, "s2", "llm.output.tool_calls", "[" GOT("c1", "f") "]");
    told_free(told);
}
END_TEST

START_TEST(tools_of_others_and_calls_with_ids_are_left)
{
    struct told *told = told_by("[" AGENT(1) "," AGENT(9) "," CALL(2, 1, PART("f")) "," TOOL(
        3, 9, "f", "c1") "," CALL(4, 9,
                                  "{'type': 'tool_call', 'id': 'own', 'name': 'f', "
                                  "'arguments': {}}") "," TOOL(5, 9, "f", "c2") "]");
    told_is(told, "s2", "llm.output.tool_calls",
            "[{'type': 'function', 'function': {'name': 'f', 'arguments': {}}}]");
    told_is(told, "s4", "llm.output.tool_calls", "[" GOT("own", "f") "]");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/tool_ids");
    TCase *tcase = tcase_create("tool_ids");
    tcase_add_test(tcase, each_tool_takes_the_next_call_of_its_name);
    tcase_add_test(tcase, a_tool_below_the_call);
    tcase_add_test(tcase, tools_of_others_and_calls_with_ids_are_left);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
