/*
 * A partition without a broker: its clock is the log's, nothing leaves while the log records
 * are behind, the end of the log lets time pass, what was delivered before is left out, chunks
 * are kept as long as they are needed.
 */
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"

#include "base/limits.h"
#include "kafka/partition.h"

#include <stdlib.h>

#include "base/banned.h"

#define S NV_NS_PER_S

static struct nv_kafka_held_calls calls;
static const struct nv_clock *log_clock;
static enum nv_err answer;
static uint64_t next_ns;
static uint32_t left_in; /* of the batch taken last */
static unsigned learned;
static struct nv_kafka_partition *partition;

static enum nv_err open_held(void *ctx, int32_t number, const struct nv_kafka_held_calls *given,
                             const struct nv_clock *clock, void **held)
{
    (void)number;
    calls = *given;
    log_clock = clock;
    *held = ctx;
    return NV_OK;
}

static void learn(void *held, const struct nv_delivered_note *note)
{
    (void)held;
    (void)note;
    learned++;
}

static enum nv_err take(void *held, struct nv_batch *batch, int64_t offset)
{
    (void)held;
    (void)offset;
    left_in = 0;
    for (uint32_t i = 0; i < batch->item_count; i++)
        left_in += (batch->items[i].flags & NV_ITEM_LEFT_OUT) == 0;
    nv_batch_free(batch);
    return answer;
}

static uint64_t tick(void *held)
{
    (void)held;
    return next_ns;
}

static void close_held(void *held)
{
    (void)held;
}

static const struct nv_kafka_holder holder = {.ctx = &calls,
                                              .open = open_held,
                                              .learn = learn,
                                              .take = take,
                                              .tick = tick,
                                              .close = close_held};

static void set_up(void)
{
    const int64_t from[2] = {10, 20};
    answer = NV_OK;
    next_ns = UINT64_MAX;
    learned = 0;
    ck_assert_int_eq(nv_kafka_partition_new(&holder, 3, from, &partition), NV_OK);
}

static void tear_down(void)
{
    nv_kafka_partition_free(partition);
}

static enum nv_err offer(enum nv_signal signal, int64_t offset, uint64_t stamp_ns)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&request));
    ck_assert_int_eq(decoded.err, NV_OK);
    decoded.batch->signal = signal;
    return nv_kafka_partition_take(partition, decoded.batch, offset, stamp_ns, 1000 * S);
}

static uint64_t now(void)
{
    return log_clock->mono_ns(log_clock->ctx);
}

START_TEST(time_is_the_logs)
{
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 10, 100 * S), NV_OK);
    ck_assert_uint_eq(now(), 100 * S);
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 11, 90 * S), NV_OK); /* never goes back */
    ck_assert_uint_eq(now(), 100 * S);
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 12, 5000 * S), NV_OK); /* nor past the wall */
    ck_assert_uint_eq(now(), 1000 * S);
}
END_TEST

START_TEST(log_records_wait_until_the_time_is_known)
{
    ck_assert_int_eq(offer(NV_SIGNAL_LOGS, 20, 100 * S), NV_ERR_AGAIN);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_LOGS), 20);
    ck_assert(nv_kafka_partition_asks(partition, NV_SIGNAL_TRACES, 1000 * S));
    nv_kafka_partition_at_end(partition, NV_SIGNAL_TRACES, 10, 200 * S);
    ck_assert_uint_eq(now(), 200 * S);
    ck_assert_int_eq(offer(NV_SIGNAL_LOGS, 20, 100 * S), NV_OK);
}
END_TEST

START_TEST(nothing_leaves_while_log_records_are_behind)
{
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 10, 100 * S), NV_OK);
    ck_assert(!calls.may_leave(calls.ctx));
    ck_assert(nv_kafka_partition_asks(partition, NV_SIGNAL_LOGS, 1000 * S));
    nv_kafka_partition_at_end(partition, NV_SIGNAL_LOGS, 21, 150 * S); /* one is not read yet */
    ck_assert(!calls.may_leave(calls.ctx));
    nv_kafka_partition_at_end(partition, NV_SIGNAL_LOGS, 20, 150 * S);
    ck_assert(calls.may_leave(calls.ctx));
    ck_assert(!nv_kafka_partition_asks(partition, NV_SIGNAL_LOGS, 1000 * S));
    partition->closing = true;
    ck_assert(!calls.may_leave(calls.ctx));
}
END_TEST

START_TEST(at_the_end_of_the_log_time_passes_when_the_broker_says_so)
{
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 10, 100 * S), NV_OK);
    next_ns = 105 * S;
    nv_kafka_partition_tick(partition, 104 * S);
    ck_assert(!nv_kafka_partition_asks(partition, NV_SIGNAL_TRACES, 104 * S));
    ck_assert(nv_kafka_partition_asks(partition, NV_SIGNAL_TRACES, 106 * S));
    nv_kafka_partition_at_end(partition, NV_SIGNAL_TRACES, 12, 106 * S); /* more is there */
    ck_assert_uint_eq(now(), 100 * S);
    nv_kafka_partition_at_end(partition, NV_SIGNAL_TRACES, 11, 106 * S);
    ck_assert_uint_eq(now(), 106 * S);
}
END_TEST

START_TEST(without_memory_time_passes_by_the_wall)
{
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 10, 100 * S), NV_OK);
    answer = NV_ERR_FULL;
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 11, 101 * S), NV_ERR_FULL);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES), 10);
    nv_kafka_partition_press(partition, 500 * S);
    ck_assert(calls.may_leave(calls.ctx));
    nv_kafka_partition_tick(partition, 507 * S);
    ck_assert_uint_eq(now(), 108 * S);
    answer = NV_OK;
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 11, 101 * S), NV_OK);
    ck_assert(!partition->pressed);
}
END_TEST

START_TEST(marks_follow_what_is_done)
{
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 10, 100 * S), NV_OK);
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 14, 100 * S), NV_OK);
    ck_assert_int_eq(nv_kafka_partition_pass(partition, NV_SIGNAL_TRACES, 15), NV_OK);
    calls.forgotten(calls.ctx, NV_SIGNAL_TRACES, 14);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES), 10);
    calls.forgotten(calls.ctx, NV_SIGNAL_TRACES, 10);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES), 15);
    nv_kafka_partition_done(partition, NV_SIGNAL_TRACES, 15);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES), 16);
}
END_TEST

static struct nv_delivered_note note_of(int64_t last)
{
    struct nv_delivered_note note = {.first = {{10, 0}, {-1, 0}}, .last = {{last, 0}, {-1, 0}}};
    memcpy(note.trace_id, NV_TEST_TRACE_ID.ptr, NV_TRACE_ID_BYTES);
    return note;
}

START_TEST(what_was_delivered_before_is_left_out)
{
    struct nv_buf chunk;
    struct nv_delivered_note note = note_of(12);
    nv_buf_init(&chunk, 1000);
    ck_assert_int_eq(nv_delivered_write(&chunk, &note), NV_OK);
    ck_assert_int_eq(nv_kafka_partition_learn(partition, 77, nv_buf_str(&chunk), 1 * S), NV_OK);
    ck_assert_int_eq(nv_kafka_partition_learn(partition, 78, NV_STR("none"), 1 * S),
                     NV_ERR_MALFORMED);
    nv_buf_release(&chunk);
    ck_assert_uint_eq(learned, 1);
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 12, 100 * S), NV_OK);
    ck_assert_uint_eq(left_in, 0);
    ck_assert_uint_eq(partition->left_out, 1);
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 13, 100 * S), NV_OK);
    ck_assert_uint_eq(left_in, 1);
    ck_assert_ptr_null(partition->before.all); /* outgrown */
    ck_assert_int_eq(nv_kafka_partition_notes_from(partition, 1000 * S, S), 77);
    calls.forgotten(calls.ctx, NV_SIGNAL_TRACES, 12);
    ck_assert_int_eq(nv_kafka_partition_notes_from(partition, 1000 * S, 2000 * S), 77);
    ck_assert_int_eq(nv_kafka_partition_notes_from(partition, 1000 * S, S), 78);
}
END_TEST

START_TEST(what_was_written_again_is_noted_and_passed)
{
    const int64_t from[2] = {10, 20};
    struct nv_buf notes;
    ck_assert_int_eq(nv_kafka_partition_pass(partition, NV_SIGNAL_TRACES, 10), NV_OK);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES), 10);
    ck_assert(!nv_kafka_partition_was_rekeyed(partition, NV_SIGNAL_TRACES, 10));
    nv_kafka_partition_rekeyed(partition, NV_SIGNAL_TRACES, 10);
    ck_assert_int_eq(nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES), 11);
    ck_assert_int_eq(partition->fresh_last[NV_SIGNAL_TRACES], 10);
    notes = partition->fresh;
    nv_buf_init(&partition->fresh, NV_CAP_KAFKA_CHUNK);
    nv_kafka_partition_free(partition);
    ck_assert_int_eq(nv_kafka_partition_new(&holder, 3, from, &partition), NV_OK);
    ck_assert_int_eq(
        nv_kafka_partition_learn(partition, 0, (struct nv_str){notes.bytes, notes.len}, 0),
        NV_OK);
    nv_buf_release(&notes);
    ck_assert_uint_eq(learned, 0); /* no trace */
    ck_assert(nv_kafka_partition_was_rekeyed(partition, NV_SIGNAL_TRACES, 10));
    ck_assert(!nv_kafka_partition_was_rekeyed(partition, NV_SIGNAL_TRACES, 11));
    ck_assert(!nv_kafka_partition_was_rekeyed(partition, NV_SIGNAL_LOGS, 10));
}
END_TEST

START_TEST(at_the_cap_of_notes_nothing_leaves)
{
    struct nv_delivered_note note = note_of(12);
    ck_assert_int_eq(offer(NV_SIGNAL_TRACES, 10, 100 * S), NV_OK);
    nv_kafka_partition_at_end(partition, NV_SIGNAL_LOGS, 20, 150 * S);
    for (unsigned i = 0; i + 1 < NV_KAFKA_FRESH_NOTES_MAX; i++)
        calls.settled(calls.ctx, &note);
    ck_assert(calls.may_leave(calls.ctx));
    calls.settled(calls.ctx, &note);
    ck_assert(!calls.may_leave(calls.ctx));
    calls.settled(calls.ctx, &note); /* one past it is let go, and no failure stays */
    ck_assert_int_eq(partition->fresh.failed, NV_OK);
    ck_assert_int_eq(partition->fresh_last[0], 12);
}
END_TEST

START_TEST(without_memory_there_is_no_partition)
{
    const struct nv_kafka_chunk chunk = {.offset = 3, .last = {1, 1}};
    const int64_t from[2] = {0, 0};
    struct nv_kafka_partition *out = NULL;
    oom_fail_nth(1);
    enum nv_err made = nv_kafka_partition_new(&holder, 0, from, &out);
    ck_assert(oom_end());
    oom_fail_nth(1);
    enum nv_err wrote = nv_kafka_partition_wrote(partition, &chunk);
    ck_assert(oom_end());
    ck_assert_int_eq(made, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(wrote, NV_ERR_NO_MEMORY);
    ck_assert_uint_eq(partition->chunk_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/partition");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, time_is_the_logs);
    tcase_add_test(tcase, log_records_wait_until_the_time_is_known);
    tcase_add_test(tcase, nothing_leaves_while_log_records_are_behind);
    tcase_add_test(tcase, at_the_end_of_the_log_time_passes_when_the_broker_says_so);
    tcase_add_test(tcase, without_memory_time_passes_by_the_wall);
    tcase_add_test(tcase, marks_follow_what_is_done);
    tcase_add_test(tcase, what_was_delivered_before_is_left_out);
    tcase_add_test(tcase, what_was_written_again_is_noted_and_passed);
    tcase_add_test(tcase, at_the_cap_of_notes_nothing_leaves);
    tcase_add_test(tcase, without_memory_there_is_no_partition);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
