/*
 * The journal's daily work: commit groups, sync, release (journal.h).
 *
 *   group ── attempt ──▶ appended, synced ──▶ in the index ──▶ acknowledged
 *               │ failed: its slots are marked as released, its file is never written again
 *               └──▶ another attempt, with other ids, in another file
 *
 * Room in the index is made before anything is written: once a group is on disk nothing may
 * fail any more. Ids are used up by every attempt, also one that fails: what it may have left
 * on disk can then never be taken for a record that came later. Nothing of it was acknowledged
 * yet.
 *
 * A release takes the record out of the index first and marks its slot after that, with its
 * file pinned in between: reused before the mark is written, the file would lose a record of
 * another epoch.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "base/banned.h"

/* Files a group is tried in, before the client is told that it is not kept. */
#define ATTEMPTS 3
/* Groups up to this size ask for no memory: what comes in a few milliseconds; 2 KiB of
 * stack. */
#define APPENDS_FEW 64u

/* ---- committing -------------------------------------------------------------------------- */

static enum nv_err measure(const struct nv_journal *journal, struct nv_journal_put *puts,
                           size_t count, struct nv_append *appends)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t length = NV_PAYLOAD_PREFIX + (uint64_t)puts[i].head.len + puts[i].body.len;
        if (puts[i].head.len > NV_HEAD_MAX || length > NV_JOURNAL_RECORD_MAX)
            return NV_ERR_TOO_LARGE;
        assert(puts[i].kind > 0 && puts[i].kind < 16);
        appends[i] =
            (struct nv_append){.put = &puts[i], .length = nv_payload_length(journal, &puts[i])};
    }
    return NV_OK;
}

/* A failed attempt: what it left on disk must not come back. */
static void undo(struct nv_journal *journal, const struct nv_append *appends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (appends[i].segment)
            nv_segment_mark_released(journal, appends[i].segment, appends[i].slot, 1);
    }
}

static enum nv_use use_of(const struct nv_append *appends, size_t count)
{
    enum nv_use use = NV_USE_NOTE;
    for (size_t i = 0; i < count; i++) {
        enum nv_record_kind kind = appends[i].put->kind;
        enum nv_use one = kind == NV_RECORD_SENT          ? NV_USE_NOTE
                          : kind == NV_RECORD_DEAD_LETTER ? NV_USE_LETTER
                                                          : NV_USE_REQUEST;
        use = one < use ? one : use;
    }
    return use;
}

/* One attempt, with ids of its own. */
static enum nv_err attempt(struct nv_journal *journal, struct nv_append *appends, size_t count,
                           bool sync)
{
    for (size_t i = 0; i < count; i++) {
        appends[i].put->id = journal->next_id++;
        appends[i].segment = NULL;
    }
    enum nv_err err = nv_journal_append(journal, appends, count, use_of(appends, count), sync);
    /* A sync that succeeds tells that all before it is on disk, too: what was committed without
     * one to a file that has failed since. */
    if (err == NV_OK && sync && journal->config.sync)
        err = nv_journal_rescue(journal);
    if (err != NV_OK)
        undo(journal, appends, count);
    return err;
}

static void enter(struct nv_journal *journal, const struct nv_append *append)
{
    const struct nv_journal_put *put = append->put;
    uint64_t size = nv_record_size(append->length);
    assert(journal->entry_count < journal->entry_capacity);
    journal->entries[journal->entry_count++] =
        (struct nv_entry){.id = put->id,
                          .offset = append->offset,
                          .length = append->length,
                          .segment = (uint16_t)append->segment->number,
                          .head_len = (uint16_t)put->head.len,
                          .slot_kind = append->slot << 4 | (uint32_t)put->kind};
    append->segment->live++;
    append->segment->live_bytes += size;
    journal->live_bytes += size;
}

/* Alone, the smallest of a group may still fit: what is refused is told of one at a time. */
static void note_refusal(struct nv_journal *journal, const struct nv_append *appends,
                         size_t count, enum nv_err err)
{
    if (err != NV_OK && count == 1 && use_of(appends, count) == NV_USE_REQUEST) {
        nv_room_refuse(journal, err, nv_record_size(appends[0].length),
                       appends[0].put->body.len);
    }
}

static enum nv_err commit_locked(struct nv_journal *journal, struct nv_append *appends,
                                 size_t count, bool sync)
{
    /* Room in the index first: once the group is on disk nothing may fail any more. */
    pthread_mutex_lock(&journal->lock);
    enum nv_err err = nv_journal_reserve(journal, count);
    pthread_mutex_unlock(&journal->lock);
    if (err != NV_OK)
        return err;
    /* Only a failed write or sync is worth another file; space and memory will not come back
     * between two attempts, and the client is told to wait for them. */
    err = NV_ERR_IO;
    for (int i = 0; i < ATTEMPTS && err == NV_ERR_IO; i++)
        err = attempt(journal, appends, count, sync);
    if (err != NV_OK)
        return err;
    pthread_mutex_lock(&journal->lock);
    for (size_t i = 0; i < count; i++)
        enter(journal, &appends[i]);
    pthread_mutex_unlock(&journal->lock);
    atomic_fetch_add(&journal->groups, 1);
    journal->kept_loose =
        !sync && (journal->kept_loose || use_of(appends, count) < NV_USE_NOTE);
    if (sync)
        nv_mark_write(journal, false);
    return NV_OK;
}

enum nv_err nv_journal_commit(struct nv_journal *journal, struct nv_journal_put *puts,
                              size_t count, bool sync)
{
    if (count == 0)
        return NV_OK;
    struct nv_append few[APPENDS_FEW];
    struct nv_append *appends = count <= APPENDS_FEW ? few : malloc(count * sizeof *appends);
    if (!appends)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = measure(journal, puts, count, appends);
    if (err == NV_OK) {
        nv_writer_lock(journal);
        err = commit_locked(journal, appends, count, sync);
        note_refusal(journal, appends, count, err);
        nv_writer_unlock(journal);
    }
    if (appends != few)
        free(appends);
    return err;
}

/* The writer's lock is held. */
static enum nv_err sync_all(struct nv_journal *journal)
{
    enum nv_err err = NV_OK;
    if (journal->active && journal->active->state == NV_SEGMENT_ACTIVE)
        err = nv_segment_sync(journal, journal->active);
    if (err == NV_OK && journal->config.sync)
        err = nv_journal_rescue(journal);
    if (err != NV_OK)
        return err;
    journal->kept_loose = false;
    nv_mark_write(journal, false);
    return NV_OK;
}

enum nv_err nv_journal_sync(struct nv_journal *journal)
{
    nv_writer_lock(journal);
    enum nv_err err = sync_all(journal);
    nv_writer_unlock(journal);
    return err;
}

enum nv_err nv_journal_sync_kept(struct nv_journal *journal)
{
    nv_writer_lock(journal);
    enum nv_err err = journal->kept_loose && journal->config.sync ? sync_all(journal) : NV_OK;
    nv_writer_unlock(journal);
    return err;
}

bool nv_journal_is_sure(struct nv_journal *journal)
{
    nv_writer_lock(journal);
    bool sure = journal->unsure == 0 || nv_journal_rescue(journal) == NV_OK;
    nv_writer_unlock(journal);
    return sure;
}

/* ---- releasing --------------------------------------------------------------------------- */

/* So many are put in order at a time: neighbours come in any order, mostly the last first, and
 * each that stands alone is a write of one byte. */
#define SORTED_AT_ONCE ((size_t)256)

/* Neighbouring slots of one segment, marked with one write. */
struct run {
    struct nv_segment *segment; /* pinned */
    uint32_t slot, count;
};

static void end_run(struct nv_journal *journal, struct run *run)
{
    if (!run->segment)
        return;
    nv_segment_mark_released(journal, run->segment, run->slot, run->count);
    pthread_mutex_lock(&journal->lock);
    run->segment->pins--;
    pthread_mutex_unlock(&journal->lock);
    run->segment = NULL;
}

/* Takes a record out of the index. False when it was not there. */
static bool forget(struct nv_journal *journal, uint64_t id, struct nv_segment **segment,
                   uint32_t *slot)
{
    pthread_mutex_lock(&journal->lock);
    struct nv_entry *entry = nv_journal_find(journal, id);
    if (entry) {
        uint64_t size = nv_record_size(entry->length);
        *segment = journal->segments[entry->segment - 1];
        *slot = entry->slot_kind >> 4;
        entry->slot_kind = 0;
        journal->dead_entries++;
        journal->live_bytes -= size;
        (*segment)->live--;
        (*segment)->live_bytes -= size;
        /* Until the slot is marked: reused before that, the file would lose a record of another
         * epoch. */
        (*segment)->pins++;
        if ((*segment)->live_bytes < nv_journal_few_bytes(journal, *segment))
            journal->reclaim = true;
    }
    pthread_mutex_unlock(&journal->lock);
    return entry != NULL;
}

static void release_sorted(struct nv_journal *journal, const uint64_t *ids, size_t count)
{
    struct run run = {0};
    for (size_t i = 0; i < count; i++) {
        struct nv_segment *segment;
        uint32_t slot;
        if (!forget(journal, ids[i], &segment, &slot))
            continue;
        if (run.segment == segment && slot == run.slot + run.count) {
            run.count++;
            pthread_mutex_lock(&journal->lock);
            segment->pins--;
            pthread_mutex_unlock(&journal->lock);
            continue;
        }
        end_run(journal, &run);
        run = (struct run){segment, slot, 1};
    }
    end_run(journal, &run);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

void nv_journal_release(struct nv_journal *journal, const uint64_t *ids, size_t count)
{
    uint64_t sorted[SORTED_AT_ONCE];
    while (count > 0) {
        size_t some = count < SORTED_AT_ONCE ? count : SORTED_AT_ONCE;
        memcpy(sorted, ids, some * sizeof *ids);
        qsort(sorted, some, sizeof *sorted, compare_ids);
        release_sorted(journal, sorted, some);
        ids += some;
        count -= some;
    }
}

/* ---- reading ----------------------------------------------------------------------------- */

void nv_journal_read_status(struct nv_journal *journal, struct nv_journal_status *out)
{
    pthread_mutex_lock(&journal->lock);
    *out = (struct nv_journal_status){.live_bytes = journal->live_bytes,
                                      .records = journal->entry_count - journal->dead_entries,
                                      .damaged = journal->damaged,
                                      .missing = journal->missing,
                                      .spare = journal->spare,
                                      .exposed = journal->exposed,
                                      .encrypted = journal->config.encrypt,
                                      .key_source = journal->keys->source,
                                      .locked = journal->locked};
    if (journal->keys->count > 0)
        nv_journal_key_text(journal->keys->keys[0].id, out->key_id);
    for (uint32_t i = 0; i < journal->segment_count; i++)
        out->segments += journal->segments[i] != NULL;
    pthread_mutex_unlock(&journal->lock);
    out->file_bytes = atomic_load(&journal->file_bytes);
    out->groups = atomic_load(&journal->groups);
    out->syncs = atomic_load(&journal->syncs);
    out->moved = atomic_load(&journal->moved);
}
