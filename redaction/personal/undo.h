/*
 * Escapes of JSON in a text that need not be JSON: john\u0040corp.com is john@corp.com.
 */
#ifndef NV_REDACTION_PERSONAL_UNDO_H
#define NV_REDACTION_PERSONAL_UNDO_H

#include "base/buf.h"

/* Appends `text` with the escapes of JSON undone that say a character, however many
 * backslashes they have; false: it has none. Errors are the buffer's. Linear in the text. */
bool nv_undo_escapes(struct nv_str text, struct nv_buf *out);

#endif
