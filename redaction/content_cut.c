/*
 * Cutting content.
 *
 * A text that ends in a mark and is no longer than it may be without it was cut already: a
 * client that writes marks itself gains nothing by it.
 */
#include "redaction/content_cut.h"

#include "base/limits.h"
#include "base/openssl.h"
#include "base/text/text.h"
#include "base/text/utf8.h"

#include "base/banned.h"

#define MARK_BEGIN NV_STR("[cut: ")
#define MARK_MAX 80u /* the longest mark */
#define HASH_SHOWN 8u
#define ESCAPE_LEN 6u /* of \u0040 */

/* ---- characters -------------------------------------------------------------------------- */

/* Bytes of the first `limit` characters of the text; *count: how many it has, or limit + 1. */
static size_t characters(struct nv_str text, size_t limit, size_t *count)
{
    size_t at = 0, cut = 0;
    for (*count = 0; at < text.len && *count <= limit; (*count)++) {
        size_t invalid = 0;
        size_t len = nv_utf8_char(nv_str_slice(text, at, 4), &invalid);
        cut = at;
        at += len > 0 ? len : invalid;
    }
    return *count > limit ? cut : at;
}

/* Does a backslash at `at` begin an escape, or is it escaped itself? */
static bool begins_escape(struct nv_str text, size_t at)
{
    size_t before = 0;
    while (before < at && text.ptr[at - before - 1] == '\\')
        before++;
    return before % 2 == 0;
}

/* Is one of the two halves of a pair of escapes at `at`? 'd', then 8 to b or c to f. */
static bool is_half(struct nv_str text, size_t at, bool second)
{
    if (at + ESCAPE_LEN > text.len || text.ptr[at] != '\\' || text.ptr[at + 1] != 'u' ||
        (text.ptr[at + 2] | 0x20) != 'd')
        return false;
    char c = (char)(text.ptr[at + 3] | (text.ptr[at + 3] >= 'A' ? 0x20 : 0));
    return second ? c >= 'c' && c <= 'f' : c == '8' || c == '9' || c == 'a' || c == 'b';
}

/* The last place up to `cut` that is inside no escape. */
static size_t outside_escapes(struct nv_str text, size_t cut)
{
    for (size_t back = 1; back < ESCAPE_LEN && back <= cut; back++) {
        size_t at = cut - back;
        bool unicode = back == 1 || text.ptr[at + 1] == 'u';
        if (text.ptr[at] == '\\' && unicode && begins_escape(text, at)) {
            cut = at;
            break;
        }
    }
    if (cut >= ESCAPE_LEN && is_half(text, cut - ESCAPE_LEN, false) && is_half(text, cut, true))
        cut -= ESCAPE_LEN;
    return cut;
}

/* ---- marks ------------------------------------------------------------------------------- */

/* `kept`, and the mark of the whole text. */
static struct nv_str with_mark(struct nv_arena *arena, struct nv_str kept, struct nv_str text)
{
    uint8_t digest[NV_SHA256_BYTES];
    char hex[2 * HASH_SHOWN];
    size_t count;
    (void)characters(text, SIZE_MAX - 1, &count);
    if (nv_openssl_sha256(text, digest) != NV_OK)
        return (struct nv_str){NULL, 1};
    nv_hex_encode(digest, HASH_SHOWN, hex);
    struct nv_str mark =
        nv_arena_printf(arena, "%s[cut: %zu characters, sha256 %.*s]",
                        kept.len > 0 ? "\xe2\x80\xa6" : "", count, (int)sizeof hex, hex);
    char *out = mark.ptr ? nv_arena_raw(arena, kept.len + mark.len) : NULL;
    if (!out)
        return (struct nv_str){NULL, 1};
    if (kept.len > 0)
        memcpy(out, kept.ptr, kept.len);
    memcpy(out + kept.len, mark.ptr, mark.len);
    return (struct nv_str){out, kept.len + mark.len};
}

/* Bytes before the mark that the text ends in; SIZE_MAX: it ends in none. */
static size_t before_mark(struct nv_str text)
{
    size_t from = text.len > MARK_MAX ? text.len - MARK_MAX : 0;
    struct nv_str end = nv_str_slice(text, from, MARK_MAX);
    size_t at = nv_str_find(end, MARK_BEGIN);
    return at != SIZE_MAX && nv_str_ends(end, NV_STR("]")) ? from + at : SIZE_MAX;
}

static enum nv_err set(struct nv_value *value, struct nv_str text, bool *changed)
{
    if (!text.ptr)
        return NV_ERR_NO_MEMORY;
    *value = nv_value_string(text);
    *changed = true;
    return NV_OK;
}

/* ---- cutting ----------------------------------------------------------------------------- */

static enum nv_err cut_text(struct nv_arena *arena, struct nv_value *value, size_t limit,
                            bool *changed)
{
    struct nv_str text = value->as.string;
    size_t count, mark, kept = text.len;
    if (text.len > limit)
        kept = characters(text, limit, &count);
    if (kept == text.len)
        return NV_OK;
    mark = before_mark(text);
    /* the sign between text and mark counts for one */
    if (mark != SIZE_MAX && mark <= characters(text, limit + 1, &count))
        return NV_OK;
    kept = outside_escapes(text, kept);
    return set(value, with_mark(arena, nv_str_slice(text, 0, kept), text), changed);
}

/* Recursion is bounded: values are no deeper than NV_VALUE_DEPTH_MAX. */
enum nv_err nv_content_cut(struct nv_arena *arena, struct nv_value *value, size_t limit,
                           bool *changed)
{
    enum nv_err err = NV_OK;
    struct nv_value inner;
    switch (value->type) {
    case NV_VALUE_STRING:
        return cut_text(arena, value, limit, changed);
    case NV_VALUE_BYTES:
        return value->as.string.len > limit ? nv_content_mark(arena, value, changed) : NV_OK;
    case NV_VALUE_JSON:
        if (value->as.string.len <= limit)
            return NV_OK;
        err = nv_value_from_json(arena, value->as.string, NULL, &inner);
        if (err == NV_ERR_NO_MEMORY)
            return err;
        if (err != NV_OK)
            return cut_text(arena, value, limit, changed);
        *value = inner;
        return nv_content_cut(arena, value, limit, changed);
    case NV_VALUE_ARRAY:
        for (uint32_t i = 0; i < value->as.array.count && err == NV_OK; i++)
            err = nv_content_cut(arena, &value->as.array.items[i], limit, changed);
        return err;
    case NV_VALUE_MAP:
        for (uint32_t i = 0; i < value->as.map.count && err == NV_OK; i++)
            err = nv_content_cut(arena, &value->as.map.items[i].value, limit, changed);
        return err;
    default:
        return NV_OK;
    }
}

static enum nv_err mark_json(struct nv_arena *arena, struct nv_value *value, bool *changed)
{
    struct nv_buf buf;
    struct nv_json_writer writer;
    nv_buf_init(&buf, NV_CAP_RECORD);
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, value);
    enum nv_err err = buf.failed;
    if (err == NV_OK)
        err = set(value, with_mark(arena, (struct nv_str){0}, nv_buf_str(&buf)), changed);
    nv_buf_release(&buf);
    return err;
}

enum nv_err nv_content_mark(struct nv_arena *arena, struct nv_value *value, bool *changed)
{
    switch (value->type) {
    case NV_VALUE_STRING:
    case NV_VALUE_BYTES:
    case NV_VALUE_JSON:
        if (value->as.string.len == 0 || before_mark(value->as.string) == 0)
            return NV_OK;
        return set(value, with_mark(arena, (struct nv_str){0}, value->as.string), changed);
    case NV_VALUE_ARRAY:
        return value->as.array.count > 0 ? mark_json(arena, value, changed) : NV_OK;
    case NV_VALUE_MAP:
        return value->as.map.count > 0 ? mark_json(arena, value, changed) : NV_OK;
    default:
        return NV_OK;
    }
}
