/*
 * Long texts that were met before, by their bytes: an agent sends its conversation again with
 * every call of a model, so that most of a trace's bytes stand in it several times.
 *
 *   text ─▶ length and three words of it ─▶ one place of the table [ text | from | len ]
 *
 * A place holds the text that was put there last: what is forgotten is only looked at again.
 * So a look costs one comparison at most, whatever the texts are. Texts are borrowed and must
 * stay as they are for as long as the table is used. One thread.
 */
#ifndef NV_BASE_TABLES_SEEN_TEXTS_H
#define NV_BASE_TABLES_SEEN_TEXTS_H

#include "base/known.h"

#define NV_SEEN_BITS 9
#define NV_SEEN_TEXTS (1u << NV_SEEN_BITS)
/* Shorter ones are looked at again sooner than they are found. */
#define NV_SEEN_LEN_MIN 96u

/* A text, and a piece of something that whoever put it there knows of it. */
struct nv_seen_text {
    struct nv_str text; /* borrowed */
    size_t from, len;
};

/* Zero `used` is empty; the texts need not be set. */
struct nv_seen_texts {
    uint64_t used[NV_SEEN_TEXTS / 64];
    struct nv_seen_text texts[NV_SEEN_TEXTS];
};

/* Its place; the text has at least NV_SEEN_LEN_MIN bytes. */
static inline unsigned nv_seen_place(struct nv_str text)
{
    const uint64_t by = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = text.len * by ^ nv_known_word(text.ptr + text.len / 2);
    hash = hash * by ^ nv_known_word(text.ptr + 8);
    hash = hash * by ^ nv_known_word(text.ptr + text.len - 8);
    return (unsigned)(hash * by >> (64 - NV_SEEN_BITS));
}

/* The equal text that was put there; NULL: none. */
static inline const struct nv_seen_text *nv_seen_find(const struct nv_seen_texts *seen,
                                                      struct nv_str text)
{
    if (text.len < NV_SEEN_LEN_MIN)
        return NULL;
    const unsigned place = nv_seen_place(text);
    const struct nv_seen_text *other = &seen->texts[place];
    if ((seen->used[place / 64] >> place % 64 & 1) == 0 || other->text.len != text.len ||
        (other->text.ptr != text.ptr && memcmp(other->text.ptr, text.ptr, text.len) != 0))
        return NULL;
    return other;
}

/* Puts it there, in place of another one; short ones are not kept. */
static inline void nv_seen_put(struct nv_seen_texts *seen, struct nv_str text, size_t from,
                               size_t len)
{
    if (text.len < NV_SEEN_LEN_MIN)
        return;
    const unsigned place = nv_seen_place(text);
    seen->used[place / 64] |= UINT64_C(1) << place % 64;
    seen->texts[place] = (struct nv_seen_text){text, from, len};
}

#endif
