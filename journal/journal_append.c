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
 *
 * What is encrypted goes through a buffer, as many records as fit; a record that is larger goes
 * through it in pieces, its front last, because the checksum in it is made of all of them:
 *
 *   [ front 3rd ][ piece 1st ............... ][ piece 2nd ......, pad ]
 *
 * A slot is never used for two records, so no chunk is ever sealed with the nonce of another
 * (docs/design/0018-encrypted-journal.md#no-nonce-twice).
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include "base/banned.h"

/* Records written with one pwritev. */
#define FLUSH_MAX 64u
#define PARTS_PER_RECORD 4u
#define FRONT (NV_RECORD_HEADER + NV_PAYLOAD_PREFIX)

/* Records gathered for one write to one segment. */
struct flush {
    struct nv_segment *segment;
    uint64_t offset;
    unsigned records;
    int parts;
    struct iovec iov[FLUSH_MAX * PARTS_PER_RECORD];
    uint8_t fronts[FLUSH_MAX][FRONT];
    struct nv_cipher_run *run; /* of an encrypted segment */
    uint32_t sealed;           /* bytes in the journal's scratch */
};

static void add_part(struct flush *flush, const void *bytes, size_t len)
{
    if (len > 0)
        flush->iov[flush->parts++] = (struct iovec){(void *)(uintptr_t)bytes, len};
}

uint32_t nv_payload_length(const struct nv_journal *journal, const struct nv_journal_put *put)
{
    uint64_t len = (uint64_t)put->head.len + put->body.len;
    return (uint32_t)(journal->config.encrypt ? nv_sealed_length(len)
                                              : NV_PAYLOAD_PREFIX + len);
}

/* All of it but the checksums. */
static void encode_front(uint8_t *front, const struct nv_append *append)
{
    const struct nv_journal_put *put = append->put;
    uint8_t *prefix = front + NV_RECORD_HEADER;
    memset(front, 0, FRONT);
    prefix[0] = (uint8_t)put->kind;
    prefix[1] = append->segment->encrypted;
    nv_put32(prefix + 4, (uint32_t)put->head.len);
    nv_put32(front, NV_RECORD_MAGIC);
    nv_put32(front + 12, append->length);
    nv_put64(front + 16, put->id);
    nv_put32(front + 24, append->segment->epoch);
    nv_put32(front + 28, append->slot);
}

/* `crc`: of what stands behind the front. */
static void finish_front(uint8_t *front, uint32_t crc)
{
    nv_put32(front + 8, crc);
    nv_put32(front + 4, nv_crc32c(0, front + 8, NV_RECORD_HEADER - 8));
}

static uint32_t prefix_crc(const uint8_t *front)
{
    return nv_crc32c(0, front + NV_RECORD_HEADER, NV_PAYLOAD_PREFIX);
}

/* The record's place in the segment: its slot is used up, whatever becomes of it. */
static uint64_t take_place(const struct flush *flush, struct nv_append *append)
{
    struct nv_segment *segment = flush->segment;
    uint64_t size = nv_record_size(append->length);
    append->segment = segment;
    append->offset = segment->end;
    append->slot = segment->slots++;
    segment->end += (uint32_t)size;
    return size;
}

/* The parts stay where they are until pwritev: a body is never copied on its way to the
 * disk. */
static void add_record(struct flush *flush, struct nv_append *append)
{
    static const uint8_t zeros[NV_RECORD_ALIGN];
    const struct nv_journal_put *put = append->put;
    uint64_t size = take_place(flush, append);
    uint8_t *front = flush->fronts[flush->records++];
    encode_front(front, append);
    uint32_t crc = nv_crc32c(prefix_crc(front), put->head.ptr, put->head.len);
    finish_front(front, nv_crc32c(crc, put->body.ptr, put->body.len));
    add_part(flush, front, sizeof flush->fronts[0]);
    add_part(flush, append->put->head.ptr, append->put->head.len);
    add_part(flush, append->put->body.ptr, append->put->body.len);
    add_part(flush, zeros, size - NV_RECORD_HEADER - append->length);
}

/* What a write of the segment's bytes from flush->offset on came to. */
static enum nv_err written(struct nv_journal *journal, struct flush *flush, enum nv_err err)
{
    struct nv_segment *segment = flush->segment;
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
    flush->sealed = 0;
    flush->offset = segment->end;
    return err;
}

static enum nv_err flush_out(struct nv_journal *journal, struct flush *flush)
{
    if (flush->records == 0)
        return NV_OK;
    flush->segment->dirty = true;
    if (flush->run)
        add_part(flush, journal->scratch, flush->sealed);
    return written(
        journal, flush,
        nv_journal_write(journal, flush->segment->fd, flush->iov, flush->parts, flush->offset));
}

/* ---- encrypted --------------------------------------------------------------------------- */

/* A record that fits into what is left of the buffer. */
static enum nv_err seal_record(struct nv_journal *journal, struct flush *flush,
                               struct nv_append *append)
{
    struct nv_sealing sealing;
    size_t len;
    uint64_t size = take_place(flush, append);
    uint8_t *front = journal->scratch + flush->sealed;
    encode_front(front, append);
    nv_sealing_start(&sealing, flush->run, front, append->put, append->slot);
    enum nv_err err = nv_sealing_next(&sealing, front + FRONT, size - FRONT, &len);
    if (err != NV_OK)
        return err;
    assert(!sealing.more && FRONT + len == NV_RECORD_HEADER + append->length);
    finish_front(front, nv_crc32c(prefix_crc(front), front + FRONT, len));
    memset(front + FRONT + len, 0, size - FRONT - len);
    flush->sealed += (uint32_t)size;
    flush->records++;
    return NV_OK;
}

/* All pieces of a larger one, written; *crc of them. */
static enum nv_err seal_pieces(struct nv_journal *journal, const struct flush *flush,
                               struct nv_sealing *sealing, uint64_t at, uint32_t *crc)
{
    enum nv_err err = NV_OK;
    while (sealing->more && err == NV_OK) {
        size_t len;
        err = nv_sealing_next(sealing, journal->scratch, NV_SCRATCH_BYTES - NV_RECORD_ALIGN,
                              &len);
        if (err != NV_OK)
            return err;
        *crc = nv_crc32c(*crc, journal->scratch, len);
        uint64_t end = at + len;
        if (!sealing->more) { /* and the padding */
            size_t pad = (size_t)(-end % NV_RECORD_ALIGN);
            memset(journal->scratch + len, 0, pad);
            len += pad;
        }
        struct iovec part = {journal->scratch, len};
        err = nv_journal_write(journal, flush->segment->fd, &part, 1, at);
        at = end;
    }
    return err;
}

/* A record that is larger than the buffer, which is empty. */
static enum nv_err seal_large(struct nv_journal *journal, struct flush *flush,
                              struct nv_append *append)
{
    struct nv_sealing sealing;
    uint8_t *front = flush->fronts[0];
    (void)take_place(flush, append);
    encode_front(front, append);
    nv_sealing_start(&sealing, flush->run, front, append->put, append->slot);
    uint32_t crc = prefix_crc(front);
    flush->segment->dirty = true;
    enum nv_err err =
        seal_pieces(journal, flush, &sealing, (uint64_t)append->offset + FRONT, &crc);
    if (err == NV_OK) {
        finish_front(front, crc);
        struct iovec part = {front, FRONT};
        err = nv_journal_write(journal, flush->segment->fd, &part, 1, append->offset);
    }
    return err == NV_ERR_NO_MEMORY ? err : written(journal, flush, err);
}

static enum nv_err add_sealed(struct nv_journal *journal, struct flush *flush,
                              struct nv_append *append)
{
    uint64_t size = nv_record_size(append->length);
    enum nv_err err = NV_OK;
    if (size > NV_SCRATCH_BYTES - flush->sealed)
        err = flush_out(journal, flush);
    if (err != NV_OK)
        return err;
    return size > NV_SCRATCH_BYTES ? seal_large(journal, flush, append)
                                   : seal_record(journal, flush, append);
}

/* Begins to seal, where the flush's segment is encrypted. */
static enum nv_err begin_sealing(struct flush *flush)
{
    nv_cipher_end(flush->run);
    flush->run = NULL;
    return flush->segment && flush->segment->cipher
               ? nv_cipher_begin(flush->segment->cipher, true, &flush->run)
               : NV_OK;
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
    return begin_sealing(flush);
}

enum nv_err nv_journal_append(struct nv_journal *journal, struct nv_append *appends,
                              size_t count, enum nv_use use, bool sync)
{
    assert(nv_owner_is_mine(&journal->writing));
    struct flush flush; /* its 8 KiB of parts are written before they are read */
    flush.segment = use == NV_USE_COLD ? journal->cold : journal->active;
    flush.records = 0;
    flush.parts = 0;
    flush.sealed = 0;
    flush.run = NULL;
    flush.offset = flush.segment ? flush.segment->end : 0;
    enum nv_err err = begin_sealing(&flush);
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        uint64_t size = nv_record_size(appends[i].length);
        if (!has_room(flush.segment, size, use))
            err = turn_over(journal, &flush, size, use);
        else if (flush.records == FLUSH_MAX)
            err = flush_out(journal, &flush);
        if (err == NV_OK && flush.run)
            err = add_sealed(journal, &flush, &appends[i]);
        else if (err == NV_OK)
            add_record(&flush, &appends[i]);
    }
    if (err == NV_OK)
        err = flush_out(journal, &flush);
    if (err == NV_OK && sync)
        err = nv_segment_sync(journal, flush.segment);
    if (err == NV_OK)
        err = nv_segment_expect_named(journal, flush.segment);
    nv_cipher_end(flush.run);
    return err;
}
