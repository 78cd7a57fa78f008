/*
 * The sink that counts for /metrics: wanted unless there is to be no series, and it counts what
 * it is lent.
 */
#include "expect.h"

#include "base/limits.h"
#include "gateway/agents/agent_series.h"
#include "gateway/sinks.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;
static struct nv_sink sink;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    sink = (struct nv_sink){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

START_TEST(it_is_wanted_unless_there_are_none)
{
    ck_assert(nv_sink_agents.wanted(&options));
    options.admin_metrics_agents_max = 0;
    ck_assert(!nv_sink_agents.wanted(&options));
}
END_TEST

START_TEST(what_it_is_lent_is_counted)
{
    const struct nv_sink_needs needs = {.options = &options,
                                        .agent_series = nv_agent_series_new(1)};
    struct nv_span span = {.name = NV_STR_INIT("work")};
    const struct nv_trace trace = {.spans = &span, .span_count = 1};
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_AGENT_METRICS);
    ck_assert_int_eq(nv_sink_agents.open(&needs, &fail, &sink), NV_OK);
    ck_assert(!sink.consume);
    sink.observe(sink.ctx, &trace);
    ck_assert_int_eq(nv_agent_series_write(needs.agent_series, &text), NV_OK);
    ck_assert(
        nv_str_find(nv_buf_str(&text), NV_STR("noveum_agent_spans_total{service_name=\"\","
                                              "gen_ai_agent_name=\"\"} 1\n")) != SIZE_MAX);
    nv_buf_release(&text);
    nv_agent_series_free(needs.agent_series);
}
END_TEST

START_TEST(without_memory_for_them_the_start_fails)
{
    const struct nv_sink_needs needs = {.options = &options};
    ck_assert_int_eq(nv_sink_agents.open(&needs, &fail, &sink), NV_ERR_NO_MEMORY);
    ck_assert_int_eq(fail.code, NV_ERR_NO_MEMORY);
    ck_assert(!sink.observe);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sink_agents");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, it_is_wanted_unless_there_are_none);
    tcase_add_test(tcase, what_it_is_lent_is_counted);
    tcase_add_test(tcase, without_memory_for_them_the_start_fails);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
