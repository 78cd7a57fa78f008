/*
 * See mapping_spans.h. Short spans are turned into OTLP/JSON with jansson and go through the
 * door's own decoder, so that what is tested is what a client would send. Results are compared
 * as JSON values, whatever the order of keys.
 */
#include "tests/support/mapping_spans.h"

#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define START_MS 1700000000000

static json_t *parse(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    json_error_t error;
    ck_assert_ptr_nonnull(copy);
    for (size_t i = 0; i <= len; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i] == '`' ? '\'' : text[i];
    json_t *json = json_loads(copy, JSON_DECODE_ANY, &error);
    ck_assert_msg(json != NULL, "%s in: %s", error.text, copy);
    free(copy);
    return json;
}

static json_t *attributes_of(const json_t *object);

static json_t *any_value(const json_t *value)
{
    char text[32];
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_pack("{s:O}", "stringValue", value);
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return json_pack("{s:s}", "intValue", text);
    case JSON_REAL:
        return json_pack("{s:f}", "doubleValue", json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return json_pack("{s:b}", "boolValue", json_is_true(value));
    case JSON_OBJECT:
        return json_pack("{s:{s:o}}", "kvlistValue", "values", attributes_of(value));
    case JSON_ARRAY: {
        json_t *list = json_array();
        size_t i;
        json_t *item;
        json_array_foreach(value, i, item) json_array_append_new(list, any_value(item));
        return json_pack("{s:{s:o}}", "arrayValue", "values", list);
    }
    default:
        return json_object();
    }
}

static json_t *attributes_of(const json_t *object)
{
    json_t *list = json_array();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        json_array_append_new(list,
                              json_pack("{s:s,s:o}", "key", key, "value", any_value(value)));
    }
    return list;
}

static json_int_t number(const json_t *span, const char *key, json_int_t fallback)
{
    const json_t *value = json_object_get(span, key);
    return value ? json_integer_value(value) : fallback;
}

static json_t *nanoseconds(json_int_t ms)
{
    char text[32];
    snprintf(text, sizeof text, "%lld000000", (long long)(START_MS + ms));
    return json_string(text);
}

static json_t *span_id(json_int_t id)
{
    char text[32];
    snprintf(text, sizeof text, "%016llx", (long long)id);
    return json_string(text);
}

static json_t *events_of(const json_t *span)
{
    json_t *list = json_array(), *event;
    size_t i;
    json_array_foreach(json_object_get(span, "events"), i, event)
    {
        json_array_append_new(
            list, json_pack("{s:O,s:o,s:o}", "name", json_object_get(event, "name"),
                            "timeUnixNano", nanoseconds(number(event, "at", 0)), "attributes",
                            attributes_of(json_object_get(event, "attributes"))));
    }
    return list;
}

static json_t *links_of(const json_t *span)
{
    json_t *list = json_array(), *link;
    size_t i;
    json_array_foreach(json_object_get(span, "links"), i, link)
    {
        json_array_append_new(list, json_pack("{s:s,s:o}", "traceId",
                                              "0123456789abcdef0123456789abcdef", "spanId",
                                              span_id(json_integer_value(link))));
    }
    return list;
}

static json_t *otlp_span(const json_t *span, json_int_t place)
{
    json_int_t parent = number(span, "parent", 0);
    const json_t *message = json_object_get(span, "message");
    json_t *out = json_pack(
        "{s:s,s:o,s:O,s:I,s:o,s:o,s:o,s:o,s:o,s:{s:I,s:s}}", "traceId",
        "0123456789abcdef0123456789abcdef", "spanId", span_id(number(span, "id", place)),
        "name", json_object_get(span, "name"), "kind", number(span, "kind", 1),
        "startTimeUnixNano", nanoseconds(number(span, "start", place)), "endTimeUnixNano",
        nanoseconds(number(span, "end", 100 + place)), "attributes",
        attributes_of(json_object_get(span, "attributes")), "events", events_of(span), "links",
        links_of(span), "status", "code", number(span, "status", 0), "message",
        message ? json_string_value(message) : "");
    ck_assert_ptr_nonnull(out);
    if (parent)
        json_object_set_new(out, "parentSpanId", span_id(parent));
    return out;
}

static char *request_of(const char *resource, const char *spans)
{
    json_t *list = parse(spans), *scopes = json_array(), *span;
    json_t *attributes = parse(resource ? resource : "{'service.name': 'test'}");
    size_t i;
    json_array_foreach(list, i, span)
    {
        const json_t *scope = json_object_get(span, "scope");
        json_array_append_new(scopes, json_pack("{s:{s:s},s:[o]}", "scope", "name",
                                                scope ? json_string_value(scope) : "", "spans",
                                                otlp_span(span, (json_int_t)i + 1)));
    }
    json_t *request = json_pack("{s:[{s:{s:o},s:o}]}", "resourceSpans", "resource",
                                "attributes", attributes_of(attributes), "scopeSpans", scopes);
    char *text = json_dumps(request, JSON_ENSURE_ASCII);
    json_decref(request);
    json_decref(attributes);
    json_decref(list);
    return text;
}

static void keep(void *ctx, struct nv_trace *trace)
{
    struct told *told = ctx;
    struct nv_buf buf;
    json_error_t error;
    nv_buf_init(&buf, (size_t)64 << 20);
    nv_test_trace_write(&buf, trace);
    /* no object of any trace may hold a key twice */
    json_t *json = json_loadb(buf.bytes, buf.len, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "%s near %.*s", error.text, error.position < 200 ? 0 : 200,
                  buf.bytes + error.position - 200);
    json_array_append_new(told->traces, json);
    nv_buf_release(&buf);
}

struct told *told_with(const struct nv_mapping *mapping, const char *resource,
                       const char *spans)
{
    struct told *told = calloc(1, sizeof *told);
    char *request = request_of(resource, spans);
    ck_assert_ptr_nonnull(told);
    ck_assert_ptr_nonnull(request);
    told->traces = json_array();
    nv_test_json_translate(mapping, request, keep, told);
    free(request);
    return told;
}

struct told *told_by(const char *spans)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct told *told = told_with(mapping, NULL, spans);
    nv_mapping_free(mapping);
    return told;
}

struct told *told_requests(const char *traces, const char *logs)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct told *told = calloc(1, sizeof *told);
    ck_assert_ptr_nonnull(told);
    told->traces = json_array();
    struct nv_fixture_request requests[2] = {{.signal = NV_SIGNAL_TRACES, .json = true},
                                             {.signal = NV_SIGNAL_LOGS, .json = true}};
    const char *bodies[2] = {traces, logs};
    size_t first = traces ? 0 : 1;
    size_t count = logs ? 2 : 1;
    for (size_t i = first; i < count; i++) {
        json_t *body = parse(bodies[i]);
        char *text = json_dumps(body, JSON_ENSURE_ASCII);
        requests[i].body = nv_str_from(text);
        json_decref(body);
    }
    struct nv_fixture fixture = {.requests = requests + first, .request_count = count - first};
    nv_test_case_translate(mapping, &fixture, keep, told);
    for (size_t i = first; i < count; i++)
        free((char *)(uintptr_t)requests[i].body.ptr);
    nv_mapping_free(mapping);
    return told;
}

void told_free(struct told *told)
{
    json_decref(told->traces);
    free(told);
}

json_t *told_span(const struct told *told, const char *name)
{
    size_t t, s;
    json_t *trace, *span;
    json_array_foreach(told->traces, t, trace)
    {
        json_array_foreach(json_object_get(trace, "spans"), s, span)
        {
            if (strcmp(json_string_value(json_object_get(span, "name")), name) == 0)
                return span;
        }
    }
    ck_abort_msg("no span called %s", name);
    return NULL;
}

static void compare(const json_t *got, const char *json, const char *what)
{
    char *text = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    if (json) {
        json_t *want = parse(json);
        bool same = got && json_equal(got, want);
        if (got && json_is_number(got) && json_is_number(want))
            same = json_number_value(got) == json_number_value(want);
        ck_assert_msg(same, "%s is %s, expected %s", what, text ? text : "absent", json);
        json_decref(want);
    } else {
        ck_assert_msg(got == NULL, "%s is %s, expected to be absent", what, text);
    }
    free(text);
}

void told_is(const struct told *told, const char *span, const char *key, const char *json)
{
    const json_t *attributes = json_object_get(told_span(told, span), "attributes");
    compare(json_object_get(attributes, key), json, key);
}

void told_member(const struct told *told, const char *span, const char *path, const char *json)
{
    const json_t *at = span ? told_span(told, span) : json_array_get(told->traces, 0);
    char copy[256];
    snprintf(copy, sizeof copy, "%s", path);
    for (char *part = copy; part && at;) {
        char *dot = strchr(part, '.');
        if (dot)
            *dot = '\0';
        at = json_object_get(at, part);
        part = dot ? dot + 1 : NULL;
    }
    compare(at, json, path);
}

const char *told_kind(const struct told *told, const char *span)
{
    static const char *const kinds[][2] = {
        {"tool.name", "tool"},       {"embedding.", "embedding"}, {"rerank.", "rerank"},
        {"retrieval.", "retrieval"}, {"llm.model", "llm"},        {"llm.provider", "llm"},
        {"llm.operation", "llm"},    {"agent.", "agent"},         {"chain.", "chain"}};
    json_t *attributes = json_object_get(told_span(told, span), "attributes"), *value;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *key;
        size_t len = strlen(kinds[i][0]);
        bool prefix = kinds[i][0][len - 1] == '.';
        json_object_foreach(attributes, key, value)
        {
            if (prefix ? strncmp(key, kinds[i][0], len) == 0 : strcmp(key, kinds[i][0]) == 0)
                return kinds[i][1];
        }
    }
    return "";
}

struct nv_mapping *told_mapping(const char *rules, struct nv_fail *fail)
{
    char path[] = "/tmp/noveum-rules-XXXXXX";
    struct nv_fail own = {0};
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, rules, strlen(rules)), (ssize_t)strlen(rules));
    close(fd);
    struct nv_mapping_config config = {.gateway_version = NV_STR("0.0.0-test"),
                                       .rules_file = nv_str_from(path)};
    struct nv_mapping *mapping = nv_mapping_new(&config, fail ? fail : &own);
    unlink(path);
    ck_assert_msg(mapping || fail, "%s: %s", own.path, own.what);
    return mapping;
}
