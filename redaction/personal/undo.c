/*
 * What an escape stands for comes in its place only where it can do so as it is: no quotes,
 * backslashes and control characters, which would change what the text around it says.
 */
#include "redaction/personal/undo.h"

#include "base/json/json_string.h"

#include "base/banned.h"

/* May it stand unescaped wherever its escape stood? */
static bool may_stand(const char *bytes, size_t len)
{
    return len > 1 || ((unsigned char)bytes[0] >= 0x20 && bytes[0] != '"' && bytes[0] != '\\' &&
                       bytes[0] != 0x7f);
}

/*
 * The escape at `at`, a backslash and the others behind it: what it stands for, and how long it
 * is; 0: none that is undone. Backslashes are doubled where JSON text is in JSON text.
 */
static size_t undo_one(struct nv_str text, size_t at, char out[NV_JSON_ESCAPE_BYTES],
                       size_t *bytes)
{
    size_t end = at, length = 0;
    while (end < text.len && text.ptr[end] == '\\')
        end++;
    if (end == text.len || (text.ptr[end] != 'u' && text.ptr[end] != '/'))
        return 0;
    struct nv_str last = nv_str_slice(text, end - 1, text.len);
    size_t valid = nv_json_escape_length(last, 0);
    if (valid == 0 || valid == SIZE_MAX)
        return 0;
    *bytes = nv_json_escape_resolve(last, out, &length);
    return may_stand(out, *bytes) ? end - 1 - at + length : 0;
}

bool nv_undo_escapes(struct nv_str text, struct nv_buf *out)
{
    size_t copied = 0;
    for (size_t at = 0; at < text.len; at++) {
        const char *next = memchr(text.ptr + at, '\\', text.len - at);
        char character[NV_JSON_ESCAPE_BYTES];
        size_t bytes = 0;
        if (!next)
            break;
        at = (size_t)(next - text.ptr);
        size_t length = undo_one(text, at, character, &bytes);
        if (length == 0) {
            while (at + 1 < text.len && text.ptr[at + 1] == '\\')
                at++;
            continue;
        }
        (void)nv_buf_append(out, text.ptr + copied, at - copied);
        (void)nv_buf_append(out, character, bytes);
        copied = at + length;
        at = copied - 1;
    }
    (void)nv_buf_append(out, text.ptr + copied, text.len - copied);
    return copied > 0;
}
