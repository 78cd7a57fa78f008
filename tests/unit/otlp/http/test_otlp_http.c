/*
 * OTLP/HTTP over a fake acceptor: what is handed over, what each refusal looks like, and
 * replies that come later or not at all for want of memory.
 */
#include "expect.h"
#include "http_rig.h"
#include "oom.h"

#include "base/log/counters.h"
#include "model/ledger.h"
#include "otlp/http/otlp_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define JSON "Content-Type: application/json\r\n"
#define PROTOBUF "Content-Type: application/x-protobuf\r\n"
/* Two good spans and one without a trace id. */
#define SPAN(id) "{\"traceId\":\"" id "\",\"spanId\":\"0102030405060708\",\"name\":\"s\"}"
#define ID_A "0102030405060708090a0b0c0d0e0f10"
#define SPANS(list) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" list "]}]}]}"
#define GOOD SPANS(SPAN(ID_A) "," SPAN(ID_A))
#define MIXED SPANS(SPAN(ID_A) "," SPAN(""))
#define REJECTED SPANS(SPAN(""))

static struct http_rig rig;
static struct nv_otlp_http *service;
static struct nv_auth *auth;

/* What the fake acceptor does and has seen. */
static struct {
    enum nv_err admit, answer;
    bool later;
    unsigned batches, items;
    enum nv_signal signal;
    char project[300];
    size_t admitted;
    nv_accept_done *done;
    void *done_ctx;
} fake;

static void fake_accept(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    fake.batches++;
    fake.items += batch->item_count;
    fake.signal = batch->signal;
    snprintf(fake.project, sizeof fake.project, "%.*s", NV_STR_ARG(batch->project));
    nv_batch_free(batch);
    fake.done = done;
    fake.done_ctx = done_ctx;
    if (!fake.later)
        done(done_ctx, fake.answer);
}

static enum nv_err fake_admit(void *ctx, size_t bytes)
{
    (void)ctx;
    fake.admitted = bytes;
    return fake.admit;
}

static const struct nv_acceptor acceptor = {.accept = fake_accept, .admit = fake_admit};

static void open_service(const char *token, const char *origins)
{
    struct nv_otlp_http_config config = {
        .acceptor = &acceptor, .max_body_bytes = 10000, .cors_allowed_origins = origins};
    struct nv_http_limits limits;
    memset(&fake, 0, sizeof fake);
    ck_assert_int_eq(nv_auth_new(token, NULL, NULL, &auth), NV_OK);
    config.auth = auth;
    ck_assert_int_eq(nv_otlp_http_new(&config, NULL, &service), NV_OK);
    nv_http_limits_init(&limits);
    limits.body_bytes_max = 10000;
    size_t count;
    const struct nv_http_route *routes = nv_otlp_http_routes(service, &count);
    struct nv_http_hooks hooks = nv_otlp_http_hooks(service);
    nv_count_reset();
    nv_ledger_reset();
    http_rig_open(&rig, routes, count, &limits, &hooks);
}

static void close_service(void)
{
    http_rig_close(&rig);
    nv_otlp_http_free(service);
    nv_auth_free(auth);
}

static int ask(const char *path, const char *headers, const char *body)
{
    char request[4096];
    int len = snprintf(request, sizeof request,
                       "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n%s", path,
                       headers, strlen(body), body);
    http_rig_ask(&rig, (struct nv_str){request, (size_t)len});
    return http_rig_status(&rig, 0);
}

static bool has(const char *part)
{
    return strstr(rig.text, part) != NULL;
}

/* As otlp_http.c has it. */
#define PROJECT_BYTES_MAX NV_BATCH_PROJECT_MAX

/* A longer one is no reason to refuse spans: the configured project stands in. */
START_TEST(a_project_to_its_length)
{
    open_service(NULL, NULL);
    for (size_t more = 0; more < 2; more++) {
        char header[PROJECT_BYTES_MAX + 64] = JSON "X-Noveum-Project: ";
        const size_t before = strlen(header);
        memset(header + before, 'p', PROJECT_BYTES_MAX + more);
        memcpy(header + before + PROJECT_BYTES_MAX + more, "\r\n", 3);
        ck_assert_int_eq(ask("/v1/traces", header, GOOD), 200);
        ck_assert_uint_eq(strlen(fake.project), more == 0 ? PROJECT_BYTES_MAX : 0);
    }
    close_service();
}
END_TEST

START_TEST(good_request_is_handed_over)
{
    open_service(NULL, NULL);
    ck_assert_int_eq(ask("/v1/traces", JSON "X-Noveum-Project: shop\r\n", GOOD), 200);
    ck_assert(has("Content-Type: application/json\r\n") && has("\r\n\r\n{}"));
    ck_assert_uint_eq(fake.batches, 1);
    ck_assert_uint_eq(fake.items, 2);
    ck_assert_int_eq(fake.signal, NV_SIGNAL_TRACES);
    ck_assert_str_eq(fake.project, "shop");
    ck_assert_uint_eq(fake.admitted, strlen(GOOD));
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_OK), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUEST_BYTES), strlen(GOOD));
    ck_assert_int_eq(ask("/", JSON, GOOD), 200);
    ck_assert_str_eq(fake.project, "");
    ck_assert_uint_eq(fake.batches, 2);
    close_service();
}
END_TEST

START_TEST(logs_and_metrics)
{
    open_service(NULL, NULL);
    const char *logs =
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"traceId\":\"" ID_A
        "\",\"body\":{\"stringValue\":\"x\"}}]}]}]}";
    ck_assert_int_eq(ask("/v1/logs", JSON, logs), 200);
    ck_assert_int_eq(fake.signal, NV_SIGNAL_LOGS);
    ck_assert_uint_eq(fake.items, 1);
    ck_assert_int_eq(ask("/v1/metrics", JSON, "{}"), 200);
    ck_assert_int_eq(ask("/v1/metrics", PROTOBUF, ""), 200);
    ck_assert_uint_eq(fake.batches, 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_METRIC_POINTS), 2);
    close_service();
}
END_TEST

START_TEST(nothing_to_keep_is_not_handed_over)
{
    open_service(NULL, NULL);
    fake.answer = NV_ERR_FULL;
    ck_assert_int_eq(ask("/v1/traces", JSON, "{}"), 200);
    ck_assert_int_eq(ask("/v1/traces", PROTOBUF, ""), 200);
    ck_assert_int_eq(ask("/v1/traces", JSON, REJECTED), 200);
    ck_assert(has("\"rejectedSpans\":\"1\""));
    ck_assert_uint_eq(fake.batches, 0);
    close_service();
}
END_TEST

START_TEST(partial_success_is_counted_once_it_is_kept)
{
    struct nv_ledger ledger;
    open_service(NULL, NULL);
    fake.answer = NV_ERR_FULL;
    ck_assert_int_eq(ask("/v1/traces", JSON, MIXED), 503);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.rejected[NV_REJECT_TRACE_ID], 0); /* it comes again */
    fake.answer = NV_OK;
    ck_assert_int_eq(ask("/v1/traces", JSON, MIXED), 200);
    ck_assert(has("resourceSpans[0].scopeSpans[0].spans[1].traceId"));
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.rejected[NV_REJECT_TRACE_ID], 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_PARTIAL), 1);
    close_service();
}
END_TEST

static const struct {
    enum nv_err answer;
    int status;
    const char *retry;
} answers[] = {
    {NV_ERR_BUSY, 429, "Retry-After: 1\r\n"},     {NV_ERR_FULL, 503, "Retry-After: 5\r\n"},
    {NV_ERR_STOPPING, 503, "Retry-After: 2\r\n"}, {NV_ERR_NO_SPACE, 503, "Retry-After: 10\r\n"},
    {NV_ERR_IO, 503, "Retry-After: 5\r\n"},       {NV_ERR_NO_MEMORY, 503, "Retry-After: 5\r\n"},
};

START_TEST(refusal_of_the_acceptor)
{
    open_service(NULL, NULL);
    fake.answer = answers[_i].answer;
    ck_assert_int_eq(ask("/v1/traces", JSON, GOOD), answers[_i].status);
    ck_assert_msg(has(answers[_i].retry), "%s", rig.text);
    ck_assert(has("\"code\":14"));
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_BUSY), 1);
    fake.answer = NV_OK;
    fake.admit = answers[_i].answer;
    fake.batches = 0;
    ck_assert_int_eq(ask("/v1/traces", JSON, GOOD), answers[_i].status);
    ck_assert(has(answers[_i].retry) && has("Connection: close\r\n"));
    ck_assert_uint_eq(fake.batches, 0);
    close_service();
}
END_TEST

static const struct {
    const char *headers, *body;
    int status;
    const char *part;
} refusals[] = {
    {"", "", 415, "\"code\":3"},
    {"Content-Type: text/plain\r\n", "", 415, "application/json"},
    {JSON PROTOBUF, "{}", 415, ""},
    {JSON "Content-Encoding: br\r\n", "{}", 415, "\"code\":12"},
    {JSON "Content-Encoding: gzip, gzip\r\n", "{}", 415, ""},
    {JSON "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", "{}", 415, ""},
    {PROTOBUF "Content-Encoding: br\r\n", "", 415, "application/x-protobuf"},
    {JSON "Content-Encoding: gzip\r\n", "not gzip", 400, "damaged"},
    {JSON, "{", 400, "BadRequest"},
    {JSON, "", 400, "\"code\":3"},
    {PROTOBUF, "\xff", 400, "application/x-protobuf"},
    {JSON, SPANS("{\"kind\":[]}"), 400, "resourceSpans[0].scopeSpans[0].spans[0].kind"},
};

START_TEST(refusal_of_the_request)
{
    open_service(NULL, NULL);
    ck_assert_int_eq(ask("/v1/traces", refusals[_i].headers, refusals[_i].body),
                     refusals[_i].status);
    ck_assert_msg(has(refusals[_i].part), "%s", rig.text);
    ck_assert(!has("Retry-After"));
    ck_assert_uint_eq(fake.batches, 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 1);
    close_service();
}
END_TEST

START_TEST(too_large_after_inflating)
{
    static const char bomb[] = /* gzip of 20,000 spaces */
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f"
        "\xed"
        "\x69\x0b\xa0";
    open_service(NULL, NULL);
    struct nv_buf request;
    nv_buf_init(&request, 4096);
    nv_buf_printf(&request,
                  "POST /v1/traces HTTP/1.1\r\nHost: a\r\n" JSON
                  "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                  sizeof bomb - 1);
    nv_buf_append(&request, bomb, sizeof bomb - 1);
    http_rig_ask(&rig, nv_buf_str(&request));
    ck_assert(http_rig_status(&rig, 0) == 413 || http_rig_status(&rig, 0) == 400);
    nv_buf_release(&request);
    char *body = calloc(1, 10001 + 200);
    int head = snprintf(body, 200,
                        "POST /v1/traces HTTP/1.1\r\nHost: a\r\n" PROTOBUF
                        "Content-Length: 10001\r\n\r\n");
    http_rig_ask(&rig, (struct nv_str){body, (size_t)head + 10001});
    ck_assert_int_eq(http_rig_status(&rig, 0), 413);
    ck_assert(has("application/x-protobuf"));
    free(body);
    close_service();
}
END_TEST

START_TEST(answer_may_come_later)
{
    open_service(NULL, NULL);
    fake.later = true;
    int fd = http_rig_connect(&rig);
    char text[1024];
    int len = snprintf(text, sizeof text,
                       "POST /v1/traces HTTP/1.1\r\nHost: a\r\n" JSON
                       "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
                       strlen(GOOD), GOOD);
    http_rig_send(&rig, fd, (struct nv_str){text, (size_t)len});
    rig.len = 0;
    ck_assert(!http_rig_read(&rig, fd));
    ck_assert_msg(rig.len == 0 && fake.batches == 1, "%s", rig.text);
    fake.done(fake.done_ctx, NV_OK);
    (void)http_rig_read(&rig, fd);
    ck_assert_int_eq(http_rig_status(&rig, 0), 200);
    close(fd);
    close_service();
}
END_TEST

START_TEST(tokens_are_asked_for_first)
{
    open_service("secret", NULL);
    ck_assert_int_eq(ask("/nothing", JSON, "{"), 401);
    ck_assert(has("WWW-Authenticate: Bearer ") && has("\"code\":16"));
    ck_assert_int_eq(ask("/v1/traces", PROTOBUF "Authorization: Bearer secre\r\n", ""), 401);
    ck_assert(has("application/x-protobuf"));
    ck_assert_int_eq(ask("/v1/traces", JSON "authorization: bearer secret\r\n", GOOD), 200);
    ck_assert_int_eq(ask("/v1/traces", JSON "X-API-Key: secret\r\n", GOOD), 200);
    ck_assert_int_eq(
        ask("/v1/traces",
            JSON "Authorization: Bearer secret\r\nAuthorization: Bearer secret\r\n", GOOD),
        401);
    close_service();
}
END_TEST

START_TEST(pages_of_allowed_origins)
{
    open_service("secret", "https://a.org");
    http_rig_ask(&rig,
                 NV_STR("OPTIONS /v1/traces HTTP/1.1\r\nHost: a\r\nOrigin: https://a.org\r\n"
                        "Access-Control-Request-Method: POST\r\n"
                        "Access-Control-Request-Headers: x-a, Content-Type\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 204);
    ck_assert(has("Access-Control-Allow-Origin: https://a.org\r\n"));
    ck_assert(has("Access-Control-Allow-Headers: x-a, Content-Type\r\n"));
    ck_assert(has("Access-Control-Max-Age: 7200\r\n") && has("Vary: Origin\r\n"));
    http_rig_ask(&rig,
                 NV_STR("OPTIONS /v1/traces HTTP/1.1\r\nHost: a\r\nOrigin: https://a.org\r\n"
                        "Access-Control-Request-Method: POST\r\n\r\n"));
    ck_assert(has("Access-Control-Allow-Headers: content-type, "));
    http_rig_ask(&rig,
                 NV_STR("OPTIONS /v1/traces HTTP/1.1\r\nHost: a\r\nOrigin: https://b.org\r\n"
                        "Access-Control-Request-Method: POST\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 204);
    ck_assert(!has("Access-Control-Allow") && has("Vary: Origin\r\n"));
    ck_assert_int_eq(ask("/v1/traces", JSON "Origin: https://a.org\r\n", GOOD), 401);
    ck_assert(has("Access-Control-Allow-Origin: https://a.org\r\n"));
    http_rig_ask(&rig, NV_STR("OPTIONS /v1/traces HTTP/1.1\r\nHost: a\r\n\r\n"));
    ck_assert_int_eq(http_rig_status(&rig, 0), 401); /* no preflight: a token is needed */
    close_service();
}
END_TEST

START_TEST(origins_that_can_not_work_are_refused)
{
    struct nv_otlp_http_config config = {.acceptor = &acceptor,
                                         .cors_allowed_origins = "example.org"};
    struct nv_fail fail = {.code = NV_OK};
    service = NULL;
    ck_assert_int_eq(nv_otlp_http_new(&config, &fail, &service), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "example.org"));
    ck_assert_ptr_null(service);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    char text[1024];
    int len = snprintf(text, sizeof text,
                       "POST /v1/traces HTTP/1.1\r\nHost: a\r\n" JSON
                       "X-Noveum-Project: p\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(MIXED), MIXED);
    for (unsigned long n = 1;; n++) {
        open_service(NULL, NULL); /* anew: else exchange and head would be there already */
        int fd = http_rig_connect(&rig);
        http_rig_send(&rig, fd, NV_STR("")); /* the connection is there */
        rig.len = 0;
        ck_assert_int_eq(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
        oom_fail_nth(n);
        bool closed = http_rig_read(&rig, fd);
        bool failed = oom_end();
        close(fd);
        http_rig_turn(&rig);
        int status = http_rig_status(&rig, 0);
        ck_assert_msg(status == 200 || status == 503 || (closed && rig.len == 0), "%lu: %s", n,
                      rig.text);
        close_service();
        if (!failed) {
            ck_assert_int_eq(status, 200);
            break;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp_http");
    TCase *tcase = tcase_create("otlp_http");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, good_request_is_handed_over);
    tcase_add_test(tcase, a_project_to_its_length);
    tcase_add_test(tcase, logs_and_metrics);
    tcase_add_test(tcase, nothing_to_keep_is_not_handed_over);
    tcase_add_test(tcase, partial_success_is_counted_once_it_is_kept);
    tcase_add_loop_test(tcase, refusal_of_the_acceptor, 0, sizeof answers / sizeof answers[0]);
    tcase_add_loop_test(tcase, refusal_of_the_request, 0, sizeof refusals / sizeof refusals[0]);
    tcase_add_test(tcase, too_large_after_inflating);
    tcase_add_test(tcase, answer_may_come_later);
    tcase_add_test(tcase, tokens_are_asked_for_first);
    tcase_add_test(tcase, pages_of_allowed_origins);
    tcase_add_test(tcase, origins_that_can_not_work_are_refused);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
