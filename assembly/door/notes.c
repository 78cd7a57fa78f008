/*
 * Notes on disk (notes.h): written, merged, released, read.
 *
 * Each round of the journal writes one record of notes, some hundred a second under load. They
 * are small, but each takes a slot and an entry of the index; so from time to time the oldest
 * of them are written again as one. What is kept in memory is 32 bytes a record, not the notes.
 *
 *   records of notes   [ PLANNED a, b | SETTLED z ] [ ... ] [ ... ]      one a round
 *   kept in memory       id, highest request named, time, count          32 bytes each
 *
 *   may go when   no request up to the highest that is named lives        nobody replays them
 *           and   its traces are beyond what is remembered of sent ones   nobody asks for the id
 *
 *   merge   oldest small ones ──read──▶ one record, synced ──▶ the old ones released
 *             crash in between: notes twice, which says nothing else than once
 */
#include "assembly/door/notes.h"
#include "base/limits.h"
#include "journal/journal.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

/* One note: where its parts stand. */
#define ID_AT 0u
#define PART_AT (ID_AT + NV_TRACE_ID_BYTES)
#define STATE_AT (PART_AT + 4u)
#define FIRST_RECORD_AT (STATE_AT + 4u)
#define LAST_RECORD_AT (FIRST_RECORD_AT + 8u)
#define FIRST_ORDINAL_AT (LAST_RECORD_AT + 8u)
#define LAST_ORDINAL_AT (FIRST_ORDINAL_AT + 4u)
#define ENTRY_BYTES (LAST_ORDINAL_AT + 4u)
static_assert(ENTRY_BYTES == 48, "journals of before hold notes of 48 bytes");
/* When there are so many records of notes they are merged, into ones of about so many notes. */
#define MERGE_RECORDS 256u
#define MERGED_NOTES 4096u
/* One in so many bytes of the volume may be notes of what was settled. */
#define NOTES_SHARE 8u

/* ---- encoding ---------------------------------------------------------------------------- */

static void put32(char *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (char)(value >> (8 * i));
}

static void put64(char *to, uint64_t value)
{
    put32(to, (uint32_t)value);
    put32(to + 4, (uint32_t)(value >> 32));
}

static uint32_t get32(const char *from)
{
    const unsigned char *bytes = (const unsigned char *)from;
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint64_t get64(const char *from)
{
    return get32(from) | (uint64_t)get32(from + 4) << 32;
}

static void write_note(struct nv_buf *out, const struct nv_claim *claim,
                       enum nv_note_state state)
{
    char bytes[ENTRY_BYTES];
    memcpy(bytes + ID_AT, claim->trace_id, NV_TRACE_ID_BYTES);
    put32(bytes + PART_AT, claim->part);
    put32(bytes + STATE_AT, state);
    put64(bytes + FIRST_RECORD_AT, claim->first.record_id);
    put64(bytes + LAST_RECORD_AT, claim->last.record_id);
    put32(bytes + FIRST_ORDINAL_AT, claim->first.ordinal);
    put32(bytes + LAST_ORDINAL_AT, claim->last.ordinal);
    (void)nv_buf_append(out, bytes, sizeof bytes);
}

static void read_note(const char *bytes, struct nv_note *out)
{
    memcpy(out->trace_id, bytes + ID_AT, NV_TRACE_ID_BYTES);
    out->part = get32(bytes + PART_AT);
    out->state = get32(bytes + STATE_AT);
    out->first =
        (struct nv_place){get64(bytes + FIRST_RECORD_AT), get32(bytes + FIRST_ORDINAL_AT)};
    out->last =
        (struct nv_place){get64(bytes + LAST_RECORD_AT), get32(bytes + LAST_ORDINAL_AT)};
}

size_t nv_notes_encode_settled(struct nv_buf *out, const struct nv_claim *settled)
{
    size_t before = out->len;
    for (const struct nv_claim *claim = settled; claim; claim = claim->next) {
        if (claim->request_count > 0)
            write_note(out, claim, NV_NOTE_SETTLED);
    }
    return out->len - before;
}

/* ---- records of notes, and when they go -------------------------------------------------- */

static enum nv_err add_record(struct nv_note_ring *ring, const struct nv_note_record *record)
{
    if (ring->first > 0 && ring->first + ring->count == ring->capacity) {
        memmove(ring->records, ring->records + ring->first,
                ring->count * sizeof *ring->records);
        ring->first = 0;
    }
    if (ring->count == ring->capacity) {
        size_t capacity = ring->capacity * 2 + 64;
        struct nv_note_record *records = realloc(ring->records, capacity * sizeof *records);
        if (!records)
            return NV_ERR_NO_MEMORY;
        ring->records = records;
        ring->capacity = capacity;
    }
    ring->records[ring->first + ring->count++] = *record;
    ring->noted += record->count;
    return NV_OK;
}

static void pop_record(struct nv_note_ring *ring)
{
    ring->noted -= ring->records[ring->first].count;
    ring->first++;
    ring->count--;
}

/*
 * Notes of what was settled may take a part of the volume, else an hour of small traces would
 * be the end of a small one. When even the reserve is used up, they go as soon as they can.
 */
static uint64_t settled_max(const struct nv_assembly *assembly)
{
    uint64_t room = nv_journal_capacity(assembly->journal) / NOTES_SHARE / ENTRY_BYTES;
    if (nv_journal_is_used_up(assembly->journal))
        return 0;
    return room < assembly->config.sent_max ? room : assembly->config.sent_max;
}

/*
 * A note of what was planned is of use while its requests live; one of what was settled also as
 * long as the trace counts as sent.
 */
static bool may_go(const struct nv_assembly *assembly, const struct nv_note_ring *ring,
                   uint64_t oldest_request, uint64_t wall_ns)
{
    const struct nv_note_record *record = &ring->records[ring->first];
    uint64_t ttl_ns = assembly->config.sent_ttl_ms * NV_NS_PER_MS;
    bool forgotten = ring == &assembly->notes.planned || ring->noted > settled_max(assembly) ||
                     (wall_ns > record->wall_ns && wall_ns - record->wall_ns > ttl_ns);
    return forgotten && record->last < oldest_request;
}

static void release_old(struct nv_assembly *assembly, struct nv_note_ring *ring,
                        uint64_t oldest_request)
{
    uint64_t wall_ns = nv_clock_wall_ns(nv_clock_system());
    while (ring->count > 0 && may_go(assembly, ring, oldest_request, wall_ns)) {
        nv_journal_release(assembly->journal, &ring->records[ring->first].id, 1);
        pop_record(ring);
    }
}

/* Writes the `count` oldest records of a ring as one and releases them. */
static enum nv_err merge(struct nv_assembly *assembly, struct nv_note_ring *ring, size_t count)
{
    struct nv_buf notes;
    struct nv_note_record merged = {0};
    nv_buf_init(&notes, NV_JOURNAL_RECORD_MAX);
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        const struct nv_note_record *record = &ring->records[ring->first + i];
        err = nv_journal_read_record(assembly->journal, record->id, NULL, NULL, &notes);
        /* A damaged one is left behind: at worst its traces are sent twice under their ids. */
        err = err == NV_ERR_MALFORMED ? NV_OK : err;
        merged.last = record->last > merged.last ? record->last : merged.last;
        merged.wall_ns = record->wall_ns;
        merged.count += record->count;
    }
    struct nv_journal_put put = {.kind = NV_RECORD_SENT, .body = nv_buf_str(&notes)};
    if (err == NV_OK)
        err = nv_journal_commit(assembly->journal, &put, 1, true);
    nv_buf_release(&notes);
    if (err != NV_OK)
        return err;
    /* Only now that the copy is on disk. */
    for (size_t i = 0; i < count; i++) {
        nv_journal_release(assembly->journal, &ring->records[ring->first].id, 1);
        pop_record(ring);
    }
    merged.id = put.id;
    ring->records[--ring->first] = merged;
    ring->count++;
    ring->noted += merged.count;
    return NV_OK;
}

/*
 * Many small records take slots and memory: from time to time they become one. Those merged
 * before stand at the front, are large, and stay.
 */
static void merge_small(struct nv_assembly *assembly, struct nv_note_ring *ring)
{
    size_t large = 0;
    while (large < ring->count && ring->records[ring->first + large].count >= MERGED_NOTES)
        large++;
    struct nv_note_ring rest = *ring;
    rest.first += large;
    rest.count -= large;
    if (rest.count < MERGE_RECORDS)
        return;
    size_t many = 0;
    for (uint64_t notes = 0; many < rest.count && notes < MERGED_NOTES; many++)
        notes += rest.records[rest.first + many].count;
    if (many < 2 || merge(assembly, &rest, many))
        return;
    memmove(ring->records + ring->first + many - 1, ring->records + ring->first,
            large * sizeof *ring->records);
    ring->first += many - 1;
    ring->count -= many - 1;
}

/* The lock is held. */
static void sweep(struct nv_assembly *assembly)
{
    struct nv_notes *notes = &assembly->notes;
    uint64_t now_ns = nv_clock_mono_ns(&assembly->clock);
    if (now_ns - notes->swept_ns < NV_NS_PER_S)
        return;
    notes->swept_ns = now_ns;
    unsigned kinds = 1u << NV_RECORD_TRACES | 1u << NV_RECORD_LOGS;
    uint64_t oldest = nv_journal_oldest(assembly->journal, kinds);
    release_old(assembly, &notes->planned, oldest);
    release_old(assembly, &notes->settled, oldest);
    merge_small(assembly, &notes->planned);
    merge_small(assembly, &notes->settled);
}

void nv_notes_sweep(struct nv_assembly *assembly)
{
    assert(nv_owner_is_mine(&assembly->committing));
    pthread_mutex_lock(&assembly->notes.lock);
    sweep(assembly);
    pthread_mutex_unlock(&assembly->notes.lock);
}

static uint64_t last_of(const struct nv_claim *claims)
{
    uint64_t last = 0;
    for (; claims; claims = claims->next) {
        if (claims->request_count > 0 && claims->last.record_id > last)
            last = claims->last.record_id;
    }
    return last;
}

void nv_notes_wrote_settled(struct nv_assembly *assembly, uint64_t id,
                            const struct nv_claim *settled)
{
    struct nv_note_record record = {
        .id = id, .last = last_of(settled), .wall_ns = nv_clock_wall_ns(nv_clock_system())};
    for (const struct nv_claim *claim = settled; claim; claim = claim->next)
        record.count += claim->request_count > 0;
    pthread_mutex_lock(&assembly->notes.lock);
    if (add_record(&assembly->notes.settled, &record)) {
        NV_LOG(NV_LOG_WARN, "journal",
               "no memory to manage a note, it stays until the restart");
    }
    pthread_mutex_unlock(&assembly->notes.lock);
}

void nv_notes_write_planned(struct nv_assembly *assembly, struct nv_claim *const *claims,
                            size_t count)
{
    if (!assembly->journal || count == 0)
        return;
    struct nv_buf notes;
    nv_buf_init(&notes, NV_CAP_RECORD);
    struct nv_note_record record = {.wall_ns = nv_clock_wall_ns(nv_clock_system()),
                                    .count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        write_note(&notes, claims[i], NV_NOTE_PLANNED);
        if (claims[i]->last.record_id > record.last)
            record.last = claims[i]->last.record_id;
    }
    struct nv_journal_put put = {.kind = NV_RECORD_SENT, .body = nv_buf_str(&notes)};
    enum nv_err err = notes.failed;
    /* Not synced: lost with the power, the plan costs at worst a part of another extent under
     * an id that the backend has, and a sync for each turn of each shard would cost all of it
     * always. */
    if (err == NV_OK)
        err = nv_journal_commit(assembly->journal, &put, 1, false);
    nv_buf_release(&notes);
    if (err != NV_OK) {
        NV_LOG(NV_LOG_WARN, "journal", "cannot note what is sent next error=\"%s\"",
               nv_err_info(err)->text);
        return;
    }
    record.id = put.id;
    pthread_mutex_lock(&assembly->notes.lock);
    if (add_record(&assembly->notes.planned, &record)) {
        NV_LOG(NV_LOG_WARN, "journal",
               "no memory to manage a note, it stays until the restart");
    }
    pthread_mutex_unlock(&assembly->notes.lock);
}

/* ---- reading what was noted -------------------------------------------------------------- */

static int compare_notes(const void *a, const void *b)
{
    const struct nv_note *left = a;
    const struct nv_note *right = b;
    int order = memcmp(left->trace_id, right->trace_id, NV_TRACE_ID_BYTES);
    if (order != 0)
        return order;
    if (left->part != right->part)
        return left->part < right->part ? -1 : 1;
    return (int)left->state - (int)right->state;
}

struct reading {
    struct nv_assembly *assembly;
    struct nv_buf notes; /* of struct nv_note */
};

/* Adds the notes of one record. */
static enum nv_err read_record(struct reading *reading, uint64_t id, struct nv_str body)
{
    struct nv_note_record record = {
        .id = id, .wall_ns = nv_clock_wall_ns(nv_clock_system()), .count = 0};
    for (size_t at = 0; at + ENTRY_BYTES <= body.len; at += ENTRY_BYTES) {
        struct nv_note note;
        read_note(body.ptr + at, &note);
        if (note.last.record_id > record.last)
            record.last = note.last.record_id;
        record.count++;
        enum nv_err err = nv_buf_append(&reading->notes, &note, sizeof note);
        if (err != NV_OK)
            return err;
    }
    return add_record(&reading->assembly->notes.settled, &record);
}

static enum nv_err read_notes(struct reading *reading)
{
    struct nv_journal *journal = reading->assembly->journal;
    uint64_t *ids = NULL;
    size_t count = 0;
    enum nv_err err = nv_journal_list(journal, 1u << NV_RECORD_SENT, &ids, &count);
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        struct nv_buf body;
        nv_buf_init(&body, NV_JOURNAL_RECORD_MAX);
        err = nv_journal_read_record(journal, ids[i], NULL, NULL, &body);
        if (err == NV_OK)
            err = read_record(reading, ids[i], nv_buf_str(&body));
        else if (err == NV_ERR_MALFORMED)
            err = NV_OK; /* at worst something is delivered twice */
        nv_buf_release(&body);
    }
    free(ids);
    return err;
}

enum nv_err nv_notes_read(struct nv_assembly *assembly, struct nv_note **notes, size_t *count)
{
    struct reading reading = {.assembly = assembly};
    nv_buf_init(&reading.notes, NV_CAP_NOTES);
    enum nv_err err = read_notes(&reading);
    if (err != NV_OK) {
        nv_buf_release(&reading.notes);
        return err;
    }
    char *bytes;
    *count = nv_buf_take(&reading.notes, &bytes) / sizeof **notes;
    *notes = (struct nv_note *)(void *)bytes;
    if (*count > 0)
        qsort(*notes, *count, sizeof **notes, compare_notes);
    return NV_OK;
}

void nv_notes_release(struct nv_notes *notes)
{
    free(notes->planned.records);
    free(notes->settled.records);
}
