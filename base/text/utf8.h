/* UTF-8 as Unicode 15 section 3.9 defines it: no surrogates, nothing over U+10FFFF, no
 * overlongs.
 */
#ifndef NV_BASE_TEXT_UTF8_H
#define NV_BASE_TEXT_UTF8_H

#include "base/str.h"

/* What stands a U+FFFD in UTF-8: the replacement for an invalid part. */
#define NV_UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Length of the valid UTF-8 prefix of `s`; s.len when all of it is valid. */
size_t nv_utf8_valid_prefix(struct nv_str s);
/*
 * Length (1-4) of the well-formed character at the start of `s`, which is not empty; or 0, and
 * then *invalid is the length (1-3) of the maximal ill-formed part to be replaced by one U+FFFD
 * (section 3.9, table 3-8: "best practice").
 */
size_t nv_utf8_char(struct nv_str s, size_t *invalid);
/* UTF-8 of `code` (up to U+10FFFF; a surrogate gives U+FFFD) into `out`; returns its length. */
size_t nv_utf8_put(uint32_t code, char out[4]);
/* Length of `s` cut to at most `max` bytes without splitting a character. */
size_t nv_utf8_cut(struct nv_str s, size_t max);

#endif
