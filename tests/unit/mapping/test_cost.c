/*
 * Cost of calls: kept when told, computed when a price is known, never invented.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define CALL                                                                                       \
    "{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': "       \
    "'openai', 'gen_ai.request.model': '%s', 'gen_ai.usage.input_tokens': 1000, "                  \
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
    tcase_add_test(tcase, what_is_no_number_stays_beside);
    tcase_add_test(tcase, never_invented);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
