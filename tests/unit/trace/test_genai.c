/*
 * What spans of models, agents, tools, retrieval and embeddings say, key by key, and what is no
 * value: NULL, negative counts, costs that are no number.
 */
#include "expect.h"
#include "trace_kit.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

static noveum_span span;
static json_t *json;

static void begin(noveum_kind kind)
{
    kit_trace_on(NULL);
    span = noveum_begin(kind, NULL);
}

static void look(void)
{
    json = kit_trace_span(span);
    ck_assert_ptr_nonnull(json);
}

static void release(void)
{
    json_decref(json);
    json = NULL;
}

static const char *first(const char *key)
{
    const json_t *value = json_array_get(kit_attribute(json, key), 0);
    const char *text = json_string_value(json_object_get(value, "stringValue"));
    return text ? text : "";
}

START_TEST(a_call_of_a_model)
{
    begin(NOVEUM_LLM);
    noveum_llm(span, "openai", "gpt-4o-mini");
    noveum_llm_response(span, "r1", "gpt-4o-mini-2024-07-18", "stop");
    noveum_llm_usage(span, 21, 9);
    noveum_llm_usage_cached(span, 4, 0);
    noveum_llm_usage_reasoning(span, 3);
    noveum_llm_cost(span, 0.5, NULL);
    noveum_set_double(span, NOVEUM_TEMPERATURE, 0.5);
    look();
    ck_assert_str_eq(kit_text(json, "gen_ai.provider.name"), "openai");
    ck_assert_str_eq(kit_text(json, "gen_ai.request.model"), "gpt-4o-mini");
    ck_assert_str_eq(kit_text(json, "gen_ai.response.id"), "r1");
    ck_assert_str_eq(kit_text(json, "gen_ai.response.model"), "gpt-4o-mini-2024-07-18");
    ck_assert_str_eq(first("gen_ai.response.finish_reasons"), "stop");
    ck_assert(kit_number(json, "gen_ai.usage.input_tokens") == 21);
    ck_assert(kit_number(json, "gen_ai.usage.output_tokens") == 9);
    ck_assert(kit_number(json, "gen_ai.usage.cache_read.input_tokens") == 4);
    ck_assert(kit_number(json, "gen_ai.usage.cache_creation.input_tokens") == 0);
    ck_assert(kit_number(json, "gen_ai.usage.reasoning.output_tokens") == 3);
    ck_assert(kit_number(json, "gen_ai.usage.cost.amount") == 0.5);
    ck_assert_str_eq(kit_text(json, "gen_ai.usage.cost.currency"), "USD");
    ck_assert(kit_number(json, "gen_ai.request.temperature") == 0.5);
    release();
}
END_TEST

START_TEST(what_is_no_value)
{
    begin(NOVEUM_LLM);
    noveum_llm(span, NULL, NULL);
    noveum_llm_response(span, NULL, NULL, NULL);
    noveum_llm_usage(span, -1, INT64_MIN);
    noveum_llm_usage_cached(span, -1, -1);
    noveum_llm_cost(span, NAN, NULL);
    noveum_llm_cost(span, -1, NULL);
    noveum_llm_cost(span, INFINITY, NULL);
    noveum_session(span, NULL);
    noveum_user(span, NULL);
    noveum_agent(span, NULL, NULL, NULL);
    noveum_tool(span, NULL, NULL, NULL);
    noveum_tool_result(span, NULL, 5);
    noveum_retrieval(span, NULL, NULL, -1);
    noveum_embedding(span, NULL, NULL, 0);
    noveum_workflow(span, NULL);
    look();
    ck_assert_uint_eq(json_array_size(json_object_get(json, "attributes")), 1); /* operation */
    ck_assert_uint_eq(kit_counters().values_repaired, 3);
    release();
}
END_TEST

START_TEST(agents_and_tools)
{
    const char *tags[] = {"a", "b"};
    begin(NOVEUM_AGENT);
    noveum_agent(span, "a1", "support", "answers");
    noveum_tool(span, "get_order", "c1", "function");
    noveum_tool_arguments(span, "{\"id\":7}xx", 8);
    noveum_tool_result(span, "done", NOVEUM_NUL);
    noveum_workflow(span, "flow");
    noveum_session(span, "s");
    noveum_user(span, "u");
    noveum_tags(span, tags, 2);
    look();
    ck_assert_str_eq(kit_text(json, "gen_ai.agent.id"), "a1");
    ck_assert_str_eq(kit_text(json, "gen_ai.agent.name"), "support");
    ck_assert_str_eq(kit_text(json, "gen_ai.agent.description"), "answers");
    ck_assert_str_eq(kit_text(json, "gen_ai.tool.name"), "get_order");
    ck_assert_str_eq(kit_text(json, "gen_ai.tool.call.id"), "c1");
    ck_assert_str_eq(kit_text(json, "gen_ai.tool.type"), "function");
    ck_assert_str_eq(kit_text(json, "gen_ai.tool.call.arguments"), "{\"id\":7}");
    ck_assert_str_eq(kit_text(json, "gen_ai.tool.call.result"), "done");
    ck_assert_str_eq(kit_text(json, "gen_ai.workflow.name"), "flow");
    ck_assert_str_eq(kit_text(json, "session.id"), "s");
    ck_assert_str_eq(kit_text(json, "gen_ai.conversation.id"), "s");
    ck_assert_str_eq(kit_text(json, "user.id"), "u");
    ck_assert_str_eq(first("tag.tags"), "a");
    release();
}
END_TEST

START_TEST(retrieval_and_embeddings)
{
    begin(NOVEUM_RETRIEVAL);
    noveum_retrieval(span, "wiki", "who?", 5);
    noveum_embedding(span, "openai", "text-embedding-3-small", 1536);
    look();
    ck_assert_str_eq(kit_text(json, "gen_ai.data_source.id"), "wiki");
    ck_assert_str_eq(kit_text(json, "gen_ai.retrieval.query.text"), "who?");
    ck_assert(kit_number(json, "gen_ai.retrieval.top_k") == 5);
    ck_assert_str_eq(kit_text(json, "gen_ai.request.model"), "text-embedding-3-small");
    ck_assert(kit_number(json, "gen_ai.embeddings.dimension.count") == 1536);
    release();
}
END_TEST

START_TEST(the_finish_reason_of_a_message)
{
    begin(NOVEUM_LLM);
    noveum_message_begin(span, NOVEUM_OUTPUT, NULL);
    noveum_message_end(span, "length");
    look();
    ck_assert_str_eq(first("gen_ai.response.finish_reasons"), "length");
    release();
    noveum_llm_response(span, NULL, NULL, "stop"); /* told: it wins */
    noveum_message_begin(span, NOVEUM_OUTPUT, NULL);
    noveum_message_end(span, "length");
    noveum_message_end(span, "nothing open");
    look();
    ck_assert_str_eq(first("gen_ai.response.finish_reasons"), "stop");
    release();
}
END_TEST

/* Every function on handles that are null, dropped, ended or nobody's, on and off. */
static void call_all(noveum_span on)
{
    noveum_attribute attribute = noveum_str("k", "v");
    noveum_context context;
    char text[NOVEUM_TRACEPARENT_SIZE];
    noveum_set(on, &attribute, 1);
    noveum_set(on, NULL, 3);
    noveum_set_str(on, "k", "v");
    noveum_set_int(on, "k", 1);
    noveum_set_double(on, "k", NAN);
    noveum_set_bool(on, "k", 1);
    noveum_set_name(on, "n");
    noveum_set_ok(on);
    noveum_error(on, "t", "m");
    noveum_event(on, "e", 0, NULL, 1);
    noveum_link(on, NULL, NULL, 0);
    noveum_session(on, "s");
    noveum_tags(on, NULL, 0);
    noveum_llm(on, "p", "m");
    noveum_llm_response(on, "i", "m", "f");
    noveum_llm_usage(on, 1, 1);
    noveum_llm_cost(on, 1, "EUR");
    noveum_llm_tool(on, "n", "d", "{}");
    noveum_message(on, NOVEUM_INPUT, "user", "t", NOVEUM_NUL);
    noveum_message_begin(on, NOVEUM_INPUT, "user");
    noveum_part_text(on, NULL, NOVEUM_NUL);
    noveum_part_blob(on, NULL, NULL, NULL, 7);
    noveum_message_end(on, NULL);
    noveum_chunk(on, 1);
    noveum_first_token_at(on, 0);
    noveum_stream_abandoned(on, NULL);
    noveum_agent(on, "i", "n", "d");
    noveum_tool(on, "n", "i", "t");
    noveum_retrieval(on, "s", "q", 1);
    noveum_document(on, "i", 1, "c", NOVEUM_NUL);
    noveum_embedding(on, "p", "m", 1);
    noveum_get_context(on, &context);
    noveum_get_context(on, NULL);
    ck_assert_uint_eq(noveum_traceparent(on, text), 0);
    ck_assert_uint_eq(noveum_traceparent(on, NULL), 0);
    noveum_enter(on);
    noveum_leave(on);
    noveum_end(on);
    noveum_end_at(on, 1);
    noveum_discard(on);
}

START_TEST(handles_of_nothing)
{
    noveum_span nothing[] = {{0}, {UINT64_MAX}, {1}, {UINT64_C(99) << 32 | 1}, {12345}};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        call_all(nothing[i]);
    ck_assert_uint_eq(kit_counters().misuse, 0); /* off: nobody counts */
    kit_trace_on(NULL);
    call_all(nothing[0]);
    call_all(nothing[1]);
    ck_assert_uint_eq(kit_counters().misuse, 0);
    for (size_t i = 2; i < sizeof nothing / sizeof nothing[0]; i++)
        call_all(nothing[i]);
    ck_assert_uint_gt(kit_counters().misuse, 0);
    span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_discard(span);
    call_all(span);
    ck_assert_uint_eq(kit_counters().open, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("genai");
    TCase *tcase = tcase_create("genai");
    tcase_add_test(tcase, a_call_of_a_model);
    tcase_add_test(tcase, what_is_no_value);
    tcase_add_test(tcase, agents_and_tools);
    tcase_add_test(tcase, retrieval_and_embeddings);
    tcase_add_test(tcase, the_finish_reason_of_a_message);
    tcase_add_test(tcase, handles_of_nothing);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
