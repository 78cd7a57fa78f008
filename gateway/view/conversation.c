/*
 * Question and answer, from messages in the one form that translation gives them.
 *
 *   model call ▸ llm.input.messages ▸ last user text      first call that has one
 *              ▸ llm.output.response                      last call that has one
 *   root       ▸ agent.input, chain.inputs, tool.input    where no call told
 *
 * A trace that is on its way holds messages as JSON text, one that was stored as a list; both
 * are read.
 */
#include "gateway/view/conversation.h"

#include "gateway/view/terminal_facts.h"

#include "base/banned.h"

/* Of a text among arguments so much is written: more than a line shows. */
#define TEXT_MAX 2000

static struct nv_str text_member(const struct nv_value *part)
{
    static const char *const keys[] = {"text", "content"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct nv_str text = nv_string_of(nv_map_get(part, nv_str_from(keys[i])));
        if (text.len > 0)
            return text;
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
        struct nv_str text =
            part->type == NV_VALUE_MAP ? text_member(part) : nv_string_of(part);
        if (text.len > 0)
            return text;
    }
    return NV_STR("");
}

/*
 * The text of the last message of `role`. Backwards: a message is sent again with every turn,
 * and the last one is what was asked here.
 */
static struct nv_str last_text(const struct nv_value *messages, struct nv_str role)
{
    if (!messages || messages->type != NV_VALUE_ARRAY)
        return NV_STR("");
    for (uint32_t i = messages->as.array.count; i > 0; i--) {
        const struct nv_value *message = &messages->as.array.items[i - 1];
        if (message->type != NV_VALUE_MAP)
            continue;
        if (!nv_str_eq(nv_string_of(nv_map_get(message, NV_STR("role"))), role))
            continue;
        struct nv_str text = content_text(nv_map_get(message, NV_STR("content")));
        if (text.len > 0)
            return text;
    }
    return NV_STR("");
}

/* A text as it is; of messages, also as JSON text, the last of `role`. */
static struct nv_str text_in(const struct nv_value *value, struct nv_str role,
                             struct nv_arena *arena)
{
    struct nv_value read;
    if (!value)
        return NV_STR("");
    if (value->type == NV_VALUE_STRING)
        return nv_str_trim(value->as.string);
    if (value->type == NV_VALUE_JSON) {
        if (nv_value_from_json(arena, value->as.string, NULL, &read) != NV_OK)
            return NV_STR("");
        value = &read;
    }
    return nv_str_trim(last_text(value, role));
}

/* Arguments are JSON text in most conventions, a value in others. */
static void append_value(const struct nv_value *value, struct nv_buf *out)
{
    struct nv_json_writer json;
    if (value && value->type == NV_VALUE_STRING) {
        (void)nv_buf_append_str(out, value->as.string);
        return;
    }
    nv_json_write_init(&json, out);
    json.text_max = TEXT_MAX;
    if (value && value->type != NV_VALUE_NULL)
        nv_value_write(&json, value);
}

static void append_call(const struct nv_value *call, struct nv_buf *out)
{
    const struct nv_value *function =
        call->type == NV_VALUE_MAP ? nv_map_get(call, NV_STR("function")) : NULL;
    const struct nv_value *name = function && function->type == NV_VALUE_MAP
                                      ? nv_map_get(function, NV_STR("name"))
                                      : NULL;
    if (!name || name->type != NV_VALUE_STRING) {
        append_value(call, out);
        return;
    }
    (void)nv_buf_append_str(out, name->as.string);
    (void)nv_buf_append_char(out, '(');
    append_value(nv_map_get(function, NV_STR("arguments")), out);
    (void)nv_buf_append_char(out, ')');
}

void nv_conversation_calls(const struct nv_value *calls, struct nv_arena *arena,
                           struct nv_buf *out)
{
    struct nv_value read;
    if (calls->type == NV_VALUE_JSON) {
        if (nv_value_from_json(arena, calls->as.string, NULL, &read) != NV_OK)
            return;
        calls = &read;
    }
    if (calls->type != NV_VALUE_ARRAY)
        return;
    for (uint32_t i = 0; i < calls->as.array.count && out->failed == NV_OK; i++) {
        (void)nv_buf_append_str(out, i > 0 ? NV_STR(", ") : NV_STR(""));
        append_call(&calls->as.array.items[i], out);
    }
}

/*
 * The first question and the last answer: what stands between them is the agent's own talk
 * with its models.
 */
void nv_conversation_add(struct nv_conversation *talk, struct nv_arena *arena,
                         const struct nv_attributes *call)
{
    if (talk->question.len == 0) {
        const struct nv_value *messages = nv_attributes_get(call, NV_STR("llm.input.messages"));
        if (messages && messages->type != NV_VALUE_STRING)
            talk->question = text_in(messages, NV_STR("user"), arena);
    }
    struct nv_str answer = text_in(nv_attributes_get(call, NV_STR("llm.output.response")),
                                   NV_STR("assistant"), arena);
    if (answer.len > 0)
        talk->answer = answer;
}

void nv_conversation_end(struct nv_conversation *talk, struct nv_arena *arena,
                         const struct nv_attributes *root)
{
    static const char *const asked[] = {"agent.input", "chain.inputs", "tool.input"};
    static const char *const answered[] = {"agent.output", "chain.output.outputs",
                                           "tool.output"};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        if (talk->question.len == 0) {
            talk->question =
                text_in(nv_attributes_get(root, nv_str_from(asked[i])), NV_STR("user"), arena);
        }
        if (talk->answer.len == 0) {
            talk->answer = text_in(nv_attributes_get(root, nv_str_from(answered[i])),
                                   NV_STR("assistant"), arena);
        }
    }
}

void nv_conversation_read(struct nv_conversation *talk, struct nv_arena *arena,
                          const struct nv_trace *trace)
{
    *talk = (struct nv_conversation){0};
    for (uint32_t i = 0; i < trace->span_count; i++) {
        struct nv_span_facts facts;
        nv_span_facts_read(&trace->spans[i], &facts);
        if (strcmp(facts.kind, "llm") == 0)
            nv_conversation_add(talk, arena, &trace->spans[i].attributes);
    }
    if (trace->span_count > 0)
        nv_conversation_end(talk, arena, &trace->spans[0].attributes);
}
