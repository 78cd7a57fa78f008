/*
 * The plans of telephone numbers of all regions, as libphonenumber has them
 * (phone_plans.inc, made by tools/make-phone-plans.py), and their patterns, compiled when first
 * asked for: most gateways see numbers of a few countries. Any thread.
 */
#ifndef NV_REDACTION_PERSONAL_PHONE_PLANS_H
#define NV_REDACTION_PERSONAL_PHONE_PLANS_H

#include "redaction/personal/regex.h"

enum nv_phone_pattern {
    NV_PHONE_LEADING, /* of numbers of a region that shares its code with others: their begin */
    NV_PHONE_ABROAD,  /* what is dialled before the code of another country */
    NV_PHONE_INSIDE,  /* what is dialled before a number inside the country */
    NV_PHONE_GENERAL, /* all numbers, whole */
    NV_PHONE_VALID,   /* those of a kind that is known, whole */
    NV_PHONE_PATTERNS
};

struct nv_phone_plan {
    const char *region;
    unsigned code;
    const char *patterns[NV_PHONE_PATTERNS]; /* NULL: none */
    unsigned inside_groups;
    const char *inside_becomes; /* NULL: nothing; \1 is a group */
    uint32_t lengths;           /* bit n: a number may have n digits */
    uint32_t local_lengths;     /* the same of numbers without their area */
};

struct nv_phone_plans;

/* New; NULL without memory. */
struct nv_phone_plans *nv_phone_plans_new(void);
/* NULL is allowed. */
void nv_phone_plans_free(struct nv_phone_plans *plans);
/* The plan of a region by its ISO 3166 code, in any case; NULL: there is none. Static. */
const struct nv_phone_plan *nv_phone_plan_of_region(struct nv_str region);
/* The first plan of a country's code, that of its main region; those of the others follow it
 * and have the same code. NULL: there is none. Static. */
const struct nv_phone_plan *nv_phone_plan_of_code(unsigned code);
/* The plan behind this one, if it has the same code; else NULL. */
const struct nv_phone_plan *nv_phone_plan_next(const struct nv_phone_plan *plan);
/* The fewest digits, all that are written, of a valid number inside the plan's country; NULL:
 * of one of any country, its code with it. Never more than they are, and 0 where a rule of the
 * plan makes digits up. */
size_t nv_phone_least_digits(const struct nv_phone_plan *plan);
/* May digits without a plus before them be a valid number to the plan? False is sure. */
bool nv_phone_may_be(struct nv_phone_plans *plans, const struct nv_phone_plan *plan,
                     struct nv_str digits);
/*
 * Does the begin of `digits`, for GENERAL and VALID all of them, match? NV_REGEX_LIMIT: also
 * without memory.
 */
enum nv_regex_result nv_phone_match(struct nv_phone_plans *plans, struct nv_regex_work *work,
                                    const struct nv_phone_plan *plan,
                                    enum nv_phone_pattern pattern, struct nv_str digits,
                                    struct nv_regex_match *match) NV_MUST_USE;
/* Are numbers like this one of the plan always written with what is dialled inside? */
bool nv_phone_needs_prefix(struct nv_phone_plans *plans, struct nv_regex_work *work,
                           const struct nv_phone_plan *plan, struct nv_str digits);

#endif
