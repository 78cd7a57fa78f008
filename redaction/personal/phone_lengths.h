/*
 * How long the matches of a plan's pattern are, by their first two digits: most numbers are
 * told apart by it, without asking the pattern.
 *
 *   800\d{2,9}|[2-4]\d{7} ─▶ 80: 5 to 12 digits, 20 to 49: 8, others: none
 */
#ifndef NV_REDACTION_PERSONAL_PHONE_LENGTHS_H
#define NV_REDACTION_PERSONAL_PHONE_LENGTHS_H

#include <stdbool.h>
#include <stdint.h>

#define NV_PHONE_LENGTHS 100u

/*
 * `pattern` is of digits, classes, groups, |, ? and {}, as plans have them. lengths[p], bit n:
 * a match of all of n digits, 2 to 31, may begin with p (50: five, zero). More than there are
 * where digits behind the second decide; never fewer. False: the pattern has something else,
 * and
 * *lengths say nothing.
 */
bool nv_phone_lengths_of(const char *pattern, uint32_t lengths[NV_PHONE_LENGTHS]);

#endif
