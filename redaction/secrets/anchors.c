/*
 * Sets of anchors, told by the lower and the upper half of each of three bytes (as Hyperscan's
 * Teddy does it: Wang and others, NSDI 2019).
 *
 *   byte b ─▶ low[i][b & 15] & high[i][b >> 4] = the sets that have such a byte at place i
 *   three of these, one place apart, and-ed     = the sets of which an anchor may begin here
 *
 * Four sets are of anchors that may stand anywhere, by their last three bytes, which tell more;
 * four of those that stand where a word begins, by their first three. There are tables for runs
 * of three lengths, each with the anchors of forms that are no longer.
 *
 * Where one may begin, the anchors of its sets are compared with what stands there: every
 * second id of 24 hexadecimal digits has such a place, and hardly one an anchor.
 */
#include "redaction/secrets/anchors.h"

#include "base/wide.h"

#include <assert.h>
#ifdef NV_WIDE_CODE
#include <immintrin.h>
#endif

#include "base/banned.h"

#define PLACES 3u
#define SETS 4u /* of either kind */
#define ANYWHERE 0x0fu

#define ROW(rule, before, anchor, behind, edge, entropy, source) +1
#define ROWS (0 NV_SECRET_SHAPES(ROW))

/* A bit a set. */
struct bits {
    uint8_t low[PLACES][16], high[PLACES][16];
};

static struct tier {
    const size_t longest; /* run */
    bool all;             /* has an anchor that can't be told so */
    struct bits bits;
    uint16_t low[2 * SETS][PLACES], high[2 * SETS][PLACES]; /* halves of bytes in each set */
    uint8_t first[2 * SETS]; /* 1 + row of a set's first anchor; 0: none */
    uint8_t next[ROWS];      /* the same of the next anchor of its set */
} tiers[] = {{.longest = 23}, {.longest = 31}, {.longest = NV_ANCHORS_RUN_MAX}};

#define TIERS (sizeof tiers / sizeof tiers[0])

static_assert(ROWS < UINT8_MAX, "rows are numbered in a byte");

/* In the order in which they were added: a row each. */
static struct anchor {
    const char *bytes;
    uint8_t len;
    uint8_t back; /* bytes before the three that it is told by */
} anchors[ROWS];
static unsigned anchor_count;

/* ---- building ---------------------------------------------------------------------------- */

/* Of how many bytes at the three places a set is told, were these three in it. */
static uint64_t width_with(const struct tier *tier, unsigned set, const uint16_t low[PLACES],
                           const uint16_t high[PLACES])
{
    uint64_t width = 1;
    for (unsigned i = 0; i < PLACES; i++) {
        width *= (unsigned)__builtin_popcount(tier->low[set][i] | low[i]);
        width *= (unsigned)__builtin_popcount(tier->high[set][i] | high[i]);
    }
    return width;
}

/* The set, from `first` on, that grows least by three bytes. */
static unsigned best_set(const struct tier *tier, unsigned first, const uint16_t low[PLACES],
                         const uint16_t high[PLACES])
{
    static const uint16_t nothing[PLACES];
    unsigned best = first;
    uint64_t least = UINT64_MAX;
    for (unsigned set = first; set < first + SETS; set++) {
        uint64_t grows =
            width_with(tier, set, low, high) - width_with(tier, set, nothing, nothing);
        if (grows < least) {
            least = grows;
            best = set;
        }
    }
    return best;
}

static void add_to_set(struct tier *tier, unsigned set, const uint16_t low[PLACES],
                       const uint16_t high[PLACES])
{
    for (unsigned i = 0; i < PLACES; i++) {
        tier->low[set][i] |= low[i];
        tier->high[set][i] |= high[i];
        for (unsigned half = 0; half < 16; half++) {
            tier->bits.low[i][half] |= (uint8_t)((low[i] >> half & 1) << set);
            tier->bits.high[i][half] |= (uint8_t)((high[i] >> half & 1) << set);
        }
    }
}

void nv_anchors_add(const struct nv_shape *shape, size_t len, size_t behind)
{
    const size_t anchor = strlen(shape->anchor);
    const bool edge = shape->edge && shape->before[0] == '\0';
    const size_t back = edge || anchor < PLACES ? 0 : anchor - PLACES;
    const char *bytes = shape->anchor + back;
    const unsigned row = anchor_count++;
    uint16_t low[PLACES], high[PLACES];
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned c = i < anchor ? (unsigned char)bytes[i] : 0;
        low[i] = high[i] = UINT16_MAX;
        if (i < anchor) {
            low[i] = (uint16_t)(1u << (c & 15));
            high[i] = (uint16_t)(1u << (c >> 4));
        }
    }
    assert(row < ROWS);
    anchors[row] = (struct anchor){shape->anchor, (uint8_t)anchor, (uint8_t)back};
    for (size_t i = 0; i < TIERS; i++) {
        if (len > tiers[i].longest)
            continue;
        if (anchor + behind < PLACES)
            tiers[i].all = true;
        unsigned set = best_set(&tiers[i], edge ? SETS : 0, low, high);
        add_to_set(&tiers[i], set, low, high);
        tiers[i].next[row] = tiers[i].first[set];
        tiers[i].first[set] = (uint8_t)(row + 1);
    }
}

/* ---- looking ----------------------------------------------------------------------------- */

#ifdef NV_WIDE_CODE
#define BLOCK 16u
/* The last two bytes of a block begin no three of it. */
#define STEP (BLOCK - PLACES + 1)

NV_WIDE_CODE static inline __m128i load(const void *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

/* Bytes from `first` on, `count` of them. */
NV_WIDE_CODE static inline __m128i are_from(__m128i bytes, char first, char count)
{
    const __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8((char)(count - 1))), above);
}

/* What nv_shape_is_edge takes for bytes of words. */
NV_WIDE_CODE static inline __m128i are_words(__m128i bytes)
{
    const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    return _mm_or_si128(_mm_or_si128(are_from(lower, 'a', 26), are_from(bytes, '0', 10)),
                        _mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')));
}

/* The sets that have such bytes at a place. */
NV_WIDE_CODE static inline __m128i sets_at(const struct bits *bits, unsigned place, __m128i low,
                                           __m128i high)
{
    return _mm_and_si128(_mm_shuffle_epi8(load(bits->low[place]), low),
                         _mm_shuffle_epi8(load(bits->high[place]), high));
}

/* All of them: of no anchor, of a backslash. */
#define ESCAPE 0xff

/* The sets of which an anchor may begin at each byte. `before`: the byte before each. An escape
 * makes an edge of a letter: whoever has one is looked at. */
NV_WIDE_CODE static inline __m128i sets_of(const struct bits *bits, __m128i bytes,
                                           __m128i before)
{
    const __m128i half = _mm_set1_epi8(15);
    const __m128i low = _mm_and_si128(bytes, half);
    const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
    __m128i sets = sets_at(bits, 0, low, high);
    sets = _mm_and_si128(sets, _mm_srli_si128(sets_at(bits, 1, low, high), 1));
    sets = _mm_and_si128(sets, _mm_srli_si128(sets_at(bits, 2, low, high), 2));
    const __m128i edges = _mm_and_si128(are_words(before), _mm_set1_epi8((char)~ANYWHERE));
    sets = _mm_andnot_si128(edges, sets);
    return _mm_or_si128(sets, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
}

/* So many places of a block are compared: more are hardly ever an id's, and cost more than the
 * automaton. */
#define COMPARED_PLACES 4u

static bool is_anchor(const struct anchor *anchor, struct nv_str run, size_t at)
{
    if (at < anchor->back || run.len - (at - anchor->back) < anchor->len)
        return false;
    const char *begin = run.ptr + at - anchor->back;
    return begin[0] == anchor->bytes[0] && memcmp(begin, anchor->bytes, anchor->len) == 0;
}

/* Does one of the sets' anchors stand there? */
static bool is_one_of(const struct tier *tier, unsigned sets, struct nv_str run, size_t at)
{
    for (; sets != 0; sets &= sets - 1) {
        unsigned row = tier->first[__builtin_ctz(sets)];
        for (; row != 0; row = tier->next[row - 1]) {
            if (is_anchor(&anchors[row - 1], run, at))
                return true;
        }
    }
    return false;
}

/* Does an anchor stand at one of the places of the block at `at` that have sets? */
__attribute__((noinline)) static bool is_in(const struct tier *tier, __m128i sets,
                                            struct nv_str run, size_t at)
{
    uint8_t places[BLOCK];
    unsigned compared = 0;
    _mm_storeu_si128((__m128i *)(void *)places, sets);
    for (unsigned i = 0; i < BLOCK; i++) {
        if (places[i] == 0)
            continue;
        if (places[i] == ESCAPE || ++compared > COMPARED_PLACES ||
            is_one_of(tier, places[i], run, at + i))
            return true;
    }
    return false;
}

NV_WIDE_CODE static inline bool may_be_in(const struct tier *tier, __m128i before,
                                          struct nv_str run, size_t at)
{
    const __m128i sets = sets_of(&tier->bits, load(run.ptr + at), before);
    return _mm_testz_si128(sets, sets) == 0 && is_in(tier, sets, run, at);
}

NV_WIDE_CODE static bool may_be(const struct tier *tier, struct nv_str run)
{
    /* the run begins where a word may */
    if (may_be_in(tier, _mm_slli_si128(load(run.ptr), 1), run, 0))
        return true;
    for (size_t at = STEP; at + BLOCK < run.len; at += STEP) {
        if (may_be_in(tier, load(run.ptr + at - 1), run, at))
            return true;
    }
    const size_t last = run.len - BLOCK;
    return last > 0 && may_be_in(tier, load(run.ptr + last - 1), run, last);
}
#endif

bool nv_anchors_may_be(struct nv_str text, size_t from, size_t to)
{
#ifdef NV_WIDE_CODE
    const size_t len = to - from;
    if (!nv_wide || len < NV_ANCHORS_RUN_MIN || len > NV_ANCHORS_RUN_MAX)
        return true;
    const struct tier *tier = &tiers[len > tiers[0].longest ? 1 : 0];
    tier += len > tiers[1].longest ? 1 : 0;
    return tier->all || may_be(tier, (struct nv_str){text.ptr + from, len});
#else
    (void)text, (void)from, (void)to;
    return true;
#endif
}
