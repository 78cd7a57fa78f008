/*
 * Whether a pattern can run away is told by its form alone, before any text is there; it
 * refuses a little too much (a possessive or atomic group in it helps), never too little for
 * a repeat in a repeat. What runs away in other ways meets the limit of steps (regex.h).
 *
 *   pattern  ( a + b ) +        depth 1 has an endless repeat, and is itself repeated: refused
 *   pattern  ( a + b ) ++       possessive: gives nothing back, so it can't run away
 *   pattern  (?> a + ) +        atomic: the same
 *   pattern  ( a + ) {2,5}      has an end: at most five times what is inside
 *
 * Refused at the start and not at the first text that shows it: then a person reads it who
 * can mend it, with the place in the pattern. The limits stay for what form can't tell.
 *
 * Allowed values are compared in canonical form (characters.h), so that a value passes
 * however it is written; one that begins with * passes with anything before it (a domain:
 * *@example.com).
 */
#include "redaction/personal/custom.h"

#include "base/limits.h"
#include "redaction/personal/characters.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Groups in groups that are followed; a pattern deeper than that is refused, at the group. */
#define DEPTH_MAX 64u

struct custom_pattern {
    char label[NV_PERSONAL_LABEL_BYTES_MAX];
    size_t label_len;
    struct nv_regex *regex;
};

struct nv_custom {
    struct custom_pattern *patterns;
    size_t count;
    struct nv_buf *allowed; /* canonical */
    bool *at_end;           /* the value may have anything before it */
    size_t allowed_count;
};

/* ---- patterns that run away -------------------------------------------------------------- */

struct form {
    struct nv_str pattern;
    size_t at;
};

/* Behind a class, whose [ is at form->at. */
static void skip_class(struct form *form)
{
    const struct nv_str p = form->pattern;
    form->at++;
    if (form->at < p.len && p.ptr[form->at] == '^')
        form->at++;
    if (form->at < p.len && p.ptr[form->at] == ']')
        form->at++;
    while (form->at < p.len && p.ptr[form->at] != ']') {
        if (p.ptr[form->at] == '\\')
            form->at++;
        form->at++;
    }
    form->at++;
}

/* Is there a repeat without end at form->at, that gives back what it took? Behind it then. */
static bool takes_repeat(struct form *form)
{
    const struct nv_str p = form->pattern;
    if (form->at >= p.len)
        return false;
    char c = p.ptr[form->at];
    bool endless = c == '*' || c == '+';
    size_t to = form->at + 1;
    if (c == '{') {
        size_t close = nv_str_find_char(nv_str_slice(p, to, p.len), '}');
        if (close == SIZE_MAX || close == 0)
            return false;
        endless = p.ptr[to + close - 1] == ',';
        to += close + 1;
    } else if (!endless && c != '?') {
        return false;
    }
    form->at = to;
    if (form->at < p.len && p.ptr[form->at] == '+') {
        form->at++;
        return false;
    }
    if (form->at < p.len && p.ptr[form->at] == '?')
        form->at++;
    return endless;
}

/* The offset of a repeat without end of something that has one; SIZE_MAX: none. */
static size_t find_runaway(struct nv_str pattern)
{
    struct form form = {pattern, 0};
    bool endless[DEPTH_MAX] = {false}, atomic[DEPTH_MAX] = {false};
    size_t depth = 0;
    while (form.at < pattern.len) {
        char c = pattern.ptr[form.at];
        bool closes = c == ')' && depth > 0;
        bool inner = false;
        if (c == '(') {
            if (++depth == DEPTH_MAX)
                return form.at;
            endless[depth] = false;
            atomic[depth] = nv_str_starts(nv_str_slice(pattern, form.at, 3), NV_STR("(?>"));
            form.at++;
            if (form.at < pattern.len && pattern.ptr[form.at] == '?')
                form.at++;
            continue;
        }
        if (closes)
            inner = endless[depth] && !atomic[depth], depth--;
        if (c == '[')
            skip_class(&form);
        else
            form.at += c == '\\' ? 2 : 1;
        size_t repeat = form.at;
        bool repeats = takes_repeat(&form);
        if (repeats && inner)
            return repeat;
        endless[depth] |= repeats || inner;
    }
    return SIZE_MAX;
}

/* ---- reading ----------------------------------------------------------------------------- */

/*
 * The path is the number of the pattern or value, so that who reads options can name its
 * line.
 */
static enum nv_err wrong(struct nv_fail *fail, size_t number, size_t offset, const char *why)
{
    enum nv_err err = nv_fail_set(fail, NV_ERR_CONFIG, offset, "%s", why);
    if (fail)
        (void)snprintf(fail->path, sizeof fail->path, "%zu", number);
    return err;
}

/*
 * As the SDK makes a label of what is configured. A label that is there twice would count two
 * patterns as one, but for those without a name, which are CUSTOM, all of them.
 */
static enum nv_err read_label(struct nv_custom *custom, size_t number, struct nv_str label,
                              struct nv_fail *fail)
{
    struct custom_pattern *pattern = &custom->patterns[number];
    bool given = label.len > 0;
    label = nv_str_trim(given ? label : NV_STR("CUSTOM"));
    if (label.len == 0)
        return wrong(fail, number, 0, "label is blank");
    if (label.len > sizeof pattern->label)
        return wrong(fail, number, 0, "label is longer than 64 bytes");
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if ((unsigned char)c < ' ')
            return wrong(fail, number, 0, "label has a control character");
        pattern->label[i] = c == ' ' ? '_' : (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
    }
    pattern->label_len = label.len;
    for (size_t i = 0; given && i < number; i++) {
        if (nv_str_eq(nv_custom_label(custom, i), nv_custom_label(custom, number)))
            return wrong(fail, number, 0, "label is there twice");
    }
    return NV_OK;
}

/* Compiled first: PCRE2's words about a mistake are better than ours about its form. */
static enum nv_err read_pattern(struct nv_custom *custom, size_t number,
                                const struct nv_personal_pattern *from, struct nv_fail *fail)
{
    enum nv_err err = read_label(custom, number, from->label, fail);
    if (err != NV_OK)
        return err;
    if (from->pattern.len == 0)
        return wrong(fail, number, 0, "pattern is empty");
    err = nv_regex_new(from->pattern, NV_REGEX_BOUNDED, &custom->patterns[number].regex, fail);
    if (err != NV_OK) {
        if (fail)
            (void)snprintf(fail->path, sizeof fail->path, "%zu", number);
        return err;
    }
    size_t runaway = find_runaway(from->pattern);
    if (runaway != SIZE_MAX) {
        return wrong(fail, number, runaway,
                     "a repeat without end of one without end can run away; "
                     "(?>...) or ++ keeps it from that");
    }
    return NV_OK;
}

static enum nv_err read_allowed(struct nv_custom *custom, const struct nv_personal_setup *setup)
{
    enum nv_err err = NV_OK;
    custom->allowed = calloc(setup->allowed_count, sizeof(struct nv_buf));
    custom->at_end = calloc(setup->allowed_count, sizeof(bool));
    if (!custom->allowed || !custom->at_end)
        return NV_ERR_NO_MEMORY;
    custom->allowed_count = setup->allowed_count;
    for (size_t i = 0; i < setup->allowed_count && err == NV_OK; i++) {
        struct nv_str value = setup->allowed[i];
        custom->at_end[i] = value.len > 1 && value.ptr[0] == '*';
        nv_buf_init(&custom->allowed[i], NV_CAP_CONFIG_FILE);
        err = nv_canonical_append(&custom->allowed[i],
                                  nv_str_slice(value, custom->at_end[i], value.len));
    }
    return err;
}

enum nv_err nv_custom_new(const struct nv_personal_setup *setup, struct nv_custom **out,
                          struct nv_fail *fail)
{
    *out = NULL;
    if (setup->pattern_count + setup->allowed_count == 0)
        return NV_OK;
    if (setup->pattern_count > NV_PERSONAL_PATTERNS_MAX)
        return wrong(fail, NV_PERSONAL_PATTERNS_MAX, 0, "more than 64 patterns");
    struct nv_custom *custom = calloc(1, sizeof *custom);
    if (!custom)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = NV_OK;
    custom->patterns = calloc(setup->pattern_count + 1, sizeof(struct custom_pattern));
    if (!custom->patterns)
        err = NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < setup->pattern_count && err == NV_OK; i++) {
        custom->count = i + 1;
        err = read_pattern(custom, i, &setup->patterns[i], fail);
    }
    if (err == NV_OK && setup->allowed_count > 0)
        err = read_allowed(custom, setup);
    if (err != NV_OK) {
        nv_custom_free(custom);
        return err;
    }
    *out = custom;
    return NV_OK;
}

void nv_custom_free(struct nv_custom *custom)
{
    if (!custom)
        return;
    for (size_t i = 0; i < custom->count; i++)
        nv_regex_free(custom->patterns[i].regex);
    for (size_t i = 0; i < custom->allowed_count; i++)
        nv_buf_release(&custom->allowed[i]);
    free(custom->patterns);
    free(custom->allowed);
    free(custom->at_end);
    free(custom);
}

size_t nv_custom_count(const struct nv_custom *custom)
{
    return custom ? custom->count : 0;
}

const struct nv_regex *nv_custom_regex(const struct nv_custom *custom, size_t number)
{
    return custom->patterns[number].regex;
}

struct nv_str nv_custom_label(const struct nv_custom *custom, size_t number)
{
    const struct custom_pattern *pattern = &custom->patterns[number];
    return (struct nv_str){pattern->label, pattern->label_len};
}

/* ---- what passes ------------------------------------------------------------------------- */

bool nv_custom_is_allowed(const struct nv_custom *custom, struct nv_str value)
{
    struct nv_buf canonical;
    bool found = false;
    if (!custom || custom->allowed_count == 0)
        return false;
    nv_buf_init(&canonical, NV_CAP_RECORD);
    if (nv_canonical_append(&canonical, value) == NV_OK) {
        struct nv_str text = nv_buf_str(&canonical);
        for (size_t i = 0; i < custom->allowed_count && !found; i++) {
            struct nv_str allowed = nv_buf_str(&custom->allowed[i]);
            found = custom->at_end[i] ? nv_str_ends(text, allowed) : nv_str_eq(text, allowed);
        }
    }
    nv_buf_release(&canonical);
    return found;
}
