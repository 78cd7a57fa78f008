/*
 * Telephone numbers in a text, as libphonenumber's matcher finds them at leniency VALID: what
 * looks like one is a candidate, a candidate or a part of it that is a valid number is found.
 *
 *   text ─▶ candidates ─▶ dates, brackets, letters beside? ─▶ phone_parse.h ─▶ found
 *                                                 └─ no ─▶ its parts, by / ( - . and spaces
 *
 * Numbers with a country (+971...) are found always, others for the regions that are asked for,
 * which go over the text in step. Rules are for any thread.
 */
#ifndef NV_REDACTION_PERSONAL_PHONES_H
#define NV_REDACTION_PERSONAL_PHONES_H

#include "redaction/personal/regex.h"

/* Regions whose own numbers are found; the package has 245. */
#define NV_PHONES_REGIONS_MAX 250u
/* Of a text and a region; libphonenumber gives up behind as many. */
#define NV_PHONES_TRIES_MAX 65535u

struct nv_phones;

/* New, for regions by their ISO 3166 codes; with none only numbers with a country are found.
 * NV_ERR_CONFIG: `fail->path` holds the number of one that is no region. NV_ERR_NO_MEMORY. */
enum nv_err nv_phones_new(const struct nv_str *regions, size_t count, struct nv_phones **out,
                          struct nv_fail *fail) NV_MUST_USE;
/* NULL is allowed. */
void nv_phones_free(struct nv_phones *phones);
/*
 * Gives each number to `found`, some more than once; stops at its first error and returns it.
 * NV_ERR_LIMIT: a search was given up.
 */
enum nv_err nv_phones_find(struct nv_phones *phones, struct nv_regex_work *work,
                           const struct nv_regex_text *subject,
                           enum nv_err (*found)(void *ctx, size_t from, size_t to),
                           void *ctx) NV_MUST_USE;

#endif
