/*
 * The journal: a segmented, append-only log of records, each of which is forgotten by its own
 * byte.
 *
 *   directory/  lock   journal-00000001   journal-00000002 ...        files of one size, reused
 *
 *   segment  [ header 4 KiB | release bytes, one a slot | record | record | ... | free ]
 *   record   [ magic, header crc, payload crc, length, id, epoch, slot ] [ kind, head, body ] pad
 *
 * Ids grow by one a record, for ever. A record lives until it is released; a segment none of
 * whose records lives is used again under a new epoch, so that what is left of the old can't be
 * taken for new. A segment that few records keep alive has them copied to a cold one. Format
 * and reasons: docs/design/0004-journal.md.
 *
 * Six functions carry it: open, commit, release, read, (recovery is in open; nv_journal_list
 * tells what was found) and close. Any thread; commits exclude each other, reads run beside
 * them.
 */
#ifndef NV_JOURNAL_JOURNAL_H
#define NV_JOURNAL_JOURNAL_H

#include "journal/file_ops.h"
#include "base/buf.h"
#include "base/limits.h"
#include "model/store.h"

/* A build that reads this refuses directories with a larger number. */
#define NV_JOURNAL_FORMAT 2u
/* That of files without encryption: versions that know none read them. */
#define NV_JOURNAL_FORMAT_PLAIN 1u
/* Free files kept for reuse (docs/design/0004-journal.md#decision). */
#define NV_JOURNAL_SPARE_MAX 4u
/* Longest record, head and body together: the receiver's largest body and room for its head. */
#define NV_JOURNAL_RECORD_MAX ((uint32_t)NV_CAP_RECORD)

struct nv_journal;

/* How far the open is: files that were read, of all there are. */
struct nv_journal_reading {
    _Atomic uint32_t files, of;
};

struct nv_journal_config {
    const char *directory;  /* made (0700) when missing */
    bool sync;              /* commit means on disk, not only written */
    uint64_t max_bytes;     /* of all files together */
    uint32_t segment_bytes; /* at most; less on a small volume when there is a reserve */
    /* files set aside for notes and copies, at most NV_JOURNAL_RESERVE; 0: none (tests) */
    uint32_t reserve;
    const struct nv_file_ops *ops; /* NULL: the system's */
    bool encrypt;                  /* what is written from now on */
    bool stay_encrypted;           /* the same, when encrypted records live */
    const char *key_file;          /* borrowed while it is opened; NULL: `key` in directory */
    bool set_locked_aside;         /* start without what no key opens; else the open fails */
    struct nv_journal_reading *reading; /* borrowed while it is opened; NULL: nobody asks */
};

/* Where the key comes from that is written with. */
enum nv_key_source {
    NV_KEY_NONE,
    NV_KEY_GENERATED, /* in the journal's directory: guards copied segments only */
    NV_KEY_FILE       /* journal.key_file */
};
/* "none", "generated" or "key_file". Static. */
const char *nv_key_source_name(enum nv_key_source source);
/* Room for a key's id in digits. */
#define NV_JOURNAL_KEY_SHOWN 17u

/* Files set aside from the start (docs/design/0011-room.md): one for the notes of what was
 * sent, one that copies go to, one for what a restart in between leaves of the two. */
#define NV_JOURNAL_RESERVE 3u

/* Why requests are refused. */
struct nv_journal_trouble {
    enum nv_err err;
    const char *doing; /* static, "making a file" */
    int error;         /* errno, 0: none */
};

/*
 * Opens the directory, takes its lock, finds what is there. *out is new. NV_ERR_LOCKED: another
 * process has it; NV_ERR_CONFIG: not usable, or of a newer format, or a key is refused or lost
 * (0018-encrypted-journal.md#the-key-is-lost); NO_SPACE, IO, NO_MEMORY. Damage is no error:
 * what it covers is skipped and counted.
 */
enum nv_err nv_journal_open(const struct nv_journal_config *config, struct nv_journal **out,
                            struct nv_fail *fail) NV_MUST_USE;
/* Closes and frees; what lives stays on disk. NULL is allowed. */
void nv_journal_close(struct nv_journal *journal);

/* A record to be written. Views are borrowed during the call. */
struct nv_journal_put {
    enum nv_record_kind kind;
    struct nv_str head;
    struct nv_str body;
    uint64_t id; /* set on success */
};

/*
 * Writes records as one group. With `sync` (and config.sync) it returns when they are on disk.
 * Ids are in the order of the array. All or nothing is kept. NV_ERR_FULL: past max_bytes;
 * NV_ERR_NO_SPACE: the disk is full; TOO_LARGE, IO, NO_MEMORY.
 */
enum nv_err nv_journal_commit(struct nv_journal *journal, struct nv_journal_put *puts,
                              size_t count, bool sync) NV_MUST_USE;
/* Forgets records, in any order; unknown ids are ignored. Works on a full disk. */
void nv_journal_release(struct nv_journal *journal, const uint64_t *ids, size_t count);
/*
 * Copies `len` bytes at `offset` of a live record's body to `to`; does not check them (callers
 * know what they wrote), but where they are encrypted: what does not authenticate is zeros.
 * NV_ERR_NOT_FOUND, NV_ERR_IO, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_journal_read_body(struct nv_journal *journal, uint64_t id, size_t offset,
                                 size_t len, char *to) NV_MUST_USE;
/*
 * Appends head and body of a live record (either may be NULL) after checking it whole.
 * NV_ERR_NOT_FOUND, NV_ERR_MALFORMED (damaged), IO, LIMIT, NO_MEMORY.
 */
enum nv_err nv_journal_read_record(struct nv_journal *journal, uint64_t id,
                                   enum nv_record_kind *kind, struct nv_buf *head,
                                   struct nv_buf *body) NV_MUST_USE;
/* Ids of the live records whose kind's bit (1 << kind) is in `kinds`, ascending. *ids is new
 * (free() it). NV_ERR_NO_MEMORY. */
enum nv_err nv_journal_list(struct nv_journal *journal, unsigned kinds, uint64_t **ids,
                            size_t *count) NV_MUST_USE;
/* Lowest id of a live record of these kinds; UINT64_MAX when there is none. */
uint64_t nv_journal_oldest(struct nv_journal *journal, unsigned kinds);
/* Gives space back: call now and then from the committing thread. */
void nv_journal_maintain(struct nv_journal *journal);
/* Would a record of that size be refused now? 0: is any? By the last refusal; cheap; any
 * thread. */
bool nv_journal_is_full(struct nv_journal *journal, size_t bytes);
/* Why requests are refused now. False: they are not. Any thread. */
bool nv_journal_refusal(struct nv_journal *journal, struct nv_journal_trouble *out);
/* Is all refused but what needs no file, the reserve being used up as well? Any thread. */
bool nv_journal_is_used_up(struct nv_journal *journal);
/* Bytes it could fill: the quota, or what the volume had room for at the start. */
uint64_t nv_journal_capacity(const struct nv_journal *journal);
/* Is all that the start found on disk, and not only shown? If not, tries again to put it
 * there. */
bool nv_journal_is_sure(struct nv_journal *journal);
/*
 * Before a note is written that rests on records committed without a sync (traces that went to
 * the outbox): puts those on disk, if there are any. Of what waits for a sync the disk may keep
 * the later part and lose the earlier. NV_ERR_IO.
 */
enum nv_err nv_journal_sync_kept(struct nv_journal *journal) NV_MUST_USE;
/* Puts on disk what was committed without a sync. NV_ERR_IO: it may be lost with the power. */
enum nv_err nv_journal_sync(struct nv_journal *journal) NV_MUST_USE;

struct nv_journal_status {
    uint64_t file_bytes; /* of all files */
    uint64_t live_bytes; /* of live records */
    uint64_t records;    /* live */
    uint64_t damaged;    /* records, stretches and files skipped, since open */
    uint64_t missing;    /* records that were there before the start and left no trace */
    uint32_t segments;
    uint32_t spare;
    uint64_t groups, syncs; /* commits, and fdatasync calls that succeeded */
    bool exposed;           /* everybody can write the directory, and it is not ours to mend */
    uint64_t moved;         /* records copied to a cold segment */
    bool encrypted;         /* what is written */
    enum nv_key_source key_source;
    char key_id[NV_JOURNAL_KEY_SHOWN]; /* of the key that is written with; "": none */
    uint64_t locked;                   /* records set aside at the start: no key opens them */
};

/* What there is now. Any thread; waits for the lock, not for the disk. */
void nv_journal_read_status(struct nv_journal *journal, struct nv_journal_status *out);

#endif
