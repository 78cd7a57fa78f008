/*
 * Which names of models a row of the price table speaks of.
 *
 * A pattern is in lower case: `*` any text, `#` one digit, `!` in front: not, `&` between terms
 * that must all hold (`gemini-2.5-pro*&!*-tts`). Parts are few and short, names at most 256
 * bytes.
 */
#ifndef NV_MAPPING_PRICES_PRICE_PATTERN_H
#define NV_MAPPING_PRICES_PRICE_PATTERN_H

#include "base/str.h"

/* Says the pattern more than a glob of rule.h can? Then nv_price_pattern_match is asked. */
bool nv_price_pattern_is_special(struct nv_str pattern);
/* Does a name in lower case match the pattern? Linear in name times pattern. */
bool nv_price_pattern_match(struct nv_str pattern, struct nv_str name);

#endif
