/*
 * No step back is ever needed: digits and what stands between them have no character in common,
 * all that follows the first digits is optional, and what can stand before them is at most ten
 * characters, of which the leftmost begin that leads to the digits counts.
 */
#include "redaction/personal/phone_candidates.h"

#include "redaction/personal/characters.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

#define BETWEEN_MAX 4u
#define LEADS_MAX 2u
#define BEFORE_MAX (LEADS_MAX * (1 + BETWEEN_MAX))
#define RUN_MAX 20u    /* digits of a group */
#define GROUPS_MAX 21u /* of digits */

enum kind {
    LEAD = 1,    /* before the digits: a bracket or a plus */
    BETWEEN = 2, /* between digits, and behind a lead */
    DIGIT = 4,
    /* what a candidate is made of beside, in a survey */
    SLASH = 8,
    BRACKET = 16,
    HYPHEN = 32,
    DOT = 64,
    WHITE = 128
};

static const unsigned char kinds[128] = {
    ['0'] = DIGIT,          ['1'] = DIGIT,
    ['2'] = DIGIT,          ['3'] = DIGIT,
    ['4'] = DIGIT,          ['5'] = DIGIT,
    ['6'] = DIGIT,          ['7'] = DIGIT,
    ['8'] = DIGIT,          ['9'] = DIGIT,
    ['+'] = LEAD,           ['('] = LEAD | BETWEEN | BRACKET,
    ['['] = LEAD | BETWEEN, [')'] = BETWEEN,
    [']'] = BETWEEN,        ['-'] = BETWEEN | HYPHEN,
    ['x'] = BETWEEN,        ['X'] = BETWEEN,
    ['.'] = BETWEEN | DOT,  ['/'] = BETWEEN | SLASH,
    ['~'] = BETWEEN,        [' '] = BETWEEN | WHITE,
    ['\t'] = WHITE,         ['\n'] = WHITE,
    ['\v'] = WHITE,         ['\f'] = WHITE,
    ['\r'] = WHITE,         [0x1c] = WHITE,
    [0x1d] = WHITE,         [0x1e] = WHITE,
    [0x1f] = WHITE};

static unsigned kind_beyond_ascii(uint32_t code)
{
    static const struct {
        uint32_t from, to;
        unsigned kind;
    } rows[] = {{0xa0, 0xa0, BETWEEN},
                {0xad, 0xad, BETWEEN},
                {0x200b, 0x200b, BETWEEN},
                {0x2010, 0x2015, BETWEEN},
                {0x2053, 0x2053, BETWEEN},
                {0x2060, 0x2060, BETWEEN},
                {0x2212, 0x2212, BETWEEN},
                {0x223c, 0x223c, BETWEEN},
                {0x3000, 0x3000, BETWEEN},
                {0x30fc, 0x30fc, BETWEEN},
                {0xff08, 0xff08, LEAD | BETWEEN},
                {0xff09, 0xff09, BETWEEN},
                {0xff0b, 0xff0b, LEAD},
                {0xff0d, 0xff0f, BETWEEN},
                {0xff3b, 0xff3b, LEAD | BETWEEN},
                {0xff3d, 0xff3d, BETWEEN},
                {0xff5e, 0xff5e, BETWEEN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (code >= rows[i].from && code <= rows[i].to)
            return rows[i].kind;
    }
    return nv_digit_value(code) >= 0 ? DIGIT : 0;
}

static unsigned kind_of(uint32_t code)
{
    return code < 0x80 ? kinds[code] : kind_beyond_ascii(code);
}

/* ---- a survey ---------------------------------------------------------------------------- */

struct nv_phone_survey nv_phone_survey_of(struct nv_str text)
{
    struct nv_phone_survey survey = {0};
    unsigned seen = 0;
    for (size_t i = 0; i < text.len;) {
        struct nv_character c = nv_character_at(text, i);
        unsigned kind = kind_of(c.code);
        survey.digits += (kind & DIGIT) != 0;
        seen |= kind;
        if (c.code >= 0x80)
            survey.cuts = (1u << NV_PHONE_CUTS) - 1;
        survey.brackets |=
            c.code >= 0x80 || c.code == '(' || c.code == ')' || c.code == '[' || c.code == ']';
        i += c.len;
    }
    survey.cuts |= (seen & SLASH ? 1u << NV_PHONE_SLASH : 0) |
                   (seen & BRACKET ? 1u << NV_PHONE_BRACKET : 0) |
                   ((seen & HYPHEN) && (seen & WHITE) ? 1u << NV_PHONE_HYPHEN : 0) |
                   (seen & DOT ? 1u << NV_PHONE_DOT : 0) |
                   (seen & WHITE ? 1u << NV_PHONE_SPACE : 0);
    return survey;
}

/* ---- the search -------------------------------------------------------------------------- */

struct scan {
    struct nv_str text;
    bool unsure; /* met a character that PCRE2 may see otherwise */
};

/* How long the digit at `at` is; 0: it is none. */
static size_t digit_at(struct scan *scan, size_t at)
{
    unsigned char first = (unsigned char)scan->text.ptr[at];
    if (first < 0x80)
        return first >= '0' && first <= '9';
    struct nv_character c = nv_character_at(scan->text, at);
    scan->unsure |= nv_character_is_unsure_digit(c.code);
    return nv_digit_value(c.code) >= 0 ? c.len : 0;
}

/* The first byte from `at` on that is a digit of ASCII or begins or continues a character
 * beyond it. */
static size_t skip_others(struct nv_str text, size_t at)
{
#ifdef __SSE2__
    for (; text.len - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + at));
        const __m128i value = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
        const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(digit, bytes));
        if (found != 0)
            return at + (size_t)__builtin_ctz(found);
    }
#endif
    while (at < text.len && (unsigned char)text.ptr[at] < 0x80 &&
           (text.ptr[at] < '0' || text.ptr[at] > '9'))
        at++;
    return at;
}

/*
 * The first digit from `at` on, or the length; or where it became unsure. Most of a text is
 * skipped here, sixteen bytes at a time.
 */
static size_t next_digit(struct scan *scan, size_t at)
{
    while ((at = skip_others(scan->text, at)) < scan->text.len && digit_at(scan, at) == 0 &&
           !scan->unsure)
        at += nv_character_at(scan->text, at).len;
    return at;
}

struct before {
    size_t at[BEFORE_MAX]; /* from the nearest to the farthest */
    unsigned kind[BEFORE_MAX];
    size_t count;
};

/*
 * Does a lead at `place` lead to the digits, with `leads` at most? Recursion is by `leads`,
 * two deep.
 */
static bool leads_to_digits(const struct before *before, size_t place, unsigned leads)
{
    if (!(before->kind[place] & LEAD))
        return false;
    size_t behind = 0;
    for (; behind < BETWEEN_MAX && behind < place; behind++) {
        size_t next = place - behind - 1;
        if (leads > 1 && leads_to_digits(before, next, leads - 1))
            return true;
        if (!(before->kind[next] & BETWEEN))
            return false;
    }
    /* the next lead may stand behind four others */
    return behind == place ||
           (leads > 1 && leads_to_digits(before, place - behind - 1, leads - 1));
}

/* The leftmost place from `floor` on from which the pattern leads to the digits at `digits`. */
static size_t begin_of(struct nv_str text, size_t floor, size_t digits)
{
    struct before before;
    bool leads = false;
    before.count = 0;
    for (size_t at = digits; at > floor && before.count < BEFORE_MAX; before.count++) {
        struct nv_character c = nv_character_before(text, at);
        unsigned kind = kind_of(c.code);
        if (!(kind & (LEAD | BETWEEN)))
            break;
        at -= c.len;
        before.at[before.count] = at;
        before.kind[before.count] = kind;
        leads |= kind & LEAD;
    }
    for (size_t place = before.count; leads && place > 0; place--) {
        if (leads_to_digits(&before, place - 1, LEADS_MAX))
            return before.at[place - 1];
    }
    return digits;
}

/* Behind up to RUN_MAX digits from `at` on. */
static size_t run_end(struct scan *scan, size_t at)
{
    for (size_t count = 0; count < RUN_MAX && at < scan->text.len; count++) {
        size_t len = (unsigned char)(scan->text.ptr[at] - '0') < 10 ? 1 : digit_at(scan, at);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

/* Behind the digits of all groups, of which the first begins at `at`. */
static size_t groups_end(struct scan *scan, size_t at)
{
    struct nv_str text = scan->text;
    size_t end = run_end(scan, at);
    for (size_t group = 1; group < GROUPS_MAX; group++) {
        size_t next = end;
        for (size_t count = 0; count < BETWEEN_MAX && next < text.len; count++) {
            struct nv_character c = nv_character_at(text, next);
            if (!(kind_of(c.code) & BETWEEN))
                break;
            next += c.len;
        }
        size_t after = run_end(scan, next);
        if (after == next)
            break;
        end = after;
    }
    return end;
}

/* May an extension begin at `at`? By the first bytes of all ways to write one. */
static bool may_extend(struct scan *scan, size_t at)
{
    struct nv_str text = scan->text;
    if (at < text.len && text.ptr[at] == ';')
        return true;
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' ||
                             text.ptr[at] == ',' || text.ptr[at] == '-'))
        at++;
    if (at == text.len)
        return false;
    unsigned char c = (unsigned char)text.ptr[at];
    char next = at + 1 < text.len ? (char)(text.ptr[at + 1] | 0x20) : '\0';
    switch (c | 0x20) {
    case 'e':
        return next == 'x';
    case 'a':
    case 'i':
        return next == 'n';
    case 'x':
    case '#':
        return true;
    default:
        /* ~, more digits; a space, a letter that is wide or Cyrillic */
        return c == '~' || c == 0xc2 || c == 0xd0 || c == 0xef || digit_at(scan, at) > 0;
    }
}

enum nv_regex_result nv_phone_candidate_find(const struct nv_regex *pattern,
                                             struct nv_regex_work *work,
                                             const struct nv_regex_text *subject, size_t from,
                                             struct nv_regex_match *match)
{
    struct scan scan = {subject->text, false};
    size_t digits = next_digit(&scan, from);
    if (digits == scan.text.len)
        return NV_REGEX_NONE;
    size_t end = scan.unsure ? from : groups_end(&scan, digits);
    /* where PCRE2 may see other digits it is asked from the begin on */
    if (scan.unsure)
        return nv_regex_find(pattern, work, subject, from, match);
    size_t begin = begin_of(scan.text, from, digits);
    if (may_extend(&scan, end) || scan.unsure)
        return nv_regex_find(pattern, work, subject, begin, match);
    *match = (struct nv_regex_match){begin, end};
    return NV_REGEX_FOUND;
}
