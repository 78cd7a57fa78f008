/*
 * How a span ended: status, its message and the exception, from four places.
 *
 *   OTLP status ─▶ ok | error | timeout           rows may set it too (span.status): error, which
 *                                                 OTLP's OK does not undo, or error_if_unset
 *   what the model's answer says of itself ─▶ error, where OTLP's status is unset
 *   exception events or log records, the last one ─┬─▶ exception {type, message, stack_trace},
 *   attributes exception.*, error.* ───────────────┘   exception.* fields
 *
 * `error` is `timeout` where the error's type says so; everything else is `ok`, the backend
 * knows nothing more (docs/noveum-backend.md#traces). A tool's result that says it failed goes
 * before OTLP's OK, which only says that the call itself went well. The last exception
 * event counts, because it is the one that left the span. Attributes fill what the event does
 * not say.
 */
#include "mapping/settle/settle.h"

#include "mapping/content/failure.h"

#include <assert.h>

#include "base/banned.h"

/* Text of an attribute; empty when there is none. */
static struct nv_str text_of(const struct nv_attributes *attributes, struct nv_str key)
{
    const struct nv_value *value = nv_attributes_get(attributes, key);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static struct nv_str field_text(const struct nv_span_work *work, enum nv_known_field field)
{
    const struct nv_value *value = nv_work_get(work, field);
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static struct nv_str first_of(struct nv_str a, struct nv_str b)
{
    return a.len > 0 ? a : b;
}

/* `exception`, or what it was thrown by: `gen_ai.client.operation.exception`. */
static bool is_exception(struct nv_str name)
{
    return nv_str_eq(name, NV_STR("exception")) || nv_str_ends(name, NV_STR(".exception"));
}

/* The last exception's attributes, of the events or else of the log records; NULL: none. */
static const struct nv_attributes *last_exception(const struct nv_span_work *work)
{
    const struct nv_span *span = work->span;
    for (uint32_t i = span->event_count; i-- > 0;) {
        if (is_exception(span->events[i].name))
            return &span->events[i].attributes;
    }
    for (uint32_t i = work->log_count; i-- > 0;) {
        if (is_exception(work->logs[i].event_name))
            return &work->logs[i].attributes;
    }
    return NULL;
}

static void gather_exception(struct nv_span_work *work)
{
    struct nv_span *span = work->span;
    const struct nv_attributes *thrown = last_exception(work);
    if (thrown) {
        span->exception_type = text_of(thrown, NV_STR("exception.type"));
        span->exception_message = text_of(thrown, NV_STR("exception.message"));
        span->exception_stacktrace = text_of(thrown, NV_STR("exception.stacktrace"));
    }
    span->exception_type =
        first_of(span->exception_type, field_text(work, NV_FIELD_EXCEPTION_TYPE));
    span->exception_message =
        first_of(span->exception_message, field_text(work, NV_FIELD_EXCEPTION_MESSAGE));
    span->exception_stacktrace =
        first_of(span->exception_stacktrace, field_text(work, NV_FIELD_EXCEPTION_STACKTRACE));
    if (span->status != NV_STATUS_OK) {
        span->exception_type =
            first_of(span->exception_type, field_text(work, NV_FIELD_ERROR_TYPE));
        span->exception_message =
            first_of(span->exception_message, first_of(field_text(work, NV_FIELD_ERROR_MESSAGE),
                                                       span->source_status_message));
    }
    span->has_exception =
        span->exception_type.len > 0 || (thrown && span->exception_message.len > 0);
}

/* Sets a text field unless the span has it, or there is nothing to say. */
static enum nv_err fill(struct nv_translation *t, struct nv_span_work *work,
                        enum nv_known_field field, struct nv_str text)
{
    if (text.len == 0 || nv_work_get(work, field))
        return NV_OK;
    return nv_work_set(t, work, field, nv_value_string(text));
}

static bool is_timeout(struct nv_str type)
{
    return nv_glob_any(
        NV_STR("timeout,*Timeout,*TimeoutError,*TimeoutException,*DeadlineExceeded"), type);
}

/* What the answer of a tool or a model says of itself. */
static struct nv_failure failure_of(const struct nv_span_work *work)
{
    const struct nv_value *output = nv_work_get(work, NV_FIELD_TOOL_OUTPUT);
    struct nv_failure failure = {false, NV_STR("")};
    if (output && (output->type == NV_VALUE_MAP || output->type == NV_VALUE_ARRAY))
        failure = nv_failure_of(output);
    return failure.failed ? failure : work->answer;
}

/* Did it fail? Rows have set the status where a value says so whatever OTLP's is. */
static void settle_failure(struct nv_span_work *work)
{
    struct nv_span *span = work->span;
    const bool tool = work->kind == NV_KIND_TOOL || work->kind == NV_KIND_MCP;
    const bool asked = tool || work->kind == NV_KIND_LLM;
    const bool unset = span->status_code == NV_STATUS_CODE_UNSET;
    if (asked)
        work->answer = failure_of(work);
    if (span->status_code == NV_STATUS_CODE_ERROR ||
        (asked && work->answer.failed && (tool || unset)) || (unset && work->fails_if_unset))
        span->status = NV_STATUS_ERROR;
}

static void settle_status(struct nv_span_work *work)
{
    struct nv_span *span = work->span;
    if (span->status == NV_STATUS_ERROR && is_timeout(span->exception_type))
        span->status = NV_STATUS_TIMEOUT;
    if (span->status == NV_STATUS_OK) {
        span->status_message = (struct nv_str){NULL, 0};
        return;
    }
    struct nv_str message = first_of(span->status_message, span->source_status_message);
    message = first_of(message, span->exception_message);
    message = first_of(message, field_text(work, NV_FIELD_ERROR_MESSAGE));
    message = first_of(message, work->answer.message);
    span->status_message = message.len > 0 ? message : (struct nv_str){NULL, 0};
}

enum nv_err nv_outcome_settle(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_span *span = work->span;
    settle_failure(work);
    gather_exception(work);
    settle_status(work);
    enum nv_err err = NV_OK;
    if (span->has_exception) {
        err = fill(t, work, NV_FIELD_EXCEPTION_TYPE, span->exception_type);
        if (err == NV_OK)
            err = fill(t, work, NV_FIELD_EXCEPTION_MESSAGE, span->exception_message);
    }
    if (span->name.len == 0) {
        span->name = span->source_name.len > 0    ? span->source_name
                     : work->kind != NV_KIND_NONE ? nv_kind_name(work->kind)
                                                  : NV_STR("span");
    }
    return err != NV_OK ? err : nv_times_tell(t, work);
}
