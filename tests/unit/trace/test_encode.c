/*
 * Spans as OTLP: kinds, names, status, flags and parents; what a stream was like; what an
 * answer rejects; memory that is refused.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "base/limits.h"
#include "base/text/wire.h"
#include "trace/encode.h"

#include <stdlib.h>

#include "base/banned.h"

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int number_of(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static const struct {
    noveum_kind kind;
    const char *subject, *name, *operation;
    int otel_kind;
} rows[] = {
    {NOVEUM_FUNCTION, NULL, "span", "", 1},
    {NOVEUM_LLM, "gen_ai.request.model", "chat it", "chat", 3},
    {NOVEUM_AGENT, "gen_ai.agent.name", "invoke_agent it", "invoke_agent", 1},
    {NOVEUM_TOOL, "gen_ai.tool.name", "execute_tool it", "execute_tool", 1},
    {NOVEUM_RETRIEVAL, "gen_ai.data_source.id", "retrieval it", "retrieval", 3},
    {NOVEUM_EMBEDDING, "gen_ai.request.model", "embeddings it", "embeddings", 3},
    {NOVEUM_WORKFLOW, "gen_ai.workflow.name", "invoke_workflow it", "invoke_workflow", 1},
    {(noveum_kind)77, NULL, "span", "", 1},
};

START_TEST(kinds_and_names)
{
    kit_trace_on(NULL);
    noveum_span span = noveum_begin(rows[_i].kind, NULL);
    if (rows[_i].subject)
        noveum_set_str(span, rows[_i].subject, "it");
    json_t *json = kit_trace_span(span);
    ck_assert_str_eq(string_of(json, "name"), rows[_i].name);
    ck_assert_str_eq(kit_text(json, "gen_ai.operation.name"), rows[_i].operation);
    ck_assert_int_eq(number_of(json, "kind"), rows[_i].otel_kind);
    json_decref(json);
    noveum_set_name(span, "own");
    noveum_set_str(span, NOVEUM_OPERATION, "text_completion");
    json = kit_trace_span(span);
    ck_assert_str_eq(string_of(json, "name"), "own");
    ck_assert_str_eq(kit_text(json, "gen_ai.operation.name"), "text_completion");
    json_decref(json);
}
END_TEST

START_TEST(told_operation_names_the_span)
{
    kit_trace_on(NULL);
    noveum_span span = noveum_begin(NOVEUM_LLM, NULL);
    noveum_set_str(span, NOVEUM_OPERATION, "text_completion");
    json_t *json = kit_trace_span(span);
    ck_assert_str_eq(string_of(json, "name"), "text_completion");
    json_decref(json);
}
END_TEST

START_TEST(status)
{
    kit_trace_on(NULL);
    noveum_span span = noveum_begin(NOVEUM_FUNCTION, "x");
    json_t *json = kit_trace_span(span);
    ck_assert_int_eq(number_of(json_object_get(json, "status"), "code"), 0);
    json_decref(json);
    noveum_error(span, "timeout", "too late");
    noveum_error(span, NULL, NULL);
    json = kit_trace_span(span);
    ck_assert_int_eq(number_of(json_object_get(json, "status"), "code"), 2);
    ck_assert_str_eq(kit_text(json, "error.type"), "_OTHER");
    json_t *event = json_array_get(json_object_get(json, "events"), 0);
    ck_assert_str_eq(string_of(event, "name"), "exception");
    ck_assert_str_eq(kit_text(event, "exception.type"), "timeout");
    ck_assert_str_eq(kit_text(event, "exception.message"), "too late");
    json_decref(json);
    noveum_set_ok(span);
    json = kit_trace_span(span);
    ck_assert_int_eq(number_of(json_object_get(json, "status"), "code"), 1);
    json_decref(json);
}
END_TEST

START_TEST(parents_and_flags)
{
    noveum_context remote;
    kit_trace_on(NULL);
    ck_assert_int_eq(
        noveum_parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                 "v=1", &remote),
        NOVEUM_OK);
    noveum_span server = noveum_begin_remote(&remote, NOVEUM_LLM, NULL);
    noveum_span child = noveum_begin_below(server, NOVEUM_FUNCTION, "child");
    json_t *json = kit_trace_span(server), *below = kit_trace_span(child);
    ck_assert_str_eq(string_of(json, "traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    ck_assert_str_eq(string_of(json, "parentSpanId"), "00f067aa0ba902b7");
    ck_assert_str_eq(string_of(json, "traceState"), "v=1");
    ck_assert_int_eq(number_of(json, "flags"), 0x301);
    ck_assert_int_eq(number_of(json, "kind"), 2);
    ck_assert_str_eq(string_of(below, "traceId"), string_of(json, "traceId"));
    ck_assert_str_eq(string_of(below, "parentSpanId"), string_of(json, "spanId"));
    ck_assert_str_eq(string_of(below, "traceState"), "v=1");
    ck_assert_int_eq(number_of(below, "flags"), 0x101);
    json_decref(json);
    json_decref(below);
}
END_TEST

START_TEST(streams)
{
    kit_trace_on(NULL);
    uint64_t start = noveum_now() - 5000000000;
    noveum_span span = noveum_begin_at(noveum_null(), NOVEUM_LLM, NULL, start);
    noveum_first_token_at(span, start + 250000000);
    json_t *json = kit_trace_span(span);
    ck_assert(kit_number(json, "gen_ai.response.time_to_first_chunk") == 0.25);
    ck_assert(json_is_true(kit_attribute(json, NOVEUM_STREAM)));
    ck_assert_ptr_null(kit_attribute(json, "gen_ai.response.chunk_count"));
    json_decref(json);
    noveum_chunk(span, 1);
    noveum_chunk(span, 100);
    json = kit_trace_span(span);
    ck_assert(kit_number(json, "gen_ai.response.chunk_count") == 2);
    double rate = kit_number(json, "gen_ai.response.tokens_per_second");
    ck_assert_msg(rate > 1 && rate < 100 / 4.7, "%g", rate);
    json_decref(json);
    noveum_first_token_at(span, start - 1); /* a clock that stepped back */
    noveum_stream_abandoned(span, NULL);
    json = kit_trace_span(span);
    ck_assert(kit_number(json, "gen_ai.response.time_to_first_chunk") == 0);
    ck_assert_str_eq(kit_text(json, "gen_ai.response.status"), "cancelled");
    json_decref(json);
}
END_TEST

START_TEST(rejections)
{
    struct nv_buf buf;
    struct nv_str why;
    nv_buf_init(&buf, NV_CAP_KIB(1));
    ck_assert_uint_eq(nv_trace_rejected(nv_buf_str(&buf), &why), 0);
    size_t mark = nv_wire_begin(&buf, 1);
    ck_assert_int_eq(nv_wire_put_uint(&buf, 1, 3), NV_OK);
    ck_assert_int_eq(nv_wire_put_bytes(&buf, 2, NV_STR("too old")), NV_OK);
    ck_assert_int_eq(nv_wire_end(&buf, mark), NV_OK);
    ck_assert_uint_eq(nv_trace_rejected(nv_buf_str(&buf), &why), 3);
    ck_assert_nv_str(why, "too old");
    ck_assert_uint_eq(nv_trace_rejected(NV_STR("<html>"), &why), 0);
    ck_assert_uint_eq(nv_trace_rejected(NV_STR("\x0a\x7f"), &why), 0);
    nv_buf_release(&buf);
}
END_TEST

/* A request of two spans: whatever is refused, it is whole without what did not fit. */
START_TEST(without_memory)
{
    kit_trace_on(NULL);
    noveum_span handle = noveum_begin(NOVEUM_LLM, NULL);
    static char text[100000];
    memset(text, 'x', sizeof text);
    noveum_set_text(handle, "long", text, sizeof text);
    noveum_message(handle, NOVEUM_INPUT, NULL, text, sizeof text);
    struct nv_trace_span *span = nv_trace_span_lock(handle);
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct nv_trace_request request;
        nv_trace_request_init(&request);
        oom_fail_nth(n);
        enum nv_err err = nv_trace_request_begin(&request, nv_trace_on());
        if (err == NV_OK)
            err = nv_trace_request_add(&request, span);
        if (err == NV_OK)
            err = nv_trace_request_add(&request, span);
        failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert(failed || request.spans == 2);
        nv_trace_request_release(&request);
    }
    nv_trace_span_unlock(span);
    noveum_discard(handle);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encode");
    TCase *tcase = tcase_create("encode");
    tcase_add_loop_test(tcase, kinds_and_names, 0, sizeof rows / sizeof rows[0]);
    tcase_add_test(tcase, told_operation_names_the_span);
    tcase_add_test(tcase, status);
    tcase_add_test(tcase, parents_and_flags);
    tcase_add_test(tcase, streams);
    tcase_add_test(tcase, rejections);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
