/*
 * Steps on structure and text, chains of steps, and what counts as absent.
 *
 * A step that finds nothing makes the value absent; `exact` says whether the source may be left
 * out.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/engine/transform.h"
#include "tests/support/mapping_steps.h"

#include "base/banned.h"

START_TEST(structure)
{
    static const struct step_case cases[] = {
        {"copy", "'x'", "'x'", true},
        {"copy", "{'a': [1, null]}", "{'a': [1, null]}", true},
        {"json", "'{\\'a\\': 1}'", "{'a': 1}", true},
        {"json", "'\\'x\\''", "'x'", false},
        {"json", "'{broken'", "'{broken'", true},
        {"array", "'[1,2]'", "[1, 2]", true},
        {"array", "'a, b'", "['a', 'b']", false},
        {"array", "5", "[5]", false},
        {"first", "['stop', 'x']", "'stop'", false},
        {"first", "'[\\'stop\\']'", "'stop'", false},
        {"first", "'stop'", "'stop'", true},
        {"first", "[]", NULL, false},
        {"member(a.b)", "{'a': {'b': 7}}", "7", false},
        {"member(a.b)", "'{\\'a\\': \\'{\\\\\\'b\\\\\\': 7}\\'}'", "7", false},
        {"member(0.x)", "[{'x': 1}]", "1", false},
        {"member(a)", "{'b': 1}", NULL, false},
        {"member(a)", "5", NULL, false},
        {"member(a)>int", "{'a': '8'}", "8", false},
        {"count", "[1, 2, 3]", "3", false},
        {"count", "{'a': 1}", "1", false},
        {"count", "'x'", NULL, false},
        {"scores", "[{'score': 1}, {'score': 0.5}]", "[1, 0.5]", false},
        {"scores", "[{'score': 1}, {}]", NULL, false},
        {"names", "[{'name': 'a'}, {}]", "['a']", false},
        {"names", "[1]", NULL, false},
        {"vector_length", "[0.1, 0.2]", "2", false}};
    CHECK_STEPS(cases);
}
END_TEST

START_TEST(text)
{
    static const struct step_case cases[] = {
        {"const(chat)", "''", "'chat'", false},
        {"after(invoke_agent )", "'invoke_agent bob'", "'bob'", false},
        {"after(invoke_agent )", "'bob'", NULL, false},
        {"after(x)", "5", NULL, false},
        {"before(.)", "'role.task'", "'role'", false},
        {"between([,])", "'run [bob] x'", "'bob'", false},
        {"between([,])", "'run bob'", NULL, false},
        {"lower", "'ChAt'", "'chat'", false},
        {"text", "'\\'x\\''", "'x'", false},
        {"text", "'x'", "'x'", true},
        {"text", "12", "'12'", false},
        {"text", "true", "'true'", false},
        {"text", "['one']", "'one'", false},
        {"text", "{'a': 1}", NULL, false},
        {"provider", "'OpenAI'", "'openai'", false},
        {"provider", "'openai'", "'openai'", true},
        {"provider", "'langchain'", NULL, false},
        {"model_provider", "'claude-3'", "'anthropic'", false},
        {"model_provider", "'m'", NULL, false},
        {"host_provider", "'https://api.openai.com/v1'", "'openai'", false}};
    CHECK_STEPS(cases);
}
END_TEST

START_TEST(absent_values_are_not_looked_at)
{
    static const struct step_case cases[] = {
        {"copy", "''", NULL, false},   {"copy", "'{}'", NULL, false},
        {"copy", "[]", NULL, false},   {"copy", "null", NULL, false},
        {"int", "'N/A'", NULL, false}, {"copy", "0", "0", true},
        {"copy", "'0'", "'0'", true},  {"copy", "false", "false", true}};
    CHECK_STEPS(cases);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/transform");
    TCase *tcase = tcase_create("transform");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, structure);
    tcase_add_test(tcase, text);
    tcase_add_test(tcase, absent_values_are_not_looked_at);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
