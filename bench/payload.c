/*
 * The payload: OTLP protobuf written field by field with the product's own wire writer.
 *
 * Text is random words of ordinary English, so that it compresses about as prompts do (3.5 to 4
 * times); the sizes are those of the published comparison in bench/README.md. Trace ids are
 * written as zeros and their offsets remembered while writing, which is what payload_renew
 * patches.
 */
#include "payload.h"

#include "base/text/text.h"
#include "base/text/wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define BODY_MAX (256u << 20)
#define TEXT_MAX 65536
#define TOOL_RESULT 40000
#define HISTORY_BEGIN 12000 /* said before the trace began */

struct maker {
    struct payload *payload;
    struct nv_buf *buf;
    uint64_t random;
    uint64_t start_ns;
    uint64_t ids[PAYLOAD_TRACE_SPANS]; /* span ids of the trace being made */
    unsigned span;                     /* in the trace */
    uint64_t root; /* of all traces when they are one; 0: none yet, or many */
    bool one;
    bool slices; /* only the span at place `slice` of each trace is kept */
    unsigned slice;
    size_t span_at;         /* where the span that is being made begins */
    size_t tool_result;     /* bytes of a tool's answer */
    char history[TEXT_MAX]; /* messages of a conversation so far, each with a comma behind it */
    size_t history_len;
};

enum payload_shape payload_shape_of(const char *name)
{
    static const char *const names[] = {"genai", "small", "chat", "tools"};
    unsigned at = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        at = strcmp(name, names[i]) == 0 ? i : at;
    return (enum payload_shape)at;
}

static uint64_t next_random(struct maker *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random;
}

static const char *const words[] = {
    "the",      "of",        "and",      "to",       "in",       "is",        "that",
    "for",      "with",      "as",       "by",       "this",     "from",      "are",
    "be",       "which",     "request",  "response", "model",    "agent",     "retrieval",
    "document", "context",   "token",    "usage",    "latency",  "customer",  "order",
    "shipment", "refund",    "invoice",  "policy",   "account",  "support",   "ticket",
    "summary",  "question",  "details",  "product",  "price",    "shipping",  "address",
    "delivery", "schedule",  "status",   "history",  "report",   "quarterly", "revenue",
    "forecast", "market",    "segment",  "manager",  "calendar", "meeting",   "deadline",
    "budget",   "approval",  "workflow", "database", "query",    "result",    "index",
    "schema",   "cluster",   "version",  "rollback", "alert",    "timeline",  "impact",
    "owner",    "escalation"};

/* Words with numbers and escaped line ends among them, `len` bytes. */
static struct nv_str prose(struct maker *m, char text[TEXT_MAX], size_t len)
{
    size_t at = 0;
    assert(len < TEXT_MAX);
    while (at < len) {
        uint64_t r = next_random(m);
        const char *word = words[r % (sizeof words / sizeof words[0])];
        unsigned kind = (unsigned)(r >> 32) % 24;
        int n = kind == 0
                    ? snprintf(text + at, len - at + 1, "%u ", (unsigned)(r >> 40) % 100000)
                    : snprintf(text + at, len - at + 1, "%s%s", word,
                               kind == 1   ? ". "
                               : kind == 2 ? ", "
                               : kind == 3 ? "\\n"
                                           : " ");
        at += (size_t)n;
    }
    at = len;
    while (at > 0 && text[at - 1] == '\\')
        text[--at] = '.';
    return (struct nv_str){text, len};
}

/* ---- attributes -------------------------------------------------------------------------- */

static size_t begin_attribute(struct maker *m, const char *key, size_t *value)
{
    size_t attribute = nv_wire_begin(m->buf, 9);
    (void)nv_wire_put_bytes(m->buf, 1, nv_str_from(key));
    *value = nv_wire_begin(m->buf, 2);
    return attribute;
}

static void end_attribute(struct maker *m, size_t attribute, size_t value)
{
    (void)nv_wire_end(m->buf, value);
    (void)nv_wire_end(m->buf, attribute);
}

static void put_text(struct maker *m, const char *key, struct nv_str text)
{
    size_t value, attribute = begin_attribute(m, key, &value);
    (void)nv_wire_put_bytes(m->buf, 1, text);
    end_attribute(m, attribute, value);
}

static void put_str(struct maker *m, const char *key, const char *text)
{
    put_text(m, key, nv_str_from(text));
}

static void put_int(struct maker *m, const char *key, uint64_t number)
{
    size_t value, attribute = begin_attribute(m, key, &value);
    (void)nv_wire_put_uint(m->buf, 3, number);
    end_attribute(m, attribute, value);
}

static void put_double(struct maker *m, const char *key, double number)
{
    size_t value, attribute = begin_attribute(m, key, &value);
    (void)nv_wire_put_double(m->buf, 4, number);
    end_attribute(m, attribute, value);
}

static void put_id(struct maker *m, const char *key, const char *prefix)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s%016llx%08x", prefix,
                   (unsigned long long)next_random(m), (unsigned)next_random(m));
    put_str(m, key, text);
}

/* `format` has one %.*s, which is `len` bytes of prose. */
static void put_prose(struct maker *m, const char *key, const char *before, size_t len,
                      const char *after)
{
    char text[TEXT_MAX], prose_text[TEXT_MAX];
    struct nv_str words_text = prose(m, prose_text, len);
    int n = snprintf(text, sizeof text, "%s%.*s%s", before, NV_STR_ARG(words_text), after);
    assert(n > 0 && (size_t)n < sizeof text);
    put_text(m, key, (struct nv_str){text, (size_t)n});
}

static void put_messages(struct maker *m, size_t in, size_t out)
{
    put_prose(m, "gen_ai.input.messages",
              "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"", in, "\"}]}]");
    put_prose(m, "gen_ai.output.messages",
              "[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"", out,
              "\"}],\"finish_reason\":\"stop\"}]");
}

/* ---- spans ------------------------------------------------------------------------------- */

/* Opens the next span of the trace; `parent` is its place in the trace, itself for the root. */
static size_t begin_span(struct maker *m, const char *name, unsigned kind, unsigned parent)
{
    static const char zeros[16] = {0};
    unsigned place = m->span++;
    assert(place < PAYLOAD_TRACE_SPANS && parent <= place);
    m->ids[place] = next_random(m) | 1;
    m->span_at = m->buf->len;
    size_t mark = nv_wire_begin(m->buf, 2);
    (void)nv_wire_put_bytes(m->buf, 1, (struct nv_str){zeros, 16});
    (void)nv_wire_put_bytes(m->buf, 2, (struct nv_str){(const char *)&m->ids[place], 8});
    uint64_t parent_id = parent != place ? m->ids[parent] : m->root;
    if (parent_id != 0)
        (void)nv_wire_put_bytes(m->buf, 4, (struct nv_str){(const char *)&parent_id, 8});
    else if (m->one)
        m->root = m->ids[place];
    (void)nv_wire_put_bytes(m->buf, 5, nv_str_from(name));
    (void)nv_wire_put_uint(m->buf, 6, kind);
    (void)nv_wire_put_fixed64(m->buf, 7, m->start_ns + place * UINT64_C(100000000));
    (void)nv_wire_put_fixed64(m->buf, 8, m->start_ns + place * UINT64_C(100000000) + 90000000);
    return mark;
}

static void end_span(struct maker *m, size_t mark)
{
    size_t status = nv_wire_begin(m->buf, 15);
    (void)nv_wire_put_uint(m->buf, 3, 1);
    (void)nv_wire_end(m->buf, status);
    (void)nv_wire_end(m->buf, mark);
    if (m->slices && m->span != m->slice + 1)
        m->buf->len = m->span_at;
}

static void make_small(struct maker *m)
{
    for (unsigned i = 0; i < PAYLOAD_TRACE_SPANS; i++) {
        char text[32];
        size_t span = begin_span(m, "POST /api/v1/items", 2, i == 0 ? 0 : (i - 1) / 2);
        put_str(m, "http.request.method", "POST");
        (void)snprintf(text, sizeof text, "/api/v1/items/%u", (unsigned)next_random(m) % 1000);
        put_str(m, "url.path", text);
        put_int(m, "http.response.status_code", 200);
        (void)snprintf(text, sizeof text, "svc-%u", (unsigned)next_random(m) % 20);
        put_str(m, "server.address", text);
        put_int(m, "server.port", 8080);
        put_str(m, "network.protocol.version", "1.1");
        put_id(m, "user.id", "");
        put_int(m, "app.cache.hits", next_random(m) % 2);
        put_double(m, "app.duration_ratio", (double)(next_random(m) % 1000000) / 1e6);
        put_int(m, "thread.id", next_random(m) % 64);
        end_span(m, span);
    }
}

static void make_root(struct maker *m)
{
    size_t span = begin_span(m, "invoke_agent support_agent", 1, 0);
    put_str(m, "gen_ai.operation.name", "invoke_agent");
    put_str(m, "gen_ai.provider.name", "openai");
    put_str(m, "gen_ai.agent.name", "support_agent");
    put_id(m, "gen_ai.agent.id", "asst_");
    put_id(m, "gen_ai.conversation.id", "conv_");
    put_id(m, "session.id", "");
    put_id(m, "user.id", "user-");
    put_str(m, "gen_ai.request.model", "gpt-4o-2024-08-06");
    put_messages(m, 350, 300);
    end_span(m, span);
}

/* Opens a model call with all that it has but its messages. */
static size_t begin_model_call(struct maker *m)
{
    size_t span = begin_span(m, "chat gpt-4o-2024-08-06", 3, 0);
    put_str(m, "gen_ai.operation.name", "chat");
    put_str(m, "gen_ai.provider.name", "openai");
    put_str(m, "gen_ai.request.model", "gpt-4o-2024-08-06");
    put_str(m, "gen_ai.response.model", "gpt-4o-2024-08-06");
    put_id(m, "gen_ai.response.id", "chatcmpl-");
    put_double(m, "gen_ai.request.temperature", 0.7);
    put_double(m, "gen_ai.request.top_p", 0.95);
    put_int(m, "gen_ai.request.max_tokens", 1024);
    put_str(m, "gen_ai.response.finish_reasons", "stop");
    put_int(m, "gen_ai.usage.input_tokens", 300 + next_random(m) % 4000);
    put_int(m, "gen_ai.usage.output_tokens", 50 + next_random(m) % 900);
    put_id(m, "gen_ai.conversation.id", "conv_");
    put_str(m, "server.address", "api.openai.com");
    put_int(m, "server.port", 443);
    return span;
}

static void end_model_call(struct maker *m, size_t span)
{
    size_t event = nv_wire_begin(m->buf, 11);
    (void)nv_wire_put_fixed64(m->buf, 1, m->start_ns + 1000);
    (void)nv_wire_put_bytes(m->buf, 2, NV_STR("gen_ai.first_token"));
    (void)nv_wire_end(m->buf, event);
    end_span(m, span);
}

static void make_model_call(struct maker *m)
{
    size_t span = begin_model_call(m);
    put_messages(m, 1430, 1400);
    end_model_call(m, span);
}

static void make_tool(struct maker *m, const char *name)
{
    size_t span = begin_span(m, name, 1, 0);
    put_str(m, "gen_ai.operation.name", "execute_tool");
    put_str(m, "gen_ai.tool.name", name);
    put_str(m, "gen_ai.tool.type", "function");
    put_id(m, "gen_ai.tool.call.id", "call_");
    put_str(m, "gen_ai.tool.description", "Looks up orders and refunds");
    put_prose(m, "gen_ai.tool.call.arguments", "{\"query\":\"", 120, "\",\"limit\":10}");
    put_prose(m, "gen_ai.tool.call.result", "{\"ok\":true,\"items\":[\"", m->tool_result,
              "\"]}");
    end_span(m, span);
}

static void make_retrieval(struct maker *m)
{
    size_t span = begin_span(m, "retrieval kb_articles", 3, 0);
    put_str(m, "gen_ai.operation.name", "retrieval");
    put_str(m, "db.system.name", "qdrant");
    put_str(m, "db.collection.name", "kb_articles");
    put_str(m, "gen_ai.data_source.id", "kb-prod");
    put_prose(m, "gen_ai.retrieval.query.text", "", 120, "");
    put_int(m, "gen_ai.request.top_k", 5);
    put_prose(m, "gen_ai.retrieval.documents",
              "[{\"id\":\"doc-1\",\"score\":0.91,\"content\":\"", 700, "\"}]");
    end_span(m, span);
}

static void make_embedding(struct maker *m)
{
    size_t span = begin_span(m, "embeddings text-embedding-3-small", 3, 2);
    put_str(m, "gen_ai.operation.name", "embeddings");
    put_str(m, "gen_ai.provider.name", "openai");
    put_str(m, "gen_ai.request.model", "text-embedding-3-small");
    put_int(m, "gen_ai.usage.input_tokens", 32);
    put_int(m, "gen_ai.embeddings.dimension.count", 1536);
    put_str(m, "server.address", "api.openai.com");
    end_span(m, span);
}

static void make_genai(struct maker *m)
{
    make_root(m);
    make_model_call(m);
    make_retrieval(m);
    make_embedding(m);
    make_tool(m, "lookup_order");
    make_model_call(m);
    make_tool(m, "create_refund");
    make_model_call(m);
}

/* ---- a conversation ---------------------------------------------------------------------- */

static void say(struct maker *m, const char *role, size_t len)
{
    char prose_text[TEXT_MAX];
    struct nv_str text = prose(m, prose_text, len);
    int n = snprintf(m->history + m->history_len, sizeof m->history - m->history_len,
                     "{\"role\":\"%s\",\"parts\":[{\"type\":\"text\",\"content\":\"%.*s\"}]},",
                     role, NV_STR_ARG(text));
    assert(n > 0 && (size_t)n < sizeof m->history - m->history_len);
    m->history_len += (size_t)n;
}

/* The messages from `from` on, as a list. */
static void put_said(struct maker *m, const char *key, size_t from)
{
    char text[TEXT_MAX];
    assert(m->history_len > from);
    int n = snprintf(text, sizeof text, "[%.*s]", (int)(m->history_len - from - 1),
                     m->history + from);
    assert(n > 0 && (size_t)n < sizeof text);
    put_text(m, key, (struct nv_str){text, (size_t)n});
}

/* Each call sends all that was said before it, and a question. */
static void make_chat(struct maker *m)
{
    m->history_len = 0;
    while (m->history_len < HISTORY_BEGIN) {
        say(m, "user", 300);
        say(m, "assistant", 700);
    }
    make_root(m);
    while (m->span < PAYLOAD_TRACE_SPANS) {
        size_t span = begin_model_call(m);
        say(m, "user", 300);
        put_said(m, "gen_ai.input.messages", 0);
        size_t answer = m->history_len;
        say(m, "assistant", 700);
        put_said(m, "gen_ai.output.messages", answer);
        end_model_call(m, span);
    }
}

/* ---- requests ---------------------------------------------------------------------------- */

/* Resource and scope; gives the mark of the ScopeSpans that is left open for the spans. */
static size_t put_resource(struct maker *m)
{
    static const char *const rows[][2] = {{"service.name", "support-agent"},
                                          {"service.version", "1.4.2"},
                                          {"deployment.environment.name", "production"},
                                          {"telemetry.sdk.language", "python"},
                                          {"telemetry.sdk.name", "opentelemetry"},
                                          {"telemetry.sdk.version", "1.36.0"},
                                          {"host.name", "ip-10-0-3-17"}};
    size_t resource = nv_wire_begin(m->buf, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t attribute = nv_wire_begin(m->buf, 1);
        (void)nv_wire_put_bytes(m->buf, 1, nv_str_from(rows[i][0]));
        size_t value = nv_wire_begin(m->buf, 2);
        (void)nv_wire_put_bytes(m->buf, 1, nv_str_from(rows[i][1]));
        (void)nv_wire_end(m->buf, value);
        (void)nv_wire_end(m->buf, attribute);
    }
    (void)nv_wire_end(m->buf, resource);
    size_t scope_spans = nv_wire_begin(m->buf, 2);
    size_t scope = nv_wire_begin(m->buf, 1);
    (void)nv_wire_put_bytes(m->buf, 1, NV_STR("opentelemetry.instrumentation.openai_v2"));
    (void)nv_wire_put_bytes(m->buf, 2, NV_STR("2.1b0"));
    (void)nv_wire_end(m->buf, scope);
    return scope_spans;
}

/* Finds the trace ids: spans are field 2 of field 2 of field 1, their ids 16 zero bytes in
 * front.
 */
static void find_ids(struct payload *payload)
{
    struct nv_wire wire = nv_wire_read(nv_buf_str(&payload->body));
    struct nv_wire_field field;
    enum nv_err err = nv_wire_next(&wire, &field);
    wire = nv_wire_read(field.bytes);
    while (err == NV_OK && (err = nv_wire_next(&wire, &field)) == NV_OK && field.number != 2) {
    }
    wire = nv_wire_read(field.bytes);
    unsigned count = 0;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == 2)
            payload->id_offsets[count++] = (size_t)(field.bytes.ptr - payload->body.bytes) + 2;
    }
    assert(count == payload->spans);
}

/* Makes `traces` traces by `m`, which says what is kept of them. */
static enum nv_err make(struct maker *m, enum payload_shape shape, unsigned traces,
                        uint64_t seed)
{
    struct payload *payload = m->payload;
    unsigned kept = m->slices ? 1 : PAYLOAD_TRACE_SPANS;
    *payload = (struct payload){.spans = traces * kept, .trace_spans = kept};
    nv_buf_init(&payload->body, BODY_MAX);
    payload->id_offsets = calloc(payload->spans, sizeof *payload->id_offsets);
    if (!payload->id_offsets)
        return NV_ERR_NO_MEMORY;
    m->buf = &payload->body;
    m->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    m->tool_result = shape == PAYLOAD_TOOLS ? TOOL_RESULT : 350;
    size_t resource_spans = nv_wire_begin(m->buf, 1);
    size_t scope_spans = put_resource(m);
    for (unsigned trace = 0; trace < traces; trace++) {
        m->start_ns = UINT64_C(1790000000000000000) + next_random(m) % UINT64_C(1000000000);
        m->span = 0;
        if (shape == PAYLOAD_SMALL)
            make_small(m);
        else if (shape == PAYLOAD_CHAT)
            make_chat(m);
        else
            make_genai(m);
    }
    (void)nv_wire_end(m->buf, scope_spans);
    (void)nv_wire_end(m->buf, resource_spans);
    if (payload->body.failed == NV_OK)
        find_ids(payload);
    return payload->body.failed;
}

enum nv_err payload_make(struct payload *payload, enum payload_shape shape, unsigned traces,
                         uint64_t seed)
{
    struct maker m = {.payload = payload};
    return make(&m, shape, traces, seed);
}

enum nv_err payload_make_one(struct payload *payload, enum payload_shape shape, unsigned traces,
                             uint64_t seed)
{
    struct maker m = {.payload = payload, .one = true};
    return make(&m, shape, traces, seed);
}

enum nv_err payload_make_slice(struct payload *payload, enum payload_shape shape,
                               unsigned traces, uint64_t seed, unsigned slice)
{
    struct maker m = {.payload = payload, .slices = true, .slice = slice};
    return make(&m, shape, traces, seed);
}

void payload_renew(struct payload *payload, uint64_t run, uint64_t *next_trace)
{
    uint64_t id[2] = {run, 0};
    for (unsigned i = 0; i < payload->spans; i++) {
        if (i % payload->trace_spans == 0) /* spread, as ids are: shards go by them */
            id[1] = ++*next_trace * UINT64_C(0x9e3779b97f4a7c15);
        char *at = payload->body.bytes + payload->id_offsets[i];
        if (payload->json)
            nv_hex_encode((const uint8_t *)id, sizeof id, at);
        else
            memcpy(at, id, sizeof id);
    }
}

void payload_release(struct payload *payload)
{
    nv_buf_release(&payload->body);
    free(payload->id_offsets);
}
