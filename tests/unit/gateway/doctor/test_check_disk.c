/*
 * Directories: made and taken away again, written, and what is said of one that can not be.
 */
#include "expect.h"

#include "gateway/doctor/checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_findings found;

static void set_up(void)
{
    found = (struct nv_findings){.count = 0};
}

/* The last finding: what is bad says what to do next. */
static void expect_last(enum nv_finding_level level, const char *subject, const char *part)
{
    ck_assert_uint_ge(found.count, 1);
    const struct nv_finding *last = &found.items[found.count - 1];
    ck_assert_msg(last->level == level && strcmp(last->subject, subject) == 0 &&
                      strstr(last->text, part),
                  "%d %s: %s", (int)last->level, last->subject, last->text);
    ck_assert(level != NV_FINDING_BAD || last->next[0] != '\0');
}

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
    nv_check_disk("j", directory, 0, &found);
    expect_last(NV_FINDING_OK, "disk", "MB free");
    ck_assert(!strstr(found.items[0].text, "less room"));
    nv_check_disk("j", directory, UINT64_MAX, &found);
    expect_last(NV_FINDING_OK, "disk", "less room");
    ck_assert_int_eq(rmdir(directory), 0); /* nothing stays in it */
}
END_TEST

START_TEST(parents_are_made_and_go_again)
{
    make();
    nv_check_disk("j", inside("a/b//c/"), 0, &found);
    expect_last(NV_FINDING_OK, "disk", "MB free");
    ck_assert_int_ne(access(inside("a"), F_OK), 0);
    ck_assert_int_eq(mkdir(inside("a"), 0700), 0);
    nv_check_disk("j", inside("a/b"), 0, &found);
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
    nv_check_disk("j", inside("file/x"), 0, &found);
    expect_last(NV_FINDING_BAD, "disk", "Not a directory");
    nv_check_disk("j", inside("file"), 0, &found); /* EEXIST: the write finds it out */
    expect_last(NV_FINDING_BAD, "disk", "can't write in");
    ck_assert_int_eq(unlink(inside("file")), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(where_nothing_can_be_made)
{
    char longer[5000];
    nv_check_disk("j", "/proc/nothing", 0, &found);
    expect_last(NV_FINDING_BAD, "disk", "can't make /proc/nothing: No such file or directory");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    nv_check_disk("j", longer, 0, &found);
    expect_last(NV_FINDING_BAD, "disk", "too long");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_disk");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, one_that_is_there);
    tcase_add_test(tcase, parents_are_made_and_go_again);
    tcase_add_test(tcase, below_a_file);
    tcase_add_test(tcase, where_nothing_can_be_made);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
