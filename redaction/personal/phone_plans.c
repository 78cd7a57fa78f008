/*
 * Patterns lie in one array, five a plan, then one a form. The thread that is first compiles
 * one; of two that are first at once one throws its own away.
 *
 *   plan of AE ─▶ [ LEADING | ABROAD | INSIDE | GENERAL | VALID ]   each NULL until asked for
 *                                         │ acquire
 *                                         ▼
 *                                    machine code, never changed, freed with the rules
 *
 * No lock: threads that wait for it would wait for one that compiles for another text.
 * Rejected: compiling all at the start, more than a thousand programs of which a gateway
 * needs those of a few countries.
 *
 * `quick` is the same idea for a plan's first digits: made when first asked for, put in place
 * by one exchange, read without a lock from then on.
 */
#include "redaction/personal/phone_plans.h"

#include "base/buf.h"
#include "redaction/personal/phone_lengths.h"

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

/* What the first digits of a number without a plus say to a plan: most numbers are none by them
 * and by how many digits there are. */
struct quick {
    uint16_t abroad, inside;            /* bit d: what is dialled first may begin with d */
    char code;                          /* the first digit of the country's code */
    uint32_t lengths[NV_PHONE_LENGTHS]; /* of valid numbers of the country, phone_lengths.h */
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

/*
 * From the first to the last form of a plan; others may lie between, so each is asked again
 * whose it is. The table has them by plan, which keeps the stretch short.
 */
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

/* The lower bound and not any match: the main region of a code comes first among its plans. */
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
        if (i > 0 && table[i].code == table[i - 1].code)
            continue; /* the first of a code says what is inside of it */
        size_t code = table[i].code > 99 ? 3 : table[i].code > 9 ? 2 : 1;
        size_t digits = code + least_of_code(&table[i], added_digits(&table[i]));
        least = digits < least ? digits : least;
    }
    return least;
}

/* ---- patterns ---------------------------------------------------------------------------- */

static const struct nv_regex *compiled(struct nv_phone_plans *plans, size_t place)
{
    return atomic_load_explicit(&plans->patterns[place], memory_order_acquire);
}

/*
 * NULL without memory. The loser frees its own and takes the winner's, which the failed
 * exchange has put into `none`.
 */
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

/* ---- by the first digits ----------------------------------------------------------------- */

/* The digits that a match may begin with, as bits. Without a pattern there is none. */
static uint16_t begins(struct nv_phone_plans *plans, const struct nv_phone_plan *plan,
                       enum nv_phone_pattern pattern)
{
    unsigned digits = 0;
    if (!plan->patterns[pattern])
        return 0;
    const struct nv_regex *regex = program(plans, plan, pattern);
    for (unsigned digit = 0; digit <= 9; digit++)
        digits |= (unsigned)(!regex || nv_regex_may_begin(regex, digit)) << digit;
    return (uint16_t)digits;
}

/*
 * Adds the lengths of the valid numbers of a plan. A pattern that can't be read as lengths
 * leaves what the plan says: too many, never too few.
 */
static void add_lengths(const struct nv_phone_plan *plan, struct quick *quick)
{
    uint32_t general[NV_PHONE_LENGTHS], valid[NV_PHONE_LENGTHS];
    const char *const *patterns = plan->patterns;
    if (!patterns[NV_PHONE_GENERAL] || !patterns[NV_PHONE_VALID])
        return;
    bool known = nv_phone_lengths_of(patterns[NV_PHONE_GENERAL], general) &&
                 nv_phone_lengths_of(patterns[NV_PHONE_VALID], valid);
    for (size_t i = 0; i < NV_PHONE_LENGTHS; i++)
        quick->lengths[i] |= plan->lengths & (known ? general[i] & valid[i] : UINT32_MAX);
}

static char first_digit(unsigned code)
{
    while (code > 9)
        code /= 10;
    return (char)('0' + code);
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
    quick->code = first_digit(plan->code);
    quick->abroad = begins(plans, plan, NV_PHONE_ABROAD);
    quick->inside = begins(plans, plan, NV_PHONE_INSIDE);
    for (const struct nv_phone_plan *one = nv_phone_plan_of_code(plan->code); one;
         one = nv_phone_plan_next(one))
        add_lengths(one, quick);
    if (!atomic_compare_exchange_strong_explicit(place, &none, quick, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        free(quick);
        return none;
    }
    return quick;
}

/* Do the digits begin with one of the pattern's words, how long is the first such, and is the
 * pattern nothing but words with | between? */
struct begin {
    bool words;
    size_t len;
};

static struct begin begin_of(const char *pattern, struct nv_str digits)
{
    struct begin begin = {true, 0};
    for (const char *at = pattern; *at; at += *at == '|') {
        size_t len = strspn(at, "0123456789");
        begin.words &= len > 0 && (at[len] == '|' || !at[len]);
        if (!begin.words)
            break;
        if (begin.len == 0 && len <= digits.len && memcmp(at, digits.ptr, len) == 0)
            begin.len = len;
        at += len;
    }
    return begin;
}

static bool has_length(const struct quick *quick, struct nv_str digits)
{
    if (digits.len < 2 || digits.len > 31)
        return false;
    size_t two = (size_t)(digits.ptr[0] - '0') * 10 + (size_t)(digits.ptr[1] - '0');
    return quick->lengths[two] >> digits.len & 1u;
}

/* May the digits, or what is left of them without what is dialled inside, `times` at most, be a
 * number? Recursion is bounded by `times`. */
static bool may_be_inside(const struct quick *quick, const struct nv_phone_plan *plan,
                          struct nv_str digits, unsigned times)
{
    unsigned first = digits.len > 0 ? (unsigned)(digits.ptr[0] - '0') : 10;
    if (has_length(quick, digits))
        return true;
    if (times == 0 || first > 9 || !(quick->inside >> first & 1u))
        return false;
    struct begin begin = begin_of(plan->patterns[NV_PHONE_INSIDE], digits);
    if (!begin.words)
        return true;
    struct nv_str rest = nv_str_slice(digits, begin.len, digits.len);
    return begin.len > 0 && may_be_inside(quick, plan, rest, times - 1);
}

/* The same of what follows the code of the country, if that is there. */
static bool may_be_behind_code(const struct quick *quick, const struct nv_phone_plan *plan,
                               struct nv_str digits)
{
    unsigned read = 0;
    size_t len = 0;
    if (digits.ptr[0] != quick->code)
        return false;
    while (len < digits.len && read < plan->code)
        read = read * 10 + (unsigned)(digits.ptr[len++] - '0');
    if (read != plan->code)
        return false;
    /* the second time it is the main region's */
    return plan != nv_phone_plan_of_code(plan->code) ||
           may_be_inside(quick, plan, nv_str_slice(digits, len, digits.len), 2);
}

/*
 *   digits ─┬─ begin like a call abroad ─▶ may be: the code behind it decides
 *           ├─ a length that valid numbers with these two first digits have ─▶ may be
 *           ├─ so, when what is dialled inside is taken off ─▶ may be
 *           └─ so, behind the country's own code ─▶ may be, else: surely not
 *
 * Never "no" where it is not sure, for then the parser is not asked at all; without memory
 * "yes".
 */
bool nv_phone_may_be(struct nv_phone_plans *plans, const struct nv_phone_plan *plan,
                     struct nv_str digits)
{
    const struct quick *quick = quick_of(plans, plan);
    if (!quick)
        return true;
    if (digits.len == 0)
        return false;
    if (quick->abroad >> (digits.ptr[0] - '0') & 1u) {
        struct begin begin = begin_of(plan->patterns[NV_PHONE_ABROAD], digits);
        if (!begin.words || begin.len > 0)
            return true;
    }
    return may_be_inside(quick, plan, digits, 1) || may_be_behind_code(quick, plan, digits);
}

/* ---- forms ------------------------------------------------------------------------------- */

/* NULL without memory. */
static const struct nv_regex *form_program(struct nv_phone_plans *plans, size_t number)
{
    size_t place = PLANS * NV_PHONE_PATTERNS + number;
    const struct form *form = &forms[number];
    const struct nv_regex *regex = compiled(plans, place);
    char before[2048];
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
