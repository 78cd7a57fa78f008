/*
 * Strings of JSON text: where they end, and what their escapes stand for. Internal to base.
 *
 *   "plain text\\n more"     scan ─▶ quote, backslash or control character
 *             └── escape ─▶ length, text
 *
 * Scans go 16 bytes at a time where the machine has SSE2, 32 where it has AVX2 and the text is
 * long, and never read past the end.
 */
#ifndef NV_BASE_JSON_JSON_STRING_H
#define NV_BASE_JSON_JSON_STRING_H

#include "base/json/json_wide.h"
#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Most that one escape stands for, in UTF-8. */
#define NV_JSON_ESCAPE_BYTES 4

/* What a backslash and this character stand for; NUL when it is no escape of two characters. */
static inline char nv_json_escape_simple(char kind)
{
    static const char escapes[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                      ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    return (unsigned char)kind < sizeof escapes ? escapes[(unsigned char)kind] : '\0';
}

/* Checks the escape whose backslash is at `pos` (RFC 8259 section 7). Its length; 0 when the
 * text ends inside it; SIZE_MAX when it is none. */
size_t nv_json_escape_length(struct nv_str text, size_t pos);
/*
 * Writes what the escape at the start of `raw` stands for to `out`, in UTF-8; returns how many
 * bytes that are and sets its length in `raw` (12 for a pair of surrogates). A lone surrogate
 * is U+FFFD. A backslash that begins no valid escape stands for itself.
 */
size_t nv_json_escape_resolve(struct nv_str raw, char out[NV_JSON_ESCAPE_BYTES],
                              size_t *length);

#ifdef __SSE2__
#define NV_JSON_BLOCK 16u

static inline __m128i nv_json_block(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* All ones in the bytes of `block` that are a quote, a backslash or a control character. With
 * one bit turned, the quote is the one byte that follows the control characters. */
static inline __m128i nv_json_special(__m128i block)
{
    const __m128i turned = _mm_xor_si128(block, _mm_set1_epi8('"' ^ 0x20));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(turned, _mm_set1_epi8(0x20)), turned);
    return _mm_or_si128(low, _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
}

/* The bits of those bytes of a block; of two that follow each other, if either has any. */
static inline unsigned nv_json_bits(__m128i block)
{
    return (unsigned)_mm_movemask_epi8(nv_json_special(block));
}

static inline unsigned nv_json_bits_of_two(__m128i first, __m128i second)
{
    const __m128i low = nv_json_special(first), high = nv_json_special(second);
    if (_mm_movemask_epi8(_mm_or_si128(low, high)) == 0)
        return 0;
    return (unsigned)_mm_movemask_epi8(low) | (unsigned)_mm_movemask_epi8(high)
                                                  << NV_JSON_BLOCK;
}
#endif

static inline bool nv_json_is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* Offset of the first quote, backslash or control character at or behind `pos`, or text.len. */
static inline size_t nv_json_find_special(struct nv_str text, size_t pos)
{
#ifdef __SSE2__
    const size_t end = text.len >= NV_JSON_BLOCK ? text.len - (NV_JSON_BLOCK - 1) : 0;
    unsigned bits;
    if (pos < end) { /* where most keys and words end */
        bits = nv_json_bits(nv_json_block(text.ptr + pos));
        if (bits != 0)
            return pos + (size_t)__builtin_ctz(bits);
        pos += NV_JSON_BLOCK;
    }
#ifdef NV_WIDE_CODE
    if (pos + 2 * NV_JSON_WIDE_BLOCK < end && nv_wide) {
        pos += nv_json_find_special_wide(text.ptr + pos, text.len - pos);
        if (text.len - pos >= NV_JSON_WIDE_BLOCK)
            return pos;
    }
#endif
    for (; pos + NV_JSON_BLOCK < end; pos += 2 * NV_JSON_BLOCK) {
        bits = nv_json_bits_of_two(nv_json_block(text.ptr + pos),
                                   nv_json_block(text.ptr + pos + NV_JSON_BLOCK));
        if (bits != 0)
            return pos + (size_t)__builtin_ctz(bits);
    }
#endif
    while (pos < text.len && !nv_json_is_special(text.ptr[pos]))
        pos++;
    return pos;
}

/* The same, and copies what is passed over to `out`. Ends early at text.len as at out's end. */
static inline size_t nv_json_copy_to_special(struct nv_str text, size_t pos, char *out,
                                             size_t room)
{
    size_t at = 0, most = text.len - pos < room ? text.len - pos : room;
    const char *in = text.ptr + pos;
#ifdef NV_WIDE_CODE
    if (most >= 3 * NV_JSON_WIDE_BLOCK && nv_wide) {
        at = nv_json_copy_to_special_wide(in, most, out);
        if (most - at >= NV_JSON_WIDE_BLOCK)
            return pos + at;
    }
#endif
#ifdef __SSE2__
    const size_t end = most >= 2 * NV_JSON_BLOCK ? most - (2 * NV_JSON_BLOCK - 1) : 0;
    for (; at < end; at += 2 * NV_JSON_BLOCK) {
        const __m128i first = nv_json_block(in + at);
        const __m128i second = nv_json_block(in + at + NV_JSON_BLOCK);
        _mm_storeu_si128((__m128i *)(void *)(out + at), first);
        _mm_storeu_si128((__m128i *)(void *)(out + at + NV_JSON_BLOCK), second);
        const unsigned bits = nv_json_bits_of_two(first, second);
        if (bits != 0)
            return pos + at + (size_t)__builtin_ctz(bits);
    }
#endif
    for (; at < most && !nv_json_is_special(in[at]); at++)
        out[at] = in[at];
    return pos + at;
}

/* The place behind the white space at `at`, which may be escaped, with any number of
 * backslashes: \n, \\r, \\\t. For JSON text that stands in strings. */
size_t nv_json_skip_spaces(struct nv_str text, size_t at);

#endif
