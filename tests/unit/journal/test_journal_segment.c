/*
 * Files of the journal: their layout, their headers, smaller ones when the disk is nearly full, and
 * numbers that read back.
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

static void teardown(void)
{
    journal_kit_release(&kit);
}

START_TEST(numbers_read_back)
{
    uint8_t bytes[8];
    nv_put32(bytes, 0x12345678);
    ck_assert_uint_eq(bytes[0], 0x78);
    ck_assert_uint_eq(nv_get32(bytes), 0x12345678);
    nv_put64(bytes, UINT64_C(0x123456789abcdef0));
    ck_assert_uint_eq(nv_get64(bytes), UINT64_C(0x123456789abcdef0));
}
END_TEST

START_TEST(records_are_padded)
{
    ck_assert_uint_eq(nv_record_size(8), 64);
    ck_assert_uint_eq(nv_record_size(32), 64);
    ck_assert_uint_eq(nv_record_size(33), 128);
    ck_assert_uint_eq(nv_record_size(UINT32_C(1) << 31), (UINT64_C(1) << 31) + 64);
}
END_TEST

START_TEST(the_layout_leaves_a_slot_for_each_kilobyte)
{
    struct nv_segment segment = {0};
    nv_segment_layout(&segment, 64u << 20);
    ck_assert_uint_eq(segment.slot_max, 65536);
    ck_assert_uint_eq(segment.data_start, 4096 + 65536);
    nv_segment_layout(&segment, 100);
    ck_assert_uint_eq(segment.slot_max, 4096);
    ck_assert_uint_gt(segment.data_start, segment.size);
}
END_TEST

START_TEST(errors_are_told_apart)
{
    ck_assert_int_eq(nv_journal_errno(ENOSPC), NV_ERR_NO_SPACE);
    ck_assert_int_eq(nv_journal_errno(EDQUOT), NV_ERR_NO_SPACE);
    ck_assert_int_eq(nv_journal_errno(EIO), NV_ERR_IO);
}
END_TEST

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

START_TEST(small_records_use_up_the_slots)
{
    kit.config.segment_bytes = 1u << 20;
    kit.config.sync = false;
    journal_kit_open(&kit);
    for (int i = 0; i < 5000; i++)
        journal_kit_put(&kit, NV_RECORD_TRACES, "x");
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.segments, 2);
    journal_kit_reopen(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 5000);
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
    TCase *tcase = tcase_create("journal_segment");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, numbers_read_back);
    tcase_add_test(tcase, records_are_padded);
    tcase_add_test(tcase, the_layout_leaves_a_slot_for_each_kilobyte);
    tcase_add_test(tcase, errors_are_told_apart);
    tcase_add_test(tcase, a_nearly_full_disk_gets_smaller_files);
    tcase_add_test(tcase, small_records_use_up_the_slots);
    tcase_add_test(tcase, epochs_grow_and_spare_files_say_so);
    tcase_add_test(tcase, what_was_there_before_never_comes_back);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
