/*
 * Replies of the backend, read with suspicion.
 *
 * The names of fields beyond `message` and `error` are not documented
 * (docs/noveum-backend.md#answers), so the code is looked for under every name seen. Text is
 * kept short and printable because it ends in logs, in /status and in dead letters; text that
 * may echo a secret is hidden by the words that the vendor's SDK looks for
 * (docs/noveum-backend.md#answers).
 *
 *   body ──own reader, up to 4 MiB──▶ whose words they are (an answer is believed for its body)
 *        ──jansson, up to 256 KiB───▶ code, message, warnings
 *
 * Two readings, because the first question must be answered for every size without a tree in
 * memory, and the second only matters in short replies.
 */
#include "exporter/answer/backend_reply.h"

#include "base/json/json_read.h"
#include "base/text/mask.h"

#include <assert.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/banned.h"

/* Larger bodies are not parsed: nothing that matters is that long. */
#define PARSE_BYTES_MAX (256u * 1024)
/* Of a text, before it is cut to NV_REPLY_TEXT_MAX: masking makes it shorter. */
#define KEPT_BYTES_MAX 4096

static bool names_secret(struct nv_str text)
{
    static const char *const words[] = {"password", "token", "key", "secret", "bearer"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct nv_str word = nv_str_from(words[i]);

        for (size_t at = 0; at + word.len <= text.len; at++) {
            if (nv_str_ieq(nv_str_slice(text, at, word.len), word))
                return true;
        }
    }
    return false;
}

static void keep_text(struct nv_backend_reply *out, const char *text)
{
    char whole[KEPT_BYTES_MAX];
    struct nv_str s = nv_str_slice(nv_str_from(text), 0, sizeof whole);
    size_t n = 0;

    if (out->text[0] != '\0' || s.len == 0)
        return;
    /* Before it is cut: half a key is no longer known by its value. */
    memcpy(whole, s.ptr, s.len);
    s = (struct nv_str){whole, nv_mask_text(whole, s.len)};
    if (names_secret(s))
        s = NV_STR("(hidden: may hold a secret)");
    for (; n < s.len && n + 1 < sizeof out->text; n++)
        out->text[n] = s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f ? s.ptr[n] : '?';
    out->text[n] = '\0';
    assert(n < sizeof out->text);
}

static void read_text(struct nv_backend_reply *out, const json_t *value)
{
    const char *text = json_string_value(value);

    if (!text && json_is_object(value))
        text = json_string_value(json_object_get(value, "message"));
    if (text)
        keep_text(out, text);
}

static void read_code(struct nv_backend_reply *out, const json_t *object)
{
    static const char *const names[] = {"code", "error", "error_code", "errorCode", "type"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(object, names[i]);
        const char *text = json_string_value(value);

        if (text && nv_str_eq(nv_str_from(text), NV_STR("CREDIT_QUOTA_EXCEEDED")))
            out->credit = true;
    }
}

static void read_list(struct nv_backend_reply *out, const json_t *list)
{
    if (!json_is_array(list))
        return;
    out->warnings += (uint32_t)json_array_size(list);
    read_text(out, json_array_get(list, 0));
}

static enum nv_reply_body read_object(struct nv_json_reader *reader)
{
    enum nv_reply_body body = NV_REPLY_OBJECT;
    enum nv_json_token token = nv_json_next(reader);

    while (token == NV_JSON_KEY) {
        bool success = !reader->escaped && nv_str_eq(reader->raw, NV_STR("success"));

        token = nv_json_next(reader);
        if (success && token == NV_JSON_FALSE)
            body = NV_REPLY_DENIAL;
        if (nv_json_skip(reader, token) != NV_OK)
            return NV_REPLY_FOREIGN;
        token = nv_json_next(reader);
    }
    return token == NV_JSON_OBJECT_END && nv_json_next(reader) == NV_JSON_END
               ? body
               : NV_REPLY_FOREIGN;
}

static enum nv_reply_body whose(struct nv_str text)
{
    struct nv_json_reader reader;

    if (nv_str_trim(text).len == 0)
        return NV_REPLY_EMPTY;
    nv_json_read_init(&reader, text, NV_JSON_DEPTH_LIMIT);
    return nv_json_next(&reader) == NV_JSON_OBJECT_BEGIN ? read_object(&reader)
                                                         : NV_REPLY_FOREIGN;
}

void nv_backend_reply_read(struct nv_str body, struct nv_backend_reply *out)
{
    json_t *root;

    *out = (struct nv_backend_reply){.body = whose(body)};
    if (body.len == 0 || body.len > PARSE_BYTES_MAX)
        return;
    root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(root)) {
        const json_t *error = json_object_get(root, "error");

        read_code(out, root);
        if (json_is_object(error))
            read_code(out, error);
        read_text(out, json_object_get(root, "message"));
        read_text(out, error);
        read_list(out, json_object_get(root, "errors"));
        read_list(out, json_object_get(root, "warnings"));
    }
    json_decref(root);
}
