/*
 * One pass over a text, a block at a time (blocks.h).
 *
 * Nearly every text holds no secret, so the work is in finding that out. Keys are long runs
 * without white space or quotes: blocks are looked at for what ends words, and only
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
#include "redaction/secrets/anchors.h"
#include "redaction/secrets/blocks.h"
#include "redaction/secrets/escapes.h"
#include "redaction/secrets/names.h"
#include "redaction/secrets/pairs.h"
#include "redaction/secrets/shapes.h"
#include "redaction/secrets/words.h"

#include <assert.h>

#include "base/banned.h"

#define MASK NV_STR("***")

/* Short texts without a secret: names of models and the like. Few places, for ids, which never
 * come again, would each bring another one into the nearest cache. */
#define CLEAN_BITS 6
static _Thread_local struct nv_known_text clean[1u << CLEAN_BITS];

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
    bool quoted; /* the last secret became a mask between quotes */
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
    scan->quoted = quote.len > 0;
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
    from = from < scan->done ? scan->done : from;
    if (from >= to || !nv_anchors_may_be(scan->text, from, to))
        return;
    struct nv_shape_search search = {.text = scan->text, .run = &scan->run};
    for (; from < to; from = scan->done) {
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
    const struct nv_secret_floor floor = {.at = scan->done, .quoted = scan->quoted};
    struct nv_secret_pair pair = nv_pair_find(text, floor, separator);
    if (pair.at.len > 0) {
        take(scan, &pair.at, pair.quote);
    } else if (pair.masked_to > 0) { /* as behind the same password when it was taken */
        scan->done = pair.masked_to;
        scan->quoted = false;
    }
}

static bool is_break(char c)
{
    return c <= '*' || (unsigned char)c > 127 || c == ':' || c == '=';
}

/* The runs of some bytes, before what follows them hides them. */
static void look_at_runs(struct scan *scan, size_t from, size_t end)
{
    for (size_t to; from < end; from = to + 1) {
        for (to = from; to < end && !is_break(scan->text.ptr[to]);)
            to++;
        look_at_run(scan, from, to);
    }
}

/* A private key hides its label, and what stands before `BEGIN` without a break: both are
 * looked at first. */
static void look_at_dash(struct scan *scan, size_t at)
{
    if (at + 1 >= scan->text.len || scan->text.ptr[at + 1] != 'B')
        return;
    struct nv_secret_stretch found = nv_private_key_find(scan->text, scan->done, at);
    if (found.len == 0)
        return;
    size_t begin = at;
    while (begin > scan->done && !is_break(scan->text.ptr[begin - 1]))
        begin--;
    const size_t label = at + sizeof "-BEGIN" - 1;
    look_at_run(scan, begin, label);
    look_at_runs(scan, label, found.from);
    found = nv_private_key_find(scan->text, scan->done, at);
    if (found.len > 0)
        take(scan, &found, NV_STR(""));
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* May a secret stand around the `:` at `at`? Nearly all close a member's name in JSON: what
 * nv_pair_find would ask of it first is asked here, without a call. */
static inline bool may_be_pair(struct nv_str text, size_t at)
{
    if (text.ptr[at] != ':' || at < 2 || text.ptr[at - 1] != '"' || text.ptr[at - 2] == '\\')
        return true;
    return nv_name_may_end(text, at - 1) || (at + 1 < text.len && text.ptr[at + 1] == '/');
}

/* In their order: what is taken at one place hides all before it. False: an escape hides
 * something, the pass is given up. */
static bool look_at_marks(struct scan *scan, size_t at, uint64_t separators, uint64_t others)
{
    const char *bytes = scan->text.ptr + at;
    for (uint64_t all = separators | others; all != 0; all &= all - 1) {
        unsigned i = (unsigned)__builtin_ctzll(all);
        if ((separators >> i & 1) != 0) {
            if (may_be_pair(scan->text, at + i))
                look_at_pair(scan, at + i);
        } else if (bytes[i] == '-') {
            look_at_dash(scan, at + i);
        } else if (!scan->undone && nv_escape_hides(scan->text, at + i)) {
            return false;
        }
    }
    return true;
}

static uint64_t separators_in(const char *bytes, uint64_t special)
{
    uint64_t separators = 0;
    for (uint64_t left = special; left != 0; left &= left - 1) {
        char c = bytes[__builtin_ctzll(left)];
        separators |= c == ':' || c == '=' ? left & -left : 0;
    }
    return separators;
}

/* The breaks of a block before the one at `end`. */
static inline uint64_t breaks_before(uint64_t breaks, unsigned end)
{
    return breaks & ((UINT64_C(1) << end) - 1);
}

/* The run that ends at the break at `end` of a block. */
static void look_at_end(struct scan *scan, const struct nv_blocks *blocks, uint64_t breaks,
                        unsigned end)
{
    uint64_t before = breaks_before(breaks, end);
    size_t begin = before != 0 ? blocks->at + NV_BLOCK_BYTES - (unsigned)__builtin_clzll(before)
                               : blocks->at - blocks->carry;
    look_at_run(scan, begin, blocks->at + end);
}

/*
 * A block in which something is to be looked at. Its sixteenths come one after the other, of
 * each the run that ends in it before what is special: two can't end in one. False: an escape
 * hides something.
 */
RARE static bool look_at_block(struct scan *scan, struct nv_blocks *blocks)
{
    uint64_t special = blocks->marks.special;
    uint64_t separators = separators_in(scan->text.ptr + blocks->at, special);
    uint64_t breaks = blocks->marks.breaks | separators;
    uint64_t ends = nv_block_ends(breaks, blocks->carry);
    for (uint64_t all = ends | special; all != 0;) {
        uint64_t part = UINT64_C(0xffff) << ((unsigned)__builtin_ctzll(all) & 0x30u);
        if ((ends & part) != 0)
            look_at_end(scan, blocks, breaks, (unsigned)__builtin_ctzll(ends & part));
        if (!look_at_marks(scan, blocks->at, separators & part, special & ~separators & part))
            return false;
        all &= ~part;
    }
    blocks->carry = nv_block_carry(breaks, blocks->carry);
    return true;
}

/* False: an escape hides something. */
static bool pass(struct scan *scan)
{
    struct nv_blocks blocks = {.text = scan->text};
    for (; nv_blocks_next(&blocks); blocks.at += NV_BLOCK_BYTES) {
        if (!look_at_block(scan, &blocks))
            return false;
    }
    return true;
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

/* Is it known of a text of one block, without a scan, that it holds no secret? Of nearly all:
 * ids. */
static bool is_plain(struct nv_str text)
{
    const struct nv_block_marks marks = nv_block_of(text);
    if (marks.special != 0)
        return false;
    for (uint64_t ends = nv_block_ends(marks.breaks, 0); ends != 0; ends &= ends - 1) {
        const unsigned end = (unsigned)__builtin_ctzll(ends);
        const uint64_t before = breaks_before(marks.breaks, end);
        const unsigned begin =
            before != 0 ? NV_BLOCK_BYTES - (unsigned)__builtin_clzll(before) : 0;
        if ((begin > 0 && text.ptr[begin - 1] == ' ' &&
             nv_credentials_find(text, 0, begin).len > 0) ||
            nv_anchors_may_be(text, begin, end))
            return false;
    }
    return true;
}

enum nv_err nv_secrets_mask_text(struct nv_arena *arena, struct nv_str *text,
                                 struct nv_secret_counts *counts)
{
    if (nv_secrets_is_short(*text))
        return NV_OK;
    (void)nv_meter_spend_bytes(text->len);
    const struct nv_known_text form = nv_known_form(*text);
    struct nv_known_text *place = &clean[nv_known_hash(&form) >> (64 - CLEAN_BITS)];
    if (form.len != 0 && nv_known_same(place, &form))
        return NV_OK;
    const char *before = text->ptr;
    enum nv_err err = NV_OK;
    if (text->len >= NV_BLOCK_BYTES || !is_plain(*text))
        err = mask_text(arena, text, counts);
    if (err == NV_OK && text->ptr == before && form.len != 0)
        *place = form;
    return err;
}
