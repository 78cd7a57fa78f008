/*
 * Blocks by registers of 32 bytes where the machine has them, of 16 on any x86, else by bytes.
 *
 *   text  |....64....|....64....|..rest]        the last block is read where it fits in and
 *                         |....64....]          shifted: nothing behind the text is touched
 *
 * A loop of each width is a function of its own (base/wide.h), chosen at each call: what else
 * is compiled for wide registers would have to be told from what is not.
 */
#include "redaction/secrets/blocks.h"

#include "base/wide.h"

#include <assert.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/banned.h"

static_assert(NV_SHAPE_BYTES_MIN == 1 + 1 + 2 + 4 + 7, "nv_block_ends shifts by these");

/* What is looked for beside four others; one of them again: nothing. */
#define LIST(blocks) ((blocks)->lists ? '[' : ':')

/* A bit for each byte of a block, or of a part of one. */
struct bits {
    uint64_t breaks, pairs;  /* `:` `=` `\` `%`, and `[` if asked for */
    uint64_t dashes, begins; /* `-` and `B` */
};

static inline void add_bits(struct bits *bits, struct bits part, unsigned at)
{
    bits->breaks |= part.breaks << at;
    bits->pairs |= part.pairs << at;
    bits->dashes |= part.dashes << at;
    bits->begins |= part.begins << at;
}

/* ---- sixteen bytes ----------------------------------------------------------------------- */

#define PART 16u

#ifdef __x86_64__
static inline uint64_t are(__m128i bytes, char c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static inline struct bits bits_in(__m128i bytes, char list)
{
    __m128i words = _mm_cmpgt_epi8(bytes, _mm_set1_epi8('*'));
    __m128i pairs = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')),
                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('=')));
    __m128i escapes = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('%')));
    pairs = _mm_or_si128(pairs, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(list)));
    return (struct bits){.breaks = ~(unsigned)_mm_movemask_epi8(words) & 0xffff,
                         .pairs = (unsigned)_mm_movemask_epi8(_mm_or_si128(pairs, escapes)),
                         .dashes = are(bytes, '-'),
                         .begins = are(bytes, 'B')};
}

static inline struct bits part_of(const char *bytes, char list)
{
    return bits_in(_mm_loadu_si128((const __m128i *)(const void *)bytes), list);
}

/* Of a text that is shorter, as if zeros were behind it. */
static inline struct bits short_part(struct nv_str text, char list)
{
    uint64_t low = 0, high = 0;
    if (text.len >= 8) {
        memcpy(&low, text.ptr, 8);
        memcpy(&high, text.ptr + text.len - 8, 8);
        high = text.len > 8 ? high >> (8 * (16 - text.len)) : 0;
    } else if (text.len >= 4) {
        uint32_t begin, end;
        memcpy(&begin, text.ptr, 4);
        memcpy(&end, text.ptr + text.len - 4, 4);
        low = begin | (uint64_t)end << (8 * (text.len - 4));
    } else if (text.len > 0) {
        memcpy(&low, text.ptr, text.len);
    }
    return bits_in(_mm_set_epi64x((int64_t)high, (int64_t)low), list);
}
#else
static struct bits part_of(const char *bytes, char list)
{
    struct bits part = {0};
    for (unsigned i = 0; i < PART; i++) {
        signed char c = (signed char)bytes[i];
        bool pair = c == ':' || c == '=' || c == '\\' || c == '%';
        part.breaks |= (uint64_t)(c <= '*') << i;
        part.pairs |= (uint64_t)(pair || c == list) << i;
        part.dashes |= (uint64_t)(c == '-') << i;
        part.begins |= (uint64_t)(c == 'B') << i;
    }
    return part;
}

static struct bits short_part(struct nv_str text, char list)
{
    char bytes[PART] = {0};
    if (text.len > 0)
        memcpy(bytes, text.ptr, text.len);
    return part_of(bytes, list);
}
#endif

/* Of a text of less than 64 bytes: parts that lie over each other. */
static inline struct bits bits_of_short(struct nv_str text, char list)
{
    if (text.len < PART)
        return short_part(text, list);
    struct bits bits = part_of(text.ptr, list);
    unsigned last = (unsigned)text.len - PART;
    add_bits(&bits, part_of(text.ptr + last, list), last);
    if (text.len > 2 * PART) {
        add_bits(&bits, part_of(text.ptr + PART, list), PART);
        add_bits(&bits, part_of(text.ptr + last - PART, list), last - PART);
    }
    return bits;
}

static inline struct bits bits_of(const char *bytes, char list)
{
    struct bits bits = part_of(bytes, list);
    for (unsigned at = PART; at < NV_BLOCK_BYTES; at += PART)
        add_bits(&bits, part_of(bytes + at, list), at);
    return bits;
}

/* ---- from block to block ----------------------------------------------------------------- */

/* Is no run of a block long? As nv_block_ends, which is asked about those that may be; else the
 * carry is that behind the block. */
static inline bool has_long_run(uint64_t breaks, size_t *carry)
{
    if (nv_block_runs(breaks) != 0 ||
        *carry + (unsigned)__builtin_ctzll(breaks) >= NV_SHAPE_BYTES_MIN)
        return true;
    *carry = (unsigned)__builtin_clzll(breaks);
    return false;
}

/* The block at `at` of which `rest` bytes are left, from the bits of the last 64 of the text,
 * or of all of it. */
static inline struct nv_block_marks last_marks(struct bits bits, size_t len, unsigned rest)
{
    unsigned before = len > NV_BLOCK_BYTES && rest > 0 ? NV_BLOCK_BYTES - rest : 0;
    struct nv_block_marks marks = {.breaks = bits.breaks >> before,
                                   .special = (bits.pairs | (bits.dashes & bits.begins >> 1)) >>
                                              before};
    if (rest < NV_BLOCK_BYTES)
        marks.breaks |= ~UINT64_C(0) << rest;
    return marks;
}

struct nv_block_marks nv_block_of(struct nv_str text)
{
    assert(text.len < NV_BLOCK_BYTES);
    return last_marks(bits_of_short(text, ':'), text.len, (unsigned)text.len);
}

/* Bits by which the last block is told. Of none there are none. */
static inline struct bits last_bits(const struct nv_blocks *blocks,
                                    struct bits (*of)(const char *bytes, char list))
{
    struct nv_str text = blocks->text;
    if (text.len == blocks->at)
        return (struct bits){0};
    return text.len < NV_BLOCK_BYTES ? bits_of_short(text, LIST(blocks))
                                     : of(text.ptr + text.len - NV_BLOCK_BYTES, LIST(blocks));
}

/* The last 64 bytes or less: one block, and an empty one if the text ends with it. */
static inline bool next_last(struct nv_blocks *blocks,
                             struct bits (*of)(const char *bytes, char list))
{
    for (; blocks->at <= blocks->text.len; blocks->at += NV_BLOCK_BYTES) {
        unsigned rest = (unsigned)(blocks->text.len - blocks->at);
        blocks->marks = last_marks(last_bits(blocks, of), blocks->text.len, rest);
        if (blocks->marks.special != 0 || has_long_run(blocks->marks.breaks, &blocks->carry))
            return true;
    }
    return false;
}

/* A dash at the end of a block may have its `B` behind it. */
#define LAST_BEGIN (UINT64_C(1) << (NV_BLOCK_BYTES - 1))

/* Are more than 64 bytes left? */
static inline bool has_more(const struct nv_blocks *blocks)
{
    return blocks->at < blocks->text.len && blocks->text.len - blocks->at > NV_BLOCK_BYTES;
}

bool nv_blocks_next_narrow(struct nv_blocks *blocks)
{
    for (; has_more(blocks); blocks->at += NV_BLOCK_BYTES) {
        struct bits bits = bits_of(blocks->text.ptr + blocks->at, LIST(blocks));
        blocks->marks.breaks = bits.breaks;
        blocks->marks.special = bits.pairs | (bits.dashes & (bits.begins >> 1 | LAST_BEGIN));
        if (blocks->marks.special != 0 || has_long_run(bits.breaks, &blocks->carry))
            return true;
    }
    return next_last(blocks, bits_of);
}

#ifdef NV_WIDE_CODE
NV_WIDE_CODE static inline __m256i load(const char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

NV_WIDE_CODE static inline __m256i are_wide(__m256i bytes, char c)
{
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
}

/* A bit for each byte of two registers. */
NV_WIDE_CODE static inline uint64_t bits_wide(__m256i low, __m256i high)
{
    return (unsigned)_mm256_movemask_epi8(low) | (uint64_t)_mm256_movemask_epi8(high) << 32;
}

/* Where one of two registers is a word's. */
NV_WIDE_CODE static inline uint64_t breaks_wide(__m256i low, __m256i high)
{
    const __m256i last_break = _mm256_set1_epi8('*');
    return ~bits_wide(_mm256_cmpgt_epi8(low, last_break), _mm256_cmpgt_epi8(high, last_break));
}

/* What stands in pairs, by the lower half of each byte: the one that has it is that. */
NV_WIDE_CODE static inline __m256i pairs_wide(char list)
{
    return _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, -1, -1, -1, -1, '%', -1, -1, -1, -1,
                                                     ':', list == '[' ? '[' : -1, '\\', '=', -1,
                                                     -1));
}

NV_WIDE_CODE static inline __m256i are_pairs(__m256i bytes, __m256i pairs)
{
    return _mm256_cmpeq_epi8(bytes, _mm256_shuffle_epi8(pairs, bytes));
}

NV_WIDE_CODE static struct bits bits_of_wide(const char *bytes, char list)
{
    __m256i low = load(bytes), high = load(bytes + 32), pairs = pairs_wide(list);
    return (struct bits){.breaks = breaks_wide(low, high),
                         .pairs = bits_wide(are_pairs(low, pairs), are_pairs(high, pairs)),
                         .dashes = bits_wide(are_wide(low, '-'), are_wide(high, '-')),
                         .begins = bits_wide(are_wide(low, 'B'), are_wide(high, 'B'))};
}

/* The special bytes among 32, which one more follows. */
NV_WIDE_CODE static inline __m256i special_wide(const char *at, __m256i bytes, __m256i pairs)
{
    __m256i begins = _mm256_and_si256(are_wide(bytes, '-'), are_wide(load(at + 1), 'B'));
    return _mm256_or_si256(are_pairs(bytes, pairs), begins);
}

/* As nv_blocks_next as long as more than 64 bytes are left. */
NV_WIDE_CODE static bool next_wide(struct nv_blocks *blocks)
{
    const __m256i pairs = pairs_wide(LIST(blocks));
    size_t at = blocks->at, carry = blocks->carry;
    bool found = false;
    for (; !found && blocks->text.len - at > NV_BLOCK_BYTES; at += NV_BLOCK_BYTES) {
        const char *bytes = blocks->text.ptr + at;
        __m256i low = load(bytes), high = load(bytes + 32);
        __m256i low_special = special_wide(bytes, low, pairs);
        __m256i high_special = special_wide(bytes + 32, high, pairs);
        uint64_t breaks = breaks_wide(low, high);
        __m256i any = _mm256_or_si256(low_special, high_special);
        found = _mm256_movemask_epi8(any) != 0 || has_long_run(breaks, &carry);
        if (found) {
            blocks->marks.breaks = breaks;
            blocks->marks.special = bits_wide(low_special, high_special);
        }
    }
    blocks->at = found ? at - NV_BLOCK_BYTES : at;
    blocks->carry = carry;
    return found;
}
#endif

bool nv_blocks_next(struct nv_blocks *blocks)
{
#ifdef NV_WIDE_CODE
    if (blocks->text.len > NV_BLOCK_BYTES && nv_wide)
        return (has_more(blocks) && next_wide(blocks)) || next_last(blocks, bits_of_wide);
#endif
    return nv_blocks_next_narrow(blocks);
}
