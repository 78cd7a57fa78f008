/*
 * Texts of which nothing is wanted, by their bytes: most keys and many values are met in every
 * span of every trace, and one comparison is cheaper than being looked at again.
 *
 *   text of 1 to 32 bytes ─▶ length and four words that cover it ─▶ one place of the table
 *
 * A place holds the last text that was put there: what is forgotten is only looked at again.
 * Belongs to one thread, and to one question whose answer for a text never changes.
 */
#ifndef NV_BASE_KNOWN_H
#define NV_BASE_KNOWN_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NV_KNOWN_BITS 9
#define NV_KNOWN_TEXTS (1u << NV_KNOWN_BITS)
/* Longer texts are not remembered. */
#define NV_KNOWN_LEN_MAX 32u

/* A text as it is remembered: equal ones are equal bytes. len 0: it never is. */
struct nv_known_text {
    uint64_t len;
    uint64_t words[4]; /* overlapping where it is shorter than they are */
};

/* Zero-initialised is empty. */
struct nv_known {
    struct nv_known_text texts[NV_KNOWN_TEXTS];
};

static inline uint64_t nv_known_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* All of 1 to 7 bytes. */
static inline uint64_t nv_known_short(struct nv_str text)
{
    uint32_t begin, end;
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    if (text.len < 4) {
        return bytes[0] | (uint64_t)bytes[text.len / 2] << 8 |
               (uint64_t)bytes[text.len - 1] << 16;
    }
    memcpy(&begin, text.ptr, sizeof begin);
    memcpy(&end, text.ptr + text.len - sizeof end, sizeof end);
    return begin | (uint64_t)end << 32;
}

/* The text as it is remembered. */
static inline struct nv_known_text nv_known_form(struct nv_str text)
{
    struct nv_known_text form = {0};
    if (text.len == 0 || text.len > NV_KNOWN_LEN_MAX)
        return form;
    form.len = text.len;
    if (text.len < 8) {
        form.words[0] = nv_known_short(text);
        return form;
    }
    size_t second = text.len < 16 ? 0 : 8;
    form.words[0] = nv_known_word(text.ptr);
    form.words[1] = nv_known_word(text.ptr + second);
    form.words[2] = nv_known_word(text.ptr + text.len - 8 - second);
    form.words[3] = nv_known_word(text.ptr + text.len - 8);
    return form;
}

/* Of which a table takes the uppermost bits. */
static inline uint64_t nv_known_hash(const struct nv_known_text *form)
{
    return (form->words[0] ^ form->words[3] << 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Where it would be: written to by whoever has looked at it and wants nothing. */
static inline struct nv_known_text *nv_known_place(struct nv_known *known,
                                                   const struct nv_known_text *form)
{
    return &known->texts[nv_known_hash(form) >> (64 - NV_KNOWN_BITS)];
}

/* Are they the same text? So are two that are never remembered. */
static inline bool nv_known_same(const struct nv_known_text *a, const struct nv_known_text *b)
{
    return ((a->len ^ b->len) | (a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1]) |
            (a->words[2] ^ b->words[2]) | (a->words[3] ^ b->words[3])) == 0;
}

/* Is it remembered? */
static inline bool nv_known_has(struct nv_known *known, const struct nv_known_text *form)
{
    return form->len != 0 && nv_known_same(nv_known_place(known, form), form);
}

#endif
