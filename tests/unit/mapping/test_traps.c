/*
 * What a mapper gets wrong: the traps found in other mappers and in captures, each a named
 * test.
 *
 * The numbers are those of the list the project keeps (docs/traps.md). Spans here are
 * short; the same traps in captured bytes are in the goldens.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>

#include "base/banned.h"

START_TEST(trap_01_exclusive_input_gets_its_cached_tokens)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
        "'gen_ai.request.model': "
        "'claude-3', 'gen_ai.usage.input_tokens': 21, 'gen_ai.usage.cache_read.input_tokens': "
        "128,"
        " 'gen_ai.usage.cache_write.input_tokens': 64, 'gen_ai.usage.output_tokens': 5}},"
        " {'name': 'b', 'attributes': {'gen_ai.operation.name': 'chat', "
        "'gen_ai.request.model': "
        "'claude-3', 'gen_ai.usage.input_tokens': 213, 'gen_ai.usage.cache_read.input_tokens': "
        "128}}]");
    told_is(told, "a", "llm.input_tokens", "213");
    told_is(told, "a", "llm.total_tokens", "218");
    told_is(told, "a", "llm.input_tokens.source", "21");
    told_is(told, "b", "llm.input_tokens", "213");
    told_free(told);
}
END_TEST

START_TEST(trap_02_zero_is_a_value_and_numbers_come_as_text)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.usage.input_tokens': 0, 'gen_ai.usage.output_tokens': '26', "
                "'gen_ai.request.temperature': 'NaN'}}]");
    told_is(told, "a", "llm.input_tokens", "0");
    told_is(told, "a", "llm.output_tokens", "26");
    told_is(told, "a", "gen_ai.usage.output_tokens", "'26'");
    told_is(told, "a", "llm.temperature", NULL);
    told_is(told, "a", "gen_ai.request.temperature", "'NaN'");
    told_free(told);
}
END_TEST

START_TEST(trap_02_quoted_number)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.usage.output_tokens': '\\\"26\\\"'}}]");
    told_is(told, "a", "llm.output_tokens", "26");
    told_free(told);
}
END_TEST

START_TEST(trap_03_parents_that_repeat_usage_are_told_apart_by_the_tree)
{
    struct told *told = told_by(
        "[{'name': 'agent', 'id': 1, 'attributes': {'gen_ai.operation.name': 'invoke_agent', "
        "'gen_ai.agent.name': 'x', 'gen_ai.usage.input_tokens': 30, "
        "'gen_ai.usage.output_tokens': 7}},"
        " {'name': 'one', 'id': 2, 'parent': 1, 'attributes': {'gen_ai.operation.name': "
        "'chat', "
        "'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 10, "
        "'gen_ai.usage.output_tokens': 3}},"
        " {'name': 'two', 'id': 3, 'parent': 1, 'attributes': {'gen_ai.operation.name': "
        "'chat', "
        "'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 20, "
        "'gen_ai.usage.output_tokens': 4}}]");
    told_is(told, "agent", "llm.input_tokens", NULL);
    told_is(told, "agent", "llm.aggregated_usage.input_tokens", "30");
    told_is(told, "agent", "llm.aggregated_usage.output_tokens", "7");
    told_is(told, "one", "llm.input_tokens", "10");
    told_is(told, "two", "llm.output_tokens", "4");
    ck_assert_str_eq(told_kind(told, "agent"), "agent");
    told_free(told);
}
END_TEST

START_TEST(trap_03_a_call_seen_twice_counts_once)
{
    struct told *told = told_by(
        "[{'name': 'outer', 'id': 1, 'attributes': {'openinference.span.kind': 'LLM', "
        "'llm.model_name': 'm', 'llm.token_count.prompt': 10, 'llm.token_count.completion': 3, "
        "'llm.output_messages.0.message.role': 'assistant', "
        "'llm.output_messages.0.message.content': 'hi'}},"
        " {'name': 'inner', 'id': 2, 'parent': 1, 'attributes': {'gen_ai.operation.name': "
        "'chat', "
        "'gen_ai.request.model': 'm', 'gen_ai.response.id': 'r1', "
        "'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.output_tokens': 3}}]");
    ck_assert_str_eq(told_kind(told, "outer"), "chain");
    ck_assert_str_eq(told_kind(told, "inner"), "llm");
    told_is(told, "inner", "llm.output.response", "'hi'");
    told_is(told, "outer", "llm.input_tokens", NULL);
    told_is(told, "outer", "llm.aggregated_usage.input_tokens", "10");
    told_free(told);
}
END_TEST

START_TEST(trap_04_aggregated_usage_is_never_input)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'invoke_agent', "
                "'gen_ai.agent.name': 'x', 'gen_ai.aggregated_usage.input_tokens': 30}}]");
    told_is(told, "a", "llm.input_tokens", NULL);
    told_is(told, "a", "llm.aggregated_usage.input_tokens", "30");
    told_free(told);
}
END_TEST

START_TEST(trap_05_time_to_first_token_has_three_units)
{
    static const struct {
        const char *scope, *key, *value, *ms;
    } cases[] = {
        {"x", "gen_ai.response.time_to_first_chunk", "0.25", "250"},
        {"strands.telemetry.tracer", "gen_ai.server.time_to_first_token", "250", "250"},
        {"openlit.otel.tracing", "gen_ai.server.time_to_first_token", "0.25", "250"},
        {"ai", "ai.response.msToFirstChunk", "250", "250"},
        {"vllm.llm_engine", "gen_ai.latency.time_to_first_token", "0.25", "250"},
        {"livekit-agents", "lk.response.ttft", "0.25", "250"},
        {"x", "gen_ai.streaming.time_to_first_token", "0.25", "250"},
        {"x", "gen_ai.client.operation.time_to_first_chunk", "0.25", "250"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char spans[512];
        snprintf(
            spans, sizeof spans,
            "[{'name': 'a', 'scope': '%s', 'attributes': {'gen_ai.operation.name': 'chat', "
            "'gen_ai.request.model': 'm', '%s': %s}}]",
            cases[i].scope, cases[i].key, cases[i].value);
        struct told *told = told_by(spans);
        told_is(told, "a", "llm.time_to_first_token_ms", cases[i].ms);
        told_free(told);
    }
}
END_TEST

START_TEST(trap_06_messages_come_as_text_and_as_trees)
{
    static const char *const forms[] = {
        "'[{\\\"role\\\":\\\"user\\\",\\\"parts\\\":[{\\\"type\\\":\\\"text\\\","
        "\\\"content\\\":"
        "\\\"hi\\\"}]}]'",
        "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"hi\\\"}]'",
        "[{'role': 'user', 'parts': [{'type': 'text', 'content': 'hi'}]}]"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char spans[512];
        snprintf(spans, sizeof spans,
                 "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                 "'gen_ai.input.messages': %s}}]",
                 forms[i]);
        struct told *told = told_by(spans);
        told_is(told, "a", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
        told_is(told, "a", "gen_ai.input.messages", NULL);
        told_free(told);
    }
}
END_TEST

START_TEST(trap_11_events_of_strands_tool_spans)
{
    struct told *told = told_by(
        "[{'name': 'execute_tool t', 'scope': 'strands.telemetry.tracer', 'attributes': "
        "{'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 't'}, 'events': ["
        "{'name': 'gen_ai.tool.message', 'at': 2, 'attributes': {'role': 'tool', 'content': "
        "'{\\\"city\\\":\\\"Rome\\\"}', 'id': 'c1'}},"
        "{'name': 'gen_ai.choice', 'at': 3, 'attributes': {'message': "
        "'[{\\\"text\\\":\\\"sunny\\\"}]', 'id': 'c1'}}]}]");
    told_is(told, "execute_tool t", "tool.input", "{'city': 'Rome'}");
    const json_t *output = json_object_get(
        json_object_get(told_span(told, "execute_tool t"), "attributes"), "tool.output");
    ck_assert_ptr_nonnull(output);
    told_free(told);
}
END_TEST

START_TEST(trap_12_indices_are_numbers_with_gaps)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'openinference.span.kind': 'LLM', "
                "'llm.input_messages.10.message.role': 'user', "
                "'llm.input_messages.10.message.content': 'ten', "
                "'llm.input_messages.9.message.role': 'assistant', "
                "'llm.input_messages.9.message.content': 'nine', "
                "'gen_ai.prompt.prompt_filter_results': 'x'}}]");
    told_is(told, "a", "llm.input.messages",
            "[{'role': 'assistant', 'content': 'nine'}, {'role': 'user', 'content': 'ten'}]");
    told_free(told);
}
END_TEST

START_TEST(trap_13_names_that_collide_with_noveums)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'openinference.span.kind': 'LLM', 'llm.model_name': "
        "'m', "
        "'llm.provider': 'vertexai', 'llm.cost.total': 0.5, 'llm.tools.0.tool.json_schema': "
        "'{\\\"type\\\":\\\"function\\\",\\\"function\\\":{\\\"name\\\":\\\"f\\\"}}'}}]");
    told_is(told, "a", "llm.provider", "'google'");
    told_is(told, "a", "llm.provider.source", "'vertexai'");
    told_is(told, "a", "llm.cost.total", "0.5");
    told_is(told, "a", "llm.cost.currency", "'USD'");
    const json_t *tools =
        json_object_get(json_object_get(told_span(told, "a"), "attributes"), "llm.tools");
    ck_assert_uint_eq(json_array_size(tools), 1);
    told_free(told);
}
END_TEST

START_TEST(trap_15_free_metadata_does_not_become_identity)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', 'session.id': 's1', "
        "'user.id': 'u1', 'metadata.user_api_key_user_id': 'k', 'metadata.tier': 'gold'}}]");
    told_member(told, NULL, "metadata.session_id", "'s1'");
    told_member(told, NULL, "metadata.user_id", "'u1'");
    told_member(told, NULL, "metadata.custom_attributes.tier", "'gold'");
    told_is(told, "a", "session.id", "'s1'");
    told_free(told);
}
END_TEST

START_TEST(trap_16_false_sessions)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'langsmith.trace.session_id': 'p', 'mcp.session.id': "
        "'t', "
        "'thread.id': 12, 'thread.name': 'main'}},"
        " {'name': 'b', 'scope': 'pipecat', 'attributes': {'session.modalities': 'x'}}]");
    told_member(told, NULL, "metadata.session_id", "null");
    told_is(told, "a", "thread.id", "12");
    told_free(told);
}
END_TEST

START_TEST(trap_17_frameworks_are_no_providers)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.system': "
        "'Langchain', 'gen_ai.request.model': 'm', "
        "'traceloop.association.properties.ls_provider': 'openai'}},"
        " {'name': 'b', 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.system': "
        "'strands-agents', 'gen_ai.request.model': 'claude-3-5-sonnet'}}]");
    told_is(told, "a", "llm.provider", "'openai'");
    told_is(told, "a", "gen_ai.system", "'Langchain'");
    told_is(told, "b", "llm.provider", "'anthropic'");
    told_free(told);
}
END_TEST

START_TEST(trap_18_a_model_alone_makes_no_call)
{
    struct told *told =
        told_by("[{'name': 'plain', 'attributes': {'gen_ai.request.model': 'm'}},"
                " {'name': 'emb', 'attributes': {'gen_ai.operation.name': 'embeddings', "
                "'gen_ai.request.model': 'e'}},"
                " {'name': 'llm_node', 'scope': 'livekit-agents', 'attributes': "
                "{'gen_ai.request.model': "
                "'m'}},"
                " {'name': 'ag', 'attributes': {'gen_ai.operation.name': 'invoke_agent', "
                "'gen_ai.agent.name': 'x', 'gen_ai.request.model': 'm'}}]");
    ck_assert_str_eq(told_kind(told, "plain"), "");
    ck_assert_str_eq(told_kind(told, "emb"), "embedding");
    ck_assert_str_eq(told_kind(told, "llm_node"), "chain");
    ck_assert_str_eq(told_kind(told, "ag"), "agent");
    told_free(told);
}
END_TEST

START_TEST(trap_19_stamped_names_are_no_kind)
{
    struct told *told = told_by("[{'name': 'GET /', 'attributes': {'gen_ai.agent.name': 'x', "
                                "'traceloop.workflow.name': "
                                "'w', 'http.request.method': 'GET'}}]");
    ck_assert_str_eq(told_kind(told, "GET /"), "");
    told_is(told, "GET /", "gen_ai.agent.name", "'x'");
    told_free(told);
}
END_TEST

START_TEST(trap_20_absent_in_disguise)
{
    static const char *const words[] = {
        "{}",         "N/A", "<REDACTED>", "__REDACTED__",      "[]", "null", "",
        "[REDACTED]", "   ", "NOT_GIVEN",  "<not serializable>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char spans[512];
        snprintf(spans, sizeof spans,
                 "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                 "'gen_ai.response.model': '%s', 'gen_ai.request.model': 'm'}}]",
                 words[i]);
        struct told *told = told_by(spans);
        told_is(told, "a", "llm.model", "'m'");
        told_free(told);
    }
}
END_TEST

START_TEST(trap_21_quoted_twice)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'mlflow.spanType': '\\\"CHAT_MODEL\\\"', 'model': "
        "'\\\"gpt-4o\\\"'}, 'scope': 'mlflow'}]");
    ck_assert_str_eq(told_kind(told, "a"), "llm");
    told_free(told);
}
END_TEST

START_TEST(trap_24_spellings_of_cache_write)
{
    static const char *const keys[] = {
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens",
        "llm.token_count.prompt_details.cache_write"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char spans[512];
        snprintf(spans, sizeof spans,
                 "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', '%s': 64}}]",
                 keys[i]);
        struct told *told = told_by(spans);
        told_is(told, "a", "llm.cache_creation_tokens", "64");
        told_free(told);
    }
}
END_TEST

START_TEST(trap_26_vercels_scope_is_no_gate)
{
    static const char *const scopes[] = {"ai", "gen_ai", "my-own"};
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        char spans[512];
        snprintf(
            spans, sizeof spans,
            "[{'name': 'a', 'scope': '%s', 'attributes': {'ai.operationId': "
            "'ai.generateText.doGenerate', 'ai.model.id': 'm', 'ai.response.text': 'hi'}}]",
            scopes[i]);
        struct told *told = told_by(spans);
        ck_assert_str_eq(told_kind(told, "a"), "llm");
        told_is(told, "a", "llm.model", "'m'");
        told_is(told, "a", "llm.output.response", "'hi'");
        told_free(told);
    }
}
END_TEST

START_TEST(trap_27_generic_keys_need_their_scope)
{
    struct told *told = told_by(
        "[{'name': 'a', 'scope': 'my-app', 'attributes': {'gen_ai.operation.name': 'chat', "
        "'input': 'x', 'output': 'y', 'model': 'z', 'text': 't', 'gen_ai.request.model': "
        "'m'}}]");
    told_is(told, "a", "llm.model", "'m'");
    told_is(told, "a", "llm.output.response", NULL);
    told_is(told, "a", "input", "'x'");
    told_is(told, "a", "model", "'z'");
    told_free(told);
}
END_TEST

START_TEST(trap_30_servers_and_http_repeat_the_client)
{
    struct told *told = told_by(
        "[{'name': 'chat m', 'id': 1, 'kind': 3, 'attributes': {'gen_ai.operation.name': "
        "'chat', "
        "'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 10, "
        "'gen_ai.usage.output_tokens': 3, 'gen_ai.response.id': 'r'}},"
        " {'name': 'POST', 'id': 2, 'parent': 1, 'kind': 3, 'attributes': "
        "{'http.request.method': "
        "'POST', 'url.full': 'https://api.openai.com/v1/chat/completions'}},"
        " {'name': 'llm_request', 'id': 3, 'parent': 2, 'kind': 2, 'scope': 'vllm.llm_engine', "
        "'attributes': {'gen_ai.request.id': 'q', 'gen_ai.usage.prompt_tokens': 10, "
        "'gen_ai.usage.completion_tokens': 3, 'gen_ai.response.model': 'm'}}]");
    ck_assert_str_eq(told_kind(told, "chat m"), "llm");
    ck_assert_str_eq(told_kind(told, "POST"), "");
    ck_assert_str_ne(told_kind(told, "llm_request"), "llm");
    told_is(told, "llm_request", "llm.input_tokens", NULL);
    told_free(told);
}
END_TEST

START_TEST(trap_31_costs_with_misleading_names)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.request.model': "
                "'m', 'gen_ai.cost.total_tokens': 0.25, 'litellm.saved_cache_cost': 3.0}}]");
    told_is(told, "a", "llm.cost.total", "0.25");
    told_is(told, "a", "llm.total_tokens", NULL);
    told_free(told);
}
END_TEST

START_TEST(trap_33_headers_are_never_forwarded)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', 'llm.headers': "
                "'{\\\"authorization\\\":\\\"Bearer abc\\\"}', 'gen_ai.headers': 'secret', "
                "'ai.request.headers.authorization': 'Bearer abc'}}]");
    told_is(told, "a", "llm.headers", "'***'");
    told_is(told, "a", "gen_ai.headers", "'***'");
    told_is(told, "a", "ai.request.headers.authorization", "'***'");
    told_free(told);
}
END_TEST

START_TEST(trap_34_each_field_by_its_own_precedence)
{
    struct told *told = told_by("[{'name': 'a', 'attributes': {'openinference.span.kind': "
                                "'LLM', 'llm.model_name': 'old', "
                                "'gen_ai.response.model': 'new', 'llm.token_count.prompt': 7, "
                                "'llm.output_messages.0.message.content': 'from oi', "
                                "'llm.output_messages.0.message.role': 'assistant'}}]");
    told_is(told, "a", "llm.model", "'new'");
    told_is(told, "a", "llm.model_name", "'old'");
    told_is(told, "a", "llm.input_tokens", "7");
    told_is(told, "a", "llm.output.response", "'from oi'");
    told_free(told);
}
END_TEST

START_TEST(trap_36_no_usage_no_tokens)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.request.model': 'gpt-4o', 'gen_ai.request.stream': true}}]");
    told_is(told, "a", "llm.input_tokens", NULL);
    told_is(told, "a", "llm.total_tokens", NULL);
    told_is(told, "a", "llm.cost.total", NULL);
    told_is(told, "a", "llm.streaming", "true");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/traps");
    TCase *tcase = tcase_create("traps");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, trap_01_exclusive_input_gets_its_cached_tokens);
    tcase_add_test(tcase, trap_02_zero_is_a_value_and_numbers_come_as_text);
    tcase_add_test(tcase, trap_02_quoted_number);
    tcase_add_test(tcase, trap_03_parents_that_repeat_usage_are_told_apart_by_the_tree);
    tcase_add_test(tcase, trap_03_a_call_seen_twice_counts_once);
    tcase_add_test(tcase, trap_04_aggregated_usage_is_never_input);
    tcase_add_test(tcase, trap_05_time_to_first_token_has_three_units);
    tcase_add_test(tcase, trap_06_messages_come_as_text_and_as_trees);
    tcase_add_test(tcase, trap_11_events_of_strands_tool_spans);
    tcase_add_test(tcase, trap_12_indices_are_numbers_with_gaps);
    tcase_add_test(tcase, trap_13_names_that_collide_with_noveums);
    tcase_add_test(tcase, trap_15_free_metadata_does_not_become_identity);
    tcase_add_test(tcase, trap_16_false_sessions);
    tcase_add_test(tcase, trap_17_frameworks_are_no_providers);
    tcase_add_test(tcase, trap_18_a_model_alone_makes_no_call);
    tcase_add_test(tcase, trap_19_stamped_names_are_no_kind);
    tcase_add_test(tcase, trap_20_absent_in_disguise);
    tcase_add_test(tcase, trap_21_quoted_twice);
    tcase_add_test(tcase, trap_24_spellings_of_cache_write);
    tcase_add_test(tcase, trap_26_vercels_scope_is_no_gate);
    tcase_add_test(tcase, trap_27_generic_keys_need_their_scope);
    tcase_add_test(tcase, trap_30_servers_and_http_repeat_the_client);
    tcase_add_test(tcase, trap_31_costs_with_misleading_names);
    tcase_add_test(tcase, trap_33_headers_are_never_forwarded);
    tcase_add_test(tcase, trap_34_each_field_by_its_own_precedence);
    tcase_add_test(tcase, trap_36_no_usage_no_tokens);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
