/*
 * Room: what is set aside for forgetting, who is refused for want of it, and when that ends.
 *
 *   files:   [ active | sealed ... ]  [ spare | spare | spare ]   <- the reserve
 *               requests                notes, copies, at need dead letters
 *
 *   open ── a request finds no room ──▶ refusing ── a file is had without the reserve ──▶ open
 *
 * On a full disk room comes back by deleting, and deleting needs room: a note of what was sent
 * is written before its requests go, and what still lives in a file is copied before the file
 * goes. So a few empty files are made before the first request is taken, and no request may
 * have them. They are allocated, not counted: what others write to the same disk can't take
 * them away. Files that become free fill up the reserve first. While requests are refused the
 * journal itself looks for room, ten times a second, because those at the door may have been
 * told to come back late.
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include "base/banned.h"

/* While refusing: between two looks for room; after an error, which seldom goes so soon. */
#define LOOK_NS UINT64_C(100000000)
#define LOOK_AFTER_ERROR_NS UINT64_C(1000000000)
/* A volume holds at least so many files, so that the first of them is done with soon. */
#define FILES_MIN 32u
#define FILES_MIN_SMALL 16u
#define SMALL_FILE (UINT64_C(1) << 20)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static bool is_want_of_room(enum nv_err err)
{
    return err == NV_ERR_FULL || err == NV_ERR_NO_SPACE;
}

/* ---- size of the files ------------------------------------------------------------------- */

static uint64_t power_below(uint64_t value)
{
    uint64_t power = NV_SEGMENT_MIN;
    while (power * 2 <= value)
        power *= 2;
    return power;
}

/* Spare files of a start under another quota, or before others filled the volume, are given
 * back when they are too small to be a reserve now, or so large that they are the room that is
 * missed.
 */
static void drop_odd_spares(struct nv_journal *journal)
{
    uint32_t usual = journal->config.segment_bytes;
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (!segment || segment->state != NV_SEGMENT_SPARE)
            continue;
        if (segment->size >= usual / 2 && segment->size / 2 <= usual)
            continue;
        segment->state = NV_SEGMENT_SEALED;
        journal->spare--;
        nv_segment_discard(journal, segment);
    }
}

void nv_room_fit(struct nv_journal *journal)
{
    struct statvfs volume;
    uint64_t room = journal->config.max_bytes;
    if (fstatvfs(journal->directory_fd, &volume) == 0) {
        uint64_t disk = (uint64_t)volume.f_bavail * volume.f_frsize;
        disk += atomic_load(&journal->file_bytes);
        room = disk < room ? disk : room;
    }
    journal->capacity = room;
    if (journal->config.reserve == 0)
        return;
    uint64_t bytes = room / FILES_MIN;
    if (bytes < SMALL_FILE)
        bytes = room / FILES_MIN_SMALL < SMALL_FILE ? room / FILES_MIN_SMALL : SMALL_FILE;
    bytes = power_below(bytes);
    if (bytes < journal->config.segment_bytes)
        journal->config.segment_bytes = (uint32_t)bytes;
    drop_odd_spares(journal);
}

/* ---- the reserve ------------------------------------------------------------------------- */

static bool is_worn(const struct nv_segment *segment)
{
    return segment->end - segment->data_start > (segment->size - segment->data_start) / 2 ||
           segment->slots > segment->slot_max / 2;
}

/* A file that was synced takes no more. */
static void seal(struct nv_journal *journal, struct nv_segment *segment)
{
    nv_segment_write_seal(journal, segment);
    pthread_mutex_lock(&journal->lock);
    segment->state = NV_SEGMENT_SEALED;
    pthread_mutex_unlock(&journal->lock);
}

/*
 * The file that is appended to is not looked at by the round over the others; on a full disk it
 * may be the one whose room is missed. It is closed only for another one: the header of that
 * says which ids were used, which would else go with the file.
 */
static void close_worn(struct nv_journal *journal, enum nv_use use)
{
    struct nv_segment **current = use == NV_USE_COLD ? &journal->cold : &journal->active;
    struct nv_segment *worn = *current;
    struct nv_segment *fresh = NULL;
    if (!worn || worn->state != NV_SEGMENT_ACTIVE || !is_worn(worn))
        return;
    pthread_mutex_lock(&journal->lock);
    bool few = worn->live_bytes < nv_journal_few_bytes(journal, worn);
    pthread_mutex_unlock(&journal->lock);
    if (!few || nv_segment_sync(journal, worn) || nv_segment_obtain(journal, 0, use, &fresh))
        return;
    seal(journal, worn);
    *current = fresh;
    nv_mark_write(journal, false);
}

void nv_room_before(struct nv_journal *journal)
{
    assert(nv_owner_is_mine(&journal->writing));
    if (!atomic_load(&journal->refusing) || journal->config.reserve == 0)
        return;
    close_worn(journal, NV_USE_NOTE);
    close_worn(journal, NV_USE_COLD);
}

/* Has it been long enough since the last look? The writer's lock is held. */
static bool is_time(struct nv_journal *journal)
{
    uint64_t now = now_ns();
    bool room = is_want_of_room(journal->refusal.err);
    if (now - journal->looked_ns < (room ? LOOK_NS : LOOK_AFTER_ERROR_NS))
        return false;
    journal->looked_ns = now;
    return true;
}

void nv_room_after(struct nv_journal *journal)
{
    assert(nv_owner_is_mine(&journal->writing));
    struct nv_segment *fresh = NULL;
    if (!atomic_load(&journal->refusing) || !is_time(journal))
        return;
    uint64_t need = atomic_load(&journal->refused_need);
    struct nv_segment *before = journal->active;
    if (before && before->state == NV_SEGMENT_ACTIVE && nv_segment_sync(journal, before))
        return;
    enum nv_err err = nv_segment_obtain(journal, need, NV_USE_REQUEST, &fresh);
    if (err != NV_OK) {
        nv_room_still_refused(journal, err);
        return;
    }
    if (before && before->state == NV_SEGMENT_ACTIVE)
        seal(journal, before);
    pthread_mutex_lock(&journal->lock);
    journal->reclaim = true;
    pthread_mutex_unlock(&journal->lock);
    journal->active = fresh;
    nv_mark_write(journal, false);
    nv_room_open(journal);
}

void nv_room_first(struct nv_journal *journal)
{
    struct nv_segment *fresh = NULL;
    if (journal->config.reserve == 0)
        return;
    pthread_mutex_lock(&journal->writer);
    enum nv_err err = nv_segment_obtain(journal, 0, NV_USE_REQUEST, &fresh);
    if (err != NV_OK)
        nv_room_refuse(journal, err, 0, 0);
    if (err != NV_OK && nv_segment_obtain(journal, 0, NV_USE_NOTE, &fresh)) {
        NV_LOG(NV_LOG_WARN, "journal",
               "no file to write notes to: what is sent may be sent again");
    }
    journal->active = fresh;
    /* One file for notes and copies: what starts left before it goes there, or each start on a
     * full disk would leave two more files with a few notes in them. */
    if (err != NV_OK)
        journal->cold = fresh;
    nv_mark_write(journal, false);
    pthread_mutex_unlock(&journal->writer);
}
