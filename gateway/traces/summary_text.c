/*
 * Texts of a trace, each once.
 *
 * A conversation repeats itself: each model call brings all messages before it. Long texts are
 * therefore remembered by their hashes in a table of fixed size, one place a hash; a text whose
 * place another has taken since is kept twice, which costs room and nothing else.
 */
#include "gateway/traces/summary_text.h"

#include "base/text/utf8.h"

#include "base/banned.h"

/* Shorter texts (roles, names, ids) cost less than their place. */
#define SHORT_TEXT 16u

static bool seen_before(struct nv_texts *texts, struct nv_str text)
{
    if (text.len < SHORT_TEXT)
        return false;
    uint64_t hash = nv_str_hash(text);
    uint64_t *place = &texts->seen[hash % NV_TEXTS_SEEN];
    if (*place == hash)
        return true;
    *place = hash;
    return false;
}

void nv_texts_add(struct nv_texts *texts, struct nv_str text)
{
    struct nv_buf *out = texts->out;
    if (text.len == 0 || out->failed != NV_OK || out->len + 1 >= out->max)
        return;
    if (seen_before(texts, text))
        return;
    size_t room = out->max - out->len - 1;
    text.len = nv_utf8_cut(text, room);
    (void)nv_buf_append_str(out, text);
    (void)nv_buf_append_char(out, '\n');
}

/* Values nest no deeper than NV_VALUE_DEPTH_MAX. */
void nv_texts_add_value(struct nv_texts *texts, const struct nv_value *value)
{
    if (value->type == NV_VALUE_STRING) {
        nv_texts_add(texts, value->as.string);
    } else if (value->type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0; i < value->as.array.count; i++)
            nv_texts_add_value(texts, &value->as.array.items[i]);
    } else if (value->type == NV_VALUE_MAP) {
        for (uint32_t i = 0; i < value->as.map.count; i++)
            nv_texts_add_value(texts, &value->as.map.items[i].value);
    }
}

static struct nv_str text_member(const struct nv_value *part)
{
    static const char *const keys[] = {"text", "content"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct nv_value *text = nv_map_get(part, nv_str_from(keys[i]));
        if (text && text->type == NV_VALUE_STRING && text->as.string.len > 0)
            return text->as.string;
    }
    return NV_STR("");
}

/* Of a message's content: itself, or that of its first part that has one; else empty. */
static struct nv_str content_text(const struct nv_value *content)
{
    if (!content)
        return NV_STR("");
    if (content->type == NV_VALUE_STRING)
        return content->as.string;
    if (content->type == NV_VALUE_MAP)
        return text_member(content);
    if (content->type != NV_VALUE_ARRAY)
        return NV_STR("");
    for (uint32_t i = 0; i < content->as.array.count; i++) {
        const struct nv_value *part = &content->as.array.items[i];
        struct nv_str text = part->type == NV_VALUE_STRING ? part->as.string : NV_STR("");
        if (part->type == NV_VALUE_MAP)
            text = text_member(part);
        if (text.len > 0)
            return text;
    }
    return NV_STR("");
}

struct nv_str nv_last_user_text(const struct nv_value *messages)
{
    if (!messages || messages->type != NV_VALUE_ARRAY)
        return NV_STR("");
    for (uint32_t i = messages->as.array.count; i > 0; i--) {
        const struct nv_value *message = &messages->as.array.items[i - 1];
        if (message->type != NV_VALUE_MAP)
            continue;
        const struct nv_value *role = nv_map_get(message, NV_STR("role"));
        if (!role || role->type != NV_VALUE_STRING ||
            !nv_str_eq(role->as.string, NV_STR("user")))
            continue;
        struct nv_str text = content_text(nv_map_get(message, NV_STR("content")));
        if (text.len > 0)
            return text;
    }
    return NV_STR("");
}
