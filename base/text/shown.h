/*
 * What of a foreign text may reach a person's eyes: terminals, logs, pages, graphs.
 *
 *   "a\033[2Jb"     ▸ a\x1b[2Jb          moves no cursor
 *   "abc\u202edcba" ▸ abc\u202edcba      reads as it is stored
 *   "ab\xffc"       ▸ ab�c               valid UTF-8 wherever it goes
 *
 * Hidden are: controls (C0, DEL, C1), line and paragraph separators, the bidirectional
 * controls, and what has no shape of its own (Unicode 15.1 Default_Ignorable_Code_Point: zero
 * width, tags, fillers) but for U+FE00..FE0F, which choose the look of emoji. Ill-formed UTF-8
 * becomes U+FFFD, one for each maximal part (as base/json/json_write.h does). Cost is linear;
 * nothing is allocated.
 */
#ifndef NV_BASE_TEXT_SHOWN_H
#define NV_BASE_TEXT_SHOWN_H

#include "base/buf.h"

#include <stdio.h>

/* Longest escape, with its NUL. */
#define NV_SHOWN_ESCAPE_SIZE 16

enum nv_shown_form {
    NV_SHOWN_LINE,  /* one line: \t, \n, \xNN, \uNNNN, \UNNNNNNNN as C writes them */
    NV_SHOWN_LINES, /* the same, but line ends and tabs stay */
    NV_SHOWN_JSON /* JSON text: \uNNNN, which is the same text to a reader; white space stays */
};

/*
 * Takes the next piece off `rest` (not empty): a run that is shown as it is (borrowed from
 * `rest`) or what stands for one character (borrowed from `escape`, or static). Never empty.
 */
struct nv_str nv_shown_next(struct nv_str *rest, enum nv_shown_form form,
                            char escape[NV_SHOWN_ESCAPE_SIZE]);
/* Appends `text` (borrowed) as it may be shown. Buffer's errors. */
enum nv_err nv_shown_append(struct nv_buf *buf, struct nv_str text, enum nv_shown_form form);
/* Writes `text` (borrowed) to a stream likewise; what can't be written is left out. */
void nv_shown_print(FILE *file, struct nv_str text, enum nv_shown_form form);
/* May this code point be shown? */
bool nv_shown_code(uint32_t code);

#endif
