/*
 * A key that is lost ends the start, or its files are set aside and come back with it.
 */
#include "expect.h"
#include "base/log/log.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct journal_kit kit;
static char log_text[16384];

static void setup(void)
{
    journal_kit_init(&kit);
    kit.config.encrypt = true;
    log_text[0] = '\0';
}

static void teardown(void)
{
    journal_kit_release(&kit);
}

static void keep_line(void *ctx, struct nv_str line)
{
    (void)ctx;
    size_t len = strlen(log_text);
    (void)snprintf(log_text + len, sizeof log_text - len, "%.*s\n", NV_STR_ARG(line));
}

/* Two records, and a key that is not theirs, or none. */
static uint64_t lose_key(const char *instead)
{
    journal_kit_open(&kit);
    uint64_t gone = journal_kit_put(&kit, NV_RECORD_TRACES, "released");
    journal_kit_put(&kit, NV_RECORD_TRACES, "acknowledged");
    uint64_t id = journal_kit_put(&kit, NV_RECORD_OUTBOX, "and this");
    nv_journal_release(kit.journal, &gone, 1);
    journal_kit_close(&kit);
    ck_assert_int_eq(rename(journal_kit_path(&kit, "key"), journal_kit_path(&kit, "away")), 0);
    if (instead)
        journal_kit_write(&kit, "key", instead);
    return id;
}

static const char *const instead[] = {
    NULL, "f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff"};

START_TEST(a_lost_key_ends_the_start)
{
    struct nv_fail fail = {0};
    lose_key(instead[_i]);
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        kit.config.encrypt = encrypt;
        fail = (struct nv_fail){0};
        ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_CONFIG);
        ck_assert_msg(strstr(fail.what, "1 files, 2 records, 72 bytes want key ") != NULL, "%s",
                      fail.what);
        ck_assert_ptr_nonnull(strstr(fail.what, "journal.key_lost: aside"));
        ck_assert_ptr_nonnull(strstr(log_text, "no key opens a file"));
        /* no new key stands where the old one belongs */
        ck_assert_int_eq(access(journal_kit_path(&kit, "key"), F_OK), _i ? 0 : -1);
    }
    struct nv_journal_report report = journal_kit_check(&kit);
    ck_assert_uint_eq(report.locked, 2);
    ck_assert_uint_eq(report.damaged, 0);
    ck_assert_uint_eq(report.encrypted, 1);
}
END_TEST

START_TEST(set_aside_nothing_is_deleted_and_all_comes_back)
{
    uint64_t id = lose_key(instead[_i]);
    kit.config.set_locked_aside = true;
    journal_kit_open(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.locked, 2);
    ck_assert_uint_eq(status.records, 0);
    ck_assert_uint_eq(status.damaged, 0);
    ck_assert_int_eq(access(journal_kit_path(&kit, "locked-00000001"), F_OK), 0);
    uint64_t later = journal_kit_put(&kit, NV_RECORD_TRACES, "later");
    ck_assert_uint_gt(later, id);
    kit.config.set_locked_aside = false;
    journal_kit_reopen(&kit); /* it is told once */
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.locked, 0);
    ck_assert_uint_eq(status.damaged, 0);
    journal_kit_close(&kit);
    /* the key is found, behind that of today */
    char text[256];
    size_t len = 0;
    const char *const names[] = {"key", "away"};
    for (int i = 0; i < 2; i++) {
        int fd = open(journal_kit_path(&kit, names[i]), O_RDONLY);
        ssize_t n = read(fd, text + len, 64);
        ck_assert_int_eq(n, 64);
        len += 64;
        text[len++] = '\n';
        close(fd);
    }
    text[len] = '\0';
    journal_kit_write(&kit, "key", text);
    ck_assert_int_eq(rename(journal_kit_path(&kit, "locked-00000001"),
                            journal_kit_path(&kit, "journal-00000077")),
                     0);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "and this");
    journal_kit_expect(&kit, later, "later");
}
END_TEST

START_TEST(a_lost_key_of_nothing_that_lives_is_no_loss)
{
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "released");
    nv_journal_release(kit.journal, &id, 1);
    journal_kit_close(&kit);
    unlink(journal_kit_path(&kit, "key"));
    journal_kit_open(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.locked, 0);
    ck_assert_int_eq(status.key_source, NV_KEY_GENERATED);
    ck_assert_uint_eq(strlen(status.key_id), 16);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_lost");
    TCase *tcase = tcase_create("journal_lost");
    tcase_set_timeout(tcase, 60);
    nv_log_set_sink(keep_line, NULL);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_lost_key_ends_the_start, 0, 2);
    tcase_add_loop_test(tcase, set_aside_nothing_is_deleted_and_all_comes_back, 0, 2);
    tcase_add_test(tcase, a_lost_key_of_nothing_that_lives_is_no_loss);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
