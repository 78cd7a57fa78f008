/*
 * Keys that are known by their form (NV_SECRET_SHAPES of rules.h), found in one pass.
 *
 *   a run of bytes ─▶ automaton over all anchors ─▶ the forms that end here ─▶ match
 *
 * The automaton (Aho and Corasick 1975, as a table of states by bytes) is built once
 * a process from the table: one look-up a byte, whatever the number of forms. A form is matched
 * around its anchor without going back, so that a byte is read by it once. Why not a library:
 * docs/design/0014-finding-secrets.md. Any thread.
 */
#ifndef NV_REDACTION_SECRETS_SHAPES_H
#define NV_REDACTION_SECRETS_SHAPES_H

#include "base/str.h"
#include "redaction/secrets/rules.h"

#include <stdint.h>

/* No form is found in fewer bytes without white space, quotes, `:` or `=` between them. */
#define NV_SHAPE_BYTES_MIN 15

struct nv_shape {
    enum nv_secret_rule rule;
    const char *before, *anchor, *behind; /* forms, rules.h */
    bool edge;
    unsigned entropy; /* tenths of a bit a character */
    const char *source;
};

/* A stretch of a text that a rule takes; len 0: none. */
struct nv_secret_stretch {
    size_t from, len;
    enum nv_secret_rule rule;
};

/* The table, a row of it each. */
extern const struct nv_shape nv_shapes[];

/* Builds the automaton, once; to be called before the next. */
void nv_shapes_ready(void);
/* A run of bytes of class w that was read; all zero at first. */
struct nv_shape_run {
    size_t from, to;
};

struct nv_shape_search {
    struct nv_str text;
    size_t floor; /* what lies before it was taken already; at it a word begins */
    struct nv_shape_run *run;
};

/*
 * The first key whose anchor is in the bytes [from, to) of the text, floor <= from, all of
 * which are ASCII; what is found may go on behind `to`.
 */
struct nv_secret_stretch nv_shape_find(const struct nv_shape_search *search, size_t from,
                                       size_t to);
/* Can the byte at `at` (>= floor) begin a word: no letter, digit or _ before it, or one that
 * belongs to an escape as \n? */
bool nv_shape_is_edge(struct nv_str text, size_t floor, size_t at);
/* Entropy of the first 64 bytes of `text` in tenths of a bit a byte (Shannon). */
unsigned nv_entropy(struct nv_str text);

#endif
