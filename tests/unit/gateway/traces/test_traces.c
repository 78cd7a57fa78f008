/*
 * The store as a whole: a trace offered is there after the stop, its listener is told, a full
 * queue drops and counts.
 */
#include "captured.h"
#include "expect.h"
#include "oom.h"
#include "traces_kit.h"

#include "base/log/counters.h"
#include "gateway/traces/traces.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/banned.h"

static struct traces_kit kit;
static struct nv_traces_config config;
static struct nv_fail fail;
static struct nv_traces *traces;
static _Atomic int64_t told_last;

static void set_up(void)
{
    fail = (struct nv_fail){0};
    atomic_store(&told_last, 0);
    nv_count_reset();
    traces_kit_init(&kit, NULL);
    config = (struct nv_traces_config){
        .path = kit.path, .trace_bytes_max = 1u << 20, .queue_bytes_max = 1u << 20};
}

static void tear_down(void)
{
    nv_traces_free(traces);
    traces = NULL;
    traces_kit_release(&kit);
}

static void told(void *ctx, int64_t last)
{
    ck_assert_ptr_eq(ctx, &config);
    atomic_store(&told_last, last);
}

static void offer(uint8_t number)
{
    struct nv_trace trace = {.trace_id = {number},
                             .name = NV_STR_INIT("work"),
                             .project = NV_STR_INIT("p"),
                             .environment = NV_STR_INIT("e")};
    nv_traces_offer(traces, &trace);
}

START_TEST(what_is_offered_is_kept_and_told)
{
    ck_assert_int_eq(nv_traces_open(&config, &fail, &traces), NV_OK);
    ck_assert_ptr_nonnull(nv_traces_reader(traces));
    nv_traces_listen(traces, told, &config);
    offer(1);
    offer(2);
    nv_traces_stop(traces);
    ck_assert_int_eq(nv_traces_last(traces), 2);
    ck_assert_int_eq(atomic_load(&told_last), 2);
    ck_assert_int_eq(traces_kit_count(&kit), 2);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_STORE_KEPT), 2);
    offer(3); /* after the stop: refused, and counted */
    ck_assert_uint_eq(nv_count_get(NV_COUNT_STORE_DROPPED), 1);
}
END_TEST

START_TEST(who_listens_no_more_is_not_told)
{
    ck_assert_int_eq(nv_traces_open(&config, &fail, &traces), NV_OK);
    nv_traces_listen(traces, told, &config);
    nv_traces_listen(traces, NULL, NULL);
    offer(1);
    nv_traces_stop(traces);
    ck_assert_int_eq(atomic_load(&told_last), 0);
}
END_TEST

START_TEST(a_trace_that_is_too_large_is_dropped)
{
    config.trace_bytes_max = 64;
    ck_assert_int_eq(nv_traces_open(&config, &fail, &traces), NV_OK);
    offer(1);
    nv_traces_stop(traces);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_STORE_DROPPED), 1);
    ck_assert_int_eq(traces_kit_count(&kit), 0);
}
END_TEST

START_TEST(what_is_wrong_with_the_file_is_said)
{
    config.path = "/nowhere/at/all/traces.db";
    ck_assert_int_eq(nv_traces_open(&config, &fail, &traces), NV_ERR_IO);
    ck_assert_ptr_null(traces);
    ck_assert_ptr_nonnull(strstr(fail.what, config.path));
}
END_TEST

/* Another program spoils the file for a while. */
START_TEST(what_cannot_be_kept_is_counted_and_said_once)
{
    struct nv_sql *other;
    ck_assert_int_eq(nv_traces_open(&config, &fail, &traces), NV_OK);
    ck_assert_int_eq(nv_sql_open(kit.path, false, &fail, &other), NV_OK);
    ck_assert_int_eq(nv_sql_run(other, "CREATE TRIGGER no BEFORE INSERT ON trace BEGIN "
                                       "SELECT RAISE(ABORT,'spoiled'); END"),
                     NV_OK);
    nv_traces_listen(traces, told, &config);
    captured_begin();
    for (uint8_t refused = 1; refused <= 2; refused++) {
        offer(refused);
        while (nv_count_get(NV_COUNT_STORE_DROPPED) < refused)
            sched_yield();
    }
    const int64_t last = atomic_load(&told_last);
    const enum nv_err mended = nv_sql_run(other, "DROP TRIGGER no");
    offer(3);
    nv_traces_stop(traces);
    captured_end();
    nv_sql_close(other);
    ck_assert_int_eq(mended, NV_OK);
    ck_assert_int_eq(last, 0);
    ck_assert_int_eq(atomic_load(&told_last), 1);
    ck_assert_int_eq(traces_kit_count(&kit), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_STORE_KEPT), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_STORE_DROPPED), 2);
    const char *said = strstr(captured_err, "can't keep traces in");
    ck_assert_ptr_nonnull(said);
    ck_assert_ptr_null(strstr(said + 1, "can't keep traces in"));
    ck_assert(captured_has(captured_err, "spoiled"));
    ck_assert(captured_has(captured_err, "again"));
}
END_TEST

START_TEST(without_memory_it_is_not_opened)
{
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_traces_open(&config, &fail, &traces);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(traces);
    }
    oom_fail_nth(1);
    offer(1);
    ck_assert(oom_end());
    nv_traces_stop(traces);
    ck_assert_int_eq(traces_kit_count(&kit), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/traces");
    TCase *tcase = tcase_create("traces");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_offered_is_kept_and_told);
    tcase_add_test(tcase, who_listens_no_more_is_not_told);
    tcase_add_test(tcase, a_trace_that_is_too_large_is_dropped);
    tcase_add_test(tcase, what_is_wrong_with_the_file_is_said);
    tcase_add_test(tcase, what_cannot_be_kept_is_counted_and_said_once);
    tcase_add_test(tcase, without_memory_it_is_not_opened);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
