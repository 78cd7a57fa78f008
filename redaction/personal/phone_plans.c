/*
 * Patterns lie in one array, five a plan, then one a form. The thread that is first compiles
 * one; of two that are first at once one throws its own away.
 */
#include "redaction/personal/phone_plans.h"

#include "base/buf.h"

#include <assert.h>
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

/* What the first digit of a number without a plus says to a plan: most numbers are none by it
 * and by how many digits there are. */
struct quick {
    uint16_t changes;     /* bit d: something may be taken off a number that begins with d */
    uint16_t abroad;      /* of those: it may be what is dialled before another country */
    uint32_t lengths[10]; /* of d: bit n: valid numbers of the country may have n digits */
    size_t least;         /* nv_phone_least_digits */
};

struct nv_phone_plans {
    _Atomic(struct nv_regex *) patterns[PLANS * NV_PHONE_PATTERNS + FORMS];
    _Atomic(struct quick *) quick[PLANS];
    struct {
        uint16_t from, to;
    } forms[PLANS]; /* among which a plan's are */
};

static_assert(FORMS <= UINT16_MAX, "places of forms have 16 bits");

static bool is_form_of(const struct form *form, const struct nv_phone_plan *plan)
{
    return form->code == plan->code && strcmp(form->region, plan->region) == 0;
}

static void place_form(struct nv_phone_plans *plans, size_t number)
{
    const struct nv_phone_plan *plan = nv_phone_plan_of_code(forms[number].code);
    while (plan && !is_form_of(&forms[number], plan))
        plan = nv_phone_plan_next(plan);
    if (!plan)
        return;
    if (plans->forms[plan - table].to == 0)
        plans->forms[plan - table].from = (uint16_t)number;
    plans->forms[plan - table].to = (uint16_t)(number + 1);
}

struct nv_phone_plans *nv_phone_plans_new(void)
{
    struct nv_phone_plans *plans = calloc(1, sizeof(struct nv_phone_plans));
    for (size_t i = 0; plans && i < FORMS; i++)
        place_form(plans, i);
    return plans;
}

void nv_phone_plans_free(struct nv_phone_plans *plans)
{
    if (!plans)
        return;
    for (size_t i = 0; i < sizeof plans->patterns / sizeof plans->patterns[0]; i++)
        nv_regex_free(atomic_load_explicit(&plans->patterns[i], memory_order_relaxed));
    for (size_t i = 0; i < PLANS; i++)
        free(atomic_load_explicit(&plans->quick[i], memory_order_relaxed));
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

static const struct nv_regex *compiled(struct nv_phone_plans *plans, size_t place)
{
    return atomic_load_explicit(&plans->patterns[place], memory_order_acquire);
}

/* NULL without memory. */
static const struct nv_regex *compile(struct nv_phone_plans *plans, size_t place,
                                      const char *before, const char *pattern,
                                      const char *behind)
{
    struct nv_regex *regex = NULL, *none = NULL;
    struct nv_buf text;
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

/* The program of a plan that has the pattern; NULL without memory. */
static const struct nv_regex *program(struct nv_phone_plans *plans,
                                      const struct nv_phone_plan *plan,
                                      enum nv_phone_pattern pattern)
{
    size_t place = (size_t)(plan - table) * NV_PHONE_PATTERNS + pattern;
    const struct nv_regex *regex = compiled(plans, place);
    bool whole = pattern >= NV_PHONE_GENERAL;
    return regex ? regex
                 : compile(plans, place, whole ? "(?:" : "", plan->patterns[pattern],
                           whole ? ")\\z" : "");
}

enum nv_regex_result nv_phone_match(struct nv_phone_plans *plans, struct nv_regex_work *work,
                                    const struct nv_phone_plan *plan,
                                    enum nv_phone_pattern pattern, struct nv_str digits,
                                    struct nv_regex_match *match)
{
    if (!plan->patterns[pattern])
        return NV_REGEX_NONE;
    const struct nv_regex *regex = program(plans, plan, pattern);
    const struct nv_regex_text subject = {digits, true};
    return regex ? nv_regex_find(regex, work, &subject, 0, match) : NV_REGEX_LIMIT;
}

/* ---- by the first digit ------------------------------------------------------------------ */

/* May a match begin with the digit? Without a pattern none does. */
static bool may_begin(struct nv_phone_plans *plans, const struct nv_phone_plan *plan,
                      enum nv_phone_pattern pattern, unsigned digit)
{
    if (!plan->patterns[pattern])
        return false;
    const struct nv_regex *regex = program(plans, plan, pattern);
    return !regex || nv_regex_may_begin(regex, digit);
}

static unsigned first_digit(unsigned code)
{
    while (code > 9)
        code /= 10;
    return code;
}

static void learn_digit(struct nv_phone_plans *plans, const struct nv_phone_plan *plan,
                        unsigned digit, struct quick *quick)
{
    const struct nv_phone_plan *main = nv_phone_plan_of_code(plan->code);
    bool abroad = may_begin(plans, plan, NV_PHONE_ABROAD, digit);
    bool changes = abroad || first_digit(plan->code) == digit ||
                   may_begin(plans, plan, NV_PHONE_INSIDE, digit) ||
                   may_begin(plans, main, NV_PHONE_INSIDE, digit);
    quick->abroad |= (uint16_t)(abroad << digit);
    quick->changes |= (uint16_t)(changes << digit);
    for (const struct nv_phone_plan *one = main; one; one = nv_phone_plan_next(one)) {
        if (may_begin(plans, one, NV_PHONE_GENERAL, digit) &&
            may_begin(plans, one, NV_PHONE_VALID, digit))
            quick->lengths[digit] |= one->lengths;
    }
}

/* NULL without memory. */
static const struct quick *quick_of(struct nv_phone_plans *plans,
                                    const struct nv_phone_plan *plan)
{
    _Atomic(struct quick *) *place = &plans->quick[plan - table];
    struct quick *quick = atomic_load_explicit(place, memory_order_acquire), *none = NULL;
    if (quick)
        return quick;
    quick = calloc(1, sizeof *quick);
    if (!quick)
        return NULL;
    for (unsigned digit = 0; digit <= 9; digit++)
        learn_digit(plans, plan, digit, quick);
    quick->least = nv_phone_least_digits(plan);
    if (!atomic_compare_exchange_strong_explicit(place, &none, quick, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        free(quick);
        return none;
    }
    return quick;
}

bool nv_phone_may_be(struct nv_phone_plans *plans, const struct nv_phone_plan *plan,
                     struct nv_str digits)
{
    const struct quick *quick = quick_of(plans, plan);
    if (!quick)
        return true;
    if (digits.len == 0)
        return false;
    unsigned first = (unsigned char)digits.ptr[0] - (unsigned)'0';
    if (quick->abroad >> first & 1u)
        return true;
    if (digits.len < quick->least)
        return false;
    return (quick->changes >> first & 1u) ||
           (digits.len < 32 && (quick->lengths[first] >> digits.len & 1u));
}

/* ---- forms ------------------------------------------------------------------------------- */

/* NULL without memory. */
static const struct nv_regex *form_program(struct nv_phone_plans *plans, size_t number)
{
    size_t place = PLANS * NV_PHONE_PATTERNS + number;
    const struct form *form = &forms[number];
    const struct nv_regex *regex = compiled(plans, place);
    char before[2048] = "";
    if (regex)
        return regex;
    (void)snprintf(before, sizeof before, "(?=%s)(?:", form->leading ? form->leading : "");
    return compile(plans, place, before, form->digits, ")\\z");
}

bool nv_phone_needs_prefix(struct nv_phone_plans *plans, struct nv_regex_work *work,
                           const struct nv_phone_plan *plan, struct nv_str digits)
{
    const struct nv_regex_text subject = {digits, true};
    for (size_t i = plans->forms[plan - table].from; i < plans->forms[plan - table].to; i++) {
        const struct form *form = &forms[i];
        struct nv_regex_match match;
        if (!is_form_of(form, plan))
            continue;
        const struct nv_regex *regex = form_program(plans, i);
        if (regex && nv_regex_find(regex, work, &subject, 0, &match) == NV_REGEX_FOUND)
            return form->prefix;
    }
    return false;
}
