/*
 * Places on the machine: opened where they are asked for, and what happens when they can't be.
 */
#include "expect.h"

#include "gateway/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;
static char root[32];

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    (void)snprintf(root, sizeof root, "/tmp/nv-local-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    fail = (struct nv_fail){0};
}

static void tear_down(void)
{
    nv_options_release(&options);
    (void)rmdir(root);
}

START_TEST(media_are_kept_where_a_directory_is_set)
{
    struct nv_media_policy policy = {.mode = NV_MEDIA_MARKER};
    struct nv_media_files *files = NULL;
    ck_assert_int_eq(nv_local_media(&options, nv_clock_system(), &files, &policy, &fail),
                     NV_OK);
    ck_assert(!files && !policy.keeper);
    set(NV_OPT_media_directory, root);
    ck_assert_int_eq(nv_local_media(&options, nv_clock_system(), &files, &policy, &fail),
                     NV_OK);
    ck_assert(files && policy.keeper && policy.keeper->ctx == files);
    nv_media_files_free(files);
}
END_TEST

START_TEST(a_directory_that_can_not_be_opened_is_refused)
{
    struct nv_media_policy policy = {.mode = NV_MEDIA_MARKER};
    struct nv_media_files *files = NULL;
    set(NV_OPT_media_directory, "/dev/null");
    ck_assert_int_eq(nv_local_media(&options, nv_clock_system(), &files, &policy, &fail),
                     NV_ERR_IO);
    ck_assert_str_eq(fail.path, "media.directory");
    ck_assert(!files && !policy.keeper);
}
END_TEST

START_TEST(a_store_that_can_not_be_opened_costs_the_page_alone)
{
    struct nv_traces *traces = NULL;
    nv_local_store(&options, &traces);
    ck_assert_ptr_null(traces);
    options.admin_ui = true;
    set(NV_OPT_store_file, "/dev/null/traces.db");
    nv_local_store(&options, &traces);
    ck_assert_ptr_null(traces);
}
END_TEST

START_TEST(series_of_agents_unless_there_are_to_be_none)
{
    struct nv_agent_series *series = NULL;
    nv_local_agents(&options, &series);
    ck_assert_ptr_nonnull(series);
    nv_agent_series_free(series);
    options.admin_metrics_agents_max = 0;
    nv_local_agents(&options, &series);
    ck_assert_ptr_null(series);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/local");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, media_are_kept_where_a_directory_is_set);
    tcase_add_test(tests, a_directory_that_can_not_be_opened_is_refused);
    tcase_add_test(tests, a_store_that_can_not_be_opened_costs_the_page_alone);
    tcase_add_test(tests, series_of_agents_unless_there_are_to_be_none);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
