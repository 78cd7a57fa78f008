/*
 * Foreign text made harmless to look at.
 *
 *   rest ─▶ run of plain ASCII, or of characters that are not in the table ─▶ as it is
 *        └▶ one character of the table                                     ─▶ its escape
 *        └▶ one ill-formed part                                            ─▶ U+FFFD
 *
 * One table of ranges serves every output, so that none forgets what another knows. Escapes and
 * not removal: who looks must see that something is there. In JSON the escape is JSON's own, so
 * that a whole document may be passed through here without any reader seeing a difference: what
 * is in the table can only stand inside of strings. Backslashes of the text itself are left
 * alone: shown text is for eyes, and paths of Windows should stay readable.
 */
#include "base/text/shown.h"

#include "base/text/utf8.h"

#include <assert.h>

#include "base/banned.h"

/* Sorted, both ends included. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x0000, 0x001f},   /* C0 */
    {0x007f, 0x009f},   /* DEL, C1 */
    {0x00ad, 0x00ad},   /* soft hyphen */
    {0x034f, 0x034f},   /* combining grapheme joiner */
    {0x061c, 0x061c},   /* Arabic letter mark: bidirectional */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x17b4, 0x17b5},   /* Khmer inherent vowels */
    {0x180b, 0x180f},   /* Mongolian selectors */
    {0x200b, 0x200f},   /* zero width, LRM, RLM */
    {0x2028, 0x202e},   /* line and paragraph separator, embeddings and overrides */
    {0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xfeff, 0xfeff},   /* zero width no-break space: the byte order mark */
    {0xffa0, 0xffa0},   /* half-width Hangul filler */
    {0xfff0, 0xfffb},   /* interlinear annotation */
    {0x1bca0, 0x1bca3}, /* shorthand format controls */
    {0x1d173, 0x1d17a}, /* musical format controls */
    {0xe0000, 0xe0fff}  /* tags and further selectors: whole messages hide in them */
};

bool nv_shown_code(uint32_t code)
{
    size_t i = 0;
    const size_t count = sizeof hidden / sizeof hidden[0];
    while (i < count && code > hidden[i].last)
        i++;
    return i == count || code < hidden[i].first;
}

/* The code point of a well-formed character of `length` bytes. */
static uint32_t code_of(const char *at, size_t length)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    assert(length >= 1 && length <= 4);
    uint32_t code = (uint8_t)at[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((uint8_t)at[i] & 0x3fu);
    return code;
}

/* Length of the character at the start of `s` when it is shown as it is, else 0. */
static size_t plain_length(struct nv_str s, enum nv_shown_form form)
{
    uint8_t c = (uint8_t)s.ptr[0];
    size_t invalid;
    if (c >= ' ' && c < 0x7f)
        return 1;
    if (c < 0x80) {
        bool space = c == '\n' || c == '\t' || (c == '\r' && form == NV_SHOWN_JSON);
        return form != NV_SHOWN_LINE && space ? 1 : 0;
    }
    size_t length = nv_utf8_char(s, &invalid);
    return length > 0 && nv_shown_code(code_of(s.ptr, length)) ? length : 0;
}

static struct nv_str escape_code(uint32_t code, enum nv_shown_form form, char *escape)
{
    int n;
    if (form == NV_SHOWN_JSON && code > 0xffff) {
        n = snprintf(escape, NV_SHOWN_ESCAPE_SIZE, "\\u%04x\\u%04x",
                     0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else if (code > 0xffff) {
        n = snprintf(escape, NV_SHOWN_ESCAPE_SIZE, "\\U%08x", code);
    } else if (code > 0xff || form == NV_SHOWN_JSON) {
        n = snprintf(escape, NV_SHOWN_ESCAPE_SIZE, "\\u%04x", code);
    } else if (code == '\n' || code == '\t' || code == '\r') {
        n = snprintf(escape, NV_SHOWN_ESCAPE_SIZE, "\\%c",
                     code == '\n' ? 'n' : (code == '\t' ? 't' : 'r'));
    } else {
        n = snprintf(escape, NV_SHOWN_ESCAPE_SIZE, "\\x%02x", code);
    }
    assert(n > 0 && n < NV_SHOWN_ESCAPE_SIZE);
    return (struct nv_str){escape, (size_t)n};
}

struct nv_str nv_shown_next(struct nv_str *rest, enum nv_shown_form form,
                            char escape[NV_SHOWN_ESCAPE_SIZE])
{
    size_t run = 0, invalid = 0;
    assert(rest->len > 0);
    for (size_t length; run < rest->len; run += length) {
        length = plain_length(nv_str_slice(*rest, run, SIZE_MAX), form);
        if (length == 0)
            break;
    }
    struct nv_str piece = nv_str_slice(*rest, 0, run);
    if (run == 0) {
        size_t length = nv_utf8_char(*rest, &invalid);
        run = length > 0 ? length : invalid;
        piece = length > 0 ? escape_code(code_of(rest->ptr, length), form, escape)
                           : NV_STR(NV_UTF8_REPLACEMENT);
    }
    *rest = nv_str_slice(*rest, run, SIZE_MAX);
    return piece;
}

enum nv_err nv_shown_append(struct nv_buf *buf, struct nv_str text, enum nv_shown_form form)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    while (text.len > 0 && buf->failed == NV_OK)
        (void)nv_buf_append_str(buf, nv_shown_next(&text, form, escape));
    return buf->failed;
}

void nv_shown_print(FILE *file, struct nv_str text, enum nv_shown_form form)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    while (text.len > 0) {
        struct nv_str piece = nv_shown_next(&text, form, escape);
        (void)fwrite(piece.ptr, 1, piece.len, file);
    }
}
