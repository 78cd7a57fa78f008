/*
 * What is to be looked at in a text, told from 64 bytes at a time.
 *
 *   text ─▶ blocks of 64 ─▶ a bit a byte: what ends words, what stands in pairs and escapes
 *                              ├─ words are short, nothing special ─▶ the next block
 *                              └─ else                             ─▶ the caller, with the bits
 *
 * Most bytes of most texts are left behind here: a secret of a known form is a long run without
 * white space or quotes, any other has a `:`, a `=` or dashes near it. Reads nothing outside of
 * the text. Any thread.
 */
#ifndef NV_REDACTION_SECRETS_BLOCKS_H
#define NV_REDACTION_SECRETS_BLOCKS_H

#include "base/str.h"
#include "redaction/secrets/shapes.h"

#include <stdint.h>

#define NV_BLOCK_BYTES 64u

/* A bit for each byte of a block, the first one lowest. */
struct nv_block_marks {
    uint64_t breaks;  /* what ends words: all up to `*`, above ASCII, and behind the text */
    uint64_t special; /* `:` `=` `\` `%`, and `-` before a `B` or the next block */
};

/* Where one is in a text; `text` set, all else zero at first. */
struct nv_blocks {
    struct nv_str text;
    size_t at;    /* of the block */
    size_t carry; /* bytes of a run that end before it */
    struct nv_block_marks marks;
};

/*
 * From `at` on over blocks that have nothing special and in which no run of NV_SHAPE_BYTES_MIN
 * bytes ends. True: stops at one that is not known to be such, with its marks. False: 64 bytes
 * or less are left.
 */
bool nv_blocks_next(struct nv_blocks *blocks);
/* The same on a machine without wide registers. */
bool nv_blocks_next_narrow(struct nv_blocks *blocks);
/* The marks of the last bytes of a text from `at` on, 64 or fewer. */
struct nv_block_marks nv_block_last(struct nv_str text, size_t at);

/* The breaks of a block that end a run of NV_SHAPE_BYTES_MIN bytes or more, `carry` of which
 * may lie before it. */
static inline uint64_t nv_block_ends(uint64_t breaks, size_t carry)
{
    /* bytes that have so many without a break before them, themselves among them */
    uint64_t runs = ~breaks;
    runs &= runs << 1;
    runs &= runs << 2;
    runs &= runs << 4;
    runs &= runs << 7;
    uint64_t ends = breaks & runs << 1;
    if (breaks != 0 && carry + (unsigned)__builtin_ctzll(breaks) >= NV_SHAPE_BYTES_MIN)
        ends |= breaks & -breaks;
    return ends;
}

/* How many bytes of a run end with the block. */
static inline size_t nv_block_carry(uint64_t breaks, size_t carry)
{
    return breaks != 0 ? (unsigned)__builtin_clzll(breaks) : carry + NV_BLOCK_BYTES;
}

#endif
