/*
 * Bytes that stand in a JSON string as they are, copied many at a time.
 *
 * All but control characters, the quote, the backslash and what is no ASCII, which may be ill
 * formed. With SSE2 16 are looked at at once, with AVX2 32 of a long text, elsewhere 8. `out`
 * needs as much room as `in` has bytes, rounded up to 16. Inline, for the writer calls them for
 * each text of each span.
 */
#ifndef NV_BASE_JSON_JSON_CLEAN_H
#define NV_BASE_JSON_JSON_CLEAN_H

#include "base/json/json_wide.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
/* Of each of 16 bytes: does it need attention? The first is the lowest bit. With one bit
 * turned, the quote is the byte behind the control characters; a signed compare finds those and
 * what is no ASCII at once. */
static inline __m128i nv_json_special_bytes(__m128i block)
{
    const __m128i turned = _mm_xor_si128(block, _mm_set1_epi8('"' ^ 0x20));
    return _mm_or_si128(_mm_cmplt_epi8(turned, _mm_set1_epi8(0x21)),
                        _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
}

static inline __m128i nv_json_copy_block(const char *in, char *out)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)in);
    _mm_storeu_si128((__m128i *)(void *)out, block);
    return block;
}

/* Does a byte of two words need attention? */
static inline bool nv_json_are_special(uint64_t a, uint64_t b)
{
    return _mm_movemask_epi8(nv_json_special_bytes(_mm_set_epi64x((int64_t)b, (int64_t)a))) !=
           0;
}
#else
/* Exact for "any", not for which one. */
static inline bool nv_json_is_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ ones * '"';
    uint64_t backslash = word ^ ones * '\\';
    uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                     ((word - ones * 0x20) & ~word) | word;
    return (found & highs) != 0;
}

static inline bool nv_json_are_special(uint64_t a, uint64_t b)
{
    return nv_json_is_special(a) || nv_json_is_special(b);
}
#endif

/* 1 to 15 bytes at once, by two loads that overlap; false, and nothing is of use in `out`, when
 * one of them needs attention. */
static inline bool nv_json_copy_end(const char *in, size_t len, char *out)
{
    uint64_t first = 0, last = 0;
    if (len >= 8) {
        memcpy(&first, in, 8);
        memcpy(&last, in + len - 8, 8);
        memcpy(out, &first, 8);
        memcpy(out + len - 8, &last, 8);
        return !nv_json_are_special(first, last);
    }
    if (len >= 4) {
        memcpy(&first, in, 4);
        memcpy(&last, in + len - 4, 4);
        memcpy(out, &first, 4);
        memcpy(out + len - 4, &last, 4);
        first |= last << 32;
        return !nv_json_are_special(first, first);
    }
    const uint64_t spaces = UINT64_C(0x2020202020000000);
    unsigned char a = (unsigned char)in[0], b = (unsigned char)in[len / 2],
                  c = (unsigned char)in[len - 1];
    out[0] = (char)a;
    out[len / 2] = (char)b;
    out[len - 1] = (char)c;
    first = spaces | (uint64_t)c << 16 | (uint64_t)b << 8 | a;
    return !nv_json_are_special(first, first);
}

/* The same of one byte or more, for short texts: all of it is looked at once, at the end. */
static inline bool nv_json_copy_short(const char *in, size_t len, char *out)
{
#ifdef __SSE2__
    if (len >= 16) {
        __m128i special =
            nv_json_special_bytes(nv_json_copy_block(in + len - 16, out + len - 16));
        for (size_t at = 0; at + 16 < len; at += 16) {
            special = _mm_or_si128(
                special, nv_json_special_bytes(nv_json_copy_block(in + at, out + at)));
        }
        return _mm_movemask_epi8(special) == 0;
    }
#else
    if (len >= 16)
        return false;
#endif
    return nv_json_copy_end(in, len, out);
}

#ifdef __SSE2__
/* The next block, which there must be: false when it ended in front of a byte that needs
 * attention, where *in_at and *out_at are then. */
static inline bool nv_json_copy_clean_block(const char **in_at, char **out_at)
{
    unsigned mask =
        (unsigned)_mm_movemask_epi8(nv_json_special_bytes(nv_json_copy_block(*in_at, *out_at)));
    size_t clean = mask != 0 ? (size_t)__builtin_ctz(mask) : 16;
    *in_at += clean;
    *out_at += clean;
    return mask == 0;
}
#endif

/* Copies a text of any bytes, most of them short: in blocks that overlap, where the library's
 * copy is a call. */
static inline void nv_json_copy_text(const char *in, size_t len, char *out)
{
    uint64_t first, last;
    if (len > 64 || len < 8) {
        memcpy(out, in, len);
        return;
    }
#ifdef __SSE2__
    if (len >= 16) {
        for (size_t at = 0; at + 16 < len; at += 16)
            (void)nv_json_copy_block(in + at, out + at);
        (void)nv_json_copy_block(in + len - 16, out + len - 16);
        return;
    }
#else
    if (len > 16) {
        memcpy(out, in, len);
        return;
    }
#endif
    memcpy(&first, in, sizeof first);
    memcpy(&last, in + len - 8, sizeof last);
    memcpy(out, &first, sizeof first);
    memcpy(out + len - 8, &last, sizeof last);
}

/* Copies whole blocks of bytes that need no attention. False when it stopped at one that
 * does. */
static inline bool nv_json_copy_clean_blocks(const char **in_at, const char *end, char **out_at)
{
    const char *in = *in_at;
    char *out = *out_at;
    bool clean = true;
#ifdef __SSE2__
    if (end - in >= 16)
        clean = nv_json_copy_clean_block(&in, &out);
#ifdef NV_WIDE_CODE
    if (clean && end - in >= 64 && nv_wide) {
        size_t count = nv_json_copy_clean_wide(in, (size_t)(end - in), out);
        in += count;
        out += count;
        clean = (size_t)(end - in) < NV_JSON_WIDE_BLOCK;
    }
#endif
    while (clean && end - in >= 16)
        clean = nv_json_copy_clean_block(&in, &out);
#else
    for (uint64_t word; end - in >= 16; in += 8, out += 8) {
        memcpy(&word, in, sizeof word);
        if (nv_json_are_special(word, word))
            break;
        memcpy(out, &word, sizeof word);
    }
#endif
    *in_at = in;
    *out_at = out;
    return clean;
}

/* Copies bytes that need no attention; stops at one that does or at `end`. */
static inline const char *nv_json_copy_clean(const char *in, const char *end, char **out_at)
{
    if (!nv_json_copy_clean_blocks(&in, end, out_at))
        return in;
    char *out = *out_at;
    if (end - in < 16 && in < end && nv_json_copy_end(in, (size_t)(end - in), out)) {
        *out_at = out + (end - in);
        return end;
    }
    for (; in < end; in++) {
        unsigned char c = (unsigned char)*in;
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        *out++ = *in;
    }
    *out_at = out;
    return in;
}

#endif
