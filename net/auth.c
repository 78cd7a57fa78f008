/*
 * Tokens kept as keyed digests, compared in constant time.
 *
 * Comparing SHA-256 digests under a key drawn at start makes the comparison's time say nothing
 * about the token, whatever its length, and leaves no token in memory to be dumped. Every entry
 * is compared, also after a match. A reload builds a new set and swaps it under a lock that
 * readers share.
 *
 *   file or option ─▶ digest with the key of this run ─▶ set      token of a request ─▶ digest
 *                                                         └─ all compared, none left out ─┘
 */
#include "net/auth.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/openssl.h"
#include "base/text/text.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/banned.h"

#define DIGEST_BYTES 32

struct set {
    unsigned char digests[NV_AUTH_TOKENS_MAX][DIGEST_BYTES];
    size_t count;
};

struct nv_auth {
    pthread_rwlock_t lock; /* of set */
    struct set *set;
    char *tokens_file;                  /* NULL: none */
    unsigned char single[DIGEST_BYTES]; /* of receiver.auth.token */
    bool has_single;
    bool required;
    unsigned char key[DIGEST_BYTES];
};

/* The key in front makes digests of this process worthless in any other; SHA-256's extension
 * property does not matter, since digests are never given out. */
static bool digest(const struct nv_auth *auth, struct nv_str token,
                   unsigned char out[DIGEST_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned len = 0;
    bool fine = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, auth->key, sizeof auth->key) == 1 &&
                EVP_DigestUpdate(context, token.ptr, token.len) == 1 &&
                EVP_DigestFinal_ex(context, out, &len) == 1 && len == DIGEST_BYTES;
    EVP_MD_CTX_free(context);
    return fine;
}

/* ---- the file ---------------------------------------------------------------------------- */

static enum nv_err refuse(struct nv_fail *fail, const struct nv_auth *auth, const char *why)
{
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "cannot use tokens_file '%s': %s",
                       auth->tokens_file, why);
}

static enum nv_err add_line(const struct nv_auth *auth, struct set *set, struct nv_str line,
                            struct nv_fail *fail)
{
    line = nv_str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return NV_OK;
    if (line.len > NV_AUTH_TOKEN_MAX || set->count == NV_AUTH_TOKENS_MAX)
        return refuse(fail, auth, "a token is too long or there are too many");
    return digest(auth, line, set->digests[set->count++]) ? NV_OK : NV_ERR_NO_MEMORY;
}

static enum nv_err parse_lines(const struct nv_auth *auth, struct set *set, struct nv_str text,
                               struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    while (text.len > 0 && err == NV_OK) {
        size_t end = nv_str_find_char(text, '\n');
        err = add_line(auth, set, nv_str_slice(text, 0, end), fail);
        text =
            end == SIZE_MAX ? (struct nv_str){NULL, 0} : nv_str_slice(text, end + 1, SIZE_MAX);
    }
    /* Cut off while it was written, or by mistake: at a reload the old tokens stay. */
    if (err == NV_OK && set->count == 0)
        return refuse(fail, auth, "there is no token in it");
    return err;
}

/* A pipe that nobody writes to must not hold up a reload, and with it SIGTERM. */
static enum nv_err read_file(const struct nv_auth *auth, struct nv_buf *text,
                             struct nv_fail *fail)
{
    struct nv_fail cause = {.code = NV_OK};
    enum nv_err err =
        nv_file_read(auth->tokens_file, NV_FILE_WAIT_MS, NV_CAP_TOKENS_FILE, text, &cause);
    return err == NV_OK || err == NV_ERR_NO_MEMORY
               ? err
               : nv_fail_set(fail, NV_ERR_CONFIG, 0, "cannot use tokens_file: %s", cause.what);
}

/* Whole before it is swapped in: a reload that fails leaves what was. */
static enum nv_err load(const struct nv_auth *auth, struct nv_fail *fail, struct set **out)
{
    struct set *set = calloc(1, sizeof *set);
    if (!set)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = NV_OK;
    if (auth->tokens_file) {
        struct nv_buf text;
        nv_buf_init(&text, NV_CAP_TOKENS_FILE);
        err = read_file(auth, &text, fail);
        if (err == NV_OK)
            err = parse_lines(auth, set, nv_buf_str(&text), fail);
        if (text.len > 0)
            explicit_bzero(text.bytes, text.len);
        nv_buf_release(&text);
    }
    if (err != NV_OK) {
        free(set);
        return err;
    }
    *out = set;
    return NV_OK;
}

/* ---- life -------------------------------------------------------------------------------- */

static enum nv_err set_up(struct nv_auth *auth, struct nv_str token, const char *tokens_file,
                          struct nv_fail *fail)
{
    bool any = token.len > 0 || (tokens_file && tokens_file[0] != '\0');
    enum nv_err err = any ? nv_openssl_load(fail) : NV_OK;
    if (err != NV_OK)
        return err;
    if (getrandom(auth->key, sizeof auth->key, 0) != (ssize_t)sizeof auth->key)
        return NV_ERR_IO;
    if (token.len > NV_AUTH_TOKEN_MAX) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "the token is longer than %d bytes",
                           NV_AUTH_TOKEN_MAX);
    }
    auth->has_single = token.len > 0;
    if (auth->has_single && !digest(auth, token, auth->single))
        return NV_ERR_NO_MEMORY;
    if (tokens_file && tokens_file[0] != '\0') {
        auth->tokens_file = strdup(tokens_file);
        if (!auth->tokens_file)
            return NV_ERR_NO_MEMORY;
    }
    auth->required = auth->has_single || auth->tokens_file != NULL;
    err = load(auth, fail, &auth->set);
    assert(err != NV_OK || !auth->required || auth->has_single || auth->set->count > 0);
    return err;
}

enum nv_err nv_auth_new(const char *token, const char *tokens_file, struct nv_fail *fail,
                        struct nv_auth **out)
{
    struct nv_auth *auth = calloc(1, sizeof *auth);
    if (!auth || pthread_rwlock_init(&auth->lock, NULL) != 0) {
        free(auth);
        return NV_ERR_NO_MEMORY;
    }
    enum nv_err err = set_up(auth, nv_str_trim(nv_str_from(token)), tokens_file, fail);
    if (err != NV_OK) {
        nv_auth_free(auth);
        return err;
    }
    *out = auth;
    return NV_OK;
}

void nv_auth_free(struct nv_auth *auth)
{
    if (!auth)
        return;
    free(auth->set);
    free(auth->tokens_file);
    pthread_rwlock_destroy(&auth->lock);
    explicit_bzero(auth, sizeof *auth);
    free(auth);
}

enum nv_err nv_auth_reload(struct nv_auth *auth, struct nv_fail *fail)
{
    struct set *fresh = NULL;
    enum nv_err err = load(auth, fail, &fresh);
    if (err != NV_OK)
        return err;
    pthread_rwlock_wrlock(&auth->lock);
    struct set *old = auth->set;
    auth->set = fresh;
    pthread_rwlock_unlock(&auth->lock);
    free(old);
    return NV_OK;
}

bool nv_auth_required(const struct nv_auth *auth)
{
    return auth->required;
}

/* ---- checking ---------------------------------------------------------------------------- */

/* The length of a token may show in the time (hashing takes longer), its bytes do not. */
static bool is_known(struct nv_auth *auth, struct nv_str token)
{
    unsigned char presented[DIGEST_BYTES];
    if (token.len == 0 || token.len > NV_AUTH_TOKEN_MAX || !digest(auth, token, presented))
        return false;
    unsigned found = 0;
    if (auth->has_single)
        found |= CRYPTO_memcmp(presented, auth->single, DIGEST_BYTES) == 0;
    pthread_rwlock_rdlock(&auth->lock);
    for (size_t i = 0; i < auth->set->count; i++)
        found |= CRYPTO_memcmp(presented, auth->set->digests[i], DIGEST_BYTES) == 0;
    pthread_rwlock_unlock(&auth->lock);
    return found != 0;
}

/* The token is user:password as a whole; what has no colon is no credentials (RFC 7617 2). */
static bool is_known_basic(struct nv_auth *auth, struct nv_str credentials)
{
    struct nv_buf decoded;
    nv_buf_init(&decoded, NV_AUTH_TOKEN_MAX);
    bool known = nv_base64_decode(&decoded, credentials) == NV_OK &&
                 nv_str_find_char(nv_buf_str(&decoded), ':') != SIZE_MAX &&
                 is_known(auth, nv_buf_str(&decoded));
    if (decoded.len > 0)
        explicit_bzero(decoded.bytes, decoded.len);
    nv_buf_release(&decoded);
    return known;
}

enum nv_err nv_auth_check(struct nv_auth *auth, struct nv_str authorization,
                          struct nv_str api_key)
{
    if (!auth->required)
        return NV_OK;
    bool known = false;
    size_t space = nv_str_find_char(authorization, ' ');
    /* The name of a scheme has no case (RFC 9110 11.1). */
    struct nv_str scheme = nv_str_slice(authorization, 0, space);
    if (space != SIZE_MAX) {
        struct nv_str rest = nv_str_trim(nv_str_slice(authorization, space + 1, SIZE_MAX));
        if (nv_str_ieq(scheme, NV_STR("bearer")))
            known = is_known(auth, rest);
        else if (nv_str_ieq(scheme, NV_STR("basic")))
            known = is_known_basic(auth, rest);
    }
    /* A wrong Authorization is not mended by a right key: one claim a request. */
    if (authorization.len == 0)
        known = is_known(auth, api_key);
    return known ? NV_OK : NV_ERR_UNAUTHENTICATED;
}
