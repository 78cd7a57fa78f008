/*
 * The journal's files: made, reused, synced, marked, discarded (journal_internal.h has the
 * format).
 *
 * A file is allocated whole before it is used, so that a full disk shows itself here and not in
 * the middle of a group; when there is no room for a whole one, smaller ones are tried. A used
 * file is used again rather than unlinked (15 % cheaper,
 * docs/design/0004-journal.md#what-was-measured): its release bytes are zeroed and that is
 * synced before the header gets the new epoch, because a stale release byte under a new epoch
 * would lose a record silently.
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/banned.h"

/* A file below this is full after a few requests: then the disk counts as full. */
#define SMALLEST_FALLBACK (1u << 20)

/* ---- bytes ------------------------------------------------------------------------------- */

static char *segment_path(const struct nv_journal *journal, uint32_t number)
{
    char name[32];
    snprintf(name, sizeof name, "journal-%08x", (unsigned)number);
    return nv_journal_path(journal, name);
}

/* ---- one segment ------------------------------------------------------------------------- */

/* Writes the header of a segment; the rest of its page is 0 from then on. */
static enum nv_err write_header(struct nv_journal *journal, const struct nv_segment *segment,
                                uint64_t first_id)
{
    uint8_t bytes[NV_SEGMENT_PAGE] = {0};
    nv_put64(bytes, NV_SEGMENT_MAGIC);
    nv_put32(bytes + NV_SEGMENT_FORMAT_AT,
             segment->encrypted ? NV_JOURNAL_FORMAT : NV_JOURNAL_FORMAT_PLAIN);
    nv_put32(bytes + NV_SEGMENT_EPOCH_AT, segment->epoch);
    nv_put32(bytes + NV_SEGMENT_SIZE_AT, segment->size);
    nv_put32(bytes + NV_SEGMENT_SLOTS_AT, segment->slot_max);
    nv_put64(bytes + NV_SEGMENT_FIRST_ID_AT, first_id);
    nv_segment_put_lock(segment, bytes);
    nv_put32(bytes + NV_SEGMENT_FLAGS_AT,
             (segment->cold ? NV_SEGMENT_FLAG_COLD : 0) |
                 (segment->encrypted ? NV_SEGMENT_FLAG_ENCRYPTED : 0) |
                 (segment->state == NV_SEGMENT_SPARE ? NV_SEGMENT_FLAG_SPARE : 0));
    uint32_t crc = nv_segment_header_crc(bytes);
    nv_put32(bytes + NV_SEGMENT_CRC_AT, crc);
    struct iovec part = {bytes, sizeof bytes};
    return nv_journal_write(journal, segment->fd, &part, 1, 0);
}

void nv_segment_doubt(struct nv_journal *journal, struct nv_segment *segment, uint32_t slot)
{
    bool was = segment->unsure_from != NV_ALL_SURE;
    segment->unsure_from = journal->config.sync ? slot : NV_ALL_SURE;
    bool is = segment->unsure_from != NV_ALL_SURE;
    journal->unsure = journal->unsure + is - was;
}

void nv_segment_fail(struct nv_journal *journal, struct nv_segment *segment)
{
    segment->state = NV_SEGMENT_BAD;
    nv_segment_doubt(journal, segment, 0);
    pthread_mutex_lock(&journal->lock);
    journal->reclaim = true;
    pthread_mutex_unlock(&journal->lock);
}

/* Has the file no name any more? What is written to it then is gone with the process. */
static bool is_removed(const struct nv_segment *segment)
{
    struct stat stat;
    return fstat(segment->fd, &stat) == 0 && stat.st_nlink == 0;
}

/* Who removed one rarely removed one alone. Spare ones are looked at as they are taken. */
static unsigned fail_removed(struct nv_journal *journal)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (!segment || segment->state == NV_SEGMENT_BAD ||
            segment->state == NV_SEGMENT_SPARE || !is_removed(segment))
            continue;
        nv_segment_fail(journal, segment);
        count++;
    }
    return count;
}

enum nv_err nv_segment_expect_named(struct nv_journal *journal, struct nv_segment *segment)
{
    if (!segment || segment->state == NV_SEGMENT_BAD || !is_removed(segment))
        return NV_OK;
    nv_segment_fail(journal, segment);
    NV_LOG(NV_LOG_ERROR, "journal",
           "somebody removed files of the journal, what they hold is moved to another one as "
           "soon as there is one: keep the gateway running files=%u directory=%s",
           fail_removed(journal) + 1, journal->directory);
    nv_room_trouble(journal, "writing a file", ENOENT);
    return NV_ERR_IO;
}

enum nv_err nv_segment_sync(struct nv_journal *journal, struct nv_segment *segment)
{
    if (!journal->config.sync || !segment->dirty) {
        segment->firm_slots = segment->slots;
        return NV_OK;
    }
    if (journal->ops->fdatasync(journal->ops->ctx, segment->fd) == 0) {
        segment->dirty = false;
        segment->firm_slots = segment->slots;
        atomic_fetch_add(&journal->syncs, 1);
        return NV_OK;
    }
    /* What the kernel could not write it forgets; a second sync would succeed and mean
     * nothing. */
    NV_LOG(NV_LOG_ERROR, "journal", "cannot sync a file, it is closed number=%u errno=%d",
           (unsigned)segment->number, errno);
    nv_segment_fail(journal, segment);
    return NV_ERR_IO;
}

void nv_segment_mark_released(struct nv_journal *journal, const struct nv_segment *segment,
                              uint32_t slot, uint32_t count)
{
    uint8_t marks[256];
    memset(marks, NV_RELEASED, sizeof marks);
    assert(slot + count <= segment->slot_max);
    while (count > 0) {
        uint32_t some = count < sizeof marks ? count : (uint32_t)sizeof marks;
        struct iovec part = {marks, some};
        /* Neither synced nor an error: a mark that is lost brings the record back after a
         * crash, where a note or the backend tells that it was done. */
        if (nv_journal_write(journal, segment->fd, &part, 1, NV_SEGMENT_PAGE + slot)) {
            NV_LOG(NV_LOG_WARN, "journal", "cannot mark a record as done number=%u",
                   (unsigned)segment->number);
        }
        slot += some;
        count -= some;
    }
}

enum nv_err nv_segment_register(struct nv_journal *journal, struct nv_segment *segment)
{
    uint32_t number = segment->number;
    assert(number > 0);
    if (number > NV_SEGMENTS_MAX)
        return NV_ERR_FULL;
    if (number > journal->segment_count) {
        struct nv_segment **segments =
            realloc((void *)journal->segments, number * sizeof(struct nv_segment *));
        if (!segments)
            return NV_ERR_NO_MEMORY;
        for (uint32_t i = journal->segment_count; i < number; i++)
            segments[i] = NULL;
        journal->segments = segments;
        journal->segment_count = number;
    }
    assert(journal->segments[number - 1] == NULL);
    journal->segments[number - 1] = segment;
    atomic_fetch_add(&journal->file_bytes, segment->size);
    return NV_OK;
}

enum nv_err nv_journal_sync_directory(struct nv_journal *journal)
{
    if (!journal->config.sync ||
        journal->ops->fsync(journal->ops->ctx, journal->directory_fd) == 0 || errno == EINVAL)
        return NV_OK; /* EINVAL: a file system that has no such thing */
    int error = errno;
    NV_LOG(NV_LOG_WARN, "journal", "cannot sync the directory errno=%d", error);
    errno = error;
    return nv_journal_errno(error);
}

/* Takes the file away, or aside when it is damaged: somebody may want to look at it. */
static void remove_file(struct nv_journal *journal, uint32_t number, bool aside)
{
    char *path = segment_path(journal, number);
    char *kept = aside ? nv_journal_aside_path(journal, "damaged", number) : NULL;
    if (path && kept)
        journal->ops->rename(journal->ops->ctx, path, kept);
    else if (path)
        journal->ops->unlink(journal->ops->ctx, path);
    free(path);
    free(kept);
    /* A file that comes back holds nothing that was not released. */
    enum nv_err err = nv_journal_sync_directory(journal);
    (void)err;
}

/* What is left of an unlinked file on the disk is of no use without its salt. Written as that
 * of a spare file: should the power go before it is unlinked, nothing is missed. */
static void forget_salt(struct nv_journal *journal, struct nv_segment *segment)
{
    bool has = segment->encrypted && !segment->damaged;
    nv_segment_disarm(segment);
    if (!has)
        return;
    segment->state = NV_SEGMENT_SPARE;
    /* at least not on purpose: a disk that fails may keep it */
    if (write_header(journal, segment, journal->next_id) == NV_OK && journal->config.sync)
        (void)journal->ops->fdatasync(journal->ops->ctx, segment->fd);
}

void nv_segment_discard(struct nv_journal *journal, struct nv_segment *segment)
{
    assert(segment->pins == 0 && segment->live == 0);
    pthread_mutex_lock(&journal->lock);
    journal->segments[segment->number - 1] = NULL;
    pthread_mutex_unlock(&journal->lock);
    atomic_fetch_sub(&journal->file_bytes, segment->size);
    nv_segment_doubt(journal, segment, NV_ALL_SURE);
    forget_salt(journal, segment);
    journal->ops->close(journal->ops->ctx, segment->fd);
    nv_mark_write(journal, true); /* before the file goes, or it would be missed */
    remove_file(journal, segment->number, segment->damaged);
    free(segment);
}

/* ---- obtaining one ----------------------------------------------------------------------- */

static enum nv_err zero_release_area(struct nv_journal *journal, struct nv_segment *segment)
{
    static const uint8_t zeros[NV_SEGMENT_PAGE];
    for (uint32_t at = 0; at < segment->slot_max; at += NV_SEGMENT_PAGE) {
        struct iovec part = {(void *)(uintptr_t)zeros, NV_SEGMENT_PAGE};
        enum nv_err err =
            nv_journal_write(journal, segment->fd, &part, 1, NV_SEGMENT_PAGE + at);
        if (err != NV_OK)
            return err;
    }
    segment->dirty = true;
    return nv_segment_sync(journal, segment);
}

/* Gives a segment that holds nothing its epoch: from here on it is appended to. */
static enum nv_err begin_segment(struct nv_journal *journal, struct nv_segment *segment,
                                 bool cold)
{
    nv_segment_layout(segment, segment->size);
    segment->state = NV_SEGMENT_ACTIVE;
    segment->cold = cold;
    segment->epoch = journal->next_epoch++;
    enum nv_err err = nv_segment_arm(journal, segment);
    if (err != NV_OK)
        return err;
    /* On disk before the first record: recovery believes only records of the header's epoch,
     * and the salt is nowhere else. */
    err = write_header(journal, segment, journal->next_id);
    segment->dirty = true;
    return err != NV_OK ? err : nv_segment_sync(journal, segment);
}

/* A spare file with room for `need`, if more than `kept` of them are there: the one that was
 * begun last, for its pages are still in memory, and those set aside are never written to. */
static struct nv_segment *find_spare(struct nv_journal *journal, uint64_t need, uint32_t kept)
{
    struct nv_segment *found = NULL;
    pthread_mutex_lock(&journal->lock);
    for (uint32_t i = 0; i < journal->segment_count && journal->spare > kept; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (segment && segment->state == NV_SEGMENT_SPARE && segment->pins == 0 &&
            segment->data_start + need <= segment->size &&
            (!found || segment->epoch > found->epoch))
            found = segment;
    }
    if (found)
        journal->spare--;
    pthread_mutex_unlock(&journal->lock);
    return found;
}

/* Such a file, readied; *out is NULL when there is none. */
static enum nv_err take_spare(struct nv_journal *journal, uint64_t need, uint32_t kept,
                              struct nv_segment **out)
{
    struct nv_segment *segment = find_spare(journal, need, kept);
    while (nv_segment_expect_named(journal, segment))
        segment = find_spare(journal, need, kept);
    /* The header of a spare file first: zeroed release bytes under that of its last use would
     * bring all back, should the power go between the two. */
    enum nv_err err = segment ? nv_segment_sync(journal, segment) : NV_OK;
    if (segment && err == NV_OK)
        err = zero_release_area(journal, segment);
    if (err != NV_OK)
        nv_segment_fail(journal, segment);
    *out = err != NV_OK ? NULL : segment;
    return err;
}

static uint32_t free_number(struct nv_journal *journal)
{
    uint32_t i = 0;
    while (i < journal->segment_count && journal->segments[i])
        i++;
    return i + 1;
}

/* Nothing but a file of our own making is written to: what somebody else put there would be his
 * to read. What is there by that name is not in the table, so nothing of ours lives in it. */
static int open_new(struct nv_journal *journal, const char *path)
{
    int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = journal->ops->open(journal->ops->ctx, path, flags, 0600);
    if (fd < 0 && errno == EEXIST && journal->ops->unlink(journal->ops->ctx, path) == 0)
        fd = journal->ops->open(journal->ops->ctx, path, flags, 0600);
    return fd;
}

/* A new file of `size` bytes, all of them allocated. */
static enum nv_err create_file(struct nv_journal *journal, uint32_t number, uint32_t size,
                               int *out)
{
    char *path = segment_path(journal, number);
    if (!path)
        return NV_ERR_NO_MEMORY;
    int fd = open_new(journal, path);
    int error = fd < 0 ? errno : 0;
    enum nv_err err = error ? nv_journal_errno(error) : NV_OK;
    if (err == NV_OK) {
        error = journal->ops->fallocate(journal->ops->ctx, fd, 0, size);
        err = error ? nv_journal_errno(error) : NV_OK;
        if (err != NV_OK) {
            journal->ops->close(journal->ops->ctx, fd);
            journal->ops->unlink(journal->ops->ctx, path);
        }
    }
    if (err != NV_OK)
        nv_room_trouble(journal, fd < 0 ? "making a file" : "allocating a file", error);
    free(path);
    *out = err != NV_OK ? -1 : fd;
    return err;
}

/* Largest file that still helps: the usual size, halved while the disk has no room for it. */
static enum nv_err create_fitting(struct nv_journal *journal, uint32_t number, uint64_t need,
                                  uint32_t *size, int *fd)
{
    for (;;) {
        enum nv_err err = create_file(journal, number, *size, fd);
        uint32_t half = *size / 2 / NV_SEGMENT_PAGE * NV_SEGMENT_PAGE;
        if (err != NV_ERR_NO_SPACE || half < need || half < SMALLEST_FALLBACK)
            return err;
        *size = half;
    }
}

/* What `need` bytes take, release bytes and pages included: a file is at least so large. */
static uint64_t whole_bytes(uint64_t need)
{
    uint64_t slots = need / NV_BYTES_PER_SLOT + NV_SEGMENT_PAGE;
    return (need + slots + 2 * (uint64_t)NV_SEGMENT_PAGE) / NV_SEGMENT_PAGE * NV_SEGMENT_PAGE;
}

/* A new file in the table whose entry in the directory may be in memory only. */
static enum nv_err create_segment(struct nv_journal *journal, uint64_t need, bool cold,
                                  struct nv_segment **out)
{
    uint64_t whole = whole_bytes(need);
    uint64_t wanted =
        whole > journal->config.segment_bytes ? whole : journal->config.segment_bytes;
    if (wanted > NV_SEGMENT_MAX)
        return NV_ERR_TOO_LARGE;
    /* Without a reserve one file for stragglers may stand above the quota: it is how room comes
     * back. */
    bool above = cold && journal->config.reserve == 0;
    uint64_t allowed = journal->config.max_bytes + (above ? wanted : 0);
    if (atomic_load(&journal->file_bytes) + wanted > allowed)
        return NV_ERR_FULL;
    struct nv_segment *segment = calloc(1, sizeof *segment);
    if (!segment)
        return NV_ERR_NO_MEMORY;
    uint32_t size = (uint32_t)wanted;
    segment->number = free_number(journal);
    enum nv_err err = create_fitting(journal, segment->number, whole, &size, &segment->fd);
    if (err != NV_OK) {
        free(segment);
        return err;
    }
    nv_segment_layout(segment, size);
    pthread_mutex_lock(&journal->lock);
    err = nv_segment_register(journal, segment);
    pthread_mutex_unlock(&journal->lock);
    if (err != NV_OK) {
        journal->ops->close(journal->ops->ctx, segment->fd);
        remove_file(journal, segment->number, false);
        free(segment);
        return err;
    }
    *out = segment;
    return NV_OK;
}

enum nv_err nv_segment_make_spare(struct nv_journal *journal, struct nv_segment *segment)
{
    segment->state = NV_SEGMENT_SPARE;
    segment->reserved = false;
    /* without its salt nobody reads any more what it held */
    nv_segment_disarm(segment);
    enum nv_err err = write_header(journal, segment, journal->next_id);
    segment->dirty = true;
    if (err != NV_OK) {
        nv_segment_fail(journal, segment);
        return err;
    }
    pthread_mutex_lock(&journal->lock);
    journal->spare++;
    pthread_mutex_unlock(&journal->lock);
    return NV_OK;
}

/* New files, whose entries one sync of the directory puts on disk: each of its own takes as
 * long as all together, and a first start makes four. */
struct made {
    struct nv_segment *spares[NV_JOURNAL_RESERVE], *wanted;
    uint32_t count;
};

/* The files that are missing in the reserve, and one for `need` bytes. What was made before an
 * error stays. */
static enum nv_err make_files(struct nv_journal *journal, uint64_t need, bool cold,
                              struct made *made)
{
    uint64_t layout = NV_SEGMENT_PAGE + journal->config.segment_bytes / NV_BYTES_PER_SLOT;
    uint64_t half = journal->config.segment_bytes / 2 - layout;
    enum nv_err err = NV_OK;
    assert(journal->config.reserve <= NV_JOURNAL_RESERVE);
    while (err == NV_OK && journal->spare + made->count < journal->config.reserve) {
        err = create_segment(journal, half, false, &made->spares[made->count]);
        made->count += err == NV_OK;
    }
    return err != NV_OK ? err : create_segment(journal, need, cold, &made->wanted);
}

/* What is written to them might be in no directory after a power cut. */
static void unmake_files(struct nv_journal *journal, struct made *made)
{
    nv_room_trouble(journal, "syncing the directory", errno);
    for (uint32_t i = 0; i < made->count; i++)
        nv_segment_discard(journal, made->spares[i]);
    if (made->wanted)
        nv_segment_discard(journal, made->wanted);
    *made = (struct made){0};
}

/*
 * A segment that leaves the reserve as it should be. The header of a file that is set aside is
 * not synced: until it is, the file is zeros, which is one that was never begun, and whoever
 * takes it syncs it first.
 */
static enum nv_err obtain_beside(struct nv_journal *journal, uint64_t need, bool cold,
                                 struct nv_segment **out)
{
    struct made made = {0};
    enum nv_err err = take_spare(journal, need, journal->config.reserve, out);
    if (err != NV_OK || *out)
        return err;
    err = make_files(journal, need, cold, &made);
    if (made.count > 0 || made.wanted) {
        enum nv_err synced = nv_journal_sync_directory(journal);
        if (synced != NV_OK)
            unmake_files(journal, &made);
        err = synced != NV_OK ? synced : err;
    }
    for (uint32_t i = 0; i < made.count; i++) {
        enum nv_err spared = nv_segment_make_spare(journal, made.spares[i]);
        err = err != NV_OK ? err : spared;
    }
    if (err != NV_OK && made.wanted)
        nv_segment_discard(journal, made.wanted);
    *out = err == NV_OK ? made.wanted : NULL;
    return err;
}

enum nv_err nv_segment_obtain(struct nv_journal *journal, uint64_t need, enum nv_use use,
                              struct nv_segment **out)
{
    assert(nv_owner_is_mine(&journal->writing));
    struct nv_segment *segment = NULL;
    bool cold = use == NV_USE_COLD;
    *out = NULL;
    enum nv_err err = obtain_beside(journal, need, cold, &segment);
    bool reserved = false;
    if (err != NV_OK && use != NV_USE_REQUEST) {
        enum nv_err taken =
            take_spare(journal, need, nv_room_kept_from(journal, use), &segment);
        reserved = segment != NULL;
        err = segment ? NV_OK : taken ? taken : err;
    }
    if (err != NV_OK)
        return err;
    segment->reserved = reserved;
    err = begin_segment(journal, segment, cold);
    if (err != NV_OK)
        nv_segment_fail(journal, segment);
    *out = err != NV_OK ? NULL : segment;
    return err;
}
