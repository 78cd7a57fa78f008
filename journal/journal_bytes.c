/*
 * Bytes of the journal: its numbers, the layout of its files, whole reads and writes.
 *
 *   journal  recover            commit and release; open and close
 *   reclaim                     space given back
 *   room  append  index  lost   the reserve; records written, records found; keys that are not here
 *   segment                     files made, reused, synced
 *   files  mark  walk  refusal  names and headers; what ought to be there; what is; who is refused
 *   lock  sealed  keys          a file's key; records encrypted; all keys
 *   bytes  cipher               this file; OpenSSL
 *
 * Each file of the journal calls only those in rows below its own (files read the seal of
 * mark). A write is done whole or fails: what a short write left undone goes out with the next
 * call, so that callers know two ends and no third. Nothing is logged here; who called knows
 * what it was for.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/banned.h"

/* Half of Linux's IOV_MAX. */
#define PARTS_MAX 512

/* ---- numbers and layout ---------------------------------------------------------------- */

void nv_put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

void nv_put64(uint8_t *to, uint64_t value)
{
    nv_put32(to, (uint32_t)value);
    nv_put32(to + 4, (uint32_t)(value >> 32));
}

uint32_t nv_get32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

uint64_t nv_get64(const uint8_t *from)
{
    return nv_get32(from) | (uint64_t)nv_get32(from + 4) << 32;
}

bool nv_bytes_are_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

uint64_t nv_record_size(uint64_t length)
{
    return (NV_RECORD_HEADER + length + NV_RECORD_ALIGN - 1) / NV_RECORD_ALIGN *
           NV_RECORD_ALIGN;
}

uint32_t nv_segment_header_crc(const uint8_t bytes[NV_SEGMENT_HEADER])
{
    const size_t behind = NV_SEGMENT_CRC_AT + 4;
    uint32_t crc = nv_crc32c(0, bytes, NV_SEGMENT_CRC_AT);
    return nv_crc32c(crc, bytes + behind, NV_SEGMENT_HEADER - behind);
}

void nv_segment_layout(struct nv_segment *segment, uint32_t size)
{
    uint32_t slots = size / NV_BYTES_PER_SLOT / NV_SEGMENT_PAGE * NV_SEGMENT_PAGE;
    segment->size = size;
    segment->slot_max = slots ? slots : NV_SEGMENT_PAGE;
    segment->data_start = NV_SEGMENT_PAGE + segment->slot_max;
    segment->end = segment->data_start;
    segment->slots = 0;
    segment->firm_slots = 0;
    segment->unsure_from = NV_ALL_SURE;
    segment->due_slots = 0;
}

bool nv_record_decode(const uint8_t bytes[NV_RECORD_HEADER], struct nv_record_header *out)
{
    if (nv_get32(bytes) != NV_RECORD_MAGIC ||
        nv_get32(bytes + 4) != nv_crc32c(0, bytes + 8, NV_RECORD_HEADER - 8))
        return false;
    *out = (struct nv_record_header){.payload_crc = nv_get32(bytes + 8),
                                     .length = nv_get32(bytes + 12),
                                     .id = nv_get64(bytes + 16),
                                     .epoch = nv_get32(bytes + 24),
                                     .slot = nv_get32(bytes + 28)};
    return true;
}

/* ---- reading and writing --------------------------------------------------------------- */

enum nv_err nv_journal_errno(int error)
{
    return error == ENOSPC || error == EDQUOT ? NV_ERR_NO_SPACE : NV_ERR_IO;
}

/* Moves `parts` on by `len` written bytes; returns how many parts are left. */
static int advance(struct iovec **parts, int count, size_t len)
{
    while (count > 0 && len >= (*parts)->iov_len) {
        len -= (*parts)->iov_len;
        (*parts)++;
        count--;
    }
    if (count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + len;
        (*parts)->iov_len -= len;
    }
    return count;
}

enum nv_err nv_journal_write(struct nv_journal *journal, int fd, struct iovec *parts, int count,
                             uint64_t offset)
{
    while (count > 0) {
        int some = count < PARTS_MAX ? count : PARTS_MAX;
        ssize_t n = journal->ops->pwritev(journal->ops->ctx, fd, parts, some, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? nv_journal_errno(errno) : NV_ERR_IO;
        offset += (uint64_t)n;
        count = advance(&parts, count, (size_t)n);
    }
    return NV_OK;
}

enum nv_err nv_journal_read(struct nv_journal *journal, int fd, void *to, size_t len,
                            uint64_t offset)
{
    char *at = to;
    while (len > 0) {
        ssize_t n = journal->ops->pread(journal->ops->ctx, fd, at, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NV_ERR_IO;
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return NV_OK;
}

char *nv_journal_path(const struct nv_journal *journal, const char *name)
{
    char *path = malloc(NV_PATH_MAX);
    if (!path)
        return NULL;
    int len = snprintf(path, NV_PATH_MAX, "%s/%s", journal->directory, name);
    if (len < 0 || len >= (int)NV_PATH_MAX) {
        free(path);
        return NULL;
    }
    return path;
}
