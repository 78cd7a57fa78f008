/*
 * Captured requests of real SDKs through the whole of assembly: when each case's trace leaves,
 * and that every span of all cases leaves exactly once.
 */
#include "expect.h"
#include "assembly/assembly.h"
#include "assembly_kit.h"
#include "fixtures.h"
#include "otlp/request/request.h"

#include <stdlib.h>
#include <string.h>

#define SENT_MAX 64

static struct kit kit; /* for its clock, configuration and directory */
static struct nv_assembly *assembly;
static struct {
    uint32_t spans, records, part, groups;
    enum nv_incomplete incomplete;
    uint64_t at_ms; /* since the start */
} sent[SENT_MAX];
static size_t sent_count;
static uint64_t all_spans;
static uint64_t start_ns;

static void complete(void *ctx, struct nv_raw_trace *raw)
{
    (void)ctx;
    if (sent_count < SENT_MAX) {
        sent[sent_count].spans = raw->span_count;
        sent[sent_count].records = raw->item_count - raw->span_count;
        sent[sent_count].part = raw->part;
        sent[sent_count].groups = raw->group_count;
        sent[sent_count].incomplete = raw->incomplete;
        sent[sent_count].at_ms = (kit.clock.mono - start_ns) / NV_NS_PER_MS;
    }
    sent_count++;
    all_spans += raw->span_count;
    nv_ledger_queue(raw->span_count);
    nv_ledger_deliver(raw->span_count);
    struct nv_claim *claim = raw->claim;
    nv_arena_free(raw->arena);
    nv_assembly_settler(assembly).settle(assembly, claim, NV_OUTCOME_DELIVERED);
}

static void start(void)
{
    struct nv_completer completer = {.complete = complete};
    struct nv_fail fail = {0};
    assembly = nv_assembly_new(&kit.config, &kit.clock.clock, &completer, &fail);
    ck_assert_int_eq(nv_assembly_start(assembly, &fail), NV_OK);
    kit.assembly = assembly; /* for kit_advance */
    sent_count = 0;
    all_spans = 0;
    start_ns = kit.clock.mono;
}

static void setup(void)
{
    kit_init(&kit);
    start();
}

static void teardown(void)
{
    nv_assembly_free(assembly);
    kit.assembly = NULL;
    kit_release(&kit);
}

static void note(void *ctx, enum nv_err err)
{
    *(enum nv_err *)ctx = err;
}

static void accept_request(const struct nv_fixture_request *request)
{
    char *body = malloc(request->body.len + 1);
    memcpy(body, request->body.ptr, request->body.len);
    struct nv_request_result result;
    struct nv_batch *batch;
    struct nv_fail fail = {0};
    enum nv_err err = nv_request_decode(
        &(struct nv_request_body){request->signal,
                                  request->json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, body,
                                  request->body.len},
        NULL, &result, &batch, &fail);
    ck_assert_msg(err == NV_OK, "%s: %s", request->file, fail.what);
    struct nv_acceptor acceptor = nv_assembly_acceptor(assembly);
    err = NV_ERR_INTERNAL;
    acceptor.accept(acceptor.ctx, batch, note, &err);
    ck_assert_int_eq(err, NV_OK);
}

/* Accepts the requests of a case, so many ms apart. */
static void replay_case(const char *name, uint64_t apart_ms)
{
    struct nv_fixture *fixture = nv_test_fixture_load(name);
    for (size_t i = 0; i < fixture->request_count; i++) {
        if (i > 0)
            kit_advance(&kit, apart_ms);
        accept_request(&fixture->requests[i]);
    }
    nv_test_fixture_free(fixture);
}

START_TEST(an_agent_that_waits_forty_seconds_on_a_model)
{
    replay_case("edge-py-late_root", 40000);
    ck_assert_uint_eq(sent_count, 0);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(sent_count, 1);
    ck_assert_uint_eq(sent[0].spans, 4);
    ck_assert_int_eq(sent[0].incomplete, NV_COMPLETE);
    ck_assert_uint_eq(sent[0].at_ms, 3 * 40000 + 1000);
}
END_TEST

START_TEST(a_root_that_never_comes)
{
    replay_case("mlflow-sdk-nested", 0);
    kit_advance(&kit, 3600000);
    ck_assert_uint_eq(sent_count, 1);
    ck_assert_uint_eq(sent[0].spans, 2);
    ck_assert_int_eq(sent[0].incomplete, NV_INCOMPLETE_ROOT);
    ck_assert_uint_eq(sent[0].at_ms, 600000);
}
END_TEST

START_TEST(two_services_of_which_the_child_exports_first)
{
    replay_case("baseline-distributed", 5000);
    kit_advance(&kit, 6999);
    ck_assert_uint_eq(sent_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(sent_count, 1);
    ck_assert_uint_eq(sent[0].spans, 6);
    ck_assert_int_eq(sent[0].incomplete, NV_COMPLETE);
}
END_TEST

START_TEST(log_records_after_spans)
{
    replay_case("otel-openai-event-chat", 900);
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(sent_count, 1);
    ck_assert_uint_eq(sent[0].spans, 1);
    ck_assert_uint_ge(sent[0].records, 1);
}
END_TEST

START_TEST(a_request_sent_again_after_503)
{
    replay_case("edge-py-retry503", 500);
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(sent_count, 1);
    ck_assert_uint_eq(sent[0].spans, 1);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], 1);
}
END_TEST

START_TEST(the_same_when_the_trace_has_gone)
{
    replay_case("edge-py-retry503", 5000);
    kit_advance(&kit, 10000);
    ck_assert_uint_eq(sent_count, 1);
}
END_TEST

START_TEST(a_parent_outside_of_what_is_sent)
{
    replay_case("edge-pyjson-remote_parent", 0);
    kit_advance(&kit, 59999);
    ck_assert_uint_eq(sent_count, 0);
    kit_advance(&kit, 1);
    ck_assert_uint_eq(sent_count, 1);
}
END_TEST

START_TEST(a_trace_of_1501_spans_in_three_requests)
{
    replay_case("edge-py-manyspans", 800);
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(sent_count, 1);
    ck_assert_uint_eq(sent[0].spans, 1501);
    ck_assert_uint_eq(sent[0].groups, 1);
}
END_TEST

static const enum nv_durability durabilities[] = {NV_DURABILITY_MEMORY, NV_DURABILITY_OS};

START_TEST(every_span_of_all_cases_leaves_once)
{
    struct nv_fixtures all;
    nv_assembly_free(assembly);
    kit_directory(&kit);
    kit.config.journal_segment_bytes = 4u << 20;
    kit.config.durability = durabilities[_i];
    nv_ledger_reset();
    start();
    nv_test_fixtures_list(&all);
    for (size_t i = 0; i < all.count; i++)
        replay_case(all.names[i], 100);
    kit_advance(&kit, 3600000);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_gt(ledger.received, 2400);
    ck_assert_uint_eq(ledger.held, 0);
    ck_assert_uint_eq(ledger.delivered, all_spans);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], 1); /* edge-py-retry503 */
    ck_assert_uint_eq(ledger.received, all_spans + 1);
    nv_test_fixtures_release(&all);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("facts");
    TCase *tcase = tcase_create("facts");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_agent_that_waits_forty_seconds_on_a_model);
    tcase_add_test(tcase, a_root_that_never_comes);
    tcase_add_test(tcase, two_services_of_which_the_child_exports_first);
    tcase_add_test(tcase, log_records_after_spans);
    tcase_add_test(tcase, a_request_sent_again_after_503);
    tcase_add_test(tcase, the_same_when_the_trace_has_gone);
    tcase_add_test(tcase, a_parent_outside_of_what_is_sent);
    tcase_add_test(tcase, a_trace_of_1501_spans_in_three_requests);
    tcase_add_loop_test(tcase, every_span_of_all_cases_leaves_once, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
