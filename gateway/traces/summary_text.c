/*
 * Texts of a trace, each once.
 *
 * A conversation repeats itself: each model call brings all messages before it. Long texts are
 * therefore remembered by their hashes in a table of fixed size, one place a hash; a text whose
 * place another has taken since is kept twice, which costs room and nothing else.
 */
#include "gateway/traces/summary_text.h"

#include "base/json/json_write.h"
#include "base/limits.h"
#include "base/text/utf8.h"

#include "base/banned.h"

/* Shorter texts (roles, names, ids) cost less than their place. */
#define SHORT_TEXT 16u
/* Names of agents are short; an edge of longer ones is left out. */
#define EDGE_NAME_MAX NV_CAP_KIB(4)

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

struct nv_str nv_summary_edge_name(struct nv_arena *arena, struct nv_str from, struct nv_str to,
                                   struct nv_str type)
{
    struct nv_buf text;
    struct nv_json_writer json;
    struct nv_str name = NV_STR("");
    if (from.len == 0 || to.len == 0)
        return name;
    nv_buf_init(&text, EDGE_NAME_MAX);
    nv_json_write_init(&json, &text);
    nv_json_write_begin_array(&json);
    nv_json_write_string(&json, from);
    nv_json_write_string(&json, to);
    nv_json_write_string(&json, type);
    nv_json_write_end_array(&json);
    if (text.failed == NV_OK)
        name = nv_arena_dup(arena, nv_buf_str(&text));
    if (!name.ptr)
        name = NV_STR("");
    nv_buf_release(&text);
    return name;
}
