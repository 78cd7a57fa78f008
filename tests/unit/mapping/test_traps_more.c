/*
 * More of what a mapper gets wrong: the traps about messages, carriers of content and
 * encodings.
 *
 * Numbers as in docs/traps.md; the first half of the list is in test_traps.c.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>

#include "base/banned.h"

#define CHAT "'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm'"

/* One chat span with input messages as a tree; what they become is `want`. */
static void messages_become(const char *messages, const char *want)
{
    char spans[2048];
    snprintf(spans, sizeof spans,
             "[{'name': 'a', 'attributes': {" CHAT ", 'gen_ai.input.messages': %s}}]",
             messages);
    struct told *told = told_by(spans);
    told_is(told, "a", "llm.input.messages", want);
    told_free(told);
}

START_TEST(trap_07_shapes_are_told_apart_message_by_message)
{
    messages_become(
        "[{'role': 'system', 'content': 'plain'},"
        " {'role': 'user', 'parts': [{'type': 'text', 'content': 'otel'}]},"
        " {'role': 'model', 'parts': [{'text': 'gemini'}]},"
        " {'role': 'user', 'content': [{'text': 'bedrock'}]}]",
        "[{'role': 'system', 'content': 'plain'}, {'role': 'user', 'content': 'otel'},"
        " {'role': 'assistant', 'content': 'gemini'},"
        " {'role': 'user', 'content': 'bedrock'}]");
}
END_TEST

START_TEST(trap_07_bedrock_blocks_are_objects_of_one_key)
{
    messages_become(
        "[{'role': 'assistant', 'content': [{'toolUse': {'toolUseId': 'c1', 'name': "
        "'f', 'input': {'a': 1}}}]}]",
        "[{'role': 'assistant', 'content': '', 'tool_calls': [{'id': 'c1', 'type': "
        "'function', 'function': {'name': 'f', 'arguments': {'a': 1}}}]}]");
}
END_TEST

START_TEST(trap_08_tool_responses_have_three_names)
{
    static const char *const names[] = {"response", "result", "content"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char messages[512];
        snprintf(messages, sizeof messages,
                 "[{'role': 'tool', 'parts': [{'type': 'tool_call_response', 'id': 'c1', '%s': "
                 "'sunny'}]}]",
                 names[i]);
        messages_become(messages,
                        "[{'role': 'tool', 'content': 'sunny', 'tool_call_id': 'c1'}]");
    }
}
END_TEST

START_TEST(trap_08_older_drafts_call_content_data)
{
    messages_become("[{'role': 'user', 'parts': [{'type': 'text', 'data': 'hi'}]}]",
                    "[{'role': 'user', 'content': 'hi'}]");
}
END_TEST

START_TEST(trap_09_unknown_parts_are_kept)
{
    messages_become("[{'role': 'user', 'parts': [{'type': 'text', 'content': 'hi'}, {'type': "
                    "'hologram', 'depth': 3}]}]",
                    "[{'role': 'user', 'content': [{'type': 'text', 'text': 'hi'}, {'type': "
                    "'hologram', 'depth': 3}]}]");
}
END_TEST

START_TEST(trap_09_a_message_holds_several_tool_responses)
{
    messages_become(
        "[{'role': 'tool', 'parts': [{'type': 'tool_call_response', 'id': 'c1', "
        "'response': 'one'}, {'type': 'tool_call_response', 'id': 'c2', 'response': "
        "'two'}]}]",
        "[{'role': 'tool', 'content': 'one', 'tool_call_id': 'c1'}, {'role': 'tool', "
        "'content': 'two', 'tool_call_id': 'c2'}]");
}
END_TEST

#define ID "'traceId': '0123456789abcdef0123456789abcdef', 'spanId': '00000000000000a1'"
#define TIMES                                                                                  \
    "'startTimeUnixNano': '1700000000000000000', 'endTimeUnixNano': '1700000001000000000'"
#define TEXT(key, text) "{'key': '" key "', 'value': {'stringValue': '" text "'}}"
#define NUMBER(key, number) "{'key': '" key "', 'value': {'intValue': '" number "'}}"

/* One span "a" of this scope, with more members and attributes in OTLP/JSON, and log
 * records. */
static struct told *one(const char *scope, const char *more, const char *attributes,
                        const char *logs)
{
    char traces[4096], records[4096];
    snprintf(traces, sizeof traces,
             "{'resourceSpans': [{'scopeSpans': [{'scope': {'name': '%s'}, 'spans': [{" ID
             ", 'name': 'a', " TIMES "%s, 'attributes': [%s]}]}]}]}",
             scope, more, attributes);
    snprintf(
        records, sizeof records,
        "{'resourceLogs': [{'scopeLogs': [{'scope': {'name': '%s'}, 'logRecords': [%s]}]}]}",
        scope, logs ? logs : "");
    return told_requests(traces, logs ? records : NULL);
}

#define IS_CHAT TEXT("gen_ai.operation.name", "chat") ", " TEXT("gen_ai.request.model", "m")
#define DETAILS "gen_ai.client.inference.operation.details"
#define ASKED "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"hi\\\"}]'"

START_TEST(trap_10_content_has_three_carriers)
{
    struct told *told[3];
    told[0] = told_by("[{'name': 'a', 'attributes': {" CHAT ", 'gen_ai.input.messages': " ASKED
                      "}}]");
    told[1] = told_by("[{'name': 'a', 'attributes': {" CHAT "}, 'events': [{'name': '" DETAILS
                      "', 'attributes': {'gen_ai.input.messages': " ASKED "}}]}]");
    told[2] = one("x", "", IS_CHAT,
                  "{" ID ", 'eventName': 'gen_ai.user.message', 'timeUnixNano': '1', 'body': "
                  "{'kvlistValue': {'values': [" TEXT("content", "hi") "]}}}");
    for (size_t i = 0; i < 3; i++) {
        told_is(told[i], "a", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
        told_free(told[i]);
    }
}
END_TEST

START_TEST(trap_10_several_events_of_one_name_are_merged)
{
    struct told *told = told_by(
        "[{'name': 'a', 'scope': 'strands.telemetry.tracer', 'attributes': {" CHAT
        "}, 'events': ["
        "{'name': '" DETAILS "', 'at': 2, 'attributes': {'gen_ai.input.messages': " ASKED "}},"
        "{'name': '" DETAILS "', 'at': 3, 'attributes': {'gen_ai.output.messages': "
        "'[{\\\"role\\\":\\\"assistant\\\",\\\"parts\\\":[{\\\"type\\\":\\\"text\\\","
        "\\\"content\\\":\\\"yo\\\"}]}]'}}]}]");
    told_is(told, "a", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
    told_is(told, "a", "llm.output.response", "'yo'");
    told_free(told);
}
END_TEST

START_TEST(trap_14_a_key_that_is_also_a_prefix)
{
    struct told *told =
        told_by("[{'name': 'list', 'attributes': {" CHAT ", 'llm.input_messages': " ASKED "}},"
                " {'name': 'keys', 'attributes': {'openinference.span.kind': 'LLM', "
                "'llm.input_messages.0.message.role': 'user', "
                "'llm.input_messages.0.message.content': 'hi'}}]");
    told_is(told, "list", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
    told_is(told, "list", "llm.input_messages",
            "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"hi\\\"}]'");
    told_is(told, "keys", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
    told_free(told);
}
END_TEST

START_TEST(trap_22_messages_that_end_too_early)
{
    struct told *told = told_by(
        "[{'name': 'a', 'scope': 'gemini-cli', 'attributes': {'gen_ai.operation.name': "
        "'llm_call', "
        "'gen_ai.request.model': 'gemini-2.5-pro', 'gen_ai.input.messages': "
        "'[{\\\"role\\\":\\\"user\\\",\\\"parts\\\":[{\\\"type\\\":\\\"text\\\","
        "\\\"content\\\":"
        "\\\"first\\\"}]},{\\\"role\\\":\\\"user\\\",\\\"parts\\\":[{\\\"type\\\":\\\"text\\\","
        "\\\"content\\\":\\\"secon'}}]");
    const json_t *attributes = json_object_get(told_span(told, "a"), "attributes");
    const json_t *messages = json_object_get(attributes, "llm.input.messages");
    ck_assert_uint_ge(json_array_size(messages), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(messages, 0), "content")),
                     "first");
    ck_assert_str_eq(told_kind(told, "a"), "llm");
    /* nothing is lost: what was cut goes out as it came */
    ck_assert_ptr_nonnull(json_object_get(attributes, "gen_ai.input.messages"));
    told_free(told);
}
END_TEST

START_TEST(trap_22_gemini_clis_own_operations)
{
    static const char *const kinds[][2] = {
        {"llm_call", "llm"}, {"tool_call", "tool"}, {"agent_call", "agent"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char spans[512];
        snprintf(
            spans, sizeof spans,
            "[{'name': 'a', 'scope': 'gemini-cli', 'attributes': {'gen_ai.operation.name': "
            "'%s', 'gen_ai.request.model': 'm', 'gen_ai.tool.name': 't', "
            "'gen_ai.agent.name': 'x'}}]",
            kinds[i][0]);
        struct told *told = told_by(spans);
        ck_assert_str_eq(told_kind(told, "a"), kinds[i][1]);
        told_free(told);
    }
}
END_TEST

START_TEST(trap_23_livekit_before_and_after_the_renaming)
{
    struct told *told =
        told_by("[{'name': 'agent_turn', 'id': 1, 'scope': 'livekit-agents', 'attributes': {"
                "'lk.user_input': 'old'}},"
                " {'name': 'agent_turn2', 'id': 2, 'scope': 'livekit-agents', 'attributes': {"
                "'lk.pii.user_input': 'new'}}]");
    told_is(told, "agent_turn", "turn.user_input", "'old'");
    told_is(told, "agent_turn2", "turn.user_input", "'new'");
    told_free(told);
}
END_TEST

START_TEST(trap_25_no_schema_version_is_asked)
{
    static const char *const urls[] = {"https://opentelemetry.io/schemas/1.42.0",
                                       "https://opentelemetry.io/schemas/1.26.0", "nonsense",
                                       ""};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char traces[2048];
        snprintf(traces, sizeof traces,
                 "{'resourceSpans': [{'schemaUrl': '%s', 'scopeSpans': [{'schemaUrl': '%s', "
                 "'spans': [{" ID ", 'name': 'a', " TIMES ", 'attributes': [" IS_CHAT
                 ", " NUMBER("gen_ai.usage.prompt_tokens",
                             "3") ", " NUMBER("gen_ai.usage.output_tokens", "2") "]}]}]}]}",
                 urls[i], urls[i]);
        struct told *told = told_requests(traces, NULL);
        told_is(told, "a", "llm.input_tokens", "3");
        told_is(told, "a", "llm.output_tokens", "2");
        told_free(told);
    }
}
END_TEST

START_TEST(trap_28_placeholders_and_retries)
{
    struct told *told =
        told_by("[{'name': 'chat', 'id': 1, 'scope': 'pydantic-ai', 'attributes': {" CHAT
                ", 'gen_ai.response.id': 'r', 'gen_ai.usage.input_tokens': 5}},"
                " {'name': 'chat (pending)', 'id': 2, 'parent': 1, 'attributes': {" CHAT
                ", 'logfire.span_type': 'pending_span', 'logfire.pending_parent_id': "
                "'0000000000000000'}},"
                " {'name': 'again', 'id': 3, 'attributes': {" CHAT
                ", 'gen_ai.response.id': 'r', 'gen_ai.usage.input_tokens': 5}}]");
    told_member(told, NULL, "span_count", "2");
    told_is(told, "chat", "llm.input_tokens", "5");
    told_is(told, "again", "llm.input_tokens", NULL);
    told_is(told, "again", "llm.aggregated_usage.input_tokens", "5");
    told_free(told);
}
END_TEST

START_TEST(trap_29_langfuse_buckets_exclude_each_other)
{
    struct told *told = told_by(
        "[{'name': 'buckets', 'attributes': {'langfuse.observation.type': 'generation', "
        "'langfuse.observation.model.name': 'm', 'langfuse.observation.usage_details': "
        "'{\\\"input\\\":10,\\\"input_cached_tokens\\\":90,\\\"output\\\":5}'}},"
        " {'name': 'inclusive', 'attributes': {" CHAT ", 'gen_ai.usage.input_tokens': 100, "
        "'gen_ai.usage.cache_read.input_tokens': 90}}]");
    told_is(told, "buckets", "llm.input_tokens", "100");
    told_is(told, "buckets", "llm.cache_read_tokens", "90");
    told_is(told, "buckets", "llm.output_tokens", "5");
    told_is(told, "inclusive", "llm.input_tokens", "100");
    told_free(told);
}
END_TEST

START_TEST(trap_32_codex_tells_content_and_tokens_in_logs)
{
    struct told *told = one(
        "codex_otel", "", IS_CHAT,
        "{" ID ", 'eventName': 'codex.user_prompt', 'timeUnixNano': '1', 'attributes': [" TEXT(
            "prompt",
            "hi") "]}, {" ID
                  ", 'eventName': 'codex.sse_event', 'timeUnixNano': '2', 'attributes': [" TEXT(
                      "event.kind",
                      "response.completed") ", " NUMBER("input_token_count",
                                                        "7") ", " NUMBER("output_token_"
                                                                         "count",
                                                                         "2") "]}");
    told_is(told, "a", "llm.input.messages", "[{'role': 'user', 'content': 'hi'}]");
    told_is(told, "a", "llm.input_tokens", "7");
    told_is(told, "a", "llm.output_tokens", "2");
    told_free(told);
}
END_TEST

START_TEST(trap_35_empty_scopes_numbers_as_times_and_nan)
{
    struct told *told = told_requests(
        "{'resourceSpans': [{'instrumentationLibrarySpans': [{'instrumentationLibrary': "
        "{'name': "
        "''}, 'spans': [{" ID ", 'name': 'a', 'startTimeUnixNano': 1700000000000000000, "
        "'endTimeUnixNano': 1700000001000000000, 'flags': 769, 'attributes': [" IS_CHAT
        ", " NUMBER(
            "gen_ai.usage.input_tokens",
            "7") ", {'key': 'gen_ai.request.temperature', "
                 "'value': {'doubleValue': 'NaN'}}, {'key': 'gen_ai.request.top_p', 'value': "
                 "{'doubleValue': null}}]}]}]}]}",
        NULL);
    ck_assert_str_eq(told_kind(told, "a"), "llm");
    told_is(told, "a", "llm.input_tokens", "7");
    told_is(told, "a", "llm.temperature", NULL);
    told_is(told, "a", "llm.top_p", NULL);
    told_member(told, "a", "duration_ms", "1000");
    told_free(told);
}
END_TEST

START_TEST(trap_35_flags_are_no_condition)
{
    static const char *const flags[] = {"0", "1", "256", "257", "768", "769"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        char more[64];
        snprintf(more, sizeof more, ", 'flags': %s", flags[i]);
        struct told *told = one("misleading", more, IS_CHAT, NULL);
        ck_assert_str_eq(told_kind(told, "a"), "llm");
        told_free(told);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/traps_more");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, trap_07_shapes_are_told_apart_message_by_message);
    tcase_add_test(tcase, trap_07_bedrock_blocks_are_objects_of_one_key);
    tcase_add_test(tcase, trap_08_tool_responses_have_three_names);
    tcase_add_test(tcase, trap_08_older_drafts_call_content_data);
    tcase_add_test(tcase, trap_09_unknown_parts_are_kept);
    tcase_add_test(tcase, trap_09_a_message_holds_several_tool_responses);
    tcase_add_test(tcase, trap_10_content_has_three_carriers);
    tcase_add_test(tcase, trap_10_several_events_of_one_name_are_merged);
    tcase_add_test(tcase, trap_14_a_key_that_is_also_a_prefix);
    tcase_add_test(tcase, trap_22_messages_that_end_too_early);
    tcase_add_test(tcase, trap_22_gemini_clis_own_operations);
    tcase_add_test(tcase, trap_23_livekit_before_and_after_the_renaming);
    tcase_add_test(tcase, trap_25_no_schema_version_is_asked);
    tcase_add_test(tcase, trap_28_placeholders_and_retries);
    tcase_add_test(tcase, trap_29_langfuse_buckets_exclude_each_other);
    tcase_add_test(tcase, trap_32_codex_tells_content_and_tokens_in_logs);
    tcase_add_test(tcase, trap_35_empty_scopes_numbers_as_times_and_nan);
    tcase_add_test(tcase, trap_35_flags_are_no_condition);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
