/*
 * Views on bytes: comparison, search, numbers and the seeded hash.
 *
 * Nothing here depends on the locale: ASCII case and white space are spelled out, and the slow
 * path of the number reader asks for the C locale by name, because libnoveum may live in a
 * program that has called setlocale. The hash is XXH3 with a seed drawn once a process; XXH3 is
 * not a keyed hash in the cryptographic sense, but without the seed nobody can prepare
 * colliding trace ids offline.
 */
#include "base/str.h"

#include "base/hash_wide.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/banned.h"

/* Longest number text that is read without an allocation. */
#define NUMBER_TEXT_MAX 64

#ifdef NV_HASH_WIDE
/* From here on XXH3 goes by vectors. */
#define WIDE_HASH_MIN 241
#endif

static uint64_t hash_seed, number_seed, number_factor;
static pthread_once_t hash_seed_once = PTHREAD_ONCE_INIT;

struct nv_str nv_str_from(const char *text)
{
    return text ? (struct nv_str){text, strlen(text)} : (struct nv_str){NULL, 0};
}

static unsigned char ascii_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool nv_str_ieq(struct nv_str a, struct nv_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    }
    return true;
}

int nv_str_cmp(struct nv_str a, struct nv_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool nv_str_starts(struct nv_str s, struct nv_str prefix)
{
    return s.len >= prefix.len && nv_str_eq((struct nv_str){s.ptr, prefix.len}, prefix);
}

bool nv_str_ends(struct nv_str s, struct nv_str suffix)
{
    if (s.len < suffix.len || suffix.len == 0)
        return suffix.len == 0;
    return nv_str_eq((struct nv_str){s.ptr + (s.len - suffix.len), suffix.len}, suffix);
}

/* memmem is linear (two-way), so that a text of the client's can't make a search quadratic. */
size_t nv_str_find(struct nv_str s, struct nv_str needle)
{
    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    const char *found = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return found ? (size_t)(found - s.ptr) : SIZE_MAX;
}

size_t nv_str_find_char(struct nv_str s, char c)
{
    const char *found = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return found ? (size_t)(found - s.ptr) : SIZE_MAX;
}

/* Clamped to what is there: callers pass SIZE_MAX for "the rest", and an offset past the end is
 * an empty view and no mistake. */
struct nv_str nv_str_slice(struct nv_str s, size_t from, size_t len)
{
    if (from >= s.len)
        return (struct nv_str){s.ptr ? s.ptr + s.len : NULL, 0};
    if (len > s.len - from)
        len = s.len - from;
    return (struct nv_str){s.ptr + from, len};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct nv_str nv_str_trim_any(struct nv_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static uint64_t draw(void)
{
    uint64_t seed;
    /* Without entropy (early boot) the clock and an address are still better than a
     * constant. */
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
        return seed;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec << 32) ^ (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)&now;
}

static void draw_hash_seeds(void)
{
    hash_seed = draw();
    number_seed = draw();
    number_factor = draw() | 1;
}

static inline void need_seeds(void)
{
    int err = pthread_once(&hash_seed_once, draw_hash_seeds);
    assert(err == 0);
    (void)err;
}

uint64_t nv_str_hash(struct nv_str s)
{
    need_seeds();
#ifdef NV_HASH_WIDE
    if (s.len >= WIDE_HASH_MIN && nv_wide)
        return nv_hash_wide(s.ptr, s.len, hash_seed);
#endif
    return XXH3_64bits_withSeed(s.ptr, s.len, hash_seed);
}

/* No seed: two processes must agree. Not for tables that a client can fill. */
void nv_str_hash128(struct nv_str s, uint8_t out[NV_HASH128_BYTES])
{
    XXH128_canonical_t bytes;
    _Static_assert(sizeof bytes == NV_HASH128_BYTES, "128 bits");
    XXH128_canonicalFromHash(&bytes, XXH3_128bits(s.ptr, s.len));
    memcpy(out, bytes.digest, sizeof bytes);
}

/* Both halves of a product in one. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Twice, as wyhash mixes its words: after once, numbers that count up still lie in rows. */
uint64_t nv_number_hash(uint64_t number)
{
    need_seeds();
    return fold(fold(number ^ number_seed, number_factor) ^ hash_seed,
                UINT64_C(0x9E3779B97F4A7C15));
}

static enum nv_err parse_magnitude(struct nv_str s, uint64_t max, uint64_t *out)
{
    if (s.len == 0)
        return NV_ERR_MALFORMED;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return NV_ERR_MALFORMED;
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        /* asked before it is multiplied: afterwards it may have wrapped */
        if (value > (max - digit) / 10)
            return NV_ERR_MALFORMED;
        value = value * 10 + digit;
    }
    assert(value <= max);
    *out = value;
    return NV_OK;
}

enum nv_err nv_str_to_uint64(struct nv_str s, uint64_t *out)
{
    return parse_magnitude(s, UINT64_MAX, out);
}

enum nv_err nv_str_to_int64(struct nv_str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t max = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t magnitude = 0;
    enum nv_err err =
        parse_magnitude(negative ? nv_str_slice(s, 1, s.len) : s, max, &magnitude);
    if (err != NV_OK)
        return err;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return NV_OK;
}

/* A JSON number taken apart: value = mantissa * 10^exponent when `exact`. */
struct number {
    uint64_t mantissa;
    int exponent;
    bool negative;
    bool exact; /* mantissa and exponent hold all digits */
};

static bool is_digit(struct nv_str s, size_t at)
{
    return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

static size_t take_digits(struct nv_str s, size_t at, struct number *n)
{
    for (; is_digit(s, at); at++) {
        if (n->mantissa > (UINT64_MAX - 9) / 10)
            n->exact = false;
        else
            n->mantissa = n->mantissa * 10 + (uint64_t)(s.ptr[at] - '0');
    }
    return at;
}

/* Reads the exponent behind `e`; returns the offset behind it, or SIZE_MAX. */
static size_t take_exponent(struct nv_str s, size_t at, struct number *n)
{
    bool negative = at < s.len && s.ptr[at] == '-';
    if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
        at++;
    if (!is_digit(s, at))
        return SIZE_MAX;
    int value = 0;
    for (; is_digit(s, at); at++) {
        if (value > 9999)
            n->exact = false;
        else
            value = value * 10 + (s.ptr[at] - '0');
    }
    n->exponent += negative ? -value : value;
    return at;
}

/* RFC 8259 section 6: [-] int [frac] [exp]. */
static bool take_number(struct nv_str s, struct number *n)
{
    *n = (struct number){.exact = s.len <= NUMBER_TEXT_MAX};
    n->negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = n->negative ? 1 : 0;
    if (!is_digit(s, at) || (s.ptr[at] == '0' && is_digit(s, at + 1)))
        return false;
    at = take_digits(s, at, n);
    if (at < s.len && s.ptr[at] == '.') {
        size_t fraction = at + 1;
        if (!is_digit(s, fraction))
            return false;
        at = take_digits(s, fraction, n);
        if (n->exact)
            n->exponent = -(int)(at - fraction);
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E'))
        at = take_exponent(s, at + 1, n);
    return at == s.len;
}

/* Correctly rounded by libc, for what the exact path cannot hold. */
static enum nv_err slow_double(struct nv_str s, double *out)
{
    char small[NUMBER_TEXT_MAX + 1];
    char *text = s.len <= NUMBER_TEXT_MAX ? small : malloc(s.len + 1);
    if (!text)
        return NV_ERR_NO_MEMORY;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    /* glibc hands out the static C locale here; nothing is allocated or to be freed */
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *out = c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
    if (text != small)
        free(text);
    return NV_OK;
}

enum nv_err nv_str_to_double(struct nv_str s, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct number n;
    if (!take_number(s, &n)) {
        if (nv_str_eq(s, NV_STR("NaN")))
            *out = (double)NAN;
        else if (nv_str_eq(s, NV_STR("Infinity")))
            *out = (double)INFINITY;
        else if (nv_str_eq(s, NV_STR("-Infinity")))
            *out = -(double)INFINITY;
        else
            return NV_ERR_MALFORMED;
        return NV_OK;
    }
    /* Both factors are exact doubles, so one operation rounds once, as strtod does (Clinger
     * 1990).
     */
    if (n.exact && n.mantissa <= (UINT64_C(1) << 53) && n.exponent >= -22 && n.exponent <= 22) {
        double value = (double)n.mantissa;
        value = n.exponent < 0 ? value / powers[-n.exponent] : value * powers[n.exponent];
        *out = n.negative ? -value : value;
        return NV_OK;
    }
    return slow_double(s, out);
}
