/*
 * Where each live record is, and reading it back.
 *
 *   entries  [ id 3 | id 4 | - | id 9 | ... ]      sorted by id; "-": released, squeezed out later
 *                 │ segment, offset
 *                 ▼
 *   segment  pinned while it is read: it is neither reused nor taken away
 *
 * The index is an array sorted by id: appending is free because ids grow, a live record costs
 * 24 bytes, and looking one up is a few steps. A reader holds the lock to find and pin, not
 * while it reads, so that reads run beside commits.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

/* Released entries are squeezed out when there are more than this and than half of all. */
#define DEAD_MIN 256u
/* The low bits of slot_kind: the kind, 0 when released. */
#define KIND_BITS 0xfu
/* Entries of room that are added at least. */
#define ENTRIES_MORE 64u

/* ---- the index ------------------------------------------------------------------------- */

/* A released entry stays where it is until half are such: to take one out of a sorted array
 * moves all behind it. */
static void squeeze(struct nv_journal *journal)
{
    size_t kept = 0;
    for (size_t i = 0; i < journal->entry_count; i++) {
        if (journal->entries[i].slot_kind & KIND_BITS)
            journal->entries[kept++] = journal->entries[i];
    }
    journal->entry_count = kept;
    journal->dead_entries = 0;
}

enum nv_err nv_journal_reserve(struct nv_journal *journal, size_t more)
{
    if (journal->dead_entries > DEAD_MIN && journal->dead_entries > journal->entry_count / 2)
        squeeze(journal);
    if (journal->entry_count + more <= journal->entry_capacity)
        return NV_OK;
    size_t capacity =
        journal->entry_capacity + journal->entry_capacity / 2 + more + ENTRIES_MORE;
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
        !(journal->entries[low].slot_kind & KIND_BITS))
        return NULL;
    return &journal->entries[low];
}

/* ---- reading --------------------------------------------------------------------------- */

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

static void note_damaged(struct nv_journal *journal, uint64_t id)
{
    NV_LOG(NV_LOG_ERROR, "journal", "a record is damaged id=%llu", (unsigned long long)id);
    pthread_mutex_lock(&journal->lock);
    journal->damaged++;
    pthread_mutex_unlock(&journal->lock);
}

/* The header of a record as it was written: what an encrypted one is bound to. */
static struct nv_record_header header_of(const struct nv_segment *segment,
                                         const struct nv_entry *entry)
{
    return (struct nv_record_header){.offset = entry->offset,
                                     .length = entry->length,
                                     .id = entry->id,
                                     .epoch = segment->epoch,
                                     .slot = entry->slot_kind >> 4,
                                     .kind = entry->slot_kind & KIND_BITS,
                                     .head_len = entry->head_len,
                                     .sealed = true};
}

enum nv_err nv_journal_read_body(struct nv_journal *journal, uint64_t id, size_t offset,
                                 size_t len, char *to)
{
    struct nv_entry entry;
    struct nv_segment *segment = pin(journal, id, &entry);
    if (!segment)
        return NV_ERR_NOT_FOUND;
    bool damaged = false;
    enum nv_err err;
    if (segment->cipher) {
        struct nv_record_header record = header_of(segment, &entry);
        err = nv_sealed_read(journal, segment, &record, entry.head_len + (uint64_t)offset, len,
                             to);
        damaged = err == NV_ERR_MALFORMED; /* and zeros: the caller's hash tells him */
        err = damaged ? NV_OK : err;
    } else {
        uint64_t front = NV_PAYLOAD_PREFIX + (uint64_t)entry.head_len;
        assert(front + offset + len <= entry.length);
        err = nv_journal_read(journal, segment->fd, to, len,
                              entry.offset + NV_RECORD_HEADER + front + offset);
    }
    unpin(journal, segment);
    if (damaged)
        note_damaged(journal, id);
    return err;
}

/* The payload is checked whole and, where it is encrypted, opened; *len: of head and body. */
static enum nv_err check(const struct nv_segment *segment, const struct nv_entry *entry,
                         char *bytes, uint32_t *len)
{
    struct nv_record_header record;
    char *payload = bytes + NV_RECORD_HEADER;
    if (!nv_record_decode((const uint8_t *)bytes, &record) || record.id != entry->id ||
        record.length != entry->length ||
        record.payload_crc != nv_crc32c(0, payload, entry->length))
        return NV_ERR_MALFORMED;
    *len = entry->length - NV_PAYLOAD_PREFIX;
    if (!segment->cipher)
        return NV_OK;
    record = header_of(segment, entry);
    return nv_sealed_open(segment->cipher, &record, (uint8_t *)payload, len);
}

static enum nv_err read_whole(struct nv_journal *journal, uint64_t id, struct nv_entry *entry,
                              char **out, uint32_t *plain)
{
    struct nv_segment *segment = pin(journal, id, entry);
    if (!segment)
        return NV_ERR_NOT_FOUND;
    size_t len = NV_RECORD_HEADER + (size_t)entry->length;
    char *bytes = malloc(len);
    enum nv_err err = bytes ? nv_journal_read(journal, segment->fd, bytes, len, entry->offset)
                            : NV_ERR_NO_MEMORY;
    if (err == NV_OK)
        err = check(segment, entry, bytes, plain);
    unpin(journal, segment);
    if (err == NV_ERR_MALFORMED)
        note_damaged(journal, id);
    if (err != NV_OK) {
        free(bytes);
        bytes = NULL;
    }
    *out = bytes;
    return err;
}

enum nv_err nv_journal_read_record(struct nv_journal *journal, uint64_t id,
                                   enum nv_record_kind *kind, struct nv_buf *head,
                                   struct nv_buf *body)
{
    struct nv_entry entry;
    char *bytes;
    uint32_t len = 0;
    enum nv_err err = read_whole(journal, id, &entry, &bytes, &len);
    if (err != NV_OK)
        return err;
    const char *at = bytes + NV_RECORD_HEADER + NV_PAYLOAD_PREFIX;
    if (kind)
        *kind = (enum nv_record_kind)(entry.slot_kind & KIND_BITS);
    if (head)
        err = nv_buf_append(head, at, entry.head_len);
    if (err == NV_OK && body)
        err = nv_buf_append(body, at + entry.head_len, len - entry.head_len);
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
        unsigned kind = journal->entries[i].slot_kind & KIND_BITS;
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
        unsigned kind = journal->entries[i].slot_kind & KIND_BITS;
        if (kind != 0 && kinds & 1u << kind)
            oldest = journal->entries[i].id;
    }
    pthread_mutex_unlock(&journal->lock);
    return oldest;
}
