/*
 * A growing byte buffer with a cap: the only thing besides an arena that owns bytes.
 *
 *   bytes ──▶ [ used ........ | spare ]      len <= capacity <= max
 *
 * Appending past `max` gives NV_ERR_LIMIT, a failed allocation NV_ERR_NO_MEMORY; either marks
 * the buffer as failed, leaves the bytes before it in place and makes every later append fail
 * likewise, so that a writer may check once at its end. Not safe for use by two threads at
 * once.
 */
#ifndef NV_BASE_BUF_H
#define NV_BASE_BUF_H

#include "base/error.h"
#include "base/str.h"

struct nv_buf {
    char *bytes;
    size_t len;
    size_t capacity;
    size_t max;
    enum nv_err failed;
};

/* Readies an empty buffer that may grow to `max` bytes; allocates nothing. */
void nv_buf_init(struct nv_buf *buf, size_t max);
/* Frees the bytes; the buffer is empty and usable again with the same cap. NULL is allowed. */
void nv_buf_release(struct nv_buf *buf);
/* Forgets the contents and the failure, keeps the memory. */
void nv_buf_clear(struct nv_buf *buf);
/* Grows by what is missing: the rare half of nv_buf_reserve. NV_ERR_LIMIT, NV_ERR_NO_MEMORY. */
enum nv_err nv_buf_grow(struct nv_buf *buf, size_t extra);
/* Makes room for `extra` more bytes behind len. Errors: NV_ERR_LIMIT, NV_ERR_NO_MEMORY. */
static inline enum nv_err nv_buf_reserve(struct nv_buf *buf, size_t extra)
{
    if (buf->failed == NV_OK && extra <= buf->capacity - buf->len && buf->bytes)
        return NV_OK;
    return nv_buf_grow(buf, extra);
}
/* Appends. Errors as nv_buf_reserve. */
enum nv_err nv_buf_append(struct nv_buf *buf, const void *bytes, size_t len);
/* The same of a view. */
enum nv_err nv_buf_append_str(struct nv_buf *buf, struct nv_str s);
/* The same of one byte. */
enum nv_err nv_buf_append_char(struct nv_buf *buf, char c);
/* Appends printf's text (no terminator is counted). Errors as nv_buf_reserve. */
enum nv_err nv_buf_printf(struct nv_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* View of the contents. Borrowed: until the next call that changes the buffer. */
struct nv_str nv_buf_str(const struct nv_buf *buf);
/* Gives the bytes away: *bytes is new (free() it), the buffer is empty again. Returns the
 * length.
 */
size_t nv_buf_take(struct nv_buf *buf, char **bytes);

#endif
