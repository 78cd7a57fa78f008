/*
 * One level of the recursion a JSON text in a JSON text: its own two buffers, which are kept
 * for the next text.
 *
 *   arguments: "{\"to\":\"{\\\"mail\\\":...}\"}"
 *   level 0     reader over the text        out: what is written so far, copied up to `copied`
 *   level 1       plain: its string, undone   out: ...
 *   level 2         plain: ...                  └ NV_NESTED_MAX: deeper is masked as a whole
 *
 * JSON is copied up to what changed, so that numbers, spaces and order stay as they came. Two
 * keys of one text that changed could have become the same: from the second on they are
 * numbered. Quotes that were written as \u0022 come back as \", which doubles with each level
 * around them: what is written counts against the room as what is undone.
 *
 * Whether a text is JSON is known at its end only. So nothing of it is given away before:
 * what was written lies in `out`, counts are put back, and the text is then read as plain
 * text.
 *
 * Rejected: parsing into values and writing them anew. Numbers would change (1.0, 1e400),
 * keys that are there twice would be one, and a trace would differ from what the application
 * sent for every text that was looked at, not only for those where something was found.
 */
#include "redaction/personal/nested.h"

#include "base/json/json_read.h"
#include "base/json/json_write.h"
#include "base/limits.h"
#include "base/text/utf8.h"
#include "redaction/personal/identifying.h"
#include "redaction/personal/loose.h"
#include "redaction/personal/undo.h"

#include <stdlib.h>

#include "base/banned.h"

#define MASK NV_STR("***")
/* Kept between texts. */
#define KEPT_MAX NV_CAP_KIB(256)

struct level {
    struct nv_buf plain, out;
};

struct nv_nested {
    struct nv_personal_finder *finder;
    struct level levels[NV_NESTED_MAX + 1];
    struct nv_nested_keys keys;
    bool keeps; /* nothing is looked for now */
    unsigned depth;
    size_t room;
    /* of the text at hand */
    struct nv_arena *arena;
    enum nv_nested_numbers numbers;
    struct nv_personal_counts *counts;
};

struct nv_nested *nv_nested_new(const struct nv_personal *rules)
{
    struct nv_nested *nested = calloc(1, sizeof *nested);
    if (!nested)
        return NULL;
    for (unsigned i = 0; i <= NV_NESTED_MAX; i++) {
        nv_buf_init(&nested->levels[i].plain, NV_CAP_RECORD);
        nv_buf_init(&nested->levels[i].out, NV_CAP_RECORD);
    }
    nested->finder = nv_personal_finder_new(rules);
    if (nested->finder)
        return nested;
    nv_nested_free(nested);
    return NULL;
}

void nv_nested_free(struct nv_nested *nested)
{
    if (!nested)
        return;
    for (unsigned i = 0; i <= NV_NESTED_MAX; i++) {
        nv_buf_release(&nested->levels[i].plain);
        nv_buf_release(&nested->levels[i].out);
    }
    nv_personal_finder_free(nested->finder);
    free(nested);
}

void nv_nested_set_keys(struct nv_nested *nested, struct nv_nested_keys keys)
{
    nested->keys = keys;
}

struct nv_personal_finder *nv_nested_finder(struct nv_nested *nested)
{
    return nested->finder;
}

static void shrink(struct nv_buf *buf)
{
    if (buf->capacity > KEPT_MAX)
        nv_buf_release(buf);
}

void nv_nested_shrink(struct nv_nested *nested)
{
    for (unsigned i = 0; i <= NV_NESTED_MAX; i++) {
        shrink(&nested->levels[i].plain);
        shrink(&nested->levels[i].out);
    }
    nv_personal_finder_shrink(nested->finder);
}

static bool take_room(struct nv_nested *nested, size_t bytes)
{
    if (bytes > nested->room)
        return false;
    nested->room -= bytes;
    return true;
}

/* ---- text that is no JSON ---------------------------------------------------------------- */

/* Of a text with escapes: what it says. Only what is found in that changes. */
static enum nv_err redact_undone(struct nv_nested *nested, struct nv_str *text)
{
    struct nv_buf *plain = &nested->levels[nested->depth].plain;
    nv_buf_clear(plain);
    if (!take_room(nested, text->len))
        return NV_ERR_LIMIT;
    bool undone = nv_undo_escapes(*text, plain);
    if (plain->failed != NV_OK || !undone)
        return plain->failed;
    const struct nv_hints hints = nv_hints_of(nv_buf_str(plain));
    return nv_personal_undone(nested->finder, nested->arena, text, nv_buf_str(plain), &hints,
                              nested->counts);
}

static enum nv_err redact_flat(struct nv_nested *nested, struct nv_str *text,
                               const struct nv_hints *hints)
{
    struct nv_hints now = *hints;
    const char *before = text->ptr;
    enum nv_err err = hints->escape ? redact_undone(nested, text) : NV_OK;
    if (err != NV_OK)
        return err;
    if (text->ptr != before)
        now = nv_hints_of(*text);
    return nv_personal_text(nested->finder, nested->arena, text, &now, nested->counts);
}

/* ---- JSON -------------------------------------------------------------------------------- */

struct json {
    struct nv_nested *nested;
    struct level *level;
    struct nv_json_reader reader;
    size_t copied;                                      /* of the text, to the buffer */
    uint32_t keys;                                      /* that changed */
    unsigned kept;                                      /* depth inside of a kept value, or 0 */
    uint64_t identifying[NV_JSON_DEPTH_LIMIT / 64 + 1]; /* bit d: the key at level d */
};

/*
 * By the first character: most texts are prose, and end here. One that lies costs a reading.
 */
static bool looks_like_json(struct nv_str text)
{
    size_t at = 0;
    while (at < text.len && (text.ptr[at] == ' ' || (text.ptr[at] >= 9 && text.ptr[at] <= 13)))
        at++;
    return at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '[' || text.ptr[at] == '"');
}

static bool is_wanted(const struct nv_nested *nested, const struct nv_hints *hints)
{
    return !nested->keeps && nv_personal_may_hold(nested->finder, hints);
}

/*
 * A bit for each depth: an array has its key's, an object none, so that the number under
 * "ids": [[4711]] is still under "ids".
 */
static void set_identifying(struct json *json, unsigned depth, bool on)
{
    uint64_t bit = UINT64_C(1) << (depth % 64);
    json->identifying[depth / 64] &= ~bit;
    json->identifying[depth / 64] |= on ? bit : 0;
}

static bool is_identifying(const struct json *json, unsigned depth)
{
    return json->identifying[depth / 64] >> (depth % 64) & 1;
}

/* Copies what stands before the bytes [from, to) of the text, in whose place something
 * comes. */
static struct nv_buf *replace(struct json *json, size_t from, size_t to)
{
    struct nv_buf *out = &json->level->out;
    (void)nv_buf_append(out, json->reader.text.ptr + json->copied, from - json->copied);
    json->copied = to;
    return out;
}

/* Puts a string in place of the bytes [from, to) of the text. */
static enum nv_err put(struct json *json, size_t from, size_t to, struct nv_str text)
{
    struct nv_json_writer writer;
    struct nv_buf *out = replace(json, from, to);
    nv_json_write_init(&writer, out);
    nv_json_write_string(&writer, text);
    return out->failed;
}

/* Makes *text, the string at hand, what it says. */
static enum nv_err unescape(struct json *json, struct nv_str *text)
{
    struct nv_buf *plain = &json->level->plain;
    nv_buf_clear(plain);
    if (!take_room(json->nested, text->len))
        return NV_ERR_LIMIT;
    if (nv_json_unescape_to(plain, *text) != NV_OK)
        return plain->failed;
    *text = nv_buf_str(plain);
    return NV_OK;
}

static enum nv_err redact_text(struct nv_nested *nested, struct nv_str *text,
                               const struct nv_hints *hints);

/*
 * Redacts what the string at hand says; *changed: into *text.
 *
 *   raw ─▶ hints, of the escaped form ─▶ nothing wanted: done, nothing was copied
 *      └─▶ undone ─▶ hints again ─▶ one level deeper
 *
 * Hints may count too much, never too little, also of text with escapes in it: `escape`
 * beside a digit is enough to look.
 */
static enum nv_err redact_string(struct json *json, struct nv_str *text, bool *changed)
{
    struct nv_nested *nested = json->nested;
    *text = json->reader.raw;
    *changed = false;
    struct nv_hints hints = nv_hints_of(*text);
    /* without an escape there is no quote in it, so no key */
    bool may_have_keys = nested->keys.act && json->reader.escaped;
    if (!is_wanted(nested, &hints) && !may_have_keys)
        return NV_OK;
    if (json->reader.escaped) {
        enum nv_err err = unescape(json, text);
        if (err != NV_OK)
            return err;
        hints = nv_hints_of(*text);
    }
    if (nested->depth == NV_NESTED_MAX)
        return NV_ERR_LIMIT;
    const char *before = text->ptr;
    nested->depth++;
    enum nv_err err = redact_text(nested, text, &hints);
    nested->depth--;
    *changed = text->ptr != before;
    return err;
}

static enum nv_err redact_key(struct json *json)
{
    size_t from = (size_t)(json->reader.raw.ptr - json->reader.text.ptr) - 1;
    size_t to = from + json->reader.raw.len + 2;
    bool changed = false;
    struct nv_str text;
    set_identifying(json, json->reader.depth, nv_personal_is_identifying(json->reader.raw));
    if (json->nested->keeps)
        return NV_OK;
    enum nv_err err = redact_string(json, &text, &changed);
    if (err != NV_OK || !changed)
        return err;
    if (json->keys++ > 0) {
        text = nv_arena_printf(json->nested->arena, "%.*s#%u", NV_STR_ARG(text), json->keys);
        if (!text.ptr)
            return NV_ERR_NO_MEMORY;
    }
    return put(json, from, to, text);
}

static enum nv_err redact_value(struct json *json)
{
    size_t from = (size_t)(json->reader.raw.ptr - json->reader.text.ptr) - 1;
    size_t to = from + json->reader.raw.len + 2;
    bool changed = false;
    struct nv_str text;
    enum nv_err err = redact_string(json, &text, &changed);
    return err == NV_OK && changed ? put(json, from, to, text) : err;
}

/*
 * Whole numbers only: nobody is identified by 0.7, and a fraction that became a word would
 * break who reads a score. What 64 bits don't hold stays.
 */
static enum nv_err redact_number(struct json *json)
{
    struct nv_nested *nested = json->nested;
    size_t from = (size_t)(json->reader.raw.ptr - json->reader.text.ptr);
    struct nv_str text;
    int64_t number = 0;
    if (!json->reader.integer || nested->keeps ||
        (nested->numbers == NV_NESTED_IDENTIFYING && !is_identifying(json, json->reader.depth)))
        return NV_OK;
    if (nv_str_to_int64(json->reader.raw, &number) != NV_OK)
        return NV_OK;
    enum nv_err err =
        nv_personal_number(nested->finder, nested->arena, number, &text, nested->counts);
    return err == NV_OK && text.ptr ? put(json, from, from + json->reader.raw.len, text) : err;
}

/* What is to be done with the value of the key at hand. */
static enum nv_err find_act(struct json *json, enum nv_nested_act *act)
{
    const struct nv_nested_keys *keys = &json->nested->keys;
    struct nv_str key = json->reader.raw;
    enum nv_err err = NV_OK;
    *act = NV_NESTED_ACT_NONE;
    if (!keys->act)
        return NV_OK;
    if (json->reader.escaped)
        err = unescape(json, &key);
    if (err == NV_OK)
        *act = keys->act(keys->ctx, key);
    return err;
}

static enum nv_err hash_member(struct json *json, bool string, size_t from, size_t to)
{
    struct nv_str text =
        string ? json->reader.raw : nv_str_slice(json->reader.text, from, to - from);
    enum nv_err err = NV_OK;
    if (string && json->reader.escaped)
        err = unescape(json, &text);
    if (err != NV_OK || (string && nv_personal_is_whole(text)))
        return err;
    err = nv_personal_whole(json->nested->finder, json->nested->arena, &text);
    json->nested->counts->keys++;
    return err == NV_OK ? put(json, from, to, text) : err;
}

/* Where the token that was just read begins. */
static size_t token_begin(const struct nv_json_reader *reader, enum nv_json_token token)
{
    switch (token) {
    case NV_JSON_STRING:
        return (size_t)(reader->raw.ptr - reader->text.ptr) - 1;
    case NV_JSON_NUMBER:
        return (size_t)(reader->raw.ptr - reader->text.ptr);
    case NV_JSON_TRUE:
        return reader->pos - 4;
    case NV_JSON_FALSE:
        return reader->pos - 5;
    default:
        return reader->pos - 1;
    }
}

static enum nv_err redact_token(struct json *json, enum nv_json_token token);

/* Nothing is looked for until the value ends whose first token is at hand. */
static enum nv_err keep_member(struct json *json, enum nv_json_token token)
{
    struct nv_nested *nested = json->nested;
    bool before = nested->keeps;
    nested->keeps = true;
    enum nv_err err = redact_token(json, token);
    if (token != NV_JSON_OBJECT_BEGIN && token != NV_JSON_ARRAY_BEGIN)
        nested->keeps = before;
    else if (!before)
        json->kept = json->reader.depth;
    return err;
}

static void end_kept(struct json *json)
{
    if (json->kept == 0 || json->reader.depth >= json->kept)
        return;
    json->kept = 0;
    json->nested->keeps = false;
}

/* The value of a key of which something is wanted; broken JSON is told by the next token. */
static enum nv_err take_member(struct json *json, enum nv_nested_act act)
{
    struct nv_json_reader *reader = &json->reader;
    enum nv_json_token token = nv_json_next(reader);
    if (token == NV_JSON_ERROR || token == NV_JSON_NULL)
        return NV_OK;
    if (act == NV_NESTED_ACT_KEEP)
        return keep_member(json, token);
    size_t from = token_begin(reader, token);
    if (nv_json_skip(reader, token) != NV_OK)
        return NV_OK;
    if (act == NV_NESTED_ACT_HASH)
        return hash_member(json, token == NV_JSON_STRING, from, reader->pos);
    json->nested->counts->keys++;
    return nv_buf_append_str(replace(json, from, reader->pos), NV_STR("null"));
}

static enum nv_err redact_member(struct json *json)
{
    enum nv_nested_act act = NV_NESTED_ACT_NONE;
    enum nv_err err = find_act(json, &act);
    if (err == NV_OK)
        err = redact_key(json);
    return err == NV_OK && act != NV_NESTED_ACT_NONE ? take_member(json, act) : err;
}

static enum nv_err redact_token(struct json *json, enum nv_json_token token)
{
    unsigned depth = json->reader.depth;
    switch (token) {
    case NV_JSON_KEY:
        return redact_member(json);
    case NV_JSON_STRING:
        return redact_value(json);
    case NV_JSON_NUMBER:
        return redact_number(json);
    case NV_JSON_ARRAY_BEGIN:
        set_identifying(json, depth, is_identifying(json, depth - 1));
        return NV_OK;
    case NV_JSON_OBJECT_BEGIN:
        set_identifying(json, depth, false);
        return NV_OK;
    case NV_JSON_OBJECT_END:
    case NV_JSON_ARRAY_END:
        end_kept(json);
        return NV_OK;
    default:
        return NV_OK;
    }
}

/* Makes *text what was written, and what of it is behind the first `copied` bytes. */
static enum nv_err finish(struct nv_nested *nested, size_t copied, struct nv_str *text)
{
    struct nv_buf *out = &nested->levels[nested->depth].out;
    (void)nv_buf_append(out, text->ptr + copied, text->len - copied);
    if (out->failed != NV_OK)
        return out->failed;
    struct nv_str made = nv_arena_dup(nested->arena, nv_buf_str(out));
    if (!made.ptr || !take_room(nested, made.len))
        return made.ptr ? NV_ERR_LIMIT : NV_ERR_NO_MEMORY;
    *text = made;
    return NV_OK;
}

/*
 * *done: the text was JSON; else nothing happened. The value of an identifying key and a key
 * to be kept may be open when the JSON breaks off: what was set by them is put back, as are
 * the counts.
 */
static enum nv_err redact_json(struct nv_nested *nested, struct nv_str *text, bool *done)
{
    struct json json = {.nested = nested, .level = &nested->levels[nested->depth]};
    const struct nv_personal_counts before = *nested->counts;
    enum nv_json_token token = NV_JSON_NULL;
    enum nv_err err = NV_OK;
    bool keeps = nested->keeps;
    nv_json_read_init(&json.reader, *text, NV_JSON_DEPTH_LIMIT);
    nv_buf_clear(&json.level->out);
    json.level->out.max = nested->room;
    while (err == NV_OK && token != NV_JSON_END && token != NV_JSON_ERROR) {
        token = nv_json_next(&json.reader);
        err = redact_token(&json, token);
    }
    *done = token == NV_JSON_END;
    nested->keeps = keeps;
    if (token == NV_JSON_ERROR)
        *nested->counts = before;
    return err == NV_OK && *done && json.copied > 0 ? finish(nested, json.copied, text) : err;
}

/* ---- members of JSON in text that is not one JSON text ----------------------------------- */

/* Undoes escapes so often, as long as there are any. */
static enum nv_err undo_levels(struct nv_nested *nested, unsigned levels, struct nv_str *text)
{
    for (; levels > 0 && nv_str_find_char(*text, '\\') != SIZE_MAX; levels--) {
        if (!take_room(nested, text->len))
            return NV_ERR_LIMIT;
        *text = nv_json_unescaped(nested->arena, *text);
        if (!text->ptr)
            return NV_ERR_NO_MEMORY;
    }
    return NV_OK;
}

/* *word: what comes in place of the value, or empty when it stays. */
static enum nv_err loose_word(struct nv_nested *nested, enum nv_nested_act act,
                              const struct nv_loose_value *value, struct nv_str *word)
{
    struct nv_str says = value->says;
    *word = NV_STR("");
    if (!value->string && nv_str_eq(says, NV_STR("null")))
        return NV_OK;
    if (act == NV_NESTED_ACT_DROP) {
        *word = NV_STR("null");
        return NV_OK;
    }
    enum nv_err err = undo_levels(nested, value->escaped, &says);
    if (err != NV_OK || (value->string && nv_personal_is_whole(says)))
        return err;
    err = nv_personal_whole(nested->finder, nested->arena, &says);
    if (err != NV_OK)
        return err;
    *word = nv_arena_printf(nested->arena, "%.*s%.*s%.*s", NV_STR_ARG(value->quote),
                            NV_STR_ARG(says), NV_STR_ARG(value->quote));
    return word->ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

/* The value of the key at hand, if something is to be done with it. */
static enum nv_err redact_loose_member(struct nv_nested *nested, struct nv_loose *loose,
                                       size_t *copied)
{
    struct nv_buf *out = &nested->levels[nested->depth].out;
    struct nv_loose_value value;
    struct nv_str key = loose->key, word;
    enum nv_err err = undo_levels(nested, loose->level + 1, &key);
    if (err != NV_OK)
        return err;
    enum nv_nested_act act = nested->keys.act(nested->keys.ctx, key);
    if (act != NV_NESTED_ACT_DROP && act != NV_NESTED_ACT_HASH)
        return NV_OK;
    if (!nv_loose_value(loose, &value))
        return NV_OK;
    err = loose_word(nested, act, &value, &word);
    if (err != NV_OK || word.len == 0)
        return err;
    nested->counts->keys++;
    (void)nv_buf_append(out, loose->text.ptr + *copied, value.from - *copied);
    *copied = value.to;
    return nv_buf_append_str(out, word);
}

/*
 * For what is no one JSON text: a stream's chunk, two values in a row, JSON in prose. Only
 * keys that something is done with are looked for, the rest of the text is searched as plain
 * text after.
 */
static enum nv_err redact_loose(struct nv_nested *nested, struct nv_str *text)
{
    struct nv_loose loose = {.text = *text};
    struct nv_buf *out = &nested->levels[nested->depth].out;
    size_t copied = 0;
    enum nv_err err = NV_OK;
    nv_buf_clear(out);
    out->max = nested->room;
    while (err == NV_OK && nv_loose_next_key(&loose))
        err = redact_loose_member(nested, &loose, &copied);
    return err == NV_OK && copied > 0 ? finish(nested, copied, text) : err;
}

/* Recursion is bounded by NV_NESTED_MAX. */
static enum nv_err redact_text(struct nv_nested *nested, struct nv_str *text,
                               const struct nv_hints *hints)
{
    bool done = false;
    enum nv_err err = NV_OK;
    bool wanted = is_wanted(nested, hints);
    if (!wanted && !nested->keys.act)
        return NV_OK;
    if (looks_like_json(*text))
        err = redact_json(nested, text, &done);
    if (err != NV_OK || done)
        return err;
    const char *before = text->ptr;
    if (nested->keys.act)
        err = redact_loose(nested, text);
    if (err != NV_OK || !wanted)
        return err;
    const struct nv_hints now = text->ptr == before ? *hints : nv_hints_of(*text);
    return is_wanted(nested, &now) ? redact_flat(nested, text, &now) : NV_OK;
}

/*
 * The room is for all levels of one text together. What needs more is not cut: it is a mask,
 * counted as such, since what is inside of it was not seen.
 */
enum nv_err nv_nested_text(struct nv_nested *nested, struct nv_arena *arena,
                           enum nv_nested_numbers numbers, struct nv_str *text,
                           struct nv_personal_counts *counts)
{
    const struct nv_hints hints = nv_hints_of(*text);
    nested->arena = arena;
    nested->numbers = numbers;
    nested->counts = counts;
    nested->depth = 0;
    nested->keeps = numbers == NV_NESTED_KEPT;
    nested->room = NV_NESTED_ROOM(text->len);
    enum nv_err err = redact_text(nested, text, &hints);
    if (err != NV_ERR_LIMIT)
        return err;
    counts->of[NV_PERSONAL_LIMIT]++;
    *text = MASK;
    return NV_OK;
}
