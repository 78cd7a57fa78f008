/*
 * Kind, model, tokens and cost read back from attributes; sums over a trace.
 */
#include "expect.h"

#include "gateway/view/terminal_facts.h"

#include "base/banned.h"

static struct nv_attribute items[8];
static struct nv_span span;

static void give(const char *key, struct nv_value value)
{
    items[span.attributes.count++] = (struct nv_attribute){nv_str_from(key), value};
    span.attributes.items = items;
}

static const struct {
    const char *key;
    const char *kind;
} kinds[] = {{"tool.name", "tool"},
             {"embedding.model", "embedding"},
             {"rerank.query", "rerank"},
             {"retrieval.query", "retrieval"},
             {"llm.model", "llm"},
             {"llm.provider", "llm"},
             {"agent.name", "agent"},
             {"chain.name", "chain"},
             {"stt.text", "stt"},
             {"tts.voice", "tts"},
             {"llm.aggregated_usage.input_tokens", "span"},
             {"http.method", "span"}};

START_TEST(kind_by_namespace)
{
    struct nv_span_facts facts;
    span = (struct nv_span){0};
    give(kinds[_i].key, nv_value_string(NV_STR("x")));
    nv_span_facts_read(&span, &facts);
    ck_assert_str_eq(facts.kind, kinds[_i].kind);
}
END_TEST

START_TEST(values_of_a_model_call)
{
    struct nv_span_facts facts;
    struct nv_buf text;
    nv_buf_init(&text, 1000);
    span = (struct nv_span){0};
    give("llm.model", nv_value_string(NV_STR("gpt-4o")));
    give("llm.input_tokens", nv_value_int(120));
    give("llm.output_tokens", nv_value_int(30));
    give("llm.cost.total", nv_value_double(0.25));
    nv_span_facts_read(&span, &facts);
    ck_assert_nv_str(facts.model, "gpt-4o");
    ck_assert_int_eq(nv_span_facts_write(&facts, &text), NV_OK);
    ck_assert_nv_str(nv_buf_str(&text), "  120→30 tokens  $0.250000");
    nv_buf_release(&text);
}
END_TEST

START_TEST(what_is_not_known_is_not_written)
{
    struct nv_span_facts facts;
    struct nv_buf text;
    nv_buf_init(&text, 1000);
    span = (struct nv_span){0};
    give("llm.input_tokens", nv_value_string(NV_STR("many")));
    give("embedding.model", nv_value_string(NV_STR("e")));
    nv_span_facts_read(&span, &facts);
    ck_assert_nv_str(facts.model, "e");
    ck_assert_int_eq(nv_span_facts_write(&facts, &text), NV_OK);
    ck_assert_uint_eq(text.len, 0);
    facts.output_tokens = 7;
    ck_assert_int_eq(nv_span_facts_write(&facts, &text), NV_OK);
    ck_assert_nv_str(nv_buf_str(&text), "  7 tokens");
    nv_buf_release(&text);
}
END_TEST

START_TEST(sums_of_a_trace)
{
    struct nv_span spans[3] = {0};
    struct nv_attribute two[2][3] = {{{NV_STR("llm.input_tokens"), nv_value_int(5)},
                                      {NV_STR("llm.cost.total"), nv_value_int(1)}},
                                     {{NV_STR("llm.input_tokens"), nv_value_int(INT64_MAX)},
                                      {NV_STR("llm.output_tokens"), nv_value_int(2)},
                                      {NV_STR("llm.cost.total"), nv_value_double(0.5)}}};
    spans[0].attributes = (struct nv_attributes){two[0], 2, 2};
    spans[1].attributes = (struct nv_attributes){two[1], 3, 3};
    struct nv_trace trace = {.spans = spans, .span_count = 3};
    struct nv_span_facts facts;
    nv_trace_facts_read(&trace, &facts);
    ck_assert(facts.input_tokens == INT64_MAX);
    ck_assert(facts.output_tokens == 2);
    ck_assert_double_eq(facts.cost, 1.5);
    trace.span_count = 0;
    nv_trace_facts_read(&trace, &facts);
    ck_assert(facts.input_tokens == -1 && facts.cost < 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/terminal_facts");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, kind_by_namespace, 0, COUNT(kinds));
    tcase_add_test(tcase, values_of_a_model_call);
    tcase_add_test(tcase, what_is_not_known_is_not_written);
    tcase_add_test(tcase, sums_of_a_trace);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
