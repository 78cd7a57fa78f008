/*
 * The matcher. What it asks of a candidate is libphonenumber's, with each pattern that the
 * package has for it (phone_plans.inc); what it does by hand are the parts of a candidate,
 * which a pattern each would find in six more searches.
 *
 * Regions differ by where they search on behind a number they found, and by nothing before it.
 * So they go over the text in step: a candidate is searched for once, and it and its parts are
 * read once and tried by all regions that haven't passed its begin nor found a number in it.
 * Each region counts its tries as if it were alone; as long as all are at one place with as
 * many tries left, as nearly always, they are counted as one.
 */
#include "redaction/personal/phones.h"

#include "redaction/personal/characters.h"
#include "redaction/personal/phone_candidates.h"
#include "redaction/personal/phone_parse.h"

#include <stdio.h>
#include <stdlib.h>

#include "redaction/personal/phone_plans.inc"

#include "base/banned.h"

enum shape { CANDIDATE, EXTENSION, BRACKETS, PAGES, DATE, STAMP, SHAPES };

struct nv_phones {
    struct nv_phone_plans *plans;
    struct nv_regex *shapes[SHAPES];
    const struct nv_phone_plan *regions[NV_PHONES_REGIONS_MAX]; /* NULL: no region's */
    size_t least[NV_PHONES_REGIONS_MAX];                        /* digits of a number */
    size_t region_count;
    size_t least_of_all;
};

/* Where a region is in the text. */
struct turn {
    size_t at, tries;
    bool open; /* the candidate at hand is for it, and it has found nothing in it */
};

/* A text, and the candidate at hand. */
struct pass {
    const struct nv_phones *phones;
    struct nv_phone_parser parser;
    const struct nv_regex_text *subject;
    struct turn *turns; /* one a region, of those that are not in step */
    struct turn step;   /* all, while they are in step */
    bool in_step;
    size_t open; /* of them */
    size_t made; /* tries of parts */
    struct nv_phone_survey survey;
    enum nv_err (*found)(void *ctx, size_t from, size_t to);
    void *ctx;
    enum nv_err err; /* of found */
};

/* ---- rules ------------------------------------------------------------------------------- */

static enum nv_err compile_shapes(struct nv_phones *phones)
{
    static const struct {
        struct nv_str pattern;
        unsigned flags;
    } shapes[SHAPES] = {
        [CANDIDATE] = {NV_STR_INIT(NV_PHONE_CANDIDATE), NV_REGEX_NO_CASE},
        [EXTENSION] = {NV_STR_INIT(NV_PHONE_EXTENSION), NV_REGEX_NO_CASE},
        [BRACKETS] = {NV_STR_INIT("(?:" NV_PHONE_BRACKETS ")\\z"), NV_REGEX_ANCHORED},
        [PAGES] = {NV_STR_INIT(NV_PHONE_PAGES), 0},
        [DATE] = {NV_STR_INIT(NV_PHONE_DATE), 0},
        [STAMP] = {NV_STR_INIT(NV_PHONE_STAMP), 0}};
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < SHAPES && err == NV_OK; i++)
        err = nv_regex_new(shapes[i].pattern, shapes[i].flags, &phones->shapes[i], NULL);
    return err;
}

static void count_digits_of_regions(struct nv_phones *phones)
{
    size_t abroad = nv_phone_least_digits(NULL);
    if (phones->region_count == 0)
        phones->regions[phones->region_count++] = NULL;
    phones->least_of_all = SIZE_MAX;
    for (size_t i = 0; i < phones->region_count; i++) {
        size_t own = phones->regions[i] ? nv_phone_least_digits(phones->regions[i]) : SIZE_MAX;
        phones->least[i] = own < abroad ? own : abroad;
        if (phones->least[i] < phones->least_of_all)
            phones->least_of_all = phones->least[i];
    }
}

enum nv_err nv_phones_new(const struct nv_str *regions, size_t count, struct nv_phones **out,
                          struct nv_fail *fail)
{
    struct nv_phones *phones = calloc(1, sizeof *phones);
    enum nv_err err = NV_OK;
    *out = NULL;
    if (!phones)
        return NV_ERR_NO_MEMORY;
    phones->plans = nv_phone_plans_new();
    if (!phones->plans)
        err = NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        const struct nv_phone_plan *plan = nv_phone_plan_of_region(nv_str_trim(regions[i]));
        if (plan && phones->region_count < NV_PHONES_REGIONS_MAX) {
            phones->regions[phones->region_count++] = plan;
            continue;
        }
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.8s\" is no region of ISO 3166, as AE",
                          plan ? "" : regions[i].ptr);
        if (fail)
            (void)snprintf(fail->path, sizeof fail->path, "%zu", i);
    }
    if (err == NV_OK)
        err = compile_shapes(phones);
    if (err != NV_OK) {
        nv_phones_free(phones);
        return err;
    }
    count_digits_of_regions(phones);
    *out = phones;
    return NV_OK;
}

void nv_phones_free(struct nv_phones *phones)
{
    if (!phones)
        return;
    for (size_t i = 0; i < SHAPES; i++)
        nv_regex_free(phones->shapes[i]);
    nv_phone_plans_free(phones->plans);
    free(phones);
}

/* ---- a candidate ------------------------------------------------------------------------- */

static bool has_shape(const struct pass *pass, enum shape shape, struct nv_str text)
{
    const struct nv_regex_text subject = {text, pass->subject->ascii};
    struct nv_regex_match match;
    return nv_regex_find(pass->phones->shapes[shape], pass->parser.work, &subject, 0, &match) ==
           NV_REGEX_FOUND;
}

static bool is_opening(uint32_t code)
{
    return code == '(' || code == '[' || code == 0xff08 || code == 0xff3b || code == '+' ||
           code == 0xff0b;
}

/* Letters beside digits make a word of them, and %, $ a measure. */
static bool is_other(uint32_t code)
{
    return code == '%' || nv_character_is_latin(code) || nv_character_is_currency(code);
}

/*
 * The matcher's own rule: "$100200300" and "a1234567890" are no telephone numbers, whatever a
 * plan says of the digits.
 */
static bool stands_alone(const struct pass *pass, size_t from, size_t to)
{
    struct nv_str text = pass->subject->text;
    struct nv_character before = nv_character_before(text, from);
    struct nv_character behind = nv_character_at(text, to);
    if (before.len > 0 && !is_opening(nv_character_at(text, from).code) &&
        is_other(before.code))
        return false;
    return behind.len == 0 || !is_other(behind.code);
}

static size_t digits_of(struct nv_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len;) {
        struct nv_character c = nv_character_at(text, i);
        count += nv_digit_value(c.code) >= 0;
        i += c.len;
    }
    return count;
}

/* Without a bracket they always are. */
static bool has_good_brackets(const struct pass *pass, struct nv_str text)
{
    return !pass->survey.brackets ||
           (has_shape(pass, BRACKETS, text) && !has_shape(pass, PAGES, text));
}

/*
 * The regions that are open, of which [from, to) of so many digits is a number: they are
 * closed by it. Tries are counted as the region alone would have made them, so that where one
 * gives up does not depend on which others are configured.
 */
static void ask_regions(struct pass *pass, struct nv_phone_written *written, size_t digits,
                        size_t from, size_t to)
{
    const struct nv_phones *phones = pass->phones;
    for (size_t i = 0; i < phones->region_count && pass->err == NV_OK; i++) {
        struct turn *turn = &pass->turns[i];
        pass->parser.plan = phones->regions[i];
        if (!turn->open || turn->tries <= pass->made || digits < phones->least[i] ||
            !nv_phone_is_valid(&pass->parser, written))
            continue;
        turn->open = false;
        turn->at = to;
        turn->tries -= pass->made;
        pass->open--;
        pass->err = pass->found(pass->ctx, from, to);
    }
}

/*
 * Asks all regions of [from, to). What costs least is asked first. True: none is open.
 *
 *   digits enough? ─▶ alone? ─▶ brackets? ─▶ read ─▶ each region that is open
 *
 * Left to right by cost: a count, two characters, two patterns, the parser.
 */
static bool try_text(struct pass *pass, size_t from, size_t to)
{
    struct nv_str text = nv_str_slice(pass->subject->text, from, to - from);
    struct nv_phone_written written;
    size_t digits = to > from ? digits_of(text) : 0;
    if (digits >= pass->phones->least_of_all && to > from && stands_alone(pass, from, to) &&
        has_good_brackets(pass, text) && nv_phone_read(&pass->parser, text, &written))
        ask_regions(pass, &written, digits, from, to);
    return pass->open == 0 || pass->err != NV_OK;
}

/* The end of [from, to) without what no number ends in: all but words and #. */
static size_t trim_end(const struct pass *pass, size_t from, size_t to)
{
    while (to > from) {
        struct nv_character c = nv_character_before(pass->subject->text, to);
        if (c.code == '#' || (c.code != '_' && nv_character_is_word(c.code)))
            break;
        to -= c.len;
    }
    return to;
}

/* Where a second number begins: "/x", "/ x". The package has a backslash too, which is in no
 * candidate. */
static size_t cut_second(const struct pass *pass, size_t from, size_t to)
{
    const char *text = pass->subject->text.ptr;
    const char *slash = memchr(text + from, '/', to - from);
    for (size_t at = slash ? (size_t)(slash - text) : to; at < to; at++) {
        size_t next = at + 1;
        if (text[at] != '/')
            continue;
        while (next < to && text[next] == ' ')
            next++;
        if (next < to && text[next] == 'x')
            return at;
    }
    return to;
}

/* ---- its parts --------------------------------------------------------------------------- */

struct part {
    size_t at;       /* where the separator begins */
    size_t from, to; /* the part behind it */
};

static uint32_t code_at(const struct pass *pass, size_t at, size_t to)
{
    return at < to ? nv_character_at(pass->subject->text, at).code : 0;
}

static size_t after(const struct pass *pass, size_t at)
{
    return at + nv_character_at(pass->subject->text, at).len;
}

static size_t skip_spaces(const struct pass *pass, size_t at, size_t to)
{
    while (at < to && nv_character_is_white(code_at(pass, at, to)))
        at = after(pass, at);
    return at;
}

static size_t skip_all(const struct pass *pass, char c, size_t at, size_t to)
{
    while (at < to && pass->subject->text.ptr[at] == c)
        at++;
    return at;
}

static bool is_wide_hyphen(uint32_t code)
{
    return (code >= 0x2012 && code <= 0x2015) || code == 0xff0d;
}

/* Where the separator that is at `at` ends; `at`: there is none. */
static size_t separator_end(const struct pass *pass, enum nv_phone_cut cut, size_t at,
                            size_t to)
{
    uint32_t code = code_at(pass, at, to), next;
    switch (cut) {
    case NV_PHONE_SLASH:
        return skip_all(pass, '/', at, to);
    case NV_PHONE_BRACKET:
        return at;
    case NV_PHONE_HYPHEN:
        next =
            code == '-' || nv_character_is_white(code) ? code_at(pass, after(pass, at), to) : 0;
        if ((nv_character_is_white(code) && next == '-') ||
            (code == '-' && nv_character_is_white(next)))
            return skip_spaces(pass, after(pass, after(pass, at)), to);
        return at;
    case NV_PHONE_WIDE:
        return is_wide_hyphen(code) ? skip_spaces(pass, after(pass, at), to) : at;
    case NV_PHONE_DOT:
        return code == '.' ? skip_spaces(pass, skip_all(pass, '.', at, to), to) : at;
    default:
        return skip_spaces(pass, at, to);
    }
}

/* Where the part from `from` on ends. */
static size_t part_end(const struct pass *pass, enum nv_phone_cut cut, size_t from, size_t to)
{
    size_t at = from;
    if (cut < NV_PHONE_DOT && cut != NV_PHONE_BRACKET)
        return to;
    if (cut == NV_PHONE_BRACKET)
        at++;
    while (at < to) {
        uint32_t code = code_at(pass, at, to);
        if (cut == NV_PHONE_BRACKET ? code == '('
            : cut == NV_PHONE_DOT   ? code == '.'
                                    : nv_character_is_white(code))
            break;
        at = after(pass, at);
    }
    return at;
}

/* The first part of [from, to) by `cut`. */
static bool find_part(const struct pass *pass, enum nv_phone_cut cut, size_t from, size_t to,
                      struct part *part)
{
    for (size_t at = from; at < to; at = after(pass, at)) {
        size_t begin = separator_end(pass, cut, at, to);
        bool bracket = cut == NV_PHONE_BRACKET && pass->subject->text.ptr[at] == '(';
        if (begin == at && !bracket)
            continue;
        *part = (struct part){at, begin, part_end(pass, cut, begin, to)};
        if (part->to > begin || cut == NV_PHONE_SLASH)
            return true;
    }
    return false;
}

static bool try_part(struct pass *pass, size_t from, size_t to)
{
    bool closed = try_text(pass, from, trim_end(pass, from, to));
    pass->made++;
    return closed;
}

static bool try_cut(struct pass *pass, enum nv_phone_cut cut, size_t from, size_t to)
{
    struct part part;
    bool first = true;
    for (size_t at = from; find_part(pass, cut, at, to, &part); at = after(pass, part.at)) {
        if ((first && try_part(pass, from, part.at)) || try_part(pass, part.from, part.to))
            return true;
        first = false;
    }
    return false;
}

/* In the order of the package's inner patterns, until no region is left that found nothing. */
static void try_parts(struct pass *pass, size_t from, size_t to)
{
    for (unsigned cut = 0; cut < NV_PHONE_CUTS; cut++) {
        if ((pass->survey.cuts >> cut & 1u) && try_cut(pass, (enum nv_phone_cut)cut, from, to))
            return;
    }
}

/* ---- the text ---------------------------------------------------------------------------- */

/* A day and an hour, with minutes behind them. */
static bool is_stamp(const struct pass *pass, struct nv_str candidate, size_t to)
{
    struct nv_str behind = nv_str_slice(pass->subject->text, to, 3);
    return behind.len == 3 && behind.ptr[0] == ':' && behind.ptr[1] >= '0' &&
           behind.ptr[1] <= '5' && behind.ptr[2] >= '0' && behind.ptr[2] <= '9' &&
           has_shape(pass, STAMP, candidate);
}

static bool is_time(const struct pass *pass, size_t from, size_t to)
{
    struct nv_str text = nv_str_slice(pass->subject->text, from, to - from);
    return (memchr(text.ptr, '/', text.len) && has_shape(pass, DATE, text)) ||
           is_stamp(pass, text, to);
}

/* Can no region find a number in [from, to), which has no parts? By what costs little. */
static bool is_none(const struct pass *pass, size_t from, size_t to)
{
    return pass->survey.digits < pass->phones->least_of_all ||
           (pass->survey.cuts == 0 && !stands_alone(pass, from, to));
}

/* One turn a region, from the one of all. */
static void part_ways(struct pass *pass)
{
    for (size_t i = 0; i < pass->phones->region_count && pass->in_step; i++)
        pass->turns[i] = pass->step;
    pass->in_step = false;
}

/* One turn of all, if they are equal. */
static void fall_in(struct pass *pass)
{
    const struct turn *turns = pass->turns;
    for (size_t i = 1; i < pass->phones->region_count; i++) {
        if (turns[i].at != turns[0].at || turns[i].tries != turns[0].tries)
            return;
    }
    pass->step = turns[0];
    pass->in_step = true;
}

/* Opens the turns of the regions that are to try a candidate at `from`; the others go on. */
static void open_turns(struct pass *pass, size_t from, size_t next)
{
    const struct nv_phones *phones = pass->phones;
    pass->open = pass->made = 0;
    for (size_t i = 0; i < phones->region_count; i++) {
        struct turn *turn = &pass->turns[i];
        bool here = turn->at <= from && turn->tries > 0;
        turn->open = here && pass->survey.digits >= phones->least[i];
        pass->open += turn->open;
        if (here) {
            turn->at = next;
            turn->tries -= !turn->open;
        }
    }
}

/* Of the regions that found nothing. */
static void close_turns(struct pass *pass)
{
    for (size_t i = 0; i < pass->phones->region_count && pass->open > 0; i++) {
        struct turn *turn = &pass->turns[i];
        size_t made = pass->made + 1;
        if (turn->open)
            turn->tries -= made < turn->tries ? made : turn->tries;
        turn->open = false;
    }
}

/* What the regions make of a candidate, and where they go on. */
static enum nv_err try_candidate(struct pass *pass, const struct nv_regex_match *match)
{
    size_t from = match->from, to = cut_second(pass, from, match->to);
    size_t next = to > from ? to : match->to;
    pass->survey = nv_phone_survey_of(nv_str_slice(pass->subject->text, from, to - from));
    if (pass->in_step && is_none(pass, from, to)) {
        pass->step.at = next;
        pass->step.tries--;
        return NV_OK;
    }
    part_ways(pass);
    open_turns(pass, from, next);
    if (pass->open > 0 && !is_time(pass, from, to) && !try_text(pass, from, to))
        try_parts(pass, from, to);
    close_turns(pass);
    fall_in(pass);
    return pass->err;
}

/* Where the first region is that hasn't used up its tries. */
static size_t next_place(const struct pass *pass)
{
    size_t at = SIZE_MAX;
    if (pass->in_step)
        return pass->step.tries > 0 ? pass->step.at : SIZE_MAX;
    for (size_t i = 0; i < pass->phones->region_count; i++) {
        if (pass->turns[i].tries > 0 && pass->turns[i].at < at)
            at = pass->turns[i].at;
    }
    return at;
}

/*
 *   at ─▶ candidate ─▶ survey ─▶ turns of the regions ─▶ the place of the one furthest behind
 *   ▲                                                     └ none has tries left: the end
 *   └─────────────────────────────────────────────────────┘
 */
enum nv_err nv_phones_find(struct nv_phones *phones, struct nv_regex_work *work,
                           const struct nv_regex_text *subject,
                           enum nv_err (*found)(void *ctx, size_t from, size_t to), void *ctx)
{
    struct turn turns[NV_PHONES_REGIONS_MAX];
    struct pass pass = {
        .phones = phones,
        .parser = {phones->plans, work, phones->shapes[EXTENSION], NULL},
        .subject = subject,
        .turns = turns,
        .step = {.tries = NV_PHONES_TRIES_MAX},
        .in_step = true,
        .found = found,
        .ctx = ctx,
    };
    const struct nv_regex *pattern = phones->shapes[CANDIDATE];
    for (size_t at = 0; at < subject->text.len; at = next_place(&pass)) {
        struct nv_regex_match match;
        enum nv_regex_result result =
            nv_phone_candidate_find(pattern, work, subject, at, &match);
        if (result != NV_REGEX_FOUND)
            return result == NV_REGEX_LIMIT ? NV_ERR_LIMIT : NV_OK;
        enum nv_err err = try_candidate(&pass, &match);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}
