/*
 * Encrypted records: of every length around that of a chunk and of the buffer they read back
 * whole and in any stretch; their bytes are not on disk; what is changed on disk is never read.
 */
#include "expect.h"
#include "base/log/log.h"
#include "journal/crc32c.h"
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
    journal_kit_encrypted = true;
    journal_kit_init(&kit);
    journal_kit_encrypted = false;
    kit.config.segment_bytes = 4u << 20;
}

static void teardown(void)
{
    journal_kit_release(&kit);
}

static char *make_body(size_t len)
{
    char *body = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('!' + i * 7 % 90);
    body[len] = '\0';
    return body;
}

static const size_t lens[] = {0,
                              1,
                              NV_CHUNK_BYTES - 3,
                              NV_CHUNK_BYTES - 2,
                              NV_CHUNK_BYTES - 1,
                              2 * NV_CHUNK_BYTES - 2,
                              300000,
                              NV_SCRATCH_BYTES - 3000,
                              NV_SCRATCH_BYTES,
                              3 * NV_SCRATCH_BYTES + 17};
#define LENS (sizeof lens / sizeof lens[0])

START_TEST(lengths_are_told_from_lengths)
{
    uint32_t plain;
    for (uint32_t len = 0; len < 3 * NV_CHUNK_BYTES; len++) {
        ck_assert(nv_sealed_plain_length((uint32_t)nv_sealed_length(len), &plain));
        ck_assert_uint_eq(plain, len);
    }
    for (uint32_t length = 0; length < NV_PAYLOAD_PREFIX + NV_TAG_BYTES; length++)
        ck_assert(!nv_sealed_plain_length(length, &plain));
    /* a second chunk with a tag and nothing in it */
    uint32_t full = (uint32_t)nv_sealed_length(NV_CHUNK_BYTES);
    for (uint32_t more = 1; more <= NV_TAG_BYTES; more++)
        ck_assert(!nv_sealed_plain_length(full + more, &plain));
    ck_assert(nv_sealed_plain_length(full + NV_TAG_BYTES + 1, &plain));
}
END_TEST

/* Stretches of a record, around the ends of chunks. */
static void expect_stretches(uint64_t id, const char *body, size_t len)
{
    static const size_t from[] = {0, 1, NV_CHUNK_BYTES - 3, NV_CHUNK_BYTES, 100000};
    static const size_t some[] = {1, 2, NV_CHUNK_BYTES, 70000, 280000};
    for (size_t i = 0; i < 25; i++) {
        size_t at = from[i / 5], n = some[i % 5];
        if (at + n > len)
            continue;
        char *got = malloc(n);
        ck_assert_int_eq(nv_journal_read_body(kit.journal, id, at, n, got), NV_OK);
        ck_assert_int_eq(memcmp(got, body + at, n), 0);
        free(got);
    }
}

START_TEST(records_read_back)
{
    uint64_t ids[LENS];
    char *bodies[LENS];
    struct nv_journal_put puts[LENS];
    journal_kit_open(&kit);
    for (size_t i = 0; i < LENS; i++) {
        bodies[i] = make_body(lens[i]);
        puts[i] = (struct nv_journal_put){
            .kind = NV_RECORD_LOGS, .head = NV_STR("hd"), .body = nv_str_from(bodies[i])};
    }
    ck_assert_int_eq(nv_journal_commit(kit.journal, puts, LENS, true), NV_OK);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < LENS; i++) {
            ids[i] = puts[i].id;
            journal_kit_expect(&kit, ids[i], bodies[i]);
            expect_stretches(ids[i], bodies[i], lens[i]);
        }
        journal_kit_reopen(&kit);
    }
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, LENS);
    ck_assert_uint_eq(status.damaged, 0);
    for (size_t i = 0; i < LENS; i++)
        free(bodies[i]);
}
END_TEST

START_TEST(neither_head_nor_body_is_on_disk)
{
    char path[128];
    struct nv_journal_put put = {.kind = NV_RECORD_LOGS,
                                 .head = NV_STR("a head that nobody may read"),
                                 .body = NV_STR("a body that nobody may read")};
    journal_kit_open(&kit);
    ck_assert_int_eq(nv_journal_commit(kit.journal, &put, 1, true), NV_OK);
    snprintf(path, sizeof path, "%s/journal-00000001", kit.directory);
    int fd = open(path, O_RDONLY);
    static char bytes[4u << 20];
    ck_assert_int_eq(read(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    close(fd);
    ck_assert_ptr_null(memmem(bytes, sizeof bytes, "nobody", 6));
}
END_TEST

/* A byte of the record on disk, `at` bytes behind its header's begin. */
static void flip(const struct nv_entry *entry, size_t at)
{
    char byte;
    int fd = kit.journal->segments[entry->segment - 1]->fd;
    ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(entry->offset + at)), 1);
    byte ^= 4;
    ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)(entry->offset + at)), 1);
}

START_TEST(a_stretch_that_was_changed_reads_as_zeros)
{
    char got[100], nothing[100] = {0};
    char *body = make_body(3 * NV_CHUNK_BYTES);
    journal_kit_open(&kit);
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, body);
    flip(&kit.journal->entries[0],
         NV_RECORD_HEADER + NV_PAYLOAD_PREFIX + NV_CHUNK_BYTES + NV_TAG_BYTES + 9);
    /* the first and the third chunk are as they were */
    ck_assert_int_eq(nv_journal_read_body(kit.journal, id, 0, 100, got), NV_OK);
    ck_assert_int_eq(memcmp(got, body, 100), 0);
    ck_assert_int_eq(nv_journal_read_body(kit.journal, id, 9000, 100, got), NV_OK);
    ck_assert_int_eq(memcmp(got, body + 9000, 100), 0);
    ck_assert_int_eq(nv_journal_read_body(kit.journal, id, 5000, 100, got), NV_OK);
    ck_assert_int_eq(memcmp(got, nothing, 100), 0);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.damaged, 1);
    ck_assert_int_eq(nv_journal_read_record(kit.journal, id, NULL, NULL, NULL),
                     NV_ERR_MALFORMED);
    free(body);
}
END_TEST

/* Who knows no key can make the checksum right. */
static void mend_checksum(const struct nv_entry *entry)
{
    int fd = kit.journal->segments[entry->segment - 1]->fd;
    uint8_t *bytes = malloc(NV_RECORD_HEADER + entry->length);
    ck_assert_int_eq(pread(fd, bytes, NV_RECORD_HEADER + entry->length, entry->offset),
                     (ssize_t)(NV_RECORD_HEADER + entry->length));
    nv_put32(bytes + 8, nv_crc32c(0, bytes + NV_RECORD_HEADER, entry->length));
    nv_put32(bytes + 4, nv_crc32c(0, bytes + 8, NV_RECORD_HEADER - 8));
    ck_assert_int_eq(pwrite(fd, bytes, NV_RECORD_HEADER, entry->offset), NV_RECORD_HEADER);
    free(bytes);
}

START_TEST(a_changed_record_with_a_right_checksum_is_damage)
{
    journal_kit_open(&kit);
    uint64_t changed = journal_kit_put(&kit, NV_RECORD_TRACES, "not to be changed");
    uint64_t whole = journal_kit_put(&kit, NV_RECORD_TRACES, "as it was");
    /* bytes of the text, of its tag, and the kind */
    static const size_t places[] = {NV_RECORD_HEADER + NV_PAYLOAD_PREFIX + 3,
                                    NV_RECORD_HEADER + NV_PAYLOAD_PREFIX + 19 + 2,
                                    NV_RECORD_HEADER};
    const struct nv_entry entry = kit.journal->entries[0];
    flip(&entry, places[_i]);
    mend_checksum(&entry);
    /* the kind is known while it runs, and not read */
    ck_assert_int_eq(nv_journal_read_record(kit.journal, changed, NULL, NULL, NULL),
                     _i == 2 ? NV_OK : NV_ERR_MALFORMED);
    journal_kit_reopen(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.damaged, 1);
    ck_assert_uint_eq(status.records, 1);
    journal_kit_expect(&kit, whole, "as it was");
}
END_TEST

static void drop_line(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)line;
}

int main(void)
{
    Suite *suite = suite_create("journal_sealed");
    TCase *tcase = tcase_create("journal_sealed");
    nv_log_set_sink(drop_line, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, lengths_are_told_from_lengths);
    tcase_add_test(tcase, records_read_back);
    tcase_add_test(tcase, neither_head_nor_body_is_on_disk);
    tcase_add_test(tcase, a_stretch_that_was_changed_reads_as_zeros);
    tcase_add_loop_test(tcase, a_changed_record_with_a_right_checksum_is_damage, 0, 3);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
