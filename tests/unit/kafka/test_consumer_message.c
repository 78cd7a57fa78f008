/*
 * What becomes of a message, without a group: one partition that is given by hand, messages
 * that were read from a mock cluster. Keys that are none, with kafka.rekey and without, a
 * broker that is away meanwhile, and an owner who finds the notes of the one before.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"
#include "otlp_build.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "kafka/consumer_internal.h"
#include "kafka/scan.h"

#include <sched.h>
#include <stdlib.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
#define TRACES 5
/* More than the smallest message that kafka.max_message_bytes allows. */
#define LARGE 60

static struct nv_test_kafka kafka;
static struct nv_kafka_consumer consumer;
static struct nv_consumer_slot slot;
static struct nv_kafka_held_calls calls;
static rd_kafka_t *reader;
static unsigned taken, passed, learned;
static struct nv_fail fail;

static enum nv_err decode(void *ctx, enum nv_signal signal, char *bytes, size_t len,
                          struct nv_batch **out)
{
    struct nv_request_result result;
    (void)ctx;
    return nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, bytes, len},
                             NULL, &result, out, NULL);
}

static void passed_on(void *ctx)
{
    (void)ctx;
    passed++;
}

static enum nv_err open_held(void *ctx, int32_t number, const struct nv_kafka_held_calls *given,
                             const struct nv_clock *clock, void **held)
{
    (void)number;
    (void)clock;
    calls = *given;
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
    taken++;
    nv_batch_free(batch);
    return NV_OK;
}

static uint64_t tick(void *held)
{
    (void)held;
    return UINT64_MAX;
}

static void close_held(void *held)
{
    (void)held;
}

static void open_slot(void)
{
    const int64_t from[2] = {0, 0};
    slot = (struct nv_consumer_slot){.generation = 1};
    ck_assert_int_eq(nv_kafka_partition_new(&consumer.holder, 0, from, &slot.partition), NV_OK);
}

static void set_up(void)
{
    taken = passed = learned = 0;
    fail = (struct nv_fail){0};
    nv_count_reset();
    nv_test_kafka_start(&kafka, 4);
    kafka.config.rekeys = true;
    consumer = (struct nv_kafka_consumer){
        .config = kafka.config, .slots = &slot, .slot_count = 1, .generation = 1};
    consumer.holder = (struct nv_kafka_holder){.ctx = &consumer,
                                               .decode = decode,
                                               .passed_on = passed_on,
                                               .open = open_held,
                                               .learn = learn,
                                               .take = take,
                                               .tick = tick,
                                               .close = close_held};
    ck_assert_int_eq(nv_rd_load(&consumer.rd, &fail), NV_OK);
    consumer.owner = (struct nv_kafka_owner){
        .rd = consumer.rd, .config = &consumer.config, .ctx = &consumer};
    ck_assert_int_eq(nv_kafka_scanner_new(&consumer.owner, "test", &reader, &fail), NV_OK);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "spans", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    ck_assert_int_eq(rd_kafka_assign(reader, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    open_slot();
}

static void tear_down(void)
{
    nv_kafka_rekey_free(consumer.rekey, 1000);
    nv_kafka_partition_free(slot.partition);
    nv_kafka_scanner_free(&consumer.owner, reader);
    nv_test_kafka_stop(&kafka);
}

static void start_rekey(void)
{
    ck_assert_int_eq(nv_kafka_rekey_new(consumer.rd, &consumer.config, &fail, &consumer.rekey),
                     NV_OK);
}

/* Many traces in one message without a key: requests behind each other are one of all. */
static void write_traces(unsigned count)
{
    char bytes[8192];
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        struct nv_batch *batch = nv_test_kafka_request(i, NULL);
        ck_assert_uint_le(len + batch->body_len, sizeof bytes);
        memcpy(bytes + len, batch->body, batch->body_len);
        len += batch->body_len;
        nv_batch_free(batch);
    }
    nv_test_kafka_write(&kafka, "spans", 0, (struct nv_str){NULL, 0},
                        (struct nv_str){bytes, len});
}

static void write_unkeyed(void)
{
    write_traces(TRACES);
}

static rd_kafka_message_t *read_message(void)
{
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 1000);
        if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return message;
        if (message)
            rd_kafka_message_destroy(message);
    }
}

static void wait_rekeyed(void)
{
    while (slot.partition->rekeying > 0) {
        nv_consumer_serve_rekeyed(&consumer);
        (void)sched_yield();
    }
}

static int64_t mark(void)
{
    return nv_kafka_partition_mark(slot.partition, NV_SIGNAL_TRACES);
}

START_TEST(without_the_option_it_is_taken_and_counted)
{
    write_unkeyed();
    rd_kafka_message_t *message = read_message();
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message), NV_OK);
    ck_assert_ptr_nonnull(message);
    rd_kafka_message_destroy(message);
    nv_consumer_serve_rekeyed(&consumer);
    ck_assert_uint_eq(taken, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_KEYS), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_REKEYED), 0);
}
END_TEST

START_TEST(a_message_of_many_traces_is_written_again_one_a_trace)
{
    start_rekey();
    write_unkeyed();
    rd_kafka_message_t *message = read_message();
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message), NV_OK);
    ck_assert_ptr_null(message);
    ck_assert_uint_eq(slot.partition->rekeying, 1);
    ck_assert_int_eq(mark(), 0); /* pinned until the brokers have it */
    wait_rekeyed();
    ck_assert_int_eq(mark(), 1);
    ck_assert_uint_eq(taken, 0);
    ck_assert_uint_eq(passed, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_REKEYED), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_KEYS), 0);
    struct nv_test_record *records = nv_test_kafka_read(&kafka, "spans", TRACES + 1);
    unsigned keyed = 0;
    for (size_t i = 0; i < TRACES + 1; i++) {
        struct nv_str key = {records[i].key, records[i].key_len};
        keyed += key.len == 32;
        ck_assert(key.len == 0 || records[i].partition == nv_test_kafka_partition(key, 4));
    }
    ck_assert_uint_eq(keyed, TRACES);
    nv_test_records_free(records, TRACES + 1);
}
END_TEST

START_TEST(the_next_owner_does_not_write_it_once_more)
{
    struct nv_buf notes;
    start_rekey();
    write_unkeyed();
    rd_kafka_message_t *message = read_message();
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message), NV_OK);
    wait_rekeyed();
    notes = slot.partition->fresh;
    nv_buf_init(&slot.partition->fresh, NV_CAP_KAFKA_CHUNK);
    nv_kafka_partition_free(slot.partition);
    open_slot();
    ck_assert_int_eq(
        nv_kafka_partition_learn(slot.partition, 0, (struct nv_str){notes.bytes, notes.len}, 0),
        NV_OK);
    ck_assert_uint_eq(learned, 0); /* it is no trace */
    nv_buf_release(&notes);
    write_unkeyed();
    rd_kafka_message_t again = {.offset = 0, .partition = 0};
    rd_kafka_message_t *first = &again;
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &first), NV_OK);
    ck_assert_ptr_eq(first, &again);
    ck_assert_int_eq(mark(), 1);
    ck_assert_uint_eq(slot.partition->rekeying, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_REKEYED), 1);
}
END_TEST

START_TEST(brokers_that_are_away_are_waited_for)
{
    consumer.config.timeout_ms = 1000;
    consumer.config.buffer_bytes = 100;
    start_rekey();
    write_unkeyed();
    write_unkeyed();
    rd_kafka_message_t *message = read_message();
    rd_kafka_message_t *second = read_message();
    nv_test_kafka_down(&kafka);
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message), NV_OK);
    /* no room: it stays with the caller */
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &second),
                     NV_ERR_AGAIN);
    ck_assert_ptr_nonnull(second);
    rd_kafka_message_destroy(second);
    while (nv_count_get(NV_COUNT_KAFKA_FAILED) < TRACES) {
        nv_consumer_serve_rekeyed(&consumer);
        (void)sched_yield();
    }
    ck_assert_int_eq(mark(), 0);
    nv_test_kafka_up(&kafka);
    wait_rekeyed();
    ck_assert_int_eq(mark(), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_REKEYED), 1);
}
END_TEST

START_TEST(what_is_too_large_is_left_as_it_is)
{
    start_rekey();
    consumer.config.message_bytes_max = 0; /* NV_KAFKA_RECORD_BYTES of a request fit */
    write_traces(LARGE);
    rd_kafka_message_t *message = read_message();
    ck_assert_uint_gt(message->len, NV_KAFKA_RECORD_BYTES);
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message), NV_OK);
    rd_kafka_message_destroy(message);
    ck_assert_uint_eq(taken, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_KEYS), 1);
}
END_TEST

START_TEST(without_memory_it_comes_again)
{
    start_rekey();
    write_unkeyed();
    rd_kafka_message_t *message = read_message();
    for (unsigned long n = 1; n <= 2; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message);
        ck_assert(oom_end());
        ck_assert(err == NV_ERR_NO_MEMORY || err == NV_ERR_AGAIN);
        ck_assert_ptr_nonnull(message);
    }
    ck_assert_int_eq(nv_consumer_offer(&consumer, &slot, NV_SIGNAL_TRACES, &message), NV_OK);
    wait_rekeyed();
    ck_assert_int_eq(mark(), 1);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/consumer_message");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, without_the_option_it_is_taken_and_counted);
    tcase_add_test(tcase, a_message_of_many_traces_is_written_again_one_a_trace);
    tcase_add_test(tcase, the_next_owner_does_not_write_it_once_more);
    tcase_add_test(tcase, brokers_that_are_away_are_waited_for);
    tcase_add_test(tcase, what_is_too_large_is_left_as_it_is);
    tcase_add_test(tcase, without_memory_it_comes_again);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
