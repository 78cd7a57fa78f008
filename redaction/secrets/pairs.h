/*
 * Secrets that are known by what stands around a `:` or `=`.
 *
 *   password: x   api_key=x   "secret": "x y"   "pin_password": 5   --token=x   Pwd=x;
 *   Authorization: Bearer x   Cookie: a=b; c=d   scheme://user:x@host   curl -u user:x
 *   123456789:AAx (Telegram)
 *
 * JSON is not parsed: names and values are read around the separator, with quotes that are
 * escaped any number of times as in JSON text in JSON text, and what is put in place of a value
 * keeps JSON whole.
 */
#ifndef NV_REDACTION_SECRETS_PAIRS_H
#define NV_REDACTION_SECRETS_PAIRS_H

#include "redaction/secrets/shapes.h"

/* A secret and what it becomes: `***` between two times `quote`. */
struct nv_secret_pair {
    struct nv_secret_stretch at; /* len 0: none */
    struct nv_str quote;         /* part of the text; empty mostly */
    size_t masked_to;            /* none, as what ends here was masked before; else 0 */
};

/* What lies before `at` was taken already and is not looked at. */
struct nv_secret_floor {
    size_t at;
    bool quoted; /* the last of it became `***` between quotes */
};

/*
 * The secret behind the `:` or `=` at `separator` of `text`. Reads as much of the text as it
 * takes and a constant more.
 */
struct nv_secret_pair nv_pair_find(struct nv_str text, struct nv_secret_floor floor,
                                   size_t separator);

#endif
