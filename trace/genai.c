/*
 * What spans of models, agents, tools, retrieval and embeddings say: the public functions that
 * are named for it, as attributes of OpenTelemetry's conventions for generative AI.
 *
 * Keys are those of semantic conventions 1.37 and later; where OpenTelemetry has none (tags,
 * chunks of a stream) those that the gateway's tables know. Setters take the
 * lock once for all that they set.
 *
 *   noveum_llm_usage(span, 120, 40)
 *        │ nv_trace_edit: handle ─▶ span, locked; NULL: ended, unsampled, off, unknown
 *        ├─▶ gen_ai.usage.input_tokens 120, gen_ai.usage.output_tokens 40
 *        │ nv_trace_span_unlock
 *
 * Every function has this shape. NULL is no mistake: a program is written once and runs with
 * tracing off as well, so nothing here complains of it, and a call then costs one look at the
 * handle. What is unknown is left out rather than told as empty or 0: a negative count and a
 * NULL text set nothing, because a 0 that nobody measured is a price of nothing further down.
 */
#include "trace/attributes.h"
#include "trace/span.h"
#include "trace/texts.h"
#include "trace/value.h"

#include <math.h>

#include "base/banned.h"

/* A member that names something (an id, a type) and goes out even when content is off. */
#define PLAIN(key, text)                                                                       \
    {                                                                                          \
        key, nv_str_from(text), NV_TRACE_PLAIN, 0                                              \
    }

static void set_text(struct nv_trace_span *span, const char *key, const char *value)
{
    noveum_attribute attribute = noveum_str(key, value);
    if (value)
        nv_trace_set(span, &attribute);
}

static void set_count(struct nv_trace_span *span, const char *key, int64_t value)
{
    noveum_attribute attribute = noveum_int(key, value);
    if (value >= 0)
        nv_trace_set(span, &attribute);
}

/* Content is what people wrote and models answered: OpenTelemetry wants it sent only when it
 * was asked for. */
static void set_content(struct nv_trace_span *span, const char *key, const char *value,
                        size_t length)
{
    noveum_attribute attribute = noveum_str(key, value);
    attribute.count = length;
    if (value && span->config->content)
        nv_trace_set(span, &attribute);
}

/* ---- any span ---------------------------------------------------------------------------- */

/* Under both keys: session.id is what OpenTelemetry has for sessions of users, and
 * gen_ai.conversation.id what its conventions for models have. Backends look for one of
 * them. */
void noveum_session(noveum_span span, const char *id)
{
    struct nv_trace_span *found = id ? nv_trace_edit(span) : NULL;
    if (!found)
        return;
    set_text(found, "session.id", id);
    set_text(found, "gen_ai.conversation.id", id);
    nv_trace_span_unlock(found);
}

void noveum_user(noveum_span span, const char *id)
{
    noveum_set_str(span, "user.id", id);
}

void noveum_tags(noveum_span span, const char *const *tags, size_t count)
{
    noveum_attribute attribute = {"tag.tags", NOVEUM_TYPE_STRS, count, {NULL}};
    attribute.value.strs = tags;
    noveum_set(span, &attribute, 1);
}

/* ---- models ------------------------------------------------------------------------------ */

void noveum_llm(noveum_span span, const char *provider, const char *model)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.provider.name", provider);
    set_text(found, "gen_ai.request.model", model);
    nv_trace_span_unlock(found);
}

/* A list by the convention, though one choice is all that these functions tell of. */
static void set_finish_reason(struct nv_trace_span *span, const char *reason)
{
    noveum_attribute attribute = {
        "gen_ai.response.finish_reasons", NOVEUM_TYPE_STRS, 1, {NULL}};
    attribute.value.strs = &reason;
    if (reason)
        nv_trace_set(span, &attribute);
}

void noveum_llm_response(noveum_span span, const char *id, const char *model,
                         const char *finish_reason)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.response.id", id);
    set_text(found, "gen_ai.response.model", model);
    set_finish_reason(found, finish_reason);
    nv_trace_span_unlock(found);
}

/* Both under one lock: a span that is ended between them would tell half a usage. */
static void set_counts(noveum_span span, const char *one, int64_t first, const char *two,
                       int64_t second)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_count(found, one, first);
    if (two)
        set_count(found, two, second);
    nv_trace_span_unlock(found);
}

void noveum_llm_usage(noveum_span span, int64_t input, int64_t output)
{
    set_counts(span, "gen_ai.usage.input_tokens", input, "gen_ai.usage.output_tokens", output);
}

void noveum_llm_usage_cached(noveum_span span, int64_t read, int64_t written)
{
    set_counts(span, "gen_ai.usage.cache_read.input_tokens", read,
               "gen_ai.usage.cache_creation.input_tokens", written);
}

void noveum_llm_usage_reasoning(noveum_span span, int64_t reasoning)
{
    set_counts(span, "gen_ai.usage.reasoning.output_tokens", reasoning, NULL, 0);
}

void noveum_llm_cost(noveum_span span, double amount, const char *currency)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    noveum_attribute attribute = noveum_double("gen_ai.usage.cost.amount", amount);
    /* a cost that is no number would spoil each sum that it goes into, here and in the
     * backend */
    if (isfinite(amount) && amount >= 0) {
        nv_trace_set(found, &attribute);
        set_text(found, "gen_ai.usage.cost.currency", currency ? currency : "USD");
    } else {
        nv_trace_add(NV_TRACE_COUNT_values_repaired, 1);
    }
    nv_trace_span_unlock(found);
}

void noveum_llm_tool(noveum_span span, const char *name, const char *description,
                     const char *parameters)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    const struct nv_trace_member members[] = {
        PLAIN("name", name),
        PLAIN("description", description),
        {"parameters", nv_str_from(parameters), NV_TRACE_JSON, 0},
    };
    nv_trace_item(found, NV_TRACE_TEXT_TOOLS, "function", members, 3);
    nv_trace_span_unlock(found);
}

/* ---- messages ---------------------------------------------------------------------------- */

/* The enum comes from the caller's side of an ABI, so it may hold anything; it is used as an
 * index below. */
static bool is_direction(noveum_direction direction)
{
    return direction == NOVEUM_INPUT || direction == NOVEUM_OUTPUT ||
           direction == NOVEUM_INSTRUCTIONS;
}

static void begin_message(struct nv_trace_span *span, noveum_direction direction,
                          const char *role)
{
    const char *usual = direction == NOVEUM_OUTPUT ? "assistant" : "user";
    if (is_direction(direction)) {
        nv_trace_message_begin(span, (enum nv_trace_text_kind)direction,
                               nv_str_from(role ? role : usual));
    } else {
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
    }
}

static void end_message(struct nv_trace_span *span, const char *finish_reason)
{
    bool output = span->message == NV_TRACE_TEXT_OUTPUT;
    nv_trace_message_end(span, nv_str_from(finish_reason));
    /* who told a reason by noveum_llm_response knows it better than a message does */
    if (output && finish_reason && !nv_trace_has(span, "gen_ai.response.finish_reasons"))
        set_finish_reason(span, finish_reason);
}

void noveum_message_begin(noveum_span span, noveum_direction direction, const char *role)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    begin_message(found, direction, role);
    nv_trace_span_unlock(found);
}

void noveum_message_end(noveum_span span, const char *finish_reason)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    end_message(found, finish_reason);
    nv_trace_span_unlock(found);
}

/* The three calls as one, under one lock: by far the most are of one text, and two threads that
 * tell messages of the same span can't interleave theirs. */
void noveum_message(noveum_span span, noveum_direction direction, const char *role,
                    const char *text, size_t length)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    const struct nv_trace_member content = {"content", nv_trace_text(text, length),
                                            NV_TRACE_CONTENT, 0};
    begin_message(found, direction, role);
    if (text)
        (void)nv_trace_part(found, "text", &content, 1);
    end_message(found, NULL);
    nv_trace_span_unlock(found);
}

/* A part without a message around it is a mistake of the program. It is counted and not
 * invented a message for: whose role would it have? */
static void put_part(noveum_span span, const char *type, const struct nv_trace_member *members,
                     size_t count)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    if (!nv_trace_part(found, type, members, count))
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
    nv_trace_span_unlock(found);
}

void noveum_part_text(noveum_span span, const char *text, size_t length)
{
    const struct nv_trace_member members[] = {
        {"content", nv_trace_text(text, length), NV_TRACE_CONTENT, 0}};
    put_part(span, "text", members, 1);
}

void noveum_part_reasoning(noveum_span span, const char *text, size_t length)
{
    const struct nv_trace_member members[] = {
        {"content", nv_trace_text(text, length), NV_TRACE_CONTENT, 0}};
    put_part(span, "reasoning", members, 1);
}

void noveum_part_tool_call(noveum_span span, const char *id, const char *name,
                           const char *arguments, size_t length)
{
    const struct nv_trace_member members[] = {
        PLAIN("id", id),
        PLAIN("name", name),
        {"arguments", nv_trace_text(arguments, length), NV_TRACE_JSON, 0},
    };
    put_part(span, "tool_call", members, 3);
}

void noveum_part_tool_result(noveum_span span, const char *id, const char *result,
                             size_t length)
{
    const struct nv_trace_member members[] = {
        PLAIN("id", id),
        {"response", nv_trace_text(result, length), NV_TRACE_JSON, 0},
    };
    put_part(span, "tool_call_response", members, 2);
}

void noveum_part_uri(noveum_span span, const char *modality, const char *mime_type,
                     const char *uri)
{
    const struct nv_trace_member members[] = {
        PLAIN("modality", modality),
        PLAIN("mime_type", mime_type),
        {"uri", nv_str_from(uri), NV_TRACE_CONTENT, 0},
    };
    put_part(span, "uri", members, 3);
}

void noveum_part_blob(noveum_span span, const char *modality, const char *mime_type,
                      const void *bytes, size_t length)
{
    const struct nv_trace_member members[] = {
        PLAIN("modality", modality),
        PLAIN("mime_type", mime_type),
        {"content", {bytes, bytes ? length : 0}, NV_TRACE_BYTES, 0},
    };
    put_part(span, "blob", members, 3);
}

/* ---- streams ----------------------------------------------------------------------------- */

/* Called for each chunk of a stream, so it only notes; the times become attributes when the
 * span is encoded. */
void noveum_chunk(noveum_span span, uint32_t tokens)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    uint64_t now = noveum_now();
    if (found->stream.first_ns == 0)
        found->stream.first_ns = now;
    found->stream.last_ns = now;
    found->stream.chunks++;
    found->stream.tokens += tokens;
    nv_trace_span_unlock(found);
}

void noveum_first_token_at(noveum_span span, uint64_t time_ns)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    found->stream.first_ns = time_ns > 0 ? time_ns : noveum_now();
    nv_trace_span_unlock(found);
}

void noveum_stream_abandoned(noveum_span span, const char *reason)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.response.status", "cancelled");
    set_finish_reason(found, reason ? reason : "cancelled");
    nv_trace_span_unlock(found);
}

/* ---- agents, tools, retrieval, embeddings ------------------------------------------------ */

void noveum_agent(noveum_span span, const char *id, const char *name, const char *description)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.agent.id", id);
    set_text(found, "gen_ai.agent.name", name);
    set_text(found, "gen_ai.agent.description", description);
    nv_trace_span_unlock(found);
}

void noveum_tool(noveum_span span, const char *name, const char *call_id, const char *type)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.tool.name", name);
    set_text(found, "gen_ai.tool.call.id", call_id);
    set_text(found, "gen_ai.tool.type", type);
    nv_trace_span_unlock(found);
}

/* NULL is looked at before the lock is taken: content that is off is passed as NULL by many. */
static void set_one_content(noveum_span span, const char *key, const char *text, size_t length)
{
    struct nv_trace_span *found = text ? nv_trace_edit(span) : NULL;
    if (!found)
        return;
    set_content(found, key, text, length);
    nv_trace_span_unlock(found);
}

void noveum_tool_arguments(noveum_span span, const char *arguments, size_t length)
{
    set_one_content(span, "gen_ai.tool.call.arguments", arguments, length);
}

void noveum_tool_result(noveum_span span, const char *result, size_t length)
{
    set_one_content(span, "gen_ai.tool.call.result", result, length);
}

void noveum_retrieval(noveum_span span, const char *source, const char *query, int64_t top_k)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.data_source.id", source);
    set_content(found, "gen_ai.retrieval.query.text", query, NOVEUM_NUL);
    if (top_k > 0)
        set_count(found, "gen_ai.retrieval.top_k", top_k);
    nv_trace_span_unlock(found);
}

void noveum_document(noveum_span span, const char *id, double score, const char *content,
                     size_t length)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    const struct nv_trace_member members[] = {
        PLAIN("id", id),
        /* JSON has no NaN; as a plain text of NULL the member is left out */
        {"score", {NULL, 0}, isfinite(score) ? NV_TRACE_NUMBER : NV_TRACE_PLAIN, score},
        {"content", nv_trace_text(content, length), NV_TRACE_CONTENT, 0},
    };
    nv_trace_item(found, NV_TRACE_TEXT_DOCUMENTS, NULL, members, 3);
    nv_trace_span_unlock(found);
}

void noveum_embedding(noveum_span span, const char *provider, const char *model,
                      int64_t dimensions)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    set_text(found, "gen_ai.provider.name", provider);
    set_text(found, "gen_ai.request.model", model);
    if (dimensions > 0)
        set_count(found, "gen_ai.embeddings.dimension.count", dimensions);
    nv_trace_span_unlock(found);
}

void noveum_workflow(noveum_span span, const char *name)
{
    noveum_set_str(span, "gen_ai.workflow.name", name);
}
