/*
 * Answers and what becomes of the traces in them: every reaction that the contract asks for,
 * one story each.
 */
#include "expect.h"
#include "exporter_rig.h"

#include "base/log/counters.h"
#include "base/log/log.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_rig rig;

static void setup(void)
{
    rig_init(&rig);
}

static void teardown(void)
{
    rig_release(&rig);
}

START_TEST(poison_stands_alone)
{
    uint32_t requests = 0;

    rig.config.batch_traces = 1000;
    rig_open(&rig, true);
    rig_consume_many(&rig, 617);
    rig_consume(&rig, "poison", 3);
    rig_consume_many(&rig, 382);
    rig_run(&rig, 1000);
    for (struct rig_flight *f = rig_flight(&rig); f; f = rig_flight(&rig)) {
        rig_answer(&rig, f, rig_body_has(f, "poison") ? 400 : 200, "", "{\"message\":\"bad\"}");
        rig_run(&rig, 0);
        ck_assert_uint_lt(++requests, 40);
    }
    ck_assert_uint_eq(rig_delivered(), 999 * 2);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 3);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 999);
    ck_assert_uint_eq(rig_status(&rig).dead_letters, 1);
}
END_TEST

static unsigned told;

static void count_warnings(void *ctx, struct nv_str line)
{
    (void)ctx;
    told += nv_str_find(line, NV_STR("refuses every trace")) != SIZE_MAX;
    told += nv_str_find(line, NV_STR("takes traces again")) != SIZE_MAX ? 1000 : 0;
}

/* Answers what is in flight, and what comes of it, with `status`. */
static void answer_all(int status)
{
    rig_run(&rig, 1000);
    for (struct rig_flight *f = rig_flight(&rig); f; f = rig_flight(&rig)) {
        rig_answer(&rig, f, status, "", "");
        rig_run(&rig, 0);
    }
}

/* An outage in disguise: the rules stay, but it is told at 20, 40, 80, and when it is over. */
START_TEST(a_backend_that_refuses_everything_is_told_of)
{
    rig_open(&rig, true);
    told = 0;
    nv_log_set_sink(count_warnings, NULL);
    rig_consume_many(&rig, NV_SINK_REFUSED_ALL - 1);
    answer_all(400);
    ck_assert_uint_eq(told, 0);
    ck_assert_str_eq(rig_status(&rig).reason, "");
    rig_consume_many(&rig, 1);
    answer_all(400);
    ck_assert_uint_eq(told, 1);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_SENDING);
    ck_assert_ptr_nonnull(strstr(rig_status(&rig).reason, "last 20 with status 400"));
    rig_consume_many(&rig, 79);
    answer_all(400);
    ck_assert_uint_eq(told, 3);
    ck_assert_uint_eq(rig_status(&rig).refused_in_row, 99);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 99);
    rig_consume_many(&rig, 1);
    answer_all(200);
    ck_assert_uint_eq(told, 1003);
    ck_assert_uint_eq(rig_status(&rig).refused_in_row, 0);
    ck_assert_str_eq(rig_status(&rig).reason, "");
}
END_TEST

START_TEST(refusals_of_several_kinds_are_no_wall)
{
    rig_open(&rig, true);
    told = 0;
    nv_log_set_sink(count_warnings, NULL);
    for (int i = 0; i < 4; i++) {
        rig_consume_many(&rig, NV_SINK_REFUSED_ALL - 1);
        answer_all(i % 2 == 0 ? 422 : 400);
    }
    rig_consume_many(&rig, 1);
    answer_all(200);
    rig_consume_many(&rig, NV_SINK_REFUSED_ALL - 1);
    answer_all(400);
    ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(too_large_splits_and_is_learned)
{
    rig.config.batch_traces = 8;
    rig.config.max_body_bytes = (size_t)1 << 20;
    rig_open(&rig, true);
    rig_consume_many(&rig, 8);
    rig_run(&rig, 0);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_traces_in(rig_flight(&rig)), 4);
    rig_accept_all(&rig, 0);
    ck_assert_uint_eq(rig_delivered(), 16);
    rig_consume(&rig, "alone", 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    ck_assert_uint_eq(rig_dead(NV_DEAD_TOO_LARGE), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
}
END_TEST

START_TEST(gzip_falls_back_and_is_tried_again)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    ck_assert(rig_flight(&rig)->gzip);
    rig_answer(&rig, rig_flight(&rig), 415, "", "");
    rig_run(&rig, 0);
    ck_assert(!rig_flight(&rig)->gzip);
    ck_assert(!rig_status(&rig).identity);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    rig_run(&rig, 0);
    ck_assert(rig_status(&rig).identity);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    ck_assert(!rig_flight(&rig)->gzip);
    rig_accept_all(&rig, 0);
    nv_fake_clock_advance(&rig.clock, rig.config.identity_ms * NV_NS_PER_MS);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    ck_assert(rig_flight(&rig)->gzip);
    rig_accept_all(&rig, 0);
    ck_assert_uint_eq(rig_delivered(), 6);
}
END_TEST

START_TEST(poison_in_the_first_gzip_body_is_not_gzips_fault)
{
    rig.config.batch_traces = 4;
    rig_open(&rig, true);
    rig_consume_many(&rig, 3);
    rig_consume(&rig, "poison", 1);
    rig_run(&rig, 0);
    for (struct rig_flight *f = rig_flight(&rig); f; f = rig_flight(&rig)) {
        rig_answer(&rig, f, rig_body_has(f, "poison") ? 400 : 200, "", "");
        rig_run(&rig, 0);
    }
    ck_assert_uint_eq(rig_delivered(), 6);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 1);
    ck_assert(!rig_status(&rig).identity);
}
END_TEST

START_TEST(a_refused_key_holds_until_the_probe_passes)
{
    rig_open(&rig, true);
    rig_consume_many(&rig, 5);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "{\"message\":\"expired\"}");
    rig_run(&rig, 4000);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_HELD_AUTH);
    ck_assert_uint_gt(strlen(rig_status(&rig).reason), 0);
    ck_assert_ptr_null(rig_flight(&rig));
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig.probes, 1);
    ck_assert_int_eq(rig_flight(&rig)->route, NV_ROUTE_STATUS);
    rig_answer(&rig, rig_flight(&rig), 403, "", "");
    rig_run(&rig, 9999);
    ck_assert_uint_eq(rig.probes, 1);
    rig_run(&rig, 1);
    ck_assert_uint_eq(rig.probes, 2);
    rig_answer(&rig, rig_flight(&rig), 200, "", "{}");
    rig_accept_all(&rig, 100);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_SENDING);
    ck_assert_uint_eq(rig_delivered(), 10);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 0);
}
END_TEST

START_TEST(a_probe_that_says_nothing_lets_a_body_ask)
{
    static const int statuses[] = {404, 500, 429};

    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "");
    rig_run(&rig, 60000);
    rig_answer(&rig, rig_flight(&rig), statuses[_i], "", "");
    rig_run(&rig, 0);
    ck_assert_int_eq(rig_flight(&rig)->route, NV_ROUTE_TRACES);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(rig_delivered(), 2);
}
END_TEST

START_TEST(exhausted_credit_is_a_long_pause)
{
    rig_open(&rig, true);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 429, "5",
               "{\"error\":{\"code\":\"CREDIT_QUOTA_EXCEEDED\"}}");
    rig_run(&rig, 299000);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_HELD_CREDIT);
    ck_assert_uint_eq(rig.sent, 1);
    rig_run(&rig, 40000);
    ck_assert_uint_eq(rig.sent, 2);
    rig_accept_all(&rig, 0);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_SENDING);
    ck_assert_uint_eq(rig_delivered(), 2);
}
END_TEST

START_TEST(a_wrong_endpoint_holds)
{
    static const int statuses[] = {404, 302, 307, 204, 418};

    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), statuses[_i], "", "");
    rig_run(&rig, 4000);
    ck_assert_int_eq(rig_status(&rig).state,
                     statuses[_i] < 400 ? NV_SINK_HELD_FOREIGN : NV_SINK_HELD_CONFIG);
    ck_assert_uint_eq(rig.sent, 1);
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig.sent, 2);
    rig_accept_all(&rig, 0);
    ck_assert_uint_eq(rig_delivered(), 2);
}
END_TEST

#define PAGE "<html>Blocked. Your reference is 4711.</html>"

/* Answers all that is in flight as a firewall with `status` would that dislikes `word`. */
static uint32_t behind_a_wall(const char *word, int status, uint32_t seconds)
{
    uint32_t requests = 0;

    for (uint32_t s = 0; s < seconds; s++) {
        rig_run(&rig, 1000);
        for (struct rig_flight *f = rig_flight(&rig); f; f = rig_flight(&rig)) {
            bool hit = f->route == NV_ROUTE_TRACES && rig_body_has(f, word);

            rig_answer(&rig, f, hit ? status : 200, "", hit ? PAGE : "{\"success\":true}");
            rig_run(&rig, 0);
            requests++;
        }
    }
    return requests;
}

START_TEST(a_blocked_trace_holds_nobody)
{
    static const int statuses[] = {403, 406, 405, 401, 451, 404, 400, 422, 418};

    rig.config.batch_traces = 100;
    rig.config.compression = NV_COMPRESSION_NONE;
    rig_open(&rig, true);
    rig_consume_many(&rig, 37);
    rig_consume(&rig, "poison", 1);
    rig_consume_many(&rig, 62);
    ck_assert_uint_lt(behind_a_wall("poison", statuses[_i], 3), 40);
    ck_assert_uint_eq(rig_delivered(), 99 * 2);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_SENDING);
    behind_a_wall("poison", statuses[_i], 10);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    ck_assert_uint_eq(rig_status(&rig).queued_traces, 0);
}
END_TEST

/* Ten in a row, and no other traffic afterwards. */
START_TEST(many_blocked_traces_hold_nobody)
{
    rig.config.batch_traces = 100;
    rig_open(&rig, true);
    rig_consume_many(&rig, 37);
    for (int i = 0; i < 10; i++)
        rig_consume(&rig, "poison", 1);
    rig_consume_many(&rig, 53);
    behind_a_wall("poison", 403, 3);
    ck_assert_uint_eq(rig_delivered(), 90 * 2);
    behind_a_wall("poison", 403, 30);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 10);
}
END_TEST

/* A firewall may also redirect, answer 200 or cut the connection: the others pass, it waits. */
START_TEST(what_is_no_refusal_waits_alone)
{
    static const int statuses[] = {200, 302, 204, 503};
    uint32_t requests;

    rig.config.batch_traces = 16;
    rig_open(&rig, true);
    rig_consume_many(&rig, 5);
    rig_consume(&rig, "poison", 1);
    rig_consume_many(&rig, 10);
    behind_a_wall("poison", statuses[_i], 1);
    for (int i = 0; i < 60; i++) {
        rig_consume_many(&rig, 5);
        behind_a_wall("poison", statuses[_i], 1);
    }
    ck_assert_uint_ge(rig_delivered(), (15 + 59 * 5) * 2);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_SENDING);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 0);
    requests = behind_a_wall("poison", statuses[_i], 600);
    ck_assert_uint_gt(requests, 5);
    ck_assert_uint_lt(requests, 40);
    rig_drain(&rig);
    ck_assert_uint_eq(rig_delivered(), (15 + 60 * 5) * 2 + 1);
}
END_TEST

/* The wall stands before everybody: held and told, probed ever more rarely, nothing given
 * up. */
START_TEST(a_wall_before_all_is_a_hold)
{
    static const int statuses[] = {403, 200, 302, 405, 413};
    uint32_t requests;

    rig.config.batch_traces = 100;
    rig_open(&rig, true);
    rig_consume_many(&rig, 100);
    requests = behind_a_wall("trace", statuses[_i], 1);
    ck_assert_uint_le(requests, statuses[_i] == 413 ? 200 : 4);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_HELD_FOREIGN);
    for (int i = 0; i < 60; i++) {
        rig_consume_many(&rig, 5);
        requests = behind_a_wall("trace", statuses[_i], 60);
    }
    ck_assert_uint_le(requests, statuses[_i] == 413 ? 10 : 3);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED) + rig_dead(NV_DEAD_TOO_LARGE), 0);
    ck_assert_uint_eq(rig_delivered(), 0);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_HELD_FOREIGN);
    ck_assert_str_ne(rig_status(&rig).reason, "");
    rig_drain(&rig);
    ck_assert_uint_eq(rig_delivered(), 400 * 2);
}
END_TEST

/* One that passed before the wall came is no witness: nobody who was sent later passes. */
START_TEST(a_wall_that_comes_meanwhile_ends_no_trace)
{
    struct rig_flight *first, *second;

    rig.config.batch_traces = 1;
    rig.config.compression = NV_COMPRESSION_NONE;
    rig_open(&rig, true);
    rig_consume_many(&rig, 6);
    rig_run(&rig, 0);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    rig_run(&rig, 0);
    first = rig_flight(&rig);
    first->busy = false;
    second = rig_flight(&rig);
    first->busy = true;
    ck_assert_ptr_nonnull(second);
    rig_answer(&rig, first, 403, "", PAGE);
    rig_answer(&rig, second, 200, "", "{}");
    behind_a_wall("trace", 403, 600);
    ck_assert_uint_eq(rig_dead(NV_DEAD_REJECTED), 0);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_HELD_FOREIGN);
    ck_assert_uint_eq(rig_delivered(), 4);
}
END_TEST

START_TEST(retry_after_closes_for_all)
{
    rig.config.batch_traces = 1;
    rig_open(&rig, false);
    rig_consume_many(&rig, 3);
    rig_run(&rig, 0);
    rig_answer(&rig, rig_flight(&rig), 429, "10", "");
    rig_run(&rig, 9900);
    ck_assert_uint_eq(rig.sent, 1);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_BACKING_OFF);
    rig_run(&rig, 2000);
    ck_assert_uint_gt(rig.sent, 1);
    rig_accept_all(&rig, 1000);
    ck_assert_uint_eq(rig_delivered(), 6);
}
END_TEST

START_TEST(ambiguous_answers_are_retried)
{
    static const enum nv_transfer transfers[] = {NV_TRANSFER_TIMEOUT, NV_TRANSFER_BROKEN,
                                                 NV_TRANSFER_CONNECT, NV_TRANSFER_NO_MEMORY,
                                                 NV_TRANSFER_OVERSIZE};

    rig_open(&rig, false);
    rig_consume_many(&rig, 2);
    rig_run(&rig, 1000);
    rig_fail(&rig, rig_flight(&rig), transfers[_i]);
    rig_run(&rig, 500);
    ck_assert_uint_eq(rig.sent, 2);
    ck_assert_uint_eq(rig_traces_in(rig_flight(&rig)), 2);
    rig_accept_all(&rig, 0);
    ck_assert_uint_eq(rig_delivered(), 4);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_SEND_RETRIES), 1);
}
END_TEST

START_TEST(warnings_are_counted)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(
        &rig, rig_flight(&rig), 200, "",
        "{\"success\":true,\"warnings\":[\"a\",\"b\"],\"errors\":[{\"message\":\"c\"}]}");
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_status(&rig).warnings, 3);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_SEND_WARNINGS), 3);
    ck_assert_uint_eq(rig_delivered(), 2);
}
END_TEST

START_TEST(secrets_are_never_shown)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 401, "", "{\"message\":\"token nv_test is expired\"}");
    rig_run(&rig, 0);
    ck_assert_ptr_null(strstr(rig_status(&rig).last_error, "nv_test"));
    ck_assert_ptr_null(strstr(rig_status(&rig).reason, "nv_test"));
}
END_TEST

static struct nv_attempt_told attempts[4];
static const struct nv_claim *attempted[4];
static size_t attempt_count;

static void note_attempt(void *ctx, const struct nv_claim *claim,
                         const struct nv_attempt_told *said)
{
    ck_assert_ptr_eq(ctx, &attempt_count);
    ck_assert_uint_lt(attempt_count, 4);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 0); /* before it is settled */
    attempted[attempt_count] = claim;
    attempts[attempt_count++] = *said;
}

/* Once for each trace in it, of each request. */
START_TEST(a_watch_is_told_of_each_answer)
{
    attempt_count = 0;
    rig.config.watch = (struct nv_exporter_watch){note_attempt, &attempt_count};
    rig_open(&rig, false);
    rig_consume_many(&rig, 2);
    rig_run(&rig, 1000);
    nv_fake_clock_advance(&rig.clock, 7);
    rig_answer(&rig, rig_flight(&rig), 503, "", "");
    rig_run(&rig, 60000);
    ck_assert_uint_eq(attempt_count, 2);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(attempt_count, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_eq(attempted[i], &rig.claims[i % 2]);
        ck_assert_int_eq(attempts[i].transfer, NV_TRANSFER_REPLY);
        ck_assert_int_eq(attempts[i].status, i < 2 ? 503 : 200);
        ck_assert(attempts[i].delivered == (i >= 2));
        ck_assert_uint_eq(attempts[i].number, i < 2 ? 1 : 2);
        ck_assert_uint_eq(attempts[i].traces, 2);
    }
    ck_assert_uint_eq(attempts[0].end_ns - attempts[0].start_ns, 7);
    ck_assert_uint_gt(attempts[2].start_ns, attempts[0].end_ns);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 2);
}
END_TEST

/* Their claims were settled when they went to the outbox. */
START_TEST(traces_of_the_outbox_are_told_to_nobody)
{
    rig_open(&rig, true);
    rig_consume(&rig, "trace", 2);
    rig_close(&rig);
    attempt_count = 0;
    rig.config.watch = (struct nv_exporter_watch){note_attempt, &attempt_count};
    rig_open(&rig, true);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(rig_delivered(), 2);
    ck_assert_uint_eq(attempt_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/verdict");
    TCase *tcase = tcase_create("verdict");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, poison_stands_alone);
    tcase_add_test(tcase, a_backend_that_refuses_everything_is_told_of);
    tcase_add_test(tcase, refusals_of_several_kinds_are_no_wall);
    tcase_add_test(tcase, too_large_splits_and_is_learned);
    tcase_add_test(tcase, gzip_falls_back_and_is_tried_again);
    tcase_add_test(tcase, poison_in_the_first_gzip_body_is_not_gzips_fault);
    tcase_add_test(tcase, a_refused_key_holds_until_the_probe_passes);
    tcase_add_loop_test(tcase, a_probe_that_says_nothing_lets_a_body_ask, 0, 3);
    tcase_add_test(tcase, exhausted_credit_is_a_long_pause);
    tcase_add_loop_test(tcase, a_wrong_endpoint_holds, 0, 5);
    tcase_add_loop_test(tcase, a_blocked_trace_holds_nobody, 0, 9);
    tcase_add_test(tcase, many_blocked_traces_hold_nobody);
    tcase_add_loop_test(tcase, what_is_no_refusal_waits_alone, 0, 4);
    tcase_add_loop_test(tcase, a_wall_before_all_is_a_hold, 0, 5);
    tcase_add_test(tcase, a_wall_that_comes_meanwhile_ends_no_trace);
    tcase_add_test(tcase, retry_after_closes_for_all);
    tcase_add_loop_test(tcase, ambiguous_answers_are_retried, 0, 5);
    tcase_add_test(tcase, warnings_are_counted);
    tcase_add_test(tcase, secrets_are_never_shown);
    tcase_add_test(tcase, a_watch_is_told_of_each_answer);
    tcase_add_test(tcase, traces_of_the_outbox_are_told_to_nobody);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
