/*
 * Crashes and restarts of the whole assembly over a journal: nothing acknowledged is lost,
 * nothing that was settled comes again, a part that was on its way is made again as it was.
 */
#include "expect.h"
#include "oom.h"
#include "assembly_kit.h"
#include "base/log/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    kit_directory(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

static uint64_t live_records(void)
{
    struct nv_assembly_status status;
    nv_assembly_tick(kit.assembly);
    nv_assembly_read_status(kit.assembly, &status);
    return status.journal_records;
}

START_TEST(the_bytes_come_back_from_the_journal)
{
    kit_start(&kit);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a 1b<a.*5000 2c 1d<a."), NV_OK);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[0].items, "a b d");
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 4);
    ck_assert_uint_eq(ledger.delivered, 4);
}
END_TEST

START_TEST(what_was_held_goes_on_after_a_crash)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1b<a. 2x<y.");
    kit_spans(&kit, "shop", "3a");
    kit_crash(&kit);
    kit_restart(&kit);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.held, 3);
    ck_assert_uint_eq(ledger.replayed, 3);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_str_eq(kit.traces[i].items, kit.traces[i].trace == '1' ? "b a" : "a");
}
END_TEST

START_TEST(what_was_settled_does_not_come_again)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1b<a. 2x<y."); /* 2 stays open and keeps this request alive */
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_advance(&kit, 10); /* the settling is written down */
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 599000);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_int_eq(kit.traces[0].trace, '2');
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.replayed, 1);
}
END_TEST

START_TEST(late_spans_are_late_after_a_restart_too)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 1000);
    kit_spans(&kit, "shop", "1b<a."); /* accepted, not yet sent */
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_uint_eq(kit.traces[0].part, 1);
    ck_assert_str_eq(kit.traces[0].items, "b");
    kit_crash(&kit);
    kit_restart(&kit);
    kit_spans(&kit, "shop", "1c<a.");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.traces[0].part, 2);
}
END_TEST

START_TEST(a_part_on_its_way_is_made_again_as_it_was)
{
    kit.hold_claims = true;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_spans(&kit, "shop", "1b<a.");
    kit_advance(&kit, 1000);
    ck_assert_str_eq(kit.traces[0].items, "a b");
    kit_spans(&kit, "shop", "1c<a."); /* late; its part never left */
    kit.claim_count = 0;
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[0].items, "a b");
    ck_assert_uint_eq(kit.traces[0].part, 0);
    ck_assert_uint_eq(kit.traces[0].incomplete, NV_COMPLETE);
    ck_assert_str_eq(kit.traces[1].items, "c");
    ck_assert_uint_eq(kit.traces[1].part, 1);
    kit_settle_all(&kit);
    ck_assert_uint_le(live_records(), 4); /* requests are gone, notes may stay */
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 3600000);
    ck_assert_uint_eq(kit.trace_count, 0);
}
END_TEST

START_TEST(parts_settled_out_of_order_are_told_apart)
{
    kit.hold_claims = true;
    kit.config.max_spans = 2;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a. 1c<a. 1d<a. 1e<a.");
    ck_assert_uint_eq(kit.trace_count, 2);
    struct nv_settler settler = nv_assembly_settler(kit.assembly);
    settler.settle(settler.ctx, kit.claims[1], NV_OUTCOME_DELIVERED); /* c d */
    nv_assembly_tick(kit.assembly);
    kit.claim_count = 0;
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 600000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[0].items, "a b");
    ck_assert_uint_eq(kit.traces[0].part, 0);
    ck_assert_str_eq(kit.traces[1].items, "e");
    ck_assert_uint_eq(kit.traces[1].part, 2);
    kit_settle_all(&kit);
}
END_TEST

START_TEST(records_are_released_when_every_trace_in_them_is_settled)
{
    kit.config.sent_max = 0;
    kit.config.sent_ttl_ms = 0;
    kit.hold_claims = true;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2a 3b<a.");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.claim_count, 2);
    kit_settle_all(&kit);
    ck_assert_uint_ge(live_records(), 1);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.held, 1);
    kit_spans(&kit, "shop", "3a");
    kit_advance(&kit, 1000);
    kit_settle_all(&kit);
    for (int i = 0; i < 4; i++) { /* each note outlives its requests by a round */
        const char *const spans[] = {"4a", "5a", "6a", "7a"};
        kit_spans(&kit, "shop", spans[i]);
        kit_advance(&kit, 2000);
        kit_settle_all(&kit);
        kit_advance(&kit, 2000);
    }
    ck_assert_uint_le(live_records(), 4);
}
END_TEST

START_TEST(stop_keeps_what_waits_and_hands_on_what_is_complete)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2b<a.");
    kit_stop(&kit);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_int_eq(kit.traces[0].trace, '1');
    kit_restart(&kit);
    kit_spans(&kit, "shop", "2a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "b a");
    ck_assert_uint_eq(kit.traces[0].incomplete, NV_COMPLETE);
}
END_TEST

START_TEST(stop_may_send_everything)
{
    kit.config.on_stop = NV_ON_STOP_SEND;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2b<a.");
    kit_stop(&kit);
    ck_assert_uint_eq(kit.trace_count, 2);
    kit_restart(&kit);
    kit_advance(&kit, 3600000);
    ck_assert_uint_eq(kit.trace_count, 0);
}
END_TEST

START_TEST(what_did_not_arrive_by_the_stop_is_sent_by_the_next_start)
{
    kit.hold_claims = true;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2a");
    kit_advance(&kit, 1000);
    struct nv_settler settler = nv_assembly_settler(kit.assembly);
    bool first_is_1 = kit.traces[0].trace == '1';
    settler.settle(settler.ctx, kit.claims[0],
                   first_is_1 ? NV_OUTCOME_DELIVERED : NV_OUTCOME_LEFT);
    settler.settle(settler.ctx, kit.claims[1],
                   first_is_1 ? NV_OUTCOME_LEFT : NV_OUTCOME_DELIVERED);
    kit.claim_count = 0;
    kit_stop(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_int_eq(kit.traces[0].trace, '2');
    ck_assert_uint_eq(kit.traces[0].part, 0);
    kit_settle_all(&kit);
}
END_TEST

START_TEST(the_project_survives_a_restart)
{
    kit_start(&kit);
    struct nv_batch *batch = kit_batch("shop", "1a");
    batch->project = (struct nv_str){strdup("mine"), 4};
    kit_accept(&kit, batch);
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 1000);
    ck_assert_str_eq(kit.traces[0].project, "mine");
}
END_TEST

START_TEST(log_records_are_replayed_as_log_records)
{
    kit_start(&kit);
    kit_spans(&kit, "chat", "1a");
    kit_accept(&kit, kit_logs("chat", "1a"));
    kit_crash(&kit);
    kit_restart(&kit);
    kit_advance(&kit, 6000);
    ck_assert_str_eq(kit.traces[0].items, "a (a)");
}
END_TEST

START_TEST(without_a_decoder_a_journal_with_requests_is_refused)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_crash(&kit);
    kit.config.decode = NULL;
    ck_assert_int_eq(kit_try_start(&kit), NV_ERR_CONFIG);
}
END_TEST

static enum nv_err refuse(void *ctx, enum nv_signal signal, char *body, size_t len,
                          struct nv_batch **out)
{
    (void)ctx, (void)signal, (void)len;
    *out = NULL;
    free(body);
    return NV_ERR_MALFORMED;
}

START_TEST(without_a_place_for_the_dead_an_undecodable_request_stays)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_crash(&kit);
    kit.config.decode = refuse;
    kit_restart(&kit);
    kit_advance(&kit, 3600000);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_crash(&kit);
    kit.config.decode = kit_decode;
    kit_restart(&kit);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

static enum nv_err bury(void *ctx, const struct nv_undecoded *request, struct nv_buf *head,
                        struct nv_buf *payload)
{
    enum nv_err *fails = ctx;
    ck_assert_int_eq(request->signal, NV_SIGNAL_TRACES);
    ck_assert_uint_eq(request->spans, 3);
    ck_assert_int_eq(request->why, NV_ERR_MALFORMED);
    ck_assert(nv_str_eq(request->project, NV_STR("mine")));
    ck_assert(nv_str_find(request->body, NV_STR("1a 1b<a. 2c")) != SIZE_MAX);
    (void)nv_buf_append_str(head, NV_STR("{}"));
    (void)nv_buf_append_str(payload, NV_STR("letter"));
    return *fails;
}

static void count_letter(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    (void)id;
    ck_assert(nv_str_eq(head, NV_STR("{}")) && nv_str_eq(payload, NV_STR("letter")));
    ++*(unsigned *)ctx;
}

static unsigned letters(void)
{
    const struct nv_store *store = nv_assembly_store(kit.assembly);
    unsigned count = 0;
    ck_assert_int_eq(store->each(store->ctx, NV_RECORD_DEAD_LETTER, count_letter, &count),
                     NV_OK);
    return count;
}

static void crash_with_a_request(void)
{
    kit_start(&kit);
    struct nv_batch *batch = kit_batch("shop", "1a 1b<a. 2c");
    batch->project = (struct nv_str){strdup("mine"), 4};
    ck_assert_int_eq(kit_accept(&kit, batch), NV_OK);
    kit_crash(&kit);
    kit.config.decode = refuse;
    kit.config.bury = bury;
}

START_TEST(a_request_that_cannot_be_decoded_becomes_a_dead_letter)
{
    enum nv_err fails = NV_OK;
    struct nv_ledger ledger;
    kit.config.bury_ctx = &fails;
    crash_with_a_request();
    kit_restart(&kit);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 3);
    ck_assert_uint_eq(ledger.replayed, 3);
    ck_assert_uint_eq(ledger.dead[NV_DEAD_UNTRANSLATABLE], 3);
    ck_assert_uint_eq(ledger.held, 0);
    ck_assert_uint_eq(letters(), 1);
    ck_assert_uint_eq(live_records(), 1); /* the letter, not the request */
    kit_crash(&kit);
    kit_restart(&kit);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 0);
    ck_assert_uint_eq(letters(), 1);
}
END_TEST

START_TEST(what_finds_no_place_as_a_dead_letter_stays)
{
    enum nv_err fails = NV_ERR_LIMIT;
    struct nv_ledger ledger;
    kit.config.bury_ctx = &fails;
    crash_with_a_request();
    kit_restart(&kit);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 0);
    ck_assert_uint_eq(letters(), 0);
    kit_crash(&kit);
    kit.config.decode = kit_decode;
    kit_restart(&kit);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
}
END_TEST

static enum nv_err bury_logs(void *ctx, const struct nv_undecoded *request, struct nv_buf *head,
                             struct nv_buf *payload)
{
    (void)ctx;
    ck_assert_int_eq(request->signal, NV_SIGNAL_LOGS);
    ck_assert_uint_eq(request->spans, 0);
    ck_assert_uint_eq(request->project.len, 0);
    (void)nv_buf_append_str(head, NV_STR("{}"));
    return nv_buf_append_str(payload, NV_STR("letter"));
}

START_TEST(log_records_that_cannot_be_decoded_count_no_spans)
{
    struct nv_ledger ledger;
    kit_start(&kit);
    ck_assert_int_eq(kit_accept(&kit, kit_logs("chat", "1a 1b")), NV_OK);
    kit_crash(&kit);
    kit.config.decode = refuse;
    kit.config.bury = bury_logs;
    kit_restart(&kit);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 0);
    ck_assert_uint_eq(ledger.dead[NV_DEAD_UNTRANSLATABLE], 0);
    ck_assert_uint_eq(letters(), 1);
    ck_assert_uint_eq(live_records(), 1);
}
END_TEST

START_TEST(what_comes_during_the_replay_comes_after_it)
{
    kit_start(&kit);
    for (int i = 0; i < 100; i++)
        kit_spans(&kit, "shop", "1b<a. 2x<y.");
    kit_crash(&kit);
    kit_restart(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "b a");
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], 99);
    struct nv_assembly_status status;
    nv_assembly_read_status(kit.assembly, &status);
    ck_assert_uint_eq(status.replayed, 100);
    ck_assert(!status.replaying);
}
END_TEST

START_TEST(many_notes_become_few_records)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "zx<y."); /* stays open all along */
    for (int i = 0; i < 1200; i++) {
        char spans[] = "1a";
        spans[0] = (char)('1' + i % 60);
        kit_spans(&kit, "shop", spans);
        kit_advance(&kit, 1000);
        kit_spans(&kit, "shop", "zw<y.");
    }
    ck_assert_uint_lt(live_records(), 1200 + 700);
    kit_crash(&kit);
    kit_restart(&kit);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_ge(ledger.held, 1);
}
END_TEST

/* Nothing of what is replayed is lost or comes twice, whichever allocation fails on the way:
 * a request that meets no memory is tried again in the next turn. */
START_TEST(every_allocation_of_a_replay_failing_once)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1b<a. 2x<y.");
    kit_spans(&kit, "cart", "1a 3c");
    for (unsigned long n = 1;; n++) {
        kit_crash(&kit);
        nv_ledger_reset();
        kit.trace_count = 0;
        oom_fail_nth(n);
        enum nv_err err = kit_try_start(&kit);
        if (err == NV_OK)
            nv_assembly_tick(kit.assembly);
        bool failed = oom_end();
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        if (err != NV_OK) {
            kit_start(&kit);
            nv_assembly_tick(kit.assembly);
        }
        nv_assembly_tick(kit.assembly);
        struct nv_ledger ledger;
        nv_ledger_read(&ledger);
        ck_assert_uint_eq(ledger.replayed, 4);
        ck_assert_uint_eq(ledger.held, 4);
        if (!failed) {
            ck_assert_uint_gt(n, 20);
            break;
        }
    }
    kit_advance(&kit, 600000);
    ck_assert_uint_eq(kit.trace_count, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay");
    TCase *tcase = tcase_create("replay");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_bytes_come_back_from_the_journal);
    tcase_add_test(tcase, what_was_held_goes_on_after_a_crash);
    tcase_add_test(tcase, what_was_settled_does_not_come_again);
    tcase_add_test(tcase, late_spans_are_late_after_a_restart_too);
    tcase_add_test(tcase, a_part_on_its_way_is_made_again_as_it_was);
    tcase_add_test(tcase, parts_settled_out_of_order_are_told_apart);
    tcase_add_test(tcase, records_are_released_when_every_trace_in_them_is_settled);
    tcase_add_test(tcase, stop_keeps_what_waits_and_hands_on_what_is_complete);
    tcase_add_test(tcase, stop_may_send_everything);
    tcase_add_test(tcase, what_did_not_arrive_by_the_stop_is_sent_by_the_next_start);
    tcase_add_test(tcase, the_project_survives_a_restart);
    tcase_add_test(tcase, log_records_are_replayed_as_log_records);
    tcase_add_test(tcase, without_a_decoder_a_journal_with_requests_is_refused);
    tcase_add_test(tcase, without_a_place_for_the_dead_an_undecodable_request_stays);
    tcase_add_test(tcase, a_request_that_cannot_be_decoded_becomes_a_dead_letter);
    tcase_add_test(tcase, what_finds_no_place_as_a_dead_letter_stays);
    tcase_add_test(tcase, log_records_that_cannot_be_decoded_count_no_spans);
    tcase_add_test(tcase, what_comes_during_the_replay_comes_after_it);
    tcase_add_test(tcase, many_notes_become_few_records);
    tcase_add_test(tcase, every_allocation_of_a_replay_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
