/*
 * Values that say nothing, whatever they look like (docs/traps.md).
 */
#ifndef NV_MODEL_ABSENT_H
#define NV_MODEL_ABSENT_H

#include "model/value.h"

/* X(first byte, whole text): what instrumentations write where they have nothing to say. */
#define NV_ABSENT_TABLE(X)                                                                     \
    X('{', "{}")                                                                               \
    X('[', "[]")                                                                               \
    X('n', "null")                                                                             \
    X('N', "N/A")                                                                              \
    X('<', "<REDACTED>")                                                                       \
    X('[', "[REDACTED]")                                                                       \
    X('_', "__REDACTED__")                                                                     \
    X('<', "<not serializable>")                                                               \
    X('N', "NOT_GIVEN")                                                                        \
    X('"', "\"\"")

/* More bytes than a text of the table has, with quotes around it (model/absent.c holds it). */
#define NV_ABSENT_BYTES_MAX 20u

/* NULL, "", [] and {}: says nothing at all. Any thread. */
static inline bool nv_value_empty(const struct nv_value *value)
{
    switch (value->type) {
    case NV_VALUE_NULL:
        return true;
    case NV_VALUE_STRING:
    case NV_VALUE_BYTES:
        return value->as.string.len == 0;
    case NV_VALUE_ARRAY:
        return value->as.array.count == 0;
    case NV_VALUE_MAP:
        return value->as.map.count == 0;
    default:
        return false;
    }
}

/* nv_value_absent for the values that their first byte does not tell. Any thread. */
bool nv_value_absent_text(const struct nv_value *value);

/*
 * Absent, or absent in disguise (trap 20): NULL, empty, white space, a text of NV_ABSENT_TABLE,
 * with JSON's quotes around it or without. 0, "0", false and NaN are values. Any thread.
 */
static inline bool nv_value_absent(const struct nv_value *value)
{
    /* Bits of the bytes that a disguise may begin with: those of the table, and the quotes and
     * white space that may stand around it. Asked first, because nearly every value is told by
     * it alone, and most others by their length. */
#define NV_ABSENT_BIT(word, byte) ((byte) / 64 == (word) ? UINT64_C(1) << (byte) % 64 : 0)
#define NV_ABSENT_LOW(first, text) | NV_ABSENT_BIT(0, first)
#define NV_ABSENT_HIGH(first, text) | NV_ABSENT_BIT(1, first)
    static const uint64_t begins[2] = {NV_ABSENT_BIT(0, '\t') | NV_ABSENT_BIT(0, '\n') |
                                           NV_ABSENT_BIT(0, '\v') | NV_ABSENT_BIT(0, '\f') |
                                           NV_ABSENT_BIT(0, '\r') | NV_ABSENT_BIT(0, ' ') |
                                           NV_ABSENT_BIT(0, '"') NV_ABSENT_TABLE(NV_ABSENT_LOW),
                                       0 NV_ABSENT_TABLE(NV_ABSENT_HIGH)};
#undef NV_ABSENT_HIGH
#undef NV_ABSENT_LOW
#undef NV_ABSENT_BIT
    if (value->type == NV_VALUE_INT || value->type == NV_VALUE_BOOL ||
        value->type == NV_VALUE_DOUBLE)
        return false;
    if ((value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON) &&
        value->as.string.len > 0) {
        const struct nv_str text = value->as.string;
        unsigned first = (unsigned char)text.ptr[0];
        if (first >= 128 || (begins[first / 64] >> first % 64 & 1) == 0 ||
            (text.len > NV_ABSENT_BYTES_MAX && first > ' ' && text.ptr[text.len - 1] > ' '))
            return false;
    }
    return nv_value_absent_text(value);
}

#endif
