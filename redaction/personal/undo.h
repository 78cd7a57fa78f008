/*
 * Escapes of JSON in a text that need not be JSON: john\u0040corp.com is john@corp.com.
 *
 *   text    C:\new\table\u0041x john\u0040corp.com
 *                                ╰──── nv_undone_place: where it stands ────╮
 *   undone  C:\new\tableAx john@corp.com ─▶ something found, [from, to) ────╯
 *
 * Nothing is allocated but by the buffer. Any thread.
 */
#ifndef NV_REDACTION_PERSONAL_UNDO_H
#define NV_REDACTION_PERSONAL_UNDO_H

#include "base/buf.h"
#include "base/json/json_string.h"

/* Appends `text` with the escapes of JSON undone that say a character, however many
 * backslashes they have; false: it has none. Errors are the buffer's. Linear in the text. */
bool nv_undo_escapes(struct nv_str text, struct nv_buf *out);

/* An escape that is undone. */
struct nv_undo_escape {
    size_t at, length; /* bytes of the text, with all its backslashes */
    size_t bytes;      /* of what it says */
    char says[NV_JSON_ESCAPE_BYTES];
};

/* Where what was undone stands in its text. */
struct nv_undone {
    struct nv_str text; /* borrowed */
    size_t at, plain;   /* a place of the text, and the same one of what was undone */
    struct nv_undo_escape next;
    bool more; /* `next` is behind them */
};

/* For the places of `text`, which nv_undo_escapes took. */
void nv_undone_init(struct nv_undone *undone, struct nv_str text);
/* The place in the text of the character at `plain` of what was undone, or its end; they
 * must ascend. Linear in the text for all together. */
size_t nv_undone_place(struct nv_undone *undone, size_t plain);

#endif
