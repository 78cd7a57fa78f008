/*
 * Characters as Unicode and the SDK see them: digits, words, and the form of a value of which
 * its pseudonym is made. Bytes that aren't UTF-8 are no characters. Any thread.
 */
#ifndef NV_REDACTION_PERSONAL_CHARACTERS_H
#define NV_REDACTION_PERSONAL_CHARACTERS_H

#include "base/buf.h"

#include <stdint.h>

/* A character of a text; len 0: the text ends. */
struct nv_character {
    uint32_t code; /* UINT32_MAX: a bad byte */
    size_t len;
};

/* The one at `at`. */
struct nv_character nv_character_at(struct nv_str text, size_t at);
/* The one that ends at `at`. */
struct nv_character nv_character_before(struct nv_str text, size_t at);
/* The value of a decimal digit of any script, or -1. */
int nv_digit_value(uint32_t code);
/* May other versions of Unicode see a digit where this one sees none, or the other way round?
 * Scripts that are still added have their digits beyond the first plane. */
bool nv_character_is_unsure_digit(uint32_t code);
/* A letter, number or `_`: regular expressions' \w. */
bool nv_character_is_word(uint32_t code);
/* White space, as Python has it. */
bool nv_character_is_white(uint32_t code);
/* A letter of the Latin script, or a mark on one. */
bool nv_character_is_latin(uint32_t code);
/* A sign of a currency. */
bool nv_character_is_currency(uint32_t code);
/* How many characters valid UTF-8 has. */
size_t nv_character_count(struct nv_str text);
/*
 * Appends `value` in the form that stands for all its ways to be written: NFC, without white
 * space, in lower case, as Python does these. NV_ERR_NO_MEMORY, NV_ERR_LIMIT; NV_ERR_MALFORMED:
 * no UTF-8.
 */
enum nv_err nv_canonical_append(struct nv_buf *out, struct nv_str value);

#endif
