/*
 * CRC32C three ways (crc32c.h).
 *
 * The instruction takes three cycles and may begin every cycle, so three lanes run at once over
 * blocks of LANE bytes. Lanes are joined by what LANE zero bytes do to a checksum, which is
 * linear: four tables of 256, one for each byte of it. The portable form takes eight bytes a
 * step from eight tables. All tables are made once, at first use.
 *
 * Bodies go by carry-less multiplication of vectors of 64 bytes where there is one (AVX-512
 * with VPCLMULQDQ), at half of what the instruction takes. What bytes add to the checksum
 * depends on how many follow, so a vector is moved on by n bits and added to the one that
 * stands there:
 *
 *   [ a | b | c | d ][ e | f | g | h ] ...   a by 2048 bits on to e, b to f, ... over all
 *   then a by 512 on to b, that to c, to d, to what is left: one vector, 64 bytes whose checksum
 *   is that of all before, taken by the instruction
 *
 * Moved on is each half of 64 bits of each lane of 128, which stands for a polynomial: times
 * x^(n+32) mod P the lower, which is in front, times x^(n-32) mod P the upper.
 *
 * Deliberately not done: the same for vectors of 16 and 32 bytes, and on other processors.
 */
#include "journal/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "base/banned.h"

#define POLYNOMIAL 0x82f63b78u
#define LANE 1024u

static uint32_t table[8][256];
static uint32_t shift[4][256]; /* what LANE zero bytes do, by byte of the checksum */
#if defined(__x86_64__)
static bool have_instruction;
static bool have_vectors;
#endif
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t one_byte(uint32_t crc, uint8_t byte)
{
    return (crc >> 8) ^ table[0][(crc ^ byte) & 0xff];
}

static uint32_t zeros(uint32_t crc, size_t len)
{
    while (len-- > 0)
        crc = one_byte(crc, 0);
    return crc;
}

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            table[k][i] = one_byte(table[k - 1][i], 0);
    }
    /* Linear: what one bit becomes is worked out, the rest are sums; 32 walks and not 1,024. */
    for (uint32_t k = 0; k < 4; k++) {
        for (uint32_t bit = 1; bit < 256; bit <<= 1) {
            uint32_t moved = zeros(bit << (8 * k), LANE);
            for (uint32_t i = 0; i < bit; i++)
                shift[k][bit + i] = shift[k][i] ^ moved;
        }
    }
#if defined(__x86_64__)
    have_instruction = __builtin_cpu_supports("sse4.2");
    have_vectors = have_instruction && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("vpclmulqdq");
#endif
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Checksums here are complemented on the way in and out by the callers. */
static uint32_t by_tables(uint32_t crc, const uint8_t *p, size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        uint32_t low = crc ^ load32(p);
        uint32_t high = load32(p + 4);
        crc = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^
              table[5][(low >> 16) & 0xff] ^ table[4][low >> 24] ^ table[3][high & 0xff] ^
              table[2][(high >> 8) & 0xff] ^ table[1][(high >> 16) & 0xff] ^
              table[0][high >> 24];
    }
    while (len-- > 0)
        crc = one_byte(crc, *p++);
    return crc;
}

#if defined(__x86_64__)
static uint32_t past_lane(uint64_t crc)
{
    return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^
           shift[3][(crc >> 24) & 0xff];
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                                 size_t len)
{
    uint64_t a = crc;
    for (; len >= 3 * LANE; p += 3 * LANE, len -= 3 * LANE) {
        uint64_t b = 0;
        uint64_t c = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            a = __builtin_ia32_crc32di(a, load64(p + i));
            b = __builtin_ia32_crc32di(b, load64(p + LANE + i));
            c = __builtin_ia32_crc32di(c, load64(p + 2 * LANE + i));
        }
        a = past_lane(past_lane(a) ^ b) ^ c;
    }
    for (; len >= 8; p += 8, len -= 8)
        a = __builtin_ia32_crc32di(a, load64(p));
    uint32_t rest = (uint32_t)a;
    while (len-- > 0)
        rest = __builtin_ia32_crc32qi(rest, *p++);
    return rest;
}

#define VECTOR_CODE __attribute__((target("avx512f,vpclmulqdq,sse4.2")))
#define VECTOR ((size_t)64)
/* Below that it is not worth its end. */
#define VECTORS_FROM (16 * VECTOR)

/* `from`, moved on by what `by` says, and added to what stands there. */
VECTOR_CODE static inline __m512i move_on(__m512i from, __m512i by, __m512i to)
{
    const __m512i lower = _mm512_clmulepi64_epi128(from, by, 0x00);
    const __m512i upper = _mm512_clmulepi64_epi128(from, by, 0x11);
    return _mm512_xor_si512(_mm512_xor_si512(lower, upper), to);
}

VECTOR_CODE static inline __m512i load512(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}

/* `len` is VECTORS_FROM at least. */
VECTOR_CODE static uint32_t by_vectors(uint32_t crc, const uint8_t *p, size_t len)
{
    /* x^2080 and x^2016, x^544 and x^480, mod P, bits in turned order, one to the left */
    const __m512i far = _mm512_broadcast_i32x4(_mm_set_epi64x(0xb9e02b86, 0xdcb17aa4));
    const __m512i near = _mm512_broadcast_i32x4(_mm_set_epi64x(0x9e4addf8, 0x740eef02));
    __m512i a =
        _mm512_xor_si512(load512(p), _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
    __m512i b = load512(p + VECTOR);
    __m512i c = load512(p + 2 * VECTOR);
    __m512i d = load512(p + 3 * VECTOR);
    for (p += 4 * VECTOR, len -= 4 * VECTOR; len >= 4 * VECTOR;
         p += 4 * VECTOR, len -= 4 * VECTOR) {
        a = move_on(a, far, load512(p));
        b = move_on(b, far, load512(p + VECTOR));
        c = move_on(c, far, load512(p + 2 * VECTOR));
        d = move_on(d, far, load512(p + 3 * VECTOR));
    }
    d = move_on(move_on(move_on(a, near, b), near, c), near, d);
    for (; len >= VECTOR; p += VECTOR, len -= VECTOR)
        d = move_on(d, near, load512(p));
    uint8_t last[VECTOR];
    _mm512_storeu_si512(last, d);
    return by_instruction(by_instruction(0, last, sizeof last), p, len);
}
#endif

uint32_t nv_crc32c_portable(uint32_t crc, const void *bytes, size_t len)
{
    pthread_once(&once, make_tables);
    return ~by_tables(~crc, bytes, len);
}

uint32_t nv_crc32c_lanes(uint32_t crc, const void *bytes, size_t len)
{
    pthread_once(&once, make_tables);
#if defined(__x86_64__)
    if (have_instruction)
        return ~by_instruction(~crc, bytes, len);
#endif
    return ~by_tables(~crc, bytes, len);
}

uint32_t nv_crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    pthread_once(&once, make_tables);
    if (have_vectors && len >= VECTORS_FROM)
        return ~by_vectors(~crc, bytes, len);
#endif
    return nv_crc32c_lanes(crc, bytes, len);
}
