/*
 * The look-up of a source key: fold its numbers, hash it, compare once.
 *
 *   llm.input_messages.12.message.role ─▶ llm.input_messages.{i}.message.role, [12] ─▶ slot ─▶ key
 *
 * A key without numbers is looked up in place, without a copy. Wildcard patterns are stored
 * with the dot before {*}, so that a miss is retried on ever shorter prefixes: as many look-ups
 * as the key has dots, only for keys that no table knows exactly. The hash is our own, because
 * it must be the same in the program that compiles the tables and in the one that uses them. It
 * needs no seed: foreign keys are never inserted, so nobody can build collisions that cost more
 * than one compare a probe. That it does not read all of a long key costs a few of our own keys
 * a second probe.
 */
#include "mapping/rules/rule.h"

#include "base/known.h"

#include <assert.h>
#include <endian.h>

#include "base/banned.h"

/* Keys that match nothing, as those of other instrumentation do: each span has the same ones,
 * and to find out that nothing matches costs more than to find what does. */
static _Thread_local struct missed {
    uint64_t serial; /* of the rules that were asked */
    struct nv_known keys;
} missed;

/* Up to eight bytes from `at` on, as a number. */
static inline uint64_t word_at(const char *at, size_t len)
{
    uint64_t word = 0;
    if (len >= sizeof word)
        memcpy(&word, at, sizeof word);
    else if (len > 0)
        memcpy(&word, at, len);
    return word;
}

/* Of the length and three words: keys of one vocabulary differ at their ends or in the
 * middle. */
static inline uint32_t hash_of(struct nv_str text)
{
    uint64_t hash = word_at(text.ptr, text.len) ^ text.len << 56;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    if (text.len > 8) {
        uint64_t last = word_at(text.ptr + text.len - 8, 8);
        uint64_t middle = word_at(text.ptr + (text.len - 8) / 2, 8);
        hash = (hash ^ hash >> 32 ^ last) * UINT64_C(0xFF51AFD7ED558CCD);
        hash = (hash ^ hash >> 32 ^ middle) * UINT64_C(0xC4CEB9FE1A85EC53);
    }
    return (uint32_t)(hash ^ hash >> 32);
}

uint32_t nv_rule_hash(struct nv_str text)
{
    return hash_of(text);
}

/* As nv_str_eq, without a call for keys, which have 20 to 40 bytes. */
static inline bool same_text(struct nv_str a, struct nv_str b)
{
    if (a.len != b.len || a.len < 8)
        return nv_str_eq(a, b);
    for (size_t i = 0; i + 8 < a.len; i += 8) {
        if (word_at(a.ptr + i, 8) != word_at(b.ptr + i, 8))
            return false;
    }
    return word_at(a.ptr + a.len - 8, 8) == word_at(b.ptr + b.len - 8, 8);
}

/* Index of the key with this text, or UINT16_MAX. */
static inline uint16_t find_text(const struct nv_rules *rules, struct nv_str text, bool wild)
{
    uint32_t hash = hash_of(text);
    uint32_t mask = rules->slot_count - 1;
    for (uint32_t at = hash & mask; rules->slots[at] != 0; at = (at + 1) & mask) {
        const struct nv_rule_key *key = &rules->keys[rules->slots[at] - 1];
        if (key->hash == hash && key->wild == wild && same_text(key->pattern, text))
            return (uint16_t)(rules->slots[at] - 1);
    }
    return UINT16_MAX;
}

uint16_t nv_rules_find_exact(const struct nv_rules *rules, struct nv_str pattern, bool wild)
{
    return find_text(rules, pattern, wild);
}

uint16_t nv_rules_find_field(const struct nv_rules *rules, struct nv_str name)
{
    uint32_t low = NV_FIELD_KNOWN, high = rules->field_count;
    for (uint32_t i = 0; i < NV_FIELD_KNOWN; i++) {
        if (nv_str_eq(rules->fields[i].name, name))
            return (uint16_t)i;
    }
    while (low < high) { /* the others are in order */
        uint32_t middle = low + (high - low) / 2;
        int order = nv_str_cmp(rules->fields[middle].name, name);
        if (order == 0)
            return (uint16_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NV_FIELD_NONE;
}

/* ---- eight bytes at a time --------------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (unsigned char)(byte))

/* The upper bit of each byte of `word` that is zero, the first byte lowest. */
static inline uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low = EACH(0x7f);
    return le64toh(~(((word & low) + low) | word | low));
}

/* Offset of the first byte at or behind `at` that is `c` once `fold` is set in it; text.len:
 * none.
 */
static inline size_t find_folded(struct nv_str text, size_t at, char c, char fold)
{
    for (; at + 8 <= text.len; at += 8) {
        uint64_t found = zero_bytes((word_at(text.ptr + at, 8) | EACH(fold)) ^ EACH(c));
        if (found != 0)
            return at + (size_t)__builtin_ctzll(found) / 8;
    }
    if (at < text.len && text.len >= 8) { /* the last word, without what was looked at */
        uint64_t found =
            zero_bytes((word_at(text.ptr + text.len - 8, 8) | EACH(fold)) ^ EACH(c));
        found &= UINT64_MAX << 8 * (at + 8 - text.len);
        return found != 0 ? text.len - 8 + (size_t)__builtin_ctzll(found) / 8 : text.len;
    }
    while (at < text.len && (text.ptr[at] | fold) != c)
        at++;
    return at;
}

static inline size_t find_byte(struct nv_str text, size_t at, char c)
{
    return find_folded(text, at, c, 0);
}

/* 1 + offset of the last `c` before `end`; 0: none. */
static inline size_t find_last(struct nv_str text, size_t end, char c)
{
    for (; end >= 8; end -= 8) {
        uint64_t found = zero_bytes(word_at(text.ptr + end - 8, 8) ^ EACH(c));
        if (found != 0)
            return end - (size_t)__builtin_clzll(found) / 8;
    }
    if (end > 0 && text.len >= 8) { /* the first word, without what was looked at */
        uint64_t found = zero_bytes(word_at(text.ptr, 8) ^ EACH(c));
        found &= UINT64_MAX >> 8 * (8 - end);
        return found != 0 ? 8 - (size_t)__builtin_clzll(found) / 8 : 0;
    }
    while (end > 0 && text.ptr[end - 1] != c)
        end--;
    return end;
}

/* ---- numbers ----------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Is there a digit right behind a dot? Only then can the key hold a number. */
static bool may_hold_number(struct nv_str key)
{
    for (size_t dot = find_byte(key, 0, '.'); dot + 1 < key.len;
         dot = find_byte(key, dot + 1, '.')) {
        if (is_digit(key.ptr[dot + 1]))
            return true;
    }
    return false;
}

/* Value of the number that fills [pos, end), or UINT32_MAX when it is none or too long. */
static uint32_t number_at(struct nv_str key, size_t pos, size_t end)
{
    if (end == pos || end - pos > 9)
        return UINT32_MAX;
    uint32_t value = 0;
    for (; pos < end; pos++) {
        if (!is_digit(key.ptr[pos]))
            return UINT32_MAX;
        value = value * 10 + (uint32_t)(key.ptr[pos] - '0');
    }
    return value;
}

/* Copies `key` into out->space with its numbers folded; leaves it as it is when it does not
 * fit. */
static void fold(struct nv_str key, struct nv_key_match *out)
{
    size_t used = 0;
    for (size_t pos = 0; pos <= key.len;) {
        const char *dot = pos < key.len ? memchr(key.ptr + pos, '.', key.len - pos) : NULL;
        size_t end = dot ? (size_t)(dot - key.ptr) : key.len;
        uint32_t number = pos > 0 ? number_at(key, pos, end) : UINT32_MAX;
        bool folds = number != UINT32_MAX && out->number_count < NV_KEY_NUMBERS_MAX;
        size_t len = folds ? 3 : end - pos;
        if (used + len + 1 > NV_KEY_FOLDED_MAX) {
            out->number_count = 0;
            return;
        }
        memcpy(out->space + used, folds ? "{i}" : key.ptr + pos, len);
        if (folds)
            out->numbers[out->number_count++] = number;
        used += len;
        if (dot)
            out->space[used++] = '.';
        pos = end + 1;
    }
    out->folded = (struct nv_str){out->space, used};
}

/* Offset in `key` of the part that follows as many dots as `prefix` holds. */
static size_t skip_dots(struct nv_str key, struct nv_str prefix)
{
    size_t dots = 0, pos = 0;
    for (size_t i = 0; i < prefix.len; i++)
        dots += prefix.ptr[i] == '.';
    while (dots > 0 && pos < key.len)
        dots -= key.ptr[pos++] == '.';
    return pos;
}

static void find_prefix(const struct nv_rules *rules, struct nv_str key,
                        struct nv_key_match *out)
{
    /* Most keys begin like no prefix, and most prefixes have a length that none of ours has. */
    if (out->folded.len == 0 || !(rules->wild.first & nv_glob_bits(out->folded).first))
        return;
    for (size_t len = out->folded.len - 1; (len = find_last(out->folded, len, '.')) > 0;
         len--) {
        const struct nv_str prefix = {out->folded.ptr, len};
        bool may = rules->wild.lengths >> (len < 63 ? len : 63) & 1;
        uint16_t found = may ? find_text(rules, prefix, true) : UINT16_MAX;
        if (found == UINT16_MAX)
            continue;
        out->key = (uint16_t)(found + 1);
        out->rest = (uint16_t)len;
        out->source_rest = (uint16_t)skip_dots(key, prefix);
        return;
    }
}

/* By the last part alone, where nothing but conditions ask for a prefix of the key. Few rows
 * ask for one: most keys do not even end in their letter. */
static void find_ending(const struct nv_rules *rules, struct nv_str key,
                        struct nv_key_match *out)
{
    if (!(rules->endings >> (key.ptr[key.len - 1] & 63) & 1))
        return;
    char text[NV_KEY_ENDING_MAX] = "{*}";
    const size_t behind = find_last(key, key.len, '.');
    if (behind == 0 || key.len - behind > sizeof text - 4)
        return;
    memcpy(text + 3, key.ptr + behind - 1, key.len - behind + 1);
    uint16_t found = find_text(rules, (struct nv_str){text, 3 + key.len - behind + 1}, false);
    if (found == UINT16_MAX)
        return;
    out->key = (uint16_t)(found + 1);
    out->rest = out->source_rest = (uint16_t)key.len;
}

/* The way of keys that no table knows as they are. Apart, because few take it: by number, by
 * ever shorter prefixes, then by the last part. */
static __attribute__((noinline)) void find_pattern(const struct nv_rules *rules,
                                                   struct nv_str key, struct nv_key_match *out)
{
    uint16_t found = UINT16_MAX;
    if (may_hold_number(key)) {
        fold(key, out);
        found = find_text(rules, out->folded, false);
    }
    if (found == UINT16_MAX) {
        find_prefix(rules, key, out);
        if (out->key == 0 || rules->keys[out->key - 1].rule_count == 0)
            find_ending(rules, key, out);
        return;
    }
    out->key = (uint16_t)(found + 1);
    out->rest = (uint16_t)out->folded.len;
    out->source_rest = (uint16_t)key.len;
}

/* Is the key known to match nothing in these rules? Notes in `form` how it is remembered. */
static inline bool is_missed(const struct nv_rules *rules, struct nv_str key,
                             struct nv_known_text *form)
{
    if (missed.serial != rules->serial) {
        memset(&missed, 0, sizeof missed);
        missed.serial = rules->serial;
    }
    *form = nv_known_form(key);
    return nv_known_has(&missed.keys, form);
}

void nv_rules_find(const struct nv_rules *rules, struct nv_str key, struct nv_key_match *out)
{
    struct nv_known_text form;
    bool sane = key.len > 0 && key.len <= UINT16_MAX;
    /* Tried as it is first: most keys hold no number, and this need not be found out for
     * them. */
    uint16_t found = sane ? find_text(rules, key, false) : UINT16_MAX;
    out->key = (uint16_t)(found + 1);
    out->rest = out->source_rest = found == UINT16_MAX ? 0 : (uint16_t)key.len;
    out->number_count = 0;
    out->folded = key;
    if (!sane || found != UINT16_MAX || is_missed(rules, key, &form))
        return;
    find_pattern(rules, key, out);
    if (out->key == 0 && form.len != 0)
        *nv_known_place(&missed.keys, &form) = form;
}

struct nv_signs nv_rules_scope_signs(const struct nv_rules *rules, struct nv_str name)
{
    struct nv_signs signs = {{0}};
    for (uint32_t i = 0; i < rules->scope_count; i++) {
        const struct nv_scope_sign *scope = &rules->scopes[i];
        if (nv_glob_any_of(&scope->filter, scope->globs, name))
            signs.bits[scope->sign / 64] |= UINT64_C(1) << scope->sign % 64;
    }
    return signs;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool same_char(char a, char b)
{
    return a == b || lower(a) == lower(b);
}

/* Offset of the first `c`, whose case does not matter, at or behind `at`; text.len for none. */
static size_t find_char(struct nv_str text, size_t at, char c)
{
    return find_folded(text, at, c, c >= 'a' && c <= 'z' ? 0x20 : 0);
}

/* How far both begin with the same text, without a `*`, in steps of eight bytes. */
static inline size_t same_start(struct nv_str pattern, struct nv_str text)
{
    const size_t len = pattern.len < text.len ? pattern.len : text.len;
    size_t at = 0;
    for (; at + 8 <= len; at += 8) {
        const uint64_t word = word_at(pattern.ptr + at, 8);
        if (word != word_at(text.ptr + at, 8) || zero_bytes(word ^ EACH('*')) != 0)
            break;
    }
    return at;
}

/* Classic glob with one kind of wildcard: on a mismatch, the last `*` takes more characters, up
 * to the next that what follows it begins with. */
static bool glob(struct nv_str pattern, struct nv_str text)
{
    size_t p = same_start(pattern, text), t = p, star = SIZE_MAX, mark = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            if (p == pattern.len)
                return true;
            mark = t;
        } else if (p < pattern.len && same_char(pattern.ptr[p], text.ptr[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = mark = pattern.ptr[p] == '*' ? mark + 1
                                             : find_char(text, mark + 1, lower(pattern.ptr[p]));
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* The next of comma-separated globs from *pos on, which moves behind it; false behind the
 * last. */
static inline bool next_glob(struct nv_str globs, size_t *pos, struct nv_str *out)
{
    if (*pos > globs.len)
        return false;
    const size_t end = find_byte(globs, *pos, ',');
    *out = (struct nv_str){globs.ptr + *pos, end - *pos};
    *pos = end + 1;
    return true;
}

bool nv_glob_any(struct nv_str globs, struct nv_str text)
{
    const char first = text.len > 0 ? lower(text.ptr[0]) : '\0';
    struct nv_str one;
    for (size_t pos = 0; next_glob(globs, &pos, &one);) {
        /* most globs differ in their first character already */
        bool may = one.len == 0 || one.ptr[0] == '*' || lower(one.ptr[0]) == first;
        if (may && (nv_str_eq(one, text) || glob(one, text)))
            return true;
    }
    return false;
}

struct nv_glob_filter nv_glob_filter_of(struct nv_str globs)
{
    struct nv_glob_filter filter = {0, 0};
    struct nv_str one;
    for (size_t pos = 0; next_glob(globs, &pos, &one);) {
        size_t stars = 0;
        for (size_t i = 0; i < one.len; i++)
            stars += one.ptr[i] == '*';
        struct nv_glob_filter bits = nv_glob_bits(nv_str_slice(one, 0, one.len - stars));
        filter.lengths |= stars > 0 ? 0 - bits.lengths : bits.lengths;
        filter.first |= stars > 0 && one.ptr[0] == '*' ? UINT64_MAX : bits.first;
    }
    return filter;
}
