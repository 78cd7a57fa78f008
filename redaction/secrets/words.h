/*
 * Secrets that are known by words around them: what follows `Bearer` and `Basic`, and the body
 * of a private key between its lines of dashes.
 */
#ifndef NV_REDACTION_SECRETS_WORDS_H
#define NV_REDACTION_SECRETS_WORDS_H

#include "redaction/secrets/shapes.h"

/* The credentials that begin at `at` behind `Bearer ` or `Basic `; len 0: none. What lies
 * before `floor` was taken already. */
struct nv_secret_stretch nv_credentials_find(struct nv_str text, size_t floor, size_t at);
/* The body of the private key whose first line has its fifth dash at `dash`; len 0: none. That
 * line may have been taken, with the secret before it, and the begin of the body with it. */
struct nv_secret_stretch nv_private_key_find(struct nv_str text, size_t floor, size_t dash);

#endif
