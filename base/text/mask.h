/*
 * Secrets that must never be shown, known by their value: what is written for people or to
 * files goes through nv_mask_text last, whoever echoed them.
 *
 *   options, tokens ──nv_mask_add──▶ list ◀──nv_mask_text── log, admin port, dead letters, stdout
 *
 * Found as they are, in JSON's escapes (\/, \u0041), the log's (\x41), URL escapes (%41, + for
 * a space), and in base64 of either alphabet at any alignment (Authorization: Basic), each
 * escape for itself. What is left is "***".
 */
#ifndef NV_BASE_TEXT_MASK_H
#define NV_BASE_TEXT_MASK_H

#include "base/buf.h"
#include "base/output.h"

/* A shorter value hides nothing, and would blacken text that only looks like it. */
#define NV_MASK_BYTES_MIN 8
/* Secrets that are remembered: key, salt, passwords, bearer tokens of every reload. */
#define NV_MASK_SECRETS_MAX 256

/*
 * Remembers a value (copied) for good: after a reload the old one is a secret still. Shorter
 * ones, digits alone (they would black out counts, and break JSON) and ones that are known are
 * ignored. NV_ERR_LIMIT, NV_ERR_NO_MEMORY: it is not remembered. Any thread.
 */
enum nv_err nv_mask_add(struct nv_str secret) NV_MUST_USE;
/*
 * The same of the password in a URL's user:password@, and of both in the form that Basic
 * authentication has. A URL without them is ignored. Errors as above.
 */
enum nv_err nv_mask_add_url(struct nv_str url) NV_MUST_USE;
/*
 * Replaces each secret in `text` by "***", in place; returns the new length, never more than
 * `len`. A secret of which only the beginning (NV_MASK_BYTES_MIN bytes or more) fits before the
 * end was cut there, and goes too. Linear in `len`. Any thread, no lock.
 */
size_t nv_mask_text(char *text, size_t len);
/* The same of all that a buffer holds. */
void nv_mask_buf(struct nv_buf *buf);
/* Masks the buffer and writes it to `output`; false when that did not take all of it. */
bool nv_mask_print(struct nv_buf *buf, struct nv_output *output);
/* Forgets all. For tests; nobody else may be masking. */
void nv_mask_clear(void);

#endif
