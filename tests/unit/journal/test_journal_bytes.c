/*
 * Numbers read back, records are padded, files are laid out, errors are told apart.
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

/* With the slash and the NUL. */
START_TEST(paths_are_bounded)
{
    static char directory[NV_PATH_MAX];
    struct nv_journal journal = {.directory = directory};
    memset(directory, 'd', NV_PATH_MAX - 1 - strlen("/lock"));
    char *path = nv_journal_path(&journal, "lock");
    ck_assert_ptr_nonnull(path);
    ck_assert_uint_eq(strlen(path), NV_PATH_MAX - 1);
    free(path);
    ck_assert_ptr_null(nv_journal_path(&journal, "locks"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_bytes");
    TCase *tcase = tcase_create("journal_bytes");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, numbers_read_back);
    tcase_add_test(tcase, records_are_padded);
    tcase_add_test(tcase, the_layout_leaves_a_slot_for_each_kilobyte);
    tcase_add_test(tcase, errors_are_told_apart);
    tcase_add_test(tcase, paths_are_bounded);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
