/*
 * Escapes of ASCII, one step at a time.
 *
 * One step over the raw text gives one byte of the plain one: an escape or the byte itself.
 * Undoing a text and finding a place of it again take the same steps, so that they can't
 * disagree. Quotes are undone too, as writers that escape them escape all of them; a backslash
 * stays, as it would escape what follows.
 */
#include "redaction/secrets/escapes.h"

#include "base/banned.h"

/* JSON in JSON five deep; more is left as it is. */
#define SLASHES_MAX 31u

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The visible character that the two digits at `at` say, '\0': none. */
static char byte_at(struct nv_str raw, size_t at)
{
    if (at + 2 > raw.len)
        return '\0';
    int high = hex(raw.ptr[at]), low = hex(raw.ptr[at + 1]);
    if (high < 2 || high > 7 || low < 0 || (high == 7 && low == 15))
        return '\0';
    return (char)(high << 4 | low);
}

/* Bytes of the escape at `at`, and what it stands for; 0: none, or one that stays. */
static size_t escape(struct nv_str raw, size_t at, char *out)
{
    if (raw.ptr[at] == '%') {
        *out = byte_at(raw, at + 1);
        return *out != '\0' ? 3 : 0;
    }
    size_t end = at;
    while (end < raw.len && end - at < SLASHES_MAX && raw.ptr[end] == '\\')
        end++;
    if (end == at || end == raw.len)
        return 0;
    if (raw.ptr[end] == '/') {
        *out = '/';
        return end + 1 - at;
    }
    if (!nv_str_starts(nv_str_slice(raw, end, 3), NV_STR("u00")))
        return 0;
    *out = byte_at(raw, end + 3);
    return *out != '\0' && *out != '\\' ? end + 5 - at : 0;
}

bool nv_escape_hides(struct nv_str raw, size_t at)
{
    char c;
    return escape(raw, at, &c) > 0;
}

/* The byte at `at`, and how many stand for it. */
static size_t step(struct nv_str raw, size_t at, char *out)
{
    char c = raw.ptr[at];
    size_t len = c == '\\' || c == '%' ? escape(raw, at, out) : 0;
    if (len > 0)
        return len;
    *out = c;
    return 1;
}

struct nv_str nv_escapes_undo(struct nv_arena *arena, struct nv_str raw)
{
    char *out = nv_arena_raw(arena, raw.len);
    size_t len = 0;
    if (!out)
        return (struct nv_str){NULL, raw.len};
    for (size_t at = 0; at < raw.len; len++)
        at += step(raw, at, &out[len]);
    return (struct nv_str){out, len};
}

size_t nv_escapes_seek(struct nv_escape_cursor *cursor, struct nv_str raw, size_t plain)
{
    char c;
    while (cursor->plain < plain && cursor->raw < raw.len) {
        cursor->raw += step(raw, cursor->raw, &c);
        cursor->plain++;
    }
    return cursor->raw;
}
