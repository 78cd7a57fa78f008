/*
 * Stretches of a text, and which of them count where they overlap: the longest, then the
 * leftmost, then the one that was found first. Lengths are in characters, as the SDK's.
 */
#ifndef NV_REDACTION_PERSONAL_SPANS_H
#define NV_REDACTION_PERSONAL_SPANS_H

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

/* Found in a text, before it is decided which count; a text with more is redacted as a whole.
 */
#define NV_SPANS_MAX 65536u

struct nv_span_found {
    size_t from, to; /* bytes */
    size_t characters;
    uint32_t label; /* the finder's */
    uint32_t order; /* set by nv_spans_add */
};

struct nv_spans {
    struct nv_span_found *items;
    size_t count, capacity;
    uint8_t *taken; /* a bit for each byte of the text */
    size_t taken_bytes;
};

/* All zero is empty. Frees what it holds; usable again. */
void nv_spans_release(struct nv_spans *spans);
/* Forgets the spans, keeps the memory. */
void nv_spans_clear(struct nv_spans *spans);
/* NV_ERR_LIMIT: too many. NV_ERR_NO_MEMORY. */
enum nv_err nv_spans_add(struct nv_spans *spans, struct nv_span_found span) NV_MUST_USE;
/* Keeps those that count, by their place in the text of `bytes`. NV_ERR_NO_MEMORY. */
enum nv_err nv_spans_resolve(struct nv_spans *spans, size_t bytes) NV_MUST_USE;
/* Does [from, to) overlap one of them? They are resolved. */
bool nv_spans_overlap(const struct nv_spans *spans, size_t from, size_t to);

#endif
