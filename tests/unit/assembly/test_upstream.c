/*
 * An assembly whose requests lie in somebody else's log: a request is forgotten when the last
 * trace with spans of it is settled and not before, what was sent is told with its extent,
 * what is open at a stop is neither sent nor forgotten, what was sent before is late.
 */
#include "assembly_kit.h"
#include "expect.h"

#include "assembly/hold/leave.h"
#include "model/ledger.h"

#include <stdlib.h>

#include "base/banned.h"

static struct kit kit;
static uint64_t forgotten[128];
static size_t forgotten_count;
static struct nv_upstream_part parts[128];
static size_t part_count;

static void on_settled(void *ctx, const struct nv_upstream_part *part)
{
    (void)ctx;
    parts[part_count++] = *part;
}

static void on_forgotten(void *ctx, uint64_t record_id)
{
    (void)ctx;
    forgotten[forgotten_count++] = record_id;
}

static void set_up(void)
{
    forgotten_count = part_count = 0;
    nv_ledger_reset();
    kit_init(&kit);
    kit.config.upstream =
        (struct nv_upstream){.settled = on_settled, .forgotten = on_forgotten};
    kit.hold_claims = true;
    kit_start(&kit);
}

static void tear_down(void)
{
    kit_release(&kit);
}

static void take(uint64_t record_id, const char *spans)
{
    ck_assert_int_eq(nv_assembly_take(kit.assembly, kit_batch("shop", spans), record_id),
                     NV_OK);
}

START_TEST(a_request_is_forgotten_with_its_last_trace)
{
    take(2, "1a 2a");
    take(4, "1b<a");
    kit_advance(&kit, 60000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_uint_eq(forgotten_count, 0);
    ck_assert_uint_eq(part_count, 0);
    kit_settle_all(&kit);
    nv_assembly_tick(kit.assembly);
    ck_assert_uint_eq(part_count, 2);
    ck_assert_uint_eq(forgotten_count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool first = parts[i].last[NV_SIGNAL_TRACES].record_id == 4;
        ck_assert_uint_eq(parts[i].part, 0);
        ck_assert_uint_eq(parts[i].first[NV_SIGNAL_TRACES].record_id, 2);
        ck_assert_uint_eq(parts[i].first[NV_SIGNAL_TRACES].ordinal, first ? 0 : 1);
        ck_assert_uint_eq(parts[i].last[NV_SIGNAL_TRACES].ordinal, first ? 0 : 1);
        ck_assert_uint_eq(parts[i].last[NV_SIGNAL_LOGS].record_id, 0);
    }
}
END_TEST

/* What was settled is told between them, however much is due. */
START_TEST(many_traces_leave_in_turns)
{
    const unsigned many = 70;
    ck_assert_uint_gt(many, NV_TURN_MAX);
    for (unsigned i = 0; i < many; i++) {
        const char spans[] = {(char)('1' + i), 'a', '\0'};
        take(2 * ((uint64_t)i + 1), spans);
    }
    nv_fake_clock_advance(&kit.clock, 600 * NV_NS_PER_S);
    ck_assert_uint_le(nv_assembly_tick(kit.assembly), kit.clock.mono);
    ck_assert_uint_le(kit.trace_count, NV_TURN_MAX);
    size_t left = kit.trace_count;
    kit_settle_all(&kit);
    nv_assembly_tell(kit.assembly);
    ck_assert_uint_eq(part_count, left);
    ck_assert_uint_eq(kit.trace_count, left);
    while (nv_assembly_tick(kit.assembly) <= kit.clock.mono) {
    }
    ck_assert_uint_eq(kit.trace_count, many);
}
END_TEST

START_TEST(spans_and_log_records_have_an_extent_each)
{
    take(10, "1a");
    ck_assert_int_eq(nv_assembly_take(kit.assembly, kit_logs("shop", "1a 1a"), 7), NV_OK);
    kit_advance(&kit, 60000);
    kit_settle_all(&kit);
    nv_assembly_tick(kit.assembly);
    ck_assert_uint_eq(part_count, 1);
    ck_assert_uint_eq(parts[0].first[NV_SIGNAL_TRACES].record_id, 10);
    ck_assert_uint_eq(parts[0].last[NV_SIGNAL_TRACES].record_id, 10);
    ck_assert_uint_eq(parts[0].last[NV_SIGNAL_LOGS].record_id, 7);
    ck_assert_uint_eq(parts[0].last[NV_SIGNAL_LOGS].ordinal, 1);
    ck_assert_uint_eq(forgotten_count, 2);
}
END_TEST

START_TEST(what_is_of_no_use_is_forgotten_at_once)
{
    struct nv_batch *batch = kit_batch("shop", "1a 1b");
    batch->items[0].flags |= NV_ITEM_LEFT_OUT;
    batch->items[1].flags |= NV_ITEM_LEFT_OUT;
    ck_assert_int_eq(nv_assembly_take(kit.assembly, batch, 8), NV_OK);
    ck_assert_uint_eq(forgotten_count, 1);
    ck_assert_uint_eq(forgotten[0], 8);
    struct nv_ledger now;
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.received, 0);
}
END_TEST

START_TEST(an_item_that_is_left_out_keeps_its_number)
{
    struct nv_batch *batch = kit_batch("shop", "1a 1b");
    batch->items[0].flags |= NV_ITEM_LEFT_OUT;
    ck_assert_int_eq(nv_assembly_take(kit.assembly, batch, 8), NV_OK);
    kit_advance(&kit, 60000);
    kit_settle_all(&kit);
    nv_assembly_tick(kit.assembly);
    ck_assert_str_eq(kit.traces[0].items, "b");
    ck_assert_uint_eq(parts[0].first[NV_SIGNAL_TRACES].ordinal, 1);
    ck_assert_uint_eq(parts[0].last[NV_SIGNAL_TRACES].ordinal, 1);
}
END_TEST

START_TEST(what_is_open_at_a_stop_is_handed_over)
{
    struct nv_ledger now;
    take(2, "1a 1b<a");
    kit_stop(&kit);
    ck_assert_uint_eq(kit.trace_count, 0);
    ck_assert_uint_eq(forgotten_count, 0);
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.held, 0);
    ck_assert_uint_eq(now.dropped[NV_DROP_HANDED_OVER], 2);
}
END_TEST

START_TEST(what_was_not_delivered_is_not_forgotten)
{
    take(2, "1a");
    kit_advance(&kit, 60000);
    ck_assert_uint_eq(kit.claim_count, 1);
    struct nv_settler settler = nv_assembly_settler_of_all();
    settler.settle(settler.ctx, kit.claims[0], NV_OUTCOME_LEFT);
    kit.claim_count = 0;
    nv_assembly_tick(kit.assembly);
    ck_assert_uint_eq(forgotten_count, 0);
    ck_assert_uint_eq(part_count, 0);
}
END_TEST

START_TEST(what_somebody_else_sent_makes_the_next_part_late)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    struct nv_batch *batch = kit_batch("shop", "1z<a");
    memcpy(id, batch->items[0].trace_id, sizeof id);
    nv_assembly_learn(kit.assembly, id, 0);
    ck_assert_int_eq(nv_assembly_take(kit.assembly, batch, 8), NV_OK);
    kit_advance(&kit, 60000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_uint_eq(kit.traces[0].part, 1);
    kit_settle_all(&kit);
}
END_TEST

START_TEST(full_memory_takes_nothing)
{
    kit_stop(&kit);
    kit.config.memory_bytes = 4000;
    kit_start(&kit);
    enum nv_err err = NV_OK;
    uint64_t id = 2;
    for (; err == NV_OK && id < 400; id += 2)
        err = nv_assembly_take(kit.assembly, kit_batch("shop", "1a*500"), id);
    ck_assert(err == NV_ERR_FULL || err == NV_ERR_BUSY);
    ck_assert_uint_eq(forgotten_count, 0);
}
END_TEST

START_TEST(it_needs_neither_journal_nor_threads)
{
    kit_stop(&kit);
    kit.config.shards = 1;
    ck_assert_ptr_null(
        nv_assembly_new(&kit.config, &kit.clock.clock, &(struct nv_completer){0}, &kit.fail));
    ck_assert_int_eq(kit.fail.code, NV_ERR_CONFIG);
    kit.config.shards = 0;
    kit_start(&kit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assembly/upstream");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_request_is_forgotten_with_its_last_trace);
    tcase_add_test(tcase, many_traces_leave_in_turns);
    tcase_add_test(tcase, spans_and_log_records_have_an_extent_each);
    tcase_add_test(tcase, what_is_of_no_use_is_forgotten_at_once);
    tcase_add_test(tcase, an_item_that_is_left_out_keeps_its_number);
    tcase_add_test(tcase, what_is_open_at_a_stop_is_handed_over);
    tcase_add_test(tcase, what_was_not_delivered_is_not_forgotten);
    tcase_add_test(tcase, what_somebody_else_sent_makes_the_next_part_late);
    tcase_add_test(tcase, full_memory_takes_nothing);
    tcase_add_test(tcase, it_needs_neither_journal_nor_threads);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
