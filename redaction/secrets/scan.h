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
#include "redaction/secrets/rules.h"

/* How often each rule took something of a text. */
struct nv_secret_counts {
    uint32_t of[NV_SECRET_RULE_COUNT];
};

/* Makes what the others need, once a process; before the first of them. Any thread. */
void nv_secrets_ready(void);
/*
 * Masks the secrets of *text: *text stays as it is when it holds none (the usual case, no
 * allocation), else it becomes a new text in the arena and *counts is set. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_secrets_mask_text(struct nv_arena *arena, struct nv_str *text,
                                 struct nv_secret_counts *counts) NV_MUST_USE;

#endif
