/*
 * Partitions that come and go, by the group's own callbacks and without a group: what was
 * committed is where reading begins, what is taken away is committed first and let go then,
 * what was lost is not committed, without memory nothing is taken over by halves.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"

#include "base/log/counters.h"
#include "kafka/consumer_internal.h"

#include <stdlib.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
enum { PARTITIONS = 4 };

typedef void rebalance_call(rd_kafka_t *, rd_kafka_resp_err_t,
                            rd_kafka_topic_partition_list_t *, void *);
typedef void commit_call(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *,
                         void *);

static struct nv_test_kafka kafka;
static struct nv_kafka_consumer consumer;
static struct nv_rd fakes;
static rebalance_call *rebalance;
static commit_call *committed_call;
static unsigned opened, closed, unsettled_asked;
static int assigned, unassigned, commits, commits_waited;
static int64_t mark_of[2], stored;
static rd_kafka_resp_err_t commit_result, committed_result;
static bool lost, wrong;

static void set_rebalance(rd_kafka_conf_t *conf, rebalance_call *call)
{
    (void)conf;
    rebalance = call;
}

static void set_commit(rd_kafka_conf_t *conf, commit_call *call)
{
    (void)conf;
    committed_call = call;
}

static rd_kafka_resp_err_t fake_committed(rd_kafka_t *handle,
                                          rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    (void)handle;
    (void)timeout_ms;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = stored;
    return committed_result;
}

static rd_kafka_error_t *fake_assign(rd_kafka_t *handle,
                                     const rd_kafka_topic_partition_list_t *list)
{
    (void)handle;
    /* check may not be asked here: it allocates. A member that leaves reads nothing of them */
    for (int i = 0; i < list->cnt && !atomic_load(&consumer.end); i++)
        wrong |= list->elems[i].offset != (stored >= 0 ? stored : RD_KAFKA_OFFSET_BEGINNING);
    assigned += list->cnt;
    return NULL;
}

static rd_kafka_error_t *fake_unassign(rd_kafka_t *handle,
                                       const rd_kafka_topic_partition_list_t *list)
{
    (void)handle;
    unassigned += list->cnt;
    return NULL;
}

static int fake_lost(rd_kafka_t *handle)
{
    (void)handle;
    return lost;
}

static rd_kafka_resp_err_t fake_commit(rd_kafka_t *handle,
                                       const rd_kafka_topic_partition_list_t *list, int async)
{
    rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);
    commits++;
    commits_waited += !async;
    wrong |= closed > 0; /* before it is let go */
    for (int i = 0; i < copy->cnt; i++)
        mark_of[strcmp(copy->elems[i].topic, "logs") == 0] = copy->elems[i].offset;
    committed_call(handle, commit_result, copy, &consumer.owner);
    rd_kafka_topic_partition_list_destroy(copy);
    return commit_result;
}

static enum nv_err open_part(void *ctx, int32_t number, const struct nv_kafka_held_calls *calls,
                             const struct nv_clock *clock, void **held)
{
    (void)ctx;
    (void)number;
    (void)calls;
    (void)clock;
    *held = &opened;
    opened++;
    return NV_OK;
}

static uint64_t tick(void *held)
{
    (void)held;
    return UINT64_MAX;
}

/* One trace is on its way when it is asked first. */
static void tell_settled(void *held)
{
    (void)held;
}

static uint64_t unsettled(void *held)
{
    (void)held;
    return unsettled_asked++ == 0;
}

static void close_part(void *held)
{
    (void)held;
    closed++;
}

static rd_kafka_resp_err_t fake_watch(rd_kafka_conf_t *conf, const char *name,
                                      rd_kafka_interceptor_f_on_new_t *on_new, void *ctx)
{
    (void)conf;
    (void)name;
    (void)on_new;
    wrong |= ctx != &consumer.joining;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void make_fakes(const struct nv_rd *rd)
{
    fakes = *rd;
    fakes.conf_set_rebalance_cb = set_rebalance;
    fakes.conf_set_offset_commit_cb = set_commit;
    fakes.committed = fake_committed;
    fakes.incremental_assign = fake_assign;
    fakes.incremental_unassign = fake_unassign;
    fakes.assignment_lost = fake_lost;
    fakes.commit = fake_commit;
    fakes.conf_interceptor_add_on_new = fake_watch;
}

static void set_up(void)
{
    const struct nv_rd *rd = NULL;
    struct nv_fail fail = {0};
    opened = closed = unsettled_asked = 0;
    assigned = unassigned = commits = commits_waited = 0;
    mark_of[0] = mark_of[1] = stored = -1;
    commit_result = committed_result = RD_KAFKA_RESP_ERR_NO_ERROR;
    lost = wrong = false;
    nv_count_reset();
    nv_test_kafka_start(&kafka, PARTITIONS);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "delivered", PARTITIONS, 1), 0);
    kafka.config.group = "group";
    kafka.config.delivered_topic = "delivered";
    kafka.config.dead_topic = "dead";
    ck_assert_int_eq(nv_rd_load(&rd, &fail), NV_OK);
    make_fakes(rd);
    consumer = (struct nv_kafka_consumer){
        .config = kafka.config,
        .owner = {.rd = &fakes, .config = &consumer.config, .ctx = &consumer},
        .rd = &fakes,
        .holder = {.open = open_part,
                   .tick = tick,
                   .tell = tell_settled,
                   .unsettled = unsettled,
                   .close = close_part},
        .notes = {.find = nv_consumer_find, .find_ctx = &consumer},
        .slots = calloc(PARTITIONS, sizeof *consumer.slots),
        .slot_count = PARTITIONS,
        .drain_ms = NV_CONSUMER_DRAIN_MS};
    ck_assert_int_eq(nv_kafka_notes_open(&consumer.notes, rd, &consumer.config, "none", &fail),
                     NV_OK);
    nv_consumer_set_group(&consumer, NULL);
}

static void tear_down(void)
{
    ck_assert(!wrong);
    nv_kafka_notes_close(&consumer.notes);
    for (int i = 0; i < PARTITIONS; i++)
        nv_kafka_partition_free(consumer.slots[i].partition);
    free(consumer.slots);
    nv_test_kafka_stop(&kafka);
}

static void call(rd_kafka_resp_err_t code, int count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, "spans", i);
    rebalance(NULL, code, list, &consumer.owner);
    rd_kafka_topic_partition_list_destroy(list);
}

static void give(int count)
{
    call(RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, count);
}

static void take(int count)
{
    call(RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, count);
}

/* A message of partition 0 that is read and done. */
static void read_one(int64_t offset)
{
    struct nv_kafka_partition *partition = consumer.slots[0].partition;
    ck_assert_int_eq(nv_kafka_partition_pass(partition, NV_SIGNAL_TRACES, offset), NV_OK);
    nv_kafka_partition_done(partition, NV_SIGNAL_TRACES, offset);
}

START_TEST(reading_begins_where_it_was_committed)
{
    stored = 70;
    give(3);
    ck_assert_uint_eq(opened, 3);
    ck_assert_int_eq(assigned, 6); /* log records of the same numbers */
    ck_assert(!atomic_load(&consumer.end));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(nv_kafka_partition_mark(consumer.slots[i].partition, NV_SIGNAL_TRACES),
                         70);
    ck_assert_ptr_null(nv_consumer_slot(&consumer, 3));
    ck_assert_ptr_null(nv_consumer_find(&consumer, 0, 99));
}
END_TEST

START_TEST(what_is_taken_is_committed_first)
{
    give(2);
    read_one(8);
    take(1);
    ck_assert_uint_ge(unsettled_asked, 2); /* it has waited for what was on its way */
    ck_assert_int_eq(commits_waited, 1);
    ck_assert_int_eq(mark_of[0], 9);
    ck_assert_int_eq(unassigned, 2);
    ck_assert_uint_eq(closed, 1);
    ck_assert_ptr_null(nv_consumer_slot(&consumer, 0));
    ck_assert_ptr_nonnull(nv_consumer_slot(&consumer, 1));
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_REBALANCES), 2);
}
END_TEST

/* Its marks are another member's; that it was delivered is true, whoever reads it. */
START_TEST(what_was_lost_is_noted_and_not_committed)
{
    const bool joining = _i == 1; /* likewise while the group is joined anew */
    const struct nv_delivered_note note = {.first = {{8, 0}, {-1, 0}},
                                           .last = {{8, 0}, {-1, 0}}};
    give(1);
    read_one(8);
    ck_assert_int_eq(nv_delivered_write(&consumer.slots[0].partition->fresh, &note), NV_OK);
    lost = !joining;
    atomic_store(&consumer.joining.on, joining);
    take(1);
    ck_assert_int_eq(commits, 0);
    ck_assert_uint_eq(closed, 1);
    struct nv_test_record *notes = nv_test_kafka_read(&kafka, "delivered", 1);
    ck_assert_uint_eq(notes[0].len, 1 + NV_DELIVERED_NOTE_BYTES);
    nv_test_records_free(notes, 1);
}
END_TEST

START_TEST(a_commit_that_fails_is_made_again)
{
    give(1);
    read_one(8);
    commit_result = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    nv_consumer_commit(&consumer, NULL, false);
    ck_assert_int_eq(consumer.slots[0].partition->logs[0].committed, -1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_COMMITS_BAD), 1);
    commit_result = RD_KAFKA_RESP_ERR_NO_ERROR;
    nv_consumer_commit(&consumer, NULL, false);
    ck_assert_int_eq(consumer.slots[0].partition->logs[0].committed, 9);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_COMMITS), 1);
}
END_TEST

START_TEST(without_marks_the_member_leaves)
{
    struct nv_kafka_status status;
    nv_kafka_consumer_status(&consumer, &status);
    ck_assert(!status.left);
    committed_result = RD_KAFKA_RESP_ERR__TIMED_OUT;
    stored = -1;
    give(2);
    ck_assert(atomic_load(&consumer.end));
    ck_assert_uint_eq(opened, 0);
    nv_kafka_consumer_status(&consumer, &status);
    ck_assert(status.left && !status.up);
    ck_assert_ptr_nonnull(strstr(status.reason, "left the group"));
}
END_TEST

/* Each allocation of a take-over fails once: the member leaves, or only what was delivered
 * before is not known, which is said. */
START_TEST(without_memory_nothing_is_taken_over_by_halves)
{
    for (unsigned long n = 1; n < 40; n++) {
        atomic_store(&consumer.end, false);
        closed = 0;
        oom_fail_nth(n);
        give(1);
        bool failed = oom_end();
        ck_assert(atomic_load(&consumer.end) || nv_consumer_slot(&consumer, 0));
        if (nv_consumer_slot(&consumer, 0)) {
            oom_fail_nth(1); /* the metadata of the commit: it is made without */
            nv_consumer_commit(&consumer, NULL, false);
            (void)oom_end();
            take(1);
        }
        ck_assert_ptr_null(consumer.slots[0].partition);
        if (!failed)
            return;
    }
    ck_abort_msg("it fails for ever");
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/consumer_group");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 90);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, reading_begins_where_it_was_committed);
    tcase_add_test(tcase, what_is_taken_is_committed_first);
    tcase_add_loop_test(tcase, what_was_lost_is_noted_and_not_committed, 0, 2);
    tcase_add_test(tcase, a_commit_that_fails_is_made_again);
    tcase_add_test(tcase, without_marks_the_member_leaves);
    tcase_add_test(tcase, without_memory_nothing_is_taken_over_by_halves);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
