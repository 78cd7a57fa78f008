/*
 * What is derived from canonical messages: output text, tool calls, finish reason, system text.
 *
 *   [assistant a] [assistant b]               choices: a
 *   [assistant a] [tool] [assistant b]        a conversation: b
 *   [assistant a] [assistant b, finished]     turns of one answer: b
 *   [assistant, thoughts only] [assistant b]  b
 *   [assistant a, calls] [tool] [assistant b, finished]    one answer in pieces: a, calls, b
 *
 * The backend shows one answer a call, so one must be chosen, and the same for its text, its
 * tool calls and its finish reason. Choice 0 is the first assistant message of a list that
 * holds nothing else (several choices), and the last one of a conversation, which is also told
 * by that only the last one finished. A first message that says nothing and calls nothing (an
 * empty chunk, thoughts only) is passed over when a later one does.
 *
 * Where nobody but the assistant and tools speak, the tools were run during the call: by the
 * provider (web search, code execution), or by a step that did not finish. The messages from
 * one that finished to the next are then one answer: all its calls come out, and all its text
 * where that is known to be the provider's doing. A step that finished is an answer of its own.
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

/* The messages that the answer is made of; those of other roles between them are none of it. */
struct answer {
    const struct nv_value *first, *last; /* NULL when there is none */
    bool served; /* its tools were run by the provider: it is one answer in pieces */
};

static struct nv_str finish_of(const struct nv_value *message)
{
    return member_text(message, NV_STR("finish_reason"));
}

/* Calls of the user's own tools are called functions; what the provider runs keeps its word, or
 * is marked by the framework. */
static bool is_served(const struct nv_value *call)
{
    static const struct nv_str marks[] = {NV_STR_INIT("providerExecuted"),
                                          NV_STR_INIT("provider_executed"),
                                          NV_STR_INIT("builtin")};
    const struct nv_str type = member_text(call, NV_STR("type"));
    bool served = type.len > 0 && !nv_str_eq(type, NV_STR("function")) &&
                  !nv_str_eq(type, NV_STR("custom"));
    for (size_t i = 0; !served && i < sizeof marks / sizeof marks[0]; i++) {
        const struct nv_value *mark = nv_map_get(call, marks[i]);
        served = mark && mark->type == NV_VALUE_BOOL && mark->as.boolean;
    }
    return served;
}

static bool calls_server(const struct nv_value *message)
{
    const struct nv_value *calls = nv_map_get(message, NV_STR("tool_calls"));
    const uint32_t count = calls && calls->type == NV_VALUE_ARRAY ? calls->as.array.count : 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_served(&calls->as.array.items[i]))
            return true;
    }
    return false;
}

/*
 * The answer that ends with the last assistant message that says something: back to the one
 * before it that finished. Two that finished with no tool between them are choices, and the
 * first counts.
 */
static struct answer answer_with_tools(const struct nv_array *messages)
{
    struct answer answer = {NULL, NULL, false};
    bool finished = false, tool = false;
    for (uint32_t i = 0; i < messages->count; i++) {
        const struct nv_value *message = &messages->items[i];
        const bool assistant = has_role(message, NV_STR("assistant"));
        if (!assistant || !says_something(message)) {
            tool = tool || !assistant;
            continue;
        }
        if (finished && !tool)
            break;
        if (finished || !answer.first)
            answer = (struct answer){message, message, false};
        answer.last = message;
        answer.served = answer.served || calls_server(message);
        finished = finish_of(message).len > 0;
        tool = false;
    }
    answer.served = answer.served || (finished && answer.first != answer.last);
    return answer;
}

static struct answer answer_of(const struct nv_value *messages)
{
    assert(messages->type == NV_VALUE_ARRAY);
    const struct nv_value *first = NULL, *last = NULL, *any = NULL;
    bool tools = false, others = false;
    for (uint32_t i = 0; i < messages->as.array.count; i++) {
        const struct nv_value *message = &messages->as.array.items[i];
        if (!has_role(message, NV_STR("assistant"))) {
            const bool tool = has_role(message, NV_STR("tool"));
            tools = tools || tool;
            others = others || !tool;
            continue;
        }
        any = message;
        if (!says_something(message))
            continue;
        first = !first ? message : first;
        last = message;
    }
    if (tools && !others && first != last)
        return answer_with_tools(&messages->as.array);
    const struct nv_value *choice = tools || others || goes_on(first, last) ? last : first;
    choice = choice ? choice : any;
    return (struct answer){choice, choice, false};
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
    const struct answer answer = answer_of(messages);
    struct nv_values texts = {0};
    *out = NV_STR("");
    enum nv_err err = NV_OK;
    const struct nv_value *message = answer.served ? answer.first : answer.last;
    for (; err == NV_OK && message && message <= answer.last; message++) {
        if (has_role(message, NV_STR("assistant")))
            err = gather_text(arena, message, &texts);
    }
    return err != NV_OK ? err : nv_values_join(&texts, arena, NV_STR("\n"), out);
}

static enum nv_err push_all(struct nv_arena *arena, const struct nv_value *list,
                            struct nv_values *out)
{
    enum nv_err err = NV_OK;
    const uint32_t count = list->type == NV_VALUE_ARRAY ? list->as.array.count : 0;
    for (uint32_t i = 0; err == NV_OK && i < count; i++)
        err = nv_values_push(out, arena, list->as.array.items[i]);
    return err;
}

enum nv_err nv_messages_tool_calls(struct nv_arena *arena, const struct nv_value *messages,
                                   struct nv_value *out)
{
    const struct answer answer = answer_of(messages);
    struct nv_values calls = {0};
    *out = nv_value_null();
    enum nv_err err = NV_OK;
    for (const struct nv_value *message = answer.first;
         err == NV_OK && message && message <= answer.last; message++) {
        const struct nv_value *own = nv_map_get(message, NV_STR("tool_calls"));
        if (!own || !has_role(message, NV_STR("assistant")))
            continue;
        if (out->type == NV_VALUE_NULL) {
            *out = *own;
            continue;
        }
        if (calls.count == 0)
            err = push_all(arena, out, &calls);
        if (err == NV_OK)
            err = push_all(arena, own, &calls);
    }
    if (calls.count > 0) {
        *out =
            (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {calls.items, calls.count}};
    }
    return err;
}

struct nv_str nv_messages_finish_reason(const struct nv_value *messages)
{
    const struct answer answer = answer_of(messages);
    return !answer.last ? NV_STR("") : finish_of(answer.last);
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
