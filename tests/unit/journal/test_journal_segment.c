/*
 * Files of the journal: their layout, their headers, smaller ones when the disk is nearly full,
 * and numbers that read back.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

START_TEST(a_nearly_full_disk_gets_smaller_files)
{
    kit.config.segment_bytes = 8u << 20;
    journal_kit_fail(&kit, FAIL_FALLOCATE, 0, 2, ENOSPC);
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "small");
    ck_assert_uint_eq(kit.journal->active->size, 2u << 20);
    journal_kit_reopen(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 1);
}
END_TEST

START_TEST(epochs_grow_and_spare_files_say_so)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "x");
    uint32_t epoch = kit.journal->active->epoch;
    nv_journal_release(kit.journal, &id, 1);
    journal_kit_reopen(&kit);
    ck_assert_uint_eq(kit.journal->spare, 1);
    journal_kit_reopen(&kit); /* now it is read as spare, without a walk */
    ck_assert_uint_eq(kit.journal->spare, 1);
    journal_kit_put(&kit, NV_RECORD_TRACES, "y");
    ck_assert_uint_gt(kit.journal->active->epoch, epoch);
    ck_assert_uint_eq(kit.journal->spare, 0);
}
END_TEST

/* The record's commit, which may fail. */
static enum nv_err put(const char *body, uint64_t *id)
{
    struct nv_journal_put record = {.kind = NV_RECORD_TRACES, .body = nv_str_from(body)};
    enum nv_err err = nv_journal_commit(kit.journal, &record, 1, true);
    *id = record.id;
    return err;
}

/* Without a look at its name the second put, which is OK, is missed after the next start. */
START_TEST(a_file_that_somebody_removed_takes_no_more)
{
    uint64_t before, after;
    journal_kit_open(&kit);
    ck_assert_int_eq(put("before", &before), NV_OK);
    ck_assert_int_eq(unlink(journal_kit_path(&kit, "journal-00000001")), 0);
    ck_assert_int_eq(put("after", &after), NV_OK);
    journal_kit_expect(&kit, after, "after");
    nv_journal_maintain(kit.journal);
    journal_kit_reopen(&kit);
    journal_kit_expect(&kit, after, "after");
    journal_kit_expect(&kit, before, "before"); /* moved while the file could still be read */
}
END_TEST

START_TEST(all_files_that_somebody_removed_are_moved)
{
    enum { FILES = 4 };
    char name[32];
    uint64_t ids[FILES * 3], after;
    size_t count = 0;
    journal_kit_open(&kit);
    char *large = calloc(1, 20000);
    memset(large, 'l', 19999);
    while (count < sizeof ids / sizeof *ids)
        ids[count++] = journal_kit_put(&kit, NV_RECORD_TRACES, large);
    ck_assert_uint_ge(kit.journal->segment_count, FILES);
    uint32_t files = kit.journal->segment_count;
    for (uint32_t i = 1; i <= files; i++) {
        snprintf(name, sizeof name, "journal-%08x", (unsigned)i);
        ck_assert_int_eq(unlink(journal_kit_path(&kit, name)), 0);
    }
    ck_assert_int_eq(put("after", &after), NV_OK);
    for (uint32_t i = 0; i < files; i++)
        nv_journal_maintain(kit.journal); /* one a round */
    journal_kit_reopen(&kit);
    for (size_t i = 0; i < count; i++)
        journal_kit_expect(&kit, ids[i], large);
    free(large);
}
END_TEST

START_TEST(a_spare_file_that_somebody_removed_is_not_taken)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "x"), after;
    nv_journal_release(kit.journal, &id, 1);
    journal_kit_reopen(&kit);
    ck_assert_uint_eq(kit.journal->spare, 1);
    ck_assert_int_eq(unlink(journal_kit_path(&kit, "journal-00000001")), 0);
    ck_assert_int_eq(put("y", &after), NV_OK);
    journal_kit_reopen(&kit);
    journal_kit_expect(&kit, after, "y");
}
END_TEST

START_TEST(a_directory_that_somebody_removed_refuses_until_it_is_back)
{
    uint64_t id;
    struct nv_journal_trouble why;
    journal_kit_open(&kit);
    ck_assert_int_eq(put("before", &id), NV_OK);
    journal_kit_remove(&kit);
    ck_assert_int_eq(put("first", &id), NV_ERR_IO);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ne(put("refused", &id), NV_OK);
    ck_assert(nv_journal_refusal(kit.journal, &why));
    ck_assert_int_eq(why.error, ENOENT);
    ck_assert_int_eq(mkdir(kit.directory, 0700), 0);
    ck_assert_int_eq(put("after", &id), NV_OK);
}
END_TEST

START_TEST(what_was_there_before_never_comes_back)
{
    uint64_t ids[40];
    journal_kit_open(&kit);
    for (int life = 0; life < 6; life++) {
        for (int i = 0; i < 40; i++)
            ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, "from an earlier life");
        nv_journal_release(kit.journal, ids, 40);
        for (int restart = 0; restart < 2; restart++) {
            journal_kit_reopen(&kit);
            struct nv_journal_status status;
            nv_journal_read_status(kit.journal, &status);
            ck_assert_uint_eq(status.records, 0);
            ck_assert_uint_eq(status.damaged, 0);
        }
        uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "short");
        nv_journal_release(kit.journal, &id, 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_segment");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, a_nearly_full_disk_gets_smaller_files);
        tcase_add_test(tcase, epochs_grow_and_spare_files_say_so);
        tcase_add_test(tcase, a_file_that_somebody_removed_takes_no_more);
        tcase_add_test(tcase, all_files_that_somebody_removed_are_moved);
        tcase_add_test(tcase, a_spare_file_that_somebody_removed_is_not_taken);
        tcase_add_test(tcase, a_directory_that_somebody_removed_refuses_until_it_is_back);
        tcase_add_test(tcase, what_was_there_before_never_comes_back);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
