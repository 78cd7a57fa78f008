/*
 * The user's patterns and the values that the user lets pass.
 *
 * A label is trimmed, in capitals and with _ for spaces, as the SDK writes it. Refused, with
 * the place in the pattern: what PCRE2 doesn't compile, a label twice, and a repeat without end
 * of something that itself repeats without end, which can take for ever: (a+)+.
 */
#ifndef NV_REDACTION_PERSONAL_CUSTOM_H
#define NV_REDACTION_PERSONAL_CUSTOM_H

#include "redaction/personal/personal.h"
#include "redaction/personal/regex.h"

struct nv_custom;

/* New, of the setup's patterns and allowed values; NULL in *out when it has neither. Errors as
 * nv_personal_new. */
enum nv_err nv_custom_new(const struct nv_personal_setup *setup, struct nv_custom **out,
                          struct nv_fail *fail) NV_MUST_USE;
/* NULL is allowed, here and below. */
void nv_custom_free(struct nv_custom *custom);
/* How many patterns there are; 0 of NULL. */
size_t nv_custom_count(const struct nv_custom *custom);
/* A pattern, `number` below the count, borrowed as long as `custom` lives. */
const struct nv_regex *nv_custom_regex(const struct nv_custom *custom, size_t number);
/* What stands in place of what that pattern finds, borrowed as well. */
struct nv_str nv_custom_label(const struct nv_custom *custom, size_t number);
/* Is it one of the values that pass? */
bool nv_custom_is_allowed(const struct nv_custom *custom, struct nv_str value);

#endif
