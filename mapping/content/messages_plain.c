/*
 * Plain lists of messages, read straight from JSON text: what current instrumentations nearly
 * always send.
 *
 *   [{"role": R, "parts": [{"type": "text", "content": T}], "finish_reason"?: F}, ...]
 *   [{"role": R, "content": T, "name"?, "tool_call_id"?, "finish_reason"?}, ...]
 *
 * Token by token, without a tree: to build one and to look at each of its objects costs three
 * times as much (bench/translate.c). The first token that is not of this form ends the attempt
 * and nothing is said of the text; the general way (messages.c) then reads it from the start,
 * and gives the same for what is read here. Deliberately strict: a member that is empty, stands
 * twice or is not text is left to the general way, as is text that may be the JSON of parts.
 */
#include "base/meter.h"
#include "mapping/content/messages_build.h"

#include <assert.h>

#include "base/banned.h"

enum { ROLE = 1, CONTENT = 2, PARTS = 4, FINISH = 8, NAME = 16, CALL_ID = 32, TYPE = 64 };

#define MEMBERS_MAX 5 /* ROLE, CONTENT or PARTS, NAME, CALL_ID, FINISH */

/* Messages of a list that is remembered, at first; and what a call mostly adds to it. */
#define LIST_FIRST 16u
#define LIST_MORE 4u

static const struct {
    struct nv_str key;
    unsigned member;
} members[] = {{NV_STR_INIT("role"), ROLE},
               {NV_STR_INIT("parts"), PARTS},
               {NV_STR_INIT("type"), TYPE},
               {NV_STR_INIT("content"), CONTENT},
               {NV_STR_INIT("finish_reason"), FINISH},
               {NV_STR_INIT("name"), NAME},
               {NV_STR_INIT("tool_call_id"), CALL_ID}};

struct plain {
    struct nv_json_reader reader;
    struct nv_messages_state *state;
    struct nv_said_list *list; /* where this one is remembered; NULL: it is not */
    const char *begin;         /* of its first message */
    uint32_t count;            /* messages of it that stand in list->messages */
    enum nv_err err;           /* NV_ERR_NO_MEMORY */
};

/* One message: its members as they came; PARTS stands as its text. */
struct plain_message {
    struct nv_attribute items[MEMBERS_MAX];
    uint32_t count;
    unsigned mask;
    struct nv_str role, content, finish;
};

/* The member that the key just read names, 0 for others. */
static unsigned member_of(const struct plain *plain)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (nv_str_eq(plain->reader.raw, members[i].key))
            return members[i].member;
    }
    return 0;
}

/* The next token as text that is not empty. */
static bool read_text(struct plain *plain, struct nv_str *out)
{
    struct nv_json_reader *reader = &plain->reader;
    if (nv_json_next(reader) != NV_JSON_STRING || reader->raw.len == 0)
        return false;
    *out = nv_json_unescape(plain->state->arena, reader->raw, reader->escaped);
    if (!out->ptr)
        plain->err = NV_ERR_NO_MEMORY;
    return out->ptr != NULL;
}

/* Text that says something and can't be the JSON of parts. */
static bool is_prose(struct nv_str text)
{
    const struct nv_str trimmed = nv_str_trim(text);
    return trimmed.len > 0 && trimmed.ptr[0] != '[';
}

/* [{"type": "text", "content": T}] */
static bool read_parts(struct plain *plain, struct nv_str *content)
{
    struct nv_json_reader *reader = &plain->reader;
    struct nv_str type = {NULL, 0};
    unsigned mask = 0;
    if (nv_json_next(reader) != NV_JSON_ARRAY_BEGIN ||
        nv_json_next(reader) != NV_JSON_OBJECT_BEGIN)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if (nv_json_next(reader) != NV_JSON_KEY)
            return false;
        const unsigned member = member_of(plain);
        if ((member != TYPE && member != CONTENT) ||
            !read_text(plain, member == TYPE ? &type : content))
            return false;
        mask |= member;
    }
    return mask == (TYPE | CONTENT) && nv_str_eq(type, NV_STR("text")) &&
           nv_json_next(reader) == NV_JSON_OBJECT_END &&
           nv_json_next(reader) == NV_JSON_ARRAY_END;
}

static bool read_member(struct plain *plain, struct plain_message *message)
{
    const unsigned member = member_of(plain);
    const struct nv_str key = plain->reader.raw;
    struct nv_str text;
    if (member == 0 || member == TYPE || (message->mask & member) != 0 ||
        message->count == MEMBERS_MAX)
        return false;
    if (member == PARTS ? !read_parts(plain, &text) : !read_text(plain, &text))
        return false;
    message->mask |= member;
    message->items[message->count++] = (struct nv_attribute){key, nv_value_string(text)};
    if (member == ROLE)
        message->role = text;
    else if (member == FINISH)
        message->finish = text;
    else if (member == PARTS || member == CONTENT)
        message->content = text;
    return true;
}

/* The members in the canonical form of a message that came as parts. */
static void put_parts_message(struct plain_message *message)
{
    const struct nv_str role = nv_messages_role(message->role);
    message->items[0] = (struct nv_attribute){NV_STR("role"), nv_value_string(role)};
    message->items[1] =
        (struct nv_attribute){NV_STR("content"), nv_value_string(message->content)};
    message->items[2] =
        (struct nv_attribute){NV_STR("finish_reason"), nv_value_string(message->finish)};
}

/* Is it a message of one of the two forms? */
static bool settle(struct plain_message *message)
{
    if (!is_prose(message->content) || (message->mask & ROLE) == 0)
        return false;
    if ((message->mask & ~(unsigned)FINISH) == (ROLE | PARTS)) {
        put_parts_message(message);
        return true;
    }
    return (message->mask & PARTS) == 0 &&
           nv_str_eq(message->role, nv_messages_role(message->role));
}

/* Members as a message of the list. They are copied: what comes later may change them in one
 * place and not in the other. */
static bool push(struct plain *plain, struct nv_said_members texts)
{
    struct nv_attribute *items = nv_arena_raw(plain->state->arena, texts.count * sizeof *items);
    if (!items) {
        plain->err = NV_ERR_NO_MEMORY;
        return false;
    }
    memcpy(items, texts.items, texts.count * sizeof *items);
    plain->err = nv_messages_push(
        plain->state, (struct nv_value){.type = NV_VALUE_MAP, .as.map = {items, texts.count}});
    return plain->err == NV_OK;
}

/* How messages begin that are written without white space, and as Python's json does. */
static const struct beginning {
    struct nv_str role, parts, content;
} beginnings[] = {{NV_STR_INIT("\"role\":\""),
                   NV_STR_INIT("\",\"parts\":[{\"type\":\"text\",\"content\":\""),
                   NV_STR_INIT("\",\"content\":\"")},
                  {NV_STR_INIT("\"role\": \""),
                   NV_STR_INIT("\", \"parts\": [{\"type\": \"text\", \"content\": \""),
                   NV_STR_INIT("\", \"content\": \"")}};

/* No role that we know is longer. */
#define ROLE_LETTERS 16u

/* The small letters that `text` begins with. */
static struct nv_str letters_of(struct nv_str text)
{
    size_t len = 0;
    while (len < text.len && len < ROLE_LETTERS && text.ptr[len] >= 'a' && text.ptr[len] <= 'z')
        len++;
    return (struct nv_str){text.ptr, len};
}

/*
 * Behind {: a role and one text, told by the bytes that nearly all messages begin with, which
 * are a dozen tokens else. Where others stand nothing is read. False: this is no plain list.
 */
static bool read_beginning(struct plain *plain, struct plain_message *message)
{
    struct nv_json_reader *reader = &plain->reader;
    const struct nv_str text = reader->text;
    struct nv_str ahead = nv_str_slice(text, reader->pos, text.len), content;
    const struct beginning *begin =
        &beginnings[ahead.len > sizeof "\"role\":" && ahead.ptr[7] == ' '];
    if (!nv_str_starts(ahead, begin->role))
        return true;
    const struct nv_str role = letters_of(nv_str_slice(ahead, begin->role.len, ahead.len));
    ahead = nv_str_slice(text, (size_t)(role.ptr - text.ptr) + role.len, text.len);
    const bool parts = nv_str_starts(ahead, begin->parts);
    if (role.len == 0 || (!parts && !nv_str_starts(ahead, begin->content)))
        return true;
    const size_t quote = (parts ? begin->parts.len : begin->content.len) - 1;
    nv_json_resume(reader, (size_t)(ahead.ptr - text.ptr) + quote);
    if (!read_text(plain, &content))
        return false;
    if (parts && !nv_str_starts(nv_str_slice(text, reader->pos, text.len), NV_STR("}]")))
        return false;
    reader->pos += parts ? 2 : 0;
    message->items[0] = (struct nv_attribute){NV_STR("role"), nv_value_string(role)};
    message->items[1] = (struct nv_attribute){parts ? NV_STR("parts") : NV_STR("content"),
                                              nv_value_string(content)};
    message->count = 2;
    message->mask = ROLE | (parts ? PARTS : CONTENT);
    message->role = role;
    message->content = content;
    return true;
}

/* The object whose first token was just read. */
static bool read_message(struct plain *plain, struct plain_message *message)
{
    enum nv_json_token token;
    message->count = 0;
    message->mask = 0;
    message->role = message->content = message->finish = NV_STR("");
    if (!read_beginning(plain, message))
        return false;
    while ((token = nv_json_next(&plain->reader)) == NV_JSON_KEY) {
        if (!read_member(plain, message))
            return false;
    }
    return token == NV_JSON_OBJECT_END && settle(message) &&
           push(plain, (struct nv_said_members){message->items, message->count});
}

/* ---- what was said before ---------------------------------------------------------------- */

/* Adds a message to the list that is remembered, which without memory is not. */
static void list_message(struct plain *plain, struct nv_said_members texts)
{
    struct nv_said_list *list = plain->list;
    if (!list)
        return;
    if (plain->count == list->capacity) {
        const uint32_t capacity = list->capacity == 0 ? LIST_FIRST : list->capacity * 2;
        struct nv_said_members *messages =
            nv_arena_array(plain->state->arena, capacity, sizeof *messages);
        if (!messages || capacity > NV_MESSAGES_MAX) {
            plain->list = NULL;
            return;
        }
        if (plain->count > 0)
            memcpy(messages, list->messages, plain->count * sizeof *messages);
        list->messages = messages;
        list->capacity = capacity;
    }
    list->messages[plain->count++] = texts;
}

/* Remembers a message that was read, by the bytes that it is written in and in its list.
 * Without memory it is not. */
static void remember(struct plain *plain, struct nv_said_message *said, struct nv_str raw,
                     const struct plain_message *message)
{
    struct nv_attribute *items =
        nv_arena_raw(plain->state->arena, message->count * sizeof *items);
    if (!items) {
        plain->list = NULL;
        return;
    }
    memcpy(items, message->items, message->count * sizeof *items);
    const struct nv_said_members texts = {items, message->count};
    if (said && raw.len >= NV_SAID_HEAD)
        *said = (struct nv_said_message){raw, texts};
    list_message(plain, texts);
}

/* All messages of an earlier list at once, in memory of one piece; the list is empty, and those
 * are fewer than NV_MESSAGES_MAX. */
static bool push_all(struct plain *plain, const struct nv_said_list *list)
{
    struct nv_messages_state *state = plain->state;
    struct nv_values *to = &state->list;
    uint32_t total = 0;
    for (uint32_t i = 0; i < list->count; i++)
        total += list->messages[i].count;
    struct nv_attribute *items = nv_arena_raw(state->arena, total * sizeof *items);
    plain->err =
        items ? nv_values_reserve(to, state->arena, list->count + LIST_MORE) : NV_ERR_NO_MEMORY;
    if (plain->err != NV_OK)
        return false;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct nv_said_members from = list->messages[i];
        to->items[i] = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {items, from.count}};
        for (uint32_t j = 0; j < from.count; j++)
            *items++ = from.items[j];
    }
    to->count = list->count;
    return true;
}

/* Begins the list: with the messages of the one before that it begins with, if it does. */
static bool begin_list(struct plain *plain)
{
    const struct nv_str ahead = nv_json_ahead(&plain->reader);
    struct nv_said_list *list = nv_said_list_find(plain->state->said, ahead);
    plain->list = list;
    plain->begin = ahead.ptr;
    if (!list || list->raw.len == 0)
        return true;
    if (nv_json_take(&plain->reader, list->raw)) {
        plain->count = list->count;
        return push_all(plain, list);
    }
    list->raw.len = 0;
    return true;
}

/* The list was read, up to the end of its last message. */
static void end_list(const struct plain *plain, const char *end)
{
    struct nv_said_list *list = plain->list;
    if (!list || plain->count == 0)
        return;
    list->raw = (struct nv_str){plain->begin, (size_t)(end - plain->begin)};
    list->count = plain->count;
}

/* The next message, from memory when it was said before. *end: there is none. */
static bool next_message(struct plain *plain, bool *end)
{
    struct nv_json_reader *reader = &plain->reader;
    const struct nv_str ahead = nv_json_ahead(reader);
    struct nv_said_message *said = nv_said_find(plain->state->said, ahead);
    if (said && said->raw.len > 0 && nv_json_take(reader, said->raw)) {
        list_message(plain, said->members);
        return push(plain, said->members);
    }
    struct plain_message message;
    const enum nv_json_token token = nv_json_next(reader);
    *end = token == NV_JSON_ARRAY_END;
    if (token != NV_JSON_OBJECT_BEGIN)
        return *end;
    if (!read_message(plain, &message))
        return false;
    const size_t len = (size_t)(reader->text.ptr + reader->pos - ahead.ptr);
    if (said || plain->list)
        remember(plain, said, nv_str_slice(ahead, 0, len), &message);
    return true;
}

static bool read_list(struct plain *plain)
{
    const struct nv_json_reader *reader = &plain->reader;
    const char *last = NULL;
    bool end = false;
    if (nv_json_next(&plain->reader) != NV_JSON_ARRAY_BEGIN || !begin_list(plain))
        return false;
    while (!end) {
        last = reader->text.ptr + reader->pos;
        if (!next_message(plain, &end))
            return false;
    }
    end_list(plain, last);
    return nv_json_next(&plain->reader) == NV_JSON_END;
}

enum nv_err nv_messages_plain_list(struct nv_messages_state *state, struct nv_str text,
                                   bool *done)
{
    assert(state->list.count == 0 && state->over.count == 0);
    struct plain plain = {.state = state, .err = NV_OK};
    (void)nv_meter_spend_bytes(text.len);
    nv_json_read_init(&plain.reader, text, NV_MESSAGES_DEPTH_MAX);
    nv_json_read_texts(&plain.reader, state->arena);
    *done = read_list(&plain) && state->list.count > 0;
    if (plain.reader.err == NV_ERR_NO_MEMORY)
        plain.err = NV_ERR_NO_MEMORY;
    if (!*done)
        state->list.count = state->over.count = 0;
    return plain.err;
}
