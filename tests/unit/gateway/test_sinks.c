/*
 * The table of sinks: one keeps, all others look; and a sink that is added here, by a row of
 * its own and nothing else.
 */
#include "expect.h"

#include "base/clock.h"
#include "gateway/sinks.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_sinks sinks;
static struct nv_fail fail;
static const struct nv_trace *seen_by_observer;
static struct nv_trace *kept;
static unsigned opened, stopped, freed, reloaded, order;
static unsigned observed_at, kept_at, keeper_stopped_at, observer_stopped_at;

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    fail = (struct nv_fail){0};
    opened = stopped = freed = reloaded = order = 0;
    observed_at = kept_at = keeper_stopped_at = observer_stopped_at = 0;
    seen_by_observer = kept = NULL;
}

static void tear_down(void)
{
    nv_sinks_release(&sinks);
    nv_options_release(&options);
}

/* ---- two sinks of the test's own --------------------------------------------------------- */

static bool yes(const struct nv_options *from)
{
    ck_assert_ptr_eq(from, &options);
    return true;
}

static bool no(const struct nv_options *from)
{
    (void)from;
    return false;
}

static void look(void *ctx, const struct nv_trace *trace)
{
    ck_assert_ptr_eq(ctx, &seen_by_observer);
    seen_by_observer = trace;
    observed_at = ++order;
}

static void keep(void *ctx, struct nv_trace *trace)
{
    ck_assert_ptr_eq(ctx, &kept);
    kept = trace;
    kept_at = ++order;
}

static enum nv_err busy(void *ctx)
{
    (void)ctx;
    return NV_ERR_BUSY;
}

static void status(void *ctx, struct nv_sink_status *out)
{
    (void)ctx;
    out->state = NV_SINK_HELD_CREDIT;
}

static enum nv_err again(void *ctx, uint64_t id, struct nv_str json)
{
    (void)ctx;
    return id == 7 && json.len == 2 ? NV_OK : NV_ERR_BUSY;
}

static void stop(void *ctx, uint32_t deadline_ms)
{
    bool keeper = ctx == &kept;
    ck_assert_uint_eq(deadline_ms, keeper ? 30 : 0);
    stopped++;
    *(keeper ? &keeper_stopped_at : &observer_stopped_at) = ++order;
}

static void free_sink(void *ctx)
{
    ck_assert_ptr_nonnull(ctx);
    freed++;
}

static void reload(struct nv_sink *sink, const struct nv_options *from)
{
    ck_assert_ptr_eq(sink->ctx, &seen_by_observer);
    ck_assert_ptr_eq(from, &options);
    reloaded++;
}

static enum nv_err open_looking(const struct nv_sink_needs *needs, struct nv_fail *why,
                                struct nv_sink *out)
{
    (void)needs;
    (void)why;
    opened++;
    *out = (struct nv_sink){.name = "looking",
                            .ctx = &seen_by_observer,
                            .observe = look,
                            .stop = stop,
                            .free = free_sink};
    return NV_OK;
}

static enum nv_err open_keeping(const struct nv_sink_needs *needs, struct nv_fail *why,
                                struct nv_sink *out)
{
    (void)needs;
    (void)why;
    opened++;
    *out = (struct nv_sink){.name = "keeping",
                            .ctx = &kept,
                            .consume = keep,
                            .pressure = busy,
                            .status = status,
                            .again = again,
                            .stop = stop,
                            .free = free_sink};
    return NV_OK;
}

static enum nv_err open_failing(const struct nv_sink_needs *needs, struct nv_fail *why,
                                struct nv_sink *out)
{
    (void)needs;
    ck_assert_ptr_null(out->name);
    return nv_fail_set(why, NV_ERR_IO, 0, "no such place");
}

static const struct nv_sink_row looking = {yes, open_looking, reload};
static const struct nv_sink_row keeping = {yes, open_keeping, NULL};
static const struct nv_sink_row unwanted = {no, open_failing, NULL};
static const struct nv_sink_row failing = {yes, open_failing, NULL};

static void settle(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    (void)ctx;
    (void)claim;
    (void)outcome;
}

static enum nv_err open_rows(const struct nv_sink_row *const *rows, size_t count)
{
    static const struct nv_settler settler = {.settle = settle};
    struct nv_sink_needs needs = {
        .options = &options, .settler = &settler, .clock = nv_clock_system()};
    return nv_sinks_open(&sinks, rows, count, &needs, &fail);
}

/* ---- cases ------------------------------------------------------------------------------- */

START_TEST(all_observe_and_one_keeps)
{
    static const struct nv_sink_row *const rows[] = {&keeping, &unwanted, &looking};
    struct nv_trace trace = {0};
    struct nv_sink_status out;
    ck_assert_int_eq(open_rows(rows, 3), NV_OK);
    nv_sinks_observe(&sinks, &trace);
    nv_sinks_consume(&sinks, &trace);
    ck_assert_ptr_eq(seen_by_observer, &trace);
    ck_assert_ptr_eq(kept, &trace);
    ck_assert_uint_lt(observed_at, kept_at);
    ck_assert_int_eq(nv_sinks_pressure(&sinks), NV_ERR_BUSY);
    nv_sinks_status(&sinks, &out);
    ck_assert_int_eq(out.state, NV_SINK_HELD_CREDIT);
    ck_assert_int_eq(nv_sinks_again(&sinks, 7, NV_STR("{}")), NV_OK);
    nv_sinks_reload(&sinks, &options);
    ck_assert_uint_eq(reloaded, 1);
    nv_sinks_stop(&sinks, 30);
    ck_assert_uint_eq(stopped, 2);
    ck_assert_uint_lt(keeper_stopped_at, observer_stopped_at);
    nv_sinks_release(&sinks);
    nv_sinks_release(&sinks);
    ck_assert_uint_eq(freed, 2);
}
END_TEST

/* The program's own table with one row more: no file is touched but this one. */
START_TEST(a_sink_is_added_by_a_row)
{
    const struct nv_sink_row *rows[NV_SINKS_MAX];
    size_t count;
    const struct nv_sink_row *const *table = nv_sinks_table(&count);
    char directory[] = "/tmp/noveum-sinks-XXXXXX";
    struct nv_trace trace = {0};
    ck_assert_uint_lt(count, NV_SINKS_MAX);
    memcpy(rows, table, count * sizeof *rows);
    rows[count++] = &looking;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_exporter_file_directory,
                                    nv_str_from(directory), NV_SOURCE_SET, "--set", &fail),
                     NV_OK);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_terminal_traces, NV_STR("off"),
                                    NV_SOURCE_SET, "--set", &fail),
                     NV_OK);
    options.admin_metrics_agents_max = 0; /* the series are the gateway's */
    enum nv_err err = open_rows(rows, count);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    ck_assert_uint_eq(sinks.count, 4); /* files, terminal, tip and the new one: no key */
    ck_assert_str_eq(sinks.keeper->name, "files");
    nv_sinks_observe(&sinks, &trace);
    ck_assert_ptr_eq(seen_by_observer, &trace);
    nv_sinks_stop(&sinks, 30);
    nv_sinks_release(&sinks);
    ck_assert_uint_eq(freed, 1);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(two_that_keep_are_refused_and_none_as_well)
{
    static const struct nv_sink_row *const two[] = {&keeping, &keeping};
    static const struct nv_sink_row *const none[] = {&looking};
    ck_assert_int_eq(open_rows(two, 2), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.what, "keeping and keeping would both keep traces");
    nv_sinks_release(&sinks);
    ck_assert_uint_eq(freed, 2);
    fail = (struct nv_fail){0};
    ck_assert_int_eq(open_rows(none, 1), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.what, "nothing keeps traces");
    nv_sinks_release(&sinks);
    ck_assert_uint_eq(freed, opened);
}
END_TEST

START_TEST(what_was_opened_before_a_failure_is_freed)
{
    static const struct nv_sink_row *const rows[] = {&keeping, &failing, &looking};
    ck_assert_int_eq(open_rows(rows, 3), NV_ERR_IO);
    ck_assert_str_eq(fail.what, "no such place");
    ck_assert_uint_eq(opened, 1);
    nv_sinks_release(&sinks);
    ck_assert_uint_eq(freed, 1);
}
END_TEST

START_TEST(as_many_as_there_is_room_for)
{
    const struct nv_sink_row *rows[NV_SINKS_MAX + 1];
    for (size_t i = 0; i <= NV_SINKS_MAX; i++)
        rows[i] = &looking;
    rows[0] = &keeping;
    ck_assert_int_eq(open_rows(rows, NV_SINKS_MAX), NV_OK);
    nv_sinks_release(&sinks);
    ck_assert_int_eq(open_rows(rows, NV_SINKS_MAX + 1), NV_ERR_CONFIG);
    nv_sinks_release(&sinks);
    ck_assert_uint_eq(freed, opened);
}
END_TEST

START_TEST(what_a_sink_has_not_is_answered)
{
    struct nv_sink_status out = {.state = NV_SINK_STOPPED};
    sinks = (struct nv_sinks){.count = 1, .items = {{.name = "bare", .consume = keep}}};
    sinks.keeper = sinks.items;
    sinks.rows[0] = &keeping;
    ck_assert_int_eq(nv_sinks_pressure(&sinks), NV_OK);
    nv_sinks_status(&sinks, &out);
    ck_assert_int_eq(out.state, NV_SINK_SENDING);
    ck_assert_int_eq(nv_sinks_again(&sinks, 7, NV_STR("{}")), NV_ERR_NOT_FOUND);
    nv_sinks_observe(&sinks, NULL);
    nv_sinks_reload(&sinks, &options);
    nv_sinks_stop(&sinks, 1);
    nv_sinks_release(&sinks);
    ck_assert_int_eq(nv_sinks_pressure(&sinks), NV_OK); /* not open: as before the start */
    ck_assert_int_eq(nv_sinks_again(&sinks, 7, NV_STR("{}")), NV_ERR_NOT_FOUND);
    nv_sinks_stop(&sinks, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sinks");
    TCase *tcase = tcase_create("sinks");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, all_observe_and_one_keeps);
    tcase_add_test(tcase, a_sink_is_added_by_a_row);
    tcase_add_test(tcase, two_that_keep_are_refused_and_none_as_well);
    tcase_add_test(tcase, what_was_opened_before_a_failure_is_freed);
    tcase_add_test(tcase, as_many_as_there_is_room_for);
    tcase_add_test(tcase, what_a_sink_has_not_is_answered);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
