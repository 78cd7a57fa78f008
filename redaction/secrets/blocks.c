/*
 * Blocks by registers of 32 bytes where the machine has them, of 16 on any x86, else by bytes.
 *
 * A loop of each width is a function of its own, chosen at each call: what else is compiled for
 * wide registers would have to be told from what is not.
 */
#include "redaction/secrets/blocks.h"

#include <assert.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/banned.h"

static_assert(NV_SHAPE_BYTES_MIN == 1 + 1 + 2 + 4 + 7, "nv_block_ends shifts by these");

/* ---- sixteen bytes ----------------------------------------------------------------------- */

#define PART 16u

/* A bit for each byte of a part. */
struct part {
    unsigned breaks, pairs;  /* `:` `=` `\` `%` */
    unsigned dashes, begins; /* `-` and `B` */
};

#ifdef __x86_64__
static inline unsigned are(__m128i bytes, char c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static inline struct part part_in(__m128i bytes)
{
    __m128i words = _mm_cmpgt_epi8(bytes, _mm_set1_epi8('*'));
    __m128i pairs = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')),
                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('=')));
    __m128i escapes = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('%')));
    return (struct part){.breaks = ~(unsigned)_mm_movemask_epi8(words) & 0xffff,
                         .pairs = (unsigned)_mm_movemask_epi8(_mm_or_si128(pairs, escapes)),
                         .dashes = are(bytes, '-'),
                         .begins = are(bytes, 'B')};
}

static inline struct part part_of(const char *bytes)
{
    return part_in(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

/* Of a text that is shorter, as if zeros were behind it. */
static inline struct part part_of_short(struct nv_str text)
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
    return part_in(_mm_set_epi64x((int64_t)high, (int64_t)low));
}
#else
static struct part part_of(const char *bytes)
{
    struct part part = {0};
    for (unsigned i = 0; i < PART; i++) {
        signed char c = (signed char)bytes[i];
        part.breaks |= (unsigned)(c <= '*') << i;
        part.pairs |= (unsigned)(c == ':' || c == '=' || c == '\\' || c == '%') << i;
        part.dashes |= (unsigned)(c == '-') << i;
        part.begins |= (unsigned)(c == 'B') << i;
    }
    return part;
}

static struct part part_of_short(struct nv_str text)
{
    char bytes[PART] = {0};
    memcpy(bytes, text.ptr, text.len);
    return part_of(bytes);
}
#endif

/* ---- sixty-four -------------------------------------------------------------------------- */

/* Parts of a block. */
struct parts {
    uint64_t breaks, pairs, dashes, begins;
};

static inline void add_part(struct parts *parts, struct part part, unsigned at)
{
    parts->breaks |= (uint64_t)part.breaks << at;
    parts->pairs |= (uint64_t)part.pairs << at;
    parts->dashes |= (uint64_t)part.dashes << at;
    parts->begins |= (uint64_t)part.begins << at;
}

static inline struct parts parts_of(const char *bytes)
{
    struct parts parts = {0};
    for (unsigned at = 0; at < NV_BLOCK_BYTES; at += PART)
        add_part(&parts, part_of(bytes + at), at);
    return parts;
}

/* Of a text of 64 bytes or less: parts that lie over each other where it is shorter. */
static inline struct parts parts_of_short(struct nv_str text)
{
    struct parts parts = {0};
    if (text.len < PART) {
        add_part(&parts, part_of_short(text), 0);
        return parts;
    }
    unsigned last = (unsigned)text.len - PART;
    add_part(&parts, part_of(text.ptr), 0);
    add_part(&parts, part_of(text.ptr + last), last);
    if (text.len > 2 * PART) {
        add_part(&parts, part_of(text.ptr + PART), PART);
        add_part(&parts, part_of(text.ptr + last - PART), last - PART);
    }
    return parts;
}

struct nv_block_marks nv_block_last(struct nv_str text, size_t at)
{
    unsigned rest = (unsigned)(text.len - at);
    struct parts parts;
    assert(text.len - at <= NV_BLOCK_BYTES);
    if (text.len > NV_BLOCK_BYTES && rest > 0) {
        unsigned before = NV_BLOCK_BYTES - rest;
        parts = parts_of(text.ptr + text.len - NV_BLOCK_BYTES);
        parts.breaks >>= before;
        parts.pairs >>= before;
        parts.dashes >>= before;
        parts.begins >>= before;
    } else {
        parts = parts_of_short(nv_str_slice(text, at, rest));
    }
    if (rest < NV_BLOCK_BYTES)
        parts.breaks |= ~UINT64_C(0) << rest;
    return (struct nv_block_marks){.breaks = parts.breaks,
                                   .special = parts.pairs | (parts.dashes & parts.begins >> 1)};
}

/* ---- from block to block ----------------------------------------------------------------- */

/* Is no run of a block long? As nv_block_ends, which is asked about those that may be; else the
 * carry is that behind the block. */
static inline bool has_long_run(uint64_t breaks, size_t *carry)
{
    uint64_t runs = ~breaks;
    runs &= runs << 1;
    runs &= runs << 2;
    runs &= runs << 4;
    runs &= runs << 7;
    if (runs != 0 || *carry + (unsigned)__builtin_ctzll(breaks) >= NV_SHAPE_BYTES_MIN)
        return true;
    *carry = (unsigned)__builtin_clzll(breaks);
    return false;
}

bool nv_blocks_next_narrow(struct nv_blocks *blocks)
{
    for (; blocks->text.len - blocks->at > NV_BLOCK_BYTES; blocks->at += NV_BLOCK_BYTES) {
        struct parts parts = parts_of(blocks->text.ptr + blocks->at);
        uint64_t begins = parts.begins >> 1 | UINT64_C(1) << (NV_BLOCK_BYTES - 1);
        blocks->marks.breaks = parts.breaks;
        blocks->marks.special = parts.pairs | (parts.dashes & begins);
        if (blocks->marks.special != 0 || has_long_run(parts.breaks, &blocks->carry))
            return true;
    }
    return false;
}

#ifdef __x86_64__
#define WIDE __attribute__((target("avx2")))

WIDE static inline __m256i load(const char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

WIDE static inline uint64_t bits(__m256i bytes)
{
    return (unsigned)_mm256_movemask_epi8(bytes);
}

WIDE static inline uint64_t bits_of(__m256i low, __m256i high)
{
    return bits(low) | bits(high) << 32;
}

/* The special bytes among 32 and the one behind them: those that are what their low half byte
 * says, and dashes before a `B`. */
WIDE static inline __m256i special_of(const char *at, __m256i bytes)
{
    const __m128i pairs =
        _mm_setr_epi8(-1, -1, -1, -1, -1, '%', -1, -1, -1, -1, ':', -1, '\\', '=', -1, -1);
    __m256i expected = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(pairs), bytes);
    __m256i dashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('-'));
    __m256i begins = _mm256_cmpeq_epi8(load(at + 1), _mm256_set1_epi8('B'));
    return _mm256_or_si256(_mm256_cmpeq_epi8(bytes, expected),
                           _mm256_and_si256(dashes, begins));
}

WIDE static bool next_wide(struct nv_blocks *blocks)
{
    const __m256i last_break = _mm256_set1_epi8('*');
    size_t at = blocks->at, carry = blocks->carry;
    bool found = false;
    for (; !found && blocks->text.len - at > NV_BLOCK_BYTES; at += NV_BLOCK_BYTES) {
        const char *bytes = blocks->text.ptr + at;
        __m256i low = load(bytes), high = load(bytes + 32);
        __m256i low_special = special_of(bytes, low);
        __m256i high_special = special_of(bytes + 32, high);
        uint64_t breaks =
            ~bits_of(_mm256_cmpgt_epi8(low, last_break), _mm256_cmpgt_epi8(high, last_break));
        found = bits(_mm256_or_si256(low_special, high_special)) != 0 ||
                has_long_run(breaks, &carry);
        if (found) {
            blocks->marks.breaks = breaks;
            blocks->marks.special = bits_of(low_special, high_special);
        }
    }
    blocks->at = found ? at - NV_BLOCK_BYTES : at;
    blocks->carry = carry;
    return found;
}
#endif

bool nv_blocks_next(struct nv_blocks *blocks)
{
#ifdef WIDE
    if (__builtin_cpu_supports("avx2"))
        return next_wide(blocks);
#endif
    return nv_blocks_next_narrow(blocks);
}
