/*
 * Space given back: files in which nothing lives, and files that a few stragglers keep alive.
 *
 * A trace that stays open for an hour would pin a whole file that is otherwise done with. When
 * less than a twentieth of a sealed file lives (a third, once half of the quota is in use), its
 * records are copied to a cold file: written, synced, then marked as released at the old place,
 * then found at the new one. A crash in between leaves a record twice, which recovery sees by
 * its id. The same way out is taken from a file whose sync failed. Copies keep their ids; a
 * cold file is not in their order, which only recovery sorts out.
 *
 *   a file      spare ◀──────usual size, not damaged──────┐
 *                 │ begun                                 │
 *                 ▼                                       │
 *               active ──full──▶ sealed ──nothing lives──▶ retire ──else──▶ deleted
 *                 │                │ few live                ▲
 *                 │ sync failed    ▼                         │
 *                 └──▶ bad ──▶ emptied into the cold file ───┘
 *
 *   pinned by a reader: everything waits for the next round (`again`)
 *   damaged: stays until its records are released; copying would bless what is not sound
 *
 *   1 copy to cold   2 sync cold   3 index shows the copy   4 old place marked released
 *     crash: twice     twice         twice                    once
 *
 * One file is emptied a round, for a round stands between two groups of requests that wait for
 * their sync.
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

static void retire(struct nv_journal *journal, struct nv_segment *segment)
{
    /* Odd sizes are made for one huge record or on a nearly full disk: the next one gains by a
     * file of the usual size. */
    bool usable = segment->state == NV_SEGMENT_SEALED && !segment->damaged &&
                  segment->size == journal->config.segment_bytes &&
                  journal->spare < nv_room_spare_max(journal);
    if (!usable || nv_segment_make_spare(journal, segment))
        nv_segment_discard(journal, segment);
}

/* ---- stragglers -------------------------------------------------------------------------- */

/* Ids of what lives in a segment, from a slot on: new array, or NULL. */
static uint64_t *living(struct nv_journal *journal, const struct nv_segment *segment,
                        uint32_t slot, size_t *count)
{
    pthread_mutex_lock(&journal->lock);
    uint64_t *ids = malloc((segment->live + 1) * sizeof *ids);
    *count = 0;
    for (size_t i = 0; ids && i < journal->entry_count; i++) {
        const struct nv_entry *entry = &journal->entries[i];
        if (entry->slot_kind & 0xf && entry->segment == segment->number &&
            entry->slot_kind >> 4 >= slot)
            ids[(*count)++] = entry->id;
    }
    pthread_mutex_unlock(&journal->lock);
    return ids;
}

/* The index shows the copy from here on; if the record was released meanwhile, so is the
 * copy. */
static void switch_over(struct nv_journal *journal, struct nv_segment *from,
                        const struct nv_append *copy)
{
    uint64_t size = nv_record_size(copy->length);
    uint64_t was = 0;
    pthread_mutex_lock(&journal->lock);
    struct nv_entry *entry = nv_journal_find(journal, copy->put->id);
    bool lives = entry && entry->segment == from->number;
    uint32_t old_slot = lives ? entry->slot_kind >> 4 : 0;
    if (lives) {
        entry->segment = (uint16_t)copy->segment->number;
        was = nv_record_size(entry->length);
        entry->offset = copy->offset;
        entry->length = copy->length; /* another where one of them is encrypted */
        entry->slot_kind = copy->slot << 4 | (entry->slot_kind & 0xf);
        from->live--;
        from->live_bytes -= was;
        copy->segment->live++;
        copy->segment->live_bytes += size;
        journal->live_bytes = journal->live_bytes - was + size;
    }
    pthread_mutex_unlock(&journal->lock);
    if (lives)
        nv_segment_mark_released(journal, from, old_slot, 1);
    else
        nv_segment_mark_released(journal, copy->segment, copy->slot, 1);
}

/* A record and its copy. */
struct move {
    struct nv_journal_put put; /* its views are gone once it is written */
    struct nv_append copy;
};

static enum nv_err copy_one(struct nv_journal *journal, struct move *move)
{
    struct nv_buf head;
    struct nv_buf body;
    nv_buf_init(&head, NV_JOURNAL_RECORD_MAX);
    nv_buf_init(&body, NV_JOURNAL_RECORD_MAX);
    enum nv_err err =
        nv_journal_read_record(journal, move->put.id, &move->put.kind, &head, &body);
    if (err == NV_OK) {
        move->put.head = nv_buf_str(&head);
        move->put.body = nv_buf_str(&body);
        move->copy = (struct nv_append){.put = &move->put,
                                        .length = nv_payload_length(journal, &move->put)};
        err = nv_journal_append(journal, &move->copy, 1, NV_USE_COLD, false);
        if (err != NV_OK)
            move->copy.segment = NULL;
    }
    nv_buf_release(&head);
    nv_buf_release(&body);
    return err == NV_ERR_NOT_FOUND ? NV_OK : err;
}

/* Copies, syncs, then shows the copies. What was copied before an error is shown all the
 * same. */
static enum nv_err move_all(struct nv_journal *journal, struct nv_segment *from,
                            struct move *moves, size_t count)
{
    enum nv_err err = NV_OK;
    size_t copied = 0;
    for (; copied < count && err == NV_OK; copied++)
        err = copy_one(journal, &moves[copied]);
    enum nv_err synced = journal->cold ? nv_segment_sync(journal, journal->cold) : NV_OK;
    if (synced)
        return synced;
    for (size_t i = 0; i < copied; i++) {
        if (moves[i].copy.segment)
            switch_over(journal, from, &moves[i].copy);
    }
    atomic_fetch_add(&journal->moved, copied);
    return err;
}

/* True when nothing is left in the segment, from that slot on. */
static bool empty_out(struct nv_journal *journal, struct nv_segment *segment, uint32_t slot)
{
    size_t count;
    uint64_t *ids = living(journal, segment, slot, &count);
    struct move *moves = calloc(count + 1, sizeof *moves);
    enum nv_err err = ids && moves ? NV_OK : NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < count && err == NV_OK; i++)
        moves[i].put.id = ids[i];
    if (err == NV_OK)
        err = move_all(journal, segment, moves, count);
    free(ids);
    free(moves);
    if (err == NV_ERR_MALFORMED)
        segment->damaged = true; /* stays as it is until its owner has given it up */
    return !err;
}

enum nv_err nv_journal_rescue(struct nv_journal *journal)
{
    assert(nv_owner_is_mine(&journal->writing));
    for (uint32_t i = 0; i < journal->segment_count && journal->unsure > 0; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (!segment || segment->unsure_from == NV_ALL_SURE)
            continue;
        if (journal->cold == segment)
            journal->cold = NULL;
        if (!segment->damaged && !empty_out(journal, segment, segment->unsure_from) &&
            !segment->damaged)
            return NV_ERR_IO;
        nv_segment_doubt(journal, segment, NV_ALL_SURE);
    }
    return NV_OK;
}

/* ---- the round --------------------------------------------------------------------------- */

enum fate { FATE_STAYS, FATE_LATER, FATE_RETIRE, FATE_EMPTY };

/* What is to be done with a segment. The lock is held. */
static enum fate fate_of(const struct nv_journal *journal, const struct nv_segment *segment)
{
    if (!segment || segment == journal->active || segment == journal->cold ||
        segment->state == NV_SEGMENT_SPARE || segment->state == NV_SEGMENT_ACTIVE)
        return FATE_STAYS;
    if (segment->pins > 0)
        return FATE_LATER;
    if (segment->live == 0)
        return FATE_RETIRE;
    if (segment->damaged)
        return FATE_STAYS;
    bool few = segment->live_bytes < nv_journal_few_bytes(journal, segment);
    return few || segment->state == NV_SEGMENT_BAD ? FATE_EMPTY : FATE_STAYS;
}

/* Treats one segment. Only one is emptied a round: it is done between two groups of
 * requests. */
static void treat(struct nv_journal *journal, uint32_t place, bool *emptied, bool *again)
{
    pthread_mutex_lock(&journal->lock);
    struct nv_segment *segment = journal->segments[place];
    enum fate fate = fate_of(journal, segment);
    pthread_mutex_unlock(&journal->lock);
    if (fate == FATE_EMPTY && *emptied) {
        *again = true;
        return;
    }
    if (fate == FATE_EMPTY) {
        *emptied = true;
        if (!empty_out(journal, segment, 0))
            return;
    }
    if (fate == FATE_EMPTY) {
        pthread_mutex_lock(&journal->lock);
        fate = segment->pins > 0 ? FATE_LATER : FATE_RETIRE;
        pthread_mutex_unlock(&journal->lock);
    }
    if (fate == FATE_RETIRE)
        retire(journal, segment);
    *again |= fate == FATE_LATER;
}

void nv_journal_maintain(struct nv_journal *journal)
{
    /* Taken back before the look, so that what changes meanwhile asks for another one. */
    pthread_mutex_lock(&journal->lock);
    bool needed = journal->reclaim;
    journal->reclaim = false;
    pthread_mutex_unlock(&journal->lock);
    if (!needed && !atomic_load(&journal->refusing))
        return;
    bool again = false;
    bool emptied = false;
    nv_writer_lock(journal);
    if (journal->active && journal->active->state != NV_SEGMENT_ACTIVE)
        journal->active = NULL;
    if (journal->cold && journal->cold->state != NV_SEGMENT_ACTIVE)
        journal->cold = NULL;
    nv_room_before(journal);
    for (uint32_t i = 0; i < journal->segment_count && needed; i++)
        treat(journal, i, &emptied, &again);
    nv_room_after(journal);
    nv_writer_unlock(journal);
    pthread_mutex_lock(&journal->lock);
    journal->reclaim |= again;
    pthread_mutex_unlock(&journal->lock);
}
