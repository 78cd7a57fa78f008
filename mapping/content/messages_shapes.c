/*
 * The shapes of a message object, told apart one object at a time.
 *
 *   object ─▶ members (one pass) ─▶ first row of `shapes` that fits ─▶ handler ─▶ nv_message
 *
 * A row names the members that must be there, one of which must be there, and which must not:
 * no shape is recognised by the name of an instrumentation. Order matters where shapes include
 * each other: wrappers that name themselves (LangChain, events) stand before plain messages,
 * and those before requests and responses around them. Members that no handler expressed stay
 * in the message.
 */
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include "base/banned.h"

typedef enum nv_err shape_handler(struct nv_messages_state *state,
                                  const struct nv_value *object,
                                  const struct nv_members *members, unsigned depth);

/* ---- plain messages ---------------------------------------------------------------------- */

/* Is the object what we would write? Then it is used as it is. */
static bool is_canonical(const struct nv_value *object, const struct nv_members *members)
{
    static const struct nv_str plain[] = {NV_STR_INIT("role"), NV_STR_INIT("content"),
                                          NV_STR_INIT("name"), NV_STR_INIT("tool_call_id"),
                                          NV_STR_INIT("finish_reason")};
    /* Fewer known members than members: one is empty, or stands twice. */
    if ((uint32_t)__builtin_popcountll(members->mask) != object->as.map.count)
        return false;
    for (uint32_t i = 0; i < object->as.map.count; i++) {
        const struct nv_attribute *member = &object->as.map.items[i];
        bool known = false;
        for (size_t j = 0; !known && j < sizeof plain / sizeof plain[0]; j++)
            known = nv_str_eq(member->key, plain[j]);
        if (!known || member->value.type != NV_VALUE_STRING)
            return false;
    }
    const struct nv_str role = nv_members_text(members, NV_MEMBER_ROLE);
    const struct nv_str content = nv_str_trim(nv_members_text(members, NV_MEMBER_CONTENT));
    const struct nv_str canonical = nv_messages_role(role);
    return role.len > 0 && content.len > 0 && content.ptr[0] != '[' &&
           nv_str_eq(role, canonical);
}

static enum nv_err plain_message(struct nv_messages_state *state, const struct nv_value *object,
                                 const struct nv_members *members, unsigned depth)
{
    if (is_canonical(object, members))
        return nv_messages_push(state, *object);
    struct nv_message message;
    nv_message_begin(&message, state);
    enum nv_err err = nv_message_fill(&message, object, members, depth);
    return err != NV_OK ? err : nv_message_end(&message);
}

/* ---- messages in wrappers of their own --------------------------------------------------- */

/* The class that LangChain's constructor names: the last element of `id`. */
static struct nv_str class_of(const struct nv_value *id)
{
    if (!id || id->type != NV_VALUE_ARRAY || id->as.array.count == 0)
        return NV_STR("");
    const struct nv_value *last = &id->as.array.items[id->as.array.count - 1];
    return last->type == NV_VALUE_STRING ? last->as.string : NV_STR("");
}

static bool is_map(const struct nv_value *value)
{
    return value != NULL && value->type == NV_VALUE_MAP;
}

/* What stands inside of a wrapper, or NULL; *used gets the members that the wrapper is made
 * of. */
static const struct nv_value *inside(const struct nv_members *members, uint64_t *used)
{
    const struct nv_value *inner = nv_members_get(members, NV_MEMBER_KWARGS);
    if (is_map(inner) && (members->mask & (NV_HAS(LC) | NV_HAS(ID))) != 0) {
        *used = NV_HAS(KWARGS) | NV_HAS(LC) | NV_HAS(ID) | NV_HAS(TYPE);
        return inner;
    }
    inner = nv_members_get(members, NV_MEMBER_MESSAGE);
    if (inner && (members->mask & (NV_HAS(ROLE) | NV_HAS(CONTENT))) == 0) {
        *used = NV_HAS(MESSAGE) | NV_HAS(FINISH) | NV_HAS(TYPE) | NV_HAS(TEXT) | NV_HAS(EVENT);
        return inner;
    }
    inner = nv_members_get(members, NV_MEMBER_DATA);
    if (is_map(inner) && nv_messages_is_role(nv_members_text(members, NV_MEMBER_TYPE))) {
        *used = NV_HAS(DATA) | NV_HAS(TYPE);
        return inner;
    }
    inner = nv_members_get(members, NV_MEMBER_CONTENT);
    if (is_map(inner) && (members->mask & NV_HAS(ROLE)) == 0) {
        struct nv_members content;
        nv_members_find(inner, &content);
        *used = NV_HAS(CONTENT) | NV_HAS(FINISH);
        return (content.mask & (NV_HAS(PARTS) | NV_HAS(ROLE))) != 0 ? inner : NULL;
    }
    return NULL;
}

static void role_from_wrapper(struct nv_message *message, const struct nv_members *members)
{
    if (message->role.len > 0)
        return;
    const struct nv_str class = class_of(nv_members_get(members, NV_MEMBER_ID));
    const struct nv_str type = nv_members_text(members, NV_MEMBER_TYPE);
    if (nv_messages_is_role(class) && !nv_str_eq(class, NV_STR("ChatMessage")))
        message->role = nv_messages_role(class);
    else if (nv_messages_is_role(type))
        message->role = nv_messages_role(type);
}

/* Opens wrapper after wrapper: a choice of a generation of a constructor of a message. */
static enum nv_err fill_wrapped(struct nv_message *message, const struct nv_value *object,
                                unsigned depth)
{
    struct nv_value told;
    for (; depth < NV_MESSAGES_DEPTH_MAX; depth++) {
        struct nv_members members;
        uint64_t used = 0;
        nv_members_find(object, &members);
        const struct nv_value *inner = inside(&members, &used);
        if (!inner)
            break;
        role_from_wrapper(message, &members);
        /* The constructor's class path is not repeated in the message. */
        message->state->partial |= (used & NV_HAS(LC)) != 0;
        if (!nv_message_fill_finish(message, nv_members_get(&members, NV_MEMBER_FINISH)))
            used &= ~NV_HAS(FINISH);
        bool expressed = false;
        enum nv_err err = nv_message_fill_info(message, &members, &expressed);
        used |= expressed ? NV_HAS(INFO) : 0;
        if (err == NV_OK) {
            err =
                nv_members_rest(message->state->arena, object, &members, used, &message->rest);
        }
        if (err != NV_OK)
            return err;
        err = nv_message_in_text(message, inner, &told);
        if (err != NV_OK)
            return err;
        inner = &told;
        if (inner->type != NV_VALUE_MAP)
            return nv_message_content(message, inner, depth + 1);
        object = inner;
    }
    struct nv_members members;
    nv_members_find(object, &members);
    return nv_message_fill(message, object, &members, depth);
}

static enum nv_err wrapped_message(struct nv_messages_state *state,
                                   const struct nv_value *object,
                                   const struct nv_members *members, unsigned depth)
{
    uint64_t used = 0;
    const struct nv_value *inner = inside(members, &used);
    struct nv_members body;
    if (inner && inner->type == NV_VALUE_MAP) {
        nv_members_find(inner, &body);
        /* A prompt value holds a list of messages, not one. */
        if ((body.mask & NV_HAS(MESSAGES)) != 0 && (body.mask & NV_HAS(ROLE)) == 0) {
            state->partial = true;
            return state->walk->visit(state, inner, depth + 1);
        }
    }
    struct nv_message message;
    nv_message_begin(&message, state);
    enum nv_err err = fill_wrapped(&message, object, depth);
    return err != NV_OK ? err : nv_message_end(&message);
}

/* gen_ai.user.message and its like as an element of a list (pydantic-ai's `events`); a choice
 * is output, all others are input. */
static enum nv_err event_message(struct nv_messages_state *state, const struct nv_value *object,
                                 const struct nv_members *members, unsigned depth)
{
    const struct nv_str name = nv_members_text(members, NV_MEMBER_EVENT);
    const bool choice = nv_str_ends(name, NV_STR(".choice"));
    if (choice != (state->direction == NV_MESSAGES_OUTPUT))
        return NV_OK;
    if (choice)
        return wrapped_message(state, object, members, depth);
    struct nv_message message;
    nv_message_begin(&message, state);
    const struct nv_str suffix = NV_STR(".message");
    struct nv_str word = nv_members_text(members, NV_MEMBER_ROLE);
    if (word.len == 0 && nv_str_ends(name, suffix))
        word = nv_str_slice(name, 0, name.len - suffix.len);
    if (nv_messages_is_role(word))
        message.role = nv_messages_role(word);
    enum nv_err err = nv_message_fill(&message, object, members, depth);
    return err != NV_OK ? err : nv_message_end(&message);
}

/* ---- requests and responses around messages ---------------------------------------------- */

/* In the order of asking, for each direction; text in the later ones counts only when nothing
 * else is said, because a structured answer may use such a word. */
static const enum nv_member input_places[] = {
    NV_MEMBER_MESSAGES, NV_MEMBER_CONTENTS, NV_MEMBER_ITEMS,   NV_MEMBER_INPUT,
    NV_MEMBER_PROMPT,   NV_MEMBER_INPUTS,   NV_MEMBER_CHOICES, NV_MEMBER_OUTPUT,
    NV_MEMBER_UPDATE,   NV_MEMBER_NONE};
static const enum nv_member output_places[] = {
    NV_MEMBER_CHOICES,  NV_MEMBER_OUTPUT, NV_MEMBER_OUTPUTS,  NV_MEMBER_COMPLETION,
    NV_MEMBER_MESSAGES, NV_MEMBER_UPDATE, NV_MEMBER_CONTENTS, NV_MEMBER_ITEMS,
    NV_MEMBER_RESPONSE, NV_MEMBER_NONE};

static const struct nv_value *place_of(const struct nv_messages_state *state,
                                       const struct nv_value *object,
                                       const struct nv_members *members, enum nv_member *place)
{
    const bool input = state->direction == NV_MESSAGES_INPUT;
    const enum nv_member *places = input ? input_places : output_places;
    for (; *places != NV_MEMBER_NONE; places++) {
        const struct nv_value *value = nv_members_get(members, *places);
        if (!value)
            continue;
        const bool text = value->type != NV_VALUE_ARRAY && value->type != NV_VALUE_MAP;
        const bool alone = object->as.map.count == 1;
        const bool sure = *places == NV_MEMBER_COMPLETION || *places == NV_MEMBER_PROMPT ||
                          (input && *places == NV_MEMBER_INPUT);
        if (text && !alone && !sure)
            continue;
        *place = *places;
        return value;
    }
    return NULL;
}

static enum nv_err push_system(struct nv_messages_state *state, const struct nv_value *system)
{
    struct nv_str text = {0};
    enum nv_err err = state->walk->instructions(state->arena, system, &text);
    if (err != NV_OK || text.len == 0)
        return err;
    struct nv_message message;
    nv_message_begin(&message, state);
    message.role = NV_STR("system");
    err = nv_message_text(&message, text);
    return err != NV_OK ? err : nv_message_end(&message);
}

/* System text stands beside the messages (Anthropic, Responses) or in the config (Gemini). */
static enum nv_err visit_system(struct nv_messages_state *state,
                                const struct nv_members *members, uint64_t *used)
{
    if (state->direction != NV_MESSAGES_INPUT)
        return NV_OK;
    const struct nv_value *system = nv_members_get(members, NV_MEMBER_SYSTEM);
    if (system) {
        *used |= system->type == NV_VALUE_STRING ? NV_HAS(SYSTEM) : 0;
        return push_system(state, system);
    }
    const struct nv_value *config = nv_members_get(members, NV_MEMBER_CONFIG);
    if (!is_map(config))
        return NV_OK;
    struct nv_members inner;
    nv_members_find(config, &inner);
    system = nv_members_get(&inner, NV_MEMBER_SYSTEM);
    return !system ? NV_OK : push_system(state, system);
}

/* A finish reason beside the message (Bedrock's stopReason) is that of the last one written. */
static enum nv_err finish_last(struct nv_messages_state *state, uint32_t before,
                               const struct nv_members *members, uint64_t *used)
{
    const struct nv_value *finish = nv_members_get(members, NV_MEMBER_FINISH);
    if (!finish || finish->type != NV_VALUE_STRING || state->list.count <= before)
        return NV_OK;
    struct nv_value *last = &state->list.items[state->list.count - 1];
    if (nv_map_get(last, NV_STR("finish_reason")))
        return NV_OK;
    struct nv_attributes whole = {0};
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < last->as.map.count; i++) {
        err = nv_attributes_add(&whole, state->arena, last->as.map.items[i].key,
                                last->as.map.items[i].value);
    }
    if (err == NV_OK)
        err = nv_attributes_add(&whole, state->arena, NV_STR("finish_reason"), *finish);
    last->as.map = (struct nv_map){whole.items, whole.count};
    *used |= NV_HAS(FINISH);
    return err;
}

/* Nothing but a finish reason, on an index after the messages that it is of (Netra). */
static enum nv_err finish_alone(struct nv_messages_state *state, const struct nv_value *object,
                                const struct nv_members *members, unsigned depth)
{
    (void)depth;
    uint64_t used = 0;
    if (state->direction == NV_MESSAGES_OUTPUT && object->as.map.count == 1) {
        enum nv_err err = finish_last(state, 0, members, &used);
        if (err != NV_OK || used != 0)
            return err;
    }
    return nv_messages_plain(state, object);
}

/* Text, or a list that starts with text: what it was is said by the member's name alone. */
static bool is_bare_text(const struct nv_value *value)
{
    if (value->type == NV_VALUE_ARRAY && value->as.array.count > 0)
        value = &value->as.array.items[0];
    return value->type == NV_VALUE_STRING;
}

static enum nv_err exchange(struct nv_messages_state *state, const struct nv_value *object,
                            const struct nv_members *members, unsigned depth)
{
    enum nv_member place = NV_MEMBER_NONE;
    const struct nv_value *inner = place_of(state, object, members, &place);
    if (!inner)
        return nv_messages_plain(state, object);
    uint64_t used = UINT64_C(1) << place;
    state->partial |= is_bare_text(inner);
    enum nv_err err = visit_system(state, members, &used);
    const uint32_t before = state->list.count;
    if (err == NV_OK)
        err = state->walk->visit(state, inner, depth + 1);
    if (err == NV_OK)
        err = finish_last(state, before, members, &used);
    struct nv_attributes rest = {0};
    if (err == NV_OK)
        err = nv_members_rest(state->arena, object, members, used, &rest);
    state->partial |= rest.count > 0;
    return err;
}

/* ---- the table --------------------------------------------------------------------------- */

#define MESSAGE_SIGNS                                                                          \
    (NV_HAS(PARTS) | NV_HAS(CONTENT) | NV_HAS(TOOL_CALLS) | NV_HAS(CALL_ID) |                  \
     NV_HAS(FUNCTION_NAME) | NV_HAS(REASONING) | NV_HAS(TRANSCRIPT))
#define EXCHANGE_SIGNS                                                                         \
    (NV_HAS(MESSAGES) | NV_HAS(CHOICES) | NV_HAS(CONTENTS) | NV_HAS(ITEMS) | NV_HAS(INPUT) |   \
     NV_HAS(PROMPT) | NV_HAS(OUTPUT) | NV_HAS(OUTPUTS) | NV_HAS(INPUTS) | NV_HAS(COMPLETION) | \
     NV_HAS(UPDATE) | NV_HAS(RESPONSE))

static const struct shape {
    uint64_t all, any, none;
    shape_handler *handler;
} shapes[] = {
    {NV_HAS(EVENT), NV_HAS(EVENT), 0, event_message},
    {NV_HAS(KWARGS), NV_HAS(LC) | NV_HAS(ID), NV_HAS(ROLE), wrapped_message},
    {NV_HAS(DATA) | NV_HAS(TYPE), NV_HAS(DATA), NV_HAS(ROLE) | NV_HAS(CONTENT),
     wrapped_message},
    {NV_HAS(MESSAGE), NV_HAS(MESSAGE), NV_HAS(ROLE) | NV_HAS(CONTENT), wrapped_message},
    {NV_HAS(ROLE), NV_HAS(ROLE), 0, plain_message},
    {0, EXCHANGE_SIGNS, MESSAGE_SIGNS & ~NV_HAS(REASONING), exchange},
    {NV_HAS(CONTENT), NV_HAS(CONTENT), 0, wrapped_message},
    {0, MESSAGE_SIGNS, 0, plain_message},
    {NV_HAS(TEXT), NV_HAS(TEXT), 0, plain_message},
    {NV_HAS(FINISH), NV_HAS(FINISH), 0, finish_alone},
};

enum nv_err nv_messages_object(struct nv_messages_state *state, const struct nv_value *object,
                               const struct nv_members *members, unsigned depth, bool *known)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *shape = &shapes[i];
        if ((members->mask & shape->all) != shape->all || (members->mask & shape->any) == 0 ||
            (members->mask & shape->none) != 0)
            continue;
        *known = true;
        return shape->handler(state, object, members, depth);
    }
    *known = false;
    return NV_OK;
}
