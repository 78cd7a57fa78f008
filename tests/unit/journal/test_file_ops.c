/*
 * The system's file operations: a file made, written in parts, read, synced, renamed and
 * removed.
 */
#include "expect.h"
#include "journal/file_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(they_do_what_the_system_does)
{
    const struct nv_file_ops *ops = nv_file_ops_system();
    char directory[] = "/tmp/noveum-file-ops-XXXXXX";
    char path[64];
    char other[64];
    char read_back[8] = "";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a", directory);
    snprintf(other, sizeof other, "%s/b", directory);
    int fd = ops->open(ops->ctx, path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ops->fallocate(ops->ctx, fd, 0, 4096), 0);
    char one[] = "one";
    char two[] = "two";
    struct iovec parts[] = {{one, 3}, {two, 3}};
    ck_assert_int_eq(ops->pwritev(ops->ctx, fd, parts, 2, 10), 6);
    ck_assert_int_eq(ops->fdatasync(ops->ctx, fd), 0);
    ck_assert_int_eq(ops->fsync(ops->ctx, fd), 0);
    ck_assert_int_eq(ops->pread(ops->ctx, fd, read_back, 6, 10), 6);
    ck_assert_str_eq(read_back, "onetwo");
    ck_assert_int_eq(ops->close(ops->ctx, fd), 0);
    ck_assert_int_eq(ops->rename(ops->ctx, path, other), 0);
    ck_assert_int_eq(ops->unlink(ops->ctx, other), 0);
    ck_assert_int_eq(ops->unlink(ops->ctx, other), -1);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file_ops");
    TCase *tcase = tcase_create("file_ops");
    tcase_add_test(tcase, they_do_what_the_system_does);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
