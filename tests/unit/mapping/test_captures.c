/*
 * What must hold of every capture in tests/fixtures, with or without a golden of its own.
 *
 *   body as sent ─▶ protobuf-c ─┬─▶ OTLP/JSON, protobuf ─▶ translated: the same bytes
 *                               └─▶ its attributes        ─▶ each is in the translated span
 *   case.json: what the model was asked to bill           ─▶ the trace's sums are not above
 *
 * JSON is written and read by the oracle (otlp_oracle.h), which shares nothing with otlp/.
 */
#include "tests/support/expect.h"
#include "tests/support/kept.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/otlp_oracle.h"

#include "otlp/request/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define OUTPUT_MAX ((size_t)512 << 20)

/* ---- walking ------------------------------------------------------------------------------- */

typedef void check_case(const struct nv_mapping *mapping, const struct nv_fixture *fixture);

static void each_case(check_case *check)
{
    const char *only = getenv("GOLDEN_ONLY");
    struct nv_fixtures all;
    struct nv_mapping *mapping = nv_test_mapping_new();
    nv_test_fixtures_list(&all);
    ck_assert_uint_ge(all.count, 368);
    for (size_t i = 0; i < all.count; i++) {
        if (only && strcmp(only, all.names[i]) != 0)
            continue;
        struct nv_fixture *fixture = nv_test_fixture_load(all.names[i]);
        check(mapping, fixture);
        nv_test_fixture_free(fixture);
    }
    nv_test_fixtures_release(&all);
    nv_mapping_free(mapping);
}

/* New: the request as protobuf-c reads it, which a JSON body becomes by otlp/ (that it says the
 * same is otlp/request/test_request.c's). */
static ProtobufCMessage *message_of(const struct nv_fixture_request *request)
{
    struct nv_request_limits limits = {0};
    struct nv_request_result result;
    struct nv_fail fail = {0};
    struct nv_batch *batch;
    if (!request->json)
        return nv_test_unpack(request->signal, request->body);
    char *copy = malloc(request->body.len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, request->body.ptr, request->body.len);
    enum nv_err err = nv_request_decode(
        &(struct nv_request_body){request->signal, NV_MEDIA_JSON, copy, request->body.len},
        &limits, &result, &batch, &fail);
    ck_assert_msg(err == NV_OK, "%s: %s", request->file, fail.what);
    ProtobufCMessage *message =
        nv_test_unpack(request->signal, (struct nv_str){batch->body, batch->body_len});
    nv_batch_free(batch);
    return message;
}

static void append(void *ctx, struct nv_trace *trace)
{
    if (trace->span_count == 0) /* all of them are left out: it is not sent */
        return;
    nv_test_trace_write(ctx, trace);
    ck_assert_int_eq(nv_buf_append_char(ctx, '\n'), NV_OK);
}

/* ---- JSON and protobuf --------------------------------------------------------------------- */

/* Translates the case with every body encoded anew, as JSON or as protobuf. */
static void translate_as(const struct nv_mapping *mapping, const struct nv_fixture *fixture,
                         bool json, struct nv_buf *out)
{
    struct nv_fixture again = *fixture;
    struct nv_buf *bodies = calloc(fixture->request_count, sizeof *bodies);
    again.requests = calloc(fixture->request_count, sizeof *again.requests);
    ck_assert(bodies && again.requests);
    for (size_t i = 0; i < fixture->request_count; i++) {
        ProtobufCMessage *message = message_of(&fixture->requests[i]);
        ck_assert_ptr_nonnull(message);
        nv_buf_init(&bodies[i], OUTPUT_MAX);
        if (json)
            nv_test_to_json(message, &bodies[i]);
        else
            nv_test_pack(message, &bodies[i]);
        again.requests[i] = fixture->requests[i];
        again.requests[i].json = json;
        again.requests[i].body = nv_buf_str(&bodies[i]);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    nv_test_case_translate(mapping, &again, append, out);
    for (size_t i = 0; i < fixture->request_count; i++)
        nv_buf_release(&bodies[i]);
    free(bodies);
    free(again.requests);
}

static void same(const char *name, const char *form, const struct nv_buf *want,
                 const struct nv_buf *got)
{
    size_t at = 0;
    while (at < want->len && at < got->len && want->bytes[at] == got->bytes[at])
        at++;
    size_t from = at > 80 ? at - 80 : 0;
    size_t shown = want->len - from < 200 ? want->len - from : 200;
    ck_assert_msg(at == want->len && at == got->len, "%s: as %s differs from near ...%.*s",
                  name, form, (int)shown, want->bytes + from);
}

static void check_forms(const struct nv_mapping *mapping, const struct nv_fixture *fixture)
{
    struct nv_buf sent, json, protobuf;
    nv_buf_init(&sent, OUTPUT_MAX);
    nv_buf_init(&json, OUTPUT_MAX);
    nv_buf_init(&protobuf, OUTPUT_MAX);
    nv_test_case_translate(mapping, fixture, append, &sent);
    translate_as(mapping, fixture, true, &json);
    translate_as(mapping, fixture, false, &protobuf);
    same(fixture->name, "JSON", &sent, &json);
    same(fixture->name, "protobuf", &sent, &protobuf);
    nv_buf_release(&sent);
    nv_buf_release(&json);
    nv_buf_release(&protobuf);
}

START_TEST(json_and_protobuf_are_translated_the_same)
{
    each_case(check_forms);
}
END_TEST

/* ---- nothing lost, nothing twice ----------------------------------------------------------- */

/* All traces of a case; a key that stands twice in an object is refused. New. */
static json_t *traces_of(const struct nv_mapping *mapping, const struct nv_fixture *fixture)
{
    struct nv_buf lines;
    json_t *traces = json_array();
    nv_buf_init(&lines, OUTPUT_MAX);
    nv_test_case_translate(mapping, fixture, append, &lines);
    struct nv_str rest = nv_buf_str(&lines);
    while (rest.len > 0) {
        json_error_t error;
        size_t end = nv_str_find_char(rest, '\n');
        json_t *trace =
            json_loadb(rest.ptr, end, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        ck_assert_msg(trace != NULL, "%s: %s", fixture->name, error.text);
        json_array_append_new(traces, trace);
        rest = nv_str_slice(rest, end + 1, SIZE_MAX);
    }
    nv_buf_release(&lines);
    return traces;
}

/* Borrowed: the translated span of these ids, NULL where none is. */
static json_t *span_of(const json_t *traces, const json_t *source)
{
    const char *trace_id = json_string_value(json_object_get(source, "traceId"));
    const char *span_id = json_string_value(json_object_get(source, "spanId"));
    size_t i, k;
    json_t *trace, *span;
    json_array_foreach(traces, i, trace)
    {
        json_array_foreach(json_object_get(trace, "spans"), k, span)
        {
            const json_t *otel = json_object_get(span, "otel");
            if (strcmp(json_string_value(json_object_get(otel, "trace_id")), trace_id) == 0 &&
                strcmp(json_string_value(json_object_get(otel, "span_id")), span_id) == 0)
                return span;
        }
    }
    return NULL;
}

/* New: an AnyValue as a plain value; bytes as the base64 that JSON has them in. */
static json_t *plain(const json_t *any)
{
    const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)any));
    json_t *value = kind ? json_object_get(any, kind) : NULL, *member, *out;
    const json_t *values = json_object_get(value, "values");
    size_t i;
    if (!kind)
        return json_null();
    if (strcmp(kind, "arrayValue") == 0) {
        out = json_array();
        json_array_foreach(values, i, member) json_array_append_new(out, plain(member));
        return out;
    }
    if (strcmp(kind, "kvlistValue") == 0) {
        out = json_object();
        json_array_foreach(values, i, member)
        {
            json_object_set_new(out, json_string_value(json_object_get(member, "key")),
                                plain(json_object_get(member, "value")));
        }
        return out;
    }
    if (strcmp(kind, "doubleValue") == 0 && json_is_number(value))
        return json_real(json_number_value(value));
    return json_incref(value);
}

/* Vectors of embeddings are left out wherever they stand; embedding.dimensions tells their
 * length. New: the value without them. */
static json_t *without_vectors(const json_t *value)
{
    size_t i, numbers = 0;
    const char *key;
    json_t *member, *out;
    if (json_is_string(value) && strchr("[{", json_string_value(value)[0])) {
        json_t *inner = json_loads(json_string_value(value), 0, NULL);
        out = inner ? without_vectors(inner) : json_incref((json_t *)(uintptr_t)value);
        json_decref(inner);
        return out;
    }
    json_array_foreach(value, i, member) numbers += json_is_number(member);
    if (numbers > 8 && numbers == json_array_size(value))
        return json_null();
    if (!json_is_array(value) && !json_is_object(value))
        return json_incref((json_t *)(uintptr_t)value);
    out = json_is_array(value) ? json_array() : json_object();
    json_array_foreach(value, i, member) json_array_append_new(out, without_vectors(member));
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
        json_object_set_new(out, key, without_vectors(member));
    return out;
}

/* Headers that hold nothing, as Traceloop spells them. */
static bool is_none(const char *key, const json_t *value)
{
    return strstr(key, "headers") && json_is_string(value) &&
           strcmp(json_string_value(value), "None") == 0;
}

static bool is_kept(const json_t *attributes, const char *key, const json_t *value)
{
    if (json_is_null(value) || is_none(key, value) ||
        nv_test_attribute_kept(attributes, key, value))
        return true;
    json_t *rest = without_vectors(value);
    bool kept = nv_test_attribute_kept(attributes, key, rest);
    json_decref(rest);
    return kept;
}

struct looked {
    const char *name;
    const json_t *traces;
    unsigned attributes;
};

static void check_attributes(void *ctx, const ProtobufCMessage *item)
{
    struct looked *looked = ctx;
    struct nv_buf text;
    size_t i;
    json_t *attribute;
    nv_buf_init(&text, OUTPUT_MAX);
    nv_test_to_json(item, &text);
    json_t *source = json_loadb(text.bytes, text.len, JSON_ALLOW_NUL, NULL);
    const json_t *span = span_of(looked->traces, source);
    const json_t *translated = json_object_get(span, "attributes");
    /* without a span: a placeholder, whose own span is here (e2e/test_fixtures.py counts them) */
    const json_t *list = span ? json_object_get(source, "attributes") : NULL;
    json_array_foreach(list, i, attribute)
    {
        const char *key = json_string_value(json_object_get(attribute, "key"));
        json_t *value = plain(json_object_get(attribute, "value"));
        ck_assert_msg(is_kept(translated, key, value), "%s: %s of %s is lost", looked->name,
                      key, json_string_value(json_object_get(span, "name")));
        json_decref(value);
        looked->attributes++;
    }
    json_decref(source);
    nv_buf_release(&text);
}

static unsigned looked_at;

static void check_kept(const struct nv_mapping *mapping, const struct nv_fixture *fixture)
{
    json_t *traces = traces_of(mapping, fixture);
    struct looked looked = {fixture->name, traces, 0};
    for (size_t i = 0; i < fixture->request_count; i++) {
        if (fixture->requests[i].signal != NV_SIGNAL_TRACES)
            continue;
        ProtobufCMessage *message = message_of(&fixture->requests[i]);
        nv_test_each_item(message, check_attributes, &looked);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    json_decref(traces);
    looked_at += looked.attributes;
}

START_TEST(no_attribute_is_lost_and_no_key_is_twice)
{
    each_case(check_kept);
    ck_assert_uint_ge(looked_at, 20000);
}
END_TEST

/* ---- sums ---------------------------------------------------------------------------------- */

struct used {
    json_int_t input, output;
};

static json_int_t any_of(const json_t *usage, const char *const *keys, unsigned count)
{
    json_int_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += json_integer_value(json_object_get(usage, keys[i]));
    return sum;
}

/* What the models of a case were asked to bill, all of its input and its output. */
static struct used billed(const json_t *expected, bool *told)
{
    static const char *const in[] = {"prompt_tokens",
                                     "input_tokens",
                                     "cache_creation_input_tokens",
                                     "cache_read_input_tokens",
                                     "promptTokenCount",
                                     "toolUsePromptTokenCount",
                                     "inputTokens",
                                     "prompt_eval_count"};
    static const char *const out[] = {"completion_tokens",    "output_tokens",
                                      "candidatesTokenCount", "thoughtsTokenCount",
                                      "outputTokens",         "eval_count"};
    struct used used = {0, 0};
    size_t i;
    json_t *exchange;
    json_array_foreach(json_object_get(expected, "llm_exchanges"), i, exchange)
    {
        const json_t *usage = json_object_get(exchange, "usage");
        const char *api = json_string_value(json_object_get(exchange, "api"));
        bool embeds = api && strstr(api, "embed");
        *told = *told || (json_is_object(usage) && !embeds);
        used.input += embeds ? 0 : any_of(usage, in, sizeof in / sizeof *in);
        used.output += embeds ? 0 : any_of(usage, out, sizeof out / sizeof *out);
    }
    return used;
}

/* Calls that two tracers tell of in two traces: each trace by itself tells no more than there
 * was. */
static bool is_told_in_two_traces(const char *name)
{
    return strncmp(name, "tl-anthropic-", strlen("tl-anthropic-")) == 0;
}

/* Emitters that tell another number than the model did, on the only span of the call. */
static const struct {
    const char *name;
    struct used more;
} miscounted[] = {
    /* count the deltas of the stream */
    {"tlold-anthropic-stream_create", {0, 1}},
    {"tl-anthropic-stream", {0, 1}},
};

static struct used summed(const json_t *trace)
{
    struct used sum = {0, 0};
    size_t i;
    json_t *span;
    json_array_foreach(json_object_get(trace, "spans"), i, span)
    {
        const json_t *attributes = json_object_get(span, "attributes");
        if (json_object_get(attributes, "embedding.model"))
            continue;
        sum.input += json_integer_value(json_object_get(attributes, "llm.input_tokens"));
        sum.output += json_integer_value(json_object_get(attributes, "llm.output_tokens"));
    }
    return sum;
}

static void check_sum(const char *name, struct used sum, struct used want)
{
    for (size_t i = 0; i < sizeof miscounted / sizeof *miscounted; i++) {
        if (strcmp(name, miscounted[i].name) == 0) {
            want.input += miscounted[i].more.input;
            want.output += miscounted[i].more.output;
        }
    }
    ck_assert_msg(sum.input <= want.input && sum.output <= want.output,
                  "%s: input %lld of %lld, output %lld of %lld", name, (long long)sum.input,
                  (long long)want.input, (long long)sum.output, (long long)want.output);
}

static unsigned sums;

static void check_sums(const struct nv_mapping *mapping, const struct nv_fixture *fixture)
{
    bool told = false;
    size_t i;
    json_t *trace;
    json_t *info = json_loadb(fixture->case_json.ptr, fixture->case_json.len, 0, NULL);
    const struct used want = billed(json_object_get(info, "expected"), &told);
    struct used sum = {0, 0};
    json_t *traces = told ? traces_of(mapping, fixture) : NULL;
    json_array_foreach(traces, i, trace)
    {
        const struct used of_trace = summed(trace);
        check_sum(fixture->name, of_trace, want);
        sum.input += of_trace.input;
        sum.output += of_trace.output;
    }
    if (!is_told_in_two_traces(fixture->name))
        check_sum(fixture->name, sum, want);
    sums += told;
    json_decref(traces);
    json_decref(info);
}

START_TEST(sums_are_never_above_what_was_billed)
{
    each_case(check_sums);
    ck_assert_uint_ge(sums, 250);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/captures");
    TCase *tcase = tcase_create("captures");
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, json_and_protobuf_are_translated_the_same);
    tcase_add_test(tcase, no_attribute_is_lost_and_no_key_is_twice);
    tcase_add_test(tcase, sums_are_never_above_what_was_billed);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
