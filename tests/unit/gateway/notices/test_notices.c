/*
 * Notices: each service, each reason to wait and metrics alone once; names that are foreign; at
 * a stop what becomes of what is held.
 */
#include "expect.h"
#include "oom.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "gateway/notices/notices.h"
#include "model/ledger.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_buf lines;
static struct nv_notices notices;
static struct nv_options options;
static struct nv_gateway_status status;
static struct nv_service_facts services[NV_NOTICED_SERVICES_MAX + 2];
static size_t service_count;
static struct nv_held_trace held[4];
static size_t held_count;
static uint64_t raw_bytes_asked;

static void keep(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

static size_t read_services(void *ctx, struct nv_service_facts *out, size_t max)
{
    (void)ctx;
    size_t count = service_count < max ? service_count : max;
    memcpy(out, services, count * sizeof *out);
    return count;
}

static size_t read_held(void *ctx, const struct nv_held_ask *ask, struct nv_held_trace *out)
{
    (void)ctx;
    raw_bytes_asked += ask->raw_bytes_max;
    memcpy(out, held, held_count * sizeof *out);
    return held_count;
}

static void read_status(void *ctx, struct nv_gateway_status *out)
{
    (void)ctx;
    *out = status;
}

static const struct nv_admin_source source = {.options = &options,
                                              .read_services = read_services,
                                              .read_held = read_held,
                                              .read_status = read_status};

static void set_up(void)
{
    notices = (struct nv_notices){0};
    options = (struct nv_options){0};
    status = (struct nv_gateway_status){0};
    service_count = held_count = 0;
    nv_count_reset();
    nv_buf_init(&lines, 1u << 20);
    nv_log_set_sink(keep, &lines);
}

static void tear_down(void)
{
    ck_assert_uint_eq(raw_bytes_asked, 0);
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}

static unsigned times(const char *part)
{
    unsigned count = 0;
    struct nv_str rest = nv_buf_str(&lines);
    for (size_t at; (at = nv_str_find(rest, nv_str_from(part))) != SIZE_MAX; count++)
        rest = nv_str_slice(rest, at + 1, rest.len);
    return count;
}

static void look(unsigned looks, uint64_t now_ns)
{
    for (unsigned i = 0; i < looks; i++)
        nv_notices_look(&notices, &source, now_ns);
}

static void serve(const char *name)
{
    (void)snprintf(services[service_count++].name, sizeof services[0].name, "%s", name);
}

START_TEST(a_service_is_named_once)
{
    serve("shop");
    look(2, 1);
    serve("billing\033[2J");
    serve("");
    look(2, 1);
    ck_assert_uint_eq(times("first spans of a service arrived"), 2);
    ck_assert_uint_eq(times("service=\"shop\""), 1);
    ck_assert_uint_eq(times("billing\\x1b[2J"), 1);
    ck_assert_uint_eq(times("\033"), 0);
}
END_TEST

START_TEST(services_without_number_do_not_flood)
{
    char name[20];
    for (unsigned i = 0; i < NV_NOTICED_SERVICES_MAX; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        serve(name);
    }
    look(3, 1);
    ck_assert_uint_eq(notices.seen_count, NV_NOTICED_SERVICES_MAX);
    ck_assert(!notices.more_told);
    serve("one more");
    look(3, 1);
    ck_assert_uint_eq(notices.seen_count, NV_NOTICED_SERVICES_MAX);
    ck_assert_uint_eq(times("further ones are not named"), 1);
    /* the log's own folding; its window of a minute may turn over once in between */
    ck_assert_uint_le(times("first spans"), 2 * NV_LOG_BURST + 1);
}
END_TEST

START_TEST(a_replay_that_takes_long_is_told)
{
    status.assembly.replaying = true;
    status.assembly.to_replay = 500;
    status.assembly.replayed = 40;
    look(1, NV_NS_PER_S);
    look(1, 2 * NV_NS_PER_S);
    ck_assert_uint_eq(times("replayed"), 0);
    for (uint64_t at = 3; at <= 9; at++)
        look(1, at * NV_NS_PER_S);
    ck_assert_uint_eq(times("the journal is replayed requests=40 of=500 seconds=2"), 1);
    ck_assert_uint_eq(times("requests=40 of=500 seconds=4"), 1);
    ck_assert_uint_eq(times("requests=40 of=500 seconds=8"), 1);
    ck_assert_uint_eq(times("the journal is replayed"), 3);
    status.assembly.replaying = false;
    look(1, 100 * NV_NS_PER_S);
    ck_assert_uint_eq(times("the journal is replayed"), 3);
}
END_TEST

START_TEST(a_wait_is_told_with_reason_and_end)
{
    const struct nv_held_trace waits = {.wait = NV_WAIT_OPEN,
                                        .age_ns = NV_NOTICE_WAIT_NS,
                                        .left_ns = NV_NOTICE_WAIT_NS,
                                        .spans = 7};
    held_count = 4;
    status.assembly.open_traces = 4;
    held[0] = held[1] = held[2] = held[3] = waits;
    held[0].age_ns--;  /* young */
    held[1].left_ns--; /* leaves at once */
    held[3].trace_id[0] = 0xab;
    look(NV_NOTICE_HELD_LOOKS - 1, 1);
    ck_assert_uint_eq(lines.len, 0);
    look(1, 1);
    ck_assert_uint_eq(times("a trace waits trace_id=ab000000000000000000000000000000 spans=7 "
                            "reason=open until=2"),
                      1);
    ck_assert_uint_eq(times("alike=2: A span that others name as their parent"), 1);
    look(10 * NV_NOTICE_HELD_LOOKS, NV_NOTICE_AGAIN_NS);
    ck_assert_uint_eq(times("a trace waits"), 1);
    held[2].wait = NV_WAIT_DISTRIBUTED;
    look(NV_NOTICE_HELD_LOOKS, NV_NOTICE_AGAIN_NS);
    ck_assert_uint_eq(times("reason=distributed"), 1);
    look(NV_NOTICE_HELD_LOOKS, NV_NOTICE_AGAIN_NS + 1);
    ck_assert_uint_eq(times("reason=open"), 2);
}
END_TEST

START_TEST(a_shard_that_hangs_is_not_waited_for)
{
    held_count = 1;
    held[0] = (struct nv_held_trace){
        .wait = NV_WAIT_OPEN, .age_ns = NV_NOTICE_WAIT_NS, .left_ns = NV_NOTICE_WAIT_NS};
    look(NV_NOTICE_HELD_LOOKS, 1); /* nothing is open */
    status.assembly.open_traces = 1;
    status.stuck_ns = NV_NS_PER_S;
    look(NV_NOTICE_HELD_LOOKS, 1);
    ck_assert_uint_eq(lines.len, 0);
    status.stuck_ns--;
    look(NV_NOTICE_HELD_LOOKS, 1);
    ck_assert_uint_eq(times("a trace waits"), 1);
}
END_TEST

START_TEST(metrics_alone_are_told_once)
{
    look(NV_NOTICE_METRICS_LOOKS + 1, 1);
    ck_assert_uint_eq(lines.len, 0);
    nv_count(NV_COUNT_METRIC_POINTS, 1);
    look(NV_NOTICE_METRICS_LOOKS - 1, 1);
    ck_assert_uint_eq(lines.len, 0);
    look(3, 1);
    ck_assert_uint_eq(times("metrics arrive and no spans"), 1);
}
END_TEST

START_TEST(metrics_beside_spans_are_nothing_to_tell)
{
    nv_count(NV_COUNT_METRIC_POINTS, 1);
    nv_ledger_receive(1, false);
    look(3 * NV_NOTICE_METRICS_LOOKS, 1);
    ck_assert_uint_eq(lines.len, 0);
}
END_TEST

static const struct {
    unsigned on_stop, durability;
    const char *fate;
} fates[] = {{NV_ON_STOP_KEEP, NV_DURABILITY_FSYNC, "stay in the journal"},
             {NV_ON_STOP_SEND, NV_DURABILITY_FSYNC, "assembly.on_stop: send"},
             {NV_ON_STOP_KEEP, NV_DURABILITY_MEMORY, "without a journal they are sent"}};

START_TEST(at_a_stop_what_becomes_of_them)
{
    options.assembly_on_stop = fates[_i].on_stop;
    options.journal_durability = fates[_i].durability;
    nv_notices_stop(&source);
    ck_assert_uint_eq(lines.len, 0);
    status.assembly.open_traces = 2;
    status.assembly.held_spans = 9;
    nv_notices_stop(&source);
    ck_assert_uint_eq(times("traces still wait traces=2 spans=9: "), 1);
    ck_assert_uint_eq(times(fates[_i].fate), 1);
    status.exporter.queued_traces = 4;
    nv_notices_stop(&source);
    ck_assert_uint_eq(times("not delivered yet queued=4 outbox=0"), 1);
    ck_assert_uint_eq(times("lost"), fates[_i].durability == NV_DURABILITY_MEMORY ? 1 : 0);
}
END_TEST

START_TEST(without_memory_it_is_told_later)
{
    serve("shop");
    oom_fail_nth(1);
    look(1, 1);
    ck_assert(oom_end());
    ck_assert_uint_eq(lines.len, 0);
    look(1, 1);
    ck_assert_uint_eq(times("service=\"shop\""), 1);
}
END_TEST

/* A look at services, then one at what is held: of each the list, of a service its name. */
START_TEST(every_allocation_of_a_look_failing_once)
{
    unsigned later = 0;
    status.assembly.open_traces = held_count = 1;
    held[0] = (struct nv_held_trace){
        .wait = NV_WAIT_OPEN, .age_ns = NV_NOTICE_WAIT_NS, .left_ns = NV_NOTICE_WAIT_NS};
    serve("shop");
    for (unsigned long n = 1;; n++) {
        notices = (struct nv_notices){.looks = NV_NOTICE_HELD_LOOKS - 1};
        nv_buf_clear(&lines);
        nv_log_set_sink(keep, &lines);
        oom_fail_nth(n);
        look(1, 1);
        bool failed = oom_end();
        later += times("a trace waits") == 0;
        look(NV_NOTICE_HELD_LOOKS, 1);
        ck_assert_uint_eq(times("first spans of a service arrived"), 1);
        ck_assert_uint_eq(times("a trace waits"), 1);
        if (!failed)
            break;
    }
    ck_assert_uint_eq(later, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/notices");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_service_is_named_once);
    tcase_add_test(tcase, services_without_number_do_not_flood);
    tcase_add_test(tcase, a_replay_that_takes_long_is_told);
    tcase_add_test(tcase, a_wait_is_told_with_reason_and_end);
    tcase_add_test(tcase, a_shard_that_hangs_is_not_waited_for);
    tcase_add_test(tcase, metrics_alone_are_told_once);
    tcase_add_test(tcase, metrics_beside_spans_are_nothing_to_tell);
    tcase_add_loop_test(tcase, at_a_stop_what_becomes_of_them, 0,
                        sizeof fates / sizeof fates[0]);
    tcase_add_test(tcase, without_memory_it_is_told_later);
    tcase_add_test(tcase, every_allocation_of_a_look_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
