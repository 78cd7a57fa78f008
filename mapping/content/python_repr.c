/*
 * Reads Python's repr and writes JSON, in one pass.
 *
 *   value ─┬─ 'text' "text" b'..'     ─▶ string
 *          ├─ [..] (..) {..}          ─▶ array, array, object; a set is an array
 *          ├─ 1.5 -2 None True nan    ─▶ number, null, true
 *          ├─ Name(a=1)               ─▶ object, a message class in LangChain's form
 *          └─ <Role.USER: 'user'>     ─▶ the enum's value
 *
 * Recursive by brackets, no deeper than JSON may be. Numbers pass as they stand: the JSON
 * reader behind this judges them, so that nothing is checked twice. A bracket is written before
 * it is known what it opens (a set or a dict, an object or a call of one argument), and
 * corrected in the buffer once it is.
 *
 * Why not a tree of our own: the reader of JSON makes the tree, checks depth, duplicates and
 * numbers, and cuts where it must. A second one for repr would have to do all that again.
 */
#include "mapping/content/python_repr.h"

#include "base/json/json_read.h"
#include "base/text/text.h"

#include "base/banned.h"

/* Bytes written for a byte read: \u00XX for a character, a frame around a message's class. */
#define REPR_GROWTH 8u
#define REPR_SLACK 64u
/* What a message's str() has at least: its text and something else. */
#define FIELDS_MIN 2u

struct repr {
    struct nv_str text;
    size_t pos;
    struct nv_buf *out;
    unsigned depth;
    bool objects;
};

static enum nv_err read_value(struct repr *repr);

static char peek(const struct repr *repr)
{
    return repr->pos < repr->text.len ? repr->text.ptr[repr->pos] : '\0';
}

static char skip_space(struct repr *repr)
{
    while (peek(repr) == ' ' || peek(repr) == '\n')
        repr->pos++;
    return peek(repr);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

/* ---- text -------------------------------------------------------------------------------- */

/* JSON has escapes of 16 bits: a pair of surrogates above them. */
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
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum nv_err hex_escape(struct repr *repr, unsigned digits, uint32_t *code)
{
    *code = 0;
    for (unsigned i = 0; i < digits; i++) {
        const int digit = hex_digit(peek(repr));
        if (digit < 0)
            return NV_ERR_MALFORMED;
        *code = *code << 4 | (uint32_t)digit;
        repr->pos++;
    }
    return *code <= 0x10ffff ? NV_OK : NV_ERR_MALFORMED;
}

/* The character behind a backslash. repr() writes no others than these; with another one the
 * text is no repr. */
static enum nv_err read_escape(struct repr *repr, uint32_t *code)
{
    static const struct {
        char letter, means;
    } letters[] = {{'n', '\n'},  {'t', '\t'}, {'r', '\r'},
                   {'\\', '\\'}, {'"', '"'},  {'\'', '\''}};
    const char c = peek(repr);
    repr->pos++;
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (letters[i].letter == c) {
            *code = (unsigned char)letters[i].means;
            return NV_OK;
        }
    }
    const unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    return digits > 0 ? hex_escape(repr, digits, code) : NV_ERR_MALFORMED;
}

/* One byte of text that needs no escape in Python: it may need one in JSON. */
static void write_byte(struct nv_buf *out, char c)
{
    if ((unsigned char)c < 0x20) {
        write_code_point(out, (unsigned char)c);
        return;
    }
    if (c == '"' || c == '\\')
        (void)nv_buf_append_char(out, '\\');
    (void)nv_buf_append_char(out, c);
}

/* Bytes from 0x80 on pass as they stand: repr() writes printable characters of every script
 * plain. */
static enum nv_err read_string(struct repr *repr)
{
    const char quote = peek(repr);
    (void)nv_buf_append_char(repr->out, '"');
    for (repr->pos++; repr->pos < repr->text.len && peek(repr) != quote;) {
        const char c = peek(repr);
        uint32_t code;
        repr->pos++;
        if (c != '\\') {
            write_byte(repr->out, c);
            continue;
        }
        enum nv_err err = read_escape(repr, &code);
        if (err != NV_OK)
            return err;
        if (code < 0x80)
            write_byte(repr->out, (char)code);
        else
            write_code_point(repr->out, code);
    }
    if (peek(repr) != quote)
        return NV_ERR_MALFORMED;
    repr->pos++;
    return nv_buf_append_char(repr->out, '"');
}

/* The source from `start` on, as a string. */
static enum nv_err write_source(struct repr *repr, size_t start)
{
    (void)nv_buf_append_char(repr->out, '"');
    for (size_t i = start; i < repr->pos; i++)
        write_byte(repr->out, repr->text.ptr[i]);
    return nv_buf_append_char(repr->out, '"');
}

/* b'...': the bytes are gathered behind what is written, and replaced by what they become. */
static enum nv_err read_bytes(struct repr *repr)
{
    const char quote = peek(repr);
    const size_t start = repr->pos + 1;
    struct nv_buf raw;
    bool printable = true;
    enum nv_err err = NV_OK;
    nv_buf_init(&raw, repr->text.len);
    for (repr->pos++; err == NV_OK && repr->pos < repr->text.len && peek(repr) != quote;) {
        uint32_t code = (unsigned char)peek(repr);
        repr->pos++;
        if (code == '\\')
            err = read_escape(repr, &code);
        printable = printable && code >= 0x20 && code < 0x7f;
        if (err == NV_OK && code > 0xff)
            err = NV_ERR_MALFORMED;
        if (err == NV_OK)
            err = nv_buf_append_char(&raw, (char)code);
    }
    if (err == NV_OK && peek(repr) != quote)
        err = NV_ERR_MALFORMED;
    /* read once more as text: most bytes that are traced are ASCII */
    if (err == NV_OK && printable) {
        repr->pos = start - 1;
        nv_buf_release(&raw);
        return read_string(repr);
    }
    if (err == NV_OK) {
        repr->pos++;
        (void)nv_buf_append_char(repr->out, '"');
        (void)nv_base64_encode(repr->out, nv_buf_str(&raw));
        err = nv_buf_append_char(repr->out, '"');
    }
    nv_buf_release(&raw);
    return err;
}

/* ---- brackets ---------------------------------------------------------------------------- */

/* The items of a list or tuple up to `close`; *comma: one stood behind the last or between
 * two. */
static enum nv_err read_items(struct repr *repr, char close, bool *comma)
{
    enum nv_err err = NV_OK;
    *comma = false;
    (void)nv_buf_append_char(repr->out, '[');
    while (err == NV_OK && skip_space(repr) != close) {
        err = read_value(repr);
        if (err == NV_OK && skip_space(repr) == ',') {
            *comma = true;
            repr->pos++;
            if (skip_space(repr) != close)
                err = nv_buf_append_char(repr->out, ',');
        } else if (err == NV_OK && peek(repr) != close) {
            err = NV_ERR_MALFORMED;
        }
    }
    repr->pos++;
    return err != NV_OK ? err : nv_buf_append_char(repr->out, ']');
}

/* A key of a dict, or the first item of a set: JSON has text for keys only. */
static enum nv_err read_key(struct repr *repr)
{
    const char first = skip_space(repr);
    const bool text = first == '\'' || first == '"';
    const size_t at = repr->out->len;
    enum nv_err err = read_value(repr);
    if (err != NV_OK || skip_space(repr) != ':' || text)
        return err;
    const struct nv_str written = nv_str_slice(nv_buf_str(repr->out), at, SIZE_MAX);
    if (nv_str_find_char(written, '"') != SIZE_MAX ||
        nv_str_find_char(written, '[') != SIZE_MAX ||
        nv_str_find_char(written, '{') != SIZE_MAX)
        return NV_ERR_MALFORMED;
    err = nv_buf_reserve(repr->out, 2);
    if (err != NV_OK)
        return err;
    char *bytes = repr->out->bytes + at;
    memmove(bytes + 1, bytes, written.len);
    bytes[0] = bytes[written.len + 1] = '"';
    repr->out->len += 2;
    return NV_OK;
}

/* What stands behind the key of a dictionary: a colon and a value. */
static enum nv_err read_member_value(struct repr *repr)
{
    if (skip_space(repr) != ':')
        return NV_ERR_MALFORMED;
    repr->pos++;
    enum nv_err err = nv_buf_append_char(repr->out, ':');
    return err != NV_OK ? err : read_value(repr);
}

static enum nv_err read_braces(struct repr *repr)
{
    const size_t at = repr->out->len;
    bool set = false;
    enum nv_err err = nv_buf_append_char(repr->out, '{');
    for (unsigned items = 0; err == NV_OK && skip_space(repr) != '}'; items = 1) {
        err = set ? read_value(repr) : read_key(repr);
        if (err == NV_OK && items == 0 && skip_space(repr) != ':') {
            set = true;
            repr->out->bytes[at] = '[';
        }
        if (err == NV_OK && !set)
            err = read_member_value(repr);
        if (err == NV_OK && skip_space(repr) == ',') {
            repr->pos++;
            if (skip_space(repr) != '}')
                err = nv_buf_append_char(repr->out, ',');
        } else if (err == NV_OK && peek(repr) != '}') {
            err = NV_ERR_MALFORMED;
        }
    }
    repr->pos++;
    return err != NV_OK ? err : nv_buf_append_char(repr->out, set ? ']' : '}');
}

/* ---- objects ----------------------------------------------------------------------------- */

/* A word with its dots: None, HumanMessage, datetime.datetime. */
static struct nv_str read_word(struct repr *repr)
{
    const size_t start = repr->pos;
    while (is_word_char(peek(repr)) || (peek(repr) == '.' && repr->pos > start))
        repr->pos++;
    return nv_str_slice(repr->text, start, repr->pos - start);
}

/* Is what comes next `name=`? Then that is passed over, and the name written as a key. */
static bool take_keyword(struct repr *repr)
{
    const size_t start = repr->pos;
    const struct nv_str name = read_word(repr);
    if (name.len == 0 || is_digit(name.ptr[0]) || peek(repr) != '=') {
        repr->pos = start;
        return false;
    }
    repr->pos++;
    (void)nv_buf_append_char(repr->out, '"');
    (void)nv_buf_append_str(repr->out, name);
    (void)nv_buf_append_str(repr->out, NV_STR("\":"));
    return true;
}

/* Arguments up to the bracket's end. *keywords, *others: how many of them. */
static enum nv_err read_arguments(struct repr *repr, unsigned *keywords, unsigned *others)
{
    enum nv_err err = NV_OK;
    *keywords = *others = 0;
    while (err == NV_OK && skip_space(repr) != ')') {
        if (*keywords + *others > 0)
            (void)nv_buf_append_char(repr->out, ',');
        if (take_keyword(repr))
            (*keywords)++;
        else
            (*others)++;
        err = read_value(repr);
        if (err == NV_OK && skip_space(repr) == ',')
            repr->pos++;
        else if (err == NV_OK && peek(repr) != ')')
            err = NV_ERR_MALFORMED;
    }
    repr->pos++;
    return err;
}

/* A class whose name tells a role. */
static bool is_message_class(struct nv_str name)
{
    const struct nv_str generic[] = {NV_STR_INIT("Message"), NV_STR_INIT("ChatMessage"),
                                     NV_STR_INIT("ChatMessageChunk")};
    for (size_t i = 0; i < sizeof generic / sizeof generic[0]; i++) {
        if (nv_str_eq(name, generic[i]))
            return false;
    }
    return nv_str_ends(name, NV_STR("Message")) || nv_str_ends(name, NV_STR("MessageChunk"));
}

/* Name(...): the object of its keywords, its one argument, or else its own text. */
static enum nv_err read_call(struct repr *repr, size_t start, struct nv_str name)
{
    const size_t at = repr->out->len;
    const bool message = is_message_class(name);
    /* what the brackets held is known at their end: keywords alone make an object, one value
     * alone is itself, a mixture is no JSON and goes out as its source */
    unsigned keywords, others;
    if (message) {
        (void)nv_buf_append_str(repr->out, NV_STR("{\"lc\":1,\"id\":[\""));
        (void)nv_buf_append_str(repr->out, name);
        (void)nv_buf_append_str(repr->out, NV_STR("\"],\"kwargs\":"));
    }
    const size_t body = repr->out->len;
    (void)nv_buf_append_char(repr->out, '{');
    repr->pos++;
    enum nv_err err = read_arguments(repr, &keywords, &others);
    if (err == NV_OK)
        err = nv_buf_append_str(repr->out, message ? NV_STR("}}") : NV_STR("}"));
    if (err != NV_OK || others == 0)
        return err;
    if (others == 1 && keywords == 0 && !message) {
        char *bytes = repr->out->bytes + body;
        const size_t len = repr->out->len - body - 2;
        memmove(bytes, bytes + 1, len);
        repr->out->len = body + len;
        return NV_OK;
    }
    repr->out->len = at;
    return write_source(repr, start);
}

/* <Role.USER: 'user'> is its value; <... object at 0x7f> its own text. */
static enum nv_err read_angle(struct repr *repr)
{
    const size_t start = repr->pos;
    unsigned open = 0;
    repr->pos++;
    if (read_word(repr).len > 0 && peek(repr) == ':') {
        repr->pos++;
        (void)skip_space(repr);
        enum nv_err err = read_value(repr);
        if (err != NV_OK || skip_space(repr) != '>')
            return NV_ERR_MALFORMED;
        repr->pos++;
        return NV_OK;
    }
    for (repr->pos = start; repr->pos < repr->text.len; repr->pos++) {
        open += peek(repr) == '<';
        /* angles nest: <bound method X of <Y object at 0x7f>> */
        open -= peek(repr) == '>';
        if (open == 0)
            break;
    }
    if (peek(repr) != '>')
        return NV_ERR_MALFORMED;
    repr->pos++;
    return write_source(repr, start);
}

/* ---- any value --------------------------------------------------------------------------- */

static enum nv_err read_named(struct repr *repr)
{
    static const struct {
        struct nv_str python, json;
    } words[] = {{NV_STR_INIT("None"), NV_STR_INIT("null")},
                 {NV_STR_INIT("True"), NV_STR_INIT("true")},
                 {NV_STR_INIT("False"), NV_STR_INIT("false")},
                 {NV_STR_INIT("nan"), NV_STR_INIT("null")},
                 {NV_STR_INIT("inf"), NV_STR_INIT("null")}};
    const size_t start = repr->pos;
    const struct nv_str word = read_word(repr);
    const char next = peek(repr);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (nv_str_eq(word, words[i].python))
            return nv_buf_append_str(repr->out, words[i].json);
    }
    if (nv_str_eq(word, NV_STR("b")) && (next == '\'' || next == '"'))
        return read_bytes(repr);
    if (!repr->objects || word.len == 0 || next != '(')
        return NV_ERR_MALFORMED;
    return read_call(repr, start, word);
}

static enum nv_err read_number(struct repr *repr)
{
    const struct nv_str rest = nv_str_slice(repr->text, repr->pos, repr->text.len);
    if (nv_str_starts(rest, NV_STR("-inf"))) {
        repr->pos += 4;
        return nv_buf_append_str(repr->out, NV_STR("null"));
    }
    const size_t start = repr->pos;
    while (is_digit(peek(repr)) || (peek(repr) && strchr("+-.eE", peek(repr))))
        repr->pos++;
    return nv_buf_append_str(repr->out, nv_str_slice(repr->text, start, repr->pos - start));
}

/* A tuple is told by its comma: in brackets alone stands prose. */
static enum nv_err read_tuple(struct repr *repr)
{
    bool comma;
    const char first = skip_space(repr);
    enum nv_err err = read_items(repr, ')', &comma);
    return err == NV_OK && !comma && first != ')' ? NV_ERR_MALFORMED : err;
}

static enum nv_err read_bracket(struct repr *repr, char open)
{
    bool comma;
    if (repr->depth == NV_JSON_DEPTH_LIMIT)
        return NV_ERR_MALFORMED;
    repr->depth++;
    enum nv_err err;
    if (open == '<') {
        err = read_angle(repr);
    } else {
        repr->pos++;
        err = open == '{'   ? read_braces(repr)
              : open == '[' ? read_items(repr, ']', &comma)
                            : read_tuple(repr);
    }
    repr->depth--;
    return err;
}

static enum nv_err read_value(struct repr *repr)
{
    const char c = skip_space(repr);
    if (c == '\'' || c == '"')
        return read_string(repr);
    if (c == '{' || c == '[' || c == '(' || (c == '<' && repr->objects))
        return read_bracket(repr, c);
    if (is_digit(c) || c == '-')
        return read_number(repr);
    if (repr->depth == NV_JSON_DEPTH_LIMIT)
        return NV_ERR_MALFORMED;
    repr->depth++;
    enum nv_err err = read_named(repr);
    repr->depth--;
    return err;
}

/* ---- whole texts ------------------------------------------------------------------------- */

static enum nv_err give(struct nv_arena *arena, struct repr *repr, enum nv_err err,
                        struct nv_str *out)
{
    if (err == NV_OK)
        (void)skip_space(repr);
    if (repr->out->failed != NV_OK)
        err = NV_ERR_NO_MEMORY;
    if (err == NV_OK && repr->pos != repr->text.len)
        err = NV_ERR_MALFORMED;
    if (err == NV_OK) {
        *out = nv_arena_dup(arena, nv_buf_str(repr->out));
        err = !out->ptr ? NV_ERR_NO_MEMORY : NV_OK;
    }
    nv_buf_release(repr->out);
    return err;
}

enum nv_err nv_python_repr_read(struct nv_arena *arena, struct nv_str text,
                                enum nv_repr_what what, struct nv_str *out)
{
    struct nv_buf buf;
    nv_buf_init(&buf, text.len * REPR_GROWTH + REPR_SLACK);
    struct repr repr = {nv_str_trim(text), 0, &buf, 0, what == NV_REPR_OBJECTS};
    const char first = peek(&repr);
    const bool opens = first == '{' || first == '[' || first == '(';
    return give(arena, &repr, opens ? read_bracket(&repr, first) : NV_ERR_MALFORMED, out);
}

enum nv_err nv_python_fields_read(struct nv_arena *arena, struct nv_str text,
                                  struct nv_str *out)
{
    struct nv_buf buf;
    struct repr repr = {nv_str_trim(text), 0, &buf, 1, true};
    unsigned fields = 0;
    if (!nv_str_starts(repr.text, NV_STR("content=")))
        return NV_ERR_MALFORMED;
    nv_buf_init(&buf, text.len * REPR_GROWTH + REPR_SLACK);
    enum nv_err err = nv_buf_append_char(&buf, '{');
    for (; err == NV_OK && skip_space(&repr) != '\0'; fields++) {
        if (fields > 0)
            (void)nv_buf_append_char(&buf, ',');
        err = take_keyword(&repr) ? read_value(&repr) : NV_ERR_MALFORMED;
        if (err == NV_OK && peek(&repr) != ' ' && repr.pos < repr.text.len)
            err = NV_ERR_MALFORMED;
    }
    (void)nv_buf_append_char(&buf, '}');
    if (err == NV_OK && fields < FIELDS_MIN)
        err = NV_ERR_MALFORMED;
    return give(arena, &repr, err, out);
}
