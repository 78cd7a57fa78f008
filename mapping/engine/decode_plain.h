/*
 * What nearly all attributes look like, read without a loop: decode.c's first try.
 *
 *   0a len key 12 len (0a len text | 18 varint | 21 8 bytes | 10 bool)
 *
 * Each function is false for whatever else protobuf allows, for which `out` may be half
 * written; it goes the way round then, with the same result. All views are borrowed from
 * `bytes`.
 */
#ifndef NV_MAPPING_ENGINE_DECODE_PLAIN_H
#define NV_MAPPING_ENGINE_DECODE_PLAIN_H

#include "base/text/wire.h"
#include "model/otlp_fields.h"
#include "model/value.h"

/* Tags of fields below 16: number and wire type in one byte. */
#define NV_PLAIN_TAG(number, wire) ((number) << 3 | (wire))
/* 64 bits in sevens. */
#define NV_PLAIN_VARINT_BYTES 10

/* `bytes` from their length on, when length and content fill them exactly and the length takes
 * one or two bytes. */
static inline bool nv_plain_bytes(struct nv_str bytes, struct nv_str *out)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    size_t head = 1;
    if (bytes.len == 0)
        return false;
    size_t len = at[0];
    if (len >= 0x80) {
        if (bytes.len < 2 || at[1] >= 0x80)
            return false;
        len = (len & 0x7f) | (size_t)at[1] << 7;
        head = 2;
    }
    *out = (struct nv_str){bytes.ptr + head, len};
    return head + len == bytes.len;
}

/* A varint that fills `bytes` exactly. */
static inline bool nv_plain_varint(struct nv_str bytes, uint64_t *out)
{
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    uint64_t value = 0;
    if (bytes.len == 0 || bytes.len > NV_PLAIN_VARINT_BYTES)
        return false;
    for (size_t i = 0; i < bytes.len; i++) {
        /* the last byte ends it and no other does */
        if ((at[i] < 0x80) != (i + 1 == bytes.len))
            return false;
        value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
    }
    *out = value;
    return true;
}

/* An AnyValue of one scalar field, or false. */
static inline bool nv_plain_value(struct nv_str bytes, struct nv_value *out)
{
    uint64_t bits;
    if (bytes.len < 2)
        return false;
    struct nv_str rest = {bytes.ptr + 1, bytes.len - 1};
    switch ((uint8_t)bytes.ptr[0]) {
    case NV_PLAIN_TAG(NV_OTLP_ANY_STRING, NV_WIRE_BYTES):
        out->type = NV_VALUE_STRING;
        return nv_plain_bytes(rest, &out->as.string);
    case NV_PLAIN_TAG(NV_OTLP_ANY_INT, NV_WIRE_VARINT):
        if (!nv_plain_varint(rest, &bits))
            return false;
        *out = nv_value_int((int64_t)bits);
        return true;
    case NV_PLAIN_TAG(NV_OTLP_ANY_BOOL, NV_WIRE_VARINT):
        if (!nv_plain_varint(rest, &bits))
            return false;
        *out = nv_value_bool(bits != 0);
        return true;
    case NV_PLAIN_TAG(NV_OTLP_ANY_DOUBLE, NV_WIRE_FIXED64):
        if (rest.len != sizeof bits)
            return false;
        memcpy(&bits, rest.ptr, sizeof bits);
        *out = nv_value_double(nv_wire_double(le64toh(bits)));
        return true;
    default:
        return false;
    }
}

/* A KeyValue of a short key and then a scalar, or false. Each length is held against what is
 * left once, and texts and small numbers, which most values are, need no second look. */
static inline bool nv_plain_attribute(struct nv_str bytes, struct nv_attribute *out)
{
    const uint8_t *const at = (const uint8_t *)bytes.ptr;
    if (bytes.len < 4 || at[0] != NV_PLAIN_TAG(NV_OTLP_PAIR_KEY, NV_WIRE_BYTES) ||
        at[1] >= 0x80)
        return false;
    const size_t behind = 2 + (size_t)at[1];
    if (behind + 4 > bytes.len || at[behind] != NV_PLAIN_TAG(NV_OTLP_PAIR_VALUE, NV_WIRE_BYTES))
        return false;
    out->key = (struct nv_str){bytes.ptr + 2, at[1]};
    const uint8_t *const value = at + behind + 2;
    const size_t len = bytes.len - behind - 2; /* of a value whose length takes one byte */
    if (at[behind + 1] == len && len < 0x80) {
        if (value[0] == NV_PLAIN_TAG(NV_OTLP_ANY_STRING, NV_WIRE_BYTES) &&
            value[1] == len - 2) {
            out->value.type = NV_VALUE_STRING;
            out->value.as.string = (struct nv_str){(const char *)value + 2, len - 2};
            return true;
        }
        if (value[0] == NV_PLAIN_TAG(NV_OTLP_ANY_INT, NV_WIRE_VARINT) && len == 2 &&
            value[1] < 0x80) {
            out->value.type = NV_VALUE_INT;
            out->value.as.integer = value[1];
            return true;
        }
    }
    struct nv_str rest;
    return nv_plain_bytes((struct nv_str){bytes.ptr + behind + 1, bytes.len - behind - 1},
                          &rest) &&
           nv_plain_value(rest, &out->value);
}

#endif
