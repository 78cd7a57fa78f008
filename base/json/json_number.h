/*
 * Numbers as JSON text. Internal to base: json_write.h writes them.
 *
 * Two functions put their text in front of `end`, where NV_JSON_NUMBER_MAX bytes must be free,
 * and return its first byte. Pure: for any thread.
 */
#ifndef NV_BASE_JSON_JSON_NUMBER_H
#define NV_BASE_JSON_JSON_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* More than any number's text. */
#define NV_JSON_NUMBER_MAX ((size_t)32)

/* Decimal digits of `value`, before `end`. */
char *nv_json_number_uint(char *end, uint64_t value);
/* Text of a finite `value` with as few decimals as read back the same, before `end`; NULL when
 * there are none that are exact. Past six, a number below 0.0001 has an exponent. */
char *nv_json_number_decimal(char *end, double value);
/* The shortest of 15, 16 or 17 digits that reads back as the finite `value`, with a point or an
 * exponent; returns its length. */
size_t nv_json_number_print(double value, char text[NV_JSON_NUMBER_MAX]);

#endif
