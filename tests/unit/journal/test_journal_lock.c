/*
 * Which key a file wants: on, off and on again; keys that are rotated; salts that are lost, and
 * forgotten.
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

static void setup(void)
{
    journal_kit_init(&kit);
    kit.config.encrypt = true;
}

static void teardown(void)
{
    journal_kit_release(&kit);
}

static void drop_line(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)line;
}

START_TEST(switched_on_and_off_all_of_it_is_read)
{
    uint64_t ids[6];
    bool encrypted = false;
    for (int life = 0; life < 6; life++) {
        kit.config.encrypt = life % 2 == (_i % 2 == 0);
        kit.config.stay_encrypted = _i >= 2;
        encrypted = kit.config.encrypt || (encrypted && kit.config.stay_encrypted);
        journal_kit_open(&kit);
        for (int i = 0; i < life; i++)
            journal_kit_expect(&kit, ids[i], "kept through all of it");
        ids[life] = journal_kit_put(&kit, NV_RECORD_TRACES, "kept through all of it");
        struct nv_journal_status status;
        nv_journal_read_status(kit.journal, &status);
        ck_assert_uint_eq(status.damaged, 0);
        ck_assert_uint_eq(status.encrypted, encrypted);
        journal_kit_close(&kit);
    }
    kit.config.encrypt = false;
    journal_kit_open(&kit);
    nv_journal_release(kit.journal, ids, 6);
    journal_kit_reopen(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert(!status.encrypted);
}
END_TEST

/* Files that a version without encryption reads. */
START_TEST(without_encryption_files_are_as_before)
{
    uint8_t bytes[NV_SEGMENT_PAGE];
    kit.config.encrypt = false;
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "plain");
    int fd = open(journal_kit_path(&kit, "journal-00000001"), O_RDONLY);
    ck_assert_int_eq(pread(fd, bytes, sizeof bytes, 0), sizeof bytes);
    close(fd);
    ck_assert_uint_eq(nv_get32(bytes + NV_SEGMENT_FORMAT_AT), 1);
    ck_assert(nv_bytes_are_zero(bytes + NV_LOCK_OFFSET, NV_SEGMENT_PAGE - NV_LOCK_OFFSET));
    ck_assert_int_ne(access(journal_kit_path(&kit, "key"), F_OK), 0);
}
END_TEST

START_TEST(each_use_of_a_file_has_a_salt_of_its_own)
{
    uint8_t salts[4][NV_SALT_BYTES];
    for (int i = 0; i < 4; i++) {
        journal_kit_open(&kit);
        uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "the same text");
        memcpy(salts[i], kit.journal->active->salt, NV_SALT_BYTES);
        for (int j = 0; j < i; j++)
            ck_assert_int_ne(memcmp(salts[i], salts[j], NV_SALT_BYTES), 0);
        nv_journal_release(kit.journal, &id, 1);
        journal_kit_close(&kit);
    }
}
END_TEST

START_TEST(a_file_that_is_done_with_loses_its_salt)
{
    uint8_t page[NV_SEGMENT_PAGE];
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "done with");
    nv_journal_release(kit.journal, &id, 1);
    journal_kit_reopen(&kit);
    ck_assert_uint_eq(kit.journal->spare, 1);
    int fd = open(journal_kit_path(&kit, "journal-00000001"), O_RDONLY);
    ck_assert_int_eq(pread(fd, page, sizeof page, 0), sizeof page);
    close(fd);
    ck_assert(nv_bytes_are_zero(page + NV_LOCK_OFFSET, NV_SEGMENT_PAGE - NV_LOCK_OFFSET));
    ck_assert_uint_eq(journal_kit_check(&kit).damaged, 0);
}
END_TEST

START_TEST(a_file_that_is_unlinked_loses_its_salt_too)
{
    uint8_t page[NV_SEGMENT_PAGE];
    static char body[300000];
    memset(body, 'x', sizeof body - 1);
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, body); /* in a file of odd size */
    int fd = open(journal_kit_path(&kit, "journal-00000001"), O_RDONLY);
    nv_journal_release(kit.journal, &id, 1);
    journal_kit_reopen(&kit);
    ck_assert_int_ne(access(journal_kit_path(&kit, "journal-00000001"), F_OK), 0);
    ck_assert_int_eq(pread(fd, page, sizeof page, 0), sizeof page);
    close(fd);
    ck_assert(nv_bytes_are_zero(page + NV_LOCK_OFFSET, NV_SEGMENT_PAGE - NV_LOCK_OFFSET));
}
END_TEST

START_TEST(one_of_two_locks_is_enough)
{
    static const uint32_t places[] = {NV_LOCK_OFFSET, NV_LOCK_OFFSET_2};
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "behind two locks");
    journal_kit_close(&kit);
    int fd = open(journal_kit_path(&kit, "journal-00000001"), O_RDWR);
    uint8_t byte; /* of a random salt, so it is changed to what it isn't */
    ck_assert_int_eq(pread(fd, &byte, 1, places[_i] + 30), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, places[_i] + 30), 1);
    close(fd);
    ck_assert_uint_eq(journal_kit_check(&kit).damaged, 1);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "behind two locks");
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.damaged, 1);
}
END_TEST

START_TEST(without_header_the_second_lock_has_the_salt)
{
    static const char zeros[512];
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "a sector is gone");
    journal_kit_close(&kit);
    int fd = open(journal_kit_path(&kit, "journal-00000001"), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, _i ? zeros : "x", _i ? 512 : 1, 0), _i ? 512 : 1);
    close(fd);
    ck_assert_uint_ge(journal_kit_check(&kit).damaged, 1);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, id, "a sector is gone");
}
END_TEST

START_TEST(without_any_lock_each_record_is_damage)
{
    journal_kit_open(&kit);
    journal_kit_put(&kit, NV_RECORD_TRACES, "one");
    journal_kit_put(&kit, NV_RECORD_TRACES, "two");
    journal_kit_close(&kit);
    int fd = open(journal_kit_path(&kit, "journal-00000001"), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "xxxxxxxx", 8, NV_LOCK_OFFSET + 30), 8);
    ck_assert_int_eq(pwrite(fd, "xxxxxxxx", 8, NV_LOCK_OFFSET_2 + 30), 8);
    close(fd);
    ck_assert_uint_eq(journal_kit_check(&kit).damaged, 3);
    journal_kit_open(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, 0);
    ck_assert_uint_eq(status.damaged, 3);
}
END_TEST

START_TEST(keys_are_rotated_by_a_line)
{
    char text[256], old[65] = {0};
    journal_kit_open(&kit);
    uint64_t first = journal_kit_put(&kit, NV_RECORD_TRACES, "under the old key");
    journal_kit_close(&kit);
    int fd = open(journal_kit_path(&kit, "key"), O_RDONLY);
    ck_assert_int_eq(read(fd, old, 64), 64);
    close(fd);
    snprintf(text, sizeof text,
             "f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff\n%s\n", old);
    journal_kit_write(&kit, "key", text);
    journal_kit_open(&kit);
    uint64_t second = journal_kit_put(&kit, NV_RECORD_TRACES, "under the new key");
    ck_assert_int_eq(memcmp(kit.journal->active->key_id, kit.journal->keys->keys[0].id, 8), 0);
    journal_kit_reopen(&kit);
    journal_kit_expect(&kit, first, "under the old key");
    journal_kit_expect(&kit, second, "under the new key");
    nv_journal_release(kit.journal, &first, 1);
    journal_kit_reopen(&kit); /* what the old key is for is done with */
    journal_kit_close(&kit);
    text[65] = '\0';
    journal_kit_write(&kit, "key", text);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, second, "under the new key");
}
END_TEST

START_TEST(a_refused_key_ends_the_start)
{
    struct nv_fail fail = {0};
    journal_kit_write(&kit, "key", "short");
    ck_assert_int_eq(nv_journal_open(&kit.config, &kit.journal, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "line 1 has 5 characters"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_lock");
    TCase *tcase = tcase_create("journal_lock");
    tcase_set_timeout(tcase, 60);
    nv_log_set_sink(drop_line, NULL);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, switched_on_and_off_all_of_it_is_read, 0, 4);
    tcase_add_test(tcase, without_encryption_files_are_as_before);
    tcase_add_test(tcase, each_use_of_a_file_has_a_salt_of_its_own);
    tcase_add_test(tcase, a_file_that_is_done_with_loses_its_salt);
    tcase_add_test(tcase, a_file_that_is_unlinked_loses_its_salt_too);
    tcase_add_loop_test(tcase, one_of_two_locks_is_enough, 0, 2);
    tcase_add_loop_test(tcase, without_header_the_second_lock_has_the_salt, 0, 2);
    tcase_add_test(tcase, without_any_lock_each_record_is_damage);
    tcase_add_test(tcase, keys_are_rotated_by_a_line);
    tcase_add_test(tcase, a_refused_key_ends_the_start);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
