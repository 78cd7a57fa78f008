/*
 * Files of the journal: their layout, their headers, smaller ones when the disk is nearly full,
 * and numbers that read back.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
        tcase_add_test(tcase, what_was_there_before_never_comes_back);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
