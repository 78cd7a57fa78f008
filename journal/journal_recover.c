/*
 * What is in the directory: open, lock, walk every file, close (journal.h).
 *
 * A file is walked from its first record on, by the lengths in the headers. Where no sound
 * header of the file's epoch stands, the walk tries every 64 bytes until one does: damage costs
 * the records it covers and no others, and behind the last record the remains of earlier epochs
 * are passed over. The checksum of every payload is computed here, so that what is found is
 * sound.
 *
 * Nothing is appended to a file of before the start: its end may be torn, and a fresh file
 * costs little. Damage never keeps the program from starting, but every gap is counted and
 * told: slots that were used and are neither found nor released, files shorter than their
 * header says, and files that are gone (journal_mark.c).
 *
 *   the file   header page | release bytes | record | record | ···damage··· | record | old epoch
 *   the walk                                 by length ──────▶ every 64 ────▶ by length ▶ passed
 *
 *   at a place   sound header of this epoch ──▶ payload's checksum ──sound──▶ live, or released
 *                     │ none                          └──not──▶ damage, unless it was released
 *                     ▼
 *                a stretch: counted once, however long, and only where a header must have been
 *
 *   files        walk each ▸ sync all (what a killed process wrote may be in memory only)
 *                ▸ of twins one goes ▸ compare with the mark: what is missing is told
 *
 * The order of the last line matters: a twin may go only because of one that is on disk.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/banned.h"

#define WINDOW (256u << 10)

/* ---- walking ----------------------------------------------------------------------------- */

struct walker {
    struct nv_journal *journal;
    struct nv_segment *segment;
    struct nv_walk *walk;
    uint8_t *released; /* the release area */
    uint8_t *window;
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

static bool payload_is_sound(struct walker *w, struct nv_record_header *record)
{
    uint32_t crc = 0;
    uint32_t at = record->offset + NV_RECORD_HEADER;
    const uint8_t *prefix = peek(w, at, NV_PAYLOAD_PREFIX);
    if (!prefix)
        return false;
    record->kind = prefix[0];
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
    return crc == record->payload_crc && record->kind > 0 && record->kind < 16 &&
           record->head_len <= record->length - NV_PAYLOAD_PREFIX;
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
    if (!payload_is_sound(w, &record)) {
        if (!released)
            note_damage(w, record.offset);
        return NV_OK;
    }
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
}

enum nv_err nv_segment_walk(struct nv_journal *journal, struct nv_segment *segment,
                            struct nv_walk *walk)
{
    struct walker w = {.journal = journal, .segment = segment, .walk = walk};
    w.released = calloc(1, segment->slot_max);
    w.window = malloc(WINDOW);
    enum nv_err err = w.released && w.window ? NV_OK : NV_ERR_NO_MEMORY;
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
    free(w.released);
    free(w.window);
    return err;
}

/* ---- the directory ----------------------------------------------------------------------- */

static enum nv_err take_record(void *ctx, struct nv_segment *segment,
                               const struct nv_record_header *record, bool released)
{
    struct nv_journal *journal = ctx;
    if (record->id >= journal->next_id)
        journal->next_id = record->id + 1;
    if (released)
        return NV_OK;
    enum nv_err err = nv_journal_reserve(journal, 1);
    if (err != NV_OK)
        return err;
    journal->entries[journal->entry_count++] =
        (struct nv_entry){.id = record->id,
                          .offset = record->offset,
                          .length = record->length,
                          .segment = (uint16_t)segment->number,
                          .head_len = (uint16_t)record->head_len,
                          .slot_kind = record->slot << 4 | record->kind};
    uint64_t size = nv_record_size(record->length);
    segment->live++;
    segment->live_bytes += size;
    journal->live_bytes += size;
    return NV_OK;
}

/* Finds the epoch of a file whose header is gone. */
static enum nv_err guess_epoch(struct nv_journal *journal, struct nv_segment *segment)
{
    struct nv_walk walk = {.ctx = journal};
    enum nv_err err = nv_segment_walk(journal, segment, &walk);
    segment->epoch = walk.epoch;
    if (segment->epoch == 0 && !segment->damaged)
        return err; /* made and never begun, or the mark tells that it was */
    journal->damaged++;
    NV_LOG(NV_LOG_ERROR, "journal", "the header of a file is damaged number=%u records=%s",
           (unsigned)segment->number, segment->epoch != 0 ? "found" : "none");
    return err;
}

static void expect_marked(struct nv_segment *segment, const struct nv_marked *marked)
{
    if (marked->number != segment->number || marked->epoch != segment->epoch)
        return;
    uint32_t slots = marked->slots < segment->slot_max ? marked->slots : segment->slot_max;
    if (slots > segment->due_slots)
        segment->due_slots = slots;
}

static enum nv_err take_segment(struct nv_journal *journal, const struct nv_opened *opened,
                                const struct nv_mark *mark)
{
    struct nv_walk walk = {.ctx = journal, .record = take_record};
    struct nv_segment *segment = opened->segment;
    enum nv_err err = opened->known ? NV_OK : guess_epoch(journal, segment);
    if (opened->spare) {
        segment->state = NV_SEGMENT_SPARE;
        journal->spare++;
    }
    if (err != NV_OK || segment->epoch == 0)
        return err;
    if (segment->epoch >= journal->next_epoch)
        journal->next_epoch = segment->epoch + 1;
    if (opened->spare)
        return NV_OK;
    bool sealed = segment->due_slots != 0;
    expect_marked(segment, &mark->active);
    expect_marked(segment, &mark->cold);
    err = nv_segment_walk(journal, segment, &walk);
    journal->damaged += walk.damaged;
    journal->missing += walk.missing;
    segment->damaged |= walk.middle;
    if (segment->slots < segment->due_slots)
        segment->slots = segment->due_slots;
    segment->firm_slots = segment->slots;
    nv_segment_doubt(journal, segment, nv_mark_sure_slots(journal, mark, segment));
    if (err == NV_OK && !sealed)
        nv_segment_write_seal(journal, segment);
    return err;
}

static enum nv_err take_file(struct nv_journal *journal, const char *name,
                             const struct nv_mark *mark, struct nv_fail *fail)
{
    struct nv_opened opened;
    enum nv_err err = nv_segment_open(journal, name, &opened, fail);
    if (err == NV_ERR_NOT_FOUND)
        return NV_OK;
    if (err == NV_ERR_MALFORMED)
        return nv_journal_set_aside(journal, name, fail);
    if (err != NV_OK)
        return err;
    err = nv_segment_register(journal, opened.segment);
    if (err != NV_OK) {
        journal->ops->close(journal->ops->ctx, opened.segment->fd);
        free(opened.segment);
        return err;
    }
    if (opened.first_id > journal->next_id)
        journal->next_id = opened.first_id;
    return take_segment(journal, &opened, mark);
}

static int compare_entries(const void *a, const void *b)
{
    const struct nv_entry *left = a;
    const struct nv_entry *right = b;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return (int)left->segment - (int)right->segment;
}

static bool is_sure(const struct nv_journal *journal, const struct nv_entry *entry)
{
    return entry->slot_kind >> 4 < journal->segments[entry->segment - 1]->unsure_from;
}

/* A record that was being moved when the program ended is there twice: one of them goes, that
 * which may be in memory only. */
static void drop_twins(struct nv_journal *journal)
{
    size_t kept = 0;
    if (journal->entry_count > 0) {
        qsort(journal->entries, journal->entry_count, sizeof *journal->entries,
              compare_entries);
    }
    for (size_t i = 0; i < journal->entry_count; i++) {
        struct nv_entry entry = journal->entries[i];
        if (kept == 0 || journal->entries[kept - 1].id != entry.id) {
            journal->entries[kept++] = entry;
            continue;
        }
        if (is_sure(journal, &entry) && !is_sure(journal, &journal->entries[kept - 1])) {
            struct nv_entry unsure = journal->entries[kept - 1];
            journal->entries[kept - 1] = entry;
            entry = unsure;
        }
        struct nv_segment *segment = journal->segments[entry.segment - 1];
        segment->live--;
        segment->live_bytes -= nv_record_size(entry.length);
        journal->live_bytes -= nv_record_size(entry.length);
        nv_segment_mark_released(journal, segment, entry.slot_kind >> 4, 1);
    }
    journal->entry_count = kept;
}

/* What the files alone don't tell: that one of them is gone or nothing but zeros. */
static void check_mark(struct nv_journal *journal, const struct nv_mark *mark)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < journal->segment_count; i++)
        found += journal->segments[i] && journal->segments[i]->epoch != 0;
    /* A newer epoch than the mark's: the mark is of before a power cut, or an older version
     * ran. */
    bool stale = journal->next_epoch - 1 > mark->last_epoch;
    if (found < mark->files && !stale) {
        journal->damaged += mark->files - found;
        NV_LOG(NV_LOG_ERROR, "journal",
               "files are gone or hold only zeros, what was in them may have been acknowledged "
               "files=%u of=%u",
               (unsigned)(mark->files - found), (unsigned)mark->files);
    }
    if (mark->last_epoch >= journal->next_epoch)
        journal->next_epoch = mark->last_epoch + 1;
    if (mark->next_id > journal->next_id)
        journal->next_id = mark->next_id;
    nv_mark_write(journal, false);
}

/*
 * What is read here may be in memory only, written by a process that was killed before its
 * sync. From here on it is acted upon: requests go because of a note, one twin because of the
 * other. So it is put on disk first, the files' entries too.
 */
static void firm_up(struct nv_journal *journal)
{
    enum nv_err err = nv_journal_sync_directory(journal);
    (void)err; /* no file was used before its entry was synced */
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (!segment)
            continue;
        segment->dirty = true;
        /* A file that fails is bad now, and what lives in it is moved. */
        err = nv_segment_sync(journal, segment);
        (void)err;
    }
}

/* Finds the files of the directory and what lives in them. CONFIG, IO, NO_MEMORY. */
static enum nv_err recover(struct nv_journal *journal, struct nv_fail *fail)
{
    struct dirent **names;
    struct nv_mark mark;
    nv_mark_read(journal, &mark);
    int count = scandir(journal->directory, &names, nv_segment_named, alphasort);
    if (count < 0) {
        return nv_fail_set(fail, NV_ERR_IO, 0, "cannot read the directory '%.90s'",
                           journal->directory);
    }
    enum nv_err err = NV_OK;
    for (int i = 0; i < count; i++) {
        if (err == NV_OK)
            err = take_file(journal, names[i]->d_name, &mark, fail);
        free(names[i]);
    }
    free((void *)names);
    if (err != NV_OK) {
        return nv_fail_set(fail, err, 0, "cannot recover the journal in '%.90s'",
                           journal->directory);
    }
    firm_up(journal);
    drop_twins(journal);
    check_mark(journal, &mark);
    return NV_OK;
}

/* ---- open and close ---------------------------------------------------------------------- */

static struct nv_journal *new_journal(const struct nv_journal_config *config)
{
    struct nv_journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return NULL;
    journal->config = *config;
    journal->ops = config->ops ? config->ops : nv_file_ops_system();
    uint32_t size = config->segment_bytes / NV_SEGMENT_PAGE * NV_SEGMENT_PAGE;
    journal->config.segment_bytes = size < NV_SEGMENT_MIN ? NV_SEGMENT_MIN : size;
    journal->lock_fd = -1;
    journal->directory_fd = -1;
    journal->next_id = 1;
    journal->next_epoch = 1;
    journal->boot = nv_mark_boot();
    journal->reclaim = true;
    pthread_mutex_init(&journal->writer, NULL);
    pthread_mutex_init(&journal->lock, NULL);
    journal->directory = strdup(config->directory);
    journal->config.directory = journal->directory;
    if (!journal->directory) {
        nv_journal_close(journal);
        return NULL;
    }
    return journal;
}

enum nv_err nv_journal_open(const struct nv_journal_config *config, struct nv_journal **out,
                            struct nv_fail *fail)
{
    *out = NULL;
    enum nv_err err = nv_journal_make_directory(config->directory, fail);
    if (err != NV_OK)
        return err;
    struct nv_journal *journal = new_journal(config);
    if (!journal)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for the journal");
    err = nv_journal_take_lock(journal, fail);
    if (err == NV_OK)
        err = recover(journal, fail);
    if (err != NV_OK) {
        nv_journal_close(journal);
        return nv_fail_set(fail, err, 0, "cannot open the journal");
    }
    nv_room_fit(journal);
    nv_room_first(journal);
    pthread_mutex_lock(&journal->writer);
    if (nv_journal_rescue(journal))
        NV_LOG(NV_LOG_ERROR, "journal", "what a file holds can't be put on disk, nor moved");
    nv_mark_write(journal, false);
    pthread_mutex_unlock(&journal->writer);
    nv_journal_maintain(journal);
    *out = journal;
    return NV_OK;
}

void nv_journal_close(struct nv_journal *journal)
{
    if (!journal)
        return;
    /* The mark of a start that failed stays: it tells what is not sure. */
    if (journal->active && journal->active->state == NV_SEGMENT_ACTIVE &&
        nv_segment_sync(journal, journal->active) == NV_OK)
        nv_mark_write(journal, false);
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (!segment)
            continue;
        journal->ops->close(journal->ops->ctx, segment->fd);
        free(segment);
    }
    if (journal->directory_fd >= 0)
        close(journal->directory_fd);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    pthread_mutex_destroy(&journal->writer);
    pthread_mutex_destroy(&journal->lock);
    free((void *)journal->segments);
    free(journal->entries);
    free(journal->directory);
    free(journal);
}
