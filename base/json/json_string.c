/*
 * Escapes of JSON strings, one by one and in whole texts.
 *
 * Most escapes are two characters long, and a table says what they stand for; \u takes four
 * digits and may be half of a pair. What the reader passes on has been checked, so nothing here
 * fails but for memory: text that is no valid escape stays what it is.
 */
#include "base/json/json_string.h"

#include "base/json/json_read.h"
#include "base/text/utf8.h"

#include <assert.h>

#include "base/banned.h"

/* -1: none. A branch for each kind and no table: it runs for escapes alone. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Zero asks for more text, SIZE_MAX refuses: a reader of pieces must know which, because an
 * escape may be cut anywhere by the end of a piece. */
size_t nv_json_escape_length(struct nv_str text, size_t pos)
{
    if (pos + 1 >= text.len)
        return 0;
    char kind = text.ptr[pos + 1];
    if (kind != 'u')
        return nv_json_escape_simple(kind) != '\0' ? 2 : SIZE_MAX;
    for (size_t i = pos + 2; i < pos + 6; i++) {
        if (i >= text.len)
            return 0;
        if (hex_digit(text.ptr[i]) < 0)
            return SIZE_MAX;
    }
    return 6;
}

static uint32_t hex4(const char *at)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | ((uint32_t)hex_digit(at[i]) & 15);
    return code;
}

/* Twelve characters are taken only for a whole pair. Half of one, with whatever stands behind
 * it, is an escape of its own, and the text behind is read again as what it is. */
size_t nv_json_escape_resolve(struct nv_str raw, char out[4], size_t *length)
{
    *length = nv_json_escape_length(raw, 0);
    if (*length == 2) {
        out[0] = nv_json_escape_simple(raw.ptr[1]);
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
        nv_json_escape_length(raw, 6) == 6) {
        uint32_t low = hex4(raw.ptr + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            *length = 12;
        }
    }
    return nv_utf8_put(code, out);
}

/* No text grows when its escapes are resolved, so that one allocation of the raw length is
 * enough. The escapes of two characters are done here: they are nearly all, newlines and quotes
 * in texts of prompts, and the general way costs a call each. */
struct nv_str nv_json_unescaped(struct nv_arena *arena, struct nv_str raw)
{
    char *text = nv_arena_raw(arena, raw.len);
    if (!text)
        return (struct nv_str){NULL, 0};
    char *out = text;
    while (raw.len > 0) {
#ifdef NV_WIDE_CODE
        /* there is at least as much room as is left to read */
        if (raw.len > 2 * NV_JSON_WIDE_BLOCK && nv_wide) {
            size_t made, read;
            read = nv_json_unescape_wide(raw.ptr, raw.len, out, raw.len, &made);
            out += made;
            raw = (struct nv_str){raw.ptr + read, raw.len - read};
        }
#endif
        const char *found = memchr(raw.ptr, '\\', raw.len);
        size_t clean = found ? (size_t)(found - raw.ptr) : raw.len;
        memcpy(out, raw.ptr, clean);
        out += clean;
        raw = (struct nv_str){raw.ptr + clean, raw.len - clean};
        if (raw.len == 0)
            break;
        char simple = raw.len > 1 ? nv_json_escape_simple(raw.ptr[1]) : '\0';
        if (simple != '\0') {
            *out++ = simple;
            raw = (struct nv_str){raw.ptr + 2, raw.len - 2};
            continue;
        }
        char bytes[4];
        size_t length = 0;
        size_t count = nv_json_escape_resolve(raw, bytes, &length);
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
        size_t count = nv_json_escape_resolve(raw, bytes, &length);
        (void)nv_buf_append(buf, bytes, count);
        raw = nv_str_slice(raw, length, raw.len);
    }
    return buf->failed;
}

size_t nv_json_skip_spaces(struct nv_str text, size_t at)
{
    for (;;) {
        size_t end = at;
        while (end < text.len && text.ptr[end] == '\\')
            end++;
        char c = end < text.len ? text.ptr[end] : '\0';
        bool space =
            end == at ? c == ' ' || (c >= 9 && c <= 13) : c == 'n' || c == 'r' || c == 't';
        if (!space)
            return at;
        at = end + 1;
    }
}
