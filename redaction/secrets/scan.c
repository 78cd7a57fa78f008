/*
 * One pass over a text, sixteen bytes at a time.
 *
 * Nearly every text holds no secret, so the work is in finding that out. Keys are long runs
 * without white space or quotes: blocks of 16 bytes are looked at for what ends words, and only
 * runs of 15 or more go through the automaton. Pairs are found by their `:` or `=`, private
 * keys by dashes before a `B`. What is taken is passed by from then on (`done`), so that
 * stretches come in order and never overlap.
 *
 * A text with secrets is read twice: first what it becomes is measured, then written. One whose
 * ASCII is escaped is read once more with the escapes undone, and what is found there is taken
 * from the text as it came.
 */
#include "redaction/secrets/scan.h"

#include "base/meter.h"
#include "base/known.h"
#include "redaction/secrets/escapes.h"
#include "redaction/secrets/names.h"
#include "redaction/secrets/pairs.h"
#include "redaction/secrets/shapes.h"
#include "redaction/secrets/words.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

#define MASK NV_STR("***")
#define BLOCK 16u
/* The shortest text that any secret is in: a name, what separates it, one character. */
#define TEXT_MIN (NV_NAME_LEN_MIN + 2)
/* A token of Hugging Face may have 37 letters and nothing else. */
#define WORD_MAX 36u

/* Short texts without a secret: names of models and the like. */
static _Thread_local struct nv_known clean;

/* What a text becomes. */
struct output {
    char *out; /* NULL: measured only */
    size_t len;
    size_t copied; /* of the text as it came */
    struct nv_escape_cursor cursor;
    struct nv_secret_counts *counts; /* NULL: not counted */
};

struct scan {
    struct nv_str raw;     /* what is masked */
    struct nv_str text;    /* what is searched: raw, or raw with its escapes undone */
    struct output *output; /* begun at the first secret, unless `begun`: most texts hold none */
    size_t done;           /* behind the last secret */
    uint32_t found;
    bool undone, begun;
    struct nv_shape_run run;
};

/* ---- what is taken ----------------------------------------------------------------------- */

static void put(const struct scan *scan, size_t from, size_t to)
{
    struct output *output = scan->output;
    if (output->out)
        memcpy(output->out + output->len, scan->raw.ptr + from, to - from);
    output->len += to - from;
}

static size_t raw_place(const struct scan *scan, size_t at)
{
    return scan->undone ? nv_escapes_seek(&scan->output->cursor, scan->raw, at) : at;
}

static void take(struct scan *scan, const struct nv_secret_stretch *stretch,
                 struct nv_str quote)
{
    struct output *output = scan->output;
    size_t quote_from = 0, quote_to = 0;
    assert(stretch->from >= scan->done && stretch->len > 0);
    if (!scan->begun)
        *output = (struct output){.out = NULL};
    scan->begun = true;
    if (quote.len > 0) {
        quote_from = raw_place(scan, (size_t)(quote.ptr - scan->text.ptr));
        quote_to = raw_place(scan, (size_t)(quote.ptr - scan->text.ptr) + quote.len);
    }
    size_t from = raw_place(scan, stretch->from);
    scan->done = stretch->from + stretch->len;
    put(scan, output->copied, from);
    put(scan, quote_from, quote_to);
    if (output->out)
        memcpy(output->out + output->len, MASK.ptr, MASK.len);
    output->len += MASK.len;
    put(scan, quote_from, quote_to);
    output->copied = raw_place(scan, scan->done);
    scan->found++;
    if (output->counts)
        output->counts->of[stretch->rule]++;
}

/* ---- what is looked at ------------------------------------------------------------------- */

#define GIVEN_UP SIZE_MAX

/* What is rare is kept out of the loops that are not: their registers are worth more. */
#define RARE __attribute__((noinline))

/* A run of bytes without white space, quotes or separators. */
RARE static void look_at_run(struct scan *scan, size_t from, size_t to)
{
    from = from < scan->done ? scan->done : from;
    if (to < from + NV_SHAPE_BYTES_MIN)
        return;
    if (from > scan->done && scan->text.ptr[from - 1] == ' ') {
        struct nv_secret_stretch found = nv_credentials_find(scan->text, scan->done, from);
        if (found.len > 0)
            take(scan, &found, NV_STR(""));
    }
    struct nv_shape_search search = {.text = scan->text, .run = &scan->run};
    for (from = from < scan->done ? scan->done : from; from < to; from = scan->done) {
        search.floor = scan->done;
        struct nv_secret_stretch found = nv_shape_find(&search, from, to);
        if (found.len == 0)
            return;
        take(scan, &found, NV_STR(""));
    }
}

static void look_at_pair(struct scan *scan, size_t separator)
{
    struct nv_str text = scan->text;
    if (separator < scan->done)
        return;
    /* a bearer's token of which only two bytes of padding make it long enough */
    if (text.ptr[separator] == '=' && separator >= scan->done + 14) {
        struct nv_secret_stretch found = nv_credentials_find(text, scan->done, separator - 14);
        if (found.len > 0) {
            take(scan, &found, NV_STR(""));
            return;
        }
    }
    struct nv_secret_pair pair = nv_pair_find(text, scan->done, separator);
    if (pair.at.len > 0)
        take(scan, &pair.at, pair.quote);
    else if (pair.masked_to > 0)
        scan->done = pair.masked_to; /* as behind the same password when it was taken */
}

static void look_at_dash(struct scan *scan, size_t at)
{
    if (at + 1 >= scan->text.len || scan->text.ptr[at + 1] != 'B')
        return;
    struct nv_secret_stretch found = nv_private_key_find(scan->text, scan->done, at);
    if (found.len > 0)
        take(scan, &found, NV_STR(""));
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* A bit for each byte of a block. */
struct marks {
    unsigned breaks;  /* what ends words: all up to `*`, and above ASCII */
    unsigned special; /* what is looked at byte by byte: `:` `=` `\` `%` `-` */
};

#ifdef __SSE2__
static inline __m128i is(__m128i block, char c)
{
    return _mm_cmpeq_epi8(block, _mm_set1_epi8(c));
}

static inline struct marks marks_in(__m128i block)
{
    __m128i words = _mm_cmpgt_epi8(block, _mm_set1_epi8('*'));
    /* `%` and `-` differ in one bit */
    __m128i both = is(_mm_and_si128(block, _mm_set1_epi8((char)~('%' ^ '-'))), '%' & '-');
    __m128i pairs = _mm_or_si128(is(block, ':'), is(block, '='));
    __m128i special = _mm_or_si128(_mm_or_si128(pairs, both), is(block, '\\'));
    return (struct marks){.breaks = ~(unsigned)_mm_movemask_epi8(words) & 0xffff,
                          .special = (unsigned)_mm_movemask_epi8(special)};
}

static inline struct marks marks_of(const char *bytes)
{
    return marks_in(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}
#else
static struct marks marks_of(const char *bytes)
{
    struct marks marks = {0};
    for (unsigned i = 0; i < BLOCK; i++) {
        signed char c = (signed char)bytes[i];
        bool special = c == ':' || c == '=' || c == '\\' || c == '%' || c == '-';
        marks.breaks |= (unsigned)(c <= '*') << i;
        marks.special |= (unsigned)special << i;
    }
    return marks;
}
#endif

static_assert(NV_SHAPE_BYTES_MIN >= BLOCK - 1, "a run may lie inside one block");

/*
 * Looks at the run of `carry` bytes that reaches into the block at `at`, if it ends there;
 * returns how many bytes of a run the block ends with. Between two ends of one block no run is
 * long enough: only the first can end one.
 */
static inline size_t look_at_ends(struct scan *scan, size_t at, unsigned ends, size_t carry)
{
    if (ends == 0)
        return carry + BLOCK;
    size_t first = (unsigned)__builtin_ctz(ends);
    if (carry + first >= NV_SHAPE_BYTES_MIN)
        look_at_run(scan, at - carry, at + first);
    return (unsigned)__builtin_clz(ends) - 16;
}

/* In their order: what is taken at one place hides all before it. False: an escape hides
 * something, the pass is given up. */
static bool look_at_marks(struct scan *scan, size_t at, unsigned separators, unsigned others)
{
    const char *bytes = scan->text.ptr + at;
    for (unsigned all = separators | others; all != 0; all &= all - 1) {
        unsigned i = (unsigned)__builtin_ctz(all);
        if ((separators >> i & 1) != 0)
            look_at_pair(scan, at + i);
        else if (bytes[i] == '-')
            look_at_dash(scan, at + i);
        else if (!scan->undone && nv_escape_hides(scan->text, at + i))
            return false;
    }
    return true;
}

/* A block with special bytes, of which separators end runs. Returns as look_at_ends; GIVEN_UP:
 * an escape hides something. */
RARE static size_t look_at_special(struct scan *scan, size_t at, unsigned breaks,
                                   unsigned special, size_t carry)
{
    unsigned separators = 0;
    for (unsigned left = special; left != 0; left &= left - 1) {
        char c = scan->text.ptr[at + (unsigned)__builtin_ctz(left)];
        separators |= c == ':' || c == '=' ? left & -left : 0;
    }
    carry = look_at_ends(scan, at, breaks | separators, carry);
    return look_at_marks(scan, at, separators, special & ~separators) ? carry : GIVEN_UP;
}

static inline size_t look_at_block(struct scan *scan, size_t at, struct marks marks,
                                   size_t carry)
{
    if (marks.special != 0)
        return look_at_special(scan, at, marks.breaks, marks.special, carry);
    return look_at_ends(scan, at, marks.breaks, carry);
}

/* The same of a text of 4 bytes or more that is shorter than a block, as if zeros were behind
 * it. */
#ifdef __SSE2__
static inline struct marks marks_of_short(struct nv_str text)
{
    uint64_t low = 0, high = 0;
    if (text.len >= 8) {
        memcpy(&low, text.ptr, 8);
        memcpy(&high, text.ptr + text.len - 8, 8);
        high = text.len > 8 ? high >> (8 * (16 - text.len)) : 0;
    } else if (text.len >= 4) {
        uint32_t begin, end;
        memcpy(&begin, text.ptr, 4);
        memcpy(&end, text.ptr + text.len - 4, 4);
        low = begin | (uint64_t)end << (8 * (text.len - 4));
    }
    return marks_in(_mm_set_epi64x((int64_t)high, (int64_t)low));
}
#else
static struct marks marks_of_short(struct nv_str text)
{
    char bytes[BLOCK] = {0};
    memcpy(bytes, text.ptr, text.len);
    return marks_of(bytes);
}
#endif

/* Of the last bytes from `at` on, fewer than a block; the end of the text is a break. */
static struct marks marks_of_rest(struct nv_str text, size_t at)
{
    unsigned rest = (unsigned)(text.len - at);
    struct marks marks;
    if (text.len >= BLOCK) {
        marks = marks_of(text.ptr + text.len - BLOCK);
        marks.breaks >>= BLOCK - rest;
        marks.special >>= BLOCK - rest;
    } else {
        marks = marks_of_short(text);
    }
    marks.breaks |= 1u << rest;
    return marks;
}

/* False: an escape hides something. */
static bool pass(struct scan *scan)
{
    struct nv_str text = scan->text;
    size_t at = 0, carry = 0;
    for (; text.len - at >= BLOCK && carry != GIVEN_UP; at += BLOCK)
        carry = look_at_block(scan, at, marks_of(text.ptr + at), carry);
    if (carry != GIVEN_UP)
        carry = look_at_block(scan, at, marks_of_rest(text, at), carry);
    return carry != GIVEN_UP;
}

/* ---- writing ----------------------------------------------------------------------------- */

/* Writes what was measured. */
static enum nv_err write_masked(const struct scan *measured, struct nv_arena *arena,
                                struct nv_str *text, struct nv_secret_counts *counts)
{
    size_t len = measured->output->len + measured->raw.len - measured->output->copied;
    struct output output = {.counts = counts, .out = nv_arena_raw(arena, len)};
    struct scan scan = {.raw = measured->raw,
                        .text = measured->text,
                        .output = &output,
                        .undone = measured->undone,
                        .begun = true};
    if (!output.out)
        return NV_ERR_NO_MEMORY;
    *counts = (struct nv_secret_counts){0};
    (void)pass(&scan);
    put(&scan, output.copied, scan.raw.len);
    assert(output.len == len && scan.found == measured->found);
    *text = (struct nv_str){output.out, len};
    return NV_OK;
}

void nv_secrets_ready(void)
{
    nv_shapes_ready();
    nv_names_ready();
}

/* ---- texts that are passed by ------------------------------------------------------------ */

/* Too short for a run, and without a separator or an escape. */
static bool is_short(struct nv_str text)
{
    return text.len < NV_SHAPE_BYTES_MIN && marks_of_short(text).special == 0;
}

#ifdef __SSE2__
static bool is_word_block(const char *bytes)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('a' - 1)),
                                    _mm_cmplt_epi8(block, _mm_set1_epi8('z' + 1)));
    __m128i joints = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('.')),
                                  _mm_cmpeq_epi8(block, _mm_set1_epi8('_')));
    return _mm_movemask_epi8(_mm_or_si128(letters, joints)) == 0xffff;
}
#else
static bool is_word_block(const char *bytes)
{
    for (unsigned i = 0; i < BLOCK; i++) {
        if ((bytes[i] < 'a' || bytes[i] > 'z') && bytes[i] != '.' && bytes[i] != '_')
            return false;
    }
    return true;
}
#endif

/* Only letters in lower case, `.` and `_`, as most keys and many values are: no key is made of
 * so few without anything else. The last block overlaps the one before it. */
static bool is_word(struct nv_str text)
{
    if (text.len < BLOCK || text.len > WORD_MAX)
        return false;
    for (size_t at = 0; at + BLOCK < text.len; at += BLOCK) {
        if (!is_word_block(text.ptr + at))
            return false;
    }
    return is_word_block(text.ptr + text.len - BLOCK);
}

/* ---- texts ------------------------------------------------------------------------------- */

RARE static enum nv_err mask_text(struct nv_arena *arena, struct nv_str *text,
                                  struct nv_secret_counts *counts)
{
    struct output output;
    struct scan scan = {.raw = *text, .text = *text, .output = &output};
    if (!pass(&scan)) {
        scan = (struct scan){.raw = *text, .output = &output, .undone = true};
        scan.text = nv_escapes_undo(arena, *text);
        if (!scan.text.ptr)
            return NV_ERR_NO_MEMORY;
        (void)nv_meter_spend_bytes(text->len);
        (void)pass(&scan);
    }
    return scan.found > 0 ? write_masked(&scan, arena, text, counts) : NV_OK;
}

enum nv_err nv_secrets_mask_text(struct nv_arena *arena, struct nv_str *text,
                                 struct nv_secret_counts *counts)
{
    if (text->len < TEXT_MIN || is_short(*text) || is_word(*text))
        return NV_OK;
    (void)nv_meter_spend_bytes(text->len);
    const char *before = text->ptr;
    const struct nv_known_text form = nv_known_form(*text);
    if (nv_known_has(&clean, &form))
        return NV_OK;
    enum nv_err err = mask_text(arena, text, counts);
    if (err == NV_OK && text->ptr == before && form.len != 0)
        *nv_known_place(&clean, &form) = form;
    return err;
}
