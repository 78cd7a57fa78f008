/*
 * What is written beside the log, on a mock cluster: a chunk is read again by the next owner
 * and by nobody of another group, a dead message is whole and ends its offset only when it is
 * there, a letter that is too long comes in pieces of one key.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "kafka/notes.h"

#include <stdlib.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
#define WAIT_MS 20000

static struct nv_test_kafka kafka;
static struct nv_kafka_notes notes;
static struct nv_kafka_partition partition, next;
static const struct nv_rd *rd;
static struct nv_fail fail;
static unsigned learned;

static void learn(void *held, const struct nv_delivered_note *note)
{
    (void)held;
    (void)note;
    learned++;
}

static const struct nv_kafka_holder holder = {.learn = learn};

static struct nv_kafka_partition *find(void *ctx, int32_t number, uint64_t generation)
{
    (void)ctx;
    return number == partition.number && generation == 1 ? &partition : NULL;
}

static void init_partition(struct nv_kafka_partition *one)
{
    *one = (struct nv_kafka_partition){.number = 2,
                                       .holder = &holder,
                                       .clock = *nv_clock_system(),
                                       .fresh_last = {-1, -1},
                                       .notes_end = -1};
    nv_buf_init(&one->fresh, NV_CAP_KAFKA_CHUNK);
    nv_delivered_init(&one->before);
    for (unsigned signal = 0; signal < 2; signal++)
        nv_offsets_init(&one->logs[signal].offsets);
}

static void release_partition(struct nv_kafka_partition *one)
{
    nv_buf_release(&one->fresh);
    nv_delivered_release(&one->before);
    free(one->chunks);
    for (unsigned signal = 0; signal < 2; signal++)
        nv_offsets_release(&one->logs[signal].offsets);
}

static void set_up(void)
{
    learned = 0;
    fail = (struct nv_fail){0};
    nv_count_reset();
    nv_test_kafka_start(&kafka, 4);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "delivered", 4, 1), 0);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "dead", 1, 1), 0);
    kafka.config.group = "group";
    kafka.config.delivered_topic = "delivered";
    kafka.config.dead_topic = "dead";
    init_partition(&partition);
    init_partition(&next);
    notes = (struct nv_kafka_notes){.find = find};
    ck_assert_int_eq(nv_rd_load(&rd, &fail), NV_OK);
    ck_assert_int_eq(nv_kafka_notes_open(&notes, rd, &kafka.config, "none", &fail), NV_OK);
}

static void tear_down(void)
{
    nv_kafka_notes_close(&notes);
    release_partition(&partition);
    release_partition(&next);
    nv_test_kafka_stop(&kafka);
}

static void add_note(int64_t offset)
{
    struct nv_delivered_note note = {.trace_id = {1, (uint8_t)offset},
                                     .first = {{offset, 0}, {-1, 0}},
                                     .last = {{offset, 3}, {-1, 0}}};
    ck_assert_int_eq(nv_delivered_write(&partition.fresh, &note), NV_OK);
    partition.fresh_last[0] = offset;
}

static unsigned read_again(const char *group, int64_t from)
{
    struct nv_kafka_partition *of = &next;
    learned = 0;
    kafka.config.group = group;
    ck_assert_int_eq(nv_kafka_notes_read(&notes, &of, &from, 1, WAIT_MS), NV_OK);
    return learned;
}

START_TEST(a_chunk_is_read_by_the_next_owner)
{
    ck_assert_int_eq(nv_kafka_notes_write(&notes, &partition, 1), NV_OK); /* there is none */
    add_note(7);
    add_note(9);
    ck_assert_int_eq(nv_kafka_notes_write(&notes, &partition, 1), NV_OK);
    ck_assert_uint_eq(partition.fresh.len, 0);
    nv_kafka_notes_flush(&notes, WAIT_MS);
    ck_assert_uint_eq(partition.chunk_count, 1);
    ck_assert_int_eq(partition.chunks[0].last[0], 9);
    ck_assert_uint_eq(read_again("group", -1), 2);
    ck_assert_int_eq(next.notes_end, 1);
    ck_assert_uint_eq(read_again("another", -1), 0);
    ck_assert_uint_eq(read_again("group", 1), 0);
}
END_TEST

/* Handed over meanwhile: the report finds nobody. */
START_TEST(a_chunk_of_an_owner_that_is_gone_is_nobodys)
{
    add_note(7);
    ck_assert_int_eq(nv_kafka_notes_write(&notes, &partition, 2), NV_OK);
    nv_kafka_notes_flush(&notes, WAIT_MS);
    ck_assert_uint_eq(partition.chunk_count, 0);
    ck_assert_uint_eq(read_again("group", -1), 1);
}
END_TEST

/* What a reader is given: the end of partition 2 twice, then a chunk of partition 3. */
static char said_key[] = "group spans 3";
static rd_kafka_message_t said[] = {
    {.err = RD_KAFKA_RESP_ERR__PARTITION_EOF, .partition = 2, .offset = 4},
    {.err = RD_KAFKA_RESP_ERR__PARTITION_EOF, .partition = 2, .offset = 5},
    {.partition = 3, .offset = 8, .key = said_key, .key_len = sizeof said_key - 1},
    {.err = RD_KAFKA_RESP_ERR__PARTITION_EOF, .partition = 3, .offset = 9}};
static size_t said_count;

static rd_kafka_message_t *say(rd_kafka_t *reader, int wait_ms)
{
    (void)reader;
    (void)wait_ms;
    return said_count < sizeof said / sizeof said[0] ? &said[said_count++] : NULL;
}

static void keep(rd_kafka_message_t *message)
{
    (void)message;
}

static int64_t no_time(const rd_kafka_message_t *message, rd_kafka_timestamp_type_t *type)
{
    (void)message;
    (void)type;
    return -1;
}

START_TEST(an_end_that_is_told_twice_hides_no_other_partition)
{
    struct nv_kafka_partition third;
    struct nv_kafka_partition *both[] = {&next, &third};
    const int64_t from[] = {-1, -1};
    struct nv_rd fakes = *rd;
    fakes.consumer_poll = say;
    fakes.message_destroy = keep;
    fakes.message_timestamp = no_time;
    init_partition(&third);
    third.number = 3;
    add_note(7);
    said[2].payload = partition.fresh.bytes;
    said[2].len = partition.fresh.len;
    notes.owner.rd = &fakes;
    ck_assert_int_eq(nv_kafka_notes_read(&notes, both, from, 2, WAIT_MS), NV_OK);
    notes.owner.rd = rd;
    ck_assert_uint_eq(learned, 1);
    ck_assert_int_eq(next.notes_end, 5);
    ck_assert_int_eq(third.notes_end, 9);
    release_partition(&third);
}
END_TEST

static rd_kafka_message_t *message_of(char *bytes, rd_kafka_topic_t *topic)
{
    static rd_kafka_message_t message;
    message = (rd_kafka_message_t){
        .rkt = topic, .partition = 2, .payload = bytes, .len = strlen(bytes), .offset = 5};
    return &message;
}

START_TEST(a_dead_message_is_whole_and_ends_its_offset)
{
    char bytes[] = "no OTLP";
    rd_kafka_topic_t *topic = rd_kafka_topic_new(notes.producer, "spans", NULL);
    ck_assert_int_eq(nv_kafka_partition_pass(&partition, NV_SIGNAL_TRACES, 5), NV_OK);
    ck_assert_int_eq(
        nv_kafka_notes_bury(&notes, message_of(bytes, topic), NV_SIGNAL_TRACES, 1, "a reason"),
        NV_OK);
    ck_assert_int_eq(nv_kafka_partition_mark(&partition, NV_SIGNAL_TRACES), 5);
    nv_kafka_notes_flush(&notes, WAIT_MS);
    ck_assert_int_eq(nv_kafka_partition_mark(&partition, NV_SIGNAL_TRACES), 6);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_DEAD), 1);
    struct nv_test_record *dead = nv_test_kafka_read(&kafka, "dead", 1);
    ck_assert_uint_eq(dead[0].len, strlen(bytes));
    ck_assert_mem_eq(dead[0].bytes, bytes, dead[0].len);
    nv_test_records_free(dead, 1);
    rd_kafka_topic_destroy(topic);
}
END_TEST

START_TEST(a_letter_too_long_comes_in_pieces)
{
    enum { LEN = 5000, PIECES = 5 };
    char *payload = malloc(LEN);
    size_t total = 0;
    memset(payload, 'x', LEN);
    kafka.config.message_bytes_max = 2000; /* 1024 of them are for all around */
    ck_assert_int_eq(nv_kafka_notes_put(&notes, NV_STR("{}"), (struct nv_str){payload, LEN}),
                     NV_OK);
    ck_assert_int_eq(nv_kafka_notes_put(&notes, NV_STR("{}"), NV_STR("")), NV_OK);
    struct nv_test_record *dead = nv_test_kafka_read(&kafka, "dead", PIECES + 1);
    for (size_t i = 0; i < PIECES; i++) {
        ck_assert_uint_le(dead[i].len, 2000);
        ck_assert_mem_eq(dead[i].key, dead[0].key, dead[0].key_len);
        total += dead[i].len;
    }
    ck_assert_uint_eq(total, LEN);
    ck_assert_uint_eq(dead[PIECES].len, 0);
    nv_test_records_free(dead, PIECES + 1);
    free(payload);
}
END_TEST

START_TEST(without_memory_nothing_is_lost)
{
    char bytes[] = "no OTLP";
    rd_kafka_topic_t *topic = rd_kafka_topic_new(notes.producer, "spans", NULL);
    add_note(7);
    oom_fail_nth(1);
    enum nv_err written = nv_kafka_notes_write(&notes, &partition, 1);
    ck_assert(oom_end());
    oom_fail_nth(1);
    enum nv_err buried =
        nv_kafka_notes_bury(&notes, message_of(bytes, topic), NV_SIGNAL_TRACES, 1, "a reason");
    ck_assert(oom_end());
    oom_fail_nth(1);
    enum nv_err put = nv_kafka_notes_put(&notes, NV_STR("{}"), NV_STR("[]"));
    ck_assert(oom_end());
    ck_assert_int_eq(written, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(buried, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(put, NV_ERR_NO_MEMORY);
    ck_assert_uint_gt(partition.fresh.len, 0);
    rd_kafka_topic_destroy(topic);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/notes");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 90);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_chunk_is_read_by_the_next_owner);
    tcase_add_test(tcase, a_chunk_of_an_owner_that_is_gone_is_nobodys);
    tcase_add_test(tcase, an_end_that_is_told_twice_hides_no_other_partition);
    tcase_add_test(tcase, a_dead_message_is_whole_and_ends_its_offset);
    tcase_add_test(tcase, a_letter_too_long_comes_in_pieces);
    tcase_add_test(tcase, without_memory_nothing_is_lost);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
