/*
 * Records appended to a file, and the next file when one is full.
 *
 *   [ front | head | body | pad ]  [ front | head | body | pad ] ...    parts of one pwritev
 *     record                         record                             up to 64 records
 *
 * A group is written with as few pwritev as it takes. Slots are used up by every attempt, also
 * one that fails: what a failed attempt may have left on disk can then never be taken for a
 * record that came later. After a failed write the segment is never written again; after a full
 * disk its place may be. The index is not touched: a record is entered when its group is on
 * disk, by who appended.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "base/banned.h"

/* Records written with one pwritev. */
#define FLUSH_MAX 64u
#define PARTS_PER_RECORD 4u

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

/* The parts stay where they are until pwritev: a body is never copied on its way to the
 * disk. */
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
        segment->end =
            (uint32_t)flush->offset; /* the place can be written again, slots can't */
    } else if (err != NV_OK) {
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
    return segment && segment->state == NV_SEGMENT_ACTIVE &&
           segment->end + size <= segment->size && segment->slots < segment->slot_max &&
           !(segment->reserved && use == NV_USE_REQUEST);
}

/* The segment for the next record of `size`: the current one, or a fresh one after it. */
static enum nv_err turn_over(struct nv_journal *journal, struct flush *flush, uint64_t size,
                             enum nv_use use)
{
    struct nv_segment **current = use == NV_USE_COLD ? &journal->cold : &journal->active;
    /* The end of a group syncs the file it ended in; what it left in the full one is synced
     * here.
     */
    enum nv_err err = flush_out(journal, flush);
    struct nv_segment *full = *current;
    if (err == NV_OK && full && full->state == NV_SEGMENT_ACTIVE) {
        nv_segment_write_seal(journal, full);
        err = nv_segment_sync(journal, full);
    }
    struct nv_segment *fresh = NULL;
    if (err == NV_OK)
        err = nv_segment_obtain(journal, size, use, &fresh);
    if (err != NV_OK)
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

enum nv_err nv_journal_append(struct nv_journal *journal, struct nv_append *appends,
                              size_t count, enum nv_use use, bool sync)
{
    assert(nv_owner_is_mine(&journal->writing));
    struct flush *flush = malloc(sizeof *flush);
    if (!flush)
        return NV_ERR_NO_MEMORY;
    flush->segment = use == NV_USE_COLD ? journal->cold : journal->active;
    flush->records = 0;
    flush->parts = 0;
    flush->offset = flush->segment ? flush->segment->end : 0;
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        uint64_t size = nv_record_size(appends[i].length);
        if (!has_room(flush->segment, size, use))
            err = turn_over(journal, flush, size, use);
        else if (flush->records == FLUSH_MAX)
            err = flush_out(journal, flush);
        if (err == NV_OK)
            add_record(flush, &appends[i]);
    }
    if (err == NV_OK)
        err = flush_out(journal, flush);
    if (err == NV_OK && sync)
        err = nv_segment_sync(journal, flush->segment);
    free(flush);
    return err;
}
