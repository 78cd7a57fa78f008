/*
 * AES-256-GCM for the journal: a segment's key, and chunks sealed and opened with it.
 *
 *   key ──HKDF-SHA256(salt, epoch)──▶ nv_cipher ──▶ nv_cipher_run ──▶ chunk [ bytes | tag 16 ]
 *
 * The nonce of a chunk is its record's slot and its number; who seals sees to it that no pair
 * comes twice under one salt (docs/design/0018-encrypted-journal.md#no-nonce-twice). OpenSSL
 * wipes what it holds of a key when it is freed. No logging.
 */
#ifndef NV_JOURNAL_JOURNAL_CIPHER_H
#define NV_JOURNAL_JOURNAL_CIPHER_H

#include "base/str.h"
#include "base/error.h"

#include <stdint.h>

#define NV_KEY_BYTES 32u
#define NV_KEY_ID_BYTES 8u
#define NV_SALT_BYTES 32u
#define NV_TAG_BYTES 16u
/* Bytes of a chunk before its tag, at most (0018-encrypted-journal.md#form). */
#define NV_CHUNK_BYTES 4096u

/* The key of one segment. Immutable: any thread. */
struct nv_cipher;
/* Sealing or opening of chunks, one after the other. One thread. */
struct nv_cipher_run;

/* Which chunk of which record; `bound` is authenticated with it. Borrowed. */
struct nv_chunk_place {
    uint32_t slot, number;
    struct nv_str bound;
};

/* The id of a key, which tells nothing of it. NV_ERR_NO_MEMORY: OpenSSL could not. */
enum nv_err nv_key_identify(const uint8_t key[NV_KEY_BYTES],
                            uint8_t id[NV_KEY_ID_BYTES]) NV_MUST_USE;
/* The key of the segment with that salt and epoch: *out is new. NV_ERR_NO_MEMORY as above. */
enum nv_err nv_cipher_new(const uint8_t key[NV_KEY_BYTES], const uint8_t salt[NV_SALT_BYTES],
                          uint32_t epoch, struct nv_cipher **out) NV_MUST_USE;
/* Wipes and frees. NULL is allowed. No run of it may be left. */
void nv_cipher_free(struct nv_cipher *cipher);
/* Begins to seal or to open: *out is new and borrows `cipher`. NV_ERR_NO_MEMORY. */
enum nv_err nv_cipher_begin(const struct nv_cipher *cipher, bool sealing,
                            struct nv_cipher_run **out) NV_MUST_USE;
/* Wipes and frees. NULL is allowed. */
void nv_cipher_end(struct nv_cipher_run *run);
/*
 * Seals the two parts, NV_CHUNK_BYTES together at most, as one chunk: their bytes and the tag
 * go to `to`, which lies elsewhere. NV_ERR_NO_MEMORY: OpenSSL could not; `to` is of no use.
 */
enum nv_err nv_cipher_seal(struct nv_cipher_run *run, const struct nv_chunk_place *place,
                           const struct nv_str parts[2], uint8_t *to) NV_MUST_USE;
/*
 * Opens a chunk of `len` bytes and its tag where it stands. NV_ERR_MALFORMED: it is not what
 * was sealed for this place; the bytes are zeros then.
 */
enum nv_err nv_cipher_open(struct nv_cipher_run *run, const struct nv_chunk_place *place,
                           uint8_t *bytes, size_t len) NV_MUST_USE;

#endif
