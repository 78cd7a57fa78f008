/*
 * The ledger: after any sequence of allowed moves the counts add up, also while several threads
 * move and one reads; every reason has its line in the Prometheus text, and each that drops one
 * in the log, as have log records of no trace.
 */
#include "expect.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "model/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static uint64_t sum(const uint64_t *values, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += values[i];
    return total;
}

static bool adds_up(const struct nv_ledger *now)
{
    return now->received == now->delivered + now->held + now->queued +
                                sum(now->dropped, NV_DROP_COUNT) +
                                sum(now->dead, NV_DEAD_COUNT);
}

static void setup(void)
{
    nv_ledger_reset();
}

static void teardown(void)
{
    nv_log_set_sink(NULL, NULL);
    nv_log_configure(NV_LOG_INFO, NV_LOG_TEXT);
}

START_TEST(every_move)
{
    struct nv_ledger now;
    nv_ledger_receive(100, false);
    nv_ledger_receive(10, true);
    nv_ledger_requeue(5);
    nv_ledger_reject(NV_REJECT_SPAN_ID, 3);
    nv_ledger_queue(60);
    nv_ledger_deliver(30);
    nv_ledger_drop_held(NV_DROP_SAMPLED, 4);
    nv_ledger_drop_held(NV_DROP_DUPLICATE, 2);
    nv_ledger_dead_held(NV_DEAD_UNTRANSLATABLE, 1);
    nv_ledger_dead_queued(NV_DEAD_REJECTED, 6);
    nv_ledger_receive(0, false);
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.received, 115);
    ck_assert_uint_eq(now.replayed, 15);
    ck_assert_uint_eq(now.held, 43);
    ck_assert_uint_eq(now.queued, 29);
    ck_assert_uint_eq(now.delivered, 30);
    ck_assert_uint_eq(now.rejected[NV_REJECT_SPAN_ID], 3);
    ck_assert_uint_eq(now.dropped[NV_DROP_SAMPLED], 4);
    ck_assert_uint_eq(now.dropped[NV_DROP_DUPLICATE], 2);
    ck_assert_uint_eq(now.dead[NV_DEAD_UNTRANSLATABLE], 1);
    ck_assert_uint_eq(now.dead[NV_DEAD_REJECTED], 6);
    ck_assert(adds_up(&now));
}
END_TEST

static atomic_bool stop;

static void *move_about(void *arg)
{
    for (unsigned i = 0; i < 20000; i++) {
        nv_ledger_receive(3, false);
        nv_ledger_queue(2);
        nv_ledger_drop_held(NV_DROP_SAMPLED, 1);
        nv_ledger_deliver(1);
        nv_ledger_dead_queued(NV_DEAD_REJECTED, 1);
    }
    return arg;
}

static void *watch(void *arg)
{
    struct nv_ledger now;
    while (!atomic_load(&stop)) {
        nv_ledger_read(&now);
        if (!adds_up(&now))
            return arg;
    }
    return NULL;
}

START_TEST(adds_up_at_every_moment)
{
    pthread_t movers[2], watcher;
    void *result = NULL;
    ck_assert_int_eq(pthread_create(&watcher, NULL, watch, &stop), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&movers[i], NULL, move_about, NULL), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(movers[i], NULL), 0);
    atomic_store(&stop, true);
    ck_assert_int_eq(pthread_join(watcher, &result), 0);
    ck_assert_msg(result == NULL, "a read found counts that do not add up");
    struct nv_ledger now;
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.received, 120000);
    ck_assert_uint_eq(now.held + now.queued, 0);
}
END_TEST

START_TEST(prometheus_text)
{
    static const char *const expected[] = {
        "\nnoveum_spans_received_total 9\n",
        "noveum_spans_rejected_total{reason=\"trace_id\"} 0\n",
        "noveum_spans_rejected_total{reason=\"span_id\"} 2\n",
        "noveum_spans_dropped_total{reason=\"duplicate\"} 0\n",
        "noveum_spans_dead_lettered_total{reason=\"damaged\"} 0\n",
        "# TYPE noveum_spans_held gauge\nnoveum_spans_held 4\n",
        "\nnoveum_spans_queued 5\n",
        "\nnoveum_spans_delivered_total 0\n",
        "\nnoveum_spans_replayed_total 0\n",
    };
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    nv_ledger_receive(9, false);
    nv_ledger_queue(5);
    nv_ledger_reject(NV_REJECT_SPAN_ID, 2);
    ck_assert_int_eq(nv_ledger_write(&buf), NV_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_msg(nv_str_find(nv_buf_str(&buf), nv_str_from(expected[i])) != SIZE_MAX,
                      "no %s in %.*s", expected[i], (int)buf.len, buf.bytes);
    }
    nv_buf_release(&buf);
}
END_TEST

/* ---- the log ----------------------------------------------------------------------------- */

static struct {
    unsigned lines;
    char last[300];
} logged;

static void keep(void *ctx, struct nv_str line)
{
    ck_assert_ptr_eq(ctx, &logged);
    ck_assert_uint_lt(line.len, sizeof logged.last);
    memcpy(logged.last, line.ptr, line.len);
    logged.last[line.len] = '\0';
    logged.lines++;
}

static void log_begin(enum nv_log_level level)
{
    memset(&logged, 0, sizeof logged);
    nv_log_configure(level, NV_LOG_TEXT);
    nv_log_set_sink(keep, &logged);
}

/* What a user can change is said at info, what needs nothing at debug. */
START_TEST(each_reason_to_drop_is_logged)
{
#define NAME(id, name) name,
    static const char *const names[] = {NV_DROP_TABLE(NAME)};
#undef NAME
    static const char *const asked[NV_DROP_COUNT] = {
        [NV_DROP_SAMPLED] = "sampling.rate",
        [NV_DROP_RULE] = "mapping.rules_file",
        [NV_DROP_NOT_AI] = "mapping.spans",
    };
    char want[80];
    nv_ledger_receive(10, false);
    log_begin(NV_LOG_DEBUG);
    nv_ledger_drop_held((enum nv_drop)_i, 3);
    ck_assert_uint_eq(logged.lines, 1);
    (void)snprintf(want, sizeof want,
                   "%s ledger: spans are dropped reason=%s spans=3 total=3: ",
                   asked[_i] ? "info" : "debug", names[_i]);
    ck_assert_msg(strstr(logged.last, want) != NULL, "no %s in %s", want, logged.last);
    ck_assert_ptr_nonnull(strstr(logged.last, asked[_i] ? asked[_i] : names[_i]));
    nv_ledger_reset();
    nv_ledger_receive(10, false);
    log_begin(NV_LOG_INFO);
    nv_ledger_drop_held((enum nv_drop)_i, 3);
    ck_assert_uint_eq(logged.lines, asked[_i] ? 1 : 0);
}
END_TEST

/* 1, 2, 4, 8, ...: who drops for ever writes some 60 lines in all. */
START_TEST(drops_are_logged_as_their_count_doubles)
{
    nv_ledger_receive(20, false);
    log_begin(NV_LOG_INFO);
    nv_ledger_drop_held(NV_DROP_SAMPLED, 0);
    ck_assert_uint_eq(logged.lines, 0);
    for (unsigned total = 1, lines = 0; total <= 15; total++) {
        nv_ledger_drop_held(NV_DROP_SAMPLED, 1);
        lines += (total & (total - 1)) == 0;
        ck_assert_uint_eq(logged.lines, lines);
    }
    nv_ledger_drop_held(NV_DROP_SAMPLED, 5);
    ck_assert_uint_eq(logged.lines, 5);
    ck_assert_ptr_nonnull(strstr(logged.last, " spans=5 total=20: "));
    nv_ledger_drop_held(NV_DROP_SAMPLED, 0);
    ck_assert_uint_eq(logged.lines, 5);
}
END_TEST

/* They are no spans: the sums stay as they are. */
START_TEST(records_of_no_trace_are_logged_as_their_count_doubles)
{
    struct nv_ledger now;
    nv_count_reset();
    log_begin(NV_LOG_INFO);
    nv_ledger_leave_records(0);
    ck_assert_uint_eq(logged.lines, 0);
    for (unsigned total = 1, lines = 0; total <= 15; total++) {
        nv_ledger_leave_records(1);
        lines += (total & (total - 1)) == 0;
        ck_assert_uint_eq(logged.lines, lines);
    }
    nv_ledger_leave_records(5);
    ck_assert_uint_eq(logged.lines, 5);
    ck_assert_ptr_nonnull(strstr(logged.last, " info ledger: log records become part of no "
                                              "trace records=5 total=20: they name none"));
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 20);
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.received, 0);
    ck_assert(adds_up(&now));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model/ledger");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_move);
    tcase_add_test(tcase, adds_up_at_every_moment);
    tcase_add_test(tcase, prometheus_text);
    tcase_add_loop_test(tcase, each_reason_to_drop_is_logged, 0, NV_DROP_COUNT);
    tcase_add_test(tcase, drops_are_logged_as_their_count_doubles);
    tcase_add_test(tcase, records_of_no_trace_are_logged_as_their_count_doubles);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
