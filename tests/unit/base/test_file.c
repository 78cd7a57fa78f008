/*
 * Whole files: bounds in bytes and in time, and what the error says.
 */
#include "expect.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[64], path[80];
static struct nv_buf out;
static struct nv_fail failed;

static void set_up(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/noveum-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/f", directory);
    nv_buf_init(&out, 100000);
    memset(&failed, 0, sizeof failed);
}

static void tear_down(void)
{
    nv_buf_release(&out);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void fill(size_t count)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_ne(fputc((int)(i % 3), file), EOF);
    ck_assert_int_eq(fclose(file), 0);
}

static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 10000};

START_TEST(at_its_bound_and_above)
{
    const size_t size = sizes[_i];
    fill(size);
    ck_assert_int_eq(nv_buf_append(&out, "ab", 2), NV_OK);
    ck_assert_int_eq(nv_file_read(path, -1, size + (size == 0), &out, &failed), NV_OK);
    ck_assert_uint_eq(out.len, size + 2);
    for (size_t i = 0; i < size; i++)
        ck_assert_int_eq(out.bytes[i + 2], (char)(i % 3));
    if (size > 1) {
        ck_assert_int_eq(nv_file_read(path, -1, size - 1, &out, &failed), NV_ERR_LIMIT);
        ck_assert_ptr_nonnull(strstr(failed.what, "is larger than"));
    }
}
END_TEST

START_TEST(a_buffer_that_is_smaller)
{
    struct nv_buf small;
    fill(200);
    nv_buf_init(&small, 100);
    enum nv_err err = nv_file_read(path, -1, 1000, &small, &failed);
    ck_assert_int_ne(err, NV_OK);
    ck_assert_int_eq(err, small.failed);
    nv_buf_release(&small);
}
END_TEST

START_TEST(what_is_not_there_or_no_file)
{
    ck_assert_int_eq(nv_file_read(path, -1, 10, &out, &failed), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(failed.what, "can't open \"/tmp/noveum-file-"));
    ck_assert_ptr_nonnull(strstr(failed.what, "No such file"));
    memset(&failed, 0, sizeof failed);
    ck_assert_int_eq(nv_file_read(directory, -1, 10, &out, &failed), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(failed.what, "Is a directory"));
    ck_assert_int_eq(nv_file_read(path, -1, 10, &out, NULL), NV_ERR_CONFIG);
}
END_TEST

START_TEST(a_pipe_without_a_writer_ends)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(nv_file_read(path, 20, 10, &out, &failed), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(failed.what, "nobody writes to this pipe"));
}
END_TEST

START_TEST(a_pipe_in_pieces)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    pid_t writer = fork();
    ck_assert_int_ge(writer, 0);
    if (writer == 0) {
        int fd = open(path, O_WRONLY);
        _exit(write(fd, "one ", 4) == 4 && write(fd, "two", 3) == 3 ? 0 : 1);
    }
    ck_assert_int_eq(nv_file_read(path, -1, 10, &out, &failed), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "one two");
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/file");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, at_its_bound_and_above, 0,
                        (int)(sizeof sizes / sizeof sizes[0]));
    tcase_add_test(tcase, a_buffer_that_is_smaller);
    tcase_add_test(tcase, what_is_not_there_or_no_file);
    tcase_add_test(tcase, a_pipe_without_a_writer_ends);
    tcase_add_test(tcase, a_pipe_in_pieces);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
