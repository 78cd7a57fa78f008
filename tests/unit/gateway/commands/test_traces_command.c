/*
 * The store of a configuration: none, none yet, there; what each command ends with.
 * What they print is shown by tests/e2e/test_traces_command.py.
 */
#include "expect.h"

#include "gateway/commands/traces_command.h"
#include "gateway/traces/trace_shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static char path[64];

static void make_store(void)
{
    const struct nv_shelf_limits limits = {0};
    struct nv_fail fail = {0};
    struct nv_shelf *shelf = NULL;
    char directory[] = "/tmp/noveum-traces-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/traces.db", directory);
    ck_assert_int_eq(nv_shelf_open(path, &limits, &fail, &shelf), NV_OK);
    nv_shelf_close(shelf);
}

static void remove_store(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[80];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
}

START_TEST(no_store_says_what_to_do)
{
    struct nv_options options = {0};
    struct nv_fail fail = {0};
    struct nv_sql *sql = NULL;
    char nowhere[] = "/nowhere/traces.db";
    const struct nv_cli cli = {.command = NV_COMMAND_TRACES_LIST};
    ck_assert_int_eq(nv_traces_open_store(&options, &fail, &sql), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "admin.ui"));
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_USAGE);
    fail = (struct nv_fail){0};
    options.store_file = nowhere;
    ck_assert_int_eq(nv_traces_open_store(&options, &fail, &sql), NV_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fail.what, nowhere));
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_FAILED);
    ck_assert_int_ne(access(nowhere, F_OK), 0);
}
END_TEST

START_TEST(an_empty_store_is_no_failure_but_a_missing_trace_is)
{
    struct nv_options options = {.store_file = path};
    static const char *const id[] = {"abc"};
    struct nv_cli cli = {.command = NV_COMMAND_TRACES_LIST};
    make_store();
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_OK);
    cli.command = NV_COMMAND_TRACES_EXPORT;
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_OK);
    cli = (struct nv_cli){
        .command = NV_COMMAND_TRACES_SHOW, .arguments = id, .argument_count = 1};
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_FAILED);
    remove_store();
}
END_TEST

START_TEST(a_search_has_its_caps)
{
    struct nv_options options = {.store_file = path};
    static char text[1002];
    const char *words[] = {text};
    struct nv_cli cli = {
        .command = NV_COMMAND_TRACES_SEARCH, .arguments = words, .argument_count = 1};
    make_store();
    memset(text, 'x', 1000);
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_OK);
    text[1000] = 'x';
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_USAGE);
    memset(text, 0, sizeof text);
    for (size_t i = 0; i < 17; i++)
        memcpy(text + 2 * i, "x ", 2);
    ck_assert_int_eq(nv_command_traces(&options, &cli), NV_EXIT_USAGE);
    remove_store();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces_command");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, no_store_says_what_to_do);
    tcase_add_test(tcase, an_empty_store_is_no_failure_but_a_missing_trace_is);
    tcase_add_test(tcase, a_search_has_its_caps);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
