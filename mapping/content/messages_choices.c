/*
 * Choices of an answer: their order, and a message that came as JSON text.
 *
 *   {index: 1, ...} {index: 0, ...}   ─▶ {index: 0, ...} {index: 1, ...}
 *   {message: "{\"role\": ...}"}      ─▶ {message: {role: ...}}
 *   {role: assistant, tool_call_id, content: "{\"name\", \"arguments\"}"} ─▶ a call   (Netra)
 *
 * The backend shows choice 0 (messages_derive.c), so the order decides what is shown. Records
 * of choices arrive as they were made, and APIs send them as they were finished. Events carry
 * texts and numbers only, so some instrumentations write the message of a choice as JSON text.
 */
#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include <stdlib.h>

#include "base/banned.h"

/* ---- order ------------------------------------------------------------------------------- */

struct choice {
    int64_t index;
    uint32_t place; /* among the choices, as they came */
    const struct nv_value *value;
};

/* The `index` that a choice says, as a number or in digits. */
static bool choice_index(const struct nv_value *item, int64_t *out)
{
    const struct nv_value *index =
        item->type == NV_VALUE_MAP ? nv_map_get(item, NV_STR("index")) : NULL;
    if (!index)
        return false;
    if (index->type == NV_VALUE_STRING)
        return nv_str_to_int64(index->as.string, out) == NV_OK;
    *out = index->as.integer;
    return index->type == NV_VALUE_INT;
}

static int by_index(const void *a, const void *b)
{
    const struct choice *left = a, *right = b;
    if (left->index != right->index)
        return left->index < right->index ? -1 : 1;
    return (left->place > right->place) - (left->place < right->place);
}

/* Are there items whose index is smaller than that of one before them? */
static bool out_of_order(const struct nv_value *items, uint32_t count)
{
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int64_t index;
        if (!choice_index(&items[i], &index))
            continue;
        if (index < last)
            return true;
        last = index;
    }
    return false;
}

/* Choices come as they were made, or as records arrived: they go by their index, each to a
 * place where one stood. What has none stays. */
static enum nv_err sort(struct nv_arena *arena, const struct nv_value **items, uint32_t count)
{
    struct nv_value *sorted = nv_arena_array(arena, count, sizeof *sorted);
    struct choice *choices = nv_arena_array(arena, count, sizeof *choices);
    if (!sorted || !choices)
        return NV_ERR_NO_MEMORY;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t index;
        if (choice_index(&(*items)[i], &index)) {
            choices[found] = (struct choice){index, found, &(*items)[i]};
            found++;
        }
    }
    qsort(choices, found, sizeof *choices, by_index);
    found = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t index;
        const bool choice = choice_index(&(*items)[i], &index);
        sorted[i] = choice ? *choices[found++].value : (*items)[i];
    }
    *items = sorted;
    return NV_OK;
}

enum nv_err nv_message_choices(struct nv_arena *arena, const struct nv_value **items,
                               uint32_t count)
{
    (void)nv_meter_spend(count);
    return out_of_order(*items, count) ? sort(arena, items, count) : NV_OK;
}

/* ---- a message in text ------------------------------------------------------------------- */

/* A model may well answer with an object; what has a role, calls or parts, or nothing but
 * content and what stands beside it, is a message. */
static bool is_message(const struct nv_value *value)
{
    const uint64_t signs = NV_HAS(TOOL_CALLS) | NV_HAS(PARTS);
    const uint64_t beside = NV_HAS(CONTENT) | NV_HAS(NAME) | NV_HAS(FINISH) | NV_HAS(REASONING);
    struct nv_members members;
    if (value->type != NV_VALUE_MAP)
        return false;
    nv_members_find(value, &members);
    if ((members.mask & signs) != 0 ||
        nv_messages_is_role(nv_members_text(&members, NV_MEMBER_ROLE)))
        return true;
    return (members.mask & NV_HAS(CONTENT)) != 0 && (members.mask & ~beside) == 0 &&
           (uint32_t)__builtin_popcountll(members.mask) == value->as.map.count;
}

enum nv_err nv_message_in_text(struct nv_message *message, const struct nv_value *text,
                               struct nv_value *out)
{
    const struct nv_str trimmed =
        text->type == NV_VALUE_STRING ? nv_str_trim(text->as.string) : NV_STR("");
    const bool object = trimmed.len > 1 && (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '"');
    *out = *text;
    if (!object || nv_str_eq(message->role, NV_STR("tool")))
        return NV_OK;
    struct nv_value parsed;
    enum nv_err err = nv_json_text_parse(message->state->arena, text, NV_JSON_TEXT_LEVELS,
                                         &message->state->truncated, &parsed);
    if (err == NV_OK && is_message(&parsed))
        *out = parsed;
    return err;
}

/* ---- a call in text ---------------------------------------------------------------------- */

enum nv_err nv_message_told_call(struct nv_messages_state *state,
                                 const struct nv_members *members, struct nv_value *out)
{
    *out = nv_value_null();
    const uint64_t signs = NV_HAS(ROLE) | NV_HAS(CALL_ID) | NV_HAS(CONTENT);
    const struct nv_str text = nv_str_trim(nv_members_text(members, NV_MEMBER_CONTENT));
    if (members->mask != signs || text.len == 0 || text.ptr[0] != '{' ||
        !nv_str_eq(nv_messages_role(nv_members_text(members, NV_MEMBER_ROLE)),
                   NV_STR("assistant")))
        return NV_OK;
    struct nv_value call;
    enum nv_err err = nv_json_text_parse(
        state->arena, nv_members_get(members, NV_MEMBER_CONTENT), 1, &state->truncated, &call);
    if (err != NV_OK || call.type != NV_VALUE_MAP)
        return err;
    const struct nv_value *name = nv_map_get(&call, NV_STR("name"));
    const struct nv_value *arguments = nv_map_get(&call, NV_STR("arguments"));
    if (!name || !arguments || call.as.map.count != 2)
        return NV_OK;
    struct nv_attributes whole = {0};
    err = nv_attributes_add(&whole, state->arena, NV_STR("id"),
                            *nv_members_get(members, NV_MEMBER_CALL_ID));
    if (err == NV_OK)
        err = nv_attributes_add(&whole, state->arena, NV_STR("name"), *name);
    if (err == NV_OK)
        err = nv_attributes_add(&whole, state->arena, NV_STR("arguments"), *arguments);
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {whole.items, whole.count}};
    return err;
}
