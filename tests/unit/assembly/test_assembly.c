/*
 * The rows of docs/design/0003-completion.md from the outside: requests in, whole traces out,
 * by a clock that stands still until told otherwise; duplicates, late spans, caps, stop, and
 * what the ledger says.
 */
#include "expect.h"
#include "assembly/door/state.h"
#include "assembly_kit.h"
#include "base/log/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

/* The only trace that was completed so far. */
static const struct kit_trace *only(void)
{
    ck_assert_uint_eq(kit.trace_count, 1);
    return &kit.traces[0];
}

static void assert_balanced(uint64_t received, uint64_t delivered, uint64_t held)
{
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, received);
    ck_assert_uint_eq(ledger.delivered, delivered);
    ck_assert_uint_eq(ledger.held, held);
    uint64_t sum = ledger.delivered + ledger.held + ledger.queued;
    for (int i = 0; i < NV_DROP_COUNT; i++)
        sum += ledger.dropped[i];
    for (int i = 0; i < NV_DEAD_COUNT; i++)
        sum += ledger.dead[i];
    ck_assert_uint_eq(sum, ledger.received);
}

START_TEST(a_whole_trace_of_one_service_leaves_after_quiet_ms)
{
    kit_start(&kit);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1b<a. 1a"), NV_OK);
    kit_advance(&kit, 999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_str_eq(only()->items, "b a");
    ck_assert_uint_eq(only()->incomplete, NV_COMPLETE);
    ck_assert_str_eq(only()->services, "shop");
    assert_balanced(2, 2, 0);
}
END_TEST

START_TEST(each_span_starts_the_quiet_anew)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 700);
    kit_spans(&kit, "shop", "1b<a.");
    kit_advance(&kit, 700);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 300);
    ck_assert_str_eq(only()->items, "a b");
}
END_TEST

START_TEST(a_missing_local_parent_waits_open_ms)
{
    kit_start(&kit);
    kit_spans(&kit, "agent", "1b<a.");
    kit_advance(&kit, 40000); /* the model takes its time */
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_spans(&kit, "agent", "1a");
    kit_advance(&kit, 1000);
    ck_assert_str_eq(only()->items, "b a");
    ck_assert_uint_eq(only()->incomplete, NV_COMPLETE);
}
END_TEST

START_TEST(a_root_that_never_comes_is_sent_and_said)
{
    kit_start(&kit);
    kit_spans(&kit, "agent", "1b<a 1c<b");
    kit_advance(&kit, 599999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(only()->incomplete, NV_INCOMPLETE_ROOT);
}
END_TEST

START_TEST(a_missing_parent_beside_a_root_is_said)
{
    kit_start(&kit);
    kit_spans(&kit, "agent", "1a 1c<b.");
    kit_advance(&kit, 600000);
    ck_assert_uint_eq(only()->incomplete, NV_INCOMPLETE_PARENT);
}
END_TEST

START_TEST(several_services_wait_for_each_others_processors)
{
    kit_start(&kit);
    kit_spans(&kit, "stock", "1b<a!");
    kit_advance(&kit, 3000);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 6999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_str_eq(only()->services, "stock shop");
    ck_assert_uint_eq(only()->groups, 2);
}
END_TEST

START_TEST(a_service_of_distributed_traces_is_waited_for_an_hour_long)
{
    kit_start(&kit);
    kit_spans(&kit, "stock", "1b<a!");
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 7000);
    kit_spans(&kit, "shop", "2a");
    kit_advance(&kit, 6999);
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 2);
    kit_advance(&kit, 3600000);
    kit_spans(&kit, "shop", "3a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 3);
}
END_TEST

START_TEST(log_records_after_spans_are_waited_for_once_learned)
{
    kit_start(&kit);
    kit_spans(&kit, "chat", "1a");
    kit_accept(&kit, kit_logs("chat", "1a"));
    kit_advance(&kit, 1000);
    ck_assert_str_eq(only()->items, "a (a)");
    ck_assert_uint_eq(only()->spans, 1);
    kit_spans(&kit, "chat", "2a");
    kit_advance(&kit, 5000);
    kit_accept(&kit, kit_logs("chat", "2a"));
    kit_advance(&kit, 6000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[1].items, "a (a)");
}
END_TEST

START_TEST(log_records_alone_are_given_up_and_counted)
{
    nv_count_reset();
    kit_start(&kit);
    ck_assert_int_eq(kit_accept(&kit, kit_logs("chat", "1a 1b 0c")), NV_OK);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 1);
    kit_advance(&kit, 600000);
    ck_assert_uint_eq(kit.trace_count, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 3);
    struct nv_assembly_status status;
    nv_assembly_read_status(kit.assembly, &status);
    ck_assert_uint_eq(status.open_traces, 0);
    ck_assert_uint_eq(status.claims, 0);
}
END_TEST

START_TEST(only_remote_parents_missing_waits_remote_parent_ms)
{
    kit_start(&kit);
    kit_spans(&kit, "api", "1b<a!");
    kit_advance(&kit, 59999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(only()->incomplete, NV_INCOMPLETE_ROOT);
}
END_TEST

START_TEST(a_server_span_without_flags_has_a_remote_parent)
{
    kit_start(&kit);
    kit_spans(&kit, "api", "1b<a^");
    kit_advance(&kit, 60000);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

START_TEST(remote_parents_that_never_come_are_learned_and_unlearned)
{
    kit_start(&kit);
    for (int i = 0; i < 3; i++) {
        char spans[] = "1b<a!";
        spans[0] = (char)('1' + i);
        kit_spans(&kit, "api", spans);
        kit_advance(&kit, 60000);
    }
    kit_spans(&kit, "api", "4b<a!");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 4);
    ck_assert_uint_eq(kit.traces[3].incomplete, NV_INCOMPLETE_ROOT);
    struct nv_service_facts facts[4];
    ck_assert_uint_eq(nv_assembly_read_services(kit.assembly, facts, 4), 1);
    ck_assert_str_eq(facts[0].name, "api");
    ck_assert(facts[0].remote_parents_missing);
    kit_spans(&kit, "proxy", "4a"); /* it did come after all */
    kit_advance(&kit, 7000);
    kit_spans(&kit, "api", "5b<a!");
    kit_advance(&kit, 59999);
    ck_assert_uint_eq(kit.trace_count, 5);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 6);
}
END_TEST

START_TEST(age_ends_all_waiting)
{
    kit_start(&kit);
    kit_spans(&kit, "agent", "1b<a.");
    for (int i = 0; i < 7; i++) {
        kit_advance(&kit, 500000);
        kit_spans(&kit, "agent", "1c<b.=x");
    }
    kit_advance(&kit, 99999);
    ck_assert_uint_eq(kit.trace_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(only()->incomplete, NV_INCOMPLETE_CUT);
}
END_TEST

START_TEST(a_repeated_request_is_kept_once)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a.");
    kit_spans(&kit, "shop", "1a 1b<a.");
    kit_advance(&kit, 1000);
    ck_assert_str_eq(only()->items, "a b");
    ck_assert_uint_eq(only()->spans, 2);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], 2);
    assert_balanced(4, 2, 0);
}
END_TEST

START_TEST(of_two_spans_with_one_id_the_longer_is_kept)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a=1 1b=1");
    kit_spans(&kit, "shop", "1a=2longer 1b=2");
    kit_advance(&kit, 1000);
    ck_assert_str_eq(only()->items, "b=1 a=2");
    assert_balanced(4, 2, 0);
}
END_TEST

START_TEST(a_repeated_request_after_sending_makes_no_late_part)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a.");
    kit_advance(&kit, 1000);
    kit_spans(&kit, "shop", "1a 1b<a.");
    kit_advance(&kit, 600000);
    ck_assert_uint_eq(kit.trace_count, 1);
    assert_balanced(4, 2, 0);
    struct nv_assembly_status status;
    nv_assembly_read_status(kit.assembly, &status);
    ck_assert_uint_eq(status.open_traces, 0);
    ck_assert_uint_eq(status.held_spans, 0);
}
END_TEST

START_TEST(late_spans_become_a_linked_part)
{
    kit.remember = true;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 1000);
    kit_spans(&kit, "shop", "1b<a.");
    kit_advance(&kit, 999);
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 2);
    const struct kit_trace *late = &kit.traces[1];
    ck_assert_uint_eq(late->part, 1);
    ck_assert_uint_eq(late->incomplete, NV_COMPLETE);
    ck_assert_str_eq(late->first_name, "n1");
    ck_assert_str_eq(late->first_session, "s1");
    ck_assert_str_eq(late->first_user, "u1");
    kit_spans(&kit, "shop", "1c<b.");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.traces[2].part, 2);
    ck_assert_str_eq(kit.traces[2].first_name, "n1");
}
END_TEST

START_TEST(late_spans_of_an_incomplete_trace_are_gathered)
{
    kit_start(&kit);
    kit_spans(&kit, "agent", "1b<a.");
    kit_advance(&kit, 600000);
    kit_spans(&kit, "agent", "1c<a.");
    kit_advance(&kit, 6000);
    kit_spans(&kit, "agent", "1a");
    kit_advance(&kit, 7000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[1].items, "c a");
}
END_TEST

START_TEST(a_cap_on_spans_cuts_into_parts)
{
    kit.config.max_spans = 3;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b<a. 1c<a. 1d<a. 1e<a. 1f<a. 1g<a. 2a");
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_uint_eq(kit.traces[0].incomplete, NV_INCOMPLETE_CUT);
    ck_assert_str_eq(kit.traces[0].items, "a b c");
    ck_assert_uint_eq(kit.traces[1].part, 1);
    ck_assert_str_eq(kit.traces[1].items, "d e f");
    kit_advance(&kit, 6999); /* its root was sent: only stragglers are waited for */
    ck_assert_uint_eq(kit.trace_count, 3);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(kit.trace_count, 4);
    ck_assert_uint_eq(kit.traces[3].part, 2);
    ck_assert_str_eq(kit.traces[3].items, "g");
    assert_balanced(8, 8, 0);
}
END_TEST

/* A whole trace of three parts again and again: each of its spans is sent once. */
START_TEST(a_trace_of_many_parts_is_recognised)
{
    kit.config.max_spans = 4;
    kit_start(&kit);
    for (int i = 0; i < 8; i++)
        kit_spans(&kit, "shop", "1a+ 1b<a.+ 1c<a.+ 1d<a.+ 1e<a.+ 1f<a.+ 1g<a.+ 1h<a.+ 1i<a.+");
    kit_advance(&kit, 700000);
    uint32_t sent = 0;
    for (size_t i = 0; i < kit.trace_count; i++)
        sent += kit.traces[i].spans;
    ck_assert_uint_eq(sent, 9);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 72);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], 63);
}
END_TEST

START_TEST(what_follows_a_cut_waits_for_the_root_that_has_not_come)
{
    kit.config.max_spans = 2;
    kit_start(&kit);
    kit_spans(&kit, "agent", "1b<a. 1c<a. 1d<a.");
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_advance(&kit, 500000);
    ck_assert_uint_eq(kit.trace_count, 1);
    kit_spans(&kit, "agent", "1a");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[1].items, "d a");
    ck_assert_uint_eq(kit.traces[1].part, 1);
}
END_TEST

START_TEST(a_cap_on_bytes_cuts_into_parts)
{
    kit.config.max_trace_bytes = 1000;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a*600 1b*600 1c*3000 1d");
    ck_assert_uint_eq(kit.trace_count, 3);
    kit_advance(&kit, 7000);
    ck_assert_uint_eq(kit.trace_count, 4);
    assert_balanced(4, 4, 0);
}
END_TEST

START_TEST(stop_sends_what_is_open_in_memory)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2b<a. 3c");
    ck_assert_int_eq(nv_assembly_stop(kit.assembly, NV_NS_PER_S), NV_OK);
    ck_assert_uint_eq(kit.trace_count, 3);
    ck_assert_int_eq(kit_spans(&kit, "shop", "4a"), NV_ERR_STOPPING);
    struct nv_acceptor acceptor = nv_assembly_acceptor(kit.assembly);
    ck_assert_int_eq(acceptor.admit(acceptor.ctx, 1), NV_ERR_STOPPING);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(kit.traces[i].incomplete,
                         kit.traces[i].trace == '2' ? NV_INCOMPLETE_SHUTDOWN : NV_COMPLETE);
    }
    assert_balanced(3, 3, 0);
}
END_TEST

START_TEST(the_door_says_full_when_memory_is)
{
    kit.config.memory_bytes = 15000;
    kit_start(&kit);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1a*9000"), NV_OK);
    ck_assert_int_eq(kit_spans(&kit, "shop", "2a*9000"), NV_ERR_FULL);
    kit_advance(&kit, 1000);
    ck_assert_int_eq(kit_spans(&kit, "shop", "2a*9000"), NV_OK);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
    assert_balanced(2, 2, 0);
}
END_TEST

static bool door_open;
static bool may_complete(void *ctx)
{
    (void)ctx;
    return door_open;
}

START_TEST(traces_wait_while_nobody_can_take_them)
{
    kit.config.may_complete = may_complete;
    door_open = false;
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    kit_advance(&kit, 5000);
    ck_assert_uint_eq(kit.trace_count, 0);
    door_open = true;
    kit_advance(&kit, 20);
    ck_assert_uint_eq(kit.trace_count, 1);
}
END_TEST

static int turns_left;
static bool takes_turns(void *ctx)
{
    (void)ctx;
    return turns_left-- > 0;
}

/* Between turns it is asked again whether more can be taken; a turn has one trace at least. */
START_TEST(a_turn_reads_back_only_so_many_bytes)
{
    kit.config.may_complete = takes_turns;
    kit.config.turn_bytes = 600 * 1024; /* the arenas of two of them */
    turns_left = 0;
    kit_start(&kit);
    static const char *const spans[] = {"1a*600", "2a*600", "3a*600", "4a*5000", "5a*600"};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        kit_spans(&kit, "shop", spans[i]);
        kit_advance(&kit, 1);
    }
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 0);
    turns_left = 2;
    kit_advance(&kit, 20);
    ck_assert_uint_eq(kit.trace_count, 3);
    turns_left = 1;
    kit_advance(&kit, 20);
    ck_assert_uint_eq(kit.trace_count, 4);
    turns_left = 1;
    kit_advance(&kit, 20);
    ck_assert_uint_eq(kit.trace_count, 5);
    assert_balanced(5, 5, 0);
}
END_TEST

START_TEST(an_empty_batch_is_fine)
{
    kit_start(&kit);
    ck_assert_int_eq(kit_spans(&kit, "shop", ""), NV_OK);
    assert_balanced(0, 0, 0);
}
END_TEST

START_TEST(the_project_of_the_request_travels_along)
{
    kit_start(&kit);
    struct nv_batch *batch = kit_batch("shop", "1a");
    batch->project = (struct nv_str){strdup("mine"), 4};
    kit_accept(&kit, batch);
    kit_advance(&kit, 1000);
    ck_assert_str_eq(only()->project, "mine");
}
END_TEST

START_TEST(status_tells_what_is_held)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2b<a. 2c<b.");
    kit_advance(&kit, 4000);
    struct nv_assembly_status status;
    nv_assembly_read_status(kit.assembly, &status);
    ck_assert_uint_eq(status.open_traces, 1);
    ck_assert_uint_eq(status.held_spans, 2);
    ck_assert_uint_eq(status.held_bytes, 10);
    ck_assert_uint_eq(status.oldest_age_ns, 4000 * NV_NS_PER_MS);
    ck_assert_uint_gt(status.memory_bytes, 100);
}
END_TEST

/* As assembly.c has it. */
#define SHARDS_MAX 64u

START_TEST(bad_configuration_is_refused)
{
    kit.config.max_spans = 0;
    ck_assert_int_eq(kit_try_start(&kit), NV_ERR_CONFIG);
    kit.config.max_spans = 1;
    kit.config.shards = SHARDS_MAX + 1;
    ck_assert_int_eq(kit_try_start(&kit), NV_ERR_CONFIG);
    kit.config.shards = SHARDS_MAX;
    ck_assert_int_eq(kit_try_start(&kit), NV_OK);
    ck_assert_int_eq(nv_assembly_stop(kit.assembly, 60 * NV_NS_PER_S), NV_OK);
    nv_assembly_free(kit.assembly);
    kit.assembly = NULL;
}
END_TEST

/* As assembly.c has it. */
#define QUEUE_ITEMS_MAX 4096u

/* The threads start when the queue is full: until then nobody takes from it. */
START_TEST(as_many_requests_wait_for_the_journal_and_one_more)
{
    kit.config.shards = 1;
    ck_assert_int_eq(kit_make(&kit), NV_OK);
    atomic_store(&kit.assembly->phase, NV_PHASE_RUNNING);
    struct nv_acceptor acceptor = nv_assembly_acceptor(kit.assembly);
    for (unsigned i = 0; i < QUEUE_ITEMS_MAX; i++)
        acceptor.accept(acceptor.ctx, kit_batch("shop", "1a"), kit_note_done, &kit);
    ck_assert_int_eq(kit.done_count, 0);
    ck_assert_int_eq(kit_spans(&kit, "shop", "1b"), NV_ERR_BUSY);
    atomic_store(&kit.assembly->phase, NV_PHASE_NEW);
    ck_assert_int_eq(nv_assembly_start(kit.assembly, &kit.fail), NV_OK);
    kit_stop(&kit); /* joins those that answer */
    ck_assert_int_eq(kit.done_count, (int)QUEUE_ITEMS_MAX + 1);
    ck_assert_int_eq(kit.done_last, NV_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assembly");
    TCase *tcase = tcase_create("assembly");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_whole_trace_of_one_service_leaves_after_quiet_ms);
    tcase_add_test(tcase, each_span_starts_the_quiet_anew);
    tcase_add_test(tcase, a_missing_local_parent_waits_open_ms);
    tcase_add_test(tcase, a_root_that_never_comes_is_sent_and_said);
    tcase_add_test(tcase, a_missing_parent_beside_a_root_is_said);
    tcase_add_test(tcase, several_services_wait_for_each_others_processors);
    tcase_add_test(tcase, a_service_of_distributed_traces_is_waited_for_an_hour_long);
    tcase_add_test(tcase, log_records_after_spans_are_waited_for_once_learned);
    tcase_add_test(tcase, log_records_alone_are_given_up_and_counted);
    tcase_add_test(tcase, only_remote_parents_missing_waits_remote_parent_ms);
    tcase_add_test(tcase, a_server_span_without_flags_has_a_remote_parent);
    tcase_add_test(tcase, remote_parents_that_never_come_are_learned_and_unlearned);
    tcase_add_test(tcase, age_ends_all_waiting);
    tcase_add_test(tcase, a_repeated_request_is_kept_once);
    tcase_add_test(tcase, of_two_spans_with_one_id_the_longer_is_kept);
    tcase_add_test(tcase, a_repeated_request_after_sending_makes_no_late_part);
    tcase_add_test(tcase, late_spans_become_a_linked_part);
    tcase_add_test(tcase, late_spans_of_an_incomplete_trace_are_gathered);
    tcase_add_test(tcase, a_cap_on_spans_cuts_into_parts);
    tcase_add_test(tcase, a_trace_of_many_parts_is_recognised);
    tcase_add_test(tcase, what_follows_a_cut_waits_for_the_root_that_has_not_come);
    tcase_add_test(tcase, a_cap_on_bytes_cuts_into_parts);
    tcase_add_test(tcase, stop_sends_what_is_open_in_memory);
    tcase_add_test(tcase, the_door_says_full_when_memory_is);
    tcase_add_test(tcase, traces_wait_while_nobody_can_take_them);
    tcase_add_test(tcase, a_turn_reads_back_only_so_many_bytes);
    tcase_add_test(tcase, an_empty_batch_is_fine);
    tcase_add_test(tcase, the_project_of_the_request_travels_along);
    tcase_add_test(tcase, status_tells_what_is_held);
    tcase_add_test(tcase, bad_configuration_is_refused);
    tcase_add_test(tcase, as_many_requests_wait_for_the_journal_and_one_more);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
