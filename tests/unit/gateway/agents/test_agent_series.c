/*
 * The series of agents: sums, names of clients as labels, the caps and one past them, many
 * threads, no memory; the text is what Prometheus reads.
 */
#include "expect.h"
#include "oom.h"

#include "base/limits.h"
#include "gateway/agents/agent_series.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define THREADS 4
#define ROUNDS 500u

static struct nv_agent_series *series;
static struct nv_buf text;

static void set_up(void)
{
    series = nv_agent_series_new(3);
    ck_assert_ptr_nonnull(series);
    nv_buf_init(&text, NV_CAP_AGENT_METRICS);
}

static void tear_down(void)
{
    nv_agent_series_free(series);
    nv_buf_release(&text);
}

static struct nv_agent_fact fact_of(const char *service, const char *agent)
{
    return (struct nv_agent_fact){.service = nv_str_from(service),
                                  .agent = nv_str_from(agent),
                                  .run = true,
                                  .duration_ns = UINT64_C(1500000000),
                                  .input_tokens = 100,
                                  .output_tokens = 20,
                                  .cached_tokens = 60,
                                  .reasoning_tokens = 5,
                                  .cost_nano_usd = 1230};
}

static void add(const char *agent, const char *tool, const char *model)
{
    struct nv_agent_fact fact = fact_of("web", agent);
    if (tool)
        fact.tool = nv_str_from(tool);
    if (model)
        fact.model = nv_str_from(model);
    nv_agent_series_add(series, &fact, 1);
}

static void write_text(void)
{
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_agent_series_write(series, &text), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&text, '\0'), NV_OK);
}

static void expect(const char *line)
{
    ck_assert_msg(strstr(text.bytes, line) != NULL, "%s in %s", line, text.bytes);
}

/* The sum of the whole numbers of all lines that begin so, and how many these are. */
static uint64_t sum_of(const char *begin, unsigned *lines)
{
    uint64_t sum = 0;
    *lines = 0;
    for (const char *at = strstr(text.bytes, begin); at; at = strstr(at + 1, begin)) {
        if (at > text.bytes && at[-1] != '\n')
            continue;
        const char *number = strchr(strstr(at, "\"} "), ' ');
        sum += strtoull(number, NULL, 10);
        (*lines)++;
    }
    return sum;
}

START_TEST(what_a_span_counts)
{
    struct nv_agent_fact call = fact_of("web", "boss");
    call.run = false;
    call.failed = true;
    call.model = NV_STR("gpt");
    struct nv_agent_fact tool = {.service = NV_STR("web"),
                                 .agent = NV_STR("boss"),
                                 .tool = NV_STR("search"),
                                 .failed = true,
                                 .duration_ns = 5};
    add("boss", NULL, NULL);
    nv_agent_series_add(series, &call, 1);
    nv_agent_series_add(series, &tool, 1);
    write_text();
#define BOSS "{service_name=\"web\",gen_ai_agent_name=\"boss\""
    expect("# TYPE noveum_agent_runs_total counter\nnoveum_agent_runs_total{");
    expect("noveum_agent_runs_total" BOSS "} 1\n");
    expect("noveum_agent_run_errors_total" BOSS "} 0\n");
    expect("noveum_agent_spans_total" BOSS "} 3\n");
    expect("noveum_agent_span_errors_total" BOSS "} 2\n");
    expect("noveum_agent_tokens_total" BOSS ",gen_ai_token_type=\"input\"} 200\n");
    expect("noveum_agent_tokens_total" BOSS ",gen_ai_token_type=\"output\"} 40\n");
    expect("noveum_agent_cached_tokens_total" BOSS "} 120\n");
    expect("noveum_agent_reasoning_tokens_total" BOSS "} 10\n");
    expect("noveum_agent_cost_usd_total" BOSS "} 0.000002460\n");
    expect("# TYPE noveum_agent_run_duration_seconds histogram\n");
    expect("noveum_agent_run_duration_seconds_bucket" BOSS ",le=\"0.64\"} 0\n");
    expect("noveum_agent_run_duration_seconds_bucket" BOSS ",le=\"2.56\"} 1\n");
    expect("noveum_agent_run_duration_seconds_bucket" BOSS ",le=\"+Inf\"} 1\n");
    expect("noveum_agent_run_duration_seconds_sum" BOSS "} 1.500000000\n");
    expect("noveum_agent_run_duration_seconds_count" BOSS "} 1\n");
    expect("noveum_agent_tool_calls_total" BOSS ",gen_ai_tool_name=\"search\"} 1\n");
    expect("noveum_agent_tool_errors_total" BOSS ",gen_ai_tool_name=\"search\"} 1\n");
    expect("noveum_agent_tool_seconds_total" BOSS
           ",gen_ai_tool_name=\"search\"} 0.000000005\n");
#define GPT BOSS ",gen_ai_request_model=\"gpt\""
    expect("noveum_agent_model_calls_total" GPT "} 1\n");
    expect("noveum_agent_model_errors_total" GPT "} 1\n");
    expect("noveum_agent_model_seconds_total" GPT "} 1.500000000\n");
    expect("noveum_agent_model_tokens_total" GPT ",gen_ai_token_type=\"output\"} 20\n");
    expect("noveum_agent_model_cost_usd_total" GPT "} 0.000001230\n");
}
END_TEST

START_TEST(a_boundary_is_in_its_bucket)
{
    struct nv_agent_fact fact = fact_of("web", "boss");
    fact.duration_ns = 160000000;
    nv_agent_series_add(series, &fact, 1);
    fact.duration_ns++;
    nv_agent_series_add(series, &fact, 1);
    fact.duration_ns = UINT64_MAX;
    nv_agent_series_add(series, &fact, 1);
    write_text();
    expect("_bucket" BOSS ",le=\"0.16\"} 1\n");
    expect("_bucket" BOSS ",le=\"0.64\"} 2\n");
    expect("_bucket" BOSS ",le=\"655.36\"} 2\n");
    expect("_bucket" BOSS ",le=\"+Inf\"} 3\n");
    expect("_seconds_sum" BOSS "} 18446744073.709551615\n"); /* it does not wrap */
}
END_TEST

/* Names are a client's: no line is broken, no label ended, nothing hidden, none too long. */
START_TEST(names_of_clients_as_labels)
{
    static char giant[1u << 20];
    memset(giant, '\\', sizeof giant - 1);
    add("a\"b\\c\nd\033[2J\xff", NULL, NULL);
    add("a\"b\\c\nd\033[2J\xfe", NULL, NULL); /* looks the same: is the same */
    add(giant, NULL, NULL);
    write_text();
    expect("noveum_agent_runs_total{service_name=\"web\",gen_ai_agent_name=\"a\\\"b\\\\c\\\\nd"
           "\\\\x1b[2J\xef\xbf\xbd\"} 2\n");
    const char *at = strstr(text.bytes, "gen_ai_agent_name=\"\\\\\\\\");
    ck_assert_ptr_nonnull(at);
    ck_assert_uint_eq(strcspn(at, "}"),
                      strlen("gen_ai_agent_name=\"\"") + 2 * NV_AGENT_LABEL_BYTES);
}
END_TEST

START_TEST(a_cut_is_between_characters)
{
    char name[NV_AGENT_LABEL_BYTES + 3];
    memset(name, 'x', sizeof name);
    memcpy(name + NV_AGENT_LABEL_BYTES - 1, "\xc3\xa9z", 4);
    add(name, NULL, NULL);
    write_text();
    unsigned lines;
    name[NV_AGENT_LABEL_BYTES - 1] = '\0';
    char begin[NV_AGENT_LABEL_BYTES + 100];
    (void)snprintf(begin, sizeof begin,
                   "noveum_agent_runs_total{service_name=\"web\",gen_ai_agent_name=\"%s\"}",
                   name);
    ck_assert_uint_eq(sum_of(begin, &lines), 1);
}
END_TEST

/* NV_AGENT_SERIES_MAX is what an option may ask for; here it is 3. */
START_TEST(at_the_cap_and_past_it)
{
    unsigned lines;
    add("a", NULL, NULL);
    add("b", NULL, NULL);
    add("c", NULL, NULL);
    write_text();
    expect("noveum_agent_runs_total{service_name=\"_other\",gen_ai_agent_name=\"_other\"} 0\n");
    ck_assert_uint_eq(sum_of("noveum_agent_runs_total{", &lines), 3);
    ck_assert_uint_eq(lines, 4);
    for (unsigned i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "late %u", i);
        add(name, "search", "gpt");
    }
    struct nv_agent_fact forged = fact_of("_other", "_other");
    nv_agent_series_add(series, &forged, 1);
    add("a", NULL, NULL); /* one that was there counts for itself */
    write_text();
    expect("noveum_agent_runs_total{service_name=\"web\",gen_ai_agent_name=\"a\"} 2\n");
    expect("noveum_agent_runs_total{service_name=\"_other\",gen_ai_agent_name=\"_other\"} "
           "1001\n");
    ck_assert_uint_eq(sum_of("noveum_agent_runs_total{", &lines), 1005);
    ck_assert_uint_eq(lines, 4);
    ck_assert_uint_eq(sum_of("noveum_agent_tool_calls_total{", &lines), 1000);
    ck_assert_uint_eq(lines, 2);
    ck_assert_uint_eq(sum_of("noveum_agent_model_tokens_total{", &lines), 120000);
}
END_TEST

/* Of tools and models there is a cap for all agents together: NV_AGENT_TOOL_SERIES and
 * NV_AGENT_MODEL_SERIES of each on average. */
START_TEST(tools_and_models_past_their_cap)
{
    const unsigned tools = 3 * NV_AGENT_TOOL_SERIES, models = 3 * NV_AGENT_MODEL_SERIES;
    unsigned lines;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < tools + 5; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "%u", i);
            add("a", name, name);
        }
        add("b", "_other", "more");
    }
    write_text();
    ck_assert_uint_eq(sum_of("noveum_agent_tool_calls_total{", &lines), 2 * (tools + 6));
    ck_assert_uint_eq(lines, tools + 3); /* `_other` of a, of b and of the agent `_other` */
    expect("noveum_agent_tool_calls_total{service_name=\"web\",gen_ai_agent_name=\"a\","
           "gen_ai_tool_name=\"_other\"} 10\n");
    expect("noveum_agent_tool_calls_total{service_name=\"web\",gen_ai_agent_name=\"b\","
           "gen_ai_tool_name=\"_other\"} 2\n");
    ck_assert_uint_eq(sum_of("noveum_agent_model_calls_total{", &lines), 2 * (tools + 6));
    ck_assert_uint_eq(lines, models + 3);
}
END_TEST

static void *add_many(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", i % 7);
        add(name, name, name);
    }
    return NULL;
}

START_TEST(many_threads_and_a_scrape)
{
    pthread_t threads[THREADS];
    unsigned lines;
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (unsigned i = 0; i < 20; i++)
        write_text();
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    write_text();
    ck_assert_uint_eq(sum_of("noveum_agent_runs_total{", &lines), THREADS * ROUNDS);
    ck_assert_uint_eq(sum_of("noveum_agent_tool_calls_total{", &lines), THREADS * ROUNDS);
    ck_assert_uint_eq(sum_of("noveum_agent_model_calls_total{", &lines), THREADS * ROUNDS);
}
END_TEST

/* What gets no series counts for `_other`; what can't be copied is told. */
START_TEST(out_of_memory)
{
    unsigned lines;
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        oom_fail_nth(n);
        struct nv_agent_series *one = nv_agent_series_new(3);
        failed = oom_end();
        ck_assert(failed == !one);
        nv_agent_series_free(one);
    }
    failed = true;
    uint64_t count = 0;
    for (unsigned long n = 1; failed; n++) {
        oom_fail_from(n);
        add("a", "tool", "model");
        failed = oom_end();
        count++;
    }
    write_text();
    ck_assert_uint_eq(sum_of("noveum_agent_runs_total{", &lines), count);
    ck_assert_uint_eq(sum_of("noveum_agent_tool_calls_total{", &lines), count);
    ck_assert_uint_eq(sum_of("noveum_agent_model_calls_total{", &lines), count);
    nv_buf_clear(&text);
    oom_fail_nth(1);
    enum nv_err err = nv_agent_series_write(series, &text);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_uint_eq(text.len, 0);
}
END_TEST

/* NV_CAP_AGENT_METRICS: too little room is the buffer's error, the real cap is enough. */
START_TEST(the_text_has_a_cap)
{
    struct nv_buf small;
    nv_buf_init(&small, 100);
    ck_assert_int_eq(nv_agent_series_write(series, &small), NV_ERR_LIMIT);
    nv_buf_release(&small);
    struct nv_agent_series *large = nv_agent_series_new(NV_AGENT_SERIES_MAX);
    char name[NV_AGENT_LABEL_BYTES + 1];
    memset(name, '"', sizeof name);
    for (unsigned i = 0; i < NV_AGENT_SERIES_MAX * NV_AGENT_TOOL_SERIES + 10; i++) {
        (void)snprintf(name, 16, "%u", i);
        name[strlen(name)] = '"';
        struct nv_str third = {name, NV_AGENT_LABEL_BYTES};
        struct nv_agent_fact fact = {
            .service = third, .agent = third, .tool = third, .model = third};
        nv_agent_series_add(large, &fact, 1);
    }
    ck_assert_int_eq(nv_agent_series_write(large, &text), NV_OK);
    ck_assert_uint_lt(text.len, NV_CAP_AGENT_METRICS);
    nv_agent_series_free(large);
}
END_TEST

START_TEST(all_spans_of_a_trace)
{
    static struct nv_origin origin = {.service_name = NV_STR_INIT("web")};
    struct nv_attribute name[] = {{NV_STR_INIT("agent.name"), nv_value_string(NV_STR("boss"))}};
    /* more than need no memory of their own */
    struct nv_span spans[NV_AGENT_FACTS_FEW + 1] = {
        {.span_id = {1}, .origin = &origin, .attributes = {name, 1, 1}},
        {.span_id = {2},
         .has_parent = true,
         .parent_id = {1},
         .origin = &origin,
         .status = NV_STATUS_ERROR}};
    struct nv_trace trace = {.spans = spans, .span_count = NV_AGENT_FACTS_FEW + 1};
    for (uint32_t i = 2; i < trace.span_count; i++) {
        spans[i] = spans[1];
        spans[i].span_id[0] = (uint8_t)(i + 1);
        spans[i].status = NV_STATUS_OK;
    }
    nv_agent_series_add_trace(series, &trace);
    oom_fail_nth(1);
    nv_agent_series_add_trace(series, &trace);
    ck_assert(oom_end());
    write_text();
    static_assert(NV_AGENT_FACTS_FEW + 1 == 17, "as expected below");
    expect("noveum_agent_spans_total" BOSS "} 17\n");
    expect("noveum_agent_span_errors_total" BOSS "} 1\n");
    expect("noveum_agent_runs_total" BOSS "} 1\n");
    expect("noveum_agent_spans_total{service_name=\"web\",gen_ai_agent_name=\"\"} 17\n");
    nv_agent_series_free(NULL);
}
END_TEST

/* More spans than are added under one lock, of agents, models and services that change and come
 * back: as if each were added alone. */
START_TEST(spans_of_a_trace_are_as_spans_alone)
{
    static struct nv_origin origins[2] = {{.service_name = NV_STR_INIT("web")},
                                          {.service_name = NV_STR_INIT("web2")}};
    struct nv_attribute items[100][2];
    struct nv_span spans[100];
    struct nv_agent_series *alone = nv_agent_series_new(3);
    for (uint32_t i = 0; i < 100; i++) {
        static const char *const names[] = {"a", "b", "c", "d"}, *const models[] = {"m", "n"};
        items[i][0] = (struct nv_attribute){NV_STR("agent.name"),
                                            nv_value_string(nv_str_from(names[i / 3 % 4]))};
        items[i][1] =
            (struct nv_attribute){i % 5 == 0 ? NV_STR("tool.name") : NV_STR("llm.model"),
                                  nv_value_string(nv_str_from(models[i / 2 % 2]))};
        spans[i] = (struct nv_span){.span_id = {1, (uint8_t)i},
                                    .origin = &origins[i / 7 % 2],
                                    .attributes = {items[i], 2, 2}};
    }
    struct nv_trace trace = {.spans = spans, .span_count = 100};
    struct nv_agent_facts facts;
    struct nv_buf other;
    ck_assert_int_eq(nv_agent_facts_begin(&facts, &trace), NV_OK);
    for (uint32_t i = 0; i < 100; i++) {
        struct nv_agent_fact fact;
        nv_agent_facts_read(&facts, i, &fact);
        nv_agent_series_add(alone, &fact, 1);
    }
    nv_agent_facts_release(&facts);
    nv_agent_series_add_trace(series, &trace);
    write_text();
    nv_buf_init(&other, NV_CAP_AGENT_METRICS);
    ck_assert_int_eq(nv_agent_series_write(alone, &other), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&other, '\0'), NV_OK);
    ck_assert_str_eq(text.bytes, other.bytes);
    nv_buf_release(&other);
    nv_agent_series_free(alone);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/agents/agent_series");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_a_span_counts);
    tcase_add_test(tcase, a_boundary_is_in_its_bucket);
    tcase_add_test(tcase, names_of_clients_as_labels);
    tcase_add_test(tcase, a_cut_is_between_characters);
    tcase_add_test(tcase, at_the_cap_and_past_it);
    tcase_add_test(tcase, tools_and_models_past_their_cap);
    tcase_add_test(tcase, many_threads_and_a_scrape);
    tcase_add_test(tcase, out_of_memory);
    tcase_add_test(tcase, the_text_has_a_cap);
    tcase_add_test(tcase, all_spans_of_a_trace);
    tcase_add_test(tcase, spans_of_a_trace_are_as_spans_alone);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
