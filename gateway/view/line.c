/*
 * One line at a time; escapes of colours are written around what they colour and take no
 * column.
 *
 *   room  ├── columns of the terminal ─────────────────────────┤
 *         put: cut between characters    fact: whole, or not at all and none after it
 *
 * Facts are whole because half a number is a wrong one. The first that does not fit ends
 * them, so that a line never shows a later fact in the place of an earlier one.
 *
 * Nothing here asks what a text says: it may hold escapes of its own, which nv_columns_append
 * shows instead of sending them to the terminal.
 */
#include "gateway/view/line.h"

#include "base/limits.h"
#include "base/text/columns.h"

#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/banned.h"

/* Of a value more is not written as JSON than can be shown of it. */
#define VALUE_BYTES_MAX NV_CAP_KIB(16)
#define VALUE_TEXT_MAX 2000
#define VALUE_ITEMS_MAX 64

static size_t within_bounds(size_t columns)
{
    if (columns < NV_LINE_COLUMNS_MIN)
        return NV_LINE_COLUMNS_MIN;
    return columns > NV_LINE_COLUMNS_MAX ? NV_LINE_COLUMNS_MAX : columns;
}

/*
 * COLUMNS first: it is how a script, or a person with a narrow window, says what it wants.
 * Bounds, because a wrong one must not make a line that is a megabyte wide, or a word of one
 * column.
 */
size_t nv_line_columns(int fd)
{
    const char *variable = getenv("COLUMNS");
    uint64_t columns = 0;
    struct winsize size = {0};
    if (variable && nv_str_to_uint64(nv_str_from(variable), &columns) == NV_OK && columns > 0)
        return within_bounds(columns);
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return within_bounds(size.ws_col);
    return NV_LINE_COLUMNS_DEFAULT;
}

void nv_line_begin(struct nv_line *line)
{
    line->room = line->columns;
    line->full = false;
}

static void set_style(const struct nv_line *line, enum nv_line_style style)
{
    static const char *const codes[] = {[NV_LINE_PLAIN] = "\033[0m",
                                        [NV_LINE_DIM] = "\033[2m",
                                        [NV_LINE_BOLD] = "\033[1m",
                                        [NV_LINE_RED] = "\033[31m"};
    if (line->color)
        (void)nv_buf_append_str(line->buf, nv_str_from(codes[style]));
}

void nv_line_put(struct nv_line *line, enum nv_line_style style, struct nv_str text,
                 size_t most)
{
    if (text.len == 0 || line->room == 0)
        return;
    if (style != NV_LINE_PLAIN)
        set_style(line, style);
    line->room -= nv_columns_append(line->buf, text, most < line->room ? most : line->room);
    if (style != NV_LINE_PLAIN)
        set_style(line, NV_LINE_PLAIN);
}

void nv_line_put_text(struct nv_line *line, enum nv_line_style style, const char *text)
{
    nv_line_put(line, style, nv_str_from(text), SIZE_MAX);
}

/*
 * Bounded three times before it is cut to the line: a value may be a document, and the
 * terminal's look at a trace must cost what is shown, not what was sent.
 */
void nv_line_put_value(struct nv_line *line, const struct nv_value *value)
{
    struct nv_buf text;
    struct nv_json_writer json;
    if (value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON) {
        nv_line_put(line, NV_LINE_PLAIN, value->as.string, SIZE_MAX);
        return;
    }
    nv_buf_init(&text, VALUE_BYTES_MAX);
    nv_json_write_init(&json, &text);
    json.text_max = VALUE_TEXT_MAX;
    json.items_max = VALUE_ITEMS_MAX;
    nv_value_write(&json, value);
    nv_line_put(line, NV_LINE_PLAIN, nv_buf_str(&text), SIZE_MAX);
    nv_buf_release(&text);
}

void nv_line_fact(struct nv_line *line, enum nv_line_style style, const char *text)
{
    size_t columns = nv_columns_of(nv_str_from(text));
    if (columns == 0 || line->full)
        return;
    line->full = columns + 2 > line->room;
    if (line->full)
        return;
    nv_line_put_text(line, NV_LINE_PLAIN, "  ");
    nv_line_put_text(line, style, text);
}

void nv_line_end(struct nv_line *line)
{
    /* spaces behind the last column show as nothing */
    while (!line->color && line->buf->len > 0 && line->buf->bytes[line->buf->len - 1] == ' ')
        line->buf->len--;
    (void)nv_buf_append_char(line->buf, '\n');
}
