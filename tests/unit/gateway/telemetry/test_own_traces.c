/*
 * Which traces are noted, and that each that was is told of once, whatever became of it: by
 * claims that the test makes up, since nobody follows them.
 */
#include "expect.h"
#include "oom.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "base/text/wire.h"
#include "gateway/telemetry/own_resource.h"
#include "gateway/telemetry/own_traces.h"
#include "model/otlp_fields.h"

#include "base/banned.h"

#define MANY 20000u

static struct nv_fake_clock ticking;
static struct nv_own_traces *own;
static struct nv_settler settler;
static struct nv_exporter_watch watch;
static struct nv_buf body;
static struct nv_group group;
static struct nv_raw_item items[2];
static char claims[MANY + 1];
static uint64_t settled, woken;

static struct nv_claim *claim_of(size_t i)
{
    return (struct nv_claim *)(void *)&claims[i];
}

static void settle(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    (void)claim;
    /* no ck_assert: it allocates */
    settled += ctx == &settled && outcome == NV_OUTCOME_KEPT;
}

static void wake(void *ctx)
{
    ck_assert_ptr_eq(ctx, &woken);
    woken++;
}

static void make(void)
{
    nv_own_traces_free(own);
    own = nv_own_traces_new(&ticking.clock, (struct nv_own_wake){wake, &woken});
    ck_assert_ptr_nonnull(own);
    settler = nv_own_traces_settler(own, (struct nv_settler){&settled, settle});
    watch = nv_own_traces_watch(own);
}

static void set_up(void)
{
    nv_count_reset();
    nv_fake_clock_init(&ticking, 100 * NV_NS_PER_S, 1000 * NV_NS_PER_S);
    nv_buf_init(&body, NV_CAP_TELEMETRY_SPANS);
    settled = woken = 0;
    own = NULL;
    group = (struct nv_group){.scope = NV_STR("\n\003e2e")};
    items[0] = (struct nv_raw_item){NV_STR("0123456789"), 0, NV_SIGNAL_TRACES};
    items[1] = (struct nv_raw_item){NV_STR("01234"), 0, NV_SIGNAL_LOGS};
    make();
}

static void tear_down(void)
{
    nv_own_traces_free(own);
    nv_buf_release(&body);
}

static struct nv_raw_trace raw_of(size_t i)
{
    struct nv_raw_trace raw = {.items = items,
                               .item_count = 2,
                               .span_count = 1,
                               .groups = &group,
                               .group_count = 1,
                               .first_ns = 98 * NV_NS_PER_S,
                               .last_ns = 99 * NV_NS_PER_S,
                               .waited_for = "quiet",
                               .claim = claim_of(i)};
    memcpy(raw.trace_id, &i, sizeof i);
    raw.trace_id[15] = 1;
    return raw;
}

static void begin(size_t i)
{
    struct nv_raw_trace raw = raw_of(i);
    nv_own_traces_begin(own, &raw);
}

static void translated(size_t i)
{
    struct nv_trace trace = {.claim = claim_of(i), .span_count = 1};
    nv_own_traces_translated(own, &trace);
}

static void answered(size_t i, uint32_t number)
{
    const struct nv_attempt_told told = {.transfer = NV_TRANSFER_REPLY,
                                         .status = 200,
                                         .delivered = true,
                                         .number = number,
                                         .start_ns = 100 * NV_NS_PER_S,
                                         .end_ns = 100 * NV_NS_PER_S};
    watch.answered(watch.ctx, claim_of(i), &told);
}

static void end(size_t i)
{
    settler.settle(settler.ctx, claim_of(i), NV_OUTCOME_KEPT);
}

static uint64_t take(void)
{
    nv_buf_clear(&body);
    return nv_own_traces_take(own, "an-instance", &body);
}

static bool has(const char *text)
{
    return nv_str_find(nv_buf_str(&body), nv_str_from(text)) != SIZE_MAX;
}

START_TEST(a_trace_is_told_of_when_it_is_settled)
{
    begin(1);
    translated(1);
    answered(1, 1);
    ck_assert_uint_eq(take(), 1); /* the request has ended, the trace has not */
    ck_assert(has("deliver") && has(NV_OWN_SCOPE) && has("an-instance"));
    ck_assert_uint_eq(settled, 0);
    end(1);
    ck_assert_uint_eq(settled, 1);
    ck_assert_uint_eq(take(), 4);
    ck_assert(has("receive") && has("hold") && has("quiet") && has("translate"));
    ck_assert(has("kept") && !has("deliver"));
    ck_assert_uint_eq(take(), 0);
    ck_assert_uint_eq(body.len, 0);
    ck_assert_uint_eq(woken, 0);
}
END_TEST

/* Arrivals are not known of traces that are made again. */
START_TEST(a_trace_without_arrivals)
{
    struct nv_raw_trace raw = raw_of(1);
    raw.first_ns = raw.last_ns = 0;
    raw.waited_for = NULL;
    nv_own_traces_begin(own, &raw);
    nv_fake_clock_advance(&ticking, NV_NS_PER_S);
    end(1);
    ck_assert_uint_eq(take(), 3);
    ck_assert(!has("quiet") && !has("translate"));
}
END_TEST

START_TEST(others_pass_untouched)
{
    begin(1);
    translated(2);
    answered(2, 1);
    end(2);
    ck_assert_uint_eq(settled, 1);
    ck_assert_uint_eq(take(), 0);
}
END_TEST

/* A claim's address comes again when it was settled. */
START_TEST(an_address_that_comes_again)
{
    for (size_t i = 0; i < 10; i++) {
        begin(7);
        end(7);
        ck_assert_uint_eq(take(), 3);
    }
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 0);
}
END_TEST

START_TEST(telemetry_of_a_gateway_is_not_noted)
{
    struct nv_group groups[] = {group, {.scope = NV_STR("\n\021" NV_OWN_SCOPE)}};
    struct nv_raw_trace raw = raw_of(1);
    raw.groups = groups;
    raw.group_count = 2;
    nv_own_traces_begin(own, &raw);
    end(1);
    ck_assert_uint_eq(take(), 0);
}
END_TEST

/* NV_OWN_PASSAGES_MAX places, and what finds none is counted and settled as ever. */
START_TEST(a_table_that_is_full)
{
    for (size_t i = 0; i < MANY; i++)
        begin(i);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), MANY - NV_OWN_PASSAGES_MAX);
    uint64_t spans = 0;
    for (size_t i = 0; i < MANY; i++) {
        end(i);
        spans += nv_own_traces_is_full(own) ? take() : 0;
    }
    ck_assert_uint_eq(spans + take(), 3 * NV_OWN_PASSAGES_MAX);
    ck_assert_uint_eq(settled, MANY);
}

/* All NV_OWN_PASSAGES_MAX places are taken: one trace more finds none, and one whose place was
 * given back finds it. */
START_TEST(a_place_is_free_again)
{
    for (size_t i = 0; i < MANY; i++)
        begin(i);
    const uint64_t lost = MANY - NV_OWN_PASSAGES_MAX;
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), lost);
    begin(MANY); /* NV_OWN_PASSAGES_MAX + 1 */
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), lost + 1);
    end(0);
    ck_assert_uint_eq(take(), 3);
    begin(0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), lost + 1);
    end(0);
    ck_assert_uint_eq(take(), 3);
}
END_TEST

/* NV_OWN_ATTEMPTS_MAX spans of requests, later ones are a number alone. */
START_TEST(a_trace_that_is_tried_for_ever)
{
    begin(1);
    for (uint32_t i = 1; i <= NV_OWN_ATTEMPTS_MAX; i++)
        answered(1, i);
    ck_assert_uint_eq(take(), NV_OWN_ATTEMPTS_MAX);
    answered(1, NV_OWN_ATTEMPTS_MAX + 1);
    ck_assert_uint_eq(take(), 0);
    end(1);
    ck_assert_uint_eq(take(), 3);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 0);
}
END_TEST

/* NV_CAP_TELEMETRY_SPANS: nobody takes them, so the rest is lost, and counted. */
START_TEST(room_for_spans_ends)
{
    for (size_t i = 0; i < MANY; i++) {
        begin(i);
        end(i);
    }
    uint64_t lost = nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST);
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_gt(woken, 0);
    ck_assert(nv_own_traces_is_full(own));
    uint64_t spans = take();
    ck_assert_uint_gt(spans, 2000);
    /* the room is reckoned for four a trace, three were written */
    ck_assert_uint_eq(lost, (MANY - spans / 3) * NV_OWN_SPANS_A_TRACE_MAX);
    ck_assert_uint_lt(body.len, NV_CAP_TELEMETRY_SPANS);
    ck_assert(!nv_own_traces_is_full(own));
    ck_assert_uint_eq(settled, MANY);
}
END_TEST

START_TEST(nobody_asked)
{
    struct nv_settler inner = {&settled, settle};
    struct nv_settler same = nv_own_traces_settler(NULL, inner);
    ck_assert_ptr_eq(same.ctx, inner.ctx);
    ck_assert(same.settle == inner.settle);
    ck_assert(!nv_own_traces_watch(NULL).answered);
    nv_own_traces_free(NULL);
}
END_TEST

/* Without memory spans are lost, and counted; traces are settled all the same. */
START_TEST(each_allocation_failing_once)
{
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        nv_buf_release(&body);
        nv_buf_init(&body, NV_CAP_TELEMETRY_SPANS);
        nv_count_reset();
        settled = 0;
        oom_fail_nth(n);
        struct nv_own_traces *made = nv_own_traces_new(&ticking.clock, (struct nv_own_wake){0});
        uint64_t spans = 0;
        if (made) {
            nv_own_traces_free(own);
            own = made;
            settler = nv_own_traces_settler(own, (struct nv_settler){&settled, settle});
            begin(1);
            end(1);
            spans = take();
        }
        failed = oom_end();
        if (made) {
            ck_assert_uint_eq(settled, 1);
            ck_assert_uint_eq(spans + nv_count_get(NV_COUNT_TELEMETRY_SPANS_LOST), 3);
            ck_assert_int_eq(spans == 3, !failed);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/telemetry/own_traces");
    TCase *tcase = tcase_create("traces");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, a_trace_is_told_of_when_it_is_settled);
    tcase_add_test(tcase, a_trace_without_arrivals);
    tcase_add_test(tcase, others_pass_untouched);
    tcase_add_test(tcase, an_address_that_comes_again);
    tcase_add_test(tcase, telemetry_of_a_gateway_is_not_noted);
    tcase_add_test(tcase, a_table_that_is_full);
    tcase_add_test(tcase, a_place_is_free_again);
    tcase_add_test(tcase, a_trace_that_is_tried_for_ever);
    tcase_add_test(tcase, room_for_spans_ends);
    tcase_add_test(tcase, nobody_asked);
    tcase_add_test(tcase, each_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
