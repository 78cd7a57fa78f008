/*
 * Room: the reserve is there from the start, a full disk forgets and opens again, also after
 * many restarts, and what can't be written says why.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDS_MAX 65536

static struct journal_kit kit;
static char body[4001];
static uint64_t ids[IDS_MAX];
static size_t count;

static void setup(void)
{
    journal_kit_init(&kit);
    kit.config.reserve = NV_JOURNAL_RESERVE;
    memset(body, 'r', sizeof body - 1);
    count = 0;
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

static enum nv_err put(enum nv_record_kind kind, size_t len)
{
    struct nv_journal_put record = {.kind = kind, .head = NV_STR("hd"), .body = {body, len}};
    enum nv_err err = nv_journal_commit(kit.journal, &record, 1, true);
    if (err == NV_OK && kind == NV_RECORD_TRACES) {
        ck_assert_uint_lt(count, IDS_MAX);
        ids[count++] = record.id;
    }
    return err;
}

/* Requests of `len` until there is no room. */
static enum nv_err fill(size_t len)
{
    enum nv_err err;
    while ((err = put(NV_RECORD_TRACES, len)) == NV_OK)
        ;
    return err;
}

/* Rounds as the committer makes them, without its waits. */
static void rounds(int many)
{
    for (int i = 0; i < many; i++) {
        kit.journal->looked_ns = 0;
        nv_journal_maintain(kit.journal);
    }
}

static bool is_refusing(void)
{
    struct nv_journal_trouble why;
    return nv_journal_refusal(kit.journal, &why);
}

START_TEST(the_reserve_is_there_before_the_first_request)
{
    struct nv_journal_status status;
    journal_kit_open(&kit);
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.spare, NV_JOURNAL_RESERVE);
    ck_assert_ptr_nonnull(kit.journal->active);
    for (int i = 0; i < 3; i++) {
        journal_kit_reopen(&kit);
        nv_journal_read_status(kit.journal, &status);
        ck_assert_uint_ge(status.spare, NV_JOURNAL_RESERVE);
        ck_assert_uint_le(status.segments, NV_JOURNAL_RESERVE + 3);
    }
}
END_TEST

/* A key is synced as well, with its entry. */
START_TEST(a_first_start_waits_for_the_disk_twice)
{
    const int more = kit.config.encrypt ? 1 : 0;
    journal_kit_fail(&kit, FAIL_FSYNC, 1000, 1, EIO);
    journal_kit_open(&kit);
    ck_assert_int_eq(kit.calls, 1 + more);
    ck_assert_uint_eq(kit.journal->spare, NV_JOURNAL_RESERVE);
    journal_kit_clear(&kit);
    journal_kit_fail(&kit, FAIL_FDATASYNC, 1000, 1, EIO);
    journal_kit_open(&kit);
    ck_assert_int_eq(kit.calls, 1);
}
END_TEST

START_TEST(files_whose_names_may_be_lost_are_not_used)
{
    struct nv_journal_trouble why;
    journal_kit_open(&kit); /* for its key */
    journal_kit_clear(&kit);
    journal_kit_fail(&kit, FAIL_FSYNC, 0, 1000, EIO);
    journal_kit_open(&kit);
    ck_assert(nv_journal_refusal(kit.journal, &why));
    ck_assert_str_eq(why.doing, "syncing the directory");
    ck_assert_int_eq(why.error, EIO);
    ck_assert_uint_eq(kit.journal->spare, 0);
    ck_assert_ptr_null(kit.journal->active);
    ck_assert_uint_eq(atomic_load(&kit.journal->file_bytes), 0);
    ck_assert_int_ne(access(journal_kit_path(&kit, "journal-00000001"), F_OK), 0);
    journal_kit_fail(&kit, FAIL_NOTHING, 0, 0, 0);
    rounds(1);
    ck_assert(!nv_journal_refusal(kit.journal, &why));
    ck_assert_uint_eq(kit.journal->spare, NV_JOURNAL_RESERVE);
    ck_assert_int_eq(put(NV_RECORD_TRACES, 60), NV_OK);
}
END_TEST

START_TEST(a_spare_file_that_can_not_be_written_is_made_again)
{
    journal_kit_open(&kit);
    journal_kit_clear(&kit);
    journal_kit_fail(&kit, FAIL_PWRITEV, 1, 1000, EIO);
    journal_kit_open(&kit);
    ck_assert(is_refusing());
    journal_kit_fail(&kit, FAIL_NOTHING, 0, 0, 0);
    rounds(3);
    ck_assert(!is_refusing());
    ck_assert_uint_eq(kit.journal->spare, NV_JOURNAL_RESERVE);
    ck_assert_int_eq(put(NV_RECORD_TRACES, 60), NV_OK);
}
END_TEST

START_TEST(files_are_small_on_a_small_volume)
{
    static const struct {
        uint64_t quota;
        uint32_t bytes;
    } rows[] = {{1u << 20, 64u << 10},
                {12u << 20, 512u << 10},
                {24u << 20, 1u << 20},
                {32u << 20, 1u << 20}};
    kit.config.segment_bytes = 64u << 20;
    kit.config.max_bytes = rows[_i].quota;
    journal_kit_open(&kit);
    ck_assert_uint_eq(kit.journal->config.segment_bytes, rows[_i].bytes);
    ck_assert_uint_eq(nv_journal_capacity(kit.journal), rows[_i].quota);
}
END_TEST

/* Quota, and a disk with less room than the quota. */
static void set_limit(int which)
{
    if (which == 0)
        kit.config.max_bytes = 2u << 20;
    else
        kit.disk_bytes = 2u << 20;
}

START_TEST(filled_to_the_brim_it_opens_after_a_few_are_gone)
{
    static const size_t sizes[] = {4000, 500, 60};
    set_limit(_i / 3);
    journal_kit_open(&kit);
    ck_assert_int_eq(fill(sizes[_i % 3]), _i / 3 == 0 ? NV_ERR_FULL : NV_ERR_NO_SPACE);
    ck_assert(is_refusing());
    /* What was refused once is refused until there is room, however long nobody asks. */
    rounds(3);
    ck_assert(nv_journal_is_full(kit.journal, sizes[_i % 3]));
    size_t gone = 0;
    while (is_refusing() && gone < count) {
        ck_assert_int_eq(put(NV_RECORD_SENT, 96), NV_OK);
        size_t some = count - gone < 4 ? count - gone : 4;
        nv_journal_release(kit.journal, &ids[gone], some);
        gone += some;
        rounds(1);
    }
    /* A few files of thirty-two, though every four records left a note. */
    ck_assert_uint_lt(gone, count / 2);
    ck_assert_int_eq(put(NV_RECORD_TRACES, sizes[_i % 3]), NV_OK);
    for (size_t i = gone; i < count; i += 17)
        ck_assert_int_eq(nv_journal_read_record(kit.journal, ids[i], NULL, NULL, NULL), NV_OK);
    nv_journal_release(kit.journal, ids, count);
    rounds(20);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_ge(status.spare, NV_JOURNAL_RESERVE);
}
END_TEST

START_TEST(restarts_while_it_is_full_do_not_use_up_the_reserve)
{
    set_limit(_i);
    journal_kit_open(&kit);
    fill(500);
    for (int i = 0; i < 30; i++) {
        journal_kit_reopen(&kit);
        ck_assert(is_refusing());
        ck_assert_int_eq(put(NV_RECORD_SENT, 48), NV_OK);
        rounds(2);
    }
    for (size_t i = 0; i < count; i += 7)
        ck_assert_int_eq(nv_journal_read_record(kit.journal, ids[i], NULL, NULL, NULL), NV_OK);
    nv_journal_release(kit.journal, ids, count);
    rounds(20);
    ck_assert(!is_refusing());
}
END_TEST

START_TEST(dead_letters_leave_room_for_notes)
{
    set_limit(1);
    journal_kit_open(&kit);
    fill(4000);
    while (put(NV_RECORD_DEAD_LETTER, 4000) == NV_OK)
        ;
    ck_assert_uint_ge(kit.journal->spare, 1);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(put(NV_RECORD_SENT, 96), NV_OK);
    ck_assert_int_eq(put(NV_RECORD_OUTBOX, 4000), NV_ERR_NO_SPACE);
}
END_TEST

START_TEST(a_disk_that_is_full_at_the_start_is_said_and_found_to_be_free)
{
    struct nv_journal_trouble why;
    kit.disk_bytes = 1;
    journal_kit_open(&kit);
    ck_assert(nv_journal_refusal(kit.journal, &why));
    ck_assert_int_eq(why.err, NV_ERR_NO_SPACE);
    ck_assert_int_eq(why.error, ENOSPC);
    ck_assert_str_eq(why.doing, "allocating a file");
    ck_assert_int_eq(put(NV_RECORD_TRACES, 60), NV_ERR_NO_SPACE);
    ck_assert_int_eq(put(NV_RECORD_SENT, 60), NV_ERR_NO_SPACE);
    kit.disk_bytes = 0;
    rounds(1);
    ck_assert(!is_refusing());
    ck_assert_uint_eq(kit.journal->spare, NV_JOURNAL_RESERVE);
    ck_assert_int_eq(put(NV_RECORD_TRACES, 60), NV_OK);
}
END_TEST

START_TEST(a_directory_that_can_not_be_written_is_said)
{
    struct nv_journal_trouble why;
    if (kit.config.encrypt) { /* the key is there since an earlier start */
        journal_kit_open(&kit);
        journal_kit_clear(&kit);
    }
    journal_kit_fail(&kit, FAIL_OPEN, 0, 1000, EACCES);
    journal_kit_open(&kit);
    ck_assert(nv_journal_refusal(kit.journal, &why));
    ck_assert_int_eq(why.err, NV_ERR_IO);
    ck_assert_int_eq(why.error, EACCES);
    ck_assert_str_eq(why.doing, "making a file");
    journal_kit_fail(&kit, FAIL_NOTHING, 0, 0, 0);
    rounds(1);
    ck_assert(!nv_journal_refusal(kit.journal, &why));
}
END_TEST

START_TEST(a_request_that_needs_a_file_of_its_own_closes_the_door_for_nobody)
{
    static char large[3u << 20];
    struct nv_journal_put record = {.kind = NV_RECORD_TRACES, .body = {large, sizeof large}};
    set_limit(0);
    journal_kit_open(&kit);
    ck_assert_int_eq(nv_journal_commit(kit.journal, &record, 1, true), NV_ERR_FULL);
    ck_assert(!is_refusing());
    ck_assert_int_eq(put(NV_RECORD_TRACES, 4000), NV_OK);
}
END_TEST

/* Its pages are still in memory, those of files that were set aside and never used are not. */
START_TEST(the_file_that_was_used_last_is_used_again)
{
    journal_kit_open(&kit);
    struct nv_segment *first = kit.journal->active;
    while (kit.journal->active == first)
        ck_assert_int_eq(put(NV_RECORD_TRACES, 4000), NV_OK);
    struct nv_segment *second = kit.journal->active;
    nv_journal_release(kit.journal, ids, count);
    rounds(1);
    ck_assert_int_eq(first->state, NV_SEGMENT_SPARE);
    while (kit.journal->active == second)
        ck_assert_int_eq(put(NV_RECORD_TRACES, 4000), NV_OK);
    ck_assert_ptr_eq(kit.journal->active, first);
    for (uint32_t i = 0; i < NV_JOURNAL_RESERVE; i++)
        ck_assert_uint_eq(kit.journal->segments[i]->epoch, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_room");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, the_reserve_is_there_before_the_first_request);
        tcase_add_test(tcase, the_file_that_was_used_last_is_used_again);
        tcase_add_test(tcase, a_first_start_waits_for_the_disk_twice);
        tcase_add_test(tcase, files_whose_names_may_be_lost_are_not_used);
        tcase_add_test(tcase, a_spare_file_that_can_not_be_written_is_made_again);
        tcase_add_loop_test(tcase, files_are_small_on_a_small_volume, 0, 4);
        tcase_add_loop_test(tcase, filled_to_the_brim_it_opens_after_a_few_are_gone, 0, 6);
        tcase_add_loop_test(tcase, restarts_while_it_is_full_do_not_use_up_the_reserve, 0, 2);
        tcase_add_test(tcase, dead_letters_leave_room_for_notes);
        tcase_add_test(tcase, a_disk_that_is_full_at_the_start_is_said_and_found_to_be_free);
        tcase_add_test(tcase, a_directory_that_can_not_be_written_is_said);
        tcase_add_test(tcase,
                       a_request_that_needs_a_file_of_its_own_closes_the_door_for_nobody);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
