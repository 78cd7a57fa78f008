/*
 * Base64 inside a text.
 *
 * Pictures are megabytes of plain characters: those go four at a time, by table. All else
 * (escapes, ends of lines, padding) is looked at where the table knows a character not.
 */
#include "base/text/base64_text.h"

#include "base/banned.h"

#define X 0xff
#define LINE_MIN 60u

static const uint8_t values[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62,
    X,  62, X,  63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,  X,  0,
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, X,  X,  X,  X,  63, X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
    39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X};

bool nv_base64_is_char(char c)
{
    return values[(unsigned char)c] != X;
}

size_t nv_base64_plain(struct nv_str text, size_t at)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t to = at;
    while (text.len - to >= 4 && (values[bytes[to]] | values[bytes[to + 1]] |
                                  values[bytes[to + 2]] | values[bytes[to + 3]]) != X)
        to += 4;
    while (to < text.len && values[bytes[to]] != X)
        to++;
    return to - at;
}

void nv_base64_read_init(struct nv_base64_reader *reader, struct nv_str text, size_t at)
{
    *reader = (struct nv_base64_reader){.text = text, .at = at < text.len ? at : text.len};
}

/* ---- what is no plain character ---------------------------------------------------------- */

/* The character at `at`, an escape (JSON, URI) undone; *len: of it in the text. 0: none. */
static char char_at(struct nv_str text, size_t at, size_t *len)
{
    static const struct {
        struct nv_str escape;
        char is;
    } escapes[] = {
        {NV_STR_INIT("\\/"), '/'},     {NV_STR_INIT("\\n"), '\n'},
        {NV_STR_INIT("\\r"), '\r'},    {NV_STR_INIT("\\u002b"), '+'},
        {NV_STR_INIT("\\u002f"), '/'}, {NV_STR_INIT("\\u003d"), '='},
        {NV_STR_INIT("%2b"), '+'},     {NV_STR_INIT("%2f"), '/'},
        {NV_STR_INIT("%3d"), '='},
    };
    *len = 1;
    if (at >= text.len)
        return 0;
    if (text.ptr[at] != '\\' && text.ptr[at] != '%')
        return text.ptr[at];
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        struct nv_str escape = escapes[i].escape;
        *len = escape.len;
        if (nv_str_ieq(nv_str_slice(text, at, escape.len), escape))
            return escapes[i].is;
    }
    return 0;
}

/* Padding: all that there is, up to two. */
static void skip_padding(struct nv_base64_reader *reader)
{
    size_t len = 0;
    for (int i = 0; i < 2 && char_at(reader->text, reader->at, &len) == '='; i++)
        reader->at += len;
}

/* So many characters of base64 stand at *at before a line's end or any other, at most
 * `most` + 1; *at behind them. */
static size_t line_at(struct nv_str text, size_t *at, size_t most)
{
    size_t count = 0, len = 0;
    while (count <= most) {
        char c = char_at(text, *at, &len);
        if (!c || !nv_base64_is_char(c))
            break;
        count++;
        *at += len;
    }
    return count;
}

/* Is a line of `count` characters that ends at `at` the last of base64, and no word? */
static bool is_last_line(struct nv_str text, size_t at, size_t count)
{
    size_t len = 0;
    for (int i = 0; i < 2 && char_at(text, at, &len) == '='; i++, count++)
        at += len;
    char c = char_at(text, at, &len);
    return count % 4 == 0 && (!c || memchr("\r\n\"'", c, 4));
}

/* Does a line stand at *at that may follow one of `most` characters? *at behind indentation. */
static bool is_next_line(struct nv_str text, size_t *at, size_t most)
{
    size_t begin = *at;
    while (begin < text.len && (text.ptr[begin] == ' ' || text.ptr[begin] == '\t'))
        begin++;
    size_t end = begin;
    size_t count = line_at(text, &end, most);
    bool indented = begin > *at;
    *at = begin;
    return count > 0 && count <= most &&
           (!indented || count == most || is_last_line(text, end, count));
}

/* Does the text go on behind a line's end at reader->at? Then that is read. */
static bool next_line(struct nv_base64_reader *reader)
{
    size_t len = 0, at = reader->at;
    char c = char_at(reader->text, at, &len);
    if (c == '\r') {
        at += len;
        c = char_at(reader->text, at, &len);
    }
    if (c != '\n' || reader->line < LINE_MIN ||
        (reader->line_max > 0 && reader->line != reader->line_max))
        return false;
    at += len;
    if (!is_next_line(reader->text, &at, reader->line))
        return false;
    reader->line_max = reader->line;
    reader->line = 0;
    reader->at = at;
    return true;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* The next six bits, or X at the end. */
static unsigned next_value(struct nv_base64_reader *reader)
{
    size_t len = 0;
    char c = char_at(reader->text, reader->at, &len);
    unsigned value = c ? values[(unsigned char)c] : X;
    if (value == X && next_line(reader)) {
        c = char_at(reader->text, reader->at, &len);
        value = c ? values[(unsigned char)c] : X;
    }
    if (value == X) {
        skip_padding(reader);
        reader->ended = true;
        return X;
    }
    reader->at += len;
    reader->chars++;
    reader->line++;
    return value;
}

/* As long as plain characters last, three bytes of four; the bits must be none. */
static size_t read_plain(struct nv_base64_reader *reader, uint8_t *out, size_t room)
{
    const unsigned char *in = (const unsigned char *)reader->text.ptr + reader->at;
    size_t left = (reader->text.len - reader->at) / 4, most = room / 3, done = 0;
    for (most = most < left ? most : left; done < most; done++, in += 4) {
        unsigned a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
        if ((a | b | c | d) > 63)
            break;
        unsigned bits = a << 18 | b << 12 | c << 6 | d;
        *out++ = (uint8_t)(bits >> 16);
        *out++ = (uint8_t)(bits >> 8);
        *out++ = (uint8_t)bits;
    }
    reader->at += 4 * done;
    reader->chars += 4 * done;
    reader->line += 4 * done;
    return 3 * done;
}

size_t nv_base64_read(struct nv_base64_reader *reader, uint8_t *out, size_t room)
{
    size_t made = 0;
    while (made < room && !reader->ended) {
        if (reader->count == 0)
            made += read_plain(reader, out + made, room - made);
        if (made == room)
            break;
        unsigned value = next_value(reader);
        if (value == X)
            break;
        reader->bits = reader->bits << 6 | value;
        reader->count += 6;
        if (reader->count >= 8) {
            reader->count -= 8;
            out[made++] = (uint8_t)(reader->bits >> reader->count & 0xff);
        }
    }
    return made;
}
