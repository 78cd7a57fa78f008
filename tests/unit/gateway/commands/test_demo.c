/*
 * What keeps the demo from running: no directory, options that are wrong, no memory. That it
 * plays and shows is tests/e2e/test_demo.py.
 */
#include "expect.h"
#include "oom.h"

#include "base/log/log.h"
#include "gateway/commands/cli.h"
#include "gateway/commands/demo.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[] = "/tmp/noveum-test-demo-XXXXXX";

/* Entries of the directory, "." and ".." among them. */
static size_t entries(void)
{
    size_t count = 0;
    DIR *open = opendir(directory);
    ck_assert_ptr_nonnull(open);
    while (readdir(open))
        count++;
    (void)closedir(open);
    return count;
}

static int demo(const char *set)
{
    static const char *const nothing[] = {NULL};
    const char *sets[] = {set};
    const struct nv_option_sources sources = {
        .environment = nothing, .directory = directory, .sets = sets, .set_count = 1};
    nv_log_hold();
    return nv_command_demo(&sources, false);
}

START_TEST(options_that_are_wrong)
{
    ck_assert_int_eq(setenv("TMPDIR", directory, 1), 0);
    ck_assert_int_eq(demo("no.such=1"), NV_EXIT_USAGE);
    ck_assert_int_eq(demo("receiver.http.listen=192.0.2.1:1"), NV_EXIT_FAILED);
    ck_assert_uint_eq(entries(), 2); /* its directory has gone */
}
END_TEST

START_TEST(no_place_for_its_directory)
{
    ck_assert_int_eq(setenv("TMPDIR", "/proc/nowhere", 1), 0);
    ck_assert_int_eq(demo("log.level=error"), NV_EXIT_FAILED);
}
END_TEST

START_TEST(no_memory)
{
    oom_fail_nth(1);
    int code = demo("log.level=error");
    ck_assert(oom_end());
    ck_assert_int_eq(code, NV_EXIT_FAILED);
}
END_TEST

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    Suite *suite = suite_create("gateway/commands/demo");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, options_that_are_wrong);
    tcase_add_test(tcase, no_place_for_its_directory);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    (void)rmdir(directory);
    return failed;
}
