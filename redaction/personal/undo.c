/*
 * What an escape stands for comes in its place only where it can do so as it is: no quotes,
 * backslashes and control characters, which would change what the text around it says.
 */
#include "redaction/personal/undo.h"

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

/* The first escape at or behind `from` that is undone; false: there is none. */
static bool next_escape(struct nv_str text, size_t from, struct nv_undo_escape *out)
{
    for (size_t at = from; at < text.len; at++) {
        const char *next = memchr(text.ptr + at, '\\', text.len - at);
        if (!next)
            return false;
        at = (size_t)(next - text.ptr);
        out->at = at;
        out->length = undo_one(text, at, out->says, &out->bytes);
        if (out->length > 0)
            return true;
        while (at + 1 < text.len && text.ptr[at + 1] == '\\')
            at++;
    }
    return false;
}

bool nv_undo_escapes(struct nv_str text, struct nv_buf *out)
{
    struct nv_undo_escape escape = {0};
    size_t copied = 0;
    while (next_escape(text, copied, &escape)) {
        (void)nv_buf_append(out, text.ptr + copied, escape.at - copied);
        (void)nv_buf_append(out, escape.says, escape.bytes);
        copied = escape.at + escape.length;
    }
    (void)nv_buf_append(out, text.ptr + copied, text.len - copied);
    return copied > 0;
}

void nv_undone_init(struct nv_undone *undone, struct nv_str text)
{
    *undone = (struct nv_undone){.text = text};
    undone->more = next_escape(text, 0, &undone->next);
}

size_t nv_undone_place(struct nv_undone *undone, size_t plain)
{
    const struct nv_undo_escape *next = &undone->next;
    while (undone->more && undone->plain + (next->at - undone->at) < plain) {
        undone->plain += next->at - undone->at + next->bytes;
        undone->at = next->at + next->length;
        undone->more = next_escape(undone->text, undone->at, &undone->next);
    }
    return undone->at + (plain > undone->plain ? plain - undone->plain : 0);
}
