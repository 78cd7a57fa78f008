/*
 * Scalar values as text and as numbers, whatever type they were sent as (docs/traps.md, 2 and
 * 21).
 */
#ifndef NV_MODEL_SCALAR_H
#define NV_MODEL_SCALAR_H

#include "model/value.h"

/* `s` without one pair of JSON quotes around it. Borrowed. Any thread. */
struct nv_str nv_scalar_unquoted(struct nv_str s);
/* Text of a scalar: of a STRING without one layer of JSON quotes, of numbers and booleans as
 * JSON writes them; empty for others. Borrowed or in the arena; ptr NULL with len > 0 without
 * memory. */
struct nv_str nv_value_text(struct nv_arena *arena, const struct nv_value *value);
/* A finite number from a native one or decimal text, with JSON quotes or without; else
 * false. */
bool nv_value_number(const struct nv_value *value, double *out);

#endif
