/*
 * UTF-8: one well-formedness test that everything else is built on.
 *
 * Well-formed sequences differ only in what the second byte may be (table 3-7), so the lead
 * byte picks a length and a range for the second; the others are 80..BF. On a failure the bytes
 * that still fitted form the maximal ill-formed part, which is what browsers and Python replace
 * by one U+FFFD. ASCII is skipped 64 (AVX2), 16 (SSE2) or 8 bytes at a time: telemetry is ASCII
 * nearly everywhere. Vectors for other scripts were left out; such text runs at some hundred
 * MB/s.
 */
#include "base/text/utf8.h"

#include "base/wide.h"

#include <assert.h>
#include <endian.h>
#ifdef NV_WIDE_CODE
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/banned.h"

struct lead {
    unsigned char length; /* 0: cannot start a character */
    unsigned char low, high;
};

static struct lead lead_of(unsigned char c)
{
    if (c < 0xc2)
        return (struct lead){0, 0, 0}; /* continuation or overlong */
    if (c < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (c < 0xf0)
        return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    if (c < 0xf5)
        return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0, 0, 0};
}

size_t nv_utf8_char(struct nv_str s, size_t *invalid)
{
    assert(s.len > 0);
    const unsigned char *at = (const unsigned char *)s.ptr;
    *invalid = 1;
    if (at[0] < 0x80)
        return 1;
    struct lead lead = lead_of(at[0]);
    if (lead.length == 0 || s.len < 2 || at[1] < lead.low || at[1] > lead.high)
        return 0;
    for (size_t i = 2; i < lead.length; i++) {
        if (i >= s.len || (at[i] & 0xc0) != 0x80) {
            *invalid = i;
            return 0;
        }
    }
    return lead.length;
}

#ifdef __SSE2__
/* Of each of 16 bytes the highest bit, that of the first lowest. */
static inline unsigned high_bits(const char *at)
{
    return (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)at));
}
#endif

/* The highest bit of each of eight bytes, those of the first lowest. */
static inline uint64_t high_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word) & UINT64_C(0x8080808080808080);
}

#ifdef NV_WIDE_CODE
#define WIDE_BLOCK ((size_t)64)

/* Bytes of whole blocks of `len` in which all is ASCII. */
NV_WIDE_CODE static size_t ascii_blocks(const char *text, size_t len)
{
    size_t at = 0;
    for (; len - at >= WIDE_BLOCK; at += WIDE_BLOCK) {
        const __m256i *block = (const __m256i *)(const void *)(text + at);
        if (_mm256_movemask_epi8(
                _mm256_or_si256(_mm256_loadu_si256(block), _mm256_loadu_si256(block + 1))) != 0)
            break;
    }
    return at;
}
#endif

/* Offset of the first byte >= 0x80 at or behind `at`, or s.len. What is left behind whole
 * blocks is looked at together with bytes before it, where the text is that long. */
static inline size_t skip_ascii(struct nv_str s, size_t at)
{
#ifdef NV_WIDE_CODE
    if (s.len - at >= 2 * WIDE_BLOCK && nv_wide)
        at += ascii_blocks(s.ptr + at, s.len - at);
#endif
#ifdef __SSE2__
    for (; s.len - at >= 16; at += 16) {
        unsigned mask = high_bits(s.ptr + at);
        if (mask != 0)
            return at + (size_t)__builtin_ctz(mask);
    }
    if (s.len >= 16 && at < s.len) {
        unsigned mask = high_bits(s.ptr + s.len - 16) >> (16 - (s.len - at));
        return mask != 0 ? at + (size_t)__builtin_ctz(mask) : s.len;
    }
#endif
    for (; s.len - at >= 8; at += 8) {
        uint64_t word = high_bytes(s.ptr + at);
        if (word != 0)
            return at + (size_t)__builtin_ctzll(word) / 8;
    }
    if (s.len >= 8 && at < s.len) {
        uint64_t word = high_bytes(s.ptr + s.len - 8) >> 8 * (8 - (s.len - at));
        return word != 0 ? at + (size_t)__builtin_ctzll(word) / 8 : s.len;
    }
    while (at < s.len && (unsigned char)s.ptr[at] < 0x80)
        at++;
    return at;
}

size_t nv_utf8_valid_prefix(struct nv_str s)
{
    size_t at = 0;
    while ((at = skip_ascii(s, at)) < s.len) {
        size_t invalid;
        size_t length = nv_utf8_char((struct nv_str){s.ptr + at, s.len - at}, &invalid);
        if (length == 0)
            return at;
        at += length;
    }
    assert(at == s.len);
    return at;
}

size_t nv_utf8_put(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code >= 0xd800 && code < 0xe000)
        code = 0xfffd;
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    assert(code <= 0x10ffff);
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

size_t nv_utf8_cut(struct nv_str s, size_t max)
{
    if (s.len <= max)
        return s.len;
    size_t at = max;
    while (at > 0 && max - at < 3 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
        at--;
    /* not a character's start within reach: the bytes are no UTF-8, any cut is as good */
    return ((unsigned char)s.ptr[at] & 0xc0) == 0x80 ? max : at;
}
