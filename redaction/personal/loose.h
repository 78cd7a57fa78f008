/*
 * Members of JSON in a text that is not one JSON text: cut off, one of several, in prose.
 *
 *   data: {"comment":"John Smith"},{\"comment\": [1
 *          ╰ key ──╯ ╰─ value ──╯   ╰── key ──╯  ╰─ value, up to the text's end
 *
 * Each quote may begin a key, as no quote is known to be the first of a pair. A quote behind
 * 2^n - 1 backslashes is one of a JSON text inside n strings. Time: linear in the text, times
 * the number of such n in it, which is at most the logarithm of its length. Nothing is
 * allocated; what is looked at counts (base/meter.h). For one thread.
 */
#ifndef NV_REDACTION_PERSONAL_LOOSE_H
#define NV_REDACTION_PERSONAL_LOOSE_H

#include "base/str.h"

struct nv_loose {
    struct nv_str text; /* borrowed */
    size_t at;          /* where the next key is looked for; 0 at first */
    /* of the key at hand, slices of the text */
    struct nv_str key;   /* as it is written, between its quotes */
    struct nv_str quote; /* with its backslashes */
    unsigned level;      /* strings around its JSON text */
    size_t behind;       /* its colon */
};

struct nv_loose_value {
    size_t from, to;     /* bytes of the text, with quotes */
    struct nv_str says;  /* what is between the quotes, or all of it; a slice of the text */
    struct nv_str quote; /* of the value, or of its key when it is no string */
    unsigned escaped;    /* how often `says` may be escaped */
    bool string;
};

/* Finds the next key, which a colon follows. False: no more. */
bool nv_loose_next_key(struct nv_loose *loose);
/*
 * The value of the key at hand: a string up to its closing quote, what is in brackets up to
 * the one that matches, however deep, or a word; each ends with the text or with the string
 * around it at the latest. Keys are looked for behind it then. False: there is none.
 */
bool nv_loose_value(struct nv_loose *loose, struct nv_loose_value *value);

#endif
