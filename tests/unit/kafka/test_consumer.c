/*
 * Role assemble against a mock cluster, with a holder that completes a trace when it is told:
 * what is not settled is read again by the next member, what was is not; garbage and keys that
 * are none are survived; a full holder loses nothing. The group is in test_consumer_group.c.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"
#include "otlp_build.h"

#include "base/log/counters.h"
#include "base/text/text.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
#define WAIT_S 60
#define TAKEN_MAX 4096

/* A holder: every message is one request, settled at once or when `hold` is off again. */
struct part {
    struct part *next;
    struct nv_kafka_held_calls calls;
    struct member *member;
    int64_t offsets[TAKEN_MAX];
    struct nv_delivered_note notes[TAKEN_MAX];
    enum nv_signal signals[TAKEN_MAX];
    size_t first, count;
    bool closed;
};

struct member {
    struct nv_kafka_holder holder;
    struct nv_kafka_consumer *consumer;
    struct part *parts;
    bool hold; /* nothing is settled */
    bool full; /* nothing is taken */
};

static struct nv_test_kafka kafka;
static struct nv_fail fail;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned taken, settled, learned, opened, closed, answered, refused;
static char projects[64];

static void tell(unsigned *count)
{
    pthread_mutex_lock(&lock);
    ++*count;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const unsigned *count, unsigned value)
{
    struct timespec until;
    int failed = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&lock);
    while (*count < value && failed == 0)
        failed = pthread_cond_timedwait(&changed, &lock, &until);
    ck_assert_uint_ge(*count, value);
    pthread_mutex_unlock(&lock);
}

static enum nv_err decode(void *ctx, enum nv_signal signal, char *bytes, size_t len,
                          struct nv_batch **out)
{
    struct nv_request_result result;
    (void)ctx;
    return nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, bytes, len},
                             NULL, &result, out, NULL);
}

static enum nv_err open_part(void *ctx, int32_t number, const struct nv_kafka_held_calls *calls,
                             const struct nv_clock *clock, void **held)
{
    struct member *member = ctx;
    struct part *part = calloc(1, sizeof *part);
    (void)number;
    (void)clock;
    ck_assert_ptr_nonnull(part);
    *part = (struct part){.next = member->parts, .calls = *calls, .member = member};
    member->parts = part;
    *held = part;
    tell(&opened);
    return NV_OK;
}

static void learn(void *held, const struct nv_delivered_note *note)
{
    (void)held;
    (void)note;
    tell(&learned);
}

static enum nv_err take(void *held, struct nv_batch *batch, int64_t offset)
{
    struct part *part = held;
    enum nv_err err = NV_OK;
    if (part->member->full) {
        err = NV_ERR_FULL;
        tell(&refused);
    } else {
        struct nv_delivered_note *note = &part->notes[part->count];
        uint32_t left = 0;
        for (uint32_t i = 0; i < batch->item_count; i++)
            left += (batch->items[i].flags & NV_ITEM_LEFT_OUT) == 0;
        *note =
            (struct nv_delivered_note){.first = {{-1, 0}, {-1, 0}}, .last = {{-1, 0}, {-1, 0}}};
        memcpy(note->trace_id, batch->items[0].trace_id, NV_TRACE_ID_BYTES);
        note->first[batch->signal] = (struct nv_delivered_place){offset, 0};
        note->last[batch->signal] = (struct nv_delivered_place){offset, batch->item_count - 1};
        part->signals[part->count] = batch->signal;
        part->offsets[part->count] = left > 0 ? offset : -1 - offset;
        if (batch->project.len > 0 && batch->project.len < sizeof projects) {
            memcpy(projects, batch->project.ptr, batch->project.len);
            projects[batch->project.len] = '\0';
        }
        part->count++;
        if (left > 0)
            tell(&taken);
    }
    nv_batch_free(batch);
    return err;
}

static uint64_t tick(void *held)
{
    struct part *part = held;
    if (part->member->hold || part->closed)
        return UINT64_MAX;
    while (part->first < part->count) {
        size_t i = part->first++;
        bool fresh = part->offsets[i] >= 0;
        int64_t offset = fresh ? part->offsets[i] : -1 - part->offsets[i];
        if (fresh)
            part->calls.settled(part->calls.ctx, &part->notes[i]);
        part->calls.forgotten(part->calls.ctx, part->signals[i], offset);
        if (fresh)
            tell(&settled);
    }
    return UINT64_MAX;
}

static void tell_settled(void *held)
{
    (void)held;
}

static uint64_t unsettled(void *held)
{
    (void)held;
    return 0;
}

static void close_part(void *held)
{
    struct part *part = held;
    part->closed = true;
    tell(&closed);
}

static void start_member(struct member *member)
{
    member->holder = (struct nv_kafka_holder){.ctx = member,
                                              .decode = decode,
                                              .open = open_part,
                                              .learn = learn,
                                              .take = take,
                                              .tick = tick,
                                              .tell = tell_settled,
                                              .unsettled = unsettled,
                                              .close = close_part};
    ck_assert_msg(nv_kafka_consumer_start(&kafka.config, &member->holder, &fail,
                                          &member->consumer) == NV_OK,
                  "%s", fail.what);
}

static void stop_member(struct member *member)
{
    nv_kafka_consumer_stop(member->consumer, 1000);
    nv_kafka_consumer_free(member->consumer);
    while (member->parts) {
        struct part *part = member->parts;
        member->parts = part->next;
        free(part);
    }
    member->consumer = NULL;
}

static void on_done(void *ctx, enum nv_err err)
{
    (void)ctx;
    ck_assert_int_eq(err, NV_OK);
    tell(&answered);
}

/* Writes so many traces of a span each, as role receive does. */
static void write_traces(unsigned from, unsigned count, const char *project)
{
    struct nv_kafka_producer *producer = NULL;
    unsigned before = answered;
    ck_assert_int_eq(nv_kafka_producer_start(&kafka.config, &fail, &producer), NV_OK);
    struct nv_acceptor acceptor = nv_kafka_producer_acceptor(producer);
    for (unsigned i = 0; i < count; i++) {
        acceptor.accept(acceptor.ctx, nv_test_kafka_request(from + i, project), on_done, NULL);
    }
    wait_for(&answered, before + count);
    nv_kafka_producer_stop(producer, 10000);
    nv_kafka_producer_free(producer);
}

static void set_up(void)
{
    taken = settled = learned = opened = closed = answered = refused = 0;
    projects[0] = '\0';
    fail = (struct nv_fail){0};
    nv_count_reset();
    nv_test_kafka_start(&kafka, 4);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "delivered", 4, 1), 0);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "dead", 1, 1), 0);
    /* the mock waits three seconds for members to join, which learn of others by heartbeats */
    static const struct nv_kafka_property properties[] = {
        {NV_STR_INIT("heartbeat.interval.ms"), NV_STR_INIT("200")},
        /* it throws out who joins when a session is over before those three seconds are */
        {NV_STR_INIT("session.timeout.ms"), NV_STR_INIT("4000")}};
    kafka.config.properties = properties;
    kafka.config.property_count = 2;
    kafka.config.group = "group";
    kafka.config.delivered_topic = "delivered";
    kafka.config.dead_topic = "dead";
}

static void tear_down(void)
{
    nv_test_kafka_stop(&kafka);
}

/* Garbage, a key that is none and an empty message, all in partition 0. */
static void write_garbage(void)
{
    struct nv_batch *plain = nv_test_kafka_request(7, NULL);
    nv_test_kafka_write(&kafka, "spans", 0, NV_STR("k"), NV_STR("\xff\xff\xff not OTLP"));
    nv_test_kafka_write(&kafka, "spans", 0, (struct nv_str){NULL, 0},
                        (struct nv_str){plain->body, plain->body_len});
    nv_test_kafka_write(&kafka, "spans", 0, NV_STR("another key"), NV_STR(""));
    nv_batch_free(plain);
}

static void check_dead(void)
{
    struct nv_test_record *dead = nv_test_kafka_read(&kafka, "dead", 2);
    ck_assert_uint_eq(dead[0].len, 12);
    ck_assert_uint_eq(dead[1].len, 0);
    nv_test_records_free(dead, 2);
}

static void wait_up(const struct member *member, bool up)
{
    struct nv_kafka_status status;
    do {
        (void)sched_yield();
        nv_kafka_consumer_status(member->consumer, &status);
    } while (status.up != up);
}

/* One group and two members for all of it: the mock takes three seconds to let one in. */
START_TEST(the_next_member_reads_what_was_not_settled)
{
    enum { SETTLED = 60, HELD = 40, MORE = 5 };
    struct member first = {.full = true};
    struct member second = {0};
    struct nv_kafka_status status;
    write_garbage();
    write_traces(0, SETTLED, "shop");
    start_member(&first);
    /* a full holder loses nothing */
    wait_for(&refused, 8);
    ck_assert_uint_eq(taken, 0);
    first.full = false;
    wait_for(&settled, SETTLED + 1);
    ck_assert_uint_eq(taken, SETTLED + 1);
    ck_assert_str_eq(projects, "shop");
    check_dead();
    nv_kafka_consumer_status(first.consumer, &status);
    ck_assert(status.on && status.assembles);
    first.hold = true;
    write_traces(SETTLED, HELD, NULL);
    wait_for(&taken, SETTLED + 1 + HELD);
    stop_member(&first);
    ck_assert_uint_eq(settled, SETTLED + 1);
    ck_assert_uint_eq(opened, 4);
    ck_assert_uint_eq(closed, 4);
    write_traces(SETTLED + HELD, MORE, NULL);
    start_member(&second);
    wait_for(&settled, SETTLED + 1 + HELD + MORE);
    ck_assert_uint_eq(taken, SETTLED + 1 + 2 * HELD + MORE);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_COMMITS_BAD),
                      0); /* any may fail from here on */
    /* nothing more comes that could tell that the brokers are back */
    nv_test_kafka_down(&kafka);
    wait_up(&second, false);
    nv_test_kafka_up(&kafka);
    wait_up(&second, true);
    stop_member(&second);
    /* garbage was behind the mark */
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_DEAD), 2);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_KEYS), 1);
    ck_assert_uint_gt(nv_count_get(NV_COUNT_KAFKA_COMMITS), 0);
}
END_TEST

START_TEST(topics_with_unequal_partitions_are_refused)
{
    struct member member = {.holder = {.ctx = &member}};
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "three", 3, 1), 0);
    kafka.config.delivered_topic = "three";
    ck_assert_int_eq(
        nv_kafka_consumer_start(&kafka.config, &member.holder, &fail, &member.consumer),
        NV_ERR_CONFIG);
    ck_assert_ptr_null(member.consumer);
    ck_assert_ptr_nonnull(strstr(fail.what, "as many"));
}
END_TEST

START_TEST(without_memory_it_does_not_start)
{
    struct member member = {.holder = {.ctx = &member}};
    for (unsigned long n = 1; n < 3; n++) {
        fail = (struct nv_fail){0};
        oom_fail_nth(n);
        enum nv_err err =
            nv_kafka_consumer_start(&kafka.config, &member.holder, &fail, &member.consumer);
        ck_assert(oom_end());
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(member.consumer);
    }
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/consumer");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 180);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_next_member_reads_what_was_not_settled);
    tcase_add_test(tcase, topics_with_unequal_partitions_are_refused);
    tcase_add_test(tcase, without_memory_it_does_not_start);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
