/*
 * One message object into an nv_message, member by member.
 *
 *   members ─▶ role, names, reasons (fill_head) ─▶ thoughts ─▶ calls ─▶ extras ─▶ rest ─▶ content
 *                                                                       what no step expressed
 *
 * Each step notes in a mask which members it has expressed; the rest travels with the message,
 * so that a member of an emitter's own is never lost. Content comes last, because it may flush
 * the message: an answer of a tool within it ends what was gathered before, and that must have
 * its role and its calls by then.
 *
 * The same for every shape: a shape says where the message stands (messages_shapes.c), this
 * file what it says.
 */
#include "mapping/content/messages_build.h"

#include "base/banned.h"

static struct nv_str role_of(const struct nv_members *members)
{
    struct nv_str role = nv_members_text(members, NV_MEMBER_ROLE);
    if (role.len == 0)
        role = nv_members_text(members, NV_MEMBER_TYPE);
    else
        return nv_messages_role(role);
    if (nv_messages_is_role(role))
        return nv_messages_role(role);
    /* Content for a call: only a tool answers one. */
    const uint64_t answer = NV_HAS(CALL_ID) | NV_HAS(CONTENT);
    return (members->mask & answer) == answer ? NV_STR("tool") : NV_STR("");
}

static enum nv_err fill_calls(struct nv_message *message, const struct nv_members *members)
{
    enum nv_err err = NV_OK;
    const struct nv_value *calls = nv_members_get(members, NV_MEMBER_TOOL_CALLS);
    if (calls)
        err = nv_message_call(message, calls);
    calls = nv_members_get(members, NV_MEMBER_CALL);
    if (err == NV_OK && calls)
        err = nv_message_call(message, calls);
    if (err != NV_OK || (members->mask & NV_HAS(FUNCTION_NAME)) == 0)
        return err;
    struct nv_attribute function[2] = {
        {NV_STR("name"), *nv_members_get(members, NV_MEMBER_FUNCTION_NAME)},
        {NV_STR("arguments"), nv_value_null()}};
    const struct nv_value *arguments = nv_members_get(members, NV_MEMBER_FUNCTION_ARGUMENTS);
    if (arguments)
        function[1].value = *arguments;
    const struct nv_value call = {.type = NV_VALUE_MAP, .as.map = {function, 2}};
    return nv_message_call(message, &call);
}

/* LangChain repeats calls and thoughts of the provider in additional_kwargs. *used says whether
 * all of it is expressed. */
static enum nv_err fill_extra(struct nv_message *message, const struct nv_value *extra,
                              bool *used)
{
    struct nv_members members;
    enum nv_err err = NV_OK;
    *used = nv_value_absent(extra);
    if (extra->type != NV_VALUE_MAP)
        return NV_OK;
    nv_members_find(extra, &members);
    uint64_t taken = NV_HAS(REASONING);
    const struct nv_value *thought = nv_members_get(&members, NV_MEMBER_REASONING);
    if (thought && thought->type == NV_VALUE_STRING)
        err = nv_message_think(message, thought->as.string);
    else
        taken = 0;
    const uint64_t calls = NV_HAS(TOOL_CALLS) | NV_HAS(CALL);
    if (err == NV_OK && (members.mask & calls) != 0 && message->calls.count == 0)
        err = nv_message_call(message, nv_members_first(&members, calls));
    struct nv_attributes rest = {0};
    if (err == NV_OK)
        err = nv_members_rest(message->state->arena, extra, &members, taken | calls, &rest);
    *used = rest.count == 0;
    return err;
}

bool nv_message_fill_finish(struct nv_message *message, const struct nv_value *finish)
{
    if (!finish)
        return false;
    if (finish->type == NV_VALUE_ARRAY && finish->as.array.count == 1)
        finish = &finish->as.array.items[0];
    if (finish->type != NV_VALUE_STRING)
        return false;
    if (message->finish.type == NV_VALUE_NULL)
        message->finish = *finish;
    return true;
}

enum nv_err nv_message_fill_info(struct nv_message *message, const struct nv_members *outer,
                                 bool *used)
{
    const struct nv_value *info = nv_members_get(outer, NV_MEMBER_INFO);
    *used = false;
    if (!info || info->type != NV_VALUE_MAP)
        return NV_OK;
    struct nv_members members;
    struct nv_attributes rest = {0};
    nv_members_find(info, &members);
    const bool finish =
        nv_message_fill_finish(message, nv_members_get(&members, NV_MEMBER_FINISH));
    enum nv_err err = nv_members_rest(message->state->arena, info, &members,
                                      finish ? NV_HAS(FINISH) : 0, &rest);
    *used = rest.count == 0;
    return err;
}

/* A tool may well answer {"message": "done"}: that is its answer. Only a list of parts in text
 * is what a wrapper holds. */
static bool may_be_wrapped(const struct nv_message *message, const struct nv_value *inner)
{
    if (!nv_str_eq(message->role, NV_STR("tool")))
        return true;
    const struct nv_str text =
        inner->type == NV_VALUE_STRING ? nv_str_trim(inner->as.string) : NV_STR("");
    return text.len > 0 && text.ptr[0] == '[';
}

/*
 * What stands in content that is wrapped once more, as AgentCore's records have it:
 * {content | message: ..., finish_reason?}. Anything else is content itself.
 */
static const struct nv_value *unwrap_content(struct nv_message *message,
                                             const struct nv_value *content)
{
    const uint64_t places = NV_HAS(CONTENT) | NV_HAS(MESSAGE);
    struct nv_members inner;
    nv_members_find(content, &inner);
    if (__builtin_popcountll(inner.mask & places) != 1 ||
        (inner.mask & ~(places | NV_HAS(FINISH))) != 0 ||
        (uint32_t)__builtin_popcountll(inner.mask) != content->as.map.count)
        return content;
    const struct nv_value *finish = nv_members_get(&inner, NV_MEMBER_FINISH);
    if (!may_be_wrapped(message, nv_members_first(&inner, places)))
        return content;
    if (finish &&
        (message->finish.type != NV_VALUE_NULL || !nv_message_fill_finish(message, finish)))
        return content;
    return nv_members_first(&inner, places);
}

static enum nv_err fill_content(struct nv_message *message, const struct nv_members *members,
                                unsigned depth)
{
    static const enum nv_member order[] = {NV_MEMBER_PARTS, NV_MEMBER_CONTENT,
                                           NV_MEMBER_CONTENTS, NV_MEMBER_TEXT};
    enum nv_err err = NV_OK;
    bool filled = false;
    for (size_t i = 0; err == NV_OK && i < sizeof order / sizeof order[0]; i++) {
        const struct nv_value *content = nv_members_get(members, order[i]);
        if (!content || (filled && order[i] == NV_MEMBER_TEXT))
            continue;
        if (content->type == NV_VALUE_MAP)
            content = unwrap_content(message, content);
        /* A list called parts holds parts, whatever their types. */
        const bool parts = order[i] == NV_MEMBER_PARTS && content->type == NV_VALUE_ARRAY;
        if (!parts && nv_str_eq(message->role, NV_STR("tool")))
            err = nv_message_tool_content(message, content, depth + 1);
        else
            err = nv_message_content(message, content, depth + 1);
        filled = true;
    }
    return err;
}

/* `text` beside other content usually repeats it; then it is expressed, too. */
static bool text_repeats(const struct nv_members *members)
{
    const struct nv_value *text = nv_members_get(members, NV_MEMBER_TEXT);
    const struct nv_value *content =
        nv_members_first(members, NV_HAS(CONTENT) | NV_HAS(PARTS) | NV_HAS(CONTENTS));
    return text == NULL || content == NULL || nv_value_eq(text, content);
}

/* The id of the call that a tool's message answers. Events call it `id` (semantic conventions
 * up to 1.36); in a message of parts each has its own, and `id` is the message's. */
static const struct nv_value *answered_id(const struct nv_message *message,
                                          const struct nv_members *members, uint64_t *used)
{
    const struct nv_value *id = nv_members_get(members, NV_MEMBER_CALL_ID);
    if (id || !nv_str_eq(message->role, NV_STR("tool")))
        return id;
    const struct nv_value *content =
        nv_members_first(members, NV_HAS(CONTENT) | NV_HAS(PARTS) | NV_HAS(CONTENTS));
    id = nv_members_get(members, NV_MEMBER_ID);
    if (!id || (content && content->type == NV_VALUE_ARRAY))
        return NULL;
    *used |= NV_HAS(ID);
    return id;
}

/* Role, names and reasons. Returns the members that were expressed. */
static uint64_t fill_head(struct nv_message *message, const struct nv_members *members)
{
    uint64_t used = NV_HAS(ROLE) | NV_HAS(NAME) | NV_HAS(CALL_ID) | NV_HAS(EVENT);
    if (message->role.len == 0)
        message->role = role_of(members);
    const struct nv_str type = nv_members_text(members, NV_MEMBER_TYPE);
    if (nv_messages_is_role(type) || nv_str_eq(type, NV_STR("message")))
        used |= NV_HAS(TYPE);
    const struct nv_value *found = nv_members_get(members, NV_MEMBER_NAME);
    if (found)
        message->name = *found;
    found = answered_id(message, members, &used);
    if (found)
        message->call_id = *found;
    if (nv_message_fill_finish(message, nv_members_get(members, NV_MEMBER_FINISH)))
        used |= NV_HAS(FINISH);
    return used;
}

enum nv_err nv_message_fill(struct nv_message *message, const struct nv_value *object,
                            const struct nv_members *members, unsigned depth)
{
    uint64_t used = fill_head(message, members);
    used |= NV_HAS(PARTS) | NV_HAS(CONTENT) | NV_HAS(CONTENTS);
    used |=
        NV_HAS(TOOL_CALLS) | NV_HAS(CALL) | NV_HAS(FUNCTION_NAME) | NV_HAS(FUNCTION_ARGUMENTS);
    used |= text_repeats(members) ? NV_HAS(TEXT) : 0;
    bool expressed = false;
    enum nv_err err = nv_message_fill_info(message, members, &expressed);
    used |= expressed ? NV_HAS(INFO) : 0;
    const struct nv_value *found = nv_members_get(members, NV_MEMBER_REASONING);
    if (err == NV_OK && found && found->type == NV_VALUE_STRING) {
        used |= NV_HAS(REASONING);
        err = nv_message_think(message, found->as.string);
    }
    const uint32_t before = message->calls.count;
    if (err == NV_OK)
        err = fill_calls(message, members);
    found = nv_members_get(members, NV_MEMBER_EXTRA);
    expressed = false;
    if (err == NV_OK && found)
        err = fill_extra(message, found, &expressed);
    used |= expressed ? NV_HAS(EXTRA) : 0;
    if (message->calls.count > before)
        nv_message_calls_listed(message, before);
    if (err == NV_OK && (members->mask & (NV_HAS(AUDIO) | NV_HAS(TRANSCRIPT))) != 0)
        err = nv_message_said(message, members, &used);
    if (err == NV_OK)
        err = nv_members_rest(message->state->arena, object, members, used, &message->rest);
    return err != NV_OK ? err : fill_content(message, members, depth);
}
