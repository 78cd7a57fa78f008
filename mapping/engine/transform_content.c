/*
 * Steps on messages, tools and documents, and what is derived from their canonical forms.
 *
 * The shapes themselves are read elsewhere (messages.h, tools.h, documents.h); here is what
 * a row makes of them, and whether the source may be left out afterwards: not when the
 * normaliser says that the source held more than messages, or ended too early.
 *
 *   source ─▶ normaliser ─▶ canonical list ─▶ field
 *                  │ partial, truncated, an object around it
 *                  └─▶ exact = false: the source goes out as well
 */
#include "mapping/engine/transform_steps.h"

#include "mapping/content/documents.h"
#include "mapping/content/evaluations.h"
#include "mapping/content/failure.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages.h"
#include "mapping/content/said_messages.h"
#include "mapping/content/tools.h"
#include "mapping/content/wrappers.h"
#include "model/absent.h"

#include <assert.h>

#include "base/banned.h"

/* ---- messages, tools, documents ---------------------------------------------------------- */

/* A request or response around the messages says more than they do. */
static bool is_object(const struct nv_value *value)
{
    if (value->type != NV_VALUE_STRING && value->type != NV_VALUE_JSON)
        return value->type == NV_VALUE_MAP;
    struct nv_str text = nv_str_trim(value->as.string);
    return text.len > 0 && text.ptr[0] == '{';
}

/* Text, or a list of messages (objects or texts): what a canonical list can say whole. */
static bool is_list(const struct nv_value *value)
{
    if (value->type != NV_VALUE_ARRAY) {
        return value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON ||
               value->type == NV_VALUE_MAP;
    }
    for (uint32_t i = 0; i < value->as.array.count; i++) {
        if (value->as.array.items[i].type != NV_VALUE_MAP &&
            value->as.array.items[i].type != NV_VALUE_STRING)
            return false;
    }
    return true;
}

/* Is there more than one empty message? `[{role, parts: []}]` is kept as it was. */
static bool says_something(const struct nv_value *list)
{
    if (list->as.array.count != 1 || list->as.array.items[0].type != NV_VALUE_MAP)
        return true;
    const struct nv_value *message = &list->as.array.items[0];
    const struct nv_value *content = nv_map_get(message, NV_STR("content"));
    bool empty = content && content->type == NV_VALUE_STRING && content->as.string.len == 0;
    return !empty || message->as.map.count > 2;
}

/* What an object around an answer says of a failure. Its text is parsed once more for that, but
 * only when it holds such words. */
static enum nv_err note_failure(const struct nv_transform *transform,
                                const struct nv_value *answer)
{
    struct nv_value parsed;
    bool text = answer->type == NV_VALUE_STRING || answer->type == NV_VALUE_JSON;
    if (text && !nv_failure_may(answer->as.string))
        return NV_OK;
    enum nv_err err =
        nv_json_text_parse(transform->arena, answer, NV_JSON_TEXT_LEVELS, NULL, &parsed);
    const struct nv_failure failure =
        err == NV_OK ? nv_failure_of(&parsed) : (struct nv_failure){.failed = false};
    if (failure.failed)
        *transform->answer = failure;
    return err;
}

/* A list of messages shorter than this has little that another one could repeat. */
#define SAID_LEN_MIN 512u

/* What other spans of the trace said; NULL where that is not kept. Without memory it is not. */
static struct nv_said_messages *said_messages(const struct nv_transform *transform,
                                              const struct nv_value *value)
{
    struct nv_said_messages **said = transform->said;
    const bool text = value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON;
    if (!said || !text || value->as.string.len < SAID_LEN_MIN)
        return NULL;
    if (!*said) {
        *said = nv_arena_raw(transform->arena, sizeof **said);
        if (*said)
            memset(*said, 0, offsetof(struct nv_said_messages, messages));
    }
    return *said;
}

enum nv_err nv_step_messages(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    struct nv_messages messages;
    bool object = is_object(&io->value);
    bool wrapped = object || !is_list(&io->value);
    enum nv_messages_direction direction =
        nv_str_eq(step->argument, NV_STR("output")) ? NV_MESSAGES_OUTPUT : NV_MESSAGES_INPUT;
    enum nv_err err = NV_OK;
    if (object && direction == NV_MESSAGES_OUTPUT && transform->answer)
        err = note_failure(transform, &io->value);
    if (err != NV_OK)
        return err;
    err = nv_messages_normalise_again(transform->arena, said_messages(transform, &io->value),
                                      &io->value, direction, &messages);
    if (err != NV_OK)
        return err;
    io->exact = io->exact && !wrapped && !messages.partial && !messages.truncated &&
                says_something(&messages.list);
    if (messages.list.as.array.count == 0) {
        if (messages.failure && transform->failure)
            *transform->failure = messages.failure;
        return nv_step_absent(io);
    }
    return nv_step_give(io, messages.list);
}

/* Every part of instructions is an object with a text: then the text alone says all of it. */
static bool plain_parts(const struct nv_value *value)
{
    if (value->type != NV_VALUE_ARRAY)
        return false;
    for (uint32_t i = 0; i < value->as.array.count; i++) {
        const struct nv_value *part = &value->as.array.items[i];
        if (part->type != NV_VALUE_MAP || part->as.map.count != 2 ||
            !nv_map_get(part, NV_STR("type")))
            return false;
    }
    return true;
}

enum nv_err nv_step_instructions(const struct nv_transform *transform,
                                 const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    struct nv_str text;
    /* the parse below replaces the value; whether the text is the whole of it is asked of the
     * first */
    struct nv_value source = io->value;
    enum nv_err err = nv_messages_instructions_text(transform->arena, &io->value, &text);
    if (err != NV_OK)
        return err;
    if (text.len == 0)
        return nv_step_absent(io);
    bool same = source.type == NV_VALUE_STRING && nv_str_eq(source.as.string, text);
    if (!same) {
        err = nv_step_parse(transform, NV_REPR_DATA, io);
        if (err != NV_OK)
            return err;
        io->exact = io->exact && plain_parts(&io->value);
    }
    return nv_step_give(io, nv_value_string(text));
}

enum nv_err nv_step_output_text(const struct nv_transform *transform,
                                const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    struct nv_str text;
    io->exact = false;
    enum nv_err err = nv_messages_output_text(transform->arena, &io->value, &text);
    if (err != NV_OK)
        return err;
    /* a model that only calls tools answers with an empty text: an answer, and not none */
    if (text.len == 0) {
        struct nv_value calls;
        err = nv_messages_tool_calls(transform->arena, &io->value, &calls);
        if (err != NV_OK || calls.type == NV_VALUE_NULL)
            return err != NV_OK ? err : nv_step_absent(io);
    }
    return nv_step_give(io, nv_value_string(text.ptr ? text : NV_STR("")));
}

enum nv_err nv_step_tool_calls(const struct nv_transform *transform, const struct nv_step *step,
                               struct nv_transformed *io)
{
    (void)step;
    struct nv_value calls;
    io->exact = false;
    enum nv_err err = nv_messages_tool_calls(transform->arena, &io->value, &calls);
    if (err != NV_OK)
        return err;
    return calls.type != NV_VALUE_NULL ? nv_step_give(io, calls) : nv_step_absent(io);
}

enum nv_err nv_step_finish_reason(const struct nv_transform *transform,
                                  const struct nv_step *step, struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    io->exact = false;
    struct nv_str reason = nv_messages_finish_reason(&io->value);
    return reason.len > 0 ? nv_step_give(io, nv_value_string(reason)) : nv_step_absent(io);
}

enum nv_err nv_step_system_text(const struct nv_transform *transform,
                                const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    struct nv_str text;
    io->exact = false;
    enum nv_err err = nv_messages_system_text(transform->arena, &io->value, &text);
    if (err != NV_OK)
        return err;
    return text.len > 0 ? nv_step_give(io, nv_value_string(text)) : nv_step_absent(io);
}

enum nv_err nv_step_tools(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)step;
    struct nv_value tools;
    bool partial;
    enum nv_err err = nv_tools_normalise(transform->arena, &io->value, &tools, &partial);
    if (err != NV_OK)
        return err;
    io->exact = io->exact && !partial;
    return tools.as.array.count > 0 ? nv_step_give(io, tools) : nv_step_absent(io);
}

enum nv_err nv_step_calls(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)step;
    struct nv_value calls;
    io->exact = io->exact && !is_object(&io->value);
    enum nv_err err = nv_tool_calls_normalise(transform->arena, &io->value, &calls);
    if (err != NV_OK)
        return err;
    return calls.as.array.count > 0 ? nv_step_give(io, calls) : nv_step_absent(io);
}

enum nv_err nv_step_documents(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    struct nv_documents documents;
    bool wrapped = is_object(&io->value);
    enum nv_err err = nv_documents_normalise(transform->arena, &io->value, &documents);
    if (err != NV_OK)
        return err;
    io->exact = io->exact && !wrapped && !documents.partial;
    return documents.list.as.array.count > 0 ? nv_step_give(io, documents.list)
                                             : nv_step_absent(io);
}

/* ---- wrappers ---------------------------------------------------------------------------- */

/* May something be around the value? Most is plain text or a number. */
static bool may_be_wrapped(const struct nv_value *value)
{
    if (value->type == NV_VALUE_MAP || value->type == NV_VALUE_ARRAY)
        return true;
    if (value->type != NV_VALUE_STRING && value->type != NV_VALUE_JSON)
        return false;
    struct nv_str text = nv_str_trim(value->as.string);
    return text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '[' || text.ptr[0] == '"' ||
                            nv_str_starts(text, NV_STR("content=")));
}

enum nv_err nv_step_unwrap(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    /* one function for four steps, since they differ in what may stand around the value and in
     * no more */
    nv_unwrap_fn *const unwrap = step->op == NV_STEP_QUERY       ? nv_unwrap_query
                                 : step->op == NV_STEP_TEXTS     ? nv_unwrap_texts
                                 : step->op == NV_STEP_ARGUMENTS ? nv_unwrap_arguments
                                                                 : nv_unwrap_result;
    struct nv_value inner;
    if (!may_be_wrapped(&io->value))
        return NV_OK;
    enum nv_err err = NV_OK;
    /* what is around a tool's result may say that it is an error */
    if (step->op == NV_STEP_RESULT && transform->answer)
        err = note_failure(transform, &io->value);
    if (err == NV_OK)
        err = unwrap(transform->arena, &io->value, &inner);
    if (err != NV_OK)
        return err;
    io->exact = io->exact && nv_value_eq(&inner, &io->value);
    return nv_value_empty(&inner) ? nv_step_absent(io) : nv_step_give(io, inner);
}

enum nv_err nv_step_evaluations(const struct nv_transform *transform,
                                const struct nv_step *step, struct nv_transformed *io)
{
    struct nv_evaluations evaluations = {0};
    const enum nv_evaluations_form form =
        nv_str_eq(step->argument, NV_STR("named")) ? NV_EVALUATIONS_NAMED : NV_EVALUATIONS_LIST;
    io->exact = false;
    enum nv_err err = nv_evaluations_add(&evaluations, transform->arena, &io->value, form);
    if (err != NV_OK || evaluations.count == 0)
        return err != NV_OK ? err : nv_step_absent(io);
    return nv_evaluations_list(&evaluations, transform->arena, &io->value);
}
