/*
 * Ends of traces, told from inside the sender: each moves ledger, claim, record and memory
 * together.
 */
#include "expect.h"
#include "exporter_rig.h"

#include "base/log/counters.h"
#include "exporter/outbox/dead_letters.h"
#include "exporter/send/sender.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_rig rig;
static struct nv_sender sender;

static void setup(void)
{
    rig_init(&rig);
    nv_ledger_reset();
    nv_count_reset();
    sender = (struct nv_sender){.config = &rig.config,
                                .settler = &rig.settler,
                                .store = &rig.store,
                                .clock = &rig.clock.clock,
                                .queue = nv_send_queue_new(1 << 20, 100)};
    ck_assert_int_eq(nv_sender_init(&sender), NV_OK);
}

static void teardown(void)
{
    nv_sender_release(&sender);
    nv_send_queue_free(sender.queue);
    rig_release(&rig);
}

static struct nv_encoded *encoded(const char *name)
{
    struct nv_encoded *one = rig_encoded(&rig, name, 3);

    nv_send_queue_remember(sender.queue, one);
    return one;
}

static struct nv_ledger ledger(void)
{
    struct nv_ledger all;

    nv_ledger_read(&all);
    return all;
}

START_TEST(delivered)
{
    nv_sender_delivered(&sender, encoded("t"));
    ck_assert_uint_eq(ledger().delivered, 3);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 1);
    ck_assert_uint_eq(nv_send_queue_bytes(sender.queue), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 1);
    ck_assert_uint_eq(sender.status.last_delivery_wall_ns, rig.clock.wall);
}
END_TEST

static const struct nv_verdict verdict = {
    .action = NV_ACTION_DEAD, .dead = NV_DEAD_TOO_LARGE, .why = "too large for the backend"};

static void look(void *ctx, const struct nv_dead_letter *letter)
{
    ++*(unsigned *)ctx;
    ck_assert_nv_str(letter->reason, "too_large");
    ck_assert_nv_str(letter->why, "too large for the backend: so it says");
    ck_assert_nv_str(letter->name, "t");
    ck_assert_int_eq(letter->status, 413);
}

START_TEST(dead)
{
    unsigned count = 0;

    nv_sender_doom(&sender, encoded("t"), &verdict, 413, "so it says");
    ck_assert_uint_eq(ledger().dead[NV_DEAD_TOO_LARGE], 3);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    ck_assert_uint_eq(nv_send_queue_bytes(sender.queue), 0);
    ck_assert_int_eq(nv_dead_letters_list(&rig.store, look, &count), NV_OK);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(dead_when_the_store_can)
{
    rig.put_fails = NV_ERR_IO;
    for (int i = 0; i < 3; i++)
        nv_sender_doom(&sender, encoded("t"), &verdict, 413, "");
    ck_assert_uint_eq(ledger().queued, 9);
    ck_assert_uint_eq(sender.doomed.count, 3);
    nv_sender_bury(&sender);
    ck_assert_uint_eq(sender.doomed.count, 3);
    ck_assert_uint_gt(sender.store_trouble_ns, rig.clock.mono);
    rig.put_fails = NV_OK;
    nv_sender_bury(&sender);
    ck_assert_uint_eq(sender.doomed.count, 0);
    ck_assert_uint_eq(ledger().dead[NV_DEAD_TOO_LARGE], 9);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 3);
}
END_TEST

START_TEST(dead_without_a_store)
{
    sender.store = NULL;
    nv_sender_doom(&sender, encoded("t"), &verdict, 413, "");
    ck_assert_uint_eq(ledger().dead[NV_DEAD_TOO_LARGE], 3);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/settle");
    TCase *tcase = tcase_create("settle");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, delivered);
    tcase_add_test(tcase, dead);
    tcase_add_test(tcase, dead_when_the_store_can);
    tcase_add_test(tcase, dead_without_a_store);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
