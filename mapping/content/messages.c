/*
 * Normalising chat messages: the walk over lists and wrappers.
 *
 *   text of a plain list ─▶ messages_plain.c
 *   value ─▶ undo JSON text ─▶ visit ─┬─ text   ─▶ a message of the direction's role
 *                                     ├─ list   ─▶ parts of one message, or each for itself
 *                                     └─ object ─▶ table of shapes (messages_shapes.c)
 *
 * Lists are flattened (LangChain sends batches of lists). Items of OpenAI's Responses API
 * (reasoning, function_call, message) that follow each other are one turn of the assistant, so
 * they are gathered into one message. What is no message of any shape is kept as JSON text, for
 * the model's answer may itself be JSON. Never refuses: the caller keeps the source when
 * partial is set.
 */
#include "mapping/content/messages.h"
#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include <assert.h>

#include "base/banned.h"

/* ---- lists ------------------------------------------------------------------------------- */

/* Parts and texts: one message. Asked only for lists that hold text. */
static bool is_parts_list(const struct nv_value *items, uint32_t count)
{
    bool object = false, text = false;
    (void)nv_meter_spend(count);
    for (uint32_t i = 0; i < count; i++) {
        text = text || items[i].type == NV_VALUE_STRING;
        object = object || items[i].type == NV_VALUE_MAP;
    }
    return text && object && nv_message_parts_look(items, count, true) >= NV_PART_LIKELY;
}

/* A message item of the Responses API that goes on with the assistant's turn. */
static bool continues_turn(const struct nv_members *members)
{
    return nv_str_eq(nv_members_text(members, NV_MEMBER_TYPE), NV_STR("message")) &&
           nv_str_eq(nv_messages_role(nv_members_text(members, NV_MEMBER_ROLE)),
                     NV_STR("assistant"));
}

/* LangChain's short form of a message: ["human", "text"]. */
static bool is_pair(const struct nv_value *items, uint32_t count)
{
    return count == 2 && items[0].type == NV_VALUE_STRING && items[1].type == NV_VALUE_STRING &&
           nv_messages_is_role(items[0].as.string);
}

static enum nv_err visit_pair(struct nv_messages_state *state, const struct nv_value *pair)
{
    struct nv_message message;
    nv_message_begin(&message, state);
    message.role = nv_messages_role(pair[0].as.string);
    enum nv_err err = nv_message_content(&message, &pair[1], 0);
    return err != NV_OK ? err : nv_message_end(&message);
}

/* What the items of a list have in common is asked once, when one of them is unknown. */
enum list_look { LIST_UNKNOWN, LIST_MIXED, LIST_OF_PARTS };

struct turn {
    struct nv_message message;
    bool open;
    const struct nv_value *items;
    uint32_t count;
    enum list_look look;
};

static enum nv_err close_turn(struct turn *turn)
{
    if (!turn->open)
        return NV_OK;
    turn->open = false;
    return nv_message_end(&turn->message);
}

/* `members` are those of an item that is no part. */
static enum nv_err add_to_turn(struct nv_messages_state *state, struct turn *turn,
                               const struct nv_value *item, const struct nv_members *members,
                               unsigned depth)
{
    const bool part = members == NULL;
    enum nv_err err = NV_OK;
    if (turn->open && !part && turn->message.rest.count > 0)
        err = close_turn(turn);
    if (!turn->open) {
        nv_message_begin(&turn->message, state);
        turn->open = true;
    }
    if (err == NV_OK) {
        err = part ? nv_message_part(&turn->message, item, depth + 1)
                   : nv_message_fill(&turn->message, item, members, depth + 1);
    }
    return err;
}

/* {"user": "hello"}: the role is the key (Monocle). */
static enum nv_err keyed_message(struct nv_messages_state *state, const struct nv_value *object,
                                 unsigned depth)
{
    struct nv_message message;
    nv_message_begin(&message, state);
    message.role = nv_messages_role(object->as.map.items[0].key);
    enum nv_err err = nv_message_content(&message, &object->as.map.items[0].value, depth + 1);
    return err != NV_OK ? err : nv_message_end(&message);
}

/*
 * An object of no shape. Among the messages of an input it is a record of its own type
 * (LiveKit's agent_config_update): nobody said it, and its type is the only word for its role.
 */
static enum nv_err unknown_object(struct nv_messages_state *state,
                                  const struct nv_value *object,
                                  const struct nv_members *members)
{
    const struct nv_str type = nv_members_text(members, NV_MEMBER_TYPE);
    struct nv_str text;
    if (state->direction != NV_MESSAGES_INPUT || state->list.count == 0 || type.len == 0)
        return nv_messages_plain(state, object);
    enum nv_err err = nv_json_text_of(state->arena, object, &text);
    if (err != NV_OK)
        return err;
    struct nv_message message;
    nv_message_begin(&message, state);
    message.role = type;
    err = nv_message_text(&message, text);
    return err != NV_OK ? err : nv_message_end(&message);
}

/* Members that an answer has and an error has not. */
#define ANSWER_SIGNS                                                                           \
    (NV_HAS(ROLE) | NV_HAS(CONTENT) | NV_HAS(TEXT) | NV_HAS(PARTS) | NV_HAS(TOOL_CALLS) |      \
     NV_HAS(MESSAGES) | NV_HAS(RESPONSE) | NV_HAS(RESULT) | NV_HAS(CALL) | NV_HAS(CONTENTS) |  \
     NV_HAS(INPUT) | NV_HAS(OUTPUT) | NV_HAS(OUTPUTS) | NV_HAS(CHOICES) | NV_HAS(KWARGS) |     \
     NV_HAS(COMPLETION) | NV_HAS(EVENT) | NV_HAS(DATA) | NV_HAS(REASONING) | NV_HAS(AUDIO) |   \
     NV_HAS(TRANSCRIPT) | NV_HAS(ITEMS) | NV_HAS(UPDATE) | NV_HAS(VALUE))

/* An object in the answer's place that says what went wrong, and no answer: {error: {...}},
 * {error_code, error_message}, {type: error, ...}, a failed response with its ids. */
static bool is_failure(const struct nv_messages_state *state, const struct nv_members *members)
{
    if (state->direction != NV_MESSAGES_OUTPUT || (members->mask & ANSWER_SIGNS) != 0)
        return false;
    const struct nv_value *message = nv_members_get(members, NV_MEMBER_MESSAGE);
    if (message && message->type != NV_VALUE_STRING)
        return false;
    return (members->mask & NV_HAS(FAILURE)) != 0 ||
           (message && nv_str_eq(nv_members_text(members, NV_MEMBER_TYPE), NV_STR("error")));
}

/* The first counts. */
static enum nv_err note_failure(struct nv_messages_state *state, const struct nv_value *object)
{
    state->partial = true;
    if (state->failure)
        return NV_OK;
    struct nv_value *failure = nv_arena_alloc(state->arena, sizeof *failure);
    if (!failure)
        return NV_ERR_NO_MEMORY;
    *failure = *object;
    state->failure = failure;
    return NV_OK;
}

/* {output: null}: somebody wrapped that there is no answer. */
static bool says_nothing(const struct nv_messages_state *state, const struct nv_value *object)
{
    bool empty = state->direction == NV_MESSAGES_OUTPUT;
    for (uint32_t i = 0; empty && i < object->as.map.count; i++)
        empty = nv_value_empty(&object->as.map.items[i].value);
    return empty;
}

static enum nv_err visit_object(struct nv_messages_state *state, const struct nv_value *object,
                                const struct nv_members *members, unsigned depth)
{
    if (depth > NV_MESSAGES_DEPTH_MAX)
        return nv_messages_plain(state, object);
    if (is_failure(state, members))
        return note_failure(state, object);
    if (members->mask == 0 && says_nothing(state, object)) {
        state->partial = true;
        return NV_OK;
    }
    bool known = false;
    enum nv_err err = nv_messages_object(state, object, members, depth, &known);
    if (!known && err == NV_OK && state->direction == NV_MESSAGES_INPUT &&
        object->as.map.count == 1 && nv_messages_is_role(object->as.map.items[0].key))
        return keyed_message(state, object, depth);
    return err != NV_OK || known ? err : unknown_object(state, object, members);
}

/* Parts, and in an output the items of the assistant's turn, at least one of them for sure. */
static enum list_look look_at_list(const struct nv_messages_state *state,
                                   const struct turn *turn)
{
    bool sure = false;
    (void)nv_meter_spend(turn->count);
    for (uint32_t i = 0; i < turn->count; i++) {
        struct nv_members members;
        nv_members_find(&turn->items[i], &members);
        if (state->direction == NV_MESSAGES_OUTPUT && continues_turn(&members)) {
            sure = true;
            continue;
        }
        const enum nv_part_look look = nv_message_part_look(&turn->items[i], &members);
        if (look == NV_PART_NONE)
            return LIST_MIXED;
        sure = sure || look == NV_PART_SURE;
    }
    return sure ? LIST_OF_PARTS : LIST_MIXED;
}

/* An object of a type that nobody knows yet, among parts: it is one, and no message of its
 * own. */
static bool is_unknown_part(const struct nv_messages_state *state, struct turn *turn,
                            const struct nv_value *item, const struct nv_members *members)
{
    const struct nv_str type = nv_members_text(members, NV_MEMBER_TYPE);
    if (type.len == 0 || turn->count < 2 || nv_messages_is_role(type) ||
        nv_message_part_look(item, members) != NV_PART_MAYBE)
        return false;
    if (turn->look == LIST_UNKNOWN)
        turn->look = look_at_list(state, turn);
    return turn->look == LIST_OF_PARTS;
}

/* A call that is told as a message of its own: calls that follow each other are of one turn. */
static enum nv_err add_told_call(struct nv_messages_state *state, struct turn *turn,
                                 const struct nv_members *members, bool *told)
{
    struct nv_value call;
    enum nv_err err = nv_message_told_call(state, members, &call);
    *told = err == NV_OK && call.type == NV_VALUE_MAP;
    if (!*told)
        return err;
    if (!turn->open) {
        nv_message_begin(&turn->message, state);
        turn->message.role = NV_STR("assistant");
        turn->open = true;
    }
    return nv_message_call(&turn->message, &call);
}

/* Objects are looked at once: what their members tell is handed on. */
static enum nv_err visit_item(struct nv_messages_state *state, struct turn *turn,
                              const struct nv_value *item, bool parts, unsigned depth)
{
    struct nv_members members = {.mask = 0};
    const bool object = item->type == NV_VALUE_MAP;
    if (object)
        nv_members_find(item, &members);
    if (parts || (object && nv_message_is_part_of(item, &members)))
        return add_to_turn(state, turn, item, NULL, depth);
    bool told = false;
    enum nv_err err = add_told_call(state, turn, &members, &told);
    if (err != NV_OK || told)
        return err;
    if (continues_turn(&members))
        return add_to_turn(state, turn, item, &members, depth);
    if (object && is_unknown_part(state, turn, item, &members))
        return add_to_turn(state, turn, item, NULL, depth);
    err = close_turn(turn);
    if (err != NV_OK || nv_value_empty(item))
        return err;
    return object ? visit_object(state, item, &members, depth + 1)
                  : nv_messages_visit(state, item, depth + 1);
}

/* ---- the walk ---------------------------------------------------------------------------- */

static enum nv_err visit_list(struct nv_messages_state *state, const struct nv_value *items,
                              uint32_t count, unsigned depth)
{
    if (is_pair(items, count))
        return visit_pair(state, items);
    enum nv_err err = nv_meter_over() ? NV_ERR_LIMIT : NV_OK;
    if (err == NV_OK && state->direction == NV_MESSAGES_OUTPUT && count > 1)
        err = nv_message_choices(state->arena, &items, count);
    const bool parts = is_parts_list(items, count);
    struct turn turn;
    turn.open = false;
    turn.items = items;
    turn.count = count;
    turn.look = LIST_UNKNOWN;
    for (uint32_t i = 0; err == NV_OK && i < count; i++)
        err = visit_item(state, &turn, &items[i], parts, depth);
    return err != NV_OK ? err : close_turn(&turn);
}

/* ---- anything ---------------------------------------------------------------------------- */

enum nv_err nv_messages_visit(struct nv_messages_state *state, const struct nv_value *value,
                              unsigned depth)
{
    if (nv_value_empty(value))
        return NV_OK;
    if (depth > NV_MESSAGES_DEPTH_MAX)
        return nv_messages_plain(state, value);
    if (value->type == NV_VALUE_ARRAY)
        return visit_list(state, value->as.array.items, value->as.array.count, depth);
    if (value->type == NV_VALUE_MAP)
        return visit_list(state, value, 1, depth);
    if (depth > 0 && (value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON)) {
        /* Lists of JSON texts, one a message. */
        struct nv_value parsed;
        enum nv_err err =
            nv_json_text_parse(state->arena, value, 1, &state->truncated, &parsed);
        if (err != NV_OK)
            return err;
        if (parsed.type == NV_VALUE_MAP || parsed.type == NV_VALUE_ARRAY)
            return nv_messages_visit(state, &parsed, depth + 1);
        err = nv_json_text_fields(state->arena, value, &parsed);
        if (err != NV_OK || parsed.type == NV_VALUE_MAP)
            return err != NV_OK ? err : nv_messages_visit(state, &parsed, depth + 1);
    }
    return nv_messages_plain(state, value);
}

/* What is past the cap becomes the text of one last message. */
static enum nv_err add_overflow(struct nv_messages_state *state)
{
    if (state->over.count == 0)
        return NV_OK;
    const struct nv_value over = {.type = NV_VALUE_ARRAY,
                                  .as.array = {state->over.items, state->over.count}};
    struct nv_str text;
    enum nv_err err = nv_json_text_of(state->arena, &over, &text);
    struct nv_attribute *members = nv_arena_array(state->arena, 2, sizeof *members);
    if (err != NV_OK || !members)
        return NV_ERR_NO_MEMORY;
    members[0] = (struct nv_attribute){NV_STR("role"), nv_value_string(NV_STR("user"))};
    members[1] = (struct nv_attribute){NV_STR("content"), nv_value_string(text)};
    const struct nv_value last = {.type = NV_VALUE_MAP, .as.map = {members, 2}};
    return nv_values_push(&state->list, state->arena, last);
}

/* The general way, through a tree. */
static enum nv_err visit_any(struct nv_messages_state *state, const struct nv_value *in)
{
    struct nv_value value;
    enum nv_err err =
        nv_json_text_parse(state->arena, in, NV_JSON_TEXT_LEVELS, &state->truncated, &value);
    return err != NV_OK ? err : nv_messages_visit(state, &value, 0);
}

void nv_messages_open(struct nv_messages_state *state, struct nv_arena *arena,
                      enum nv_messages_direction direction)
{
    static const struct nv_messages_walk walk = {nv_messages_visit,
                                                 nv_messages_instructions_text};
    *state = (struct nv_messages_state){.arena = arena, .walk = &walk, .direction = direction};
}

enum nv_err nv_messages_normalise(struct nv_arena *arena, const struct nv_value *in,
                                  enum nv_messages_direction direction, struct nv_messages *out)
{
    return nv_messages_normalise_again(arena, NULL, in, direction, out);
}

enum nv_err nv_messages_normalise_again(struct nv_arena *arena, struct nv_said_messages *said,
                                        const struct nv_value *in,
                                        enum nv_messages_direction direction,
                                        struct nv_messages *out)
{
    assert(direction == NV_MESSAGES_INPUT || direction == NV_MESSAGES_OUTPUT);
    *out = (struct nv_messages){.list = {.type = NV_VALUE_ARRAY}};
    if (nv_value_absent(in))
        return NV_OK;
    struct nv_messages_state state;
    nv_messages_open(&state, arena, direction);
    state.said = said;
    bool done = false;
    enum nv_err err = NV_OK;
    if (in->type == NV_VALUE_STRING || in->type == NV_VALUE_JSON)
        err = nv_messages_plain_list(&state, in->as.string, &done);
    if (err == NV_OK && !done)
        err = visit_any(&state, in);
    if (err == NV_OK)
        err = add_overflow(&state);
    out->list.as.array = (struct nv_array){state.list.items, state.list.count};
    out->failure = state.failure;
    out->partial = state.partial;
    out->truncated = state.truncated;
    return err;
}

enum nv_err nv_messages_instructions_text(struct nv_arena *arena, const struct nv_value *in,
                                          struct nv_str *out)
{
    struct nv_messages messages;
    *out = NV_STR("");
    enum nv_err err = nv_messages_normalise(arena, in, NV_MESSAGES_INPUT, &messages);
    return err != NV_OK ? err : nv_messages_texts(arena, &messages.list, out);
}
