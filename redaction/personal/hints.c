/*
 * Runs of digits say nearly everything, and they are few: each is looked at when it begins, at
 * the characters before it, and where it ends, at the one behind.
 *
 * Blocks give the places of ASCII's digits as bits. Of characters beyond ASCII only those are
 * decoded that may be digits; a text that has one is read byte by byte.
 */
#include "redaction/personal/hints.h"

#include "redaction/personal/characters.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

/* Of the SDK's own look before it searches for telephone numbers (hints.h, `dense`). */
#define GAP_MAX 3u
#define NOWHERE SIZE_MAX

struct pass {
    struct nv_str text;
    struct nv_hints hints;
    size_t end;   /* of the last run; NOWHERE: none */
    size_t begin; /* of the joined digits */
    uint32_t run, dense, joined, dots;
    bool slash;
};

/* ---- runs of digits ---------------------------------------------------------------------- */

static unsigned char byte_at(const struct pass *pass, size_t at)
{
    return (unsigned char)pass->text.ptr[at];
}

static bool is_inside_character(unsigned char c)
{
    return (c & 0xc0u) == 0x80u;
}

/* May it stand between two digits of one number? */
static bool is_joint(unsigned char c)
{
    return c == '-' || c == '.' || c == ' ' || (c >= 9 && c <= 13) ||
           (c >= 0x1c && c <= 0x1f) || c >= 0x80;
}

/*
 *   12.34---56----78
 *     │  │    └ more than GAP_MAX: dense, too, begins anew
 *     │  └ no joint, or more than one character: joined and dots begin anew, dense goes on
 *     └ one joint: joined goes on; where it is a full stop, dots count
 *
 * Called where a run begins, so what is between two runs is read once, and no further than it
 * matters.
 */
static void see_gap(struct pass *pass, size_t from)
{
    uint32_t characters = 0;
    unsigned char first = byte_at(pass, pass->end);
    for (size_t i = pass->end; i < from && characters <= GAP_MAX; i++)
        characters += !is_inside_character(byte_at(pass, i));
    if (characters > GAP_MAX)
        pass->dense = 0;
    if (characters != 1 || !is_joint(first))
        pass->joined = 0;
    pass->dots = from - pass->end == 1 && first == '.' ? pass->dots + 1 : 0;
    if (pass->dots > pass->hints.dots)
        pass->hints.dots = pass->dots;
}

static void see_capitals(struct pass *pass, size_t from)
{
    unsigned count = 0;
    while (count < 5 && count < from && byte_at(pass, from - count - 1) >= 'A' &&
           byte_at(pass, from - count - 1) <= 'Z')
        count++;
    pass->hints.iban |= count >= 2;
    pass->hints.pan |= count >= 5;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* So many digits in [from, to); behind the last ones they are of the same run. */
static void see_digits(struct pass *pass, size_t from, size_t to, uint32_t digits)
{
    struct nv_hints *hints = &pass->hints;
    if (from != pass->end) {
        if (pass->end != NOWHERE)
            see_gap(pass, from);
        see_capitals(pass, from);
        pass->run = 0;
    }
    if (pass->joined == 0)
        pass->begin = from;
    pass->run += digits;
    pass->dense += digits;
    pass->joined += digits;
    pass->end = to;
    hints->run = larger(hints->run, pass->run);
    hints->dense = larger(hints->dense, pass->dense);
    hints->joined = larger(hints->joined, pass->joined);
    if (pass->joined >= NV_HINTS_LONG) {
        hints->from = hints->to > 0 ? hints->from : pass->begin;
        hints->to = to;
    }
    hints->area |= to < pass->text.len && pass->text.ptr[to] == ')';
}

/*
 * How long the digit at `at` is whose first byte is beyond ASCII; 0: it is none. Two
 * comparisons save decoding what nearly all text beyond ASCII is.
 */
static size_t other_digit(struct nv_str text, size_t at)
{
    unsigned char first = (unsigned char)text.ptr[at];
    /* No digit begins with these: Latin to Hebrew, punctuation to the end of CJK. */
    if (first < 0xd9 || (first >= 0xe2 && first <= 0xe9))
        return 0;
    struct nv_character c = nv_character_at(text, at);
    return nv_digit_value(c.code) >= 0 ? c.len : 0;
}

/* ---- other characters -------------------------------------------------------------------- */

/* Is the slash the first of two behind the colon of a URL? In JSON text each has backslashes
 * before it. */
static bool is_of_url(struct nv_str text, size_t slash)
{
    size_t colon = slash;
    if (slash + 1 >= text.len || (text.ptr[slash + 1] != '/' && text.ptr[slash + 1] != '\\'))
        return false;
    while (colon > 0 && text.ptr[colon - 1] == '\\')
        colon--;
    return colon >= 2 && text.ptr[colon - 1] == ':' &&
           (text.ptr[colon - 2] == 'p' || text.ptr[colon - 2] == 's');
}

/* Only asked of texts that have a slash. */
static bool has_url(struct nv_str text)
{
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; (at = memchr(at, '/', (size_t)(end - at))) != NULL; at++) {
        if (is_of_url(text, (size_t)(at - text.ptr)))
            return true;
    }
    return false;
}

static void see_byte(struct pass *pass, unsigned char c)
{
    pass->hints.ascii &= c < 0x80;
    pass->hints.at |= c == '@';
    pass->hints.escape |= c == '\\';
    pass->slash |= c == '/';
}

static void read_bytes(struct pass *pass)
{
    for (size_t i = 0; i < pass->text.len;) {
        unsigned char c = byte_at(pass, i);
        size_t digit = c < 0x80 ? (c >= '0' && c <= '9') : other_digit(pass->text, i);
        see_byte(pass, c);
        if (digit > 0)
            see_digits(pass, i, i + digit, 1);
        i += digit > 0 ? digit : 1;
    }
}

/* ---- blocks ------------------------------------------------------------------------------ */

#ifdef __SSE2__
#define BLOCK ((size_t)64)

/* What was seen in any block, a byte each: not 0. */
struct seen {
    __m128i at, escape, slash;
};

/* The digits of 16 bytes as bits. */
static inline uint64_t look_at(struct seen *seen, __m128i bytes)
{
    const __m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    seen->at = _mm_or_si128(seen->at, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('@')));
    seen->escape = _mm_or_si128(seen->escape, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    seen->slash = _mm_or_si128(seen->slash, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')));
    return (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value));
}

static void see_bits(struct pass *pass, size_t base, uint64_t digits)
{
    while (digits != 0) {
        unsigned from = (unsigned)__builtin_ctzll(digits);
        uint64_t others = ~(digits >> from);
        unsigned count = others == 0 ? 64 : (unsigned)__builtin_ctzll(others);
        see_digits(pass, base + from, base + from + count, count);
        digits = from + count >= 64 ? 0 : digits >> (from + count) << (from + count);
    }
}

/* Digits of other scripts in [from, to)? */
static bool has_other_digits(struct nv_str text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if ((unsigned char)text.ptr[i] >= 0xd9 && other_digit(text, i) > 0)
            return true;
    }
    return false;
}

/*
 * A block of the text, or of a copy of its end. False: it has digits of other scripts. The
 * end of a text is copied into a block of zeros, which are nothing to anybody: no byte behind
 * the text is read.
 */
static inline bool read_block(struct pass *pass, struct seen *seen, const char *at, size_t base)
{
    const __m128i *blocks = (const __m128i *)(const void *)at;
    const __m128i a = _mm_loadu_si128(blocks), b = _mm_loadu_si128(blocks + 1),
                  c = _mm_loadu_si128(blocks + 2), d = _mm_loadu_si128(blocks + 3);
    uint64_t digits = look_at(seen, a) | look_at(seen, b) << 16 | look_at(seen, c) << 32 |
                      look_at(seen, d) << 48;
    if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0) {
        size_t to = pass->text.len - base < BLOCK ? pass->text.len : base + BLOCK;
        pass->hints.ascii = false;
        if (has_other_digits(pass->text, base, to))
            return false;
    }
    if (digits != 0)
        see_bits(pass, base, digits);
    return true;
}

static bool read_blocks(struct pass *pass)
{
    struct seen seen = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    char end[BLOCK] = {0};
    size_t base = 0;
    for (; pass->text.len - base >= BLOCK; base += BLOCK) {
        if (!read_block(pass, &seen, pass->text.ptr + base, base))
            return false;
    }
    if (base < pass->text.len) {
        memcpy(end, pass->text.ptr + base, pass->text.len - base);
        if (!read_block(pass, &seen, end, base))
            return false;
    }
    pass->hints.at = _mm_movemask_epi8(seen.at) != 0;
    pass->hints.escape = _mm_movemask_epi8(seen.escape) != 0;
    pass->slash = _mm_movemask_epi8(seen.slash) != 0;
    return true;
}
#else
static bool read_blocks(struct pass *pass)
{
    (void)pass;
    return false;
}
#endif

/*
 * A digit of another script ends the fast way for the whole text, and all begins anew: such
 * texts are few, and what was counted up to there is not worth carrying over.
 */
struct nv_hints nv_hints_of(struct nv_str text)
{
    const struct pass begin = {.text = text, .hints = {.ascii = true}, .end = NOWHERE};
    struct pass pass = begin;
    if (!read_blocks(&pass)) {
        pass = begin;
        read_bytes(&pass);
    }
    pass.hints.url = pass.slash && has_url(text);
    return pass.hints;
}
