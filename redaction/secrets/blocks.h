/*
 * What is to be looked at in a text, told from 64 bytes at a time.
 *
 *   text ─▶ blocks of 64 ─▶ a bit a byte: what ends words, what stands in pairs and escapes
 *                              ├─ words are short, nothing special ─▶ the next block
 *                              └─ else                             ─▶ the caller, with the bits
 *
 * Most bytes of most texts are left behind here: a secret of a known form is a long run without
 * white space or quotes, any other has a `:`, a `=` or dashes near it. A text of which nothing
 * is left holds no medium either, if it has no `[` that begins a list. Reads nothing outside of
 * the text. Any thread.
 */
#ifndef NV_REDACTION_SECRETS_BLOCKS_H
#define NV_REDACTION_SECRETS_BLOCKS_H

#include "base/str.h"
#include "redaction/secrets/shapes.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define NV_BLOCK_BYTES 64u

/* A bit for each byte of a block, the first one lowest. */
struct nv_block_marks {
    uint64_t breaks;  /* what ends words: all up to `*`, above ASCII, and behind the text */
    uint64_t special; /* `:` `=` `\` `%`, and `-` before a `B` or the next block */
};

/* Where one is in a text; `text` set, all else zero at first. */
struct nv_blocks {
    struct nv_str text;
    bool lists;   /* `[` is special, too: to media it is, to secrets not */
    size_t at;    /* of the block; behind the text: there is none */
    size_t carry; /* bytes of a run that end before it */
    struct nv_block_marks marks;
};

/*
 * From `at` on over blocks that have nothing special and in which no run of NV_SHAPE_BYTES_MIN
 * bytes ends. True: stops at one that is not known to be such, with its marks. False: all is
 * done. The last block has the end of the text in it, also when that is all.
 */
bool nv_blocks_next(struct nv_blocks *blocks);
/* The same on a machine without wide registers. */
bool nv_blocks_next_narrow(struct nv_blocks *blocks);
/* Is there no such block, and no `[`? */
static inline bool nv_blocks_none(struct nv_str text)
{
    struct nv_blocks blocks = {.text = text, .lists = true};
    return !nv_blocks_next(&blocks);
}

/* The marks of a text of less than NV_BLOCK_BYTES, which is one block. */
struct nv_block_marks nv_block_of(struct nv_str text);

/* The bytes of a block that have NV_SHAPE_BYTES_MIN in a row, themselves the last, without a
 * break. */
static inline uint64_t nv_block_runs(uint64_t breaks)
{
    uint64_t runs = ~breaks;
    runs &= runs << 1;
    runs &= runs << 2;
    runs &= runs << 4;
    return runs & runs << 7;
}

/* The breaks of a block that end such a run, `carry` bytes of which may lie before it. */
static inline uint64_t nv_block_ends(uint64_t breaks, size_t carry)
{
    uint64_t ends = breaks & nv_block_runs(breaks) << 1;
    if (breaks != 0 && carry + (unsigned)__builtin_ctzll(breaks) >= NV_SHAPE_BYTES_MIN)
        ends |= breaks & -breaks;
    return ends;
}

/* How many bytes of a run end with the block. */
static inline size_t nv_block_carry(uint64_t breaks, size_t carry)
{
    return breaks != 0 ? (unsigned)__builtin_clzll(breaks) : carry + NV_BLOCK_BYTES;
}

/* Has a text of 4 to 16 bytes anything special but a dash? */
#ifdef __SSE2__
static inline bool nv_block_has_pair(struct nv_str text)
{
    uint64_t begin = 0, end = 0;
    size_t half = text.len < 8 ? 4 : 8;
    /* halves that lie over each other: where it is does not matter */
    if (text.len < 8) {
        uint32_t first, last;
        memcpy(&first, text.ptr, sizeof first);
        memcpy(&last, text.ptr + text.len - half, sizeof last);
        begin = first, end = last;
    } else {
        memcpy(&begin, text.ptr, sizeof begin);
        memcpy(&end, text.ptr + text.len - half, sizeof end);
    }
    __m128i bytes = _mm_set_epi64x((int64_t)end, (int64_t)begin);
    __m128i pairs = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')),
                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('=')));
    __m128i escapes = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('%')));
    return _mm_movemask_epi8(_mm_or_si128(pairs, escapes)) != 0;
}
#else
static inline bool nv_block_has_pair(struct nv_str text)
{
    bool has = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        has = has || c == ':' || c == '=' || c == '\\' || c == '%';
    }
    return has;
}
#endif

#endif
