/*
 * Protobuf's wire format, read and written.
 *
 * A reader of our own because general libraries cost ten times as much on spans and one of them
 * overflows its stack on deep nesting (docs/dependencies.md). It is deliberately ignorant of
 * messages: which fields exist and what they mean is the business of otlp/ and mapping/.
 *
 * What is refused follows upb, the parser inside the reference implementation, except that tags
 * and lengths may take up to ten bytes like every varint, as the format's description allows.
 *
 *   tag = number << 3 | type        0 varint   1 fixed64   2 bytes   5 fixed32   3, 4 group
 *   varint: 7 bits a byte, lowest first, the high bit says "more"
 *
 * Nothing is copied: a field of bytes is a view into what is read. A position only moves when a
 * whole field was there, so that an error names where the field begins. Groups are deprecated
 * and sent by nobody we know, but a message that holds one must be skipped as any unknown field
 * is.
 */
#include "base/text/wire.h"

#include <assert.h>
#include <endian.h>

#include "base/banned.h"

#define VARINT_BYTES_MAX 10
#define NUMBER_MAX ((UINT64_C(1) << 29) - 1)

/* Bits beyond the 64th in a tenth byte are lost, as in other readers: a negative enum of 32
 * bits is sent as ten bytes. */
static enum nv_err read_varint(struct nv_wire *wire, uint64_t *out)
{
    uint64_t value = 0;
    const char *pos = wire->pos;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (pos == wire->end)
            return NV_ERR_TRUNCATED;
        uint8_t byte = (uint8_t)*pos++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            wire->pos = pos;
            *out = value;
            return NV_OK;
        }
    }
    return NV_ERR_MALFORMED;
}

static enum nv_err read_fixed(struct nv_wire *wire, size_t size, uint64_t *out)
{
    uint64_t bits = 0;
    assert(size <= sizeof bits);
    if ((size_t)(wire->end - wire->pos) < size)
        return NV_ERR_TRUNCATED;
    memcpy(&bits, wire->pos, size);
    wire->pos += size;
    *out = le64toh(bits);
    return NV_OK;
}

/* Compared with what is left, never added to the position: the length is the sender's. */
static enum nv_err read_bytes(struct nv_wire *wire, struct nv_str *out)
{
    uint64_t len;
    enum nv_err err = read_varint(wire, &len);
    if (err != NV_OK)
        return err;
    if (len > (uint64_t)(wire->end - wire->pos))
        return NV_ERR_TRUNCATED;
    *out = (struct nv_str){wire->pos, (size_t)len};
    wire->pos += len;
    return NV_OK;
}

static enum nv_err read_tag(struct nv_wire *wire, uint32_t *number, unsigned *type)
{
    uint64_t tag;
    enum nv_err err = read_varint(wire, &tag);
    if (err != NV_OK)
        return err;
    /* 0 is what a run of zero bytes would be read as */
    if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
        return NV_ERR_MALFORMED;
    *number = (uint32_t)(tag >> 3);
    *type = (unsigned)(tag & 7);
    return NV_OK;
}

static enum nv_err read_value(struct nv_wire *wire, unsigned type, struct nv_wire_field *field)
{
    switch (type) {
    case NV_WIRE_VARINT:
        return read_varint(wire, &field->value);
    case NV_WIRE_FIXED64:
        return read_fixed(wire, 8, &field->value);
    case NV_WIRE_BYTES:
        return read_bytes(wire, &field->bytes);
    case NV_WIRE_FIXED32:
        return read_fixed(wire, 4, &field->value);
    /* 6 and 7 are not defined; 4 here is the end of a group that never began */
    default:
        return NV_ERR_MALFORMED;
    }
}

/* A loop with its own stack of open groups: depth costs four bytes a level, not a call. */
static enum nv_err skip_group(struct nv_wire *wire, uint32_t number)
{
    uint32_t open[NV_WIRE_GROUP_DEPTH_MAX];
    unsigned depth = 1;
    open[0] = number;
    while (depth > 0) {
        struct nv_wire_field ignored;
        unsigned type = 0;
        enum nv_err err = read_tag(wire, &number, &type);
        if (err == NV_OK && type == NV_WIRE_GROUP) {
            if (depth == NV_WIRE_GROUP_DEPTH_MAX)
                return NV_ERR_DEPTH;
            open[depth++] = number;
        } else if (err == NV_OK && type == NV_WIRE_GROUP_END) {
            if (open[--depth] != number)
                return NV_ERR_MALFORMED;
        } else if (err == NV_OK) {
            err = read_value(wire, type, &ignored);
        }
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

enum nv_err nv_wire_next_any(struct nv_wire *wire, struct nv_wire_field *field)
{
    const char *start = wire->pos;
    unsigned type = 0;
    if (wire->pos == wire->end)
        return NV_ERR_END;
    assert(wire->pos < wire->end);
    enum nv_err err = read_tag(wire, &field->number, &type);
    if (err == NV_OK && type == NV_WIRE_GROUP)
        err = skip_group(wire, field->number);
    else if (err == NV_OK)
        err = read_value(wire, type, field);
    /* the reader stays before the field, so that who reports an error can tell where */
    if (err != NV_OK) {
        wire->pos = start;
        return err;
    }
    field->type = (enum nv_wire_type)type;
    return NV_OK;
}

/* By its bytes: a cast would convert. */
double nv_wire_double(uint64_t value)
{
    double number;
    static_assert(sizeof number == sizeof value, "IEEE 754 double");
    memcpy(&number, &value, sizeof number);
    return number;
}

static unsigned encode_varint(uint64_t value, uint8_t out[VARINT_BYTES_MAX])
{
    unsigned len = 0;
    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    assert(len <= VARINT_BYTES_MAX);
    return len;
}

enum nv_err nv_wire_put_varint(struct nv_buf *buf, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    return nv_buf_append(buf, bytes, encode_varint(value, bytes));
}

/* Tag and a short rest in one append: checks of room are what small fields cost. */
static enum nv_err put_with_tag(struct nv_buf *buf, uint32_t number, enum nv_wire_type type,
                                const void *rest, size_t rest_len)
{
    uint8_t bytes[2 * VARINT_BYTES_MAX];
    assert(number > 0 && number <= NUMBER_MAX && rest_len <= VARINT_BYTES_MAX);
    unsigned len = encode_varint((uint64_t)number << 3 | type, bytes);
    memcpy(bytes + len, rest, rest_len);
    return nv_buf_append(buf, bytes, len + rest_len);
}

enum nv_err nv_wire_put_uint(struct nv_buf *buf, uint32_t number, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    unsigned len = encode_varint(value, bytes);
    return put_with_tag(buf, number, NV_WIRE_VARINT, bytes, len);
}

enum nv_err nv_wire_put_fixed64(struct nv_buf *buf, uint32_t number, uint64_t value)
{
    value = htole64(value);
    return put_with_tag(buf, number, NV_WIRE_FIXED64, &value, sizeof value);
}

enum nv_err nv_wire_put_fixed32(struct nv_buf *buf, uint32_t number, uint32_t value)
{
    value = htole32(value);
    return put_with_tag(buf, number, NV_WIRE_FIXED32, &value, sizeof value);
}

enum nv_err nv_wire_put_double(struct nv_buf *buf, uint32_t number, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return nv_wire_put_fixed64(buf, number, bits);
}

enum nv_err nv_wire_put_bytes(struct nv_buf *buf, uint32_t number, struct nv_str bytes)
{
    uint8_t len[VARINT_BYTES_MAX];
    enum nv_err err =
        put_with_tag(buf, number, NV_WIRE_BYTES, len, encode_varint(bytes.len, len));
    if (err != NV_OK || bytes.len == 0)
        return err;
    return nv_buf_append(buf, bytes.ptr, bytes.len);
}

/* One byte is kept for the length, which is enough for most of the messages inside a span. */
size_t nv_wire_begin(struct nv_buf *buf, uint32_t number)
{
    uint8_t room = 0;
    (void)put_with_tag(buf, number, NV_WIRE_BYTES, &room, sizeof room);
    return buf->len;
}

enum nv_err nv_wire_end(struct nv_buf *buf, size_t mark)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    if (buf->failed != NV_OK)
        return buf->failed;
    assert(mark > 0 && mark <= buf->len);
    size_t len = buf->len - mark;
    unsigned extra = encode_varint(len, bytes) - 1;
    /* longer messages are moved by the bytes that their length takes more: a few per cent of a
     * request */
    if (extra > 0) {
        enum nv_err err = nv_buf_reserve(buf, extra);
        if (err != NV_OK)
            return err;
        memmove(buf->bytes + mark + extra, buf->bytes + mark, len);
        buf->len += extra;
    }
    memcpy(buf->bytes + mark - 1, bytes, extra + 1);
    return NV_OK;
}
