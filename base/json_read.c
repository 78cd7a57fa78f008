/*
 * The JSON reader: a pull parser that remembers, a bit a level, whether it is in an object.
 *
 *            ┌──────────── value ────────────┐
 *   START ───┤ scalar ──▶ AFTER ──,──▶ VALUE / KEY
 *            │ {  ──▶ FIRST_KEY ──"k":──▶ VALUE
 *            │ [  ──▶ FIRST_ITEM             AFTER ──} ]──▶ AFTER (of the level above) or DONE
 *
 * Strings are scanned 16 bytes at a time for the three things that matter: a quote, a backslash, a
 * control character. Nothing is decoded here; most of what is read is skipped or copied. The
 * grammar is RFC 8259's and nothing more: no comments, no trailing commas, no NaN. Text that ends
 * inside the value is told apart from text that is wrong, because attributes are often cut by
 * SDK limits and what is left of them is still worth showing.
 */
#include "base/json_read.h"

#include "base/utf8.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/banned.h"

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
    if (nv_str_starts(text, NV_STR("\xef\xbb\xbf")))
        reader->pos = 3;
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

/* ---- strings ------------------------------------------------------------------------------- */

/* Offset of the first quote, backslash or control character at or behind `pos`, or text.len. */
static size_t find_special(struct nv_str text, size_t pos)
{
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; text.len - pos >= 16; pos += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + pos));
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
        __m128i special = _mm_or_si128(
            control, _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask != 0)
            return pos + (size_t)__builtin_ctz(mask);
    }
#endif
    for (; pos < text.len; pos++) {
        unsigned char c = (unsigned char)text.ptr[pos];
        if (c < 0x20 || c == '"' || c == '\\')
            break;
    }
    return pos;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* What a backslash and this character stand for; NUL when it is no escape of two characters. */
static char simple_escape(char kind)
{
    switch (kind) {
    case '"':
    case '\\':
    case '/':
        return kind;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

/* Checks the escape at `pos`. Its length; 0 when the text ends inside it; SIZE_MAX when invalid. */
static size_t escape_length(struct nv_str text, size_t pos)
{
    if (pos + 1 >= text.len)
        return 0;
    char kind = text.ptr[pos + 1];
    if (kind != 'u')
        return simple_escape(kind) != '\0' ? 2 : SIZE_MAX;
    for (size_t i = pos + 2; i < pos + 6; i++) {
        if (i >= text.len)
            return 0;
        if (hex_digit(text.ptr[i]) < 0)
            return SIZE_MAX;
    }
    return 6;
}

/* Reads the string whose opening quote is at pos into raw; leaves pos behind its closing quote. */
static bool read_string(struct nv_json_reader *reader)
{
    struct nv_str text = reader->text;
    size_t start = reader->pos + 1;
    size_t pos = start;
    reader->escaped = false;
    for (;;) {
        pos = find_special(text, pos);
        size_t length = pos < text.len && text.ptr[pos] == '\\' ? escape_length(text, pos) : 0;
        if (length == 0)
            break;
        reader->pos = pos;
        if (length == SIZE_MAX) {
            (void)malformed(reader, "invalid escape in a string");
            return false;
        }
        reader->escaped = true;
        pos += length;
    }
    reader->raw = (struct nv_str){text.ptr + start, pos - start};
    if (pos < text.len && text.ptr[pos] == '"') {
        reader->pos = pos + 1;
        return true;
    }
    reader->pos = pos;
    if (pos >= text.len || text.ptr[pos] == '\\')
        (void)truncated(reader);
    else
        (void)malformed(reader, "control character in a string");
    return false;
}

/* ---- scalars ------------------------------------------------------------------------------- */

static enum nv_json_token read_literal(struct nv_json_reader *reader, struct nv_str literal,
                                       enum nv_json_token token)
{
    struct nv_str rest = nv_str_slice(reader->text, reader->pos, literal.len);
    if (!nv_str_eq(rest, literal))
        return nv_str_starts(literal, rest) ? truncated(reader)
                                            : malformed(reader, "expected a value");
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

/* ---- the grammar --------------------------------------------------------------------------- */

static enum nv_json_token read_value(struct nv_json_reader *reader)
{
    switch (reader->text.ptr[reader->pos]) {
    case '"':
        if (!read_string(reader)) {
            reader->partial = reader->err == NV_ERR_TRUNCATED;
            return NV_JSON_ERROR;
        }
        value_ended(reader);
        return NV_JSON_STRING;
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

enum nv_err nv_json_skip(struct nv_json_reader *reader, enum nv_json_token token)
{
    if (token == NV_JSON_KEY)
        token = nv_json_next(reader);
    if (token == NV_JSON_OBJECT_BEGIN || token == NV_JSON_ARRAY_BEGIN) {
        unsigned inside = reader->depth;
        while (reader->depth >= inside && token != NV_JSON_ERROR)
            token = nv_json_next(reader);
    }
    return token == NV_JSON_ERROR ? reader->err : NV_OK;
}

/* ---- escapes ------------------------------------------------------------------------------- */

static uint32_t hex4(const char *at)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | ((uint32_t)hex_digit(at[i]) & 15);
    return code;
}

/* Resolves the escape at the start of `raw` into `out`; sets its length in raw. */
static size_t resolve_escape(struct nv_str raw, char out[4], size_t *length)
{
    *length = escape_length(raw, 0);
    if (*length == 2) {
        out[0] = simple_escape(raw.ptr[1]);
        assert(out[0] != '\0');
        return 1;
    }
    if (*length != 6) { /* never from a reader's raw string */
        *length = 1;
        out[0] = '\\';
        return 1;
    }
    uint32_t code = hex4(raw.ptr + 2);
    if (code >= 0xd800 && code < 0xdc00 && raw.len >= 12 && raw.ptr[6] == '\\' &&
        escape_length(raw, 6) == 6) {
        uint32_t low = hex4(raw.ptr + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            *length = 12;
        }
    }
    return nv_utf8_put(code, out);
}

/* Copies up to the first backslash; how many bytes that are. `out` has room for all of `raw`. */
static inline size_t copy_clean(struct nv_str raw, char *out)
{
    size_t at = 0;
#ifdef __SSE2__
    const __m128i backslash = _mm_set1_epi8('\\');
    for (; raw.len - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(raw.ptr + at));
        _mm_storeu_si128((__m128i *)(void *)(out + at), block);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, backslash));
        if (mask != 0)
            return at + (size_t)__builtin_ctz(mask);
    }
#endif
    for (; at < raw.len && raw.ptr[at] != '\\'; at++)
        out[at] = raw.ptr[at];
    return at;
}

struct nv_str nv_json_unescape(struct nv_arena *arena, struct nv_str raw, bool escaped)
{
    if (!escaped)
        return raw;
    char *text = nv_arena_raw(arena, raw.len);
    if (text == NULL)
        return (struct nv_str){NULL, 0};
    char *out = text;
    while (raw.len > 0) {
        size_t clean = copy_clean(raw, out);
        out += clean;
        raw = (struct nv_str){raw.ptr + clean, raw.len - clean};
        if (raw.len == 0)
            break;
        char simple = raw.len > 1 ? simple_escape(raw.ptr[1]) : '\0';
        if (simple != '\0') {
            *out++ = simple;
            raw = (struct nv_str){raw.ptr + 2, raw.len - 2};
            continue;
        }
        char bytes[4];
        size_t length = 0;
        size_t count = resolve_escape(raw, bytes, &length);
        assert(count <= length);
        memcpy(out, bytes, count);
        out += count;
        raw = nv_str_slice(raw, length, raw.len);
    }
    return (struct nv_str){text, (size_t)(out - text)};
}

enum nv_err nv_json_unescape_to(struct nv_buf *buf, struct nv_str raw)
{
    while (raw.len > 0 && buf->failed == NV_OK) {
        const char *found = memchr(raw.ptr, '\\', raw.len);
        size_t clean = found ? (size_t)(found - raw.ptr) : raw.len;
        (void)nv_buf_append(buf, raw.ptr, clean);
        raw = nv_str_slice(raw, clean, raw.len);
        if (raw.len == 0)
            break;
        char bytes[4];
        size_t length = 0;
        size_t count = resolve_escape(raw, bytes, &length);
        (void)nv_buf_append(buf, bytes, count);
        raw = nv_str_slice(raw, length, raw.len);
    }
    return buf->failed;
}
