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

static void check_line(const struct nv_span_facts *facts, const char *expected)
{
    struct nv_buf text;
    struct nv_line line = {.buf = &text, .columns = 80};
    nv_buf_init(&text, 1000);
    nv_line_begin(&line);
    nv_span_facts_put(facts, &line);
    nv_line_end(&line);
    ck_assert_nv_str(nv_buf_str(&text), expected);
    nv_buf_release(&text);
}

static const struct {
    uint64_t ns;
    const char *text;
} durations[] = {{0, "0 ms"},
                 {1, "<1 µs"},
                 {999, "<1 µs"},
                 {1000, "1 µs"},
                 {345678, "346 µs"},
                 {999499, "999 µs"},
                 {999500, "1 ms"},
                 {2000000, "2 ms"},
                 {5373952, "5.4 ms"},
                 {9960000, "10 ms"},
                 {250400000, "250 ms"},
                 {999499999, "999 ms"},
                 {999500000, "1.00 s"},
                 {1572328946, "1.57 s"},
                 {59999000000, "60.00 s"},
                 {125000000000, "2 min 5 s"},
                 {11520000000000, "3 h 12 min"},
                 {UINT64_MAX, "5124095 h 34 min"}};

START_TEST(durations_are_never_nothing)
{
    char text[NV_FACT_TEXT_SIZE];
    nv_fact_duration(durations[_i].ns, text);
    ck_assert_str_eq(text, durations[_i].text);
}
END_TEST

static const struct {
    double cost;
    const char *text;
} costs[] = {{0, "$0"},
             {1e-9, "<$0.000001"},
             {0.00000101, "$0.000001"},
             {0.000102, "$0.000102"},
             {0.0312, "$0.0312"},
             {0.25, "$0.2500"},
             {12.4, "$12.40"},
             {1e15, "$1000000000000000.00"}};

START_TEST(costs_are_never_nothing)
{
    char text[NV_FACT_TEXT_SIZE];
    nv_fact_cost(costs[_i].cost, text);
    ck_assert_str_eq(text, costs[_i].text);
}
END_TEST

static const struct {
    const char *keys[2];
    bool repeat;
} repeats[] = {{{"llm.source.model", NULL}, true},
               {{"llm.source.tool.name", NULL}, true},
               {{"llm.source.model", "tool.name"}, false},
               {{"llm.source.foo", NULL}, false},
               {{"http.method", NULL}, false}};

START_TEST(what_tells_a_call_again)
{
    struct nv_span_facts facts;
    span = (struct nv_span){0};
    for (size_t i = 0; i < 2 && repeats[_i].keys[i]; i++)
        give(repeats[_i].keys[i], nv_value_string(NV_STR("x")));
    nv_span_facts_read(&span, &facts);
    ck_assert_int_eq(facts.repeat, repeats[_i].repeat);
}
END_TEST

START_TEST(values_of_a_model_call)
{
    struct nv_span_facts facts;
    span = (struct nv_span){0};
    give("llm.model", nv_value_string(NV_STR("gpt-4o")));
    give("llm.input_tokens", nv_value_int(120));
    give("llm.output_tokens", nv_value_int(30));
    give("llm.cost.total", nv_value_double(0.25));
    nv_span_facts_read(&span, &facts);
    ck_assert_nv_str(facts.model, "gpt-4o");
    ck_assert_nv_str(facts.what, "gpt-4o");
    check_line(&facts, "  120→30 tokens  $0.2500\n");
    facts.first_token_ms = 80;
    check_line(&facts, "  120→30 tokens  $0.2500  first token 80 ms\n");
}
END_TEST

/* Each key that is told, with one of its length beside it that isn't. */
START_TEST(every_key_and_the_last_of_it)
{
    struct nv_span_facts facts;
    span = (struct nv_span){0};
    give("llm.cached_input_tokens", nv_value_int(1));
    give("llm.cached_input_tokens", nv_value_int(2));
    give("llm.reasoning_tokens", nv_value_int(3));
    give("llm.time_to_first_token_ms", nv_value_double(4.5));
    give("tool.name", nv_value_string(NV_STR("t")));
    give("tool.mane", nv_value_string(NV_STR("u")));
    give("llm.cached_input_tokenz", nv_value_int(5));
    give("", nv_value_int(6));
    nv_span_facts_read(&span, &facts);
    ck_assert_int_eq(facts.cached_tokens, 2);
    ck_assert_int_eq(facts.reasoning_tokens, 3);
    ck_assert_double_eq(facts.first_token_ms, 4.5);
    ck_assert_nv_str(facts.what, "t");
    ck_assert_nv_str(facts.model, "");
    ck_assert_int_eq(facts.input_tokens, -1);
}
END_TEST

START_TEST(what_is_not_known_is_not_written)
{
    struct nv_span_facts facts;
    span = (struct nv_span){0};
    give("llm.input_tokens", nv_value_string(NV_STR("many")));
    give("embedding.model", nv_value_string(NV_STR("e")));
    nv_span_facts_read(&span, &facts);
    ck_assert_nv_str(facts.model, "e");
    check_line(&facts, "\n");
    facts.output_tokens = 7;
    check_line(&facts, "  7 tokens\n");
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
    tcase_add_loop_test(tcase, durations_are_never_nothing, 0, COUNT(durations));
    tcase_add_loop_test(tcase, costs_are_never_nothing, 0, COUNT(costs));
    tcase_add_loop_test(tcase, what_tells_a_call_again, 0, COUNT(repeats));
    tcase_add_test(tcase, values_of_a_model_call);
    tcase_add_test(tcase, every_key_and_the_last_of_it);
    tcase_add_test(tcase, what_is_not_known_is_not_written);
    tcase_add_test(tcase, sums_of_a_trace);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
