/*
 * For tests of the journal: a directory of its own, and file operations that fail when told to.
 */
#ifndef NV_TESTS_JOURNAL_KIT_H
#define NV_TESTS_JOURNAL_KIT_H

#include "journal/journal.h"
#include "journal/journal_check.h"

enum fail_op {
    FAIL_NOTHING,
    FAIL_OPEN,
    FAIL_PWRITEV,
    FAIL_PWRITEV_SHORT, /* writes one byte less than asked, or one byte */
    FAIL_PREAD_SHORT,
    FAIL_FDATASYNC,
    FAIL_FSYNC,
    FAIL_FALLOCATE,
    FAIL_UNLINK
};

struct journal_kit {
    char directory[64];
    struct nv_journal_config config; /* sync, files of 64 KiB */
    struct nv_journal *journal;
    struct nv_file_ops ops;
    enum fail_op op;
    int fail_at, fail_times, calls, error;
    int failed_fd, synced_fd;
    uint64_t disk_bytes; /* no file is allocated beyond so many of all files; 0: no limit */
    /* Crash point: the process exits before call `crash_at` of any operation (after, if
     * odd). */
    int crash_at, any_calls;
    /* What is written to witness_fd before such an exit. */
    const void *witness;
    size_t witness_len;
    int witness_fd;
};

/* Are journals of kits made from here on encrypted, with a key of their own? Of a process. */
extern bool journal_kit_encrypted;
/* Makes the directory; opens nothing. */
void journal_kit_init(struct journal_kit *kit);
/* Closes, removes the directory. */
void journal_kit_release(struct journal_kit *kit);
void journal_kit_open(struct journal_kit *kit);
void journal_kit_close(struct journal_kit *kit);
/* Closes and opens again. */
void journal_kit_reopen(struct journal_kit *kit);
/* Closes and empties the directory but for its key. */
void journal_kit_clear(struct journal_kit *kit);
/* Removes its directory while it is open. */
void journal_kit_remove(struct journal_kit *kit);
/* Commits one record with that body; returns its id. */
uint64_t journal_kit_put(struct journal_kit *kit, enum nv_record_kind kind, const char *body);
/* The record is there and has that body. */
void journal_kit_expect(struct journal_kit *kit, uint64_t id, const char *body);
/* From the `at`-th call of `op` on, `times` calls fail with `error`. */
void journal_kit_fail(struct journal_kit *kit, enum fail_op op, int at, int times, int error);
/* Did a call fail since? Takes the failure back. */
bool journal_kit_failed(struct journal_kit *kit);
/* Writes another format number into all files' headers, with the right checksum. */
void journal_kit_set_format(struct journal_kit *kit, unsigned format);
/* Of a file in its directory. The text is good until the call after the next. */
const char *journal_kit_path(const struct journal_kit *kit, const char *name);
/* A file of that text in its directory, in place of any that is there. */
void journal_kit_write(const struct journal_kit *kit, const char *name, const char *text);
/* What a walk through its directory finds, with its own key (journal_check.h). */
struct nv_journal_report journal_kit_check(const struct journal_kit *kit);
/* Makes a file of so many 'f's. */
void journal_kit_file(struct journal_kit *kit, const char *name, size_t size);

#endif
