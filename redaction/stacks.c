/*
 * Where a trace has stack traces: the exception of a span, and texts under keys that say so, of
 * a span and of its events. Such a key is looked for by its end in every list, as conventions
 * put something before it (`exception.stacktrace`, `litellm.provider.error.stack_trace`).
 */
#include "redaction/stacks.h"

#include "redaction/stack_text.h"

#include "base/banned.h"

struct pass {
    enum nv_stack_traces mode;
    struct nv_arena *arena;
    struct nv_redacted *redacted;
    struct nv_str own; /* the stack trace that the span's exception is sent with */
};

/* ---- keys -------------------------------------------------------------------------------- */

static bool ends_in_one(struct nv_str key, const struct nv_str *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nv_str_ends(key, ends[i]))
            return true;
    }
    return false;
}

/* Nearly every key is done with its last two letters: of trace, stack, back or message. */
static bool may_be_key(struct nv_str key)
{
    if (key.len < sizeof "backtrace" - 1)
        return false;
    char before = key.ptr[key.len - 2], last = key.ptr[key.len - 1];
    return (last == 'e' && (before == 'c' || before == 'g')) || (last == 'k' && before == 'c');
}

static bool is_stack_key(struct nv_str key)
{
    static const struct nv_str ends[] = {
        NV_STR_INIT("stacktrace"),     NV_STR_INIT("stack_trace"), NV_STR_INIT("stackTrace"),
        NV_STR_INIT("traceback"),      NV_STR_INIT("backtrace"),   NV_STR_INIT("error.stack"),
        NV_STR_INIT("exception.stack")};
    return ends_in_one(key, ends, sizeof ends / sizeof *ends);
}

static bool is_message_key(struct nv_str key)
{
    static const struct nv_str ends[] = {NV_STR_INIT("exception.message"),
                                         NV_STR_INIT("error.message")};
    return ends_in_one(key, ends, sizeof ends / sizeof *ends);
}

/* ---- texts ------------------------------------------------------------------------------- */

static void note(const struct pass *pass, const char *place, struct nv_str key)
{
    const struct nv_text_place at = {.name = place, .key = key};
    nv_redacted_note(pass->redacted, NV_RULE_STACK_TRACE, &at, 1);
}

static enum nv_err cut(const struct pass *pass, const char *place, struct nv_str key,
                       struct nv_str *text)
{
    size_t before = text->len;
    enum nv_err err = nv_stack_cut(pass->arena, text);
    if (text->len != before)
        note(pass, place, key);
    return err;
}

static enum nv_err strip(const struct pass *pass, const char *place, struct nv_str key,
                         struct nv_str *text)
{
    size_t before = text->len;
    if (pass->mode != NV_STACK_TRACES_OFF || text->len == 0)
        return NV_OK;
    enum nv_err err = nv_stack_strip(pass->arena, text);
    if (text->len != before)
        note(pass, place, key);
    return err;
}

/* ---- lists ------------------------------------------------------------------------------- */

/* Does the list lose this one? */
static bool is_left_out(const struct pass *pass, const char *place,
                        const struct nv_attribute *attribute)
{
    if (nv_str_eq(attribute->value.as.string, pass->own) && pass->own.len > 0)
        return true;
    if (pass->mode == NV_STACK_TRACES_LAST)
        return false;
    note(pass, place, attribute->key);
    return true;
}

/* A text whose key may be one; *keep: the list goes on holding it. */
static enum nv_err apply_to_text(const struct pass *pass, const char *place,
                                 struct nv_attribute *attribute, bool *keep)
{
    *keep = true;
    if (is_message_key(attribute->key))
        return strip(pass, place, attribute->key, &attribute->value.as.string);
    if (!is_stack_key(attribute->key))
        return NV_OK;
    *keep = !is_left_out(pass, place, attribute);
    return *keep ? cut(pass, place, attribute->key, &attribute->value.as.string) : NV_OK;
}

static enum nv_err apply_to_list(const struct pass *pass, const char *place,
                                 struct nv_attributes *list)
{
    enum nv_err err = NV_OK;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct nv_attribute *item = &list->items[i];
        bool keep = true;
        if (err == NV_OK && item->value.type == NV_VALUE_STRING && may_be_key(item->key))
            err = apply_to_text(pass, place, item, &keep);
        if (keep && kept != i)
            list->items[kept] = *item;
        kept += keep ? 1 : 0;
    }
    list->count = kept;
    return err;
}

/* ---- spans ------------------------------------------------------------------------------- */

static enum nv_err apply_to_exception(const struct pass *pass, struct nv_span *span)
{
    static const struct nv_str no_key = {0};
    enum nv_err err = strip(pass, "span.exception.message", no_key, &span->exception_message);
    if (err == NV_OK)
        err = strip(pass, "span.status_message", no_key, &span->status_message);
    if (err == NV_OK)
        err = strip(pass, "span.otel.status.message", no_key, &span->source_status_message);
    if (err != NV_OK || span->exception_stacktrace.len == 0)
        return err;
    if (pass->mode != NV_STACK_TRACES_OFF)
        return cut(pass, "span.exception.stack_trace", no_key, &span->exception_stacktrace);
    if (span->has_exception)
        note(pass, "span.exception.stack_trace", no_key);
    span->exception_stacktrace = no_key;
    return NV_OK;
}

static enum nv_err apply_to_span(struct pass *pass, struct nv_span *span)
{
    pass->own = span->has_exception ? span->exception_stacktrace : (struct nv_str){0};
    enum nv_err err = apply_to_list(pass, "span.attributes", &span->attributes);
    for (uint32_t i = 0; i < span->event_count && err == NV_OK; i++)
        err = apply_to_list(pass, "event.attributes", &span->events[i].attributes);
    return err == NV_OK ? apply_to_exception(pass, span) : err;
}

enum nv_err nv_stacks_apply(enum nv_stack_traces mode, struct nv_trace *trace,
                            struct nv_redacted *redacted)
{
    struct pass pass = {.mode = mode, .arena = trace->arena, .redacted = redacted};
    if (mode == NV_STACK_TRACES_FULL)
        return NV_OK;
    enum nv_err err =
        strip(&pass, "trace.status_message", (struct nv_str){0}, &trace->status_message);
    for (uint32_t i = 0; i < trace->span_count && err == NV_OK; i++)
        err = apply_to_span(&pass, &trace->spans[i]);
    return err;
}
