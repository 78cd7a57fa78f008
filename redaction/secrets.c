/*
 * Secrets masked.
 *
 *   trace ─▶ attributes ─┬─ key is a secret's ─▶ whole value ***
 *                        └─ text ─▶ find_secret ─▶ the nearest of three searches ─▶ *** ─▶ on
 *                                       ├─ words    runs of 16 bytes ─▶ prefixes of makers, Bearer
 *                                       ├─ `:` ─┐
 *                                       └─ `=` ─┴─ name before it, value behind it
 *
 * Each search keeps what it found until the text is past it, so that a text is read once for
 * each, however many secrets it holds.
 *
 * Nearly every text holds none, so the work is in finding that out. Words that look like keys
 * are long runs without a space: blocks of 16 bytes are looked at for what ends words, and only
 * in runs of 16 or more are the patterns tried. Pairs are found by their `:` or `=`, then what
 * stands before it is read backwards. What was found becomes "***", which is also valid inside
 * JSON text, so that JSON need not be parsed. Patterns are spelled by hand: five prefixes need
 * no regular expressions.
 */
#include "redaction/secrets.h"
#include "base/meter.h"
#include "model/key_index.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

#define MASK NV_STR("***")
/* The shortest word that any pattern takes ("Bearer " not counted), and the stride to find
 * it. */
#define WORD_MIN 16
#define NAME_MAX_LEN 40
/* The shortest text that any secret is in: a name (TAIL_MIN), what separates it, one
 * character. */
#define SECRET_MIN (TAIL_MIN + 2)

/* ---- keys -------------------------------------------------------------------------------- */

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

/* Does `name` end in `tail`, whatever its case, with `-` as `_`? */
static bool ends_in(struct nv_str name, const char *tail, size_t len)
{
    if (name.len < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (folded(name.ptr[name.len - len + i]) != tail[i])
            return false;
    }
    return true;
}

/* X(last two letters, name): what the names of secrets end in. */
#define TAIL_TABLE(X)                                                                          \
    X('e', 'y', "api_key")                                                                     \
    X('e', 'y', "apikey")                                                                      \
    X('e', 't', "secret")                                                                      \
    X('e', 'y', "secret_key")                                                                  \
    X('r', 'd', "password")                                                                    \
    X('o', 'n', "authorization")                                                               \
    X('e', 'y', "access_key")                                                                  \
    X('e', 'y', "private_key")                                                                 \
    X('a', 'l', "credential")                                                                  \
    X('l', 's', "credentials")                                                                 \
    X('e', 'n', "access_token")                                                                \
    X('e', 'n', "refresh_token")                                                               \
    X('e', 'n', "auth_token")                                                                  \
    X('e', 'n', "session_token")                                                               \
    X('e', 't', "client_secret")

struct tail {
    struct nv_str name;
    char before, last;
};
#define TAIL(before, last, name) {NV_STR_INIT(name), before, last},
static const struct tail tails[] = {TAIL_TABLE(TAIL)};
#undef TAIL

/* The shortest of them: no shorter key is read. */
#define TAIL_MIN (sizeof "apikey" - 1)
#define LONG_ENOUGH(before, last, name) static_assert(sizeof(name) - 1 >= TAIL_MIN, name);
TAIL_TABLE(LONG_ENOUGH)
#undef LONG_ENOUGH

/* Can a secret's name end in `c`? Asked of every name, and no is what it mostly says. */
static bool ends_a_secret(char c)
{
#define LETTER(before, last, name) | (UINT32_C(1) << ((last) - 'a'))
    static const uint32_t letters = 0 TAIL_TABLE(LETTER);
#undef LETTER
    return c >= 'a' && c <= 'z' && (letters >> (c - 'a') & 1) != 0;
}

/* Can it end in these two? Of the names that are left, nearly all end here. */
static bool end_a_secret(char before, char last)
{
#define LETTERS(b, l, name) || (before == (b) && last == (l))
    return false TAIL_TABLE(LETTERS);
#undef LETTERS
}

bool nv_secrets_is_key(struct nv_str key)
{
    if (key.len < TAIL_MIN)
        return false;
    const char last = folded(key.ptr[key.len - 1]);
    if (!ends_a_secret(last) || !end_a_secret(folded(key.ptr[key.len - 2]), last))
        return false;
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        assert(tails[i].last == tails[i].name.ptr[tails[i].name.len - 1]);
        assert(tails[i].before == tails[i].name.ptr[tails[i].name.len - 2]);
        if (last == tails[i].last && ends_in(key, tails[i].name.ptr, tails[i].name.len))
            return true;
    }
    return false;
}

/* ---- words ------------------------------------------------------------------------------- */

/* Characters of words (1) and of bearer tokens too (2, RFC 6750 section 2.1), by their code. */
static const uint8_t classes[256] = {
    ['+'] = 2, ['-'] = 3, ['.'] = 2, ['/'] = 2, ['0'] = 3, ['1'] = 3, ['2'] = 3, ['3'] = 3,
    ['4'] = 3, ['5'] = 3, ['6'] = 3, ['7'] = 3, ['8'] = 3, ['9'] = 3, ['='] = 2, ['A'] = 3,
    ['B'] = 3, ['C'] = 3, ['D'] = 3, ['E'] = 3, ['F'] = 3, ['G'] = 3, ['H'] = 3, ['I'] = 3,
    ['J'] = 3, ['K'] = 3, ['L'] = 3, ['M'] = 3, ['N'] = 3, ['O'] = 3, ['P'] = 3, ['Q'] = 3,
    ['R'] = 3, ['S'] = 3, ['T'] = 3, ['U'] = 3, ['V'] = 3, ['W'] = 3, ['X'] = 3, ['Y'] = 3,
    ['Z'] = 3, ['_'] = 3, ['a'] = 3, ['b'] = 3, ['c'] = 3, ['d'] = 3, ['e'] = 3, ['f'] = 3,
    ['g'] = 3, ['h'] = 3, ['i'] = 3, ['j'] = 3, ['k'] = 3, ['l'] = 3, ['m'] = 3, ['n'] = 3,
    ['o'] = 3, ['p'] = 3, ['q'] = 3, ['r'] = 3, ['s'] = 3, ['t'] = 3, ['u'] = 3, ['v'] = 3,
    ['w'] = 3, ['x'] = 3, ['y'] = 3, ['z'] = 3, ['~'] = 2};

static bool is_word(char c)
{
    return (classes[(unsigned char)c] & 1) != 0;
}

static bool is_token(char c)
{
    return classes[(unsigned char)c] != 0;
}

/* Does a key of a known maker begin at the start of this run of word characters? */
static bool looks_like_key(struct nv_str word)
{
    static const struct {
        struct nv_str prefix;
        size_t rest_min;
    } rows[] = {
        {NV_STR_INIT("sk-"), 20},  {NV_STR_INIT("AKIA"), 16}, {NV_STR_INIT("AIza"), 35},
        {NV_STR_INIT("ghp_"), 36}, {NV_STR_INIT("gho_"), 36}, {NV_STR_INIT("ghu_"), 36},
        {NV_STR_INIT("ghs_"), 36}, {NV_STR_INIT("ghr_"), 36}, {NV_STR_INIT("github_pat_"), 22}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (word.len >= rows[i].prefix.len + rows[i].rest_min &&
            nv_str_starts(word, rows[i].prefix))
            return true;
    }
    return false;
}

/* Is the run [from, ...) of `text` preceded by "Bearer "? */
static bool after_bearer(struct nv_str text, size_t from)
{
    return from >= 7 && nv_str_ieq(nv_str_slice(text, from - 7, 7), NV_STR("Bearer "));
}

/* A stretch to be masked; len 0: none. */
struct stretch {
    size_t from, len;
};

/* The secret in the run of token characters around `at`, not before `from`; *end is the
 * run's. */
static struct stretch try_word(struct nv_str text, size_t from, size_t at, size_t *end)
{
    size_t start = at;
    *end = at;
    while (start > from && is_token(text.ptr[start - 1]))
        start--;
    while (*end < text.len && is_token(text.ptr[*end]))
        (*end)++;
    if (*end - start < WORD_MIN)
        return (struct stretch){0};
    if (after_bearer(text, start))
        return (struct stretch){start, *end - start};
    for (size_t i = start; i < *end; i++) {
        size_t stop = i;
        while (stop < *end && is_word(text.ptr[stop]))
            stop++;
        if (looks_like_key((struct nv_str){text.ptr + i, stop - i}))
            return (struct stretch){i, stop - i};
        i = stop;
    }
    return (struct stretch){0};
}

/* No byte of a word or token is one of these or above 0x7f: white space, quotes, commas and the
 * like end nearly all words of prose. What is left is looked at closely. */
static bool ends_words(char c)
{
    return c <= '*';
}

/* The next run of at least WORD_MIN bytes from *start on that may all be in one word; false
 * when there is none. Most texts hold none, so this is what they cost: a few instructions a
 * block. */
static bool next_run(struct nv_str text, size_t *start, size_t *end)
{
    size_t from = *start, at = from;
#ifdef __SSE2__
    for (; text.len - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + at));
        unsigned words = (unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(block, _mm_set1_epi8('*')));
        unsigned breaks = ~words & 0xffff;
        if (breaks == 0)
            continue;
        *start = from;
        *end = at + (size_t)__builtin_ctz(breaks);
        if (*end - from >= WORD_MIN)
            return true;
        from = at + 32 - (size_t)__builtin_clz(breaks);
    }
#endif
    if (text.len - from < WORD_MIN)
        return false;
    for (; at <= text.len; at++) {
        if (at < text.len && !ends_words(text.ptr[at]))
            continue;
        *start = from;
        *end = at;
        if (at - from >= WORD_MIN)
            return true;
        from = at + 1;
    }
    return false;
}

/* The first word at or behind `from` that looks like a key. Each run is looked at once. */
static struct stretch find_word(struct nv_str text, size_t from)
{
    size_t run_end = 0;
    for (size_t run = from; run < text.len && next_run(text, &run, &run_end); run = run_end) {
        for (size_t at = run + WORD_MIN - 1; at < run_end;) {
            size_t end = at;
            if (is_token(text.ptr[at])) {
                struct stretch found = try_word(text, from, at, &end);
                if (found.len > 0)
                    return found;
            }
            at = end + WORD_MIN;
        }
    }
    return (struct stretch){0};
}

/* ---- pairs ------------------------------------------------------------------------------- */

static bool is_name(char c)
{
    return is_word(c) || c == '.';
}

/* The name that ends before the separator at `at`, quotes and spaces between them passed
 * over. */
static struct nv_str name_before(struct nv_str text, size_t at)
{
    size_t end = at;
    while (end > 0 && text.ptr[end - 1] == ' ')
        end--;
    while (end > 0 &&
           (text.ptr[end - 1] == '"' || text.ptr[end - 1] == '\'' || text.ptr[end - 1] == '\\'))
        end--;
    size_t from = end;
    while (from > 0 && end - from < NAME_MAX_LEN && is_name(text.ptr[from - 1]))
        from--;
    return nv_str_slice(text, from, end - from);
}

/*
 * Length of a quoted value that begins at `from`, its opening quote having `escapes`
 * backslashes before it: JSON in JSON escapes its quotes once more a level. Level L closes with
 * 2^L - 1 of them; a quote inside has more, an escaped backslash at the end adds a multiple of
 * 2^(L+1).
 */
static size_t quoted_len(struct nv_str text, size_t from, size_t escapes, char quote)
{
    size_t backslashes = 0;
    for (size_t i = from; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == quote && backslashes % (2 * (escapes + 1)) == escapes)
            return i - escapes - from;
        backslashes = c == '\\' ? backslashes + 1 : 0;
    }
    return text.len - from;
}

/* The value behind the separator at `at`: between quotes, else up to a space, comma or
 * bracket. */
static struct stretch value_behind(struct nv_str text, size_t at, bool *quoted)
{
    size_t from = at + 1;
    while (from < text.len && text.ptr[from] == ' ')
        from++;
    size_t open = from;
    while (open < text.len && text.ptr[open] == '\\')
        open++;
    *quoted = open < text.len && (text.ptr[open] == '"' || text.ptr[open] == '\'');
    if (*quoted) {
        return (struct stretch){open + 1,
                                quoted_len(text, open + 1, open - from, text.ptr[open])};
    }
    size_t to = from;
    while (to < text.len && !strchr(" \t\r\n,;&\"'{}[]()<>\\", text.ptr[to]))
        to++;
    return (struct stretch){from, to - from};
}

/* "Authorization: Bearer x": the scheme stays, what follows it goes. */
static struct stretch past_scheme(struct nv_str text, struct stretch value)
{
    static const struct nv_str schemes[] = {NV_STR_INIT("Bearer"), NV_STR_INIT("Basic")};
    for (size_t i = 0; i < 2; i++) {
        struct nv_str word = nv_str_slice(text, value.from, value.len);
        size_t behind = value.from + schemes[i].len;
        bool quoted = false;
        if (nv_str_ieq(word, schemes[i]) && behind < text.len && text.ptr[behind] == ' ')
            return value_behind(text, behind, &quoted);
    }
    return value;
}

/* A number or word that is not quoted behind a name that is: masking it would break the
 * JSON. */
static bool is_bare_json(struct nv_str text, size_t at, bool quoted)
{
    while (at > 0 && text.ptr[at - 1] == ' ')
        at--;
    return !quoted && at > 0 && text.ptr[at - 1] == '"';
}

static bool is_plain(struct nv_str value)
{
    return nv_str_eq(value, NV_STR("null")) || nv_str_eq(value, NV_STR("true")) ||
           nv_str_eq(value, NV_STR("false")) || nv_str_eq(value, MASK);
}

/* Can the name before the separator at `at` (> 0) be a secret's? All of them end in these
 * letters; most names don't, and are not read further. */
static bool may_be_name(struct nv_str text, size_t at)
{
    char c = text.ptr[at - 1];
    if (c == '"' && at > 1)
        c = text.ptr[at - 2];
    c = folded(c);
    return ends_a_secret(c) || c == '\\' || c == ' ' || c == '"' || c == '\'';
}

/* The first secret's value behind a `separator` at or after `from`. */
static struct stretch find_pair(struct nv_str text, size_t from, char separator)
{
    while (from < text.len) {
        const char *found = memchr(text.ptr + from, separator, text.len - from);
        if (!found)
            break;
        size_t at = (size_t)(found - text.ptr);
        if (at > 0 && may_be_name(text, at) && nv_secrets_is_key(name_before(text, at))) {
            bool quoted = false;
            struct stretch value = past_scheme(text, value_behind(text, at, &quoted));
            if (value.len > 0 && value.from >= from && !is_bare_json(text, at, quoted) &&
                !is_plain(nv_str_slice(text, value.from, value.len)))
                return value;
        }
        from = at + 1;
    }
    return (struct stretch){0};
}

/* ---- texts ------------------------------------------------------------------------------- */

/*
 * What each of the three searches found next. Kept between steps: a text full of pairs must not
 * be searched to its end for words again and again.
 */
struct search {
    struct nv_str text;
    struct stretch next[3];
    bool searched[3];
};

static struct stretch search_one(struct nv_str text, size_t from, unsigned which)
{
    if (which == 0)
        return find_word(text, from);
    return find_pair(text, from, which == 1 ? ':' : '=');
}

/* The first secret at or behind `from`, which never goes back. */
static struct stretch find_secret(struct search *search, size_t from)
{
    struct stretch first = {0};
    for (unsigned i = 0; i < 3; i++) {
        struct stretch *next = &search->next[i];
        if (!search->searched[i] || (next->len > 0 && next->from < from))
            *next = search_one(search->text, from, i);
        search->searched[i] = true;
        if (next->len > 0 && (first.len == 0 || next->from < first.from))
            first = *next;
    }
    return first;
}

struct nv_str nv_secrets_mask_text(struct nv_arena *arena, struct nv_str text)
{
    if (text.len < SECRET_MIN)
        return text;
    struct search search = {.text = text};
    struct stretch found = find_secret(&search, 0);
    if (found.len == 0)
        return text;
    /* a secret of one character grows by two, so three times the length is enough */
    char *out = nv_arena_array(arena, text.len, 3);
    if (!out)
        return (struct nv_str){NULL, text.len};
    size_t len = 0, from = 0;
    for (; found.len > 0; found = find_secret(&search, from)) {
        assert(found.from >= from);
        memcpy(out + len, text.ptr + from, found.from - from);
        len += found.from - from;
        memcpy(out + len, MASK.ptr, MASK.len);
        len += MASK.len;
        from = found.from + found.len;
    }
    memcpy(out + len, text.ptr + from, text.len - from);
    return (struct nv_str){out, len + text.len - from};
}

/* ---- a trace ----------------------------------------------------------------------------- */

static enum nv_err mask_text(struct nv_arena *arena, struct nv_str *text)
{
    if (text->len == 0)
        return NV_OK;
    (void)nv_meter_spend_bytes(text->len);
    struct nv_str masked = nv_secrets_mask_text(arena, *text);
    if (!masked.ptr)
        return NV_ERR_NO_MEMORY;
    *text = masked;
    return NV_OK;
}

static bool holds_something(const struct nv_value *value)
{
    return value->type != NV_VALUE_NULL && value->type != NV_VALUE_BOOL &&
           !(value->type == NV_VALUE_STRING && value->as.string.len == 0);
}

static enum nv_err mask_list(struct nv_arena *arena, struct nv_attribute *items,
                             uint32_t count);

/* Recursion is bounded: values are no deeper than NV_VALUE_DEPTH_MAX. */
static enum nv_err mask_value(struct nv_arena *arena, struct nv_value *value)
{
    enum nv_err err = NV_OK;
    switch (value->type) {
    case NV_VALUE_STRING:
    case NV_VALUE_JSON:
        return mask_text(arena, &value->as.string);
    case NV_VALUE_ARRAY:
        for (uint32_t i = 0; i < value->as.array.count && err == NV_OK; i++)
            err = mask_value(arena, &value->as.array.items[i]);
        return err;
    case NV_VALUE_MAP:
        return mask_list(arena, value->as.map.items, value->as.map.count);
    default:
        return NV_OK;
    }
}

static enum nv_err mask_list(struct nv_arena *arena, struct nv_attribute *items, uint32_t count)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; i < count && err == NV_OK; i++) {
        (void)nv_meter_spend(1);
        if (nv_secrets_is_key(items[i].key) && holds_something(&items[i].value))
            items[i].value = nv_value_string(MASK);
        else
            err = mask_value(arena, &items[i].value);
    }
    return err;
}

static enum nv_err mask_attributes(struct nv_arena *arena, struct nv_attributes *list)
{
    return mask_list(arena, list->items, list->count);
}

static enum nv_err mask_span(struct nv_arena *arena, struct nv_span *span)
{
    enum nv_err err = mask_attributes(arena, &span->attributes);
    for (uint32_t i = 0; i < span->event_count && err == NV_OK; i++)
        err = mask_attributes(arena, &span->events[i].attributes);
    for (uint32_t i = 0; i < span->link_count && err == NV_OK; i++)
        err = mask_attributes(arena, &span->links[i].attributes);
    struct nv_str *const texts[] = {&span->status_message, &span->source_status_message,
                                    &span->exception_message, &span->exception_stacktrace};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && err == NV_OK; i++)
        err = mask_text(arena, texts[i]);
    return err;
}

/* What spans share and is masked already, by its address. */
struct shared {
    struct nv_hash_index origins, resources; /* numbers are those of a span that has it */
    const struct nv_origin *last;
};

static uint64_t address_hash(const void *at)
{
    return nv_number_hash((uint64_t)(uintptr_t)at);
}

/* Was the origin of `span`, or its resource, met at an earlier span? Notes it if not. */
static enum nv_err is_new(struct nv_trace *trace, struct nv_hash_index *index, bool resource,
                          uint32_t span, bool *out)
{
    const struct nv_origin *origin = trace->spans[span].origin;
    const void *wanted = resource ? (const void *)origin->resource.items : origin;
    const struct nv_hash_slot *slot;
    *out = false;
    for (uint32_t at = 0;
         (slot = nv_hash_index_next(index, address_hash(wanted), &at)) != NULL;) {
        const struct nv_origin *other = trace->spans[slot->number - 1].origin;
        if ((resource ? (const void *)other->resource.items : other) == wanted)
            return NV_OK;
    }
    *out = true;
    return nv_hash_index_add(index, trace->arena, address_hash(wanted), span);
}

/* Spans share resources and scopes: each is read once, however they take turns. */
static enum nv_err mask_origin(struct nv_trace *trace, struct shared *shared, uint32_t span)
{
    const struct nv_origin *origin = trace->spans[span].origin;
    bool new_origin = false, new_resource = false;
    if (!origin || origin == shared->last)
        return NV_OK;
    shared->last = origin;
    enum nv_err err = is_new(trace, &shared->origins, false, span, &new_origin);
    if (err != NV_OK || !new_origin)
        return err;
    err =
        mask_list(trace->arena, origin->scope_attributes.items, origin->scope_attributes.count);
    if (err == NV_OK)
        err = is_new(trace, &shared->resources, true, span, &new_resource);
    if (err != NV_OK || !new_resource)
        return err;
    return mask_list(trace->arena, origin->resource.items, origin->resource.count);
}

enum nv_err nv_secrets_mask(struct nv_trace *trace)
{
    struct nv_arena *arena = trace->arena;
    struct shared shared = {.last = NULL};
    enum nv_err err = mask_attributes(arena, &trace->attributes);
    if (err == NV_OK)
        err = mask_attributes(arena, &trace->tags);
    if (err == NV_OK)
        err = mask_attributes(arena, &trace->custom_attributes);
    if (err == NV_OK)
        err = mask_text(arena, &trace->status_message);
    for (uint32_t i = 0; i < trace->span_count && err == NV_OK; i++) {
        err = mask_span(arena, &trace->spans[i]);
        if (err == NV_OK)
            err = mask_origin(trace, &shared, i);
    }
    return err;
}
