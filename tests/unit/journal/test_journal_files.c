/*
 * The journal's directory as it is found: strangers beside the files, what only has their
 * names, files that can't be opened, links in the place of the lock, directories that everybody
 * can write.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct journal_kit kit;
static char path[512];

static void setup(void)
{
    journal_kit_init(&kit);
}

static void teardown(void)
{
    (void)chmod(kit.directory, 0700);
    journal_kit_release(&kit);
}

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", kit.directory, name);
    return path;
}

static bool is_there(const char *name)
{
    struct stat stat;
    return lstat(at(name), &stat) == 0;
}

START_TEST(only_the_exact_name_counts)
{
    static const struct {
        const char *name;
        int counts;
    } rows[] = {{"journal-00000001", 1},    {"journal-0000ffff", 1}, {"journal-1", 0},
                {"journal-0x1", 0},         {"journal-0x000001", 0}, {"journal-000000001", 0},
                {"journal- 0000001", 0},    {"journal-+0000001", 0}, {"journal-0000000A", 0},
                {"journal-00000000", 0},    {"journal-00010000", 0}, {"journal-ffffffff", 0},
                {"journal-00000001~", 0},   {"journal-", 0},         {"damaged-00000001", 0},
                {"journal-00000001.bak", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dirent entry = {0};
        snprintf(entry.d_name, sizeof entry.d_name, "%s", rows[i].name);
        ck_assert_msg(nv_segment_named(&entry) == rows[i].counts, "%s", rows[i].name);
    }
    for (unsigned beyond = 0; beyond < 2; beyond++) {
        struct dirent entry = {0};
        snprintf(entry.d_name, sizeof entry.d_name, "journal-%08x", NV_SEGMENTS_MAX + beyond);
        ck_assert_int_eq(nv_segment_named(&entry), beyond == 0);
    }
}
END_TEST

START_TEST(strangers_are_left_alone)
{
    static const char *const names[] = {"journal-1", "journal-0x1", "journal-01",
                                        "journal-00000001~"};
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    for (size_t i = 0; i < 4; i++)
        journal_kit_file(&kit, names[i], 70000);
    for (int turn = 0; turn < 3; turn++) {
        journal_kit_reopen(&kit);
        journal_kit_expect(&kit, id, "mine");
    }
    for (size_t i = 0; i < 4; i++)
        ck_assert(is_there(names[i]));
}
END_TEST

static void make_directory(void)
{
    ck_assert_int_eq(mkdir(at("journal-00000007"), 0700), 0);
}

static void make_dangling_link(void)
{
    ck_assert_int_eq(symlink("nowhere", at("journal-00000007")), 0);
}

static void make_link_to_itself(void)
{
    ck_assert_int_eq(symlink("journal-00000007", at("journal-00000007")), 0);
}

static void make_fifo(void)
{
    ck_assert_int_eq(mkfifo(at("journal-00000007"), 0600), 0);
}

static void make_sparse(void)
{
    int fd = open(at("journal-00000007"), O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(ftruncate(fd, INT64_C(5) << 30), 0);
    close(fd);
}

static void (*const foreign[])(void) = {make_directory, make_dangling_link, make_link_to_itself,
                                        make_fifo, make_sparse};

START_TEST(what_only_has_the_name_is_moved_aside)
{
    struct nv_journal_status status;
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    for (int turn = 0; turn < 2; turn++) {
        journal_kit_close(&kit);
        foreign[_i]();
        journal_kit_open(&kit);
        journal_kit_expect(&kit, id, "mine");
        nv_journal_read_status(kit.journal, &status);
        ck_assert_uint_ge(status.damaged, 1);
        ck_assert(!is_there("journal-00000007"));
    }
    ck_assert(is_there("damaged-00000007"));
    ck_assert(is_there("damaged-00000007.1")); /* what was kept before stays */
    journal_kit_close(&kit);
    rmdir(at("damaged-00000007"));
    rmdir(at("damaged-00000007.1"));
}
END_TEST

/* As journal_files.c has it. */
#define ASIDE_MAX 100u

START_TEST(names_for_what_is_moved_aside_and_no_more)
{
    char *aside = NULL;
    journal_kit_open(&kit);
    for (unsigned i = 0; i < ASIDE_MAX; i++) {
        aside = nv_journal_aside_path(kit.journal, "damaged", 7);
        ck_assert_ptr_nonnull(aside);
        ck_assert(!is_there(strrchr(aside, '/') + 1));
        journal_kit_file(&kit, strrchr(aside, '/') + 1, 0);
        free(aside);
    }
    ck_assert_ptr_null(nv_journal_aside_path(kit.journal, "damaged", 7));
    aside = nv_journal_aside_path(kit.journal, "damaged", 8); /* another file's are free */
    ck_assert_ptr_nonnull(aside);
    free(aside);
}
END_TEST

START_TEST(a_file_of_holes_below_the_limit_is_passed_over)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    journal_kit_close(&kit);
    int fd = open(at("journal-00000007"), O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(ftruncate(fd, (off_t)NV_SEGMENT_MAX), 0);
    close(fd);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "mine");
}
END_TEST

START_TEST(a_file_that_grew_beyond_the_limit_is_still_read)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    journal_kit_close(&kit);
    ck_assert_int_eq(truncate(at("journal-00000001"), INT64_C(6) << 30), 0);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "mine");
}
END_TEST

START_TEST(a_file_that_can_not_be_opened_is_named_with_the_cause)
{
    struct nv_fail fail = {0};
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    journal_kit_close(&kit);
    journal_kit_fail(&kit, FAIL_OPEN, 0, 1, EACCES);
    ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fail.what, "journal-00000001"));
    ck_assert_ptr_nonnull(strstr(fail.what, strerror(EACCES)));
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "mine");
}
END_TEST

START_TEST(a_link_in_the_place_of_the_lock_is_not_followed)
{
    struct nv_fail fail = {0};
    char target[560];
    snprintf(target, sizeof target, "%s/precious", kit.directory);
    ck_assert_int_eq(symlink(target, at("lock")), 0);
    ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, strerror(ELOOP)));
    ck_assert(!is_there("precious"));
}
END_TEST

START_TEST(a_directory_of_ours_that_everybody_can_write_is_mended)
{
    struct stat stat_now;
    ck_assert_int_eq(chmod(kit.directory, 0777), 0);
    journal_kit_open(&kit);
    ck_assert_int_eq(stat(kit.directory, &stat_now), 0);
    ck_assert_uint_eq(stat_now.st_mode & 07777, 0775);
}
END_TEST

/* As another user: modes and owners do not count for root. */
static int open_as_nobody(enum nv_err *err, struct nv_fail *fail)
{
    if (geteuid() != 0 || setgid(65534) != 0 || setuid(65534) != 0)
        return -1;
    *err = nv_journal_open(&kit.config, &kit.journal, fail);
    return 0;
}

static void expect_as_nobody(enum nv_err want, const char *text)
{
    if (geteuid() != 0)
        return; /* needs to become somebody else */
    pid_t child = fork();
    if (child == 0) {
        struct nv_fail fail = {0};
        enum nv_err err = NV_OK;
        bool tried = open_as_nobody(&err, &fail) == 0;
        _exit(tried && err == want && (text == NULL || strstr(fail.what, text)) ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

/* As a pod finds an emptyDir. */
static void use_as_nobody(void)
{
    struct nv_journal_status status;
    struct stat stat_now;
    ck_assert_int_eq(setgid(65534) + setuid(65534), 0);
    umask(0);
    journal_kit_open(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert(status.exposed);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    journal_kit_reopen(&kit);
    journal_kit_expect(&kit, id, "mine");
    ck_assert_int_eq(stat(at("journal-00000001"), &stat_now), 0);
    ck_assert_uint_eq(stat_now.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(at("lock"), &stat_now), 0);
    ck_assert_uint_eq(stat_now.st_mode & 07777, 0600);
}

START_TEST(others_directories_that_everybody_can_write_are_used_and_told)
{
    static const mode_t modes[] = {0777, 01777, 02777};
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(kit.directory, modes[_i]), 0);
    pid_t child = fork();
    if (child == 0) {
        use_as_nobody();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(files_of_other_users_are_not_read)
{
    static const char *const names[] = {"lock", "journal-00000001"};
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(kit.directory, 0777), 0);
    journal_kit_file(&kit, names[_i], 70000);
    ck_assert_int_eq(chown(at(names[_i]), 1234, 1234), 0);
    ck_assert_int_eq(chmod(at(names[_i]), 0666), 0);
    expect_as_nobody(NV_ERR_CONFIG, names[_i]);
    expect_as_nobody(NV_ERR_CONFIG, "user 1234");
    ck_assert(is_there(names[_i]));
    ck_assert(!is_there("owner.tmp"));
}
END_TEST

START_TEST(root_reads_a_directory_of_another_user)
{
    struct nv_fail fail = {0};
    if (geteuid() != 0)
        return;
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "theirs");
    journal_kit_close(&kit);
    ck_assert_int_eq(chown(kit.directory, 1234, 1234), 0);
    ck_assert_int_eq(chown(at("lock"), 1234, 1234), 0);
    ck_assert_int_eq(chown(at("journal-00000001"), 1234, 1234), 0);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "theirs");
    journal_kit_close(&kit);
    ck_assert_int_eq(chown(at("journal-00000001"), 4321, 4321), 0);
    ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "user 4321"));
    kit.journal = NULL;
}
END_TEST

/* Whoever put it there has it open: nothing of ours may be written to it. */
START_TEST(a_file_that_was_put_there_is_not_written_to)
{
    char body[60000];
    char first[1] = "";
    journal_kit_open(&kit);
    int fd = open(at("journal-00000002"), O_RDWR | O_CREAT, 0666);
    ck_assert_int_ge(fd, 0);
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    for (int i = 0; i < 3; i++)
        journal_kit_put(&kit, NV_RECORD_TRACES, body);
    ck_assert(is_there("journal-00000002"));
    ck_assert_int_eq(pread(fd, first, 1, 0), 0);
    close(fd);
}
END_TEST

START_TEST(files_of_another_owner_are_named)
{
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "of root");
    journal_kit_close(&kit);
    ck_assert_int_eq(chmod(at("lock"), 0666), 0);
    ck_assert_int_eq(chmod(kit.directory, 0755), 0);
    expect_as_nobody(NV_ERR_IO, "journal-00000001");
    ck_assert_int_eq(chmod(at("lock"), 0600), 0);
    expect_as_nobody(NV_ERR_CONFIG, strerror(EACCES));
}
END_TEST

/* What a volume is that nobody gave to the container's user. */
START_TEST(a_directory_that_is_not_ours_is_told_with_both_owners)
{
    ck_assert_int_eq(chmod(kit.directory, 0755), 0);
    expect_as_nobody(NV_ERR_CONFIG, kit.directory);
    expect_as_nobody(NV_ERR_CONFIG, strerror(EACCES));
    expect_as_nobody(NV_ERR_CONFIG, "user 65534:65534, it is of 0:0, mode 755");
    ck_assert(!is_there("lock"));
}
END_TEST

START_TEST(a_lock_that_is_not_ours_is_told_with_its_owner)
{
    ck_assert_int_eq(chmod(kit.directory, 0777), 0);
    journal_kit_file(&kit, "lock", 0);
    if (geteuid() == 0)
        ck_assert_int_eq(chown(at("lock"), 1234, 4321), 0);
    ck_assert_int_eq(chmod(at("lock"), 0600), 0);
    expect_as_nobody(NV_ERR_CONFIG, "/lock'");
    expect_as_nobody(NV_ERR_CONFIG, "it is of 1234:4321, mode 600");
}
END_TEST

START_TEST(a_directory_without_write_permission_opens_and_refuses)
{
    kit.config.reserve = NV_JOURNAL_RESERVE;
    journal_kit_file(&kit, "lock", 0);
    ck_assert_int_eq(chmod(at("lock"), 0666), 0);
    ck_assert_int_eq(chmod(kit.directory, 0555), 0);
    expect_as_nobody(NV_OK, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_files");
    TCase *tcase = tcase_create("journal_files");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, only_the_exact_name_counts);
    tcase_add_test(tcase, strangers_are_left_alone);
    tcase_add_loop_test(tcase, what_only_has_the_name_is_moved_aside, 0, 5);
    tcase_add_test(tcase, names_for_what_is_moved_aside_and_no_more);
    tcase_add_test(tcase, a_file_of_holes_below_the_limit_is_passed_over);
    tcase_add_test(tcase, a_file_that_grew_beyond_the_limit_is_still_read);
    tcase_add_test(tcase, a_file_that_can_not_be_opened_is_named_with_the_cause);
    tcase_add_test(tcase, a_link_in_the_place_of_the_lock_is_not_followed);
    tcase_add_test(tcase, a_directory_of_ours_that_everybody_can_write_is_mended);
    tcase_add_loop_test(tcase, others_directories_that_everybody_can_write_are_used_and_told, 0,
                        3);
    tcase_add_loop_test(tcase, files_of_other_users_are_not_read, 0, 2);
    tcase_add_test(tcase, root_reads_a_directory_of_another_user);
    tcase_add_test(tcase, a_file_that_was_put_there_is_not_written_to);
    tcase_add_test(tcase, files_of_another_owner_are_named);
    tcase_add_test(tcase, a_directory_that_is_not_ours_is_told_with_both_owners);
    tcase_add_test(tcase, a_lock_that_is_not_ours_is_told_with_its_owner);
    tcase_add_test(tcase, a_directory_without_write_permission_opens_and_refuses);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
