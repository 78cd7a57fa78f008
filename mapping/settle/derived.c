/*
 * What agents and the root took and gave, when they do not say it themselves.
 *
 *   first model call below ─▶ its last user message ─▶ agent.input,  chain.inputs
 *   last model call below  ─▶ its answer            ─▶ agent.output, chain.output.outputs
 *
 * A root that is neither agent nor chain is of no kind, or of one of its own; what it lacks
 * goes to the trace, so that no kind changes. Every derived key is named in
 * noveum.gateway.derived beside it. The texts are views of the calls' own, cut, and are masked
 * as those are.
 */
#include "mapping/settle/settle.h"

#include "base/text/utf8.h"

#include "base/banned.h"

/* Bytes of a derived text: enough to tell what it was about. The whole stands at the call. */
#define TEXT_MAX 4096u
/* A text is rather cut before a word than in it, as half a secret would not be known as one. */
#define WORD_MAX 512u

static struct nv_str cut(struct nv_str text)
{
    text = nv_str_trim(text);
    size_t len = nv_utf8_cut(text, TEXT_MAX);
    if (len == text.len)
        return text;
    for (size_t back = 0; back < WORD_MAX && back < len; back++) {
        char c = text.ptr[len - back];
        if (c == ' ' || c == '\n' || c == '\t')
            return nv_str_slice(text, 0, len - back);
    }
    return nv_str_slice(text, 0, len);
}

static struct nv_str string_of(const struct nv_value *value)
{
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

/* The text of a message: its content, or the last text among its parts. */
static struct nv_str text_of_message(const struct nv_value *message)
{
    const struct nv_value *content = nv_map_get(message, NV_STR("content"));
    struct nv_str text = string_of(content);
    if (text.len > 0 || !content || content->type != NV_VALUE_ARRAY)
        return text;
    for (uint32_t i = content->as.array.count; text.len == 0 && i-- > 0;) {
        const struct nv_value *part = &content->as.array.items[i];
        if (part->type == NV_VALUE_MAP)
            text = string_of(nv_map_get(part, NV_STR("text")));
    }
    return text;
}

/* What a call was asked last by the user. */
static struct nv_str asked(const struct nv_span_work *call)
{
    const struct nv_value *messages = nv_work_get(call, NV_FIELD_INPUT_MESSAGES);
    struct nv_str text = NV_STR("");
    if (!messages || messages->type != NV_VALUE_ARRAY)
        return text;
    for (uint32_t i = messages->as.array.count; text.len == 0 && i-- > 0;) {
        const struct nv_value *message = &messages->as.array.items[i];
        if (message->type == NV_VALUE_MAP &&
            nv_str_eq(string_of(nv_map_get(message, NV_STR("role"))), NV_STR("user")))
            text = text_of_message(message);
    }
    return cut(text);
}

static struct nv_str answered(const struct nv_span_work *call)
{
    return cut(string_of(nv_work_get(call, NV_FIELD_OUTPUT_RESPONSE)));
}

/* Where a derived text goes: a field of the span, or an attribute of the trace. */
struct target {
    bool on_trace;
    enum nv_known_field input, output;
};

/* Kinds that say themselves what they took and gave, and are nothing around model calls. */
#define TELLING_KINDS                                                                          \
    (NV_KIND_BIT(NV_KIND_LLM) | NV_KIND_BIT(NV_KIND_TOOL) | NV_KIND_BIT(NV_KIND_MCP) |         \
     NV_KIND_BIT(NV_KIND_RETRIEVAL) | NV_KIND_BIT(NV_KIND_EMBEDDING) |                         \
     NV_KIND_BIT(NV_KIND_RERANK) | NV_KIND_BIT(NV_KIND_STT) | NV_KIND_BIT(NV_KIND_TTS))

static struct target target_of(const struct nv_span_work *work)
{
    if (work->kind == NV_KIND_CHAIN)
        return (struct target){false, NV_FIELD_CHAIN_INPUTS, NV_FIELD_CHAIN_OUTPUTS};
    return (struct target){work->kind != NV_KIND_AGENT, NV_FIELD_AGENT_INPUT,
                           NV_FIELD_AGENT_OUTPUT};
}

static enum nv_err put(struct nv_translation *t, struct nv_span_work *work,
                       const struct target *target, enum nv_known_field field,
                       struct nv_str text)
{
    if (!target->on_trace)
        return nv_work_set(t, work, field, nv_value_string(text));
    return nv_attributes_add(&t->trace->attributes, t->arena, t->rules->fields[field].name,
                             nv_value_string(text));
}

static enum nv_err name_derived(struct nv_translation *t, struct nv_span_work *work,
                                const struct target *target, bool input, bool output)
{
    struct nv_value names = {.type = NV_VALUE_ARRAY};
    struct nv_attributes *list =
        target->on_trace ? &t->trace->attributes : &work->span->attributes;
    names.as.array.items = nv_arena_array(t->arena, 2, sizeof(struct nv_value));
    if (!names.as.array.items)
        return NV_ERR_NO_MEMORY;
    if (input) {
        names.as.array.items[names.as.array.count++] =
            nv_value_string(t->rules->fields[target->input].name);
    }
    if (output) {
        names.as.array.items[names.as.array.count++] =
            nv_value_string(t->rules->fields[target->output].name);
    }
    return nv_attributes_add(list, t->arena, NV_STR("noveum.gateway.derived"), names);
}

/* A span may say it in the words of a call, too: a call that stepped back. */
static bool lacks(const struct nv_span_work *work, enum nv_known_field field,
                  enum nv_known_field of_call)
{
    return !nv_work_get(work, field) && !nv_work_get(work, of_call);
}

enum nv_err nv_derived_settle(struct nv_translation *t, struct nv_span_work *work,
                              uint32_t first_call, uint32_t last_call)
{
    const struct target target = target_of(work);
    if (NV_KIND_BIT(work->kind) & TELLING_KINDS)
        return NV_OK;
    struct nv_str input = lacks(work, target.input, NV_FIELD_INPUT_MESSAGES)
                              ? asked(&t->works[first_call])
                              : NV_STR("");
    struct nv_str output = lacks(work, target.output, NV_FIELD_OUTPUT_RESPONSE)
                               ? answered(&t->works[last_call])
                               : NV_STR("");
    enum nv_err err = NV_OK;
    if (input.len > 0)
        err = put(t, work, &target, target.input, input);
    if (err == NV_OK && output.len > 0)
        err = put(t, work, &target, target.output, output);
    if (err == NV_OK && (input.len > 0 || output.len > 0))
        err = name_derived(t, work, &target, input.len > 0, output.len > 0);
    return err;
}
