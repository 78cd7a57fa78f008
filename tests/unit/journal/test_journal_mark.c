/*
 * Records that are gone without a trace are missed: files cut short, zeroed in part or whole,
 * or deleted, between two runs, after a clean end and after a crash. Nothing is missed that was
 * released, never acknowledged, or given back.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "expect.h"
#include "journal_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS 20u
/* On disk, with its header: so much that reclaim lets the file be. */
#define RECORD_BYTES 512u

static struct journal_kit kit;
static uint64_t ids[RECORDS];
static uint32_t offsets[RECORDS];

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

static void path_of(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", kit.directory, name);
}

static void zero(const char *name, size_t from, size_t to)
{
    char path[128];
    path_of(name, path);
    int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    for (size_t at = from; at < to; at++)
        ck_assert_int_eq(pwrite(fd, "", 1, (off_t)at), 1);
    close(fd);
}

static void cut(const char *name, size_t len)
{
    char path[128];
    path_of(name, path);
    ck_assert_int_eq(truncate(path, (off_t)len), 0);
}

static size_t size_of(const char *name)
{
    char path[128];
    struct stat stat_;
    path_of(name, path);
    ck_assert_int_eq(stat(path, &stat_), 0);
    return (size_t)stat_.st_size;
}

/* Twenty records in the first file; the third and the last but one are released. */
static void fill(void)
{
    char body[RECORD_BYTES - NV_RECORD_ALIGN];
    memset(body, 'a', sizeof body - 1);
    body[sizeof body - 1] = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
        offsets[i] = nv_journal_find(kit.journal, ids[i])->offset;
    }
    nv_journal_release(kit.journal, &ids[2], 1);
    nv_journal_release(kit.journal, &ids[RECORDS - 2], 1);
}

/* As fill, in a process that is killed: nothing is closed. */
static void fill_and_crash(void)
{
    pid_t child = fork();
    if (child == 0) {
        journal_kit_open(&kit);
        fill();
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    /* the same layout: only the offsets are wanted */
    for (unsigned i = 0; i < RECORDS; i++)
        offsets[i] = 2 * NV_SEGMENT_PAGE + i * RECORD_BYTES;
}

static struct nv_journal_status reopened(void)
{
    struct nv_journal_status status;
    journal_kit_open(&kit);
    nv_journal_read_status(kit.journal, &status);
    return status;
}

static void expect(uint64_t damaged, uint64_t missing)
{
    struct nv_journal_status status = reopened();
    ck_assert_uint_eq(status.damaged, damaged);
    ck_assert_uint_eq(status.missing, missing);
    journal_kit_close(&kit);
}

START_TEST(misses_nothing_when_nothing_is_gone)
{
    fill_and_crash();
    expect(0, 0);
    for (int run = 0; run < 3; run++) {
        journal_kit_open(&kit);
        fill();
        for (unsigned i = 0; i < RECORDS; i++)
            nv_journal_release(kit.journal, &ids[i], 1);
        nv_journal_maintain(kit.journal);
        journal_kit_close(&kit);
        expect(0, 0);
    }
}
END_TEST

START_TEST(misses_a_zeroed_tail_after_a_crash)
{
    fill_and_crash();
    /* the last five records, of which one was released */
    zero("journal-00000001", offsets[RECORDS - 5], size_of("journal-00000001"));
    expect(0, 4);
}
END_TEST

START_TEST(misses_a_zeroed_tail_after_a_stop)
{
    journal_kit_open(&kit);
    fill();
    journal_kit_close(&kit);
    /* the files of the first run are sealed by the second, whose mark speaks of others */
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "in another file");
    journal_kit_close(&kit);
    zero("journal-00000001", offsets[RECORDS - 5], size_of("journal-00000001"));
    expect(0, 4);
}
END_TEST

START_TEST(misses_a_zeroed_stretch)
{
    fill_and_crash();
    zero("journal-00000001", offsets[1], offsets[5]);
    /* 1, 3 and 4; 2 was released */
    expect(0, 3);
}
END_TEST

START_TEST(misses_what_a_cut_took)
{
    fill_and_crash();
    cut("journal-00000001", offsets[RECORDS - 5] + 40);
    struct nv_journal_status status = reopened();
    ck_assert_uint_eq(status.missing, 4);
    ck_assert_uint_ge(status.damaged, 1);
    ck_assert_uint_eq(status.records, RECORDS - 6);
}
END_TEST

START_TEST(misses_all_of_a_file_cut_to_its_header)
{
    fill_and_crash();
    cut("journal-00000001", NV_SEGMENT_PAGE);
    struct nv_journal_status status = reopened();
    ck_assert_uint_eq(status.missing, RECORDS); /* what was released is gone, too */
    ck_assert_uint_ge(status.damaged, 1);
}
END_TEST

START_TEST(misses_a_file)
{
    char path[128];
    fill_and_crash();
    path_of("journal-00000001", path);
    ck_assert_int_eq(unlink(path), 0);
    expect(1, 0);
}
END_TEST

START_TEST(misses_a_zeroed_file)
{
    fill_and_crash();
    zero("journal-00000001", 0, size_of("journal-00000001"));
    expect(1, 0);
}
END_TEST

START_TEST(misses_an_emptied_file)
{
    fill_and_crash();
    cut("journal-00000001", 0);
    expect(1, 0);
}
END_TEST

START_TEST(tells_of_a_header_that_is_gone)
{
    fill_and_crash();
    zero("journal-00000001", 0, 64);
    struct nv_journal_status status = reopened();
    ck_assert_uint_eq(status.damaged, 1);
    ck_assert_uint_eq(status.records, RECORDS - 2);
}
END_TEST

/* An older version leaves the mark as it was while files come and go. */
START_TEST(believes_no_mark_older_than_the_files)
{
    char path[128];
    char mark[64];
    path_of("lock", path);
    fill_and_crash();
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pread(fd, mark, sizeof mark, 0), (ssize_t)sizeof mark);
    journal_kit_open(&kit);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "comes and goes");
        nv_journal_release(kit.journal, &id, 1);
        nv_journal_maintain(kit.journal);
    }
    journal_kit_close(&kit);
    ck_assert_int_eq(pwrite(fd, mark, sizeof mark, 0), (ssize_t)sizeof mark);
    expect(0, 0);
    /* nor one that is torn */
    ck_assert_int_eq(pwrite(fd, "torn", 4, 20), 4);
    close(fd);
    expect(0, 0);
}
END_TEST

/* A group that found no room uses up slots; they were never acknowledged. */
START_TEST(misses_nothing_that_was_refused)
{
    journal_kit_open(&kit);
    fill();
    char body[600];
    memset(body, 'x', sizeof body);
    struct nv_journal_put put = {NV_RECORD_TRACES, {NULL, 0}, {body, sizeof body}, 0};
    for (int i = 0; i < 5; i++) {
        journal_kit_fail(&kit, FAIL_PWRITEV, 0, 1, ENOSPC);
        ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_ERR_NO_SPACE);
        ck_assert(journal_kit_failed(&kit));
    }
    journal_kit_put(&kit, NV_RECORD_TRACES, "behind them");
    journal_kit_close(&kit);
    expect(0, 0);
}
END_TEST

static void read_lock(uint8_t mark[64])
{
    char path[128];
    path_of("lock", path);
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(pread(fd, mark, 64, 0), 64);
    close(fd);
}

static void write_lock(const uint8_t mark[64])
{
    char path[128];
    path_of("lock", path);
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, mark, 64, 0), 64);
    close(fd);
}

/* The last run may have ended within a sync that failed: what it wrote is shown, and no
 * more. */
START_TEST(what_is_beyond_the_mark_is_written_anew_on_the_same_boot)
{
    struct nv_journal_status status;
    char body[8000]; /* reclaim lets their files be */
    uint8_t mark[64];
    memset(body, 'u', sizeof body - 1);
    body[sizeof body - 1] = 0;
    struct nv_journal_put put = {.kind = NV_RECORD_OUTBOX, .body = nv_str_from(body)};
    kit.config.sync = true;
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, false), NV_OK);
    read_lock(mark);
    journal_kit_close(&kit);
    if (_i == 1) { /* as after another boot */
        mark[52] ^= 1;
        nv_put32(mark + 8, nv_crc32c(0, mark + 12, sizeof mark - 12));
    }
    if (_i < 2) /* else it ended well */
        write_lock(mark);
    journal_kit_open(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.moved, _i == 0);
    journal_kit_expect(&kit, id, body);
    journal_kit_expect(&kit, put.id, body);
    journal_kit_reopen(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.moved, 0);
    journal_kit_expect(&kit, put.id, body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_mark");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, misses_nothing_when_nothing_is_gone);
        tcase_add_test(tcase, misses_a_zeroed_tail_after_a_crash);
        tcase_add_test(tcase, misses_a_zeroed_tail_after_a_stop);
        tcase_add_test(tcase, misses_a_zeroed_stretch);
        tcase_add_test(tcase, misses_what_a_cut_took);
        tcase_add_test(tcase, misses_all_of_a_file_cut_to_its_header);
        tcase_add_test(tcase, misses_a_file);
        tcase_add_test(tcase, misses_a_zeroed_file);
        tcase_add_test(tcase, misses_an_emptied_file);
        tcase_add_test(tcase, tells_of_a_header_that_is_gone);
        tcase_add_test(tcase, believes_no_mark_older_than_the_files);
        tcase_add_test(tcase, misses_nothing_that_was_refused);
        tcase_add_loop_test(tcase, what_is_beyond_the_mark_is_written_anew_on_the_same_boot, 0,
                            3);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
