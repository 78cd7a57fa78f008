/*
 * The sink of the local store: wanted with the page, and no reason not to run without a store.
 */
#include "expect.h"
#include "traces_kit.h"

#include "gateway/sinks.h"
#include "gateway/traces/traces.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;
static struct nv_sink sink;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

START_TEST(it_is_wanted_with_the_page)
{
    ck_assert(!nv_sink_store.wanted(&options));
    options.admin_ui = true;
    ck_assert(nv_sink_store.wanted(&options));
}
END_TEST

START_TEST(without_a_store_it_looks_at_nothing)
{
    const struct nv_sink_needs needs = {.options = &options};
    struct nv_trace trace = {.name = NV_STR_INIT("work")};
    ck_assert_int_eq(nv_sink_store.open(&needs, &fail, &sink), NV_OK);
    ck_assert(!sink.consume);
    sink.observe(sink.ctx, &trace);
}
END_TEST

START_TEST(what_it_saw_is_there_after_the_stop)
{
    struct traces_kit kit;
    struct nv_trace trace = {.name = NV_STR_INIT("work")};
    struct nv_sink_needs needs = {.options = &options};
    traces_kit_init(&kit, NULL);
    const struct nv_traces_config config = {
        .path = kit.path, .trace_bytes_max = 1u << 20, .queue_bytes_max = 1u << 20};
    ck_assert_int_eq(nv_traces_open(&config, &fail, &needs.traces), NV_OK);
    ck_assert_int_eq(nv_sink_store.open(&needs, &fail, &sink), NV_OK);
    sink.observe(sink.ctx, &trace);
    sink.stop(sink.ctx, 0);
    ck_assert_int_eq(traces_kit_count(&kit), 1);
    nv_traces_free(needs.traces);
    traces_kit_release(&kit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sink_store");
    TCase *tcase = tcase_create("store");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, it_is_wanted_with_the_page);
    tcase_add_test(tcase, without_a_store_it_looks_at_nothing);
    tcase_add_test(tcase, what_it_saw_is_there_after_the_stop);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
