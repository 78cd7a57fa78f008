/*
 * What a text may hold, told by one cheap pass over its bytes: nearly all texts hold nothing of
 * the kind, and are done with it.
 *
 *   ... 16 bytes ... ─▶ which are digits? @ \ / beyond ASCII? ─▶ each run of digits ─▶ hints
 */
#ifndef NV_REDACTION_PERSONAL_HINTS_H
#define NV_REDACTION_PERSONAL_HINTS_H

#include "base/str.h"

#include <stdint.h>

#define NV_HINTS_LONG 9u

struct nv_hints {
    bool ascii;      /* no other characters */
    bool at;         /* an @ */
    bool url;        /* :// behind a p or s, or with backslashes: :\/\/ */
    bool iban, pan;  /* two, five capitals, then a digit */
    bool escape;     /* a backslash */
    bool area;       /* a digit, then a closing parenthesis */
    uint32_t dots;   /* dots in a row that have one run of digits between two, and around */
    uint32_t run;    /* digits in a row at most, of any script */
    uint32_t joined; /* digits with at most one -, . or white space between two, at most */
    size_t from, to; /* all such stretches of NV_HINTS_LONG or more lie inside; to 0: none */
    /* Digits with at most three other characters between two, at most: what the SDK asks before
     * it looks for telephone numbers, so it counts neither more nor less. */
    uint32_t dense;
};

/* Linear, no memory. The others count too much where they can't tell, never too little. */
struct nv_hints nv_hints_of(struct nv_str text);

#endif
