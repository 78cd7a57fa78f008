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

/* Which numbers of JSON are looked at, if anything is. */
enum nv_nested_numbers {
    NV_NESTED_IDENTIFYING, /* under keys that say so (identifying.h): the text is a structure */
    NV_NESTED_ALL,         /* whole ones: the text is one, which the SDK searches as such */
    NV_NESTED_KEPT         /* none, nor anything else but what is done by keys */
};

/* What is done with the value of a member of JSON, by its key. */
enum nv_nested_act {
    NV_NESTED_ACT_NONE,
    NV_NESTED_ACT_DROP, /* it becomes null */
    NV_NESTED_ACT_HASH, /* it becomes what nv_personal_whole makes of it */
    NV_NESTED_ACT_KEEP  /* nothing is looked for in it; keys inside of it have their own act */
};

struct nv_nested_keys {
    const void *ctx;
    enum nv_nested_act (*act)(const void *ctx, struct nv_str key); /* NULL: none for any key */
};

struct nv_nested;

/* New, with a finder of the rules, which it borrows; NULL without memory. */
struct nv_nested *nv_nested_new(const struct nv_personal *rules);
/* NULL is allowed. */
void nv_nested_free(struct nv_nested *nested);
/* From now on, what is done by keys; JSON texts are then read whatever they hold. `ctx` is
 * borrowed. */
void nv_nested_set_keys(struct nv_nested *nested, struct nv_nested_keys keys);
/* Borrowed. */
struct nv_personal_finder *nv_nested_finder(struct nv_nested *nested);
/* As nv_personal_text. */
enum nv_err nv_nested_text(struct nv_nested *nested, struct nv_arena *arena,
                           enum nv_nested_numbers numbers, struct nv_str *text,
                           struct nv_personal_counts *counts) NV_MUST_USE;
/* Frees what large texts needed. */
void nv_nested_shrink(struct nv_nested *nested);

#endif
