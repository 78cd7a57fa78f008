/*
 * Files that change: told once, after they have settled, never while one is missing.
 */
#include "expect.h"

#include "gateway/process/file_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[64], cert[128], key[128];

static void put(const char *path, const char *text)
{
    char fresh[160];
    FILE *file;

    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    file = fopen(fresh, "w");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
    ck_assert_int_eq(rename(fresh, path), 0);
}

static void setup(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/nvwatch-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(cert, sizeof cert, "%s/cert", directory);
    (void)snprintf(key, sizeof key, "%s/key", directory);
    put(cert, "cert 1");
    put(key, "key 1");
}

static void teardown(void)
{
    (void)unlink(cert);
    (void)unlink(key);
    (void)rmdir(directory);
}

START_TEST(a_change_is_told_once_when_it_has_settled)
{
    const char *const paths[NV_FILE_WATCH_MAX] = {cert, key, NULL, ""};
    struct nv_file_watch watch;

    nv_file_watch_init(&watch, paths);
    ck_assert(!nv_file_watch_look(&watch, paths));
    put(cert, "cert 2");
    ck_assert(!nv_file_watch_look(&watch, paths));
    put(key, "key 2");
    ck_assert(!nv_file_watch_look(&watch, paths));
    ck_assert(nv_file_watch_look(&watch, paths));
    ck_assert(!nv_file_watch_look(&watch, paths));
}
END_TEST

START_TEST(a_missing_file_is_waited_for)
{
    const char *const paths[NV_FILE_WATCH_MAX] = {cert, key, NULL, NULL};
    struct nv_file_watch watch;

    nv_file_watch_init(&watch, paths);
    ck_assert_int_eq(unlink(key), 0);
    for (int i = 0; i < 3; i++)
        ck_assert(!nv_file_watch_look(&watch, paths));
    put(key, "key 2");
    ck_assert(!nv_file_watch_look(&watch, paths));
    ck_assert(nv_file_watch_look(&watch, paths));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/file_watch");
    TCase *tcase = tcase_create("watch");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_change_is_told_once_when_it_has_settled);
    tcase_add_test(tcase, a_missing_file_is_waited_for);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
