/*
 * Secrets in a text, found in one pass over its bytes.
 *
 *   text ─▶ blocks of 64 bytes ─┬─ runs of 16 or more ─▶ forms of keys (shapes.h), Bearer, Basic
 *                               ├─ `:` and `=`        ─▶ pairs, URLs (pairs.h)
 *                               ├─ dashes             ─▶ private keys in PEM
 *                               └─ escapes of ASCII   ─▶ once more, with them undone
 *
 * What is found becomes `***`, which is also valid inside JSON text. Scanning what was masked
 * finds nothing more. Cost is linear in the bytes, whatever they are.
 */
#ifndef NV_REDACTION_SECRETS_SCAN_H
#define NV_REDACTION_SECRETS_SCAN_H

#include "base/arena.h"
#include "base/error.h"
#include "redaction/secrets/blocks.h"
#include "redaction/secrets/names.h"
#include "redaction/secrets/rules.h"

/* How often each rule took something of a text. */
struct nv_secret_counts {
    uint32_t of[NV_SECRET_RULE_COUNT];
};

/* The shortest text that any secret is in: a name, what separates it, one character. */
#define NV_SECRET_TEXT_MIN (NV_NAME_LEN_MIN + 2)

/* Is a text short, without a separator or an escape? It has no secret then: a form needs
 * NV_SHAPE_BYTES_MIN bytes. */
static inline bool nv_secrets_is_short(struct nv_str text)
{
    return text.len < NV_SECRET_TEXT_MIN ||
           (text.len < NV_SHAPE_BYTES_MIN && !nv_block_has_pair(text));
}

/* Makes what the others need, once a process; before the first of them. Any thread. */
void nv_secrets_ready(void);
/*
 * Masks the secrets of *text: *text stays as it is when it holds none (the usual case, no
 * allocation), else it becomes a new text in the arena and *counts is set. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_secrets_mask_text(struct nv_arena *arena, struct nv_str *text,
                                 struct nv_secret_counts *counts) NV_MUST_USE;

#endif
