/*
 * `journal check` and `journal list`: what is sound, what is live, what is damaged; nothing is
 * changed by looking.
 */
#include "expect.h"
#include "journal/journal_check.h"
#include "journal/journal.h"
#include "journal_kit.h"
#include "oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

START_TEST(check_and_list_tell_what_is_there)
{
    journal_kit_open(&kit);
    uint64_t a = journal_kit_put(&kit, NV_RECORD_TRACES, "one");
    uint64_t b = journal_kit_put(&kit, NV_RECORD_DEAD_LETTER, "two");
    nv_journal_release(kit.journal, &a, 1);
    struct nv_buf out;
    struct nv_journal_report report;
    struct nv_journal_advance advance = {0};
    nv_buf_init(&out, 1 << 20);
    ck_assert_int_eq(nv_journal_check(&(struct nv_journal_look){.directory = kit.directory,
                                                                .list = true,
                                                                .advance = &advance},
                                      &out, &report, NULL),
                     NV_OK);
    ck_assert_uint_ge(atomic_load(&advance.total), report.files);
    ck_assert_uint_eq(atomic_load(&advance.done), atomic_load(&advance.total));
    ck_assert_uint_eq(report.records, 2);
    ck_assert_uint_eq(report.released, 1);
    ck_assert_uint_eq(report.damaged, 0);
    ck_assert_uint_ge(report.files, 1);
    nv_buf_append(&out, "", 1);
    char want[64];
    snprintf(want, sizeof want, "record %llu dead-letter length=%d ", (unsigned long long)b,
             kit.config.encrypt ? 13 + 16 : 13);
    ck_assert_ptr_nonnull(strstr(out.bytes, want));
    nv_buf_release(&out);
    ck_assert_str_eq(nv_record_kind_name(NV_RECORD_LOGS), "logs");
    ck_assert_str_eq(nv_record_kind_name(77), "unknown");
    struct nv_fail fail = {0};
    nv_buf_init(&out, 1 << 20);
    ck_assert_int_eq(
        nv_journal_check(&(struct nv_journal_look){.directory = "/nonexistent", .list = true},
                         &out, &report, &fail),
        NV_ERR_CONFIG);
}
END_TEST

START_TEST(damage_and_spare_files_are_seen)
{
    journal_kit_open(&kit);
    uint64_t a = journal_kit_put(&kit, NV_RECORD_TRACES, "gone");
    nv_journal_release(kit.journal, &a, 1);
    journal_kit_reopen(&kit);
    for (int i = 0; i < 3; i++)
        journal_kit_put(&kit, NV_RECORD_OUTBOX, "body");
    journal_kit_file(&kit, "journal-00000007", 70000);
    journal_kit_file(&kit, "journal-nonsense", 10);
    char path[128];
    snprintf(path, sizeof path, "%s/journal-00000001", kit.directory);
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "!", 1, 8192 + 64 + 44), 1);
    close(fd);
    struct nv_buf out;
    struct nv_journal_report report;
    nv_buf_init(&out, 1 << 20);
    for (int turn = 0; turn < 2; turn++) {
        nv_buf_clear(&out);
        ck_assert_int_eq(nv_journal_check(&(struct nv_journal_look){.directory = kit.directory,
                                                                    .list = true},
                                          &out, &report, NULL),
                         NV_OK);
        ck_assert_uint_eq(report.damaged, 1);
        ck_assert_uint_eq(report.files, 2);
        ck_assert_uint_eq(report.spare, 1);
        ck_assert_uint_eq(report.records - report.released, 2);
    }
    nv_buf_release(&out);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "one");
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct nv_buf out;
        struct nv_journal_report report;
        nv_buf_init(&out, 1 << 20);
        oom_fail_nth(n);
        enum nv_err err = nv_journal_check(
            &(struct nv_journal_look){.directory = kit.directory, .list = true}, &out, &report,
            NULL);
        failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_buf_release(&out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_check");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, check_and_list_tell_what_is_there);
        tcase_add_test(tcase, damage_and_spare_files_are_seen);
        tcase_add_test(tcase, without_memory_it_says_so);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
