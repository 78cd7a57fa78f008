/*
 * Lists of key=value. Cut at commas first and decoded afterwards, so that an encoded comma is
 * one of a value.
 */
#include "trace/config_list.h"

#include "base/banned.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %41 becomes A, as W3C Baggage has it, which is the form of these lists by the specification;
 * a % that begins nothing stays. Ends with NUL: keys and values go on as C strings. */
static void append_decoded(struct nv_buf *buf, struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        bool decoded = low >= 0;
        char byte = text.ptr[i];
        if (decoded)
            byte = (char)(high << 4 | low);
        (void)nv_buf_append_char(buf, byte);
        i += decoded ? 2 : 0;
    }
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
