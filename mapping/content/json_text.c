/*
 * JSON inside of text, and Python's repr of the same.
 *
 *   {"a": 1}            one level   ─▶ {"a": 1}
 *   "{\"a\": 1}"        two levels  ─▶ {"a": 1}
 *   [{"a": 1}, {"b      broken off  ─▶ [{"a": 1}], truncated
 *   {'a': None}         repr        ─▶ {"a": null}
 *   [see above]         prose       ─▶ itself
 *
 * Attribute values are JSON text more often than not, and sometimes JSON text of JSON text
 * (MLflow quotes everything, Langfuse some). Two levels are undone, no more: text that a user
 * wrote about JSON must stay text. Broken-off text (Gemini CLI cuts at 10,000 characters) is
 * read as far as it goes only when it clearly began as an object or as a list of objects, so
 * that prose in brackets is never eaten. Python's repr (LangSmith, LiteLLM, CrewAI write
 * str(dict)) is rewritten as JSON in one pass; calls such as Document(...) make it fail, and
 * the text stays what it was.
 */
#include "mapping/content/json_text.h"

#include "base/limits.h"

#include "base/banned.h"

/* Enough for any rewritten character: one byte becomes at most \u00XX. */
#define REPR_GROWTH 6u

static struct nv_str trimmed_text(const struct nv_value *value)
{
    if (value->type != NV_VALUE_STRING && value->type != NV_VALUE_JSON)
        return NV_STR("");
    return nv_str_trim(value->as.string);
}

/* May `text` be JSON text that was cut? Only what starts as an object or a list of them. */
static bool may_be_cut(struct nv_str text)
{
    struct nv_str behind = nv_str_trim(nv_str_slice(text, 1, text.len));
    if (behind.len == 0)
        return false;
    return (text.ptr[0] == '{' && behind.ptr[0] == '"') ||
           (text.ptr[0] == '[' && behind.ptr[0] == '{');
}

static enum nv_err parse_repr(struct nv_arena *arena, struct nv_str text, struct nv_value *out)
{
    struct nv_str json;
    enum nv_err err = nv_json_text_from_repr(arena, text, &json);
    if (err != NV_OK)
        return err;
    return nv_value_from_json(arena, json, NULL, out);
}

static enum nv_err parse_once(struct nv_arena *arena, struct nv_str text, bool *truncated,
                              struct nv_value *out)
{
    bool cut = false;
    bool *may_cut = truncated != NULL && may_be_cut(text) ? &cut : NULL;
    enum nv_err err = nv_value_from_json(arena, text, may_cut, out);
    if (err == NV_OK && cut)
        *truncated = true;
    if (err == NV_OK || err == NV_ERR_NO_MEMORY || text.ptr[0] == '"')
        return err;
    return parse_repr(arena, text, out);
}

enum nv_err nv_json_text_parse(struct nv_arena *arena, const struct nv_value *in,
                               unsigned levels, bool *truncated, struct nv_value *out)
{
    *out = *in;
    for (unsigned level = 0; level < levels; level++) {
        struct nv_str text = trimmed_text(out);
        const bool opens = text.len > 1 && strchr("{[\"", text.ptr[0]) != NULL;
        if (!opens && !(text.len > 0 && out->type == NV_VALUE_JSON))
            return NV_OK;
        struct nv_value parsed;
        enum nv_err err = parse_once(arena, text, truncated, &parsed);
        if (err == NV_ERR_NO_MEMORY)
            return err;
        if (err != NV_OK)
            return NV_OK;
        *out = parsed;
    }
    return NV_OK;
}

/* Through a buffer and then into the arena, because the length is known only at the end and an
 * arena can't give back what a doubling buffer leaves behind. */
enum nv_err nv_json_text_of(struct nv_arena *arena, const struct nv_value *in,
                            struct nv_str *out)
{
    if (in->type == NV_VALUE_STRING || in->type == NV_VALUE_JSON) {
        *out = in->as.string;
        return NV_OK;
    }
    struct nv_buf buf;
    nv_buf_init(&buf, NV_CAP_RECORD);
    struct nv_json_writer writer;
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, in);
    enum nv_err err = buf.failed;
    if (err == NV_OK) {
        *out = nv_arena_dup(arena, nv_buf_str(&buf));
        err = !out->ptr ? NV_ERR_NO_MEMORY : NV_OK;
    }
    nv_buf_release(&buf);
    return err == NV_OK ? NV_OK : NV_ERR_NO_MEMORY;
}

/* ---- Python's repr ----------------------------------------------------------------------- */

struct repr {
    struct nv_str text;
    size_t pos;
    struct nv_buf *out;
};

static char repr_peek(const struct repr *repr)
{
    return repr->pos < repr->text.len ? repr->text.ptr[repr->pos] : '\0';
}

static void repr_space(struct repr *repr)
{
    while (repr_peek(repr) == ' ' || repr_peek(repr) == '\n')
        repr->pos++;
}

static void write_code_point(struct nv_buf *out, uint32_t code)
{
    if (code > 0xffff) {
        code -= 0x10000;
        (void)nv_buf_printf(out, "\\u%04x", (unsigned)(0xd800 + ((code >> 10) & 0x3ff)));
        (void)nv_buf_printf(out, "\\u%04x", (unsigned)(0xdc00 + (code & 0x3ff)));
        return;
    }
    (void)nv_buf_printf(out, "\\u%04x", (unsigned)code);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum nv_err repr_hex_escape(struct repr *repr, unsigned digits)
{
    uint32_t code = 0;
    for (unsigned i = 0; i < digits; i++) {
        const int digit = hex_digit(repr_peek(repr));
        if (digit < 0)
            return NV_ERR_MALFORMED;
        code = code << 4 | (uint32_t)digit;
        repr->pos++;
    }
    if (code > 0x10ffff)
        return NV_ERR_MALFORMED;
    write_code_point(repr->out, code);
    return NV_OK;
}

/* JSON's escapes are a part of Python's; those that it lacks become \u. Octal ones and \N{...}
 * are refused: no emitter was seen to write them, and the text then stays what it was. */
static enum nv_err repr_escape(struct repr *repr)
{
    const char c = repr_peek(repr);
    repr->pos++;
    switch (c) {
    case 'n':
    case 't':
    case 'r':
    case '\\':
    case '"':
        (void)nv_buf_append_char(repr->out, '\\');
        (void)nv_buf_append_char(repr->out, c);
        return NV_OK;
    case '\'':
        (void)nv_buf_append_char(repr->out, c);
        return NV_OK;
    case 'x':
        return repr_hex_escape(repr, 2);
    case 'u':
        return repr_hex_escape(repr, 4);
    case 'U':
        return repr_hex_escape(repr, 8);
    default:
        return NV_ERR_MALFORMED;
    }
}

static enum nv_err repr_string(struct repr *repr, char quote)
{
    (void)nv_buf_append_char(repr->out, '"');
    for (repr->pos++; repr->pos < repr->text.len; repr->pos++) {
        const char c = repr_peek(repr);
        if (c == quote)
            break;
        if (c == '\\') {
            repr->pos++;
            enum nv_err err = repr_escape(repr);
            if (err != NV_OK)
                return err;
            repr->pos--;
        } else if ((unsigned char)c < 0x20) {
            write_code_point(repr->out, (unsigned char)c);
        } else {
            if (c == '"')
                (void)nv_buf_append_char(repr->out, '\\');
            (void)nv_buf_append_char(repr->out, c);
        }
    }
    if (repr_peek(repr) != quote)
        return NV_ERR_MALFORMED;
    repr->pos++;
    return nv_buf_append_char(repr->out, '"');
}

/* The three words that Python spells otherwise. Any other word is a call or a name: no JSON. */
static enum nv_err repr_word(struct repr *repr)
{
    static const struct {
        struct nv_str python, json;
    } words[] = {{NV_STR_INIT("None"), NV_STR_INIT("null")},
                 {NV_STR_INIT("True"), NV_STR_INIT("true")},
                 {NV_STR_INIT("False"), NV_STR_INIT("false")}};
    struct nv_str rest = nv_str_slice(repr->text, repr->pos, repr->text.len);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (nv_str_starts(rest, words[i].python)) {
            repr->pos += words[i].python.len;
            return nv_buf_append_str(repr->out, words[i].json);
        }
    }
    return NV_ERR_MALFORMED;
}

static enum nv_err repr_punctuation(struct repr *repr, char c)
{
    repr->pos++;
    if (c == ',') {
        /* Python ends a tuple of one with a comma, JSON never does. */
        repr_space(repr);
        const char next = repr_peek(repr);
        if (next == ')' || next == ']' || next == '}')
            return NV_OK;
    }
    const char json = c == '(' ? '[' : c == ')' ? ']' : c;
    return nv_buf_append_char(repr->out, json);
}

/* Numbers pass byte by byte and brackets as they come: the JSON reader behind this judges both,
 * so that nothing is checked twice. */
static enum nv_err repr_token(struct repr *repr)
{
    const char c = repr_peek(repr);
    if (c == '\'' || c == '"')
        return repr_string(repr, c);
    if (strchr("{}[]():,", c))
        return repr_punctuation(repr, c);
    if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e') {
        repr->pos++;
        return nv_buf_append_char(repr->out, c);
    }
    return repr_word(repr);
}

enum nv_err nv_json_text_from_repr(struct nv_arena *arena, struct nv_str text,
                                   struct nv_str *out)
{
    struct nv_buf buf;
    nv_buf_init(&buf, text.len * REPR_GROWTH + 16);
    struct repr repr = {nv_str_trim(text), 0, &buf};
    const char first = repr_peek(&repr);
    enum nv_err err = first == '{' || first == '[' || first == '(' ? NV_OK : NV_ERR_MALFORMED;
    while (err == NV_OK && repr.pos < repr.text.len) {
        repr_space(&repr);
        if (repr.pos < repr.text.len)
            err = repr_peek(&repr) == '\0' ? NV_ERR_MALFORMED : repr_token(&repr);
    }
    if (err == NV_OK && buf.failed != NV_OK)
        err = buf.failed;
    if (err == NV_OK) {
        *out = nv_arena_dup(arena, nv_buf_str(&buf));
        err = !out->ptr ? NV_ERR_NO_MEMORY : NV_OK;
    }
    nv_buf_release(&buf);
    return err;
}
