/*
 * Names of secrets by their ends.
 *
 * Every key of every attribute is asked, and nearly all say no by their last three letters: a
 * bit for each three that a row ends in. Rows with the same three are a chain.
 */
#include "redaction/secrets/names.h"

#include "redaction/secrets/shapes.h"

#include <assert.h>
#include <pthread.h>

#include "base/banned.h"

#define RANDOM_LEN_MIN 12
#define RANDOM_ENTROPY 30 /* tenths of a bit a byte */

static const struct name_end {
    struct nv_str text;
    enum nv_name_kind kind;
} ends[] = {
#define NAME_END(text, kind) {NV_STR_INIT(text), NV_NAME_##kind},
    NV_SECRET_NAMES(NAME_END)
#undef NAME_END
};

#define ENDS (sizeof ends / sizeof ends[0])
uint64_t nv_name_endings[512];
static uint8_t first[64];  /* 1 + row, by a hash of three letters; 0: none */
static uint8_t next[ENDS]; /* the same of the next row */

static unsigned chain_of(unsigned letters)
{
    return (letters * 0x9e37u >> 8) & 63;
}

static void build(void)
{
    static_assert(ENDS < 255, "rows are numbered in a byte");
    for (size_t i = ENDS; i > 0; i--) {
        struct nv_str text = ends[i - 1].text;
        unsigned letters = nv_name_three(text.ptr + text.len);
        nv_name_endings[letters / 64] |= UINT64_C(1) << (letters % 64);
        next[i - 1] = first[chain_of(letters)];
        first[chain_of(letters)] = (uint8_t)i;
    }
}

void nv_names_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, build);
}

static bool is_letter(char c)
{
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z';
}

static bool is_joint(char c)
{
    return c == '_' || c == '-' || c == '.';
}

/* Does `name` end in `end`, whatever its case, what joins words left out? */
static bool ends_in(struct nv_str name, struct nv_str end)
{
    size_t at = name.len;
    for (size_t i = end.len; i > 0; i--) {
        while (at > 0 && is_joint(name.ptr[at - 1]))
            at--;
        if (at == 0 || !is_letter(name.ptr[at - 1]) ||
            (name.ptr[at - 1] | 0x20) != end.ptr[i - 1])
            return false;
        at--;
    }
    return true;
}

enum nv_name_kind nv_name_kind(struct nv_str name)
{
    if (!nv_name_may_end(name, name.len))
        return NV_NAME_NONE;
    unsigned row = first[chain_of(nv_name_three(name.ptr + name.len))];
    for (; row != 0; row = next[row - 1]) {
        if (ends_in(name, ends[row - 1].text))
            return ends[row - 1].kind;
    }
    return NV_NAME_NONE;
}

bool nv_secret_is_random(struct nv_str value)
{
    bool letter = false, digit = false;
    if (value.len < RANDOM_LEN_MIN)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !is_letter(c) && !memchr("_-.+/=~%:|", c, 10))
            return false;
        letter = letter || is_letter(c);
        digit = digit || is_digit;
    }
    return letter && digit && nv_entropy(value) >= RANDOM_ENTROPY;
}
