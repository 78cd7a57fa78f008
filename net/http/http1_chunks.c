/*
 * Decoder of chunked bodies, RFC 9112 7.1: a machine that looks at one byte at a time.
 *
 *   SIZE ─▶ [EXTENSION] ─▶ SIZE_LF ─▶ DATA ─▶ DATA_CR ─▶ DATA_LF ─▶ SIZE
 *                             │ size 0
 *                             ▼
 *           TRAILER_START ─▶ NAME ─▶ VALUE ─▶ VALUE_LF ─▶ TRAILER_START ─▶ END_LF ─▶ DONE
 *
 * Data is handed out as ranges of the input, never copied here. Signs, "0x", spaces, an empty
 * size, bare LF and data that is not followed by CR LF are refused: each of them has been a way
 * to smuggle a request past a proxy. Extensions and trailers are checked, counted and
 * forgotten; a trailer never becomes a header.
 */
#include "net/http/http1.h"

#include <assert.h>

#include "base/banned.h"

enum state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    ENDED
};

/* 16 hex digits fill 64 bits. */
#define DIGITS_MAX 16

static enum nv_http1_verdict bad(struct nv_http1_chunks *chunks, const char *why)
{
    chunks->why = why;
    return NV_HTTP1_BAD;
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(unsigned char c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static enum nv_http1_verdict on_size(struct nv_http1_chunks *chunks, unsigned char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (chunks->digits == DIGITS_MAX || chunks->left >> 58 != 0)
            return bad(chunks, "chunk size too large");
        chunks->digits++;
        chunks->left = chunks->left * 16 + (uint64_t)digit;
        return NV_HTTP1_MORE;
    }
    if (chunks->digits == 0 || (c != ';' && c != '\r'))
        return bad(chunks, "malformed chunk size");
    chunks->state = c == ';' ? EXTENSION : SIZE_LF;
    return NV_HTTP1_MORE;
}

static enum nv_http1_verdict on_extension(struct nv_http1_chunks *chunks, unsigned char c)
{
    if (c == '\r') {
        chunks->state = SIZE_LF;
        return NV_HTTP1_MORE;
    }
    if (!is_text(c))
        return bad(chunks, "malformed chunk extension");
    return ++chunks->extension_bytes > NV_HTTP1_EXTENSION_BYTES_MAX
               ? bad(chunks, "chunk extensions too long")
               : NV_HTTP1_MORE;
}

/* The one byte `want` must come, then `next` follows. */
static enum nv_http1_verdict expect(struct nv_http1_chunks *chunks, unsigned char c,
                                    unsigned char want, enum state next)
{
    if (c != want)
        return bad(chunks, "chunk without CR LF");
    if (next == SIZE) {
        chunks->digits = 0;
        chunks->left = 0;
    }
    chunks->state = (uint8_t)next;
    return next == ENDED ? NV_HTTP1_DONE : NV_HTTP1_MORE;
}

static enum nv_http1_verdict on_trailer(struct nv_http1_chunks *chunks, unsigned char c)
{
    if (++chunks->trailer_bytes > NV_HTTP1_TRAILER_BYTES_MAX)
        return bad(chunks, "trailers too long");
    if (chunks->state == TRAILER_START && c == '\r') {
        chunks->state = END_LF;
    } else if (chunks->state == TRAILER_VALUE) {
        if (c != '\r' && !is_text(c))
            return bad(chunks, "malformed trailer");
        chunks->state = c == '\r' ? TRAILER_LF : TRAILER_VALUE;
    } else if (chunks->state == TRAILER_NAME && c == ':') {
        chunks->state = TRAILER_VALUE;
    } else if (nv_http1_is_token((struct nv_str){(const char *)&c, 1})) {
        chunks->state = TRAILER_NAME;
    } else {
        return bad(chunks, "malformed trailer");
    }
    return NV_HTTP1_MORE;
}

static enum nv_http1_verdict on_byte(struct nv_http1_chunks *chunks, unsigned char c)
{
    switch ((enum state)chunks->state) {
    case SIZE:
        return on_size(chunks, c);
    case EXTENSION:
        return on_extension(chunks, c);
    case SIZE_LF:
        return expect(chunks, c, '\n', chunks->left > 0 ? DATA : TRAILER_START);
    case DATA_CR:
        return expect(chunks, c, '\r', DATA_LF);
    case DATA_LF:
        return expect(chunks, c, '\n', SIZE);
    case TRAILER_LF:
        return expect(chunks, c, '\n', TRAILER_START);
    case END_LF:
        return expect(chunks, c, '\n', ENDED);
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return on_trailer(chunks, c);
    case DATA:
    case ENDED:
        break;
    }
    assert(false && "data is taken as a whole, and nothing follows the end");
    return NV_HTTP1_BAD;
}

enum nv_http1_verdict nv_http1_chunks_feed(struct nv_http1_chunks *chunks, struct nv_str bytes,
                                           size_t *used, struct nv_str *data)
{
    assert(chunks->why == NULL && chunks->state != ENDED);
    enum nv_http1_verdict verdict = NV_HTTP1_MORE;
    size_t at = 0;
    *data = (struct nv_str){NULL, 0};
    while (verdict == NV_HTTP1_MORE && at < bytes.len) {
        if (chunks->state != DATA) {
            verdict = on_byte(chunks, (unsigned char)bytes.ptr[at++]);
            continue;
        }
        if (data->len > 0)
            break; /* one range a call */
        *data =
            nv_str_slice(bytes, at, chunks->left < SIZE_MAX ? (size_t)chunks->left : SIZE_MAX);
        at += data->len;
        chunks->left -= data->len;
        chunks->state = chunks->left == 0 ? DATA_CR : DATA;
    }
    *used = at;
    return verdict;
}
