/*
 * Every byte of a small file that means something: changed, it is found, and what is found
 * besides is what was written. Each byte is changed in three ways; NOVEUM_SOAK: in each of its
 * bits, which takes a minute and more under sanitizers.
 */
#include "expect.h"
#include "base/log/log.h"
#include "journal/journal_check.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODIES 3

static struct journal_kit kit;
static uint64_t ids[BODIES];
/* Long enough that the file is not emptied as one that few records keep. */
static char bodies[BODIES][512];

static void setup(void)
{
    journal_kit_init(&kit);
    kit.config.segment_bytes = NV_SEGMENT_MIN;
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

/* Makes the file; returns its descriptor, and where its last record ends. */
static int make_file(uint32_t *end)
{
    char path[128];
    journal_kit_open(&kit);
    uint64_t gone = journal_kit_put(&kit, NV_RECORD_LOGS, "released");
    for (int i = 0; i < BODIES; i++) {
        memset(bodies[i], 'a' + i, 401 + (size_t)i * 40);
        ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, bodies[i]);
    }
    nv_journal_release(kit.journal, &gone, 1);
    *end = kit.journal->active->end;
    journal_kit_reopen(&kit); /* which seals it */
    journal_kit_close(&kit);
    snprintf(path, sizeof path, "%s/journal-00000001", kit.directory);
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static uint64_t damage_found(void)
{
    struct nv_buf out;
    struct nv_journal_report report;
    nv_buf_init(&out, 1 << 20);
    ck_assert_int_eq(nv_journal_check(&(struct nv_journal_look){.directory = kit.directory},
                                      &out, &report, NULL),
                     NV_OK);
    nv_buf_release(&out);
    return report.damaged + report.missing;
}

/* Bytes of the record that was released mean nothing any more, but for its header. */
static bool means_something(uint32_t at, uint32_t start)
{
    uint32_t len = 2 + (uint32_t)strlen("released");
    uint32_t length =
        kit.config.encrypt ? (uint32_t)nv_sealed_length(len) : NV_PAYLOAD_PREFIX + len;
    return at < start + NV_RECORD_HEADER || at >= start + nv_record_size(length);
}

static int changes(void)
{
    return getenv("NOVEUM_SOAK") ? 9 : 3;
}

/* The bits that way `_i` changes of the byte at `at`: all, or one that differs by byte. */
static unsigned mask(int way, uint32_t at)
{
    return way == 0 ? 0xffu : 1u << (((uint32_t)way * 5 + at) % 8);
}

START_TEST(each_changed_byte_is_found)
{
    uint32_t end;
    int fd = make_file(&end);
    uint32_t start = NV_SEGMENT_PAGE + NV_SEGMENT_PAGE;
    ck_assert_uint_eq(damage_found(), 0);
    for (uint32_t at = 0; at < end; at++) {
        unsigned char was, is;
        ck_assert_int_eq(pread(fd, &was, 1, at), 1);
        is = (unsigned char)(was ^ mask(_i, at));
        ck_assert_int_eq(pwrite(fd, &is, 1, at), 1);
        if (means_something(at, start))
            ck_assert_msg(damage_found() > 0, "byte %u of %u by %x", at, end, mask(_i, at));
        ck_assert_int_eq(pwrite(fd, &was, 1, at), 1);
    }
    ck_assert_uint_eq(damage_found(), 0);
    close(fd);
}
END_TEST

static void drop_line(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)line;
}

int main(void)
{
    Suite *suite = suite_create("journal_walk");
    nv_log_set_sink(drop_line, NULL);
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_loop_test(tcase, each_changed_byte_is_found, 0, changes());
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
