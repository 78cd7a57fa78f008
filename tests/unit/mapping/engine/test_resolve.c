/*
 * Fields decided one by one: winners, losers, derived fields, and what goes out beside them.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

START_TEST(a_loser_with_another_value_stays)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.usage.input_tokens': 5, 'gen_ai.usage.prompt_tokens': 6, "
                "'gen_ai.usage.output_tokens': 2, 'gen_ai.usage.completion_tokens': 2}}]");
    told_is(told, "a", "llm.input_tokens", "5");
    told_is(told, "a", "gen_ai.usage.input_tokens", NULL);
    told_is(told, "a", "gen_ai.usage.prompt_tokens", "6");
    told_is(told, "a", "gen_ai.usage.completion_tokens", NULL);
    told_free(told);
}
END_TEST

START_TEST(an_absent_winner_lets_the_next_one_win)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.usage.input_tokens': 'N/A', "
                "'gen_ai.usage.prompt_tokens': 6}}]");
    told_is(told, "a", "llm.input_tokens", "6");
    told_is(told, "a", "gen_ai.usage.input_tokens", "'N/A'");
    told_free(told);
}
END_TEST

START_TEST(kinds_gate_fields)
{
    struct told *told = told_by(
        "[{'name': 'c', 'attributes': {'openinference.span.kind': 'CHAIN', 'llm.model': 'm', "
        "'llm.provider': 'openai', 'agent.name': 'x', 'embedding.model_name': 'e', "
        "'llm.model_name': 'm2'}}]");
    ck_assert_str_eq(told_kind(told, "c"), "chain");
    told_is(told, "c", "llm.source.llm.model", "'m'");
    told_is(told, "c", "llm.source.llm.provider", "'openai'");
    told_is(told, "c", "llm.source.agent.name", "'x'");
    told_is(told, "c", "llm.source.embedding.model_name", "'e'");
    told_is(told, "c", "llm.model_name", "'m2'");
    told_free(told);
}
END_TEST

START_TEST(output_messages_go_out_only_when_they_say_more)
{
    struct told *told =
        told_by("[{'name': 'plain', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.output.messages': "
                "'[{\\\"role\\\":\\\"assistant\\\",\\\"content\\\":\\\"hi\\\"}]'}},"
                "{'name': 'rich', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.output.messages': "
                "'[{\\\"role\\\":\\\"assistant\\\",\\\"parts\\\":[{\\\"type\\\":"
                "\\\"reasoning\\\",\\\"content\\\":\\\"hm\\\"},{\\\"type\\\":\\\"text\\\","
                "\\\"content\\\":"
                "\\\"hi\\\"}]}]'}}]");
    told_is(told, "plain", "llm.output.response", "'hi'");
    told_is(told, "plain", "llm.output.messages", NULL);
    told_is(told, "plain", "gen_ai.output.messages", NULL);
    told_is(told, "rich", "llm.output.response", "'hi'");
    ck_assert_ptr_nonnull(json_object_get(
        json_object_get(told_span(told, "rich"), "attributes"), "llm.output.messages"));
    told_free(told);
}
END_TEST

START_TEST(the_system_prompt_leads_the_messages)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.system_instructions': 'be brief', 'gen_ai.input.messages': "
                "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"hi\\\"}]'}},"
                "{'name': 'b', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.input.messages': "
                "'[{\\\"role\\\":\\\"system\\\",\\\"content\\\":\\\"be kind\\\"}]'}}]");
    told_is(told, "a", "llm.input.messages",
            "[{'role': 'system', 'content': 'be brief'}, {'role': 'user', 'content': 'hi'}]");
    told_is(told, "b", "llm.system_prompt", "'be kind'");
    told_free(told);
}
END_TEST

/* A name that {*} stands for, beside a row of that very name: the row goes first, whichever key
 * comes first, and the same value is said once. */
#define ASKED "'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm'"

START_TEST(a_row_of_the_name_goes_before_a_wildcard)
{
    static const struct {
        const char *spans, *left;
    } cases[] = {
        {"[{'name': 'a', 'scope': 'pipecat', 'attributes': {'param.model': 'm', " ASKED "}}]",
         NULL},
        {"[{'name': 'a', 'scope': 'pipecat', 'attributes': {" ASKED ", 'param.model': 'm'}}]",
         NULL},
        {"[{'name': 'a', 'scope': 'pipecat', 'attributes': {'param.model': 'n', " ASKED "}}]",
         "'n'"},
        {"[{'name': 'a', 'scope': 'pipecat', 'attributes': {" ASKED ", 'param.model': 'n'}}]",
         "'n'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told *told = told_by(cases[i].spans);
        told_is(told, "a", "llm.request.model", "'m'");
        told_is(told, "a", "param.model", cases[i].left);
        told_free(told);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/resolve");
    TCase *tcase = tcase_create("resolve");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_loser_with_another_value_stays);
    tcase_add_test(tcase, an_absent_winner_lets_the_next_one_win);
    tcase_add_test(tcase, kinds_gate_fields);
    tcase_add_test(tcase, output_messages_go_out_only_when_they_say_more);
    tcase_add_test(tcase, the_system_prompt_leads_the_messages);
    tcase_add_test(tcase, a_row_of_the_name_goes_before_a_wildcard);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
