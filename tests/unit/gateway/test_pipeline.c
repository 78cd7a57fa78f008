/*
 * What becomes of a completed trace: each end is reached, the ledger agrees, the claim is
 * settled once, and nothing leaks (asan).
 */
#include "expect.h"
#include "otlp_build.h"

#include "base/log/counters.h"
#include "gateway/pipeline.h"
#include "gateway/dead/raw_join.h"
#include "tests/support/mapping_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

struct fate {
    unsigned begun, consumed, shown, remembered, settled, stored;
    enum nv_outcome outcome;
    enum nv_err store_err;
    char head[1000], payload[4000];
};

static struct fate fate;
static struct nv_sampling sampling;
static struct nv_mapping *mapping;
static struct nv_fake_clock fake;
static struct nv_translating *translating;

static void settle(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    (void)ctx;
    ck_assert_ptr_eq(claim, (struct nv_claim *)&fate);
    fate.settled++;
    fate.outcome = outcome;
}

static void remember(void *ctx, const struct nv_raw_trace *raw, struct nv_str name,
                     struct nv_str session, struct nv_str user)
{
    ck_assert_ptr_eq(ctx, &fate);
    ck_assert_ptr_nonnull(raw);
    ck_assert_uint_gt(name.len, 0);
    (void)session;
    (void)user;
    fate.remembered++;
}

static void begin(void *ctx, const struct nv_raw_trace *raw)
{
    ck_assert_ptr_eq(ctx, &fate);
    ck_assert_ptr_eq(raw->claim, (struct nv_claim *)&fate);
    ck_assert_uint_gt(raw->item_count, 0);
    fate.begun++;
}

static void show(void *ctx, const struct nv_trace *trace)
{
    ck_assert_ptr_eq(ctx, &fate);
    ck_assert_uint_eq(fate.consumed, fate.shown); /* each is shown, then consumed */
    ck_assert_uint_eq(trace->span_count, 1);
    fate.shown++;
}

static void consume(void *ctx, struct nv_trace *trace)
{
    ck_assert_ptr_eq(ctx, &fate);
    ck_assert_ptr_eq(trace->claim, (struct nv_claim *)&fate);
    fate.consumed++;
    nv_ledger_queue(trace->span_count);
    nv_ledger_deliver(trace->span_count);
    nv_arena_free(trace->arena);
}

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id)
{
    (void)ctx;
    ck_assert_int_eq(kind, NV_RECORD_DEAD_LETTER);
    ck_assert(head.len < sizeof fate.head && payload.len < sizeof fate.payload);
    memcpy(fate.head, head.ptr, head.len);
    memcpy(fate.payload, payload.ptr, payload.len);
    fate.stored++;
    *id = 1;
    return fate.store_err;
}

static const struct nv_store store = {.put = put};

static struct nv_pipeline make_pipeline(const struct nv_store *dead_letters)
{
    return (struct nv_pipeline){.mapping = mapping,
                                .sampling = &sampling,
                                .clock = &fake.clock,
                                .settler = {.settle = settle},
                                .store = dead_letters,
                                .translating = translating,
                                .next_ctx = &fate,
                                .begin = begin,
                                .remember = remember,
                                .observe = show,
                                .consume = consume};
}

/* A batch with one span; `status` is the bytes of its Status message. */
static struct nv_batch *one_span(struct nv_str status)
{
    struct nv_test_message more = {0};
    nv_test_add(&more, 5, NV_STR("root"));
    if (status.len > 0)
        nv_test_add(&more, 15, status);
    struct nv_test_message span =
        nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, nv_test_view(&more));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, nv_test_view(&request));
    ck_assert_int_eq(decoded.err, NV_OK);
    return decoded.batch;
}

static void complete(const struct nv_store *dead_letters, struct nv_str status, bool damage)
{
    struct nv_pipeline pipeline = make_pipeline(dead_letters);
    struct nv_completer completer = nv_pipeline_completer(&pipeline);
    struct nv_batch *batch = one_span(status);
    struct nv_raw_trace *raw = nv_raw_join_first(&batch, 1);
    raw->claim = (struct nv_claim *)&fate;
    if (damage)
        raw->items[0].bytes.len--;
    nv_ledger_receive(1, false);
    completer.complete(completer.ctx, raw);
    nv_batch_free(batch);
}

static void set_up(void)
{
    fate = (struct fate){0};
    nv_ledger_reset();
    nv_sampling_set(&sampling, 1.0, true);
    nv_fake_clock_init(&fake, 0, 1000 * NV_NS_PER_S);
    mapping = nv_test_mapping_new();
}

static void tear_down(void)
{
    nv_mapping_free(mapping);
}

static struct nv_ledger ledger(void)
{
    struct nv_ledger now;
    nv_ledger_read(&now);
    return now;
}

/* Log records of a coding agent: a prompt, and one that says nothing of its turn. */
#define RECORD(name)                                                                           \
    "{\"timeUnixNano\":\"5\",\"body\":{\"stringValue\":\"claude_code." name                    \
    "\"},\"attributes\":[{\"key\":\"session.id\",\"value\":{\"stringValue\":\"s\"}},"          \
    "{\"key\":\"prompt.id\",\"value\":{\"stringValue\":\"p\"}}]}"

START_TEST(spans_of_log_records_are_received_when_they_are_made)
{
    struct nv_pipeline pipeline = make_pipeline(&store);
    struct nv_completer completer = nv_pipeline_completer(&pipeline);
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_LOGS, NV_MEDIA_JSON,
                       NV_STR("{\"resourceLogs\":[{\"scopeLogs\":[{\"scope\":{\"name\":"
                              "\"com.anthropic.claude_code.events\"},\"logRecords\":[" RECORD(
                                  "user_prompt") "," RECORD("user_prompt") "]}]}]}"));
    ck_assert_int_eq(decoded.err, NV_OK);
    struct nv_raw_trace *raw = nv_raw_join_first(&decoded.batch, 1);
    ck_assert(raw->of_records);
    raw->claim = (struct nv_claim *)&fate;
    nv_count_reset();
    completer.complete(completer.ctx, raw);
    nv_batch_free(decoded.batch);
    ck_assert_uint_eq(fate.consumed, 1);
    ck_assert_uint_eq(ledger().received, 1);
    ck_assert_uint_eq(ledger().delivered, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_OF_RECORDS), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_LOG_RECORDS_UNUSED), 1); /* the one sent again */
}
END_TEST

START_TEST(a_good_trace_is_shown_and_consumed)
{
    complete(&store, NV_STR(""), false);
    ck_assert_uint_eq(fate.begun, 1);
    ck_assert_uint_eq(fate.consumed, 1);
    ck_assert_uint_eq(fate.shown, 1);
    ck_assert_uint_eq(fate.remembered, 1);
    ck_assert_uint_eq(fate.settled, 0); /* the exporter's business */
    ck_assert_uint_eq(ledger().delivered, 1);
}
END_TEST

/* A death is a handle that is freed while a trace is in it: what a killed process leaves. */
START_TEST(what_killed_twice_is_a_dead_letter_untried)
{
    char directory[] = "/tmp/nv-pipeline-XXXXXX";
    char path[64];
    struct nv_batch *batch = one_span(NV_STR(""));
    ck_assert_ptr_nonnull(mkdtemp(directory));
    for (unsigned death = 0; death <= NV_DEATHS_MAX; death++) {
        unsigned slot = NV_NO_SLOT;
        struct nv_raw_trace deadly = {.part = 0};
        memcpy(deadly.trace_id, batch->items[0].trace_id, NV_TRACE_ID_BYTES);
        nv_translating_free(translating);
        translating = nv_translating_new();
        nv_translating_open(translating, directory);
        if (death < NV_DEATHS_MAX) {
            ck_assert_uint_eq(
                nv_translating_begin(translating, &(struct nv_raw_trace *){&deadly}, 1, &slot),
                1);
        }
    }
    nv_batch_free(batch);
    complete(&store, NV_STR(""), false);
    ck_assert_uint_eq(fate.consumed + fate.shown, 0);
    ck_assert_uint_eq(fate.stored, 1);
    ck_assert_ptr_nonnull(strstr(fate.head, "died twice"));
    ck_assert_uint_eq(fate.settled, 1);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_KEPT);
    ck_assert_uint_eq(ledger().dead[NV_DEAD_UNTRANSLATABLE], 1);
    nv_translating_free(translating);
    translating = NULL;
    snprintf(path, sizeof path, "%s/translating", directory);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(sampled_out_before_translation)
{
    nv_sampling_set(&sampling, 0.0, false);
    complete(&store, NV_STR("\x18\x02"), false);
    ck_assert_uint_eq(fate.consumed + fate.shown + fate.stored, 0);
    ck_assert_uint_eq(fate.settled, 1);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_DROPPED);
    ck_assert_uint_eq(ledger().dropped[NV_DROP_SAMPLED], 1);
}
END_TEST

START_TEST(sampled_out_after_translation_unless_it_failed)
{
    nv_sampling_set(&sampling, 0.0, true);
    complete(&store, NV_STR(""), false);
    ck_assert_uint_eq(fate.consumed, 0);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_DROPPED);
    ck_assert_uint_eq(ledger().dropped[NV_DROP_SAMPLED], 1);
    complete(&store, NV_STR("\x18\x02"), false); /* Status.code = ERROR */
    ck_assert_uint_eq(fate.consumed, 1);
    ck_assert_uint_eq(fate.settled, 1);
}
END_TEST

START_TEST(what_cannot_be_translated_is_a_dead_letter)
{
    complete(&store, NV_STR(""), true);
    ck_assert_uint_eq(fate.consumed, 0);
    ck_assert_uint_eq(fate.stored, 1);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_KEPT);
    ck_assert_uint_eq(ledger().dead[NV_DEAD_UNTRANSLATABLE], 1);
    ck_assert_ptr_nonnull(strstr(fate.head, "\"reason\":\"untranslatable\""));
    ck_assert_ptr_nonnull(strstr(fate.head, "5b8efff798038103d269b633813fc60c"));
    ck_assert_ptr_nonnull(strstr(fate.payload, "{\"otlp\":\""));
}
END_TEST

START_TEST(and_left_in_the_journal_when_even_that_fails)
{
    fate.store_err = NV_ERR_NO_SPACE;
    complete(&store, NV_STR(""), true);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_LEFT);
    ck_assert_uint_eq(ledger().held, 1);
    complete(NULL, NV_STR(""), true);
    ck_assert_uint_eq(fate.settled, 2);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_LEFT);
    ck_assert_uint_eq(ledger().held, 2);
}
END_TEST

/* The root and a placeholder that announces it. */
static struct nv_batch *announced_span(void)
{
    const struct nv_str body = NV_STR(
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["
        "{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"00000000000000a1\","
        "\"name\":\"root\",\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\"},"
        "{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"00000000000000b2\","
        "\"parentSpanId\":\"00000000000000a1\",\"name\":\"root\",\"startTimeUnixNano\":\"1\","
        "\"endTimeUnixNano\":\"1\",\"attributes\":[{\"key\":\"logfire.span_type\",\"value\":"
        "{\"stringValue\":\"pending_span\"}}]}]}]}]}");
    struct nv_test_decoded decoded = nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_JSON, body);
    ck_assert_int_eq(decoded.err, NV_OK);
    return decoded.batch;
}

static void complete_announced(void)
{
    struct nv_pipeline pipeline = make_pipeline(&store);
    struct nv_completer completer = nv_pipeline_completer(&pipeline);
    struct nv_batch *batch = announced_span();
    struct nv_raw_trace *raw = nv_raw_join_first(&batch, 1);
    raw->claim = (struct nv_claim *)&fate;
    ck_assert_uint_eq(raw->span_count, 2);
    nv_ledger_receive(2, false);
    completer.complete(completer.ctx, raw);
    nv_batch_free(batch);
}

START_TEST(placeholders_leave_the_ledger_as_dropped)
{
    complete_announced();
    struct nv_ledger now = ledger();
    ck_assert_uint_eq(fate.consumed, 1);
    ck_assert_uint_eq(now.received, 2);
    ck_assert_uint_eq(now.delivered, 1);
    ck_assert_uint_eq(now.dropped[NV_DROP_PLACEHOLDER], 1);
    ck_assert_uint_eq(now.held + now.queued, 0);
}
END_TEST

START_TEST(placeholders_of_a_trace_that_is_sampled_out_are_sampled_out)
{
    nv_sampling_set(&sampling, 0.0, true);
    complete_announced();
    ck_assert_uint_eq(ledger().dropped[NV_DROP_SAMPLED], 2);
    ck_assert_uint_eq(ledger().dropped[NV_DROP_PLACEHOLDER], 0);
    ck_assert_uint_eq(ledger().held, 0);
}
END_TEST

/* The same trace through a mapping that lets AI work pass only: there is none. */
START_TEST(a_trace_that_is_left_out_whole_ends_here)
{
    const struct nv_mapping_config config = {.spans = NV_SPANS_AI};
    struct nv_mapping *all = mapping;
    mapping = nv_mapping_new(&config, NULL);
    ck_assert_ptr_nonnull(mapping);
    complete(&store, NV_STR(""), false);
    nv_mapping_free(mapping);
    mapping = all;
    ck_assert_uint_eq(fate.consumed + fate.shown + fate.remembered, 0);
    ck_assert_uint_eq(fate.settled, 1);
    ck_assert_int_eq(fate.outcome, NV_OUTCOME_DROPPED);
    ck_assert_uint_eq(ledger().dropped[NV_DROP_NOT_AI], 1);
    ck_assert_uint_eq(ledger().held, 0);
}
END_TEST

/* More than are noted together, without notes and with them. */
START_TEST(all_of_a_turn)
{
    char directory[] = "/tmp/nv-pipeline-XXXXXX";
    char path[64];
    struct nv_pipeline pipeline = make_pipeline(&store);
    struct nv_completer completer = nv_pipeline_completer(&pipeline);
    struct nv_raw_trace *raws[NV_NOTED_MAX + 3];
    struct nv_batch *batches[NV_NOTED_MAX + 3];
    const size_t count = sizeof raws / sizeof raws[0];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    if (_i > 0) {
        translating = pipeline.translating = nv_translating_new();
        nv_translating_open(translating, directory);
    }
    for (size_t i = 0; i < count; i++) {
        batches[i] = one_span(NV_STR(""));
        raws[i] = nv_raw_join_first(&batches[i], 1);
        raws[i]->claim = (struct nv_claim *)&fate;
    }
    nv_ledger_receive(count, false);
    completer.complete_all(completer.ctx, raws, count);
    for (size_t i = 0; i < count; i++)
        nv_batch_free(batches[i]);
    ck_assert_uint_eq(fate.consumed, count);
    nv_translating_free(translating);
    translating = NULL;
    snprintf(path, sizeof path, "%s/translating", directory);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(without_a_view_and_a_memory)
{
    struct nv_pipeline pipeline = make_pipeline(&store);
    pipeline.observe = NULL;
    pipeline.begin = NULL;
    pipeline.remember = NULL;
    struct nv_completer completer = nv_pipeline_completer(&pipeline);
    struct nv_batch *batch = one_span(NV_STR(""));
    struct nv_raw_trace *raw = nv_raw_join_first(&batch, 1);
    raw->claim = (struct nv_claim *)&fate;
    nv_ledger_receive(1, false);
    completer.complete(completer.ctx, raw);
    nv_batch_free(batch);
    ck_assert_uint_eq(fate.consumed, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/pipeline");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, all_of_a_turn, 0, 2);
    tcase_add_test(tcase, what_killed_twice_is_a_dead_letter_untried);
    tcase_add_test(tcase, a_good_trace_is_shown_and_consumed);
    tcase_add_test(tcase, spans_of_log_records_are_received_when_they_are_made);
    tcase_add_test(tcase, sampled_out_before_translation);
    tcase_add_test(tcase, sampled_out_after_translation_unless_it_failed);
    tcase_add_test(tcase, what_cannot_be_translated_is_a_dead_letter);
    tcase_add_test(tcase, and_left_in_the_journal_when_even_that_fails);
    tcase_add_test(tcase, placeholders_leave_the_ledger_as_dropped);
    tcase_add_test(tcase, placeholders_of_a_trace_that_is_sampled_out_are_sampled_out);
    tcase_add_test(tcase, a_trace_that_is_left_out_whole_ends_here);
    tcase_add_test(tcase, without_a_view_and_a_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
