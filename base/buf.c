/*
 * The growing buffer: doubling, capped, with a sticky failure.
 *
 * One byte more than `capacity` is always allocated, so that printf's terminator has a place
 * even when the text fills the buffer to its cap. The sticky failure exists for writers that
 * append hundreds of small pieces: they check once, and what they wrote before the failure is a
 * clean prefix. Memory is never given back on clear; whoever keeps a buffer for long releases
 * it.
 *
 *   bytes  [ used ······ | free ····· | 1 ]     len <= capacity <= max, one byte for printf behind
 *   append: fits ──▶ copied       too small ──▶ doubled, at most max ──▶ copied
 *                                   └─ past max: LIMIT, no memory: NO_MEMORY ──▶ failed, for good
 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* First allocation: small messages fit, and doubling from here wastes little. */
#define FIRST_CAPACITY 256

void nv_buf_init(struct nv_buf *buf, size_t max)
{
    *buf = (struct nv_buf){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void nv_buf_release(struct nv_buf *buf)
{
    if (!buf)
        return;
    free(buf->bytes);
    nv_buf_init(buf, buf->max);
}

void nv_buf_clear(struct nv_buf *buf)
{
    buf->len = 0;
    buf->failed = NV_OK;
}

static enum nv_err grow(struct nv_buf *buf, size_t needed)
{
    size_t capacity = buf->capacity > 0 ? buf->capacity * 2 : FIRST_CAPACITY;
    if (capacity < needed)
        capacity = needed;
    if (capacity > buf->max)
        capacity = buf->max;
    assert(capacity >= needed);
    char *bytes = realloc(buf->bytes, capacity + 1);
    if (!bytes)
        return buf->failed = NV_ERR_NO_MEMORY;
    buf->bytes = bytes;
    buf->capacity = capacity;
    return NV_OK;
}

enum nv_err nv_buf_grow(struct nv_buf *buf, size_t extra)
{
    assert(buf->len <= buf->capacity && buf->capacity <= buf->max);
    if (buf->failed != NV_OK)
        return buf->failed;
    if (extra > buf->max - buf->len)
        return buf->failed = NV_ERR_LIMIT;
    return grow(buf, buf->len + extra);
}

enum nv_err nv_buf_append(struct nv_buf *buf, const void *bytes, size_t len)
{
    enum nv_err err = nv_buf_reserve(buf, len);
    if (err != NV_OK || len == 0)
        return err;
    memcpy(buf->bytes + buf->len, bytes, len);
    buf->len += len;
    return NV_OK;
}

enum nv_err nv_buf_append_str(struct nv_buf *buf, struct nv_str s)
{
    return nv_buf_append(buf, s.ptr, s.len);
}

enum nv_err nv_buf_append_char(struct nv_buf *buf, char c)
{
    return nv_buf_append(buf, &c, 1);
}

enum nv_err nv_buf_printf(struct nv_buf *buf, const char *format, ...)
{
    va_list args, again;
    enum nv_err err = nv_buf_reserve(buf, 0);
    if (err != NV_OK)
        return err;
    va_start(args, format);
    va_copy(again, args);
    size_t room = buf->capacity - buf->len + 1;
    int length = vsnprintf(buf->bytes + buf->len, room, format, args);
    va_end(args);
    if (length < 0) {
        err = buf->failed = NV_ERR_INTERNAL;
    } else if ((size_t)length >= room) {
        err = nv_buf_reserve(buf, (size_t)length);
        if (err == NV_OK)
            (void)vsnprintf(buf->bytes + buf->len, (size_t)length + 1, format, again);
    }
    va_end(again);
    if (err == NV_OK)
        buf->len += (size_t)length;
    return err;
}

struct nv_str nv_buf_str(const struct nv_buf *buf)
{
    return (struct nv_str){buf->bytes, buf->len};
}

size_t nv_buf_take(struct nv_buf *buf, char **bytes)
{
    size_t len = buf->len;
    *bytes = buf->bytes;
    nv_buf_init(buf, buf->max);
    return len;
}
