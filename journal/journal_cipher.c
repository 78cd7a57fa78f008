/*
 * The journal's use of OpenSSL (journal_cipher.h).
 *
 *   nonce, 12 bytes   [ slot 4 | number 4 | 0 0 0 0 ]
 *
 * The algorithm is fetched once a segment and the key's schedule made once a run: a chunk then
 * costs a nonce, the bytes and the tag.
 *
 *   key (of the file) ──HKDF: salt and epoch of the segment──▶ key of the segment
 *   slot, number of the chunk ──────────────────────────────▶ nonce, never twice under that key
 *
 * Why a key for each segment: a nonce that is used twice under one key gives AES-GCM away, and
 * a counter over all files would have to survive every crash. Within a segment the place of a
 * chunk is its nonce, and a segment that is written anew has another epoch and another salt.
 * What is bound (the head of a record) is not secret but must not be moved to another place
 * either.
 *
 * All failures of OpenSSL here are memory or a build without the algorithm: they are told as
 * NO_MEMORY. A wrong tag alone is MALFORMED.
 */
#include "journal/journal_cipher.h"
#include "base/openssl.h"
#include "journal/journal_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define NONCE_BYTES 12u

/* Two texts, so that the id, which stands in clear in each file, tells nothing of segments'
 * keys. */
static const char key_text[] = "noveum-gateway journal segment";
static const char id_text[] = "noveum-gateway journal key id";

struct nv_cipher {
    uint8_t key[NV_KEY_BYTES];
    EVP_CIPHER *algorithm;
};

struct nv_cipher_run {
    EVP_CIPHER_CTX *context;
};

/* HKDF of the key with a salt and a text: `len` bytes of it. */
static enum nv_err derive(const uint8_t key[NV_KEY_BYTES], struct nv_str salt,
                          struct nv_str text, uint8_t *out, size_t len)
{
    if (nv_openssl_load(NULL) != NV_OK)
        return NV_ERR_NO_MEMORY;
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    char digest[] = "SHA256";
    OSSL_PARAM facts[5];
    size_t count = 0;
    facts[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    facts[count++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                                       (void *)(uintptr_t)key, NV_KEY_BYTES);
    facts[count++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                                       (void *)(uintptr_t)text.ptr, text.len);
    if (salt.len > 0) {
        facts[count++] = OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.ptr, salt.len);
    }
    facts[count] = OSSL_PARAM_construct_end();
    bool ok = context && EVP_KDF_derive(context, out, len, facts) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return ok ? NV_OK : NV_ERR_NO_MEMORY;
}

enum nv_err nv_key_identify(const uint8_t key[NV_KEY_BYTES], uint8_t id[NV_KEY_ID_BYTES])
{
    return derive(key, NV_STR(""), (struct nv_str){id_text, sizeof id_text - 1}, id,
                  NV_KEY_ID_BYTES);
}

enum nv_err nv_cipher_new(const uint8_t key[NV_KEY_BYTES], const uint8_t salt[NV_SALT_BYTES],
                          uint32_t epoch, struct nv_cipher **out)
{
    uint8_t text[sizeof key_text - 1 + 4];
    struct nv_cipher *cipher = calloc(1, sizeof *cipher);
    *out = NULL;
    if (!cipher)
        return NV_ERR_NO_MEMORY;
    memcpy(text, key_text, sizeof key_text - 1);
    nv_put32(text + sizeof key_text - 1, epoch);
    enum nv_err err =
        derive(key, (struct nv_str){(const char *)salt, NV_SALT_BYTES},
               (struct nv_str){(const char *)text, sizeof text}, cipher->key, NV_KEY_BYTES);
    if (err == NV_OK)
        cipher->algorithm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!cipher->algorithm) {
        nv_cipher_free(cipher);
        return NV_ERR_NO_MEMORY;
    }
    *out = cipher;
    return NV_OK;
}

void nv_cipher_free(struct nv_cipher *cipher)
{
    if (!cipher)
        return;
    if (cipher->algorithm)
        EVP_CIPHER_free(cipher->algorithm);
    /* memset before free would be optimised away */
    explicit_bzero(cipher, sizeof *cipher);
    free(cipher);
}

enum nv_err nv_cipher_begin(const struct nv_cipher *cipher, bool sealing,
                            struct nv_cipher_run **out)
{
    struct nv_cipher_run *run = calloc(1, sizeof *run);
    *out = NULL;
    if (!run)
        return NV_ERR_NO_MEMORY;
    run->context = EVP_CIPHER_CTX_new();
    if (!run->context || EVP_CipherInit_ex(run->context, cipher->algorithm, NULL, cipher->key,
                                           NULL, sealing) != 1) {
        nv_cipher_end(run);
        return NV_ERR_NO_MEMORY;
    }
    *out = run;
    return NV_OK;
}

void nv_cipher_end(struct nv_cipher_run *run)
{
    if (!run)
        return;
    EVP_CIPHER_CTX_free(run->context);
    free(run);
}

/* Nonce and what is bound; the bytes come next. */
static bool start_chunk(struct nv_cipher_run *run, const struct nv_chunk_place *place)
{
    uint8_t nonce[NONCE_BYTES] = {0};
    int len;
    nv_put32(nonce, place->slot);
    nv_put32(nonce + 4, place->number);
    return EVP_CipherInit_ex(run->context, NULL, NULL, NULL, nonce, -1) == 1 &&
           EVP_CipherUpdate(run->context, NULL, &len, (const uint8_t *)place->bound.ptr,
                            (int)place->bound.len) == 1;
}

enum nv_err nv_cipher_seal(struct nv_cipher_run *run, const struct nv_chunk_place *place,
                           const struct nv_str parts[2], uint8_t *to)
{
    int len;
    bool ok = start_chunk(run, place);
    for (int i = 0; i < 2 && ok; i++) {
        if (parts[i].len == 0)
            continue;
        /* head and payload of a record are one plaintext without being copied together */
        ok = EVP_CipherUpdate(run->context, to, &len, (const uint8_t *)parts[i].ptr,
                              (int)parts[i].len) == 1;
        to += parts[i].len;
    }
    ok = ok && EVP_CipherFinal_ex(run->context, to, &len) == 1 &&
         EVP_CIPHER_CTX_ctrl(run->context, EVP_CTRL_GCM_GET_TAG, NV_TAG_BYTES, to) == 1;
    return ok ? NV_OK : NV_ERR_NO_MEMORY;
}

enum nv_err nv_cipher_open(struct nv_cipher_run *run, const struct nv_chunk_place *place,
                           uint8_t *bytes, size_t len)
{
    int done;
    bool ok = start_chunk(run, place);
    if (len > 0)
        ok = ok && EVP_CipherUpdate(run->context, bytes, &done, bytes, (int)len) == 1;
    ok = ok &&
         EVP_CIPHER_CTX_ctrl(run->context, EVP_CTRL_GCM_SET_TAG, NV_TAG_BYTES, bytes + len) ==
             1 &&
         EVP_CipherFinal_ex(run->context, bytes + len, &done) == 1;
    if (!ok) {
        /* GCM has decrypted before it knows: what does not carry its tag is nobody's to read */
        memset(bytes, 0, len);
    }
    return ok ? NV_OK : NV_ERR_MALFORMED;
}
