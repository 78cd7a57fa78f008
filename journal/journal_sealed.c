/*
 * Records whose payload is encrypted (docs/design/0018-encrypted-journal.md#form).
 *
 *   head and body   |------------ 4,096 ------------|------------ 4,096 ------------|---|
 *   on disk         [ prefix | chunk, tag | chunk, tag | chunk, tag ]
 *
 * Where a chunk stands follows from its number alone, so a stretch of a large record is read
 * without the rest of it. What a chunk is bound to are the numbers of the record's header but
 * for the checksum, which is made of the chunks.
 */
#include "journal/journal_internal.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

#define SEALED_CHUNK (NV_CHUNK_BYTES + NV_TAG_BYTES)
/* Chunks of a stretch that are read at once. */
#define READ_CHUNKS 64u

uint64_t nv_sealed_length(uint64_t len)
{
    uint64_t chunks = len == 0 ? 1 : (len + NV_CHUNK_BYTES - 1) / NV_CHUNK_BYTES;
    return NV_PAYLOAD_PREFIX + len + chunks * NV_TAG_BYTES;
}

/* A length that no payload has (a last chunk without its tag) is refused here, before anything
 * is read by it. */
bool nv_sealed_plain_length(uint32_t length, uint32_t *len)
{
    uint32_t sealed = length - NV_PAYLOAD_PREFIX;
    if (length < NV_PAYLOAD_PREFIX + NV_TAG_BYTES)
        return false;
    uint32_t chunks = (uint32_t)(((uint64_t)sealed + SEALED_CHUNK - 1) / SEALED_CHUNK);
    if (sealed < chunks * NV_TAG_BYTES)
        return false;
    *len = sealed - chunks * NV_TAG_BYTES;
    return nv_sealed_length(*len) == length;
}

/* ---- sealing ----------------------------------------------------------------------------- */

void nv_sealing_start(struct nv_sealing *sealing, struct nv_cipher_run *run,
                      const uint8_t front[NV_RECORD_HEADER + NV_PAYLOAD_PREFIX],
                      const struct nv_journal_put *put, uint32_t slot)
{
    *sealing = (struct nv_sealing){
        .run = run, .parts = {put->head, put->body}, .slot = slot, .more = true};
    memcpy(sealing->bound, front + NV_RECORD_HEADER + NV_PAYLOAD_PREFIX - NV_BOUND_BYTES,
           NV_BOUND_BYTES);
}

/* Takes up to a chunk from what is left: of the head first. Head and body are never joined in
 * memory: a body is megabytes. */
static size_t take_parts(struct nv_sealing *sealing, struct nv_str parts[2])
{
    size_t total = 0;
    for (int i = 0; i < 2; i++) {
        size_t room = NV_CHUNK_BYTES - total;
        size_t len = sealing->parts[i].len < room ? sealing->parts[i].len : room;
        parts[i] = nv_str_slice(sealing->parts[i], 0, len);
        sealing->parts[i] = nv_str_slice(sealing->parts[i], len, SIZE_MAX);
        total += len;
    }
    return total;
}

/* Bytes on disk of the next chunk. */
static size_t next_chunk(const struct nv_sealing *sealing)
{
    size_t left = sealing->parts[0].len + sealing->parts[1].len;
    return (left < NV_CHUNK_BYTES ? left : NV_CHUNK_BYTES) + NV_TAG_BYTES;
}

enum nv_err nv_sealing_next(struct nv_sealing *sealing, uint8_t *to, size_t room, size_t *len)
{
    enum nv_err err = NV_OK;
    *len = 0;
    while (sealing->more && room - *len >= next_chunk(sealing) && err == NV_OK) {
        struct nv_str parts[2];
        struct nv_chunk_place place = {
            sealing->slot, sealing->number++, {(const char *)sealing->bound, NV_BOUND_BYTES}};
        size_t taken = take_parts(sealing, parts);
        err = nv_cipher_seal(sealing->run, &place, parts, to + *len);
        *len += taken + NV_TAG_BYTES;
        sealing->more = sealing->parts[0].len + sealing->parts[1].len > 0;
    }
    return err;
}

/* ---- opening ----------------------------------------------------------------------------- */

static void bind(const struct nv_record_header *record, uint8_t bound[NV_BOUND_BYTES])
{
    memset(bound, 0, NV_BOUND_BYTES);
    nv_put32(bound, record->length);
    nv_put64(bound + 4, record->id);
    nv_put32(bound + 12, record->epoch);
    nv_put32(bound + 16, record->slot);
    bound[20] = (uint8_t)record->kind;
    bound[21] = 1;
    nv_put32(bound + 24, record->head_len);
}

enum nv_err nv_sealed_open_chunks(struct nv_cipher_run *run,
                                  const struct nv_record_header *record, uint32_t first,
                                  uint8_t *bytes, size_t len)
{
    uint8_t bound[NV_BOUND_BYTES];
    uint32_t total = 0;
    enum nv_err worst =
        nv_sealed_plain_length(record->length, &total) ? NV_OK : NV_ERR_MALFORMED;
    bind(record, bound);
    for (uint32_t number = first; len > 0; number++) {
        uint64_t left = total - (uint64_t)number * NV_CHUNK_BYTES;
        size_t plain = left < NV_CHUNK_BYTES ? (size_t)left : NV_CHUNK_BYTES;
        struct nv_chunk_place place = {
            record->slot, number, {(const char *)bound, sizeof bound}};
        assert(len >= plain + NV_TAG_BYTES);
        enum nv_err err = nv_cipher_open(run, &place, bytes, plain);
        /* a chunk that is damaged costs itself: those around it are opened, and what lies in
         * them is told apart by the spans' own hashes */
        worst = err != NV_OK ? err : worst;
        bytes += plain + NV_TAG_BYTES;
        len -= plain + NV_TAG_BYTES;
    }
    return worst;
}

enum nv_err nv_sealed_open(const struct nv_cipher *cipher,
                           const struct nv_record_header *record, uint8_t *payload,
                           uint32_t *len)
{
    struct nv_cipher_run *run;
    uint8_t *chunks = payload + NV_PAYLOAD_PREFIX;
    if (!nv_sealed_plain_length(record->length, len))
        return NV_ERR_MALFORMED;
    enum nv_err err = nv_cipher_begin(cipher, false, &run);
    if (err != NV_OK)
        return err;
    err = nv_sealed_open_chunks(run, record, 0, chunks, record->length - NV_PAYLOAD_PREFIX);
    nv_cipher_end(run);
    if (err != NV_OK) {
        memset(payload, 0, record->length);
        return err;
    }
    /* the tags between the chunks are closed up, in place */
    for (uint32_t done = NV_CHUNK_BYTES, at = SEALED_CHUNK; done < *len;) {
        uint32_t some = *len - done < NV_CHUNK_BYTES ? *len - done : NV_CHUNK_BYTES;
        memmove(chunks + done, chunks + at, some);
        done += some;
        at += SEALED_CHUNK;
    }
    return NV_OK;
}

/* Copies what the opened chunks from `first` on have of [offset, offset + len) and steps on. */
static void copy_out(const uint8_t *bytes, uint32_t first, uint32_t last, uint64_t *offset,
                     size_t *len, char **to)
{
    for (uint32_t number = first; number<last && * len> 0; number++) {
        size_t from = (size_t)(*offset - (uint64_t)number * NV_CHUNK_BYTES);
        size_t some = NV_CHUNK_BYTES - from < *len ? NV_CHUNK_BYTES - from : *len;
        memcpy(*to, bytes + (size_t)(number - first) * SEALED_CHUNK + from, some);
        *to += some;
        *offset += some;
        *len -= some;
    }
}

/* Bytes on disk of the chunks [first, last). */
static size_t disk_bytes(uint32_t first, uint32_t last, uint32_t total)
{
    uint64_t to = (uint64_t)last * NV_CHUNK_BYTES;
    uint64_t plain = (to < total ? to : total) - (uint64_t)first * NV_CHUNK_BYTES;
    return (size_t)plain + (size_t)(last - first) * NV_TAG_BYTES;
}

enum nv_err nv_sealed_read(struct nv_journal *journal, const struct nv_segment *segment,
                           const struct nv_record_header *record, uint64_t offset, size_t len,
                           char *to)
{
    uint32_t total;
    struct nv_cipher_run *run = NULL;
    uint64_t end = offset + len;
    bool sealed = nv_sealed_plain_length(record->length, &total);
    assert(sealed && end <= total);
    if (len == 0 || !sealed)
        return NV_OK;
    uint32_t first = (uint32_t)(offset / NV_CHUNK_BYTES);
    uint32_t last = (uint32_t)((end + NV_CHUNK_BYTES - 1) / NV_CHUNK_BYTES);
    uint32_t most = last - first < READ_CHUNKS ? last - first : READ_CHUNKS;
    /* a window, however long the stretch is */
    uint8_t *bytes = malloc((size_t)most * SEALED_CHUNK);
    enum nv_err err = bytes ? nv_cipher_begin(segment->cipher, false, &run) : NV_ERR_NO_MEMORY;
    bool damaged = false;
    for (; first < last && err == NV_OK; first += most) {
        uint32_t until = last - first < most ? last : first + most;
        size_t some = disk_bytes(first, until, total);
        err = nv_journal_read(journal, segment->fd, bytes, some,
                              record->offset + NV_RECORD_HEADER + NV_PAYLOAD_PREFIX +
                                  (uint64_t)first * SEALED_CHUNK);
        if (err != NV_OK)
            break;
        damaged |= nv_sealed_open_chunks(run, record, first, bytes, some) != NV_OK;
        copy_out(bytes, first, until, &offset, &len, &to);
    }
    nv_cipher_end(run);
    free(bytes);
    return err == NV_OK && damaged ? NV_ERR_MALFORMED : err;
}
