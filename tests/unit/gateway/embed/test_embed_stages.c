/*
 * The stages of an embedded pipeline when memory fails at every place, and over a journal: what
 * was accepted is in one place, and comes again when nobody settled it.
 */
#include "noveum/pipeline.h"

#include "base/clock.h"
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define TIMES                                                                                  \
    "\x2a\x01s\x39\x00\x00\x64\xa7\xb3\xb6\xe0\x0d\x41\x00\x2a\x75\xa7\xb3\xb6\xe0\x0d"

static uint64_t now_ns;

static uint64_t tell_time(void *ctx)
{
    (void)ctx;
    return now_ns;
}

static noveum_pipeline_result open_with(const char *const *settings, noveum_pipeline **out)
{
    const noveum_pipeline_options options = {
        .size = sizeof options, .settings = settings, .now_ns = tell_time};
    now_ns += NV_NS_PER_S;
    return noveum_pipeline_open(&options, out, NULL, 0);
}

static struct nv_test_message request; /* made before memory fails: one span */

static void set_up(void)
{
    struct nv_test_message span =
        nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(TIMES));
    request = nv_test_request(nv_test_view(&span));
}

static noveum_pipeline_result accept_one(noveum_pipeline *pipeline)
{
    return noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, request.bytes, request.len,
                                  NULL);
}

static noveum_pipeline_status status_of(const noveum_pipeline *pipeline)
{
    noveum_pipeline_status status = {.size = sizeof status};
    ck_assert_int_eq(noveum_pipeline_read_status(pipeline, &status), NOVEUM_PIPELINE_OK);
    return status;
}

/* ---- memory ------------------------------------------------------------------------------ */

START_TEST(opening_without_memory)
{
    for (unsigned long n = 1;; n++) {
        noveum_pipeline *pipeline = NULL;
        oom_fail_nth(n);
        noveum_pipeline_result result = open_with(NULL, &pipeline);
        bool failed = oom_end();
        noveum_pipeline_close(pipeline);
        ck_assert_int_eq(result, failed ? NOVEUM_PIPELINE_NO_MEMORY : NOVEUM_PIPELINE_OK);
        if (!failed) {
            ck_assert_uint_gt(n, 20);
            break;
        }
        ck_assert_ptr_null(pipeline);
    }
}
END_TEST

/* Refused whole, or taken and in one place in the end: the n-th allocation from the request
 * on. */
START_TEST(a_trace_on_its_way_without_memory)
{
    uint64_t given_up = 0;
    for (unsigned long n = 1;; n++) {
        noveum_pipeline *pipeline = NULL;
        noveum_pipeline_payload payload;
        uint64_t ready = 0;
        ck_assert_int_eq(open_with(NULL, &pipeline), NOVEUM_PIPELINE_OK);
        oom_fail_nth(n);
        noveum_pipeline_result taken = accept_one(pipeline);
        now_ns += 2 * NV_NS_PER_S;
        (void)noveum_pipeline_tick(pipeline);
        bool failed = oom_end();
        ck_assert(taken == NOVEUM_PIPELINE_OK ||
                  (failed && taken == NOVEUM_PIPELINE_NO_MEMORY));
        ck_assert_uint_eq(status_of(pipeline).accepted, taken == NOVEUM_PIPELINE_OK);
        for (unsigned i = 0; i < 3; i++) { /* what found no memory is tried again */
            now_ns += 60 * NV_NS_PER_S;
            (void)noveum_pipeline_tick(pipeline);
        }
        while (noveum_pipeline_pull(pipeline, &payload) == NOVEUM_PIPELINE_OK) {
            ready += payload.spans;
            ck_assert_int_eq(
                noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED),
                NOVEUM_PIPELINE_OK);
        }
        /* what finds none in the middle of its translation is given up, and says so */
        noveum_pipeline_status now = status_of(pipeline);
        ck_assert_uint_eq(ready + now.untranslated, taken == NOVEUM_PIPELINE_OK);
        ck_assert_uint_eq(now.delivered, ready);
        ck_assert_uint_eq(now.held, 0);
        given_up += now.untranslated;
        noveum_pipeline_close(pipeline);
        if (!failed) {
            ck_assert_uint_gt(n, 10);
            ck_assert_uint_lt(given_up, n / 2); /* most are tried again */
            break;
        }
    }
}
END_TEST

START_TEST(finishing_without_memory)
{
    noveum_pipeline *pipeline = NULL;
    ck_assert_int_eq(open_with(NULL, &pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(accept_one(pipeline), NOVEUM_PIPELINE_OK);
    oom_fail_from(1);
    noveum_pipeline_result result = noveum_pipeline_finish(pipeline);
    (void)oom_end();
    ck_assert_int_eq(result, NOVEUM_PIPELINE_NO_MEMORY);
    ck_assert_uint_eq(status_of(pipeline).held, 1);
    now_ns += 60 * NV_NS_PER_S;
    (void)noveum_pipeline_tick(pipeline);
    ck_assert_uint_eq(status_of(pipeline).ready, 1);
    noveum_pipeline_close(pipeline); /* with what nobody pulled */
}
END_TEST

/* ---- a journal --------------------------------------------------------------------------- */

static char directory[64];
static char setting[128];
static const char *const over_a_journal[] = {setting, "journal.max_bytes=64MiB",
                                             "assembly.on_stop=send", NULL};

static void make_directory(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/noveum-embed-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(setting, sizeof setting, "journal.directory=%s", directory);
}

static void remove_directory(void)
{
    char path[512];
    DIR *list = opendir(directory);
    ck_assert_ptr_nonnull(list);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        (void)unlink(path);
    }
    closedir(list);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void pull_and_settle(noveum_pipeline *pipeline, bool settle)
{
    noveum_pipeline_payload payload;
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_OK);
    if (settle) {
        ck_assert_int_eq(noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED),
                         NOVEUM_PIPELINE_OK);
    }
    noveum_pipeline_close(pipeline);
}

START_TEST(what_nobody_settled_comes_again)
{
    noveum_pipeline *pipeline = NULL;
    make_directory();
    ck_assert_int_eq(open_with(over_a_journal, &pipeline), NOVEUM_PIPELINE_OK);
    noveum_pipeline *second = NULL;
    ck_assert_int_eq(open_with(over_a_journal, &second), NOVEUM_PIPELINE_IO); /* locked */
    ck_assert_ptr_null(second);
    ck_assert_int_eq(accept_one(pipeline), NOVEUM_PIPELINE_OK);
    noveum_pipeline_close(pipeline); /* held */
    ck_assert_int_eq(open_with(over_a_journal, &pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status_of(pipeline).replayed, 1);
    ck_assert_uint_eq(status_of(pipeline).held, 1);
    pull_and_settle(pipeline, false); /* pulled */
    ck_assert_int_eq(open_with(over_a_journal, &pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status_of(pipeline).replayed, 1);
    pull_and_settle(pipeline, true);
    ck_assert_int_eq(open_with(over_a_journal, &pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status_of(pipeline).replayed, 0);
    noveum_pipeline_close(pipeline);
    remove_directory();
}
END_TEST

START_TEST(a_directory_that_cannot_be)
{
    static const char *const settings[] = {"journal.directory=/proc/nothing", NULL};
    noveum_pipeline *pipeline = NULL;
    ck_assert_int_eq(open_with(settings, &pipeline), NOVEUM_PIPELINE_INVALID);
    ck_assert_ptr_null(pipeline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/embed/embed_stages");
    TCase *tcase = tcase_create("stages");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, opening_without_memory);
    tcase_add_test(tcase, a_trace_on_its_way_without_memory);
    tcase_add_test(tcase, finishing_without_memory);
    tcase_add_test(tcase, what_nobody_settled_comes_again);
    tcase_add_test(tcase, a_directory_that_cannot_be);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
