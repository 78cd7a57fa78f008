/*
 * Steps on messages, tools and documents: what they give, and when the source is kept.
 *
 * The shapes themselves are tested with the normalisers.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/engine/transform.h"
#include "tests/support/mapping_steps.h"

#include "base/banned.h"

START_TEST(messages)
{
    static const struct step_case cases[] = {
        {"messages(input)", "'hi'", "[{'role': 'user', 'content': 'hi'}]", true},
        {"messages(output)", "'hi'", "[{'role': 'assistant', 'content': 'hi'}]", true},
        {"messages(input)", "5", "[{'role': 'user', 'content': '5'}]", false},
        {"messages(input)", "[{'role': 'user', 'parts': []}]",
         "[{'role': 'user', 'content': ''}]", false},
        {"messages(input)", "{'messages': [{'role': 'user', 'content': 'x'}], 'model': 'm'}",
         "[{'role': 'user', 'content': 'x'}]", false},
        {"messages(output)>output_text", "[{'role': 'assistant', 'content': 'x'}]", "'x'",
         false},
        {"messages(output)>tool_calls", "[{'role': 'assistant', 'content': 'x'}]", NULL, false},
        {"messages(output)>finish_reason",
         "[{'role': 'assistant', 'content': 'x', 'finish_reason': 'stop'}]", "'stop'", false},
        {"messages(output)>finish_reason", "[{'role': 'assistant', 'content': 'x'}]", NULL,
         false},
        {"messages(input)>system_text", "[{'role': 'system', 'content': 's'}]", "'s'", false},
        {"messages(input)>system_text", "[{'role': 'user', 'content': 's'}]", NULL, false}};
    CHECK_STEPS(cases);
}
END_TEST

START_TEST(instructions)
{
    static const struct step_case cases[] = {
        {"instructions", "'be brief'", "'be brief'", true},
        {"instructions", "[{'type': 'text', 'content': 'be brief'}]", "'be brief'", true},
        {"instructions", "['be brief']", "'be brief'", false},
        {"instructions", "'[]'", NULL, false}};
    CHECK_STEPS(cases);
}
END_TEST

START_TEST(tools_and_documents)
{
    static const struct step_case cases[] = {
        {"tools", "[{'type': 'function', 'function': {'name': 'f'}}]",
         "[{'type': 'function', 'name': 'f'}]", true},
        {"tools", "'[]'", NULL, false},
        {"calls",
         "[{'id': 'c', 'type': 'function', 'function': {'name': 'f', 'arguments': "
         "'{\\'a\\': 1}'}}]",
         "[{'id': 'c', 'type': 'function', 'function': {'name': 'f', 'arguments': {'a': 1}}}]",
         true},
        {"documents", "[{'id': 'd', 'content': 'x', 'score': 0.5}]",
         "[{'id': 'd', 'content': 'x', 'score': 0.5}]", true},
        {"documents", "[]", NULL, false}};
    CHECK_STEPS(cases);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/transform_content");
    TCase *tcase = tcase_create("transform_content");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, messages);
    tcase_add_test(tcase, instructions);
    tcase_add_test(tcase, tools_and_documents);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
