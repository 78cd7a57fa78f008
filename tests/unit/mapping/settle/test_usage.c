/*
 * Each call once: the tree decides what is a call, a repeat of it, or a sum.
 *
 * The commonest shapes of real instrumentations, and the exceptions from them.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>

#include "base/banned.h"

#define LLM(id, parent, in, out, more)                                                         \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm', "          \
    "'gen_ai.usage.input_tokens': " #in ", 'gen_ai.usage.output_tokens': " #out more "}}"
#define TOOL(id, parent)                                                                       \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 't'}}"
#define AGENT(id, parent, in)                                                                  \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'a', "     \
    "'gen_ai.usage.input_tokens': " #in "}}"

START_TEST(a_chain_of_three_repeats_is_one_call)
{
    struct told *told = told_by("[" LLM(1, 0, 10, 2, "") "," LLM(2, 1, 10, 2, "") "," LLM(
        3, 2, 10, 2, ", 'gen_ai.response.id': 'r'") "]");
    ck_assert_str_eq(told_kind(told, "s3"), "llm");
    ck_assert_str_ne(told_kind(told, "s2"), "llm");
    ck_assert_str_ne(told_kind(told, "s1"), "llm");
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_is(told, "s2", "llm.input_tokens", NULL);
    told_is(told, "s3", "llm.input_tokens", "10");
    told_is(told, "s1", "llm.source.model", "'m'");
    told_free(told);
}
END_TEST

START_TEST(the_outer_one_stays_when_both_tell_as_much)
{
    struct told *told = told_by("[" LLM(1, 0, 10, 2, "") "," LLM(2, 1, 10, 2, "") "]");
    ck_assert_str_eq(told_kind(told, "s1"), "llm");
    ck_assert_str_eq(told_kind(told, "s2"), "");
    told_free(told);
}
END_TEST

START_TEST(a_call_around_several_is_their_container)
{
    struct told *told =
        told_by("[" LLM(1, 0, 30, 5, "") "," LLM(2, 1, 10, 2, "") "," LLM(3, 1, 20, 3, "") "]");
    ck_assert_str_eq(told_kind(told, "s1"), "chain");
    told_is(told, "s1", "llm.aggregated_usage.input_tokens", "30");
    told_is(told, "s2", "llm.input_tokens", "10");
    told_is(told, "s3", "llm.input_tokens", "20");
    told_free(told);
}
END_TEST

START_TEST(cached_tokens_of_a_container_step_back_in_both_names)
{
    struct told *told =
        told_by("[" LLM(1, 0, 30, 5, ", 'gen_ai.usage.cache_read.input_tokens': 4") "," LLM(
            2, 1, 10, 2, ", 'gen_ai.usage.cache_read.input_tokens': 4") "," LLM(3, 1, 20, 3,
                                                                                "") "]");
    told_is(told, "s1", "llm.cached_input_tokens", NULL);
    told_is(told, "s1", "llm.aggregated_usage.cached_input_tokens", "4");
    told_is(told, "s2", "llm.cached_input_tokens", "4");
    told_free(told);
}
END_TEST

START_TEST(a_call_made_by_a_tool_is_its_own)
{
    struct told *told =
        told_by("[" LLM(1, 0, 10, 2, "") "," TOOL(2, 1) "," LLM(3, 2, 99, 9, "") "]");
    ck_assert_str_eq(told_kind(told, "s1"), "llm");
    ck_assert_str_eq(told_kind(told, "s3"), "llm");
    told_is(told, "s1", "llm.input_tokens", "10");
    told_is(told, "s3", "llm.input_tokens", "99");
    told_free(told);
}
END_TEST

START_TEST(a_sum_behind_a_tool_is_a_sum)
{
    struct told *told =
        told_by("[" LLM(1, 0, 99, 9, "") "," TOOL(2, 1) "," LLM(3, 2, 99, 9, "") "]");
    int calls = (strcmp(told_kind(told, "s1"), "llm") == 0) +
                (strcmp(told_kind(told, "s3"), "llm") == 0);
    ck_assert_int_eq(calls, 1);
    told_free(told);
}
END_TEST

START_TEST(agents_without_calls_keep_their_usage)
{
    struct told *told = told_by("[" AGENT(1, 0, 30) "," AGENT(2, 1, 30) "]");
    told_is(told, "s2", "llm.input_tokens", "30");
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_is(told, "s1", "llm.aggregated_usage.input_tokens", "30");
    told_free(told);
}
END_TEST

#define TELLING_AGENT(id, parent, model, in, out)                                              \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'a', "     \
    "'gen_ai.request.model': '" model "', 'gen_ai.usage.input_tokens': " #in                   \
    ", 'gen_ai.usage.output_tokens': " #out "}}"

START_TEST(usage_that_only_agents_tell_is_priced_at_the_innermost)
{
    struct told *told =
        told_by("[" TELLING_AGENT(1, 0, "gpt-4o-mini", 1000, 100) "," TELLING_AGENT(
            2, 1, "gpt-4o-mini", 1000, 100) "," TOOL(3, 2) "]");
    ck_assert_str_eq(told_kind(told, "s2"), "agent");
    told_is(told, "s2", "llm.input_tokens", "1000");
    told_is(told, "s2", "llm.cost.total", "0.00021");
    told_is(told, "s2", "llm.cost.currency", "'USD'");
    told_is(told, "s2", "agent.llm_model", "'gpt-4o-mini'");
    told_is(told, "s2", "llm.model", NULL);
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_is(told, "s1", "llm.cost.total", NULL);
    told_is(told, "s1", "llm.aggregated_usage.input_tokens", "1000");
    told_free(told);
}
END_TEST

START_TEST(an_agent_counts_for_calls_that_tell_nothing)
{
    struct told *told = told_by("[" TELLING_AGENT(
        1, 0, "gpt-4o-mini", 1000, 100) ","
                                        "{'name': 's2', 'id': 2, 'parent': 1, 'attributes': "
                                        "{'gen_ai.operation.name': 'chat', "
                                        "'gen_ai.request.model': 'gpt-4o-mini'}}]");
    ck_assert_str_eq(told_kind(told, "s2"), "llm");
    told_is(told, "s1", "llm.input_tokens", "1000");
    told_is(told, "s1", "llm.cost.total", "0.00021");
    told_free(told);
}
END_TEST

START_TEST(an_agents_calls_may_be_in_another_part)
{
    nv_test_incomplete_set(NV_INCOMPLETE_ROOT);
    struct told *told = told_by("[" TELLING_AGENT(1, 99, "gpt-4o-mini", 1000, 100) "]");
    nv_test_incomplete_set(NV_COMPLETE);
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_is(told, "s1", "llm.cost.total", NULL);
    told_is(told, "s1", "llm.aggregated_usage.input_tokens", "1000");
    told_free(told);
}
END_TEST

START_TEST(a_turn_of_codex_counts_its_tokens)
{
    struct told *told = told_by(
        "[{'name': 'session_task.turn', 'scope': 'codex_cli_rs', 'attributes': {'model': "
        "'gpt-5-mini', 'codex.turn.token_usage.input_tokens': 2904, "
        "'codex.turn.token_usage.cached_input_tokens': 2000, "
        "'codex.turn.token_usage.output_tokens': 87}}]");
    told_is(told, "session_task.turn", "llm.input_tokens", "2904");
    told_is(told, "session_task.turn", "llm.cache_read_tokens", "2000");
    told_is(told, "session_task.turn", "agent.llm_model", "'gpt-5-mini'");
    told_is(told, "session_task.turn", "llm.model", NULL);
    ck_assert_ptr_nonnull(json_object_get(
        json_object_get(told_span(told, "session_task.turn"), "attributes"), "llm.cost.total"));
    told_free(told);
}
END_TEST

#define EMBED(id, parent, more)                                                                \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'embeddings', 'gen_ai.request.model': "         \
    "'text-embedding-3-small'" more "}}"
#define TOKENS(n) ", 'gen_ai.usage.input_tokens': " #n

START_TEST(an_embedding_seen_twice_is_one)
{
    struct told *told = told_by("[" EMBED(1, 0, TOKENS(28)) "," EMBED(2, 1, TOKENS(28)) "]");
    ck_assert_str_eq(told_kind(told, "s1"), "embedding");
    ck_assert_str_ne(told_kind(told, "s2"), "embedding");
    told_is(told, "s1", "llm.input_tokens", "28");
    told_is(told, "s2", "llm.input_tokens", NULL);
    told_is(told, "s2", "llm.cost.total", NULL);
    told_is(told, "s2", "llm.aggregated_usage.input_tokens", "28");
    told_is(told, "s2", "llm.source.embedding.model", "'text-embedding-3-small'");
    told_free(told);
    told = told_by(
        "[" EMBED(1, 0, ", 'gen_ai.embeddings.input': ['hi']") "," EMBED(2, 1, TOKENS(28)) "]");
    ck_assert_str_eq(told_kind(told, "s2"), "embedding");
    ck_assert_str_ne(told_kind(told, "s1"), "embedding");
    told_is(told, "s2", "embedding.input", "['hi']");
    told_is(told, "s2", "llm.input_tokens", "28");
    told_free(told);
}
END_TEST

START_TEST(an_embedding_around_several_is_their_sum)
{
    struct told *told = told_by("[" EMBED(1, 0, TOKENS(30)) "," EMBED(
        2, 1, TOKENS(10)) "," EMBED(3, 1, TOKENS(20)) "]");
    ck_assert_str_eq(told_kind(told, "s1"), "chain");
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_is(told, "s1", "llm.aggregated_usage.input_tokens", "30");
    told_is(told, "s3", "llm.input_tokens", "20");
    told_free(told);
    /* several that tell nothing: then the outer one counts, and is priced */
    told = told_by("[" EMBED(1, 0, TOKENS(30)) "," EMBED(2, 1, "") "," EMBED(3, 1, "") "]");
    told_is(told, "s1", "llm.input_tokens", "30");
    told_is(told, "s1", "llm.cost.total", "6e-07");
    told_free(told);
}
END_TEST

START_TEST(a_chain_that_repeats_its_embedding_is_no_second_one)
{
    struct told *told =
        told_by("[{'name': 's1', 'id': 1, 'attributes': {'openinference.span.kind': 'CHAIN', "
                "'gen_ai.usage.input_tokens': 28}}," EMBED(2, 1, TOKENS(28)) "]");
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_is(told, "s2", "llm.input_tokens", "28");
    told_free(told);
}
END_TEST

#define SILENT(id, parent)                                                                     \
    "{'name': 's" #id "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm'}}"

START_TEST(nobody_steps_back_to_those_who_tell_nothing)
{
    struct told *told =
        told_by("[{'name': 's1', 'id': 1, 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.request.model': 'gpt-4o-mini', 'gen_ai.usage.input_tokens': 1000, "
                "'gen_ai.usage.output_tokens': 100}}," SILENT(2, 1) "," SILENT(3, 1) "]");
    told_is(told, "s1", "llm.input_tokens", "1000");
    told_is(told, "s1", "llm.cost.total", "0.00021");
    told_is(told, "s1", "llm.model", NULL);
    ck_assert_str_eq(told_kind(told, "s2"), "llm");
    ck_assert_str_eq(told_kind(told, "s3"), "llm");
    told_free(told);
}
END_TEST

START_TEST(of_two_spans_of_a_call_the_inclusive_count_wins)
{
    struct told *told =
        told_by("[" LLM(1, 0, 100, 5,
                        ", 'gen_ai.usage.cache_read.input_tokens': 60, "
                        "'gen_ai.response.id': 'r'") "," LLM(2, 1, 160, 5, "") "]");
    told_is(told, "s1", "llm.input_tokens", "160");
    told_is(told, "s1", "llm.input_tokens.source", "100");
    told_is(told, "s1", "llm.total_tokens", "165");
    told_is(told, "s2", "llm.input_tokens", NULL);
    told_free(told);
    /* in two branches */
    told = told_by("[" LLM(1, 0, 100, 5,
                           ", 'gen_ai.usage.cache_read.input_tokens': 60, "
                           "'gen_ai.response.id': 'r'") "," LLM(2, 0, 160, 5,
                                                                ", 'gen_ai.response.id': "
                                                                "'r'") "]");
    told_is(told, "s1", "llm.input_tokens", "160");
    told_is(told, "s2", "llm.input_tokens", NULL);
    told_free(told);
}
END_TEST

/* Of a call of `whole` ms with the first token after `first` ms: 100 tokens a second of
 * what? */
static void check_speed(int whole, double first, const char *want)
{
    char spans[512];
    snprintf(spans, sizeof spans,
             "[{'name': 's1', 'start': 0, 'end': %d, 'attributes': {'gen_ai.operation.name': "
             "'chat', 'gen_ai.usage.output_tokens': 100, "
             "'gen_ai.response.time_to_first_chunk': %g}}]",
             whole, first / 1e3);
    struct told *told = told_by(spans);
    told_is(told, "s1", "llm.tokens_per_second", want);
    told_free(told);
}

START_TEST(no_speed_from_a_window_that_is_a_rounding)
{
    check_speed(1000, 500, "200.0");
    check_speed(1000, 950, "2000.0");
    check_speed(1000, 960, "100.0");  /* 4 % of the call */
    check_speed(1000, 1000, "100.0"); /* nothing after it */
    check_speed(100, 80, "5000.0");
    check_speed(100, 85, "1000.0"); /* 15 ms */
    check_speed(19, 1, NULL);
    check_speed(1000, 2000, NULL);
}
END_TEST

START_TEST(a_total_that_is_missing_or_too_small)
{
    struct told *told = told_by("[" LLM(1, 0, 10, 2, "") "," LLM(
        2, 0, 10, 2,
        ", 'gen_ai.usage.total_tokens': 50") "," LLM(3, 0, 10, 2,
                                                     ", 'gen_ai.usage.total_tokens': 5") "]");
    told_is(told, "s1", "llm.total_tokens", "12");
    told_is(told, "s2", "llm.total_tokens", "50");
    told_is(told, "s3", "llm.total_tokens", "12");
    told_is(told, "s3", "llm.total_tokens.source", "5");
    told_free(told);
}
END_TEST

START_TEST(openais_counts_are_inclusive_whatever_they_say)
{
    struct told *told = told_by("[" LLM(1, 0, 14, 2,
                                        ", 'gen_ai.provider.name': 'openai', "
                                        "'gen_ai.usage.cache_read.input_tokens': 16") "]");
    told_is(told, "s1", "llm.input_tokens", "14");
    told_free(told);
}
END_TEST

#define ANSWER(id, parent, in, out, response)                                                  \
    LLM(id, parent, in, out, ", 'gen_ai.response.id': '" response "'")

START_TEST(siblings_of_one_response_are_one_call)
{
    struct told *told = told_by("[" AGENT(1, 0, 10) "," ANSWER(2, 1, 10, 2, "r") "," LLM(
        3, 1, 10, 2, ", 'gen_ai.response.id': 'r', 'gen_ai.completion': 'hi'") "]");
    ck_assert_str_eq(told_kind(told, "s3"), "llm");
    ck_assert_str_ne(told_kind(told, "s2"), "llm");
    told_is(told, "s3", "llm.input_tokens", "10");
    told_is(told, "s2", "llm.input_tokens", NULL);
    told_is(told, "s2", "llm.cost.total", NULL);
    told_is(told, "s2", "llm.aggregated_usage.input_tokens", "10");
    told_is(told, "s2", "llm.aggregated_usage.output_tokens", "2");
    told_is(told, "s1", "llm.input_tokens", NULL);
    told_free(told);
}
END_TEST

START_TEST(retries_with_ids_of_their_own_all_count)
{
    struct told *told =
        told_by("[" ANSWER(1, 0, 10, 2, "r1") "," ANSWER(2, 0, 10, 2, "r2") "]");
    told_is(told, "s1", "llm.input_tokens", "10");
    told_is(told, "s2", "llm.input_tokens", "10");
    told_free(told);
}
END_TEST

START_TEST(one_id_with_other_counts_is_a_chance)
{
    struct told *told = told_by("[" ANSWER(1, 0, 10, 2, "r") "," ANSWER(2, 0, 10, 3, "r") "]");
    told_is(told, "s1", "llm.output_tokens", "2");
    told_is(told, "s2", "llm.output_tokens", "3");
    told_free(told);
}
END_TEST

START_TEST(a_repeat_below_and_a_repeat_beside)
{
    struct told *told = told_by("[" ANSWER(1, 0, 10, 2, "r") "," ANSWER(
        2, 1, 10, 2, "r") "," ANSWER(3, 0, 10, 2, "r") "]");
    told_is(told, "s1", "llm.input_tokens", "10");
    told_is(told, "s2", "llm.input_tokens", NULL);
    told_is(told, "s3", "llm.input_tokens", NULL);
    told_free(told);
}
END_TEST

START_TEST(an_id_that_all_spans_carry_is_none)
{
    char spans[8192] = "[";
    for (int i = 1; i <= 17; i++) {
        snprintf(spans + strlen(spans), sizeof spans - strlen(spans),
                 "%s{'name': 's%d', 'id': %d, 'attributes': {'gen_ai.operation.name': 'chat', "
                 "'gen_ai.usage.input_tokens': 1, 'gen_ai.response.id': 'x'}}",
                 i > 1 ? "," : "", i, i);
    }
    snprintf(spans + strlen(spans), sizeof spans - strlen(spans), "]");
    struct told *told = told_by(spans);
    told_is(told, "s1", "llm.input_tokens", "1");
    told_is(told, "s17", "llm.input_tokens", "1");
    told_free(told);
}
END_TEST

START_TEST(huge_counts_do_not_overflow)
{
    struct told *told =
        told_by("[" LLM(1, 0, 9223372036854775807, 9223372036854775807, "") "," TOOL(
            4, 1) "," LLM(2, 4, 9223372036854775807, 9223372036854775807,
                          "") "," LLM(3, 4, -9223372036854775807, 9223372036854775807, "") "]");
    told_is(told, "s2", "llm.input_tokens", "9223372036854775807");
    told_is(told, "s2", "llm.total_tokens", NULL);
    told_free(told);
}
END_TEST

/* ---- calls of several steps ---------------------------------------------------------------- */

#define VOLT(id, parent, name, type, in, out)                                                  \
    "{'name': '" name "', 'id': " #id ", 'parent': " #parent                                   \
    ", 'attributes': {'entity.type': 'agent', 'entity.name': 'a', 'span.type': '" type         \
    "', 'llm.model': 'gpt-4o-mini', 'usage.prompt_tokens': " #in                               \
    ", 'usage.completion_tokens': " #out "}}"

START_TEST(an_agent_tells_all_steps_of_a_call)
{
    struct told *told = told_by("[" VOLT(1, 0, "agent", "agent", 186, 21) "," VOLT(
        2, 1, "llm:generateText", "llm", 99, 11) "]");
    told_is(told, "llm:generateText", "llm.input_tokens", "186");
    told_is(told, "llm:generateText", "llm.output_tokens", "21");
    told_is(told, "llm:generateText", "llm.total_tokens", "207");
    told_is(told, "llm:generateText", "llm.input_tokens.source", "99");
    told_is(told, "agent", "llm.input_tokens", NULL);
    told_is(told, "agent", "llm.aggregated_usage.input_tokens", "186");
    told_free(told);
}
END_TEST

/* One count that is smaller is another thing's; so is what several calls may share. */
START_TEST(but_of_one_call_only_and_in_both_counts)
{
    struct told *told = told_by("[" VOLT(1, 0, "agent", "agent", 186, 5) "," VOLT(
        2, 1, "llm:generateText", "llm", 99, 11) "]");
    told_is(told, "llm:generateText", "llm.input_tokens", "99");
    told_is(told, "agent", "llm.aggregated_usage.input_tokens", "186");
    told_free(told);
    told = told_by("[" VOLT(1, 0, "agent", "agent", 300, 50) "," VOLT(
        2, 1, "llm:generateText", "llm", 99, 11) "," VOLT(3, 1, "llm:streamText", "llm", 87,
                                                          10) "]");
    told_is(told, "llm:generateText", "llm.input_tokens", "99");
    told_is(told, "llm:streamText", "llm.input_tokens", "87");
    told_free(told);
}
END_TEST

/* Strands counts all runs of an agent: what it tells more is no usage of this trace. */
START_TEST(and_where_a_row_says_so_only)
{
    struct told *told =
        told_by("[" VOLT(1, 0, "agent", "agent", 186, 21) "," LLM(2, 1, 99, 11, "") "]");
    told_is(told, "s2", "llm.input_tokens", "99");
    told_is(told, "s2", "llm.output_tokens", "11");
    told_free(told);
}
END_TEST

/* The other steps may be in another part. */
START_TEST(and_in_a_whole_trace_only)
{
    nv_test_incomplete_set(NV_INCOMPLETE_CUT);
    struct told *told = told_by("[" VOLT(1, 0, "agent", "agent", 186, 21) "," VOLT(
        2, 1, "llm:generateText", "llm", 99, 11) "]");
    nv_test_incomplete_set(NV_COMPLETE);
    told_is(told, "llm:generateText", "llm.input_tokens", "99");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/usage");
    TCase *tcase = tcase_create("usage");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_chain_of_three_repeats_is_one_call);
    tcase_add_test(tcase, the_outer_one_stays_when_both_tell_as_much);
    tcase_add_test(tcase, a_call_around_several_is_their_container);
    tcase_add_test(tcase, cached_tokens_of_a_container_step_back_in_both_names);
    tcase_add_test(tcase, a_call_made_by_a_tool_is_its_own);
    tcase_add_test(tcase, a_sum_behind_a_tool_is_a_sum);
    tcase_add_test(tcase, agents_without_calls_keep_their_usage);
    tcase_add_test(tcase, usage_that_only_agents_tell_is_priced_at_the_innermost);
    tcase_add_test(tcase, an_agent_counts_for_calls_that_tell_nothing);
    tcase_add_test(tcase, an_agents_calls_may_be_in_another_part);
    tcase_add_test(tcase, a_turn_of_codex_counts_its_tokens);
    tcase_add_test(tcase, an_embedding_seen_twice_is_one);
    tcase_add_test(tcase, an_embedding_around_several_is_their_sum);
    tcase_add_test(tcase, a_chain_that_repeats_its_embedding_is_no_second_one);
    tcase_add_test(tcase, nobody_steps_back_to_those_who_tell_nothing);
    tcase_add_test(tcase, of_two_spans_of_a_call_the_inclusive_count_wins);
    tcase_add_test(tcase, no_speed_from_a_window_that_is_a_rounding);
    tcase_add_test(tcase, a_total_that_is_missing_or_too_small);
    tcase_add_test(tcase, openais_counts_are_inclusive_whatever_they_say);
    tcase_add_test(tcase, siblings_of_one_response_are_one_call);
    tcase_add_test(tcase, retries_with_ids_of_their_own_all_count);
    tcase_add_test(tcase, one_id_with_other_counts_is_a_chance);
    tcase_add_test(tcase, a_repeat_below_and_a_repeat_beside);
    tcase_add_test(tcase, an_id_that_all_spans_carry_is_none);
    tcase_add_test(tcase, huge_counts_do_not_overflow);
    tcase_add_test(tcase, an_agent_tells_all_steps_of_a_call);
    tcase_add_test(tcase, but_of_one_call_only_and_in_both_counts);
    tcase_add_test(tcase, and_where_a_row_says_so_only);
    tcase_add_test(tcase, and_in_a_whole_trace_only);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
