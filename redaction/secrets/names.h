/*
 * Names of secrets: what the key of an attribute, a member of JSON or a name in text says about
 * its value.
 *
 * The part that counts is the end, whatever its case, and with `_`, `-` and `.` left out:
 * `openai.api_key`, `X-Api-Key` and `openaiApiKey` all end in `apikey`. `total_tokens`,
 * `token_type`, `api_key_id` and `password_hint` end in nothing of the table.
 */
#ifndef NV_REDACTION_SECRETS_NAMES_H
#define NV_REDACTION_SECRETS_NAMES_H

#include "base/str.h"

#include <stdint.h>

/*
 * X(end, strength): SURE: any value is a secret; RANDOM: one that looks made by chance is
 * (nv_secret_is_random), as `token` is also what a model reads; LINE: the whole rest of the
 * line, of a cookie; LOCAL: unless it is a path, as `PWD` is a directory too. The first
 * thirteen are the vendor's SDK's (docs/noveum-backend.md#secrets), the others are of
 * detect-secrets 1.5 (keyword), gitleaks (generic-api-key, azure, npm, database-password) and
 * of headers with keys in them (HTTP semantics RFC 9110 and 6265; Azure, AWS, Google).
 */
#define NV_SECRET_NAMES(X)                                                                     \
    X("apikey", SURE)                                                                          \
    X("secret", SURE)                                                                          \
    X("secretkey", SURE)                                                                       \
    X("password", SURE)                                                                        \
    X("authorization", SURE)                                                                   \
    X("accesskey", SURE)                                                                       \
    X("privatekey", SURE)                                                                      \
    X("credential", SURE)                                                                      \
    X("credentials", SURE)                                                                     \
    X("accesstoken", SURE)                                                                     \
    X("refreshtoken", SURE)                                                                    \
    X("authtoken", SURE)                                                                       \
    X("sessiontoken", SURE)                                                                    \
    X("passwd", SURE)                                                                          \
    X("passphrase", SURE)                                                                      \
    X("bearertoken", SURE)                                                                     \
    X("apitoken", SURE)                                                                        \
    X("oauthtoken", SURE)                                                                      \
    X("securitytoken", SURE)                                                                   \
    X("idtoken", RANDOM)                                                                       \
    X("vaulttoken", SURE)                                                                      \
    X("accountkey", SURE)                                                                      \
    X("authkey", SURE)                                                                         \
    X("encryptionkey", SURE)                                                                   \
    X("functionskey", SURE)                                                                    \
    X("masterkey", SURE)                                                                       \
    X("servicekey", SURE)                                                                      \
    X("signingkey", SURE)                                                                      \
    X("storagekey", SURE)                                                                      \
    X("subscriptionkey", SURE)                                                                 \
    X("webhookkey", SURE)                                                                      \
    X("dbpass", SURE)                                                                          \
    X("databasepass", SURE)                                                                    \
    X("userpass", SURE)                                                                        \
    X("keypass", SURE)                                                                         \
    X("storepass", SURE)                                                                       \
    X("creds", SURE)                                                                           \
    X("amzsignature", SURE)                                                                    \
    X("googsignature", SURE)                                                                   \
    X("accesssignature", SURE)                                                                 \
    X("gitlabsession", SURE)                                                                   \
    X("pass", RANDOM)                                                                          \
    X("pwd", LOCAL)                                                                            \
    X("token", RANDOM)                                                                         \
    X("auth", RANDOM)                                                                          \
    X("jwt", RANDOM)                                                                           \
    X("sig", RANDOM)                                                                           \
    X("sessid", RANDOM)                                                                        \
    X("cookie", LINE)

enum nv_name_kind { NV_NAME_NONE, NV_NAME_SURE, NV_NAME_RANDOM, NV_NAME_LINE, NV_NAME_LOCAL };

/* No shorter name is a secret's. */
#define NV_NAME_LEN_MIN 3

/* Builds the filter of last letters, once; to be called before the others. */
void nv_names_ready(void);
/* A bit for each three letters, of five bits each, in which a row of the table ends. */
extern uint64_t nv_name_endings[512];

/* The last three bytes before `end`, which has as many before it, as such a number. */
static inline unsigned nv_name_three(const char *end)
{
    return ((unsigned)end[-1] & 31) | ((unsigned)end[-2] & 31) << 5 |
           ((unsigned)end[-3] & 31) << 10;
}

/* May the name of a secret end before the byte at `end` of `text`? No is what it mostly says,
 * at the cost of one look. */
static inline bool nv_name_may_end(struct nv_str text, size_t end)
{
    if (end < NV_NAME_LEN_MIN)
        return false;
    unsigned letters = nv_name_three(text.ptr + end);
    return (nv_name_endings[letters / 64] >> (letters % 64) & 1) != 0;
}
/* What the end of `name` says. */
enum nv_name_kind nv_name_kind(struct nv_str name);
/*
 * Does a value look made by chance: 12 bytes or more of one word, with letters and digits, of
 * 3 bits a byte or more?
 */
bool nv_secret_is_random(struct nv_str value);

#endif
