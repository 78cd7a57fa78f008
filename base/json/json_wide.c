/*
 * The loops of JSON's strings with AVX2.
 *
 * Each is the loop of 16 bytes beside it (json_clean.h, json_string.h) with twice as many: no
 * end is treated here, for the callers have that already.
 */
#include "base/json/json_wide.h"

#include "base/json/json_string.h"

#ifdef NV_WIDE_CODE
#include <immintrin.h>
#endif

#include "base/banned.h"

#ifdef NV_WIDE_CODE

NV_WIDE_CODE static inline __m256i load(const char *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

NV_WIDE_CODE static inline void store(char *at, __m256i block)
{
    _mm256_storeu_si256((__m256i *)(void *)at, block);
}

/* With one bit turned, the quote is the byte behind the control characters, and a signed
 * compare finds what is no ASCII as well. */
NV_WIDE_CODE static inline unsigned unclean(__m256i block)
{
    const __m256i turned = _mm256_xor_si256(block, _mm256_set1_epi8('"' ^ 0x20));
    return (unsigned)_mm256_movemask_epi8(
        _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), turned),
                        _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'))));
}

/* The same but for what is no ASCII. */
NV_WIDE_CODE static inline unsigned special(__m256i block)
{
    const __m256i turned = _mm256_xor_si256(block, _mm256_set1_epi8('"' ^ 0x20));
    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(
        _mm256_cmpeq_epi8(_mm256_min_epu8(turned, _mm256_set1_epi8(0x20)), turned),
        _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'))));
}

NV_WIDE_CODE size_t nv_json_copy_clean_wide(const char *in, size_t len, char *out)
{
    size_t at = 0;
    for (; len - at >= NV_JSON_WIDE_BLOCK; at += NV_JSON_WIDE_BLOCK) {
        const __m256i block = load(in + at);
        store(out + at, block);
        const unsigned bits = unclean(block);
        if (bits != 0)
            return at + (size_t)__builtin_ctz(bits);
    }
    return at;
}

NV_WIDE_CODE size_t nv_json_copy_to_special_wide(const char *in, size_t len, char *out)
{
    size_t at = 0;
    for (; len - at >= NV_JSON_WIDE_BLOCK; at += NV_JSON_WIDE_BLOCK) {
        const __m256i block = load(in + at);
        store(out + at, block);
        const unsigned bits = special(block);
        if (bits != 0)
            return at + (size_t)__builtin_ctz(bits);
    }
    return at;
}

/* An escape costs the block that it is in and nothing else: texts have one in some hundred
 * bytes, JSON within JSON in ten. */
NV_WIDE_CODE size_t nv_json_unescape_wide(const char *in, size_t len, char *out, size_t room,
                                          size_t *made)
{
    /* what is written is never more than what was read: one end for both */
    const char *at = in, *const end = in + (len < room ? len : room);
    char *to = out;
    while ((size_t)(end - at) > NV_JSON_WIDE_BLOCK) {
        const __m256i block = load(at);
        store(to, block);
        const unsigned bits = special(block);
        if (bits == 0) {
            at += NV_JSON_WIDE_BLOCK;
            to += NV_JSON_WIDE_BLOCK;
            continue;
        }
        const size_t clean = (size_t)__builtin_ctz(bits);
        at += clean;
        to += clean;
        const char simple = *at == '\\' ? nv_json_escape_simple(at[1]) : '\0';
        if (simple == '\0')
            break;
        *to++ = simple;
        at += 2;
    }
    *made = (size_t)(to - out);
    return (size_t)(at - in);
}

NV_WIDE_CODE size_t nv_json_find_special_wide(const char *in, size_t len)
{
    size_t at = 0;
    for (; len - at >= NV_JSON_WIDE_BLOCK; at += NV_JSON_WIDE_BLOCK) {
        const unsigned bits = special(load(in + at));
        if (bits != 0)
            return at + (size_t)__builtin_ctz(bits);
    }
    return at;
}

#endif
