/*
 * When the pump wants to be called next: the time of each reason, and never a time in the past
 * that nothing can be done about, which would spin the loop.
 */
#include "expect.h"
#include "exporter_rig.h"

#include "exporter/send/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static uint64_t wait_ms(void)
{
    uint64_t ns = nv_exporter_pump(rig.exporter);

    return ns == UINT64_MAX ? UINT64_MAX : ns / NV_NS_PER_MS;
}

START_TEST(nothing_to_do)
{
    rig_open(&rig, true);
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
}
END_TEST

START_TEST(a_batch_has_its_time)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    ck_assert_uint_eq(wait_ms(), 1000);
    nv_fake_clock_advance(&rig.clock, 400 * NV_NS_PER_MS);
    rig_consume_many(&rig, 1);
    ck_assert_uint_eq(wait_ms(), 600);
    nv_fake_clock_advance(&rig.clock, 600 * NV_NS_PER_MS);
    /* In flight: only the answer can bring work. */
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
}
END_TEST

START_TEST(a_retry_after_is_slept_through)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 503, "20", "");
    ck_assert_uint_ge(wait_ms(), 19999);
    ck_assert_uint_le(wait_ms(), 22500);
}
END_TEST

START_TEST(an_unpaid_retry_waits_for_the_budget)
{
    uint64_t waited = 0;

    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    for (int i = 0; i < 30; i++) {
        uint64_t ms;

        rig_answer(&rig, rig_flight(&rig), 500, "", "");
        /* Asleep until it is paid: a handful of pumps a retry, not one a millisecond. */
        for (int pumps = 0; !rig_flight(&rig); pumps++) {
            ck_assert_int_lt(pumps, 5);
            ms = wait_ms();
            if (ms == UINT64_MAX)
                break;
            nv_fake_clock_advance(&rig.clock, (ms + 1) * NV_NS_PER_MS);
            waited += ms + 1;
        }
        ck_assert_ptr_nonnull(rig_flight(&rig));
    }
    /* Ten at once are in the budget; then one in five seconds, less what the attempts earn. */
    ck_assert_uint_ge(waited, 60000);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
}
END_TEST

START_TEST(a_hold_is_slept_through)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), _i == 0 ? 401 : 404, "", "");
    ck_assert_uint_eq(wait_ms(), 5000);
    nv_fake_clock_advance(&rig.clock, 5000 * NV_NS_PER_MS);
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
    ck_assert_ptr_nonnull(rig_flight(&rig));
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
}
END_TEST

START_TEST(an_empty_hold_does_not_probe)
{
    rig_open(&rig, false);
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
    ck_assert_uint_eq(rig.probes, 0);
}
END_TEST

/* All old slots taken, outbox not empty: the loop must wait for an answer, not spin. */
START_TEST(a_full_width_of_old_bodies_does_not_spin)
{
    uint32_t steps = 0;

    rig.config.batch_traces = 1;
    rig.config.spill_bytes = rig.config.queue_bytes_max = 1;
    rig_open(&rig, true);
    rig_consume_many(&rig, 60);
    for (int i = 0; i < 20; i++)
        (void)nv_exporter_pump(rig.exporter);
    ck_assert_uint_gt(rig_status(&rig).outbox_records, 40);
    for (int i = 0; i < 8; i++) {
        if (rig_flight(&rig))
            rig_answer(&rig, rig_flight(&rig), 200, "", "");
        rig_run(&rig, 500);
    }
    rig_run(&rig, 2000);
    while (wait_ms() < 50) {
        ck_assert_uint_lt(++steps, 60);
        nv_fake_clock_advance(&rig.clock, 50 * NV_NS_PER_MS);
    }
    ck_assert_uint_eq(rig_in_flight(&rig), 3);
}
END_TEST

/* A body that stays in the cache while half of the requests are free; larger ones where the
 * backend is what is slow, or takes one at a time. */
START_TEST(fresh_bodies_are_large_when_most_are_under_way)
{
    struct nv_sender sender = {.limits = {100, 4 * NV_SENDER_BODY_BYTES}, .gate = {.width = 4}};

    for (; sender.in_flight < 4; sender.in_flight++) {
        ck_assert_uint_eq(nv_sender_fresh_limits(&sender).bytes_max,
                          sender.in_flight < 2 ? NV_SENDER_BODY_BYTES
                                               : 4 * NV_SENDER_BODY_BYTES);
        ck_assert_uint_eq(nv_sender_fresh_limits(&sender).traces_max, 100);
    }
    sender.in_flight = 0;
    sender.gate.width = 1;
    ck_assert_uint_eq(nv_sender_fresh_limits(&sender).bytes_max, 4 * NV_SENDER_BODY_BYTES);
    sender.gate.width = 4;
    sender.limits.bytes_max = NV_SENDER_BODY_BYTES - 1;
    ck_assert_uint_eq(nv_sender_fresh_limits(&sender).bytes_max, NV_SENDER_BODY_BYTES - 1);
}
END_TEST

/* Pushes `count` traces of 50 bytes; how many of them wake the sender? */
static int wakes_of(struct nv_send_queue *queue, int count)
{
    struct nv_encoded_list list = {0};
    struct nv_encoded *encoded;
    int wakes = 0;

    for (int i = 0; i < count; i++) {
        encoded = nv_encoded_new(
            (struct nv_str){"01234567890123456789012345678901234567890123456789", 50}, 1);
        wakes += nv_send_queue_push(queue, encoded);
    }
    ck_assert_ptr_null(nv_send_queue_take_all(queue, &list));
    while ((encoded = nv_encoded_list_pop(&list)) != NULL) {
        nv_send_queue_forget(queue, encoded);
        free(encoded);
    }
    return wakes;
}

START_TEST(it_is_woken_when_a_body_is_full)
{
    struct nv_send_queue *queue = nv_send_queue_new(1 << 20, 1000);
    struct nv_encoded *one = nv_encoded_new(NV_STR("{}"), 1);
    struct nv_sender sender = {.config = &rig.config,
                               .queue = queue,
                               .transport = &rig.transport,
                               .limits = {10, 1000},
                               .gate = {.width = 1}};

    /* nothing waits, and no alarm is set */
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 1), 1);
    /* nine more traces, or 998 bytes */
    nv_encoded_list_push(&sender.fresh, one);
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 8), 0);
    ck_assert_int_eq(wakes_of(queue, 9), 1);
    sender.limits.bytes_max = 402;
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 8), 1);
    /* full, but it can't leave: for another body */
    sender.limits.traces_max = 1;
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 1), 1);
    /* what memory holds is bounded first */
    sender.limits = (struct nv_pack_limits){100, 10000};
    rig.config.queue_traces_max = 24;
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 3), 1);
    rig.config.spill_bytes = 1;
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 1), 1);
    /* a stop, and files */
    rig.config.queue_traces_max = 1000;
    rig.config.spill_bytes = 1 << 20;
    sender.stopping = true;
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 1), 1);
    sender.stopping = false;
    sender.transport = NULL;
    ck_assert(!nv_sender_await(&sender));
    ck_assert_int_eq(wakes_of(queue, 1), 1);
    free(nv_encoded_list_pop(&sender.fresh));
    nv_send_queue_free(queue);
}
END_TEST

START_TEST(trouble_with_the_store_is_tried_each_second)
{
    rig_open(&rig, true);
    rig.put_fails = NV_ERR_NO_SPACE;
    rig_consume_many(&rig, 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    ck_assert_uint_eq(wait_ms(), 1000);
    rig.put_fails = NV_OK;
    nv_fake_clock_advance(&rig.clock, 1000 * NV_NS_PER_MS);
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
}
END_TEST

/* With nothing to send the age of files alone wakes the sender. */
START_TEST(files_of_media_end_by_their_age)
{
    char root[] = "/tmp/nv-schedule-XXXXXX", name[NV_MEDIA_FILE_NAME], path[128];
    const struct nv_medium medium = {.text = NV_STR("Zm9vYmFy"), .bytes = 6};
    ck_assert_ptr_nonnull(mkdtemp(root));
    const struct nv_media_files_config config = {
        .directory = root, .files_max = 9, .bytes_max = 999, .age_ms = 5000};
    rig.config.media_files = nv_media_files_new(&config, &rig.clock.clock, NULL);
    ck_assert_ptr_nonnull(rig.config.media_files);
    rig_open(&rig, true);
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
    const struct nv_media_keeper *keeper = nv_media_files_keeper(rig.config.media_files);
    ck_assert_int_eq(keeper->keep(keeper->ctx, &medium, name), NV_OK);
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    ck_assert_uint_eq(wait_ms(), 5000);
    ck_assert_int_eq(access(path, F_OK), 0);
    nv_fake_clock_advance(&rig.clock, 5000 * NV_NS_PER_MS);
    ck_assert_uint_eq(wait_ms(), UINT64_MAX);
    ck_assert_int_ne(access(path, F_OK), 0);
    rig_close(&rig);
    nv_media_files_free(rig.config.media_files);
    ck_assert_int_eq(rmdir(root), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/schedule");
    TCase *tcase = tcase_create("schedule");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, a_batch_has_its_time);
    tcase_add_test(tcase, a_retry_after_is_slept_through);
    tcase_add_test(tcase, an_unpaid_retry_waits_for_the_budget);
    tcase_add_loop_test(tcase, a_hold_is_slept_through, 0, 2);
    tcase_add_test(tcase, an_empty_hold_does_not_probe);
    tcase_add_test(tcase, a_full_width_of_old_bodies_does_not_spin);
    tcase_add_test(tcase, fresh_bodies_are_large_when_most_are_under_way);
    tcase_add_test(tcase, it_is_woken_when_a_body_is_full);
    tcase_add_test(tcase, trouble_with_the_store_is_tried_each_second);
    tcase_add_test(tcase, files_of_media_end_by_their_age);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
