/*
 * Scalars as text and as numbers, however a sender wrote them.
 *
 *   26  "26"  "\"26\""  ─▶ 26, and the text 26
 *
 * One SDK sends a count as an integer, another as text, a third as JSON text of a text (traps 2
 * and
 * 21). Every reader of a scalar asks here, so that the three are one everywhere.
 */
#include "model/scalar.h"

#include <math.h>

#include "base/banned.h"

struct nv_str nv_scalar_unquoted(struct nv_str s)
{
    bool quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return quoted ? nv_str_slice(s, 1, s.len - 2) : s;
}

/* A text that was made: without memory it has no bytes, and a length that tells it from "". */
static struct nv_str made(struct nv_str text)
{
    return text.ptr ? text : (struct nv_str){NULL, 1};
}

struct nv_str nv_value_text(struct nv_arena *arena, const struct nv_value *value)
{
    switch (value->type) {
    case NV_VALUE_STRING: {
        struct nv_str inner = nv_scalar_unquoted(value->as.string);
        bool escaped =
            inner.len != value->as.string.len && memchr(inner.ptr, '\\', inner.len) != NULL;
        return escaped ? made(nv_json_unescape(arena, inner, true)) : inner;
    }
    case NV_VALUE_INT:
        return made(nv_arena_printf(arena, "%lld", (long long)value->as.integer));
    case NV_VALUE_DOUBLE:
        return made(nv_arena_printf(arena, "%.17g", value->as.number));
    case NV_VALUE_BOOL:
        return value->as.boolean ? NV_STR("true") : NV_STR("false");
    default:
        return NV_STR("");
    }
}

bool nv_value_number(const struct nv_value *value, double *out)
{
    switch (value->type) {
    case NV_VALUE_INT:
        *out = (double)value->as.integer;
        return true;
    case NV_VALUE_DOUBLE:
        *out = value->as.number;
        return isfinite(value->as.number) != 0;
    case NV_VALUE_STRING: {
        struct nv_str text = nv_str_trim(nv_scalar_unquoted(nv_str_trim(value->as.string)));
        return nv_str_to_double(text, out) == NV_OK && isfinite(*out);
    }
    default:
        return false;
    }
}
