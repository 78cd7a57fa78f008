/*
 * Salt and key id of a segment: made, written, read (docs/design/0018-encrypted-journal.md).
 *
 *   page of the header   [ header | seal | lock 64 | 0 ... | lock 64 | 0 ... ]     lock: the two
 *   lock                 [ magic 8 | crc 4 | epoch 4 | key id 8 | salt 32 | 0 0 0 0 0 0 0 0 ]
 *
 * A lock of another epoch is what a torn write leaves of an earlier use: harmless, and passed
 * over.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"

#include <sys/random.h>
#include "base/banned.h"

#define LOCK_MAGIC UINT64_C(0x313054505952564e) /* "NVRYPT01" */
#define CRC_AT 8u
#define EPOCH_AT 12u
#define KEY_ID_AT 16u
#define SALT_AT 24u

/* ---- a segment's own key ----------------------------------------------------------------- */

void nv_segment_disarm(struct nv_segment *segment)
{
    nv_cipher_free(segment->cipher);
    segment->cipher = NULL;
    segment->encrypted = false;
    segment->locked = false;
    explicit_bzero(segment->salt, sizeof segment->salt);
}

enum nv_err nv_segment_arm(struct nv_journal *journal, struct nv_segment *segment)
{
    nv_segment_disarm(segment);
    if (!journal->config.encrypt)
        return NV_OK;
    const struct nv_journal_key *key = &journal->keys->keys[0];
    if (getrandom(segment->salt, NV_SALT_BYTES, 0) != (ssize_t)NV_SALT_BYTES)
        return NV_ERR_IO;
    memcpy(segment->key_id, key->id, NV_KEY_ID_BYTES);
    segment->encrypted = true;
    return nv_cipher_new(key->bytes, segment->salt, segment->epoch, &segment->cipher);
}

/* ---- in the page of the header ----------------------------------------------------------- */

static void put_one(const struct nv_segment *segment, uint8_t lock[NV_LOCK_BYTES])
{
    nv_put64(lock, LOCK_MAGIC);
    nv_put32(lock + EPOCH_AT, segment->epoch);
    memcpy(lock + KEY_ID_AT, segment->key_id, NV_KEY_ID_BYTES);
    memcpy(lock + SALT_AT, segment->salt, NV_SALT_BYTES);
    nv_put32(lock + CRC_AT, nv_crc32c(0, lock + EPOCH_AT, NV_LOCK_BYTES - EPOCH_AT));
}

void nv_segment_put_lock(const struct nv_segment *segment, uint8_t page[NV_SEGMENT_PAGE])
{
    if (!segment->encrypted)
        return;
    put_one(segment, page + NV_LOCK_OFFSET);
    put_one(segment, page + NV_LOCK_OFFSET_2);
}

static bool is_lock(const uint8_t lock[NV_LOCK_BYTES])
{
    return nv_get64(lock) == LOCK_MAGIC &&
           nv_get32(lock + CRC_AT) == nv_crc32c(0, lock + EPOCH_AT, NV_LOCK_BYTES - EPOCH_AT);
}

/* Nothing, or a lock, in both places, and nothing in the rest of the page. */
static bool is_clean(const uint8_t page[NV_SEGMENT_PAGE])
{
    const uint32_t places[] = {NV_LOCK_OFFSET, NV_LOCK_OFFSET_2, NV_SEGMENT_PAGE};
    for (int i = 0; i < 2; i++) {
        uint32_t behind = places[i] + NV_LOCK_BYTES;
        if (!is_lock(page + places[i]) && !nv_bytes_are_zero(page + places[i], NV_LOCK_BYTES))
            return false;
        if (!nv_bytes_are_zero(page + behind, places[i + 1] - behind))
            return false;
    }
    return true;
}

/* The lock that counts, or NULL: of the header's epoch; of no header, whichever is sound. */
static const uint8_t *find_lock(const struct nv_segment *segment,
                                const uint8_t page[NV_SEGMENT_PAGE], bool known)
{
    const uint8_t *both[] = {page + NV_LOCK_OFFSET, page + NV_LOCK_OFFSET_2};
    for (int i = 0; i < 2; i++) {
        if (is_lock(both[i]) && (!known || nv_get32(both[i] + EPOCH_AT) == segment->epoch))
            return both[i];
    }
    return NULL;
}

enum nv_err nv_segment_get_lock(const struct nv_journal *journal, struct nv_segment *segment,
                                const uint8_t page[NV_SEGMENT_PAGE], bool known, bool *clean)
{
    const uint8_t *lock = known && !segment->encrypted ? NULL : find_lock(segment, page, known);
    *clean = is_clean(page);
    if (!lock)
        return NV_OK;
    segment->epoch = nv_get32(lock + EPOCH_AT);
    segment->encrypted = true;
    memcpy(segment->key_id, lock + KEY_ID_AT, NV_KEY_ID_BYTES);
    memcpy(segment->salt, lock + SALT_AT, NV_SALT_BYTES);
    const struct nv_journal_key *key =
        journal->keys ? nv_journal_keys_find(journal->keys, segment->key_id) : NULL;
    segment->locked = key == NULL;
    return key ? nv_cipher_new(key->bytes, segment->salt, segment->epoch, &segment->cipher)
               : NV_OK;
}
