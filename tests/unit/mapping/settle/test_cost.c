/*
 * Cost of calls: kept when told, computed when a price is known, never invented.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define CALL                                                                                   \
    "{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': "   \
    "'openai', 'gen_ai.request.model': '%s', 'gen_ai.usage.input_tokens': 1000, "              \
    "'gen_ai.usage.output_tokens': 100%s}}"

static struct told *call(const char *model, const char *more)
{
    char spans[1024];
    snprintf(spans, sizeof spans, "[" CALL "]", model, more);
    return told_by(spans);
}

START_TEST(computed)
{
    struct told *told = call("gpt-4o-mini", "");
    told_is(told, "a", "llm.cost.input", "0.00015");
    told_is(told, "a", "llm.cost.output", "0.00006");
    told_is(told, "a", "llm.cost.total", "0.00021");
    told_is(told, "a", "llm.cost.currency", "'USD'");
    told_free(told);
}
END_TEST

START_TEST(cached_and_batch)
{
    struct told *told = call("gpt-4o-mini", ", 'gen_ai.usage.cache_read.input_tokens': 400");
    told_is(told, "a", "llm.cost.input", "0.00012");
    told_free(told);
    told = call("gpt-4o-mini", ", 'openai.response.service_tier': 'batch'");
    told_is(told, "a", "llm.cost.input", "0.000075");
    told_free(told);
}
END_TEST

START_TEST(told_costs_are_kept)
{
    struct told *told = call("gpt-4o-mini", ", 'gen_ai.usage.cost': 0.5");
    told_is(told, "a", "llm.cost.total", "0.5");
    told_is(told, "a", "llm.cost.input", NULL);
    told_free(told);
    told = call("gpt-4o-mini", ", 'llm.cost.prompt': 0.25, 'llm.cost.completion': 0.5");
    told_is(told, "a", "llm.cost.total", "0.75");
    told_free(told);
}
END_TEST

START_TEST(a_told_zero_is_no_price)
{
    struct told *told = call("gpt-4o-mini", ", 'gen_ai.usage.cost': 0");
    told_is(told, "a", "llm.cost.total", "0.00021");
    told_is(told, "a", "llm.cost.total.source", "0");
    told_free(told);
    told = call("my-own", ", 'gen_ai.usage.cost': 0");
    told_is(told, "a", "llm.cost.total", NULL);
    told_is(told, "a", "llm.cost.total.source", "0");
    told_free(told);
}
END_TEST

START_TEST(an_unknown_answering_model_costs_what_was_asked_for)
{
    struct told *told = call("gpt-4o-mini", ", 'gen_ai.response.model': 'my-deployment-7'");
    told_is(told, "a", "llm.model", "'my-deployment-7'");
    told_is(told, "a", "llm.cost.total", "0.00021");
    told_free(told);
    told = call("gpt-4o-mini", ", 'gen_ai.response.model': 'gpt-4o'");
    told_is(told, "a", "llm.cost.total", "0.0035");
    told_free(told);
}
END_TEST

START_TEST(told_costs_have_a_currency_wherever_they_stand)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'invoke_agent', "
                "'gen_ai.agent.name': 'x', 'gen_ai.usage.cost': 0.5}},"
                "{'name': 'b', 'attributes': {'gen_ai.operation.name': 'chat', "
                "'gen_ai.usage.cost': 0.5}},"
                "{'name': 'c', 'attributes': {'gen_ai.operation.name': 'execute_tool', "
                "'gen_ai.tool.name': 't', 'gen_ai.usage.cost': 0.5}}]");
    told_is(told, "a", "llm.cost.currency", "'USD'");
    told_is(told, "b", "llm.cost.currency", "'USD'");
    told_is(told, "c", "llm.cost.currency", "'USD'");
    told_free(told);
}
END_TEST

START_TEST(hour_long_cache_writes_cost_more)
{
    const char *spans = "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                        "'gen_ai.provider.name': "
                        "'anthropic', 'gen_ai.request.model': 'claude-3-7-sonnet-latest', "
                        "'gen_ai.usage.input_tokens': 3000, 'gen_ai.usage.output_tokens': 0, "
                        "'gen_ai.usage.input_token_details': '{\\'cache_creation\\': 2000, "
                        "\\'ephemeral_1h_input_tokens\\': 1000}'}}]";
    struct told *told = told_by(spans);
    /* 1000 at 3, 1000 written at 3.75, 1000 for an hour at 6 USD a million */
    told_is(told, "a", "llm.cost.input", "0.01275");
    told_free(told);
}
END_TEST

/* What has the name of a cost but is none is not overwritten by the computed one. */
START_TEST(what_is_no_number_stays_beside)
{
    struct told *told = call("gpt-4o-mini", ", 'llm.cost.total': 'unknown'");
    told_is(told, "a", "llm.cost.total", "0.00021");
    told_is(told, "a", "llm.cost.total.source", "'unknown'");
    told_free(told);
}
END_TEST

START_TEST(never_invented)
{
    struct told *told = call("my-own", "");
    told_is(told, "a", "llm.cost.total", NULL);
    told_is(told, "a", "llm.cost.currency", NULL);
    told_free(told);
    told = call("gpt-4o-mini", ", 'openai.response.service_tier': 'flex'");
    told_is(told, "a", "llm.cost.total", NULL);
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/cost");
    TCase *tcase = tcase_create("cost");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, computed);
    tcase_add_test(tcase, cached_and_batch);
    tcase_add_test(tcase, told_costs_are_kept);
    tcase_add_test(tcase, a_told_zero_is_no_price);
    tcase_add_test(tcase, an_unknown_answering_model_costs_what_was_asked_for);
    tcase_add_test(tcase, told_costs_have_a_currency_wherever_they_stand);
    tcase_add_test(tcase, hour_long_cache_writes_cost_more);
    tcase_add_test(tcase, what_is_no_number_stays_beside);
    tcase_add_test(tcase, never_invented);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
