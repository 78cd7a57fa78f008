/*
 * Lists of key=value. Cut at commas first and decoded afterwards, so that an encoded comma is
 * one of a value.
 */
#include "trace/config_list.h"

#include "trace/w3c.h"

#include "base/banned.h"

/* Ends with NUL: keys and values go on as C strings. */
static void append_decoded(struct nv_buf *buf, struct nv_str text)
{
    if (nv_buf_reserve(buf, text.len + 1) != NV_OK)
        return;
    buf->len += nv_trace_decode(text, buf->bytes + buf->len);
    (void)nv_buf_append_char(buf, '\0');
}

enum nv_err nv_trace_list_each(const char *list, nv_trace_pair *each, void *ctx)
{
    struct nv_str rest = nv_str_from(list);
    struct nv_buf pair;
    enum nv_err err = NV_OK;
    nv_buf_init(&pair, NV_TRACE_LIST_BYTES_MAX);
    while (rest.len > 0) {
        size_t comma = nv_str_find_char(rest, ',');
        struct nv_str item = nv_str_slice(rest, 0, comma);
        size_t equals = nv_str_find_char(item, '=');
        rest = comma == SIZE_MAX ? nv_str_from("") : nv_str_slice(rest, comma + 1, rest.len);
        if (equals == SIZE_MAX || nv_str_trim(nv_str_slice(item, 0, equals)).len == 0)
            continue;
        nv_buf_clear(&pair);
        append_decoded(&pair, nv_str_trim(nv_str_slice(item, 0, equals)));
        size_t value = pair.len;
        append_decoded(&pair, nv_str_trim(nv_str_slice(item, equals + 1, item.len)));
        if (pair.failed == NV_OK)
            each(ctx, pair.bytes, pair.bytes + value);
        else if (err == NV_OK)
            err = pair.failed;
    }
    nv_buf_release(&pair);
    return err;
}
