/*
 * A file of the journal read from its first record to its end (journal_internal.h has the
 * format).
 *
 * A file is walked by the lengths in the headers. Where no sound header of the file's epoch
 * stands, the walk tries every 64 bytes until one does: damage costs the records it covers and
 * no others, and behind the last record the remains of earlier epochs are passed over. The
 * checksum of every payload is computed here, and what is encrypted authenticated, so that what
 * is found is sound.
 *
 *   the file   header page | release bytes | record | record | ···damage··· | record | old epoch
 *   the walk                                 by length ──────▶ every 64 ────▶ by length ▶ passed
 *
 *   at a place   sound header of this epoch ──▶ payload's checksum ──sound──▶ live, or released
 *                     │ none                          └──not──▶ damage, unless it was released
 *                     ▼
 *                a stretch: counted once, however long, and only where a header must have been
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

#define WINDOW (256u << 10)

/* Chunks that are authenticated at once. */
#define OPENED_CHUNKS 16u
#define OPENED (OPENED_CHUNKS * (NV_CHUNK_BYTES + NV_TAG_BYTES))

struct walker {
    struct nv_journal *journal;
    struct nv_segment *segment;
    struct nv_walk *walk;
    uint8_t *released; /* the release area */
    uint8_t *window;
    struct nv_cipher_run *run; /* of an encrypted file that a key opens */
    uint8_t *opened;           /* OPENED bytes: the window stays as the disk has it */
    uint32_t window_at, window_len;
    bool window_zero;   /* nothing in it */
    uint32_t next_slot; /* one past that of the last record */
    bool damage;        /* seen, and nothing sound behind it yet */
    bool stretch;       /* in a stretch without a sound header */
};

/* `len` bytes at `at`, through the window; NULL when they can't be read. */
static const uint8_t *peek(struct walker *w, uint32_t at, uint32_t len)
{
    assert(len <= WINDOW && at + len <= w->segment->size);
    if (at >= w->window_at && at + len <= w->window_at + w->window_len)
        return w->window + (at - w->window_at);
    uint32_t left = w->segment->size - at;
    w->window_at = at;
    w->window_len = left < WINDOW ? left : WINDOW;
    if (nv_journal_read(w->journal, w->segment->fd, w->window, w->window_len, at)) {
        w->window_len = 0;
        return NULL;
    }
    w->window_zero = w->window_len > 0 && w->window[0] == 0 &&
                     memcmp(w->window, w->window + 1, w->window_len - 1) == 0;
    return w->window;
}

/* Is each chunk what was sealed in its place? */
static bool is_authentic(struct walker *w, const struct nv_record_header *record)
{
    uint32_t at = record->offset + NV_RECORD_HEADER + NV_PAYLOAD_PREFIX;
    uint32_t left = record->length - NV_PAYLOAD_PREFIX;
    for (uint32_t number = 0; left > 0; number += OPENED_CHUNKS) {
        uint32_t some = left < OPENED ? left : OPENED;
        const uint8_t *bytes = peek(w, at, some);
        if (!bytes)
            return false;
        memcpy(w->opened, bytes, some);
        if (nv_sealed_open_chunks(w->run, record, number, w->opened, some) != NV_OK) {
            NV_LOG(NV_LOG_ERROR, "journal",
                   "a record was changed since it was encrypted number=%u offset=%u",
                   (unsigned)w->segment->number, (unsigned)record->offset);
            return false;
        }
        at += some;
        left -= some;
    }
    return true;
}

/* May such a payload stand in this file, and is it as its prefix says? `released`: what is in
 * it is asked no more. */
static bool content_is_sound(struct walker *w, const struct nv_record_header *record,
                             bool released)
{
    const struct nv_segment *segment = w->segment;
    uint32_t len = record->length - NV_PAYLOAD_PREFIX;
    if (record->sealed && !nv_sealed_plain_length(record->length, &len))
        return false;
    if (record->kind == 0 || record->kind >= 16 || record->head_len > len)
        return false;
    /* epoch 0: the remains of earlier uses are looked at for their epoch alone */
    if (segment->epoch == 0 || released || segment->locked)
        return true;
    if (record->sealed != segment->encrypted || (record->sealed && !w->run))
        return false;
    return !record->sealed || is_authentic(w, record);
}

static bool payload_is_sound(struct walker *w, struct nv_record_header *record, bool released)
{
    uint32_t crc = 0;
    uint32_t at = record->offset + NV_RECORD_HEADER;
    const uint8_t *prefix = peek(w, at, NV_PAYLOAD_PREFIX);
    if (!prefix)
        return false;
    record->kind = prefix[0];
    record->sealed = prefix[1] == 1;
    record->head_len = nv_get32(prefix + 4);
    for (uint32_t left = record->length; left > 0;) {
        uint32_t some = left < WINDOW ? left : WINDOW;
        const uint8_t *bytes = peek(w, at, some);
        if (!bytes)
            return false;
        crc = nv_crc32c(crc, bytes, some);
        at += some;
        left -= some;
    }
    return crc == record->payload_crc && content_is_sound(w, record, released);
}

/* Behind the payload stand zeros. */
static bool padding_is_sound(struct walker *w, const struct nv_record_header *record)
{
    uint32_t used = NV_RECORD_HEADER + record->length;
    uint32_t len = (uint32_t)nv_record_size(record->length) - used;
    const uint8_t *bytes = peek(w, record->offset + used, len);
    return bytes && nv_bytes_are_zero(bytes, len);
}

static bool fits(const struct walker *w, const struct nv_record_header *record)
{
    const struct nv_segment *segment = w->segment;
    return record->length >= NV_PAYLOAD_PREFIX && record->slot < segment->slot_max &&
           record->offset + nv_record_size(record->length) <= segment->size &&
           (segment->epoch == 0 || record->epoch == segment->epoch);
}

/* Does what is no header look like one of this epoch that was hit? */
static bool was_header(const struct walker *w, const uint8_t *bytes)
{
    int alike = (nv_get32(bytes) == NV_RECORD_MAGIC) +
                (nv_get32(bytes + 24) == w->segment->epoch) +
                (nv_get32(bytes + 28) == w->next_slot);
    return alike >= 2 && w->segment->epoch != 0;
}

/* Slots before `end` that hold no record that was found: those not released are lost. */
static void note_missing(struct walker *w, uint32_t end)
{
    uint64_t missing = 0;
    for (uint32_t slot = w->next_slot; slot < end; slot++)
        missing += w->released[slot] != NV_RELEASED;
    if (missing == 0)
        return;
    w->walk->missing += missing;
    w->damage = true;
    NV_LOG(NV_LOG_ERROR, "journal",
           "records are missing, they may have been acknowledged number=%u records=%llu "
           "first_slot=%u",
           (unsigned)w->segment->number, (unsigned long long)missing, (unsigned)w->next_slot);
}

static void note_damage(struct walker *w, uint32_t at)
{
    w->walk->damaged++;
    w->damage = true;
    NV_LOG(NV_LOG_ERROR, "journal", "skipped damage number=%u offset=%u",
           (unsigned)w->segment->number, (unsigned)at);
}

/* Bytes from `at` on in which no header can be: a file of mostly holes is passed over
 * quickly. */
static uint32_t nothing_for(const struct walker *w, uint32_t at)
{
    uint32_t left = w->window_zero ? w->window_at + w->window_len - at : 0;
    return left > NV_RECORD_ALIGN ? left / NV_RECORD_ALIGN * NV_RECORD_ALIGN : NV_RECORD_ALIGN;
}

/* Looks at a place; returns the next one to look at. An error of the visitor ends the walk. */
static enum nv_err look(struct walker *w, uint32_t *at)
{
    struct nv_record_header record;
    const uint8_t *bytes = peek(w, *at, NV_RECORD_HEADER);
    bool header = bytes && nv_record_decode(bytes, &record);
    record.offset = *at;
    if (!header || !fits(w, &record)) {
        bool cut_off = header && w->segment->cut && record.epoch == w->segment->epoch;
        if (!w->stretch && (header ? cut_off : !bytes || was_header(w, bytes)))
            note_damage(w, *at);
        w->stretch = true;
        *at += bytes ? nothing_for(w, *at) : NV_RECORD_ALIGN;
        return NV_OK;
    }
    *at += (uint32_t)nv_record_size(record.length);
    w->stretch = false;
    if (w->segment->epoch != 0)
        note_missing(w, record.slot);
    w->next_slot = record.slot + 1;
    bool released = w->released[record.slot] == NV_RELEASED;
    if (!payload_is_sound(w, &record, released)) {
        if (!released)
            note_damage(w, record.offset);
        return NV_OK;
    }
    if (!padding_is_sound(w, &record))
        note_damage(w, record.offset);
    w->walk->middle |= w->damage;
    if (record.epoch > w->walk->epoch)
        w->walk->epoch = record.epoch;
    return w->walk->record ? w->walk->record(w->walk->ctx, w->segment, &record, released)
                           : NV_OK;
}

/* Unreadable release bytes: everything counts as live and may be delivered again. */
static void read_released(struct walker *w)
{
    const struct nv_segment *segment = w->segment;
    uint32_t there = segment->size > NV_SEGMENT_PAGE ? segment->size - NV_SEGMENT_PAGE : 0;
    uint32_t len = there < segment->slot_max ? there : segment->slot_max;
    if (nv_journal_read(w->journal, segment->fd, w->released, len, NV_SEGMENT_PAGE))
        memset(w->released, 0, segment->slot_max);
    for (uint32_t slot = 0; slot < segment->slot_max && !w->damage; slot++) {
        if (w->released[slot] != 0 && w->released[slot] != NV_RELEASED)
            note_damage(w, NV_SEGMENT_PAGE + slot);
    }
}

static enum nv_err make_room(struct walker *w)
{
    const struct nv_segment *segment = w->segment;
    w->released = calloc(1, segment->slot_max);
    w->window = malloc(WINDOW);
    if (!w->released || !w->window)
        return NV_ERR_NO_MEMORY;
    if (!segment->cipher)
        return NV_OK;
    w->opened = malloc(OPENED);
    return w->opened ? nv_cipher_begin(segment->cipher, false, &w->run) : NV_ERR_NO_MEMORY;
}

enum nv_err nv_segment_walk(struct nv_journal *journal, struct nv_segment *segment,
                            struct nv_walk *walk)
{
    struct walker w = {.journal = journal, .segment = segment, .walk = walk};
    enum nv_err err = make_room(&w);
    if (err == NV_OK)
        read_released(&w);
    if (err == NV_OK && segment->cut)
        note_damage(&w, segment->size);
    uint32_t at = segment->data_start;
    while (err == NV_OK && at + NV_RECORD_HEADER <= segment->size)
        err = look(&w, &at);
    if (err == NV_OK && segment->epoch != 0)
        note_missing(&w, segment->due_slots);
    segment->slots = w.next_slot;
    nv_cipher_end(w.run);
    free(w.opened);
    free(w.released);
    free(w.window);
    return err;
}
