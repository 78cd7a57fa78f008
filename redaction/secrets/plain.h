/*
 * Texts of one trace in which there is nothing to find, by where they stand.
 *
 *   text ─▶ [ address | length | what is not in it ]     one place of a table, by the address
 *
 * A conversation that is sent again with each call is read once (mapping/content/): its texts
 * are the same bytes in every span, and are searched in the first. Texts of a trace lie still
 * in its arena until it is gone, and nobody writes to them; so an address says what stands
 * there until the next trace begins. Belongs to one thread.
 */
#ifndef NV_REDACTION_SECRETS_PLAIN_H
#define NV_REDACTION_SECRETS_PLAIN_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define NV_PLAIN_BITS 7
/* Shorter ones are looked at as fast as for here. */
#define NV_PLAIN_LEN_MIN 33u

/* What a text does not hold. */
#define NV_PLAIN_SECRETS 1u
#define NV_PLAIN_MEDIA 2u
#define NV_PLAIN_ALL (NV_PLAIN_SECRETS | NV_PLAIN_MEDIA)

struct nv_plain_text {
    const char *ptr;
    uint32_t len;
    uint32_t trace; /* with what it does not hold */
};

/* Zero-initialised is empty. */
struct nv_plain_texts {
    /* two texts a place: the one that was looked for last first */
    struct nv_plain_text texts[1u << NV_PLAIN_BITS][2];
    uint32_t trace; /* times 4; 0 is none */
};

/* This thread's. */
extern _Thread_local struct nv_plain_texts nv_plain_here;

/* Forgets all texts: another trace begins. */
void nv_plain_clear(void);
/* Notes that a text does not hold `what`, whatever else is known of it. */
void nv_plain_put(struct nv_str text, unsigned what);

static inline struct nv_plain_text *nv_plain_place(struct nv_str text)
{
    uint64_t hash = (uint64_t)(uintptr_t)text.ptr * UINT64_C(0x9e3779b97f4a7c15);
    return nv_plain_here.texts[hash >> (64 - NV_PLAIN_BITS)];
}

static inline bool nv_plain_is(const struct nv_plain_text *one, struct nv_str text)
{
    return one->ptr == text.ptr && one->len == text.len &&
           (one->trace & ~NV_PLAIN_ALL) == nv_plain_here.trace;
}

/* Is it known that the text does not hold `what`? */
static inline bool nv_plain_has(struct nv_str text, unsigned what)
{
    const struct nv_plain_text *place = nv_plain_place(text);
    const struct nv_plain_text *one = &place[nv_plain_is(&place[0], text) ? 0 : 1];
    return nv_plain_is(one, text) && (one->trace & what) != 0;
}

#endif
