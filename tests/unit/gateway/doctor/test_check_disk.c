/*
 * Directories: made and taken away again, written, and what is said of one that can not be.
 */
#include "doctor_kit.h"
#include "expect.h"

#include "gateway/doctor/checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[64];

static const char *inside(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void make(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/noveum-doctor-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

START_TEST(one_that_is_there)
{
    make();
    nv_check_disk("j", directory, 0, &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "disk", "MB free");
    ck_assert(!strstr(nv_test_found.items[0].text, "less room"));
    nv_check_disk("j", directory, UINT64_MAX, &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "disk", "less room");
    ck_assert_int_eq(rmdir(directory), 0); /* nothing stays in it */
}
END_TEST

START_TEST(parents_are_made_and_go_again)
{
    make();
    nv_check_disk("j", inside("a/b//c/"), 0, &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "disk", "MB free");
    ck_assert_int_ne(access(inside("a"), F_OK), 0);
    ck_assert_int_eq(mkdir(inside("a"), 0700), 0);
    nv_check_disk("j", inside("a/b"), 0, &nv_test_found);
    ck_assert_int_eq(rmdir(inside("a")), 0); /* what was there before stays */
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(below_a_file)
{
    make();
    FILE *file = fopen(inside("file"), "we");
    ck_assert_ptr_nonnull(file);
    (void)fclose(file);
    nv_check_disk("j", inside("file/x"), 0, &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "disk", "Not a directory");
    nv_check_disk("j", inside("file"), 0, &nv_test_found); /* EEXIST: the write finds it out */
    nv_test_found_last(NV_FINDING_BAD, "disk", "can't write in");
    ck_assert_int_eq(unlink(inside("file")), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(where_nothing_can_be_made)
{
    char longer[5000];
    nv_check_disk("j", "/proc/nothing", 0, &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "disk",
                       "can't make /proc/nothing: No such file or directory");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    nv_check_disk("j", longer, 0, &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "disk", "too long");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_disk");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_test_found_nothing, NULL);
    tcase_add_test(tcase, one_that_is_there);
    tcase_add_test(tcase, parents_are_made_and_go_again);
    tcase_add_test(tcase, below_a_file);
    tcase_add_test(tcase, where_nothing_can_be_made);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
