/*
 * Spans of the records of coding agents: from OTLP/JSON through the door's decoder to what is
 * sent. What each agent's captured records become is in tests/golden.
 */
#include "base/meter.h"
#include "base/text/wire.h"
#include "mapping/engine/turns.h"
#include "model/otlp_fields.h"
#include "tests/support/expect.h"
#include "tests/support/growth.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TEXT(key, text) "{'key': '" key "', 'value': {'stringValue': '" text "'}}"

/* A record of Claude Code at `ms` milliseconds. */
#define RECORD(ms, name, more)                                                                 \
    "{'timeUnixNano': '17000000" ms "000000', 'body': {'stringValue': 'claude_code." name      \
    "'}, 'attributes': [" TEXT("event.name", name) ", " TEXT("session.id", "s1") ", " TEXT(    \
        "prompt.id", "p1") more "]}"
#define PROMPT RECORD("00001", "user_prompt", ", " TEXT("prompt", "list files"))
#define CALL                                                                                   \
    RECORD("00500", "api_request",                                                             \
           ", " TEXT("model", "claude-sonnet-4-5") ", " TEXT("input_tokens", "10") ", " TEXT(  \
               "output_tokens", "3") ", " TEXT("cost_usd", "0.25") ", " TEXT("duration_ms",    \
                                                                             "400"))
#define ALLOWED                                                                                \
    RECORD("00520", "tool_decision",                                                           \
           ", " TEXT("tool_name", "Bash") ", " TEXT("tool_use_id", "t1") ", " TEXT(            \
               "decision", "accept") ", " TEXT("source", "user_temporary"))
#define REFUSED                                                                                \
    RECORD("00520", "tool_decision",                                                           \
           ", " TEXT("tool_name", "Bash") ", " TEXT("tool_use_id", "t1") ", " TEXT(            \
               "decision", "reject") ", " TEXT("source", "user_reject"))
#define RESULT                                                                                 \
    RECORD("00900", "tool_result",                                                             \
           ", " TEXT("tool_name", "Bash") ", " TEXT("tool_use_id", "t1") ", " TEXT(            \
               "success", "false") ", " TEXT("error", "no such file") ", " TEXT("duration_ms", \
                                                                                "300"))

static struct told *told_of(const char *records)
{
    char logs[8192];
    int len =
        snprintf(logs, sizeof logs,
                 "{'resourceLogs': [{'resource': {'attributes': [" TEXT(
                     "service.name", "claude-code") "]}, 'scopeLogs': [{'scope': {'name': "
                                                    "'com.anthropic.claude_code.events'}, "
                                                    "'logRecords': [%s]}]}]}",
                 records);
    ck_assert_int_lt(len, (int)sizeof logs);
    return told_requests(NULL, logs);
}

static size_t spans_of(const struct told *told)
{
    ck_assert_uint_eq(json_array_size(told->traces), 1);
    return json_array_size(json_object_get(json_array_get(told->traces, 0), "spans"));
}

#define ROOT "claude_code.interaction"
#define MODEL "claude_code.llm_request"
#define TOOL "claude_code.tool"

START_TEST(a_turn_is_an_agent_with_calls_and_tools)
{
    struct told *told = told_of(PROMPT "," CALL "," ALLOWED "," RESULT);
    ck_assert_uint_eq(spans_of(told), 3);
    ck_assert_str_eq(told_kind(told, ROOT), "agent");
    ck_assert_str_eq(told_kind(told, MODEL), "llm");
    ck_assert_str_eq(told_kind(told, TOOL), "tool");
    told_is(told, ROOT, "agent.input", "'list files'");
    told_is(told, MODEL, "llm.model", "'claude-sonnet-4-5'");
    told_is(told, MODEL, "llm.provider", "'anthropic'");
    told_is(told, MODEL, "llm.input_tokens", "10");
    told_is(told, MODEL, "llm.output_tokens", "3");
    told_is(told, MODEL, "llm.cost.total", "0.25");
    told_is(told, TOOL, "tool.name", "'Bash'");
    told_is(told, TOOL, "tool.call_id", "'t1'");
    told_is(told, TOOL, "tool.decision", "'accept'");
    told_is(told, TOOL, "tool.decision_source", "'user_temporary'");
    told_member(told, TOOL, "status", "'error'");
    told_member(told, NULL, "metadata.session_id", "'s1'");
    told_member(told, NULL, "metadata.request_id", "'p1'");
    told_is(told, ROOT, "event.name", NULL);
    told_free(told);
}
END_TEST

START_TEST(calls_begin_their_duration_before_their_record)
{
    struct told *told = told_of(PROMPT "," CALL);
    told_member(told, MODEL, "duration_ms", "400.0");
    told_member(told, ROOT, "duration_ms", "499.0");
    told_free(told);
}
END_TEST

START_TEST(a_refused_tool_is_a_span)
{
    struct told *told = told_of(PROMPT "," CALL "," REFUSED);
    ck_assert_uint_eq(spans_of(told), 3);
    told_is(told, TOOL, "tool.decision", "'reject'");
    told_is(told, TOOL, "tool.name", "'Bash'");
    told_free(told);
}
END_TEST

START_TEST(an_allowed_tool_without_its_end_is_an_event)
{
    struct told *told = told_of(PROMPT "," CALL "," ALLOWED);
    ck_assert_uint_eq(spans_of(told), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(told_span(told, ROOT), "events")), 1);
    told_free(told);
}
END_TEST

START_TEST(a_record_that_comes_twice_gives_one_span)
{
    struct told *told = told_of(PROMPT "," CALL "," CALL "," PROMPT);
    ck_assert_uint_eq(spans_of(told), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(told_span(told, ROOT), "events")), 0);
    told_free(told);
}
END_TEST

START_TEST(without_its_prompt_a_turn_has_a_root_all_the_same)
{
    struct told *told = told_of(CALL);
    ck_assert_uint_eq(spans_of(told), 2);
    ck_assert_str_eq(told_kind(told, "claude-code"), "agent");
    told_member(told, NULL, "metadata.session_id", "'s1'");
    told_free(told);
}
END_TEST

START_TEST(a_failed_call_is_an_error)
{
    struct told *told =
        told_of(PROMPT "," RECORD("00500", "api_error",
                                  ", " TEXT("model", "claude-sonnet-4-5") ", " TEXT(
                                      "error", "overloaded") ", " TEXT("status_code", "529")));
    told_member(told, MODEL, "status", "'error'");
    told_is(told, MODEL, "error.message", "'overloaded'");
    told_is(told, MODEL, "error.code", "529");
    told_free(told);
}
END_TEST

START_TEST(other_records_are_events_of_the_root)
{
    struct told *told = told_of(
        PROMPT "," CALL "," RECORD("00600", "compaction", ", " TEXT("trigger", "auto")));
    json_t *events = json_object_get(told_span(told, ROOT), "events");
    ck_assert_uint_eq(json_array_size(events), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(events, 0), "name")),
                     "compaction");
    told_free(told);
}
END_TEST

START_TEST(an_evaluation_without_a_span_becomes_one)
{
    struct told *told = told_requests(
        NULL,
        "{'resourceLogs': [{'scopeLogs': [{'logRecords': [{'timeUnixNano': "
        "'1700000000500000000', 'traceId': '0123456789abcdef0123456789abcdef', 'eventName': "
        "'gen_ai.evaluation.result', 'attributes': [" TEXT(
            "gen_ai.evaluation.name", "Relevance") ", {'key': "
                                                   "'gen_ai.evaluation.score.value', "
                                                   "'value': {'doubleValue': 0.5}}]}]}]}]}");
    ck_assert_uint_eq(spans_of(told), 1);
    told_is(told, "evaluation", "evaluation.name", "'Relevance'");
    told_is(told, "evaluation", "evaluation.score", "0.5");
    told_member(told, NULL, "trace_id", "'01234567-89ab-cdef-0123-456789abcdef'");
    told_free(told);
}
END_TEST

/* ---- cost -------------------------------------------------------------------------------- */

static void put_pair(struct nv_buf *buf, const char *key, const char *text)
{
    const size_t pair = nv_wire_begin(buf, NV_OTLP_LOG_ATTRIBUTES);
    ck_assert(nv_wire_put_bytes(buf, NV_OTLP_PAIR_KEY, nv_str_from(key)) == NV_OK);
    const size_t value = nv_wire_begin(buf, NV_OTLP_PAIR_VALUE);
    ck_assert(nv_wire_put_bytes(buf, NV_OTLP_ANY_STRING, nv_str_from(text)) == NV_OK);
    ck_assert(nv_wire_end(buf, value) == NV_OK && nv_wire_end(buf, pair) == NV_OK);
}

/* A record of Codex with `n` attributes of its own. */
static void put_record(struct nv_buf *buf, const char *event, char letter, uint32_t n)
{
    char key[16];
    put_pair(buf, "event.name", event);
    put_pair(buf, "conversation.id", "c1");
    put_pair(buf, "input_token_count", "1");
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "%c%u", letter, i);
        put_pair(buf, key, "x");
    }
}

static uint64_t call_costs(void *ctx, uint32_t n)
{
    static struct nv_group group = {.service_name = NV_STR_INIT("codex")};
    struct nv_buf begun, ended;
    uint32_t unused;
    (void)ctx;
    nv_buf_init(&begun, 16u << 20);
    nv_buf_init(&ended, 16u << 20);
    put_record(&begun, "codex.api_request", 'a', n);
    put_record(&ended, "codex.sse_event", 'b', n);
    struct nv_raw_item items[] = {{.bytes = nv_buf_str(&begun), .signal = NV_SIGNAL_LOGS},
                                  {.bytes = nv_buf_str(&ended), .signal = NV_SIGNAL_LOGS}};
    struct nv_raw_trace raw = {.arena = nv_arena_new(64u << 20),
                               .items = items,
                               .item_count = 2,
                               .groups = &group,
                               .group_count = 1};
    nv_meter_start(UINT64_MAX);
    ck_assert(nv_turns_make_spans(&raw, &unused) == NV_OK);
    const uint64_t spent = nv_meter_spent();
    ck_assert_uint_eq(raw.span_count, 2);
    ck_assert_uint_gt(raw.items[1].bytes.len, begun.len);
    nv_arena_free(raw.arena);
    nv_buf_release(&begun);
    nv_buf_release(&ended);
    return spent;
}

START_TEST(what_a_call_began_with_costs_what_its_keys_do)
{
    nv_test_grows_linearly(call_costs, NULL, 1000, 2000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/turns");
    TCase *tcase = tcase_create("turns");
    tcase_add_test(tcase, a_turn_is_an_agent_with_calls_and_tools);
    tcase_add_test(tcase, calls_begin_their_duration_before_their_record);
    tcase_add_test(tcase, a_refused_tool_is_a_span);
    tcase_add_test(tcase, an_allowed_tool_without_its_end_is_an_event);
    tcase_add_test(tcase, a_record_that_comes_twice_gives_one_span);
    tcase_add_test(tcase, without_its_prompt_a_turn_has_a_root_all_the_same);
    tcase_add_test(tcase, a_failed_call_is_an_error);
    tcase_add_test(tcase, an_evaluation_without_a_span_becomes_one);
    tcase_add_test(tcase, other_records_are_events_of_the_root);
    tcase_add_test(tcase, what_a_call_began_with_costs_what_its_keys_do);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
