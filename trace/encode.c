/*
 * OTLP requests from ended spans.
 *
 * Attributes, events and links are there as bytes and are copied; what is known only at the end
 * is written here: times, name, operation, lists, what a stream was like. The request grows in
 * one buffer that is kept from one to the next. A span that does not fit in memory is taken out
 * again, and the others go.
 *
 *   body: group ▸ resource ▸ scope group ▸ scope ▸ span ▸ span ▸ ...       lengths are set at the
 *         └ mark                └ mark                └ mark               marks when each ends
 *
 * The resource goes into each request although it never changes: OTLP has no session, and the
 * pid beside it does change, in a child after a fork.
 *
 * What the caller told always stands: names, operations and numbers that are derived here are
 * put only where no attribute of the key is there.
 */
#include "trace/encode.h"

#include "base/limits.h"
#include "base/text/wire.h"
#include "model/otlp_fields.h"
#include "trace/texts.h"
#include "trace/value.h"

#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

#define FLAG_HAS_REMOTE 0x100u
#define FLAG_REMOTE 0x200u
#define NS_PER_SECOND 1e9

/* Values of Span.SpanKind and Status.StatusCode of OTLP. */
enum { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3, STATUS_OK = 1, STATUS_ERROR = 2 };

static const struct {
    const char *operation; /* NULL: none */
    const char *subject;   /* the attribute that the name ends with */
    int kind;
    const char *name; /* where neither is there */
} kinds[] = {
    [NOVEUM_FUNCTION] = {NULL, NULL, KIND_INTERNAL, "span"},
    [NOVEUM_LLM] = {"chat", "gen_ai.request.model", KIND_CLIENT, NULL},
    [NOVEUM_AGENT] = {"invoke_agent", "gen_ai.agent.name", KIND_INTERNAL, NULL},
    [NOVEUM_TOOL] = {"execute_tool", "gen_ai.tool.name", KIND_INTERNAL, NULL},
    [NOVEUM_RETRIEVAL] = {"retrieval", "gen_ai.data_source.id", KIND_CLIENT, NULL},
    [NOVEUM_EMBEDDING] = {"embeddings", "gen_ai.request.model", KIND_CLIENT, NULL},
    [NOVEUM_WORKFLOW] = {"invoke_workflow", "gen_ai.workflow.name", KIND_INTERNAL, NULL},
};

void nv_trace_request_init(struct nv_trace_request *request)
{
    *request = (struct nv_trace_request){.spans = 0};
    nv_buf_init(&request->body, NV_CAP_TRACE_REQUEST);
}

void nv_trace_request_release(struct nv_trace_request *request)
{
    nv_buf_release(&request->body);
}

/* What does not fit leaves the buffer failed, which the end of the span finds. */
static void put_attribute(struct nv_buf *body, uint32_t field,
                          const noveum_attribute *attribute)
{
    struct nv_trace_value value;
    if (nv_trace_value_make(attribute, SIZE_MAX, &value) &&
        nv_buf_reserve(body, nv_trace_value_size(&value)) == NV_OK)
        nv_trace_value_put(body, field, &value);
}

enum nv_err nv_trace_request_begin(struct nv_trace_request *request,
                                   const struct nv_trace_config *config)
{
    struct nv_buf *body = &request->body;
    const noveum_attribute pid = noveum_int("process.pid", getpid());
    nv_buf_clear(body);
    request->spans = 0;
    request->group = nv_wire_begin(body, NV_OTLP_REQUEST_GROUPS);
    size_t mark = nv_wire_begin(body, NV_OTLP_RESOURCE_GROUP_RESOURCE);
    (void)nv_buf_append_str(body, nv_buf_str(&config->resource));
    put_attribute(body, NV_OTLP_RESOURCE_ATTRIBUTES, &pid);
    (void)nv_wire_end(body, mark);
    request->scope = nv_wire_begin(body, NV_OTLP_RESOURCE_GROUP_SCOPES);
    mark = nv_wire_begin(body, NV_OTLP_SCOPE_GROUP_SCOPE);
    (void)nv_wire_put_bytes(body, NV_OTLP_SCOPE_NAME, nv_str_from("noveum-trace"));
    (void)nv_wire_put_bytes(body, NV_OTLP_SCOPE_VERSION, nv_str_from(NOVEUM_TRACE_VERSION));
    return nv_wire_end(body, mark);
}

static const char *operation_of(const struct nv_trace_span *span)
{
    unsigned kind = (unsigned)span->kind;
    return kind < sizeof kinds / sizeof kinds[0] ? kinds[kind].operation : NULL;
}

/* A span below a remote one is where the process was entered, whatever it does. */
static int span_kind(const struct nv_trace_span *span)
{
    unsigned kind = (unsigned)span->kind;
    if (span->parent_remote)
        return KIND_SERVER;
    return kind < sizeof kinds / sizeof kinds[0] ? kinds[kind].kind : KIND_INTERNAL;
}

/* "{operation} {subject}" by the conventions for generative AI; cut in pieces, so that a long
 * operation does not push the model out of the name. */
struct nv_str nv_trace_span_name(const struct nv_trace_span *span, char room[256])
{
    struct nv_str operation = nv_str_from(operation_of(span));
    if (span->named && span->name.len > 0)
        return nv_buf_str(&span->name);
    if (operation.len == 0)
        return nv_str_from(kinds[NOVEUM_FUNCTION].name);
    struct nv_str told =
        nv_trace_value_text(&span->attributes, nv_str_from("gen_ai.operation.name"));
    struct nv_str subject =
        nv_trace_value_text(&span->attributes, nv_str_from(kinds[span->kind].subject));
    operation = told.len > 0 ? told : operation;
    int len = snprintf(room, 256, "%.*s%s%.*s", (int)nv_utf8_cut(operation, 100), operation.ptr,
                       subject.len > 0 ? " " : "", (int)nv_utf8_cut(subject, 150),
                       subject.len > 0 ? subject.ptr : "");
    return (struct nv_str){room, len > 0 ? (size_t)len : 0};
}

static bool has(const struct nv_trace_span *span, const char *key)
{
    size_t at, len;
    return nv_trace_value_find(&span->attributes, nv_str_from(key), &at, &len);
}

static void put_unless_told(struct nv_buf *body, const struct nv_trace_span *span,
                            noveum_attribute attribute)
{
    if (!has(span, attribute.key))
        put_attribute(body, NV_OTLP_SPAN_ATTRIBUTES, &attribute);
}

/* Tokens a second from the first to the last chunk, one less than there are: the first one ends
 * the waiting and begins the stream. */
static void put_stream(struct nv_buf *body, const struct nv_trace_span *span)
{
    const struct nv_trace_stream *stream = &span->stream;
    if (stream->first_ns == 0)
        return;
    double first = stream->first_ns > span->start_ns
                       ? (double)(stream->first_ns - span->start_ns) / NS_PER_SECOND
                       : 0;
    put_unless_told(body, span, noveum_bool("gen_ai.request.stream", 1));
    put_unless_told(body, span, noveum_double("gen_ai.response.time_to_first_chunk", first));
    if (stream->chunks > 0) {
        put_unless_told(body, span,
                        noveum_int("gen_ai.response.chunk_count", (int64_t)stream->chunks));
    }
    if (stream->tokens < 2 || stream->last_ns <= stream->first_ns)
        return;
    double seconds = (double)(stream->last_ns - stream->first_ns) / NS_PER_SECOND;
    put_unless_told(body, span,
                    noveum_double("gen_ai.response.tokens_per_second",
                                  (double)(stream->tokens - 1) / seconds));
}

/* The list is written without its last bracket until here: items could be added to the end.
 * Copied into the request as one text; nothing is parsed. */
static void put_texts(struct nv_buf *body, const struct nv_trace_span *span)
{
    for (int i = 0; i < NV_TRACE_TEXT_END; i++) {
        struct nv_str list = nv_buf_str(&span->texts[i].buf);
        if (list.len <= 1)
            continue;
        size_t attribute = nv_wire_begin(body, NV_OTLP_SPAN_ATTRIBUTES);
        (void)nv_wire_put_bytes(body, NV_OTLP_PAIR_KEY,
                                nv_str_from(nv_trace_text_key((enum nv_trace_text_kind)i)));
        size_t value = nv_wire_begin(body, NV_OTLP_PAIR_VALUE);
        size_t text = nv_wire_begin(body, NV_OTLP_ANY_STRING);
        (void)nv_buf_append_str(body, list);
        (void)nv_buf_append_char(body, ']');
        (void)nv_wire_end(body, text);
        (void)nv_wire_end(body, value);
        (void)nv_wire_end(body, attribute);
    }
}

static void put_bytes(struct nv_buf *body, uint32_t field, const uint8_t *bytes, size_t len)
{
    (void)nv_wire_put_bytes(body, field, (struct nv_str){(const char *)bytes, len});
}

static void put_head(struct nv_buf *body, const struct nv_trace_span *span)
{
    char room[256];
    put_bytes(body, NV_OTLP_SPAN_TRACE_ID, span->trace_id, sizeof span->trace_id);
    put_bytes(body, NV_OTLP_SPAN_ID, span->id, sizeof span->id);
    if (span->trace_state.len > 0)
        (void)nv_wire_put_bytes(body, NV_OTLP_SPAN_TRACE_STATE, nv_buf_str(&span->trace_state));
    if (span->has_parent)
        put_bytes(body, NV_OTLP_SPAN_PARENT_ID, span->parent_id, sizeof span->parent_id);
    (void)nv_wire_put_bytes(body, NV_OTLP_SPAN_NAME, nv_trace_span_name(span, room));
    (void)nv_wire_put_uint(body, NV_OTLP_SPAN_KIND, (uint64_t)span_kind(span));
    (void)nv_wire_put_fixed64(body, NV_OTLP_SPAN_START, span->start_ns);
    (void)nv_wire_put_fixed64(body, NV_OTLP_SPAN_END, span->end_ns);
}

static void put_count(struct nv_buf *body, uint32_t field, uint32_t count)
{
    if (count > 0)
        (void)nv_wire_put_uint(body, field, count);
}

static void put_tail(struct nv_buf *body, const struct nv_trace_span *span)
{
    uint32_t flags = 1 | FLAG_HAS_REMOTE | (span->parent_remote ? FLAG_REMOTE : 0);
    put_count(body, NV_OTLP_SPAN_DROPPED_ATTRIBUTES, span->attributes_dropped);
    (void)nv_buf_append_str(body, nv_buf_str(&span->rest));
    put_count(body, NV_OTLP_SPAN_DROPPED_EVENTS, span->events_dropped);
    put_count(body, NV_OTLP_SPAN_DROPPED_LINKS, span->links_dropped);
    if (span->failed || span->ok) {
        size_t mark = nv_wire_begin(body, NV_OTLP_SPAN_STATUS);
        if (span->failed && span->status_message.len > 0) {
            (void)nv_wire_put_bytes(body, NV_OTLP_STATUS_MESSAGE,
                                    nv_buf_str(&span->status_message));
        }
        (void)nv_wire_put_uint(body, NV_OTLP_STATUS_CODE,
                               span->failed ? STATUS_ERROR : STATUS_OK);
        (void)nv_wire_end(body, mark);
    }
    (void)nv_wire_put_fixed32(body, NV_OTLP_SPAN_FLAGS, flags);
}

enum nv_err nv_trace_request_add(struct nv_trace_request *request,
                                 const struct nv_trace_span *span)
{
    struct nv_buf *body = &request->body;
    size_t before = body->len;
    size_t mark = nv_wire_begin(body, NV_OTLP_SCOPE_GROUP_ITEMS);
    put_head(body, span);
    (void)nv_buf_append_str(body, nv_buf_str(&span->attributes));
    if (operation_of(span))
        put_unless_told(body, span, noveum_str("gen_ai.operation.name", operation_of(span)));
    put_stream(body, span);
    put_texts(body, span);
    put_tail(body, span);
    enum nv_err err = nv_wire_end(body, mark);
    /* the failure is forgiven with the span that made it: the others are still whole */
    if (err != NV_OK) {
        body->len = before;
        body->failed = NV_OK;
        return err;
    }
    request->spans++;
    return NV_OK;
}

enum nv_err nv_trace_request_end(struct nv_trace_request *request)
{
    (void)nv_wire_end(&request->body, request->scope);
    return nv_wire_end(&request->body, request->group);
}

uint64_t nv_trace_rejected(struct nv_str response, struct nv_str *why)
{
    enum { PARTIAL_SUCCESS = 1, REJECTED = 1, MESSAGE = 2 };
    struct nv_wire wire = nv_wire_read(response);
    struct nv_wire_field partial, field;
    uint64_t rejected = 0;
    *why = nv_str_from(NULL);
    if (nv_wire_next(&wire, &partial) != NV_OK || partial.number != PARTIAL_SUCCESS ||
        partial.type != NV_WIRE_BYTES)
        return 0;
    wire = nv_wire_read(partial.bytes);
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == REJECTED && field.type == NV_WIRE_VARINT)
            rejected = field.value;
        else if (field.number == MESSAGE && field.type == NV_WIRE_BYTES)
            *why = field.bytes;
    }
    return rejected;
}
