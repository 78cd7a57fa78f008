/*
 * A class for each byte; only what is not ASCII is decoded, and of that only what can be a
 * digit.
 */
#include "redaction/personal/hints.h"

#include "redaction/personal/characters.h"

#include "base/banned.h"

#define GAP_MAX 3u

struct pass {
    struct nv_hints hints;
    uint32_t run, dense, gap, capitals;
};

static void end_run(struct pass *pass)
{
    if (pass->run > pass->hints.run)
        pass->hints.run = pass->run;
    pass->run = 0;
}

static void end_dense(struct pass *pass)
{
    if (pass->dense > pass->hints.dense)
        pass->hints.dense = pass->dense;
    pass->dense = 0;
}

static void see_digit(struct pass *pass)
{
    pass->hints.iban |= pass->capitals >= 2;
    pass->hints.pan |= pass->capitals >= 5;
    pass->capitals = 0;
    pass->run++;
    pass->dense++;
    pass->gap = 0;
}

/* JSON may write / as \/. */
static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

static void see_other(struct pass *pass, struct nv_str text, size_t at)
{
    char c = text.ptr[at];
    bool behind_digit = pass->run > 0;
    if (behind_digit)
        end_run(pass);
    if (pass->dense > 0 && ++pass->gap > GAP_MAX)
        end_dense(pass);
    if (c >= 'A' && c <= 'Z') {
        pass->capitals++;
        return;
    }
    pass->capitals = 0;
    switch (c) {
    case '\\':
        pass->hints.escape = true;
        return;
    case '@':
        pass->hints.at = true;
        return;
    case '.':
        pass->hints.dots += behind_digit;
        return;
    case ')':
        pass->hints.area |= behind_digit;
        return;
    case ':':
        pass->hints.url |= at > 0 && (text.ptr[at - 1] == 'p' || text.ptr[at - 1] == 's') &&
                           text.len - at > 2 && is_slash(text.ptr[at + 1]) &&
                           is_slash(text.ptr[at + 2]);
        return;
    default:
        return;
    }
}

/* No digit begins with these: Latin to Hebrew, punctuation to the end of CJK. */
static bool cannot_be_digit(unsigned char first)
{
    return first < 0xd9 || (first >= 0xe2 && first <= 0xe9);
}

static void see_unicode(struct pass *pass, struct nv_str text, size_t at)
{
    unsigned char first = (unsigned char)text.ptr[at];
    pass->hints.ascii = false;
    if ((first & 0xc0u) == 0x80u)
        return;
    if (!cannot_be_digit(first) && nv_digit_value(nv_character_at(text, at).code) >= 0)
        see_digit(pass);
    else
        see_other(pass, text, at);
}

struct nv_hints nv_hints_of(struct nv_str text)
{
    struct pass pass = {.hints = {.ascii = true}};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= '0' && c <= '9')
            see_digit(&pass);
        else if (c >= 0x80)
            see_unicode(&pass, text, i);
        else if (c < 'a' || pass.run > 0 || pass.dense > 0 || pass.capitals > 0)
            see_other(&pass, text, i);
    }
    end_run(&pass);
    end_dense(&pass);
    return pass.hints;
}
