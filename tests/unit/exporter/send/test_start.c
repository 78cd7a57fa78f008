/*
 * A body's way into flight, packed by the sender's own thread and by others: what is on the
 * wire is the same, what is being packed counts as in flight, and a gate that has closed
 * meanwhile, a stop and want of memory give the body back unharmed.
 */
#include "expect.h"
#include "exporter_rig.h"
#include "oom.h"

#include "base/log/counters.h"
#include "exporter/send/sender.h"

#include "base/banned.h"

static struct nv_rig rig;
static struct nv_sender sender;

static void open_with(uint32_t threads)
{
    nv_ledger_reset();
    nv_count_reset();
    rig.config.compression_threads = threads;
    rig.config.batch_traces = 2;
    sender = (struct nv_sender){.config = &rig.config,
                                .settler = &rig.settler,
                                .clock = &rig.clock.clock,
                                .transport = &rig.transport,
                                .queue = nv_send_queue_new(1 << 20, 100)};
    ck_assert_int_eq(nv_sender_init(&sender), NV_OK);
    sender.gate.width = 4;
}

static void setup(void)
{
    rig_init(&rig);
}

static void teardown(void)
{
    nv_sender_end_packing(&sender);
    for (struct rig_flight *flight; (flight = rig_flight(&rig)) != NULL;)
        rig_answer(&rig, flight, 200, "", "");
    nv_sender_abandon(&sender);
    nv_sender_release(&sender);
    nv_send_queue_free(sender.queue);
    rig_release(&rig);
}

static void push(uint32_t traces)
{
    for (uint32_t i = 0; i < traces; i++)
        ck_assert(nv_send_queue_push(sender.queue, rig_encoded(&rig, "t", 2)) || i > 0);
}

/* Pumps, and once more when what was put to the threads is packed. */
static void pump(void)
{
    (void)nv_sender_pump(&sender);
    if (sender.packing)
        nv_packing_wait(sender.packing);
    (void)nv_sender_pump(&sender);
}

/* By 0, 1 and 3 threads. */
START_TEST(bodies_arrive_whole)
{
    static const uint32_t threads[] = {0, 1, 3};

    open_with(threads[_i]);
    push(8);
    pump();
    ck_assert_uint_eq(rig_in_flight(&rig), 4);
    ck_assert_uint_eq(sender.in_flight, 4);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_SEND_ATTEMPTS), 4);
    for (struct rig_flight *flight; (flight = rig_flight(&rig)) != NULL;) {
        ck_assert(flight->gzip);
        ck_assert_uint_eq(rig_traces_in(flight), 2);
        rig_answer(&rig, flight, 200, "", "");
    }
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 8);
    ck_assert_uint_eq(sender.in_flight, 0);
}
END_TEST

START_TEST(without_gzip_nothing_is_put_to_threads)
{
    open_with(2);
    sender.identity_until_ns = UINT64_MAX;
    push(2);
    (void)nv_sender_pump(&sender);
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
    ck_assert(!rig_flight(&rig)->gzip);
}
END_TEST

START_TEST(what_is_being_packed_counts_as_in_flight)
{
    open_with(1);
    sender.gate.width = 2;
    push(8);
    (void)nv_sender_pump(&sender);
    ck_assert_uint_eq(sender.in_flight, 2);
    ck_assert_uint_eq(sender.fresh.count, 4);
    ck_assert(!nv_sender_is_idle(&sender));
    pump();
    ck_assert_uint_eq(rig_in_flight(&rig), 2);
}
END_TEST

/* No attempt was made: none is counted, and the next one pays nothing. */
START_TEST(a_gate_that_closes_gives_the_body_back)
{
    open_with(1);
    push(2);
    (void)nv_sender_pump(&sender);
    nv_packing_wait(sender.packing);
    sender.gate.until_ns = rig.clock.mono + 5 * NV_NS_PER_S;
    (void)nv_sender_pump(&sender);
    ck_assert_uint_eq(rig_in_flight(&rig), 0);
    ck_assert_uint_eq(sender.in_flight, 0);
    ck_assert_uint_eq(sender.retry_count, 1);
    ck_assert_uint_eq(sender.retry->attempt, 0);
    ck_assert_uint_eq(sender.retry->wire.len, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_SEND_ATTEMPTS), 0);
    nv_fake_clock_advance(&rig.clock, 5 * NV_NS_PER_S);
    pump();
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_SEND_RETRIES), 0);
}
END_TEST

/* While others than the API refuse, only what they have not seen is a pilot. */
START_TEST(only_a_first_try_goes_as_a_pilot)
{
    open_with(1);
    push(2);
    (void)nv_sender_pump(&sender);
    nv_packing_wait(sender.packing);
    sender.flying->attempt = (uint32_t)_i;
    sender.gate.hold = NV_HOLD_FOREIGN;
    sender.gate.until_ns = rig.clock.mono + 5 * NV_NS_PER_S;
    nv_sender_launch_packed(&sender, rig.clock.mono);
    ck_assert_uint_eq(rig_in_flight(&rig), _i == 0 ? 1 : 0);
    ck_assert_uint_eq(sender.retry_count, _i == 0 ? 0 : 1);
}
END_TEST

START_TEST(a_stop_gives_the_body_back)
{
    open_with(2);
    push(4);
    (void)nv_sender_pump(&sender);
    nv_sender_end_packing(&sender);
    ck_assert_uint_eq(sender.in_flight, 0);
    ck_assert_uint_eq(sender.retry_count, 2);
    ck_assert_uint_eq(rig_in_flight(&rig), 0);
}
END_TEST

/* A transport that takes nothing, and no memory for the body's bytes. */
START_TEST(trouble_of_our_own_waits)
{
    open_with(_i == 0 ? 0 : 1);
    push(2);
    rig.send_fails = NV_ERR_NO_MEMORY;
    pump();
    ck_assert_uint_eq(sender.in_flight, 0);
    ck_assert_uint_eq(sender.retry_count, 1);
    ck_assert_uint_gt(sender.retry->due_ns, rig.clock.mono);
    rig.send_fails = NV_OK;
    nv_fake_clock_advance(&rig.clock, NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS);
    pump();
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    bool failed = true;

    open_with(_i == 0 ? 0 : 1);
    push(2);
    for (unsigned long nth = 1; failed; nth++) {
        oom_fail_nth(nth);
        pump();
        failed = oom_end();
        ck_assert_uint_eq(sender.fresh.count + 2 * (sender.retry_count + sender.in_flight), 2);
        nv_fake_clock_advance(&rig.clock, NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS);
    }
    pump();
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/start");
    TCase *tcase = tcase_create("start");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, bodies_arrive_whole, 0, 3);
    tcase_add_test(tcase, without_gzip_nothing_is_put_to_threads);
    tcase_add_test(tcase, what_is_being_packed_counts_as_in_flight);
    tcase_add_test(tcase, a_gate_that_closes_gives_the_body_back);
    tcase_add_loop_test(tcase, only_a_first_try_goes_as_a_pilot, 0, 2);
    tcase_add_test(tcase, a_stop_gives_the_body_back);
    tcase_add_loop_test(tcase, trouble_of_our_own_waits, 0, 2);
    tcase_add_loop_test(tcase, each_allocation_may_fail, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
