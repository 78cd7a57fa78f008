/*
 * Patterns lie in one array, five a plan, then one a form. The thread that is first compiles
 * one; of two that are first at once one throws its own away.
 */
#include "redaction/personal/phone_plans.h"

#include "base/buf.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct nv_phone_plan table[] = {
#define PLAN(region, code, leading, abroad, inside, groups, becomes, general, valid, lengths,  \
             local)                                                                            \
    {region, code, {leading, abroad, inside, general, valid}, groups, becomes, lengths, local},
#include "redaction/personal/phone_plans.inc"
#undef PLAN
};
#define PLANS (sizeof table / sizeof table[0])

static const struct form {
    const char *region;
    unsigned code;
    const char *leading, *digits;
    bool prefix;
} forms[] = {
#define FORM(region, code, leading, digits, prefix) {region, code, leading, digits, prefix},
#include "redaction/personal/phone_plans.inc"
#undef FORM
};
#define FORMS (sizeof forms / sizeof forms[0])
#define PATTERN_MAX ((size_t)8192)

struct nv_phone_plans {
    _Atomic(struct nv_regex *) patterns[PLANS * NV_PHONE_PATTERNS + FORMS];
};

struct nv_phone_plans *nv_phone_plans_new(void)
{
    return calloc(1, sizeof(struct nv_phone_plans));
}

void nv_phone_plans_free(struct nv_phone_plans *plans)
{
    if (!plans)
        return;
    for (size_t i = 0; i < sizeof plans->patterns / sizeof plans->patterns[0]; i++)
        nv_regex_free(atomic_load_explicit(&plans->patterns[i], memory_order_relaxed));
    free(plans);
}

const struct nv_phone_plan *nv_phone_plan_of_region(struct nv_str region)
{
    for (size_t i = 0; i < PLANS; i++) {
        if (nv_str_ieq(region, nv_str_from(table[i].region)) && region.len == 2)
            return &table[i];
    }
    return NULL;
}

const struct nv_phone_plan *nv_phone_plan_of_code(unsigned code)
{
    size_t low = 0, high = PLANS;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < PLANS && table[low].code == code ? &table[low] : NULL;
}

const struct nv_phone_plan *nv_phone_plan_next(const struct nv_phone_plan *plan)
{
    return plan + 1 < table + PLANS && plan[1].code == plan->code ? plan + 1 : NULL;
}

/* Digits that a prefix may become beyond those of its groups, in the two times that it is taken
 * off. */
static size_t added_digits(const struct nv_phone_plan *plan)
{
    size_t count = 0;
    for (const char *c = plan->inside_becomes; c && *c; c++) {
        if (c[0] == '\\' && c[1])
            c++;
        else
            count++;
    }
    return 2 * count;
}

static size_t least_of_code(const struct nv_phone_plan *plan, size_t added)
{
    size_t least = SIZE_MAX;
    for (const struct nv_phone_plan *other = nv_phone_plan_of_code(plan->code); other;
         other = nv_phone_plan_next(other)) {
        size_t length = (size_t)__builtin_ctz(other->lengths);
        least = length < least ? length : least;
    }
    return least > added ? least - added : 0;
}

size_t nv_phone_least_digits(const struct nv_phone_plan *plan)
{
    size_t least = SIZE_MAX;
    if (plan)
        return least_of_code(plan, added_digits(plan));
    for (size_t i = 0; i < PLANS; i++) {
        size_t code = table[i].code > 99 ? 3 : table[i].code > 9 ? 2 : 1;
        const struct nv_phone_plan *main = nv_phone_plan_of_code(table[i].code);
        size_t digits = code + least_of_code(main, added_digits(main));
        least = digits < least ? digits : least;
    }
    return least;
}

/* ---- patterns ---------------------------------------------------------------------------- */

/* NULL without memory. */
static const struct nv_regex *compiled(struct nv_phone_plans *plans, size_t place,
                                       const char *before, const char *pattern,
                                       const char *behind)
{
    struct nv_regex *regex =
        atomic_load_explicit(&plans->patterns[place], memory_order_acquire);
    struct nv_regex *none = NULL;
    struct nv_buf text;
    if (regex)
        return regex;
    nv_buf_init(&text, PATTERN_MAX);
    if (nv_buf_printf(&text, "%s%s%s", before, pattern, behind) == NV_OK &&
        nv_regex_new(nv_buf_str(&text), NV_REGEX_ANCHORED | NV_REGEX_DIGITS | NV_REGEX_EMPTY,
                     &regex, NULL) != NV_OK)
        regex = NULL;
    nv_buf_release(&text);
    if (regex &&
        !atomic_compare_exchange_strong_explicit(&plans->patterns[place], &none, regex,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        nv_regex_free(regex);
        return none;
    }
    return regex;
}

enum nv_regex_result nv_phone_match(struct nv_phone_plans *plans, struct nv_regex_work *work,
                                    const struct nv_phone_plan *plan,
                                    enum nv_phone_pattern pattern, struct nv_str digits,
                                    struct nv_regex_match *match)
{
    const char *text = plan->patterns[pattern];
    size_t place = (size_t)(plan - table) * NV_PHONE_PATTERNS + pattern;
    if (!text)
        return NV_REGEX_NONE;
    const struct nv_regex *regex = pattern >= NV_PHONE_GENERAL
                                       ? compiled(plans, place, "(?:", text, ")\\z")
                                       : compiled(plans, place, "", text, "");
    const struct nv_regex_text subject = {digits, true};
    return regex ? nv_regex_find(regex, work, &subject, 0, match) : NV_REGEX_LIMIT;
}

bool nv_phone_needs_prefix(struct nv_phone_plans *plans, struct nv_regex_work *work,
                           const struct nv_phone_plan *plan, struct nv_str digits)
{
    const struct nv_regex_text subject = {digits, true};
    char before[2048] = "";
    for (size_t i = 0; i < FORMS; i++) {
        const struct form *form = &forms[i];
        struct nv_regex_match match;
        if (form->code != plan->code || strcmp(form->region, plan->region) != 0)
            continue;
        (void)snprintf(before, sizeof before, "(?=%s)(?:", form->leading ? form->leading : "");
        const struct nv_regex *regex =
            compiled(plans, PLANS * NV_PHONE_PATTERNS + i, before, form->digits, ")\\z");
        if (regex && nv_regex_find(regex, work, &subject, 0, &match) == NV_REGEX_FOUND)
            return form->prefix;
    }
    return false;
}
