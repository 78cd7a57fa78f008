/*
 * How many columns of a terminal a text takes, and texts cut to what fits.
 *
 *   "東京 ☀️ e\u0301"   4 + 1 + 2 + 1 + 1 = 9 columns, 17 bytes
 *
 * Widths are Unicode's East Asian Width as utf8proc has it: wide 2, combining 0, all else 1
 * (ambiguous ones, too, as terminals do). U+FE0F, which asks for the look of an emoji, adds the
 * column that terminals add, or do not: a cut never lets a line grow too long.
 */
#ifndef NV_BASE_TEXT_COLUMNS_H
#define NV_BASE_TEXT_COLUMNS_H

#include "base/buf.h"

/* Characters without a width that are kept one after the other; further ones are left out, so
 * that a line's bytes are bounded by its columns. */
#define NV_COLUMNS_MARKS_MAX 8

/* Columns of a text that may be shown (base/text/shown.h), on one line. */
size_t nv_columns_of(struct nv_str text);
/*
 * Appends `text`, any bytes, as one line of at most `room` columns: line ends become "⏎", tabs
 * spaces, what may not be shown its escape; what does not fit is cut and ends with "…". Returns
 * the columns taken. Cost is that of what fits. Errors stay in the buffer.
 */
size_t nv_columns_append(struct nv_buf *buf, struct nv_str text, size_t room);

#endif
