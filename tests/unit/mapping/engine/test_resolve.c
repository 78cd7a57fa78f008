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

START_TEST(explain_names_winners_and_losers)
{
    struct nv_mapping_config config = {0};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    static const char span[] = "\x12\x08"
                               "12345678"
                               "\x2a\x01"
                               "n"
                               "\x4a\x1e\x0a\x14"
                               "gen_ai.request.model"
                               "\x12\x06\x0a\x04"
                               "mini"
                               "\x4a\x1f\x0a\x15"
                               "gen_ai.response.model"
                               "\x12\x06\x0a\x04"
                               "maxi"
                               "\x4a\x1f\x0a\x15"
                               "gen_ai.operation.name"
                               "\x12\x06\x0a\x04"
                               "chat";
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    raw->arena = arena;
    raw->items = nv_arena_array(arena, 1, sizeof *raw->items);
    raw->groups = nv_arena_array(arena, 1, sizeof *raw->groups);
    raw->group_count = raw->item_count = raw->span_count = 1;
    raw->items[0] = (struct nv_raw_item){{span, sizeof span - 1}, 0, NV_SIGNAL_TRACES};
    struct nv_buf report;
    struct nv_trace *trace;
    nv_buf_init(&report, 1 << 20);
    ck_assert_int_eq(nv_mapping_explain(mapping, raw, &report, &trace), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&report, '\0'), NV_OK);
    ck_assert_ptr_nonnull(strstr(report.bytes, "kind llm"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "  llm.model\n"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "won      gen_ai.response.model"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "lost     gen_ai.request.model"));
    ck_assert_ptr_nonnull(strstr(report.bytes, "otel_genai.rules:"));
    nv_buf_release(&report);
    nv_arena_free(arena);
    nv_mapping_free(mapping);
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
    tcase_add_test(tcase, explain_names_winners_and_losers);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
