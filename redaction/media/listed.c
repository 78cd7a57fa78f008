/*
 * Lists of numbers in texts.
 *
 *   ... "data\" : [ 137, 80, ... ] ...
 *            └┬┘    └ head: 15 numbers decide ─▶ all of them, counted, then kept
 *        the quote before the colon says how deep the JSON is
 *
 * A `[` in prose has no number behind it, and nearly all lists of numbers no head that is a
 * medium's: both cost a few bytes.
 */
#include "redaction/media/listed.h"

#include "base/json/json_string.h"
#include "redaction/media/numbers.h"

#include "base/banned.h"

static const struct nv_media_said nothing = {.kind = {NULL, 0}};

/* A number of at most three digits at *at, or -1. */
static int read_byte(struct nv_str text, size_t *at)
{
    unsigned value = 0;
    size_t end = *at;
    while (end < text.len && end - *at < 3 && text.ptr[end] >= '0' && text.ptr[end] <= '9')
        value = 10 * value + (unsigned)(text.ptr[end++] - '0');
    if (end == *at || value > 255)
        return -1;
    *at = end;
    return (int)value;
}

/*
 * Up to `room` bytes of the list behind the `[` before *at, into `out` unless it is NULL; *at
 * behind the last. *ended: by its bracket; *cut: by the text.
 */
static size_t read_list(struct nv_str text, size_t *at, uint8_t *out, size_t room, bool *ended,
                        bool *cut)
{
    size_t count = 0;
    *ended = *cut = false;
    while (count < room) {
        size_t next = nv_json_skip_spaces(text, *at);
        int byte = read_byte(text, &next);
        if (byte < 0) {
            *cut = next == text.len;
            return count;
        }
        if (out)
            out[count] = (uint8_t)byte;
        count++;
        next = nv_json_skip_spaces(text, next);
        *at = next;
        *cut = next == text.len;
        *ended = next < text.len && text.ptr[next] == ']';
        if (*cut || *ended || text.ptr[next] != ',')
            return count;
        *at = next + 1;
    }
    return count;
}

/* Before white space that ends at `at`, with its escapes. */
static size_t skip_space_back(struct nv_str text, size_t at)
{
    while (at > 0) {
        char c = text.ptr[at - 1];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            at--;
            continue;
        }
        if (at < 2 || !memchr("nrt", c, 3) || text.ptr[at - 2] != '\\')
            break;
        for (at--; at > 0 && text.ptr[at - 1] == '\\';)
            at--;
    }
    return at;
}

/* What strings begin with where the list stands; empty: it is no member's value. */
static struct nv_str quote_before(struct nv_str text, size_t bracket)
{
    size_t at = skip_space_back(text, bracket);
    if (at == 0)
        return NV_STR("\"");
    if (text.ptr[at - 1] != ':')
        return (struct nv_str){NULL, 0};
    at = skip_space_back(text, at - 1);
    if (at == 0 || text.ptr[at - 1] != '"')
        return (struct nv_str){NULL, 0};
    size_t from = at - 1;
    while (from > 0 && text.ptr[from - 1] == '\\' && at - from <= NV_MEDIA_QUOTE_MAX)
        from--;
    return at - from <= NV_MEDIA_QUOTE_MAX ? nv_str_slice(text, from, at - from)
                                           : (struct nv_str){NULL, 0};
}

/* Do only brackets and commas stand from `at` to the next list, as in a list of lists? */
static bool is_beside(struct nv_str text, size_t at, size_t bracket)
{
    while (at < bracket) {
        at = nv_json_skip_spaces(text, at);
        if (at < bracket && text.ptr[at] != ',' && text.ptr[at] != ']')
            return false;
        at++;
    }
    return true;
}

/* Are the numbers behind the bracket a medium? *at behind what was read of them. */
static enum nv_err take_list(struct nv_arena *arena, struct nv_str text, size_t bracket,
                             size_t *at, struct nv_media_found *found, bool *is)
{
    uint8_t head[NV_MEDIA_HEAD_MAX];
    bool ended, cut;
    size_t begin = bracket + 1;
    *is = false;
    *at = begin;
    size_t len = read_list(text, at, head, sizeof head, &ended, &cut);
    if (len < sizeof head ||
        !nv_media_type_of((struct nv_str){(const char *)head, len}, &nothing, &found->type))
        return NV_OK;
    *at = begin;
    size_t count = read_list(text, at, NULL, SIZE_MAX, &ended, &cut);
    if (count < NV_MEDIA_NUMBERS_MIN || (!ended && !cut))
        return NV_OK;
    uint8_t *bytes = nv_arena_raw(arena, count);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    size_t again = begin;
    (void)read_list(text, &again, bytes, count, &ended, &cut);
    enum nv_err err =
        nv_media_bytes((struct nv_str){(const char *)bytes, count}, &nothing, found, is);
    found->from = bracket;
    found->cut = !(*at < text.len && text.ptr[*at] == ']');
    found->to = found->cut ? text.len : *at + 1;
    return err;
}

enum nv_err nv_media_find_listed(struct nv_arena *arena, struct nv_str text, size_t at,
                                 struct nv_media_found *found, struct nv_str *quote, bool *is)
{
    enum nv_err err = NV_OK;
    *is = false;
    if (at == 0)
        *quote = (struct nv_str){NULL, 0};
    while (err == NV_OK && !*is && at < text.len) {
        const char *bracket = memchr(text.ptr + at, '[', text.len - at);
        if (!bracket)
            break;
        size_t from = (size_t)(bracket - text.ptr);
        if (quote->len == 0 || !is_beside(text, at, from))
            *quote = quote_before(text, from);
        at = from + 1;
        if (quote->len > 0)
            err = take_list(arena, text, from, &at, found, is);
    }
    return err;
}
