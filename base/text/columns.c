/*
 * Columns, a character at a time.
 *
 *   text ─▶ up to a line end ─▶ nv_shown_next: piece ─▶ characters ─▶ fits? ─▶ buffer
 *               └▶ "⏎"                                               └no▶ back to the last place
 *                                                                         that leaves room for "…"
 */
#include "base/text/columns.h"

#include "base/text/shown.h"
#include "base/text/utf8.h"

#include <assert.h>
#include <utf8proc.h>

#include "base/banned.h"

#define EMOJI_LOOK 0xfe0f

struct cut {
    struct nv_buf *buf;
    size_t room, used;
    size_t marks;    /* characters without a width since the last with one */
    size_t keep_len; /* of the buffer, where "…" would still fit */
    size_t keep_used;
    bool full;
};

/* Takes one well-formed character off `text`; its columns. */
static size_t next_width(struct nv_str text, size_t *length)
{
    utf8proc_int32_t code = 0;
    utf8proc_ssize_t len =
        utf8proc_iterate((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &code);
    assert(len > 0);
    *length = (size_t)len;
    if (code == EMOJI_LOOK)
        return 1;
    int width = utf8proc_charwidth(code);
    return width < 0 ? 0 : (size_t)width;
}

size_t nv_columns_of(struct nv_str text)
{
    size_t columns = 0, length = 0;
    while (text.len > 0) {
        if ((unsigned char)text.ptr[0] < 0x80) {
            columns++;
            length = 1;
        } else {
            columns += next_width(text, &length);
        }
        text = nv_str_slice(text, length, text.len);
    }
    return columns;
}

static void put_char(struct cut *cut, struct nv_str character, size_t width)
{
    cut->marks = width == 0 ? cut->marks + 1 : 0;
    if (cut->marks > NV_COLUMNS_MARKS_MAX)
        return;
    if (cut->used + width > cut->room) {
        cut->full = true;
        return;
    }
    (void)nv_buf_append_str(cut->buf, character);
    cut->used += width;
    if (cut->used < cut->room) {
        cut->keep_len = cut->buf->len;
        cut->keep_used = cut->used;
    }
}

static void put_piece(struct cut *cut, struct nv_str piece)
{
    size_t length = 0;
    while (piece.len > 0 && !cut->full) {
        size_t width = next_width(piece, &length);
        put_char(cut, nv_str_slice(piece, 0, length), width);
        piece = nv_str_slice(piece, length, piece.len);
    }
}

/* Takes a line end or a tab off `text`, if it begins with one. */
static bool put_space(struct cut *cut, struct nv_str *text)
{
    char c = text->ptr[0];
    if (c != '\n' && c != '\r' && c != '\t')
        return false;
    size_t length = nv_str_starts(*text, NV_STR("\r\n")) ? 2 : 1;
    put_char(cut, c == '\t' ? NV_STR(" ") : NV_STR("⏎"), 1);
    *text = nv_str_slice(*text, length, text->len);
    return true;
}

static bool is_space(char c)
{
    return c == '\n' || c == '\r' || c == '\t';
}

size_t nv_columns_append(struct nv_buf *buf, struct nv_str text, size_t room)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    struct cut cut = {.buf = buf, .room = room, .keep_len = buf->len};
    while (text.len > 0 && !cut.full && buf->failed == NV_OK) {
        if (put_space(&cut, &text))
            continue;
        /* no more than can fit is looked at, or a megabyte would be made harmless for a line */
        size_t run = 0, most = 4 * room + NV_SHOWN_ESCAPE_SIZE;
        while (run < text.len && run < most && !is_space(text.ptr[run]))
            run++;
        run = run == most ? nv_utf8_cut(text, run) : run;
        struct nv_str line = nv_str_slice(text, 0, run > 0 ? run : 1), rest = line;
        put_piece(&cut, nv_shown_next(&rest, NV_SHOWN_LINE, escape));
        text = nv_str_slice(text, line.len - rest.len, text.len);
    }
    if (cut.full && room > 0 && buf->failed == NV_OK) {
        buf->len = cut.keep_len;
        (void)nv_buf_append_str(buf, NV_STR("…"));
        cut.used = cut.keep_used + 1;
    }
    return cut.used;
}
