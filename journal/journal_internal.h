/*
 * What the journal's sources share. Format of the files, all numbers little-endian:
 *
 *   segment header, 64 bytes (a page is kept for it)      record header, 32 bytes, 64-aligned
 *    0 magic "NVJOURNL"     24 size                        0 magic       16 id
 *    8 format               28 slots                       4 header crc  24 epoch
 *   12 crc of the rest      32 first id                    8 payload crc 28 slot
 *   16 epoch                40 flags (1 cold, 2 spare)    12 length of the payload
 *
 *   payload [ kind, 0, 0, 0 | length of head | head | body ]
 *   encrypted [ kind, 1, 0, 0 | length of head | chunk | chunk | ... ], and the header's page has
 *   salt and key id, twice: docs/design/0018-encrypted-journal.md
 *   release area, from byte 4096: one byte a slot, 0xa5 = released
 *   seal, at byte 64, written when a file takes no more: 0 magic, 8 crc of the rest, 12 epoch, 16
 * slots mark, in the file `lock`: how far the journal was on disk; journal_mark.c
 *
 * journal.c commits and releases; journal_append.c writes records; journal_index.c knows where
 * each is and reads it back; journal_segment.c makes, reuses and syncs files; journal_recover.c
 * finds what is there, journal_walk.c in each file; journal_mark.c tells what ought to be
 * there; journal_reclaim.c gives space back; journal_room.c keeps room for that,
 * journal_refusal.c says when there is none. Which of them calls which: journal_bytes.c, the
 * lowest.
 *
 * Two locks: `writer`, held by who appends, and `lock`, held briefly for the index and the
 * counts. Taken in that order. A segment is not reused while it is pinned by a reader.
 */
#ifndef NV_JOURNAL_JOURNAL_INTERNAL_H
#define NV_JOURNAL_JOURNAL_INTERNAL_H

#include "base/owner.h"
#include "journal/journal.h"
#include "journal/journal_keys.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#define NV_SEGMENT_MAGIC UINT64_C(0x4c4e52554f4a564e)
#define NV_RECORD_MAGIC UINT32_C(0x4352564e)
#define NV_SEGMENT_PAGE 4096u
/* Where the parts of a segment header stand, behind its magic. */
#define NV_SEGMENT_FORMAT_AT 8u
#define NV_SEGMENT_CRC_AT 12u
#define NV_SEGMENT_EPOCH_AT 16u
#define NV_SEGMENT_SIZE_AT 24u
#define NV_SEGMENT_SLOTS_AT 28u
#define NV_SEGMENT_FIRST_ID_AT 32u
#define NV_SEGMENT_FLAGS_AT 40u
#define NV_SEGMENT_HEADER 64u
#define NV_SEAL_OFFSET 64u
#define NV_SEAL_BYTES 32u
/* Salt and key id, twice in the header's page, far enough apart that one write of a disk does
 * not lose both; the rest of the page is 0. */
#define NV_LOCK_OFFSET (NV_SEAL_OFFSET + NV_SEAL_BYTES)
#define NV_LOCK_OFFSET_2 2048u
#define NV_LOCK_BYTES 64u
/* What a chunk is bound to: the record's header from its length on, and the payload's
 * prefix. */
#define NV_BOUND_BYTES 28u
#define NV_RECORD_ALIGN 64u
#define NV_RECORD_HEADER 32u
#define NV_PAYLOAD_PREFIX 8u
#define NV_HEAD_MAX UINT32_C(65535)
#define NV_RELEASED 0xa5u
#define NV_SEGMENT_FLAG_COLD 1u
#define NV_SEGMENT_FLAG_ENCRYPTED 4u
#define NV_SEGMENT_FLAG_SPARE 2u /* holds nothing; the epoch is that of its last use */
/* A file has a slot for so many of its bytes: more, smaller records than that end it early. */
#define NV_BYTES_PER_SLOT 1024u
#define NV_SEGMENT_MIN (16u << 10)
/* Offsets and sizes stay below 32 bits, one page on. */
#define NV_SEGMENT_MAX (UINT32_MAX - 2 * NV_SEGMENT_PAGE + 1)
#define NV_SEGMENTS_MAX 65535u
#define NV_PATH_MAX 4096u
#define NV_ALL_SURE UINT32_MAX

enum nv_segment_state {
    NV_SEGMENT_SPARE,  /* holds nothing, may be used again */
    NV_SEGMENT_ACTIVE, /* is appended to */
    NV_SEGMENT_SEALED, /* full, or from before the start */
    NV_SEGMENT_BAD     /* a write or sync of it failed: never written again but for releases */
};

struct nv_segment {
    uint32_t number; /* of the file; its place in the table is number - 1 */
    int fd;
    enum nv_segment_state state;
    bool cold;
    bool reserved; /* taken from the reserve: no request may use it */
    bool dirty;    /* written since its last sync */
    bool damaged;  /* found so: kept aside when nothing lives in it any more */
    bool cut;      /* found shorter than its header says */
    bool encrypted;
    bool locked; /* encrypted, and no key opens it */
    uint8_t salt[NV_SALT_BYTES];
    uint8_t key_id[NV_KEY_ID_BYTES];
    struct nv_cipher *cipher; /* NULL: not encrypted, or can't be read */
    uint32_t epoch;
    uint32_t size;
    uint32_t slot_max;
    uint32_t data_start;
    uint32_t end;        /* next record; writer */
    uint32_t slots;      /* used; writer */
    uint32_t firm_slots; /* of these, on disk as far as the journal syncs at all; writer */
    /* slots from here on may be in memory only, and are read from there */
    uint32_t unsure_from;
    /* found at the start: so many it had, by its seal or the mark; else 0 */
    uint32_t due_slots;
    uint32_t live; /* records, not released; lock */
    uint64_t live_bytes;
    uint32_t pins; /* lock */
    /* at the start, of a locked one: records not released, bytes of their payloads */
    uint64_t locked_records, locked_bytes;
};

/* What a record is for: who may use the reserve. */
enum nv_use {
    NV_USE_REQUEST, /* and the outbox: not at all */
    NV_USE_LETTER,  /* a dead letter: a part of it */
    NV_USE_NOTE,
    NV_USE_COLD /* a copy, to the cold file */
};

/* Where a live record is. Sorted by id; kind 0: released, to be squeezed out. */
struct nv_entry {
    uint64_t id;
    uint32_t offset;  /* of its header */
    uint32_t length;  /* of its payload */
    uint16_t segment; /* number */
    uint16_t head_len;
    uint32_t slot_kind; /* slot << 4 | kind */
};

struct nv_journal {
    struct nv_journal_config config;
    char *directory; /* owned */
    const struct nv_file_ops *ops;
    struct nv_journal_keys *keys; /* owned; NULL: none are read */
    uint8_t *scratch;             /* NV_SCRATCH_BYTES when it encrypts; writer */
    uint32_t aside;               /* files set aside at the start */
    int lock_fd, directory_fd;
    bool exposed;      /* everybody can write the directory */
    uint64_t capacity; /* see nv_journal_capacity */

    pthread_mutex_t writer;    /* one writes at a time, also while it waits for the disk */
    struct nv_owner writing;   /* who holds `writer`; nobody at open and close */
    struct nv_segment *active; /* NULL: none yet */
    struct nv_segment *cold;
    uint64_t next_id;
    uint32_t next_epoch;
    uint64_t looked_ns; /* for room, while refusing */
    bool kept_loose;    /* records of the outbox or dead letters wait for a sync */
    uint64_t boot;      /* of the machine: journal_mark.c */
    uint32_t unsure;    /* files with an unsure_from; 0 without sync */

    pthread_mutex_t lock;         /* of the index and the counts; taken after `writer` */
    struct nv_segment **segments; /* by number - 1; NULL: no such file */
    uint32_t segment_count;
    struct nv_entry *entries;
    size_t entry_count, entry_capacity, dead_entries;
    uint64_t live_bytes, damaged, missing, locked;
    uint32_t spare;
    bool reclaim;                               /* a segment may be worth looking at */
    struct nv_journal_trouble trouble, refusal; /* the last error; why requests are refused */

    _Atomic uint64_t file_bytes, groups, syncs, moved;
    _Atomic bool refusing;
    _Atomic uint64_t refused_need;  /* smallest record refused since */
    _Atomic uint64_t refused_bytes; /* of its body */
};

/* Decoded record header, and where it was. */
struct nv_record_header {
    uint32_t offset;
    uint32_t payload_crc;
    uint32_t length;
    uint64_t id;
    uint32_t epoch;
    uint32_t slot;
    /* of the payload */
    uint32_t kind;
    uint32_t head_len;
    bool sealed;
};

/* ---- journal_bytes.c --------------------------------------------------------------------- */

/* Little-endian integers at any address. */
void nv_put32(uint8_t *to, uint32_t value);
/* See nv_put32. */
void nv_put64(uint8_t *to, uint64_t value);
/* See nv_put32. */
uint32_t nv_get32(const uint8_t *from);
/* See nv_put32. */
uint64_t nv_get64(const uint8_t *from);
/* Are all of them 0? */
bool nv_bytes_are_zero(const uint8_t *bytes, size_t len);
/* Bytes a record with such a payload takes. */
uint64_t nv_record_size(uint64_t length);
/* From errno: NO_SPACE for ENOSPC and EDQUOT, else IO. */
enum nv_err nv_journal_errno(int error) NV_MUST_USE;
/* Writes all, through short writes and EINTR. IO, NO_SPACE. Changes `parts`. */
enum nv_err nv_journal_write(struct nv_journal *journal, int fd, struct iovec *parts, int count,
                             uint64_t offset) NV_MUST_USE;
/* Reads all. NV_ERR_IO, also when the file is too short. */
enum nv_err nv_journal_read(struct nv_journal *journal, int fd, void *to, size_t len,
                            uint64_t offset) NV_MUST_USE;
/* Path of a file of the directory: new string or NULL. */
char *nv_journal_path(const struct nv_journal *journal, const char *name);
/* Checksum of a segment header: of all but itself. */
uint32_t nv_segment_header_crc(const uint8_t bytes[NV_SEGMENT_HEADER]);
/* Layout of a file of that size. */
void nv_segment_layout(struct nv_segment *segment, uint32_t size);
/* Decodes a record header; false when it is none. */
bool nv_record_decode(const uint8_t bytes[NV_RECORD_HEADER], struct nv_record_header *out);

/*
 * The writer's lock. What asks for it in its contract asserts that no other thread holds it:
 * at open and close nobody does, and there is one thread only.
 */
static inline void nv_writer_lock(struct nv_journal *journal)
{
    pthread_mutex_lock(&journal->writer);
    nv_owner_take(&journal->writing);
}

/* See nv_writer_lock. */
static inline void nv_writer_unlock(struct nv_journal *journal)
{
    nv_owner_leave(&journal->writing);
    pthread_mutex_unlock(&journal->writer);
}

/* ---- journal_sealed.c -------------------------------------------------------------------- */

/* What is encrypted before it is written: some records, or a piece of a larger one. */
#define NV_SCRATCH_BYTES (512u << 10)

/* Length of the payload on disk of a record with `len` bytes of head and body. */
uint64_t nv_sealed_length(uint64_t len);
/* The `len` of nv_sealed_length for a payload of `length`; false when none has that. */
bool nv_sealed_plain_length(uint32_t length, uint32_t *len);

/* A record on its way to be sealed, piece by piece. */
struct nv_sealing {
    struct nv_cipher_run *run;
    uint8_t bound[NV_BOUND_BYTES];
    struct nv_str parts[2]; /* of head and body, what is left */
    uint32_t slot, number;  /* of the next chunk */
    bool more;
};
/* Begins: `front` is the record's header and prefix but for the checksums. Borrows all. */
void nv_sealing_start(struct nv_sealing *sealing, struct nv_cipher_run *run,
                      const uint8_t front[NV_RECORD_HEADER + NV_PAYLOAD_PREFIX],
                      const struct nv_journal_put *put, uint32_t slot);
/* Writes as many chunks as fit into `room` bytes at `to`; *len of them. NV_ERR_NO_MEMORY. */
enum nv_err nv_sealing_next(struct nv_sealing *sealing, uint8_t *to, size_t room,
                            size_t *len) NV_MUST_USE;

/*
 * Opens the chunks from number `first` on that stand at `bytes`, `len` with their tags, where
 * they stand. NV_ERR_MALFORMED: some are not authentic, and zeros now.
 */
enum nv_err nv_sealed_open_chunks(struct nv_cipher_run *run,
                                  const struct nv_record_header *record, uint32_t first,
                                  uint8_t *bytes, size_t len) NV_MUST_USE;
/*
 * Opens the chunks of the record's payload in place and puts them together: behind the
 * prefix stand head and body, *len bytes. NV_ERR_MALFORMED: not authentic, all is zeros then;
 * NO_MEMORY.
 */
enum nv_err nv_sealed_open(const struct nv_cipher *cipher,
                           const struct nv_record_header *record, uint8_t *payload,
                           uint32_t *len) NV_MUST_USE;
/*
 * `len` bytes at `offset` of head and body of a record. NV_ERR_MALFORMED: some chunks are not
 * authentic, and all that was asked of them is zeros. IO, NO_MEMORY: `to` is of no use.
 */
enum nv_err nv_sealed_read(struct nv_journal *journal, const struct nv_segment *segment,
                           const struct nv_record_header *record, uint64_t offset, size_t len,
                           char *to) NV_MUST_USE;

/* ---- journal_lock.c ---------------------------------------------------------------------- */

/* Gives a segment that begins a salt and a key of its own, or none. NO_MEMORY, IO: no salt. */
enum nv_err nv_segment_arm(struct nv_journal *journal, struct nv_segment *segment) NV_MUST_USE;
/* Forgets them. */
void nv_segment_disarm(struct nv_segment *segment);
/* Puts salt and key id where they belong in the page of its header. */
void nv_segment_put_lock(const struct nv_segment *segment, uint8_t page[NV_SEGMENT_PAGE]);
/*
 * Takes them from the page of a file whose header is `known` or not; without, the epoch too.
 * The segment gets its cipher, or is locked. *clean: both places hold what may be there.
 * NO_MEMORY.
 */
enum nv_err nv_segment_get_lock(const struct nv_journal *journal, struct nv_segment *segment,
                                const uint8_t page[NV_SEGMENT_PAGE], bool known,
                                bool *clean) NV_MUST_USE;
/* ---- journal_lost.c ---------------------------------------------------------------------- */

/*
 * When the files are known: of those that are locked and hold live records, says which key they
 * want, and ends the start (NV_ERR_CONFIG) or sets them aside (config.set_locked_aside). IO: a
 * file can't be renamed.
 */
enum nv_err nv_journal_settle_locked(struct nv_journal *journal,
                                     struct nv_fail *fail) NV_MUST_USE;

/* ---- journal_segment.c ------------------------------------------------------------------- */

/* Puts the directory's entries on disk, if the journal syncs. IO, NO_SPACE. */
enum nv_err nv_journal_sync_directory(struct nv_journal *journal) NV_MUST_USE;
/*
 * An empty segment to append to that takes a record of `need` bytes: a spare one, else a new
 * file, else one of the reserve if `use` may have it. The writer's lock is held. FULL,
 * NO_SPACE, IO, NO_MEMORY.
 */
enum nv_err nv_segment_obtain(struct nv_journal *journal, uint64_t need, enum nv_use use,
                              struct nv_segment **out) NV_MUST_USE;
/* Syncs what was written; IO: the segment is bad and stays so. Does nothing without sync. */
enum nv_err nv_segment_sync(struct nv_journal *journal, struct nv_segment *segment) NV_MUST_USE;
/* A segment (NULL, or a bad one: nothing to do) whose file somebody removed is bad from here
 * on: the system writes to it without a word, and with the process it is gone. Logged. IO. */
enum nv_err nv_segment_expect_named(struct nv_journal *journal,
                                    struct nv_segment *segment) NV_MUST_USE;
/* A write or sync of it failed. */
void nv_segment_fail(struct nv_journal *journal, struct nv_segment *segment);
/* What is in slots from `slot` on (NV_ALL_SURE: nothing) is not known to be on disk. */
void nv_segment_doubt(struct nv_journal *journal, struct nv_segment *segment, uint32_t slot);
/* Marks slots as released on disk. Errors are not of use to anyone: the record may come
 * again. */
void nv_segment_mark_released(struct nv_journal *journal, const struct nv_segment *segment,
                              uint32_t slot, uint32_t count);
/* Makes a file in which nothing lives a spare one. On an error it is bad. IO, NO_SPACE. */
enum nv_err nv_segment_make_spare(struct nv_journal *journal,
                                  struct nv_segment *segment) NV_MUST_USE;
/* Closes, unlinks and frees a segment, the file kept aside when it is damaged. */
void nv_segment_discard(struct nv_journal *journal, struct nv_segment *segment);
/* Adds to the table, which owns it from then on; a failure leaves it with the caller. The lock
 * need not be held at open. NV_ERR_NO_MEMORY, FULL. */
enum nv_err nv_segment_register(struct nv_journal *journal,
                                struct nv_segment *segment) NV_MUST_USE;

/* ---- journal_mark.c ---------------------------------------------------------------------- */

/* A segment as the mark has it; number 0: none. */
struct nv_marked {
    uint32_t number, epoch, slots;
};
/* What was on disk when the mark was written. */
struct nv_mark {
    struct nv_marked active, cold;
    uint32_t last_epoch; /* given to a file */
    uint32_t files;      /* that have an epoch and were not given up */
    uint64_t next_id;
    uint64_t boot; /* of the machine, when it was written */
};
/*
 * First slot of the file that the last run, on this boot of the machine, may have failed to put
 * on disk; NV_ALL_SURE: none.
 */
uint32_t nv_mark_sure_slots(const struct nv_journal *journal, const struct nv_mark *mark,
                            const struct nv_segment *segment);
/* The first 64 bits of the id of this boot of the machine; 0: not known. */
uint64_t nv_mark_boot(void);
/* Writes how many slots the segment has used: it takes no more. An error is of no use to
 * anyone. */
void nv_segment_write_seal(struct nv_journal *journal, const struct nv_segment *segment);
/* Slots by the seal of the segment's epoch in its header's page; 0 when it has none. */
uint32_t nv_segment_read_seal(const uint8_t page[NV_SEGMENT_PAGE],
                              const struct nv_segment *segment);
/* Is there no seal in the page, or a sound one, of whichever epoch? */
bool nv_seal_is_clean(const uint8_t page[NV_SEGMENT_PAGE]);
/*
 * Writes the mark, unless files are unsure; `firm` puts it on disk when the journal syncs. The
 * writer's lock is held. A failure costs the knowledge of a gap and no more.
 */
void nv_mark_write(struct nv_journal *journal, bool firm);
/* The mark of the last run; all 0 when there is none or it is not sound. */
void nv_mark_read(struct nv_journal *journal, struct nv_mark *out);

/* ---- journal_append.c -------------------------------------------------------------------- */

/* One record to append, and where it went. */
struct nv_append {
    struct nv_journal_put *put;
    struct nv_segment *segment; /* out: where it went */
    uint32_t offset, slot, length;
};
/* Length of a record's payload as it is written now, encrypted or not. */
uint32_t nv_payload_length(const struct nv_journal *journal, const struct nv_journal_put *put);
/* Appends records to a segment of the kind (cold or not). As nv_journal_commit; no index. */
enum nv_err nv_journal_append(struct nv_journal *journal, struct nv_append *appends,
                              size_t count, enum nv_use use, bool sync) NV_MUST_USE;
/* ---- journal_index.c --------------------------------------------------------------------- */

/* Index entry of a live record, or NULL. The lock is held. Borrowed until it is let go. */
struct nv_entry *nv_journal_find(struct nv_journal *journal, uint64_t id);
/* Makes room for `more` entries. The lock is held. NV_ERR_NO_MEMORY. */
enum nv_err nv_journal_reserve(struct nv_journal *journal, size_t more) NV_MUST_USE;

/* ---- journal_reclaim.c ------------------------------------------------------------------- */

/*
 * Moves what may be in memory only, because a sync failed or may have, and puts it on disk.
 * The writer's lock is held. NV_ERR_IO: some of it is not.
 */
enum nv_err nv_journal_rescue(struct nv_journal *journal) NV_MUST_USE;

/* ---- journal_refusal.c ------------------------------------------------------------------- */

/* Remembers an error, `doing` (static) what: the reason when a refusal comes of it. */
void nv_room_trouble(struct nv_journal *journal, const char *doing, int error);
/* A record of `need` bytes, with a body of `bytes`, was refused with `err`: so are the next. */
void nv_room_refuse(struct nv_journal *journal, enum nv_err err, uint64_t need, uint64_t bytes);
/* A look for room found none: the reason is `err` now. */
void nv_room_still_refused(struct nv_journal *journal, enum nv_err err);
/* There was room for a request. */
void nv_room_open(struct nv_journal *journal);
/* Spare files that are kept at most. */
uint32_t nv_room_spare_max(const struct nv_journal *journal);
/* Spare files that this use has to leave. */
uint32_t nv_room_kept_from(const struct nv_journal *journal, enum nv_use use);
/* A sealed segment of which fewer bytes live is emptied. */
uint64_t nv_journal_few_bytes(const struct nv_journal *journal,
                              const struct nv_segment *segment);

/* ---- journal_room.c ---------------------------------------------------------------------- */

/* At open, when the files are known: how large new ones are made. */
void nv_room_fit(struct nv_journal *journal);
/* At open: the reserve, and a file to append to. Without them the journal is there, and
 * refuses. */
void nv_room_first(struct nv_journal *journal);
/* In a round of maintenance, before files are looked at. The writer's lock is held. */
void nv_room_before(struct nv_journal *journal);
/* And after they were. The writer's lock is held. */
void nv_room_after(struct nv_journal *journal);

/* ---- journal_walk.c ---------------------------------------------------------------------- */

/* What a walk over a segment tells of. */
struct nv_walk {
    void *ctx;
    /* A sound record, released or not. An error ends the walk. */
    enum nv_err (*record)(void *ctx, struct nv_segment *segment,
                          const struct nv_record_header *record, bool released);
    uint64_t damaged; /* records or stretches that are not sound */
    uint64_t missing; /* records that must have been there, neither found nor released */
    bool middle;      /* and something sound comes behind one */
    uint32_t epoch;   /* highest among sound records of any epoch */
};
/* Walks a segment whose fd and layout are set; epoch 0: whichever is the highest. NV_ERR_IO,
 * NV_ERR_NO_MEMORY; what is damaged is no error, `walk` tells of it. */
enum nv_err nv_segment_walk(struct nv_journal *journal, struct nv_segment *segment,
                            struct nv_walk *walk) NV_MUST_USE;
/* A file that was opened. */
struct nv_opened {
    struct nv_segment *segment; /* new */
    uint64_t first_id;          /* as its header says */
    bool known;                 /* the header is sound; else the epoch is 0 */
    bool spare;                 /* nothing lives in it */
    bool stained;               /* something stands in its page where nothing is written */
};

/* ---- journal_files.c --------------------------------------------------------------------- */

/* Makes the directory and those above it. CONFIG, NO_SPACE. */
enum nv_err nv_journal_make_directory(const char *directory, struct nv_fail *fail) NV_MUST_USE;
/* Opens directory and lock, and takes it. CONFIG: not usable, or the lock is another user's;
 * LOCKED. */
enum nv_err nv_journal_take_lock(struct nv_journal *journal, struct nv_fail *fail) NV_MUST_USE;
/* Where a file of that number is kept aside, `why` before its digits ("damaged", "locked"): a
 * new string, a name that is free; NULL: none. */
char *nv_journal_aside_path(const struct nv_journal *journal, const char *why, uint32_t number);
/* Moves what only has the name of a journal file out of the way, counted as damage. CONFIG. */
enum nv_err nv_journal_set_aside(struct nv_journal *journal, const char *name,
                                 struct nv_fail *fail) NV_MUST_USE;
/* For scandir: is this the name of a journal file, "journal-" and eight hex digits? */
int nv_segment_named(const struct dirent *entry);
/*
 * Opens the file of `name`, which nv_segment_named chose, and reads its header. CONFIG: newer
 * format, or neither ours nor root's; IO: can't be opened, `fail` says why; MALFORMED: no file
 * of a journal; NOT_FOUND: gone; NO_MEMORY.
 */
enum nv_err nv_segment_open(struct nv_journal *journal, const char *name, struct nv_opened *out,
                            struct nv_fail *fail) NV_MUST_USE;

#endif
