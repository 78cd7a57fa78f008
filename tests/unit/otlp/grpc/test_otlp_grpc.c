/*
 * OTLP/gRPC from headers to trailers, with an acceptor that the test answers for.
 *
 * Names that begin with R or P07 are lines of the OTLP conformance list, sections R and P.
 */
#include "otlp/grpc/otlp_grpc.h"

#include "base/log/counters.h"
#include "base/text/text.h"
#include "expect.h"
#include "grpc_rig.h"
#include "oom.h"
#include "otlp_build.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

#define COLLECTOR "/opentelemetry.proto.collector."
#define TRACES COLLECTOR "trace.v1.TraceService/Export"
#define LOGS COLLECTOR "logs.v1.LogsService/Export"
#define METRICS COLLECTOR "metrics.v1.MetricsService/Export"
#define HEALTH "/grpc.health.v1.Health/"

static struct grpc_rig rig;
static struct nv_otlp_grpc otlp;

/* ---- an acceptor that the test answers for ----------------------------------------------- */

static struct {
    enum nv_err admit;
    enum nv_err verdict;
    bool later; /* keep the call until answer_later */
    uint32_t items;
    char project[300];
    nv_accept_done *done;
    void *done_ctx;
} fake;

static void fake_accept(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    fake.items += batch->item_count;
    if (batch->project.len > 0)
        memcpy(fake.project, batch->project.ptr, batch->project.len);
    nv_batch_free(batch);
    if (fake.later) {
        fake.done = done;
        fake.done_ctx = done_ctx;
    } else {
        done(done_ctx, fake.verdict);
    }
}

static enum nv_err fake_admit(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return fake.admit;
}

static const struct nv_acceptor acceptor = {.accept = fake_accept, .admit = fake_admit};

static void open_with(const char *token)
{
    memset(&fake, 0, sizeof fake);
    nv_count_reset();
    nv_ledger_reset();
    otlp = (struct nv_otlp_grpc){.acceptor = &acceptor, .message_bytes_max = 1 << 20};
    ck_assert_int_eq(nv_auth_new(token, NULL, NULL, &otlp.auth), NV_OK);
    grpc_rig_open(&rig, nv_otlp_grpc_service(&otlp));
    rig.shared.limits.message_bytes_max = 1 << 20;
}

static void set_up(void)
{
    open_with(NULL);
}

static void tear_down(void)
{
    grpc_rig_close(&rig);
    nv_auth_free(otlp.auth);
}

/* ---- asking ------------------------------------------------------------------------------ */

static struct nv_str one_span(void)
{
    static struct nv_test_message request;
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    request = nv_test_request(nv_test_view(&span));
    return nv_test_view(&request);
}

static const struct grpc_rig_stream *
ask_raw(const char *path, const struct grpc_rig_header *more, struct nv_str body)
{
    int32_t id = grpc_rig_request(&rig, path, more, body, true);
    grpc_rig_pump(&rig);
    return grpc_rig_stream(&rig, id);
}

static const struct grpc_rig_stream *ask(const char *path, const struct grpc_rig_header *more,
                                         uint8_t flag, struct nv_str message)
{
    struct nv_buf body;
    nv_buf_init(&body, 8 << 20);
    grpc_rig_frame(&body, flag, message);
    const struct grpc_rig_stream *stream = ask_raw(path, more, nv_buf_str(&body));
    nv_buf_release(&body);
    return stream;
}

static void check_success(const struct grpc_rig_stream *stream, struct nv_str response)
{
    struct nv_buf want;
    nv_buf_init(&want, 4096);
    grpc_rig_frame(&want, 0, response);
    ck_assert_int_eq(stream->http_status, 200);
    ck_assert_int_eq(stream->grpc_status, 0);
    ck_assert_str_eq(stream->content_type, "application/grpc");
    ck_assert_uint_eq(stream->header_blocks, 2);
    ck_assert_nv_str_eq(((struct nv_str){stream->body, stream->body_len}), nv_buf_str(&want));
    ck_assert(stream->closed);
    nv_buf_release(&want);
}

static void check_error(const struct grpc_rig_stream *stream, int code, const char *message)
{
    ck_assert_int_eq(stream->http_status, 200);
    ck_assert_int_eq(stream->grpc_status, code);
    ck_assert_str_eq(stream->message, message);
    ck_assert_msg(stream->trailers_only, "errors are Trailers-Only");
    ck_assert_uint_eq(stream->body_len, 0);
    ck_assert(stream->closed);
}

static struct nv_buf gzipped(struct nv_str bytes)
{
    struct nv_buf out;
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes.ptr, .avail_in = (uInt)bytes.len};
    nv_buf_init(&out, 8 << 20);
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(nv_buf_reserve(&out, deflateBound(&z, bytes.len)), NV_OK);
    z.next_out = (Bytef *)out.bytes;
    z.avail_out = (uInt)out.capacity;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    return out;
}

static const struct grpc_rig_header with_gzip[] = {{"grpc-encoding", "gzip"}, {"", NULL}};

/* ---- R: calls ---------------------------------------------------------------------------- */

START_TEST(R01_export_is_ok_and_full_success_is_empty)
{
    check_success(ask(TRACES, NULL, 0, one_span()), NV_STR(""));
    ck_assert_uint_eq(fake.items, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_OK), 1);
}
END_TEST

START_TEST(R02_empty_request)
{
    check_success(ask(TRACES, NULL, 0, NV_STR("")), NV_STR(""));
    check_success(ask(LOGS, NULL, 0, NV_STR("")), NV_STR(""));
    check_success(ask(METRICS, NULL, 0, NV_STR("whatever")), NV_STR(""));
    ck_assert_uint_eq(fake.items, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_METRIC_POINTS), 1);
}
END_TEST

START_TEST(R03_gzip)
{
    struct nv_buf message = gzipped(one_span());
    check_success(ask(TRACES, with_gzip, 1, nv_buf_str(&message)), NV_STR(""));
    check_success(ask(TRACES, with_gzip, 0, one_span()), NV_STR(""));
    ck_assert_uint_eq(fake.items, 2);
    nv_buf_release(&message);
}
END_TEST

START_TEST(R04_malformed_message)
{
    const struct grpc_rig_stream *stream = ask(TRACES, NULL, 0, NV_STR("\x08\x01"));
    check_error(stream, 3, "wire type 0, must be 2 at resourceSpans[0]");
    ck_assert_str_ne(stream->details, "");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 1);
    ck_assert_int_eq(ask(TRACES, with_gzip, 1, NV_STR("not gzip"))->grpc_status, 3);
}
END_TEST

START_TEST(R05_message_over_the_limit)
{
    struct nv_buf message;
    nv_buf_init(&message, 4 << 20);
    for (int i = 0; i < (1 << 20) + 1; i++)
        (void)nv_buf_append_char(&message, '\n');
    struct nv_buf small = gzipped(nv_buf_str(&message));
    const struct grpc_rig_stream *stream = ask(TRACES, NULL, 0, nv_buf_str(&message));
    ck_assert_int_eq(stream->grpc_status, 8);
    ck_assert_str_eq(stream->details, ""); /* no RetryInfo: sending it again can't help */
    stream = ask(TRACES, with_gzip, 1, nv_buf_str(&small));
    ck_assert_int_eq(stream->grpc_status, 8);
    ck_assert_uint_eq(fake.items, 0);
    nv_buf_release(&message);
    nv_buf_release(&small);
}
END_TEST

/* At the limit, and one below. */
START_TEST(R05_message_at_the_limit)
{
    struct nv_buf message;
    size_t len = (1 << 20) - (size_t)_i;
    nv_buf_init(&message, 4 << 20);
    (void)nv_buf_append_str(&message,
                            NV_STR("\x7a")); /* an unknown field of all that is left */
    (void)nv_wire_put_varint(&message, len - 4);
    while (message.len < len)
        (void)nv_buf_append_char(&message, 'x');
    check_success(ask(TRACES, NULL, 0, nv_buf_str(&message)), NV_STR(""));
    nv_buf_release(&message);
}
END_TEST

START_TEST(R06_unknown_methods)
{
    static const char *const paths[] = {
        "/", "/x", TRACES "2", COLLECTOR "trace.v1.TraceService/Import",
        COLLECTOR "profiles.v1development.ProfilesService/Export"};
    check_error(ask(paths[_i], NULL, 0, one_span()), 12, "unknown service or method");
}
END_TEST

START_TEST(R08_hundred_calls_at_once)
{
    struct nv_buf body;
    int32_t ids[100];
    nv_buf_init(&body, 4096);
    grpc_rig_frame(&body, 0, one_span());
    for (int i = 0; i < 100; i++)
        ids[i] = grpc_rig_request(&rig, TRACES, NULL, nv_buf_str(&body), true);
    grpc_rig_pump(&rig);
    for (int i = 0; i < 100; i++)
        check_success(grpc_rig_stream(&rig, ids[i]), NV_STR(""));
    ck_assert_uint_eq(fake.items, 100);
    nv_buf_release(&body);
}
END_TEST

START_TEST(R09_tokens)
{
    static const struct {
        struct grpc_rig_header headers[3];
        bool good;
    } cases[] = {
        {{{"", NULL}}, false},
        {{{"authorization", "Bearer secret"}, {"", NULL}}, true},
        {{{"authorization", "bearer secret"}, {"", NULL}}, true},
        {{{"x-api-key", "secret"}, {"", NULL}}, true},
        {{{"authorization", "Bearer wrong"}, {"", NULL}}, false},
        {{{"authorization", "Bearer secret"}, {"authorization", "Bearer wrong"}, {"", NULL}},
         false},
    };
    tear_down();
    open_with("secret");
    const struct grpc_rig_stream *stream = ask(TRACES, cases[_i].headers, 0, one_span());
    if (cases[_i].good)
        check_success(stream, NV_STR(""));
    else
        check_error(stream, 16, "unauthenticated");
    ck_assert_uint_eq(fake.items, cases[_i].good);
}
END_TEST

START_TEST(R09_refused_before_the_message)
{
    tear_down();
    open_with("secret");
    int32_t id = grpc_rig_request(&rig, TRACES, NULL, NV_STR(""), false);
    grpc_rig_pump(&rig);
    check_error(grpc_rig_stream(&rig, id), 16, "unauthenticated");
    ck_assert_uint_eq(grpc_rig_stream(&rig, id)->error, 0); /* NO_ERROR: stop sending */
}
END_TEST

START_TEST(R10_partial_success)
{
    struct nv_test_message span = nv_test_span(NV_STR("short"), NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    const struct grpc_rig_stream *stream = ask(TRACES, NULL, 0, nv_test_view(&request));
    ck_assert_int_eq(stream->grpc_status, 0);
    ck_assert_uint_gt(stream->body_len, 60);
    ck_assert_uint_eq((uint8_t)stream->body[7], 0x08); /* rejected_spans */
    ck_assert_uint_eq((uint8_t)stream->body[8], 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_PARTIAL), 1);
}
END_TEST

/* ---- P07: the mapping onto HTTP/2 -------------------------------------------------------- */

START_TEST(P07_encodings)
{
    static const struct {
        const char *encoding;
        uint8_t flag;
        int code;
    } cases[] = {
        {"identity", 0, 0}, {"gzip", 0, 0},      {"zstd", 0, 0},      {"deflate", 0, 0},
        {"snappy", 0, 12},  {"br", 1, 12},       {"identity", 1, 13}, {NULL, 1, 13},
        {"gzip", 2, 13},    {"identity", 3, 13}, {NULL, 0xff, 13},
    };
    struct grpc_rig_header headers[] = {{"grpc-encoding", cases[_i].encoding}, {"", NULL}};
    const struct grpc_rig_stream *stream =
        ask(TRACES, cases[_i].encoding != NULL ? headers : NULL, cases[_i].flag, one_span());
    ck_assert_int_eq(stream->grpc_status, cases[_i].code);
    if (cases[_i].code == 12)
        ck_assert_str_eq(stream->accept_encoding, "identity,gzip,deflate,zstd");
    else
        ck_assert_str_eq(stream->accept_encoding, "");
    ck_assert_uint_eq(fake.items, cases[_i].code == 0);
}
END_TEST

/* It is answered, logged and kept for who looks. */
START_TEST(an_encoding_that_may_be_a_key_is_not_shown)
{
    const struct grpc_rig_header headers[] = {{"grpc-encoding", "ghp_0123456789abcdefABCDEF"},
                                              {"", NULL}};
    const struct grpc_rig_stream *stream = ask(TRACES, headers, 1, one_span());
    ck_assert_int_eq(stream->grpc_status, 12);
    ck_assert_ptr_nonnull(strstr(stream->message, "grpc-encoding \"%E2%80%A6\" is not taken"));
}
END_TEST

START_TEST(P07_not_grpc)
{
    static const struct {
        struct grpc_rig_header headers[2];
        int status;
    } cases[] = {
        {{{"content-type", "application/json"}, {"", NULL}}, 415},
        {{{"content-type", NULL}, {"", NULL}}, 415},
        {{{"content-type", "application/grpc+json"}, {"", NULL}}, 415},
        {{{":method", "GET"}, {"", NULL}}, 405},
        {{{"te", NULL}, {"", NULL}}, 200}, /* only proxies need te */
        {{{"content-type", "application/grpc+proto"}, {"", NULL}}, 200},
    };
    const struct grpc_rig_stream *stream = ask(TRACES, cases[_i].headers, 0, one_span());
    ck_assert_int_eq(stream->http_status, cases[_i].status);
    ck_assert(stream->closed);
    if (cases[_i].status != 200) {
        ck_assert_str_eq(stream->content_type, "text/plain");
        ck_assert_uint_gt(stream->body_len, 10);
        ck_assert_int_eq(stream->grpc_status, -1);
    }
    ck_assert_uint_eq(fake.items, cases[_i].status == 200);
}
END_TEST

/* Bytes of a body that are not exactly one message. */
START_TEST(P07_message_framing)
{
    static const struct {
        const char *name;
        struct nv_str body;
        int code;
    } cases[] = {
        {"no message", NV_STR_INIT(""), 12},
        {"empty message", NV_STR_INIT("\0\0\0\0\0"), 0},
        {"two messages", NV_STR_INIT("\0\0\0\0\0\0\0\0\0\0"), 12},
        {"a byte behind", NV_STR_INIT("\0\0\0\0\0x"), 12},
        {"cut in the prefix", NV_STR_INIT("\0\0\0"), 13},
        {"cut in the message",
         NV_STR_INIT("\0\0\0\0\5"
                     "abcd"),
         13},
        {"only announced", NV_STR_INIT("\0\0\0\0\5"), 13},
        {"announced past the limit", NV_STR_INIT("\0\xff\xff\xff\xff"), 8},
    };
    const struct grpc_rig_stream *stream = ask_raw(TRACES, NULL, cases[_i].body);
    ck_assert_msg(stream->grpc_status == cases[_i].code, "%s: %d", cases[_i].name,
                  stream->grpc_status);
    ck_assert(stream->closed);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_OK), cases[_i].code == 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), cases[_i].code != 0);
}
END_TEST

/* What never reaches the service is counted like what it refuses. */
START_TEST(P07_refusals_are_counted_once)
{
    static const struct grpc_rig_header nonsense[] = {{"grpc-timeout", "soon"}, {"", NULL}};
    check_error(ask(TRACES, nonsense, 0, one_span()), 3, "malformed grpc-timeout");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 1);

    int32_t id = grpc_rig_request(&rig, TRACES, NULL, NV_STR("\0\0\0\0\5"), false);
    grpc_rig_pump(&rig);
    ck_assert(grpc_rig_advance(&rig, 60000));
    check_error(grpc_rig_stream(&rig, id), 4, "");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 2);

    rig.shared.limits.undecoded_bytes_max = 100;
    ck_assert_int_eq(ask(TRACES, NULL, 0, one_span())->grpc_status, 14);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 2);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_BUSY), 1);
}
END_TEST

START_TEST(P07_full_queue_says_when_to_come_back)
{
    char details[256] = "";
    fake.verdict = NV_ERR_FULL;
    const struct grpc_rig_stream *stream = ask(TRACES, NULL, 0, one_span());
    check_error(stream, 14, "no room, retry later");
    struct nv_buf status;
    nv_buf_init(&status, sizeof details);
    ck_assert_int_eq(nv_base64_decode(&status, nv_str_from(stream->details)), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&status), NV_STR("google.rpc.RetryInfo")) != SIZE_MAX);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_BUSY), 1);
    nv_buf_release(&status);
}
END_TEST

START_TEST(P07_not_admitted)
{
    fake.admit = NV_ERR_BUSY;
    int32_t id = grpc_rig_request(&rig, TRACES, NULL, NV_STR("\0\0\0\1\0"), false);
    grpc_rig_pump(&rig);
    const struct grpc_rig_stream *stream = grpc_rig_stream(&rig, id);
    check_error(stream, 14, "too many requests in progress");
    ck_assert_str_ne(stream->details, "");
    check_success(ask(METRICS, NULL, 0, NV_STR("")), NV_STR(""));
}
END_TEST

START_TEST(P07_answered_later)
{
    fake.later = true;
    const struct grpc_rig_stream *stream = ask(TRACES, NULL, 0, one_span());
    ck_assert_int_eq(stream->http_status, 0);
    fake.done(fake.done_ctx, NV_OK);
    grpc_rig_pump(&rig);
    check_success(stream, NV_STR(""));
}
END_TEST

START_TEST(P07_grpc_timeout)
{
    static const struct grpc_rig_header one_second[] = {{"grpc-timeout", "1S"}, {"", NULL}};
    static const struct grpc_rig_header nonsense[] = {{"grpc-timeout", "soon"}, {"", NULL}};
    fake.later = true;
    const struct grpc_rig_stream *stream = ask(TRACES, one_second, 0, one_span());
    ck_assert(grpc_rig_advance(&rig, 999));
    ck_assert_int_eq(stream->grpc_status, -1);
    ck_assert(grpc_rig_advance(&rig, 1));
    check_error(stream, 4, "");
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 0);
    fake.done(fake.done_ctx, NV_OK); /* too late for the client: kept all the same */
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_OK), 1);
    check_error(ask(TRACES, nonsense, 0, one_span()), 3, "malformed grpc-timeout");
}
END_TEST

START_TEST(client_gone_before_the_answer)
{
    fake.later = true;
    struct nv_buf body;
    nv_buf_init(&body, 4096);
    grpc_rig_frame(&body, 0, one_span());
    int32_t id = grpc_rig_request(&rig, TRACES, NULL, nv_buf_str(&body), true);
    grpc_rig_pump(&rig);
    grpc_rig_cancel(&rig, id);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 1);
    fake.done(fake.done_ctx, NV_OK);
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 0);
    nv_buf_release(&body);
}
END_TEST

/* As otlp_grpc.c has it. */
#define PROJECT_BYTES_MAX NV_BATCH_PROJECT_MAX

/* A longer one is no reason to refuse spans: the configured project stands in. */
START_TEST(a_project_to_its_length)
{
    for (size_t more = 0; more < 2; more++) {
        char name[PROJECT_BYTES_MAX + 2] = {0};
        memset(name, 'p', PROJECT_BYTES_MAX + more);
        const struct grpc_rig_header project[] = {{"x-noveum-project", name}, {"", NULL}};
        memset(fake.project, 0, sizeof fake.project);
        check_success(ask(TRACES, project, 0, one_span()), NV_STR(""));
        ck_assert_uint_eq(strlen(fake.project), more == 0 ? PROJECT_BYTES_MAX : 0);
    }
}
END_TEST

START_TEST(project_header)
{
    static const struct grpc_rig_header project[] = {{"x-noveum-project", "shop"}, {"", NULL}};
    check_success(ask(TRACES, project, 0, one_span()), NV_STR(""));
    ck_assert_str_eq(fake.project, "shop");
}
END_TEST

/* The n-th allocation fails, from the connection's first byte to the answer's last. */
static bool serve_without_memory(unsigned long n, struct nv_str bytes)
{
    struct nv_buf out;
    enum nv_err fed = NV_OK;
    enum nv_err pulled = NV_OK;
    nv_buf_init(&out, 1 << 20);
    oom_fail_nth(n);
    struct nv_grpc_session *session = nv_grpc_session_new(&rig.shared, NULL, &rig);
    if (session) {
        fed = nv_grpc_session_feed(session, bytes);
        pulled = nv_grpc_session_pull(session, 1000, &out);
    }
    bool failed = oom_end();
    ck_assert(fed == NV_OK || fed == NV_ERR_NO_MEMORY);
    ck_assert(pulled == NV_OK || pulled == NV_ERR_NO_MEMORY);
    nv_grpc_session_free(session);
    nv_buf_release(&out);
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 0);
    ck_assert_uint_eq(atomic_load(&rig.shared.undecoded_bytes), 0);
    return failed;
}

START_TEST(out_of_memory)
{
    struct nv_buf bytes;
    unsigned long n = 1;
    nv_buf_init(&bytes, 10000);
    (void)nv_buf_append_str(&bytes, GRPC_RIG_GREETING);
    grpc_rig_put_call(&bytes, 1, TRACES, one_span());
    grpc_rig_put_call(&bytes, 3, TRACES, NV_STR("bad"));
    while (serve_without_memory(n, nv_buf_str(&bytes)))
        n++;
    ck_assert_uint_gt(n, 12);
    nv_buf_release(&bytes);
}
END_TEST

/* ---- P09: health ------------------------------------------------------------------------- */

START_TEST(P09_health_check)
{
    static const struct {
        struct nv_str request;
        enum nv_err admit;
        struct nv_str response;
        int code;
    } cases[] = {
        {NV_STR_INIT(""), NV_OK, NV_STR_INIT("\x08\x01"), 0},
        {NV_STR_INIT(""), NV_ERR_STOPPING, NV_STR_INIT("\x08\x02"), 0},
        {NV_STR_INIT("\x0a\x34opentelemetry.proto.collector.trace.v1.TraceService"), NV_OK,
         NV_STR_INIT(""), 3},
        {NV_STR_INIT("\x0a\x33opentelemetry.proto.collector.trace.v1.TraceService"), NV_OK,
         NV_STR_INIT("\x08\x01"), 0},
        {NV_STR_INIT("\x0a\x05"
                     "other"),
         NV_OK, NV_STR_INIT(""), 5},
    };
    tear_down();
    open_with("secret"); /* health needs no token */
    fake.admit = cases[_i].admit;
    const struct grpc_rig_stream *stream = ask(HEALTH "Check", NULL, 0, cases[_i].request);
    if (cases[_i].code == 0)
        check_success(stream, cases[_i].response);
    else
        ck_assert_int_eq(stream->grpc_status, cases[_i].code);
}
END_TEST

START_TEST(P09_health_watch_stays)
{
    const struct grpc_rig_stream *stream = ask(HEALTH "Watch", NULL, 0, NV_STR(""));
    ck_assert_int_eq(stream->http_status, 200);
    ck_assert_uint_eq(stream->body_len, 7);
    ck_assert(grpc_rig_advance(&rig, 100000)); /* no deadline is its */
    ck_assert(!stream->closed);
    nv_grpc_session_shutdown(rig.session);
    grpc_rig_pump(&rig);
    ck_assert(stream->closed);
    ck_assert_int_eq(stream->grpc_status, 14);
}
END_TEST

/* Watching is free and needs no token: it must not keep a connection from making room. */
START_TEST(P09_watcher_is_not_at_work)
{
    const struct grpc_rig_stream *stream = ask(HEALTH "Watch", NULL, 0, NV_STR(""));
    ck_assert(!stream->closed);
    ck_assert(!nv_grpc_session_busy(rig.session));
    fake.later = true;
    stream = ask(TRACES, NULL, 0, one_span());
    ck_assert(nv_grpc_session_busy(rig.session));
    fake.done(fake.done_ctx, NV_OK);
    grpc_rig_pump(&rig);
    check_success(stream, NV_STR(""));
    ck_assert(!nv_grpc_session_busy(rig.session));
}
END_TEST

/* One that begins while the connection is being shut down must not hold it open. */
START_TEST(P09_health_watch_during_shutdown)
{
    int32_t id = grpc_rig_request(&rig, HEALTH "Watch", NULL, NV_STR("\0\0\0\0\0"), false);
    grpc_rig_pump(&rig);
    nv_grpc_session_shutdown(rig.session);
    grpc_rig_end(&rig, id);
    grpc_rig_pump(&rig);
    ck_assert(grpc_rig_advance(&rig, 100));
    ck_assert(grpc_rig_stream(&rig, id)->closed);
    ck_assert_int_eq(grpc_rig_stream(&rig, id)->grpc_status, 14);
    ck_assert(nv_grpc_session_done(rig.session));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/otlp_grpc");
    TCase *tc = tcase_create("otlp_grpc");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, R01_export_is_ok_and_full_success_is_empty);
    tcase_add_test(tc, R02_empty_request);
    tcase_add_test(tc, R03_gzip);
    tcase_add_test(tc, R04_malformed_message);
    tcase_add_test(tc, R05_message_over_the_limit);
    tcase_add_loop_test(tc, R05_message_at_the_limit, 0, 2);
    tcase_add_loop_test(tc, R06_unknown_methods, 0, 5);
    tcase_add_test(tc, R08_hundred_calls_at_once);
    tcase_add_loop_test(tc, R09_tokens, 0, 6);
    tcase_add_test(tc, R09_refused_before_the_message);
    tcase_add_test(tc, R10_partial_success);
    tcase_add_loop_test(tc, P07_encodings, 0, 11);
    tcase_add_test(tc, an_encoding_that_may_be_a_key_is_not_shown);
    tcase_add_loop_test(tc, P07_not_grpc, 0, 6);
    tcase_add_loop_test(tc, P07_message_framing, 0, 8);
    tcase_add_test(tc, P07_refusals_are_counted_once);
    tcase_add_test(tc, P07_full_queue_says_when_to_come_back);
    tcase_add_test(tc, P07_not_admitted);
    tcase_add_test(tc, P07_answered_later);
    tcase_add_test(tc, P07_grpc_timeout);
    tcase_add_test(tc, client_gone_before_the_answer);
    tcase_add_test(tc, project_header);
    tcase_add_test(tc, a_project_to_its_length);
    tcase_add_test(tc, out_of_memory);
    tcase_add_loop_test(tc, P09_health_check, 0, 5);
    tcase_add_test(tc, P09_health_watch_stays);
    tcase_add_test(tc, P09_watcher_is_not_at_work);
    tcase_add_test(tc, P09_health_watch_during_shutdown);
    suite_add_tcase(suite, tc);
    return nv_test_run(suite);
}
