/*
 * Small texts of gRPC.
 *
 * Kept apart from sessions and calls because each is a pure function with a page of edge cases.
 */
#include "otlp/grpc/grpc_text.h"

#include "base/clock.h"
#include "base/text/shown.h"
#include "base/text/text.h"

#include <arpa/inet.h>
#include <assert.h>

#include "base/banned.h"

/* TimeoutValue of gRPC over HTTP/2 (PROTOCOL-HTTP2.md). */
#define TIMEOUT_DIGITS_MAX 8

static uint64_t unit_ns(char unit)
{
    switch (unit) {
    case 'H':
        return 3600 * NV_NS_PER_S;
    case 'M':
        return 60 * NV_NS_PER_S;
    case 'S':
        return NV_NS_PER_S;
    case 'm':
        return NV_NS_PER_MS;
    case 'u':
        return 1000;
    case 'n':
        return 1;
    default:
        return 0;
    }
}

enum nv_err nv_grpc_parse_timeout(struct nv_str text, uint64_t *ns)
{
    uint64_t number;
    if (text.len < 2 || text.len > TIMEOUT_DIGITS_MAX + 1)
        return NV_ERR_MALFORMED;
    uint64_t unit = unit_ns(text.ptr[text.len - 1]);
    if (unit == 0 || nv_str_to_uint64(nv_str_slice(text, 0, text.len - 1), &number) != NV_OK)
        return NV_ERR_MALFORMED;
    /* at most 99999999 hours: 3.6e20 ns do not fit */
    *ns = number <= UINT64_MAX / unit ? number * unit : UINT64_MAX;
    return NV_OK;
}

/* Status-Message: printable ASCII but for % stands for itself (PROTOCOL-HTTP2.md). */
static void put_percent(struct nv_buf *buf, struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c >= 0x20 && c <= 0x7e && c != '%')
            (void)nv_buf_append_char(buf, (char)c);
        else
            (void)nv_buf_printf(buf, "%%%02X", c);
    }
}

enum nv_err nv_grpc_put_message(struct nv_buf *buf, struct nv_str message)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    while (message.len > 0)
        put_percent(buf, nv_shown_next(&message, NV_SHOWN_LINE, escape));
    return buf->failed;
}

enum nv_err nv_grpc_put_binary(struct nv_buf *buf, struct nv_str bytes)
{
    enum nv_err err = nv_base64_encode(buf, bytes);
    while (err == NV_OK && buf->len > 0 && buf->bytes[buf->len - 1] == '=')
        buf->len--;
    return err;
}

enum nv_err nv_grpc_put_frame(struct nv_buf *buf, struct nv_str message)
{
    char prefix[NV_GRPC_PREFIX_BYTES] = {0};
    assert(message.len <= UINT32_MAX);
    uint32_t len = htonl((uint32_t)message.len);
    memcpy(prefix + 1, &len, sizeof len);
    (void)nv_buf_append(buf, prefix, sizeof prefix);
    return nv_buf_append_str(buf, message);
}

void nv_grpc_parse_prefix(const uint8_t prefix[NV_GRPC_PREFIX_BYTES], uint8_t *compressed,
                          uint32_t *len)
{
    uint32_t number;
    memcpy(&number, prefix + 1, sizeof number);
    *compressed = prefix[0];
    *len = ntohl(number);
}

bool nv_grpc_is_content_type(struct nv_str value)
{
    struct nv_str name = NV_STR("application/grpc");
    if (!nv_str_ieq(nv_str_slice(value, 0, name.len), name))
        return false;
    struct nv_str rest = nv_str_slice(value, name.len, SIZE_MAX);
    if (rest.len > 0 && rest.ptr[0] == '+') {
        struct nv_str codec = nv_str_slice(rest, 1, 5);
        if (!nv_str_ieq(codec, NV_STR("proto")))
            return false;
        rest = nv_str_slice(rest, 6, SIZE_MAX);
    }
    return rest.len == 0 || rest.ptr[0] == ';' || rest.ptr[0] == ' ';
}
