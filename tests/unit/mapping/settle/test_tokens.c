/*
 * What the counts of a span mean: cached tokens, reasoning and tools' prompts, inside or
 * beside.
 *
 * A table of counts as emitters tell them, each with what must be counted; then the properties
 * that hold for all of them: no count above the total that a source told, and nothing twice.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define U "'gen_ai.usage."
#define IN(n) U "input_tokens': " #n
#define OUT(n) ", " U "output_tokens': " #n
#define TOTAL(n) ", " U "total_tokens': " #n
#define READ(n) ", " U "cache_read.input_tokens': " #n
#define WRITE(n) ", " U "cache_creation.input_tokens': " #n
#define REASON(n) ", " U "reasoning.output_tokens': " #n
#define TOOLS(n) ", " U "details.tool_use_prompt_tokens': " #n
#define RAW(text) ", 'gcp.vertex.agent.llm_response': '{\\'usage_metadata\\': {" text "}}'"

static const struct {
    const char *what, *scope, *provider, *counts;
    int64_t input, output, total;
} cases[] = {
    {"cached tokens are part of the input", "x", "anthropic",
     IN(100) OUT(5) TOTAL(105) READ(60) WRITE(20), 100, 5, 105},
    {"and without a total, as the specification says", "x", "anthropic",
     IN(100) OUT(5) READ(60) WRITE(20), 100, 5, 105},
    {"a write alone is more than the input", "x", "anthropic", IN(412) OUT(55) WRITE(6000),
     6412, 55, 6467},
    {"read and write together are more than the input", "x", "anthropic",
     IN(50) OUT(5) READ(30) WRITE(30), 110, 5, 115},
    {"the total counts what was read", "x", "aws_bedrock",
     IN(3412) OUT(55) TOTAL(4967) READ(1500) WRITE(0), 4912, 55, 4967},
    {"the total counts what was written", "x", "aws_bedrock",
     IN(3412) OUT(55) TOTAL(3967) READ(0) WRITE(500), 3912, 55, 3967},
    {"only what was read stands beside", "x", "anthropic",
     IN(300) OUT(5) TOTAL(405) READ(100) WRITE(50), 400, 5, 405},
    {"Converse through OpenLLMetry, whose total is its own sum",
     "opentelemetry.instrumentation.bedrock", "aws.bedrock",
     IN(2100) OUT(80) TOTAL(2180) READ(1500) WRITE(300), 3900, 80, 3980},
    {"Strands without a total", "strands.telemetry.tracer", "aws.bedrock",
     IN(2100) OUT(80) READ(15), 2115, 80, 2195},
    {"Strands of today counts whole", "strands.telemetry.tracer", "aws.bedrock",
     IN(2115) OUT(80) TOTAL(2195) READ(15), 2115, 80, 2195},
    {"OpenAI's own counts are whole, whatever they say", "x", "openai", IN(14) OUT(2) READ(16),
     14, 2, 16},
    {"a whole input told beside", "x", "anthropic",
     IN(900) OUT(40) READ(700) WRITE(100) ", " U "total_input_tokens': 1700", 1700, 40, 1740},
    {"reasoning is part of the output", "x", "openai", IN(10) OUT(30) TOTAL(40) REASON(20), 10,
     30, 40},
    {"the total counts the reasoning apart", "x", "gcp.gemini",
     IN(812) OUT(80) TOTAL(1202) REASON(310), 812, 390, 1202},
    {"no output holds more reasoning than itself", "x", "gcp.gemini", IN(10) OUT(3) REASON(20),
     10, 23, 33},
    {"cache and reasoning apart", "x", "x_ai", IN(100) OUT(10) TOTAL(180) READ(50) REASON(20),
     150, 30, 180},
    {"prompts of tools apart", "x", "gcp.gemini", IN(300) OUT(12) TOTAL(362) TOOLS(50), 350, 12,
     362},
    {"prompts of tools and reasoning apart", "x", "gcp.gemini",
     IN(300) OUT(12) TOTAL(762) TOOLS(50) REASON(400), 350, 412, 762},
    {"tools' prompts that are in the input", "x", "gcp.gemini", IN(350) OUT(12) TOOLS(50), 350,
     12, 362},
    {"candidates exclude thoughts", "gcp.vertex.agent", "gcp.vertex_ai",
     IN(1000) OUT(100) RAW("\\'candidates_token_count\\': 100, \\'prompt_token_count\\': 1000, "
                           "\\'thoughts_token_count\\': 50"),
     1000, 150, 1150},
    {"an output that holds thoughts already", "gcp.vertex.agent", "gcp.vertex_ai",
     IN(1000) OUT(150) RAW("\\'candidates_token_count\\': 100, \\'prompt_token_count\\': 1000, "
                           "\\'thoughts_token_count\\': 50, \\'total_token_count\\': 1150"),
     1000, 150, 1150},
    {"candidates that hold thoughts, as the total tells", "gcp.vertex.agent", "gcp.vertex_ai",
     IN(1000) OUT(100) RAW("\\'candidates_token_count\\': 100, \\'prompt_token_count\\': 1000, "
                           "\\'thoughts_token_count\\': 50, \\'total_token_count\\': 1100"),
     1000, 100, 1100},
    {"an output that is the total", "gcp.vertex.agent", "gcp.vertex_ai",
     IN(300) OUT(312) RAW("\\'prompt_token_count\\': 300, \\'candidates_token_count\\': 12, "
                          "\\'total_token_count\\': 312"),
     300, 12, 312},
    {"the total with thoughts and tools for an output", "gcp.vertex.agent", "gcp.vertex_ai",
     IN(300) OUT(762)
         RAW("\\'prompt_token_count\\': 300, \\'candidates_token_count\\': 12, "
             "\\'thoughts_token_count\\': 400, \\'tool_use_prompt_token_count\\': 50, "
             "\\'total_token_count\\': 762"),
     350, 412, 762},
    {"an output that is the total, nothing else told", "x", "gcp.gemini",
     IN(300) OUT(312) TOTAL(312), 300, 12, 312},
    {"a call without input", "x", "gcp.gemini", IN(0) OUT(12) TOTAL(12), 0, 12, 12},
    {"a total that no reading makes stays", "x", "anthropic",
     IN(10) OUT(2) TOTAL(50) READ(4) REASON(1), 10, 2, 50},
    {"writes told by their life only", "x", "anthropic",
     IN(10) OUT(2) ", " U
                   "input_token_details': '{\\'cache_read\\': 3, \\'cache_creation\\': 0, "
                   "\\'ephemeral_5m_input_tokens\\': 20, \\'ephemeral_1h_input_tokens\\': 4}'",
     37, 2, 39},
};

static struct told *told_of(size_t at)
{
    char spans[2048];
    snprintf(spans, sizeof spans,
             "[{'name': 'chat', 'scope': '%s', 'attributes': {'gen_ai.operation.name': 'chat', "
             "'gen_ai.request.model': 'm', 'gen_ai.provider.name': '%s', %s}}]",
             cases[at].scope, cases[at].provider, cases[at].counts);
    return told_by(spans);
}

static void is_count(const struct told *told, const char *key, int64_t want, const char *what)
{
    const json_t *attributes = json_object_get(told_span(told, "chat"), "attributes");
    const json_t *got = json_object_get(attributes, key);
    ck_assert_msg(json_is_integer(got) && json_integer_value(got) == want,
                  "%s: %s is %lld, not %lld", what, key, (long long)json_integer_value(got),
                  (long long)want);
}

START_TEST(counts_mean_what_all_evidence_says)
{
    struct told *told = told_of((size_t)_i);
    const char *what = cases[_i].what;
    is_count(told, "llm.input_tokens", cases[_i].input, what);
    is_count(told, "llm.output_tokens", cases[_i].output, what);
    is_count(told, "llm.total_tokens", cases[_i].total, what);
    told_free(told);
}
END_TEST

START_TEST(what_the_source_told_stays_beside)
{
    struct told *told =
        told_by("[{'name': 'chat', 'attributes': {'gen_ai.operation.name': 'chat', " IN(412)
                    OUT(55) TOTAL(6567) WRITE(6000) REASON(100) "}}]");
    told_is(told, "chat", "llm.input_tokens", "6412");
    told_is(told, "chat", "llm.input_tokens.source", "412");
    told_is(told, "chat", "llm.output_tokens", "155");
    told_is(told, "chat", "llm.output_tokens.source", "55");
    told_is(told, "chat", "llm.total_tokens.source", NULL);
    told_free(told);
}
END_TEST

START_TEST(counts_that_no_call_has_are_left_as_they_are)
{
    struct told *told = told_by(
        "[{'name': 'chat', 'scope': 'com.anthropic.claude_code', 'attributes': {'span.type': "
        "'llm_request', 'model': 'm', 'input_tokens': -5, 'cache_read_tokens': 9}},"
        "{'name': 'big', 'attributes': {'gen_ai.operation.name': 'chat', " IN(
            9223372036854775807) OUT(3) READ(9223372036854775807) "}}]");
    told_is(told, "chat", "llm.input_tokens", NULL);
    told_is(told, "chat", "llm.input_tokens.source", "-5");
    told_is(told, "big", "llm.input_tokens", "9223372036854775807");
    told_is(told, "big", "llm.total_tokens", NULL);
    told_free(told);
}
END_TEST

START_TEST(an_embeddings_total_is_its_input)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'embeddings', " U
                "total_tokens': 7}}, {'name': 'b', 'attributes': {'gen_ai.operation.name': "
                "'embeddings', " IN(8) "}}]");
    told_is(told, "a", "llm.input_tokens", "7");
    told_is(told, "b", "llm.total_tokens", "8");
    told_free(told);
}
END_TEST

/* A draw of its own for each round: no two counts are alike by accident, few are. */
static int64_t draw(uint64_t *state, int64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(*state >> 33) % below;
}

START_TEST(no_sum_is_above_what_a_source_told)
{
    uint64_t state = 7;
    const int rounds = getenv("NOVEUM_SOAK") ? 3000 : 400;
    for (int round = 0; round < rounds; round++) {
        int64_t n[6], parts;
        char spans[1024];
        for (size_t i = 0; i < 6; i++)
            n[i] = draw(&state, i % 2 ? 40 : 400);
        parts = n[0] + n[1] + n[2] + n[3] + n[4] + n[5];
        int64_t total = n[0] + n[1] + (round % 2 ? draw(&state, 100) : n[2] + n[4]);
        snprintf(spans, sizeof spans,
                 "[{'name': 'chat', 'attributes': {'gen_ai.operation.name': 'chat', "
                 "'gen_ai.usage.input_tokens': %lld, 'gen_ai.usage.output_tokens': %lld, "
                 "'gen_ai.usage.cache_read.input_tokens': %lld, "
                 "'gen_ai.usage.cache_creation.input_tokens': %lld, "
                 "'gen_ai.usage.reasoning.output_tokens': %lld, "
                 "'gen_ai.usage.details.tool_use_prompt_tokens': %lld, "
                 "'gen_ai.usage.total_tokens': %lld}}]",
                 (long long)n[0], (long long)n[1], (long long)n[2], (long long)n[3],
                 (long long)n[4], (long long)n[5], (long long)total);
        struct told *told = told_by(spans);
        const json_t *got = json_object_get(told_span(told, "chat"), "attributes");
        int64_t input = json_integer_value(json_object_get(got, "llm.input_tokens"));
        int64_t output = json_integer_value(json_object_get(got, "llm.output_tokens"));
        int64_t sum = json_integer_value(json_object_get(got, "llm.total_tokens"));
        bool possible = n[2] + n[3] <= n[0] && n[4] <= n[1];
        ck_assert_msg(input + output <= (possible ? total : parts), "%s", spans);
        ck_assert_msg(sum >= input + output, "%s", spans);
        ck_assert_msg(input >= n[0] && input + output <= parts, "%s", spans);
        told_free(told);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/tokens");
    TCase *tcase = tcase_create("tokens");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, counts_mean_what_all_evidence_says, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, what_the_source_told_stays_beside);
    tcase_add_test(tcase, counts_that_no_call_has_are_left_as_they_are);
    tcase_add_test(tcase, an_embeddings_total_is_its_input);
    tcase_add_test(tcase, no_sum_is_above_what_a_source_told);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
