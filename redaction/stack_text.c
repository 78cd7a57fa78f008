/*
 * Lines of stack traces.
 *
 * Python lists the newest frame last and the cause first; all others list the newest frame
 * first and the cause last. So of Python's block the end is kept and of the others' the
 * beginning.
 */
#include "redaction/stack_text.h"

#include "base/banned.h"

#define HEADER NV_STR("Traceback (most recent call last):")

/* ---- lines ------------------------------------------------------------------------------- */

/* Behind the line that begins at `from`. */
static size_t line_behind(struct nv_str text, size_t from)
{
    size_t len = nv_str_find_char(nv_str_slice(text, from, SIZE_MAX), '\n');
    return len == SIZE_MAX ? text.len : from + len + 1;
}

/* A line without what it is indented with; groups of exceptions draw bars there. */
static struct nv_str line_at(struct nv_str text, size_t from)
{
    size_t to = line_behind(text, from);
    while (from < to && memchr(" \t|", text.ptr[from], 3))
        from++;
    return nv_str_slice(text, from, to - from);
}

enum form { FORM_NONE, FORM_PYTHON, FORM_OTHER };

/* Which form's frame begins at `from`? */
static enum form frame_at(struct nv_str text, size_t from)
{
    struct nv_str line = line_at(text, from);
    bool indented = line.ptr != text.ptr + from;
    if (!indented)
        return FORM_NONE;
    if (nv_str_starts(line, NV_STR("File \"")))
        return FORM_PYTHON;
    bool go = text.ptr[from] == '\t' && nv_str_find(line, NV_STR(".go:")) != SIZE_MAX;
    return go || nv_str_starts(line, NV_STR("at ")) || nv_str_starts(line, NV_STR("from "))
               ? FORM_OTHER
               : FORM_NONE;
}

/* Where frame `number` of the text begins, counted from 0; the text's length: there are fewer.
 * *count: how many there are up to it. */
static size_t frame_begin(struct nv_str text, enum form form, size_t number, size_t *count)
{
    *count = 0;
    for (size_t at = 0; at < text.len; at = line_behind(text, at)) {
        if (frame_at(text, at) == form && (*count)++ == number)
            return at;
    }
    return text.len;
}

static enum form form_of(struct nv_str text)
{
    for (size_t at = 0; at < text.len; at = line_behind(text, at)) {
        enum form form = frame_at(text, at);
        if (form != FORM_NONE)
            return form;
    }
    return FORM_NONE;
}

/* ---- the innermost exception ------------------------------------------------------------- */

static struct nv_str python_cause(struct nv_str text)
{
    static const struct nv_str links[] = {
        NV_STR_INIT("\nThe above exception was the direct cause"),
        NV_STR_INIT("\nDuring handling of the above exception")};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        text = nv_str_slice(text, 0, nv_str_find(text, links[i]));
    return text;
}

/* Behind what says that another exception caused the one above; 0: the line says no such
 * thing. */
static size_t cause_in_line(struct nv_str text, size_t from)
{
    struct nv_str line = line_at(text, from);
    size_t at = (size_t)(line.ptr - text.ptr);
    if (nv_str_starts(line, NV_STR("Caused by: ")) || nv_str_starts(line, NV_STR("[cause]: ")))
        return at;
    size_t behind = 0;
    for (; nv_str_starts(line, NV_STR("---> ")); line = line_at(text, behind))
        behind = (size_t)(line.ptr - text.ptr) + 5;
    return behind;
}

static struct nv_str other_cause(struct nv_str text)
{
    size_t from = 0;
    for (size_t at = 0; at < text.len; at = line_behind(text, at)) {
        size_t cause = cause_in_line(text, at);
        from = cause > 0 ? cause : from;
    }
    text = nv_str_slice(text, from, SIZE_MAX);
    return nv_str_slice(text, 0, nv_str_find(text, NV_STR("--- End of inner exception")));
}

/* ---- cutting ----------------------------------------------------------------------------- */

/* The last lines of what is no known form. */
static struct nv_str last_lines(struct nv_str text)
{
    size_t from = text.len, lines = 0;
    while (from > 0) {
        if (text.ptr[from - 1] == '\n' && from < text.len && ++lines == NV_STACK_FRAMES_KEPT)
            break;
        from--;
    }
    return nv_str_slice(text, from, SIZE_MAX);
}

static enum nv_err set(struct nv_str *text, struct nv_str changed)
{
    if (!changed.ptr)
        return NV_ERR_NO_MEMORY;
    *text = changed;
    return NV_OK;
}

/* The cut text: what stands above the frames and the last ones, or the first ones. */
static struct nv_str join(struct nv_arena *arena, struct nv_str text, enum form form,
                          size_t frames)
{
    size_t count, left = frames - NV_STACK_FRAMES_KEPT;
    size_t first = frame_begin(text, form, 0, &count);
    size_t cut =
        frame_begin(text, form, form == FORM_PYTHON ? left : NV_STACK_FRAMES_KEPT, &count);
    if (form == FORM_PYTHON) {
        return nv_arena_printf(arena, "%.*s  ... %zu frames left out\n%.*s",
                               NV_STR_ARG(nv_str_slice(text, 0, first)), left,
                               NV_STR_ARG(nv_str_slice(text, cut, SIZE_MAX)));
    }
    return nv_arena_printf(arena, "%.*s\t... %zu frames left out\n",
                           NV_STR_ARG(nv_str_slice(text, 0, cut)), left);
}

static enum nv_err cut(struct nv_arena *arena, struct nv_str *text)
{
    enum form form = form_of(*text);
    struct nv_str cause = form == FORM_PYTHON  ? python_cause(*text)
                          : form == FORM_OTHER ? other_cause(*text)
                                               : last_lines(*text);
    size_t frames = 0;
    if (form != FORM_NONE)
        (void)frame_begin(cause, form, SIZE_MAX, &frames);
    if (frames > NV_STACK_FRAMES_KEPT)
        return set(text, join(arena, cause, form, frames));
    if (cause.len < text->len)
        *text = cause;
    return NV_OK;
}

/* The cause may be of another form than the first frame: its own frames are cut then. */
enum nv_err nv_stack_cut(struct nv_arena *arena, struct nv_str *text)
{
    enum nv_err err = cut(arena, text);
    return err == NV_OK ? cut(arena, text) : err;
}

/* ---- messages ---------------------------------------------------------------------------- */

/* Behind the traceback whose header ends at `from`. */
static size_t traceback_end(struct nv_str text, size_t from)
{
    size_t at = line_behind(text, from);
    while (at < text.len && memchr(" \t\r\n", text.ptr[at], 4))
        at = line_behind(text, at);
    return at;
}

enum nv_err nv_stack_strip(struct nv_arena *arena, struct nv_str *text)
{
    size_t found = nv_str_find(*text, HEADER), copied = 0, len = 0;
    if (found == SIZE_MAX)
        return NV_OK;
    char *out = nv_arena_raw(arena, text->len);
    if (!out)
        return NV_ERR_NO_MEMORY;
    while (found != SIZE_MAX) {
        memcpy(out + len, text->ptr + copied, found);
        len += found;
        copied = traceback_end(*text, copied + found);
        found = nv_str_find(nv_str_slice(*text, copied, SIZE_MAX), HEADER);
    }
    if (copied < text->len)
        memcpy(out + len, text->ptr + copied, text->len - copied);
    *text = nv_str_trim((struct nv_str){out, len + text->len - copied});
    return NV_OK;
}
