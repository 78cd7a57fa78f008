/*
 * The directory of files: made private, never through a symlink; errors in the store's words.
 */
#include "expect.h"

#include "base/log/log.h"
#include "exporter/files/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char root[64];

static void set_up(void)
{
    (void)snprintf(root, sizeof root, "/tmp/nv-directory-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void tear_down(void)
{
    (void)rmdir(root);
}

START_TEST(it_is_made_private)
{
    char path[128];
    struct stat info;
    struct nv_fail fail = {0};
    (void)snprintf(path, sizeof path, "%s/new", root);
    int fd = nv_directory_open(path, "media.directory", &fail);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0700);
    (void)close(fd);
    fd = nv_directory_open(path, "media.directory", &fail); /* it is there */
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    (void)rmdir(path);
}
END_TEST

static void note_line(void *ctx, struct nv_str line)
{
    char *last = ctx;
    (void)snprintf(last, 512, "%.*s", NV_STR_ARG(line));
}

/* Files there could be taken away or changed by others. */
START_TEST(one_that_others_can_write_is_warned_of)
{
    static const struct {
        mode_t mode;
        const char *says; /* NULL: nothing */
    } rows[] = {{0700, NULL},
                {0755, NULL},
                {0775, "its group can write the directory"},
                {0777, "everybody can write the directory"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[512] = "";
        ck_assert_int_eq(chmod(root, rows[i].mode), 0);
        nv_log_set_sink(note_line, line);
        int fd = nv_directory_open(root, "media.directory", NULL);
        nv_log_set_sink(NULL, NULL);
        ck_assert_int_ge(fd, 0);
        (void)close(fd);
        ck_assert((line[0] != '\0') == (rows[i].says != NULL));
        if (rows[i].says) {
            ck_assert_ptr_nonnull(strstr(line, rows[i].says));
            ck_assert_ptr_nonnull(strstr(line, "option=media.directory"));
            ck_assert_ptr_nonnull(strstr(line, root));
        }
    }
}
END_TEST

START_TEST(a_symlink_and_a_missing_parent_are_refused)
{
    char path[128];
    struct nv_fail fail = {0};
    (void)snprintf(path, sizeof path, "%s/link", root);
    ck_assert_int_eq(symlink("/tmp", path), 0);
    ck_assert_int_eq(nv_directory_open(path, "media.directory", &fail), -1);
    ck_assert_int_eq(fail.code, NV_ERR_IO);
    ck_assert_str_eq(fail.path, "media.directory");
    ck_assert_ptr_nonnull(strstr(fail.what, "/link"));
    (void)unlink(path);
    ck_assert_int_eq(nv_directory_open("/nowhere/at/all", "media.directory", NULL), -1);
}
END_TEST

START_TEST(errors_are_told)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(nv_directory_write(fd, NV_STR("x")), NV_ERR_NO_SPACE);
    ck_assert_int_eq(nv_directory_write(fd, NV_STR("")), NV_OK);
    (void)close(fd);
    ck_assert_int_eq(nv_directory_write(-1, NV_STR("x")), NV_ERR_IO);
    ck_assert_int_eq(nv_directory_error(EDQUOT), NV_ERR_NO_SPACE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/files/directory");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, it_is_made_private);
    tcase_add_test(tests, one_that_others_can_write_is_warned_of);
    tcase_add_test(tests, a_symlink_and_a_missing_parent_are_refused);
    tcase_add_test(tests, errors_are_told);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
