/*
 * The journal's daily work: commit groups, read back, release (journal.h).
 *
 * A group is written with as few pwritev as it takes and synced once. Ids and slots are used up by
 * every attempt, also one that fails: what a failed attempt may have left on disk can then never be
 * taken for a record that came later. After a failed write or sync the segment is never written
 * again and the group is written anew to another one; nothing of it was acknowledged yet.
 *
 * The index is an array sorted by id: appending is free because ids grow, a live record costs 24
 * bytes, and looking one up is a guess or a few steps.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "base/banned.h"

/* Records written with one pwritev. */
#define FLUSH_MAX 64u
#define PARTS_PER_RECORD 4u
#define ATTEMPTS 3

/* ---- index --------------------------------------------------------------------------------- */

/* A released entry stays where it is until half are such: to take one out of a sorted array moves
 * all behind it. */
static void squeeze(struct nv_journal *journal)
{
    size_t kept = 0;
    for (size_t i = 0; i < journal->entry_count; i++) {
        if (journal->entries[i].slot_kind & 0xf)
            journal->entries[kept++] = journal->entries[i];
    }
    journal->entry_count = kept;
    journal->dead_entries = 0;
}

enum nv_err nv_journal_reserve(struct nv_journal *journal, size_t more)
{
    if (journal->dead_entries > 256 && journal->dead_entries > journal->entry_count / 2)
        squeeze(journal);
    if (journal->entry_count + more <= journal->entry_capacity)
        return NV_OK;
    size_t capacity = journal->entry_capacity + journal->entry_capacity / 2 + more + 64;
    struct nv_entry *entries = realloc(journal->entries, capacity * sizeof *entries);
    if (!entries)
        return NV_ERR_NO_MEMORY;
    journal->entries = entries;
    journal->entry_capacity = capacity;
    return NV_OK;
}

struct nv_entry *nv_journal_find(struct nv_journal *journal, uint64_t id)
{
    size_t low = 0;
    size_t high = journal->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (journal->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == journal->entry_count || journal->entries[low].id != id ||
        !(journal->entries[low].slot_kind & 0xf))
        return NULL;
    return &journal->entries[low];
}

/* ---- appending ----------------------------------------------------------------------------- */

/* Records gathered for one write to one segment. */
struct flush {
    struct nv_segment *segment;
    uint64_t offset;
    unsigned records;
    int parts;
    struct iovec iov[FLUSH_MAX * PARTS_PER_RECORD];
    uint8_t fronts[FLUSH_MAX][NV_RECORD_HEADER + NV_PAYLOAD_PREFIX];
};

static void add_part(struct flush *flush, const void *bytes, size_t len)
{
    if (len > 0)
        flush->iov[flush->parts++] = (struct iovec){(void *)(uintptr_t)bytes, len};
}

static void encode_front(uint8_t *front, const struct nv_append *append)
{
    const struct nv_journal_put *put = append->put;
    uint8_t *prefix = front + NV_RECORD_HEADER;
    memset(front, 0, NV_RECORD_HEADER + NV_PAYLOAD_PREFIX);
    prefix[0] = (uint8_t)put->kind;
    nv_put32(prefix + 4, (uint32_t)put->head.len);
    uint32_t crc = nv_crc32c(0, prefix, NV_PAYLOAD_PREFIX);
    crc = nv_crc32c(crc, put->head.ptr, put->head.len);
    crc = nv_crc32c(crc, put->body.ptr, put->body.len);
    nv_put32(front, NV_RECORD_MAGIC);
    nv_put32(front + 8, crc);
    nv_put32(front + 12, append->length);
    nv_put64(front + 16, put->id);
    nv_put32(front + 24, append->segment->epoch);
    nv_put32(front + 28, append->slot);
    nv_put32(front + 4, nv_crc32c(0, front + 8, NV_RECORD_HEADER - 8));
}

/* The parts stay where they are until pwritev: a body is never copied on its way to the disk. */
static void add_record(struct flush *flush, struct nv_append *append)
{
    static const uint8_t zeros[NV_RECORD_ALIGN];
    struct nv_segment *segment = flush->segment;
    uint64_t size = nv_record_size(append->length);
    append->segment = segment;
    append->offset = segment->end;
    append->slot = segment->slots++;
    segment->end += (uint32_t)size;
    uint8_t *front = flush->fronts[flush->records++];
    encode_front(front, append);
    add_part(flush, front, sizeof flush->fronts[0]);
    add_part(flush, append->put->head.ptr, append->put->head.len);
    add_part(flush, append->put->body.ptr, append->put->body.len);
    add_part(flush, zeros, size - NV_RECORD_HEADER - append->length);
}

static enum nv_err flush_out(struct nv_journal *journal, struct flush *flush)
{
    if (flush->records == 0)
        return NV_OK;
    struct nv_segment *segment = flush->segment;
    segment->dirty = true;
    enum nv_err err =
        nv_journal_write(journal, segment->fd, flush->iov, flush->parts, flush->offset);
    if (err == NV_ERR_NO_SPACE) {
        nv_room_trouble(journal, "writing a file", errno);
        segment->end = (uint32_t)flush->offset; /* the place can be written again, slots can't */
    } else if (err) {
        int error = errno;
        NV_LOG(NV_LOG_ERROR, "journal", "cannot write a file, it is closed number=%u errno=%d",
               (unsigned)segment->number, error);
        nv_room_trouble(journal, "writing a file", error);
        nv_segment_fail(journal, segment);
    }
    flush->records = 0;
    flush->parts = 0;
    flush->offset = segment->end;
    return err;
}

static bool has_room(const struct nv_segment *segment, uint64_t size, enum nv_use use)
{
    return segment && segment->state == NV_SEGMENT_ACTIVE && segment->end + size <= segment->size &&
           segment->slots < segment->slot_max && !(segment->reserved && use == NV_USE_REQUEST);
}

/* The segment for the next record of `size`: the current one, or a fresh one after it. */
static enum nv_err turn_over(struct nv_journal *journal, struct flush *flush, uint64_t size,
                             enum nv_use use)
{
    struct nv_segment **current = use == NV_USE_COLD ? &journal->cold : &journal->active;
    /* The end of a group syncs the file it ended in; what it left in the full one is synced here.
     */
    enum nv_err err = flush_out(journal, flush);
    struct nv_segment *full = *current;
    if (!err && full && full->state == NV_SEGMENT_ACTIVE) {
        nv_segment_write_seal(journal, full);
        err = nv_segment_sync(journal, full);
    }
    struct nv_segment *fresh = NULL;
    if (!err)
        err = nv_segment_obtain(journal, size, use, &fresh);
    if (err)
        return err;
    if (use == NV_USE_REQUEST)
        nv_room_open(journal);
    pthread_mutex_lock(&journal->lock);
    if (full && full->state == NV_SEGMENT_ACTIVE)
        full->state = NV_SEGMENT_SEALED;
    journal->reclaim = true;
    pthread_mutex_unlock(&journal->lock);
    *current = fresh;
    nv_mark_write(journal, false);
    flush->segment = fresh;
    flush->offset = fresh->end;
    return NV_OK;
}

enum nv_err nv_journal_append(struct nv_journal *journal, struct nv_append *appends, size_t count,
                              enum nv_use use, bool sync)
{
    struct flush *flush = malloc(sizeof *flush);
    if (!flush)
        return NV_ERR_NO_MEMORY;
    flush->segment = use == NV_USE_COLD ? journal->cold : journal->active;
    flush->records = 0;
    flush->parts = 0;
    flush->offset = flush->segment ? flush->segment->end : 0;
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < count && !err; i++) {
        uint64_t size = nv_record_size(appends[i].length);
        if (!has_room(flush->segment, size, use))
            err = turn_over(journal, flush, size, use);
        else if (flush->records == FLUSH_MAX)
            err = flush_out(journal, flush);
        if (!err)
            add_record(flush, &appends[i]);
    }
    if (!err)
        err = flush_out(journal, flush);
    if (!err && sync)
        err = nv_segment_sync(journal, flush->segment);
    free(flush);
    return err;
}

/* ---- committing ---------------------------------------------------------------------------- */

static enum nv_err measure(struct nv_journal_put *puts, size_t count, struct nv_append *appends)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t length = NV_PAYLOAD_PREFIX + (uint64_t)puts[i].head.len + puts[i].body.len;
        if (puts[i].head.len > NV_HEAD_MAX || length > NV_JOURNAL_RECORD_MAX)
            return NV_ERR_TOO_LARGE;
        assert(puts[i].kind > 0 && puts[i].kind < 16);
        appends[i] = (struct nv_append){.put = &puts[i], .length = (uint32_t)length};
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
    /* A sync that succeeds tells that all before it is on disk, too: what was committed without one
     * to a file that has failed since. */
    if (!err && sync && journal->config.sync)
        err = nv_journal_rescue(journal);
    if (err)
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
static void note_refusal(struct nv_journal *journal, const struct nv_append *appends, size_t count,
                         enum nv_err err)
{
    if (err && count == 1 && use_of(appends, count) == NV_USE_REQUEST)
        nv_room_refuse(journal, err, nv_record_size(appends[0].length), appends[0].put->body.len);
}

static enum nv_err commit_locked(struct nv_journal *journal, struct nv_append *appends,
                                 size_t count, bool sync)
{
    /* Room in the index first: once the group is on disk nothing may fail any more. */
    pthread_mutex_lock(&journal->lock);
    enum nv_err err = nv_journal_reserve(journal, count);
    pthread_mutex_unlock(&journal->lock);
    if (err)
        return err;
    /* Only a failed write or sync is worth another file; space and memory will not come back
     * between two attempts, and the client is told to wait for them. */
    err = NV_ERR_IO;
    for (int i = 0; i < ATTEMPTS && err == NV_ERR_IO; i++)
        err = attempt(journal, appends, count, sync);
    if (err)
        return err;
    pthread_mutex_lock(&journal->lock);
    for (size_t i = 0; i < count; i++)
        enter(journal, &appends[i]);
    pthread_mutex_unlock(&journal->lock);
    atomic_fetch_add(&journal->groups, 1);
    journal->kept_loose = !sync && (journal->kept_loose || use_of(appends, count) < NV_USE_NOTE);
    if (sync)
        nv_mark_write(journal, false);
    return NV_OK;
}

enum nv_err nv_journal_commit(struct nv_journal *journal, struct nv_journal_put *puts, size_t count,
                              bool sync)
{
    if (count == 0)
        return NV_OK;
    struct nv_append *appends = calloc(count, sizeof *appends);
    if (!appends)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = measure(puts, count, appends);
    if (!err) {
        pthread_mutex_lock(&journal->writer);
        err = commit_locked(journal, appends, count, sync);
        note_refusal(journal, appends, count, err);
        pthread_mutex_unlock(&journal->writer);
    }
    free(appends);
    return err;
}

/* The writer's lock is held. */
static enum nv_err sync_all(struct nv_journal *journal)
{
    enum nv_err err = NV_OK;
    if (journal->active && journal->active->state == NV_SEGMENT_ACTIVE)
        err = nv_segment_sync(journal, journal->active);
    if (!err && journal->config.sync)
        err = nv_journal_rescue(journal);
    if (err)
        return err;
    journal->kept_loose = false;
    nv_mark_write(journal, false);
    return NV_OK;
}

enum nv_err nv_journal_sync(struct nv_journal *journal)
{
    pthread_mutex_lock(&journal->writer);
    enum nv_err err = sync_all(journal);
    pthread_mutex_unlock(&journal->writer);
    return err;
}

enum nv_err nv_journal_sync_kept(struct nv_journal *journal)
{
    pthread_mutex_lock(&journal->writer);
    enum nv_err err = journal->kept_loose && journal->config.sync ? sync_all(journal) : NV_OK;
    pthread_mutex_unlock(&journal->writer);
    return err;
}

bool nv_journal_is_sure(struct nv_journal *journal)
{
    pthread_mutex_lock(&journal->writer);
    bool sure = journal->unsure == 0 || nv_journal_rescue(journal) == NV_OK;
    pthread_mutex_unlock(&journal->writer);
    return sure;
}

/* ---- releasing ----------------------------------------------------------------------------- */

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

void nv_journal_release(struct nv_journal *journal, const uint64_t *ids, size_t count)
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

/* ---- reading ------------------------------------------------------------------------------- */

/* Finds a live record and pins its segment. */
static struct nv_segment *pin(struct nv_journal *journal, uint64_t id, struct nv_entry *out)
{
    struct nv_segment *segment = NULL;
    pthread_mutex_lock(&journal->lock);
    const struct nv_entry *entry = nv_journal_find(journal, id);
    if (entry) {
        *out = *entry;
        segment = journal->segments[entry->segment - 1];
        segment->pins++;
    }
    pthread_mutex_unlock(&journal->lock);
    return segment;
}

static void unpin(struct nv_journal *journal, struct nv_segment *segment)
{
    pthread_mutex_lock(&journal->lock);
    assert(segment->pins > 0);
    segment->pins--;
    pthread_mutex_unlock(&journal->lock);
}

enum nv_err nv_journal_read_body(struct nv_journal *journal, uint64_t id, size_t offset, size_t len,
                                 char *to)
{
    struct nv_entry entry;
    struct nv_segment *segment = pin(journal, id, &entry);
    if (!segment)
        return NV_ERR_NOT_FOUND;
    uint64_t front = NV_PAYLOAD_PREFIX + (uint64_t)entry.head_len;
    assert(front + offset + len <= entry.length);
    enum nv_err err = nv_journal_read(journal, segment->fd, to, len,
                                      entry.offset + NV_RECORD_HEADER + front + offset);
    unpin(journal, segment);
    return err;
}

static enum nv_err check(const struct nv_entry *entry, const char *bytes)
{
    struct nv_record record;
    const char *payload = bytes + NV_RECORD_HEADER;
    if (!nv_record_decode((const uint8_t *)bytes, &record) || record.id != entry->id ||
        record.length != entry->length ||
        record.payload_crc != nv_crc32c(0, payload, entry->length))
        return NV_ERR_MALFORMED;
    return NV_OK;
}

static enum nv_err read_whole(struct nv_journal *journal, uint64_t id, struct nv_entry *entry,
                              char **out)
{
    struct nv_segment *segment = pin(journal, id, entry);
    if (!segment)
        return NV_ERR_NOT_FOUND;
    size_t len = NV_RECORD_HEADER + (size_t)entry->length;
    char *bytes = malloc(len);
    enum nv_err err =
        bytes ? nv_journal_read(journal, segment->fd, bytes, len, entry->offset) : NV_ERR_NO_MEMORY;
    unpin(journal, segment);
    if (!err)
        err = check(entry, bytes);
    if (err == NV_ERR_MALFORMED) {
        NV_LOG(NV_LOG_ERROR, "journal", "a record is damaged id=%llu", (unsigned long long)id);
        pthread_mutex_lock(&journal->lock);
        journal->damaged++;
        pthread_mutex_unlock(&journal->lock);
    }
    if (err) {
        free(bytes);
        bytes = NULL;
    }
    *out = bytes;
    return err;
}

enum nv_err nv_journal_get(struct nv_journal *journal, uint64_t id, enum nv_record_kind *kind,
                           struct nv_buf *head, struct nv_buf *body)
{
    struct nv_entry entry;
    char *bytes;
    enum nv_err err = read_whole(journal, id, &entry, &bytes);
    if (err)
        return err;
    const char *at = bytes + NV_RECORD_HEADER + NV_PAYLOAD_PREFIX;
    if (kind)
        *kind = (enum nv_record_kind)(entry.slot_kind & 0xf);
    if (head)
        err = nv_buf_append(head, at, entry.head_len);
    if (!err && body)
        err = nv_buf_append(body, at + entry.head_len,
                            entry.length - NV_PAYLOAD_PREFIX - entry.head_len);
    free(bytes);
    return err;
}

enum nv_err nv_journal_list(struct nv_journal *journal, unsigned kinds, uint64_t **ids,
                            size_t *count)
{
    pthread_mutex_lock(&journal->lock);
    uint64_t *found = malloc((journal->entry_count + 1) * sizeof *found);
    size_t n = 0;
    for (size_t i = 0; found && i < journal->entry_count; i++) {
        unsigned kind = journal->entries[i].slot_kind & 0xf;
        if (kind != 0 && kinds & 1u << kind)
            found[n++] = journal->entries[i].id;
    }
    pthread_mutex_unlock(&journal->lock);
    *ids = found;
    *count = n;
    return found ? NV_OK : NV_ERR_NO_MEMORY;
}

uint64_t nv_journal_oldest(struct nv_journal *journal, unsigned kinds)
{
    uint64_t oldest = UINT64_MAX;
    pthread_mutex_lock(&journal->lock);
    for (size_t i = 0; i < journal->entry_count && oldest == UINT64_MAX; i++) {
        unsigned kind = journal->entries[i].slot_kind & 0xf;
        if (kind != 0 && kinds & 1u << kind)
            oldest = journal->entries[i].id;
    }
    pthread_mutex_unlock(&journal->lock);
    return oldest;
}

void nv_journal_read_status(struct nv_journal *journal, struct nv_journal_status *out)
{
    pthread_mutex_lock(&journal->lock);
    *out = (struct nv_journal_status){.live_bytes = journal->live_bytes,
                                      .records = journal->entry_count - journal->dead_entries,
                                      .damaged = journal->damaged,
                                      .missing = journal->missing,
                                      .spare = journal->spare,
                                      .exposed = journal->exposed};
    for (uint32_t i = 0; i < journal->segment_count; i++)
        out->segments += journal->segments[i] != NULL;
    pthread_mutex_unlock(&journal->lock);
    out->file_bytes = atomic_load(&journal->file_bytes);
    out->groups = atomic_load(&journal->groups);
    out->syncs = atomic_load(&journal->syncs);
    out->moved = atomic_load(&journal->moved);
}
