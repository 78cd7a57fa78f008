/*
 * Base64 as it stands inside a text: read a piece at a time, up to the first character that
 * belongs to none.
 *
 *   ..."data":"iVBORw0KGgo...\/pLvAAA=","detail"...
 *              └──────── read ───────┘ at ▲
 *
 * Both alphabets, padded or not. The text may itself be JSON: `\/` is a slash, `\u002b` a plus,
 * `\u002f` and `\u003d` likewise; so are `%2B`, `%2F` and `%3D` of a URI. Lines of equal length
 * of 60 characters or more, ended by a line feed with or without a carriage return (or by their
 * escapes), are one text (MIME), also when blanks or tabs indent them. Allocates nothing;
 * linear.
 */
#ifndef NV_BASE_TEXT_BASE64_TEXT_H
#define NV_BASE_TEXT_BASE64_TEXT_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct nv_base64_reader {
    struct nv_str text;
    size_t at;       /* behind what was read; padding is read with the last piece */
    size_t chars;    /* characters of base64 so far, without padding, escapes and lines' ends */
    size_t line;     /* of the present line */
    size_t line_max; /* length of the first line, 0: not ended yet */
    uint32_t bits;
    unsigned count; /* of bits */
    bool ended;
};

/* Begins at `at` of the text (borrowed). */
void nv_base64_read_init(struct nv_base64_reader *reader, struct nv_str text, size_t at);
/* Up to `room` bytes into `out`; how many. 0: the end. Bits left over are no byte. */
size_t nv_base64_read(struct nv_base64_reader *reader, uint8_t *out, size_t room);
/* How many characters of base64 stand at `at` of the text (at <= its length) before any other,
 * an escape, the end of a line and padding among them. */
size_t nv_base64_plain(struct nv_str text, size_t at);
/* Is the character one of base64's? */
bool nv_base64_is_char(char c);

#endif
