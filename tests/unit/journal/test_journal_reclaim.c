/*
 * Space that comes back: pinned files wait, damaged ones are kept aside, and a journal whose
 * quota is used up by half-empty files makes room by moving what lives together.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct journal_kit kit;
static char body[1001];

static void setup(void)
{
    journal_kit_init(&kit);
    memset(body, 'r', sizeof body - 1);
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

START_TEST(a_pinned_file_is_not_reused)
{
    uint64_t ids[200];
    journal_kit_open(&kit);
    for (int i = 0; i < 200; i++)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    struct nv_segment *first = kit.journal->segments[0];
    first->pins++;
    nv_journal_release(kit.journal, ids, 200);
    for (int i = 0; i < 3; i++)
        nv_journal_maintain(kit.journal);
    ck_assert_ptr_eq(kit.journal->segments[0], first);
    ck_assert_int_eq(first->state, NV_SEGMENT_SEALED);
    first->pins--;
    nv_journal_maintain(kit.journal);
    ck_assert(kit.journal->segments[0] != first || first->state == NV_SEGMENT_SPARE);
}
END_TEST

START_TEST(spare_files_are_bounded)
{
    uint64_t ids[1000];
    journal_kit_open(&kit);
    for (int i = 0; i < 1000; i++)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    nv_journal_release(kit.journal, ids, 1000);
    for (int i = 0; i < 30; i++)
        nv_journal_maintain(kit.journal);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.spare, NV_JOURNAL_SPARE_MAX);
    ck_assert_uint_eq(status.segments, NV_JOURNAL_SPARE_MAX + 1);
}
END_TEST

START_TEST(half_empty_files_do_not_fill_the_quota)
{
    static uint64_t ids[3000];
    size_t count = 0;
    kit.config.max_bytes = 20 * kit.config.segment_bytes;
    journal_kit_open(&kit);
    /* One in ten lives on: far more than a twentieth, far less than the quota. */
    for (; count < 3000; count++) {
        ids[count] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
        if (count % 10 != 0)
            nv_journal_release(kit.journal, &ids[count], 1);
        nv_journal_maintain(kit.journal);
    }
    for (size_t i = 0; i < count; i += 10)
        journal_kit_expect(&kit, ids[i], body);
    journal_kit_reopen(&kit);
    for (size_t i = 0; i < count; i += 10)
        journal_kit_expect(&kit, ids[i], body);
}
END_TEST

START_TEST(moving_that_fails_leaves_everything_in_place)
{
    uint64_t ids[120];
    static const enum fail_op ops[] = {FAIL_PWRITEV, FAIL_FDATASYNC, FAIL_FALLOCATE,
                                       FAIL_PREAD_SHORT};
    journal_kit_open(&kit);
    for (int i = 0; i < 120; i++)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    nv_journal_release(kit.journal, ids + 1, 39);
    journal_kit_fail(&kit, ops[_i], 0, 1, ops[_i] == FAIL_FALLOCATE ? ENOSPC : EIO);
    nv_journal_maintain(kit.journal);
    journal_kit_failed(&kit);
    for (int turn = 0; turn < 3; turn++) {
        journal_kit_expect(&kit, ids[0], body);
        for (int i = 40; i < 120; i++)
            journal_kit_expect(&kit, ids[i], body);
        nv_journal_maintain(kit.journal);
        if (turn == 1)
            journal_kit_reopen(&kit);
    }
}
END_TEST

START_TEST(a_twin_left_by_a_crash_is_dropped)
{
    uint64_t ids[120];
    journal_kit_open(&kit);
    for (int i = 0; i < 120; i++)
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    /* A copy of the first record, as a move would have made it, without its end. */
    struct nv_journal_put put = {.kind = NV_RECORD_TRACES,
                                 .head = NV_STR("hd"),
                                 .body = nv_str_from(body),
                                 .id = ids[0]};
    struct nv_append copy = {.put = &put, .length = nv_payload_length(kit.journal, &put)};
    ck_assert_int_eq(nv_journal_append(kit.journal, &copy, 1, true, true), NV_OK);
    for (int turn = 0; turn < 2; turn++) {
        journal_kit_reopen(&kit);
        struct nv_journal_status status;
        nv_journal_read_status(kit.journal, &status);
        ck_assert_uint_eq(status.records, 120);
        journal_kit_expect(&kit, ids[0], body);
    }
    nv_journal_release(kit.journal, ids, 1);
    journal_kit_reopen(&kit);
    ck_assert_int_eq(nv_journal_read_record(kit.journal, ids[0], NULL, NULL, NULL),
                     NV_ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_reclaim");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, a_pinned_file_is_not_reused);
        tcase_add_test(tcase, spare_files_are_bounded);
        tcase_add_test(tcase, half_empty_files_do_not_fill_the_quota);
        tcase_add_loop_test(tcase, moving_that_fails_leaves_everything_in_place, 0, 4);
        tcase_add_test(tcase, a_twin_left_by_a_crash_is_dropped);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
