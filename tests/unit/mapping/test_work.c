/*
 * Translation, masking and encoding take work in proportion to the bytes: at n and at 4n, on
 * every path that a client can make long, and for every key of the tables. And no captured
 * trace comes near the work that a trace may take (mapping.work_per_byte).
 */
#include "exporter/encode/encode.h"
#include "mapping/rules/rule.h"
#include "redaction/redact.h"
#include "tests/support/expect.h"
#include "tests/support/growth.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include "base/log/counters.h"
#include "base/meter.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* The default of mapping.work_per_byte, and how far below it what was captured must stay. */
#define WORK_PER_BYTE 64u
#define HONEST_SHARE 16u

static struct nv_mapping *mapping;

static void setup(void)
{
    mapping = nv_test_mapping_new();
}

static void teardown(void)
{
    nv_mapping_free(mapping);
}

/* ---- requests ---------------------------------------------------------------------------- */

static void text(struct nv_buf *buf, const char *s)
{
    (void)nv_buf_append_str(buf, nv_str_from(s));
}

/* `form` with each %u replaced by the number. */
static void put_form(struct nv_buf *buf, const char *form, uint32_t number)
{
    struct nv_str rest = nv_str_from(form);
    for (size_t at; (at = nv_str_find(rest, NV_STR("%u"))) != SIZE_MAX;) {
        (void)nv_buf_append_str(buf, nv_str_slice(rest, 0, at));
        (void)nv_buf_printf(buf, "%u", number);
        rest = nv_str_slice(rest, at + 2, rest.len);
    }
    (void)nv_buf_append_str(buf, rest);
}

static void open_resource(struct nv_buf *buf)
{
    text(buf, "{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
              "{\"stringValue\":\"s\"}}");
}

static void open_spans(struct nv_buf *buf)
{
    text(buf, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"h\"},\"spans\":[");
}

static void open_trace(struct nv_buf *buf)
{
    text(buf, "{\"resourceSpans\":[");
    open_resource(buf);
    open_spans(buf);
}

/* Span `id` below `parent` (0: none), its attributes open. */
static void open_span(struct nv_buf *buf, uint32_t id, uint32_t parent, uint32_t start)
{
    (void)nv_buf_printf(
        buf,
        "{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"%016x\","
        "\"name\":\"s\",\"startTimeUnixNano\":\"%u000000\","
        "\"endTimeUnixNano\":\"9000000000\",",
        id, start);
    if (parent != 0)
        (void)nv_buf_printf(buf, "\"parentSpanId\":\"%016x\",", parent);
    text(buf, "\"attributes\":[{\"key\":\"z\",\"value\":{\"intValue\":1}}");
}

static void put_string(struct nv_buf *buf, const char *key, const char *value)
{
    (void)nv_buf_printf(buf, ",{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s\"}}", key,
                        value);
}

static void put_number(struct nv_buf *buf, const char *form, uint32_t i)
{
    text(buf, ",{\"key\":\"");
    put_form(buf, form, i);
    (void)nv_buf_printf(buf, "\",\"value\":{\"intValue\":%u}}", i);
}

/* A string attribute whose text is made of `n` pieces with their number in them. */
static void put_pieces(struct nv_buf *buf, const char *key, const char *before,
                       const char *piece, const char *behind, uint32_t n)
{
    (void)nv_buf_printf(buf, ",{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s", key, before);
    for (uint32_t i = 0; i < n; i++)
        put_form(buf, piece, i);
    (void)nv_buf_printf(buf, "%s\"}}", behind);
}

static void close_span(struct nv_buf *buf)
{
    text(buf, "]}");
}

static void close_trace(struct nv_buf *buf)
{
    text(buf, "]}]}]}");
}

/* ---- one span ---------------------------------------------------------------------------- */

static void tags(struct nv_buf *buf, uint32_t n)
{
    text(buf, ",{\"key\":\"langfuse.trace.tags\",\"value\":{\"arrayValue\":{\"values\":[");
    for (uint32_t i = 0; i < n; i++)
        (void)nv_buf_printf(buf, "%s{\"stringValue\":\"t%u\"}", i > 0 ? "," : "", i);
    text(buf, "]}}}");
}

static void metadata(struct nv_buf *buf, uint32_t n)
{
    put_pieces(buf, "langfuse.trace.metadata", "{", "\\\"k%u\\\":%u,", "\\\"z\\\":0}", n);
}

static void wild_of_trace(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put_number(buf, "braintrust.metadata.k%u", i);
}

static void wild_of_span(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "gen_ai.operation.name", "execute_tool");
    for (uint32_t i = 0; i < n; i++)
        put_number(buf, "tool.k%u", i);
}

static void one_key(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "gen_ai.operation.name", "chat");
    for (uint32_t i = 0; i < n; i++)
        put_number(buf, "gen_ai.request.max_tokens", i);
}

static void one_key_by_turns(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        put_string(buf, i % 2 == 0 ? "llm.request.model" : "gen_ai.request.model", "m");
        put_string(buf, i % 2 == 0 ? "llm.model_name" : "gen_ai.response.model", "n");
    }
}

static void events_of_one_slot(struct nv_buf *buf, uint32_t n)
{
    text(buf, "],\"events\":[");
    for (uint32_t i = 0; i < n; i++) {
        (void)nv_buf_printf(buf,
                            "%s{\"name\":\"gen_ai.client.inference.operation.details\","
                            "\"attributes\":[{\"key\":\"gen_ai.input.messages\",\"value\":"
                            "{\"stringValue\":\"[{\\\"role\\\":\\\"user\\\",\\\"content\\\":"
                            "\\\"%u\\\"}]\"}}]}",
                            i > 0 ? "," : "", i);
    }
}

static void events_of_many_slots(struct nv_buf *buf, uint32_t n)
{
    text(buf, "],\"events\":[");
    for (uint32_t i = 0; i < n; i++) {
        (void)nv_buf_printf(buf,
                            "%s{\"name\":\"gen_ai.evaluation.result\",\"attributes\":"
                            "[{\"key\":\"k%u\",\"value\":{\"intValue\":1}}]}",
                            i > 0 ? "," : "", i);
    }
}

static void tool_with_a_member_many_times(struct nv_buf *buf, uint32_t n)
{
    text(buf, ",{\"key\":\"gen_ai.tool.definitions\",\"value\":{\"stringValue\":\"[{"
              "\\\"name\\\":\\\"t\\\",\\\"description\\\":{");
    for (uint32_t i = 0; i < n; i++)
        text(buf, "\\\"a\\\":1,");
    text(buf, "\\\"a\\\":1}");
    for (uint32_t i = 0; i < n; i++)
        text(buf, ",\\\"description\\\":{\\\"a\\\":1}");
    text(buf, "}]\"}}");
}

static void tool_definitions(struct nv_buf *buf, uint32_t n)
{
    put_pieces(buf, "gen_ai.tool.definitions", "[",
               "{\\\"name\\\":\\\"t%u\\\",\\\"parameters\\\":{\\\"type\\\":%u}},", "{}]", n);
}

static void tool_calls(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "gen_ai.operation.name", "chat");
    put_pieces(buf, "gen_ai.output.messages",
               "[{\\\"role\\\":\\\"assistant\\\",\\\"tool_calls\\\":[",
               "{\\\"id\\\":{\\\"a\\\":%u},\\\"call_id\\\":{\\\"a\\\":%u},"
               "\\\"name\\\":\\\"f\\\",\\\"arguments\\\":\\\"{}\\\"},",
               "{}]}]", n);
}

static void messages(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "gen_ai.operation.name", "chat");
    put_pieces(buf, "gen_ai.input.messages", "[",
               "{\\\"role\\\":\\\"user\\\",\\\"content\\\":[\\\"m%u\\\"],\\\"x\\\":%u},",
               "{\\\"role\\\":\\\"tool\\\",\\\"content\\\":1}]", n);
}

static void members_of_a_message(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "gen_ai.operation.name", "chat");
    put_pieces(buf, "gen_ai.input.messages", "[{\\\"role\\\":\\\"user\\\",",
               "\\\"content\\\":\\\"a\\\",\\\"x%u\\\":%u,", "\\\"y\\\":1}]", n);
}

static void documents(struct nv_buf *buf, uint32_t n)
{
    put_pieces(buf, "retrieval.documents", "[",
               "{\\\"document\\\":{\\\"id\\\":%u,\\\"content\\\":\\\"c%u\\\"}},", "{}]", n);
}

static void python(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "openinference.span.kind", "LLM");
    put_pieces(buf, "input.value", "{`k`: [", "(`a%u`, %u), ", "None]}", n);
}

static void open_text(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "openinference.span.kind", "LLM");
    put_pieces(buf, "input.value", "[{\\\"a\\\":[", "{\\\"k%u\\\":%u},", "{", n);
}

static void unflatten(struct nv_buf *buf, uint32_t n)
{
    put_string(buf, "openinference.span.kind", "LLM");
    for (uint32_t i = n; i-- > 0;)
        put_number(buf, "llm.input_messages.%u.message.content", i);
}

static void secrets(struct nv_buf *buf, uint32_t n)
{
    put_pieces(buf, "note", "", "api_key=x%u token: ***%u \\\\\\\"password\\\\\\\" ", "", n);
}

/* Begins of secrets that are none. */
static void no_secrets(struct nv_buf *buf, uint32_t n)
{
    put_pieces(buf, "a", "", "token=x%u cookie:pwd=/password=$A", "", n);
    put_pieces(buf, "b", "", "sk-%u.tvly-%u-eyJ%uSG.%u-us%u", "", n);
    put_pieces(buf, "c", "", "://%u:-----BEGIN %u %%40\\\\u0040", "", n);
}

static void long_name(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put_string(buf, i % 2 == 0 ? "traceloop.entity.input" : "input.value", "{}");
    text(buf, "],\"name\":\"");
    for (uint32_t i = 0; i < n; i++)
        text(buf, "stt.tts.chat.tool.");
    text(buf, "\",\"links\":[");
}

/* ---- many spans -------------------------------------------------------------------------- */

static void agent(struct nv_buf *buf, const char *form, uint32_t i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "%s%u", form, i);
    put_string(buf, "gen_ai.operation.name", "invoke_agent");
    put_string(buf, "gen_ai.agent.name", name);
}

static void links_to_all(struct nv_buf *buf, uint32_t n)
{
    open_span(buf, 1, 0, 1);
    agent(buf, "a", 1);
    text(buf, "],\"links\":[");
    for (uint32_t i = 0; i < n; i++) {
        (void)nv_buf_printf(buf,
                            "%s{\"traceId\":\"5b8efff798038103d269b633813fc60c\","
                            "\"spanId\":\"%016x\"}",
                            i > 0 ? "," : "", i + 2);
    }
    close_span(buf);
    for (uint32_t i = 0; i < n; i++) {
        text(buf, ",");
        open_span(buf, i + 2, 0, 2);
        close_span(buf);
    }
}

/* Two spans in a circle and the others below them, in one chain or side by side. */
static void hung_on_a_circle(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = n; i >= 1; i--) {
        open_span(buf, i, i == 1 ? 2 : i / 2, 5);
        close_span(buf);
        text(buf, i > 1 ? "," : "");
    }
}

static void one_circle(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        open_span(buf, i, i == n ? 1 : i + 1, 5);
        close_span(buf);
        text(buf, i < n ? "," : "");
    }
}

/* A chain whose only agent is its last span: nobody above any of them. */
static void chain_without_agents(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        open_span(buf, i, i - 1, i);
        if (i == n)
            agent(buf, "a", i);
        close_span(buf);
        text(buf, i < n ? "," : "");
    }
}

static void agents_of_many_names(struct nv_buf *buf, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        open_span(buf, i, i / 2, i);
        agent(buf, "a", i);
        close_span(buf);
        text(buf, i < n ? "," : "");
    }
}

/* Calls that share an id in pairs, in two chains as long as each other. */
static void one_call_in_two_branches(struct nv_buf *buf, uint32_t n)
{
    char id[32];
    for (uint32_t i = 1; i <= n; i++) {
        (void)snprintf(id, sizeof id, "r%u", (i - 1) / 2);
        open_span(buf, i, i <= 2 ? 0 : i - 2, i);
        put_string(buf, "gen_ai.operation.name", "chat");
        put_string(buf, "gen_ai.request.model", "m");
        put_string(buf, "gen_ai.response.id", id);
        close_span(buf);
        text(buf, i < n ? "," : "");
    }
}

/* Two resources of n attributes whose n spans take turns. */
static void two_resources(struct nv_buf *buf, uint32_t n)
{
    text(buf, "{\"resourceSpans\":[");
    for (uint32_t half = 0; half < 2; half++) {
        open_resource(buf);
        for (uint32_t i = 0; i < n; i++)
            put_number(buf, "r%u", half == 0 ? i : n - i);
        open_spans(buf);
        for (uint32_t i = 0; i < n; i++) {
            open_span(buf, 2 * i + half + 1, 0, 2 * i + half);
            close_span(buf);
            text(buf, i + 1 < n ? "," : "");
        }
        text(buf, half == 0 ? "]}]}," : "");
    }
    close_trace(buf);
}

/* The same attribute of two resources: objects of n keys in opposite orders. */
static void equal_maps(struct nv_buf *buf, uint32_t n)
{
    text(buf, "{\"resourceSpans\":[");
    for (uint32_t half = 0; half < 2; half++) {
        open_resource(buf);
        text(buf, ",{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"z\"}");
        for (uint32_t i = 0; i < n; i++)
            put_number(buf, "k%u", half == 0 ? i : n - 1 - i);
        text(buf, "]}}}");
        open_spans(buf);
        open_span(buf, half + 1, 0, 1);
        close_span(buf);
        text(buf, half == 0 ? "]}]}," : "");
    }
    close_trace(buf);
}

/* ---- the paths --------------------------------------------------------------------------- */

enum scope { SPAN, SPANS, WHOLE }; /* what the function writes */

static const struct path {
    const char *name;
    void (*write)(struct nv_buf *buf, uint32_t n);
    enum scope scope;
    uint32_t n;
} paths[] = {
    {"tags", tags, SPAN, 1000},
    {"members spread from metadata", metadata, SPAN, 1000},
    {"keys of a {*} row, of the trace", wild_of_trace, SPAN, 1000},
    {"keys of a {*} row, of the span", wild_of_span, SPAN, 1000},
    {"one key many times", one_key, SPAN, 1000},
    {"keys of one field by turns", one_key_by_turns, SPAN, 1000},
    {"events of one slot", events_of_one_slot, SPAN, 500},
    {"events of many slots", events_of_many_slots, SPAN, 500},
    {"a tool's member many times", tool_with_a_member_many_times, SPAN, 1000},
    {"tool definitions", tool_definitions, SPAN, 500},
    {"tool calls with two ids", tool_calls, SPAN, 500},
    {"messages", messages, SPAN, 500},
    {"members of a message", members_of_a_message, SPAN, 500},
    {"documents", documents, SPAN, 500},
    {"Python's repr", python, SPAN, 500},
    {"JSON text that is cut off", open_text, SPAN, 500},
    {"messages attribute by attribute", unflatten, SPAN, 500},
    {"secrets in a text", secrets, SPAN, 500},
    {"begins of secrets", no_secrets, SPAN, 500},
    {"a long name under conditions", long_name, SPAN, 500},
    {"links to all spans", links_to_all, SPANS, 500},
    {"spans below a circle", hung_on_a_circle, SPANS, 500},
    {"a circle of all spans", one_circle, SPANS, 500},
    {"a chain without agents", chain_without_agents, SPANS, 500},
    {"agents of many names", agents_of_many_names, SPANS, 500},
    {"calls in two branches", one_call_in_two_branches, SPANS, 500},
    {"spans of two resources by turns", two_resources, WHOLE, 250},
    {"equal maps of two resources", equal_maps, WHOLE, 1000},
};

static const struct nv_redaction_config redaction = {.secrets = true,
                                                     .stack_traces = NV_STACK_TRACES_LAST};

static void add_rest(void *ctx, struct nv_trace *trace)
{
    struct nv_buf buf;
    nv_buf_init(&buf, (size_t)256 << 20);
    ck_assert(!trace->untranslated);
    ck_assert_int_eq(nv_redact(&redaction, trace, NULL), NV_OK);
    ck_assert_int_eq(nv_encode_trace(&buf, trace, NV_TRACE_ID_UUID), NV_OK);
    nv_buf_release(&buf);
    *(uint64_t *)ctx += nv_meter_spent();
}

static uint64_t work_of(struct nv_buf *buf)
{
    uint64_t spent = 0;
    (void)nv_buf_append_char(buf, '\0');
    ck_assert_int_eq(buf->failed, NV_OK);
    for (size_t i = 0; i < buf->len; i++)
        buf->bytes[i] = buf->bytes[i] == '`' ? '\'' : buf->bytes[i];
    nv_test_json_translate(mapping, buf->bytes, add_rest, &spent);
    nv_buf_release(buf);
    return spent;
}

static uint64_t path_costs(void *ctx, uint32_t n)
{
    const struct path *path = ctx;
    struct nv_buf buf;
    nv_buf_init(&buf, (size_t)64 << 20);
    if (path->scope != WHOLE)
        open_trace(&buf);
    if (path->scope == SPAN)
        open_span(&buf, 1, 0, 1);
    path->write(&buf, n);
    if (path->scope == SPAN)
        close_span(&buf);
    if (path->scope != WHOLE)
        close_trace(&buf);
    return work_of(&buf);
}

START_TEST(each_path_is_linear)
{
    struct path path = paths[_i];
    (void)fprintf(stderr, "%s\n", path.name); /* for who reads a failure */
    nv_test_grows_linearly(path_costs, &path, path.n, path.n / 2);
}
END_TEST

/* ---- every key of the tables ------------------------------------------------------------- */

struct sweep {
    const struct nv_rule_key *key;
    const char *operation;
};

/* The key with its numbers and its rest filled in. */
static void put_key(struct nv_buf *buf, const struct nv_rule_key *key, uint32_t i)
{
    for (size_t at = 0; at < key->pattern.len; at++) {
        bool number = nv_str_starts(nv_str_slice(key->pattern, at, 3), NV_STR("{i}"));
        if (number)
            (void)nv_buf_printf(buf, "%u", i);
        else
            (void)nv_buf_append_char(buf, key->pattern.ptr[at]);
        at += number ? 2 : 0;
    }
    if (key->wild)
        (void)nv_buf_printf(buf, "k%u", i);
}

static uint64_t key_costs(void *ctx, uint32_t n)
{
    static const char *const values[] = {
        "{\\\"k%u\\\":[{\\\"name\\\":\\\"a\\\"}]}", "text %u",
        "[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"%u\\\"}]", "[\\\"%u\\\"]"};
    const struct sweep *sweep = ctx;
    struct nv_buf buf;
    nv_buf_init(&buf, (size_t)64 << 20);
    open_trace(&buf);
    open_span(&buf, 1, 0, 1);
    put_string(&buf, "gen_ai.operation.name", sweep->operation);
    for (uint32_t i = 0; i < n; i++) {
        text(&buf, ",{\"key\":\"");
        put_key(&buf, sweep->key, i);
        text(&buf, "\",\"value\":{\"stringValue\":\"");
        put_form(&buf, values[i % 4], i);
        text(&buf, "\"}}");
    }
    text(&buf, "],\"events\":[{\"name\":\"e\"}");
    for (uint32_t i = 0; i < n; i++)
        text(&buf, ",{\"name\":\"e\"}");
    close_span(&buf);
    close_trace(&buf);
    return work_of(&buf);
}

START_TEST(each_key_is_linear)
{
    static const char *const operations[] = {"chat", "execute_tool", "invoke_agent",
                                             "retrieval"};
    const struct nv_rules *rules = nv_rules_builtin();
    struct sweep sweep = {.operation = operations[_i]};
    for (uint32_t i = 0; i < rules->key_count; i++) {
        sweep.key = &rules->keys[i];
        if (sweep.key->pattern.ptr[0] == '@')
            continue;
        uint64_t small = key_costs(&sweep, 40), large = key_costs(&sweep, 160);
        ck_assert_msg(large <= 6 * small, "%.*s: %llu units, four times as many: %llu",
                      NV_STR_ARG(sweep.key->pattern), (unsigned long long)small,
                      (unsigned long long)large);
    }
}
END_TEST

/* ---- log records ------------------------------------------------------------------------- */

static uint64_t log_costs(void *ctx, uint32_t n)
{
    struct nv_buf spans, logs;
    (void)ctx;
    nv_buf_init(&spans, (size_t)64 << 20);
    nv_buf_init(&logs, (size_t)64 << 20);
    open_trace(&spans);
    text(&logs, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[");
    for (uint32_t i = 1; i <= n; i++) {
        open_span(&spans, i, i - 1, i);
        close_span(&spans);
        text(&spans, i < n ? "," : "");
        (void)nv_buf_printf(&logs,
                            "%s{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":"
                            "\"%016x\",\"eventName\":\"gen_ai.user.message\",\"body\":"
                            "{\"stringValue\":\"%u\"}}",
                            i > 1 ? "," : "", 1 + i * 7 % n, i);
    }
    close_trace(&spans);
    text(&logs, "]}]}]}");
    (void)nv_buf_append_char(&spans, '\0');
    (void)nv_buf_append_char(&logs, '\0');
    struct told *told = told_requests(spans.bytes, logs.bytes);
    uint64_t spent = nv_meter_spent();
    told_free(told);
    nv_buf_release(&spans);
    nv_buf_release(&logs);
    return spent;
}

START_TEST(log_records_are_linear)
{
    nv_test_grows_linearly(log_costs, NULL, 300, 300);
}
END_TEST

/* ---- past the limit ---------------------------------------------------------------------- */

/* Messages that are numbers: two bytes of each become an object. */
static struct told *told_numbers(uint64_t work_per_byte)
{
    struct nv_mapping_config config = {.gateway_version = NV_STR("0"),
                                       .work_per_byte = work_per_byte};
    struct nv_mapping *limited = nv_mapping_new(&config, NULL);
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    text(&buf, "[{'name': 'root', 'id': 1, 'status': 2, 'message': 'it failed', 'attributes': {"
               "'gen_ai.request.headers': 'Bearer x', 'gen_ai.request.model': 'm',"
               "'gen_ai.operation.name': 'chat', 'gen_ai.input.messages': '[");
    for (unsigned i = 0; i < 20000; i++)
        text(&buf, i == 0 ? "1" : ",1");
    text(&buf, "]'}}, {'name': 'child', 'id': 2, 'parent': 1, 'attributes': {'a': 1}}]");
    (void)nv_buf_append_char(&buf, '\0');
    ck_assert_int_eq(buf.failed, NV_OK);
    nv_count_reset();
    struct told *told = told_with(limited, NULL, buf.bytes);
    nv_buf_release(&buf);
    nv_mapping_free(limited);
    return told;
}

START_TEST(past_the_limit_a_trace_goes_out_as_it_came)
{
    struct told *told = told_numbers(1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_UNTRANSLATED), 1);
    const json_t *attributes = json_object_get(json_array_get(told->traces, 0), "attributes");
    const json_t *why = json_object_get(attributes, "noveum.gateway.untranslated");
    ck_assert_msg(json_is_string(why) &&
                      strstr(json_string_value(why), "mapping.work_per_byte"),
                  "no reason");
    told_member(told, NULL, "span_count", "2");
    told_member(told, NULL, "name", "'root'");
    told_member(told, NULL, "status", "'error'");
    told_member(told, "root", "status_message", "'it failed'");
    told_is(told, "root", "gen_ai.request.model", "'m'");
    told_is(told, "root", "llm.model", NULL);
    told_is(told, "root", "gen_ai.request.headers", "'***'");
    told_is(told, "child", "a", "1");
    told_free(told);
}
END_TEST

START_TEST(without_a_limit_it_is_translated)
{
    struct told *told = told_numbers(_i == 0 ? 0 : WORK_PER_BYTE);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_TRACES_UNTRANSLATED), 0);
    told_is(told, "root", "llm.model", "'m'");
    told_free(told);
}
END_TEST

/* ---- what is honest ---------------------------------------------------------------------- */

static void add_bytes(void *ctx, struct nv_trace *trace)
{
    (void)trace;
    *(uint64_t *)ctx += nv_meter_spent();
}

START_TEST(captures_stay_far_below_the_limit)
{
    struct nv_fixtures all;
    nv_test_fixtures_list(&all);
    for (size_t i = 0; i < all.count; i++) {
        struct nv_fixture *fixture = nv_test_fixture_load(all.names[i]);
        uint64_t spent = 0, bytes = 0;
        for (size_t r = 0; r < fixture->request_count; r++)
            bytes += fixture->requests[r].body.len;
        nv_test_case_translate(mapping, fixture, add_bytes, &spent);
        ck_assert_msg(spent * HONEST_SHARE <= bytes * WORK_PER_BYTE,
                      "%s: %llu units for %llu bytes", all.names[i], (unsigned long long)spent,
                      (unsigned long long)bytes);
        nv_test_fixture_free(fixture);
    }
    nv_test_fixtures_release(&all);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/work");
    TCase *tcase = tcase_create("work");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, each_path_is_linear, 0, sizeof paths / sizeof *paths);
    tcase_add_loop_test(tcase, each_key_is_linear, 0, 4);
    tcase_add_test(tcase, log_records_are_linear);
    tcase_add_test(tcase, past_the_limit_a_trace_goes_out_as_it_came);
    tcase_add_loop_test(tcase, without_a_limit_it_is_translated, 0, 2);
    tcase_add_test(tcase, captures_stay_far_below_the_limit);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
