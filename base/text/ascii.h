/*
 * Is a short text all ASCII? Inline, without a branch for each block: keys and values of
 * telemetry are nearly all of some ten bytes, for which a call costs more than the look.
 * Long text is nv_utf8_valid_prefix's.
 */
#ifndef NV_BASE_TEXT_ASCII_H
#define NV_BASE_TEXT_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Bytes of a block of SSE2. */
#define NV_ASCII_BLOCK 16

/* No byte of the word is 0x80 or more, whichever comes first in memory. */
static inline bool nv_ascii_word(uint64_t word)
{
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

/* 8 bytes and more: the last ones are looked at together with some before them. */
static inline bool nv_ascii_words(const uint8_t *at, size_t len)
{
    uint64_t all, word;
    memcpy(&all, at + len - sizeof all, sizeof all);
    for (size_t i = 0; i + sizeof word < len; i += sizeof word) {
        memcpy(&word, at + i, sizeof word);
        all |= word;
    }
    return nv_ascii_word(all);
}

#ifdef __SSE2__
/* The same for 16 bytes and more. */
static inline bool nv_ascii_blocks(const uint8_t *at, size_t len)
{
    __m128i all = _mm_loadu_si128((const __m128i *)(const void *)(at + len - sizeof all));
    for (size_t i = 0; i + sizeof all < len; i += sizeof all)
        all = _mm_or_si128(all, _mm_loadu_si128((const __m128i *)(const void *)(at + i)));
    return _mm_movemask_epi8(all) == 0;
}
#endif

/* Are all `len` bytes below 0x80? Reads nothing else. */
static inline bool nv_ascii(const uint8_t *at, size_t len)
{
    uint8_t all = 0;
#ifdef __SSE2__
    if (len >= NV_ASCII_BLOCK)
        return nv_ascii_blocks(at, len);
#endif
    if (len >= sizeof(uint64_t))
        return nv_ascii_words(at, len);
    for (size_t i = 0; i < len; i++)
        all |= at[i];
    return all < 0x80;
}

#endif
