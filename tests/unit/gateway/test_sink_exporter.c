/*
 * Which of the two keeps, and that it ends what it has taken.
 */
#include "exporter_rig.h"
#include "expect.h"

#include "gateway/sinks.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_rig rig;
static struct nv_options options;
static struct nv_fail fail;
static struct nv_sink sink;
static char directory[32];

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void set_up(void)
{
    rig_init(&rig);
    nv_ledger_reset();
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    (void)snprintf(directory, sizeof directory, "/tmp/noveum-sink-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    set(NV_OPT_exporter_file_directory, directory);
    fail = (struct nv_fail){0};
    sink = (struct nv_sink){0};
}

static void tear_down(void)
{
    nv_options_release(&options);
    rig_release(&rig);
    (void)rmdir(directory);
}

static enum nv_err open_row(const struct nv_sink_row *row)
{
    struct nv_sink_needs needs = {.options = &options,
                                  .settler = &rig.settler,
                                  .store = &rig.store,
                                  .clock = nv_clock_system()};
    return row->open(&needs, &fail, &sink);
}

START_TEST(a_key_decides_who_keeps)
{
    ck_assert(nv_sink_files.wanted(&options));
    ck_assert(!nv_sink_noveum.wanted(&options));
    set(NV_OPT_exporter_noveum_api_key, "nv_test");
    ck_assert(!nv_sink_files.wanted(&options));
    ck_assert(nv_sink_noveum.wanted(&options));
}
END_TEST

START_TEST(files_are_written_before_it_has_stopped)
{
    char pattern[64];
    glob_t found;
    ck_assert_int_eq(open_row(&nv_sink_files), NV_OK);
    ck_assert_str_eq(sink.name, "files");
    ck_assert_int_eq(sink.pressure(sink.ctx), NV_OK);
    nv_ledger_receive(2, false);
    sink.consume(sink.ctx, rig_trace(&rig, "fine", 2));
    sink.stop(sink.ctx, 20000);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_DELIVERED), 1);
    sink.free(sink.ctx);
    (void)snprintf(pattern, sizeof pattern, "%s/*.json", directory);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, 1);
    ck_assert_int_eq(unlink(found.gl_pathv[0]), 0);
    globfree(&found);
}
END_TEST

/* Nothing listens there. */
START_TEST(what_the_backend_has_not_taken_is_kept)
{
    struct nv_sink_status status;
    set(NV_OPT_exporter_noveum_api_key, "nv_test");
    set(NV_OPT_exporter_noveum_endpoint, "http://127.0.0.1:1/api");
    set(NV_OPT_exporter_file_directory, "");
    ck_assert_int_eq(open_row(&nv_sink_noveum), NV_OK);
    ck_assert_str_eq(sink.name, "noveum");
    nv_ledger_receive(1, false);
    sink.consume(sink.ctx, rig_trace(&rig, "fine", 1));
    ck_assert_int_eq(sink.again(sink.ctx, 4711, NV_STR("{}")), NV_ERR_NOT_FOUND);
    sink.stop(sink.ctx, 0);
    sink.status(sink.ctx, &status);
    ck_assert_int_eq(status.state, NV_SINK_STOPPED);
    ck_assert_uint_eq(rig_settled(&rig, NV_OUTCOME_KEPT), 1);
    sink.free(sink.ctx);
}
END_TEST

START_TEST(a_directory_that_is_none_is_told)
{
    set(NV_OPT_exporter_file_directory, "/dev/null");
    ck_assert_int_eq(open_row(&nv_sink_files), NV_ERR_IO);
    ck_assert_uint_gt(strlen(fail.what), 0);
    ck_assert_ptr_null(sink.ctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/sink_exporter");
    TCase *tcase = tcase_create("sinks");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_key_decides_who_keeps);
    tcase_add_test(tcase, files_are_written_before_it_has_stopped);
    tcase_add_test(tcase, what_the_backend_has_not_taken_is_kept);
    tcase_add_test(tcase, a_directory_that_is_none_is_told);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
