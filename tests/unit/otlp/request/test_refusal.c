/*
 * Reasons of refusals: what each status, code and error is, that each is counted and told, that
 * the log is folded, and the hints for wrong paths.
 */
#include "expect.h"

#include "base/log/counters.h"
#include "base/log/log.h"
#include "otlp/request/refusal.h"

#include <stdio.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void keep(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

static unsigned lines_in(const struct nv_buf *buf)
{
    unsigned count = 0;
    for (size_t i = 0; i < buf->len; i++)
        count += buf->bytes[i] == '\n' ? 1 : 0;
    return count;
}

START_TEST(what_each_is)
{
    ck_assert_int_eq(nv_refusal_of_http(400), NV_REFUSAL_MALFORMED);
    ck_assert_int_eq(nv_refusal_of_http(404), NV_REFUSAL_PATH);
    ck_assert_int_eq(nv_refusal_of_http(417), NV_REFUSAL_MALFORMED);
    ck_assert_int_eq(nv_refusal_of_http(431), NV_REFUSAL_TOO_LARGE);
    ck_assert_int_eq(nv_refusal_of_http(500), NV_REFUSAL_INTERNAL);
    ck_assert_int_eq(nv_refusal_of_http(503), NV_REFUSAL_BUSY);
    ck_assert_int_eq(nv_refusal_of_http(505), NV_REFUSAL_PROTOCOL);
    ck_assert_int_eq(nv_refusal_of_grpc(12), NV_REFUSAL_PATH);
    ck_assert_int_eq(nv_refusal_of_grpc(13), NV_REFUSAL_INTERNAL);
    ck_assert_int_eq(nv_refusal_of_grpc(14), NV_REFUSAL_BUSY);
    ck_assert_int_eq(nv_refusal_of_error(NV_ERR_ENCODING), NV_REFUSAL_CONTENT_ENCODING);
    ck_assert_int_eq(nv_refusal_of_error(NV_ERR_MEDIA_TYPE), NV_REFUSAL_CONTENT_TYPE);
    ck_assert_int_eq(nv_refusal_of_error(NV_ERR_UNAUTHENTICATED), NV_REFUSAL_TOKEN);
    ck_assert_int_eq(nv_refusal_of_error(NV_ERR_NO_SPACE), NV_REFUSAL_BUSY);
    ck_assert_int_eq(nv_refusal_of_error(NV_ERR_DEPTH), NV_REFUSAL_MALFORMED);
}
END_TEST

START_TEST(counted_always_told_at_first)
{
    struct nv_buf lines;
    nv_buf_init(&lines, 1u << 16);
    nv_count_reset();
    nv_log_set_sink(keep, &lines);
    for (int i = 0; i < 1000; i++)
        nv_refusal_note("http", NV_REFUSAL_PATH, NV_STR("no \033 path\n"), NV_STR("me"));
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REFUSED_PATH), 1000);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_REFUSED), 1000);
    /* the first, the tenth, the hundredth and the thousandth */
    unsigned told = lines_in(&lines);
    ck_assert_uint_eq(told, 4);
    static const char *const parts[] = {
        "request refused protocol=http reason=path: no \\x1b path; sender=me\n",
        "path; sender=me count=10\n", "path; sender=me count=1000\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(nv_str_find(nv_buf_str(&lines), nv_str_from(parts[i])) != SIZE_MAX,
                      "%.*s", NV_STR_ARG(nv_buf_str(&lines)));
    nv_refusal_note("grpc", NV_REFUSAL_PATH, NV_STR("x"), NV_STR("")); /* folded apart */
    nv_refusal_note("http", NV_REFUSAL_BUSY, NV_STR("y"), NV_STR(""));
    ck_assert_uint_eq(lines_in(&lines), told + 2);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REQUESTS_BUSY), 1);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_REFUSED_BUSY), 1);
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}
END_TEST

START_TEST(senders_without_number_do_not_flood)
{
    struct nv_buf lines;
    char sender[32];
    nv_buf_init(&lines, 1u << 16);
    nv_log_set_sink(keep, &lines);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(sender, sizeof sender, "10.0.%d.%d:1", i / 250, i % 250);
        nv_refusal_note("http", NV_REFUSAL_TOKEN, NV_STR("no"), nv_str_from(sender));
    }
    /* the window of a minute may turn over once in between */
    ck_assert_uint_ge(lines_in(&lines), NV_LOG_BURST);
    ck_assert_uint_le(lines_in(&lines), 2 * NV_LOG_BURST + 1);
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}
END_TEST

START_TEST(rejected_spans_are_told_with_their_sender)
{
    struct nv_buf lines;
    nv_buf_init(&lines, 1u << 16);
    nv_log_set_sink(keep, &lines);
    for (int i = 0; i < 9; i++)
        nv_refusal_note_spans("grpc", 3, NV_STR("no trace id"),
                              NV_STR("10.1.1.1:99 (sdk\033)"));
    ck_assert_uint_eq(lines_in(&lines), 1);
    ck_assert(
        nv_str_find(nv_buf_str(&lines),
                    NV_STR("spans rejected protocol=grpc spans=3, the others are kept: no "
                           "trace id; sender=10.1.1.1:99 (sdk\\x1b)")) != SIZE_MAX);
    nv_log_set_sink(NULL, NULL);
    nv_buf_release(&lines);
}
END_TEST

static const struct {
    const char *path, *hint;
} paths[] = {
    {"/v1/traces/v1/traces", "base URL"},
    {"/v1/v1/traces", "take the /v1 away"},
    {"/traces", "/v1/traces, /v1/logs and /v1/metrics"},
    {"/v1/trace", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
    {"/opentelemetry.proto.collector.trace.v1.TraceService/Export", "gRPC port"},
    {"/metrics/", "OTLP/HTTP is at"},
    {"/healthz", "admin port"},
    {"/api/v2/spans", "Zipkin"},
};

START_TEST(hints_for_paths)
{
    char text[384];
    struct nv_str hint = nv_refusal_path_hint(nv_str_from(paths[_i].path), text, sizeof text);
    ck_assert_uint_lt(hint.len, sizeof text - 1); /* nothing was cut */
    ck_assert_msg(nv_str_find(hint, nv_str_from(paths[_i].hint)) != SIZE_MAX, "%s", text);
}
END_TEST

static const struct {
    const char *said, *shown;
} texts[] = {
    {"", ""},
    {"/", "/"},
    {"/v1/traces/v1/traces", "/v1/traces/v1/traces"},
    {"text/plain; charset=utf-8", "text/plain; charset=utf-8"},
    {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded"},
    {"/v1/ghp_0123456789abcdefghijABCDEFGHIJ012345", "/v1/…"},
    {"/john.smith@corp.com/x", "/…/x"},
    {"/tel/4155552671", "/tel/…"},
    {"/a\nb//c", "/…//c"},
    {"/aaaaaaaaaaaaaaaaaaaaaaaa/b", "/aaaaaaaaaaaaaaaaaaaaaaaa/b"}, /* at the limit */
    {"/aaaaaaaaaaaaaaaaaaaaaaaaa/b", "/…/b"},
    {"/aaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbb/cccc",
     "/aaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbb"},
    /* nothing is left out in its middle */
    {"/aaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbb/c", "/aaaaaaaaaaaaaaaaaaaa/"},
};

START_TEST(what_is_shown_of_what_was_said)
{
    char text[42];
    ck_assert_nv_str(nv_refusal_shown(nv_str_from(texts[_i].said), text, sizeof text),
                     texts[_i].shown);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/refusal");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, what_each_is);
    tcase_add_test(tcase, counted_always_told_at_first);
    tcase_add_test(tcase, senders_without_number_do_not_flood);
    tcase_add_test(tcase, rejected_spans_are_told_with_their_sender);
    tcase_add_loop_test(tcase, hints_for_paths, 0, COUNT(paths));
    tcase_add_loop_test(tcase, what_is_shown_of_what_was_said, 0, COUNT(texts));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
