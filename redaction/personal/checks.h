/*
 * What a pattern can't say: check digits, lengths by country, where a URL in prose ends.
 *
 *   a match [from, to) ─▶ check ─▶ where the personal value ends, or 0: it is none
 */
#ifndef NV_REDACTION_PERSONAL_CHECKS_H
#define NV_REDACTION_PERSONAL_CHECKS_H

#include "base/str.h"

/* How much of a matched text is the value, from its begin; 0: nothing. */
typedef size_t nv_personal_check(struct nv_str match);

/* Any match is the value. */
size_t nv_check_none(struct nv_str match);
/* Without the punctuation of the sentence around it. */
size_t nv_check_url(struct nv_str match);
/* With separators always, bare when the last digit is right (Luhn, ISO/IEC 7812-1). */
size_t nv_check_emirates_id(struct nv_str match);
/* ISO 13616: of a country that has IBANs, of its length, its remainder by 97 is 1. */
size_t nv_check_iban(struct nv_str match);
/* 36 characters, hexadecimal but for the dashes behind 8, 12, 16 and 20 digits. */
bool nv_check_is_uuid(struct nv_str text);

#endif
