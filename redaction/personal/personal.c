/*
 * The user's patterns are settled before the built-in ones, which fill what they left: a
 * built-in match that overlaps one is dropped, even if it is longer.
 *
 * The pattern of EMAIL alone would cost the square of a text's length (each place in a run of
 * letters may begin an address): it is tried once for each @, at the leftmost place from
 * which it can reach that one, as what follows the @ doesn't depend on where the address
 * begins.
 *
 *   hints ─▶ bits of the patterns that can match ─▶ each over the text, or over the window
 *            └ none, as of nearly all texts: nothing is searched at all
 *
 * Given up means masked: a search that meets a limit returns NV_ERR_LIMIT, and who called
 * masks the text as a whole. There is no way out of here that leaves a text half looked at.
 */
#include "redaction/personal/personal.h"

#include "base/limits.h"
#include "redaction/personal/characters.h"
#include "redaction/personal/checks.h"
#include "redaction/personal/custom.h"
#include "redaction/personal/phones.h"
#include "redaction/personal/pseudonym.h"
#include "redaction/personal/regex.h"
#include "redaction/personal/spans.h"
#include "redaction/personal/undo.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* No personal value is shorter: a@b.cc, 1.2.3.4. */
#define BYTES_MIN 6u
#define MASK NV_STR("***")
/* Of the buffers for one text, between traces. */
#define KEPT_MAX NV_CAP_KIB(256)

enum need {
    NEED_AT,
    NEED_URL,
    NEED_IBAN,
    NEED_PAN,
    NEED_AREA,
    NEED_DOTS,
    NEED_RUN,
    NEED_JOINED,
    NEED_DENSE
};

static const struct pattern {
    enum nv_personal_label label;
    enum need need;
    uint32_t least;
    nv_personal_check *check;
    const char *pattern;
} patterns[] = {
#define ROW(id, need, least, check, pattern)                                                   \
    {NV_PERSONAL_##id, NEED_##need, least, nv_check_##check, pattern},
    NV_PERSONAL_PATTERNS(ROW)
#undef ROW
};
/* What is nobody's: no label of its own. */
static const struct pattern dates = {.check = nv_check_none};
#define PATTERNS (sizeof patterns / sizeof patterns[0])
static_assert(PATTERNS <= 32, "a bit each");
#define ROW(id, need, least, check, pattern)                                                   \
    static_assert((NEED_##need != NEED_JOINED && NEED_##need != NEED_RUN) ||                   \
                      (least) >= NV_HINTS_LONG,                                                \
                  "long numbers are searched for where hints say that long ones are");
NV_PERSONAL_PATTERNS(ROW)
#undef ROW

static const struct nv_str labels[] = {
#define LABEL(id, label, rule, what) NV_STR_INIT(label),
    NV_PERSONAL_LABELS(LABEL)
#undef LABEL
};

struct nv_personal {
    enum nv_personal_mode mode;
    struct nv_regex *builtin[PATTERNS];
    struct nv_regex *dates;
    struct nv_custom *custom; /* NULL: none */
    struct nv_phones *phones;
    struct nv_buf salt;
};

struct nv_personal_finder {
    const struct nv_personal *rules;
    struct nv_regex_work *work;
    struct nv_pseudonyms *pseudonyms;
    struct nv_spans custom, dates, found;
    struct nv_buf out;
};

/* What is searched. */
struct search {
    struct nv_personal_finder *finder;
    struct nv_regex_text subject;
    struct nv_hints hints;
    size_t from,
        to; /* where patterns of long numbers can match, and what they look at behind */
};

/* ---- rules ------------------------------------------------------------------------------- */

static enum nv_err compile_builtin(struct nv_personal *rules)
{
    enum nv_err err =
        nv_regex_new(NV_STR(NV_PERSONAL_DATES), NV_REGEX_PYTHON_SPACE, &rules->dates, NULL);
    for (size_t i = 0; i < PATTERNS && err == NV_OK; i++) {
        unsigned flags = NV_REGEX_PYTHON_SPACE;
        if (patterns[i].label == NV_PERSONAL_EMAIL)
            flags |= NV_REGEX_ANCHORED;
        if (patterns[i].pattern) {
            err =
                nv_regex_new(nv_str_from(patterns[i].pattern), flags, &rules->builtin[i], NULL);
        }
    }
    return err;
}

static enum nv_err make_phones(const struct nv_personal_setup *setup, struct nv_personal *rules,
                               struct nv_fail *fail)
{
    struct nv_fail why = {0};
    enum nv_err err = nv_phones_new(setup->regions, setup->region_count, &rules->phones, &why);
    if (err == NV_ERR_CONFIG) {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s", why.what);
        if (fail)
            (void)snprintf(fail->path, sizeof fail->path, "region %.16s", why.path);
    }
    return err;
}

enum nv_err nv_personal_new(const struct nv_personal_setup *setup, struct nv_personal **out,
                            struct nv_fail *fail)
{
    struct nv_personal *rules = calloc(1, sizeof *rules);
    *out = NULL;
    if (!rules)
        return NV_ERR_NO_MEMORY;
    rules->mode = setup->mode;
    nv_buf_init(&rules->salt, NV_CAP_RECORD);
    enum nv_err err = nv_buf_append_str(&rules->salt, setup->salt);
    if (err == NV_OK)
        err = compile_builtin(rules);
    if (err == NV_OK)
        err = nv_custom_new(setup, &rules->custom, fail);
    if (err == NV_OK)
        err = make_phones(setup, rules, fail);
    if (err != NV_OK) {
        nv_personal_free(rules);
        return err;
    }
    *out = rules;
    return NV_OK;
}

void nv_personal_free(struct nv_personal *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < PATTERNS; i++)
        nv_regex_free(rules->builtin[i]);
    nv_regex_free(rules->dates);
    nv_custom_free(rules->custom);
    nv_phones_free(rules->phones);
    nv_buf_release(&rules->salt);
    free(rules);
}

size_t nv_personal_label_count(const struct nv_personal *rules)
{
    return NV_PERSONAL_LABEL_COUNT + nv_custom_count(rules->custom);
}

struct nv_str nv_personal_label_name(const struct nv_personal *rules, size_t label)
{
    if (label < NV_PERSONAL_LABEL_COUNT)
        return labels[label];
    return nv_custom_label(rules->custom, label - NV_PERSONAL_LABEL_COUNT);
}

struct nv_personal_finder *nv_personal_finder_new(const struct nv_personal *rules)
{
    struct nv_personal_finder *finder = calloc(1, sizeof *finder);
    if (!finder)
        return NULL;
    finder->rules = rules;
    nv_buf_init(&finder->out, NV_CAP_RECORD);
    finder->work = nv_regex_work_new();
    finder->pseudonyms = nv_pseudonyms_new(nv_buf_str(&rules->salt));
    if (finder->work && finder->pseudonyms)
        return finder;
    nv_personal_finder_free(finder);
    return NULL;
}

void nv_personal_finder_free(struct nv_personal_finder *finder)
{
    if (!finder)
        return;
    nv_regex_work_free(finder->work);
    nv_pseudonyms_free(finder->pseudonyms);
    nv_spans_release(&finder->custom);
    nv_spans_release(&finder->dates);
    nv_spans_release(&finder->found);
    nv_buf_release(&finder->out);
    free(finder);
}

void nv_personal_finder_shrink(struct nv_personal_finder *finder)
{
    struct nv_spans *spans[] = {&finder->custom, &finder->dates, &finder->found};
    if (finder->out.capacity > KEPT_MAX)
        nv_buf_release(&finder->out);
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        if (spans[i]->taken_bytes > KEPT_MAX ||
            spans[i]->capacity > KEPT_MAX / sizeof(struct nv_span_found))
            nv_spans_release(spans[i]);
    }
}

/* ---- finding ----------------------------------------------------------------------------- */

/* The built-in patterns that can match, as far as the hints say: bits by their places. */
static uint32_t needed(const struct nv_hints *hints)
{
    if (hints->run == 0 && !hints->at && !hints->url)
        return 0;
    const uint32_t has[] = {
        [NEED_AT] = hints->at,   [NEED_URL] = hints->url,       [NEED_IBAN] = hints->iban,
        [NEED_PAN] = hints->pan, [NEED_AREA] = hints->area,     [NEED_DOTS] = hints->dots,
        [NEED_RUN] = hints->run, [NEED_JOINED] = hints->joined, [NEED_DENSE] = hints->dense};
    uint32_t bits = 0;
    for (size_t i = 0; i < PATTERNS; i++)
        bits |= (uint32_t)(has[patterns[i].need] >= patterns[i].least) << i;
    return bits;
}

static enum nv_err add(struct search *search, struct nv_spans *spans, uint32_t label,
                       size_t from, size_t to)
{
    struct nv_str found = nv_str_slice(search->subject.text, from, to - from);
    if (nv_custom_is_allowed(search->finder->rules->custom, found))
        return NV_OK;
    return nv_spans_add(spans, (struct nv_span_found){
                                   .from = from,
                                   .to = to,
                                   .characters = nv_character_count(found),
                                   .label = label,
                               });
}

static bool is_local(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c && strchr("._%+-", c) != NULL);
}

/* The leftmost place in [floor, at) where a word begins or ends and from which only characters
 * of a local part lead to the @ at `at`; or `at`. */
static size_t address_begin(struct nv_str text, size_t floor, size_t at)
{
    size_t from = at;
    while (from > floor && is_local((unsigned char)text.ptr[from - 1]))
        from--;
    struct nv_character c = nv_character_before(text, from);
    bool before = c.len > 0 && nv_character_is_word(c.code);
    for (; from < at; from++) {
        bool word = nv_character_is_word((unsigned char)text.ptr[from]);
        if (word != before)
            return from;
        before = word;
    }
    return at;
}

static enum nv_err find_emails(struct search *search, const struct nv_regex *regex)
{
    struct nv_str text = search->subject.text;
    enum nv_err err = NV_OK;
    size_t floor = 0;
    for (size_t at = 0; at < text.len && err == NV_OK; at++) {
        const char *next = memchr(text.ptr + at, '@', text.len - at);
        if (!next)
            break;
        at = (size_t)(next - text.ptr);
        size_t from = address_begin(text, floor, at);
        struct nv_regex_match match;
        if (from == at)
            continue;
        enum nv_regex_result result =
            nv_regex_find(regex, search->finder->work, &search->subject, from, &match);
        if (result == NV_REGEX_LIMIT)
            return NV_ERR_LIMIT;
        if (result == NV_REGEX_NONE)
            continue;
        err = add(search, &search->finder->found, NV_PERSONAL_EMAIL, match.from, match.to);
        floor = match.to;
        at = match.to - 1;
    }
    return err;
}

/* In [from, to): what a match would look at behind it is inside too. */
static enum nv_err find_all(struct search *search, const struct pattern *pattern,
                            const struct nv_regex *regex, size_t from, size_t to)
{
    const struct nv_regex_text subject = {nv_str_slice(search->subject.text, 0, to),
                                          search->subject.ascii};
    struct nv_spans *spans =
        pattern->pattern == NULL ? &search->finder->dates : &search->finder->found;
    struct nv_regex_match match;
    for (; from < to; from = match.to) {
        enum nv_regex_result result =
            nv_regex_find(regex, search->finder->work, &subject, from, &match);
        if (result == NV_REGEX_LIMIT)
            return NV_ERR_LIMIT;
        if (result == NV_REGEX_NONE)
            return NV_OK;
        size_t len =
            pattern->check(nv_str_slice(subject.text, match.from, match.to - match.from));
        enum nv_err err = len == 0 ? NV_OK
                                   : add(search, spans, (uint32_t)pattern->label, match.from,
                                         match.from + len);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* Long numbers, with the + of their country before them and two characters behind. */
static void set_window(struct search *search)
{
    struct nv_str text = search->subject.text;
    search->from = search->hints.from;
    search->to = search->hints.to;
    if (search->from > 0 && text.ptr[search->from - 1] == '+')
        search->from--;
    for (unsigned i = 0; i < 2; i++)
        search->to += nv_character_at(text, search->to).len;
}

static enum nv_err find_pattern(struct search *search, const struct pattern *pattern,
                                const struct nv_regex *regex)
{
    bool is_long = pattern->need == NEED_JOINED || pattern->need == NEED_RUN;
    if (pattern->label == NV_PERSONAL_EMAIL)
        return find_emails(search, regex);
    return find_all(search, pattern, regex, is_long ? search->from : 0,
                    is_long ? search->to : search->subject.text.len);
}

static enum nv_err find_within(struct search *search, size_t number, uint64_t *left_ns)
{
    struct nv_personal_finder *finder = search->finder;
    const struct nv_regex *regex = nv_custom_regex(finder->rules->custom, number);
    struct nv_regex_match match;
    for (size_t from = 0; from < search->subject.text.len; from = match.to) {
        enum nv_regex_result result =
            nv_regex_find_within(regex, finder->work, &search->subject, from, left_ns, &match);
        if (result != NV_REGEX_FOUND)
            return result == NV_REGEX_LIMIT ? NV_ERR_LIMIT : NV_OK;
        enum nv_err err =
            add(search, &finder->custom, (uint32_t)(NV_PERSONAL_LABEL_COUNT + number),
                match.from, match.to);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

static enum nv_err find_custom(struct search *search)
{
    uint64_t left_ns = NV_REGEX_TIME_NS(search->subject.text.len);
    struct nv_personal_finder *finder = search->finder;
    size_t count = nv_custom_count(finder->rules->custom);
    enum nv_err err = NV_OK;
    nv_spans_clear(&finder->custom);
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = find_within(search, i, &left_ns);
    return err == NV_OK ? nv_spans_resolve(&finder->custom, search->subject.text.len) : err;
}

static enum nv_err add_phone(void *ctx, size_t from, size_t to)
{
    struct search *search = ctx;
    return add(search, &search->finder->found, NV_PERSONAL_PHONE, from, to);
}

static enum nv_err find_builtin(struct search *search)
{
    struct nv_personal_finder *finder = search->finder;
    enum nv_err err = NV_OK;
    nv_spans_clear(&finder->found);
    set_window(search);
    for (uint32_t left = needed(&search->hints); left != 0 && err == NV_OK; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        const struct nv_regex *regex = finder->rules->builtin[i];
        err = regex ? find_pattern(search, &patterns[i], regex)
                    : nv_phones_find(finder->rules->phones, finder->work, &search->subject,
                                     add_phone, search);
    }
    return err;
}

/* Drops what overlaps the user's matches, a date or a time; then the longest first. */
static enum nv_err settle_builtin(struct search *search)
{
    struct nv_personal_finder *finder = search->finder;
    size_t kept = 0;
    if (finder->found.count == 0)
        return NV_OK;
    nv_spans_clear(&finder->dates);
    enum nv_err err = NV_OK;
    if (search->hints.run > 0)
        err = find_all(search, &dates, finder->rules->dates, 0, search->subject.text.len);
    if (err != NV_OK)
        return err;
    for (size_t i = 0; i < finder->found.count; i++) {
        const struct nv_span_found span = finder->found.items[i];
        if (!nv_spans_overlap(&finder->custom, span.from, span.to) &&
            !nv_spans_overlap(&finder->dates, span.from, span.to))
            finder->found.items[kept++] = span;
    }
    finder->found.count = kept;
    return nv_spans_resolve(&finder->found, search->subject.text.len);
}

/* The spans that are replaced, by their place, in finder->custom and finder->found. */
static enum nv_err find(struct nv_personal_finder *finder, struct nv_str text,
                        const struct nv_hints *hints)
{
    struct search search = {.finder = finder, .hints = *hints};
    search.subject = (struct nv_regex_text){text, hints->ascii};
    enum nv_err err = find_custom(&search);
    if (err == NV_OK)
        err = find_builtin(&search);
    return err == NV_OK ? settle_builtin(&search) : err;
}

/* ---- replacing --------------------------------------------------------------------------- */

static enum nv_err replace_value(struct nv_personal_finder *finder, struct nv_str label,
                                 struct nv_str value)
{
    if (finder->rules->mode == NV_PERSONAL_PSEUDONYMISE)
        return nv_pseudonym_append(finder->pseudonyms, &finder->out, label, value);
    for (size_t i = nv_character_count(value); i > 0; i--)
        (void)nv_buf_append_char(&finder->out, '*');
    return finder->out.failed;
}

/* The next span of both lists, which are by place and don't overlap. */
static const struct nv_span_found *next_span(const struct nv_personal_finder *finder,
                                             size_t next[2])
{
    const struct nv_span_found *custom =
        next[0] < finder->custom.count ? &finder->custom.items[next[0]] : NULL;
    const struct nv_span_found *found =
        next[1] < finder->found.count ? &finder->found.items[next[1]] : NULL;
    bool first = custom && (!found || custom->from < found->from);
    if (first)
        next[0]++;
    else if (found)
        next[1]++;
    return first ? custom : found;
}

/* Spans are of `plain`; all but them stays as the text has it. */
static enum nv_err replace(struct nv_personal_finder *finder, struct nv_undone *source,
                           struct nv_str plain, struct nv_personal_counts *counts)
{
    const struct nv_str text = source->text;
    size_t next[2] = {0, 0}, at = 0;
    const struct nv_span_found *span = NULL;
    nv_buf_clear(&finder->out);
    while ((span = next_span(finder, next)) != NULL) {
        size_t from = nv_undone_place(source, span->from);
        (void)nv_buf_append(&finder->out, text.ptr + at, from - at);
        enum nv_err err =
            replace_value(finder, nv_personal_label_name(finder->rules, span->label),
                          nv_str_slice(plain, span->from, span->to - span->from));
        if (err != NV_OK)
            return err;
        counts->of[span->label]++;
        at = nv_undone_place(source, span->to);
    }
    return nv_buf_append(&finder->out, text.ptr + at, text.len - at);
}

/* Can any pattern match, as far as the hints say? */
static bool may_match(const struct nv_personal *rules, const struct nv_hints *hints)
{
    return nv_custom_count(rules->custom) > 0 || needed(hints) != 0;
}

bool nv_personal_may_hold(const struct nv_personal_finder *finder, const struct nv_hints *hints)
{
    return may_match(finder->rules, hints) || (hints->escape && hints->run > 0);
}

static enum nv_err give(struct nv_arena *arena, struct nv_str made, struct nv_str *text)
{
    struct nv_str copy = nv_arena_dup(arena, made);
    if (!copy.ptr)
        return NV_ERR_NO_MEMORY;
    *text = copy;
    return NV_OK;
}

enum nv_err nv_personal_undone(struct nv_personal_finder *finder, struct nv_arena *arena,
                               struct nv_str *text, struct nv_str plain,
                               const struct nv_hints *hints, struct nv_personal_counts *counts)
{
    bool custom = nv_custom_count(finder->rules->custom) > 0;
    struct nv_undone source = {.text = *text};
    if (plain.len < (custom ? 1 : BYTES_MIN) || !may_match(finder->rules, hints) ||
        nv_check_is_uuid(plain))
        return NV_OK;
    enum nv_err err = find(finder, plain, hints);
    if (err == NV_ERR_LIMIT) {
        counts->of[NV_PERSONAL_LIMIT]++;
        *text = MASK;
        return NV_OK;
    }
    if (err != NV_OK || finder->custom.count + finder->found.count == 0)
        return err;
    if (plain.ptr != text->ptr)
        nv_undone_init(&source, *text);
    err = replace(finder, &source, plain, counts);
    return err == NV_OK ? give(arena, nv_buf_str(&finder->out), text) : NV_ERR_NO_MEMORY;
}

enum nv_err nv_personal_text(struct nv_personal_finder *finder, struct nv_arena *arena,
                             struct nv_str *text, const struct nv_hints *hints,
                             struct nv_personal_counts *counts)
{
    return nv_personal_undone(finder, arena, text, *text, hints, counts);
}

/* ---- whole numbers and values ------------------------------------------------------------ */

/* The one span that is all of the text. */
static const struct nv_span_found *whole_span(const struct nv_personal_finder *finder,
                                              size_t bytes)
{
    size_t next[2] = {0, 0};
    const struct nv_span_found *span = next_span(finder, next);
    return span && span->from == 0 && span->to == bytes ? span : NULL;
}

enum nv_err nv_personal_number(struct nv_personal_finder *finder, struct nv_arena *arena,
                               int64_t number, struct nv_str *text,
                               struct nv_personal_counts *counts)
{
    char digits[24];
    *text = (struct nv_str){NULL, 0};
    int len = snprintf(digits, sizeof digits, "%" PRId64, number);
    struct nv_str shown = {digits, (size_t)len};
    struct nv_hints hints = nv_hints_of(shown);
    if (!may_match(finder->rules, &hints))
        return NV_OK;
    enum nv_err err = find(finder, shown, &hints);
    const struct nv_span_found *span = err == NV_OK ? whole_span(finder, shown.len) : NULL;
    if (err == NV_ERR_NO_MEMORY || !span)
        return err == NV_ERR_LIMIT ? NV_OK : err;
    nv_buf_clear(&finder->out);
    err = replace_value(finder, nv_personal_label_name(finder->rules, span->label), shown);
    if (err != NV_OK)
        return NV_ERR_NO_MEMORY;
    counts->of[span->label]++;
    return give(arena, nv_buf_str(&finder->out), text);
}

bool nv_personal_is_whole(struct nv_str text)
{
    bool stars = text.len > 0;
    for (size_t i = 0; i < text.len && stars; i++)
        stars = text.ptr[i] == '*';
    return stars || (nv_str_starts(text, NV_STR("VALUE_")) && text.len == 18);
}

enum nv_err nv_personal_whole(struct nv_personal_finder *finder, struct nv_arena *arena,
                              struct nv_str *text)
{
    nv_buf_clear(&finder->out);
    if (replace_value(finder, NV_STR("VALUE"), *text) != NV_OK)
        return NV_ERR_NO_MEMORY;
    return give(arena, nv_buf_str(&finder->out), text);
}
