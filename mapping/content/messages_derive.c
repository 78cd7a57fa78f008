/*
 * What is derived from canonical messages: output text, tool calls, finish reason, system text.
 *
 *   [assistant a] [assistant b]               choices: a
 *   [assistant a] [tool] [assistant b]        a conversation: b
 *   [assistant a] [assistant b, finished]     turns of one answer: b
 *   [assistant, thoughts only] [assistant b]  b
 *
 * The backend shows one answer a call, so one must be chosen, and the same for its text, its
 * tool calls and its finish reason. Choice 0 is the first assistant message of a list that
 * holds nothing else (several choices), and the last one of a conversation, which is also told
 * by that only the last one finished. A first message that says nothing and calls nothing (an
 * empty chunk, thoughts only) is passed over when a later one does.
 */
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include <assert.h>

#include "base/banned.h"

static struct nv_str member_text(const struct nv_value *message, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(message, key);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static bool has_role(const struct nv_value *message, struct nv_str role)
{
    return nv_str_eq(member_text(message, NV_STR("role")), role);
}

static bool says_something(const struct nv_value *message)
{
    const struct nv_value *content = nv_map_get(message, NV_STR("content"));
    return nv_map_get(message, NV_STR("tool_calls")) != NULL ||
           (content && !nv_value_empty(content));
}

/* Turns of one answer rather than choices: only the last of them finished. */
static bool goes_on(const struct nv_value *first, const struct nv_value *last)
{
    const struct nv_str key = NV_STR("finish_reason");
    return first != last && nv_map_get(first, key) == NULL && nv_map_get(last, key) != NULL;
}

static const struct nv_value *choice_of(const struct nv_value *messages)
{
    assert(messages->type == NV_VALUE_ARRAY);
    const struct nv_value *first = NULL, *last = NULL, *any = NULL;
    bool conversation = false;
    for (uint32_t i = 0; i < messages->as.array.count; i++) {
        const struct nv_value *message = &messages->as.array.items[i];
        if (!has_role(message, NV_STR("assistant"))) {
            conversation = true;
            continue;
        }
        any = message;
        if (!says_something(message))
            continue;
        first = !first ? message : first;
        last = message;
    }
    const struct nv_value *choice = conversation || goes_on(first, last) ? last : first;
    return choice ? choice : any;
}

/* ---- text of content --------------------------------------------------------------------- */

static bool part_text(const struct nv_value *part, struct nv_str *text)
{
    if (part->type == NV_VALUE_STRING) {
        *text = part->as.string;
        return true;
    }
    const struct nv_value *type = nv_map_get(part, NV_STR("type"));
    if (!type || type->type != NV_VALUE_STRING || !nv_str_eq(type->as.string, NV_STR("text")))
        return false;
    *text = member_text(part, NV_STR("text"));
    return true;
}

/* Adds the texts of a message's content. */
static enum nv_err gather_text(struct nv_arena *arena, const struct nv_value *message,
                               struct nv_values *texts)
{
    const struct nv_value *content = nv_map_get(message, NV_STR("content"));
    if (!content)
        return NV_OK;
    if (content->type == NV_VALUE_STRING)
        return content->as.string.len == 0 ? NV_OK : nv_values_push(texts, arena, *content);
    enum nv_err err = NV_OK;
    const uint32_t count = content->type == NV_VALUE_ARRAY ? content->as.array.count : 0;
    for (uint32_t i = 0; err == NV_OK && i < count; i++) {
        struct nv_str text;
        if (part_text(&content->as.array.items[i], &text))
            err = nv_values_push(texts, arena, nv_value_string(text));
    }
    return err;
}

enum nv_err nv_messages_texts(struct nv_arena *arena, const struct nv_value *messages,
                              struct nv_str *out)
{
    assert(messages->type == NV_VALUE_ARRAY);
    struct nv_values texts = {0};
    enum nv_err err = NV_OK;
    *out = NV_STR("");
    for (uint32_t i = 0; err == NV_OK && i < messages->as.array.count; i++)
        err = gather_text(arena, &messages->as.array.items[i], &texts);
    return err != NV_OK ? err : nv_values_join(&texts, arena, NV_STR("\n\n"), out);
}

enum nv_err nv_messages_output_text(struct nv_arena *arena, const struct nv_value *messages,
                                    struct nv_str *out)
{
    const struct nv_value *choice = choice_of(messages);
    struct nv_values texts = {0};
    *out = NV_STR("");
    enum nv_err err = !choice ? NV_OK : gather_text(arena, choice, &texts);
    return err != NV_OK ? err : nv_values_join(&texts, arena, NV_STR("\n"), out);
}

const struct nv_value *nv_messages_tool_calls(const struct nv_value *messages)
{
    const struct nv_value *choice = choice_of(messages);
    return !choice ? NULL : nv_map_get(choice, NV_STR("tool_calls"));
}

struct nv_str nv_messages_finish_reason(const struct nv_value *messages)
{
    const struct nv_value *choice = choice_of(messages);
    return !choice ? NV_STR("") : member_text(choice, NV_STR("finish_reason"));
}

/* ---- system text ------------------------------------------------------------------------- */

static bool is_system(const struct nv_value *message)
{
    return has_role(message, NV_STR("system")) || has_role(message, NV_STR("developer"));
}

enum nv_err nv_messages_system_text(struct nv_arena *arena, const struct nv_value *messages,
                                    struct nv_str *out)
{
    assert(messages->type == NV_VALUE_ARRAY);
    *out = NV_STR("");
    struct nv_values texts = {0};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < messages->as.array.count; i++) {
        if (!is_system(&messages->as.array.items[i]))
            break;
        err = gather_text(arena, &messages->as.array.items[i], &texts);
    }
    return err != NV_OK ? err : nv_values_join(&texts, arena, NV_STR("\n\n"), out);
}

enum nv_err nv_messages_add_system(struct nv_arena *arena, struct nv_value *messages,
                                   struct nv_str text)
{
    assert(messages->type == NV_VALUE_ARRAY);
    const struct nv_array old = messages->as.array;
    for (uint32_t i = 0; i < old.count; i++) {
        if (is_system(&old.items[i]))
            return NV_OK;
    }
    if (text.len == 0)
        return NV_OK;
    struct nv_value *items = nv_arena_array(arena, (size_t)old.count + 1, sizeof *items);
    struct nv_attribute *members = nv_arena_array(arena, 2, sizeof *members);
    if (!items || !members)
        return NV_ERR_NO_MEMORY;
    members[0] = (struct nv_attribute){NV_STR("role"), nv_value_string(NV_STR("system"))};
    members[1] = (struct nv_attribute){NV_STR("content"), nv_value_string(text)};
    items[0] = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {members, 2}};
    if (old.count > 0)
        memcpy(items + 1, old.items, old.count * sizeof *items);
    messages->as.array = (struct nv_array){items, old.count + 1};
    return NV_OK;
}
