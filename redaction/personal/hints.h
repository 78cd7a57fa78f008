/*
 * What a text may hold, told by one cheap pass over its bytes: nearly all texts hold nothing of
 * the kind, and are done with it.
 */
#ifndef NV_REDACTION_PERSONAL_HINTS_H
#define NV_REDACTION_PERSONAL_HINTS_H

#include "base/str.h"

#include <stdint.h>

struct nv_hints {
    bool ascii;     /* no other characters */
    bool at;        /* an @ */
    bool url;       /* :// behind a p or s, or :\/\/ */
    bool iban, pan; /* two, five capitals, then a digit */
    bool escape;    /* a backslash */
    bool area;      /* a digit, then a closing parenthesis */
    uint32_t dots;  /* digits with a dot behind them */
    uint32_t run;   /* digits in a row at most, of any script */
    uint32_t dense; /* digits with at most three other characters between two, at most */
};

/* Linear, no memory. Counts too much where it can't tell, never too little. */
struct nv_hints nv_hints_of(struct nv_str text);

#endif
