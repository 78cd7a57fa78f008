/*
 * Any bytes as a file of the journal: the walk ends, reads nothing outside, and every record it
 * calls sound lies inside the file and has a kind.
 *
 * The file is served from memory; its header is not looked at, so that the fuzzer need not
 * guess its checksum, but all ways to walk are taken: with a known epoch and with a damaged
 * header, plain, encrypted with a key that is known, and with one that is not.
 *
 * Seeds of encrypted files were made by another implementation from the description of the form
 * (docs/design/0018-encrypted-journal.md#form): key 0, 1, ..., 31, salt 100, 101, ..., 131, epoch
 * 7.
 */
#include "journal/journal_internal.h"

#include <errno.h>
#include <stdlib.h>

#define EPOCH 7u
/* The memory sanitizer knows nothing of what OpenSSL writes. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define WITHOUT_OPENSSL
#endif
#endif

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

/* Made once: deriving a key takes longer than a walk. */
static struct nv_cipher *known_cipher(void)
{
    static struct nv_cipher *cipher;
    uint8_t key[NV_KEY_BYTES], salt[NV_SALT_BYTES];
    for (unsigned i = 0; i < NV_KEY_BYTES; i++) {
        key[i] = (uint8_t)i;
        salt[i] = (uint8_t)(100 + i);
    }
    if (!cipher && nv_cipher_new(key, salt, EPOCH, &cipher))
        abort();
    return cipher;
}

/* A way to walk. */
struct way {
    uint32_t epoch;
    bool encrypted, locked;
};

static void walk(const uint8_t *data, size_t size, const struct way *way)
{
    struct image image = {data, size};
    struct nv_file_ops ops = {.ctx = &image, .pread = read_image};
    struct nv_journal journal = {.ops = &ops};
    uint64_t records = 0;
    struct nv_segment segment = {
        .number = 1, .epoch = way->epoch, .encrypted = way->encrypted, .locked = way->locked};
    struct nv_walk walk = {.ctx = &records, .record = see};
    if (way->encrypted && !way->locked)
        segment.cipher = known_cipher();
    nv_segment_layout(&segment, size < (1u << 20) ? (uint32_t)size : 1u << 20);
    if (nv_segment_walk(&journal, &segment, &walk) == NV_OK && records * NV_RECORD_ALIGN > size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct way ways[] = {
        {0, false, false}, {EPOCH, false, false}, {EPOCH, true, false}, {EPOCH, true, true}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
#ifdef WITHOUT_OPENSSL
        if (ways[i].encrypted && !ways[i].locked)
            continue;
#endif
        walk(data, size, &ways[i]);
    }
    return 0;
}
