/*
 * Strings of JSON in blocks of 32 bytes: the long way of json_clean.h and json_string.h, which
 * look at the first bytes themselves. To be called when nv_wide (base/wide.h) is set. Internal
 * to base.
 *
 * All stop at the first byte that is asked for, or where less than a block is left; which of
 * the two follows from the place.
 */
#ifndef NV_BASE_JSON_JSON_WIDE_H
#define NV_BASE_JSON_JSON_WIDE_H

#include "base/wide.h"

#include <stddef.h>

#define NV_JSON_WIDE_BLOCK ((size_t)32)

#ifdef NV_WIDE_CODE
/* Bytes copied from `in` to `out`, of `len` at most: up to a quote, a backslash, a control
 * character or one that is no ASCII. Whole blocks are written, none past `len`. */
NV_WIDE_CODE size_t nv_json_copy_clean_wide(const char *in, size_t len, char *out);
/* The same up to a quote, a backslash or a control character. */
NV_WIDE_CODE size_t nv_json_copy_to_special_wide(const char *in, size_t len, char *out);
/*
 * The same, and writes what escapes of two characters stand for: stops at a quote, a control
 * character, a backslash that begins another escape or none, or where no more than a block is
 * left of `in` or of `room` bytes behind `out`. Returns how far it has read, *made is what was
 * written. As above, whole blocks are written, none past `room`.
 */
NV_WIDE_CODE size_t nv_json_unescape_wide(const char *in, size_t len, char *out, size_t room,
                                          size_t *made);
/* As nv_json_copy_to_special_wide, and copies nothing. */
NV_WIDE_CODE size_t nv_json_find_special_wide(const char *in, size_t len);
#endif

#endif
