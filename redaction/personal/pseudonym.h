/*
 * A pseudonym: the label, `_` and 12 hexadecimal digits of HMAC-SHA256 of the value's canonical
 * form (characters.h) with the salt, as the vendor's SDK makes them: the same value gives the
 * same word everywhere that the salt is the same, and who has not the salt can't go back.
 */
#ifndef NV_REDACTION_PERSONAL_PSEUDONYM_H
#define NV_REDACTION_PERSONAL_PSEUDONYM_H

#include "base/buf.h"

struct nv_pseudonyms;

/* New, with a copy of the salt's hash, not of the salt. NULL without memory. */
struct nv_pseudonyms *nv_pseudonyms_new(struct nv_str salt);
/* NULL is allowed. */
void nv_pseudonyms_free(struct nv_pseudonyms *pseudonyms);
/* Appends the word for a value. NV_ERR_NO_MEMORY, NV_ERR_LIMIT. One thread at a time. */
enum nv_err nv_pseudonym_append(struct nv_pseudonyms *pseudonyms, struct nv_buf *out,
                                struct nv_str label, struct nv_str value) NV_MUST_USE;

#endif
