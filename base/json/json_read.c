/*
 * The JSON reader: a pull parser that remembers, a bit a level, whether it is in an object.
 *
 *            ┌──────────── value ────────────┐
 *   START ───┤ scalar ──▶ AFTER ──,──▶ VALUE / KEY
 *            │ {  ──▶ FIRST_KEY ──"k":──▶ VALUE
 *            │ [  ──▶ FIRST_ITEM             AFTER ──} ]──▶ AFTER (of the level above) or DONE
 *
 * Strings are scanned in blocks (base/json/json_string.h). They are decoded only for readers
 * that want it: much of what is read is skipped or copied. The grammar is RFC 8259's and
 * nothing more: no comments, no trailing commas, no NaN. Text that ends inside the value is
 * told apart from text that is wrong, because attributes are often cut by SDK limits and what
 * is left of them is still worth showing.
 */
#include "base/json/json_read.h"

#include "base/json/json_string.h"

#include <assert.h>

#include "base/banned.h"

/* Most that is kept for the text of strings with escapes; those past it are unescaped apart. */
#define ROOM_MAX ((size_t)16 * 1024)

enum state {
    STATE_START,      /* the first value */
    STATE_VALUE,      /* a value must follow */
    STATE_FIRST_ITEM, /* behind [: a value or ] */
    STATE_FIRST_KEY,  /* behind {: a key or } */
    STATE_KEY,        /* behind , in an object: a key */
    STATE_AFTER,      /* behind a value: , or the end of the container */
    STATE_DONE,
    STATE_FAILED
};

void nv_json_read_init(struct nv_json_reader *reader, struct nv_str text, unsigned depth_max)
{
    *reader = (struct nv_json_reader){
        .text = text,
        .depth_max = depth_max < NV_JSON_DEPTH_LIMIT ? depth_max : NV_JSON_DEPTH_LIMIT};
    /* RFC 8259 8.1 lets a parser ignore a byte order mark; programs on Windows write one */
    if (nv_str_starts(text, NV_STR("\xef\xbb\xbf")))
        reader->pos = 3;
}

void nv_json_read_texts(struct nv_json_reader *reader, struct nv_arena *arena)
{
    reader->arena = arena;
}

static enum nv_json_token fail(struct nv_json_reader *reader, enum nv_err err, const char *what)
{
    assert(err != NV_OK);
    reader->err = err;
    reader->what = what;
    reader->state = STATE_FAILED;
    return NV_JSON_ERROR;
}

static enum nv_json_token malformed(struct nv_json_reader *reader, const char *what)
{
    return fail(reader, NV_ERR_MALFORMED, what);
}

static enum nv_json_token truncated(struct nv_json_reader *reader)
{
    /* whatever follows the cut is nothing: the place of the error is the end */
    reader->pos = reader->text.len;
    return fail(reader, NV_ERR_TRUNCATED, "text ends inside the value");
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline void skip_space(struct nv_json_reader *reader)
{
    const char *text = reader->text.ptr;
    size_t pos = reader->pos;
    if (pos >= reader->text.len || text[pos] > ' ')
        return;
    while (pos < reader->text.len && is_space(text[pos]))
        pos++;
    reader->pos = pos;
}

/* A bit a level is all that is remembered, and no stack is used for levels. */
static bool in_object(const struct nv_json_reader *reader)
{
    unsigned level = reader->depth - 1;
    return (reader->objects[level / 64] >> level % 64 & 1) != 0;
}

static enum nv_json_token open_container(struct nv_json_reader *reader, bool object)
{
    if (reader->depth >= reader->depth_max)
        return fail(reader, NV_ERR_DEPTH, "nested too deeply");
    unsigned level = reader->depth++;
    uint64_t bit = UINT64_C(1) << level % 64;
    if (object)
        reader->objects[level / 64] |= bit;
    else
        reader->objects[level / 64] &= ~bit;
    reader->pos++;
    reader->state = object ? STATE_FIRST_KEY : STATE_FIRST_ITEM;
    return object ? NV_JSON_OBJECT_BEGIN : NV_JSON_ARRAY_BEGIN;
}

static void value_ended(struct nv_json_reader *reader)
{
    reader->state = reader->depth > 0 ? STATE_AFTER : STATE_DONE;
}

static enum nv_json_token close_container(struct nv_json_reader *reader)
{
    assert(reader->depth > 0);
    bool object = in_object(reader);
    reader->pos++;
    reader->depth--;
    value_ended(reader);
    return object ? NV_JSON_OBJECT_END : NV_JSON_ARRAY_END;
}

/* ---- strings ----------------------------------------------------------------------------- */

/* Behind the escapes of a string that are valid, from the backslash at `pos` on: where it ends,
 * or something is wrong with it. */
static size_t skip_escaped(struct nv_json_reader *reader, size_t pos)
{
    const struct nv_str text = reader->text;
    while (pos < text.len && text.ptr[pos] == '\\') {
        size_t length = nv_json_escape_length(text, pos);
        if (length == 0 || length == SIZE_MAX)
            return pos;
        pos = nv_json_find_special(text, pos + length);
    }
    return pos;
}

/* Where text is read and written. */
struct copying {
    size_t pos; /* of the reader's text */
    char *out, *const end;
};

/* Many bytes and escapes at a time, where the machine can. */
static inline void copy_blocks(struct nv_str text, struct copying *c)
{
#ifdef NV_WIDE_CODE
    if (text.len - c->pos > 2 * NV_JSON_WIDE_BLOCK && nv_wide) {
        size_t made;
        c->pos += nv_json_unescape_wide(text.ptr + c->pos, text.len - c->pos, c->out,
                                        (size_t)(c->end - c->out), &made);
        c->out += made;
    }
#else
    (void)text;
    (void)c;
#endif
}

/* One escape, where there is one. False: it is none, or there is no room, then c->out is
 * NULL. */
static inline bool copy_escape(struct nv_str text, struct copying *c)
{
    if (c->pos >= text.len || text.ptr[c->pos] != '\\')
        return true;
    char simple = c->pos + 1 < text.len ? nv_json_escape_simple(text.ptr[c->pos + 1]) : '\0';
    size_t length = simple != '\0' ? 2 : nv_json_escape_length(text, c->pos);
    if (length == 0 || length == SIZE_MAX)
        return false;
    if (c->end - c->out < NV_JSON_ESCAPE_BYTES) {
        c->out = NULL;
        return false;
    }
    if (simple != '\0')
        *c->out++ = simple;
    else
        c->out += nv_json_escape_resolve(nv_str_slice(text, c->pos, text.len), c->out, &length);
    c->pos += length;
    return true;
}

/* The same, while the text of the string, which begins at `start`, goes to the reader's room.
 * SIZE_MAX when it does not fit. */
static size_t copy_escaped(struct nv_json_reader *reader, size_t start, size_t pos)
{
    const struct nv_str text = reader->text;
    struct copying c = {pos, reader->room, reader->room + reader->room_len};
    if (pos - start >= reader->room_len)
        return SIZE_MAX;
    memcpy(c.out, text.ptr + start, pos - start);
    c.out += pos - start;
    while (c.pos < text.len && text.ptr[c.pos] == '\\') {
        copy_blocks(text, &c);
        if (!copy_escape(text, &c))
            break;
        const size_t from = c.pos;
        c.pos = nv_json_copy_to_special(text, from, c.out, (size_t)(c.end - c.out));
        c.out += c.pos - from;
        if (c.pos < text.len && !nv_json_is_special(text.ptr[c.pos]))
            return SIZE_MAX;
    }
    if (!c.out)
        return SIZE_MAX;
    reader->raw = (struct nv_str){reader->room, (size_t)(c.out - reader->room)};
    reader->room_len -= (size_t)(c.out - reader->room);
    reader->room = c.out;
    reader->escaped = false;
    return c.pos;
}

/* The rest of a string whose first backslash is at `pos`; sets raw and escaped. Apart, because
 * most strings have none. */
static __attribute__((noinline)) size_t read_escaped(struct nv_json_reader *reader,
                                                     size_t start, size_t pos)
{
    if (reader->arena && !reader->room) {
        size_t left = reader->text.len - start;
        reader->room_len = left < ROOM_MAX ? left : ROOM_MAX;
        reader->room = nv_arena_raw(reader->arena, reader->room_len);
        if (!reader->room) {
            (void)fail(reader, NV_ERR_NO_MEMORY, "no memory for the text");
            return pos;
        }
    }
    size_t end = reader->room != NULL ? copy_escaped(reader, start, pos) : SIZE_MAX;
    if (end != SIZE_MAX)
        return end;
    end = skip_escaped(reader, pos);
    reader->raw = (struct nv_str){reader->text.ptr + start, end - start};
    reader->escaped = true;
    return end;
}

/* Reads the string whose opening quote is at pos into raw; leaves pos behind its closing
 * quote. */
static bool read_string(struct nv_json_reader *reader)
{
    const struct nv_str text = reader->text;
    const size_t start = reader->pos + 1;
    size_t pos = nv_json_find_special(text, start);
    reader->escaped = false;
    reader->raw = (struct nv_str){text.ptr + start, pos - start};
    if (pos < text.len && text.ptr[pos] == '\\')
        pos = read_escaped(reader, start, pos);
    reader->pos = pos;
    if (reader->state == STATE_FAILED)
        return false;
    if (pos >= text.len) {
        (void)truncated(reader);
        return false;
    }
    if (text.ptr[pos] == '"') {
        reader->pos++;
        return true;
    }
    if (text.ptr[pos] != '\\')
        (void)malformed(reader, "control character in a string");
    else if (nv_json_escape_length(text, pos) == SIZE_MAX)
        (void)malformed(reader, "invalid escape in a string");
    else
        (void)truncated(reader);
    return false;
}

/* ---- scalars ----------------------------------------------------------------------------- */

static enum nv_json_token read_literal(struct nv_json_reader *reader, struct nv_str literal,
                                       enum nv_json_token token)
{
    struct nv_str rest = nv_str_slice(reader->text, reader->pos, literal.len);
    if (!nv_str_eq(rest, literal)) {
        return nv_str_starts(literal, rest) ? truncated(reader)
                                            : malformed(reader, "expected a value");
    }
    reader->pos += literal.len;
    value_ended(reader);
    return token;
}

/* Offset behind the digits at `pos`; `pos` itself when there are none. */
static size_t digits_end(struct nv_str text, size_t pos)
{
    while (pos < text.len && text.ptr[pos] >= '0' && text.ptr[pos] <= '9')
        pos++;
    return pos;
}

static enum nv_json_token bad_number(struct nv_json_reader *reader, size_t pos)
{
    if (pos >= reader->text.len)
        return truncated(reader);
    reader->pos = pos;
    return malformed(reader, "expected a digit");
}

/* The text of the number is given and not its value: many are copied, and 0.1 must stay 0.1. */
static enum nv_json_token read_number(struct nv_json_reader *reader)
{
    struct nv_str text = reader->text;
    size_t start = reader->pos;
    size_t pos = start + (text.ptr[start] == '-' ? 1 : 0);
    size_t end = digits_end(text, pos);
    if (end == pos)
        return bad_number(reader, pos);
    if (text.ptr[pos] == '0' && end > pos + 1) {
        reader->pos = pos;
        return malformed(reader, "number with a leading zero");
    }
    reader->integer = true;
    if (end < text.len && text.ptr[end] == '.') {
        pos = end + 1;
        end = digits_end(text, pos);
        if (end == pos)
            return bad_number(reader, pos);
        reader->integer = false;
    }
    if (end < text.len && (text.ptr[end] == 'e' || text.ptr[end] == 'E')) {
        pos = end + 1;
        if (pos < text.len && (text.ptr[pos] == '+' || text.ptr[pos] == '-'))
            pos++;
        end = digits_end(text, pos);
        if (end == pos)
            return bad_number(reader, pos);
        reader->integer = false;
    }
    reader->raw = (struct nv_str){text.ptr + start, end - start};
    reader->pos = end;
    value_ended(reader);
    return NV_JSON_NUMBER;
}

/* ---- the grammar ------------------------------------------------------------------------- */

static enum nv_json_token read_text(struct nv_json_reader *reader)
{
    if (!read_string(reader)) {
        reader->partial = reader->err == NV_ERR_TRUNCATED;
        return NV_JSON_ERROR;
    }
    value_ended(reader);
    return NV_JSON_STRING;
}

static enum nv_json_token read_value(struct nv_json_reader *reader)
{
    const char c = reader->text.ptr[reader->pos];
    if (c == '"')
        return read_text(reader);
    switch (c) {
    case '{':
        return open_container(reader, true);
    case '[':
        return open_container(reader, false);
    case 't':
        return read_literal(reader, NV_STR("true"), NV_JSON_TRUE);
    case 'f':
        return read_literal(reader, NV_STR("false"), NV_JSON_FALSE);
    case 'n':
        return read_literal(reader, NV_STR("null"), NV_JSON_NULL);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(reader);
    default:
        return malformed(reader, "expected a value");
    }
}

static enum nv_json_token read_key(struct nv_json_reader *reader)
{
    if (reader->text.ptr[reader->pos] != '"')
        return malformed(reader, "expected a key");
    if (!read_string(reader))
        return NV_JSON_ERROR;
    skip_space(reader);
    if (reader->pos >= reader->text.len)
        return truncated(reader);
    if (reader->text.ptr[reader->pos] != ':')
        return malformed(reader, "expected ':'");
    reader->pos++;
    reader->state = STATE_VALUE;
    return NV_JSON_KEY;
}

static enum nv_json_token read_after(struct nv_json_reader *reader)
{
    bool object = in_object(reader);
    char c = reader->text.ptr[reader->pos];
    if (c == (object ? '}' : ']'))
        return close_container(reader);
    if (c != ',')
        return malformed(reader, object ? "expected ',' or '}'" : "expected ',' or ']'");
    reader->pos++;
    reader->state = object ? STATE_KEY : STATE_VALUE;
    skip_space(reader);
    if (reader->pos >= reader->text.len)
        return truncated(reader);
    return object ? read_key(reader) : read_value(reader);
}

enum nv_json_token nv_json_next(struct nv_json_reader *reader)
{
    if (reader->state == STATE_FAILED)
        return NV_JSON_ERROR;
    skip_space(reader);
    bool ended = reader->pos >= reader->text.len;
    if (reader->state == STATE_DONE)
        return ended ? NV_JSON_END : malformed(reader, "text behind the value");
    if (ended)
        return truncated(reader);
    char c = reader->text.ptr[reader->pos];
    switch ((enum state)reader->state) {
    case STATE_FIRST_KEY:
        return c == '}' ? close_container(reader) : read_key(reader);
    case STATE_KEY:
        return read_key(reader);
    case STATE_FIRST_ITEM:
        return c == ']' ? close_container(reader) : read_value(reader);
    case STATE_AFTER:
        return read_after(reader);
    case STATE_START:
    case STATE_VALUE:
    case STATE_DONE:
    case STATE_FAILED:
        break;
    }
    return read_value(reader);
}

static size_t behind_space(struct nv_str text, size_t pos)
{
    while (pos < text.len && is_space(text.ptr[pos]))
        pos++;
    return pos;
}

struct nv_str nv_json_ahead(const struct nv_json_reader *reader)
{
    const struct nv_str text = reader->text;
    size_t pos = behind_space(text, reader->pos);
    if (reader->state == STATE_AFTER && !in_object(reader) && pos < text.len &&
        text.ptr[pos] == ',')
        pos = behind_space(text, pos + 1);
    else if (reader->state != STATE_VALUE && reader->state != STATE_FIRST_ITEM)
        pos = text.len;
    return nv_str_slice(text, pos, text.len);
}

/* No value that ends in a bracket or a quote is the beginning of another one. */
bool nv_json_take(struct nv_json_reader *reader, struct nv_str value)
{
    assert(value.len > 1);
    const struct nv_str ahead = nv_json_ahead(reader);
    if (!nv_str_starts(ahead, value))
        return false;
    reader->pos = (size_t)(ahead.ptr - reader->text.ptr) + value.len;
    value_ended(reader);
    return true;
}

void nv_json_resume(struct nv_json_reader *reader, size_t pos)
{
    assert((reader->state == STATE_FIRST_KEY || reader->state == STATE_KEY) &&
           pos >= reader->pos && pos < reader->text.len);
    reader->pos = pos;
    reader->state = STATE_VALUE;
}

enum nv_err nv_json_skip(struct nv_json_reader *reader, enum nv_json_token token)
{
    if (token == NV_JSON_KEY)
        token = nv_json_next(reader);
    if (token == NV_JSON_OBJECT_BEGIN || token == NV_JSON_ARRAY_BEGIN) {
        /* by depth and not by recursion */
        unsigned inside = reader->depth;
        while (reader->depth >= inside && token != NV_JSON_ERROR)
            token = nv_json_next(reader);
    }
    return token == NV_JSON_ERROR ? reader->err : NV_OK;
}
