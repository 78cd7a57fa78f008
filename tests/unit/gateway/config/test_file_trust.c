/*
 * Which files may configure: a table of owners and modes for each role, and real files.
 */
#include "expect.h"

#include "base/log/log.h"
#include "gateway/config/file_trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

#define SELF 1000
#define OTHER 4711
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const struct {
    mode_t mode;
    uid_t owner;
    enum nv_file_verdict verdict[2]; /* found, named */
    const char *why;
} rows[] = {
    {S_IFREG | 0600, SELF, {NV_FILE_TRUSTED, NV_FILE_TRUSTED}, ""},
    {S_IFREG | 0644, 0, {NV_FILE_TRUSTED, NV_FILE_TRUSTED}, ""},
    {S_IFREG | 0644, OTHER, {NV_FILE_REFUSED, NV_FILE_DOUBTED}, "chown"},
    {S_IFREG | 0664, SELF, {NV_FILE_DOUBTED, NV_FILE_DOUBTED}, "chmod g-w"},
    {S_IFREG | 0666, SELF, {NV_FILE_REFUSED, NV_FILE_REFUSED}, "chmod o-w"},
    {S_IFREG | 0602, 0, {NV_FILE_REFUSED, NV_FILE_REFUSED}, "chmod o-w"},
    {S_IFIFO | 0666, SELF, {NV_FILE_REFUSED, NV_FILE_TRUSTED}, NULL},
    {S_IFDIR | 0755, SELF, {NV_FILE_REFUSED, NV_FILE_TRUSTED}, NULL},
};

START_TEST(by_owner_mode_and_role)
{
    char why[NV_FILE_WHY_SIZE];
    struct stat info = {.st_mode = rows[_i].mode, .st_uid = rows[_i].owner};
    for (unsigned role = NV_FILE_FOUND; role <= NV_FILE_NAMED; role++) {
        enum nv_file_verdict verdict = nv_file_judge(&info, SELF, (enum nv_file_role)role, why);
        ck_assert_int_eq(verdict, rows[_i].verdict[role]);
        ck_assert_int_eq(why[0] == '\0', verdict == NV_FILE_TRUSTED);
        if (rows[_i].why)
            ck_assert_msg(strstr(why, rows[_i].why) != NULL, "%s", why);
    }
}
END_TEST

static char path[] = "/tmp/noveum-trust-XXXXXX";

static enum nv_err read_with(mode_t mode, enum nv_file_role role, struct nv_fail *fail)
{
    struct nv_buf out;
    nv_buf_init(&out, 100);
    ck_assert_int_eq(chmod(path, mode), 0);
    enum nv_err err = nv_file_read_trusted(path, role, 100, &out, fail);
    if (err == NV_OK)
        ck_assert_nv_str(nv_buf_str(&out), "text");
    else
        ck_assert_uint_eq(out.len, 0);
    nv_buf_release(&out);
    return err;
}

static void count_line(void *ctx, struct nv_str line)
{
    *(unsigned *)ctx += nv_str_find(line, NV_STR("chmod g-w")) != SIZE_MAX ? 1 : 0;
}

START_TEST(real_files)
{
    struct nv_fail fail = {0};
    unsigned warned = 0;
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "text", 4), 4);
    (void)close(fd);
    nv_log_set_sink(count_line, &warned);
    ck_assert_int_eq(read_with(0600, NV_FILE_FOUND, &fail), NV_OK);
    ck_assert_uint_eq(warned, 0);
    ck_assert_int_eq(read_with(0620, NV_FILE_FOUND, &fail), NV_OK);
    ck_assert_uint_eq(warned, 1);
    nv_log_set_sink(NULL, NULL);
    ck_assert_int_eq(read_with(0606, NV_FILE_NAMED, &fail), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, path);
    ck_assert_ptr_nonnull(strstr(fail.what, "chmod o-w"));
    ck_assert_int_eq(nv_file_check(path, NV_FILE_NAMED, NULL), NV_ERR_CONFIG);
    (void)unlink(path);
    ck_assert_int_eq(nv_file_check(path, NV_FILE_NAMED, NULL), NV_OK);
}
END_TEST

/* Opening a FIFO to read waits for who writes: found by chance it must not hold up the
 * start. */
START_TEST(a_fifo_is_refused_at_once)
{
    char directory[] = "/tmp/noveum-trust-XXXXXX", fifo[64];
    struct nv_fail fail = {0};
    struct nv_buf out;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(fifo, sizeof fifo, "%s/f", directory);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    nv_buf_init(&out, 100);
    ck_assert_int_eq(nv_file_read_trusted(fifo, NV_FILE_FOUND, 100, &out, &fail),
                     NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "no regular file"));
    (void)unlink(fifo);
    (void)rmdir(directory);
}
END_TEST

/* Named by the configuration it may be one, `--config <(...)`, but not for ever: at a reload
 * SIGTERM waits for it. */
START_TEST(a_named_fifo_is_waited_for_a_while)
{
    char directory[] = "/tmp/noveum-trust-XXXXXX", fifo[64];
    struct nv_fail fail = {0};
    struct nv_buf out;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(fifo, sizeof fifo, "%s/f", directory);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    nv_buf_init(&out, 100);
    ck_assert_int_eq(nv_file_read_trusted(fifo, NV_FILE_NAMED, 100, &out, &fail),
                     NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "nobody writes"));
    pid_t writer = fork();
    ck_assert_int_ge(writer, 0);
    if (writer == 0) {
        int fd = open(fifo, O_WRONLY);
        _exit(write(fd, "a: ", 3) == 3 && write(fd, "b\n", 2) == 2 ? 0 : 1);
    }
    ck_assert_int_eq(nv_file_read_trusted(fifo, NV_FILE_NAMED, 100, &out, &fail), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "a: b\n");
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
    nv_buf_release(&out);
    (void)unlink(fifo);
    (void)rmdir(directory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/file_trust");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, by_owner_mode_and_role, 0, COUNT(rows));
    tcase_add_test(tcase, real_files);
    tcase_add_test(tcase, a_fifo_is_refused_at_once);
    tcase_add_test(tcase, a_named_fifo_is_waited_for_a_while);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
