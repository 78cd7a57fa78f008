/*
 * Escapes of ASCII undone, so that a secret is found however it is written: \u0040 and \/ as
 * JSON has them (any number of backslashes, as JSON in JSON doubles them), %40 as URLs have it.
 *
 *   raw   "postgres:\/\/u:p\u0040h"  ─▶  plain "postgres://u:p@h"
 *
 * A stretch of the plain text is found again in the raw one by walking both side by side.
 */
#ifndef NV_REDACTION_SECRETS_ESCAPES_H
#define NV_REDACTION_SECRETS_ESCAPES_H

#include "base/arena.h"

/* Places that belong together. All zero at first; only goes forward. */
struct nv_escape_cursor {
    size_t raw, plain;
};

/* Does an escape that hides a visible character of ASCII begin at `at`, a `\` or `%`? */
bool nv_escape_hides(struct nv_str raw, size_t at);
/* `raw` with them undone, in the arena; ptr NULL without memory. */
struct nv_str nv_escapes_undo(struct nv_arena *arena, struct nv_str raw);
/* Moves the cursor to the byte of the plain text at `plain` or behind; returns its place in
 * the raw one. */
size_t nv_escapes_seek(struct nv_escape_cursor *cursor, struct nv_str raw, size_t plain);

#endif
