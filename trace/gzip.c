/*
 * One block of fixed Huffman codes.
 *
 *   at ─▶ four bytes ─▶ hash ─▶ where they were last ─▶ same bytes? ─▶ length and distance
 *                                                           └ no ─▶ the byte itself
 *
 * Every code is at most 9 bits and 5 + 13 bits more for a distance, so that a bound for all of
 * it is known before: the output is written without looking at its end, as long as it is
 * shorter than the input; where it gets as long, there is nothing to gain and all is given up.
 */
#include "trace/gzip.h"

#include <stdlib.h>

#include "base/banned.h"

#define HASH_BITS 14
#define MATCH_LEAST 4u
#define MATCH_MOST 258u
#define DISTANCE_MOST 32768u
#define END_OF_BLOCK 256u
#define HEADER_BYTES 10u
/* A last code and what is left of one before, the trailer: what is written at most past a look
 * at the end. */
#define SLACK_BYTES 32u

struct nv_trace_gzip {
    uint32_t
        last[1u << HASH_BITS]; /* by hash: the place behind the four bytes' begin; 0: none */
    struct nv_buf out;
    uint64_t bits; /* not yet a byte, the first in the lowest place */
    unsigned bit_count;
};

struct nv_trace_gzip *nv_trace_gzip_new(void)
{
    struct nv_trace_gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip)
        nv_buf_init(&gzip->out, UINT32_MAX);
    return gzip;
}

void nv_trace_gzip_free(struct nv_trace_gzip *gzip)
{
    if (!gzip)
        return;
    nv_buf_release(&gzip->out);
    free(gzip);
}

/* ---- bits and codes ---------------------------------------------------------------------- */

static void put_bits(struct nv_trace_gzip *gzip, uint32_t value, unsigned count)
{
    gzip->bits |= (uint64_t)value << gzip->bit_count;
    gzip->bit_count += count;
    while (gzip->bit_count >= 8) {
        gzip->out.bytes[gzip->out.len++] = (char)(gzip->bits & 0xff);
        gzip->bits >>= 8;
        gzip->bit_count -= 8;
    }
}

/* Huffman codes alone go into the stream from their highest bit on. */
static void put_code(struct nv_trace_gzip *gzip, uint32_t code, unsigned count)
{
    uint32_t turned = 0;
    for (unsigned i = 0; i < count; i++)
        turned |= (code >> i & 1) << (count - 1 - i);
    put_bits(gzip, turned, count);
}

/* RFC 1951, 3.2.6. */
static void put_symbol(struct nv_trace_gzip *gzip, uint32_t symbol)
{
    if (symbol < 144)
        put_code(gzip, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(gzip, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(gzip, symbol - 256, 7);
    else
        put_code(gzip, 0xc0 + symbol - 280, 8);
}

static unsigned log2_of(uint32_t value)
{
    return 31 - (unsigned)__builtin_clz(value);
}

/* RFC 1951, 3.2.5: four codes for each power of two of lengths, two for each of distances. */
static void put_match(struct nv_trace_gzip *gzip, uint32_t length, uint32_t distance)
{
    uint32_t rest = length - 3;
    unsigned extra = 0;
    if (length == MATCH_MOST) {
        put_symbol(gzip, 285);
    } else {
        extra = rest < 8 ? 0 : log2_of(rest) - 2;
        put_symbol(gzip, rest < 8 ? 257 + rest : 257 + 4 * (extra + 1) + (rest >> extra & 3));
        put_bits(gzip, rest & ((1u << extra) - 1), extra);
    }
    rest = distance - 1;
    extra = rest < 4 ? 0 : log2_of(rest) - 1;
    put_code(gzip, rest < 4 ? rest : 2 * (extra + 1) + (rest >> extra & 1), 5);
    put_bits(gzip, rest & ((1u << extra) - 1), extra);
}

/* ---- matches ----------------------------------------------------------------------------- */

static uint32_t hash_at(const char *bytes)
{
    uint32_t four;
    memcpy(&four, bytes, sizeof four);
    return four * 2654435761u >> (32 - HASH_BITS); /* Knuth's multiplicative hashing */
}

static uint32_t match_length(struct nv_str body, size_t at, size_t from)
{
    size_t most = body.len - at < MATCH_MOST ? body.len - at : MATCH_MOST;
    size_t length = 0;
    while (length < most && body.ptr[at + length] == body.ptr[from + length])
        length++;
    return (uint32_t)length;
}

/* Of what is at `at`: the length of the same bytes before it, 0 for none. Notes the place. */
static uint32_t find(struct nv_trace_gzip *gzip, struct nv_str body, size_t at,
                     uint32_t *distance)
{
    if (body.len - at < MATCH_LEAST)
        return 0;
    uint32_t *last = &gzip->last[hash_at(body.ptr + at)];
    uint32_t before = *last;
    *last = (uint32_t)at + 1;
    if (before == 0 || at + 1 - before > DISTANCE_MOST)
        return 0;
    *distance = (uint32_t)at + 1 - before;
    uint32_t length = match_length(body, at, before - 1);
    return length >= MATCH_LEAST ? length : 0;
}

static bool put_block(struct nv_trace_gzip *gzip, struct nv_str body)
{
    size_t at = 0;
    put_bits(gzip, 1, 1); /* the last block */
    put_bits(gzip, 1, 2); /* of fixed codes */
    while (at < body.len && gzip->out.len < body.len) {
        uint32_t distance = 0;
        uint32_t length = find(gzip, body, at, &distance);
        if (length > 0)
            put_match(gzip, length, distance);
        else
            put_symbol(gzip, (unsigned char)body.ptr[at]);
        at += length > 0 ? length : 1;
    }
    put_symbol(gzip, END_OF_BLOCK);
    put_bits(gzip, 0, (8 - gzip->bit_count) & 7);
    return at == body.len;
}

/* ---- the file ---------------------------------------------------------------------------- */

/* RFC 1952, 8: by halves of bytes, whose table is 64 bytes and not 1 KiB. */
static uint32_t crc_of(struct nv_str body)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < body.len; i++) {
        crc ^= (unsigned char)body.ptr[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

struct nv_str nv_trace_gzip_body(struct nv_trace_gzip *gzip, struct nv_str body)
{
    /* deflate, no name, no time, an unknown system */
    static const char header[HEADER_BYTES] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};
    const struct nv_str none = {NULL, 0};
    nv_buf_clear(&gzip->out);
    gzip->bits = 0;
    gzip->bit_count = 0;
    memset(gzip->last, 0, sizeof gzip->last);
    if (body.len >= UINT32_MAX - SLACK_BYTES || body.len <= HEADER_BYTES ||
        nv_buf_reserve(&gzip->out, body.len + SLACK_BYTES) != NV_OK)
        return none;
    (void)nv_buf_append(&gzip->out, header, sizeof header);
    if (!put_block(gzip, body))
        return none;
    put_bits(gzip, crc_of(body), 32);
    put_bits(gzip, (uint32_t)body.len, 32);
    return gzip->out.len < body.len ? nv_buf_str(&gzip->out) : none;
}
