/*
 * What fields say is not sent again; what says anything else is, whole.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

#define LLM(more)                                                                              \
    "[{'name': 's', 'id': 1, 'attributes': {'openinference.span.kind': 'LLM', "                \
    "'llm.model_name': 'm', 'llm.input_messages.0.message.role': 'user', "                     \
    "'llm.input_messages.0.message.content': 'how are you?', "                                 \
    "'llm.output_messages.0.message.role': 'assistant', "                                      \
    "'llm.output_messages.0.message.content': 'fine' " more "}}]"

static const struct {
    const char *spans, *key, *want; /* NULL: not sent */
} cases[] = {
    /* A raw request goes when all of it is said. */
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}]}'"),
     "input.value", NULL},
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}], \\'temperature\\': 0.5, \\'user\\': \\'u-1\\'}'"),
     "input.value",
     "'{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}], "
     "\\'temperature\\': 0.5, \\'user\\': \\'u-1\\'}'"},
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}, {\\'role\\': \\'user\\', \\'content\\': \\'hm\\'}]}'"),
     "input.value",
     "'{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}, "
     "{\\'role\\': "
     "\\'user\\', \\'content\\': \\'hm\\'}]}'"},
    /* The same value under another name is another fact. */
    {LLM(", 'input.value': '{\\'n\\': 1, \\'top_k\\': 1}'"), "input.value",
     "'{\\'n\\': 1, \\'top_k\\': 1}'"},
    {LLM(", 'output.value': '{\\'status\\': \\'fine\\'}'"), "output.value",
     "'{\\'status\\': \\'fine\\'}'"},
    /* Bare text of an answer. */
    {LLM(", 'output.value': 'fine'"), "output.value", NULL},
    {LLM(", 'output.value': 'not fine'"), "output.value", "'not fine'"},
    /* Words of the form alone are no form: this one asks for text. */
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}], \\'response_format\\': {\\'type\\': \\'text\\'}}'"),
     "input.value",
     "'{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}], "
     "\\'response_format\\': {\\'type\\': \\'text\\'}}'"},
    {LLM(", 'llm.invocation_parameters': '{\\'temperature\\': 0.5, \\'max_tokens\\': 7}'"),
     "llm.invocation_parameters", NULL},
    /* No row knows it: a user's own. */
    {LLM(", 'my.copy': '[{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}]'"),
     "my.copy", "'[{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}]'"},
    /* Another spelling of a word is no copy. */
    {LLM(", 'gen_ai.response.finish_reason': 'Tool-Calls'"), "gen_ai.response.finish_reason",
     "'Tool-Calls'"},
    {LLM(", 'gen_ai.response.finish_reason': 'tool_calls'"), "gen_ai.response.finish_reason",
     NULL},
    /* A list of one has a form of its own, as quoted text and Python's repr have. */
    {LLM(", 'llm.invocation_parameters': '{`temperature`: 0.5, `max_tokens`: 7}'"),
     "llm.invocation_parameters", "'{`temperature`: 0.5, `max_tokens`: 7}'"},
    {"[{'name': 's', 'id': 1, 'attributes': {'gen_ai.operation.name': 'chat', "
     "'gen_ai.response.finish_reasons': ['stop']}}]",
     "gen_ai.response.finish_reasons", "['stop']"},
    {LLM(", 'output.value': '\\'fine\\''"), "output.value", "'\\'fine\\''"},
};

START_TEST(test_case)
{
    struct told *told = told_by(cases[_i].spans);
    told_is(told, "s", cases[_i].key, cases[_i].want);
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repeats");
    TCase *tcase = tcase_create("repeats");
    tcase_add_loop_test(tcase, test_case, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
