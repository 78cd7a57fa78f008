/*
 * Which rows of the option table an embedded pipeline has, what differs from the gateway's
 * defaults, and how many settings there may be.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/embed/settings.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;

static enum nv_err load(const char *const *settings)
{
    nv_options_release(&options);
    fail = (struct nv_fail){0};
    return nv_embed_options(&options, settings, &fail);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

START_TEST(defaults_of_its_own)
{
    ck_assert_int_eq(load(NULL), NV_OK);
    ck_assert_uint_eq(options.journal_durability, 2); /* fsync|os|memory */
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_OFF);
    ck_assert_uint_eq(options.assembly_quiet_ms, 1000);
}
END_TEST

START_TEST(what_is_given_wins)
{
    static const char *const settings[] = {"redaction.stack_traces=full",
                                           "journal.directory=/tmp/x", "assembly.quiet_ms=5s",
                                           "exporter.noveum.project=shop", NULL};
    ck_assert_int_eq(load(settings), NV_OK);
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_FULL);
    ck_assert_uint_eq(options.journal_durability, 0);
    ck_assert_uint_eq(options.assembly_quiet_ms, 5000);
    ck_assert_str_eq(options.exporter_noveum_project, "shop");
    static const char *const weaker[] = {"journal.durability=os", "journal.directory=/tmp/x",
                                         NULL};
    ck_assert_int_eq(load(weaker), NV_OK);
    ck_assert_uint_eq(options.journal_durability, 1);
}
END_TEST

/* A row of every section of the table: used, or refused by name. */
START_TEST(each_row_is_used_or_refused)
{
    const char *path = nv_option_table[_i].path;
    char setting[256];
    const char *settings[] = {setting, NULL};
    static const char *const used[] = {"memory.",  "assembly.", "mapping.", "redaction.",
                                       "sampling", "journal.",  "media."};
    static const char *const single[] = {"project",  "environment",     "service_version",
                                         "trace_id", "max_trace_bytes", "queue_bytes"};
    bool wanted = false;
    (void)snprintf(setting, sizeof setting, "%s=%s", path,
                   nv_option_table[_i].fallback ? nv_option_table[_i].fallback : "");
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
        wanted |= strncmp(path, used[i], strlen(used[i])) == 0;
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        wanted |=
            strncmp(path, "exporter.noveum.", 16) == 0 && strcmp(path + 16, single[i]) == 0;
    }
    wanted &= strncmp(path, "media.directory", 15) != 0;
    enum nv_err err = load(settings);
    bool refused = err == NV_ERR_CONFIG && strstr(fail.what, "has no use") != NULL;
    ck_assert_msg(refused == !wanted, "%s: %s", path, fail.what);
    if (refused)
        ck_assert_ptr_nonnull(strstr(fail.what, path));
}
END_TEST

START_TEST(as_many_as_the_cap_and_no_more)
{
    const char *settings[NV_EMBED_SETTINGS_MAX + 2];
    for (size_t i = 0; i <= NV_EMBED_SETTINGS_MAX; i++)
        settings[i] = "assembly.quiet_ms=7";
    settings[NV_EMBED_SETTINGS_MAX] = NULL;
    ck_assert_int_eq(load(settings), NV_OK);
    ck_assert_uint_eq(options.assembly_quiet_ms, 7);
    settings[NV_EMBED_SETTINGS_MAX] = "assembly.quiet_ms=8";
    settings[NV_EMBED_SETTINGS_MAX + 1] = NULL;
    ck_assert_int_eq(load(settings), NV_ERR_LIMIT);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    static const char *const settings[] = {"exporter.noveum.project=shop", NULL};
    for (unsigned long n = 1;; n++) {
        nv_options_release(&options);
        oom_fail_nth(n);
        enum nv_err err = nv_embed_options(&options, settings, &fail);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            ck_assert_uint_gt(n, 5);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/embed/settings");
    TCase *tcase = tcase_create("settings");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, defaults_of_its_own);
    tcase_add_test(tcase, what_is_given_wins);
    tcase_add_loop_test(tcase, each_row_is_used_or_refused, 0, NV_OPTION_TOTAL);
    tcase_add_test(tcase, as_many_as_the_cap_and_no_more);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
