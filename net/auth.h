/*
 * Who may send: bearer tokens, API keys and user:password pairs.
 *
 *   token, tokens file ──▶ SHA-256 keyed with a random key ──▶ [ 32 bytes | 32 bytes | ... ]
 *
 * Only digests are kept, so that neither a core dump nor a timing difference shows a token.
 * Accepted forms: `Authorization: Bearer <token>` (scheme in any case), `x-api-key: <token>`,
 * and `Authorization: Basic base64(<token>)` where the token is a "user:password" line. Fails
 * closed: a tokens file that can't be read or holds no token is an error at start and leaves
 * the old tokens in place at reload.
 */
#ifndef NV_NET_AUTH_H
#define NV_NET_AUTH_H

#include "base/str.h"

/* Longest token, and how many a file may hold. */
#define NV_AUTH_TOKEN_MAX 4096
#define NV_AUTH_TOKENS_MAX 1024

struct nv_auth;

/*
 * New set from one token and a file of tokens, one a line ('#' begins a comment line); either
 * may be NULL or empty, both: nv_auth_check then lets everybody in. NV_ERR_CONFIG,
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_auth_new(const char *token, const char *tokens_file, struct nv_fail *fail,
                        struct nv_auth **out) NV_MUST_USE;
/* Frees. NULL is allowed. */
void nv_auth_free(struct nv_auth *auth);
/* Reads the file again. On failure (NV_ERR_CONFIG) the old tokens stay. Any thread. */
enum nv_err nv_auth_reload(struct nv_auth *auth, struct nv_fail *fail) NV_MUST_USE;
/* Is a token asked for at all? Any thread. */
bool nv_auth_required(const struct nv_auth *auth);
/*
 * May a request with these header values (empty: absent) pass? NV_OK or NV_ERR_UNAUTHENTICATED.
 * Takes the same time for every token of a length. Any thread.
 */
enum nv_err nv_auth_check(struct nv_auth *auth, struct nv_str authorization,
                          struct nv_str api_key) NV_MUST_USE;

#endif
