/*
 * What is in the directory: open, lock, walk every file, close (journal.h).
 *
 * Nothing is appended to a file of before the start: its end may be torn, and a fresh file
 * costs little. Damage never keeps the program from starting, but every gap is counted and
 * told: slots that were used and are neither found nor released (journal_walk.c), files shorter
 * than their header says, and files that are gone (journal_mark.c).
 *
 *   files   walk each ▸ sync all (what a killed process wrote may be in memory only)
 *           ▸ of twins one goes ▸ compare with the mark: what is missing is told
 *
 * The order matters: a twin may go only because of one that is on disk.
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/banned.h"

/* ---- the directory ----------------------------------------------------------------------- */

static enum nv_err take_record(void *ctx, struct nv_segment *segment,
                               const struct nv_record_header *record, bool released)
{
    struct nv_journal *journal = ctx;
    if (record->id >= journal->next_id)
        journal->next_id = record->id + 1;
    if (released)
        return NV_OK;
    if (segment->locked) {
        segment->locked_records++;
        segment->locked_bytes += record->length;
        return NV_OK;
    }
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
    enum nv_err err = NV_OK;
    if (segment->epoch == 0) {
        err = nv_segment_walk(journal, segment, &walk);
        segment->epoch = walk.epoch;
    }
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
    if (opened->stained) {
        segment->damaged = !opened->spare; /* of a spare one the page is written anew */
        journal->damaged++;
        NV_LOG(NV_LOG_ERROR, "journal",
               "the page of a file's header is damaged behind it number=%u",
               (unsigned)segment->number);
    }
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
        nv_segment_disarm(opened.segment);
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
    uint32_t found = journal->aside;
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
    if (journal->segment_count == 0)
        return;
    enum nv_err err = nv_journal_sync_directory(journal);
    (void)err; /* no file was used before its entry was synced */
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (!segment)
            continue;
        segment->dirty = true;
        if (segment->state == NV_SEGMENT_SPARE && segment->epoch == 0)
            continue; /* nothing is read of it; who takes it syncs it first */
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
    struct nv_journal_reading nobodys = {0}, *reading = journal->config.reading;
    if (!reading)
        reading = &nobodys;
    atomic_store(&reading->of, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        atomic_store(&reading->files, (uint32_t)i);
        if (err == NV_OK)
            err = take_file(journal, names[i]->d_name, &mark, fail);
        free(names[i]);
    }
    journal->config.reading = NULL;
    free((void *)names);
    if (err != NV_OK) {
        return nv_fail_set(fail, err, 0, "cannot recover the journal in '%.90s'",
                           journal->directory);
    }
    err = nv_journal_settle_locked(journal, fail);
    if (err != NV_OK)
        return err;
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
    journal->config.key_file = NULL;
    if (!journal->directory || nv_journal_keys_new(&journal->keys)) {
        nv_journal_close(journal);
        return NULL;
    }
    return journal;
}

/* What was encrypted is not decrypted by being moved or retried, say by a command that was told
 * nothing of encryption. */
static bool holds_encrypted(const struct nv_journal *journal)
{
    bool holds = false;
    for (uint32_t i = 0; i < journal->segment_count && !holds; i++) {
        const struct nv_segment *segment = journal->segments[i];
        holds = segment && segment->encrypted && segment->live > 0;
    }
    return holds;
}

/* After what is there was found to need no key that is lost. */
static enum nv_err ready_to_encrypt(struct nv_journal *journal, struct nv_fail *fail)
{
    if (journal->config.stay_encrypted)
        journal->config.encrypt |= holds_encrypted(journal);
    if (!journal->config.encrypt)
        return NV_OK;
    journal->scratch = malloc(NV_SCRATCH_BYTES);
    if (!journal->scratch)
        return NV_ERR_NO_MEMORY;
    return journal->keys->count > 0 ? NV_OK
                                    : nv_journal_keys_generate(journal->keys, journal->ops,
                                                               journal->directory, fail);
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
        err = nv_journal_keys_load(journal->keys, config->key_file, journal->directory, fail);
    if (err == NV_OK)
        err = recover(journal, fail);
    if (err == NV_OK)
        err = ready_to_encrypt(journal, fail);
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
        nv_segment_disarm(segment);
        free(segment);
    }
    nv_journal_keys_free(journal->keys);
    free(journal->scratch);
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
