/*
 * The encoder against the target example (tests/data/target-example.json, a trace as the
 * backend should get it), built here by hand as the model has it; field order; and what must
 * never break the JSON: invalid UTF-8, odd numbers, deep values, any random trace.
 */
#include "expect.h"
#include "fixtures.h"

#include "base/clock.h"
#include "base/text/text.h"
#include "exporter/encode/encode.h"
#include "exporter/encode/encoded.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

#define SECOND UINT64_C(1795357249)
#define AT(s, us) ((SECOND + (s)) * NV_NS_PER_S + (uint64_t)(us)*1000)

static struct nv_arena *arena;

static void open_arena(void)
{
    arena = nv_arena_new((size_t)64 << 20);
}

static void close_arena(void)
{
    nv_arena_free(arena);
}

/* Attributes from the text of a JSON object, which must outlive them. */
static struct nv_attributes attributes_of(struct nv_str json)
{
    struct nv_attributes list = {0};
    struct nv_value value;

    ck_assert_int_eq(nv_value_from_json(arena, json, NULL, &value), NV_OK);
    for (uint32_t i = 0; i < value.as.map.count; i++) {
        ck_assert_int_eq(nv_attributes_add(&list, arena, value.as.map.items[i].key,
                                           value.as.map.items[i].value),
                         NV_OK);
    }
    return list;
}

static struct nv_attributes attributes(const char *json)
{
    return attributes_of(nv_str_from(json));
}

static void id(const char *hex, uint8_t *out, size_t len)
{
    ck_assert_int_eq(nv_hex_decode(nv_str_from(hex), out, len), NV_OK);
}

static struct nv_origin origin(const char *scope, const char *version, const char *resource)
{
    return (struct nv_origin){.resource = attributes(resource),
                              .scope_name = nv_str_from(scope),
                              .scope_version = nv_str_from(version)};
}

static struct nv_span span(const char *hex, const char *parent, const char *name,
                           const struct nv_origin *from)
{
    struct nv_span s = {.name = nv_str_from(name),
                        .source_name = nv_str_from(name),
                        .kind = NV_SPAN_KIND_INTERNAL,
                        .origin = from};

    id(hex, s.span_id, sizeof s.span_id);
    s.has_parent = parent != NULL;
    if (parent)
        id(parent, s.parent_id, sizeof s.parent_id);
    return s;
}

static const char agent_attributes[] =
    "{\"agent.name\":\"support\",\"agent.id\":\"agent_support_1\",\"agent.type\":\"agent\","
    "\"agent.operation\":\"invoke_agent\",\"llm.aggregated_usage.input_tokens\":340,"
    "\"llm.aggregated_usage.output_tokens\":61}";
static const char tool_attributes[] =
    "{\"tool.name\":\"get_order\",\"tool.call_id\":\"call_1\",\"tool.type\":\"function\","
    "\"tool.input\":{\"id\":1001},\"tool.status\":\"error\",\"error.type\":"
    "\"ServiceUnavailable\","
    "\"exception.type\":\"ServiceUnavailable\",\"exception.message\":\"order service: 503\"}";
static const char exception_event[] =
    "{\"exception.type\":\"ServiceUnavailable\",\"exception.message\":\"order service: 503\","
    "\"exception.stacktrace\":\"Traceback (most recent call last): ...\"}";
static const char resource[] =
    "{\"service.name\":\"support-bot\",\"service.version\":\"2.4.1\","
    "\"deployment.environment.name\":\"production\",\"telemetry.sdk.language\":\"python\","
    "\"telemetry.sdk.name\":\"opentelemetry\",\"telemetry.sdk.version\":\"1.45.2\"}";

/* Attributes of the example's two long spans are taken from the example: they only pass
 * through. */
static struct nv_attributes from_example(const json_t *example, size_t index)
{
    const json_t *trace = json_array_get(json_object_get(example, "traces"), 0);
    const json_t *one = json_array_get(json_object_get(trace, "spans"), index);
    char *text = json_dumps(json_object_get(one, "attributes"), JSON_REAL_PRECISION(15));
    struct nv_attributes list = attributes_of(nv_arena_dup(arena, nv_str_from(text)));

    free(text);
    return list;
}

static void fill_tool(struct nv_span *s)
{
    static struct nv_event event;

    s->start_ns = AT(1, 420000);
    s->end_ns = AT(1, 520000);
    s->status = NV_STATUS_ERROR;
    s->status_message = s->source_status_message = NV_STR("order service: 503");
    s->status_code = NV_STATUS_CODE_ERROR;
    s->attributes = attributes(tool_attributes);
    event = (struct nv_event){NV_STR("exception"), AT(1, 519000), attributes(exception_event)};
    s->events = &event;
    s->event_count = 1;
    s->has_exception = true;
    s->exception_type = NV_STR("ServiceUnavailable");
    s->exception_message = NV_STR("order service: 503");
    s->exception_stacktrace = NV_STR("Traceback (most recent call last): ...");
}

static void fill_last(struct nv_span *s, const json_t *example)
{
    static struct nv_link link;

    s->start_ns = AT(1, 760000);
    s->end_ns = AT(3, 590000);
    s->kind = NV_SPAN_KIND_CLIENT;
    s->attributes = from_example(example, 4);
    id("0af7651916cd43dd8448eb211c80319c", link.trace_id, sizeof link.trace_id);
    id("b7ad6b7169203331", link.span_id, sizeof link.span_id);
    link.attributes = attributes("{\"reason\":\"handoff\"}");
    s->links = &link;
    s->link_count = 1;
}

static void fill_spans(struct nv_span spans[5], struct nv_origin origins[3],
                       const json_t *example)
{
    static const char root[] = "00f067aa0ba902b7";

    origins[0] = origin("opentelemetry.instrumentation.agents", "1.0.0", resource);
    origins[1] = origin("opentelemetry.instrumentation.openai_v2", "2.4b0", resource);
    origins[2] = origin("openinference.instrumentation.langchain", "0.1.80",
                        "{\"service.name\":\"kb\",\"telemetry.sdk.language\":\"python\"}");
    spans[0] = span(root, NULL, "invoke_agent support", &origins[0]);
    spans[0].start_ns = AT(0, 100000);
    spans[0].end_ns = AT(3, 600250);
    spans[0].attributes = attributes(agent_attributes);
    spans[1] = span("1b2c3d4e5f60718a", root, "chat gpt-4o-mini", &origins[1]);
    spans[1].start_ns = AT(0, 110000);
    spans[1].end_ns = AT(1, 410000);
    spans[1].kind = NV_SPAN_KIND_CLIENT;
    spans[1].attributes = from_example(example, 1);
    spans[2] = span("2c3d4e5f60718a9b", root, "execute_tool get_order", &origins[0]);
    fill_tool(&spans[2]);
    spans[3] = span("3d4e5f60718a9bac", root, "VectorStoreRetriever", &origins[2]);
    spans[3].start_ns = AT(1, 600000);
    spans[3].end_ns = AT(1, 740000);
    spans[3].status_code = NV_STATUS_CODE_OK;
    spans[3].attributes = from_example(example, 3);
    spans[4] = span("4e5f60718a9bacbd", root, "chat gpt-4o-mini", &origins[1]);
    fill_last(&spans[4], example);
}

static struct nv_trace example_trace(struct nv_span spans[5], struct nv_origin origins[3],
                                     const json_t *example)
{
    struct nv_trace trace = {
        .name = NV_STR("invoke_agent support"),
        .start_ns = AT(0, 100000),
        .end_ns = AT(3, 600250),
        .status = NV_STATUS_ERROR,
        .status_message = NV_STR("execute_tool get_order: order service: 503"),
        .error_count = 1,
        .project = NV_STR("support-bot"),
        .environment = NV_STR("production"),
        .service_version = NV_STR("2.4.1"),
        .user_id = NV_STR("user-42"),
        .session_id = NV_STR("conv-7f3a"),
        .origin = &origins[0],
        .spans = spans,
        .span_count = 5,
    };

    fill_spans(spans, origins, example);
    id("4bdd6520a26032ed5f00d3897e6a87dc", trace.trace_id, sizeof trace.trace_id);
    memcpy(trace.source_trace_id, trace.trace_id, sizeof trace.trace_id);
    trace.attributes =
        attributes("{\"noveum.project\":\"support-bot\",\"noveum.environment\":"
                   "\"production\",\"noveum.gateway.version\":\"0.1.0\","
                   "\"agent_graph.name\":\"support\",\"agent_graph.node_count\":1,"
                   "\"agent_graph.connection_count\":0}");
    trace.custom_attributes = attributes("{\"tier\":\"gold\"}");
    return trace;
}

static json_t *load_example(void)
{
    struct nv_str text = nv_test_read_file(NOVEUM_SOURCE_DIR "/tests/data/target-example.json");
    json_t *root = json_loadb(text.ptr, text.len, 0, NULL);

    free((void *)(uintptr_t)text.ptr);
    ck_assert_ptr_nonnull(root);
    return root;
}

/* 100 and 100.0 are the same number to the backend, not to jansson. */
static json_t *reparse(struct nv_str text)
{
    json_error_t error;
    json_t *root = json_loadb(text.ptr, text.len,
                              JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(root != NULL, "not JSON: %s at %d", error.text, error.position);
    return root;
}

START_TEST(target_example_is_reproduced)
{
    json_t *example = load_example();
    struct nv_span spans[5];
    struct nv_origin origins[3];
    struct nv_trace trace = example_trace(spans, origins, example);
    struct nv_buf buf;
    char *wanted;
    json_t *mine, *theirs;

    json_object_set_new(
        json_object_get(json_array_get(json_object_get(example, "traces"), 0), "sdk"),
        "version", json_string(NOVEUM_VERSION));
    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    wanted = json_dumps(json_array_get(json_object_get(example, "traces"), 0),
                        JSON_REAL_PRECISION(15));
    mine = reparse(nv_buf_str(&buf));
    theirs = reparse(nv_str_from(wanted));
    if (!json_equal(mine, theirs)) {
        char *dump = json_dumps(mine, JSON_REAL_PRECISION(15));
        char *dump2 = json_dumps(theirs, JSON_REAL_PRECISION(15));

        ck_assert_json_eq(nv_str_from(dump), nv_str_from(dump2));
    }
    json_decref(mine);
    json_decref(theirs);
    json_decref(example);
    free(wanted);
    nv_buf_release(&buf);
}
END_TEST

static void check_order(struct nv_str text, const char *const *keys, size_t count)
{
    size_t from = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at = nv_str_find(nv_str_slice(text, from, SIZE_MAX), nv_str_from(keys[i]));

        ck_assert_msg(at != SIZE_MAX, "%s is not behind the key before it", keys[i]);
        from += at;
    }
}

START_TEST(fields_are_in_wire_order)
{
    static const char *const keys[] = {"{\"trace_id\":",
                                       "\"name\":",
                                       "\"start_time\":",
                                       "\"end_time\":",
                                       "\"duration_ms\":",
                                       "\"status\":",
                                       "\"status_message\":",
                                       "\"span_count\":",
                                       "\"error_count\":",
                                       "\"attributes\":",
                                       "\"metadata\":",
                                       "\"spans\":[{\"span_id\":",
                                       "\"trace_id\":",
                                       "\"parent_span_id\":null",
                                       "\"name\":",
                                       "\"start_time\":",
                                       "\"end_time\":",
                                       "\"duration_ms\":",
                                       "\"status\":",
                                       "\"status_message\":null",
                                       "\"attributes\":",
                                       "\"events\":[]",
                                       "\"links\":[]",
                                       "\"otel\":{\"trace_id\":",
                                       "\"events\":[],\"sdk\":{",
                                       "\"service_version\":",
                                       "\"project\":",
                                       "\"environment\":",
                                       "\"schema_version\":\"2.0\"",
                                       "\"otel\":{\"trace_id\":",
                                       "\"resource\":"};
    json_t *example = load_example();
    struct nv_span spans[5];
    struct nv_origin origins[3];
    struct nv_trace trace = example_trace(spans, origins, example);
    struct nv_buf buf;

    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    check_order(nv_buf_str(&buf), keys, sizeof keys / sizeof *keys);
    nv_buf_release(&buf);
    json_decref(example);
}
END_TEST

static struct nv_trace small_trace(struct nv_span *one, struct nv_origin *from)
{
    *from = origin("s", "", "{}");
    *one = span("0102030405060708", NULL, "n", from);
    one->start_ns = AT(0, 0);
    one->end_ns = AT(0, 0) + 18;
    return (struct nv_trace){.trace_id = {0xab},
                             .source_trace_id = {0xcd},
                             .name = NV_STR("n"),
                             .start_ns = one->start_ns,
                             .end_ns = one->end_ns,
                             .project = NV_STR("p"),
                             .environment = NV_STR("e"),
                             .origin = from,
                             .spans = one,
                             .span_count = 1};
}

START_TEST(small_facts)
{
    struct nv_span one;
    struct nv_origin from;
    struct nv_trace trace = small_trace(&one, &from);
    struct nv_buf buf;
    struct nv_str text;

    one.kind = 17;
    one.status_code = -3;
    one.trace_state = NV_STR("a=b");
    one.dropped_events = 2;
    one.status = NV_STATUS_TIMEOUT;
    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_HEX), NV_OK);
    text = nv_buf_str(&buf);
    ck_assert(nv_str_find(text, NV_STR("\"trace_id\":\"ab000000000000000000000000000000\"")) !=
              SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("\"trace_id\":\"cd000000000000000000000000000000\"")) !=
              SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("\"kind\":\"17\",\"status\":{\"code\":\"-3\"}")) !=
              SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("\"trace_state\":\"a=b\"")) != SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("\"dropped_events_count\":2")) != SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("dropped_links_count")) == SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("\"status\":\"timeout\"")) != SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("service_version")) == SIZE_MAX);
    ck_assert(nv_str_find(text, NV_STR("\"duration_ms\":0.000018")) != SIZE_MAX ||
              nv_str_find(text, NV_STR("\"duration_ms\":1.8e-05")) != SIZE_MAX ||
              nv_str_find(text, NV_STR("\"duration_ms\":1.8e-5")) != SIZE_MAX);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(resource_differences_only)
{
    struct nv_span one;
    struct nv_origin from, other;
    struct nv_trace trace = small_trace(&one, &from);
    struct nv_buf buf;

    from.resource = attributes("{\"a\":1,\"b\":{\"c\":[1,2]},\"d\":\"x\"}");
    other = origin("s", "2", "{\"a\":1,\"b\":{\"c\":[1,3]},\"e\":null}");
    other.scope_attributes = attributes("{\"k\":true}");
    one.origin = &other;
    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    ck_assert(
        nv_str_find(nv_buf_str(&buf),
                    NV_STR("\"scope\":{\"name\":\"s\",\"version\":\"2\",\"attributes\":{"
                           "\"k\":true}},\"resource\":{\"b\":{\"c\":[1,3]},\"e\":null}")) !=
        SIZE_MAX);
    nv_buf_clear(&buf);
    other.resource = attributes("{\"d\":\"x\",\"a\":1}");
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&buf), NV_STR("}},\"resource\"")) == SIZE_MAX);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(without_origin)
{
    struct nv_span one;
    struct nv_origin from;
    struct nv_trace trace = small_trace(&one, &from);
    struct nv_buf buf;

    trace.origin = NULL;
    one.origin = NULL;
    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&buf), NV_STR("\"resource\":{}")) != SIZE_MAX);
    json_decref(reparse(nv_buf_str(&buf)));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(stub_says_why)
{
    struct nv_span one;
    struct nv_origin from;
    struct nv_trace trace = small_trace(&one, &from);
    struct nv_buf buf;
    json_t *root;

    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_encode_stub(&buf, &trace, NV_TRACE_ID_UUID, "too \"big\""), NV_OK);
    root = reparse(nv_buf_str(&buf));
    ck_assert_str_eq(json_string_value(json_object_get(root, "status")), "error");
    ck_assert_str_eq(json_string_value(json_object_get(root, "status_message")), "too \"big\"");
    ck_assert_uint_eq(json_array_size(json_object_get(root, "spans")), 0);
    json_decref(root);
    nv_buf_release(&buf);
}
END_TEST

START_TEST(limit_and_memory_are_errors)
{
    struct nv_span one;
    struct nv_origin from;
    struct nv_trace trace = small_trace(&one, &from);
    struct nv_buf buf;

    for (size_t max = 1; max < 600; max += 7) {
        nv_buf_init(&buf, max);
        ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_ERR_LIMIT);
        nv_buf_release(&buf);
    }
}
END_TEST

/* ---- random traces ----------------------------------------------------------------------- */

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* Without NUL, which is fine in JSON but not in jansson's keys. */
static struct nv_str random_text(void)
{
    size_t len = draw(4) == 0 ? draw(300) : draw(12);
    char *text = nv_arena_raw(arena, len + 1);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < len; i++)
        text[i] = draw(3) == 0 ? (char)(1 + draw(255)) : (char)(32 + draw(95));
    return (struct nv_str){text, len};
}

static struct nv_value random_value(unsigned depth)
{
    struct nv_value v = nv_value_null();

    v.type = (uint8_t)draw(depth > 4 ? NV_VALUE_ARRAY : NV_VALUE_JSON + 1);
    if (v.type == NV_VALUE_BOOL) {
        v.as.boolean = draw(2) == 0;
    } else if (v.type == NV_VALUE_INT) {
        v.as.integer = (int64_t)(draw(UINT64_MAX) - draw(UINT64_MAX));
    } else if (v.type == NV_VALUE_DOUBLE) {
        v.as.number =
            draw(5) == 0 ? (draw(2) == 0 ? NAN : INFINITY) : ldexp((double)draw(1000), -5);
    } else if (v.type == NV_VALUE_STRING || v.type == NV_VALUE_BYTES) {
        v.as.string = random_text();
    } else if (v.type == NV_VALUE_JSON) {
        v.as.string = NV_STR("{\"already\": [1, \"json\"]}");
    } else if (v.type == NV_VALUE_ARRAY) {
        v.as.array.count = (uint32_t)draw(4);
        v.as.array.items = nv_arena_array(arena, v.as.array.count, sizeof(struct nv_value));
        for (uint32_t i = 0; i < v.as.array.count; i++)
            v.as.array.items[i] = random_value(depth + 1);
    } else if (v.type == NV_VALUE_MAP) {
        v.as.map.count = (uint32_t)draw(4);
        v.as.map.items = nv_arena_array(arena, v.as.map.count, sizeof(struct nv_attribute));
        for (uint32_t i = 0; i < v.as.map.count; i++)
            v.as.map.items[i] = (struct nv_attribute){random_text(), random_value(depth + 1)};
    }
    return v;
}

static struct nv_attributes random_attributes(void)
{
    struct nv_attributes list = {0};

    for (uint64_t i = draw(6); i > 0; i--) {
        ck_assert_int_eq(nv_attributes_add(&list, arena, random_text(), random_value(0)),
                         NV_OK);
    }
    return list;
}

static void randomise(struct nv_span *s, struct nv_origin *origins)
{
    s->name = s->source_name = random_text();
    s->start_ns = draw(UINT64_MAX);
    s->end_ns = s->start_ns + draw(UINT64_MAX - s->start_ns);
    s->kind = (int32_t)draw(9) - 1;
    s->status_code = (int32_t)draw(5) - 1;
    s->status = (enum nv_status)draw(3);
    s->status_message = draw(2) == 0 ? (struct nv_str){0} : random_text();
    s->source_status_message = random_text();
    s->origin = draw(4) == 0 ? NULL : &origins[draw(2)];
    s->attributes = random_attributes();
    s->event_count = (uint32_t)draw(3);
    s->events = nv_arena_array(arena, s->event_count, sizeof *s->events);
    for (uint32_t i = 0; i < s->event_count; i++)
        s->events[i] = (struct nv_event){random_text(), draw(UINT64_MAX), random_attributes()};
    s->link_count = (uint32_t)draw(2);
    s->links = nv_arena_array(arena, s->link_count, sizeof *s->links);
    s->has_exception = draw(2) == 0;
    s->exception_type = s->exception_message = random_text();
}

START_TEST(any_trace_is_valid_json)
{
    struct nv_origin origins[2];
    struct nv_span spans[4] = {0};
    struct nv_trace trace = {.name = NV_STR("r"), .spans = spans};
    struct nv_buf buf;

    state = 88172645463325252u + (uint64_t)_i * 7919;
    for (int round = 0; round < 50; round++) {
        json_error_t error;
        json_t *root;

        origins[0] =
            (struct nv_origin){.resource = random_attributes(), .scope_name = random_text()};
        origins[1] = (struct nv_origin){.resource = random_attributes()};
        trace.span_count = (uint32_t)draw(5);
        for (uint32_t i = 0; i < trace.span_count; i++)
            randomise(&spans[i], origins);
        trace.origin = draw(3) == 0 ? NULL : &origins[0];
        trace.user_id = draw(2) == 0 ? random_text() : (struct nv_str){0};
        trace.tags = random_attributes();
        trace.service_version = random_text();
        nv_buf_init(&buf, SIZE_MAX);
        ck_assert_int_eq(nv_encode_trace(&buf, &trace, NV_TRACE_ID_UUID), NV_OK);
        root = json_loadb(buf.bytes, buf.len, JSON_ALLOW_NUL, &error);
        ck_assert_msg(root != NULL, "not JSON: %s at %d", error.text, error.position);
        ck_assert_uint_eq(json_array_size(json_object_get(root, "spans")), trace.span_count);
        ck_assert_ptr_null(memchr(buf.bytes, '\n', buf.len));
        json_decref(root);
        nv_buf_release(&buf);
        nv_arena_reset(arena);
    }
}
END_TEST

/* The longer form is as long as the cap of its buffers; the shorter is 32 digits. */
START_TEST(ids_fill_their_buffers)
{
    static const struct {
        enum nv_trace_id_form form;
        size_t len;
    } forms[] = {{NV_TRACE_ID_UUID, NV_TRACE_ID_TEXT_MAX}, {NV_TRACE_ID_HEX, 32}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct nv_trace trace = {.name = NV_STR("t"), .trace_id = {0xff, 0xfe}};
        struct nv_buf buf;
        nv_buf_init(&buf, 1u << 20);
        ck_assert_int_eq(nv_encode_trace(&buf, &trace, forms[i].form), NV_OK);
        struct nv_encoded_facts facts;
        ck_assert_int_eq(nv_encoded_read_facts(nv_buf_str(&buf), &facts), NV_OK);
        ck_assert_uint_eq(facts.trace_id.len, forms[i].len);
        ck_assert(nv_str_starts(facts.trace_id, NV_STR("fffe")));
        nv_buf_release(&buf);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/encode");
    TCase *tcase = tcase_create("encode");

    tcase_add_checked_fixture(tcase, open_arena, close_arena);
    tcase_add_test(tcase, target_example_is_reproduced);
    tcase_add_test(tcase, fields_are_in_wire_order);
    tcase_add_test(tcase, small_facts);
    tcase_add_test(tcase, resource_differences_only);
    tcase_add_test(tcase, without_origin);
    tcase_add_test(tcase, stub_says_why);
    tcase_add_test(tcase, limit_and_memory_are_errors);
    tcase_add_loop_test(tcase, any_trace_is_valid_json, 0, 10);
    tcase_add_test(tcase, ids_fill_their_buffers);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
