/*
 * The whole stage: the property that nothing is lost or ended twice under random answers, disks
 * and restarts; every allocation failing once from consume to delivery; stopping; files; the
 * thread.
 */
#include "expect.h"
#include "exporter_rig.h"
#include "fixtures.h"
#include "oom.h"

#include "base/log/counters.h"
#include "base/log/log.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* ---- the property ------------------------------------------------------------------------ */

static const int statuses[] = {200, 200, 200, 201, 202, 409, 400, 401, 402, 403, 404, 408,
                               413, 415, 422, 429, 429, 500, 502, 503, 504, 302, 204, 418};
static const char *const retry_afters[] = {
    "", "", "1", "7", "-1", "99999999999", "tomorrow", "Sun, 06 Nov 1994 08:49:37 GMT"};
static const char *const bodies[] = {"",
                                     "{}",
                                     "{\"success\":true,\"warnings\":[\"w\"]}",
                                     "{\"code\":\"CREDIT_QUOTA_EXCEEDED\"}",
                                     "<html>",
                                     "{\"message\":\"\\u0000\\u001b[31m\"}"};

static void random_answer(void)
{
    struct rig_flight *flight = rig_flight(&rig);

    if (!flight)
        return;
    /* Poison is refused for its own sake whatever the weather. */
    if (flight->route == NV_ROUTE_TRACES && rig_body_has(flight, "poison") && draw(2) == 0) {
        rig_answer(&rig, flight, 400, "", "");
    } else if (draw(8) == 0) {
        rig_fail(&rig, flight, (enum nv_transfer)(1 + draw(NV_TRANSFER_CANCELLED - 1)));
    } else {
        rig_answer(&rig, flight, statuses[draw(sizeof statuses / sizeof *statuses)],
                   retry_afters[draw(sizeof retry_afters / sizeof *retry_afters)],
                   bodies[draw(sizeof bodies / sizeof *bodies)]);
    }
}

static void random_config(void)
{
    rig.config.batch_traces = (uint32_t)(1 + draw(20));
    rig.config.max_in_flight = (uint32_t)(1 + draw(6));
    rig.config.batch_ms = (uint32_t)draw(2000);
    rig.config.max_body_bytes = 500 + draw(20000);
    rig.config.queue_bytes_max = 20000 + draw(50000);
    rig.config.spill_bytes = 1 + draw(20000);
    rig.config.spill_age_ms = (uint32_t)draw(40000);
    rig.config.compression = (enum nv_compression)draw(3);
}

static void random_step(bool with_store)
{
    switch (draw(12)) {
    case 0:
    case 1:
    case 2:
        if (rig.trace_count < 60)
            rig_consume(&rig, draw(10) == 0 ? "poison" : "fine", (uint32_t)(1 + draw(4)));
        break;
    case 3:
        rig.put_fails = draw(3) == 0 ? NV_ERR_NO_SPACE : NV_OK;
        break;
    case 4:
        rig.get_fails = draw(3) == 0 ? NV_ERR_IO : NV_OK;
        break;
    case 5:
        rig.send_fails = draw(4) == 0 ? NV_ERR_NO_MEMORY : NV_OK;
        break;
    case 6:
        rig_run(&rig, draw(70000));
        break;
    case 7:
    case 8:
        rig_run(&rig, draw(1500));
        break;
    default:
        random_answer();
    }
    (void)with_store;
}

static void check_books(void)
{
    struct nv_ledger ledger;
    uint64_t dead = 0;
    uint32_t ended = 0;

    nv_ledger_read(&ledger);
    for (int i = 0; i < NV_DEAD_COUNT; i++)
        dead += ledger.dead[i];
    ck_assert_uint_eq(ledger.received, rig.span_count);
    ck_assert_uint_eq(ledger.received, ledger.delivered + dead + ledger.queued + ledger.held);
    for (uint32_t i = 0; i < rig.trace_count; i++)
        ended += rig.claims[i].settled;
    /* Each at most once is asserted by rig_settled. */
    if (ended != rig_settled(&rig, NV_OUTCOME_DELIVERED) + rig_settled(&rig, NV_OUTCOME_KEPT) +
                     rig_settled(&rig, NV_OUTCOME_LEFT))
        ck_abort_msg("a claim ended in no known way");
}

static void one_life(uint64_t seed)
{
    struct nv_ledger ledger;
    bool with_store = true;

    state = seed * UINT64_C(2654435761) + 1;
    setup();
    rig.seed = state;
    with_store = draw(4) != 0;
    random_config();
    rig_open(&rig, with_store);
    for (uint64_t steps = 50 + draw(150); steps > 0; steps--) {
        random_step(with_store);
        check_books();
    }
    rig_drain(&rig);
    check_books();
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.queued, 0);
    for (uint32_t i = 0; i < rig.trace_count; i++)
        ck_assert_uint_eq(rig.claims[i].settled, 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
    if (with_store) {
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER),
                          rig_status(&rig).dead_letters);
    }
    teardown();
}

/* Sanitizers make a life ten to fifty times dearer. */
#if defined(__SANITIZE_THREAD__)
#define LIVES 10
#elif defined(__SANITIZE_ADDRESS__)
#define LIVES 100
#else
#define LIVES 100
#endif

/* 20 loops of 100 lives; NOVEUM_SOAK=1 makes them ten thousand. */
static uint64_t lives(void)
{
    return getenv("NOVEUM_SOAK") ? 500 : LIVES;
}

START_TEST(every_trace_ends_exactly_once)
{
    for (uint64_t i = 0; i < lives(); i++)
        one_life((uint64_t)_i * 500 + i);
}
END_TEST

static uint32_t traces_of_head(struct nv_str head)
{
    json_t *root = json_loadb(head.ptr, head.len, 0, NULL);
    uint32_t traces = (uint32_t)json_integer_value(json_object_get(root, "traces"));

    json_decref(root);
    return traces;
}

/* The same with restarts at random: what was not settled DELIVERED is in the store or was
 * LEFT. */
START_TEST(restarts_lose_nothing)
{
    for (uint64_t i = 0; i < lives() / 5; i++) {
        uint32_t outbox_traces = 0, first_life, second_life;

        state = ((uint64_t)_i * 100 + i) * UINT64_C(40503) + 7;
        setup();
        rig.seed = state;
        random_config();
        rig_open(&rig, true);
        for (int step = 0; step < 80; step++)
            random_step(true);
        rig_close(&rig);
        first_life = (uint32_t)nv_count_get(NV_COUNT_TRACES_DELIVERED);
        for (uint32_t t = 0; t < rig.trace_count; t++)
            ck_assert_uint_eq(rig.claims[t].settled, 1);
        for (uint32_t r = 0; r < RIG_RECORDS_MAX; r++) {
            if (rig.records[r].id != 0 && rig.records[r].kind == NV_RECORD_OUTBOX)
                outbox_traces += traces_of_head(rig.records[r].head);
        }
        rig_open(&rig, true);
        ck_assert_uint_eq(rig_status(&rig).outbox_records, rig_records(&rig, NV_RECORD_OUTBOX));
        rig_drain(&rig);
        second_life = (uint32_t)nv_count_get(NV_COUNT_TRACES_DELIVERED);
        ck_assert_uint_eq(second_life, outbox_traces);
        /* More is possible: a record of which a part was delivered is sent again whole. */
        ck_assert_uint_ge(first_life + second_life + rig_settled(&rig, NV_OUTCOME_LEFT) +
                              rig_records(&rig, NV_RECORD_DEAD_LETTER),
                          rig.trace_count);
        teardown();
    }
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

static void drain_with_oom(unsigned long nth)
{
    struct nv_trace *traces[3];

    setup();
    rig.config.spill_bytes = rig.config.queue_bytes_max = 2000;
    rig.config.batch_traces = 2;
    rig_open(&rig, true);
    for (int i = 0; i < 3; i++) {
        traces[i] = rig_trace(&rig, i == 1 ? "poison" : "fine", 2);
        nv_ledger_receive(2, false);
        rig.span_count += 2;
    }
    oom_fail_nth(nth);
    for (int i = 0; i < 3; i++)
        nv_exporter_consume(rig.exporter, traces[i]);
    (void)nv_exporter_pump(rig.exporter);
    /* The answer splits the body, buries the poison, moves the rest to the outbox and back. */
    for (int i = 0; i < 20; i++) {
        struct rig_flight *flight = rig_flight(&rig);

        if (flight)
            rig_answer(&rig, flight, rig_body_has(flight, "poison") ? 400 : 200, "", "");
        nv_fake_clock_advance(&rig.clock, 100 * NV_NS_PER_MS);
        (void)nv_exporter_pump(rig.exporter);
    }
}

START_TEST(every_allocation_fails_once)
{
    bool failed = true;
    unsigned long nth = 1;

    for (; failed && nth < 500; nth++) {
        drain_with_oom(nth);
        nv_fake_clock_advance(&rig.clock, 1000 * NV_NS_PER_MS);
        (void)nv_exporter_pump(rig.exporter);
        failed = oom_end();
        for (int i = 0; i < 400; i++) {
            struct rig_flight *flight = rig_flight(&rig);

            if (flight)
                rig_answer(&rig, flight, rig_body_has(flight, "poison") ? 400 : 200, "", "");
            rig_run(&rig, 500);
        }
        check_books();
        ck_assert_uint_eq(
            rig_settled(&rig, NV_OUTCOME_DELIVERED) + rig_settled(&rig, NV_OUTCOME_KEPT), 3);
        ck_assert_uint_eq(rig_status(&rig).queued_traces, 0);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
        teardown();
    }
    ck_assert_uint_gt(nth, 10);
    ck_assert(!failed);
}
END_TEST

START_TEST(new_without_memory_is_an_error)
{
    bool failed = true;

    for (unsigned long nth = 1; failed; nth++) {
        struct nv_fail fail = {0};
        struct nv_exporter *exporter;

        oom_fail_nth(nth);
        exporter =
            nv_exporter_new(&rig.config, &rig.settler, &rig.store, &rig.clock.clock, &fail);
        failed = oom_end();
        ck_assert_int_eq(exporter == NULL, failed);
        if (failed)
            ck_assert_int_eq(fail.code, NV_ERR_NO_MEMORY);
        nv_exporter_free(exporter);
    }
}
END_TEST

START_TEST(a_trace_past_the_cap_becomes_a_stub)
{
    rig.config.max_trace_bytes = 20000;
    rig_open(&rig, true);
    rig_consume(&rig, "fine", 2);
    rig_consume(&rig, "huge", 100);
    rig_run(&rig, 1000);
    ck_assert_uint_eq(rig_traces_in(rig_flight(&rig)), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    check_books();
}
END_TEST

/* ---- stopping ---------------------------------------------------------------------------- */

START_TEST(stop_puts_the_rest_into_the_outbox)
{
    rig_open(&rig, true);
    for (int i = 0; i < 5; i++)
        rig_consume(&rig, "fine", 1);
    nv_exporter_stop(rig.exporter, 1000);
    ck_assert_uint_eq(rig.sent, 1);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_STOPPED);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 5);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
    rig_close(&rig);
    rig_open(&rig, true);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 5);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
}
END_TEST

START_TEST(stop_without_a_place_leaves_it_to_the_journal)
{
    rig_open(&rig, _i == 0);
    rig.put_fails = NV_ERR_NO_SPACE;
    rig_consume(&rig, "fine", 1);
    rig_consume(&rig, "fine", 1);
    nv_exporter_stop(rig.exporter, 0);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_LEFT), 2);
    nv_exporter_stop(rig.exporter, 0);
}
END_TEST

/* ---- dead letters ------------------------------------------------------------------------ */

START_TEST(a_dead_letter_gets_another_try)
{
    uint64_t id = 0;

    rig_open(&rig, true);
    rig_consume(&rig, "poison", 3);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 400, "", "");
    rig_run(&rig, 0);
    rig_answer(&rig, rig_flight(&rig), 400, "", "");
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    for (uint32_t i = 0; i < RIG_RECORDS_MAX; i++) {
        if (rig.records[i].id != 0)
            id = rig.records[i].id;
    }
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, id + 1, NV_STR("")),
                     NV_ERR_NOT_FOUND);
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, id, NV_STR("")), NV_OK);
    rig_run(&rig, 1000);
    ck_assert(rig_body_has(rig_flight(&rig), "poison"));
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 1);
}
END_TEST

/* Letter to outbox to letter again: at no moment is the only record one that nobody synced. */
START_TEST(a_power_cut_at_a_second_refusal_loses_nothing)
{
    uint64_t id = 0;

    rig.config.compression = NV_COMPRESSION_NONE;
    rig_open(&rig, true);
    rig_consume(&rig, "poison", 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    for (uint32_t i = 0; i < RIG_RECORDS_MAX; i++) {
        if (rig.records[i].id != 0)
            id = rig.records[i].id;
    }
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, id, NV_STR("")), NV_OK);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 0);
    rig_cut_power(&rig);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
}
END_TEST

/* Nothing else is going on, so only a timer can bring the second look. */
START_TEST(a_second_try_without_memory_is_not_forgotten)
{
    uint64_t wait_ns, id = 0;

    rig_open(&rig, true);
    rig.config.compression = NV_COMPRESSION_NONE;
    rig_consume(&rig, "poison", 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    for (uint32_t i = 0; i < RIG_RECORDS_MAX; i++) {
        if (rig.records[i].id != 0)
            id = rig.records[i].id;
    }
    rig_run(&rig, 1000);
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, id, NV_STR("")), NV_OK);
    oom_fail_nth(1);
    wait_ns = nv_exporter_pump(rig.exporter);
    ck_assert(oom_end());
    ck_assert_uint_le(wait_ns, NV_NS_PER_S);
    nv_fake_clock_advance(&rig.clock, wait_ns);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 1);
}
END_TEST

static unsigned warned;

static void count_warnings(void *ctx, struct nv_str line)
{
    (void)ctx;
    warned += nv_str_find(line, NV_STR("no memory to encode")) != SIZE_MAX;
}

/* Tried once a second for ever, a trace that finds no memory would fill the log and the CPU. */
START_TEST(without_memory_to_encode_it_is_tried_less_and_less_often)
{
    rig_open(&rig, true);
    warned = 0;
    nv_log_set_sink(count_warnings, NULL);
    struct nv_trace *trace = rig_trace(&rig, "waits", 1);
    nv_ledger_receive(1, false);
    oom_fail_from(1);
    nv_exporter_consume(rig.exporter, trace);
    uint64_t end_ns = nv_clock_mono_ns(&rig.clock.clock) + 600 * NV_NS_PER_S;
    unsigned pumps = 0;
    while (nv_clock_mono_ns(&rig.clock.clock) < end_ns) {
        nv_fake_clock_advance(&rig.clock, nv_exporter_pump(rig.exporter));
        pumps++;
    }
    (void)oom_end();
    nv_log_set_sink(NULL, NULL);
    ck_assert_uint_le(pumps, 20);
    ck_assert_uint_eq(warned, 1);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 1);
}
END_TEST

/* Only what is sent gives memory back. */
START_TEST(a_trace_without_memory_to_encode_holds_up_no_other)
{
    rig.config.batch_ms = 0;
    rig_open(&rig, true);
    struct nv_trace *trace = rig_trace(&rig, "waits", 1);
    nv_ledger_receive(1, false);
    oom_fail_from(1);
    nv_exporter_consume(rig.exporter, trace);
    (void)nv_exporter_pump(rig.exporter);
    ck_assert(oom_end());
    rig_consume(&rig, "goes", 1);
    (void)nv_exporter_pump(rig.exporter);
    ck_assert_uint_eq(rig_in_flight(&rig), 1);
    rig_run(&rig, 1000);
    rig_drain(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_DELIVERED), 2);
}
END_TEST

/* As exporter.c has it. */
#define ADOPTED_MAX 64
#define LETTERS (ADOPTED_MAX + 36)

/* Inline nobody adopts them meanwhile, so the first past the cap is refused until the next pump. */
START_TEST(many_second_tries_wait_for_the_sender)
{
    uint32_t busy = 0;

    rig_open(&rig, true);
    rig_consume_many(&rig, LETTERS);
    rig_run(&rig, 1000);
    for (struct rig_flight *f = rig_flight(&rig); f; f = rig_flight(&rig)) {
        rig_answer(&rig, f, 400, "", "");
        rig_run(&rig, 0);
    }
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), LETTERS);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < RIG_RECORDS_MAX; i++) {
            const struct rig_record *record = &rig.records[i];
            enum nv_err err = NV_OK;

            if (record->id != 0 && record->kind == NV_RECORD_DEAD_LETTER)
                err = nv_exporter_retry_dead(rig.exporter, record->id, NV_STR(""));
            if (err != NV_OK)
                ck_assert_int_eq(err, NV_ERR_BUSY);
            busy += err != NV_OK;
        }
        ck_assert_uint_eq(busy, LETTERS - ADOPTED_MAX);
        rig_run(&rig, 0);
    }
    rig_drain(&rig);
    ck_assert_uint_eq(rig_delivered(), 2 * LETTERS);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 0);
}
END_TEST

START_TEST(no_store_no_second_try)
{
    rig_open(&rig, false);
    ck_assert_int_eq(nv_exporter_retry_dead(rig.exporter, 1, NV_STR("")), NV_ERR_NOT_FOUND);
    rig_consume(&rig, "poison", 1);
    rig.config.compression = NV_COMPRESSION_NONE;
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    check_books();
}
END_TEST

START_TEST(a_dead_letter_waits_for_the_disk)
{
    rig_open(&rig, true);
    rig.put_fails = NV_ERR_NO_SPACE;
    rig_consume(&rig, "poison", 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 413, "", "");
    rig_run(&rig, 5000);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 0);
    check_books();
    rig.put_fails = NV_OK;
    rig_run(&rig, 2000);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_DEAD_LETTER), 1);
    check_books();
}
END_TEST

/* ---- files ------------------------------------------------------------------------------- */

static char directory[64];

static void make_directory(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/nv-exporter-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    rig.config.file_directory = directory;
}

static unsigned remove_directory(void)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    unsigned files = 0;

    while (dir && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        files++;
        ck_assert_int_eq(unlinkat(dirfd(dir), entry->d_name, 0), 0);
    }
    if (dir)
        (void)closedir(dir);
    (void)rmdir(directory);
    return files;
}

START_TEST(local_mode_writes_files_only)
{
    make_directory();
    rig.config.endpoint = NULL;
    rig_open(&rig, false);
    rig_consume(&rig, "fine", 1);
    rig_consume(&rig, "fine", 2);
    rig_run(&rig, 0);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 2);
    ck_assert_uint_eq(rig.sent, 0);
    check_books();
    ck_assert_uint_eq(remove_directory(), 2);
}
END_TEST

START_TEST(a_backend_may_have_files_beside_it)
{
    make_directory();
    rig_open(&rig, false);
    rig_consume(&rig, "fine", 1);
    rig_run(&rig, 1000);
    rig_answer(&rig, rig_flight(&rig), 503, "", "");
    rig_run(&rig, 1000);
    ck_assert_uint_eq(remove_directory(), 1);
    rig_answer(&rig, rig_flight(&rig), 200, "", "");
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 1);
}
END_TEST

START_TEST(files_that_fail_hold)
{
    make_directory();
    rig.config.endpoint = NULL;
    rig.config.spill_age_ms = 5000;
    rig_open(&rig, true);
    ck_assert_int_eq(rmdir(directory), 0);
    rig_consume(&rig, "fine", 1);
    rig_run(&rig, 1000);
    ck_assert_int_eq(rig_status(&rig).state, NV_SINK_HELD_FILES);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 0);
    rig_run(&rig, 5000);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
    check_books();
}
END_TEST

/* ---- the thread -------------------------------------------------------------------------- */

START_TEST(the_thread_writes_files_and_stops)
{
    struct nv_fail fail = {0};

    make_directory();
    rig.config.endpoint = NULL;
    nv_ledger_reset();
    rig.exporter = nv_exporter_new(&rig.config, &rig.settler, NULL, nv_clock_system(), &fail);
    ck_assert_ptr_nonnull(rig.exporter);
    ck_assert_int_eq(nv_exporter_start(rig.exporter, &fail), NV_OK);
    for (int i = 0; i < 200; i++)
        rig_consume(&rig, "fine", 1);
    nv_exporter_stop(rig.exporter, 20000);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 200);
    ck_assert_uint_eq(remove_directory(), 200);
    check_books();
}
END_TEST

/* Nothing listens there: the stop must not wait for the backend when there is an outbox. */
START_TEST(the_thread_stops_with_a_dead_backend)
{
    struct nv_fail fail = {0};
    struct nv_sink_status status;

    rig.config.endpoint = "http://127.0.0.1:1/api";
    rig.config.batch_ms = 0;
    rig.config.batch_traces = 1;
    nv_ledger_reset();
    rig.exporter =
        nv_exporter_new(&rig.config, &rig.settler, &rig.store, nv_clock_system(), &fail);
    ck_assert_int_eq(nv_exporter_start(rig.exporter, &fail), NV_OK);
    for (int i = 0; i < 50; i++)
        rig_consume(&rig, "fine", 1);
    nv_exporter_stop(rig.exporter, 10000);
    nv_exporter_read_status(rig.exporter, &status);
    ck_assert_int_eq(status.state, NV_SINK_STOPPED);
    ck_assert_uint_gt(strlen(status.last_error), 0);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 50);
    check_books();
}
END_TEST

START_TEST(every_state_has_a_text)
{
    for (int i = 0; i <= NV_SINK_STOPPED; i++)
        ck_assert_uint_gt(strlen(nv_sink_state_text((enum nv_sink_state)i)), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/exporter");
    TCase *property = tcase_create("property"), *stories = tcase_create("stories");

    tcase_set_timeout(property, 100);
    tcase_add_loop_test(property, every_trace_ends_exactly_once, 0, 20);
    tcase_add_loop_test(property, restarts_lose_nothing, 0, 5);
    tcase_add_test(property, every_allocation_fails_once);
    suite_add_tcase(suite, property);
    tcase_set_timeout(stories, 60);
    tcase_add_checked_fixture(stories, setup, teardown);
    tcase_add_test(stories, new_without_memory_is_an_error);
    tcase_add_test(stories, a_trace_past_the_cap_becomes_a_stub);
    tcase_add_test(stories, stop_puts_the_rest_into_the_outbox);
    tcase_add_loop_test(stories, stop_without_a_place_leaves_it_to_the_journal, 0, 2);
    tcase_add_test(stories, a_dead_letter_gets_another_try);
    tcase_add_test(stories, a_power_cut_at_a_second_refusal_loses_nothing);
    tcase_add_test(stories, a_second_try_without_memory_is_not_forgotten);
    tcase_add_test(stories, without_memory_to_encode_it_is_tried_less_and_less_often);
    tcase_add_test(stories, a_trace_without_memory_to_encode_holds_up_no_other);
    tcase_add_test(stories, many_second_tries_wait_for_the_sender);
    tcase_add_test(stories, no_store_no_second_try);
    tcase_add_test(stories, a_dead_letter_waits_for_the_disk);
    tcase_add_test(stories, local_mode_writes_files_only);
    tcase_add_test(stories, a_backend_may_have_files_beside_it);
    tcase_add_test(stories, files_that_fail_hold);
    tcase_add_test(stories, the_thread_writes_files_and_stops);
    tcase_add_test(stories, the_thread_stops_with_a_dead_backend);
    tcase_add_test(stories, every_state_has_a_text);
    suite_add_tcase(suite, stories);
    return nv_test_run(suite);
}
