/*
 * A run of backslashes before a quote, undone once, is half as long when it was odd; when it
 * was even, the quote is none of an inner text. So the ones at the low end of its length in
 * binary are the strings around the text to which the quote belongs.
 *
 *   backslashes   binary   low ones   the quote is
 *       0            0        0       of the text itself
 *       1            1        1       of a JSON text in one string
 *       3           11        2       in two
 *       7          111        3       in three
 *       2           10        0       of the text itself, behind a backslash that is escaped
 *
 * Nothing is unescaped and nothing is kept: a text cut off in the middle, or with prose
 * around it, has no one reading, and undoing it for each possible one would read it again and
 * again.
 *
 * A value ends at the latest where the string around it ends: what is taken out there must
 * leave the outer text as it was, or a trace would lose what stands behind it.
 */
#include "redaction/personal/loose.h"

#include "base/json/json_string.h"
#include "base/meter.h"

#include "base/banned.h"

static struct nv_str span(struct nv_str text, size_t from, size_t to)
{
    return nv_str_slice(text, from, to - from);
}

static size_t run_before(struct nv_str text, size_t from, size_t quote)
{
    size_t at = quote;
    while (at > from && text.ptr[at - 1] == '\\')
        at--;
    return quote - at;
}

static unsigned level_of(size_t backslashes)
{
    unsigned level = 0;
    for (; backslashes & 1; backslashes >>= 1)
        level++;
    return level;
}

/* Backslashes that belong to a quote behind a run of so many, and not to what it ends. */
static size_t own_of(size_t backslashes)
{
    return ((size_t)1 << level_of(backslashes)) - 1;
}

/* What is looked at is counted, since a text of nothing but quotes asks from each of them. */
static size_t next_quote(struct nv_str text, size_t at)
{
    const char *next = at < text.len ? memchr(text.ptr + at, '"', text.len - at) : NULL;
    size_t quote = next ? (size_t)(next - text.ptr) : text.len;
    (void)nv_meter_spend_bytes(quote > at ? quote - at : 0);
    return quote;
}

/*
 * The first quote that ends a string of this level: one of it, or of a string around it.
 * Quotes of deeper levels are part of what is said; one of a level further out ends it,
 * closed or not.
 */
static size_t find_end(struct nv_str text, size_t from, unsigned level)
{
    size_t at = next_quote(text, from);
    while (at < text.len && level_of(run_before(text, from, at)) > level)
        at = next_quote(text, at + 1);
    return at;
}

static size_t skip_backslashes(struct nv_str text, size_t at)
{
    while (at < text.len && text.ptr[at] == '\\')
        at++;
    return at;
}

static size_t skip_spaces(struct nv_str text, size_t at)
{
    size_t behind = nv_json_skip_spaces(text, at);
    (void)nv_meter_spend_bytes(behind - at);
    return behind;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}

/*
 * Is there a key behind the quote at `open`? A quote is a key's begin only when a colon
 * follows the string that it opens. Of text values most quotes fail here; each costs a look
 * at its own string.
 */
static bool take_key(struct nv_loose *loose, size_t open, size_t run)
{
    struct nv_str text = loose->text;
    size_t close = find_end(text, open + 1, level_of(run));
    if (close == text.len)
        return false;
    size_t colon = skip_spaces(text, close + 1);
    if (colon == text.len || text.ptr[colon] != ':')
        return false;
    size_t last = run_before(text, open + 1, close);
    loose->key = span(text, open + 1, close - (last < run ? last : run));
    loose->quote = span(text, open - run, open + 1);
    loose->level = level_of(last);
    loose->behind = colon + 1;
    return true;
}

/*
 * Goes on behind the quote and not behind its string: it may have been the end of another
 * one.
 */
bool nv_loose_next_key(struct nv_loose *loose)
{
    size_t open = next_quote(loose->text, loose->at);
    while (open < loose->text.len) {
        size_t run = run_before(loose->text, loose->at, open);
        loose->at = open + 1;
        if (take_key(loose, open, run))
            return true;
        open = next_quote(loose->text, loose->at);
    }
    loose->at = loose->text.len;
    return false;
}

/* ---- values ------------------------------------------------------------------------------ */

/*
 * The backslashes of the closing quote belong to it when it is of this level; of a quote
 * further out those that are more than its own were the value's last characters.
 */
static void take_string(struct nv_str text, size_t open, struct nv_loose_value *value)
{
    size_t run = open - value->from;
    unsigned level = level_of(run);
    size_t close = find_end(text, open + 1, level), own = 0;
    size_t last = close < text.len ? run_before(text, open + 1, close) : 0;
    bool closed = close < text.len && level_of(last) == level;
    if (closed)
        own = last < run ? last : run;
    else if (close < text.len)
        own = own_of(last);
    value->says = span(text, open + 1, close - own);
    value->to = closed ? close + 1 : close - own;
    value->quote = span(text, value->from, open + 1);
    value->escaped = level + 1;
    value->string = true;
}

/* Counts depth instead of recursing: brackets are as deep as a client makes them. */
static size_t bracket_end(struct nv_str text, size_t at, unsigned level)
{
    size_t depth = 0, run = 0;
    bool quoted = false;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '"' && level_of(run) < level)
            return at - own_of(run);
        if (c == '"' && level_of(run) == level)
            quoted = !quoted;
        if (!quoted && (c == '{' || c == '['))
            depth++;
        if (!quoted && (c == '}' || c == ']') && --depth == 0)
            return at + 1;
        run = c == '\\' ? run + 1 : 0;
    }
    return at;
}

static size_t word_end(struct nv_str text, size_t at)
{
    static const struct nv_str ends = NV_STR_INIT(",]}[{\"\\");
    while (at < text.len && !is_space(text.ptr[at]) &&
           nv_str_find_char(ends, text.ptr[at]) == SIZE_MAX)
        at++;
    return at;
}

bool nv_loose_value(struct nv_loose *loose, struct nv_loose_value *value)
{
    struct nv_str text = loose->text;
    size_t from = skip_spaces(text, loose->behind);
    size_t open = skip_backslashes(text, from);
    *value =
        (struct nv_loose_value){.from = from, .quote = loose->quote, .escaped = loose->level};
    if (open < text.len && text.ptr[open] == '"') {
        take_string(text, open, value);
    } else {
        bool bracket = from < text.len && (text.ptr[from] == '{' || text.ptr[from] == '[');
        value->to = bracket ? bracket_end(text, from, loose->level) : word_end(text, from);
        value->says = span(text, from, value->to);
    }
    (void)nv_meter_spend_bytes(value->to - from);
    if (value->to == from)
        return false;
    loose->at = value->to;
    return true;
}
