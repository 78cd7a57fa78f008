/*
 * The journal by itself: groups, releases, reading back, reuse of files, stragglers, quota, a
 * full disk, failing operations, two processes, a newer format.
 */
#include "expect.h"
#include "journal/journal.h"
#include "journal_kit.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct journal_kit kit;

static void setup(void)
{
    journal_kit_init(&kit);
}

static void setup_encrypted(void)
{
    journal_kit_encrypted = true;
    setup();
    journal_kit_encrypted = false;
}

static void teardown(void)
{
    journal_kit_release(&kit);
}

START_TEST(what_is_committed_is_there_after_a_restart)
{
    journal_kit_open(&kit);
    uint64_t a = journal_kit_put(&kit, NV_RECORD_TRACES, "one");
    uint64_t b = journal_kit_put(&kit, NV_RECORD_TRACES, "two");
    uint64_t c = journal_kit_put(&kit, NV_RECORD_DEAD_LETTER, "three");
    nv_journal_release(kit.journal, &b, 1);
    journal_kit_reopen(&kit);
    journal_kit_expect(&kit, a, "one");
    journal_kit_expect(&kit, c, "three");
    ck_assert_int_eq(nv_journal_read_record(kit.journal, b, NULL, NULL, NULL),
                     NV_ERR_NOT_FOUND);
    uint64_t *ids;
    size_t count;
    ck_assert_int_eq(nv_journal_list(kit.journal, 1u << NV_RECORD_TRACES, &ids, &count), NV_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(ids[0], a);
    free(ids);
    ck_assert_uint_gt(journal_kit_put(&kit, NV_RECORD_TRACES, "four"), c);
}
END_TEST

START_TEST(ids_never_repeat_even_when_nothing_lives)
{
    journal_kit_open(&kit);
    uint64_t a = 0;
    for (int i = 0; i < 10; i++) {
        a = journal_kit_put(&kit, NV_RECORD_TRACES, "gone");
        nv_journal_release(kit.journal, &a, 1);
    }
    for (int i = 0; i < 3; i++) {
        journal_kit_reopen(&kit);
        uint64_t b = journal_kit_put(&kit, NV_RECORD_TRACES, "next");
        ck_assert_uint_gt(b, a);
        nv_journal_release(kit.journal, &b, 1);
        a = b;
    }
}
END_TEST

/* The committer's list has those that were settled last first. */
START_TEST(neighbours_are_forgotten_by_one_write)
{
    enum { MANY = 300 };
    uint64_t ids[MANY];
    journal_kit_open(&kit);
    for (size_t i = MANY; i-- > 0;)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, "gone");
    uint64_t kept = journal_kit_put(&kit, NV_RECORD_TRACES, "kept");
    journal_kit_fail(&kit, FAIL_PWRITEV, INT_MAX, 0, 0);
    nv_journal_release(kit.journal, ids, MANY);
    ck_assert_int_le(kit.calls, 4); /* marks are written 256 at a time at most */
    journal_kit_reopen(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 1);
    journal_kit_expect(&kit, kept, "kept");
}
END_TEST

START_TEST(files_are_used_again)
{
    journal_kit_open(&kit);
    char body[2000];
    memset(body, 'y', sizeof body - 1);
    body[sizeof body - 1] = 0;
    for (int i = 0; i < 500; i++) {
        uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, body);
        nv_journal_release(kit.journal, &id, 1);
        nv_journal_maintain(kit.journal);
    }
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_le(status.segments, 3);
    ck_assert_uint_eq(status.records, 0);
    journal_kit_reopen(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 0);
    ck_assert_uint_eq(status.damaged, 0);
}
END_TEST

START_TEST(stragglers_move_and_keep_their_ids)
{
    journal_kit_open(&kit);
    uint64_t ids[200];
    char body[1000];
    memset(body, 'z', sizeof body - 1);
    body[sizeof body - 1] = 0;
    for (int i = 0; i < 200; i++) {
        body[0] = (char)('a' + i % 26);
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    }
    for (int i = 0; i < 200; i++) {
        if (i % 40 != 0)
            nv_journal_release(kit.journal, &ids[i], 1);
        nv_journal_maintain(kit.journal);
    }
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_gt(status.moved, 0);
    ck_assert_uint_eq(status.records, 5);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 200; i += 40) {
            body[0] = (char)('a' + i % 26);
            journal_kit_expect(&kit, ids[i], body);
        }
        journal_kit_reopen(&kit);
    }
    for (int i = 0; i < 200; i += 40)
        nv_journal_release(kit.journal, &ids[i], 1);
    journal_kit_reopen(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 0);
}
END_TEST

static void check_after_failures(const uint64_t *ids, int count)
{
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < count; i++) {
            char body[32];
            snprintf(body, sizeof body, "record %d", i);
            journal_kit_expect(&kit, ids[i], body);
        }
        struct nv_journal_status status;
        nv_journal_maintain(kit.journal);
        nv_journal_read_status(kit.journal, &status);
        ck_assert_uint_eq(status.records, (uint64_t)count);
        journal_kit_reopen(&kit);
    }
}

/* Each operation fails once at each of its calls; nothing that was committed may be missing. */
static const struct {
    enum fail_op op;
    int error;
} failures[] = {{FAIL_PWRITEV, EIO},   {FAIL_PWRITEV, ENOSPC}, {FAIL_PWRITEV_SHORT, 0},
                {FAIL_PWRITEV, EINTR}, {FAIL_FDATASYNC, EIO},  {FAIL_FALLOCATE, ENOSPC},
                {FAIL_FALLOCATE, EIO}, {FAIL_OPEN, EMFILE},    {FAIL_FSYNC, EIO},
                {FAIL_PREAD_SHORT, 0}, {FAIL_UNLINK, EACCES}};

START_TEST(any_operation_may_fail_once)
{
    for (int at = 0; at < 40; at++) {
        uint64_t ids[12];
        int kept = 0;
        journal_kit_clear(&kit);
        journal_kit_open(&kit);
        journal_kit_fail(&kit, failures[_i].op, at, 1, failures[_i].error);
        for (int i = 0; i < 12; i++) {
            char body[32];
            snprintf(body, sizeof body, "record %d", kept);
            struct nv_journal_put put = {.kind = NV_RECORD_TRACES, .body = nv_str_from(body)};
            if (nv_journal_commit(kit.journal, &put, 1, true) == NV_OK)
                ids[kept++] = put.id;
        }
        ck_assert_int_ge(kept, 11); /* EIO is got over, at most one is refused */
        bool reached = journal_kit_failed(&kit);
        check_after_failures(ids, kept);
        if (!reached)
            break;
    }
}
END_TEST

START_TEST(a_failed_sync_is_never_tried_again_on_the_same_file)
{
    journal_kit_open(&kit);
    uint64_t ids[2];
    ids[0] = journal_kit_put(&kit, NV_RECORD_TRACES, "record 0");
    journal_kit_fail(&kit, FAIL_FDATASYNC, 0, 1, EIO);
    ids[1] = journal_kit_put(&kit, NV_RECORD_TRACES, "record 1");
    ck_assert_int_ne(kit.synced_fd, kit.failed_fd);
    check_after_failures(ids, 2);
}
END_TEST

START_TEST(when_everything_fails_nothing_is_acknowledged)
{
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "record 0");
    journal_kit_fail(&kit, FAIL_FDATASYNC, 0, 1000000, EIO);
    struct nv_journal_put put = {.kind = NV_RECORD_TRACES, .body = NV_STR("never")};
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_ERR_IO);
    journal_kit_fail(&kit, FAIL_NOTHING, 0, 0, 0);
    journal_kit_put(&kit, NV_RECORD_TRACES, "again");
    struct nv_journal_status status;
    journal_kit_reopen(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 2); /* not the one in between */
}
END_TEST

START_TEST(a_second_process_is_refused)
{
    journal_kit_open(&kit);
    pid_t child = fork();
    if (child == 0) {
        struct nv_journal *other;
        struct nv_fail fail = {0};
        enum nv_err err = nv_journal_open(&kit.config, &other, &fail);
        _exit(err == NV_ERR_LOCKED && strstr(fail.what, "used by another") ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    journal_kit_put(&kit, NV_RECORD_TRACES, "the first is unaffected");
}
END_TEST

START_TEST(a_newer_format_is_refused_and_left_alone)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "old");
    journal_kit_close(&kit);
    journal_kit_set_format(&kit, NV_JOURNAL_FORMAT + 1);
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "newer version"));
    journal_kit_set_format(&kit, 1);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "old");
}
END_TEST

START_TEST(foreign_and_empty_files_do_not_matter)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "mine");
    journal_kit_close(&kit);
    journal_kit_file(&kit, "journal-00000007", 0);
    journal_kit_file(&kit, "journal-00000008", 100);
    journal_kit_file(&kit, "journal-00000009", kit.config.segment_bytes);
    journal_kit_file(&kit, "journal-zzz", 10);
    journal_kit_file(&kit, "notes.txt", 10);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "mine");
    char path[128];
    snprintf(path, sizeof path, "%s/damaged-00000009", kit.directory);
    ck_assert_int_eq(access(path, F_OK), 0); /* kept aside, not overwritten */
}
END_TEST

START_TEST(a_head_that_is_too_long_is_refused)
{
    journal_kit_open(&kit);
    char *head = calloc(1, NV_HEAD_MAX + 1);
    struct nv_journal_put put = {.kind = NV_RECORD_OUTBOX, .head = {head, NV_HEAD_MAX + 1}};
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_ERR_TOO_LARGE);
    put.head.len = NV_HEAD_MAX;
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_OK);
    free(head);
}
END_TEST

/* Of no memory: a record of that length is judged by its length, before a byte is read. At the
 * cap it is the quota that refuses it. */
START_TEST(a_record_that_is_too_long_is_refused)
{
    ck_assert_uint_eq(NV_JOURNAL_RECORD_MAX, 2u << 30);
    journal_kit_open(&kit);
    size_t longest = NV_JOURNAL_RECORD_MAX - NV_PAYLOAD_PREFIX - 4;
    char *unread =
        mmap(NULL, longest + 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert(unread != MAP_FAILED);
    struct nv_journal_put put = {
        .kind = NV_RECORD_OUTBOX, .head = NV_STR("head"), .body = {unread, longest}};
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_ERR_FULL);
    put.body.len++;
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_ERR_TOO_LARGE);
    ck_assert_int_eq(munmap(unread, longest + 1), 0);
}
END_TEST

START_TEST(a_directory_that_cannot_be_is_said)
{
    struct nv_fail fail = {0};
    kit.config.directory = "/proc/nowhere/here";
    ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "/proc/nowhere"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, what_is_committed_is_there_after_a_restart);
        tcase_add_test(tcase, ids_never_repeat_even_when_nothing_lives);
        tcase_add_test(tcase, neighbours_are_forgotten_by_one_write);
        tcase_add_test(tcase, files_are_used_again);
        tcase_add_test(tcase, stragglers_move_and_keep_their_ids);
        tcase_add_loop_test(tcase, any_operation_may_fail_once, 0,
                            sizeof failures / sizeof failures[0]);
        tcase_add_test(tcase, a_failed_sync_is_never_tried_again_on_the_same_file);
        tcase_add_test(tcase, when_everything_fails_nothing_is_acknowledged);
        tcase_add_test(tcase, a_second_process_is_refused);
        tcase_add_test(tcase, a_newer_format_is_refused_and_left_alone);
        tcase_add_test(tcase, foreign_and_empty_files_do_not_matter);
        tcase_add_test(tcase, a_head_that_is_too_long_is_refused);
        tcase_add_test(tcase, a_record_that_is_too_long_is_refused);
        tcase_add_test(tcase, a_directory_that_cannot_be_is_said);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
