/*
 * Role assemble, wired: a message becomes a trace, its settling the note and the offset that
 * may be forgotten; a closed partition tells nobody; the budget is one for all partitions;
 * what is wrong at the start is placed at its key.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"
#include "options_kit.h"
#include "otlp_build.h"

#include "gateway/assembling.h"
#include "gateway/stages.h"
#include "model/ledger.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_assembling assembling;
static struct nv_options options;
static struct nv_fake_clock clock_;
static struct nv_claim *claims[8];
static unsigned claim_count, settled, forgotten;
static struct nv_delivered_note last;
static int64_t last_offset;
static bool leave;

static void complete(void *ctx, struct nv_raw_trace *raw)
{
    (void)ctx;
    claims[claim_count++] = raw->claim;
    nv_arena_free(raw->arena);
}

static void on_settled(void *ctx, const struct nv_delivered_note *note)
{
    (void)ctx;
    last = *note;
    settled++;
}

static void on_forgotten(void *ctx, enum nv_signal signal, int64_t offset)
{
    (void)ctx;
    ck_assert_int_eq(signal, NV_SIGNAL_TRACES);
    last_offset = offset;
    forgotten++;
}

static bool may_leave(void *ctx)
{
    (void)ctx;
    return leave;
}

static bool may_complete(void *ctx)
{
    (void)ctx;
    return true;
}

static const struct nv_kafka_held_calls calls = {
    .settled = on_settled, .forgotten = on_forgotten, .may_leave = may_leave};

static void set_up(void)
{
    claim_count = settled = forgotten = 0;
    last_offset = -1;
    leave = true;
    assembling = (struct nv_assembling){.completer = {.complete = complete},
                                        .may_complete = may_complete};
    nv_fake_clock_init(&clock_, 1000 * NV_NS_PER_S, 0);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_stage_assembly(&options, &assembling.config);
    nv_assembling_init(&assembling);
}

static void tear_down(void)
{
    nv_assembling_release(&assembling);
    nv_options_release(&options);
}

static struct nv_batch *decode(struct nv_str view)
{
    struct nv_batch *batch = NULL;
    char *bytes = malloc(view.len);
    memcpy(bytes, view.ptr, view.len);
    ck_assert_int_eq(assembling.holder.decode(assembling.holder.ctx, NV_SIGNAL_TRACES, bytes,
                                              view.len, &batch),
                     NV_OK);
    return batch;
}

static struct nv_batch *message(void)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    return decode(nv_test_view(&request));
}

static void *open_one(void)
{
    void *held = NULL;
    ck_assert_int_eq(
        assembling.holder.open(assembling.holder.ctx, 3, &calls, &clock_.clock, &held), NV_OK);
    return held;
}

static void settle_all(void)
{
    struct nv_settler settler = nv_assembly_settler_of_all();
    while (claim_count > 0)
        settler.settle(settler.ctx, claims[--claim_count], NV_OUTCOME_DELIVERED);
}

static void pass_time(void *held)
{
    for (int i = 0; i < 4; i++) {
        nv_fake_clock_advance(&clock_, assembling.config.open_ms * NV_NS_PER_MS + NV_NS_PER_S);
        (void)assembling.holder.tick(held);
    }
}

START_TEST(what_is_settled_is_noted_and_forgotten)
{
    const struct nv_kafka_holder *holder = &assembling.holder;
    void *held = open_one();
    ck_assert_int_eq(holder->take(held, message(), 41), NV_OK);
    leave = false;
    pass_time(held);
    ck_assert_uint_eq(claim_count, 0);
    leave = true;
    pass_time(held);
    ck_assert_uint_eq(claim_count, 1);
    ck_assert_uint_eq(holder->unsettled(held), 1);
    ck_assert_uint_eq(forgotten, 0);
    settle_all();
    (void)holder->tick(held);
    ck_assert_uint_eq(holder->unsettled(held), 0);
    ck_assert_uint_eq(settled, 1);
    ck_assert_uint_eq(forgotten, 1);
    ck_assert_int_eq(last_offset, 41);
    ck_assert_int_eq(last.first[NV_SIGNAL_TRACES].offset, 41);
    ck_assert_int_eq(last.last[NV_SIGNAL_LOGS].offset, -1);
    holder->close(held);
}
END_TEST

START_TEST(a_closed_partition_tells_nobody)
{
    const struct nv_kafka_holder *holder = &assembling.holder;
    void *held = open_one();
    ck_assert_int_eq(holder->take(held, message(), 41), NV_OK);
    pass_time(held);
    ck_assert_uint_eq(claim_count, 1);
    holder->close(held);
    ck_assert_uint_eq(assembling.closed, 1);
    settle_all();
    void *other = open_one();
    (void)holder->tick(other);
    ck_assert_uint_eq(assembling.closed, 0);
    ck_assert_uint_eq(settled + forgotten, 0);
    holder->close(other);
    ck_assert_ptr_null(assembling.parts);
}
END_TEST

/* Of what others wrote, and once: a message that waits for memory is decoded again. */
START_TEST(spans_that_are_set_aside_are_counted_when_the_rest_is_taken)
{
    const struct nv_kafka_holder *holder = &assembling.holder;
    const uint64_t memory_bytes = assembling.config.memory_bytes;
    struct nv_test_message good = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message bad = nv_test_span(NV_TEST_TRACE_ID, NV_STR("short"), NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&good));
    struct nv_test_message other = nv_test_request(nv_test_view(&bad));
    struct nv_ledger ledger;
    void *held = open_one();
    memcpy(request.bytes + request.len, other.bytes, other.len);
    request.len += other.len;
    nv_ledger_reset();
    assembling.bytes = 1;
    assembling.config.memory_bytes = 0;
    ck_assert_int_eq(holder->take(held, decode(nv_test_view(&request)), 5), NV_ERR_FULL);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.rejected[NV_REJECT_SPAN_ID], 0);
    assembling.bytes = 0;
    assembling.config.memory_bytes = memory_bytes;
    ck_assert_int_eq(holder->take(held, decode(nv_test_view(&request)), 5), NV_OK);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.rejected[NV_REJECT_SPAN_ID], 1);
    ck_assert_uint_eq(ledger.received, 1);
    holder->close(held);
}
END_TEST

START_TEST(the_budget_is_for_all_partitions_together)
{
    const struct nv_kafka_holder *holder = &assembling.holder;
    void *first = open_one();
    void *second = open_one();
    ck_assert_int_eq(holder->take(first, message(), 1), NV_OK);
    ck_assert_uint_gt(assembling.bytes, 0);
    assembling.config.memory_bytes = assembling.bytes - 1;
    ck_assert_int_eq(holder->take(second, message(), 1), NV_ERR_FULL);
    holder->close(first);
    ck_assert_uint_eq(assembling.bytes, 0);
    ck_assert_int_eq(holder->take(second, message(), 1), NV_OK);
    holder->close(second);
}
END_TEST

START_TEST(without_memory_there_is_no_partition)
{
    for (unsigned long n = 1; n < 200; n++) {
        void *held = NULL;
        oom_fail_nth(n);
        enum nv_err err =
            assembling.holder.open(assembling.holder.ctx, 3, &calls, &clock_.clock, &held);
        bool failed = oom_end();
        if (err == NV_OK)
            assembling.holder.close(held);
        if (!failed)
            return;
        ck_assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(assembling.parts);
    }
    ck_abort_msg("it fails for ever");
}
END_TEST

/* Nobody has the letter: the trace stays where it is. */
START_TEST(without_a_consumer_no_letter_is_taken)
{
    const struct nv_store *store = nv_assembling_store(&assembling);
    uint64_t id = 7;
    ck_assert_int_eq(
        store->put(store->ctx, NV_RECORD_DEAD_LETTER, NV_STR("{}"), NV_STR("[]"), &id),
        NV_ERR_NO_SPACE);
}
END_TEST

#ifdef NOVEUM_KAFKA
START_TEST(it_starts_on_a_cluster_with_its_topics)
{
    static const char *const topics[] = {"otlp_spans", "otlp_logs", "noveum_delivered"};
    struct nv_test_kafka kafka;
    struct nv_assembly_status status;
    struct nv_kafka_status brokers;
    struct nv_fail fail = {0};
    uint64_t id;
    nv_test_kafka_start(&kafka, 0);
    nv_test_set(&options, NV_OPT_kafka_brokers, kafka.config.brokers);
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, topics[i], 2, 1), 0);
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "otlp_spans_dead", 1, 1), 0);
    ck_assert_int_eq(nv_assembling_start(&assembling, &options, &fail), NV_OK);
    nv_assembling_status(&assembling, &status, &brokers);
    ck_assert(brokers.on && brokers.assembles);
    const struct nv_store *store = nv_assembling_store(&assembling);
    ck_assert_int_eq(
        store->put(store->ctx, NV_RECORD_DEAD_LETTER, NV_STR("{}"), NV_STR("[1]"), &id), NV_OK);
    struct nv_test_record *dead = nv_test_kafka_read(&kafka, "otlp_spans_dead", 1);
    ck_assert_mem_eq(dead[0].bytes, "[1]", dead[0].len);
    nv_test_records_free(dead, 1);
    nv_assembling_stop(&assembling, 1000);
    ck_assert_int_eq(
        store->put(store->ctx, NV_RECORD_DEAD_LETTER, NV_STR("{}"), NV_STR("[1]"), &id),
        NV_ERR_STOPPING);
    nv_test_kafka_stop(&kafka);
}
END_TEST

START_TEST(a_property_that_is_none_is_named)
{
    struct nv_fail fail = {0};
    nv_test_set(&options, NV_OPT_kafka_brokers, "127.0.0.1:1");
    nv_test_set(&options, NV_OPT_kafka_properties, "no.such.thing=1");
    ck_assert_int_eq(nv_assembling_start(&assembling, &options, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.path, "kafka.properties"));
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("gateway/assembling");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_settled_is_noted_and_forgotten);
    tcase_add_test(tcase, a_closed_partition_tells_nobody);
    tcase_add_test(tcase, spans_that_are_set_aside_are_counted_when_the_rest_is_taken);
    tcase_add_test(tcase, the_budget_is_for_all_partitions_together);
    tcase_add_test(tcase, without_memory_there_is_no_partition);
    tcase_add_test(tcase, without_a_consumer_no_letter_is_taken);
#ifdef NOVEUM_KAFKA
    tcase_add_test(tcase, it_starts_on_a_cluster_with_its_topics);
    tcase_add_test(tcase, a_property_that_is_none_is_named);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
