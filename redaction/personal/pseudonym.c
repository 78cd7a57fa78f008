/*
 * HMAC (RFC 2104) by hand over SHA-256: the state behind each of the two keys is made once
 * and copied, as OpenSSL's own takes longer to set up than to hash.
 *
 *   once a salt    key ^ 36.. ──▶ inner         key ^ 5c.. ──▶ outer
 *   a value        copy of inner ◀─ canonical value ─▶ digest
 *                  copy of outer ◀─ digest ──────────▶ 6 bytes, as 12 digits
 *
 * The two states are all that is kept of the salt here. They are one thread's, as is the
 * scratch context; each finder has its own.
 *
 * 48 bits are the SDK's choice, and so they are ours: pseudonyms of both must meet.
 */
#include "redaction/personal/pseudonym.h"

#include "base/limits.h"
#include "base/openssl.h"
#include "redaction/personal/characters.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define BLOCK 64u
#define DIGEST 32u
#define SHOWN 6u /* bytes of the digest */

struct nv_pseudonyms {
    EVP_MD_CTX *inner, *outer, *work;
    struct nv_buf canonical;
};

/*
 * The block has the key in it and lies on the stack: it is wiped, which an optimiser may not
 * drop.
 */
static EVP_MD_CTX *keyed(const unsigned char key[BLOCK], unsigned char pad)
{
    unsigned char block[BLOCK];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = key[i] ^ pad;
    if (context && (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
                    EVP_DigestUpdate(context, block, BLOCK) != 1)) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    explicit_bzero(block, sizeof block);
    return context;
}

/*
 * A salt longer than a block is hashed first, a shorter one ends in zeros: RFC 2104, section
 * 2.
 */
struct nv_pseudonyms *nv_pseudonyms_new(struct nv_str salt)
{
    unsigned char key[BLOCK] = {0};
    if (nv_openssl_load_crypto(NULL) != NV_OK)
        return NULL;
    struct nv_pseudonyms *pseudonyms = calloc(1, sizeof *pseudonyms);
    if (!pseudonyms)
        return NULL;
    nv_buf_init(&pseudonyms->canonical, NV_CAP_RECORD);
    bool ok = true;
    if (salt.len > BLOCK)
        ok = nv_openssl_sha256(salt, key) == NV_OK;
    else if (salt.len > 0)
        memcpy(key, salt.ptr, salt.len);
    if (ok) {
        pseudonyms->inner = keyed(key, 0x36);
        pseudonyms->outer = keyed(key, 0x5c);
        pseudonyms->work = EVP_MD_CTX_new();
    }
    explicit_bzero(key, sizeof key);
    if (pseudonyms->inner && pseudonyms->outer && pseudonyms->work)
        return pseudonyms;
    nv_pseudonyms_free(pseudonyms);
    return NULL;
}

void nv_pseudonyms_free(struct nv_pseudonyms *pseudonyms)
{
    if (!pseudonyms)
        return;
    EVP_MD_CTX_free(pseudonyms->inner);
    EVP_MD_CTX_free(pseudonyms->outer);
    EVP_MD_CTX_free(pseudonyms->work);
    nv_buf_release(&pseudonyms->canonical);
    free(pseudonyms);
}

static bool hash(struct nv_pseudonyms *pseudonyms, const EVP_MD_CTX *key, struct nv_str text,
                 unsigned char out[DIGEST])
{
    return EVP_MD_CTX_copy_ex(pseudonyms->work, key) == 1 &&
           EVP_DigestUpdate(pseudonyms->work, text.ptr, text.len) == 1 &&
           EVP_DigestFinal_ex(pseudonyms->work, out, NULL) == 1;
}

/*
 *   LABEL_0123456789ab
 *
 * The label is not hashed: the same value under two labels shows the same digits, as the SDK
 * has it.
 */
enum nv_err nv_pseudonym_append(struct nv_pseudonyms *pseudonyms, struct nv_buf *out,
                                struct nv_str label, struct nv_str value)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[DIGEST];
    nv_buf_clear(&pseudonyms->canonical);
    enum nv_err err = nv_canonical_append(&pseudonyms->canonical, value);
    /* What is no UTF-8 has no form but its own. */
    if (err == NV_ERR_MALFORMED)
        err = nv_buf_append_str(&pseudonyms->canonical, value);
    if (err != NV_OK)
        return err;
    if (!hash(pseudonyms, pseudonyms->inner, nv_buf_str(&pseudonyms->canonical), digest) ||
        !hash(pseudonyms, pseudonyms->outer, (struct nv_str){(const char *)digest, DIGEST},
              digest))
        return NV_ERR_NO_MEMORY;
    (void)nv_buf_append_str(out, label);
    (void)nv_buf_append_char(out, '_');
    for (size_t i = 0; i < SHOWN; i++) {
        (void)nv_buf_append_char(out, digits[digest[i] >> 4]);
        (void)nv_buf_append_char(out, digits[digest[i] & 15u]);
    }
    return out->failed;
}
