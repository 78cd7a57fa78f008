/*
 * Lines of a start and of a stop that take long: each step of a start, what is left of a stop.
 */
#include "expect.h"

#include "base/log/log.h"
#include "gateway/gateway_state.h"

#include "base/banned.h"

static struct nv_buf lines;
static struct nv_gateway gateway;

static void keep(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

static void set_up(void)
{
    nv_buf_init(&lines, 1u << 16);
    nv_log_set_sink(keep, &lines);
    gateway = (struct nv_gateway){.clock = nv_clock_system()};
}

static void tear_down(void)
{
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}

static bool told(const char *part)
{
    return nv_str_find(nv_buf_str(&lines), nv_str_from(part)) != SIZE_MAX;
}

START_TEST(each_step_of_a_start)
{
    static const char *const steps[] = {"seconds=4 files=3 of=40: the journal is read",
                                        "seconds=4: the store of the page", "what delivers",
                                        "ports are opened"};
    atomic_store(&gateway.reading.files, 3);
    atomic_store(&gateway.reading.of, 40);
    for (unsigned i = 0; i < 4; i++) {
        nv_buf_clear(&lines);
        atomic_store(&gateway.start_step, i);
        nv_gateway_tell_start(&gateway, 4);
        ck_assert_msg(told("still starting") && told(steps[i]), "%u", i);
    }
    nv_buf_clear(&lines);
    atomic_store(&gateway.reading.of, 0);
    atomic_store(&gateway.start_step, NV_START_JOURNAL);
    nv_gateway_tell_start(&gateway, 8);
    ck_assert(told("still starting seconds=8: the journal is read"));
}
END_TEST

static void read_sink(void *ctx, struct nv_sink_status *out)
{
    (void)ctx;
    *out = (struct nv_sink_status){.queued_traces = 7, .outbox_records = 9, .reason = "busy"};
}

START_TEST(what_is_left_of_a_stop)
{
    const struct nv_sink sink = {.status = read_sink};
    atomic_store(&gateway.stop_deadline_ns,
                 nv_clock_mono_ns(gateway.clock) + 3600 * NV_NS_PER_S);
    nv_gateway_tell_stop(&gateway, 2);
    ck_assert(told("still stopping seconds=2 left_s=3599 claims=0 queued=0 outbox=0: what is"));
    nv_buf_clear(&lines);
    gateway.sinks.keeper = &sink;
    atomic_store(&gateway.stop_deadline_ns, 1); /* it is over */
    nv_gateway_tell_stop(&gateway, 8);
    ck_assert(told("seconds=8 left_s=0 claims=0 queued=7 outbox=9: busy"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/gateway_wait");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, each_step_of_a_start);
    tcase_add_test(tcase, what_is_left_of_a_stop);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
