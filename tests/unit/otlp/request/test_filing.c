/*
 * Where records of coding agents are filed: instead of nowhere, beside their own trace, or not
 * at all. Through the decoder, whose answer must not change.
 */
#include "expect.h"
#include "otlp_build.h"

#include "otlp/request/filing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* A logs request of Claude Code with these records, `'` for `"`. */
static struct nv_test_decoded decode(const char *records)
{
    char text[4096];
    int len =
        snprintf(text, sizeof text,
                 "{'resourceLogs':[{'scopeLogs':[{'scope':{'name':"
                 "'com.anthropic.claude_code.events'},'logRecords':[%s]}],'resource':"
                 "{'attributes':[{'key':'service.name','value':{'stringValue':'cli'}}]}}]}",
                 records);
    ck_assert_int_lt(len, (int)sizeof text);
    for (char *at = text; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_LOGS, NV_MEDIA_JSON, nv_str_from(text));
    ck_assert_int_eq(decoded.err, NV_OK);
    return decoded;
}

#define TEXT(key, text) "{'key':'" key "','value':{'stringValue':'" text "'}}"
#define EVENT(name, more)                                                                      \
    "{'timeUnixNano':'5','body':{'stringValue':'claude_code." name                             \
    "'},'attributes':[" TEXT("session.id", "s1") more "]}"
#define PROMPT_ID "," TEXT("prompt.id", "p1")
#define TRACE "0123456789abcdef0123456789abcdef"
#define NAMES_TRACE(name, more)                                                                \
    "{'traceId':'" TRACE                                                                       \
    "','spanId':'0123456789abcdef','body':{'stringValue':'claude_code." name                   \
    "'},'attributes':[" TEXT("session.id", "s1") more "]}"

static const struct row {
    const char *name, *record;
    uint32_t items;
    uint32_t flags; /* of the last item */
    bool filed;
} rows[] = {
    {"a prompt", EVENT("user_prompt", PROMPT_ID), 1,
     NV_ITEM_RECORD | NV_ITEM_BEGINS | NV_ITEM_MAKES | NV_ITEM_DUE, true},
    {"a call", EVENT("api_request", PROMPT_ID), 1, NV_ITEM_RECORD | NV_ITEM_MAKES, true},
    {"a call without a prompt's id", EVENT("api_request", ""), 1,
     NV_ITEM_RECORD | NV_ITEM_MAKES | NV_ITEM_TURNS, true},
    {"an allowed tool",
     EVENT("tool_decision",
           PROMPT_ID "," TEXT("decision", "accept") "," TEXT("tool_use_id", "t1")),
     1, NV_ITEM_RECORD | NV_ITEM_OPENS, true},
    {"a tool's result", EVENT("tool_result", PROMPT_ID "," TEXT("tool_use_id", "t1")), 1,
     NV_ITEM_RECORD | NV_ITEM_MAKES | NV_ITEM_CLOSES | NV_ITEM_DUE, true},
    {"no turn's record", EVENT("mcp_server_connection", ""), 1, 0, false},
    {"a record of the turn's trace", NAMES_TRACE("user_prompt", PROMPT_ID), 2, NV_ITEM_MARK,
     true},
    {"a record that names a trace, of no turn", NAMES_TRACE("auth", ""), 1, 0, true},
};

static bool has_id(const struct nv_item *item)
{
    static const uint8_t none[NV_TRACE_ID_BYTES];
    return memcmp(item->trace_id, none, sizeof none) != 0;
}

START_TEST(records_are_filed)
{
    const struct row *row = &rows[_i];
    struct nv_test_decoded decoded = decode(row->record);
    ck_assert_msg(decoded.batch->item_count == row->items, "%s: %u items", row->name,
                  decoded.batch->item_count);
    const struct nv_item *last = &decoded.batch->items[row->items - 1];
    ck_assert_msg(last->flags == row->flags, "%s: %x", row->name, last->flags);
    ck_assert_int_eq(has_id(last), row->filed);
    ck_assert_uint_eq(decoded.result.accepted, 1);
    ck_assert_uint_eq(decoded.result.log_records, 1);
    ck_assert_uint_eq(decoded.result.log_records_unused, 0);
    nv_batch_free(decoded.batch);
}
END_TEST

START_TEST(decision_and_result_of_a_call_share_an_id)
{
    struct nv_test_decoded decoded = decode(
        EVENT("tool_decision",
              PROMPT_ID "," TEXT("decision", "accept") "," TEXT(
                  "tool_use_id",
                  "t1")) "," EVENT("tool_result", PROMPT_ID
                                   "," TEXT("tool_use_id",
                                            "t1")) "," EVENT("tool_result", PROMPT_ID
                                                             "," TEXT("tool_use_id", "t2")));
    const struct nv_item *items = decoded.batch->items;
    ck_assert_uint_eq(decoded.batch->item_count, 3);
    ck_assert_mem_eq(items[0].trace_id, items[1].trace_id, NV_TRACE_ID_BYTES);
    ck_assert_mem_eq(items[0].span_id, items[1].span_id, NV_SPAN_ID_BYTES);
    ck_assert_mem_ne(items[0].span_id, items[2].span_id, NV_SPAN_ID_BYTES);
    nv_batch_free(decoded.batch);
}
END_TEST

/* Spans of Gemini CLI name their prompt, and the resource its session. */
static struct nv_test_decoded decode_spans(const char *prompts[2])
{
    char text[2048];
    int len = snprintf(
        text, sizeof text,
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"session.id\",\"value\":{"
        "\"stringValue\":\"s\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"gemini-cli\"},"
        "\"spans\":[{\"traceId\":\"" TRACE
        "\",\"spanId\":\"0123456789abcdef\",\"attributes\":[{"
        "\"key\":\"gen_ai.prompt.name\",\"value\":{\"stringValue\":\"%s\"}}]},{\"traceId\":"
        "\"" TRACE "\",\"spanId\":\"1123456789abcdef\",\"attributes\":[{\"key\":"
        "\"gen_ai.prompt.name\",\"value\":{\"stringValue\":\"%s\"}}]}]}]}]}",
        prompts[0], prompts[1]);
    ck_assert_int_lt(len, (int)sizeof text);
    return nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_JSON, nv_str_from(text));
}

START_TEST(spans_mark_their_prompt_once)
{
    static const struct {
        const char *prompts[2];
        uint32_t items;
    } marks[] = {{{"p1", "p1"}, 3}, {{"p1", "p2"}, 4}, {{"", "p2"}, 3}, {{"", ""}, 2}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *prompts[] = {marks[i].prompts[0], marks[i].prompts[1]};
        struct nv_test_decoded decoded = decode_spans(prompts);
        ck_assert_int_eq(decoded.err, NV_OK);
        ck_assert_uint_eq(decoded.batch->item_count, marks[i].items);
        ck_assert_uint_eq(decoded.result.accepted, 2);
        for (uint32_t k = 2; k < marks[i].items; k++)
            ck_assert_uint_eq(decoded.batch->items[k].flags, NV_ITEM_MARK);
        nv_batch_free(decoded.batch);
    }
}
END_TEST

START_TEST(evaluations_are_worth_a_span)
{
    static const char *const ids[] = {"\"traceId\":\"" TRACE "\",", ""};
    static const uint32_t flags[] = {NV_ITEM_EVALUATES,
                                     NV_ITEM_EVALUATES | NV_ITEM_RECORD | NV_ITEM_MAKES};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s\"eventName\":"
                 "\"gen_ai.evaluation.result\"}]}]}]}",
                 ids[i]);
        struct nv_test_decoded decoded =
            nv_test_decode(NV_SIGNAL_LOGS, NV_MEDIA_JSON, nv_str_from(text));
        ck_assert_int_eq(decoded.err, NV_OK);
        ck_assert_uint_eq(decoded.batch->item_count, 1);
        ck_assert_uint_eq(decoded.batch->items[0].flags, flags[i]);
        ck_assert(has_id(&decoded.batch->items[0]));
        nv_batch_free(decoded.batch);
    }
}
END_TEST

START_TEST(records_of_others_are_not_looked_at)
{
    struct nv_test_decoded decoded =
        decode("{'timeUnixNano':'5','body':{'stringValue':'hello'},'attributes':[" TEXT(
            "session.id", "s1") "]}");
    ck_assert_uint_eq(decoded.batch->item_count, 0);
    ck_assert_uint_eq(decoded.result.log_records_unused, 1);
    ck_assert_uint_eq(decoded.result.accepted, 1);
    nv_batch_free(decoded.batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/filing");
    TCase *tcase = tcase_create("filing");
    tcase_add_loop_test(tcase, records_are_filed, 0, (int)(sizeof rows / sizeof *rows));
    tcase_add_test(tcase, decision_and_result_of_a_call_share_an_id);
    tcase_add_test(tcase, spans_mark_their_prompt_once);
    tcase_add_test(tcase, evaluations_are_worth_a_span);
    tcase_add_test(tcase, records_of_others_are_not_looked_at);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
