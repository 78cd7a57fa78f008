/*
 * Messages, tools and documents as JSON: every kind of part, what is left out, open messages,
 * and limits that take a message back whole.
 */
#include "expect.h"
#include "trace_kit.h"

#include "trace/texts.h"

#include <stdlib.h>

#include "base/banned.h"

static noveum_span span;

static void expect(const char *key, const char *json)
{
    json_t *sent = kit_trace_span(span);
    ck_assert_json_eq(nv_str_from(kit_text(sent, key)), nv_str_from(json));
    json_decref(sent);
}

START_TEST(every_part)
{
    kit_trace_on(NULL);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_message_begin(span, NOVEUM_INPUT, NULL);
    noveum_part_text(span, "a\"b\n", NOVEUM_NUL);
    noveum_part_reasoning(span, "hmm...", 3);
    noveum_part_tool_call(span, "c1", "f", "{\"x\": [1, 2]}", NOVEUM_NUL);
    noveum_part_tool_call(span, NULL, "g", "not json", NOVEUM_NUL);
    noveum_part_tool_result(span, "c1", "\"done\"", NOVEUM_NUL);
    noveum_part_uri(span, "image", "image/png", "https://h/i.png");
    noveum_part_blob(span, "audio", NULL, "\0\1", 2);
    noveum_message_end(span, NULL);
    noveum_message(span, NOVEUM_INPUT, "tool", NULL, 0);
    expect("gen_ai.input.messages",
           "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\\\"b\\n\"},"
           "{\"type\":\"reasoning\",\"content\":\"hmm\"},"
           "{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"f\",\"arguments\":{\"x\":[1,2]}},"
           "{\"type\":\"tool_call\",\"name\":\"g\",\"arguments\":\"not json\"},"
           "{\"type\":\"tool_call_response\",\"id\":\"c1\",\"response\":\"done\"},"
           "{\"type\":\"uri\",\"modality\":\"image\",\"mime_type\":\"image/png\",\"uri\":"
           "\"https://h/"
           "i.png\"},{\"type\":\"blob\",\"modality\":\"audio\",\"content\":\"AAE=\"}]},"
           "{\"role\":\"tool\",\"parts\":[]}]");
}
END_TEST

START_TEST(every_list)
{
    kit_trace_on(NULL);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_message(span, NOVEUM_INSTRUCTIONS, "ignored", "Be kind.", NOVEUM_NUL);
    noveum_message_begin(span, NOVEUM_OUTPUT, NULL);
    noveum_part_text(span, "yes", NOVEUM_NUL);
    noveum_message_end(span, "stop");
    noveum_llm_tool(span, "f", "does f", "{\"type\":\"object\"}");
    noveum_llm_tool(span, "g", NULL, NULL);
    noveum_document(span, "d1", 0.5, "text", 2);
    noveum_document(span, NULL, 0.0 / 0.0, NULL, 0);
    expect("gen_ai.system_instructions", "[{\"type\":\"text\",\"content\":\"Be kind.\"}]");
    expect("gen_ai.output.messages",
           "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"yes\"}],"
           "\"finish_reason\":\"stop\"}]");
    expect("gen_ai.tool.definitions",
           "[{\"type\":\"function\",\"name\":\"f\",\"description\":\"does f\",\"parameters\":"
           "{\"type\":\"object\"}},{\"type\":\"function\",\"name\":\"g\"}]");
    expect("gen_ai.retrieval.documents",
           "[{\"id\":\"d1\",\"score\":0.5,\"content\":\"te\"},{}]");
}
END_TEST

START_TEST(open_messages_are_closed)
{
    kit_trace_on(NULL);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_part_text(span, "nowhere", NOVEUM_NUL);
    ck_assert_uint_eq(kit_counters().misuse, 1);
    noveum_message_begin(span, NOVEUM_INPUT, "user");
    noveum_part_text(span, "a", NOVEUM_NUL);
    noveum_message_begin(span, NOVEUM_INPUT, "user"); /* ends the one before */
    noveum_llm_tool(span, "f", NULL, NULL);           /* so does this */
    noveum_message_end(span, NULL);
    noveum_message_begin(span, (noveum_direction)9, "user");
    ck_assert_uint_eq(kit_counters().misuse, 2);
    expect("gen_ai.input.messages",
           "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\"}]},"
           "{\"role\":\"user\",\"parts\":[]}]");
}
END_TEST

START_TEST(what_does_not_fit_is_taken_back)
{
    noveum_options options = noveum_default_options();
    static char text[60000];
    memset(text, 'x', sizeof text);
    options.span_bytes_max = 4000;
    kit_trace_on(&options);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_message(span, NOVEUM_INPUT, "user", "first", NOVEUM_NUL);
    noveum_message(span, NOVEUM_INPUT, "user", text, sizeof text);
    noveum_message(span, NOVEUM_INPUT, "user", "last", NOVEUM_NUL);
    expect("gen_ai.input.messages",
           "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"first\"}]},"
           "{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"last\"}]}]");
    ck_assert_uint_eq(kit_counters().attributes_dropped, 1);
}
END_TEST

START_TEST(content_may_be_left_out)
{
    setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "false", 1);
    kit_trace_on(NULL);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_message_begin(span, NOVEUM_OUTPUT, NULL);
    noveum_part_text(span, "secret", NOVEUM_NUL);
    noveum_part_tool_call(span, "c", "f", "{\"secret\":1}", NOVEUM_NUL);
    noveum_message_end(span, NULL);
    noveum_tool_arguments(span, "secret", NOVEUM_NUL);
    noveum_retrieval(span, "wiki", "secret", 3);
    json_t *json = kit_trace_span(span);
    char *all = json_dumps(json, 0);
    ck_assert_ptr_null(strstr(all, "secret"));
    ck_assert_ptr_nonnull(strstr(all, "tool_call"));
    free(all);
    json_decref(json);
}
END_TEST

START_TEST(invalid_text_is_repaired_and_counted)
{
    kit_trace_on(NULL);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_message(span, NOVEUM_INPUT, "user", "a\xff\xfe", NOVEUM_NUL);
    expect("gen_ai.input.messages",
           "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":"
           "\"a\xef\xbf\xbd\xef\xbf\xbd\"}]}]");
    ck_assert_uint_eq(kit_counters().values_repaired, 2);
}
END_TEST

/* As texts.c has it. */
#define DEPTH_MAX 64

START_TEST(what_is_json)
{
    ck_assert(nv_trace_is_json(NV_STR("{\"a\":1}")));
    ck_assert(nv_trace_is_json(NV_STR(" 12 ")));
    ck_assert(!nv_trace_is_json(NV_STR("")));
    ck_assert(!nv_trace_is_json(NV_STR("{\"a\":1")));
    ck_assert(!nv_trace_is_json(NV_STR("{} {}")));
    ck_assert(!nv_trace_is_json(NV_STR("\"\xff\"")));
    ck_assert(!nv_trace_is_json(NV_STR("\xef\xbb\xbf{}")));
    for (size_t depth = DEPTH_MAX; depth <= DEPTH_MAX + 1; depth++) {
        char deep[2 * DEPTH_MAX + 2];
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        ck_assert_int_eq(nv_trace_is_json((struct nv_str){deep, 2 * depth}),
                         depth == DEPTH_MAX);
    }
    ck_assert_str_eq(nv_trace_text_key(NV_TRACE_TEXT_TOOLS), "gen_ai.tool.definitions");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("texts");
    TCase *tcase = tcase_create("texts");
    tcase_add_test(tcase, every_part);
    tcase_add_test(tcase, every_list);
    tcase_add_test(tcase, open_messages_are_closed);
    tcase_add_test(tcase, what_does_not_fit_is_taken_back);
    tcase_add_test(tcase, content_may_be_left_out);
    tcase_add_test(tcase, invalid_text_is_repaired_and_counted);
    tcase_add_test(tcase, what_is_json);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
