/*
 * Hex and base64 (RFC 4648), by table.
 *
 * The decoder takes both alphabets and optional padding at once, because the proto3 JSON
 * mapping says that parsers accept all four forms. Bits left over in the last character are not
 * checked: the reference implementations let them pass. Ids of spans are written with vectors,
 * eight bytes at once; nothing else is: base64 content is rare.
 */
#include "base/text/text.h"

#include <assert.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

#define INVALID 0xff
#define UUID_DASHES 4

#ifdef __SSE2__
#define AT_ONCE 8u

/* Eight bytes, as ids of spans have them. */
static inline void encode_eight(const uint8_t *bytes, char *out)
{
    const __m128i half = _mm_set1_epi8(15);
    const __m128i all = _mm_loadl_epi64((const __m128i *)(const void *)bytes);
    const __m128i digits = _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(all, 4), half),
                                             _mm_and_si128(all, half));
    const __m128i letters =
        _mm_and_si128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
    _mm_storeu_si128((__m128i *)(void *)out,
                     _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), letters));
}
#endif

void nv_hex_encode(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i = 0;
#ifdef __SSE2__
    for (const size_t whole = len & ~(size_t)(AT_ONCE - 1); i < whole; i += AT_ONCE)
        encode_eight(bytes + i, out + 2 * i);
#endif
    for (; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return INVALID;
}

enum nv_err nv_hex_decode(struct nv_str hex, uint8_t *out, size_t len)
{
    if (hex.len / 2 != len || hex.len % 2 != 0)
        return NV_ERR_MALFORMED;
    for (size_t i = 0; i < len; i++) {
        unsigned high = hex_value(hex.ptr[2 * i]);
        unsigned low = hex_value(hex.ptr[2 * i + 1]);
        if (high == INVALID || low == INVALID)
            return NV_ERR_MALFORMED;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return NV_OK;
}

enum nv_err nv_hex_decode_uuid(struct nv_str text, uint8_t out[16])
{
    char digits[32];
    size_t count = 0;
    if (text.len > sizeof digits + UUID_DASHES)
        return NV_ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '-')
            continue;
        if (count == sizeof digits)
            return NV_ERR_MALFORMED;
        digits[count++] = text.ptr[i];
    }
    return nv_hex_decode((struct nv_str){digits, count}, out, 16);
}

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *encode_tail(char *out, const unsigned char *in, size_t left)
{
    assert(left == 1 || left == 2);
    unsigned bits = (unsigned)in[0] << 16 | (left == 2 ? (unsigned)in[1] << 8 : 0);
    *out++ = alphabet[bits >> 18];
    *out++ = alphabet[bits >> 12 & 63];
    *out++ = left == 2 ? alphabet[bits >> 6 & 63] : '=';
    *out++ = '=';
    return out;
}

enum nv_err nv_base64_encode(struct nv_buf *buf, struct nv_str bytes)
{
    /* a text near SIZE_MAX cannot exist in memory; this keeps the product below from
     * wrapping */
    if (bytes.len > SIZE_MAX / 4)
        return buf->failed = NV_ERR_LIMIT;
    size_t length = (bytes.len + 2) / 3 * 4;
    enum nv_err err = nv_buf_reserve(buf, length);
    if (err != NV_OK || length == 0)
        return err;
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    char *out = buf->bytes + buf->len;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, in += 3) {
        unsigned bits = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = alphabet[bits >> 6 & 63];
        *out++ = alphabet[bits & 63];
    }
    if (left > 0)
        out = encode_tail(out, in, left);
    assert(out == buf->bytes + buf->len + length);
    buf->len += length;
    return NV_OK;
}

static unsigned base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return INVALID;
}

/* Without its padding; false when the padding or the length is impossible. */
static bool strip_padding(struct nv_str *text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text->len && text->ptr[text->len - 1 - padding] == '=')
        padding++;
    if (padding > 0 && text->len % 4 != 0)
        return false;
    text->len -= padding;
    return text->len % 4 != 1;
}

enum nv_err nv_base64_decode(struct nv_buf *buf, struct nv_str text)
{
    if (!strip_padding(&text))
        return NV_ERR_MALFORMED;
    size_t tail = text.len % 4;
    enum nv_err err = nv_buf_reserve(buf, text.len / 4 * 3 + (tail > 0 ? tail - 1 : 0));
    if (err != NV_OK)
        return err;
    char *out = buf->bytes + buf->len;
    unsigned bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned value = base64_value(text.ptr[i]);
        if (value == INVALID)
            return NV_ERR_MALFORMED;
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *out++ = (char)(bits >> count & 0xff);
        }
    }
    buf->len = (size_t)(out - buf->bytes);
    assert(buf->len <= buf->capacity);
    return NV_OK;
}
