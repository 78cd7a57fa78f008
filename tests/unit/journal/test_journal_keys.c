/*
 * Files of keys: which are taken, which are refused and why; a key of our own is on disk before
 * it is used and never written over. No message has a digit of a key.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"
#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "f00102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f"

static struct journal_kit kit;
static struct nv_journal_keys *keys;

static void setup(void)
{
    journal_kit_init(&kit);
    ck_assert_int_eq(nv_journal_keys_new(&keys), NV_OK);
}

static void teardown(void)
{
    nv_journal_keys_free(keys);
    journal_kit_release(&kit);
}

static char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", kit.directory, name);
    return path;
}

static void write_keys(const char *name, const char *text, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* Loads `named` (NULL: none) and what the directory has. */
static enum nv_err load(const char *named, struct nv_fail *fail)
{
    char path[128];
    if (named)
        snprintf(path, sizeof path, "%s", path_of(named));
    *fail = (struct nv_fail){0};
    return nv_journal_keys_load(keys, named ? path : NULL, kit.directory, fail);
}

START_TEST(a_key_a_line_and_the_first_is_written_with)
{
    struct nv_fail fail;
    write_keys("mine", "# of November\n\n  " A "\r\n# before\n" B "\n", 0600);
    ck_assert_int_eq(load("mine", &fail), NV_OK);
    ck_assert_uint_eq(keys->count, 2);
    ck_assert_int_eq(keys->source, NV_KEY_FILE);
    ck_assert_uint_eq(keys->keys[0].bytes[1], 1);
    ck_assert_uint_eq(keys->keys[1].bytes[0], 0xf0);
    ck_assert_ptr_eq(nv_journal_keys_find(keys, keys->keys[1].id), &keys->keys[1]);
    ck_assert_ptr_null(nv_journal_keys_find(keys, (const uint8_t *)"no such."));
    char text[NV_KEY_ID_TEXT];
    nv_journal_key_text(keys->keys[0].id, text);
    ck_assert_str_eq(text, "a4888ef5e201f705");
}
END_TEST

START_TEST(a_named_file_comes_before_the_generated_key_of_before)
{
    struct nv_fail fail;
    write_keys("mine", A "\n", 0440);
    write_keys("key", B "\n" A, 0600);
    ck_assert_int_eq(load("mine", &fail), NV_OK);
    ck_assert_uint_eq(keys->count, 2);
    ck_assert_int_eq(keys->source, NV_KEY_FILE);
    ck_assert_uint_eq(keys->keys[0].bytes[0], 0);
}
END_TEST

static const struct {
    const char *text;
    mode_t mode;
    const char *says;
} refused[] = {
    {"", 0600, "there is no key in it"},
    {"# nothing\n", 0600, "there is no key in it"},
    {A "\n00112233\n", 0600, "line 2 has 8 characters"},
    {A "0", 0600, "line 1 has 65 characters"},
    {"0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0600,
     "line 1 is not all hexadecimal"},
    {"0000000000000000000000000000000000000000000000000000000000000000", 0600,
     "was not made by chance"},
    {A "\n" A, 0600, "line 2 has a key for the second time"},
    {A, 0604, "everybody can read this key"},
    {A, 0602, "everybody can write this key"},
    {A, 0620, "its group can write this key"},
};

START_TEST(others_are_refused_with_the_reason)
{
    struct nv_fail fail;
    write_keys("mine", refused[_i].text, refused[_i].mode);
    ck_assert_int_eq(load("mine", &fail), NV_ERR_CONFIG);
    ck_assert_msg(strstr(fail.what, refused[_i].says) != NULL, "%s", fail.what);
    ck_assert_ptr_nonnull(strstr(fail.path, "/mine"));
    ck_assert_ptr_null(strstr(fail.what, "0102030405"));
}
END_TEST

START_TEST(a_generated_key_is_for_its_owner_alone)
{
    struct nv_fail fail;
    write_keys("key", A, 0640);
    ck_assert_int_eq(load(NULL, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "its group can read this key"));
    unlink(path_of("key"));
    ck_assert_int_eq(symlink("/dev/null", path_of("key")), 0);
    ck_assert_int_eq(load(NULL, &fail), NV_ERR_CONFIG);
    struct stat info = {.st_mode = S_IFDIR | 0700};
    ck_assert_ptr_nonnull(nv_journal_key_complaint(&info, true));
    ck_assert_ptr_null(nv_journal_key_complaint(&info, false));
}
END_TEST

START_TEST(a_named_file_must_be_there)
{
    struct nv_fail fail;
    ck_assert_int_eq(load("missing", &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "No such file"));
    ck_assert_int_eq(load(NULL, &fail), NV_OK);
    ck_assert_uint_eq(keys->count, 0);
    ck_assert_int_eq(keys->source, NV_KEY_NONE);
}
END_TEST

START_TEST(there_may_be_sixteen_keys_and_no_more)
{
    static char text[NV_JOURNAL_KEYS_MAX * 65 + 66];
    char *at = text;
    struct nv_fail fail;
    for (unsigned i = 0; i <= NV_JOURNAL_KEYS_MAX; i++) {
        at += sprintf(at, "%02x%s\n", i, A + 2);
        if (i == NV_JOURNAL_KEYS_MAX - 1) {
            write_keys("mine", text, 0600);
            ck_assert_int_eq(load("mine", &fail), NV_OK);
            ck_assert_uint_eq(keys->count, NV_JOURNAL_KEYS_MAX);
        }
    }
    memset(keys, 0, sizeof *keys);
    write_keys("mine", text, 0600);
    ck_assert_int_eq(load("mine", &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "line 17: more than 16 keys"));
}
END_TEST

START_TEST(a_key_of_our_own_is_made_once)
{
    struct nv_fail fail = {0};
    struct stat stat_of;
    write_keys("key.tmp", "left by a start that was killed", 0600);
    ck_assert_int_eq(nv_journal_keys_generate(keys, &kit.ops, kit.directory, &fail), NV_OK);
    ck_assert_uint_eq(keys->count, 1);
    ck_assert_int_eq(keys->source, NV_KEY_GENERATED);
    ck_assert_int_eq(stat(path_of("key"), &stat_of), 0);
    ck_assert_uint_eq(stat_of.st_mode & 07777, 0600);
    ck_assert_int_ne(access(path_of("key.tmp"), F_OK), 0);
    struct nv_journal_key made = keys->keys[0];
    memset(keys, 0, sizeof *keys);
    ck_assert_int_eq(load(NULL, &fail), NV_OK);
    ck_assert_int_eq(memcmp(&keys->keys[0], &made, sizeof made), 0);
}
END_TEST

START_TEST(a_key_that_can_not_be_put_on_disk_is_not_used)
{
    static const enum fail_op ops[] = {FAIL_OPEN, FAIL_PWRITEV, FAIL_FDATASYNC, FAIL_FSYNC};
    for (size_t i = 0; i < 4; i++) {
        struct nv_fail fail = {0};
        journal_kit_fail(&kit, ops[i], 0, 100, i == 1 ? ENOSPC : EIO);
        ck_assert_int_eq(nv_journal_keys_generate(keys, &kit.ops, kit.directory, &fail),
                         i == 1 ? NV_ERR_NO_SPACE : NV_ERR_IO);
        ck_assert(journal_kit_failed(&kit));
        ck_assert_uint_eq(keys->count, 0);
        ck_assert_ptr_nonnull(strstr(fail.what, "cannot make a key"));
    }
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    bool failed = true;
    write_keys("mine", A, 0600);
    write_keys("key", B, 0600);
    for (unsigned long n = 1; failed; n++) {
        struct nv_fail fail;
        memset(keys, 0, sizeof *keys);
        oom_fail_nth(n);
        enum nv_err err = load("mine", &fail);
        failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
    }
    oom_fail_nth(1);
    struct nv_journal_keys *none;
    ck_assert_int_eq(nv_journal_keys_new(&none), NV_ERR_NO_MEMORY);
    oom_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_keys");
    TCase *tcase = tcase_create("journal_keys");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_key_a_line_and_the_first_is_written_with);
    tcase_add_test(tcase, a_named_file_comes_before_the_generated_key_of_before);
    tcase_add_loop_test(tcase, others_are_refused_with_the_reason, 0,
                        sizeof refused / sizeof refused[0]);
    tcase_add_test(tcase, a_generated_key_is_for_its_owner_alone);
    tcase_add_test(tcase, a_named_file_must_be_there);
    tcase_add_test(tcase, there_may_be_sixteen_keys_and_no_more);
    tcase_add_test(tcase, a_key_of_our_own_is_made_once);
    tcase_add_test(tcase, a_key_that_can_not_be_put_on_disk_is_not_used);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
