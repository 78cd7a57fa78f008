/*
 * How often the allocator is asked on the way of a span, in the steady state: counted, so that
 * an allocation per span or per attribute cannot slip in.
 */
#include "base/buf.h"
#include "expect.h"
#include "exporter/encode/encode.h"
#include "http_rig.h"
#include "mapping_kit.h"
#include "oom.h"
#include "otlp_build.h"
#include "otlp/http/otlp_http.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define BODY_MAX ((size_t)64 << 20)
#define TRACES 3

static void accept_all(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    nv_batch_free(batch);
    done(done_ctx, NV_OK);
}

static enum nv_err admit_all(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return NV_OK;
}

static const struct nv_acceptor acceptor = {.accept = accept_all, .admit = admit_all};

static void put_span(struct nv_buf *out, unsigned trace, unsigned span)
{
    (void)nv_buf_printf(out,
                        "{\"traceId\":\"%032x\",\"spanId\":\"%016x\",\"parentSpanId\":\"%s\","
                        "\"name\":\"chat gpt-4o\",\"kind\":3,\"startTimeUnixNano\":\"1000\","
                        "\"endTimeUnixNano\":\"2000\",\"attributes\":[",
                        trace, span, span == 1 ? "" : "0000000000000001");
    for (unsigned i = 0; i < 20; i++) {
        (void)nv_buf_printf(out, "{\"key\":\"app.key.%u\",\"value\":{\"stringValue\":\"%u\"}},",
                            i, span);
    }
    (void)nv_buf_printf(
        out, "{\"key\":\"gen_ai.operation.name\",\"value\":{\"stringValue\":\"chat\"}},"
             "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"gpt-4o\"}},"
             "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"7\"}},"
             "{\"key\":\"gen_ai.usage.output_tokens\",\"value\":{\"intValue\":\"9\"}}]}");
}

static struct nv_buf request_of(unsigned traces, unsigned spans)
{
    struct nv_buf out;
    nv_buf_init(&out, BODY_MAX);
    (void)nv_buf_append_str(&out, NV_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["));
    for (unsigned t = 1; t <= traces; t++) {
        for (unsigned s = 1; s <= spans; s++) {
            put_span(&out, t, s);
            (void)nv_buf_append_char(&out, t == traces && s == spans ? ' ' : ',');
        }
    }
    ck_assert_int_eq(nv_buf_append_str(&out, NV_STR("]}]}]}")), NV_OK);
    ck_assert_int_eq(nv_buf_reserve(&out, 1), NV_OK);
    out.bytes[out.len] = '\0';
    return out;
}

/* ---- a request, from its first byte to its answer ---------------------------------------- */

/* No helper with assertions in it between the counts: check allocates for each. */
static unsigned long ask_on(struct http_rig *rig, int fd, struct nv_str request)
{
    rig->len = 0;
    oom_count_only();
    for (int turns = 0; request.len > 0 && turns < 100000; turns++) {
        ssize_t sent = send(fd, request.ptr, request.len, MSG_NOSIGNAL);
        request = nv_str_slice(request, sent > 0 ? (size_t)sent : 0, request.len);
        http_rig_turn(rig);
    }
    http_rig_turn(rig);
    unsigned long asked = oom_count();
    (void)oom_end();
    (void)http_rig_read(rig, fd);
    ck_assert_int_eq(http_rig_status(rig, 0), 200);
    return asked;
}

/* Allocations of the third request of a connection. */
static unsigned long of_a_request(struct nv_str body)
{
    static struct http_rig rig;
    struct nv_otlp_http *service;
    struct nv_auth *auth;
    size_t count;
    struct nv_buf request;
    ck_assert_int_eq(nv_auth_new(NULL, NULL, NULL, &auth), NV_OK);
    struct nv_otlp_http_config config = {
        .acceptor = &acceptor, .max_body_bytes = BODY_MAX, .auth = auth};
    ck_assert_int_eq(nv_otlp_http_new(&config, NULL, &service), NV_OK);
    const struct nv_http_route *routes = nv_otlp_http_routes(service, &count);
    struct nv_http_hooks hooks = nv_otlp_http_hooks(service);
    http_rig_open(&rig, routes, count, NULL, &hooks);
    nv_buf_init(&request, 2 * BODY_MAX);
    (void)nv_buf_printf(&request,
                        "POST /v1/traces HTTP/1.1\r\nHost: a\r\n"
                        "Content-Type: application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                        body.len);
    ck_assert_int_eq(nv_buf_append_str(&request, body), NV_OK);
    int fd = http_rig_connect(&rig);
    unsigned long asked = 0;
    for (int i = 0; i < 3; i++)
        asked = ask_on(&rig, fd, nv_buf_str(&request));
    (void)close(fd);
    nv_buf_release(&request);
    http_rig_close(&rig);
    nv_otlp_http_free(service);
    nv_auth_free(auth);
    return asked;
}

/* The same as protobuf. */
static struct nv_test_decoded protobuf_of(unsigned traces, unsigned spans)
{
    struct nv_buf json = request_of(traces, spans);
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_JSON, nv_buf_str(&json));
    ck_assert_int_eq(decoded.err, NV_OK);
    nv_buf_release(&json);
    return decoded;
}

/* Body, batch and its items: the body has room for twice the first read, the items for as many as
 * the first says. A request of a megabyte is read in more turns, and its body doubles. Exchange,
 * head and reply are those of the request before; what is pending lies in the exchange, a first
 * group in the batch. */
static const struct {
    unsigned spans;
    unsigned long at_most;
} requests[] = {{1, 3}, {10, 3}, {100, 3}, {1000, 9}};

START_TEST(a_request_asks_for_what_it_holds_once)
{
    struct nv_test_decoded decoded = protobuf_of(1, requests[_i].spans);
    unsigned long asked =
        of_a_request((struct nv_str){decoded.batch->body, decoded.batch->body_len});
    ck_assert_msg(asked <= requests[_i].at_most, "%u spans: %lu", requests[_i].spans, asked);
    ck_assert_uint_ge(asked, 3); /* what counts nothing would pass */
    nv_batch_free(decoded.batch);
}
END_TEST

/* ---- a trace, from complete to encoded --------------------------------------------------- */

/* What was counted at each trace, before and after it was encoded. */
struct counts {
    unsigned traces;
    unsigned long translated[TRACES], encoded[TRACES];
    size_t arena_bytes;
    bool failed;
};

static void count_trace(void *ctx, struct nv_trace *trace)
{
    struct counts *counts = ctx;
    struct nv_buf json;
    unsigned n = counts->traces++;
    counts->translated[n] = oom_count();
    nv_buf_init(&json, BODY_MAX);
    enum nv_err err = nv_encode_trace(&json, trace, NV_TRACE_ID_UUID);
    nv_buf_release(&json);
    counts->failed |= err != NV_OK;
    counts->encoded[n] = oom_count();
    counts->arena_bytes = nv_arena_bytes(trace->arena);
}

static const struct {
    unsigned spans;
    unsigned long translate, encode; /* at most */
    size_t bytes;                    /* of the arena for a span, at most */
} traces[] = {{10, 8, 10, 8192}, {100, 12, 14, 8192}, {1000, 26, 18, 6144}};

START_TEST(a_trace_lives_in_its_arena)
{
    struct counts counts = {.traces = 0};
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_buf request = request_of(TRACES, traces[_i].spans);
    oom_count_only();
    nv_test_json_translate(mapping, request.bytes, count_trace, &counts);
    (void)oom_end();
    ck_assert_uint_eq(counts.traces, TRACES);
    unsigned long translate = counts.translated[2] - counts.encoded[1];
    unsigned long encode = counts.encoded[2] - counts.translated[2];
    ck_assert(!counts.failed);
    ck_assert_msg(translate <= traces[_i].translate && encode <= traces[_i].encode,
                  "%u spans: %lu to translate, %lu to encode", traces[_i].spans, translate,
                  encode);
    /* 24 attributes each: chunks that double, never one for an attribute */
    ck_assert_uint_le(translate + encode, 3 * (unsigned long)traces[_i].spans);
    ck_assert_uint_le(counts.arena_bytes / traces[_i].spans, traces[_i].bytes);
    nv_buf_release(&request);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/allocations");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_request_asks_for_what_it_holds_once, 0,
                        (int)(sizeof requests / sizeof requests[0]));
    tcase_add_loop_test(tcase, a_trace_lives_in_its_arena, 0,
                        (int)(sizeof traces / sizeof traces[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
