/*
 * Writing canonical messages: roles, member order, what was gathered.
 *
 *   gathered                              written
 *   parts ["a", {image}], calls [c1]  ─▶  {role, content, tool_calls}
 *   answer to c0                      ─▶  {role: tool, tool_call_id, content}
 *
 * The order of the source is kept: an answer flushes what stood before it. Members that no
 * handler expressed travel in `rest` with the first message written for the source message, so
 * that nothing is lost. Deliberately nothing about shapes: messages_shapes.c and
 * messages_parts.c find, this file writes.
 */
#include "mapping/content/messages_build.h"
#include "base/meter.h"
#include "mapping/content/json_text.h"

#include <assert.h>

#include "base/banned.h"

/* role, content, name, tool_call_id, tool_calls, reasoning, reasoning_details, finish_reason */
#define FIXED_MEMBERS 8u
/* Members among which one that stands twice is looked for; past it only among our own. */
#define ASKED_MAX 64u

/* ---- roles ------------------------------------------------------------------------------- */

struct role_word {
    struct nv_str word, role;
};

#define CANONICAL_ROLES 5u /* the first of role_words */

#define ROLE(word, role)                                                                       \
    {                                                                                          \
        NV_STR_INIT(word), NV_STR_INIT(role)                                                   \
    }
static const struct role_word role_words[] = {
    ROLE("user", "user"),
    ROLE("assistant", "assistant"),
    ROLE("system", "system"),
    ROLE("tool", "tool"),
    ROLE("developer", "developer"),
    ROLE("human", "user"),
    ROLE("ai", "assistant"),
    ROLE("model", "assistant"),
    ROLE("function", "tool"),
    ROLE("chatbot", "assistant"),
    ROLE("bot", "assistant"),
    ROLE("HumanMessage", "user"),
    ROLE("HumanMessageChunk", "user"),
    ROLE("UserMessage", "user"),
    ROLE("AIMessage", "assistant"),
    ROLE("AIMessageChunk", "assistant"),
    ROLE("AssistantMessage", "assistant"),
    ROLE("SystemMessage", "system"),
    ROLE("SystemMessageChunk", "system"),
    ROLE("DeveloperMessage", "developer"),
    ROLE("ToolMessage", "tool"),
    ROLE("ToolMessageChunk", "tool"),
    ROLE("FunctionMessage", "tool"),
    ROLE("FunctionExecutionResultMessage", "tool"),
};
#undef ROLE

static const struct role_word *find_role(struct nv_str word)
{
    if (word.len == 0)
        return NULL;
    /* Nearly always it is one of ours already, the first of the table. */
    for (size_t i = 0; i < CANONICAL_ROLES; i++) {
        if (nv_str_eq(role_words[i].word, word))
            return &role_words[i];
    }
    /* Python prints an enum as MessageRole.USER. */
    for (size_t i = word.len; i > 0; i--) {
        if (word.ptr[i - 1] == '.') {
            word = nv_str_slice(word, i, word.len);
            break;
        }
    }
    for (size_t i = 0; i < sizeof role_words / sizeof role_words[0]; i++) {
        if (nv_str_ieq(role_words[i].word, word))
            return &role_words[i];
    }
    return NULL;
}

/* An unknown role is kept as it is: `critic` says more than any of ours. */
struct nv_str nv_messages_role(struct nv_str word)
{
    const struct role_word *found = find_role(word);
    return found ? found->role : word;
}

bool nv_messages_is_role(struct nv_str word)
{
    return find_role(word) != NULL;
}

/* ---- gathering --------------------------------------------------------------------------- */

void nv_message_begin(struct nv_message *message, struct nv_messages_state *state)
{
    *message = (struct nv_message){.state = state,
                                   .name = nv_value_null(),
                                   .call_id = nv_value_null(),
                                   .finish = nv_value_null()};
}

enum nv_err nv_message_text(struct nv_message *message, struct nv_str text)
{
    return nv_values_push(&message->parts, message->state->arena, nv_value_string(text));
}

enum nv_err nv_message_think(struct nv_message *message, struct nv_str text)
{
    if (text.len == 0)
        return NV_OK;
    return nv_values_push(&message->thoughts, message->state->arena, nv_value_string(text));
}

/* ---- writing ----------------------------------------------------------------------------- */

static bool all_text(const struct nv_values *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        if (parts->items[i].type != NV_VALUE_STRING)
            return false;
    }
    return true;
}

static enum nv_err text_part(struct nv_arena *arena, struct nv_value *part)
{
    struct nv_attribute *members = nv_arena_array(arena, 2, sizeof *members);
    if (!members)
        return NV_ERR_NO_MEMORY;
    members[0] = (struct nv_attribute){NV_STR("type"), nv_value_string(NV_STR("text"))};
    members[1] = (struct nv_attribute){NV_STR("text"), *part};
    *part = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {members, 2}};
    return NV_OK;
}

/* Text alone is a string, as most readers want it; a list where there is anything else. */
static enum nv_err content_of(struct nv_arena *arena, struct nv_values *parts,
                              struct nv_value *out)
{
    if (all_text(parts)) {
        struct nv_str text;
        enum nv_err err = nv_values_join(parts, arena, NV_STR("\n"), &text);
        *out = nv_value_string(text);
        return err;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        if (parts->items[i].type != NV_VALUE_STRING)
            continue;
        enum nv_err err = text_part(arena, &parts->items[i]);
        if (err != NV_OK)
            return err;
    }
    *out = (struct nv_value){.type = NV_VALUE_ARRAY, .as.array = {parts->items, parts->count}};
    return NV_OK;
}

/* Where none was told: who calls tools or thinks is the model, else the side of the call says
 * it. */
static struct nv_str written_role(const struct nv_message *message)
{
    if (message->role.len > 0)
        return message->role;
    const bool thinks = message->calls.count > 0 || message->thoughts.count > 0;
    if (thinks || message->state->direction == NV_MESSAGES_OUTPUT)
        return NV_STR("assistant");
    return NV_STR("user");
}

static void put(struct nv_map *map, struct nv_str key, struct nv_value value)
{
    if (value.type == NV_VALUE_NULL)
        return;
    map->items[map->count++] = (struct nv_attribute){key, value};
}

/* Adds the members that no handler expressed. One that has a name of ours (a second `role`, a
 * reasoning that is no text) gets `source.` before it: a name stands once. */
static enum nv_err put_rest(struct nv_arena *arena, struct nv_map *map,
                            const struct nv_attributes *rest)
{
    const uint32_t ours = map->count;
    (void)nv_meter_spend(rest->count);
    for (uint32_t i = 0; i < rest->count; i++) {
        struct nv_str key = rest->items[i].key;
        const uint32_t asked = map->count <= ASKED_MAX ? map->count : ours;
        for (uint32_t j = 0; j < asked; j++) {
            if (!nv_str_eq(map->items[j].key, key))
                continue;
            key = nv_arena_printf(arena, "source.%.*s", NV_STR_ARG(key));
            if (!key.ptr)
                return NV_ERR_NO_MEMORY;
            break;
        }
        map->items[map->count++] = (struct nv_attribute){key, rest->items[i].value};
    }
    return NV_OK;
}

static struct nv_value array_or_null(const struct nv_values *values)
{
    if (values->count == 0)
        return nv_value_null();
    return (struct nv_value){.type = NV_VALUE_ARRAY,
                             .as.array = {values->items, values->count}};
}

static bool gathered(const struct nv_message *message)
{
    return message->parts.count > 0 || message->calls.count > 0 ||
           message->thoughts.count > 0 || message->details.count > 0;
}

/* Writes what was gathered and forgets it. */
static enum nv_err flush(struct nv_message *message)
{
    struct nv_arena *arena = message->state->arena;
    struct nv_value content;
    struct nv_str thought;
    enum nv_err err = content_of(arena, &message->parts, &content);
    if (err == NV_OK)
        err = nv_values_join(&message->thoughts, arena, NV_STR("\n"), &thought);
    if (err != NV_OK)
        return err;
    struct nv_map map = {
        nv_arena_array(arena, FIXED_MEMBERS + message->rest.count, sizeof(struct nv_attribute)),
        0};
    if (!map.items)
        return NV_ERR_NO_MEMORY;
    put(&map, NV_STR("role"), nv_value_string(written_role(message)));
    put(&map, NV_STR("content"), content);
    put(&map, NV_STR("name"), message->name);
    put(&map, NV_STR("tool_call_id"), message->call_id);
    put(&map, NV_STR("tool_calls"), array_or_null(&message->calls));
    if (message->thoughts.count > 0)
        put(&map, NV_STR("reasoning"), nv_value_string(thought));
    put(&map, NV_STR("reasoning_details"), array_or_null(&message->details));
    put(&map, NV_STR("finish_reason"), message->finish);
    err = put_rest(arena, &map, &message->rest);
    if (err != NV_OK)
        return err;
    struct nv_messages_state *state = message->state;
    /* A message that says nothing may have been emptied by its instrumentation. */
    state->partial |= !gathered(message);
    const struct nv_message done = *message;
    nv_message_begin(message, state);
    message->answered = done.answered;
    message->role = done.role;
    message->listed = done.listed;
    message->repeats = done.repeats;
    message->paired = done.paired;
    message->written = state->list.count + 1;
    return nv_messages_push(state, (struct nv_value){.type = NV_VALUE_MAP, .as.map = map});
}

/* What is left of a message that ends with an answer goes to its own last piece; to the answer
 * when it has none. */
static struct nv_value *last_piece(const struct nv_message *message)
{
    struct nv_messages_state *state = message->state;
    if (message->written > 0 && message->written <= state->list.count)
        return &state->list.items[message->written - 1];
    const struct nv_values *list = state->over.count > 0 ? &state->over : &state->list;
    return list->count > 0 ? &list->items[list->count - 1] : NULL;
}

static enum nv_err extend_last(struct nv_message *message)
{
    struct nv_messages_state *state = message->state;
    const bool more = message->rest.count > 0 || message->name.type != NV_VALUE_NULL ||
                      message->call_id.type != NV_VALUE_NULL ||
                      message->finish.type != NV_VALUE_NULL;
    struct nv_value *last = more ? last_piece(message) : NULL;
    if (!last)
        return NV_OK;
    const uint32_t old = last->as.map.count;
    (void)nv_meter_spend(1 + old / 4);
    struct nv_map map = {nv_arena_array(state->arena, old + 3 + message->rest.count,
                                        sizeof(struct nv_attribute)),
                         0};
    if (!map.items)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < old; i++)
        map.items[map.count++] = last->as.map.items[i];
    if (!nv_map_get(last, NV_STR("name")))
        put(&map, NV_STR("name"), message->name);
    if (!nv_map_get(last, NV_STR("tool_call_id")))
        put(&map, NV_STR("tool_call_id"), message->call_id);
    put(&map, NV_STR("finish_reason"), message->finish);
    enum nv_err err = put_rest(state->arena, &map, &message->rest);
    last->as.map = map;
    return err;
}

/* The finish reason waits for the last piece: it is of the message as a whole. */
enum nv_err nv_message_flush(struct nv_message *message)
{
    if (!gathered(message))
        return NV_OK;
    const struct nv_value finish = message->finish;
    message->finish = nv_value_null();
    enum nv_err err = flush(message);
    message->finish = finish;
    return err;
}

enum nv_err nv_message_end(struct nv_message *message)
{
    if (gathered(message) || !message->answered)
        return flush(message);
    return extend_last(message);
}

enum nv_err nv_messages_push(struct nv_messages_state *state, struct nv_value message)
{
    /* past the cap they are gathered all the same, so that their number can be told */
    struct nv_values *list = state->list.count < NV_MESSAGES_MAX ? &state->list : &state->over;
    return nv_values_push(list, state->arena, message);
}

enum nv_err nv_messages_plain(struct nv_messages_state *state, const struct nv_value *value)
{
    struct nv_str text;
    enum nv_err err = nv_json_text_of(state->arena, value, &text);
    if (err != NV_OK)
        return err;
    struct nv_message message;
    nv_message_begin(&message, state);
    err = nv_message_text(&message, text);
    return err != NV_OK ? err : nv_message_end(&message);
}
