/*
 * Personal data in a text that may be JSON, with JSON texts inside it, and with escapes.
 *
 *   {"a":"x@y.co"}  ─▶ JSON? ─▶ each key and string, undone ─▶ the same again ─▶ written anew
 *   text x@y.co   ─▶ escapes undone, then as it is ─▶ personal.h
 *
 * What was JSON stays JSON. The same value gives the same pseudonym however it is written, at
 * any depth. A text that costs more than NV_NESTED_ROOM, or is deeper than NV_NESTED_MAX, is
 * redacted as a whole. For one thread.
 */
#ifndef NV_REDACTION_PERSONAL_NESTED_H
#define NV_REDACTION_PERSONAL_NESTED_H

#include "redaction/personal/personal.h"

/* JSON texts in each other. */
#define NV_NESTED_MAX 64u
/* Bytes that may be undone and written for a text of so many. */
#define NV_NESTED_ROOM(bytes) ((size_t)8 * (bytes) + ((size_t)1 << 20))

/* Which numbers of JSON are looked at. */
enum nv_nested_numbers {
    NV_NESTED_IDENTIFYING, /* under keys that say so (identifying.h): the text is a structure */
    NV_NESTED_ALL          /* whole ones: the text is one, which the SDK searches as such */
};

struct nv_nested;

/* New, with a finder of the rules, which it borrows; NULL without memory. */
struct nv_nested *nv_nested_new(const struct nv_personal *rules);
/* NULL is allowed. */
void nv_nested_free(struct nv_nested *nested);
/* Borrowed. */
struct nv_personal_finder *nv_nested_finder(struct nv_nested *nested);
/* As nv_personal_text. */
enum nv_err nv_nested_text(struct nv_nested *nested, struct nv_arena *arena,
                           enum nv_nested_numbers numbers, struct nv_str *text,
                           struct nv_personal_counts *counts) NV_MUST_USE;
/* Frees what large texts needed. */
void nv_nested_shrink(struct nv_nested *nested);

#endif
