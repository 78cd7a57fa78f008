/*
 * The steps of libphonenumber's parse, on ASCII digits: extension off, country found (+, prefix
 * abroad, or the country's own code without either), prefix inside off, then the plan is asked.
 * Its order of questions decides what is valid, so it is kept.
 */
#include "redaction/personal/phone_parse.h"

#include "redaction/personal/characters.h"

#include "base/banned.h"

#define NSN_MIN 2u
#define NSN_MAX 17u
#define CODE_MAX 3u

struct number {
    const struct nv_phone_plan *plan; /* of the main region of the country */
    bool local;                       /* the country is the one that is assumed */
    bool by_code;                     /* it is that of a code behind a plus, or none */
    struct nv_phone_digits nsn;       /* national (significant) number */
};

static struct nv_str view(const struct nv_phone_digits *digits)
{
    return (struct nv_str){digits->text, digits->len};
}

static void drop(struct nv_phone_digits *digits, size_t count)
{
    digits->len -= count;
    memmove(digits->text, digits->text + count, digits->len);
}

static void read_digits(struct nv_str text, struct nv_phone_digits *digits)
{
    digits->len = 0;
    for (size_t i = 0; i < text.len && digits->len < NV_PHONE_CANDIDATE_MAX;) {
        struct nv_character c = nv_character_at(text, i);
        int value = nv_digit_value(c.code);
        if (value >= 0)
            digits->text[digits->len++] = (char)('0' + value);
        i += c.len;
    }
}

static bool is_plus(uint32_t code)
{
    return code == '+' || code == 0xff0b;
}

/* ---- plans ------------------------------------------------------------------------------- */

static bool matches(const struct nv_phone_parser *parser, const struct nv_phone_plan *plan,
                    enum nv_phone_pattern pattern, struct nv_str digits)
{
    struct nv_regex_match match;
    return nv_phone_match(parser->plans, parser->work, plan, pattern, digits, &match) ==
           NV_REGEX_FOUND;
}

/* As libphonenumber names them. LOCAL comes before POSSIBLE: a length may be both. */
enum fit { FIT_POSSIBLE, FIT_LOCAL, FIT_SHORT, FIT_LONG, FIT_NOT };

static enum fit fit(const struct nv_phone_plan *plan, size_t len)
{
    uint32_t bit = len < 32 ? UINT32_C(1) << len : 0;
    if (plan->local_lengths & bit)
        return FIT_LOCAL;
    if (plan->lengths & bit)
        return FIT_POSSIBLE;
    if (len < (size_t)__builtin_ctz(plan->lengths))
        return FIT_SHORT;
    return bit == 0 || bit > plan->lengths ? FIT_LONG : FIT_NOT;
}

/* ---- the prefix inside a country --------------------------------------------------------- */

/*
 * What a number becomes whose prefix, the first `to` digits, is replaced by the plan's rule.
 * Only digits and groups stand in the rules (phone_plans.inc). What would not fit is cut: no
 * number is that long, and the plan refuses it.
 */
static void transform(const struct nv_phone_plan *plan, const struct nv_phone_digits *from,
                      size_t to, const struct nv_regex_match *groups,
                      struct nv_phone_digits *out)
{
    out->len = 0;
    for (const char *c = plan->inside_becomes; *c && out->len < NV_PHONE_CANDIDATE_MAX; c++) {
        if (c[0] != '\\' || c[1] < '1' || c[1] > '7') {
            out->text[out->len++] = *c;
            continue;
        }
        const struct nv_regex_match *group = &groups[*++c - '0'];
        size_t len = group->to - group->from;
        if (out->len + len > NV_PHONE_CANDIDATE_MAX)
            return;
        memcpy(out->text + out->len, from->text + group->from, len);
        out->len += len;
    }
    if (out->len + from->len - to <= NV_PHONE_CANDIDATE_MAX) {
        memcpy(out->text + out->len, from->text + to, from->len - to);
        out->len += from->len - to;
    }
}

/* Takes off what is dialled inside the country, unless a valid number would become none. True:
 * there was such a prefix, though it may be empty. */
static bool strip_inside(const struct nv_phone_parser *parser, const struct nv_phone_plan *plan,
                         struct nv_phone_digits *digits)
{
    struct nv_regex_match match, groups[8] = {{0, 0}};
    struct nv_phone_digits rest;
    if (digits->len == 0 || nv_phone_match(parser->plans, parser->work, plan, NV_PHONE_INSIDE,
                                           view(digits), &match) != NV_REGEX_FOUND)
        return false;
    bool last = false;
    for (unsigned i = 1; i <= plan->inside_groups && i < 8; i++)
        last = nv_regex_group(parser->work, i, &groups[i]);
    if (plan->inside_becomes && last) {
        transform(plan, digits, match.to, groups, &rest);
    } else {
        rest = *digits;
        drop(&rest, match.to);
    }
    if (matches(parser, plan, NV_PHONE_GENERAL, view(digits)) &&
        !matches(parser, plan, NV_PHONE_GENERAL, view(&rest)))
        return false;
    *digits = rest;
    return true;
}

/* ---- the country ------------------------------------------------------------------------- */

/* Takes the code of a country off the begin; NULL: it has none. */
static const struct nv_phone_plan *take_code(struct nv_phone_digits *digits)
{
    unsigned code = 0;
    if (digits->len == 0 || digits->text[0] == '0')
        return NULL;
    for (size_t i = 0; i < CODE_MAX && i < digits->len; i++) {
        code = code * 10 + (unsigned)(digits->text[i] - '0');
        const struct nv_phone_plan *plan = nv_phone_plan_of_code(code);
        if (plan) {
            drop(digits, i + 1);
            return plan;
        }
    }
    return NULL;
}

/* What is dialled before another country's code, if a code can follow. */
static bool strip_abroad(const struct nv_phone_parser *parser, struct nv_phone_digits *digits)
{
    struct nv_regex_match match;
    if (!parser->plan ||
        nv_phone_match(parser->plans, parser->work, parser->plan, NV_PHONE_ABROAD, view(digits),
                       &match) != NV_REGEX_FOUND)
        return false;
    if (match.to < digits->len && digits->text[match.to] == '0')
        return false;
    drop(digits, match.to);
    return true;
}

/* How many digits `code` has if `digits` begin with it, else 0. */
static size_t code_length(unsigned code, const struct nv_phone_digits *digits)
{
    unsigned read = 0;
    for (size_t i = 0; i < CODE_MAX && i < digits->len && read < code; i++) {
        read = read * 10 + (unsigned)(digits->text[i] - '0');
        if (read == code)
            return i + 1;
        if (read == 0)
            return 0;
    }
    return 0;
}

/* A number that begins with the code of the country that is assumed, and is none otherwise. */
static bool strip_own_code(const struct nv_phone_parser *parser, struct nv_phone_digits *digits)
{
    const struct nv_phone_plan *plan = parser->plan;
    struct nv_phone_digits rest;
    size_t len = code_length(plan->code, digits);
    if (len == 0)
        return false;
    rest = *digits;
    drop(&rest, len);
    (void)strip_inside(parser, plan, &rest);
    bool better = !matches(parser, plan, NV_PHONE_GENERAL, view(digits)) &&
                  matches(parser, plan, NV_PHONE_GENERAL, view(&rest));
    if (!better && fit(plan, digits->len) != FIT_LONG)
        return false;
    *digits = rest;
    return true;
}

/* Whose number it is; false: nobody's. */
static bool find_country(const struct nv_phone_parser *parser, bool plus, struct number *number)
{
    struct nv_phone_digits *digits = &number->nsn;
    number->local = number->by_code = false;
    if (plus) {
        number->by_code = true;
        if (digits->len <= NSN_MIN)
            return false;
        number->plan = take_code(digits);
        if (number->plan)
            return true;
        number->by_code = false;
    }
    if (strip_abroad(parser, digits)) {
        number->plan = digits->len > NSN_MIN ? take_code(digits) : NULL;
        return number->plan != NULL;
    }
    if (!parser->plan)
        return false;
    number->plan = nv_phone_plan_of_code(parser->plan->code);
    if (strip_own_code(parser, digits))
        return number->plan != NULL;
    number->local = true;
    return !plus && number->plan;
}

/* ---- valid ------------------------------------------------------------------------------- */

/*
 * The region of its country whose number it is knows its kind. Regions that share a code are
 * told apart by LEADING or by whose VALID fits; the first that knows the number is its
 * region, and one that claims it by its begin and does not know it ends the search.
 */
static bool is_of_known_kind(const struct nv_phone_parser *parser, const struct number *number)
{
    for (const struct nv_phone_plan *plan = number->plan; plan;
         plan = nv_phone_plan_next(plan)) {
        bool leads = plan->patterns[NV_PHONE_LEADING] &&
                     matches(parser, plan, NV_PHONE_LEADING, view(&number->nsn));
        if (plan->patterns[NV_PHONE_LEADING] && !leads &&
            (plan != number->plan || nv_phone_plan_next(plan)))
            continue;
        bool known = fit(plan, number->nsn.len) == FIT_POSSIBLE &&
                     matches(parser, plan, NV_PHONE_GENERAL, view(&number->nsn)) &&
                     matches(parser, plan, NV_PHONE_VALID, view(&number->nsn));
        if (known || leads)
            return known;
    }
    return false;
}

/* A number inside the country that is always written with the prefix has it. */
static bool has_prefix_if_needed(const struct nv_phone_parser *parser,
                                 const struct number *number, struct nv_str text)
{
    struct nv_phone_digits raw;
    if (!number->local ||
        !nv_phone_needs_prefix(parser->plans, parser->work, number->plan, view(&number->nsn)))
        return true;
    read_digits(text, &raw);
    return strip_inside(parser, number->plan, &raw);
}

/* x stands before an extension and nowhere else. */
static bool has_valid_x(struct nv_str text, const struct nv_phone_digits *extension)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        struct nv_phone_digits behind;
        if ((text.ptr[i] | 0x20) != 'x')
            continue;
        read_digits(nv_str_slice(text, i, text.len), &behind);
        if ((text.ptr[i + 1] | 0x20) == 'x' || extension->len == 0 ||
            !nv_str_eq(view(&behind), view(extension)))
            return false;
    }
    return true;
}

/* Each way to write an extension has one of these in it. */
static bool may_have_extension(struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '#' || c == ';' ||
            c == '~')
            return true;
    }
    return false;
}

/* Cuts the extension off, and notes its digits. */
static struct nv_str cut_extension(const struct nv_phone_parser *parser, struct nv_str text,
                                   struct nv_phone_digits *extension)
{
    const struct nv_regex_text subject = {text, false};
    struct nv_regex_match match, group;
    struct nv_phone_digits before;
    extension->len = 0;
    if (!may_have_extension(text) ||
        nv_regex_find(parser->extension, parser->work, &subject, 0, &match) != NV_REGEX_FOUND)
        return text;
    read_digits(nv_str_slice(text, 0, match.from), &before);
    if (before.len < NSN_MIN)
        return text;
    for (unsigned i = 1; i <= 4; i++) {
        if (nv_regex_group(parser->work, i, &group)) {
            read_digits(nv_str_slice(text, group.from, group.to - group.from), extension);
            break;
        }
    }
    return nv_str_slice(text, 0, match.from);
}

/* From the first plus or digit on. */
static struct nv_str begin_of(struct nv_str text)
{
    size_t i = 0;
    while (i < text.len) {
        struct nv_character c = nv_character_at(text, i);
        if (is_plus(c.code) || nv_digit_value(c.code) >= 0)
            break;
        i += c.len;
    }
    return nv_str_slice(text, i, text.len);
}

bool nv_phone_read(const struct nv_phone_parser *parser, struct nv_str text,
                   struct nv_phone_written *written)
{
    struct nv_phone_digits extension;
    struct nv_str begin = begin_of(text);
    if (begin.len == 0 || nv_character_count(text) > NV_PHONE_CANDIDATE_MAX)
        return false;
    written->text = text;
    written->plus = is_plus(nv_character_at(begin, 0).code);
    written->abroad = NV_PHONE_NOT_ASKED;
    read_digits(cut_extension(parser, begin, &extension), &written->digits);
    return has_valid_x(text, &extension);
}

/* With the country found and the digits inside of it. */
static bool is_valid(const struct nv_phone_parser *parser,
                     const struct nv_phone_written *written, struct number *number)
{
    struct nv_phone_digits rest;
    if (!find_country(parser, written->plus, number) || number->nsn.len < NSN_MIN)
        return false;
    /* the assumed region may be another of the country than its main one */
    const struct nv_phone_plan *plan = number->local ? parser->plan : number->plan;
    rest = number->nsn;
    (void)strip_inside(parser, plan, &rest);
    enum fit how = fit(plan, rest.len);
    if (how == FIT_POSSIBLE || how == FIT_LONG)
        number->nsn = rest;
    return number->nsn.len >= NSN_MIN && number->nsn.len <= NSN_MAX &&
           is_of_known_kind(parser, number) &&
           has_prefix_if_needed(parser, number, written->text);
}

/*
 * A number with a country's code says the same to every region: its answer is kept in
 * `written`, and the other regions are not asked again.
 */
bool nv_phone_is_valid(const struct nv_phone_parser *parser, struct nv_phone_written *written)
{
    struct number number;
    if (!parser->plan && !written->plus)
        return false;
    if (written->abroad != NV_PHONE_NOT_ASKED)
        return written->abroad == NV_PHONE_NUMBER;
    if (!written->plus && !nv_phone_may_be(parser->plans, parser->plan, view(&written->digits)))
        return false;
    number.nsn = written->digits;
    bool valid = is_valid(parser, written, &number);
    if (number.by_code)
        written->abroad = valid ? NV_PHONE_NUMBER : NV_PHONE_NO_NUMBER;
    return valid;
}
