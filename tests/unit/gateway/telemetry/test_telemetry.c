/*
 * The life of the thread that sends own telemetry: off, without memory, never started, ended
 * while nobody answers. What it sends is looked at by tests/e2e/test_telemetry.py.
 */
#include "expect.h"
#include "oom.h"

#include "base/log/counters.h"
#include "gateway/telemetry/telemetry.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_telemetry *telemetry;
static struct nv_fail fail;
static _Atomic unsigned reads;
static enum nv_err trouble;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static enum nv_err read_metrics(void *ctx, struct nv_buf *text)
{
    (void)ctx;
    reads++;
    if (trouble != NV_OK)
        return trouble;
    return nv_buf_append_str(text, NV_STR("# HELP a A\n# TYPE a gauge\na 1\n"));
}

static enum nv_err make(void)
{
    const struct nv_telemetry_config config = {
        .options = &options, .clock = nv_clock_system(), .read_metrics = read_metrics};
    fail = (struct nv_fail){0};
    return nv_telemetry_new(&config, &fail, &telemetry);
}

static void set_up(void)
{
    nv_count_reset();
    reads = 0;
    trouble = NV_OK;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

START_TEST(off_is_nothing)
{
    ck_assert_int_eq(make(), NV_OK);
    ck_assert_ptr_null(telemetry);
    ck_assert_ptr_null(nv_telemetry_traces(telemetry));
    ck_assert_int_eq(nv_telemetry_start(telemetry), NV_OK);
    nv_telemetry_stop(telemetry, 1000);
    nv_telemetry_free(telemetry);
}
END_TEST

START_TEST(an_address_that_can_not_be_used)
{
    set(NV_OPT_telemetry_otlp_endpoint, "http://a.example/~(x)");
    ck_assert_int_eq(make(), NV_ERR_CONFIG);
    ck_assert(strncmp(fail.what, "telemetry.otlp.endpoint: ", 25) == 0);
    ck_assert_ptr_null(telemetry);
}
END_TEST

START_TEST(never_started)
{
    set(NV_OPT_telemetry_otlp_endpoint, "http://127.0.0.1:1");
    ck_assert_int_eq(make(), NV_OK);
    nv_telemetry_stop(telemetry, 1000);
    nv_telemetry_free(telemetry);
    ck_assert_uint_eq(reads, 0);
}
END_TEST

/* Once at the start, once at the end; port 1 of loopback refuses at once. */
START_TEST(nobody_listens)
{
    set(NV_OPT_telemetry_otlp_endpoint, "http://127.0.0.1:1");
    set(NV_OPT_telemetry_interval_ms, "1h");
    ck_assert_int_eq(make(), NV_OK);
    ck_assert_int_eq(nv_telemetry_start(telemetry), NV_OK);
    nv_telemetry_stop(telemetry, 10000);
    nv_telemetry_free(telemetry);
    ck_assert_uint_ge(reads, 1);
    ck_assert_uint_le(reads, 2);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_FAILED), reads);
}
END_TEST

START_TEST(metrics_that_can_not_be_written_are_left_out)
{
    set(NV_OPT_telemetry_otlp_endpoint, "http://127.0.0.1:1");
    trouble = NV_ERR_LIMIT;
    ck_assert_int_eq(make(), NV_OK);
    ck_assert_int_eq(nv_telemetry_start(telemetry), NV_OK);
    nv_telemetry_stop(telemetry, 10000);
    nv_telemetry_free(telemetry);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_FAILED), 0);
}
END_TEST

/* Metrics alone, unless there is a rate. */
START_TEST(spans_are_asked_for)
{
    set(NV_OPT_telemetry_otlp_endpoint, "http://127.0.0.1:1");
    ck_assert_int_eq(make(), NV_OK);
    ck_assert_ptr_null(nv_telemetry_traces(telemetry));
    nv_telemetry_free(telemetry);
    set(NV_OPT_telemetry_sampling_rate, "0.5");
    ck_assert_int_eq(make(), NV_OK);
    ck_assert_ptr_nonnull(nv_telemetry_traces(telemetry));
    ck_assert_int_eq(nv_telemetry_start(telemetry), NV_OK);
    nv_telemetry_stop(telemetry, 10000);
    nv_telemetry_free(telemetry);
}
END_TEST

START_TEST(each_allocation_failing_once)
{
    set(NV_OPT_telemetry_sampling_rate, "1");
    set(NV_OPT_telemetry_otlp_endpoint, "http://127.0.0.1:1/v1/metrics");
    set(NV_OPT_telemetry_otlp_headers, "a=1\nb=2");
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        oom_fail_nth(n);
        enum nv_err err = make();
        failed = oom_end();
        ck_assert_int_eq(err != NV_OK, failed);
        ck_assert_int_eq(telemetry != NULL, !failed);
        ck_assert(failed == (fail.code != NV_OK));
        nv_telemetry_free(telemetry);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/telemetry/telemetry");
    TCase *tcase = tcase_create("life");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, off_is_nothing);
    tcase_add_test(tcase, an_address_that_can_not_be_used);
    tcase_add_test(tcase, never_started);
    tcase_add_test(tcase, nobody_listens);
    tcase_add_test(tcase, metrics_that_can_not_be_written_are_left_out);
    tcase_add_test(tcase, spans_are_asked_for);
    tcase_add_test(tcase, each_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
