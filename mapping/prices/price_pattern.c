/*
 * Patterns of the price table that are more than globs.
 *
 *   gemini-2.5-pro*&!*-tts     both terms must hold, the second must not match
 *   gpt-5.4-####-##-##         one digit each: a dated name, and no other that begins so
 *
 * The published prices tell models apart by regular expressions and conjunctions. They come
 * down to these three signs, which a row can hold in one cell and a person can read; a library
 * of regular expressions in the path of a name that a client sends would be more to bound than
 * to gain.
 */
#include "mapping/prices/price_pattern.h"

#include "base/banned.h"

bool nv_price_pattern_is_special(struct nv_str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '&' || pattern.ptr[i] == '#' || pattern.ptr[i] == '!')
            return true;
    }
    return false;
}

static bool is_one(char pattern, char c)
{
    return pattern == '#' ? c >= '0' && c <= '9' : pattern == c;
}

/* The last `*` takes one byte more whenever what follows it does not fit: no recursion. */
static bool matches_term(struct nv_str term, struct nv_str name)
{
    size_t at = 0, pos = 0, star = SIZE_MAX, from = 0;
    while (pos < name.len) {
        if (at < term.len && term.ptr[at] == '*') {
            star = at++;
            from = pos;
        } else if (at < term.len && is_one(term.ptr[at], name.ptr[pos])) {
            at++;
            pos++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            pos = ++from;
        } else {
            return false;
        }
    }
    while (at < term.len && term.ptr[at] == '*')
        at++;
    return at == term.len;
}

bool nv_price_pattern_match(struct nv_str pattern, struct nv_str name)
{
    for (size_t pos = 0; pos <= pattern.len;) {
        struct nv_str rest = nv_str_slice(pattern, pos, pattern.len);
        size_t end = nv_str_find_char(rest, '&');
        struct nv_str term = nv_str_slice(rest, 0, end);
        bool negated = term.len > 0 && term.ptr[0] == '!';
        if (matches_term(nv_str_slice(term, negated, term.len), name) == negated)
            return false;
        pos = end == SIZE_MAX ? pattern.len + 1 : pos + end + 1;
    }
    return true;
}
