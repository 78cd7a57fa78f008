/*
 * Any bytes as a file of the journal: the walk ends, reads nothing outside, and every record it
 * calls sound lies inside the file and has a kind.
 *
 * The file is served from memory; its header is not looked at, so that the fuzzer need not
 * guess its checksum, but both ways to walk are taken: with a known epoch and with a damaged
 * header.
 */
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdlib.h>

struct image {
    const uint8_t *bytes;
    size_t len;
};

static ssize_t read_image(void *ctx, int fd, void *to, size_t len, off_t offset)
{
    const struct image *image = ctx;
    (void)fd;
    if (offset < 0 || (size_t)offset >= image->len)
        return 0;
    size_t left = image->len - (size_t)offset;
    len = len < left ? len : left;
    memcpy(to, image->bytes + offset, len);
    return (ssize_t)len;
}

static enum nv_err see(void *ctx, struct nv_segment *segment,
                       const struct nv_record_header *record, bool released)
{
    uint64_t *records = ctx;
    (void)released;
    if (record->offset < segment->data_start || record->slot >= segment->slot_max ||
        record->offset + nv_record_size(record->length) > segment->size || record->kind == 0)
        abort();
    ++*records;
    return NV_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image = {data, size};
    struct nv_file_ops ops = {.ctx = &image, .pread = read_image};
    struct nv_journal journal = {.ops = &ops};
    for (uint32_t epoch = 0; epoch < 9; epoch += 7) {
        uint64_t records = 0;
        struct nv_segment segment = {.number = 1, .epoch = epoch};
        struct nv_walk walk = {.ctx = &records, .record = see};
        nv_segment_layout(&segment, size < (1u << 20) ? (uint32_t)size : 1u << 20);
        if (nv_segment_walk(&journal, &segment, &walk))
            return 0;
        if (records * NV_RECORD_ALIGN > size)
            abort();
    }
    return 0;
}
